//! Arrow IPC files and streams to records of cells.
//!
//! **Why so**: arrow's own reader decodes whole record batches, of all columns; values are then taken one by
//! one. The engine reads messages by itself, so a fault there is not repeated here. What both share is how
//! arrow decodes an array.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatchReader, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int64Type, TimeUnit as ArrowUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt64Type,
};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};

use super::{Place, place_of};
use crate::error::{Error, Result};
use crate::job::TimeUnit;
use crate::reference::read::cell::LogCell;
use crate::reference::read::{LogFile, OnCells};
use crate::store::local;

/// Record batches, in order.
type Batches = Box<dyn RecordBatchReader>;

/// Opens a file or a stream; nothing if it has no byte.
fn open(file: &LogFile) -> Result<Option<Batches>> {
    let failed = |error| Error::io("read", &file.path, error);
    let broken = |error: ArrowError| Error::bad_file(&file.display_path, error.to_string());
    let mut opened: File = local::open(&file.path).map_err(failed)?;
    let mut head = [0; 6];
    if opened.metadata().map_err(failed)?.len() == 0 {
        return Ok(None);
    }
    opened.read_exact(&mut head).map_err(failed)?;
    opened.rewind().map_err(failed)?;
    let opened = BufReader::new(opened);
    Ok(Some(if head == *b"ARROW1" {
        Box::new(FileReader::try_new(opened, None).map_err(broken)?)
    } else {
        Box::new(StreamReader::try_new(opened, None).map_err(broken)?)
    }))
}

/// Reads the records of a file.
pub(crate) fn read(
    file: &LogFile,
    explode: Option<&str>,
    columns: &[&str],
    on_record: OnCells<'_>,
) -> Result<()> {
    let broken = |error: ArrowError| Error::bad_file(&file.display_path, error.to_string());
    let mut record = 0;
    for batch in open(file)?.into_iter().flatten() {
        let batch = batch.map_err(broken)?;
        let places = columns
            .iter()
            .map(|column| place_of(batch.schema().fields(), explode, column));
        let places: Vec<Option<Place>> = places.collect();
        for row in 0..batch.num_rows() {
            let row = StructArray::from(batch.slice(row, 1));
            let elements = match explode {
                None => 1,
                Some(list) => list_in(&row, list).map_or(0, |list| list.len()),
            };
            for element in 0..elements {
                record += 1;
                let element = explode.and_then(|list| Some(list_in(&row, list)?.slice(element, 1)));
                let cell = |place: &Option<Place>| {
                    let Some(place) = place else {
                        return LogCell::Missing;
                    };
                    let record: ArrayRef = Arc::new(row.clone());
                    let within = if place.is_of_element {
                        element.clone()
                    } else {
                        Some(record)
                    };
                    within.map_or(LogCell::Null, |within| cell_at(&within, &place.path))
                };
                let cells: Vec<LogCell> = places.iter().map(cell).collect();
                on_record(record, &cells)?;
            }
        }
    }
    Ok(())
}

/// The elements of a list of a record; nothing if it is null.
fn list_in(row: &StructArray, name: &str) -> Option<ArrayRef> {
    let list = row.column_by_name(name)?;
    (!list.is_null(0)).then(|| elements_of(list)).flatten()
}

/// The cell that some names lead to, in an array of one value.
fn cell_at(array: &ArrayRef, path: &[String]) -> LogCell {
    let Some((name, path)) = path.split_first() else {
        return cell_of(array);
    };
    match array.as_struct_opt() {
        Some(structs) if structs.is_valid(0) => structs
            .column_by_name(name)
            .map_or(LogCell::Missing, |inner| cell_at(inner, path)),
        _ => LogCell::Null,
    }
}

/// The cell of an array of one value.
fn cell_of(array: &ArrayRef) -> LogCell {
    if array.is_null(0) || matches!(array.data_type(), DataType::Null) {
        return LogCell::Null;
    }
    let as_type = |to: &DataType| cast(array, to).ok();
    match array.data_type() {
        DataType::Dictionary(_, values) => {
            as_type(values).map_or(LogCell::Bytes, |value| cell_of(&value))
        }
        DataType::RunEndEncoded(_, values) => {
            as_type(values.data_type()).map_or(LogCell::Bytes, |value| cell_of(&value))
        }
        DataType::Boolean => LogCell::Bool(array.as_boolean().value(0)),
        DataType::UInt64 => LogCell::Int(array.as_primitive::<UInt64Type>().value(0).into()),
        of if of.is_integer() => as_type(&DataType::Int64).map_or(LogCell::Bytes, |wide| {
            LogCell::Int(wide.as_primitive::<Int64Type>().value(0).into())
        }),
        DataType::Float32 => LogCell::Single(array.as_primitive::<Float32Type>().value(0)),
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => as_type(&DataType::Utf8).map_or(LogCell::Bytes, |text| {
            LogCell::Decimal(text.as_string::<i32>().value(0).to_owned())
        }),
        of if of.is_numeric() => as_type(&DataType::Float64).map_or(LogCell::Bytes, |wide| {
            LogCell::Real(wide.as_primitive::<Float64Type>().value(0))
        }),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => as_type(&DataType::Utf8)
            .map_or(LogCell::Bytes, |text| {
                LogCell::Text(text.as_string::<i32>().value(0).to_owned())
            }),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => {
            let bytes = as_type(&DataType::Binary);
            let bytes = bytes.map(|bytes| bytes.as_binary::<i32>().value(0).to_vec());
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            text.map_or(LogCell::Bytes, LogCell::Text)
        }
        DataType::Date32 => LogCell::Date(array.as_primitive::<Date32Type>().value(0)),
        DataType::Timestamp(unit, zone) => {
            let (value, unit) = match unit {
                ArrowUnit::Second => (
                    array.as_primitive::<TimestampSecondType>().value(0),
                    TimeUnit::Second,
                ),
                ArrowUnit::Millisecond => (
                    array.as_primitive::<TimestampMillisecondType>().value(0),
                    TimeUnit::Milli,
                ),
                ArrowUnit::Microsecond => (
                    array.as_primitive::<TimestampMicrosecondType>().value(0),
                    TimeUnit::Micro,
                ),
                ArrowUnit::Nanosecond => (
                    array.as_primitive::<TimestampNanosecondType>().value(0),
                    TimeUnit::Nano,
                ),
            };
            LogCell::Stamp(value, unit, zone.is_some())
        }
        _ => nested_cell(array),
    }
}

/// The cell of an array of one list, struct or map.
fn nested_cell(array: &ArrayRef) -> LogCell {
    match array.data_type() {
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let fields = columns.map(|(field, column)| (field.name().clone(), cell_of(column)));
            LogCell::Struct(fields.collect())
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(0);
            let [keys, values] = [0, 1].map(|column| cells_of(entries.column(column)));
            LogCell::Map(keys.into_iter().zip(values).collect())
        }
        _ => elements_of(array).map_or(LogCell::Bytes, |elements| list_of(&elements)),
    }
}

/// The elements of the first list of an array; nothing if it has none.
fn elements_of(array: &ArrayRef) -> Option<ArrayRef> {
    Some(match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(0),
        DataType::LargeList(_) => array.as_list::<i64>().value(0),
        DataType::FixedSizeList(..) => array.as_fixed_size_list().value(0),
        DataType::ListView(_) => array.as_list_view::<i32>().value(0),
        DataType::LargeListView(_) => array.as_list_view::<i64>().value(0),
        _ => return None,
    })
}

/// The elements of a list.
fn list_of(elements: &ArrayRef) -> LogCell {
    LogCell::List(cells_of(elements))
}

/// The cells of an array.
fn cells_of(array: &ArrayRef) -> Vec<LogCell> {
    let rows = 0..array.len();
    rows.map(|row| cell_of(&array.slice(row, 1))).collect()
}
