//! Rows as Arrow IPC: files and streams, whole and compressed, in every type that their writers use for
//! texts and lists.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use hitherto::Format;

/// Whether files of a format tell the types of their columns.
pub(crate) fn has_types(format: Format) -> bool {
    matches!(format, Format::Parquet | Format::Arrow)
}

/// A batch as a file or a stream, in record batches of some rows, with its extension. What else differs
/// depends on the number of rows.
pub(crate) fn to_arrow(batch: &RecordBatch, rows_max: usize) -> (&'static str, Vec<u8>) {
    let variant = batch.num_rows() * 7 + rows_max;
    let columns = batch.schema().fields().clone();
    let columns = columns.iter().zip(batch.columns()).enumerate();
    let columns = columns.map(|(at, (field, array))| {
        let to = varied(array.data_type(), variant + at);
        let array: ArrayRef = cast(array, &to).expect("a type that holds the same");
        (field.name().clone(), array, true)
    });
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length");
    let packed = [
        None,
        Some(CompressionType::LZ4_FRAME),
        Some(CompressionType::ZSTD),
    ];
    let options = IpcWriteOptions::default().try_with_compression(packed[variant % 3]);
    let options = options.expect("a known compression");
    let schema = batch.schema();
    let starts = (0..batch.num_rows()).step_by(rows_max);
    let pieces = starts.map(|at| batch.slice(at, rows_max.min(batch.num_rows() - at)));
    let mut bytes = Vec::new();
    if variant.is_multiple_of(2) {
        let writer = StreamWriter::try_new_with_options(&mut bytes, &schema, options);
        let mut writer = writer.expect("a stream");
        pieces.for_each(|piece| writer.write(&piece).expect("rows"));
        writer.finish().expect("an end");
        drop(writer);
        return ("arrows", bytes);
    }
    let writer = FileWriter::try_new_with_options(&mut bytes, &schema, options);
    let mut writer = writer.expect("a file");
    pieces.for_each(|piece| writer.write(&piece).expect("rows"));
    writer.finish().expect("a footer");
    drop(writer);
    (
        if variant.is_multiple_of(3) {
            "feather"
        } else {
            "arrow"
        },
        bytes,
    )
}

/// A type that holds the same values.
fn varied(data_type: &DataType, variant: usize) -> DataType {
    let inside = |field: &FieldRef| {
        let to = varied(field.data_type(), variant + 1);
        Arc::new(Field::new(field.name(), to, true))
    };
    match (data_type, variant % 4) {
        (DataType::Utf8, 1) => DataType::LargeUtf8,
        (DataType::Utf8, 2) => DataType::Utf8View,
        // A file has one dictionary of a column, so its values must be those of all record batches.
        (DataType::Utf8, 3) => {
            DataType::Dictionary(Box::new(DataType::Int16), Box::new(DataType::Utf8))
        }
        (DataType::List(field), 1) => DataType::LargeList(inside(field)),
        (DataType::List(field), _) => DataType::List(inside(field)),
        (DataType::Struct(fields), _) => {
            DataType::Struct(fields.iter().map(inside).collect::<Fields>())
        }
        (other, _) => other.clone(),
    }
}
