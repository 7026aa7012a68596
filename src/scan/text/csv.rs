//! CSV to records.
//!
//! **In / Out**: the header → a [`Layout`]; a piece of text → a call per record, with a [`Field`]
//! per column that is asked for. **Invariants**: a text that ends inside a quoted field, or whose
//! last record is short and has no line end, was cut: that is a fault of the file, not of a row.
//! **Why so**: a piece without quotes, which is nearly every one of a log, is no more than lines
//! and commas; looking for these alone reads it in a fifth of the time of the `csv` crate.

use std::io::{BufRead, Cursor, Read};

use csv::ByteRecord;
use memchr::{memchr, memchr_iter, memchr2};

use crate::catalog::input::InputFile;
use crate::error::{Error, Result};
use crate::scan::text::field::{Field, Mismatch, quoted};
use crate::scan::text::records::{
    FieldRow, Layout, OnRecord, Record, Seen, Stop, TextColumn, missing_column, missing_of,
};

/// A record that we put behind the text. Unless the text ends inside quotes, it is read as a
/// record of its own; the reader itself does not tell.
const END: &[u8] = b"\x00end of text\x00";

/// Bytes of a header.
const HEADER_BYTES_MAX: u64 = 1 << 20;

/// A reader of text with [`END`] behind it.
fn reader_of<'t>(text: impl Read + 't) -> csv::Reader<impl Read + 't> {
    let end = Cursor::new([b"\n", END, b"\n"].concat());
    csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .from_reader(text.chain(end))
}

/// Reads the header of a CSV file.
pub(crate) fn csv_layout(
    file: &InputFile,
    text: impl BufRead,
    columns: &[TextColumn<'_>],
) -> Result<Layout> {
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
        let is_empty = name == END;
        let what = if is_empty {
            "it has no header"
        } else {
            "a quote in its header never ends"
        };
        return Err(file.fault(what));
    }
    Ok(Layout {
        fields_count: header.len(),
        places: places_in(file, &header, columns)?,
        header_bytes: reader.position().byte(),
        ..Layout::default()
    })
}

/// Reads the records of a piece of CSV; always goes on.
pub(crate) fn csv_piece(
    layout: &Layout,
    piece: &[u8],
    seen: &mut Seen,
    on_record: OnRecord<'_>,
) -> std::result::Result<bool, Stop> {
    let plain = std::str::from_utf8(piece).ok();
    match plain.filter(|_| memchr(b'"', piece).is_none()) {
        Some(text) => plain_records(layout, text, seen, on_record)?,
        None => quoted_records(layout, piece, seen, on_record)?,
    }
    Ok(true)
}

/// Reads records without quotes.
fn plain_records(
    layout: &Layout,
    text: &str,
    seen: &mut Seen,
    on_record: OnRecord<'_>,
) -> std::result::Result<(), Stop> {
    let mut fields = FieldRow::new(layout.places.len());
    let fields = fields.fields();
    let mut commas = Vec::with_capacity(layout.fields_count);
    let mut rest = text;
    while !rest.is_empty() {
        // Returns end records as line feeds do; between the two lies an empty one.
        let end = memchr2(b'\n', b'\r', rest.as_bytes()).unwrap_or(rest.len());
        let (record, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or("");
        let scratch = (&mut commas, &mut *fields);
        plain_record(layout, (text, record), seen, scratch, on_record)?;
    }
    Ok(())
}

/// Passes one record without quotes on, unless it is empty.
#[inline]
fn plain_record<'t>(
    layout: &Layout,
    (text, record): (&str, &'t str),
    seen: &mut Seen,
    (commas, fields): (&mut Vec<usize>, &mut [Field<'t>]),
    on_record: OnRecord<'_>,
) -> std::result::Result<(), Stop> {
    if record.is_empty() {
        return Ok(());
    }
    commas.clear();
    commas.extend(memchr_iter(b',', record.as_bytes()));
    if commas.len() + 1 != layout.fields_count {
        // No line end follows, so this is where the file ends.
        if record.as_bytes().as_ptr_range().end == text.as_bytes().as_ptr_range().end {
            return Err(Stop::CutShort(seen.rows + 1));
        }
        let record = ByteRecord::from_iter(record.split(','));
        return offer(&record, layout, seen, on_record);
    }
    for (field, place) in fields.iter_mut().zip(&layout.places) {
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
    let record = Record {
        row: seen.rows,
        fields: Ok(fields),
        text: &text,
    };
    on_record(record).map_err(Stop::Error)
}

/// Reads records that may be in quotes.
fn quoted_records(
    layout: &Layout,
    piece: &[u8],
    seen: &mut Seen,
    on_record: OnRecord<'_>,
) -> std::result::Result<(), Stop> {
    // An empty line before it, or else the reader would take a first mark for that of a file.
    let mut reader = reader_of(b"\n".chain(piece));
    let (mut record, mut next) = (ByteRecord::new(), ByteRecord::new());
    let mut read = |into: &mut ByteRecord| {
        let read = reader.read_byte_record(into);
        read.expect("text in memory is read, whatever it holds")
    };
    read(&mut next);
    while &next[0] != END || next.len() > 1 {
        std::mem::swap(&mut record, &mut next);
        if !read(&mut next) {
            return Err(Stop::OpenQuote(seen.rows + 1));
        }
        let is_whole = record.len() == layout.fields_count;
        let has_end = matches!(piece.last(), Some(b'\n' | b'\r'));
        if !is_whole && &next[0] == END && !has_end {
            return Err(Stop::CutShort(seen.rows + 1));
        }
        offer(&record, layout, seen, on_record)?;
    }
    Ok(())
}

/// Passes one record on.
fn offer(
    record: &ByteRecord,
    layout: &Layout,
    seen: &mut Seen,
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
    let fields = match record.len() == layout.fields_count {
        true => Ok(&*fields),
        false => {
            let expected = format!("{} fields, as in the header", layout.fields_count);
            Err(Mismatch::new(expected, record.len().to_string()))
        }
    };
    seen.rows += 1;
    let record = Record {
        row: seen.rows,
        fields,
        text: &text,
    };
    on_record(record).map_err(Stop::Error)
}

/// Where the wanted columns stand in a header.
fn places_in(
    file: &InputFile,
    header: &ByteRecord,
    columns: &[TextColumn<'_>],
) -> Result<Vec<Option<usize>>> {
    let mut places = Vec::new();
    for column in columns {
        let mut found = (0..header.len()).filter(|at| &header[*at] == column.name.as_bytes());
        places.push(found.next());
        if found.next().is_some() {
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

/// A fault that the CSV reader cannot read past.
fn csv_fault(file: &InputFile, error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => file.broken(&error),
        other => file.fault(format!("{other:?}")),
    }
}
