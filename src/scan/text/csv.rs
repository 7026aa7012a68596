//! CSV to records.
//!
//! **In / Out**: the header → a [`CsvLayout`]; a piece of text → a call per record, with a [`Field`]
//! per wanted column. **Invariants**: a text that ends inside a quoted field, or whose last record lacks
//! fields and a line end, was cut short: an error of the file, not of a row.
//! **Why so**: nearly every piece of a log has no quotes, so that line ends and commas alone delimit its
//! fields. Searching for these takes a fifth of the time of the `csv` crate.

use std::io::{BufRead, Cursor, Read};

use csv::ByteRecord;
use memchr::{memchr, memchr_iter, memchr2};

use crate::catalog::input::InputFile;
use crate::error::{Error, Result};
use crate::scan::mismatch::{Mismatch, quoted};
use crate::scan::missing_column::missing_column;
use crate::scan::text::columns::{WantedColumn, missing_of};
use crate::scan::text::field::Field;
use crate::scan::text::record::{ColumnsSeen, CsvLayout, FieldRow, OnRecord, Stop, TextRecord};

/// A record that is appended to the text. It comes out as a record of its own unless the text ends inside
/// quotes, which the reader itself does not report.
const END: &[u8] = b"\x00end of text\x00";

/// The longest header, in bytes.
const HEADER_BYTES_MAX: u64 = 1 << 20;

/// A reader of the text, with [`END`] appended.
fn reader_of<'t>(text: impl Read + 't) -> csv::Reader<impl Read + 't> {
    // The first line feed ends a last record that has no line end.
    let end = Cursor::new([b"\n", END, b"\n"].concat());
    // A record of another length is a bad row, not an error of the reader.
    csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .from_reader(text.chain(end))
}

/// Reads the header of a CSV file.
pub(crate) fn csv_layout(
    file: &InputFile,
    text: impl BufRead,
    columns: &[WantedColumn<'_>],
) -> Result<CsvLayout> {
    // A quote that is never closed would make one header of the whole file.
    let mut reader = reader_of(text.take(HEADER_BYTES_MAX));
    let header = reader.byte_headers();
    let header = header.map_err(|error| csv_fault(file, error))?.clone();
    if reader.position().byte() >= HEADER_BYTES_MAX {
        return Err(file.fault("its header is longer than 1 MiB"));
    }
    if let Some(name) = header
        .iter()
        .find(|name| name.trim_ascii_end().ends_with(END))
    {
        let what = if name == END {
            "it has no header"
        } else {
            "a quote in its header never ends"
        };
        return Err(file.fault(what));
    }
    Ok(CsvLayout {
        fields_count: header.len(),
        places: places_in(file, &header, columns)?,
        header_bytes: reader.position().byte(),
        ..CsvLayout::default()
    })
}

/// Reads the records of a piece of CSV; always returns to read on.
pub(crate) fn csv_piece(
    layout: &CsvLayout,
    piece: &[u8],
    seen: &mut ColumnsSeen,
    on_record: OnRecord<'_>,
) -> std::result::Result<bool, Stop> {
    // One check per piece instead of one per field. Text that is not UTF-8 takes the slow path,
    // where only fields with such bytes are faults.
    let text = std::str::from_utf8(piece).ok();
    match text.filter(|_| memchr(b'"', piece).is_none()) {
        Some(text) => plain_records(layout, text, seen, on_record)?,
        None => quoted_records(layout, piece, seen, on_record)?,
    }
    Ok(true)
}

/// Reads records without quotes.
fn plain_records(
    layout: &CsvLayout,
    text: &str,
    seen: &mut ColumnsSeen,
    on_record: OnRecord<'_>,
) -> std::result::Result<(), Stop> {
    let mut fields = FieldRow::new(layout.places.len());
    let fields = fields.fields();
    let mut commas = Vec::with_capacity(layout.fields_count);
    let mut rest = text;
    while !rest.is_empty() {
        // A carriage return ends a record as well; the empty one between it and a line feed is skipped.
        let end = memchr2(b'\n', b'\r', rest.as_bytes());
        let (record, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after.get(1..).unwrap_or("");
        plain_record(
            layout,
            record,
            after,
            seen,
            &mut commas,
            &mut *fields,
            on_record,
        )?;
    }
    Ok(())
}

/// Passes one record without quotes to the caller, unless it is empty; `after` is the text behind it,
/// from its line end on.
#[inline]
fn plain_record<'t>(
    layout: &CsvLayout,
    record: &'t str,
    after: &str,
    seen: &mut ColumnsSeen,
    commas: &mut Vec<usize>,
    fields: &mut [Field<'t>],
    on_record: OnRecord<'_>,
) -> std::result::Result<(), Stop> {
    if record.is_empty() {
        return Ok(());
    }
    commas.clear();
    commas.extend(memchr_iter(b',', record.as_bytes()));
    if commas.len() + 1 != layout.fields_count {
        // Only the last record of a file may lack a line end.
        if after.is_empty() {
            return Err(Stop::CutShort(seen.rows + 1));
        }
        // The slow path words the fault, so that both paths say the same.
        let record = ByteRecord::from_iter(record.split(','));
        return offer(&record, layout, seen, on_record);
    }
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
    let text = || serde_json::Value::from_iter(record.split(',')).to_string();
    let record = TextRecord {
        row: seen.rows,
        fields: Ok(fields),
        text: &text,
    };
    on_record(record).map_err(Stop::Error)
}

/// Reads records whose fields may be in quotes.
fn quoted_records(
    layout: &CsvLayout,
    piece: &[u8],
    seen: &mut ColumnsSeen,
    on_record: OnRecord<'_>,
) -> std::result::Result<(), Stop> {
    // The empty line keeps the reader from dropping a byte order mark at the start of the piece.
    let mut reader = reader_of(b"\n".chain(piece));
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

/// Passes one record to the caller.
fn offer(
    record: &ByteRecord,
    layout: &CsvLayout,
    seen: &mut ColumnsSeen,
    on_record: OnRecord<'_>,
) -> std::result::Result<(), Stop> {
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
        let expected = format!("{} fields, as in the header", layout.fields_count);
        Err(Mismatch::new(expected, record.len().to_string()))
    };
    seen.rows += 1;
    let record = TextRecord {
        row: seen.rows,
        fields,
        text: &text,
    };
    on_record(record).map_err(Stop::Error)
}

/// The places of the wanted columns in a header.
fn places_in(
    file: &InputFile,
    header: &ByteRecord,
    columns: &[WantedColumn<'_>],
) -> Result<Vec<Option<usize>>> {
    let mut places = Vec::new();
    for column in columns {
        // A name that comes twice matters only if the column is wanted.
        let mut same = (0..header.len()).filter(|at| &header[*at] == column.name.as_bytes());
        places.push(same.next());
        if same.next().is_some() {
            let what = format!("the header names column \"{}\" twice", column.name);
            return Err(file.fault(what));
        }
    }
    match missing_of(columns, |at| places[at].is_some()) {
        None => Ok(places),
        Some(name) => {
            let names: Vec<_> = header.iter().map(String::from_utf8_lossy).collect();
            Err(missing_column(file, name, &quoted(&names.join(","))))
        }
    }
}

/// The error of a text that the CSV reader cannot read further.
fn csv_fault(file: &InputFile, error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => file.broken(&error),
        other => file.fault(format!("{other:?}")),
    }
}
