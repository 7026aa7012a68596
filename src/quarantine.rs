//! Rejected rows to Parquet, so that nothing is lost: where each stood, why, and what it held.
//!
//! **In / Out**: [`Rejected`] rows in order → `_quarantine/part-HASH.parquet`; no file if there
//! are none. The name is a hash of the contents, so runs that add days do not collide.

use std::hash::Hasher;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use twox_hash::XxHash64;

use crate::error::{Error, ErrorKind, Result};
use crate::publish::{QUARANTINE, Staging, write_synced};
use crate::scan::faults::Rejected;

/// Writes rejected rows into the output that is being built.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn write(staging: &Staging, rejected: &[Rejected]) -> Result<()> {
    if rejected.is_empty() {
        return Ok(());
    }
    let bytes = encode(rejected).map_err(|error| {
        Error::from(ErrorKind::Internal {
            what: error.to_string(),
        })
    })?;
    let mut hasher = XxHash64::with_seed(0);
    hasher.write(&bytes);
    let name = format!("part-{:016x}.parquet", hasher.finish());
    write_synced(&staging.file_in(QUARANTINE, &name)?, &bytes)
}

/// Rejected rows as a Parquet file.
fn encode(rejected: &[Rejected]) -> std::result::Result<Vec<u8>, ParquetError> {
    let texts = |of: &dyn Fn(&Rejected) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rejected.iter().map(of)))
    };
    let rows = rejected
        .iter()
        .map(|row| i64::try_from(row.fault.row).unwrap_or(i64::MAX));
    let columns: [(&str, ArrayRef); 6] = [
        ("source", texts(&|row| row.source.name().to_owned())),
        ("file", texts(&|row| row.fault.file.clone())),
        ("row", Arc::new(Int64Array::from_iter_values(rows))),
        ("column", texts(&|row| row.fault.column.clone())),
        (
            "reason",
            texts(&|row| format!("expected {}, found {}", row.fault.expected, row.fault.found)),
        ),
        ("record", texts(&|row| row.record.clone())),
    ];
    let batch = RecordBatch::try_from_iter(columns)?;
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None)?;
    writer.write(&batch)?;
    writer.into_inner()
}
