//! Rows that could not be used, in the metrics of a run.
//!
//! **In / Out**: [`Rejected`] rows → how many, by source, column and what was expected there, the most
//! frequent reason first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::count64;
use crate::scan::bad_rows::Rejected;

/// The most reasons that are listed.
const REASONS_MAX: usize = 50;
/// The most rows that are listed of each reason.
const EXAMPLES_MAX: usize = 3;

/// Rows that could not be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RejectedRows {
    pub(crate) rows: u64,
    pub(crate) reasons: Vec<Reason>,
}

/// Why some of them could not be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Reason {
    pub(crate) source: String,
    pub(crate) column: String,
    pub(crate) expected: String,
    pub(crate) rows: u64,
    pub(crate) examples: Vec<Example>,
}

/// A row that could not be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Example {
    pub(crate) file: String,
    pub(crate) row: u64,
    pub(crate) found: String,
}

impl RejectedRows {
    /// The reasons of some rows.
    pub(crate) fn new(rejected: &[Rejected]) -> RejectedRows {
        let mut reasons: BTreeMap<_, Vec<&Rejected>> = BTreeMap::new();
        for row in rejected {
            let fault = &row.fault;
            let reason = (row.source, &fault.column, &fault.expected);
            reasons.entry(reason).or_default().push(row);
        }
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        // Stable: reasons that are equally frequent stay in the order of their names.
        reasons.sort_by_key(|(_, rows)| Reverse(rows.len()));
        reasons.truncate(REASONS_MAX);
        let reasons = reasons
            .into_iter()
            .map(|((source, column, expected), rows)| Reason {
                source: source.name().to_owned(),
                column: column.clone(),
                expected: expected.clone(),
                rows: count64(rows.len()),
                examples: rows
                    .into_iter()
                    .take(EXAMPLES_MAX)
                    .map(Example::from)
                    .collect(),
            });
        RejectedRows {
            rows: count64(rejected.len()),
            reasons: reasons.collect(),
        }
    }
}

impl From<&Rejected> for Example {
    fn from(row: &Rejected) -> Example {
        Example {
            file: row.fault.file.clone(),
            row: row.fault.row,
            found: row.fault.found.clone(),
        }
    }
}
