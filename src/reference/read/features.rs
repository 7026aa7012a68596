//! Reads the impressions, clicks and listings of `features`.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Check, LogFile, column, of_source, per_file, read};
use crate::error::Result;
use crate::job::{CustomerType, Settings, Source};
use crate::reference::features::{ListingImpression, LogClick, LogListing};
use crate::reference::instant_in;

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
    let names = ours.map(|ours| column(settings, Source::Impressions, ours));
    let is_impressions = |source| source == Source::Impressions;
    let per_file = per_file(files, is_impressions, |file| {
        let mut impressions = Vec::new();
        read(
            file,
            &settings.null_values,
            &names,
            check,
            &mut |_, cells| {
                let id = |at: usize| cells[at].table_id(names[at], types[at]).ok().flatten();
                let (Some(own), Some(user), Some(listing)) = (id(0), id(1), id(2)) else {
                    return Ok(());
                };
                if let Ok(Some((time, _))) = cells[3].time(names[3], settings)
                    && is_wanted(&own)
                {
                    impressions.push(ListingImpression {
                        id: own,
                        user,
                        listing,
                        time,
                    });
                }
                Ok(())
            },
        )?;
        Ok(impressions)
    })?;
    Ok(per_file.concat())
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
        read(
            file,
            &settings.null_values,
            &names,
            check,
            &mut |_, cells| {
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
            },
        )?;
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

/// Some listings: of each the first row that is not bad, in the order of files and records.
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
    let names = ours.map(|ours| column(settings, Source::Listings, ours));
    let files = files.iter().filter(|file| file.source == Source::Listings);
    let mut files: Vec<&LogFile> = files.collect();
    // One after the other, as the first row of a listing counts. The order is that of the engine,
    // by components: as texts, `a-b/x` would come before `a/x`.
    files.sort_by_key(|file| Path::new(&file.display_path));
    let (mut seen, mut listings) = (BTreeSet::new(), Vec::new());
    for file in files {
        read(
            file,
            &settings.null_values,
            &names,
            check,
            &mut |_, cells| {
                let Ok(Some(listing)) = cells[0].table_id(names[0], types[2]) else {
                    return Ok(());
                };
                let category = cells[1].name(names[1]);
                let price = cells[2].number(names[2]);
                let created = cells[3].time(names[3], settings);
                let (Ok(category), Ok(price), Ok(created)) = (category, price, created) else {
                    return Ok(());
                };
                if is_wanted(&listing) && seen.insert(listing.clone()) {
                    listings.push(LogListing {
                        listing,
                        category,
                        price,
                        created: created.map(|(time, _)| time),
                    });
                }
                Ok(())
            },
        )?;
    }
    Ok(listings)
}
