//! Text, and CSV to records of cells.

use std::io::{BufRead, BufReader, Read};

use crate::error::{Error, Result};
use crate::reference::read::cell::LogCell;
use crate::reference::read::{LogFile, OnCells};
use crate::store::local;

/// The text of a file, decompressed, without a byte order mark.
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
    Ok(Box::new(text))
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

/// Reads CSV.
pub(crate) fn read_csv(file: &LogFile, columns: &[&str], on_record: OnCells<'_>) -> Result<()> {
    let broken = |error: csv::Error| Error::bad_file(&file.display_path, error.to_string());
    let text = open(file)?;
    // A record of another length is a bad row for the engine, and not the end of the file.
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let header = reader.byte_headers().map_err(broken)?.clone();
    let place = |name: &&str| header.iter().position(|own| own == name.as_bytes());
    let places: Vec<Option<usize>> = columns.iter().map(place).collect();
    for (at, record) in (1..).zip(reader.byte_records()) {
        let record = record.map_err(broken)?;
        if record.len() != header.len() {
            continue;
        }
        let cell = |place: &Option<usize>| match place.and_then(|place| record.get(place)) {
            None => LogCell::Missing,
            Some(b"") => LogCell::Null,
            Some(field) => String::from_utf8(field.to_vec()).map_or(LogCell::Bytes, LogCell::Csv),
        };
        let cells: Vec<LogCell> = places.iter().map(cell).collect();
        on_record(at, &cells)?;
    }
    Ok(())
}
