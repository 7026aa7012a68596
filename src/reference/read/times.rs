//! Parses times in the forms that SPEC lists, and no other.

use jiff::Zoned;
use jiff::civil::{Date, DateTime};

use crate::job::{Settings, TimeUnit};
use crate::reference;
use crate::reference::LogTime;
use crate::reference::read::spellings;

/// Microseconds of a minute.
const MINUTE_US: i64 = 60_000_000;

/// A time, and its offset in minutes east of UTC if it is written with one: by the format of the settings, or
/// in any form that needs none.
pub(crate) fn parse_in(settings: &Settings, text: &str) -> Option<(LogTime, Option<i64>)> {
    let format = settings.time_format.as_deref();
    let by_format = format.and_then(|format| parse_by(format, text));
    by_format.or_else(|| parse(text))
}

/// A time by a format.
pub(crate) fn parse_by(format: &str, text: &str) -> Option<(LogTime, Option<i64>)> {
    if let Ok(zoned) = Zoned::strptime(format, text) {
        let east = i64::from(zoned.offset().seconds()) / 60;
        let at = LogTime::Instant(zoned.timestamp().as_microsecond());
        return Some((at, Some(east)));
    }
    let wall = DateTime::strptime(format, text).ok()?;
    let day = (wall.date() - Date::constant(1970, 1, 1)).get_days();
    let letters = format.split('%').skip(1);
    let mut letters = letters.filter_map(|piece| piece.chars().find(char::is_ascii_alphabetic));
    if !letters.any(|letter| "HIklTR".contains(letter)) {
        return Some((LogTime::Date(day), None));
    }
    let [hour, minute, second] = [wall.hour(), wall.minute(), wall.second()].map(i64::from);
    let of_day = ((hour * 60 + minute) * 60 + second) * 1_000_000;
    let fraction = i64::from(wall.subsec_nanosecond()) / 1000;
    let at = i64::from(day) * 1440 * MINUTE_US + of_day + fraction;
    Some((LogTime::Wall(at), None))
}

/// A time in any form that can be no other time.
pub(crate) fn parse(text: &str) -> Option<(LogTime, Option<i64>)> {
    parse_usual(text).or_else(|| spellings::time(text))
}

/// A time in the usual form.
fn parse_usual(text: &str) -> Option<(LogTime, Option<i64>)> {
    // Checked, as the tenth byte may be inside a character.
    let (date, rest) = text.split_at_checked(10)?;
    let day = parse_date(date)?;
    if rest.is_empty() {
        return Some((LogTime::Date(day), None));
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let zone_at = rest.find([' ', 'Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at(zone_at);
    let wall = i64::from(day) * 1440 * MINUTE_US + parse_clock(clock)?;
    if zone.is_empty() {
        return Some((LogTime::Wall(wall), None));
    }
    let east = parse_zone(zone)?;
    // Year 0 is rejected by how it is written: with an offset its instant may be in year 1.
    if date.starts_with("0000") {
        return None;
    }
    Some((LogTime::Instant(wall - east * MINUTE_US), Some(east)))
}

/// The days from 1970-01-01 to `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let [year, month, day] = split(text, '-')?;
    if [year.len(), month.len(), day.len()] != [4, 2, 2] {
        return None;
    }
    let small = |text: &str| i8::try_from(digits(text)?).ok();
    let year = i16::try_from(digits(year)?).ok()?;
    let date = Date::new(year, small(month)?, small(day)?).ok()?;
    Some((date - Date::constant(1970, 1, 1)).get_days())
}

/// The microseconds of the day that `HH:MM[:SS[.fraction]]` names.
fn parse_clock(text: &str) -> Option<i64> {
    let (text, second) = match text.match_indices(':').nth(1) {
        Some((at, _)) => (&text[..at], &text[at + 1..]),
        None => (text, "00"),
    };
    let (second, fraction) = match second.split_once('.') {
        Some((_, "")) => return None,
        Some((second, fraction)) => (second, fraction),
        None => (second, "0"),
    };
    let [hour, minute] = split(text, ':')?;
    let is_pair = |text: &str| text.len() == 2;
    if !(is_pair(hour) && is_pair(minute) && is_pair(second)) || fraction.len() > 9 {
        return None;
    }
    let (hour, minute, second) = (digits(hour)?, digits(minute)?, digits(second)?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // It counts up from its second, so cutting rounds down before 1970 as well.
    let fraction = digits(&format!("{fraction:0<9}"))? / 1000;
    // A leap second is read as the second before it.
    Some(((hour * 60 + minute) * 60 + second.min(59)) * 1_000_000 + fraction)
}

/// The minutes east of UTC of `Z`, ` UTC`, `±HH`, `±HHMM` or `±HH:MM`.
fn parse_zone(text: &str) -> Option<i64> {
    if ["Z", "z", " UTC"].contains(&text) {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let text = text.strip_prefix(['+', '-'])?;
    let (hour, minute) = match text.len() {
        2 => (text, "00"),
        4 => text.split_at_checked(2)?,
        5 => text.split_once(':')?,
        _ => return None,
    };
    if hour.len() != 2 || minute.len() != 2 {
        return None;
    }
    let (hour, minute) = (digits(hour)?, digits(minute)?);
    (hour <= 23 && minute <= 59).then_some(sign * (hour * 60 + minute))
}

/// Whether a time is in the years 1 to 9999: as written, or, for an instant, in the zone of the settings.
pub(crate) fn is_near(settings: &Settings, time: LogTime) -> bool {
    reference::is_near(settings.zone_name(), time)
}

/// A number of units since the epoch, floored to microseconds, if it fits.
pub(crate) fn micros(value: i64, unit: TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Second => value.checked_mul(1_000_000),
        TimeUnit::Milli => value.checked_mul(1_000),
        TimeUnit::Micro => Some(value),
        // A plain division would round up before 1970.
        TimeUnit::Nano => Some(value.div_euclid(1_000)),
    }
}

/// The number of a text that holds only digits.
fn digits(text: &str) -> Option<i64> {
    // `parse` alone would accept a sign.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// The pieces of a text between separators, if there are N.
fn split<const N: usize>(text: &str, by: char) -> Option<[&str; N]> {
    let pieces: Vec<&str> = text.split(by).collect();
    pieces.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_spec_is_read() {
        let noon = 1_755_259_200_000_000;
        for (text, expected, east) in [
            ("2025-08-15", LogTime::Date(20_315), None),
            ("2025-08-15 12:00", LogTime::Wall(noon), None),
            ("2025-08-15t12:00:00", LogTime::Wall(noon), None),
            ("2025-08-15T12:00Z", LogTime::Instant(noon), Some(0)),
            ("2025-08-15 12:00:00 UTC", LogTime::Instant(noon), Some(0)),
            (
                "2025-08-15 14:00:00.0+02",
                LogTime::Instant(noon),
                Some(120),
            ),
            (
                "2025-08-15T06:30:00-0530",
                LogTime::Instant(noon),
                Some(-330),
            ),
            (
                "2025-08-15T06:30:00-05:30",
                LogTime::Instant(noon),
                Some(-330),
            ),
            (
                "1969-12-31T23:59:59.999999999z",
                LogTime::Instant(-1),
                Some(0),
            ),
            (
                "2025-08-15 12:00:60.5",
                LogTime::Wall(noon + 59_500_000),
                None,
            ),
        ] {
            assert_eq!(parse_usual(text), Some((expected, east)), "{text}");
        }
        for text in [
            "",
            "2025-8-15",
            "2025-02-29",
            "2025-08-15 ",
            "2025-08-15X12:00",
            "2025-08-15 24:00",
            "2025-08-15 12:00:61",
            "2025-08-15 12",
            "2025-08-15 12:00:00.",
            "2025-08-15 12:00:00.1234567890",
            "2025-08-15 12:00.5",
            "2025-08-15 12:00:00 +02:00",
            "2025-08-15 12:00:00+25:00",
            "2025-08-15 12:00:00Zz",
            "2025-08-15 12:00:00UTC",
            "2025-08-15 12:00:00 utc",
            "2025-08-15 12:00:00 UTC ",
            "2025-08-15 12:00:00+02 UTC",
            "2025-08-15 UTC",
            "1755259200",
            "２０２５-08-15",
        ] {
            assert_eq!(parse_usual(text), None, "{text}");
        }
    }
}
