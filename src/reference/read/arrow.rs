//! Arrow IPC files and streams to records of cells.
//!
//! **Why so**: arrow's own reader decodes whole record batches, of all columns; values are then taken one by
//! one. The engine reads messages by itself, so a fault there is not repeated here. What both share is how
//! arrow decodes an array.

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchReader};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int64Type, TimeUnit as ArrowUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt64Type,
};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};

use super::cell::LogCell;
use super::{LogFile, OnCells};
use crate::error::{Error, Result};
use crate::job::TimeUnit;
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

/// The names of the columns.
pub(crate) fn names(file: &LogFile) -> Result<Vec<String>> {
    let Some(batches) = open(file)? else {
        return Ok(Vec::new());
    };
    let schema = batches.schema();
    let fields = schema.fields().iter();
    Ok(fields.map(|field| field.name().clone()).collect())
}

/// Reads the records of a file.
pub(crate) fn read(file: &LogFile, columns: &[&str], on_record: OnCells<'_>) -> Result<()> {
    let broken = |error: ArrowError| Error::bad_file(&file.display_path, error.to_string());
    let mut record = 0;
    for batch in open(file)?.into_iter().flatten() {
        let batch = batch.map_err(broken)?;
        for row in 0..batch.num_rows() {
            record += 1;
            let cells: Vec<LogCell> = columns
                .iter()
                .map(|column| cell_in(&batch, column, row))
                .collect();
            on_record(record, &cells)?;
        }
    }
    Ok(())
}

/// The cell of a column in a row.
fn cell_in(batch: &RecordBatch, column: &str, row: usize) -> LogCell {
    match batch.column_by_name(column) {
        None => LogCell::Missing,
        Some(array) => cell_of(&array.slice(row, 1)),
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
        DataType::List(_) => list_of(&array.as_list::<i32>().value(0)),
        DataType::LargeList(_) => list_of(&array.as_list::<i64>().value(0)),
        DataType::FixedSizeList(..) => list_of(&array.as_fixed_size_list().value(0)),
        DataType::ListView(_) => list_of(&array.as_list_view::<i32>().value(0)),
        DataType::LargeListView(_) => list_of(&array.as_list_view::<i64>().value(0)),
        _ => LogCell::Bytes,
    }
}

/// The elements of a list, as the fields of structs by name.
fn list_of(elements: &ArrayRef) -> LogCell {
    let Some(structs) = elements.as_struct_opt() else {
        return LogCell::List(vec![None; elements.len()]);
    };
    let element = |at: usize| {
        structs.is_valid(at).then(|| {
            let columns = structs.fields().iter().zip(structs.columns());
            columns
                .map(|(field, column)| (field.name().clone(), cell_of(&column.slice(at, 1))))
                .collect()
        })
    };
    LogCell::List((0..structs.len()).map(element).collect())
}
