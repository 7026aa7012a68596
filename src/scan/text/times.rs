//! Text to time, in the forms that the guide promises; nothing is guessed.
//!
//! **In / Out**: the bytes of one field → [`WrittenTime`], or `None` for any other text.
//! `YYYY-MM-DD`, then optionally `T` or a space, `HH:MM[:SS[.fraction]]`, then optionally
//! `Z`, ` UTC` or `±HH[:]MM`. Fractions of 1 to 9 digits are floored to microseconds.
//! **Cost**: one pass, no allocation.

use crate::calendar::{DAY_MAX, DAY_MIN, DAY_US, WALLS, Zone, day_of_wall, pair, parse_date};
use crate::ids::{Day, Micros};

/// A time as it is written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrittenTime {
    /// A day without a time of day.
    Date(Day),
    /// A wall time, in microseconds since 1970-01-01T00:00 of the same zone.
    Wall(i64),
    /// An instant: the time has an offset.
    Instant(Micros),
}

/// When an event happened, and when it became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct When {
    /// The instant that the event sorts at.
    pub(crate) at: Micros,
    /// The last instant at which it was not known: `at`, or for a date the end of its day.
    pub(crate) known_after: Micros,
}

impl WrittenTime {
    /// The instant, with wall time and dates read in `zone`.
    #[inline]
    pub(crate) fn resolve(self, zone: &Zone) -> When {
        match self {
            WrittenTime::Instant(at) => When {
                at,
                known_after: at,
            },
            WrittenTime::Wall(wall_us) => {
                let at = zone.instant_of(wall_us);
                When {
                    at,
                    known_after: at,
                }
            }
            WrittenTime::Date(day) => {
                let at = zone.start_of(day);
                // Not 24 hours later: days are longer or shorter where clocks change.
                let next = zone.start_of(Day(day.0.saturating_add(1)));
                When {
                    at,
                    known_after: Micros(next.0.saturating_sub(1)).max(at),
                }
            }
        }
    }

    /// Whether the time is in the years 1 to 9999, in its own zone or in `zone`. Any other makes a bad row.
    #[inline]
    pub(crate) fn is_near(self, zone: &Zone) -> bool {
        match self {
            WrittenTime::Date(day) => (DAY_MIN..=DAY_MAX).contains(&day),
            WrittenTime::Wall(wall_us) => (WALLS[0]..=WALLS[1]).contains(&wall_us),
            WrittenTime::Instant(at) => zone.is_near(at),
        }
    }

    /// The day of the date, of the wall time, or of the instant in `zone`.
    pub(crate) fn day(self, zone: &Zone) -> Day {
        match self {
            WrittenTime::Date(day) => day,
            WrittenTime::Wall(wall_us) => day_of_wall(wall_us),
            WrittenTime::Instant(at) => zone.day_of(at),
        }
    }
}

/// Reads one time, or `None` if the text is not in one of the forms above.
#[inline]
pub(crate) fn parse(text: &[u8]) -> Option<WrittenTime> {
    parse_local(text).map(|(written, _)| written)
}

/// Reads one time with its offset, in microseconds east of UTC, if it has one.
#[inline]
pub(crate) fn parse_local(text: &[u8]) -> Option<(WrittenTime, Option<i64>)> {
    let (date, rest) = text.split_at_checked(10)?;
    let day = parse_date(date)?;
    let Some((separator, clock)) = rest.split_first() else {
        return Some((WrittenTime::Date(day), None));
    };
    if !matches!(separator, b'T' | b't' | b' ') {
        return None;
    }
    let (of_day_us, offset) = parse_clock(clock)?;
    let wall_us = i64::from(day.0) * DAY_US + of_day_us;
    if offset.is_empty() {
        return Some((WrittenTime::Wall(wall_us), None));
    }
    let east_us = parse_offset(offset)?;
    // `is_near` checks wall times and dates; of this time it sees only the instant.
    if day < DAY_MIN {
        return None;
    }
    let at = Micros(wall_us - east_us);
    Some((WrittenTime::Instant(at), Some(east_us)))
}

/// Reads `HH:MM[:SS[.fraction]]`; returns the microseconds of the day and the rest of the text.
#[inline]
fn parse_clock(text: &[u8]) -> Option<(i64, &[u8])> {
    let [h0, h1, b':', m0, m1, rest @ ..] = text else {
        return None;
    };
    let (hour, minute) = (pair(*h0, *h1)?, pair(*m0, *m1)?);
    let (second, rest) = match rest {
        [b':', s0, s1, rest @ ..] => (pair(*s0, *s1)?, rest),
        _ => (0, rest),
    };
    // RFC 3339 allows a leap second, which is read as the second before it.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = i64::from((hour * 60 + minute) * 60 + second.min(59));
    let (fraction_us, rest) = match rest {
        // A fraction belongs to seconds: behind `HH:MM` it is no time.
        [b'.', digits @ ..] if text.get(5) == Some(&b':') => parse_fraction(digits)?,
        _ => (0, rest),
    };
    Some((seconds * 1_000_000 + fraction_us, rest))
}

/// Reads 1 to 9 digits of a second as microseconds; returns them and the rest of the text.
#[inline]
fn parse_fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > 9 {
        return None;
    }
    let mut micros = 0;
    let zeros = std::iter::repeat(&b'0');
    // Floored: rounding up could move an action to its cutoff or behind it.
    for digit in text[..digits].iter().chain(zeros).take(6) {
        micros = micros * 10 + i64::from(digit - b'0');
    }
    Some((micros, &text[digits..]))
}

/// Reads `Z`, ` UTC`, `±HH`, `±HHMM` or `±HH:MM` as microseconds east of UTC.
#[inline]
fn parse_offset(text: &[u8]) -> Option<i64> {
    let (sign, hour, minute) = match text {
        // Some warehouses, such as ClickHouse, write " UTC" instead of Z. Other names are no
        // offsets.
        [b'Z' | b'z'] | b" UTC" => return Some(0),
        [sign, h0, h1] => (sign, pair(*h0, *h1)?, 0),
        [sign, h0, h1, m0, m1] | [sign, h0, h1, b':', m0, m1] => {
            (sign, pair(*h0, *h1)?, pair(*m0, *m1)?)
        }
        _ => return None,
    };
    if hour > 23 || minute > 59 {
        return None;
    }
    let east = i64::from(hour * 60 + minute) * 60_000_000;
    match sign {
        b'+' => Some(east),
        b'-' => Some(-east),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The instant of a text in UTC.
    fn at(text: &str) -> Option<i64> {
        parse(text.as_bytes()).map(|written| written.resolve(&Zone::utc()).at.0)
    }

    #[test]
    fn every_promised_form_is_read() {
        let noon = 1_755_259_200_000_000; // 2025-08-15T12:00:00Z
        for text in [
            "2025-08-15 12:00",
            "2025-08-15T12:00",
            "2025-08-15 12:00:00",
            "2025-08-15T12:00:00Z",
            "2025-08-15t12:00:00z",
            "2025-08-15 12:00:00.000000000",
            "2025-08-15T14:00:00+02:00",
            "2025-08-15T14:00:00+0200",
            "2025-08-15 14:00:00.0+02",
            "2025-08-15T06:30:00-05:30",
            "2025-08-15T12:00Z",
            "2025-08-15 12:00:00 UTC",
            "2025-08-15 12:00:00.000 UTC",
        ] {
            assert_eq!(at(text), Some(noon), "{text}");
        }
        assert_eq!(at("2025-08-15 12:00:00.123456789"), Some(noon + 123_456));
        assert_eq!(at("2025-08-15 12:00:00.5"), Some(noon + 500_000));
        assert_eq!(at("1969-12-31T23:59:59.999999999Z"), Some(-1));
        assert_eq!(parse(b"2025-08-15"), Some(WrittenTime::Date(Day(20_315))));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "2025",
            "2025-8-15",
            "2025-02-29",
            "2025-08-15 ",
            "2025-08-15X12:00",
            "2025-08-15 24:00",
            "2025-08-15 12:60",
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
            "15.08.2025",
            "1755259200",
            " 2025-08-15",
            "2025-08-15T12:00:00*02:00",
            "２０２５-08-15",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_date_is_known_when_its_day_is_over() {
        let when = parse(b"2025-08-15").expect("a date").resolve(&Zone::utc());
        assert_eq!(when.known_after.0, when.at.0 + DAY_US - 1);
    }
}
