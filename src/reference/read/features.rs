//! Reads the impressions, clicks and listings of `features`.

use std::collections::BTreeSet;
use std::path::Path;

use super::cell::LogCell;
use super::{Check, LogFile, column, of_source, per_file, read};
use crate::error::Result;
use crate::job::{CustomerType, Passthrough, Settings, Source};
use crate::reference::features::{ListingImpression, LogClick, LogListing};
use crate::reference::{LogTime, instant_in};

/// The id types of impressions, users and listings.
type FeatureIdTypes = [CustomerType; 3];

/// The requested clicks, and facts about all clicks.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClicksRead {
    /// The requested clicks.
    pub(crate) clicks: Vec<LogClick>,
    /// The number of all clicks, without bad rows.
    pub(crate) count: u64,
    /// Those of them that have a user.
    pub(crate) with_user: u64,
    /// The latest time of all, in microseconds since the epoch.
    pub(crate) latest: Option<i64>,
}

/// The impressions with some ids, in the order of files and records.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn listing_impressions(
    settings: &Settings,
    types: FeatureIdTypes,
    files: &[LogFile],
    is_wanted: &(dyn Fn(&str) -> bool + Sync),
    check: Check<'_>,
) -> Result<Vec<ListingImpression>> {
    let settings = &of_source(settings, Source::Impressions);
    let ours = ["impression_id", "user_id", "listing_id", "impression_ts"];
    let mut names = ours
        .map(|ours| column(settings, Source::Impressions, ours))
        .to_vec();
    let keep = settings.features().keep.iter();
    let keep: Vec<&Passthrough> = keep
        .filter(|kept| !kept.of_listings)
        .map(|kept| &kept.column)
        .collect();
    names.extend(keep.iter().map(|column| column.name.as_str()));
    let is_impressions = |source| source == Source::Impressions;
    let per_file = per_file(files, is_impressions, |file| {
        let mut impressions = Vec::new();
        read(file, settings, &names, check, &mut |_, cells| {
            let id = |at: usize| cells[at].table_id(names[at], types[at]).ok().flatten();
            let (Some(own), Some(user), Some(listing)) = (id(0), id(1), id(2)) else {
                return Ok(());
            };
            let kept = passthrough(settings, &keep, &cells[4..]);
            if let (Ok(Some((time, _))), Some(kept)) = (cells[3].time(names[3], settings), kept)
                && is_wanted(&own)
            {
                impressions.push(ListingImpression {
                    id: own,
                    user,
                    listing,
                    time,
                    kept,
                });
            }
            Ok(())
        })?;
        Ok(impressions)
    })?;
    Ok(per_file.concat())
}

/// The kept columns of a record, as texts; nothing if one of them makes it a bad row.
fn passthrough(
    settings: &Settings,
    keep: &[&Passthrough],
    cells: &[LogCell],
) -> Option<Vec<Option<String>>> {
    let values = keep.iter().zip(cells);
    let values = values.map(|(own, cell)| cell.passthrough(settings, own).ok());
    values.collect()
}

/// The clicks on some listings or of some users, and facts about all clicks.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn clicks(
    settings: &Settings,
    types: FeatureIdTypes,
    files: &[LogFile],
    is_wanted: &(dyn Fn(Option<&str>, &str) -> bool + Sync),
    check: Check<'_>,
) -> Result<ClicksRead> {
    let settings = &of_source(settings, Source::Clicks);
    let ours = ["user_id", "listing_id", "click_ts"];
    let names = ours.map(|ours| column(settings, Source::Clicks, ours));
    let is_clicks = |source| source == Source::Clicks;
    let per_file = per_file(files, is_clicks, |file| {
        let mut in_file = ClicksRead::default();
        read(file, settings, &names, check, &mut |_, cells| {
            let Ok(user) = cells[0].table_id(names[0], types[1]) else {
                return Ok(());
            };
            let Ok(Some(listing)) = cells[1].table_id(names[1], types[2]) else {
                return Ok(());
            };
            let Ok(Some((time, _))) = cells[2].time(names[2], settings) else {
                return Ok(());
            };
            // Of all clicks, wanted or not: where the data ends and whether any click has a
            // user is not a matter of one row.
            in_file.count += 1;
            in_file.with_user += u64::from(user.is_some());
            let at = instant_in(settings.zone_name(), time);
            in_file.latest = in_file.latest.max(Some(at));
            if is_wanted(user.as_deref(), &listing) {
                in_file.clicks.push(LogClick {
                    user,
                    listing,
                    time,
                });
            }
            Ok(())
        })?;
        Ok(in_file)
    })?;
    let mut all = ClicksRead::default();
    for file in per_file {
        all.clicks.extend(file.clicks);
        all.count += file.count;
        all.with_user += file.with_user;
        all.latest = all.latest.max(file.latest);
    }
    Ok(all)
}

/// The last instant at which what a time says may not have been known: a date is known when its day is over.
fn known_after(settings: &Settings, time: LogTime) -> i64 {
    let at = instant_in(settings.zone_name(), time);
    match time {
        LogTime::Date(day) => {
            let next = instant_in(settings.zone_name(), LogTime::Date(day + 1));
            at.max(next - 1)
        }
        _ => at,
    }
}

/// Some listings: of each, or of each and each time from when a row holds, the first row that is not bad, in the
/// order of files and records.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn listings(
    settings: &Settings,
    types: FeatureIdTypes,
    files: &[LogFile],
    is_wanted: &dyn Fn(&str) -> bool,
    check: Check<'_>,
) -> Result<Vec<LogListing>> {
    let settings = &of_source(settings, Source::Listings);
    let ours = ["listing_id", "category", "price", "created_ts"];
    let mut names = ours
        .map(|ours| column(settings, Source::Listings, ours))
        .to_vec();
    let as_of = settings.features().listings_as_of.as_deref();
    names.extend(as_of);
    let first_kept = names.len();
    let keep = settings.features().keep.iter();
    let keep: Vec<&Passthrough> = keep
        .filter(|kept| kept.of_listings)
        .map(|kept| &kept.column)
        .collect();
    names.extend(keep.iter().map(|column| column.name.as_str()));
    let files = files.iter().filter(|file| file.source == Source::Listings);
    let mut files: Vec<&LogFile> = files.collect();
    // One after the other, as the first row of a listing counts. The order is that of the engine,
    // by components: as texts, `a-b/x` would come before `a/x`.
    files.sort_by_key(|file| Path::new(&file.display_path));
    let (mut seen, mut listings) = (BTreeSet::new(), Vec::new());
    for file in files {
        read(file, settings, &names, check, &mut |_, cells| {
            let Ok(Some(listing)) = cells[0].table_id(names[0], types[2]) else {
                return Ok(());
            };
            let category = cells[1].name(names[1]);
            let price = cells[2].number(names[2]);
            let created = cells[3].time(names[3], settings);
            let (Ok(category), Ok(price), Ok(created)) = (category, price, created) else {
                return Ok(());
            };
            let mut holds_from = None;
            if as_of.is_some() {
                let Ok(Some((time, _))) = cells[4].time(names[4], settings) else {
                    return Ok(());
                };
                holds_from = Some(time);
            }
            let Some(kept) = passthrough(settings, &keep, &cells[first_kept..]) else {
                return Ok(());
            };
            let row = (listing, holds_from.map(|time| known_after(settings, time)));
            if is_wanted(&row.0) && seen.insert(row.clone()) {
                listings.push(LogListing {
                    listing: row.0,
                    category,
                    price,
                    created: created.map(|(time, _)| time),
                    holds_from,
                    kept,
                });
            }
            Ok(())
        })?;
    }
    Ok(listings)
}
