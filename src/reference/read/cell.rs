//! One value as a file has it, and what it means: ids, items, times, numbers, labels.
//!
//! **Null rule**: an empty field of CSV, `null` of JSON, and a null of Parquet are null; a key that a
//! record lacks is too, as are the words that settings name for null; where an id or a time is wanted, an
//! empty string of JSON. **Invariants**: as SPEC has it, nothing is guessed: a number in quotes is
//! text in JSON, `1.0` is no integer.

use crate::job::{
    AttributeType, CustomerType, ItemType, Passthrough, PassthroughType, Settings, TimeUnit,
};
use crate::reference::read::times::{is_near, micros, parse, parse_date};
use crate::reference::{LogTime, Number, instant_in};

/// Bytes of the longest text that is an id or a name.
const TEXT_BYTES_MAX: usize = 4096;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// The record, or the file, has no such column.
    Missing,
    /// Null.
    Null,
    /// A field of CSV.
    Csv(String),
    /// A string of JSON.
    Quoted(String),
    /// Any other value of JSON, as it is written.
    Json(String),
    /// A text of Parquet.
    Text(String),
    /// Bytes that are no text.
    Bytes,
    /// An integer of Parquet.
    Int(i128),
    /// A number of Parquet that is no integer.
    Real(f64),
    /// A truth value of Parquet.
    Bool(bool),
    /// A timestamp of Parquet: its number, its unit, and whether it counts from the epoch.
    Stamp(i64, TimeUnit, bool),
    /// A date of Parquet.
    Date(i32),
    /// A list of Parquet: the fields of its elements, by name; nothing where an element is null.
    List(Vec<Option<Vec<(String, Cell)>>>),
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The column, as the file names it.
    pub(crate) column: String,
    /// What was expected and what was found.
    pub(crate) what: String,
}

impl Fault {
    /// A fault of a column.
    pub(crate) fn new(column: &str, expected: &str, found: &Cell) -> Fault {
        Fault {
            column: column.to_owned(),
            what: format!("expected {expected}, found {}", found.shown()),
        }
    }
}

impl Cell {
    /// The value as a message shows it.
    fn shown(&self) -> String {
        match self {
            Cell::Missing => "nothing".to_owned(),
            Cell::Null => "null".to_owned(),
            Cell::Csv(text) | Cell::Quoted(text) | Cell::Text(text) => format!("{text:?}"),
            Cell::Json(json) => json.clone(),
            Cell::Int(value) => value.to_string(),
            other => format!("{other:?}"),
        }
    }

    /// Whether there is no value.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Cell::Missing | Cell::Null)
    }

    /// Whether there is no value, or an empty string of JSON, which is no id and no time.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Cell::Quoted(text) => text.is_empty(),
            other => other.is_null(),
        }
    }

    /// The value; null if it is one of some words, and so are its elements.
    pub(crate) fn without(&self, nulls: &[String]) -> Cell {
        match self {
            Cell::Csv(text) | Cell::Quoted(text) | Cell::Text(text) if nulls.contains(text) => {
                Cell::Null
            }
            Cell::List(elements) => {
                let fields = |fields: &Vec<(String, Cell)>| {
                    let fields = fields.iter();
                    let fields = fields.map(|(name, cell)| (name.clone(), cell.without(nulls)));
                    fields.collect()
                };
                let elements = elements.iter();
                Cell::List(elements.map(|of| of.as_ref().map(fields)).collect())
            }
            other => other.clone(),
        }
    }

    /// A 64-bit integer.
    fn int(&self) -> Option<i64> {
        match self {
            Cell::Csv(text) | Cell::Json(text) | Cell::Text(text) => text.parse().ok(),
            Cell::Int(value) => i64::try_from(*value).ok(),
            _ => None,
        }
    }

    /// Text that is not too long, or an integer in decimal.
    pub(crate) fn text(&self) -> Option<String> {
        let is_integer = |json: &str| {
            let digits = json.strip_prefix('-').unwrap_or(json);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        let text = match self {
            Cell::Csv(text) | Cell::Quoted(text) | Cell::Text(text) => text.clone(),
            Cell::Json(json) if is_integer(json) => json.clone(),
            Cell::Int(value) => value.to_string(),
            _ => return None,
        };
        (text.len() <= TEXT_BYTES_MAX).then_some(text)
    }

    /// What rows are told apart by: a text that is not too long, or an integer or truth value, and any
    /// value of JSON, as it is written.
    pub(crate) fn word(&self) -> Option<String> {
        let word = match self {
            Cell::Json(json) => json.clone(),
            Cell::Bool(value) => value.to_string(),
            other => return other.text(),
        };
        (word.len() <= TEXT_BYTES_MAX).then_some(word)
    }

    /// An id of a type, or nothing if it is null.
    pub(crate) fn id(&self, column: &str, of: CustomerType) -> Result<Option<String>, Fault> {
        if self.is_blank() {
            return Ok(None);
        }
        let (id, expected) = match of {
            CustomerType::Int64 => (self.int().map(|id| id.to_string()), "a 64-bit integer"),
            CustomerType::String => (self.text(), "a text or an integer"),
        };
        id.map(Some)
            .ok_or_else(|| Fault::new(column, expected, self))
    }

    /// An id of a table, where an empty text is null too.
    pub(crate) fn table_id(&self, column: &str, of: CustomerType) -> Result<Option<String>, Fault> {
        let id = self.id(column, of)?;
        Ok(id.filter(|id| !id.is_empty()))
    }

    /// A name, which may be empty.
    pub(crate) fn name(&self, column: &str) -> Result<Option<String>, Fault> {
        let name = || Fault::new(column, "a text", self);
        match self.is_null() {
            true => Ok(None),
            false => self.text().map(Some).ok_or_else(name),
        }
    }

    /// An item.
    pub(crate) fn item(&self, column: &str, of: ItemType) -> Result<i64, Fault> {
        let max = match of {
            ItemType::Int32 => i64::from(i32::MAX),
            ItemType::Int64 => i64::MAX,
        };
        let item = self.int().filter(|item| (1..=max).contains(item));
        item.ok_or_else(|| Fault::new(column, &format!("an item id from 1 to {max}"), self))
    }

    /// A label.
    pub(crate) fn label(&self, column: &str) -> Result<Option<bool>, Fault> {
        match self {
            Cell::Missing | Cell::Null => Ok(None),
            Cell::Bool(label) => Ok(Some(*label)),
            Cell::Json(json) if json == "true" => Ok(Some(true)),
            Cell::Json(json) if json == "false" => Ok(Some(false)),
            other => Err(Fault::new(column, "true, false or null", other)),
        }
    }

    /// A finite number, or nothing if it is null.
    pub(crate) fn number(&self, column: &str) -> Result<Option<f64>, Fault> {
        let number = match self {
            Cell::Missing | Cell::Null => return Ok(None),
            Cell::Csv(text) | Cell::Json(text) => {
                text.parse().ok().filter(|of: &f64| of.is_finite())
            }
            // In Parquet whatever the column holds is a number.
            Cell::Real(value) => Some(*value),
            Cell::Int(value) => value.to_string().parse().ok(),
            _ => None,
        };
        let fault = || Fault::new(column, "a number", self);
        number.map(Some).ok_or_else(fault)
    }

    /// What a column of actions tells; a null is 0, or NaN among floats.
    pub(crate) fn number_of(
        &self,
        column: &str,
        kind: Option<AttributeType>,
    ) -> Result<Number, Fault> {
        let number = match (self, kind) {
            (Cell::Missing | Cell::Null, Some(AttributeType::Int32)) => Some(Number::Int(0)),
            (Cell::Missing | Cell::Null, _) => Some(Number::float(f32::NAN)),
            (_, Some(AttributeType::Int32)) => {
                let int = self.int().and_then(|of| i32::try_from(of).ok());
                int.map(Number::Int)
            }
            (Cell::Csv(text) | Cell::Json(text), _) => {
                let number = text.parse().ok().filter(|of: &f32| of.is_finite());
                number.map(Number::float)
            }
            (Cell::Int(value), _) => value.to_string().parse().ok().map(Number::float),
            (Cell::Real(value), _) => {
                let number = rounded(*value);
                let is_cut = value.is_finite() && number.is_infinite();
                (!is_cut).then_some(Number::float(number))
            }
            _ => None,
        };
        number.ok_or_else(|| Fault::new(column, "a number that fits 32 bits", self))
    }

    /// What is carried through of a column, as text: times as microseconds since the epoch.
    pub(crate) fn kept(
        &self,
        settings: &Settings,
        keep: &Passthrough,
    ) -> Result<Option<String>, Fault> {
        if self.is_null() {
            return Ok(None);
        }
        let name = &keep.name;
        let text = match keep.kind {
            Some(PassthroughType::Int32) => {
                let int = self.int().and_then(|of| i32::try_from(of).ok());
                int.map(|of| of.to_string())
            }
            Some(PassthroughType::Int64) => self.int().map(|of| of.to_string()),
            Some(PassthroughType::Double) => self.number(name)?.map(|of| of.to_string()),
            Some(PassthroughType::Boolean) => match self {
                Cell::Bool(value) => Some(value.to_string()),
                Cell::Csv(text) | Cell::Json(text)
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
            .ok_or_else(|| Fault::new(name, "what is carried through", self))
    }

    /// A time with the offset that it is written with, or nothing if it is null.
    pub(crate) fn time(
        &self,
        column: &str,
        settings: &Settings,
    ) -> Result<Option<(LogTime, Option<i64>)>, Fault> {
        let unit = settings.time_unit;
        let epoch = |value: Option<i64>| micros(value?, unit?).map(LogTime::Instant);
        let time = match self {
            blank if blank.is_blank() => return Ok(None),
            Cell::Quoted(text) | Cell::Text(text) => parse(text),
            Cell::Csv(text) => parse(text).or_else(|| Some((epoch(text.parse().ok())?, None))),
            Cell::Json(_) | Cell::Int(_) => epoch(self.int()).map(|time| (time, None)),
            Cell::Stamp(value, unit, true) => {
                micros(*value, *unit).map(|at| (LogTime::Instant(at), None))
            }
            Cell::Stamp(value, unit, false) => {
                micros(*value, *unit).map(|at| (LogTime::Wall(at), None))
            }
            Cell::Date(day) => Some((LogTime::Date(*day), None)),
            _ => None,
        };
        let time = time.filter(|(time, _)| is_near(settings, *time));
        time.map(Some)
            .ok_or_else(|| Fault::new(column, "a time of the years 1 to 9999", self))
    }

    /// The day that a column of days tells; `of_time` gives that of a time.
    pub(crate) fn day(
        &self,
        column: &str,
        settings: &Settings,
        of_time: impl Fn(LogTime) -> i32,
    ) -> Result<Option<i32>, Fault> {
        let of_text = |text: &str| {
            let day = parse_date(text.strip_prefix("dt=").unwrap_or(text));
            day.or_else(|| parse(text).map(|(time, _)| of_time(time)))
        };
        let day = match self {
            blank if blank.is_blank() => return Ok(None),
            Cell::Csv(text) | Cell::Quoted(text) | Cell::Text(text) => of_text(text),
            Cell::Json(_) => None,
            other => other.time(column, settings)?.map(|(time, _)| of_time(time)),
        };
        let day = day.filter(|day| is_near(settings, LogTime::Date(*day)));
        let fault = || Fault::new(column, "a day such as 2025-08-15", self);
        day.map(Some).ok_or_else(fault)
    }
}

/// The float of 32 bits that is nearest.
#[expect(clippy::cast_possible_truncation, reason = "it is rounded")]
fn rounded(number: f64) -> f32 {
    number as f32
}
