//! Rows of Arrow to values that can be shown.
//!
//! **In / Out**: a row of a batch → a [`HeadValue`] for each of its columns. What has no kind of its own
//! becomes text.

use std::fmt;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::calendar::{date_text, instant_text};
use crate::ids::{Day, Micros};

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum HeadValue {
    /// There is none.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text, or what is none of the others as one.
    Text(String),
    /// An instant, as RFC 3339 in UTC.
    Time(String),
    /// A day, `YYYY-MM-DD`.
    Date(String),
    /// Values of a list.
    List(Vec<HeadValue>),
}

/// Which rows of a batch of one column have a value, as text.
pub(super) fn is_wanted(batch: &RecordBatch, wanted: &str) -> Result<BooleanArray, ArrowError> {
    let column = batch.column(0);
    let rows = (0..column.len()).map(|row| match column.data_type() {
        // Without a text for each row.
        DataType::Utf8 => column.is_valid(row) && column.as_string::<i32>().value(row) == wanted,
        _ => column.is_valid(row) && value_of(column, row).to_string() == wanted,
    });
    Ok(BooleanArray::from(rows.collect::<Vec<bool>>()))
}

/// The values of a row.
pub(super) fn row_of(batch: &RecordBatch, row: usize) -> Vec<HeadValue> {
    let columns = batch.columns().iter();
    columns.map(|column| value_of(column, row)).collect()
}

/// The value of a row of a column.
fn value_of(column: &dyn Array, row: usize) -> HeadValue {
    if column.is_null(row) {
        return HeadValue::Null;
    }
    match column.data_type() {
        DataType::Boolean => HeadValue::Bool(column.as_boolean().value(row)),
        DataType::Int8 => HeadValue::Int(column.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => HeadValue::Int(column.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => HeadValue::Int(column.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => HeadValue::Int(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => HeadValue::Float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => {
            // By its own shortest text, so that 0.1 stays 0.1.
            let value = column.as_primitive::<Float32Type>().value(row);
            HeadValue::Float(
                value
                    .to_string()
                    .parse()
                    .unwrap_or_else(|_| f64::from(value)),
            )
        }
        DataType::Utf8 => HeadValue::Text(column.as_string::<i32>().value(row).to_owned()),
        DataType::Date32 => {
            let day = column.as_primitive::<Date32Type>().value(row);
            HeadValue::Date(date_text(Day(day)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let at = column.as_primitive::<TimestampMicrosecondType>().value(row);
            HeadValue::Time(instant_text(Micros(at)))
        }
        DataType::List(_) => {
            let values = column.as_list::<i32>().value(row);
            let rows = 0..values.len();
            HeadValue::List(rows.map(|row| value_of(&values, row)).collect())
        }
        _ => {
            let options = FormatOptions::default();
            let text = ArrayFormatter::try_new(column, &options)
                .and_then(|of| of.value(row).try_to_string());
            text.map_or(HeadValue::Null, HeadValue::Text)
        }
    }
}

impl fmt::Display for HeadValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeadValue::Null => out.write_str("null"),
            HeadValue::Bool(value) => write!(out, "{value}"),
            HeadValue::Int(value) => write!(out, "{value}"),
            HeadValue::Float(value) => write!(out, "{value}"),
            HeadValue::Text(text) | HeadValue::Time(text) | HeadValue::Date(text) => {
                out.write_str(text)
            }
            HeadValue::List(values) => {
                out.write_str("[")?;
                for (at, value) in values.iter().enumerate() {
                    let gap = if at == 0 { "" } else { ", " };
                    write!(out, "{gap}{value}")?;
                }
                out.write_str("]")
            }
        }
    }
}
