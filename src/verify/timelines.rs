//! Checks that the timelines of a part hold the histories of its rows, and nothing else.
//!
//! **In / Out**: a part of the layout `timeline` → a problem for each kind of fault, with its first row and
//! the number of rows. **Invariants**: the first row of each row group, and the first of each customer in
//! it, begins a timeline; each history is a range of it; each action is in a history. **Cost**: the types of
//! actions and three flat columns are decoded.

use std::fs::File;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Problems;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::scan::parquet::value_text;

/// The columns that are decoded.
const COLUMNS: [&str; 4] = [
    "customer_id",
    "history_length",
    "history_start",
    "action_types",
];

/// Kinds of faults.
const FAULTS: [&str; 4] = [
    "the first row of a row group, of a customer or of a guest has no timeline",
    "a row has a timeline, although the row before it is of the same customer",
    "history_start and history_length are no range of the timeline",
    "a timeline has an action that is in no history",
];

/// The timeline of the rows that are being read.
#[derive(Default)]
struct Timeline {
    /// Whose it is; nobody for a guest.
    customer: Option<String>,
    /// Whether each action is in a history.
    is_used: Vec<bool>,
    /// The first row.
    row: u64,
}

/// The faults so far: the first row, and the number of rows.
type Faults = [Option<(u64, u64)>; FAULTS.len()];

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
    let mut starts: Vec<u64> = vec![0];
    for group in reader.metadata().row_groups() {
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        starts.push(starts[starts.len() - 1] + rows);
    }
    let names = COLUMNS.map(|name| job.sequences().published_name(name));
    let columns = ProjectionMask::columns(reader.parquet_schema(), names);
    let reader = reader.with_projection(columns).with_batch_size(1 << 8);
    let (mut faults, mut timeline, mut row) = (Faults::default(), None, 0);
    for batch in reader.build().map_err(|error| broken(&error))? {
        let batch = batch.map_err(|error| broken(&error))?;
        for at in 0..batch.num_rows() {
            let begins_group = starts.binary_search(&row).is_ok();
            look(&mut timeline, &batch, at, (row, begins_group), &mut faults);
            row += 1;
        }
    }
    close(timeline, &mut faults);
    for (fault, what) in faults.into_iter().zip(FAULTS) {
        if let Some((row, count)) = fault {
            let (row, what) = (row + 1, format!("{what}, {count} times, first in row"));
            problems.add(path, format!("{what} {row}"));
        }
    }
    Ok(())
}

/// Counts a fault of a row.
fn count(faults: &mut Faults, fault: usize, row: u64) {
    faults[fault].get_or_insert((row, 0)).1 += 1;
}

/// Looks at a row of a batch.
fn look(
    timeline: &mut Option<Timeline>,
    batch: &RecordBatch,
    at: usize,
    (row, begins_group): (u64, bool),
    faults: &mut Faults,
) {
    // A projection keeps the order of the file.
    let customers = batch.column(0);
    let int = |column: usize| batch.column(column).as_primitive::<Int32Type>().value(at);
    let lists = batch.column(3).as_list::<i32>();
    let customer = customers.is_valid(at).then(|| value_text(customers, at));
    let continues = timeline.as_ref().is_some_and(|timeline| {
        !begins_group && customer.is_some() && timeline.customer == customer
    });
    match (continues, lists.is_valid(at)) {
        (true, true) => count(faults, 1, row),
        (false, false) => count(faults, 0, row),
        _ => {}
    }
    if lists.is_valid(at) {
        close(timeline.take(), faults);
        *timeline = Some(Timeline {
            customer,
            is_used: vec![false; lists.value(at).len()],
            row,
        });
    }
    let range = usize::try_from(int(2))
        .ok()
        .zip(usize::try_from(int(1)).ok());
    let used = range.and_then(|(start, length)| {
        let is_used = &mut timeline.as_mut()?.is_used;
        is_used.get_mut(start..start.checked_add(length)?)
    });
    match used {
        Some(used) => used.fill(true),
        None => count(faults, 2, row),
    }
}

/// Counts the actions of a timeline that no row uses.
fn close(timeline: Option<Timeline>, faults: &mut Faults) {
    if let Some(timeline) = timeline.filter(|timeline| timeline.is_used.contains(&false)) {
        count(faults, 3, timeline.row);
    }
}
