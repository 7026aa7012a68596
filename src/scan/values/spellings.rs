//! Text to time, in spellings of warehouses and of logs beside the usual form.
//!
//! **In / Out**: the text of one field → the time, with its offset if it has one.
//!
//! | | |
//! |---|---|
//! | date | `2025-8-4`, `2025/08/04`, `2025.08.04`, `20250804` before a time of day, `4 Aug 2025`, `04-Aug-2025`, `4/August/2025`, `Aug 4, 2025`, `2025-Aug-04`; a day of the week may stand before it, and must be right |
//! | between | `T`, spaces, a comma and spaces, and `:` behind `04/Aug/2025` |
//! | time of day | `9:05`, `10:00:00`, `10:00:00.123`, `10:00:00,123`, `24:00`, `10:00 PM`; `100000` behind `20250804` |
//! | offset | `Z`, `UTC`, `GMT`, `+02`, `+0200`, `+02:00`, with or without spaces before it; then ` UTC` if it is zero, or a name in brackets |
//!
//! `Aug 4 10:00:00 UTC 2025` has its year last. Spaces around a time mean nothing.
//! **Invariants**: the year has four digits and stands first, or the month is a name. Any other date could be
//! another day, so it is none. **Cost**: one pass, no allocation; tried only if the usual form does not fit.

use crate::calendar::{DAY_MIN, DAY_US, day_of_date};
use crate::ids::{Day, Micros};
use crate::scan::text::times::WrittenTime;
use crate::scan::values::cursor::Cursor;

/// Months by their names.
const MONTHS: [&[u8]; 12] = [
    b"january",
    b"february",
    b"march",
    b"april",
    b"may",
    b"june",
    b"july",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
];
/// Days of the week, from that of 1970-01-01 on.
const WEEKDAYS: [&[u8]; 7] = [
    b"thursday",
    b"friday",
    b"saturday",
    b"sunday",
    b"monday",
    b"tuesday",
    b"wednesday",
];
/// Microseconds of a minute.
const MINUTE_US: i64 = 60_000_000;

/// What a text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts {
    day: Day,
    /// Microseconds since the start of the day, if it has a time of day.
    clock_us: Option<i64>,
    /// Microseconds east of UTC, if it has an offset.
    east_us: Option<i64>,
}

/// Reads one time, or `None` if the text is not in one of the forms above.
#[cold]
pub(crate) fn parse(text: &str) -> Option<(WrittenTime, Option<i64>)> {
    let mut rest = Cursor(text.as_bytes().trim_ascii());
    let weekday = rest.weekday()?;
    let parts = if rest.0.first()?.is_ascii_digit() {
        rest.digits_first()?
    } else {
        rest.month_first()?
    };
    let is_right = |weekday: usize| {
        let of_day = usize::try_from(parts.day.0.rem_euclid(7));
        of_day.is_ok_and(|of_day| of_day == weekday)
    };
    if !rest.0.is_empty() || !weekday.is_none_or(is_right) {
        return None;
    }
    let Some(clock_us) = parts.clock_us else {
        return Some((WrittenTime::Date(parts.day), None));
    };
    let wall_us = i64::from(parts.day.0) * DAY_US + clock_us;
    let Some(east_us) = parts.east_us else {
        return Some((WrittenTime::Wall(wall_us), None));
    };
    // As in the usual form: the year of an instant is judged as it is written, too.
    if parts.day < DAY_MIN {
        return None;
    }
    Some((
        WrittenTime::Instant(Micros(wall_us - east_us)),
        Some(east_us),
    ))
}

impl Cursor<'_> {
    /// Takes a day of the week with what separates it from a date, if there is one.
    fn weekday(&mut self) -> Option<Option<usize>> {
        let Some(weekday) = self.name(&WEEKDAYS) else {
            return Some(None);
        };
        self.take(b',');
        self.spaces().then_some(Some(weekday))
    }

    /// Takes the name of a month; gives its number.
    fn month_name(&mut self) -> Option<u32> {
        u32::try_from(self.name(&MONTHS)? + 1).ok()
    }

    /// Takes all that follows, where the date begins with a number.
    fn digits_first(&mut self) -> Option<Parts> {
        let (number, count) = self.digits()?;
        match count {
            4 => self.year_first(number),
            8 => self.compact(number),
            1 | 2 => self.day_first(number),
            _ => None,
        }
    }

    /// `2025-8-4`, behind the year.
    fn year_first(&mut self, year: u32) -> Option<Parts> {
        let by = self.take_any(b"-/.")?;
        let is_digit = self.0.first()?.is_ascii_digit();
        let month = if is_digit {
            self.small()?
        } else {
            self.month_name()?
        };
        if !self.take(by) {
            return None;
        }
        let day = day_of(year, month, self.small()?)?;
        self.time_behind(day, b"Tt", Cursor::clock)
    }

    /// `20250804T100000`, behind the date.
    fn compact(&mut self, date: u32) -> Option<Parts> {
        let day = day_of(date / 10_000, date / 100 % 100, date % 100)?;
        let parts = self.time_behind(day, b"Tt", |rest| {
            rest.colon_clock().or_else(|| rest.compact_clock())
        })?;
        // Alone it is a number.
        parts.clock_us.map(|_| parts)
    }

    /// `4 Aug 2025`, behind the day.
    fn day_first(&mut self, day: u32) -> Option<Parts> {
        let by = if self.spaces() {
            b' '
        } else {
            self.take_any(b"-/")?
        };
        let month = self.month_name()?;
        let is_next = match by {
            b' ' => {
                self.take(b',');
                self.spaces()
            }
            by => self.take(by),
        };
        let year = self.exactly(4).filter(|_| is_next)?;
        let between: &[u8] = if by == b'/' { b"Tt:" } else { b"Tt" };
        self.time_behind(day_of(year, month, day)?, between, Cursor::clock)
    }

    /// `Aug 4, 2025`, or with the time of day before the year.
    fn month_first(&mut self) -> Option<Parts> {
        let month = self.month_name()?;
        self.take(b'.');
        if !self.spaces() {
            return None;
        }
        let day = self.small()?;
        self.take(b',');
        if !self.spaces() {
            return None;
        }
        let mut ahead = *self;
        if let Some(year) = ahead.exactly(4) {
            *self = ahead;
            return self.time_behind(day_of(year, month, day)?, b"Tt", Cursor::clock);
        }
        let clock_us = Some(self.clock()?);
        self.spaces();
        let is_year = self.0.first().is_some_and(u8::is_ascii_digit);
        let east_us = if is_year { None } else { Some(self.offset()?) };
        self.spaces();
        let year = self.exactly(4)?;
        Some(Parts {
            day: day_of(year, month, day)?,
            clock_us,
            east_us,
        })
    }

    /// Takes the time of day and the offset behind a date, if there are some.
    fn time_behind(
        &mut self,
        day: Day,
        between: &[u8],
        clock: impl Fn(&mut Self) -> Option<i64>,
    ) -> Option<Parts> {
        let date = Parts {
            day,
            clock_us: None,
            east_us: None,
        };
        if self.0.is_empty() {
            return Some(date);
        }
        if self.take_any(between).is_none() {
            self.take(b',');
            if !self.spaces() {
                return None;
            }
        }
        let clock_us = Some(clock(self)?);
        self.spaces();
        let east_us = if self.0.is_empty() {
            None
        } else {
            Some(self.offset()?)
        };
        Some(Parts {
            clock_us,
            east_us,
            ..date
        })
    }

    /// Takes `H:MM[:SS[.fraction]][ AM]`.
    fn clock(&mut self) -> Option<i64> {
        let hour = self.small()?;
        if !self.take(b':') {
            return None;
        }
        let minute = self.exactly(2)?;
        let (mut second, mut fraction_us) = (0, 0);
        if self.take(b':') {
            second = self.exactly(2)?;
            fraction_us = self.fraction()?;
        }
        let mut ahead = *self;
        ahead.spaces();
        match ahead.half_of_day() {
            None => time_of(hour, minute, second, fraction_us),
            Some(_) if !(1..=12).contains(&hour) => None,
            Some(half) => {
                *self = ahead;
                time_of(hour % 12 + half, minute, second, fraction_us)
            }
        }
    }

    /// The same, which takes nothing if it is not there.
    fn colon_clock(&mut self) -> Option<i64> {
        let mut ahead = *self;
        let clock_us = ahead.clock()?;
        *self = ahead;
        Some(clock_us)
    }

    /// Takes `HHMM[SS[.fraction]]`.
    fn compact_clock(&mut self) -> Option<i64> {
        let (clock, count) = self.digits()?;
        match count {
            4 => time_of(clock / 100, clock % 100, 0, 0),
            6 => {
                let fraction_us = self.fraction()?;
                time_of(clock / 10_000, clock / 100 % 100, clock % 100, fraction_us)
            }
            _ => None,
        }
    }

    /// Takes `AM` or `PM`; gives the hours to add.
    fn half_of_day(&mut self) -> Option<u32> {
        let (word, rest) = self.0.split_at_checked(2)?;
        let hours = match word {
            b"AM" | b"am" => 0,
            b"PM" | b"pm" => 12,
            _ => return None,
        };
        if rest.first().is_some_and(u8::is_ascii_alphabetic) {
            return None;
        }
        self.0 = rest;
        Some(hours)
    }

    /// Takes an offset; gives microseconds east of UTC.
    fn offset(&mut self) -> Option<i64> {
        let east_us = match self.take_any(b"+-") {
            Some(sign) => self.hours_and_minutes(if sign == b'-' { -1 } else { 1 })?,
            None => self.zero()?,
        };
        let mut ahead = *self;
        // Go writes both.
        if ahead.spaces() && east_us == 0 && ahead.zero().is_some() {
            *self = ahead;
        }
        // Java writes the zone that the offset is of.
        if self.take(b'[') {
            let end = self.0.iter().position(|byte| *byte == b']')?;
            let (name, rest) = self.0.split_at(end);
            let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(byte);
            if name.is_empty() || !name.iter().all(is_of_name) {
                return None;
            }
            self.0 = &rest[1..];
        }
        Some(east_us)
    }

    /// Takes a name of UTC.
    fn zero(&mut self) -> Option<i64> {
        let names: [&[u8]; 3] = [b"UTC", b"GMT", b"Z"];
        let is_next = |name: &&&[u8]| {
            let head = self.0.get(..name.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(name))
        };
        let name = names.iter().find(is_next)?;
        self.0 = &self.0[name.len()..];
        Some(0)
    }

    /// Takes `HH`, `HHMM` or `HH:MM`.
    fn hours_and_minutes(&mut self, sign: i64) -> Option<i64> {
        let (number, count) = self.digits()?;
        let (hour, minute) = match count {
            2 if self.take(b':') => (number, self.exactly(2)?),
            2 => (number, 0),
            4 => (number / 100, number % 100),
            _ => return None,
        };
        let is_offset = hour <= 23 && minute <= 59;
        is_offset.then(|| sign * i64::from(hour * 60 + minute) * MINUTE_US)
    }
}

/// A date.
fn day_of(year: u32, month: u32, day: u32) -> Option<Day> {
    day_of_date(i32::try_from(year).ok()?, month, day)
}

/// Microseconds since the start of the day. The end of a day is the start of the next.
fn time_of(hour: u32, minute: u32, second: u32, fraction_us: i64) -> Option<i64> {
    let is_end = hour == 24 && minute == 0 && second == 0 && fraction_us == 0;
    if !is_end && (hour > 23 || minute > 59 || second > 60) {
        return None;
    }
    // A leap second is read as the second before it.
    let seconds = i64::from((hour * 60 + minute) * 60 + second.min(59));
    Some(seconds * 1_000_000 + fraction_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_has_many_spellings() {
        let at = 1_755_165_600_000_000; // 2025-08-14T10:00:00Z
        for text in [
            "2025-08-14 10:00:00.000 +0000",
            "2025-08-14 12:00:00 +02:00",
            "2025-08-14 10:00:00 +0000 UTC",
            "2025-08-14T10:00:00Z[UTC]",
            "2025-08-14T12:00:00+02:00[Europe/Berlin]",
            "2025-08-14 10:00:00 GMT",
            "2025-08-14 10:00:00UTC",
            "20250814T100000Z",
            "20250814T1000Z",
            "20250814 10:00:00+00",
            "2025/08/14 10:00:00 UTC",
            "2025-8-14 10:00 Z",
            "14/Aug/2025:10:00:00 +0000",
            "Thu, 14 Aug 2025 10:00:00 GMT",
            "Thu Aug 14 10:00:00 +0000 2025",
            "Thu Aug 14 10:00:00 UTC 2025",
            "Thursday, August 14, 2025 10:00:00 AM UTC",
            " 2025-08-14 10:00:00,000Z ",
            "2025-Aug-14 10:00:00Z",
        ] {
            let found = parse(text).map(|(written, _)| written);
            assert_eq!(found, Some(WrittenTime::Instant(Micros(at))), "{text}");
        }
        for text in [
            "2025/08/14 10:00:00",
            "2025.08.14 10:00",
            "2025-8-14T10:00",
            "14 Aug 2025 10:00:00",
            "14-AUG-2025 10:00:00",
            "14 August, 2025, 10:00",
            "Aug 14, 2025 10:00:00 AM",
            "Aug. 14, 2025, 10:00 AM",
            "Thu Aug 14 10:00:00 2025",
            "20250814T100000",
            "20250814 1000",
            "2025-08-14 10:00:00.0000000000",
        ] {
            let found = parse(text).map(|(written, _)| written);
            assert_eq!(found, Some(WrittenTime::Wall(at)), "{text}");
        }
        for (text, of_day_us) in [
            ("Aug 14, 2025 12:00:00 AM", 0),
            ("Aug 14, 2025 12:30 PM", 45_000_000_000),
            ("Aug 14, 2025 11:59:59.9999999pm", 86_399_999_999),
            ("2025-08-14T24:00", DAY_US),
            ("2025-08-14 9:05:00,123456789", 32_700_123_456),
            ("20250814T235960.5", 86_399_500_000),
        ] {
            let wall_us = 20_314 * DAY_US + of_day_us;
            let found = parse(text).map(|(written, _)| written);
            assert_eq!(found, Some(WrittenTime::Wall(wall_us)), "{text}");
        }
        for text in ["2025/8/14", "14 Aug 2025", "Aug 14, 2025", " 2025-08-14"] {
            let found = parse(text).map(|(written, _)| written);
            assert_eq!(found, Some(WrittenTime::Date(Day(20_314))), "{text}");
        }
        let (_, east_us) = parse("2025/08/14 10:00:00 -0530").expect("a time");
        assert_eq!(east_us, Some(-330 * MINUTE_US));
    }

    #[test]
    fn what_could_be_another_moment_is_none() {
        for text in [
            "",
            " ",
            "20250814",
            "2025081410",
            "08/09/2025",
            "8/14/2025 10:00:00 AM",
            "14.08.2025 10:00",
            "14-08-2025",
            "14 Aug 25",
            "2025-08-14 10:00:00 CEST",
            "2025-08-14 10:00:00 Europe/Berlin",
            "2025-08-14 10:00:00 +0200 UTC",
            "2025-08-14 10:00:00 UTC+2",
            "2025-08-14 10:00:00 +2",
            "2025-08-14 10:00:00 +0260",
            "2025-08-14T10",
            "2025-08-14 UTC",
            "2025-08",
            "2025-08/14",
            "2025-13-14 10:00:00",
            "0000-00-00 00:00:00",
            "Fri, 14 Aug 2025 10:00:00 GMT",
            "Aug 14, 2025 13:00 PM",
            "Aug 14, 2025 0:30 AM",
            "2025/08/14 10:00:00.",
            "2025/08/14 24:00:01",
            "2025/08/14 10:60",
            "20250814T10",
            "20250814T10000",
            "Thu",
            "Augu 14, 2025",
            "2025/08/14 10:00:00 Z[",
            "NaT",
            "1755165600.5",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
