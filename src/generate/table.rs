//! Named columns to files: Parquet, CSV or NDJSON, a batch at a time.
//!
//! **In / Out**: batches of [`Columns`], at least one of them, if of no rows → a file that was not
//! there before, and its size.

use std::fs::File as Disk;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::disk_error;
use crate::calendar::instant_text;
use crate::error::{Error, Result};
use crate::ids::Micros;
use crate::job::Format;

/// A column of some rows.
pub(super) enum Column {
    /// Ids.
    Ints(Vec<i64>),
    /// Ids that may lack.
    MaybeInts(Vec<Option<i64>>),
    /// Times, µs since the epoch.
    Times(Vec<i64>),
    /// Numbers.
    Floats(Vec<f64>),
    /// Texts.
    Texts(Vec<String>),
    /// Texts of which there are few.
    Words(Vec<&'static str>),
}

/// Columns with their names.
pub(super) type Columns = Vec<(&'static str, Column)>;

/// Writes a file; gives its bytes.
pub(super) fn write_table(
    batches: &mut dyn Iterator<Item = Result<Columns>>,
    format: Format,
    path: &Path,
) -> Result<u64> {
    match format {
        Format::Parquet => write_parquet(batches, path),
        format => write_text(batches, format, path),
    }
}

/// Writes a Parquet file; gives its bytes.
fn write_parquet(batches: &mut dyn Iterator<Item = Result<Columns>>, path: &Path) -> Result<u64> {
    let failed = |error| Error::io("write", path, error);
    let properties = WriterProperties::builder()
        .set_created_by(concat!("hitherto ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::SNAPPY)
        .build();
    let mut writer: Option<ArrowWriter<Disk>> = None;
    for columns in batches {
        let columns = columns?.into_iter().map(|(name, column)| {
            let array: ArrayRef = match column {
                Column::Ints(values) => Arc::new(Int64Array::from(values)),
                Column::MaybeInts(values) => Arc::new(Int64Array::from(values)),
                Column::Times(values) => {
                    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
                }
                Column::Floats(values) => Arc::new(Float64Array::from(values)),
                Column::Texts(values) => Arc::new(StringArray::from(values)),
                Column::Words(values) => Arc::new(StringArray::from(values)),
            };
            (name, array, true)
        });
        let batch = RecordBatch::try_from_iter_with_nullable(columns);
        let batch = batch.map_err(|error| failed(io::Error::other(error)))?;
        if writer.is_none() {
            let disk = Disk::create_new(path).map_err(failed)?;
            let made = ArrowWriter::try_new(disk, batch.schema(), Some(properties.clone()));
            writer = Some(made.map_err(|error| failed(disk_error(error)))?);
        }
        let writer = writer.as_mut().expect("it was just made");
        writer
            .write(&batch)
            .map_err(|error| failed(disk_error(error)))?;
    }
    let disk = writer.expect("a file has a batch").into_inner();
    let disk = disk.map_err(|error| failed(disk_error(error)))?;
    Ok(disk.metadata().map_err(failed)?.len())
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
        for row in 0..columns[0].1.count() {
            write_row(&columns, row, format, &mut out).map_err(failed)?;
        }
    }
    let disk = out
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    Ok(disk.metadata().map_err(failed)?.len())
}

/// Writes a line.
fn write_row(
    columns: &Columns,
    row: usize,
    format: Format,
    out: &mut impl Write,
) -> io::Result<()> {
    for (at, (name, column)) in columns.iter().enumerate() {
        match (format, at) {
            (Format::Csv, 0) => {}
            (Format::Csv, _) => out.write_all(b",")?,
            (_, 0) => write!(out, "{{\"{name}\":")?,
            _ => write!(out, ",\"{name}\":")?,
        }
        let (quote, null) = match format {
            Format::Csv => ("", ""),
            _ => ("\"", "null"),
        };
        match column {
            Column::Ints(values) => write!(out, "{}", values[row])?,
            Column::MaybeInts(values) => match values[row] {
                Some(value) => write!(out, "{value}")?,
                None => out.write_all(null.as_bytes())?,
            },
            Column::Floats(values) => write!(out, "{}", values[row])?,
            Column::Times(values) => {
                write!(out, "{quote}{}{quote}", instant_text(Micros(values[row])))?;
            }
            Column::Texts(values) => write!(out, "{quote}{}{quote}", values[row])?,
            Column::Words(values) => write!(out, "{quote}{}{quote}", values[row])?,
        }
    }
    out.write_all(match format {
        Format::Csv => "\n".as_bytes(),
        _ => b"}\n",
    })
}

impl Column {
    /// The number of rows.
    fn count(&self) -> usize {
        match self {
            Column::Ints(values) | Column::Times(values) => values.len(),
            Column::MaybeInts(values) => values.len(),
            Column::Floats(values) => values.len(),
            Column::Texts(values) => values.len(),
            Column::Words(values) => values.len(),
        }
    }
}
