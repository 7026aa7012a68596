//! Rows to files of every format.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, MapArray, RecordBatch,
    StringArray, StructArray, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields};
use arrow::ipc::writer::{FileWriter, StreamWriter};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

/// Rows in a format.
pub(crate) fn encode(format: &str, rows: &[Value]) -> Vec<u8> {
    match format {
        "csv" => csv(rows).into_bytes(),
        "ndjson" => rows.iter().fold(Vec::new(), |mut text, row| {
            writeln!(text, "{row}").expect("memory to write to");
            text
        }),
        "json" => serde_json::to_vec_pretty(rows).expect("rows are JSON"),
        "parquet" => encode_batch(&batch(rows)),
        "arrow" => arrow_file(&batch(rows)),
        "arrows" => arrow_stream(&batch(rows)),
        other => panic!("no format {other}"),
    }
}

/// The names of the columns: those of the first row.
fn columns(rows: &[Value]) -> Vec<String> {
    let first = rows[0].as_object().expect("rows are objects");
    first.keys().cloned().collect()
}

/// Rows as CSV.
fn csv(rows: &[Value]) -> String {
    let columns = columns(rows);
    let field = |value: &Value| {
        let text = match value {
            Value::Null => return String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if text.contains([',', '"', '\n']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text
        }
    };
    let mut text = columns.join(",");
    for row in rows {
        let fields: Vec<String> = columns.iter().map(|name| field(&row[name])).collect();
        text = format!("{text}\n{}", fields.join(","));
    }
    text + "\n"
}

/// Rows as a batch: integers, numbers and texts as they are, arrays as lists, objects as maps.
fn batch(rows: &[Value]) -> RecordBatch {
    let columns = columns(rows).into_iter().map(|name| {
        let values: Vec<&Value> = rows.iter().map(|row| &row[&name]).collect();
        let any = |is: fn(&Value) -> bool| values.iter().any(|value| is(value));
        let elements = values.iter().filter_map(|value| value.as_array()).flatten();
        let has_scalars = elements
            .into_iter()
            .any(|element| !element.is_object() && !element.is_null());
        let array: ArrayRef = if has_scalars {
            Arc::new(scalar_lists(&values))
        } else if any(Value::is_array) {
            Arc::new(list(&values))
        } else if any(Value::is_object) {
            Arc::new(maps(&values))
        } else {
            scalars(&values)
        };
        (name, array)
    });
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)));
    batch.expect("columns of one length")
}

/// Integers, numbers, truth values or texts.
fn scalars(values: &[&Value]) -> ArrayRef {
    let any = |is: fn(&Value) -> bool| values.iter().any(|value| is(value));
    if any(Value::is_string) {
        let texts = values.iter().map(|value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        });
        Arc::new(texts.collect::<StringArray>())
    } else if any(Value::is_f64) {
        let numbers = values.iter().map(|value| value.as_f64());
        Arc::new(numbers.collect::<Float64Array>())
    } else if any(|value| value.is_u64() && !value.is_i64()) {
        let ids = values.iter().map(|value| value.as_u64());
        Arc::new(ids.collect::<UInt64Array>())
    } else if any(Value::is_boolean) {
        let truths = values.iter().map(|value| value.as_bool());
        Arc::new(truths.collect::<BooleanArray>())
    } else {
        let ids = values.iter().map(|value| value.as_i64());
        Arc::new(ids.collect::<Int64Array>())
    }
}

/// Arrays of scalars, some of them null.
fn scalar_lists(values: &[&Value]) -> ListArray {
    let arrays = values.iter().map(|value| value.as_array());
    let nulls: Vec<bool> = arrays.clone().map(|array| array.is_some()).collect();
    let lengths = arrays.clone().map(|array| array.map_or(0, Vec::len));
    let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
    let elements = scalars(&arrays.flatten().flatten().collect::<Vec<_>>());
    let element = Arc::new(Field::new("item", elements.data_type().clone(), true));
    ListArray::new(element, offsets, elements, Some(NullBuffer::from(nulls)))
}

/// Objects as maps from integers, or else texts.
fn maps(values: &[&Value]) -> MapArray {
    let objects = values.iter().map(|value| value.as_object());
    let lengths = objects
        .clone()
        .map(|object| object.map_or(0, |of| of.len()));
    let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
    let nulls: Vec<bool> = objects.clone().map(|object| object.is_some()).collect();
    let pairs = || objects.clone().flatten().flatten();
    let keys = pairs().map(|(key, _)| {
        key.parse::<i64>()
            .map_or_else(|_| key.as_str().into(), Value::from)
    });
    let keys: Vec<Value> = keys.collect();
    let keys = scalars(&keys.iter().collect::<Vec<_>>());
    let labels = scalars(&pairs().map(|(_, label)| label).collect::<Vec<_>>());
    let fields = Fields::from(vec![
        Field::new("key", keys.data_type().clone(), false),
        Field::new("value", labels.data_type().clone(), true),
    ]);
    let entries = StructArray::new(fields.clone(), vec![keys, labels], None);
    let field = Arc::new(Field::new("key_value", DataType::Struct(fields), false));
    MapArray::new(
        field,
        offsets,
        entries,
        Some(NullBuffer::from(nulls)),
        false,
    )
}

/// A batch as a file of Arrow IPC.
fn arrow_file(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    writer.write(batch).expect("memory to write to");
    writer.into_inner().expect("memory to write to")
}

/// A batch as a stream of Arrow IPC.
fn arrow_stream(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
    writer.write(batch).expect("memory to write to");
    writer.into_inner().expect("memory to write to")
}

/// A batch as a Parquet file.
pub(crate) fn encode_batch(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a writer");
    writer.write(batch).expect("memory to write to");
    writer.into_inner().expect("memory to write to")
}

/// Arrays of items, with labels and shades if an element has one; elements and values may be null.
fn list(values: &[&Value]) -> ListArray {
    let arrays = values.iter().map(|value| value.as_array());
    let nulls: Vec<bool> = arrays.clone().map(|array| array.is_some()).collect();
    let lengths = arrays.clone().map(|array| array.map_or(0, Vec::len));
    let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
    let elements: Vec<&Value> = arrays.flatten().flatten().collect();
    let items: Int64Array = elements
        .iter()
        .map(|element| element["item_id"].as_i64())
        .collect();
    let labels: BooleanArray = elements
        .iter()
        .map(|element| element["is_order"].as_bool())
        .collect();
    let shades: StringArray = elements
        .iter()
        .map(|element| element["shade"].as_str())
        .collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("item_id", Arc::new(items)),
        ("is_order", Arc::new(labels)),
        ("shade", Arc::new(shades)),
    ];
    let has = |name: &str| elements.iter().any(|element| element.get(name).is_some());
    let is_there = |name: &str| match name {
        "shade" => has(name),
        _ => elements.is_empty() || has(name),
    };
    let columns = columns.into_iter().filter(|(name, _)| is_there(name));
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns
        .map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array))
        .unzip();
    let fields = Fields::from(fields);
    let present: Vec<bool> = elements.iter().map(|element| !element.is_null()).collect();
    let structs = StructArray::new(fields.clone(), arrays, Some(NullBuffer::from(present)));
    let element = Field::new("element", DataType::Struct(fields), true);
    ListArray::new(
        Arc::new(element),
        offsets,
        Arc::new(structs),
        Some(NullBuffer::from(nulls)),
    )
}

/// Bytes, gzipped.
pub(crate) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).expect("memory to write to");
    writer.finish().expect("memory to write to")
}

/// Bytes, as Zstandard.
pub(crate) fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory to write to")
}
