//! The total order of a customer's actions in a history, down to the tie-breaks between duplicates.

use std::cmp::Ordering;

use jiff::tz::TimeZone;

use super::{LogAction, LogTime, RepeatRule, Rules, instant};

/// The value of an attribute of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// An integer.
    Int(i32),
    /// A float, as its bits.
    Float(u32),
}

impl Number {
    /// A float. All NaNs become one.
    pub fn float(number: f32) -> Number {
        // `total_cmp` orders NaNs by their bits, and two nulls must tie.
        Number::Float(if number.is_nan() {
            0x7fc0_0000
        } else {
            number.to_bits()
        })
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a.cmp(b),
            (Number::Float(a), Number::Float(b)) => {
                f32::from_bits(*a).total_cmp(&f32::from_bits(*b))
            }
            (Number::Int(_), Number::Float(_)) => Ordering::Less,
            (Number::Float(_), Number::Int(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The sort key of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SortKey<'l> {
    /// When it happened, in microseconds since the epoch.
    pub(crate) time: i64,
    /// The code of its type.
    pub(crate) kind: u8,
    pub(crate) item: i64,
    /// The last instant at which it was not yet known.
    pub(crate) unknown_until: i64,
    pub(crate) attributes: &'l [Number],
}

/// The order of two actions in a history: newest first. For exact duplicates, of which only the first is
/// kept, the one that was known first wins, then the one with the lower attributes.
pub(crate) fn newest_first(repeats: RepeatRule, a: &SortKey<'_>, b: &SortKey<'_>) -> Ordering {
    let newer = (b.time, b.kind, b.item).cmp(&(a.time, a.kind, a.item));
    let later_known = (b.unknown_until, b.attributes).cmp(&(a.unknown_until, a.attributes));
    newer.then(match repeats {
        RepeatRule::Exact => later_known.reverse(),
        RepeatRule::Kept | RepeatRule::Consecutive => later_known,
    })
}

/// The last instant at which an action that happened at `time` was not yet known.
pub(crate) fn unknown_until(rules: &Rules, zone: &TimeZone, action: &LogAction, time: i64) -> i64 {
    let end = |time: LogTime| match time {
        // A day that ends at the cutoff is over, while prior is strict: hence the microsecond.
        LogTime::Date(day) => instant(zone, LogTime::Date(day + 1)) - 1,
        other => instant(zone, other),
    };
    // With daily cutoffs the cutoff is never inside a day.
    let event_time = match action.time {
        LogTime::Date(_) if rules.cutoff_is_time => end(action.time),
        _ => time,
    };
    let embargo_end = time.saturating_add(rules.embargo_us[action.log].unwrap_or(0));
    let available = match action.available {
        None => time,
        Some(None) => i64::MAX,
        Some(Some(known)) if rules.cutoff_is_time => end(known),
        Some(Some(known)) => instant(zone, known),
    };
    time.max(event_time).max(embargo_end).max(available)
}
