//! `features` once more: for each impression, a walk over all clicks and all listings.
//!
//! **In / Out**: rows of three logs → a [`Row`] per impression, in no particular order.
//! **Invariants**: as of the other twin: no code of the engine, and a line per rule of SPEC.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::{DAY_US, LogTime, east_us, instant};

/// A row of impressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impression {
    /// Its id.
    pub id: String,
    /// To whom.
    pub user: String,
    /// What was shown.
    pub listing: String,
    /// When.
    pub time: LogTime,
}

/// A row of clicks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Click {
    /// By whom, if known.
    pub user: Option<String>,
    /// On what.
    pub listing: String,
    /// When.
    pub time: LogTime,
}

/// A row of listings.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Its id.
    pub listing: String,
    /// What it is.
    pub category: Option<String>,
    /// What it costs.
    pub price: Option<f64>,
    /// Since when it is there.
    pub created: Option<LogTime>,
}

/// The settings that decide about rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Windows of prior counts, in microseconds.
    pub windows_us: Vec<i64>,
    /// How long after an impression a click makes its label, in microseconds.
    pub label_window_us: i64,
    /// Anybody's click on the listing is a label.
    pub anybody: bool,
    /// Up to when clicks are complete, if not up to the latest.
    pub data_end_us: Option<i64>,
    /// The first and the last day of impressions, days since 1970-01-01.
    pub days: (i32, i32),
    /// The zone of days and wall times.
    pub timezone: String,
    /// Of clicks alike in user, listing and time, one counts.
    pub once: bool,
}

/// A row of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The day, days since 1970-01-01.
    pub day: i32,
    /// When, in microseconds since the epoch.
    pub time_us: i64,
    /// The id of the impression.
    pub id: String,
    /// To whom.
    pub user: String,
    /// What was shown.
    pub listing: String,
    /// What it is.
    pub category: Option<String>,
    /// What it costs.
    pub price: Option<f64>,
    /// Days from its making to the impression.
    pub age_days: Option<i32>,
    /// Prior clicks on the listing: all, then of each window.
    pub of_listing: Vec<i64>,
    /// Prior clicks of the user, unless no click says who clicked.
    pub of_user: Option<Vec<i64>>,
    /// Whether a click followed.
    pub clicked: bool,
    /// Whether clicks are complete for as long as one could follow.
    pub label_complete: bool,
}

/// All rows, in no particular order.
///
/// # Panics
/// If the zone is unknown, or a day is out of the calendar.
pub fn features(
    rules: &Rules,
    shown: &[Impression],
    clicks: &[Click],
    listings: &[Listing],
) -> Vec<Row> {
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let mut clicks: Vec<(&Click, i64)> = clicks
        .iter()
        .map(|click| (click, instant(&zone, click.time)))
        .collect();
    if rules.once {
        let mut seen = BTreeSet::new();
        clicks.retain(|(click, time)| seen.insert((&click.user, &click.listing, *time)));
    }
    let data_end = rules
        .data_end_us
        .or_else(|| clicks.iter().map(|(_, time)| *time).max());
    let has_users = clicks.is_empty() || clicks.iter().any(|(click, _)| click.user.is_some());
    let mut rows = Vec::new();
    for impression in shown {
        let time = instant(&zone, impression.time);
        let day = day_of(&zone, time);
        if day < rules.days.0 || rules.days.1 < day {
            continue;
        }
        let is_of_listing = |click: &Click| click.listing == impression.listing;
        let is_of_user = |click: &Click| click.user.as_ref() == Some(&impression.user);
        let answers = |click: &Click| is_of_listing(click) && (rules.anybody || is_of_user(click));
        let end = time.saturating_add(rules.label_window_us);
        let listing = listings.iter().find(|of| of.listing == impression.listing);
        let created = listing.and_then(|of| of.created);
        rows.push(Row {
            day,
            time_us: time,
            id: impression.id.clone(),
            user: impression.user.clone(),
            listing: impression.listing.clone(),
            category: listing.and_then(|of| of.category.clone()),
            price: listing.and_then(|of| of.price),
            age_days: created.map(|created| day - day_of(&zone, instant(&zone, created))),
            of_listing: prior(rules, &clicks, time, is_of_listing),
            of_user: has_users.then(|| prior(rules, &clicks, time, is_of_user)),
            clicked: clicks
                .iter()
                .any(|(click, at)| answers(click) && time < *at && *at <= end),
            label_complete: data_end.is_some_and(|data_end| end <= data_end),
        });
    }
    rows
}

/// How many of some clicks are prior to a time: all, then of each window.
fn prior(
    rules: &Rules,
    clicks: &[(&Click, i64)],
    time: i64,
    is_asked: impl Fn(&Click) -> bool,
) -> Vec<i64> {
    let count = |from: i64| {
        let of = |(click, at): &&(&Click, i64)| is_asked(click) && from <= *at && *at < time;
        i64::try_from(clicks.iter().filter(of).count()).expect("few clicks")
    };
    let windows = rules
        .windows_us
        .iter()
        .map(|window| count(time.saturating_sub(*window)));
    std::iter::once(count(i64::MIN)).chain(windows).collect()
}

/// The local day of an instant.
fn day_of(zone: &TimeZone, time: i64) -> i32 {
    let local = time + east_us(zone, time);
    i32::try_from(local.div_euclid(DAY_US)).expect("a day")
}
