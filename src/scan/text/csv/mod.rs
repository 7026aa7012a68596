//! CSV to records.
//!
//! `header` finds the delimiter and the places of columns; `rules` makes plain CSV of text with comments, escapes
//! and long delimiters; `lists` makes records of the elements in a column.
//!
//! **In / Out**: a piece of text and its [`CsvLayout`] → a call per record, with a [`Field`] per wanted column.
//! **Invariants**: a text that ends inside a quoted field, or whose last record lacks
//! fields and a line end, was cut short: an error of the file, not of a row.
//! **Why so**: nearly every piece of a log has no quotes, so that line ends and commas alone delimit its
//! fields. Searching for these takes a fifth of the time of the `csv` crate.

mod first;
pub(crate) mod header;
pub(crate) mod lists;
pub(crate) mod rules;

use std::io::{Cursor, Read};

use csv::ByteRecord;
use memchr::{memchr, memchr_iter, memchr2, memmem};

use crate::advice::escape_hint;
use crate::ids::{Item, count64};
use crate::scan::mismatch::Mismatch;
use crate::scan::text::field::Field;
use crate::scan::text::plain::csv::CsvRows;
use crate::scan::text::plain::{OnPart, Part, ROWS_MAX};
use crate::scan::text::record::{ColumnsSeen, CsvLayout, FieldRow, OnRecord, Stop, TextRecord};

/// A record that is appended to the text. It comes out as a record of its own unless the text ends inside
/// quotes, which the reader itself does not report.
const END: &[u8] = b"\x00end of text\x00";

/// A reader of the text, with [`END`] appended.
fn reader_of<'t>(text: impl Read + 't, delimiter: u8) -> csv::Reader<impl Read + 't> {
    // The first line feed ends a last record that has no line end.
    let end = Cursor::new([b"\n", END, b"\n"].concat());
    // A record of another length is a bad row, not an error of the reader.
    csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .delimiter(delimiter)
        .from_reader(text.chain(end))
}

/// Reads the records of a piece of CSV; always returns to read on.
pub(crate) fn csv_piece(
    layout: &CsvLayout,
    piece: &[u8],
    seen: &mut ColumnsSeen,
    on_record: OnRecord<'_>,
) -> Result<bool, Stop> {
    match without_quotes(piece) {
        Some(text) => {
            let (mut records, mut at) = (BareRecords::new(layout), 0);
            while at < text.len() {
                at = records.next(text, at, seen, on_record)?;
            }
        }
        None => quoted_records(layout, piece, seen, on_record)?,
    }
    Ok(true)
}

/// Reads the records of a piece of CSV, plain rows many at a time; always returns to read on.
pub(crate) fn csv_rows<I: Item>(
    layout: &CsvLayout,
    piece: &[u8],
    seen: &mut ColumnsSeen,
    on_part: OnPart<'_, I>,
) -> Result<bool, Stop> {
    let (Some(text), Some(mut plain)) = (without_quotes(piece), CsvRows::new(layout)) else {
        return csv_piece(layout, piece, seen, &mut |record| {
            on_part(Part::Record(record))
        });
    };
    let mut rows = Vec::with_capacity(ROWS_MAX);
    let (mut records, mut at) = (BareRecords::new(layout), 0);
    while at < text.len() {
        at = plain.fill(text, at, &mut rows);
        if !rows.is_empty() {
            let first = seen.rows + 1;
            seen.rows += count64(rows.len());
            on_part(Part::Rows(first, &rows)).map_err(Stop::Error)?;
        }
        if rows.len() < ROWS_MAX && at < text.len() {
            at = records.next(text, at, seen, &mut |record| on_part(Part::Record(record)))?;
        }
    }
    Ok(true)
}

/// The text of a piece, if it has no quotes.
fn without_quotes(piece: &[u8]) -> Option<&str> {
    // One check per piece instead of one per field. Text that is not UTF-8 takes the slow path,
    // where only fields with such bytes are faults.
    let text = std::str::from_utf8(piece).ok();
    text.filter(|_| memchr(b'"', piece).is_none())
}

/// Reads records without quotes.
struct BareRecords<'l, 't> {
    layout: &'l CsvLayout,
    fields: FieldRow<'t>,
    /// Scratch: where the delimiters of a record are.
    commas: Vec<usize>,
}

impl<'l, 't> BareRecords<'l, 't> {
    /// A reader of files of a layout.
    fn new(layout: &'l CsvLayout) -> BareRecords<'l, 't> {
        BareRecords {
            layout,
            fields: FieldRow::new(layout.places.len()),
            commas: Vec::with_capacity(layout.fields_count),
        }
    }

    /// Passes the record at a place to the caller, unless it is empty; gives the place behind its line end.
    #[inline]
    fn next(
        &mut self,
        text: &'t str,
        at: usize,
        seen: &mut ColumnsSeen,
        on_record: OnRecord<'_>,
    ) -> Result<usize, Stop> {
        // A carriage return ends a record as well; the empty one between it and a line feed is skipped.
        let rest = &text[at..];
        let end = memchr2(b'\n', b'\r', rest.as_bytes());
        let record = &rest[..end.unwrap_or(rest.len())];
        let after = text.len().min(at + record.len() + 1);
        if record.is_empty() {
            return Ok(after);
        }
        let (layout, commas) = (self.layout, &mut self.commas);
        commas.clear();
        commas.extend(memchr_iter(layout.delimiter, record.as_bytes()));
        if commas.len() + 1 != layout.fields_count {
            // Only the last record of a file may lack a line end.
            if end.is_none() {
                return Err(Stop::CutShort(seen.rows + 1));
            }
            // The slow path words the fault, so that both paths say the same.
            let record = ByteRecord::from_iter(record.split(char::from(layout.delimiter)));
            return offer(&record, layout, seen, on_record).map(|()| after);
        }
        let fields = self.fields.fields();
        for (field, place) in fields.iter_mut().zip(&layout.places) {
            // A column that the file lacks stays `Missing` in every record.
            let Some(place) = *place else { continue };
            let start = place.checked_sub(1).map_or(0, |before| commas[before] + 1);
            let end = commas.get(place).copied().unwrap_or(record.len());
            *field = match &record[start..end] {
                "" => Field::Null,
                text => Field::Csv(text),
            };
        }
        seen.rows += 1;
        let text =
            || serde_json::Value::from_iter(record.split(char::from(layout.delimiter))).to_string();
        let record = TextRecord {
            row: seen.rows,
            fields: Ok(fields),
            text: &text,
        };
        on_record(record).map(|()| after).map_err(Stop::Error)
    }
}

/// Reads records whose fields may be in quotes.
fn quoted_records(
    layout: &CsvLayout,
    piece: &[u8],
    seen: &mut ColumnsSeen,
    on_record: OnRecord<'_>,
) -> Result<(), Stop> {
    // The empty line keeps the reader from dropping a byte order mark at the start of the piece.
    let mut reader = reader_of(b"\n".chain(piece), layout.delimiter);
    let (mut record, mut next) = (ByteRecord::new(), ByteRecord::new());
    let mut read = |into: &mut ByteRecord| {
        let read = reader.read_byte_record(into);
        read.expect("text in memory is read, whatever it holds")
    };
    // One record ahead: only what comes behind a record tells whether it was the last.
    read(&mut next);
    while &next[0] != END || next.len() > 1 {
        std::mem::swap(&mut record, &mut next);
        if !read(&mut next) {
            return Err(Stop::OpenQuote(seen.rows + 1));
        }
        // Too few fields are a cut only where the line end is missing as well, else a bad row.
        let is_whole = record.len() == layout.fields_count;
        let has_end = matches!(piece.last(), Some(b'\n' | b'\r'));
        if !is_whole && &next[0] == END && !has_end {
            return Err(Stop::CutShort(seen.rows + 1));
        }
        offer(&record, layout, seen, on_record)?;
    }
    Ok(())
}

/// The mismatch of a record of another length than the header, with the setting that may be missing.
#[cold]
fn misfit(record: &ByteRecord, layout: &CsvLayout) -> Mismatch {
    let header = if layout.is_given {
        "as in the header that is given"
    } else {
        "as in the header"
    };
    let has_backslashes = || {
        let is_known = layout.rules.as_ref();
        let is_known = is_known.is_some_and(|rules| rules.has_backslashes);
        !is_known
            && record
                .iter()
                .any(|field| memmem::find(field, b"\\\"").is_some())
    };
    let hint = if record.get(0).unwrap_or_default().starts_with(b"#") {
        let source = &layout.source_name;
        format!(" (if such lines are comments, --source {source}.comment='#' skips them)")
    } else if has_backslashes() {
        format!(" ({})", escape_hint(&layout.source_name))
    } else if record.len() == layout.fields_count + 1 && &record[layout.fields_count] == b"" {
        " (a delimiter at the end begins another field: remove it)".to_owned()
    } else {
        String::new()
    };
    let expected = format!("{} fields, {header}{hint}", layout.fields_count);
    Mismatch::new(expected, record.len().to_string())
}

/// Passes one record to the caller.
fn offer(
    record: &ByteRecord,
    layout: &CsvLayout,
    seen: &mut ColumnsSeen,
    on_record: OnRecord<'_>,
) -> Result<(), Stop> {
    let text = || {
        let fields = record.iter().map(String::from_utf8_lossy);
        serde_json::Value::from_iter(fields).to_string()
    };
    let mut fields = FieldRow::new(layout.places.len());
    let fields = fields.fields();
    for (field, place) in fields.iter_mut().zip(&layout.places) {
        *field = match place.and_then(|place| record.get(place)) {
            None => Field::Missing,
            Some(b"") => Field::Null,
            Some(bytes) => std::str::from_utf8(bytes).map_or(Field::NotText, Field::Csv),
        };
    }
    let fields = if record.len() == layout.fields_count {
        Ok(&*fields)
    } else {
        Err(misfit(record, layout))
    };
    seen.rows += 1;
    let record = TextRecord {
        row: seen.rows,
        fields,
        text: &text,
    };
    on_record(record).map_err(Stop::Error)
}
