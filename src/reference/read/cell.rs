//! One value as a file has it, and its conversion to ids, items, times, numbers and labels.
//!
//! **Null rule**: null are an empty field of CSV, `null` of JSON, a null of Parquet, a key that a record
//! lacks, and the words that settings name for null. For an id or a time an empty string of JSON is null
//! too. **Invariants**: as SPEC has it, nothing is guessed: in JSON a number in quotes is text, and `1.0`
//! is no integer.

use crate::job::{
    AttributeType, CustomerType, ItemType, Passthrough, PassthroughType, Settings, TimeUnit,
};
use crate::reference::read::times::{is_near, micros, parse, parse_date};
use crate::reference::{LogTime, Number, instant_in};

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
    /// A truth value of Parquet.
    Bool(bool),
    /// A timestamp of Parquet: its value, its unit, and whether it is an instant.
    Stamp(i64, TimeUnit, bool),
    /// A date of Parquet.
    Date(i32),
    /// A list of Parquet: the fields of each element by name; nothing where an element is null.
    List(Vec<Option<Vec<(String, LogCell)>>>),
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
                let fields = |fields: &Vec<(String, LogCell)>| {
                    let fields = fields.iter();
                    let fields = fields.map(|(name, cell)| (name.clone(), cell.without(nulls)));
                    fields.collect()
                };
                let elements = elements.iter();
                LogCell::List(
                    elements
                        .map(|element| element.as_ref().map(fields))
                        .collect(),
                )
            }
            // Numbers of JSON too: only texts are compared with the words.
            other => other.clone(),
        }
    }

    /// A 64-bit integer.
    fn int(&self) -> Option<i64> {
        match self {
            LogCell::Csv(text) | LogCell::Json(text) | LogCell::Text(text) => text.parse().ok(),
            LogCell::Int(value) => i64::try_from(*value).ok(),
            _ => None,
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
            CustomerType::Int64 => (self.int().map(|id| id.to_string()), "a 64-bit integer"),
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
        let item = self.int().filter(|item| (1..=max).contains(item));
        item.ok_or_else(|| RecordFault::new(column, &format!("an item id from 1 to {max}"), self))
    }

    /// The value as a label.
    pub(crate) fn label(&self, column: &str) -> Result<Option<bool>, RecordFault> {
        match self {
            LogCell::Missing | LogCell::Null => Ok(None),
            // Labels are members of arrays, which are JSON in CSV too: a text is never one.
            LogCell::Bool(label) => Ok(Some(*label)),
            LogCell::Json(json) if json == "true" => Ok(Some(true)),
            LogCell::Json(json) if json == "false" => Ok(Some(false)),
            other => Err(RecordFault::new(column, "true, false or null", other)),
        }
    }

    /// The value as a number, or nothing if it is null.
    pub(crate) fn number(&self, column: &str) -> Result<Option<f64>, RecordFault> {
        let number = match self {
            LogCell::Missing | LogCell::Null => return Ok(None),
            LogCell::Csv(text) | LogCell::Json(text) => {
                text.parse().ok().filter(|number: &f64| number.is_finite())
            }
            // Unlike text, Parquet may hold NaN and infinities.
            LogCell::Real(value) => Some(*value),
            // By way of text, as there is no lossless conversion; parsing rounds to the nearest.
            LogCell::Int(value) => value.to_string().parse().ok(),
            _ => None,
        };
        let fault = || RecordFault::new(column, "a number", self);
        number.map(Some).ok_or_else(fault)
    }

    /// The value as an attribute of an action; null is 0 for integers and NaN for floats.
    pub(crate) fn number_of(
        &self,
        column: &str,
        kind: Option<AttributeType>,
    ) -> Result<Number, RecordFault> {
        let number = match (self, kind) {
            (LogCell::Missing | LogCell::Null, Some(AttributeType::Int32)) => Some(Number::Int(0)),
            (LogCell::Missing | LogCell::Null, _) => Some(Number::float(f32::NAN)),
            (_, Some(AttributeType::Int32)) => {
                let int = self.int().and_then(|int| i32::try_from(int).ok());
                int.map(Number::Int)
            }
            (LogCell::Csv(text) | LogCell::Json(text), _) => {
                let number = text.parse().ok().filter(|number: &f32| number.is_finite());
                number.map(Number::float)
            }
            (LogCell::Int(value), _) => value.to_string().parse().ok().map(Number::float),
            (LogCell::Real(value), _) => {
                let number = rounded(*value);
                // An infinity of the file stays one; a finite number that becomes one does not fit.
                let overflows = value.is_finite() && number.is_infinite();
                (!overflows).then_some(Number::float(number))
            }
            _ => None,
        };
        number.ok_or_else(|| RecordFault::new(column, "a number that fits 32 bits", self))
    }

    /// The value of a passthrough column as text; times as microseconds since the epoch.
    pub(crate) fn passthrough(
        &self,
        settings: &Settings,
        own: &Passthrough,
    ) -> Result<Option<String>, RecordFault> {
        if self.is_null() {
            return Ok(None);
        }
        let name = &own.name;
        let text = match own.kind {
            Some(PassthroughType::Int32) => {
                let int = self.int().and_then(|int| i32::try_from(int).ok());
                int.map(|int| int.to_string())
            }
            Some(PassthroughType::Int64) => self.int().map(|int| int.to_string()),
            Some(PassthroughType::Double) => self.number(name)?.map(|number| number.to_string()),
            Some(PassthroughType::Boolean) => match self {
                LogCell::Bool(value) => Some(value.to_string()),
                LogCell::Csv(text) | LogCell::Json(text)
                    if ["true", "false"].contains(&text.as_str()) =>
                {
                    Some(text.clone())
                }
                _ => None,
            },
            Some(PassthroughType::Time) => {
                let Some((time, _)) = self.time(name, settings)? else {
                    return Ok(None);
                };
                Some(instant_in(settings.zone_name(), time).to_string())
            }
            Some(PassthroughType::Text) | None => self.text(),
        };
        text.map(Some)
            .ok_or_else(|| RecordFault::new(name, "what is carried through", self))
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
        // Without a unit no integer is a time: the unit is never guessed.
        let epoch = |value: Option<i64>| micros(value?, unit?).map(LogTime::Instant);
        let time = match self {
            blank if blank.is_blank() => return Ok(None),
            LogCell::Quoted(text) | LogCell::Text(text) => parse(text),
            LogCell::Csv(text) => parse(text).or_else(|| Some((epoch(text.parse().ok())?, None))),
            LogCell::Json(_) | LogCell::Int(_) => epoch(self.int()).map(|time| (time, None)),
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
        let of_text = |text: &str| {
            let day = parse_date(text.strip_prefix("dt=").unwrap_or(text));
            day.or_else(|| parse(text).map(|(time, _)| of_time(time)))
        };
        let day = match self {
            blank if blank.is_blank() => return Ok(None),
            LogCell::Csv(text) | LogCell::Quoted(text) | LogCell::Text(text) => of_text(text),
            // As seconds since 1970, an integer such as 20250815 would be known at every cutoff.
            LogCell::Json(_) => None,
            other => other
                .written(column, settings)?
                .map(|(time, _)| of_time(time)),
        };
        let day = day.filter(|day| is_near(settings, LogTime::Date(*day)));
        let fault = || RecordFault::new(column, "a day such as 2025-08-15", self);
        day.map(Some).ok_or_else(fault)
    }
}

/// The nearest 32-bit float.
#[expect(clippy::cast_possible_truncation, reason = "it is rounded")]
fn rounded(number: f64) -> f32 {
    number as f32
}
