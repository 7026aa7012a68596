//! Which columns the impressions of `sequences` have, and whether a row is one item or has a list of them.

use crate::error::{Error, Result};
use crate::job::{Settings, Source};
use crate::reference::read::cell::LogCell;
use crate::reference::read::sequences::{item_and_times, log_of};
use crate::reference::read::{Check, LogFile, column, read};

/// Records that are looked at, of files whose columns are not named before them.
const RECORDS_MAX: u64 = 1000;

/// The columns of impressions, as their files name them.
pub(super) struct ShownNames<'a> {
    pub(super) dt: &'a str,
    /// Of several the first that is not null counts.
    pub(super) times: Vec<&'a str>,
    pub(super) customer: &'a str,
    pub(super) ranking: &'a str,
    pub(super) list: &'a str,
    /// The lists of labels and of clicked items.
    pub(super) roles: [&'a str; 2],
    pub(super) item: &'a str,
    /// Nothing if labels are null whatever the files have.
    pub(super) label: Option<&'a str>,
    pub(super) position: &'a str,
    /// The rows that count, by column and values.
    pub(super) only: Vec<&'a (String, Vec<String>)>,
}

/// Our name in a source of actions of what impressions call `ours`.
fn of_actions(source: Source, ours: &str) -> &str {
    match (source, ours) {
        (Source::Carts | Source::Orders, "item_id") => "config_id",
        _ => ours,
    }
}

/// What a file of impressions has.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) is_flat: bool,
    pub(super) has_ranking: bool,
    pub(super) has_position: bool,
}

/// Whether the settings name a column of impressions.
fn is_given(settings: &Settings, ours: &str) -> bool {
    let mut given = settings.columns.iter();
    given.any(|(source, name, _)| *source == Source::Impressions && name == ours)
}

impl<'a> ShownNames<'a> {
    /// The names in files of impressions.
    pub(super) fn new(settings: &'a Settings) -> ShownNames<'a> {
        let own = settings.sequences();
        let name = |ours: &'static str| match own.impressions_from {
            Some(log) if !is_given(settings, ours) => column(settings, log, of_actions(log, ours)),
            _ => column(settings, Source::Impressions, ours),
        };
        let times = match own.impressions_from {
            None => vec![name("impression_time")],
            Some(log) => {
                let (_, mut times) = item_and_times(settings, log);
                if is_given(settings, "impression_time") {
                    times[0] = name("impression_time");
                }
                times
            }
        };
        let has_label = own.impressions_from.is_none() || is_given(settings, "is_order");
        let mut only = own.impressions_where.iter().collect::<Vec<_>>();
        if let Some(log) = own.impressions_from {
            only.extend(&log_of(settings, log).1.only);
        }
        ShownNames {
            dt: name("dt"),
            times,
            only,
            customer: name("customer_id"),
            ranking: name("ranking_id"),
            list: name("impressions"),
            roles: ["labels", "clicked"].map(name),
            item: name("item_id"),
            label: Some(name("is_order")).filter(|_| has_label && !own.no_labels),
            position: name("position"),
        }
    }
}

/// What a file of impressions has.
///
/// # Errors
/// If the caller asks for an end.
pub(super) fn shape_of(
    settings: &Settings,
    names: &ShownNames<'_>,
    file: &LogFile,
    check: Check<'_>,
) -> Result<Shape> {
    if settings.sequences().impressions_from.is_some() {
        return Ok(Shape {
            is_flat: true,
            has_ranking: false,
            has_position: false,
        });
    }
    let label = names.label.unwrap_or(names.item);
    let columns = [names.list, names.item, names.ranking, names.position, label];
    let mut has = [false; 5];
    let result = read(file, settings, &columns, check, &mut |record, cells| {
        for (has, cell) in has.iter_mut().zip(cells) {
            *has |= *cell != LogCell::Missing;
        }
        match record {
            RECORDS_MAX.. => Err(Error::settings("the others are not looked at")),
            _ => Ok(()),
        }
    });
    check()?;
    // What is wrong with the file is found when all of it is read.
    drop(result);
    let [has_list, has_item, has_ranking, has_position, has_label] = has;
    let has_label = has_label || names.label.is_none();
    let is_shown = has_ranking || has_position || has_label || is_given(settings, "item_id");
    Ok(Shape {
        is_flat: has_item && !has_list && !is_given(settings, "impressions") && is_shown,
        has_ranking: has_ranking || is_given(settings, "ranking_id"),
        has_position: has_position || is_given(settings, "position"),
    })
}
