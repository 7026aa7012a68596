//! Named columns to files: Parquet, CSV or NDJSON, a batch at a time.
//!
//! **In / Out**: [`Columns`] of some rows → a file that was not there before, and its size. Parquet is
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
pub(super) enum Column {
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
    /// Wall times, µs since the epoch; for Parquet only, as text has them as texts.
    Walls(Vec<i64>),
    /// Days.
    Dates(Vec<Day>),
    /// Texts.
    Texts(Vec<String>),
    /// Texts of which there are few.
    Words(Vec<&'static str>),
    /// The items of impressions.
    Shown {
        /// Where those of each impression start, and where the last ones end.
        starts: Vec<i32>,
        /// All of them.
        items: Vec<i32>,
        /// Whether each was ordered.
        labels: Vec<bool>,
    },
}

/// Columns with their names.
pub(super) type Columns = Vec<(&'static str, Column)>;

/// Writes a file of some rows, which `columns` makes a batch at a time, in order; gives its bytes.
pub(super) fn write_table(
    (path, format): (&Path, Format),
    context: &RunContext,
    rows: Range<u64>,
    mut columns: impl FnMut(Range<u64>) -> Columns,
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
fn write_parquet(batches: &mut dyn Iterator<Item = Result<Columns>>, path: &Path) -> Result<u64> {
    let failed = |error| Error::io("write", path, error);
    let properties = WriterProperties::builder()
        .set_created_by(concat!("hitherto ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
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
fn array_of(column: Column) -> ArrayRef {
    match column {
        Column::Ints(values) => Arc::new(Int64Array::from(values)),
        Column::MaybeInts(values) => Arc::new(Int64Array::from(values)),
        Column::Shorts(values) => Arc::new(Int32Array::from(values)),
        Column::Floats(values) => Arc::new(Float64Array::from(values)),
        Column::Instants(values) => {
            Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
        }
        Column::Walls(values) => Arc::new(TimestampMicrosecondArray::from(values)),
        Column::Dates(days) => {
            Arc::new(Date32Array::from_iter_values(days.iter().map(|day| day.0)))
        }
        Column::Texts(values) => Arc::new(StringArray::from(values)),
        Column::Words(values) => Arc::new(StringArray::from(values)),
        Column::Shown {
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
            let shown = StructArray::new(fields.clone(), vec![items, labels], None);
            let element = Field::new("element", DataType::Struct(fields), true);
            let offsets = OffsetBuffer::new(ScalarBuffer::from(starts));
            Arc::new(ListArray::new(
                Arc::new(element),
                offsets,
                Arc::new(shown),
                None,
            ))
        }
    }
}

/// Writes CSV or NDJSON; gives its bytes.
fn write_text(
    batches: &mut dyn Iterator<Item = Result<Columns>>,
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
        let before = before_each(&columns, format);
        for row in 0..columns[0].1.count() {
            write_row(&columns, &before, row, format, &mut out).map_err(failed)?;
        }
    }
    let disk = out
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    Ok(disk.metadata().map_err(failed)?.len())
}

/// What stands before the value of each column in a line, but for quotes.
fn before_each(columns: &Columns, format: Format) -> Vec<String> {
    let before = |(at, (name, _)): (usize, &(&str, Column))| match (format, at) {
        (Format::Csv, 0) => String::new(),
        (Format::Csv, _) => ",".to_owned(),
        (_, 0) => format!("{{\"{name}\":"),
        _ => format!(",\"{name}\":"),
    };
    columns.iter().enumerate().map(before).collect()
}

/// Writes a line.
fn write_row(
    columns: &Columns,
    before: &[String],
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
            .try_for_each(|of| out.write_all(of.as_bytes()))
    };
    for ((_, column), before) in columns.iter().zip(before) {
        out.write_all(before.as_bytes())?;
        match column {
            Column::Ints(values) => write!(out, "{}", values[row])?,
            Column::MaybeInts(values) => match values[row] {
                Some(value) => write!(out, "{value}")?,
                None => out.write_all(null.as_bytes())?,
            },
            Column::Shorts(values) => write!(out, "{}", values[row])?,
            Column::Floats(values) => write!(out, "{}", values[row])?,
            Column::Dates(days) => text(out, &date_text(days[row]))?,
            Column::Walls(_) => unreachable!("text has wall times as texts"),
            Column::Instants(values) => text(out, &instant_text(Micros(values[row])))?,
            Column::Texts(values) => text(out, &values[row])?,
            Column::Words(values) => text(out, values[row])?,
            Column::Shown {
                starts,
                items,
                labels,
            } => {
                let place =
                    |row: usize| usize::try_from(starts[row]).expect("offsets are positive");
                let shown = place(row)..place(row + 1);
                let shown = items[shown.clone()].iter().zip(&labels[shown]);
                write_shown(shown, format, out)?;
            }
        }
    }
    out.write_all(end.as_bytes())
}

/// Writes the items of an impression, as a JSON array.
fn write_shown<'a>(
    shown: impl Iterator<Item = (&'a i32, &'a bool)>,
    format: Format,
    out: &mut impl Write,
) -> io::Result<()> {
    let (quote, mark) = match format {
        Format::Csv => ("\"", "\"\""),
        _ => ("", "\""),
    };
    write!(out, "{quote}[")?;
    for (at, (item, label)) in shown.enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(
            out,
            "{comma}{{{mark}item_id{mark}:{item},{mark}is_order{mark}:{label}}}"
        )?;
    }
    write!(out, "]{quote}")
}

impl Column {
    /// The number of rows.
    fn count(&self) -> usize {
        match self {
            Column::Ints(values) | Column::Instants(values) | Column::Walls(values) => values.len(),
            Column::MaybeInts(values) => values.len(),
            Column::Shorts(values) => values.len(),
            Column::Floats(values) => values.len(),
            Column::Dates(values) => values.len(),
            Column::Texts(values) => values.len(),
            Column::Words(values) => values.len(),
            Column::Shown { starts, .. } => starts.len() - 1,
        }
    }
}
