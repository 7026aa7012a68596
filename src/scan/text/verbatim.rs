//! Records of a text as they are written, each with the field of one column, for a copy of some of them.
//!
//! **In / Out**: a file of CSV or NDJSON and a column → a call per record, with its field and its bytes; and the
//! text that stands before the first. **Invariants**: that text and any of the records, in their order and each with
//! a line end, are a text that is read by the same settings, with the same fields. What ends the reading of the
//! file is the same fault as for every other reader.
//! **Cost**: one search for line ends beside the parsing, and one step per byte where records have quotes.

use std::io::Read;
use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2_iter};

use crate::catalog::compression::Compression;
use crate::catalog::input::{Detected, InputFile};
use crate::error::{Error, ErrorKind, Result};
use crate::job::Format;
use crate::scan::text::blocks::{Piece, PieceReader};
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::csv::header::csv_layout;
use crate::scan::text::csv::rules::{CsvRules, QuoteState};
use crate::scan::text::field::Field;
use crate::scan::text::record::{ColumnsSeen, CsvLayout, TextRecord};
use crate::scan::text::records::{RecordReader, open};

/// A text whose records are read as they are written.
pub(crate) struct VerbatimText<'a> {
    file: &'a InputFile,
    format: (Format, Compression),
    columns: [WantedColumn<'a>; 1],
    layout: CsvLayout,
    reader: PieceReader,
    piece: Piece,
    seen: ColumnsSeen,
    /// Scratch: where the records of a piece lie in it.
    places: Vec<Range<usize>>,
    /// Scratch: a record by the rules of the file.
    written: Vec<u8>,
}

/// Receives each record: the field, or nothing if the record as a whole is bad; and its bytes without a line end.
pub(crate) type OnVerbatim<'a> = &'a mut dyn FnMut(Option<&Field<'_>>, &[u8]) -> Result<()>;

impl<'a> VerbatimText<'a> {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be read, or lacks a required column.
    pub(crate) fn open(
        file: &'a InputFile,
        format: (Format, Compression),
        column: WantedColumn<'a>,
        piece_bytes: usize,
    ) -> Result<VerbatimText<'a>> {
        let columns = [column];
        let (layout, reader) = open(file, format, &columns, piece_bytes)?;
        Ok(VerbatimText {
            file,
            format,
            columns,
            layout,
            reader,
            piece: Piece::default(),
            seen: ColumnsSeen::default(),
            places: Vec::new(),
            written: Vec::new(),
        })
    }

    /// The text before the first record: a header, and comments before it. Empty if there is none.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn head(&self) -> Result<Vec<u8>> {
        let (lead, header) = (self.layout.lead_bytes, self.layout.header_bytes);
        if lead + header == 0 {
            return Ok(Vec::new());
        }
        let mut text = self.file.text(self.format.1)?.source;
        let mut head = Vec::new();
        let read = (&mut text).take(lead).read_to_end(&mut head);
        read.map_err(|error| self.file.broken(&error))?;
        let mut own = Vec::new();
        let read = match self.layout.rules.clone() {
            None => text.take(header).read_to_end(&mut own),
            Some(rules) => PlainText::new(text, rules)
                .take(header)
                .read_to_end(&mut own),
        };
        read.map_err(|error| self.file.broken(&error))?;
        match &self.layout.rules {
            None => head.append(&mut own),
            Some(rules) => write_by(rules, &own, &mut head),
        }
        if !matches!(head.last(), Some(b'\n' | b'\r') | None) {
            head.push(b'\n');
        }
        Ok(head)
    }

    /// Reads the next records of the file, and calls `on_record` for each; returns the bytes of the file that were
    /// read for them, or nothing behind the last.
    ///
    /// # Errors
    /// If the file cannot be read further, or `on_record` fails.
    pub(crate) fn next(&mut self, on_record: OnVerbatim<'_>) -> Result<Option<u64>> {
        if !self.reader.next(self.file, &mut self.piece)? {
            return Ok(None);
        }
        let text = self.piece.text();
        places(self.format.0, self.layout.delimiter, text, &mut self.places);
        let wants = RecordReader {
            columns: &self.columns,
            layout: &self.layout,
        };
        let rules = self.layout.rules.as_ref();
        let (mut places, written) = (self.places.iter(), &mut self.written);
        let mut is_lost = false;
        let read = wants.read(self.format.0, &self.piece, &mut self.seen, &mut |record| {
            let TextRecord { fields, .. } = record;
            let Some(place) = places.next() else {
                is_lost = true;
                return Ok(());
            };
            let mut bytes = &text[place.clone()];
            if let Some(rules) = rules {
                written.clear();
                write_by(rules, bytes, written);
                bytes = written;
            }
            on_record(fields.ok().map(|fields| &fields[0]), bytes)
        });
        match read {
            Err(stop) => return Err(stop.error(self.file, 0)),
            Ok(false) => return self.seen_failed().map(|()| None),
            Ok(true) => {}
        }
        if is_lost || places.next().is_some() {
            let what = format!("the records of {} are counted in two ways", self.file.shown);
            return Err(Error::from(ErrorKind::Internal { what }));
        }
        Ok(Some(self.piece.steps))
    }

    /// The number of records, once all are read.
    ///
    /// # Errors
    /// If no record has the column, and it is required.
    pub(crate) fn finish(self) -> Result<u64> {
        self.seen.finish(self.file, &self.columns)
    }

    /// What the caller failed with, if it did.
    fn seen_failed(&mut self) -> Result<()> {
        self.seen.failed.take().map_or(Ok(()), Err)
    }

    /// Whether a copy of some records has its columns where this file has them.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn is_layout_of(&self, copy: &InputFile, found: Detected) -> Result<bool> {
        if found.format != Format::Csv {
            return Ok(true);
        }
        let text = copy.text(found.compression)?.source;
        let of = |layout: &CsvLayout| {
            let head = (layout.lead_bytes, layout.header_bytes);
            let rules = layout.rules.clone();
            let fields = (layout.fields_count, layout.places.clone());
            (layout.delimiter, head, rules, fields)
        };
        // An error may be that several delimiters fit.
        let layout = csv_layout(copy, text, &self.columns);
        Ok(layout.is_ok_and(|layout| of(&layout) == of(&self.layout)))
    }
}

/// Text by rules, as the readers know it.
type PlainText<T> = crate::scan::text::csv::rules::PlainCsv<T>;

/// Where the records of a piece lie in it, without their line ends. The places are those that the readers find.
fn places(format: Format, delimiter: u8, text: &[u8], found: &mut Vec<Range<usize>>) {
    found.clear();
    match format {
        Format::Csv if memchr(b'"', text).is_some() => quoted_places(delimiter, text, found),
        Format::Csv => {
            let ends = memchr2_iter(b'\n', b'\r', text);
            add_places(text, ends, |record| !record.is_empty(), found);
        }
        _ => {
            let ends = memchr_iter(b'\n', text);
            let has_it = |record: &[u8]| !record.trim_ascii().is_empty();
            add_places(text, ends, has_it, found);
        }
    }
}

/// Adds the places between line ends that hold a record.
fn add_places(
    text: &[u8],
    ends: impl Iterator<Item = usize>,
    is_record: impl Fn(&[u8]) -> bool,
    found: &mut Vec<Range<usize>>,
) {
    let mut start = 0;
    for end in ends.chain([text.len()]) {
        if is_record(&text[start..end]) {
            found.push(start..end);
        }
        start = end + 1;
        if start > text.len() {
            break;
        }
    }
}

/// The same for CSV with quotes, in which a line end may be a part of a field.
fn quoted_places(delimiter: u8, text: &[u8], found: &mut Vec<Range<usize>>) {
    let (mut state, mut start) = (QuoteState::Start, 0);
    for (at, byte) in text.iter().enumerate() {
        let was_quoted = state == QuoteState::Quoted;
        state = next_state(state, *byte, delimiter);
        if !was_quoted && matches!(byte, b'\n' | b'\r') {
            if at > start {
                found.push(start..at);
            }
            start = at + 1;
        }
    }
    if start < text.len() {
        found.push(start..text.len());
    }
}

/// The state of the CSV parser behind a byte.
fn next_state(state: QuoteState, byte: u8, delimiter: u8) -> QuoteState {
    match (state, byte) {
        (QuoteState::Start | QuoteState::Closing, b'"') => QuoteState::Quoted,
        (QuoteState::Quoted, b'"') => QuoteState::Closing,
        (QuoteState::Quoted, _) => QuoteState::Quoted,
        (_, byte) if byte == delimiter || matches!(byte, b'\n' | b'\r') => QuoteState::Start,
        _ => QuoteState::Bare,
    }
}

/// Writes a record that the readers know by the rules of its file: [`PlainCsv`](super::csv::rules::PlainCsv) makes
/// that record of it again.
fn write_by(rules: &CsvRules, record: &[u8], written: &mut Vec<u8>) {
    let separator = rules.separator();
    let mut state = QuoteState::Start;
    for byte in record {
        let is_quoted = state == QuoteState::Quoted;
        state = next_state(state, *byte, separator);
        match byte {
            b'\\' if is_quoted && rules.has_backslashes => written.extend_from_slice(b"\\\\"),
            byte if *byte == separator && !is_quoted => {
                written.extend_from_slice(&rules.delimiter);
            }
            byte => written.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::*;

    /// A text by rules, as the readers know it.
    fn plain(text: &[u8], rules: &CsvRules) -> Vec<u8> {
        let mut read = Vec::new();
        let mut reader = PlainText::new(BufReader::new(text), rules.clone());
        reader.read_to_end(&mut read).expect("it is read");
        read
    }

    #[test]
    fn records_lie_where_the_csv_crate_finds_them() {
        // All texts of some length over the bytes that matter.
        let bytes = [b'a', b',', b'"', b'\n', b'\r'];
        for length in 0..8_u32 {
            for number in 0..5_usize.pow(length) {
                let mut rest = number;
                let text: Vec<u8> = (0..length)
                    .map(|_| {
                        let byte = bytes[rest % 5];
                        rest /= 5;
                        byte
                    })
                    .collect();
                let mut found = Vec::new();
                places(Format::Csv, b',', &text, &mut found);
                let read = |text: &[u8]| -> Vec<csv::ByteRecord> {
                    let mut reader = csv::ReaderBuilder::new();
                    let reader = reader.flexible(true).has_headers(false);
                    let records = reader.from_reader(text).into_byte_records();
                    records.map(|record| record.expect("in memory")).collect()
                };
                let each: Vec<_> = found
                    .iter()
                    .flat_map(|at| read(&text[at.clone()]))
                    .collect();
                let shown = String::from_utf8_lossy(&text);
                assert_eq!(each, read(&text), "{shown:?}");
                assert_eq!(each.len(), found.len(), "{shown:?}");
            }
        }
    }

    #[test]
    fn records_by_rules_are_read_as_they_were() {
        let rules = |delimiter: &str, has_backslashes| CsvRules {
            delimiter: delimiter.into(),
            has_backslashes,
            comment: b"#".to_vec(),
        };
        let bytes = [b'a', b':', b'"', b'\\', b'#', b'\n'];
        for rules in [rules("::", true), rules(":", true), rules("::", false)] {
            for number in 0..6_usize.pow(7) {
                let mut rest = number;
                let text: Vec<u8> = (0..7)
                    .map(|_| {
                        let byte = bytes[rest % 6];
                        rest /= 6;
                        byte
                    })
                    .collect();
                let known = plain(&text, &rules);
                let (mut found, mut copy, mut lines) = (Vec::new(), Vec::new(), Vec::new());
                places(Format::Csv, rules.separator(), &known, &mut found);
                for place in found {
                    write_by(&rules, &known[place.clone()], &mut copy);
                    copy.push(b'\n');
                    lines.extend_from_slice(&known[place]);
                    lines.push(b'\n');
                }
                let shown = String::from_utf8_lossy(&text);
                // A text that ends inside of quotes is refused before it is copied.
                let is_open = lines.iter().fold(QuoteState::Start, |state, byte| {
                    next_state(state, *byte, rules.separator())
                }) == QuoteState::Quoted;
                if !is_open {
                    let again = String::from_utf8_lossy(&copy);
                    assert_eq!(plain(&copy, &rules), lines, "{shown:?} as {again:?}");
                }
            }
        }
    }
}
