//! The naive twin of `dwell`: maps of everything, and a walk along each user's events.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::{DAY_US, LogTime, east_us, instant};

/// A row of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// When.
    pub time: LogTime,
    /// The offset that an instant is written with, minutes east of UTC.
    pub east_minutes: Option<i64>,
    /// Who.
    pub user: String,
    /// What.
    pub event: String,
    /// On which flyer.
    pub flyer: Option<String>,
    /// Of which merchant.
    pub merchant: Option<String>,
}

/// The settings that decide about rows.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DwellRules {
    /// Time between events, not from the first to the last.
    pub is_session: bool,
    /// Spans are divided by flyers, not by events.
    pub by_flyers: bool,
    /// The longest gap within a visit, µs.
    pub idle_us: i64,
    /// The zone of times without an offset.
    pub timezone: String,
    /// Ids are integers, and compared as such.
    pub int_ids: bool,
    /// Of events alike in all they hold, one counts.
    pub once: bool,
}

/// A row of the table of users.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRow {
    /// Who.
    pub user: String,
    /// With which merchant.
    pub merchant: String,
    /// On which day, days since 1970-01-01.
    pub day: i32,
    /// The seconds, divided.
    pub avg_seconds: f64,
    /// Different flyers.
    pub flyers: usize,
    /// Events.
    pub events: usize,
}

/// A row of the table of merchants.
#[derive(Clone, Debug, PartialEq)]
pub struct MerchantRow {
    /// Which merchant.
    pub merchant: String,
    /// On which day, days since 1970-01-01.
    pub day: i32,
    /// Users.
    pub users: usize,
    /// The mean of their seconds.
    pub avg_seconds: f64,
    /// The median.
    pub p50_seconds: f64,
    /// The 95th percentile.
    pub p95_seconds: f64,
}

/// What a user did with a merchant on a day: for each flyer, its moments (for spans) or lengths
/// (for sessions), in µs, and how many of them are events.
type Days = BTreeMap<(String, String, i32), Vec<(String, i64, bool)>>;

/// Both tables, in order.
///
/// # Panics
/// If the zone is unknown, a time is out of the calendar, or an id is no integer where it must be.
pub fn dwell(rules: &DwellRules, log: &[LogEvent]) -> (Vec<UserRow>, Vec<MerchantRow>) {
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let once = rules.once.then(|| without_repeats(&zone, log));
    let log = once.as_deref().unwrap_or(log);
    let days = match rules.is_session {
        false => moments(&zone, log),
        true => lengths(rules, &zone, log),
    };
    let mut users: Vec<UserRow> = days
        .into_iter()
        .map(|((user, merchant, day), pieces)| {
            let mut flyers: Vec<&String> = pieces.iter().map(|(flyer, _, _)| flyer).collect();
            flyers.sort();
            flyers.dedup();
            let events = pieces.iter().filter(|(_, _, is_event)| *is_event).count();
            let us = || pieces.iter().map(|(_, us, _)| *us);
            let (total_us, divisor) = match (rules.is_session, rules.by_flyers) {
                (true, _) => (us().sum(), flyers.len()),
                (false, by_flyers) => {
                    let span = us().max().expect("a piece") - us().min().expect("a piece");
                    (span, if by_flyers { flyers.len() } else { events })
                }
            };
            UserRow {
                avg_seconds: number(total_us) / 1e6 / count(divisor),
                flyers: flyers.len(),
                events,
                user,
                merchant,
                day,
            }
        })
        .collect();
    users.sort_by(|a, b| {
        let by_user = by_id(rules, &a.user, &b.user);
        by_user
            .then_with(|| by_id(rules, &a.merchant, &b.merchant))
            .then(a.day.cmp(&b.day))
    });
    let merchants = merchants(rules, &users);
    (users, merchants)
}

/// Events, of those alike in all they hold the first.
fn without_repeats(zone: &TimeZone, log: &[LogEvent]) -> Vec<LogEvent> {
    let (mut seen, mut once) = (BTreeSet::new(), Vec::new());
    for event in log {
        let when = (instant(zone, event.time), event.east_minutes);
        let what = (&event.user, &event.event, &event.flyer, &event.merchant);
        if seen.insert((when, what)) {
            once.push(event.clone());
        }
    }
    once
}

/// The table of merchants.
fn merchants(rules: &DwellRules, users: &[UserRow]) -> Vec<MerchantRow> {
    let mut of_days: BTreeMap<(&str, i32), Vec<f64>> = BTreeMap::new();
    for row in users {
        let seconds = of_days.entry((&row.merchant, row.day)).or_default();
        seconds.push(row.avg_seconds);
    }
    let mut rows: Vec<MerchantRow> = of_days
        .into_iter()
        .map(|((merchant, day), mut seconds)| {
            seconds.sort_by(f64::total_cmp);
            MerchantRow {
                merchant: merchant.to_owned(),
                day,
                users: seconds.len(),
                avg_seconds: seconds.iter().sum::<f64>() / count(seconds.len()),
                p50_seconds: percentile(&seconds, 50),
                p95_seconds: percentile(&seconds, 95),
            }
        })
        .collect();
    rows.sort_by(|a, b| by_id(rules, &a.merchant, &b.merchant).then(a.day.cmp(&b.day)));
    rows
}

/// Linear interpolation between the two values around a place.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() - 1) * percent;
    let (low, high) = (place / 100, place.div_ceil(100));
    let part = count(place % 100) / 100.0;
    sorted[low] * (1.0 - part) + sorted[high] * part
}

/// For spans: the moments of all events that open something.
fn moments(zone: &TimeZone, log: &[LogEvent]) -> Days {
    let mut days = Days::new();
    for event in log {
        if !["flyer_open", "item_open"].contains(&event.event.as_str()) {
            continue;
        }
        let (flyer, merchant) = (event.flyer.clone(), event.merchant.clone());
        let at = instant(zone, event.time);
        let key = (
            event.user.clone(),
            merchant.expect("opens have a merchant"),
            day_of(zone, event, at),
        );
        let piece = (flyer.expect("opens have a flyer"), at, true);
        days.entry(key).or_default().push(piece);
    }
    days
}

/// An event, and what orders it among those of its user.
struct Placed<'e> {
    /// When, in microseconds since the epoch.
    at: i64,
    /// Of events of one moment, which comes first; of those of one name, by the offset of their time.
    rank: (i32, (i32, i64)),
    event: &'e LogEvent,
}

/// For sessions: how long each event on a flyer lasted, day by day.
fn lengths(rules: &DwellRules, zone: &TimeZone, log: &[LogEvent]) -> Days {
    let mut by_user: BTreeMap<&str, Vec<Placed<'_>>> = BTreeMap::new();
    for event in log {
        let placed = placed(zone, event);
        by_user.entry(&event.user).or_default().push(placed);
    }
    let mut days = Days::new();
    for (user, mut events) in by_user {
        events.sort_by(|a, b| in_order(rules, a, b));
        for (place, placed) in events.iter().enumerate() {
            let (event, start) = (placed.event, placed.at);
            let (Some(flyer), Some(merchant)) = (&event.flyer, &event.merchant) else {
                continue;
            };
            if event.event == "flyer_close" {
                continue;
            }
            let next = events.get(place + 1).map(|next| next.at);
            let end = next.filter(|next| next - start <= rules.idle_us);
            let end = end.unwrap_or(start);
            let (mut from, mut is_event) = (start, true);
            // Day by day, until the end is in the day.
            loop {
                let day = day_of(zone, event, from);
                let midnight = midnight_after(zone, event, day);
                let until = end.min(midnight);
                let key = (user.to_owned(), merchant.clone(), day);
                let piece = (flyer.clone(), until - from, is_event);
                days.entry(key).or_default().push(piece);
                if end <= midnight {
                    break;
                }
                (from, is_event) = (midnight, false);
            }
        }
    }
    days
}

/// The day on the wall of an event at an instant.
fn day_of(zone: &TimeZone, event: &LogEvent, at: i64) -> i32 {
    let wall = match event.east_minutes {
        Some(minutes) => at + minutes * 60_000_000,
        None => at + east_us(zone, at),
    };
    i32::try_from(wall.div_euclid(DAY_US)).expect("a day")
}

/// The first instant of the day after, on the wall of an event.
fn midnight_after(zone: &TimeZone, event: &LogEvent, day: i32) -> i64 {
    match event.east_minutes {
        Some(minutes) => i64::from(day + 1) * DAY_US - minutes * 60_000_000,
        None => instant(zone, LogTime::Date(day + 1)),
    }
}

/// An event with what orders it.
fn placed<'e>(zone: &TimeZone, event: &'e LogEvent) -> Placed<'e> {
    let at = instant(zone, event.time);
    let rank = match event.event.as_str() {
        "flyer_close" => 0,
        "item_open" => 2,
        "flyer_open" => 3,
        _ => 1,
    };
    let offset = match event.east_minutes {
        Some(minutes) => (0, minutes * 60),
        None => (1, east_us(zone, at) / 1_000_000),
    };
    let rank = (rank, offset);
    Placed { at, rank, event }
}

/// The order of two events of a user.
fn in_order(rules: &DwellRules, a: &Placed<'_>, b: &Placed<'_>) -> Ordering {
    // An event that is not on a flyer comes after those that are.
    let by_place = || match (place_of(a.event), place_of(b.event)) {
        (Some(a), Some(b)) => by_id(rules, a.0, b.0).then_with(|| by_id(rules, a.1, b.1)),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    let by_time = a.at.cmp(&b.at).then(a.rank.cmp(&b.rank));
    by_time.then_with(by_place)
}

/// Where an event happened, if it did on a flyer: that, and the merchant.
fn place_of(event: &LogEvent) -> Option<(&str, &str)> {
    Some((event.flyer.as_deref()?, event.merchant.as_deref()?))
}

/// The order of two ids.
fn by_id(rules: &DwellRules, a: &str, b: &str) -> Ordering {
    let int = |id: &str| id.parse::<i64>().expect("an integer");
    match rules.int_ids {
        true => int(a).cmp(&int(b)),
        false => a.cmp(b),
    }
}

/// An integer as a number.
fn number(of: i64) -> f64 {
    let (high, low) = (of >> 32, of & 0xffff_ffff);
    let part = |of: i64| f64::from(u32::try_from(of).expect("half of a positive number"));
    part(high) * 4_294_967_296.0 + part(low)
}

/// A count as a number.
fn count(of: usize) -> f64 {
    number(i64::try_from(of).expect("a small count"))
}
