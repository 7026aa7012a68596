//! Text, and CSV to records of cells.

mod csv;
pub(crate) mod literal;

use std::io::{self, BufRead, BufReader, Cursor, Read};

use crate::error::{Error, Result};
use crate::job::SourceSettings;
use crate::reference::read::cell::LogCell;
use crate::reference::read::{LogFile, OnCells};
use crate::store::local;

/// The text of a file, decompressed, in UTF-8, without a byte order mark.
pub(crate) fn open(file: &LogFile) -> Result<Box<dyn BufRead>> {
    let failed = |error| Error::io("read", &file.path, error);
    let mut raw = BufReader::new(local::open(&file.path).map_err(failed)?);
    let head = raw.fill_buf().map_err(failed)?;
    let unpacked: Box<dyn Read> = match head {
        // A file may be several members; the decoder of one would end after the first without an
        // error.
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(raw)),
        // The second pattern is a skippable frame, with which a file may begin.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            Box::new(zstd::Decoder::with_buffer(raw).map_err(failed)?)
        }
        [b'B', b'Z', b'h', _, 0x31 | 0x17, ..] => {
            Box::new(bzip2::bufread::MultiBzDecoder::new(raw))
        }
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Box::new(lzma_rust2::XzReader::new(raw, true)),
        [b'P', b'K', 3, 4, ..] => Box::new(Cursor::new(unzipped(raw).map_err(failed)?)),
        _ => Box::new(raw),
    };
    let mut text = BufReader::new(unpacked);
    if text
        .fill_buf()
        .map_err(failed)?
        .starts_with(b"\xef\xbb\xbf")
    {
        text.consume(3);
    }
    let head = text.buffer();
    let mark = head.get(..2).and_then(|mark| match mark {
        [0xff, 0xfe] => Some(u16::from_le_bytes as fn([u8; 2]) -> u16),
        [0xfe, 0xff] => Some(u16::from_be_bytes as fn([u8; 2]) -> u16),
        _ => None,
    });
    let Some(unit) = mark else {
        return Ok(Box::new(text));
    };
    let mut bytes = Vec::new();
    text.read_to_end(&mut bytes).map_err(failed)?;
    let units = bytes[2..]
        .chunks_exact(2)
        .map(|pair| unit([pair[0], pair[1]]));
    let mut utf8 = Vec::new();
    for character in char::decode_utf16(units) {
        match character {
            Ok(character) => utf8.extend(character.to_string().into_bytes()),
            // Bytes that are not UTF-8, as the half of a pair is no character.
            Err(_) => utf8.push(0xff),
        }
    }
    Ok(Box::new(Cursor::new(utf8)))
}

/// The file in a zip archive: the only entry of its directory with a plain name.
fn unzipped(mut archive: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    archive.read_to_end(&mut bytes)?;
    let number = |at: usize, len: usize| {
        let digits = bytes.get(at..at + len).unwrap_or_default().iter().rev();
        digits.fold(0_usize, |number, byte| number << 8 | usize::from(*byte))
    };
    let broken = || io::Error::other("no archive of one file");
    let end = (0..bytes.len())
        .rev()
        .find(|at| bytes[*at..].starts_with(b"PK\x05\x06"))
        .ok_or_else(broken)?;
    let mut at = number(end + 16, 4);
    while bytes
        .get(at..)
        .is_some_and(|rest| rest.starts_with(b"PK\x01\x02"))
    {
        let name = bytes
            .get(at + 46..at + 46 + number(at + 28, 2))
            .unwrap_or_default();
        let name = String::from_utf8_lossy(name);
        let is_plain = name
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with(['_', '.']));
        if is_plain {
            let header = number(at + 42, 4);
            let start = header + 30 + number(header + 26, 2) + number(header + 28, 2);
            let packed = bytes
                .get(start..start + number(at + 20, 4))
                .ok_or_else(broken)?;
            if number(at + 10, 2) == 0 {
                return Ok(packed.to_vec());
            }
            let mut text = Vec::new();
            flate2::read::DeflateDecoder::new(packed).read_to_end(&mut text)?;
            return Ok(text);
        }
        at += 46 + number(at + 28, 2) + number(at + 30, 2) + number(at + 32, 2);
    }
    Err(broken())
}

/// Whether a file holds only white space.
pub(crate) fn is_blank(file: &LogFile) -> Result<bool> {
    let mut text = open(file)?;
    loop {
        let bytes = text.fill_buf();
        let bytes = bytes.map_err(|error| Error::io("read", &file.path, error))?;
        if bytes.is_empty() || !bytes.trim_ascii().is_empty() {
            return Ok(bytes.is_empty());
        }
        let count = bytes.len();
        text.consume(count);
    }
}

/// Reads CSV by the settings of its source.
pub(crate) fn read_csv(
    file: &LogFile,
    own: &SourceSettings,
    columns: &[&str],
    on_record: OnCells<'_>,
) -> Result<()> {
    let failed = |error| Error::io("read", &file.path, error);
    let (names, records) = csv::open(open(file)?, own, columns).map_err(failed)?;
    let place = |column: &&str| csv::place(&names, column, columns);
    let places: Vec<Option<usize>> = columns.iter().map(place).collect();
    for (at, record) in (1..).zip(records) {
        let record = record.map_err(failed)?;
        // A record of another length is a bad row for the engine, and not the end of the file.
        if record.len() != names.len() {
            continue;
        }
        let cell = |place: &Option<usize>| match place.and_then(|place| record.get(place)) {
            None => LogCell::Missing,
            Some(field) if field.is_empty() => LogCell::Null,
            Some(field) => String::from_utf8(field.clone()).map_or(LogCell::Bytes, LogCell::Csv),
        };
        let cells: Vec<LogCell> = places.iter().map(cell).collect();
        on_record(at, &cells)?;
    }
    Ok(())
}

/// What stands for bytes that are not UTF-8; no text has this character.
pub(super) const NO_TEXT: char = '\u{10ffff}';

/// A text in which a character stands for bytes that are not UTF-8.
pub(super) fn with_no_text(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend((!chunk.invalid().is_empty()).then_some(NO_TEXT));
    }
    text
}

/// The cells of an object that is JSON apart from bytes that are not UTF-8 and numbers that are none.
pub(super) fn cells_among(line: &[u8], columns: &[&str]) -> Option<Vec<LogCell>> {
    let members = literal::members(&with_no_text(line))?;
    let cell = |column: &&str| {
        let value = members.iter().rev().find(|(key, _)| key == column);
        match value.map(|(_, json)| json.as_str()) {
            None => LogCell::Missing,
            Some(json) if json.contains(NO_TEXT) => LogCell::Bytes,
            Some("null") => LogCell::Null,
            Some(json) if json.starts_with('"') => {
                serde_json::from_str(json).map_or(LogCell::Bytes, LogCell::Quoted)
            }
            Some(json) => LogCell::Json(json.to_owned()),
        }
    };
    Some(columns.iter().map(cell).collect())
}
