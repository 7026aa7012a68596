//! What becomes of rows that cannot be used: the run ends, or they are set aside.
//!
//! **In / Out**: a [`Mismatch`] at a row and column → an error, or a [`Rejected`] row.
//! **Invariants**: which rows are rejected depends on the input alone, never on threads.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::advice::{self, Hint};
use crate::catalog::input::InputFile;
use crate::error::{Error, ErrorKind, Result, RowFault};
use crate::ids::count64;
use crate::job::{OnBadRow, Source};
use crate::scan::spec::ReadSpec;
use crate::scan::text::field::{Mismatch, quoted};
use crate::scan::whole_column::is_whole_column;

/// A row set aside.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rejected {
    /// The source it came from.
    pub(crate) source: Source,
    /// Where it stands, and what is wrong with it.
    pub(crate) fault: RowFault,
    /// What it held: the text of the record, or the columns read, as JSON.
    pub(crate) record: String,
}

/// How many rows of a source were set aside.
pub(crate) fn rejected_of(rejected: &[Rejected], source: Source) -> u64 {
    count64(rejected.iter().filter(|row| row.source == source).count())
}

/// What becomes of bad rows, shared by all threads.
#[derive(Debug)]
pub(crate) struct BadRowPolicy<'a> {
    /// How files are read, which says what becomes of such rows; nothing if they are left out unsaid.
    spec: Option<ReadSpec<'a>>,
    /// How many may be set aside.
    limit: u64,
    count: AtomicU64,
}

impl<'a> BadRowPolicy<'a> {
    /// The policy of a run.
    pub(crate) fn new(spec: &ReadSpec<'a>) -> BadRowPolicy<'a> {
        BadRowPolicy {
            spec: Some(*spec),
            limit: spec.bad_rows_max,
            count: AtomicU64::new(0),
        }
    }

    /// The policy of a second look at files whose bad rows were told before.
    pub(crate) fn ignoring() -> BadRowPolicy<'a> {
        BadRowPolicy {
            spec: None,
            limit: u64::MAX,
            count: AtomicU64::new(0),
        }
    }

    /// Ends the run, or sets the row aside in `rejected`.
    ///
    /// # Errors
    /// As the policy says.
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
        if spec.on_bad_row == OnBadRow::Error {
            fault.hint = match hint {
                None if is_whole_column(spec, at) => Some(Hint::WholeColumn),
                None => Some(Hint::Quarantine),
                given => given,
            };
            return Err(Error::from(ErrorKind::BadRow(Box::new(fault))));
        }
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

/// A place in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowAt<'a> {
    pub(crate) file: &'a InputFile,
    /// 1-based record.
    pub(crate) row: u64,
    /// The column as the file names it, or nothing for the whole record.
    pub(crate) column: &'a str,
}

/// A mismatch without its hint, and with what it is, if the name of a column stands in its place, as in a
/// header that comes again.
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
