//! Rows of Arrow to typed values.
//!
//! **In / Out**: a row of a batch → a [`HeadValue`] for each of its columns. A type without a variant of
//! its own becomes text.

use std::fmt;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};

use crate::calendar::{date_text, instant_text};
use crate::ids::{Day, Micros};
use crate::scan::parquet::value_text;

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

/// Which rows of a batch of one column have a value, which is given as text.
pub(crate) fn is_wanted(batch: &RecordBatch, wanted: &str) -> BooleanArray {
    let column = batch.column(0);
    let rows: Vec<bool> = match column.as_string_opt::<i32>() {
        // Compared in place, without allocating a text for each row.
        Some(texts) => texts.iter().map(|text| text == Some(wanted)).collect(),
        None => {
            let values = values_of(column).into_iter();
            let is_equal =
                |value: HeadValue| value != HeadValue::Null && value.to_string() == wanted;
            values.map(is_equal).collect()
        }
    };
    BooleanArray::from(rows)
}

/// The rows of a batch.
pub(crate) fn rows_of(batch: &RecordBatch) -> impl Iterator<Item = Vec<HeadValue>> {
    let columns = batch.columns().iter();
    let columns = columns.map(|column| values_of(column).into_iter());
    let mut columns: Vec<_> = columns.collect();
    (0..batch.num_rows()).map(move |_| columns.iter_mut().filter_map(Iterator::next).collect())
}

/// The values of a column.
fn values_of(column: &ArrayRef) -> Vec<HeadValue> {
    let values: Box<dyn Fn(usize) -> HeadValue + '_> = match column.data_type() {
        DataType::Boolean => Box::new(|row| HeadValue::Bool(column.as_boolean().value(row))),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            let wide =
                cast(column, &DataType::Int64).expect("every integer has room in the widest");
            Box::new(move |row| HeadValue::Int(wide.as_primitive::<Int64Type>().value(row)))
        }
        DataType::Float64 => {
            Box::new(|row| HeadValue::Float(column.as_primitive::<Float64Type>().value(row)))
        }
        // Through its shortest text, so that 0.1 stays 0.1.
        DataType::Float32 => Box::new(|row| {
            let text = value_text(column, row).parse();
            HeadValue::Float(text.expect("a number is written as one"))
        }),
        DataType::Date32 => Box::new(|row| {
            let day = column.as_primitive::<Date32Type>().value(row);
            HeadValue::Date(date_text(Day(day)))
        }),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Box::new(|row| {
            let at = column.as_primitive::<TimestampMicrosecondType>().value(row);
            HeadValue::Time(instant_text(Micros(at)))
        }),
        DataType::List(_) => {
            Box::new(|row| HeadValue::List(values_of(&column.as_list::<i32>().value(row))))
        }
        _ => Box::new(|row| HeadValue::Text(value_text(column, row))),
    };
    let value = |row| {
        if column.is_null(row) {
            HeadValue::Null
        } else {
            values(row)
        }
    };
    (0..column.len()).map(value).collect()
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
