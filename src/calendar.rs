//! Days and time zones: local (wall) time to instants.
//!
//! **In / Out**: days and wall times (local µs since 1970-01-01T00:00) → [`Micros`].
//! **Invariants**: a later wall time never gives an earlier instant, though wall time itself repeats
//! when clocks go back. A wall time in a gap means the end of the gap, in a fold the earlier instant
//! (SPEC, "Times").
//! **Cost**: a binary search in a table of about 16,000 transitions; nothing at all for UTC.
//! **Why so**: asking the zone library for each row measured 20 times the cost of the table.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{Day, Micros};

/// Microseconds of a day of 24 hours.
pub(crate) const DAY_US: i64 = 86_400_000_000;

/// 0001-01-01: the first day that a time may be in.
pub(crate) const DAY_MIN: Day = Day(-719_162);
/// 9999-12-31: the last.
pub(crate) const DAY_MAX: Day = Day(2_932_896);
/// The first and the last microsecond of these days, in wall time.
pub(crate) const WALLS: [i64; 2] = [
    DAY_MIN.0 as i64 * DAY_US,
    (DAY_MAX.0 as i64 + 1) * DAY_US - 1,
];

/// A time zone as a table of its offsets.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    /// When each offset begins (µs, instants), the first at `i64::MIN`.
    starts: Vec<i64>,
    /// Local minus UTC from the matching start on, µs.
    offsets: Vec<i64>,
    /// The wall time, by the offset's own clock, at which each offset but the last ends.
    wall_ends: Vec<i64>,
    /// The first and the last instant of the days [`DAY_MIN`] to [`DAY_MAX`].
    bounds: [i64; 2],
}

impl Zone {
    /// The zone of an IANA name, or `None` if there is no such zone.
    pub fn named(name: &str) -> Option<Zone> {
        let zone = TimeZone::get(name).ok()?;
        let mut starts = vec![i64::MIN];
        let mut offsets = vec![offset_us(zone.to_offset(Timestamp::MIN))];
        for transition in zone.following(Timestamp::MIN) {
            let offset = offset_us(transition.offset());
            // Some transitions change only the abbreviation or the name of the time; they would
            // split a period for nothing.
            if offsets.last() != Some(&offset) {
                starts.push(transition.timestamp().as_microsecond());
                offsets.push(offset);
            }
        }
        let ends = starts[1..].iter().zip(&offsets);
        let wall_ends = ends
            .map(|(end, offset)| end.saturating_add(*offset))
            .collect();
        // Bounds are set last, as they are found by the table itself.
        let mut zone = Zone {
            name: name.to_owned(),
            starts,
            offsets,
            wall_ends,
            bounds: [0, 0],
        };
        zone.bounds = WALLS.map(|wall| zone.instant_of(wall).0);
        Some(zone)
    }

    /// Coordinated universal time.
    ///
    /// # Panics
    /// Never: the zone database is part of the binary.
    pub fn utc() -> Zone {
        Zone::named("UTC").expect("the bundled database has UTC")
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the local day of an instant is in the years 1 to 9999.
    #[inline]
    pub(crate) fn is_near(&self, at: Micros) -> bool {
        let [first, last] = self.bounds;
        (first..=last).contains(&at.0)
    }

    /// The first instant with the wall time `wall_us`, or, if clocks skip it, the instant of the gap.
    #[inline]
    pub fn instant_of(&self, wall_us: i64) -> Micros {
        // In a fold the wall time is before the end of the earlier period, by that period's clock,
        // and so gives the earlier instant. In a gap it is behind that end, and the maximum below
        // gives the start of the later period, which is the end of the gap.
        let period = self.wall_ends.partition_point(|end| *end <= wall_us);
        Micros(
            wall_us
                .saturating_sub(self.offsets[period])
                .max(self.starts[period]),
        )
    }

    /// The wall time of an instant, in local µs since 1970-01-01T00:00.
    pub fn wall_of(&self, at: Micros) -> i64 {
        // Never 0 before the subtraction: the first period starts at `i64::MIN`.
        let period = self.starts.partition_point(|start| *start <= at.0) - 1;
        at.0.saturating_add(self.offsets[period])
    }

    /// The first instant of a day.
    pub fn start_of(&self, day: Day) -> Micros {
        self.instant_of(i64::from(day.0).saturating_mul(DAY_US))
    }

    /// The day in which an instant falls.
    pub fn day_of(&self, at: Micros) -> Day {
        day_of_wall(self.wall_of(at))
    }

    /// The instant with the same wall time some calendar days earlier.
    pub fn days_before(&self, at: Micros, days: u32) -> Micros {
        // By wall time and not by 24 hours: a lookback counts calendar days, of which some have 23
        // or 25 hours.
        self.instant_of(self.wall_of(at).saturating_sub(i64::from(days) * DAY_US))
    }

    /// The start of a lookback from an instant: the same wall time, on an earlier day.
    pub(crate) fn lookback_from(&self, at: Micros, lookback: Lookback) -> Micros {
        match lookback {
            Lookback::Days(days) => self.days_before(at, days),
            Lookback::Years(_) => {
                let wall = self.wall_of(at);
                let day = day_of_wall(wall);
                let of_day = wall - i64::from(day.0) * DAY_US;
                let first = i64::from(lookback.first_day(day).0).saturating_mul(DAY_US);
                self.instant_of(first.saturating_add(of_day))
            }
        }
    }
}

/// How far before its cutoff a history reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookback {
    /// Calendar days.
    Days(u32),
    /// Calendar years: to the same date, and from 29 February to 28 February of a year without one.
    Years(u32),
}

impl Lookback {
    /// The first day of a lookback from a day; `i32::MIN` beyond the calendar.
    pub(crate) fn first_day(self, day: Day) -> Day {
        let beyond = Day(i32::MIN);
        match self {
            Lookback::Days(days) => {
                let first = i64::from(day.0) - i64::from(days);
                i32::try_from(first).map_or(beyond, Day)
            }
            Lookback::Years(years) => years_before(day, years).unwrap_or(beyond),
        }
    }
}

/// The same date some years earlier, and 28 February for a 29 February that the year lacks; `None`
/// beyond the calendar.
fn years_before(day: Day, years: u32) -> Option<Day> {
    let since = Span::new().try_days(day.0).ok()?;
    let date = Date::constant(1970, 1, 1).checked_add(since).ok()?;
    let year = i32::from(date.year()).checked_sub_unsigned(years)?;
    let (month, of_month) = (date.month().unsigned_abs(), date.day().unsigned_abs());
    // The year of a date of jiff is above -10000; beyond it no bound is needed either.
    let is_near = year > -10_000;
    let same = |of_month: u8| day_of_date(year, month.into(), of_month.into());
    same(of_month)
        .or_else(|| same(of_month - 1))
        .filter(|_| is_near)
}

/// A zone for wall times that are nearly sorted: caches the period of the last offset, so that most
/// lookups need no search.
#[derive(Clone, Debug)]
pub(crate) struct WallClock<'z> {
    zone: &'z Zone,
    /// The period, as an index.
    period: usize,
    /// The first wall time of the period.
    first: i64,
    last: i64,
}

impl<'z> WallClock<'z> {
    /// A clock of a zone.
    pub(crate) fn new(zone: &'z Zone) -> WallClock<'z> {
        // The empty range from 0 to 0 would claim that period 0 has the wall time 0, so the cache
        // is filled before it is asked.
        let mut clock = WallClock {
            zone,
            period: 0,
            first: 0,
            last: 0,
        };
        clock.find(0);
        clock
    }

    /// As [`Zone::instant_of`].
    #[inline]
    pub(crate) fn instant_of(&mut self, wall_us: i64) -> Micros {
        if wall_us < self.first || wall_us > self.last {
            self.find(wall_us);
        }
        // As in `Zone::instant_of`, the gap included: the maximum must stay in the cached path.
        let offset = self.zone.offsets[self.period];
        let at = wall_us.saturating_sub(offset);
        Micros(at.max(self.zone.starts[self.period]))
    }

    /// Finds the period of a wall time.
    #[cold]
    fn find(&mut self, wall_us: i64) {
        let ends = &self.zone.wall_ends;
        self.period = ends.partition_point(|end| *end <= wall_us);
        let before = self.period.checked_sub(1);
        self.first = before.map_or(i64::MIN, |before| ends[before]);
        let end = ends.get(self.period);
        self.last = end.map_or(i64::MAX, |end| end - 1);
    }
}

/// A zone for instants that are nearly sorted: caches the period of the last offset.
#[derive(Clone, Debug)]
pub(crate) struct OffsetClock<'z> {
    zone: &'z Zone,
    /// The first instant of the period.
    first: i64,
    last: i64,
    /// Local minus UTC in it, µs.
    offset: i64,
}

impl<'z> OffsetClock<'z> {
    /// A clock of a zone.
    pub(crate) fn new(zone: &'z Zone) -> OffsetClock<'z> {
        let mut clock = OffsetClock {
            zone,
            first: 0,
            last: 0,
            offset: 0,
        };
        clock.find(0);
        clock
    }

    /// Local minus UTC at an instant, µs.
    #[inline]
    pub(crate) fn offset_at(&mut self, at: Micros) -> i64 {
        if at.0 < self.first || at.0 > self.last {
            self.find(at.0);
        }
        self.offset
    }

    /// Finds the period of an instant.
    #[cold]
    fn find(&mut self, at: i64) {
        let starts = &self.zone.starts;
        let period = starts.partition_point(|start| *start <= at) - 1;
        self.first = starts[period];
        self.last = starts.get(period + 1).map_or(i64::MAX, |next| next - 1);
        self.offset = self.zone.offsets[period];
    }
}

/// The day of a wall time.
///
/// # Panics
/// Never: an `i64` of microseconds spans 107 million days, which fit an `i32`.
pub(crate) fn day_of_wall(wall_us: i64) -> Day {
    Day(i32::try_from(wall_us.div_euclid(DAY_US)).expect("107 million days fit an i32"))
}

/// An offset of the zone library in microseconds.
fn offset_us(offset: jiff::tz::Offset) -> i64 {
    i64::from(offset.seconds()) * 1_000_000
}

/// The day of a date in the Gregorian calendar, or `None` if there is no such date.
///
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
#[inline]
pub(crate) fn day_of_date(year: i32, month: u32, day: u32) -> Option<Day> {
    if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    let (month, day) = (i32::try_from(month).ok()?, i32::try_from(day).ok()?);
    // Years begin in March here, so that the leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(Day(era * 146_097 + day_of_era - 719_468))
}

/// The number of days in a month of 1 to 12.
#[inline]
fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A day as `YYYY-MM-DD`.
pub fn date_text(day: Day) -> String {
    let epoch = Date::constant(1970, 1, 1);
    let since = Span::new().try_days(day.0);
    match since.and_then(|since| epoch.checked_add(since)) {
        Ok(date) => date.to_string(),
        Err(_) => format!("day {}", day.0),
    }
}

/// The day of a text `YYYY-MM-DD`, or `None` if it is no such text.
pub fn parse_day(text: &str) -> Option<Day> {
    parse_date(text.as_bytes())
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&date_text(*self))
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_day(&text).ok_or_else(|| D::Error::custom("expected a day as YYYY-MM-DD"))
    }
}

/// Reads `YYYY-MM-DD`.
#[inline]
pub(crate) fn parse_date(text: &[u8]) -> Option<Day> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = text else {
        return None;
    };
    let year = pair(*y0, *y1)? * 100 + pair(*y2, *y3)?;
    day_of_date(i32::try_from(year).ok()?, pair(*m0, *m1)?, pair(*d0, *d1)?)
}

/// Reads a `dt` value, which may itself be written `dt=YYYY-MM-DD`.
pub(crate) fn parse_dt(text: &str) -> Option<Day> {
    parse_date(text.strip_prefix("dt=").unwrap_or(text).as_bytes())
}

/// Two digits as a number.
#[inline]
pub(crate) fn pair(tens: u8, ones: u8) -> Option<u32> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens) * 10 + u32::from(ones))
}

/// An instant as RFC 3339 in UTC; outside the years of the calendar, as a number.
pub(crate) fn instant_text(at: Micros) -> String {
    if let Ok(time) = Timestamp::from_microsecond(at.0) {
        return time.to_string();
    }
    // `Timestamp` ends a day before the year 9999 does.
    let wall = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let since = Span::new().try_microseconds(at.0);
    match since.and_then(|since| wall.checked_add(since)) {
        Ok(wall) => format!("{wall}Z"),
        Err(_) => format!("{} µs", at.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wall time of a date and a time of day.
    fn wall(year: i32, month: u32, day: u32, hour: i64, minute: i64) -> i64 {
        let day = day_of_date(year, month, day).expect("a date");
        i64::from(day.0) * DAY_US + (hour * 60 + minute) * 60_000_000
    }

    #[test]
    fn dates_match_the_zone_library() {
        for days in (DAY_MIN.0..2_932_000).step_by(97) {
            let date = date_text(Day(days));
            let part = |range: std::ops::Range<usize>| date[range].parse::<u32>().expect("digits");
            let year = i32::try_from(part(0..4)).expect("a year");
            assert_eq!(
                day_of_date(year, part(5..7), part(8..10)),
                Some(Day(days)),
                "{date}"
            );
        }
        assert_eq!(day_of_date(2025, 2, 29), None);
        assert_eq!(day_of_date(1900, 2, 29), None);
        assert!(day_of_date(2000, 2, 29).is_some());
        assert_eq!(day_of_date(2025, 13, 1), None);
    }

    #[test]
    fn a_wall_time_in_a_gap_is_the_gaps_end() {
        let zone = Zone::named("America/New_York").expect("a zone");
        // 2025-03-09: 02:00 EST becomes 03:00 EDT, which is 07:00 UTC.
        let end = Micros(wall(2025, 3, 9, 7, 0));
        assert_eq!(zone.instant_of(wall(2025, 3, 9, 2, 0)), end);
        assert_eq!(zone.instant_of(wall(2025, 3, 9, 2, 59)), end);
        assert_eq!(zone.instant_of(wall(2025, 3, 9, 3, 0)), end);
        assert_eq!(
            zone.instant_of(wall(2025, 3, 9, 1, 59)),
            Micros(end.0 - 60_000_000)
        );
    }

    #[test]
    fn a_wall_time_in_a_fold_is_the_earlier_instant() {
        let zone = Zone::named("America/New_York").expect("a zone");
        // 2025-11-02: 02:00 EDT becomes 01:00 EST; 01:30 happens at 05:30 and 06:30 UTC.
        assert_eq!(
            zone.instant_of(wall(2025, 11, 2, 1, 30)),
            Micros(wall(2025, 11, 2, 5, 30))
        );
        assert_eq!(
            zone.instant_of(wall(2025, 11, 2, 2, 0)),
            Micros(wall(2025, 11, 2, 7, 0))
        );
    }

    #[test]
    fn a_wall_clock_says_what_its_zone_says() {
        for name in ["UTC", "America/New_York", "Asia/Beirut", "Pacific/Apia"] {
            let zone = Zone::named(name).expect("a zone");
            let mut clock = WallClock::new(&zone);
            let mut walls = vec![i64::MIN, i64::MAX, 0, -1];
            for end in &zone.wall_ends {
                let around = [-DAY_US, -1, 0, 1, 3_600_000_000, DAY_US];
                walls.extend(around.map(|step| end.saturating_add(step)));
            }
            for wall in walls {
                assert_eq!(
                    clock.instant_of(wall),
                    zone.instant_of(wall),
                    "{name} {wall}"
                );
            }
        }
    }

    #[test]
    fn an_offset_clock_says_what_its_zone_says() {
        for name in ["UTC", "America/New_York", "Pacific/Apia"] {
            let zone = Zone::named(name).expect("a zone");
            let mut clock = OffsetClock::new(&zone);
            let around = |start: &i64| [-DAY_US, -1, 0, 1].map(|step| start.saturating_add(step));
            for at in zone.starts.iter().flat_map(around).chain([i64::MAX, 0]) {
                let wall = zone.wall_of(Micros(at));
                let offset = clock.offset_at(Micros(at));
                assert_eq!(at.saturating_add(offset), wall, "{name} {at}");
            }
        }
    }

    #[test]
    fn a_day_may_start_after_midnight() {
        // Beirut, 2025-03-30: midnight becomes 01:00.
        let zone = Zone::named("Asia/Beirut").expect("a zone");
        let day = day_of_date(2025, 3, 30).expect("a date");
        assert_eq!(zone.start_of(day), Micros(wall(2025, 3, 29, 22, 0)));
        assert_eq!(zone.wall_of(zone.start_of(day)), wall(2025, 3, 30, 1, 0));
    }

    #[test]
    fn a_year_goes_back_to_the_same_date() {
        let day = |text: &str| parse_day(text).expect("a day");
        for (from, years, to) in [
            ("2025-08-15", 1, "2024-08-15"),
            ("2024-02-29", 1, "2023-02-28"),
            ("2024-02-29", 4, "2020-02-29"),
            ("2025-03-01", 1, "2024-03-01"),
            ("2025-02-28", 1, "2024-02-28"),
            ("2025-08-15", 0, "2025-08-15"),
        ] {
            assert_eq!(
                Lookback::Years(years).first_day(day(from)),
                day(to),
                "{from}"
            );
        }
        let far = Lookback::Years(u32::MAX).first_day(day("2025-08-15"));
        assert_eq!(far, Day(i32::MIN));
        // The time on the wall stays: summer time began three days later in 2024, and two days
        // earlier in 2023.
        let zone = Zone::named("Europe/Berlin").expect("a zone");
        let at = zone.instant_of(wall(2024, 3, 28, 12, 0));
        assert_eq!(instant_text(at), "2024-03-28T11:00:00Z");
        let back = zone.lookback_from(at, Lookback::Years(1));
        assert_eq!(instant_text(back), "2023-03-28T10:00:00Z");
    }

    #[test]
    fn lookback_keeps_the_time_on_the_wall() {
        let zone = Zone::named("Europe/Berlin").expect("a zone");
        let at = zone.instant_of(wall(2025, 7, 1, 12, 0));
        assert_eq!(
            zone.wall_of(zone.days_before(at, 180)),
            wall(2025, 1, 2, 12, 0)
        );
    }

    #[test]
    fn instants_never_decrease_with_the_wall() {
        for name in [
            "Europe/Berlin",
            "Asia/Beirut",
            "Australia/Lord_Howe",
            "Pacific/Apia",
        ] {
            let zone = Zone::named(name).expect("a zone");
            let mut last = Micros::MIN;
            for step in 0..200_000 {
                let wall_us = wall(2005, 1, 1, 0, 0) + step * 3_600_000_000 + 1;
                let at = zone.instant_of(wall_us);
                assert!(last <= at, "{name} at {wall_us}");
                last = at;
            }
        }
    }

    #[test]
    fn near_is_what_the_wall_shows_in_the_years_1_to_9999() {
        for name in ["UTC", "America/New_York", "Pacific/Kiritimati"] {
            let zone = Zone::named(name).expect("a zone");
            let [first, last] = WALLS.map(|wall| zone.instant_of(wall));
            assert_eq!([first, last].map(|at| zone.day_of(at)), [DAY_MIN, DAY_MAX]);
            for (at, is_near) in [(first, true), (last, true)] {
                assert_eq!(zone.is_near(at), is_near, "{name} {at:?}");
            }
            for at in [first.0 - 1, last.0 + 1, i64::MIN, i64::MAX] {
                assert!(!zone.is_near(Micros(at)), "{name} {at}");
            }
        }
        let utc = Zone::utc();
        let [first, last] = WALLS.map(|wall| instant_text(utc.instant_of(wall)));
        assert_eq!(first, "0001-01-01T00:00:00Z");
        assert_eq!(last, "9999-12-31T23:59:59.999999Z");
        assert_eq!(date_text(DAY_MIN), "0001-01-01");
        assert_eq!(date_text(DAY_MAX), "9999-12-31");
        assert_eq!(date_text(Day(DAY_MAX.0 + 1)), "day 2932897");
    }

    #[test]
    fn the_ends_of_time_saturate() {
        let zone = Zone::named("Europe/Berlin").expect("a zone");
        assert_eq!(zone.instant_of(i64::MIN).0, i64::MIN);
        assert!(zone.instant_of(i64::MAX).0 > i64::MAX - 2 * DAY_US);
        assert_eq!(Zone::utc().instant_of(i64::MIN), Micros::MIN);
        assert_eq!(Zone::utc().instant_of(i64::MAX), Micros::MAX);
    }

    #[test]
    fn a_dt_may_repeat_its_own_name() {
        assert_eq!(parse_dt("dt=2025-08-15"), Some(Day(20_315)));
        assert_eq!(parse_dt("2025-08-15"), Some(Day(20_315)));
        assert_eq!(parse_dt("2025-08-15 00:00"), None);
    }
}
