//! Checks that the summary columns of every row of a part of `sequences` agree with each other.
//!
//! **In / Out**: a part → a problem for each kind of fault, with its first row and the number of rows.
//! **Invariants**: `last_action_time` is strictly before `cutoff`, and null exactly where
//! `history_length` is 0, which is from 0 to N. **Cost**: three flat columns are decoded; the histories
//! themselves are left to the audit.

use std::fs::File;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Problems;
use crate::error::{Error, Result};
use crate::job::Job;

/// The columns that are decoded.
const COLUMNS: [&str; 3] = ["cutoff", "last_action_time", "history_length"];

/// Kinds of faults, in the order of [`faults_of`].
const FAULTS: [&str; 3] = [
    "last_action_time is not before its cutoff",
    "last_action_time is null where there is a history, or is not where there is none",
    "history_length is below 0 or above --max-actions",
];

/// Checks all rows of a part whose schema is right.
///
/// # Errors
/// If the part cannot be decoded.
pub(super) fn check(
    job: &Job,
    path: &str,
    reader: ParquetRecordBatchReaderBuilder<File>,
    problems: &mut Problems,
) -> Result<()> {
    let broken = |error: &dyn std::fmt::Display| Error::bad_file(path, error.to_string());
    let names = COLUMNS.map(|name| job.sequences().published_name(name));
    let columns = ProjectionMask::columns(reader.parquet_schema(), names);
    let reader = reader.with_projection(columns).with_batch_size(1 << 14);
    // The first row and the number of rows with each fault.
    let mut faults: [Option<(u64, u64)>; FAULTS.len()] = [None; FAULTS.len()];
    let mut row = 1;
    for batch in reader.build().map_err(|error| broken(&error))? {
        let batch = batch.map_err(|error| broken(&error))?;
        for at in 0..batch.num_rows() {
            // One problem per kind of fault, as a wrong run may have it in millions of rows.
            for (fault, is_so) in faults.iter_mut().zip(faults_of(job, &batch, at)) {
                if is_so {
                    fault.get_or_insert((row, 0)).1 += 1;
                }
            }
            row += 1;
        }
    }
    for (fault, what) in faults.into_iter().zip(FAULTS) {
        if let Some((row, count)) = fault {
            problems.add(
                path,
                format!("{what}, in {count} rows, the first of them row {row}"),
            );
        }
    }
    Ok(())
}

/// Which of [`FAULTS`] a row has.
fn faults_of(job: &Job, batch: &RecordBatch, row: usize) -> [bool; FAULTS.len()] {
    let times = |at: usize| batch.column(at).as_primitive::<TimestampMicrosecondType>();
    // A projection keeps the order of the file.
    let (cutoff, last) = (times(0), times(1));
    let length = batch.column(2).as_primitive::<Int32Type>().value(row);
    let is_in_range =
        u32::try_from(length).is_ok_and(|length| length <= job.sequences().actions_limit());
    [
        last.is_valid(row) && cutoff.value(row) <= last.value(row),
        last.is_valid(row) != (length > 0),
        !is_in_range,
    ]
}
