//! Checks of the columns that `--keep` and `--with` add to the output, and of those that have labels.

use super::{Features, Sequences, Settings};
use crate::error::{Error, Result};
use crate::options::{
    ATTRIBUTE_COLUMNS_MAX, Attribute, JobKind, Layout, OURS, OURS_OF_FEATURES, Source,
    SourceSettings,
};

/// The most passthrough columns of impressions.
const PASSTHROUGH_MAX: usize = 24;

/// Checks that there are not too many added columns, and that their names are unique.
///
/// # Errors
/// If not, naming the column.
pub(super) fn check_columns(own: &Sequences) -> Result<()> {
    let passthrough = || own.keep.iter().map(|column| column.name.as_str());
    let attributes = || own.attributes.iter().map(Attribute::column);
    check_once("--with", attributes())?;
    let is_passthrough = |name: &&str| passthrough().any(|other| other.eq_ignore_ascii_case(name));
    if let Some(name) = attributes().find(is_passthrough) {
        let what = format!("--with and --keep both have \"{name}\"");
        return Err(Error::settings(what));
    }
    check_free(
        "--with",
        own.attribute_columns().map(|column| &*column.name),
    )?;
    let count = own.attribute_columns().len();
    if count > ATTRIBUTE_COLUMNS_MAX {
        return Err(Error::settings(format!(
            "--with names {count} columns of actions; it takes at most {ATTRIBUTE_COLUMNS_MAX}"
        )));
    }
    // A record of text has room for 32 columns, of which impressions need seven. Fields of
    // items are inside one of these, so they do not count.
    if own.keep.iter().filter(|column| !column.of_items).count() > PASSTHROUGH_MAX {
        let what = format!("--keep takes at most {PASSTHROUGH_MAX} columns of impressions");
        return Err(Error::settings(what));
    }
    check_free("--keep", passthrough())?;
    check_once("--keep", passthrough())?;
    if own.layout == Layout::Timeline {
        let mut ours = vec!["history_start"];
        ours.extend(
            own.attributes
                .contains(&Attribute::TimeDelta)
                .then_some("action_time"),
        );
        check_free_of("--keep", &ours, passthrough())?;
        check_free_of("--with", &ours, attributes())?;
    }
    check_renamed(&own.rename)
}

/// Checks that no column is renamed twice, and that no new name is read as a field inside another column.
fn check_renamed(rename: &[(String, String)]) -> Result<()> {
    check_once("--rename", rename.iter().map(|(name, _)| &**name))?;
    match rename.iter().find(|(_, other)| other.contains('.')) {
        None => Ok(()),
        Some((_, other)) => Err(Error::settings(format!(
            "--rename has \"{other}\"; readers take what is behind a dot for a field of a column; \
             choose a name without dots"
        ))),
    }
}

/// Checks that there are not too many kept columns of `features`, and that their names are free.
///
/// # Errors
/// If not, naming the column.
pub(super) fn check_kept(own: &Features) -> Result<()> {
    let names = || own.keep.iter().map(|kept| kept.column.name.as_str());
    for of_listings in [false, true] {
        let kept = own.keep.iter();
        if kept.filter(|kept| kept.of_listings == of_listings).count() > PASSTHROUGH_MAX {
            let what = format!("--keep takes at most {PASSTHROUGH_MAX} columns of a source");
            return Err(Error::settings(what));
        }
    }
    let windows = own.windows.iter().flat_map(|(window, _)| {
        ["listing", "user"].map(|of| format!("prior_{of}_clicks_{window}"))
    });
    let windows: Vec<String> = windows.collect();
    let ours = OURS_OF_FEATURES
        .into_iter()
        .chain(windows.iter().map(String::as_str));
    let ours: Vec<&str> = ours.collect();
    check_free_of("--keep", &ours, names())?;
    check_once("--keep", names())
}

/// Checks that only items of impressions and lists whose elements are rows have separators, which are no empty texts
/// and differ.
///
/// # Errors
/// If not, naming the setting.
pub(super) fn check_separators(
    settings: &Settings,
    source: Source,
    own: &SourceSettings,
) -> Result<()> {
    let given = [
        ("item_separator", &own.item_separator),
        ("label_separator", &own.label_separator),
    ];
    let given = || {
        let some = given.iter();
        some.filter_map(|(key, text)| text.as_ref().map(|text| (*key, text)))
    };
    let Some((key, _)) = given().next() else {
        return Ok(());
    };
    let name = source.name();
    let is_split = match source {
        Source::Impressions => settings.kind() == JobKind::Sequences,
        _ => own.explode.is_some(),
    };
    if !is_split {
        let what = format!(
            "--source {name}.{key} is for the impressions of sequences, and for other sources beside {name}.explode"
        );
        return Err(Error::settings(what));
    }
    if let Some((key, _)) = given().find(|(_, text)| text.is_empty()) {
        let what = format!("--source {name}.{key} is empty; it takes one character or more");
        return Err(Error::settings(what));
    }
    if own.item_separator == own.label_separator {
        let what = "item_separator and label_separator are the same text";
        return Err(Error::settings(what));
    }
    Ok(())
}

/// Checks that the labels of items are in one place.
///
/// # Errors
/// If not, naming two of them.
pub(super) fn check_labels(settings: &Settings) -> Result<()> {
    let is_named = |ours: &&str| {
        let mut columns = settings.columns.iter();
        columns.any(|(source, name, _)| *source == Source::Impressions && name == ours)
    };
    let mut named: Vec<&str> = ["labels", "clicked"].into_iter().filter(is_named).collect();
    let mut own = settings.source_settings.iter();
    let own = own.find(|(source, _)| *source == Source::Impressions);
    if own.is_some_and(|(_, own)| own.label_separator.is_some()) {
        named.push("label_separator");
    }
    match named[..] {
        [first, second, ..] => Err(Error::settings(format!(
            "impressions have labels by {first} or by {second}, not by both"
        ))),
        _ => Ok(()),
    }
}

/// Checks that no column is named twice.
fn check_once<'n>(flag: &str, names: impl Iterator<Item = &'n str>) -> Result<()> {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if seen.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(Error::settings(format!("{flag} names \"{name}\" twice")));
        }
        seen.push(name);
    }
    Ok(())
}

/// Checks that no added column has the name of a column that the output always has.
fn check_free<'n>(flag: &str, names: impl Iterator<Item = &'n str>) -> Result<()> {
    check_free_of(flag, &OURS, names)
}

/// Checks that no added column has one of the names of `ours`.
fn check_free_of<'n>(
    flag: &str,
    ours: &[&str],
    mut names: impl Iterator<Item = &'n str>,
) -> Result<()> {
    let is_ours = |name: &&str| ours.iter().any(|ours| ours.eq_ignore_ascii_case(name));
    match names.find(is_ours) {
        None => Ok(()),
        Some(name) => Err(Error::settings(format!(
            "{flag} has \"{name}\", which is a column of the output already"
        ))),
    }
}
