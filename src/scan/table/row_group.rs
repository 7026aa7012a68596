//! A row group of Parquet to batches of Arrow columns, for every source.
//!
//! **In / Out**: a file, a row group and the columns wanted → an [`ArrowBatch`] at a time, in order.
//! **Invariants**: rows are counted as they are read; somebody who asks for an end gets it before the
//! next batch.

use arrow::array::{ArrayRef, RecordBatch};

use super::arrow::IdColumn;
use super::arrow_times::TimeColumn;
use super::arrow_words::WordColumn;
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::count64;
use crate::job::TimeUnit;
use crate::scan::GroupRows;
use crate::scan::bad_rows::RowAt;
use crate::scan::parquet::{ParquetFile, row_as_json};

/// Some rows of a file, one after the other, as Arrow columns.
#[derive(Clone, Copy)]
pub(crate) struct ArrowBatch<'a> {
    pub(crate) file: &'a ParquetFile,
    /// The 1-based record that it starts with.
    pub(crate) first_row: u64,
    pub(crate) rows: &'a RecordBatch,
}

/// Which columns are read.
#[derive(Debug, Default)]
pub(crate) struct Projection<'a> {
    /// Names of columns that are not nested, and of fields inside structs.
    pub(crate) flat: Vec<&'a str>,
    /// The name of a column of structs or of lists of them, with the names of its fields.
    pub(crate) nested: Option<(&'a str, Vec<&'a str>)>,
    /// Names of columns that are read with all that is in them.
    pub(crate) whole: Vec<&'a str>,
}

impl<'a> ArrowBatch<'a> {
    /// How many rows it has.
    pub(crate) fn rows_count(&self) -> usize {
        self.rows.num_rows()
    }

    /// The place of a row as a whole.
    pub(crate) fn place(&self, row: usize) -> RowAt<'a> {
        RowAt::whole(&self.file.file, self.first_row + count64(row))
    }

    /// A row as JSON, for the quarantine.
    pub(crate) fn text_of(&self, row: usize) -> String {
        row_as_json(self.rows, row)
    }

    /// A column; nothing if the file lacks it.
    pub(crate) fn column(&self, name: &str) -> Option<&'a ArrayRef> {
        self.rows.column_by_name(name)
    }

    /// A column that each file has.
    pub(crate) fn required(&self, name: &str) -> &'a ArrayRef {
        self.column(name).expect("types are checked")
    }

    /// A column of ids.
    pub(crate) fn ids(&self, name: &str) -> IdColumn {
        IdColumn::new(self.required(name)).expect("types are checked")
    }

    /// A column of words.
    pub(crate) fn words(&self, name: &str) -> WordColumn {
        WordColumn::new(self.required(name)).expect("types are checked")
    }

    /// A column of times; nothing if the file lacks it.
    pub(crate) fn times(&self, name: &str, unit: Option<TimeUnit>) -> Option<TimeColumn> {
        TimeColumn::new(self.column(name)?, unit)
    }
}

impl Projection<'_> {
    /// Whether a path leads to a wanted field of the nested column.
    fn includes(&self, path: &[String]) -> bool {
        match (path, &self.nested) {
            ([name, ..], _) if self.whole.contains(&name.as_str()) => true,
            // The groups between a list and its fields are named differently by different writers.
            ([name, .., leaf], Some((column, fields))) => {
                name == column && fields.contains(&leaf.as_str())
            }
            _ => false,
        }
    }
}

/// Reads some columns of some rows, and calls `on_batch` for each batch.
///
/// # Errors
/// If the file cannot be read, somebody asked for an end, or `on_batch` gives up.
pub(crate) fn read_row_group(
    file: &ParquetFile,
    rows: GroupRows,
    columns: &Projection<'_>,
    context: &RunContext,
    on_batch: &mut dyn FnMut(ArrowBatch<'_>) -> Result<()>,
) -> Result<()> {
    let selection = file.select_names(&columns.flat, |path| columns.includes(path));
    file.read_rows(rows, &selection, |first_row, rows| {
        context.check()?;
        let rows_count = count64(rows.num_rows());
        context.count_read(rows_count, rows_count);
        on_batch(ArrowBatch {
            file,
            first_row,
            rows,
        })
    })
}
