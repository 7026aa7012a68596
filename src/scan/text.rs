//! Text files to records: what CSV, NDJSON and JSON arrays have in common.
//!
//! **In / Out**: a file and the columns wanted → a call per record, with a [`Field`] per column.
//! **Invariants**: records are counted from 1, a CSV header and blank lines of NDJSON not
//! included. A record that cannot be read at all is passed on with what is wrong with it, so
//! that the caller decides; a file that cannot be read on is an error.
//! **Why so**: `csv` and `serde_json` are read record by record because arrow's readers stop at
//! the first fault (CSV) or give no row number (JSON).

use crate::error::{Error, Result};
use crate::job::Format;
use crate::scan::csv::csv_records;
use crate::scan::fields::{Field, Mismatch};
use crate::scan::input::{Compression, InputFile};
use crate::scan::json::{json_records, ndjson_records};

/// A column to look for in a text file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextColumn<'a> {
    /// Its name in the file.
    pub(crate) name: &'a str,
    /// Whether a file without it is at fault.
    pub(crate) required: bool,
    /// A column of the same list that will do in its place.
    pub(crate) instead: Option<&'a str>,
}

impl<'a> TextColumn<'a> {
    /// A column that is required, or not.
    pub(crate) fn new(name: &'a str, required: bool) -> TextColumn<'a> {
        TextColumn {
            name,
            required,
            instead: None,
        }
    }
}

/// The name of a required column that is not there, nor another in its place.
pub(super) fn missing_of<'a>(
    columns: &[TextColumn<'a>],
    is_there: impl Fn(usize) -> bool,
) -> Option<&'a str> {
    let named = |name: &str| (0..columns.len()).any(|at| columns[at].name == name && is_there(at));
    let mut required = columns.iter().filter(|column| column.required);
    let missing = required.find(|of| !named(of.name) && !of.instead.is_some_and(named))?;
    Some(missing.instead.unwrap_or(missing.name))
}

/// One record of a text file.
pub(crate) struct Record<'a> {
    /// Its 1-based number.
    pub(crate) row: u64,
    /// A field per wanted column, or what is wrong with the record as a whole.
    pub(crate) fields: std::result::Result<&'a [Field<'a>], Mismatch>,
    /// The record as it is written.
    pub(crate) text: &'a dyn Fn() -> String,
}

/// What is done with each record.
pub(crate) type OnRecord<'a> = &'a mut dyn FnMut(Record<'_>) -> Result<()>;

/// Calls `on_record` for each record of a file; gives their number.
///
/// # Errors
/// If the file cannot be read, lacks a required column, or `on_record` gives up.
pub(crate) fn records(
    file: &InputFile,
    (format, compression): (Format, Compression),
    columns: &[TextColumn<'_>],
    on_record: OnRecord<'_>,
) -> Result<u64> {
    let text = file.text(compression)?;
    match format {
        Format::Csv => csv_records(file, text, columns, on_record),
        Format::Ndjson => ndjson_records(file, text, columns, on_record),
        Format::Json => json_records(file, text, columns, on_record),
        Format::Parquet => unreachable!("parquet has no text records"),
    }
}

/// No source has more columns than this.
pub(super) const COLUMNS_MAX: usize = 8;

/// A required column that a file does not have.
pub(crate) fn missing_column(file: &InputFile, name: &str, found: &str) -> Error {
    file.fault(format!(
        "expected a column \"{name}\", found {found}; --columns {}.NAME=COLUMN tells another name",
        file.source.name()
    ))
}
