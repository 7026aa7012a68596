//! One record of a text file, and what is noted while records are read.
//!
//! **Invariants**: records are counted from 1; a CSV header and blank lines of NDJSON do not count. A
//! record that cannot be parsed is passed on with what is wrong with it, so that the caller decides.

use std::io::Read;

use crate::catalog::input::InputFile;
use crate::catalog::null_words::NullWords;
use crate::error::{Error, ErrorKind, Result};
use crate::scan::mismatch::Mismatch;
use crate::scan::missing_column::missing_column;
use crate::scan::text::columns::{WantedColumn, missing_of};
use crate::scan::text::csv::rules::CsvRules;
use crate::scan::text::field::Field;
use crate::scan::text::list_rules::ListRules;

/// One record of a text file.
pub(crate) struct TextRecord<'a> {
    /// Its number, from 1.
    pub(crate) row: u64,
    /// A field per column, or what is wrong with the whole record.
    pub(crate) fields: std::result::Result<&'a [Field<'a>], Mismatch>,
    /// The record as written, for the quarantine.
    pub(crate) text: &'a dyn Fn() -> String,
}

/// Receives each record.
pub(crate) type OnRecord<'a> = &'a mut dyn FnMut(TextRecord<'_>) -> Result<()>;

/// The header of a CSV file, empty for other formats, and how records are read.
#[derive(Debug, Default)]
pub(crate) struct CsvLayout {
    /// What separates fields, for the readers.
    pub(crate) delimiter: u8,
    /// The length of what stands before the header: comments, and Excel's line of the delimiter.
    pub(crate) lead_bytes: u64,
    /// How the text behind that differs from what the readers know, if it does.
    pub(crate) rules: Option<CsvRules>,
    /// Whether the columns are given, so that the file has no header.
    pub(crate) is_given: bool,
    /// The name of the source, for hints.
    pub(crate) source_name: String,
    /// The number of fields of a record.
    pub(crate) fields_count: usize,
    /// The place of each column in a record, `None` if the file lacks it.
    pub(crate) places: Vec<Option<usize>>,
    /// The length of the header, with its line end, as `rules` write it.
    pub(crate) header_bytes: u64,
    /// Texts that stand for null.
    pub(crate) nulls: NullWords,
    /// How lists are read whose elements are the records.
    pub(crate) explode: Option<ListRules>,
}

/// Why reading ended early. Rows count from the first record read, not of the file.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The caller failed, or the text cannot be read further.
    Error(Error),
    /// The text ends in the middle of this record.
    CutShort(u64),
    /// The text ends inside a quoted field that begins in this record.
    OpenQuote(u64),
}

impl Stop {
    /// The error; `before` is the number of records of the file before the first one read.
    pub(crate) fn error(self, file: &InputFile, before: u64) -> Error {
        match self {
            Stop::Error(error) => error.rows_later(before),
            Stop::CutShort(row) => file.fault(format!("it is cut short in row {}", before + row)),
            Stop::OpenQuote(row) => file.fault(format!(
                "it ends inside a quoted field that begins in row {}",
                before + row
            )),
        }
    }
}

/// At most so many records are read after a failure, which takes no noticeable time.
const ROWS_AFTER_MAX: u64 = 100_000;

/// Which columns the records so far had.
///
/// A JSON record that lacks a column is a bad row. If *no* record has the column, the error names the
/// file instead, which says more. So after a failure reading goes on until every required column was
/// seen.
#[derive(Debug, Default)]
pub(crate) struct ColumnsSeen {
    /// The error of the caller, if it failed.
    pub(crate) failed: Option<Error>,
    /// Records read after the failure.
    rows_after: u64,
    /// The number of records passed on.
    pub(crate) rows: u64,
    /// Whether some record had each column, null or not.
    columns: [bool; COLUMNS_MAX],
    /// Records that were objects.
    objects: u64,
    /// Whether some object had the key of the list that is exploded, and whether some lacked it.
    pub(crate) lists: [bool; 2],
}

impl ColumnsSeen {
    /// Passes one JSON record to the caller; returns whether to read on.
    #[inline]
    pub(crate) fn offer(
        &mut self,
        columns: &[WantedColumn<'_>],
        fields: std::result::Result<&[Field<'_>], Mismatch>,
        text: &dyn Fn() -> String,
        on_record: OnRecord<'_>,
    ) -> bool {
        if let Ok(fields) = &fields {
            self.objects += 1;
            for (seen, field) in self.columns.iter_mut().zip(*fields) {
                *seen |= !matches!(field, Field::Missing);
            }
        }
        // After a failure, records only show which columns exist: they are not passed on or
        // counted.
        if self.failed.is_none() {
            self.rows += 1;
            let row = self.rows;
            match on_record(TextRecord { row, fields, text }) {
                Ok(()) => return true,
                Err(error) => self.failed = Some(error),
            }
        }
        self.reads_on(columns)
    }

    /// Notes JSON records that were passed on, which have these columns.
    pub(crate) fn note_rows(&mut self, rows: u64, columns: &[usize]) {
        self.rows += rows;
        self.objects += rows;
        for column in columns {
            self.columns[*column] = true;
        }
    }

    /// Whether to read one more record after the failure.
    fn reads_on(&mut self, columns: &[WantedColumn<'_>]) -> bool {
        // Of all errors, only a bad row may turn out to be a missing column.
        let is_row = |error: &Error| matches!(error.kind(), ErrorKind::BadRow(_));
        let may_read = self.failed.as_ref().is_some_and(is_row) && self.rows_after < ROWS_AFTER_MAX;
        self.rows_after += 1;
        may_read && self.missing(columns).is_some()
    }

    /// Adds the records of a later piece.
    pub(crate) fn add(&mut self, later: &ColumnsSeen) {
        for (seen, more) in self.columns.iter_mut().zip(later.columns) {
            *seen |= more;
        }
        for (seen, more) in self.lists.iter_mut().zip(later.lists) {
            *seen |= more;
        }
        self.rows += later.rows;
        self.objects += later.objects;
    }

    /// A required column that no JSON record had.
    pub(crate) fn missing<'c>(&self, columns: &[WantedColumn<'c>]) -> Option<&'c str> {
        // What is no object says nothing about columns. CSV has no objects: its header was checked.
        missing_of(columns, |at| self.columns[at]).filter(|_| self.objects > 0)
    }

    /// The number of records.
    ///
    /// # Errors
    /// If a required column is missing from all records, or the caller failed.
    pub(crate) fn finish(self, file: &InputFile, columns: &[WantedColumn<'_>]) -> Result<u64> {
        // Of the file that a share was dealt from, other records may have the column.
        if file.share.is_some() {
            return self.failed.map_or(Ok(self.rows), Err);
        }
        if let (Some(key), [false, true]) = (&file.settings.explode, self.lists) {
            return Err(missing_column(file, key, "it in no record"));
        }
        match (self.missing(columns), self.failed) {
            // Before the failed row, which may be bad only because no record has the column.
            (Some(name), _) => {
                let head = head_of(file, name).unwrap_or_default();
                let is_list = file.settings.explode.is_some();
                if let Some(key) = key_of_elements(&head, name).filter(|_| !is_list) {
                    let source = file.source.name();
                    return Err(file.fault(format!(
                        "expected a column \"{name}\", found it in no record, but in the elements of \
                         \"{key}\"; --source {source}.explode={key} makes rows of them"
                    )));
                }
                let found = match spelled_otherwise(&head, name) {
                    Some(other) => format!("it in no record, but \"{other}\""),
                    None => "it in no record".to_owned(),
                };
                Err(missing_column(file, name, &found))
            }
            (None, Some(error)) => Err(error),
            (None, None) => Ok(self.rows),
        }
    }
}

/// How much of a file is searched for another spelling of a key.
const SPELLINGS_BYTES: u64 = 1 << 16;

/// The beginning of a text file.
#[cold]
fn head_of(file: &InputFile, name: &str) -> Option<String> {
    let compression = file.detect(None, name).ok()?.compression;
    let mut head = Vec::new();
    let text = file.text(compression).ok()?.source;
    text.take(SPELLINGS_BYTES).read_to_end(&mut head).ok()?;
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// The key of a list in the first record of a JSON file whose elements have a wanted key.
#[cold]
fn key_of_elements(head: &str, name: &str) -> Option<String> {
    let head = head.trim_start();
    let head = head.strip_prefix('[').unwrap_or(head);
    let mut values = serde_json::Deserializer::from_str(head).into_iter();
    let record: serde_json::Value = values.next()?.ok()?;
    let has_it = |value: &serde_json::Value| {
        let first = value.as_array().and_then(|elements| elements.first());
        first.is_some_and(|element| element.get(name).is_some())
    };
    let mut members = record.as_object()?.iter();
    let (key, _) = members.find(|(_, value)| has_it(value))?;
    Some(key.clone())
}

/// A text of a JSON file that is a wanted key but for its case.
#[cold]
fn spelled_otherwise(head: &str, name: &str) -> Option<String> {
    let mut texts = head.split('"');
    let other = texts.find(|text| *text != name && text.to_lowercase() == name.to_lowercase());
    other.map(str::to_owned)
}

/// The most columns of a source; [`crate::job`] rejects more.
// 24 passthrough columns beside the 5 of impressions; actions have 14 at most.
pub(crate) const COLUMNS_MAX: usize = 32;

/// The most columns of a source without passthrough columns.
const FEW: usize = 8;

/// The fields of a record; few of them need no allocation.
pub(crate) struct FieldRow<'a> {
    few: [Field<'a>; FEW],
    /// All fields, if they are more than [`FEW`].
    many: Vec<Field<'a>>,
    count: usize,
}

impl<'a> FieldRow<'a> {
    /// Fields that are all missing.
    #[inline]
    pub(crate) fn new(count: usize) -> FieldRow<'a> {
        FieldRow {
            few: [const { Field::Missing }; FEW],
            many: if count > FEW {
                vec![Field::Missing; count]
            } else {
                Vec::new()
            },
            count,
        }
    }

    /// The fields.
    #[inline]
    pub(crate) fn fields(&mut self) -> &mut [Field<'a>] {
        if self.many.is_empty() {
            return &mut self.few[..self.count];
        }
        &mut self.many
    }
}
