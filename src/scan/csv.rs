//! CSV to records.
//!
//! **In / Out**: text with a header → a call per record, with a [`Field`] per column that is
//! asked for. **Invariants**: a text that ends inside a quoted field, or whose last record is
//! short and has no line end, was cut: that is a fault of the file, not of a row.

use std::cell::Cell;
use std::io::{self, BufRead, Cursor, Read};
use std::rc::Rc;

use csv::ByteRecord;

use crate::error::{Error, Result};
use crate::scan::fields::{Field, Mismatch, quoted};
use crate::scan::input::InputFile;
use crate::scan::text::{COLUMNS_MAX, OnRecord, Record, TextColumn, missing_column, missing_of};

/// A record that we put behind the text. Unless the text ends inside quotes, it is read as a
/// record of its own; the reader itself does not tell.
const END: &[u8] = b"\x00end of text\x00";

/// Reads the records of a CSV file; gives their number.
pub(super) fn csv_records(
    file: &InputFile,
    text: Box<dyn BufRead>,
    columns: &[TextColumn<'_>],
    on_record: OnRecord<'_>,
) -> Result<u64> {
    let last = Rc::new(Cell::new(b'\n'));
    let text = LastByte {
        text,
        last: Rc::clone(&last),
    };
    let end = Cursor::new([b"\n", END, b"\n"].concat());
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.chain(end));
    let header = reader
        .byte_headers()
        .map_err(|error| csv_fault(file, error))?
        .clone();
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
    let places = places_in(file, &header, columns)?;
    let (mut record, mut next) = (ByteRecord::new(), ByteRecord::new());
    let mut row = 0;
    let mut read = |into: &mut ByteRecord| {
        reader
            .read_byte_record(into)
            .map_err(|error| csv_fault(file, error))
    };
    read(&mut next)?;
    while &next[0] != END || next.len() > 1 {
        std::mem::swap(&mut record, &mut next);
        row += 1;
        if !read(&mut next)? {
            let what = format!("it ends inside a quoted field that begins in row {row}");
            return Err(file.fault(what));
        }
        let is_whole = record.len() == header.len();
        if !is_whole && &next[0] == END && last.get() != b'\n' && last.get() != b'\r' {
            return Err(file.fault(format!("it is cut short in row {row}")));
        }
        offer(row, &record, &header, &places, on_record)?;
    }
    Ok(row)
}

/// Passes one record on.
fn offer(
    row: u64,
    record: &ByteRecord,
    header: &ByteRecord,
    places: &[Option<usize>],
    on_record: OnRecord<'_>,
) -> Result<()> {
    let text = || {
        let fields = record.iter().map(String::from_utf8_lossy);
        serde_json::Value::from_iter(fields).to_string()
    };
    if record.len() != header.len() {
        let expected = format!("{} fields, as in the header", header.len());
        let fields = Err(Mismatch::new(expected, record.len().to_string()));
        return on_record(Record {
            row,
            fields,
            text: &text,
        });
    }
    let mut fields = [const { Field::Missing }; COLUMNS_MAX];
    for (field, place) in fields.iter_mut().zip(places) {
        *field = match place.map(|place| &record[place]) {
            None => Field::Missing,
            Some(b"") => Field::Null,
            Some(bytes) => std::str::from_utf8(bytes).map_or(Field::NotText, Field::Csv),
        };
    }
    on_record(Record {
        row,
        fields: Ok(&fields[..places.len()]),
        text: &text,
    })
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

/// Text whose last byte is remembered.
struct LastByte {
    /// The text.
    text: Box<dyn BufRead>,
    /// The last byte that was read.
    last: Rc<Cell<u8>>,
}

impl Read for LastByte {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.text.read(into)?;
        if let Some(last) = into[..read].last() {
            self.last.set(*last);
        }
        Ok(read)
    }
}
