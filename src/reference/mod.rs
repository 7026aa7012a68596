//! The reference implementation: each job written a second time, from SPEC alone, to check the engine.
//!
//! **Invariants**: shares no code with the engine: no partitions, no pointers, no tables of offsets. Each
//! rule of SPEC is one line here. Clear rather than fast, but each log is sorted only once.

mod dwell;
mod dwell_rows;
mod explain;
pub mod features;
mod items;
mod landed;
mod lookback;
mod metrics;
mod ordered;
pub(crate) mod read;
mod times;
mod total_order;

use std::collections::BTreeMap;

use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use twox_hash::XxHash64;

use self::lookback::years_earlier;
use self::times::{DAY_US, east_us, instant};

pub use self::dwell::{dwell, dwell_by_day};
pub use self::dwell_rows::{DwellRules, FlyerRow, LogEvent, MerchantRow, UserDayRow, UserRow};
pub use self::items::items_held;
pub use self::landed::landed_late;
pub use self::ordered::OrderedLog;
pub use self::times::{LogTime, day_in, instant_in, instants_in, is_near};
pub use crate::reference::explain::{
    ActionOutcome, Candidate, ExclusionReason, Explanation, explanation_of, newest_excluded,
};
pub use crate::reference::metrics::{Quality, SpanList, quality};
pub use crate::reference::total_order::Number;

/// A row of a log of actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogAction {
    /// The customer, if known.
    pub customer: Option<String>,
    /// When it happened.
    pub time: LogTime,
    /// The 0-based index of its log; by default clicks, carts, orders.
    pub log: usize,
    /// The code of its type; by default 1 click, 2 cart, 3 order.
    pub kind: u8,
    /// The item; 0 is an item that does not count.
    pub item: i64,
    /// The value of the availability column, if there is one; null means never.
    pub available: Option<Option<LogTime>>,
    /// One value for each attribute column; null is 0 for integers and NaN for floats.
    pub attributes: Vec<Number>,
}

/// A row of impressions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogImpression {
    /// The customer; nobody for a guest.
    pub customer: Option<String>,
    /// The day of its partition, days since 1970-01-01.
    pub day: i32,
    /// Its time, if cutoffs are times.
    pub time: Option<LogTime>,
    /// The ranking id.
    pub ranking: String,
    /// The shown items with their labels; 0 is an item that does not count.
    pub items: Vec<(i64, Option<bool>)>,
    /// Passthrough columns of the impression, as text.
    pub passthrough: Vec<Option<String>>,
    /// Passthrough columns of each item, as text.
    pub item_passthrough: Vec<Vec<Option<String>>>,
}

/// Which repeated actions are left out of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatRule {
    /// None.
    Kept,
    /// Of actions with the same time, type and item, all but one.
    Exact,
    /// Of consecutive prior actions with the same type and item, all but the newest.
    Consecutive,
}

/// An attribute of an action that is computed from its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComputedAttribute {
    /// Whole seconds to the cutoff.
    TimeDelta,
    /// Whole seconds from 1970.
    Time,
}

/// The settings that decide about rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Cutoffs are times of impressions, not starts of days.
    pub cutoff_is_time: bool,
    /// Calendar days of lookback.
    pub lookback_days: Option<u32>,
    /// Calendar years of lookback, in place of days.
    pub lookback_years: Option<u32>,
    /// Embargo of each log, in microseconds.
    pub embargo_us: Vec<Option<i64>>,
    /// The types that count; all, if empty.
    pub types: Vec<u8>,
    /// Which repeats are left out.
    pub repeats: RepeatRule,
    /// Attributes that are computed.
    pub computed: Vec<ComputedAttribute>,
    /// The maximum length of a history.
    pub actions_max: usize,
    /// The zone of days and wall times.
    pub timezone: String,
    /// Guests are rows.
    pub guests_are_rows: bool,
    /// Items without a label are left out.
    pub drop_null_labels: bool,
    /// The sampling rate of negatives, and the seed.
    pub negatives: Option<(f64, u64)>,
}

/// A sample.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// Days since 1970-01-01.
    pub day: i32,
    /// The customer; nobody for a guest.
    pub customer: Option<String>,
    /// The cutoff, microseconds since the epoch.
    pub cutoff_us: i64,
    /// The ranking id.
    pub ranking: String,
    /// The 0-based position of the item in the ranking.
    pub position: i32,
    /// The shown item.
    pub item: i64,
    /// The label.
    pub is_order: Option<bool>,
    /// The time of the newest action of the history, microseconds since the epoch.
    pub last_action_us: Option<i64>,
    /// Items and types of actions, newest first.
    pub history: Vec<(i64, u8)>,
    /// Whole seconds from each action to the cutoff, if there is such a column.
    pub time_delta: Option<Vec<i32>>,
    /// Whole seconds from 1970 to each action, if there is such a column.
    pub time: Option<Vec<i64>>,
    /// Attributes of each action.
    pub attributes: Vec<Vec<Number>>,
    /// Passthrough columns: those of the impression, then those of the item.
    pub passthrough: Vec<Option<String>>,
}

/// All samples, in no particular order.
///
/// # Panics
/// If the zone is unknown, or a day is out of the calendar.
pub fn sequences(rules: &Rules, impressions: &[LogImpression], log: &[LogAction]) -> Vec<Sample> {
    let by_customer = by_customer(rules, log);
    let none = OrderedLog::new(rules, []);
    let samples = impressions.iter().flat_map(|impression| {
        let customer = impression.customer.as_deref();
        let own = customer.and_then(|customer| by_customer.get(customer));
        samples_of(rules, impression, own.unwrap_or(&none))
    });
    samples.collect()
}

/// The samples of one impression, given the log of its customer.
///
/// # Panics
/// As [`sequences`].
pub fn samples_of(rules: &Rules, impression: &LogImpression, log: &OrderedLog<'_>) -> Vec<Sample> {
    if impression.customer.is_none() && !rules.guests_are_rows {
        return Vec::new();
    }
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let bounds = bounds(rules, &zone, impression);
    let history = log.history(bounds);
    let mut samples = Vec::new();
    // Positions are those of the array, so an item that is left out leaves a gap.
    for (position, (item, is_order)) in impression.items.iter().enumerate() {
        if *item == 0 || (is_order.is_none() && rules.drop_null_labels) {
            continue;
        }
        if *is_order == Some(false) && !is_sampled(rules, impression, position) {
            continue;
        }
        let item_passthrough = impression.item_passthrough.get(position);
        let item_passthrough = item_passthrough.map_or(&[][..], Vec::as_slice);
        samples.push(Sample {
            passthrough: [&impression.passthrough, item_passthrough].concat(),
            day: impression.day,
            customer: impression.customer.clone(),
            cutoff_us: bounds.cutoff,
            ranking: impression.ranking.clone(),
            position: i32::try_from(position).expect("short rankings"),
            item: *item,
            is_order: *is_order,
            last_action_us: history.first().map(|key| key.time),
            history: history.iter().map(|key| (key.item, key.kind)).collect(),
            attributes: history.iter().map(|key| key.attributes.to_vec()).collect(),
            time_delta: rules
                .computed
                .contains(&ComputedAttribute::TimeDelta)
                .then(|| {
                    let deltas = history
                        .iter()
                        .map(|key| seconds_between(key.time, bounds.cutoff));
                    deltas.collect()
                }),
            time: rules.computed.contains(&ComputedAttribute::Time).then(|| {
                let seconds = history.iter().map(|key| key.time.div_euclid(1_000_000));
                seconds.collect()
            }),
        });
    }
    samples
}

/// Whole seconds from one time to a later one, saturating.
fn seconds_between(from: i64, to: i64) -> i32 {
    let seconds = (i128::from(to) - i128::from(from)) / 1_000_000;
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

/// Whether a negative is in the sample: decided by the hash of a text that names it.
fn is_sampled(rules: &Rules, impression: &LogImpression, position: usize) -> bool {
    let Some((rate, seed)) = rules.negatives else {
        return true;
    };
    let day = Date::constant(1970, 1, 1).checked_add(Span::new().days(impression.day));
    let day = day.expect("in the calendar");
    let customer = impression.customer.as_deref().unwrap_or("");
    // Only values of the sample are in the text: order, files and layout cannot change what is
    // kept.
    let name = format!("{day}\n{customer}\n{}\n{position}", impression.ranking);
    let hash = XxHash64::oneshot(seed, name.as_bytes());
    let upper = u32::try_from(hash >> 32).expect("32 bits");
    // 32 bits fit a float exactly, and so does the quotient by a power of two.
    f64::from(upper) / 2_f64.powi(32) < rate
}

/// The weight of a sample with this label, if negatives are sampled.
#[expect(clippy::cast_possible_truncation, reason = "it is rounded")]
pub fn weight(rules: &Rules, is_order: Option<bool>) -> Option<f32> {
    let (rate, _) = rules.negatives?;
    Some(match is_order {
        Some(false) => (1.0 / rate) as f32,
        Some(true) | None => 1.0,
    })
}

/// The actions of each customer, sorted.
fn by_customer<'l>(rules: &Rules, log: &'l [LogAction]) -> BTreeMap<&'l str, OrderedLog<'l>> {
    let mut by_customer: BTreeMap<&str, Vec<&LogAction>> = BTreeMap::new();
    for action in log {
        if let Some(customer) = &action.customer {
            by_customer.entry(customer).or_default().push(action);
        }
    }
    let ordered = |(customer, log)| (customer, OrderedLog::new(rules, log));
    by_customer.into_iter().map(ordered).collect()
}

/// The span of a history, in microseconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Actions at it or later are not prior.
    pub(crate) cutoff: i64,
    /// The start of the lookback.
    pub(crate) start: i64,
}

/// The bounds of the history of an impression.
fn bounds(rules: &Rules, zone: &TimeZone, impression: &LogImpression) -> Bounds {
    let cutoff = match (rules.cutoff_is_time, impression.time) {
        (true, Some(time)) => instant(zone, time),
        _ => instant(zone, LogTime::Date(impression.day)),
    };
    if rules.lookback_days.is_none() && rules.lookback_years.is_none() {
        let start = i64::MIN;
        return Bounds { cutoff, start };
    }
    // A lookback is of calendar days: at a change of clocks a day has 23 or 25 hours.
    let wall = if rules.cutoff_is_time {
        cutoff + east_us(zone, cutoff)
    } else {
        i64::from(impression.day) * DAY_US
    };
    let start = match rules.lookback_years {
        Some(years) => years_earlier(wall, years),
        None => {
            let back = i64::from(rules.lookback_days.unwrap_or_default()) * DAY_US;
            wall.saturating_sub(back)
        }
    };
    let start = instant(zone, LogTime::Wall(start));
    Bounds { cutoff, start }
}
