//! Writes rejected rows to Parquet: the position of each, the reason, and the record.
//!
//! **In / Out**: [`Rejected`] rows in order → `_quarantine/part-HASH.parquet`; no file if there
//! are none. The name is a hash of the contents, so runs that add days do not collide.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use twox_hash::XxHash64;

use crate::error::{Error, ErrorKind, Result};
use crate::ids::count64;
use crate::manifest::FileEntry;
use crate::publish::{Part, QUARANTINE, StagingDir, write_synced};
use crate::scan::bad_rows::Rejected;

/// The columns of the file.
const COLUMNS: [&str; 6] = ["source", "file", "row", "column", "reason", "record"];

/// Writes rejected rows into the staging directory; gives the file as the manifest lists it, if there
/// is one.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn write(staging: &StagingDir, rejected: &[Rejected]) -> Result<Vec<FileEntry>> {
    if rejected.is_empty() {
        return Ok(Vec::new());
    }
    let (bytes, row_groups) = encode(rejected).map_err(|error| {
        Error::from(ErrorKind::Internal {
            what: error.to_string(),
        })
    })?;
    let checksum = XxHash64::oneshot(0, &bytes);
    let name = format!("part-{checksum:016x}.parquet");
    write_synced(&staging.file_in(QUARANTINE, &name)?, &bytes)?;
    Ok(vec![FileEntry::from(&Part {
        name: format!("{QUARANTINE}/{name}"),
        rows: count64(rejected.len()),
        row_groups,
        bytes: count64(bytes.len()),
        checksum,
    })])
}

/// The columns of a file of rejected rows.
pub(crate) fn schema() -> Schema {
    let columns = COLUMNS.map(|name| {
        let data_type = if name == "row" {
            DataType::Int64
        } else {
            DataType::Utf8
        };
        Field::new(name, data_type, false)
    });
    Schema::new(columns.to_vec())
}

/// Rejected rows as a Parquet file, and the number of its row groups.
fn encode(rejected: &[Rejected]) -> std::result::Result<(Vec<u8>, u64), ParquetError> {
    let texts = |text: &dyn Fn(&Rejected) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rejected.iter().map(text)))
    };
    let rows = rejected
        .iter()
        .map(|row| i64::try_from(row.fault.row).unwrap_or(i64::MAX));
    let columns: [ArrayRef; COLUMNS.len()] = [
        texts(&|row| row.source.name().to_owned()),
        texts(&|row| row.fault.file.clone()),
        Arc::new(Int64Array::from_iter_values(rows)),
        texts(&|row| row.fault.column.clone()),
        texts(&|row| format!("expected {}, found {}", row.fault.expected, row.fault.found)),
        texts(&|row| row.record.clone()),
    ];
    let batch = RecordBatch::try_new(Arc::new(schema()), columns.to_vec())?;
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None)?;
    writer.write(&batch)?;
    // The writer is consumed when it is closed, so row groups are counted before.
    writer.flush()?;
    let row_groups = count64(writer.flushed_row_groups().len());
    Ok((writer.into_inner()?, row_groups))
}
