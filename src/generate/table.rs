//! Named columns to files: Parquet, CSV or NDJSON, a batch at a time.
//!
//! **In / Out**: [`NamedColumns`] of some rows → a new file, and its size. Parquet is
//! compressed with Snappy, and has row groups of [`GROUP_ROWS`] rows; a text has no character that would
//! have to be quoted; the items of an impression are a JSON array, which CSV holds as quoted text.
//! **Invariants**: all columns may be null, as in real logs.

use std::fs::File as Disk;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Fields};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::calendar::{date_text, instant_text};
use crate::context::RunContext;
use crate::error::{Error, Result};
use crate::ids::{Day, Micros, index64};
use crate::job::Format;

/// Rows of a row group; the last one of a file has fewer.
const GROUP_ROWS: usize = 1 << 20;
/// Rows that are in memory at a time, of each thread.
const BATCH_ROWS: u64 = 1 << 14;

/// A column of some rows.
pub(super) enum LogColumn {
    /// Integers of 64 bits.
    Ints(Vec<i64>),
    /// Integers of 64 bits, some of which may be null.
    MaybeInts(Vec<Option<i64>>),
    /// Integers of 32 bits.
    Shorts(Vec<i32>),
    /// Numbers.
    Floats(Vec<f64>),
    /// Instants, µs since the epoch.
    Instants(Vec<i64>),
    /// Wall times, µs since the epoch; for Parquet only, as text formats take them as texts.
    Walls(Vec<i64>),
    /// Days.
    Dates(Vec<Day>),
    /// Texts.
    Texts(Vec<String>),
    /// Texts of a few fixed words.
    Words(Vec<&'static str>),
    /// The items of impressions.
    ImpressionItems {
        /// Where those of each impression start, and where the last ones end.
        starts: Vec<i32>,
        /// All of them.
        items: Vec<i32>,
        /// Whether each was ordered.
        labels: Vec<bool>,
    },
}

/// Columns with their names.
pub(super) type NamedColumns = Vec<(&'static str, LogColumn)>;

/// Writes a file of some rows, which `columns` makes a batch at a time, in order; gives its bytes.
pub(super) fn write_table(
    path: &Path,
    format: Format,
    context: &RunContext,
    rows: Range<u64>,
    mut columns: impl FnMut(Range<u64>) -> NamedColumns,
) -> Result<u64> {
    // A file without rows has its columns.
    let starts = rows.start..rows.end.max(rows.start + 1);
    let mut batches = starts.step_by(index64(BATCH_ROWS)).map(|start| {
        context.check()?;
        let batch = start..(start + BATCH_ROWS).min(rows.end);
        context.count_written(batch.end - start);
        Ok(columns(batch))
    });
    match format {
        Format::Parquet => write_parquet(&mut batches, path),
        format => write_text(&mut batches, format, path),
    }
}

/// A wall time, as text has it, of a day as it is written.
pub(super) fn wall_text(day: &str, second: u32) -> String {
    let mut text = String::with_capacity(day.len() + 9);
    text.push_str(day);
    for (mark, number) in [
        ('T', second / 3600),
        (':', second / 60 % 60),
        (':', second % 60),
    ] {
        let digits = [number / 10, number % 10];
        let digit = |digit| char::from_digit(digit, 10).expect("a day has fewer than 100 hours");
        text.push(mark);
        text.extend(digits.map(digit));
    }
    text
}

/// Writes a Parquet file; gives its bytes.
fn write_parquet(
    batches: &mut dyn Iterator<Item = Result<NamedColumns>>,
    path: &Path,
) -> Result<u64> {
    let failed = |error| Error::io("write", path, error);
    let properties = WriterProperties::builder()
        .set_created_by(concat!("hitherto ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    // Made with the first batch, as its columns are the schema.
    let mut writer: Option<ArrowWriter<Disk>> = None;
    for columns in batches {
        let columns = columns?.into_iter();
        let columns = columns.map(|(name, column)| (name, array_of(column), true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns);
        let batch = batch.map_err(|error| failed(io::Error::other(error)))?;
        if writer.is_none() {
            let disk = Disk::create_new(path).map_err(failed)?;
            let made = ArrowWriter::try_new(disk, batch.schema(), Some(properties.clone()));
            writer = Some(made.map_err(|error| failed(io::Error::other(error)))?);
        }
        let writer = writer.as_mut().expect("it was just made");
        writer
            .write(&batch)
            .map_err(|error| failed(io::Error::other(error)))?;
    }
    let disk = writer.expect("a file has a batch").into_inner();
    let disk = disk.map_err(|error| failed(io::Error::other(error)))?;
    Ok(disk.metadata().map_err(failed)?.len())
}

/// A column of Parquet.
fn array_of(column: LogColumn) -> ArrayRef {
    match column {
        LogColumn::Ints(values) => Arc::new(Int64Array::from(values)),
        LogColumn::MaybeInts(values) => Arc::new(Int64Array::from(values)),
        LogColumn::Shorts(values) => Arc::new(Int32Array::from(values)),
        LogColumn::Floats(values) => Arc::new(Float64Array::from(values)),
        LogColumn::Instants(values) => {
            Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
        }
        LogColumn::Walls(values) => Arc::new(TimestampMicrosecondArray::from(values)),
        LogColumn::Dates(days) => {
            Arc::new(Date32Array::from_iter_values(days.iter().map(|day| day.0)))
        }
        LogColumn::Texts(values) => Arc::new(StringArray::from(values)),
        LogColumn::Words(values) => Arc::new(StringArray::from(values)),
        LogColumn::ImpressionItems {
            starts,
            items,
            labels,
        } => {
            let fields = Fields::from(vec![
                Field::new("item_id", DataType::Int32, true),
                Field::new("is_order", DataType::Boolean, true),
            ]);
            let items: ArrayRef = Arc::new(Int32Array::from(items));
            let labels: ArrayRef = Arc::new(BooleanArray::from(labels));
            let elements = StructArray::new(fields.clone(), vec![items, labels], None);
            let element = Field::new("element", DataType::Struct(fields), true);
            let offsets = OffsetBuffer::new(ScalarBuffer::from(starts));
            Arc::new(ListArray::new(
                Arc::new(element),
                offsets,
                Arc::new(elements),
                None,
            ))
        }
    }
}

/// Writes CSV or NDJSON; gives its bytes.
fn write_text(
    batches: &mut dyn Iterator<Item = Result<NamedColumns>>,
    format: Format,
    path: &Path,
) -> Result<u64> {
    let failed = |error| Error::io("write", path, error);
    let mut out = BufWriter::new(Disk::create_new(path).map_err(failed)?);
    let mut is_first = true;
    for columns in batches {
        let columns = columns?;
        if format == Format::Csv && std::mem::take(&mut is_first) {
            let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
            writeln!(out, "{}", names.join(",")).map_err(failed)?;
        }
        let prefixes = prefixes_of(&columns, format);
        for row in 0..columns[0].1.count() {
            write_row(&columns, &prefixes, row, format, &mut out).map_err(failed)?;
        }
    }
    // Not left to `drop`, which would hide that the last bytes could not be written.
    let disk = out
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    Ok(disk.metadata().map_err(failed)?.len())
}

/// The text before the value of each column in a line, without quotes.
fn prefixes_of(columns: &NamedColumns, format: Format) -> Vec<String> {
    let prefix = |(at, (name, _)): (usize, &(&str, LogColumn))| match (format, at) {
        (Format::Csv, 0) => String::new(),
        (Format::Csv, _) => ",".to_owned(),
        (_, 0) => format!("{{\"{name}\":"),
        _ => format!(",\"{name}\":"),
    };
    columns.iter().enumerate().map(prefix).collect()
}

/// Writes a line.
fn write_row(
    columns: &NamedColumns,
    prefixes: &[String],
    row: usize,
    format: Format,
    out: &mut BufWriter<Disk>,
) -> io::Result<()> {
    let (quote, null, end) = match format {
        Format::Csv => ("", "", "\n"),
        _ => ("\"", "null", "}\n"),
    };
    let text = |out: &mut BufWriter<Disk>, text: &str| {
        let pieces = [quote, text, quote];
        pieces
            .iter()
            .try_for_each(|piece| out.write_all(piece.as_bytes()))
    };
    for ((_, column), prefix) in columns.iter().zip(prefixes) {
        out.write_all(prefix.as_bytes())?;
        match column {
            LogColumn::Ints(values) => write!(out, "{}", values[row])?,
            LogColumn::MaybeInts(values) => match values[row] {
                Some(value) => write!(out, "{value}")?,
                None => out.write_all(null.as_bytes())?,
            },
            LogColumn::Shorts(values) => write!(out, "{}", values[row])?,
            LogColumn::Floats(values) => write!(out, "{}", values[row])?,
            LogColumn::Dates(days) => text(out, &date_text(days[row]))?,
            LogColumn::Walls(_) => unreachable!("text formats take wall times as texts"),
            LogColumn::Instants(values) => text(out, &instant_text(Micros(values[row])))?,
            LogColumn::Texts(values) => text(out, &values[row])?,
            LogColumn::Words(values) => text(out, values[row])?,
            LogColumn::ImpressionItems {
                starts,
                items,
                labels,
            } => {
                let start =
                    |row: usize| usize::try_from(starts[row]).expect("offsets are positive");
                let range = start(row)..start(row + 1);
                let elements = items[range.clone()].iter().zip(&labels[range]);
                write_items(elements, format, out)?;
            }
        }
    }
    out.write_all(end.as_bytes())
}

/// Writes the items of an impression, as a JSON array.
fn write_items<'a>(
    elements: impl Iterator<Item = (&'a i32, &'a bool)>,
    format: Format,
    out: &mut impl Write,
) -> io::Result<()> {
    // In CSV the array is one quoted field, in which quotes are doubled.
    let (quote, mark) = match format {
        Format::Csv => ("\"", "\"\""),
        _ => ("", "\""),
    };
    write!(out, "{quote}[")?;
    for (at, (item, label)) in elements.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(
            out,
            "{comma}{{{mark}item_id{mark}:{item},{mark}is_order{mark}:{label}}}"
        )?;
    }
    write!(out, "]{quote}")
}

impl LogColumn {
    /// The number of rows.
    fn count(&self) -> usize {
        match self {
            LogColumn::Ints(values) | LogColumn::Instants(values) | LogColumn::Walls(values) => {
                values.len()
            }
            LogColumn::MaybeInts(values) => values.len(),
            LogColumn::Shorts(values) => values.len(),
            LogColumn::Floats(values) => values.len(),
            LogColumn::Dates(values) => values.len(),
            LogColumn::Texts(values) => values.len(),
            LogColumn::Words(values) => values.len(),
            LogColumn::ImpressionItems { starts, .. } => starts.len() - 1,
        }
    }
}
