//! Times in the usual form, of which one after the other has the same date.
//!
//! **In / Out**: the beginning of a text → `YYYY-MM-DD`, `T` or a space, `HH:MM:SS`, with or without a fraction and
//! `Z`, as a [`WrittenTime`], and its length. Other times are left to the parser of fields, those of the first and the
//! last days of the calendar included. **Cost**: a comparison with the last date, and a dozen operations.

use super::digits::seconds_of;
use crate::calendar::{DAY_MAX, DAY_MIN, DAY_US, parse_date};
use crate::ids::Micros;
use crate::scan::text::times::WrittenTime;

/// Reads times.
#[derive(Debug)]
pub(super) struct MomentReader {
    /// The last date, and its start in wall time.
    date: [u8; 10],
    start_us: i64,
}

impl MomentReader {
    /// A reader that has read nothing.
    pub(super) fn new() -> MomentReader {
        MomentReader {
            // The last date is one: of zeros, a text of zeros would have been it.
            date: *b"1970-01-01",
            start_us: 0,
        }
    }

    /// The time that a text begins with, and its length. What follows is not looked at.
    #[inline]
    pub(super) fn read(&mut self, text: &[u8]) -> Option<(WrittenTime, usize)> {
        let (date, rest) = text.split_first_chunk()?;
        if *date != self.date {
            self.turn_to(*date)?;
        }
        let ([between, clock @ ..], rest) = rest.split_first_chunk::<9>()?;
        if !matches!(between, b'T' | b' ' | b't') {
            return None;
        }
        let wall_us = self.start_us + seconds_of(*clock)? * 1_000_000;
        match rest.first() {
            Some(b'.' | b'Z' | b'z') => behind_seconds(wall_us, rest),
            _ => Some((WrittenTime::Wall(wall_us), 19)),
        }
    }

    /// Takes another date, if it is one. The zone may decide about those at the ends of the calendar.
    #[cold]
    fn turn_to(&mut self, date: [u8; 10]) -> Option<()> {
        let day = parse_date(&date)?;
        if !(DAY_MIN.0 + 3..DAY_MAX.0 - 3).contains(&day.0) {
            return None;
        }
        (self.date, self.start_us) = (date, i64::from(day.0) * DAY_US);
        Some(())
    }
}

/// The time with the fraction and the `Z` behind its seconds.
#[inline(never)]
fn behind_seconds(wall_us: i64, rest: &[u8]) -> Option<(WrittenTime, usize)> {
    let (mut fraction_us, mut length) = (0, 0);
    if let [b'.', digits @ ..] = rest {
        let mut unit_us = 100_000;
        let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
        for digit in digits {
            // Floored, as in `times`.
            fraction_us += i64::from(digit - b'0') * unit_us;
            unit_us /= 10;
            length += 1;
        }
        if !(1..=9).contains(&length) {
            return None;
        }
        length += 1;
    }
    let at_us = wall_us + fraction_us;
    Some(match rest.get(length) {
        Some(b'Z' | b'z') => (WrittenTime::Instant(Micros(at_us)), 20 + length),
        _ => (WrittenTime::Wall(at_us), 19 + length),
    })
}
