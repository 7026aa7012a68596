//! Text files to pieces: runs of whole records, small enough for a cache.
//!
//! **In / Out**: CSV or NDJSON → [`Piece`]s in order, which together are the text.
//! **Invariants**: a piece ends where a record ends; only the last may end without a line end.
//! Where pieces end depends on the text and the spec alone, never on threads.
//! **Cost**: one copy of the text; a search for quotes in CSV, and one step a byte in pieces
//! that have some. **Why so**: pieces are cut by whoever reads the file, one after the other, so
//! that quotes, compression and the digest need no second pass; parsing is what takes time, and
//! is done by all threads at once.

use std::io::{self, Read};
use std::sync::atomic::Ordering::Relaxed;

use memchr::{memchr, memrchr, memrchr2};

use crate::catalog::compression::Compression;
use crate::catalog::input::{InputFile, Text};
use crate::error::{Error, Result};
use crate::ids::count64;
use crate::job::Format;

/// Whole records of a text file. Its memory may be used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// The text, and room behind it that keeps its size: clearing it would cost as much as
    /// reading.
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

    /// Reads about so many bytes more; gives whether the text ended.
    fn extend(&mut self, text: &mut dyn Read, bytes: usize) -> io::Result<bool> {
        let wanted = self.len + bytes;
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
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
    /// Bytes of a piece, unless a record is longer.
    piece_bytes: usize,
    /// The beginning of the record that the last piece ended before.
    carry: Vec<u8>,
    /// Whether the text was read to its end, or as far as it can be.
    is_ended: bool,
    /// Why it can be read no further.
    broken: Option<Error>,
    /// Bytes of the file that were told as steps.
    told: u64,
    /// Bytes of text given out, or passed over.
    given: u64,
}

/// Bytes of one record of text. More is no record, but a file of something else, or a quote or a
/// bracket that is never closed.
pub(crate) const RECORD_BYTES_MAX: usize = 1 << 24;
/// What is said of a longer one.
pub(crate) const TOO_LONG: &str = "is longer than 16 MiB";

impl PieceReader {
    /// A reader of the text behind the first `skipped` bytes.
    ///
    /// # Errors
    /// If the text cannot be read.
    pub(crate) fn open(
        file: &InputFile,
        (format, compression): (Format, Compression),
        skipped: u64,
        piece_bytes: usize,
    ) -> Result<PieceReader> {
        let mut text = file.text(compression)?;
        io::copy(&mut (&mut text.source).take(skipped), &mut io::sink())
            .map_err(|error| file.broken(&error))?;
        Ok(PieceReader {
            text,
            format,
            piece_bytes,
            carry: Vec::new(),
            is_ended: false,
            broken: None,
            told: 0,
            given: skipped,
        })
    }

    /// Fills a piece; gives whether there was one more.
    ///
    /// # Errors
    /// If the text cannot be read on, once the records before that place have been given out.
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
        let mut quotes = Quotes::default();
        let mut end = 0;
        while end == 0 && !self.is_ended {
            if piece.len >= RECORD_BYTES_MAX.max(self.piece_bytes) {
                let what = format!("a record behind {} bytes of text {TOO_LONG}", self.given);
                return Err(file.fault(what));
            }
            // Twice as much each time, so that a record of any length is read in linear time.
            let bytes = self.piece_bytes.max(piece.len);
            match piece.extend(&mut self.text.source, bytes) {
                Ok(is_ended) => self.is_ended = is_ended,
                Err(error) => {
                    (self.is_ended, self.broken) = (true, Some(file.broken(&error)));
                }
            }
            end = last_end(self.format, piece.text(), &mut quotes);
        }
        if self.is_ended && self.broken.is_none() {
            end = piece.len;
        }
        self.carry.extend_from_slice(&piece.text()[end..]);
        piece.len = end;
        self.given += count64(end);
        let bytes_read = self.text.bytes_read.load(Relaxed);
        piece.steps = bytes_read - self.told;
        self.told = bytes_read;
        match self.broken.take_if(|_| end == 0) {
            Some(error) => Err(error),
            None => Ok(end > 0),
        }
    }
}

/// Where the last whole record of a text ends; 0 if none does.
fn last_end(format: Format, text: &[u8], quotes: &mut Quotes) -> usize {
    let has_quotes = quotes.at > 0 || memchr(b'"', text).is_some();
    let last = match format {
        Format::Csv if has_quotes => return quotes.last_end(text),
        Format::Csv => memrchr2(b'\n', b'\r', text),
        _ => memrchr(b'\n', text),
    };
    last.map_or(0, |last| last + 1)
}

/// What a byte of CSV belongs to, as the `csv` crate sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// The first of a field, or what stands between records.
    #[default]
    Start,
    /// A field without quotes, in which a quote means itself, or what follows the quotes of one.
    Bare,
    /// A field in quotes.
    Quoted,
    /// What follows a quote in quotes, which may be the first of two.
    Closing,
}

/// How far quotes were followed.
#[derive(Debug, Default)]
struct Quotes {
    at: usize,
    /// What the next byte belongs to.
    place: Place,
    /// The end of the last whole record so far.
    end: usize,
}

impl Quotes {
    /// Where the last whole record ends in a text, which begins with what was looked at before.
    fn last_end(&mut self, text: &[u8]) -> usize {
        for (at, byte) in text.iter().enumerate().skip(self.at) {
            self.place = match (self.place, byte) {
                (Place::Start | Place::Closing, b'"') | (Place::Quoted, 0..b'"' | b'#'..) => {
                    Place::Quoted
                }
                (Place::Quoted, b'"') => Place::Closing,
                (_, b',') => Place::Start,
                (_, b'\n' | b'\r') => {
                    self.end = at + 1;
                    Place::Start
                }
                _ => Place::Bare,
            };
        }
        self.at = text.len();
        self.end
    }
}
