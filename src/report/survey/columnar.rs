//! The first records of Parquet and Arrow IPC.

use std::io::{BufReader, Read, Seek};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchReader};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::ipc::reader::{FileReader, StreamReader};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};

use super::schema::{FirstRecords, Row};
use crate::catalog::input::InputFile;
use crate::error::{Error, Result};
use crate::job::Format;

/// Reads records. Times are texts, with `Z` if they are instants.
///
/// # Errors
/// If the file is damaged.
pub(super) fn columnar_rows(
    file: &InputFile,
    format: Format,
    records_max: usize,
) -> Result<FirstRecords> {
    let broken = |what: String| Error::bad_file(&file.shown, what);
    let mut opened = file.open()?;
    let mut first = FirstRecords::default();
    if format == Format::Parquet {
        let builder = ParquetRecordBatchReaderBuilder::try_new(opened);
        let builder = builder.map_err(|error| broken(error.to_string()))?;
        let builder = builder
            .with_batch_size(records_max.min(1024))
            .with_limit(records_max);
        let batches = builder.build().map_err(|error| broken(error.to_string()))?;
        first.columns = names_of(&batches.schema());
        for batch in batches {
            let batch = batch.map_err(|error| broken(error.to_string()))?;
            add_rows(&batch, records_max, &mut first.rows);
        }
        return Ok(first);
    }
    let mut head = [0; 6];
    opened
        .read_exact(&mut head)
        .map_err(|error| file.io(error))?;
    opened.rewind().map_err(|error| file.io(error))?;
    let opened = BufReader::new(opened);
    let batches: Box<dyn RecordBatchReader> = if head == *b"ARROW1" {
        let reader = FileReader::try_new(opened, None);
        Box::new(reader.map_err(|error| broken(error.to_string()))?)
    } else {
        let reader = StreamReader::try_new(opened, None);
        Box::new(reader.map_err(|error| broken(error.to_string()))?)
    };
    first.columns = names_of(&batches.schema());
    for batch in batches {
        if first.rows.len() >= records_max {
            break;
        }
        let batch = batch.map_err(|error| broken(error.to_string()))?;
        add_rows(&batch, records_max, &mut first.rows);
    }
    Ok(first)
}

/// The names of the columns.
fn names_of(schema: &arrow::datatypes::Schema) -> Vec<String> {
    let fields = schema.fields().iter();
    fields.map(|field| field.name().clone()).collect()
}

/// Adds the rows of a batch.
fn add_rows(batch: &RecordBatch, records_max: usize, rows: &mut Vec<Row>) {
    let schema = batch.schema();
    for at in 0..batch.num_rows().min(records_max.saturating_sub(rows.len())) {
        let columns = schema.fields().iter().zip(batch.columns());
        let values = columns.map(|(field, column)| (field.name().clone(), value_at(column, at)));
        rows.push(values.collect());
    }
}

/// A value of an array.
fn value_at(array: &ArrayRef, at: usize) -> Value {
    if array.is_null(at) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let values =
                columns.map(|(field, column)| (field.name().clone(), value_at(column, at)));
            Value::Object(values.collect())
        }
        DataType::List(_) => all_of(&array.as_list::<i32>().value(at)),
        DataType::LargeList(_) => all_of(&array.as_list::<i64>().value(at)),
        DataType::FixedSizeList(..) => all_of(&array.as_fixed_size_list().value(at)),
        DataType::Map(..) => {
            let entries = array.as_map().value(at);
            let [keys, values] = entries.columns() else {
                return Value::Null;
            };
            let pairs = (0..entries.len()).map(|at| (text_at(keys, at), value_at(values, at)));
            Value::Object(pairs.collect::<Map<String, Value>>())
        }
        DataType::Boolean => Value::from(array.as_boolean().value(at)),
        DataType::Dictionary(_, values) => match cast(array, values) {
            Ok(plain) => value_at(&plain, at),
            Err(_) => Value::Null,
        },
        kind if kind.is_integer() => match cast(array, &DataType::Int64) {
            Ok(ints) if !ints.is_null(at) => {
                Value::from(ints.as_primitive::<Int64Type>().value(at))
            }
            _ => Value::from(text_at(array, at)),
        },
        kind if kind.is_floating() => match cast(array, &DataType::Float64) {
            Ok(floats) => Value::from(floats.as_primitive::<Float64Type>().value(at)),
            Err(_) => Value::Null,
        },
        // A number, not a text: ids of warehouses.
        DataType::Decimal128(..) | DataType::Decimal256(..) => {
            let text = text_at(array, at);
            text.parse::<f64>().map_or(Value::Null, |number| {
                let whole = text.parse::<i64>().ok();
                whole.map_or_else(|| Value::from(number), Value::from)
            })
        }
        _ => Value::from(text_at(array, at)),
    }
}

/// All values of an array.
fn all_of(values: &ArrayRef) -> Value {
    let values = (0..values.len()).map(|at| value_at(values, at));
    Value::Array(values.collect())
}

/// The text of a value of an array.
fn text_at(array: &ArrayRef, at: usize) -> String {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options);
    formatter.map_or_else(|_| String::new(), |all| all.value(at).to_string())
}
