//! Times by a format that the user gives: jiff's strptime.
//!
//! **In / Out**: a format and a text → the time, with its offset if it has one. A text without hours is a
//! day. **Invariants**: `Job` has checked the format: it tells a day, and hours of one half of it or the other.

use jiff::civil::Date;
use jiff::fmt::strtime::BrokenDownTime;

use crate::calendar::{DAY_MIN, DAY_US};
use crate::ids::{Day, Micros};
use crate::scan::text::times::WrittenTime;

/// Reads a time, or `None` if the text does not have the format, or names no time.
#[cold]
pub(crate) fn parse(format: &str, text: &str) -> Option<(WrittenTime, Option<i64>)> {
    let parts = BrokenDownTime::parse(format, text).ok()?;
    if parts.iana_time_zone().is_some() {
        let zoned = parts.to_zoned().ok()?;
        let at = Micros(zoned.timestamp().as_microsecond());
        let east_us = i64::from(zoned.offset().seconds()) * 1_000_000;
        return Some((WrittenTime::Instant(at), Some(east_us)));
    }
    let date = parts.to_date().ok()?;
    let day = day_of(date)?;
    if parts.hour().is_none() {
        return Some((WrittenTime::Date(day), None));
    }
    let time = parts.to_time().ok()?;
    // Within the day, so the nanoseconds are cut downwards.
    let since = time.duration_since(jiff::civil::Time::midnight());
    let wall_us = i64::from(day.0) * DAY_US + i64::try_from(since.as_micros()).ok()?;
    let Some(offset) = parts.offset() else {
        return Some((WrittenTime::Wall(wall_us), None));
    };
    if day < DAY_MIN {
        return None;
    }
    let east_us = i64::from(offset.seconds()) * 1_000_000;
    Some((
        WrittenTime::Instant(Micros(wall_us - east_us)),
        Some(east_us),
    ))
}

/// The day of a date.
fn day_of(date: Date) -> Option<Day> {
    let since = date.duration_since(Date::constant(1970, 1, 1));
    i32::try_from(since.as_hours() / 24).ok().map(Day)
}

/// Formats with the year first that are read only if somebody names them.
const YEAR_FIRST: [&str; 6] = [
    "%Y%m%d",
    "%Y%m%d%H",
    "%Y-%m-%d %H",
    "%Y-%m-%dT%H",
    "%Y-%m-%d %H:%M:%S %Q",
    "%Y-%m-%dT%H:%M:%S %Q",
];

/// The format that a text is written in, for a hint: one with the year first, or numbers with the year last,
/// which say neither day nor month first. Two formats if both are possible.
pub(crate) fn suggested(text: &str) -> Option<String> {
    let mut whole = YEAR_FIRST.into_iter();
    let known = whole.find(|format| parse(format, text).is_some());
    let known = known.map(|format| format!("'{format}'"));
    known.or_else(|| year_last(text))
}

/// The format of numbers with the year last.
fn year_last(text: &str) -> Option<String> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (first, rest) = text.split_at(digits(text));
    let by = rest.chars().next().filter(|by| "/.-".contains(*by))?;
    let rest = &rest[1..];
    let (second, rest) = rest.split_at(digits(rest));
    let rest = rest.strip_prefix(by)?;
    let (year, clock) = rest.split_at(digits(rest));
    let small = |text: &str| text.parse().ok().filter(|_| text.len() <= 2);
    let (first, second): (u32, u32) = (small(first)?, small(second)?);
    let year = match year.len() {
        4 => "%Y",
        2 => "%y",
        _ => return None,
    };
    let clock = format_of_clock(clock)?;
    let of = |one: &str, two: &str| format!("'{one}{by}{two}{by}{year}{clock}'");
    let (day_first, month_first) = (of("%d", "%m"), of("%m", "%d"));
    Some(match (first > 12, second > 12) {
        (true, true) => return None,
        (true, false) => day_first,
        (false, true) => month_first,
        // Nobody writes the month first between dots.
        (false, false) if by == '.' => day_first,
        (false, false) => format!("{day_first} or {month_first}"),
    })
}

/// The format of what stands behind a date.
fn format_of_clock(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let has_half = upper.contains("AM") || upper.contains("PM");
    let (mut format, mut rest) = (String::new(), upper.as_str());
    let hour = if has_half { "%I" } else { "%H" };
    let mut parts = [hour, "%M", "%S", "%f"].into_iter();
    while let Some(symbol) = rest.chars().next() {
        let count = rest.bytes().take_while(u8::is_ascii_digit).count();
        if count > 0 {
            format += parts.next()?;
            rest = &rest[count..];
        } else if let Some(behind) = rest.strip_prefix("AM").or_else(|| rest.strip_prefix("PM")) {
            format += "%p";
            rest = behind;
        } else if let Some(offset) = rest.strip_prefix(['+', '-']) {
            format += if offset.contains(':') { "%:z" } else { "%z" };
            rest = "";
        } else {
            let is_between = matches!(symbol, ' ' | ',' | '.' | ':' | 'T');
            format.push(Some(symbol).filter(|_| is_between)?);
            rest = &rest[1..];
        }
    }
    Some(format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_reads_days_wall_times_and_instants() {
        let noon = 1_755_259_200_000_000;
        for (format, text, expected) in [
            (
                "%d/%m/%Y %H:%M",
                "15/08/2025 12:00",
                WrittenTime::Wall(noon),
            ),
            (
                "%d.%m.%Y, %H:%M:%S%.f",
                "15.08.2025, 12:00:00.1234567",
                WrittenTime::Wall(noon + 123_456),
            ),
            (
                "%m/%d/%Y %I:%M:%S %p",
                "8/15/2025 12:00:00 PM",
                WrittenTime::Wall(noon),
            ),
            (
                "%d/%m/%Y %H:%M:%S %z",
                "15/08/2025 14:00:00 +0200",
                WrittenTime::Instant(Micros(noon)),
            ),
            ("%Y%m%d", "20250815", WrittenTime::Date(Day(20_315))),
            ("%d-%b-%y", "15-Aug-25", WrittenTime::Date(Day(20_315))),
        ] {
            let found = parse(format, text).map(|(written, _)| written);
            assert_eq!(found, Some(expected), "{format} {text}");
        }
        assert_eq!(parse("%d/%m/%Y", "08/15/2025"), None);
        assert_eq!(parse("%d/%m/%Y", "15/08/2025 "), None);
    }

    #[test]
    fn a_format_is_suggested_that_reads_the_text() {
        for (text, suggestion) in [
            ("08/09/2025", Some("'%d/%m/%Y' or '%m/%d/%Y'")),
            ("8/14/2025 10:00:00 AM", Some("'%m/%d/%Y %I:%M:%S %p'")),
            ("14.08.2025 10:00", Some("'%d.%m.%Y %H:%M'")),
            (
                "14-08-25, 10:00:00.123 +0200",
                Some("'%d-%m-%y, %H:%M:%S.%f %z'"),
            ),
            ("14/08/2025T10:00:00+02:00", Some("'%d/%m/%YT%H:%M:%S%:z'")),
            ("14/15/2025", None),
            ("yesterday", None),
            ("20250814", Some("'%Y%m%d'")),
            ("2025081410", Some("'%Y%m%d%H'")),
            ("2025-08-14T10", Some("'%Y-%m-%dT%H'")),
            (
                "2025-08-14 10:00:00 Europe/Berlin",
                Some("'%Y-%m-%d %H:%M:%S %Q'"),
            ),
            ("1755165600", None),
            ("2025-08", None),
            ("14.08.2025 10 Uhr", None),
            ("", None),
        ] {
            assert_eq!(suggested(text).as_deref(), suggestion, "{text}");
            if let Some(format) = suggestion {
                let format = format.split(" or ").next().expect("one").trim_matches('\'');
                assert!(parse(format, text).is_some(), "{format} {text}");
            }
        }
    }
}
