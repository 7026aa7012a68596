//! The reference for `features`: clicks are sorted once, and each impression counts those before and
//! after it.
//!
//! **In / Out**: rows of three logs → a [`FeatureRow`] per impression, in no particular order.
//! **Invariants**: no code of the engine; each rule of SPEC is one line here.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::{DAY_US, LogTime, east_us, instant};

/// A row of impressions, each of one listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingImpression {
    /// The impression id.
    pub id: String,
    /// The user id.
    pub user: String,
    /// The shown listing.
    pub listing: String,
    /// When it was shown.
    pub time: LogTime,
    /// The kept columns, as texts.
    pub kept: Vec<Option<String>>,
}

/// A row of clicks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogClick {
    /// The user id, if known.
    pub user: Option<String>,
    /// The clicked listing.
    pub listing: String,
    /// When it happened.
    pub time: LogTime,
}

/// A row of listings.
#[derive(Clone, Debug, PartialEq)]
pub struct LogListing {
    /// The listing id.
    pub listing: String,
    /// Its category.
    pub category: Option<String>,
    /// Its price.
    pub price: Option<f64>,
    /// When it was created.
    pub created: Option<LogTime>,
    /// From when the row holds, if a listing has several.
    pub holds_from: Option<LogTime>,
    /// The kept columns, as texts.
    pub kept: Vec<Option<String>>,
}

/// The settings that decide about rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureRules {
    /// Windows of prior counts, in microseconds.
    pub windows_us: Vec<i64>,
    /// How long after an impression a click sets its label, in microseconds.
    pub label_window_us: i64,
    /// A click of any user on the listing sets the label.
    pub anybody: bool,
    /// Until when clicks are complete; if not given, until the latest click.
    pub data_end_us: Option<i64>,
    /// The first and the last day of impressions, days since 1970-01-01.
    pub days: (i32, i32),
    /// The zone of days and wall times.
    pub timezone: String,
    /// Of clicks equal in user, listing and time, one counts.
    pub once: bool,
    /// Of several rows of a listing, the newest that holds before the impression counts.
    pub as_of: bool,
    /// Of each kept column whether it is of listings; else it is of impressions.
    pub kept_of_listings: Vec<bool>,
}

/// A row of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureRow {
    /// Days since 1970-01-01.
    pub day: i32,
    /// The time of the impression, in microseconds since the epoch.
    pub time_us: i64,
    /// The impression id.
    pub id: String,
    /// The user id.
    pub user: String,
    /// The shown listing.
    pub listing: String,
    /// Its category.
    pub category: Option<String>,
    /// Its price.
    pub price: Option<f64>,
    /// Days from its creation to the impression.
    pub age_days: Option<i32>,
    /// Prior clicks on the listing: all, then in each window.
    pub of_listing: Vec<i64>,
    /// Prior clicks of the user; nothing if no click has a user.
    pub of_user: Option<Vec<i64>>,
    /// The label: whether a click followed.
    pub clicked: bool,
    /// Whether clicks are complete until the end of the label window.
    pub label_complete: bool,
    /// The kept columns, as texts.
    pub kept: Vec<Option<String>>,
}

/// The times of clicks, ascending: by listing, by user, and by both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderedClicks {
    of_listing: BTreeMap<String, Vec<i64>>,
    of_user: BTreeMap<String, Vec<i64>>,
    /// By listing, then by user.
    of_both: BTreeMap<String, BTreeMap<String, Vec<i64>>>,
    latest: Option<i64>,
    /// Whether some click has a user, or there are no clicks.
    has_users: bool,
}

/// All rows, in no particular order.
///
/// # Panics
/// If the zone is unknown, or a day is out of the calendar.
pub fn features(
    rules: &FeatureRules,
    impressions: &[ListingImpression],
    clicks: &[LogClick],
    listings: &[LogListing],
) -> Vec<FeatureRow> {
    let clicks = OrderedClicks::new(rules, clicks);
    let mut by_id: BTreeMap<&str, Vec<&LogListing>> = BTreeMap::new();
    for listing in listings {
        by_id.entry(&listing.listing).or_default().push(listing);
    }
    let rows = impressions.iter().filter_map(|impression| {
        let listings = by_id.get(impression.listing.as_str());
        let listings = listings.into_iter().flatten().copied();
        clicks.row(rules, impression, listing_at(rules, impression, listings))
    });
    rows.collect()
}

/// The row of a listing that an impression of it has, of those that the files have.
///
/// # Panics
/// As [`features`].
pub fn listing_at<'l>(
    rules: &FeatureRules,
    impression: &ListingImpression,
    mut listings: impl Iterator<Item = &'l LogListing>,
) -> Option<&'l LogListing> {
    if !rules.as_of {
        // Of several rows with one id the first counts.
        return listings.next();
    }
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let shown = instant(&zone, impression.time);
    let known = |listing: &LogListing| match listing.holds_from.expect("each row has a time") {
        // What is dated is known when the day is over.
        LogTime::Date(day) => {
            let over = instant(&zone, LogTime::Date(day + 1)) - 1;
            over.max(instant(&zone, LogTime::Date(day)))
        }
        time => instant(&zone, time),
    };
    let prior = listings.filter(|listing| known(listing) < shown);
    prior.max_by_key(|listing| known(listing))
}

impl OrderedClicks {
    /// Sorts clicks.
    ///
    /// # Panics
    /// As [`features`].
    pub fn new(rules: &FeatureRules, clicks: &[LogClick]) -> OrderedClicks {
        let zone = TimeZone::get(&rules.timezone).expect("a known zone");
        let mut all = OrderedClicks {
            // Without clicks, 0 is a true count. Null is for clicks of which none names a user.
            has_users: clicks.is_empty(),
            ..OrderedClicks::default()
        };
        let mut seen = BTreeSet::new();
        for click in clicks {
            let at = instant(&zone, click.time);
            if rules.once && !seen.insert((&click.user, &click.listing, at)) {
                continue;
            }
            all.latest = all.latest.max(Some(at));
            add(&mut all.of_listing, &click.listing).push(at);
            if let Some(user) = &click.user {
                all.has_users = true;
                add(&mut all.of_user, user).push(at);
                add(add(&mut all.of_both, &click.listing), user).push(at);
            }
        }
        let of_both = all.of_both.values_mut().flat_map(BTreeMap::values_mut);
        let others = all.of_listing.values_mut().chain(all.of_user.values_mut());
        of_both
            .chain(others)
            .for_each(|times| times.sort_unstable());
        all
    }

    /// The row of an impression of a requested day, given its listing, if there is one.
    ///
    /// # Panics
    /// As [`features`].
    pub fn row(
        &self,
        rules: &FeatureRules,
        impression: &ListingImpression,
        listing: Option<&LogListing>,
    ) -> Option<FeatureRow> {
        let zone = TimeZone::get(&rules.timezone).expect("a known zone");
        let time = instant(&zone, impression.time);
        let day = day_of(&zone, time);
        if day < rules.days.0 || rules.days.1 < day {
            return None;
        }
        let of_listing = times(self.of_listing.get(&impression.listing));
        let of_user = times(self.of_user.get(&impression.user));
        let of_both = self.of_both.get(&impression.listing);
        let of_both = times(of_both.and_then(|users| users.get(&impression.user)));
        let labelling = if rules.anybody { of_listing } else { of_both };
        let end = time.saturating_add(rules.label_window_us);
        let data_end = rules.data_end_us.or(self.latest);
        let created = listing.and_then(|listing| listing.created);
        Some(FeatureRow {
            day,
            time_us: time,
            id: impression.id.clone(),
            user: impression.user.clone(),
            listing: impression.listing.clone(),
            category: listing.and_then(|listing| listing.category.clone()),
            price: listing.and_then(|listing| listing.price),
            // Days of the calendar, not of 24 hours: the difference of two local dates.
            age_days: created.map(|created| day - day_of(&zone, instant(&zone, created))),
            of_listing: prior(rules, of_listing, time),
            of_user: self.has_users.then(|| prior(rules, of_user, time)),
            // Both bounds by `until`: a click at the impression is neither prior nor a label, one
            // at the end of the window is a label.
            clicked: until(labelling, time) < until(labelling, end),
            label_complete: data_end.is_some_and(|data_end| end <= data_end),
            kept: kept(rules, impression, listing),
        })
    }
}

/// The kept columns of an impression and its listing, in the order of the output.
fn kept(
    rules: &FeatureRules,
    impression: &ListingImpression,
    listing: Option<&LogListing>,
) -> Vec<Option<String>> {
    let mut of_impression = impression.kept.iter();
    let mut of_listing = listing.map(|listing| listing.kept.iter());
    let columns = rules.kept_of_listings.iter().map(|is_of_listings| {
        let value = if *is_of_listings {
            of_listing.as_mut().and_then(Iterator::next)
        } else {
            of_impression.next()
        };
        value.cloned().flatten()
    });
    columns.collect()
}

/// The value of a key, inserted if it is missing. Unlike `entry`, it clones the key only then.
fn add<'m, T: Default>(map: &'m mut BTreeMap<String, T>, name: &str) -> &'m mut T {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), T::default());
    }
    map.get_mut(name).expect("inserted above")
}

/// Times, or none.
fn times(times: Option<&Vec<i64>>) -> &[i64] {
    times.map_or(&[], Vec::as_slice)
}

/// The number of ascending times before `end`.
fn before(times: &[i64], end: i64) -> usize {
    times.partition_point(|time| *time < end)
}

/// The number of ascending times up to and including `end`.
fn until(times: &[i64], end: i64) -> usize {
    times.partition_point(|time| *time <= end)
}

/// The number of ascending times before `time`: all, then in each window.
fn prior(rules: &FeatureRules, times: &[i64], time: i64) -> Vec<i64> {
    let count = |from: i64| {
        let count = before(times, time).saturating_sub(before(times, from));
        i64::try_from(count).expect("few clicks")
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Prior clicks on the listing, prior clicks of the user and the label, by a walk over all clicks.
    fn walked(
        rules: &FeatureRules,
        impression: &ListingImpression,
        clicks: &[LogClick],
    ) -> (Vec<i64>, Vec<i64>, bool) {
        let at = |time: LogTime| match time {
            LogTime::Instant(at) => at,
            _ => unreachable!("all are instants"),
        };
        let (time, window) = (at(impression.time), rules.windows_us[0]);
        let (mut of_listing, mut of_user, mut clicked) = (vec![0, 0], vec![0, 0], false);
        for click in clicks {
            let on_listing = click.listing == impression.listing;
            let by_user = click.user.as_ref() == Some(&impression.user);
            for (is_it, counts) in [(on_listing, &mut of_listing), (by_user, &mut of_user)] {
                let is_prior = is_it && at(click.time) < time;
                counts[0] += i64::from(is_prior);
                counts[1] += i64::from(is_prior && time - window <= at(click.time));
            }
            let is_after = time < at(click.time) && at(click.time) <= time + rules.label_window_us;
            clicked |= is_after && on_listing && (rules.anybody || by_user);
        }
        (of_listing, of_user, clicked)
    }

    #[test]
    fn rows_are_those_of_a_walk_over_all_clicks() {
        let name = |number: i64| number.to_string();
        for round in 0..300_i64 {
            let rules = FeatureRules {
                windows_us: vec![round % 5],
                label_window_us: round % 7,
                anybody: round % 2 == 0,
                data_end_us: None,
                days: (i32::MIN, i32::MAX),
                timezone: "UTC".to_owned(),
                once: round % 3 == 0,
                as_of: false,
                kept_of_listings: Vec::new(),
            };
            let click = |at: i64| LogClick {
                user: (at % 5 > 0).then(|| name(at * round % 3)),
                listing: name(at * at % (1 + round % 4)),
                time: LogTime::Instant(at * 13 % 30),
            };
            let clicks: Vec<LogClick> = (0..round % 40).map(click).collect();
            let impression = ListingImpression {
                id: "i".to_owned(),
                user: name(round % 3),
                listing: name(round % 2),
                time: LogTime::Instant(round % 31),
                kept: Vec::new(),
            };
            let rows = features(&rules, std::slice::from_ref(&impression), &clicks, &[]);
            let mut once = clicks.clone();
            if rules.once {
                // Of equal clicks the first stays.
                let is_first = |at: &usize| !clicks[..*at].contains(&clicks[*at]);
                let first = (0..clicks.len()).filter(is_first);
                once = first.map(|at| clicks[at].clone()).collect();
            }
            let (of_listing, of_user, clicked) = walked(&rules, &impression, &once);
            assert_eq!(rows[0].of_listing, of_listing, "round {round}");
            let of_user = (rows[0].of_user.is_some()).then_some(of_user);
            assert_eq!(rows[0].of_user, of_user, "round {round}");
            assert_eq!(rows[0].clicked, clicked, "round {round}");
        }
    }
}
