//! Bad rows: they end the run, or are rejected and go to the quarantine.
//!
//! **In / Out**: a [`Mismatch`] at a row and column → an error, or a [`Rejected`] row.
//! **Invariants**: which rows are rejected depends on the input alone, never on threads.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use crate::advice::{self, Hint};
use crate::catalog::input::InputFile;
use crate::error::{Error, ErrorKind, Result, RowFault};
use crate::ids::count64;
use crate::job::{OnBadRow, Source};
use crate::scan::mismatch::{Mismatch, quoted};
use crate::scan::spec::ReadSpec;

/// A rejected row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Rejected {
    pub(crate) source: Source,
    /// Where the row is, and what is wrong with it.
    pub(crate) fault: RowFault,
    /// The text of the record, or the columns read, as JSON.
    pub(crate) record: String,
}

/// How many rows of a source were rejected.
pub(crate) fn rejected_of(rejected: &[Rejected], source: Source) -> u64 {
    count64(rejected.iter().filter(|row| row.source == source).count())
}

/// Whether no row of a file is right in a column, which changes the hint of a message. The policy is
/// given the function, as it reads the file with readers that need a policy themselves.
pub(crate) type IsWholeColumn = fn(&ReadSpec<'_>, RowAt<'_>) -> bool;

/// What becomes of bad rows, shared by all threads.
#[derive(Debug)]
pub(crate) struct BadRowPolicy<'a> {
    /// How files are read, and what becomes of bad rows; `None` if they are skipped silently.
    spec: Option<ReadSpec<'a>>,
    is_whole_column: IsWholeColumn,
    /// How many rows may be rejected.
    limit: u64,
    count: AtomicU64,
}

impl<'a> BadRowPolicy<'a> {
    /// The policy of a run.
    pub(crate) fn new(spec: &ReadSpec<'a>, is_whole_column: IsWholeColumn) -> BadRowPolicy<'a> {
        BadRowPolicy {
            spec: Some(*spec),
            is_whole_column,
            limit: spec.bad_rows_max,
            count: AtomicU64::new(0),
        }
    }

    /// The policy for files that were read before, whose bad rows are already reported.
    pub(crate) fn ignoring() -> BadRowPolicy<'a> {
        BadRowPolicy {
            spec: None,
            is_whole_column: |_, _| false,
            limit: u64::MAX,
            count: AtomicU64::new(0),
        }
    }

    /// Ends the run, or adds the row to `rejected`. `record` gives the content of the row.
    ///
    /// # Errors
    /// If bad rows end the run, or too many were rejected.
    pub(crate) fn reject(
        &self,
        at: RowAt<'_>,
        mismatch: Mismatch,
        record: &dyn Fn() -> String,
        rejected: &mut Vec<Rejected>,
    ) -> Result<()> {
        let Some(spec) = &self.spec else {
            return Ok(());
        };
        let Mismatch {
            expected,
            found,
            hint,
        } = repeated_header(mismatch, at.column);
        let mut fault = RowFault {
            file: at.file.shown.clone(),
            row: at.row,
            column: at.column.to_owned(),
            expected: advice::placed(expected, &at.file.shown, at.column),
            found,
            hint: Some(Hint::Quarantine),
        };
        // The run ends here, so there is time to read the column for the right hint.
        if spec.on_bad_row == OnBadRow::Error {
            fault.hint = match hint {
                // In that case, quarantine would set aside every row.
                None if (self.is_whole_column)(spec, at) => Some(Hint::WholeColumn),
                None => Some(Hint::Quarantine),
                hint => hint,
            };
            return Err(Error::from(ErrorKind::BadRow(Box::new(fault))));
        }
        // Which row exceeds the limit depends on threads, so the error names none.
        if self.count.fetch_add(1, Relaxed) >= self.limit {
            return Err(Error::from(ErrorKind::TooManyBadRows { limit: self.limit }));
        }
        rejected.push(Rejected {
            source: at.file.source,
            fault,
            record: record(),
        });
        Ok(())
    }
}

/// A row and column of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowAt<'a> {
    pub(crate) file: &'a InputFile,
    /// The number of the record, from 1.
    pub(crate) row: u64,
    /// The column as the file names it, or empty for the whole record.
    pub(crate) column: &'a str,
}

impl<'a> RowAt<'a> {
    /// The place of a row as a whole.
    pub(crate) fn whole(file: &'a InputFile, row: u64) -> RowAt<'a> {
        RowAt {
            file,
            row,
            column: "",
        }
    }
}

/// The mismatch of a value that is the name of its column says so, as in a repeated header; the hint in its
/// expectation goes. Any other mismatch is unchanged.
fn repeated_header(mismatch: Mismatch, column: &str) -> Mismatch {
    if column.is_empty() || mismatch.found != quoted(column) {
        return mismatch;
    }
    let expected = mismatch.expected.split(" (").next().unwrap_or_default();
    Mismatch {
        expected: expected.to_owned(),
        found: format!("{}, as in a header", mismatch.found),
        ..mismatch
    }
}
