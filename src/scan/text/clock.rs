//! How times are read: in which zone, in which unit, by which format.
//!
//! **In / Out**: a text or a number → a time as it is written. **Cost**: the usual form and integers are tried first.

use crate::advice::Hint;
use crate::calendar::Zone;
use crate::ids::Micros;
use crate::job::TimeUnit;
use crate::scan::spec::ReadSpec;
use crate::scan::text::epoch::{hint, is_day_or_hour, to_micros};
use crate::scan::text::times::{When, WrittenTime, parse_local};
use crate::scan::values::decimal::Decimal;
use crate::scan::values::{spellings, time_format};

/// How times are read: the zones of wall times and of days, and the unit of integers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock<'a> {
    /// The zone of wall times.
    pub(crate) zone: &'a Zone,
    /// The zone of days.
    pub(crate) days: &'a Zone,
    /// The unit of integers, or `None` if integers are no times.
    pub(crate) unit: Option<TimeUnit>,
    /// The format of texts, which is tried first.
    pub(crate) format: Option<&'a str>,
}

impl<'a> Clock<'a> {
    /// The settings of a run.
    pub(crate) fn new(spec: &ReadSpec<'a>) -> Clock<'a> {
        Clock {
            zone: spec.wall_zone,
            days: spec.zone,
            unit: spec.time_unit,
            format: spec.time_format,
        }
    }

    /// The instant of a time. A date is a day, so it is of the zone of days.
    #[inline]
    pub(crate) fn resolve(&self, written: WrittenTime) -> When {
        written.resolve(match written {
            WrittenTime::Date(_) => self.days,
            _ => self.zone,
        })
    }

    /// A time in text, with its offset: in the usual form, as a number since the epoch, or in another spelling.
    #[inline]
    pub(crate) fn local_of(&self, text: &str) -> Option<(WrittenTime, Option<i64>)> {
        let first = match self.format {
            None => parse_local(text.as_bytes()),
            // A text in the format may look like a number.
            Some(_) => self.spelled(text),
        };
        if first.is_some() {
            return first;
        }
        // No text is both: a date has more than digits and a point.
        if let Some(instant) = self.epoch_of(text) {
            return Some((instant, None));
        }
        self.spelled(text)
            .or_else(|| Some((self.epoch_of_number(text)?, None)))
    }

    /// A time in text that is no number since the epoch, with its offset.
    pub(crate) fn spelled(&self, text: &str) -> Option<(WrittenTime, Option<i64>)> {
        let by_format = self
            .format
            .and_then(|format| time_format::parse(format, text));
        by_format
            .or_else(|| parse_local(text.as_bytes()))
            .or_else(|| spellings::parse(text))
    }

    /// A time that is a number of JSON: since the epoch if there is a unit, else digits in the format.
    #[inline]
    pub(crate) fn local_of_json(&self, json: &str) -> Option<(WrittenTime, Option<i64>)> {
        if self.unit.is_none() {
            return time_format::parse(self.format?, json);
        }
        let instant = self.epoch_of(json);
        let instant = instant.or_else(|| self.epoch_with_fraction(Decimal::parse_json(json)?));
        Some((instant?, None))
    }

    /// A time that is written as a number since the epoch.
    #[cold]
    pub(crate) fn epoch_of_number(&self, text: &str) -> Option<WrittenTime> {
        self.epoch_with_fraction(Decimal::parse(text)?)
    }

    /// A time that is written as an integer since the epoch.
    #[inline]
    fn epoch_of(&self, text: &str) -> Option<WrittenTime> {
        let unit = self.unit?;
        to_micros(parse_int(text)?, unit).map(WrittenTime::Instant)
    }

    /// A number since the epoch.
    fn epoch_with_fraction(&self, number: Decimal<'_>) -> Option<WrittenTime> {
        let shift = match self.unit? {
            TimeUnit::Second => 6,
            TimeUnit::Milli => 3,
            TimeUnit::Micro => 0,
            TimeUnit::Nano => -3,
        };
        // Floored, as integers of nanoseconds are.
        let micros = number.floor(shift)?;
        Some(WrittenTime::Instant(Micros(micros)))
    }

    /// What a message expects of a time, of which a text or a number was found.
    #[cold]
    pub(crate) fn expected(&self, found: &str) -> String {
        let format = self.format.map_or_else(String::new, |format| {
            format!(", or a text by the format \"{format}\"")
        });
        let unit = self.unit.map_or("", expected_ints);
        let suggested = time_format::suggested(found).filter(|_| self.format.is_none());
        let suggested = suggested.map(|format| format!(" ({})", Hint::TimeFormat.with(&format)));
        let hint = match Decimal::parse(found).and_then(|number| number.floor(0)) {
            Some(int) if !is_day_or_hour(int) => hint(int),
            Some(int) => suggested.unwrap_or_else(|| hint(int)),
            None => suggested.unwrap_or_default(),
        };
        format!("{EXPECTED_TIME}{format}{unit}{hint}")
    }
}

/// An integer; gives what `str::parse` does, faster.
#[inline]
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    // Up to 18 digits cannot overflow, so no digit needs a check.
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() > 18 {
        return text.parse().ok();
    }
    let mut value = 0;
    for byte in digits {
        // A sign ends this as well: `parse` knows what it means.
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return text.parse().ok();
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

/// What a message expects of integer times of a unit.
fn expected_ints(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => ", or an integer of seconds since 1970",
        TimeUnit::Milli => ", or an integer of milliseconds since 1970",
        TimeUnit::Micro => ", or an integer of microseconds since 1970",
        TimeUnit::Nano => ", or an integer of nanoseconds since 1970",
    }
}

/// What a message expects of a time.
const EXPECTED_TIME: &str =
    "a time of the years 1 to 9999, such as 2025-08-15 or 2025-08-15T12:00:00Z";
