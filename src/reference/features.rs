//! `features` once more: clicks ordered once, and for each impression what of them lies before and after.
//!
//! **In / Out**: rows of three logs → a [`Row`] per impression, in no particular order.
//! **Invariants**: as of the other twin: no code of the engine, and a line per rule of SPEC.

use std::collections::{BTreeMap, BTreeSet};

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

/// Clicks, ordered once: the times of those on each listing, of each user, and of each user on each
/// listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderedClicks {
    /// Of each listing, ascending.
    of_listing: BTreeMap<String, Vec<i64>>,
    of_user: BTreeMap<String, Vec<i64>>,
    /// Of each listing by each user.
    of_both: BTreeMap<String, BTreeMap<String, Vec<i64>>>,
    latest: Option<i64>,
    /// Whether one says who clicked, or there is none.
    has_users: bool,
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
    let clicks = OrderedClicks::new(rules, clicks);
    let mut by_id: BTreeMap<&str, &Listing> = BTreeMap::new();
    for listing in listings {
        // Of several the first counts.
        by_id.entry(&listing.listing).or_insert(listing);
    }
    let rows = shown.iter().filter_map(|shown| {
        let listing = by_id.get(shown.listing.as_str()).copied();
        clicks.row(rules, shown, listing)
    });
    rows.collect()
}

impl OrderedClicks {
    /// Orders clicks.
    ///
    /// # Panics
    /// As [`features`].
    pub fn new(rules: &Rules, clicks: &[Click]) -> OrderedClicks {
        let zone = TimeZone::get(&rules.timezone).expect("a known zone");
        let mut all = OrderedClicks {
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

    /// The row of an impression, if it is of a day that is asked for; of its listing, if there is one.
    ///
    /// # Panics
    /// As [`features`].
    pub fn row(&self, rules: &Rules, shown: &Impression, listing: Option<&Listing>) -> Option<Row> {
        let zone = TimeZone::get(&rules.timezone).expect("a known zone");
        let time = instant(&zone, shown.time);
        let day = day_of(&zone, time);
        if day < rules.days.0 || rules.days.1 < day {
            return None;
        }
        let on_listing = times(self.of_listing.get(&shown.listing));
        let of_user = times(self.of_user.get(&shown.user));
        let of_both = self.of_both.get(&shown.listing);
        let of_both = times(of_both.and_then(|users| users.get(&shown.user)));
        let answers = if rules.anybody { on_listing } else { of_both };
        let end = time.saturating_add(rules.label_window_us);
        let data_end = rules.data_end_us.or(self.latest);
        let created = listing.and_then(|of| of.created);
        Some(Row {
            day,
            time_us: time,
            id: shown.id.clone(),
            user: shown.user.clone(),
            listing: shown.listing.clone(),
            category: listing.and_then(|of| of.category.clone()),
            price: listing.and_then(|of| of.price),
            age_days: created.map(|created| day - day_of(&zone, instant(&zone, created))),
            of_listing: prior(rules, on_listing, time),
            of_user: self.has_users.then(|| prior(rules, of_user, time)),
            clicked: until(answers, time) < until(answers, end),
            label_complete: data_end.is_some_and(|data_end| end <= data_end),
        })
    }
}

/// What a map has of a name; something empty is put there if it has nothing.
fn add<'m, T: Default>(map: &'m mut BTreeMap<String, T>, name: &str) -> &'m mut T {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), T::default());
    }
    map.get_mut(name).expect("it is there now")
}

/// The times that are kept of something, if any are.
fn times(of: Option<&Vec<i64>>) -> &[i64] {
    of.map_or(&[], Vec::as_slice)
}

/// How many of some times, ascending, are before another one.
fn before(times: &[i64], end: i64) -> usize {
    times.partition_point(|time| *time < end)
}

/// How many of some times, ascending, are not after another one.
fn until(times: &[i64], end: i64) -> usize {
    times.partition_point(|time| *time <= end)
}

/// How many of some times, ascending, are prior to another one: all, then of each window.
fn prior(rules: &Rules, times: &[i64], time: i64) -> Vec<i64> {
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

    /// The row of an impression by a walk over all clicks: how many of listing and user are prior, of
    /// all times and of a window, and whether one is a label.
    fn walked(rules: &Rules, shown: &Impression, clicks: &[Click]) -> (Vec<i64>, Vec<i64>, bool) {
        let at = |time: LogTime| match time {
            LogTime::Instant(at) => at,
            _ => unreachable!("all are instants"),
        };
        let (time, window) = (at(shown.time), rules.windows_us[0]);
        let (mut of_listing, mut of_user, mut clicked) = (vec![0, 0], vec![0, 0], false);
        for click in clicks {
            let on_listing = click.listing == shown.listing;
            let by_user = click.user.as_ref() == Some(&shown.user);
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
            let rules = Rules {
                windows_us: vec![round % 5],
                label_window_us: round % 7,
                anybody: round % 2 == 0,
                data_end_us: None,
                days: (i32::MIN, i32::MAX),
                timezone: "UTC".to_owned(),
                once: round % 3 == 0,
            };
            let click = |at: i64| Click {
                user: (at % 5 > 0).then(|| name(at * round % 3)),
                listing: name(at * at % (1 + round % 4)),
                time: LogTime::Instant(at * 13 % 30),
            };
            let clicks: Vec<Click> = (0..round % 40).map(click).collect();
            let shown = Impression {
                id: "i".to_owned(),
                user: name(round % 3),
                listing: name(round % 2),
                time: LogTime::Instant(round % 31),
            };
            let rows = features(&rules, std::slice::from_ref(&shown), &clicks, &[]);
            let mut once = clicks.clone();
            if rules.once {
                // Of those alike in all the first stays.
                let is_first = |at: &usize| !clicks[..*at].contains(&clicks[*at]);
                let first = (0..clicks.len()).filter(is_first);
                once = first.map(|at| clicks[at].clone()).collect();
            }
            let (of_listing, of_user, clicked) = walked(&rules, &shown, &once);
            assert_eq!(rows[0].of_listing, of_listing, "round {round}");
            let of_user = (rows[0].of_user.is_some()).then_some(of_user);
            assert_eq!(rows[0].of_user, of_user, "round {round}");
            assert_eq!(rows[0].clicked, clicked, "round {round}");
        }
    }
}
