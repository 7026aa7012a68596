//! Times as logs write them, and the instants that they are.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, Timestamp};

/// Microseconds of a day of wall time.
pub(super) const DAY_US: i64 = 86_400_000_000;

/// A time as a log writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTime {
    /// Microseconds since the epoch.
    Instant(i64),
    /// A wall time without a zone: microseconds since 1970-01-01T00:00.
    Wall(i64),
    /// Only a day: days since 1970-01-01.
    Date(i32),
}

/// The instant of a time of a log, in a zone given by name.
///
/// # Panics
/// If the zone is unknown, or the time is out of the calendar.
pub fn instant_in(timezone: &str, time: LogTime) -> i64 {
    match time {
        LogTime::Instant(at) => at,
        other => instant(&TimeZone::get(timezone).expect("a known zone"), other),
    }
}

/// The instants of times of a log, in a zone given by name.
///
/// # Panics
/// As [`instant_in`].
pub fn instants_in(timezone: &str, times: impl Iterator<Item = LogTime>) -> Vec<i64> {
    let zone = TimeZone::get(timezone).expect("a known zone");
    times.map(|time| instant(&zone, time)).collect()
}

/// The day of a time in a zone, days since 1970-01-01; nothing beyond the calendar.
///
/// # Panics
/// If the zone is unknown.
pub fn day_in(timezone: &str, time: LogTime) -> Option<i32> {
    let wall = match time {
        LogTime::Date(day) => return Some(day),
        LogTime::Wall(wall) => wall,
        LogTime::Instant(at) => {
            let zone = TimeZone::get(timezone).expect("a known zone");
            // Any integer of a file may come here, so the sum may overflow.
            at.checked_add(east_us(&zone, at))?
        }
    };
    i32::try_from(wall.div_euclid(DAY_US)).ok()
}

/// Whether a time is in the years 1 to 9999: as written, or, for an instant, as wall time in a zone. A
/// row with any other time is a bad row.
///
/// # Panics
/// If the zone is unknown.
pub fn is_near(timezone: &str, time: LogTime) -> bool {
    let ends = [Date::constant(1, 1, 1), Date::constant(9999, 12, 31)];
    let [first, last] = ends.map(|day| (day - Date::constant(1970, 1, 1)).get_days());
    day_in(timezone, time).is_some_and(|day| (first..=last).contains(&day))
}

/// The offset of a zone from UTC at an instant, positive to the east. Beyond the calendar it is that of
/// the calendar's ends.
pub(super) fn east_us(zone: &TimeZone, at: i64) -> i64 {
    let ends = (Timestamp::MIN, Timestamp::MAX);
    let at = Timestamp::from_microsecond(at).unwrap_or(if at < 0 { ends.0 } else { ends.1 });
    i64::from(zone.to_offset(at).seconds()) * 1_000_000
}

/// The instant of a time of a log.
pub(super) fn instant(zone: &TimeZone, time: LogTime) -> i64 {
    let wall_us = match time {
        LogTime::Instant(at) => return at,
        LogTime::Wall(wall) => wall,
        LogTime::Date(day) => i64::from(day) * DAY_US,
    };
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let since = Span::new().try_microseconds(wall_us);
    match since.and_then(|since| epoch.checked_add(since)) {
        Ok(wall) => resolve(zone, wall, wall_us),
        // A lookback may reach beyond jiff's calendar; the offset of its end holds there.
        Err(_) => wall_us.saturating_sub(east_us(zone, wall_us)),
    }
}

/// The instant of a wall time: in a gap the end of the gap, in a fold the earlier instant.
fn resolve(zone: &TimeZone, wall: DateTime, wall_us: i64) -> i64 {
    let at = |offset: jiff::tz::Offset| wall_us - i64::from(offset.seconds()) * 1_000_000;
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Unambiguous { offset } => at(offset),
        AmbiguousOffset::Fold { before, after } => at(before).min(at(after)),
        // Not jiff's own rule, which moves the time by the length of the gap: 02:30 is 03:00 here,
        // not 03:30.
        AmbiguousOffset::Gap { before, .. } => {
            // `preceding` excludes its argument, and the first time of the gap is the transition
            // itself.
            let late = Timestamp::from_microsecond(at(before) + 1).expect("in the calendar");
            let gap = zone.preceding(late).next().expect("a gap is a transition");
            gap.timestamp().as_microsecond()
        }
    }
}
