//! Text files to pieces: whole records, few enough to stay in the cache.
//!
//! **In / Out**: CSV or NDJSON → [`Piece`]s in order, which together are the text.
//! **Invariants**: a piece ends where a record ends; only the last may lack a line end. The pieces depend
//! on the text and the spec alone, never on threads.
//! **Cost**: one copy of the text; a search for quotes in CSV, and one step per byte of pieces that have
//! some. **Why so**: one thread at a time cuts the file, in order, so that quotes, decompression and the
//! digest need one pass. Parsing, which takes most of the time, runs on all threads.

use std::io::{self, BufReader, Read};
use std::sync::atomic::Ordering::Relaxed;

use memchr::{memchr, memrchr, memrchr2};

use crate::catalog::compression::Compression;
use crate::catalog::input::{InputFile, Text};
use crate::error::{Error, Result};
use crate::ids::count64;
use crate::job::Format;
use crate::scan::text::csv::rules::{PlainCsv, QuoteState};
use crate::scan::text::record::CsvLayout;

/// Whole records of a text file. Its buffer can be filled again.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// The text, and unused bytes behind it. It never shrinks: filling it with zeros again would cost as
    /// much as reading.
    buffer: Vec<u8>,
    len: usize,
    /// Bytes of the file that were read for it.
    pub(crate) steps: u64,
}

impl Piece {
    /// The text.
    pub(crate) fn text(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// Reads `bytes` more; returns whether the text ended.
    fn extend(&mut self, text: &mut dyn Read, bytes: usize) -> io::Result<bool> {
        let wanted = self.len + bytes;
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        // A read that returns less is not the end: decoders return what they have.
        while self.len < wanted {
            match text.read(&mut self.buffer[self.len..wanted]) {
                Ok(0) => return Ok(true),
                Ok(read) => self.len += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// Cuts the text of one file into pieces.
pub(crate) struct PieceReader {
    text: Text,
    format: Format,
    /// What separates the fields of CSV.
    delimiter: u8,
    /// The size of a piece, unless a record is longer.
    piece_bytes: usize,
    /// The text behind the last piece, which begins the next.
    carry: Vec<u8>,
    /// Whether no more can be read.
    is_ended: bool,
    /// Why not, if it is not the end of the text.
    broken: Option<Error>,
    /// Bytes of the file that are counted in the steps of earlier pieces.
    steps_counted: u64,
    /// Bytes of text in earlier pieces, or skipped.
    offset: u64,
}

/// The longest record, in bytes. A longer one is a quote or bracket that is never closed, or a file that is
/// no text.
pub(crate) const RECORD_BYTES_MAX: usize = 1 << 24;
/// What a message says of a longer one.
pub(crate) const TOO_LONG: &str = "is longer than 16 MiB";

impl PieceReader {
    /// Opens the text behind its header.
    ///
    /// # Errors
    /// If the text cannot be read.
    pub(crate) fn open(
        file: &InputFile,
        format: Format,
        compression: Compression,
        layout: &CsvLayout,
        piece_bytes: usize,
    ) -> Result<PieceReader> {
        let mut text = file.text(compression)?;
        // Read and not sought: the text may be compressed, and the digest needs every byte.
        let skip = |text: &mut Text, bytes: u64| {
            let skipped = io::copy(&mut (&mut text.source).take(bytes), &mut io::sink());
            skipped.map_err(|error| file.broken(&error))
        };
        skip(&mut text, layout.lead_bytes)?;
        if let Some(rules) = layout.rules.clone() {
            let plain = PlainCsv::new(text.source, rules);
            text.source = Box::new(BufReader::with_capacity(1 << 18, plain));
        }
        skip(&mut text, layout.header_bytes)?;
        Ok(PieceReader {
            text,
            format,
            delimiter: layout.delimiter,
            piece_bytes,
            carry: Vec::new(),
            is_ended: false,
            broken: None,
            steps_counted: 0,
            offset: layout.lead_bytes + layout.header_bytes,
        })
    }

    /// Fills a piece; returns false behind the last.
    ///
    /// # Errors
    /// If the text cannot be read further, after the records before that place were returned.
    pub(crate) fn next(&mut self, file: &InputFile, piece: &mut Piece) -> Result<bool> {
        piece.len = 0;
        piece.steps = 0;
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        let carried = self.carry.len();
        let copied = piece.extend(&mut &self.carry[..], carried);
        copied.map_err(|error| file.io(error))?;
        self.carry.clear();
        // A piece begins at a record, so outside of quotes.
        let mut quotes = QuoteScan::default();
        let mut end = 0;
        while end == 0 && !self.is_ended {
            // A piece that is meant to be longer than a record may be is no fault.
            if piece.len >= RECORD_BYTES_MAX.max(self.piece_bytes) {
                let what = format!("a record behind {} bytes of text {TOO_LONG}", self.offset);
                return Err(file.fault(what));
            }
            // Doubling keeps the time linear for records of any length.
            let bytes = self.piece_bytes.max(piece.len);
            match piece.extend(&mut self.text.source, bytes) {
                Ok(is_ended) => self.is_ended = is_ended,
                Err(error) => {
                    // First the whole records before the damage: a bad row among them is the
                    // earlier fault.
                    (self.is_ended, self.broken) = (true, Some(file.broken(&error)));
                }
            }
            end = last_end(self.format, self.delimiter, piece.text(), &mut quotes);
        }
        // Text behind the last line end is a record only if it is not cut off.
        if self.is_ended && self.broken.is_none() {
            end = piece.len;
        }
        self.carry.extend_from_slice(&piece.text()[end..]);
        piece.len = end;
        self.offset += count64(end);
        // `Relaxed` is enough: whoever cuts a file that threads share holds its lock.
        let bytes_read = self.text.bytes_read.load(Relaxed);
        piece.steps = bytes_read - self.steps_counted;
        self.steps_counted = bytes_read;
        match self.broken.take_if(|_| end == 0) {
            Some(error) => Err(error),
            None => Ok(end > 0),
        }
    }
}

/// Where the last whole record of a text ends; 0 if none does.
fn last_end(format: Format, delimiter: u8, text: &[u8], quotes: &mut QuoteScan) -> usize {
    // The text only grows: once quotes were found, they need no new search.
    let has_quotes = quotes.at > 0 || memchr(b'"', text).is_some();
    let last = match format {
        Format::Csv if has_quotes => return quotes.last_end(text, delimiter),
        // A cut between a return and its line feed leaves an empty record, which readers skip.
        Format::Csv => memrchr2(b'\n', b'\r', text),
        // In JSON a line feed inside a text is escaped, so each ends a record.
        _ => memrchr(b'\n', text),
    };
    last.map_or(0, |last| last + 1)
}

/// Follows quotes through a text that grows.
#[derive(Debug, Default)]
struct QuoteScan {
    /// The bytes scanned so far.
    at: usize,
    state: QuoteState,
    /// The end of the last whole record so far.
    end: usize,
}

impl QuoteScan {
    /// Where the last whole record of a text ends. The text begins with what was scanned before.
    fn last_end(&mut self, text: &[u8], delimiter: u8) -> usize {
        for (at, byte) in text.iter().enumerate().skip(self.at) {
            // As the parser sees quotes: any other rule would cut a record in two.
            self.state = match (self.state, byte) {
                (QuoteState::Start | QuoteState::Closing, b'"')
                | (QuoteState::Quoted, 0..b'"' | b'#'..) => QuoteState::Quoted,
                (QuoteState::Quoted, b'"') => QuoteState::Closing,
                (_, byte) if *byte == delimiter => QuoteState::Start,
                (_, b'\n' | b'\r') => {
                    self.end = at + 1;
                    QuoteState::Start
                }
                _ => QuoteState::Bare,
            };
        }
        self.at = text.len();
        self.end
    }
}
