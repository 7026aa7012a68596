//! Naive twins: each job once more, written from SPEC alone, to hold the engine to.
//!
//! **Invariants**: shares no code with the engine: no partitions, no pointers, no tables of
//! offsets; every rule of SPEC is a line of its own. Slow on purpose, but each log is ordered once.

mod dwell;
mod explain;
pub mod features;
mod items;
mod landed;
mod metrics;
mod ordered;
pub(crate) mod read;
mod total_order;

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};
use twox_hash::XxHash64;

pub use self::dwell::{DwellRules, LogEvent, MerchantRow, UserRow, dwell};
pub use self::items::items_held;
pub use self::landed::landed_late;
pub use self::ordered::OrderedLog;
pub use crate::reference::explain::{Barred, Candidate, Fate, Fates, fates, newest_barred};
pub use crate::reference::metrics::{Quality, Spans, quality};
pub use crate::reference::total_order::Number;

/// Microseconds of a day on the wall.
const DAY_US: i64 = 86_400_000_000;

/// A time as a log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTime {
    /// Microseconds since the epoch.
    Instant(i64),
    /// A clock on the wall: microseconds since 1970-01-01T00:00 on it.
    Wall(i64),
    /// A day and no more: days since 1970-01-01.
    Date(i32),
}

/// A row of some log of actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogAction {
    /// Who, if known.
    pub customer: Option<String>,
    /// When.
    pub time: LogTime,
    /// The place of its log in the list of logs, from 0: by itself clicks, carts, orders.
    pub log: usize,
    /// The code of its type: by itself 1 click, 2 cart, 3 order.
    pub kind: u8,
    /// On what; 0 is on nothing that counts.
    pub item: i64,
    /// When it was known, if there is a column for that: null means never.
    pub available: Option<Option<LogTime>>,
    /// What columns tell of it, a number for each; a null is 0, or NaN among floats.
    pub told: Vec<Number>,
}

/// A row of impressions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogImpression {
    /// Who, if known.
    pub customer: Option<String>,
    /// The day it belongs to, days since 1970-01-01.
    pub day: i32,
    /// When, if cutoffs are times.
    pub time: Option<LogTime>,
    /// Its id.
    pub ranking: String,
    /// What was shown, with labels; 0 is nothing that counts.
    pub items: Vec<(i64, Option<bool>)>,
    /// What is carried through of it, as text.
    pub kept: Vec<Option<String>>,
    /// What is carried through of each item.
    pub kept_items: Vec<Vec<Option<String>>>,
}

/// Which repeated actions are left out of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// None of them.
    Kept,
    /// All but one of those alike in time, kind and item.
    Exact,
    /// All but the newest of prior ones in a row, alike in kind and item.
    Consecutive,
}

/// What is told of an action beside its item and its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Whole seconds to the cutoff.
    TimeDelta,
}

/// The settings that decide about rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Cutoffs are times of impressions, not starts of days.
    pub cutoff_is_time: bool,
    /// Calendar days of history.
    pub lookback_days: Option<u32>,
    /// Microseconds until the actions of each log are known.
    pub embargo_us: Vec<Option<i64>>,
    /// The kinds that count; all, if none is named.
    pub types: Vec<u8>,
    /// Which repeats are left out.
    pub repeats: Repeats,
    /// What is told of actions beside items and kinds.
    pub told: Vec<Told>,
    /// The length of a history.
    pub actions_max: usize,
    /// The zone of days and wall times.
    pub timezone: String,
    /// Guests are rows.
    pub guests_are_rows: bool,
    /// Items without a label are left out.
    pub drop_null_labels: bool,
    /// The part of the negatives that is kept, and the seed that chooses them.
    pub negatives: Option<(f64, u64)>,
}

/// A sample.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// The day.
    pub day: i32,
    /// Who.
    pub customer: Option<String>,
    /// The cutoff, microseconds since the epoch.
    pub cutoff_us: i64,
    /// Which ranking.
    pub ranking: String,
    /// The place in it.
    pub position: i32,
    /// What was shown.
    pub item: i64,
    /// Whether it was ordered.
    pub is_order: Option<bool>,
    /// The newest action of the history.
    pub last_action_us: Option<i64>,
    /// Items and kinds, newest first.
    pub history: Vec<(i64, u8)>,
    /// Whole seconds from each to the cutoff, if that is told.
    pub time_delta: Option<Vec<i32>>,
    /// What columns tell of each.
    pub told: Vec<Vec<Number>>,
    /// What is carried through: of the impression, then of the item.
    pub kept: Vec<Option<String>>,
}

/// All samples, in no particular order.
///
/// # Panics
/// If the zone is unknown, or a day is out of the calendar.
pub fn sequences(rules: &Rules, shown: &[LogImpression], log: &[LogAction]) -> Vec<Sample> {
    let by_customer = by_customer(rules, log);
    let none = OrderedLog::new(rules, []);
    let samples = shown.iter().flat_map(|shown| {
        let customer = shown.customer.as_deref();
        let own = customer.and_then(|customer| by_customer.get(customer));
        samples_of(rules, shown, own.unwrap_or(&none))
    });
    samples.collect()
}

/// The samples of one impression, whose customer has such a log.
///
/// # Panics
/// As [`sequences`].
pub fn samples_of(rules: &Rules, shown: &LogImpression, log: &OrderedLog<'_>) -> Vec<Sample> {
    if shown.customer.is_none() && !rules.guests_are_rows {
        return Vec::new();
    }
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let (cutoff, start) = bounds(rules, &zone, shown);
    let history = log.history(cutoff, start);
    let mut samples = Vec::new();
    for (position, (item, is_order)) in shown.items.iter().enumerate() {
        if *item == 0 || (is_order.is_none() && rules.drop_null_labels) {
            continue;
        }
        if *is_order == Some(false) && !is_sampled(rules, shown, position) {
            continue;
        }
        let of_item = shown.kept_items.get(position);
        let of_item = of_item.map_or(&[][..], Vec::as_slice);
        let pairs = history.iter().map(|(_, kind, item, ..)| (*item, *kind));
        samples.push(Sample {
            kept: [&shown.kept, of_item].concat(),
            day: shown.day,
            customer: shown.customer.clone(),
            cutoff_us: cutoff,
            ranking: shown.ranking.clone(),
            position: i32::try_from(position).expect("short rankings"),
            item: *item,
            is_order: *is_order,
            last_action_us: history.first().map(|(time, ..)| *time),
            history: pairs.collect(),
            told: history.iter().map(|(.., told)| told.to_vec()).collect(),
            time_delta: rules.told.contains(&Told::TimeDelta).then(|| {
                let times = history.iter().map(|(time, ..)| *time);
                times.map(|time| seconds_between(time, cutoff)).collect()
            }),
        });
    }
    samples
}

/// Whole seconds from one time to a later one; the most that fit if there are more.
fn seconds_between(from: i64, to: i64) -> i32 {
    let seconds = (i128::from(to) - i128::from(from)) / 1_000_000;
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

/// Whether a negative is kept: by the hash of a text that names it.
fn is_sampled(rules: &Rules, of: &LogImpression, position: usize) -> bool {
    let Some((rate, seed)) = rules.negatives else {
        return true;
    };
    let day = Date::constant(1970, 1, 1).checked_add(Span::new().days(of.day));
    let day = day.expect("in the calendar");
    let customer = of.customer.as_deref().unwrap_or("");
    let name = format!("{day}\n{customer}\n{}\n{position}", of.ranking);
    let hash = XxHash64::oneshot(seed, name.as_bytes());
    let upper = u32::try_from(hash >> 32).expect("32 bits");
    f64::from(upper) / 2_f64.powi(32) < rate
}

/// The weight of a sample with a label, if negatives are sampled.
#[expect(clippy::cast_possible_truncation, reason = "it is rounded")]
pub fn weight(rules: &Rules, is_order: Option<bool>) -> Option<f32> {
    let (rate, _) = rules.negatives?;
    Some(match is_order {
        Some(false) => (1.0 / rate) as f32,
        Some(true) | None => 1.0,
    })
}

/// The actions of each customer, ordered.
fn by_customer<'l>(rules: &Rules, log: &'l [LogAction]) -> BTreeMap<&'l str, OrderedLog<'l>> {
    let mut by_customer: BTreeMap<&str, Vec<&LogAction>> = BTreeMap::new();
    for action in log {
        if let Some(customer) = &action.customer {
            by_customer.entry(customer).or_default().push(action);
        }
    }
    let ordered = |(of, log)| (of, OrderedLog::new(rules, log));
    by_customer.into_iter().map(ordered).collect()
}

/// The cutoff of an impression and the start of its lookback.
fn bounds(rules: &Rules, zone: &TimeZone, impression: &LogImpression) -> (i64, i64) {
    let cutoff = match (rules.cutoff_is_time, impression.time) {
        (true, Some(time)) => instant(zone, time),
        _ => instant(zone, LogTime::Date(impression.day)),
    };
    let Some(days) = rules.lookback_days else {
        return (cutoff, i64::MIN);
    };
    let wall = match rules.cutoff_is_time {
        true => cutoff + east_us(zone, cutoff),
        false => i64::from(impression.day) * DAY_US,
    };
    let back = i64::from(days) * DAY_US;
    let start = instant(zone, LogTime::Wall(wall.saturating_sub(back)));
    (cutoff, start)
}

/// The instant of a time in a log, in a zone.
///
/// # Panics
/// If the zone is unknown, or the time is out of the calendar.
pub fn instant_in(timezone: &str, time: LogTime) -> i64 {
    match time {
        LogTime::Instant(at) => at,
        other => instant(&TimeZone::get(timezone).expect("a known zone"), other),
    }
}

/// The instants of some times in a log, in a zone.
///
/// # Panics
/// As [`instant_in`].
pub fn instants_in(timezone: &str, times: impl Iterator<Item = LogTime>) -> Vec<i64> {
    let zone = TimeZone::get(timezone).expect("a known zone");
    times.map(|time| instant(&zone, time)).collect()
}

/// The day that a time falls in, in a zone, days since 1970-01-01; nothing beyond the calendar.
///
/// # Panics
/// If the zone is unknown.
pub fn day_in(timezone: &str, time: LogTime) -> Option<i32> {
    let wall = match time {
        LogTime::Date(day) => return Some(day),
        LogTime::Wall(wall) => wall,
        LogTime::Instant(at) => {
            let zone = TimeZone::get(timezone).expect("a known zone");
            at.checked_add(east_us(&zone, at))?
        }
    };
    i32::try_from(wall.div_euclid(DAY_US)).ok()
}

/// Whether a time lies in the years 1 to 9999: as it is written, or, if it is an instant, on the wall
/// of a zone. All others are faults of their rows.
///
/// # Panics
/// If the zone is unknown.
pub fn is_near(timezone: &str, time: LogTime) -> bool {
    let ends = [Date::constant(1, 1, 1), Date::constant(9999, 12, 31)];
    let [first, last] = ends.map(|of| (of - Date::constant(1970, 1, 1)).get_days());
    day_in(timezone, time).is_some_and(|day| (first..=last).contains(&day))
}

/// How far the clocks of a zone are east of UTC at an instant. Before and after the calendar they
/// stand as they do at its ends.
fn east_us(zone: &TimeZone, at: i64) -> i64 {
    let ends = (Timestamp::MIN, Timestamp::MAX);
    let at = Timestamp::from_microsecond(at).unwrap_or(if at < 0 { ends.0 } else { ends.1 });
    i64::from(zone.to_offset(at).seconds()) * 1_000_000
}

/// The instant of a time in a log.
fn instant(zone: &TimeZone, time: LogTime) -> i64 {
    let wall_us = match time {
        LogTime::Instant(at) => return at,
        LogTime::Wall(wall) => wall,
        LogTime::Date(day) => i64::from(day) * DAY_US,
    };
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let since = Span::new().try_microseconds(wall_us);
    match since.and_then(|since| epoch.checked_add(since)) {
        Ok(wall) => resolve(zone, wall, wall_us),
        Err(_) => wall_us.saturating_sub(east_us(zone, wall_us)),
    }
}

/// The instant of a wall time: the gap's end in a gap, the earlier one in a fold.
fn resolve(zone: &TimeZone, wall: DateTime, wall_us: i64) -> i64 {
    let at = |offset: jiff::tz::Offset| wall_us - i64::from(offset.seconds()) * 1_000_000;
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => at(offset),
        AmbiguousOffset::Fold { before, after } => at(before).min(at(after)),
        AmbiguousOffset::Gap { before, .. } => {
            let late = Timestamp::from_microsecond(at(before) + 1).expect("in the calendar");
            let gap = zone.preceding(late).next().expect("a gap is a transition");
            gap.timestamp().as_microsecond()
        }
    }
}
