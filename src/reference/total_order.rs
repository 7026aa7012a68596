//! The order of actions in a history, down to what tells duplicates apart.

use std::cmp::Ordering;

use jiff::tz::TimeZone;

use super::{LogAction, LogTime, Repeats, Rules, instant};

/// A number that a column of actions tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// An integer.
    Int(i32),
    /// A float, as its bits.
    Float(u32),
}

impl Number {
    /// A float; there is one NaN.
    pub fn float(number: f32) -> Number {
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

/// What orders an action: time, kind, item, the last instant at which it was not known, what is told
/// of it.
pub(crate) type Entry<'l> = (i64, u8, i64, i64, &'l [Number]);

/// Which of two actions comes first. Of exact repeats, of which the first will be left, it is the one
/// that was known first, then the one of lower numbers.
pub(crate) fn newest_first(repeats: Repeats, a: &Entry<'_>, b: &Entry<'_>) -> Ordering {
    let newer = (b.0, b.1, b.2).cmp(&(a.0, a.1, a.2));
    let later_known = (b.3, b.4).cmp(&(a.3, a.4));
    newer.then(match repeats {
        Repeats::Exact => later_known.reverse(),
        Repeats::Kept | Repeats::Consecutive => later_known,
    })
}

/// The last instant at which an action of a time was not known.
pub(crate) fn known(rules: &Rules, zone: &TimeZone, of: &LogAction, time: i64) -> i64 {
    let end = |time: LogTime| match time {
        LogTime::Date(day) => instant(zone, LogTime::Date(day + 1)) - 1,
        other => instant(zone, other),
    };
    // By day nobody asks before a day is over.
    let of_time = match of.time {
        LogTime::Date(_) if rules.cutoff_is_time => end(of.time),
        _ => time,
    };
    let held = time.saturating_add(rules.embargo_us[of.log].unwrap_or(0));
    let available = match of.available {
        None => time,
        Some(None) => i64::MAX,
        Some(Some(known)) => match rules.cutoff_is_time {
            true => end(known),
            false => instant(zone, known),
        },
    };
    time.max(of_time).max(held).max(available)
}
