//! Reads sampled rows of a published Parquet file, batch by batch.

use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection};
use parquet::file::metadata::ParquetMetaData;

use crate::calendar::parse_day;
use crate::encode::PublishedRows;
use crate::error::{Error, Result};
use crate::ids::index64;
use crate::job::{Job, Layout, Settings};
use crate::manifest::{AnyManifest, parse};
use crate::publish::MANIFEST;
use crate::scan::parquet::value_text;
use crate::store::local;

/// Reads some rows of a file, or all, of some columns, or all. `on_batch` takes the 0-based numbers of the
/// rows of each batch, and the rows as [`PublishedRows`] makes them.
///
/// # Errors
/// If the file cannot be read, or `on_batch` returns an error.
pub(super) fn read_rows(
    settings: &Settings,
    out: &Path,
    name: &str,
    rows: Option<&[u64]>,
    columns: Option<&[&str]>,
    mut on_batch: impl FnMut(&[u64], &RecordBatch) -> Result<()>,
) -> Result<()> {
    let path = out.join(name);
    let file = local::open(&path).map_err(|error| Error::io("read", &path, error))?;
    let broken = |error: &dyn std::fmt::Display| Error::bad_file(name, error.to_string());
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| broken(&error))?;
    let count = reader.metadata().file_metadata().num_rows();
    let count = u64::try_from(count).unwrap_or(0);
    let mut published = PublishedRows::new(settings.sequences());
    let wanted: Vec<u64> = rows.map_or_else(|| (0..count).collect(), <[u64]>::to_vec);
    // A row of a timeline needs those before it in its row group; other columns stand for themselves.
    let is_timeline = settings.sequences().layout == Layout::Timeline && columns.is_none();
    let rows = if is_timeline {
        whole_row_groups(reader.metadata(), &wanted)
    } else {
        wanted.clone()
    };
    let ranges = rows.iter().map(|row| index64(*row)..index64(*row) + 1);
    let selection = RowSelection::from_consecutive_ranges(ranges, index64(count));
    let mask = match columns {
        None => ProjectionMask::all(),
        Some(columns) => {
            let columns = columns
                .iter()
                .map(|name| settings.sequences().published_name(name));
            ProjectionMask::columns(reader.parquet_schema(), columns)
        }
    };
    let reader = reader.with_row_selection(selection).with_projection(mask);
    // Histories of timelines can be of any length.
    let batch_rows = if is_timeline { 1 << 6 } else { 1 << 10 };
    // Batches have the selected rows in order, so their numbers are taken off the front.
    let mut rest = &rows[..];
    for batch in reader
        .with_batch_size(batch_rows)
        .build()
        .map_err(|error| broken(&error))?
    {
        let batch = batch.map_err(|error| broken(&error))?;
        let (numbers, after) = rest.split_at(batch.num_rows());
        rest = after;
        let of_row = |what| broken(&format!("after row {}: {what}", numbers[0]));
        let batch = match columns {
            None => published.plain(&batch).map_err(of_row)?,
            Some(_) => published.with_own_names(&batch),
        };
        if is_timeline {
            let (numbers, batch) = only(&wanted, numbers, &batch).map_err(|what| broken(&what))?;
            on_batch(&numbers, &batch)?;
        } else {
            on_batch(numbers, &batch)?;
        }
    }
    Ok(())
}

/// The rows of all row groups with a wanted row.
fn whole_row_groups(metadata: &ParquetMetaData, wanted: &[u64]) -> Vec<u64> {
    let mut start = 0;
    let mut rows = Vec::new();
    for group in metadata.row_groups() {
        let end = start + u64::try_from(group.num_rows()).unwrap_or(0);
        if wanted.iter().any(|row| (start..end).contains(row)) {
            rows.extend(start..end);
        }
        start = end;
    }
    rows
}

/// The wanted rows of a batch, with their numbers.
fn only(
    wanted: &[u64],
    numbers: &[u64],
    batch: &RecordBatch,
) -> std::result::Result<(Vec<u64>, RecordBatch), ArrowError> {
    let is_wanted = |number: &u64| wanted.binary_search(number).is_ok();
    let mask: BooleanArray = numbers
        .iter()
        .map(|number| Some(is_wanted(number)))
        .collect();
    let numbers = numbers.iter().copied().filter(is_wanted).collect();
    Ok((numbers, filter_record_batch(batch, &mask)?))
}

/// Reads all rows of a set that a run has just made; `on_row` takes the day, a batch, and the row in it.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn read_all(job: &Job, mut on_row: impl FnMut(i32, &RecordBatch, usize)) -> Result<()> {
    let out = &job.out;
    let path = out.join(MANIFEST);
    let text = local::read(&path).map_err(|error| Error::io("read", &path, error))?;
    let broken = |what| Error::bad_file(path.display().to_string(), what);
    // This process has just written it into a folder of its own, so its checksum is not looked at.
    let manifest: AnyManifest = parse(&text).map_err(broken)?;
    for part in &manifest.parts {
        let path = part.path.as_str();
        let folder = path.split('/').next().unwrap_or_default();
        let day = folder.split_once('=').and_then(|(_, day)| parse_day(day));
        let day = day.map_or(0, |day| day.0);
        read_rows(job, out, path, None, None, |_, batch| {
            (0..batch.num_rows()).for_each(|row| on_row(day, batch, row));
            Ok(())
        })?;
    }
    Ok(())
}

/// A column that the schema has.
pub(super) fn column<'a>(batch: &'a RecordBatch, name: &str) -> &'a ArrayRef {
    batch.column_by_name(name).expect("the schema is checked")
}

/// An id as text.
pub(super) fn id(array: &ArrayRef, row: usize) -> Option<String> {
    array.is_valid(row).then(|| value_text(array, row))
}

/// The value of a passthrough column as the same text that the reference makes.
pub(super) fn value_as_text(array: &ArrayRef, at: usize) -> Option<String> {
    array.is_valid(at).then(|| match array.data_type() {
        // Arrow would print whole numbers with a point: `1.0`.
        DataType::Float64 => array.as_primitive::<Float64Type>().value(at).to_string(),
        // Times are compared as microseconds since the epoch.
        DataType::Timestamp(..) => {
            let times = array.as_primitive::<TimestampMicrosecondType>();
            times.value(at).to_string()
        }
        _ => value_text(array, at),
    })
}

/// Integers of any width.
pub(super) fn ints(array: &ArrayRef) -> Vec<i64> {
    let wide = cast(array, &DataType::Int64).expect("the schema is checked");
    wide.as_primitive::<Int64Type>().values().to_vec()
}

/// A Boolean.
pub(super) fn truth(array: &ArrayRef, row: usize) -> Option<bool> {
    let values = array.as_boolean();
    values.is_valid(row).then(|| values.value(row))
}
