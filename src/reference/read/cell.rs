//! One value as a file has it, and its conversion to ids, items, times, numbers and labels.
//!
//! **Null rule**: null are an empty field of CSV, `null` of JSON, a null of Parquet, a key that a record
//! lacks, and the words that settings name for null. For an id or a time an empty string of JSON is null
//! too, and so is NaN in Parquet. **Invariants**: as SPEC has it, nothing is guessed: what is exactly a whole
//! number is one where an integer id is read, and nowhere else.

use crate::job::{CustomerType, ItemType, Settings, TimeUnit};
use crate::reference::read::spellings::{Exact, truth};
use crate::reference::read::times::{is_near, micros, parse_by, parse_date, parse_in};
use crate::reference::{LogTime, instant_in};

/// Bytes of the longest id or name.
const TEXT_BYTES_MAX: usize = 4096;

/// A value, by how the file writes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LogCell {
    /// The record, or the file, has no such column.
    Missing,
    /// Null.
    Null,
    /// A field of CSV.
    Csv(String),
    /// A string of JSON.
    Quoted(String),
    /// Any other value of JSON, as written.
    Json(String),
    /// A text of Parquet.
    Text(String),
    /// Bytes that are not UTF-8.
    Bytes,
    /// An integer of Parquet.
    Int(i128),
    /// A float of Parquet.
    Real(f64),
    /// A float of 32 bits.
    Single(f32),
    /// A decimal of Parquet, as its digits.
    Decimal(String),
    /// A truth value of Parquet.
    Bool(bool),
    /// A timestamp of Parquet: its value, its unit, and whether it is an instant.
    Stamp(i64, TimeUnit, bool),
    /// A date of Parquet.
    Date(i32),
    /// A list of Parquet.
    List(Vec<LogCell>),
    /// A struct of Parquet: its fields by name.
    Struct(Vec<(String, LogCell)>),
    /// A map of Parquet: keys with values, in order.
    Map(Vec<(LogCell, LogCell)>),
}

/// Why a record is a bad row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordFault {
    /// The column, as the file names it.
    pub(crate) column: String,
    /// What was expected and what was found.
    pub(crate) what: String,
}

impl RecordFault {
    /// A fault of a column.
    pub(crate) fn new(column: &str, expected: &str, found: &LogCell) -> RecordFault {
        RecordFault {
            column: column.to_owned(),
            what: format!("expected {expected}, found {}", found.display()),
        }
    }
}

impl LogCell {
    /// The value in a message.
    fn display(&self) -> String {
        match self {
            LogCell::Missing => "nothing".to_owned(),
            LogCell::Null => "null".to_owned(),
            LogCell::Csv(text) | LogCell::Quoted(text) | LogCell::Text(text) => format!("{text:?}"),
            LogCell::Json(json) => json.clone(),
            LogCell::Int(value) => value.to_string(),
            other => format!("{other:?}"),
        }
    }

    /// Whether there is no value.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, LogCell::Missing | LogCell::Null)
    }

    /// Whether it is null where an id or a time is read.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            LogCell::Quoted(text) => text.is_empty(),
            LogCell::Real(number) => number.is_nan(),
            LogCell::Single(number) => number.is_nan(),
            other => other.is_null(),
        }
    }

    /// The value with each of the words `nulls` replaced by null, in elements of lists too.
    pub(crate) fn without(&self, nulls: &[String]) -> LogCell {
        match self {
            LogCell::Csv(text) | LogCell::Quoted(text) | LogCell::Text(text)
                if nulls.contains(text) =>
            {
                LogCell::Null
            }
            LogCell::List(elements) => {
                LogCell::List(elements.iter().map(|cell| cell.without(nulls)).collect())
            }
            LogCell::Struct(fields) => {
                let fields = fields.iter();
                let fields = fields.map(|(name, cell)| (name.clone(), cell.without(nulls)));
                LogCell::Struct(fields.collect())
            }
            LogCell::Map(pairs) => {
                let pairs = pairs.iter();
                let pairs = pairs.map(|(key, value)| (key.without(nulls), value.without(nulls)));
                LogCell::Map(pairs.collect())
            }
            // Numbers of JSON too: only texts are compared with the words.
            other => other.clone(),
        }
    }

    /// A 64-bit integer.
    pub(crate) fn int(&self) -> Option<i64> {
        match self {
            LogCell::Csv(text) => text.trim_matches([' ', '\t']).parse().ok(),
            LogCell::Json(text) | LogCell::Text(text) => text.parse().ok(),
            LogCell::Int(value) => i64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// An integer that is an id, whatever it is written as.
    fn int_id(&self) -> Option<i64> {
        match self {
            LogCell::Csv(text) => LogCell::Text(text.trim_matches([' ', '\t']).to_owned()).int_id(),
            LogCell::Text(text) => {
                let whole = || Exact::plain(text)?.whole_of_float();
                text.parse().ok().or_else(whole)
            }
            LogCell::Json(json) => {
                let whole = || Exact::scientific(json)?.whole_of_float();
                json.parse().ok().or_else(whole)
            }
            // With a zero in front it is a text: 007 and 07 would be the same number.
            LogCell::Quoted(text) => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                let is_digit = |at| digits.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
                let has_zero = digits.starts_with('0') && is_digit(1);
                let number = Exact::plain(text).filter(|_| !has_zero)?;
                if text.contains('.') {
                    number.whole_of_float()
                } else {
                    number.whole()
                }
            }
            LogCell::Real(number) => Exact::of_float(*number)?.whole_of_float(),
            LogCell::Single(number) => {
                let whole = Exact::of_float(f64::from(*number))?.whole();
                whole.filter(|whole| whole.abs() < 1 << 24)
            }
            LogCell::Decimal(digits) => Exact::plain(digits)?.whole(),
            other => other.int(),
        }
    }

    /// The value as text, if it is a text or an integer and not too long.
    pub(crate) fn text(&self) -> Option<String> {
        let is_integer = |json: &str| {
            let digits = json.strip_prefix('-').unwrap_or(json);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        let text = match self {
            LogCell::Csv(text) | LogCell::Quoted(text) | LogCell::Text(text) => text.clone(),
            LogCell::Json(json) if is_integer(json) => json.clone(),
            LogCell::Int(value) => value.to_string(),
            _ => return None,
        };
        // The engine rejects longer texts. Accepted here, their rows would seem to be missing from
        // the set.
        (text.len() <= TEXT_BYTES_MAX).then_some(text)
    }

    /// The value as a word that settings may name: a text, an integer, a Boolean, or any value of JSON as
    /// written; not too long.
    pub(crate) fn word(&self) -> Option<String> {
        let word = match self {
            LogCell::Json(json) => json.clone(),
            LogCell::Bool(value) => value.to_string(),
            other => return other.text(),
        };
        (word.len() <= TEXT_BYTES_MAX).then_some(word)
    }

    /// The value as an id, or nothing if it is null.
    pub(crate) fn id(
        &self,
        column: &str,
        id_type: CustomerType,
    ) -> Result<Option<String>, RecordFault> {
        if self.is_blank() {
            return Ok(None);
        }
        let (id, expected) = match id_type {
            CustomerType::Int64 => (self.int_id().map(|id| id.to_string()), "a 64-bit integer"),
            CustomerType::String => (self.text(), "a text or an integer"),
        };
        id.map(Some)
            .ok_or_else(|| RecordFault::new(column, expected, self))
    }

    /// The value as an id of `features` or `dwell`, for which every empty text is null.
    pub(crate) fn table_id(
        &self,
        column: &str,
        id_type: CustomerType,
    ) -> Result<Option<String>, RecordFault> {
        let id = self.id(column, id_type)?;
        Ok(id.filter(|id| !id.is_empty()))
    }

    /// The value as a name, which may be empty.
    pub(crate) fn name(&self, column: &str) -> Result<Option<String>, RecordFault> {
        if self.is_null() {
            return Ok(None);
        }
        let fault = || RecordFault::new(column, "a text", self);
        self.text().map(Some).ok_or_else(fault)
    }

    /// The value as an item id.
    pub(crate) fn item(&self, column: &str, item_type: ItemType) -> Result<i64, RecordFault> {
        let max = match item_type {
            ItemType::Int32 => i64::from(i32::MAX),
            ItemType::Int64 => i64::MAX,
        };
        let item = self.int_id().filter(|item| (1..=max).contains(item));
        item.ok_or_else(|| RecordFault::new(column, &format!("an item id from 1 to {max}"), self))
    }

    /// The value as a label.
    pub(crate) fn label(&self, column: &str) -> Result<Option<bool>, RecordFault> {
        let label = match self {
            LogCell::Missing | LogCell::Null => return Ok(None),
            LogCell::Real(number) if number.is_nan() => return Ok(None),
            LogCell::Single(number) if number.is_nan() => return Ok(None),
            LogCell::Bool(label) => Some(*label),
            LogCell::Json(text)
            | LogCell::Quoted(text)
            | LogCell::Csv(text)
            | LogCell::Text(text)
            | LogCell::Decimal(text) => truth(text),
            LogCell::Int(value) => truth(&value.to_string()),
            LogCell::Real(number) => truth(&number.to_string()),
            LogCell::Single(number) => truth(&number.to_string()),
            _ => None,
        };
        let fault = || RecordFault::new(column, "a label", self);
        label.map(Some).ok_or_else(fault)
    }

    /// The value as a number, or nothing if it is null.
    pub(crate) fn number(&self, column: &str) -> Result<Option<f64>, RecordFault> {
        let number = match self {
            LogCell::Missing | LogCell::Null => return Ok(None),
            LogCell::Csv(text) | LogCell::Json(text) => {
                let number = text.trim_matches([' ', '\t']).parse().ok();
                number.filter(|number: &f64| number.is_finite())
            }
            // Unlike text, Parquet may hold NaN and infinities.
            LogCell::Real(value) => Some(*value),
            LogCell::Single(value) => Some(f64::from(*value)),
            LogCell::Decimal(digits) => digits.parse().ok(),
            // By way of text, as there is no lossless conversion; parsing rounds to the nearest.
            LogCell::Int(value) => value.to_string().parse().ok(),
            _ => None,
        };
        let fault = || RecordFault::new(column, "a number", self);
        number.map(Some).ok_or_else(fault)
    }

    /// The value as a time with the offset that it is written with, or nothing if it is null. In a source
    /// with a zone of its own a wall time is an instant.
    pub(crate) fn time(
        &self,
        column: &str,
        settings: &Settings,
    ) -> Result<Option<(LogTime, Option<i64>)>, RecordFault> {
        let written = self.written(column, settings)?;
        let own = settings.source_settings.first();
        let zone = own.and_then(|(_, own)| own.timezone.as_deref());
        Ok(written.map(|(time, east)| match (time, zone) {
            (LogTime::Wall(_), Some(zone)) => (LogTime::Instant(instant_in(zone, time)), east),
            _ => (time, east),
        }))
    }

    /// The value as a time as it is written, with its offset.
    fn written(
        &self,
        column: &str,
        settings: &Settings,
    ) -> Result<Option<(LogTime, Option<i64>)>, RecordFault> {
        let unit = settings.time_unit;
        // Without a unit no number is a time: the unit is never guessed.
        let epoch = |value: i64| Some((LogTime::Instant(micros(value, unit?)?), None));
        let of_exact = |number: Exact| {
            let shift = match unit? {
                TimeUnit::Second => 6,
                TimeUnit::Milli => 3,
                TimeUnit::Micro => 0,
                TimeUnit::Nano => -3,
            };
            Some((LogTime::Instant(number.floor(shift)?), None))
        };
        let time = match self {
            blank if blank.is_blank() => return Ok(None),
            LogCell::Quoted(text) | LogCell::Text(text) | LogCell::Csv(text) => {
                // Of CSV, blanks around a value are no part of it.
                let text = match self {
                    LogCell::Csv(text) => text.trim_matches([' ', '\t']),
                    _ => text,
                };
                let of_number = || match text.parse() {
                    Ok(int) => epoch(int),
                    Err(_) => of_exact(Exact::plain(text)?),
                };
                parse_in(settings, text).or_else(of_number)
            }
            LogCell::Json(json) if unit.is_none() => {
                let format = settings.time_format.as_deref();
                format.and_then(|format| parse_by(format, json))
            }
            LogCell::Json(json) => Exact::scientific(json).and_then(of_exact),
            LogCell::Real(number) => Exact::of_float(*number).and_then(of_exact),
            LogCell::Decimal(digits) => Exact::plain(digits).and_then(of_exact),
            LogCell::Int(value) => i64::try_from(*value).ok().and_then(epoch),
            LogCell::Stamp(value, unit, true) => {
                micros(*value, *unit).map(|at| (LogTime::Instant(at), None))
            }
            LogCell::Stamp(value, unit, false) => {
                micros(*value, *unit).map(|at| (LogTime::Wall(at), None))
            }
            LogCell::Date(day) => Some((LogTime::Date(*day), None)),
            _ => None,
        };
        let time = time.filter(|(time, _)| is_near(settings, *time));
        time.map(Some)
            .ok_or_else(|| RecordFault::new(column, "a time of the years 1 to 9999", self))
    }

    /// The value as a day; `of_time` gives the day of a time.
    pub(crate) fn day(
        &self,
        column: &str,
        settings: &Settings,
        of_time: impl Fn(LogTime) -> i32,
    ) -> Result<Option<i32>, RecordFault> {
        let format = settings.time_format.as_deref();
        let of_text = |text: &str| {
            let day = match text.strip_prefix("dt=") {
                Some(day) => parse_date(day),
                None => parse_date(text).filter(|_| format.is_none()),
            };
            day.or_else(|| parse_in(settings, text).map(|(time, _)| of_time(time)))
        };
        let day = match self {
            blank if blank.is_blank() => return Ok(None),
            LogCell::Csv(text) => of_text(text.trim_matches([' ', '\t'])),
            LogCell::Quoted(text) | LogCell::Text(text) => of_text(text),
            // As seconds since 1970, an integer such as 20250815 would be known at every cutoff.
            LogCell::Json(json) => {
                let time = format.and_then(|format| parse_by(format, json));
                time.map(|(time, _)| of_time(time))
            }
            other => other
                .written(column, settings)?
                .map(|(time, _)| of_time(time)),
        };
        let day = day.filter(|day| is_near(settings, LogTime::Date(*day)));
        let fault = || RecordFault::new(column, "a day such as 2025-08-15", self);
        day.map(Some).ok_or_else(fault)
    }
}
