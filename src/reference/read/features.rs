//! Records to what `features` asks about: impressions of listings, clicks, listings.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Check, LogFile, column, per_file, read};
use crate::error::Result;
use crate::job::{CustomerType, Settings, Source};
use crate::reference::features::{Click, Impression, Listing};
use crate::reference::instant_in;

/// The types of ids: of impressions, users and listings.
type Types = [CustomerType; 3];

/// What was found among clicks.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClicksRead {
    /// Those that are wanted.
    pub(crate) clicks: Vec<Click>,
    /// Good ones, wanted or not.
    pub(crate) count: u64,
    /// Of them, those that say who clicked.
    pub(crate) with_user: u64,
    /// The latest of all, in microseconds since the epoch.
    pub(crate) latest: Option<i64>,
}

/// The impressions with some ids, in the order of files and records.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn shown_listings(
    settings: &Settings,
    types: Types,
    files: &[LogFile],
    is_wanted: &(dyn Fn(&str) -> bool + Sync),
    check: Check<'_>,
) -> Result<Vec<Impression>> {
    let ours = ["impression_id", "user_id", "listing_id", "impression_ts"];
    let names = ours.map(|ours| column(settings, Source::Impressions, ours));
    let is_shown = |source| source == Source::Impressions;
    let found = per_file(files, is_shown, |file| {
        let mut found = Vec::new();
        read(
            (file, &settings.null_values),
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
                    found.push(Impression {
                        id: own,
                        user,
                        listing,
                        time,
                    });
                }
                Ok(())
            },
        )?;
        Ok(found)
    })?;
    Ok(found.concat())
}

/// The clicks on some listings or of some users, and what is to be known of all of them.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn clicks(
    settings: &Settings,
    types: Types,
    files: &[LogFile],
    is_wanted: &(dyn Fn(Option<&str>, &str) -> bool + Sync),
    check: Check<'_>,
) -> Result<ClicksRead> {
    let ours = ["user_id", "listing_id", "click_ts"];
    let names = ours.map(|ours| column(settings, Source::Clicks, ours));
    let is_click = |source| source == Source::Clicks;
    let found = per_file(files, is_click, |file| {
        let mut found = ClicksRead::default();
        read(
            (file, &settings.null_values),
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
                found.count += 1;
                found.with_user += u64::from(user.is_some());
                let at = instant_in(settings.zone_name(), time);
                found.latest = found.latest.max(Some(at));
                if is_wanted(user.as_deref(), &listing) {
                    found.clicks.push(Click {
                        user,
                        listing,
                        time,
                    });
                }
                Ok(())
            },
        )?;
        Ok(found)
    })?;
    let mut all = ClicksRead::default();
    for found in found {
        all.clicks.extend(found.clicks);
        all.count += found.count;
        all.with_user += found.with_user;
        all.latest = all.latest.max(found.latest);
    }
    Ok(all)
}

/// Some listings: of each the first row that is good, in the order of files and records.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn listings(
    settings: &Settings,
    types: Types,
    files: &[LogFile],
    is_wanted: &dyn Fn(&str) -> bool,
    check: Check<'_>,
) -> Result<Vec<Listing>> {
    let ours = ["listing_id", "category", "price", "created_ts"];
    let names = ours.map(|ours| column(settings, Source::Listings, ours));
    let files = files.iter().filter(|file| file.source == Source::Listings);
    let mut files: Vec<&LogFile> = files.collect();
    files.sort_by_key(|file| Path::new(&file.shown));
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for file in files {
        read(
            (file, &settings.null_values),
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
                    found.push(Listing {
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
    Ok(found)
}
