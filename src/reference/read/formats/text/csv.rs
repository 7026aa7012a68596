//! CSV of any delimiter, escape and comment, byte by byte.
//!
//! A quote opens a quoted field only at its beginning, and is doubled inside of quotes, or stands behind a
//! backslash if the settings say so. A line end outside of quotes ends a record; empty lines are none.

use std::io::{self, BufRead, Bytes, Cursor, Read};
use std::iter::Peekable;

use crate::job::{Escape, SourceSettings};

/// The delimiters that are tried if none is given.
const USUAL: [&str; 5] = [",", "\t", ";", "|", "::"];
/// How many lines before the header may be comments.
const LINES_MAX: usize = 10_000;

/// A text that is read byte by byte.
type Text = Box<dyn BufRead>;

/// The records of a text, each as the bytes of its fields.
pub(super) struct Records<R: BufRead> {
    bytes: Peekable<Bytes<R>>,
    delimiter: Vec<u8>,
    backslash: bool,
    comment: Option<Vec<u8>>,
}

impl<R: BufRead> Records<R> {
    /// The records of a text with a delimiter, by the other settings of its source.
    fn new(text: R, delimiter: &str, own: &SourceSettings) -> Records<R> {
        let comment = own.comment.as_ref();
        Records {
            bytes: text.bytes().peekable(),
            delimiter: delimiter.as_bytes().to_vec(),
            backslash: own.escape == Some(Escape::Backslash),
            comment: comment.map(|comment| comment.as_str().as_bytes().to_vec()),
        }
    }

    /// The next byte if it is this one.
    fn take_if(&mut self, wanted: u8) -> bool {
        self.bytes
            .next_if(|byte| matches!(byte, Ok(byte) if *byte == wanted))
            .is_some()
    }

    /// The next record; nothing at the end.
    fn record(&mut self) -> io::Result<Option<Vec<Vec<u8>>>> {
        let (mut fields, mut field) = (Vec::new(), Vec::new());
        // Bytes of the field that were inside of quotes are no part of a delimiter.
        let mut quoted = 0;
        let mut is_touched = false;
        while let Some(byte) = self.bytes.next() {
            let byte = byte?;
            match byte {
                b'\n' | b'\r' if !is_touched => {}
                b'\n' | b'\r' => {
                    fields.push(field);
                    return Ok(Some(fields));
                }
                b'"' if field.is_empty() && quoted == 0 => {
                    is_touched = true;
                    self.quoted(&mut field)?;
                    // One more, so that an empty quoted field counts as begun.
                    quoted = field.len() + 1;
                }
                byte => {
                    is_touched = true;
                    field.push(byte);
                    let bare = &field[quoted.saturating_sub(1)..];
                    if fields.is_empty() && quoted == 0 && self.comment.as_ref() == Some(&field) {
                        while !matches!(self.bytes.next().transpose()?, None | Some(b'\n' | b'\r'))
                        {
                        }
                        field.clear();
                        is_touched = false;
                    } else if bare.ends_with(&self.delimiter) {
                        field.truncate(field.len() - self.delimiter.len());
                        fields.push(std::mem::take(&mut field));
                        quoted = 0;
                    }
                }
            }
        }
        if is_touched {
            fields.push(field);
        }
        Ok(Some(fields).filter(|fields| !fields.is_empty()))
    }

    /// Adds what is inside of quotes, up to the quote that closes them.
    fn quoted(&mut self, field: &mut Vec<u8>) -> io::Result<()> {
        while let Some(byte) = self.bytes.next().transpose()? {
            match byte {
                b'\\' if self.backslash && self.take_if(b'"') => field.push(b'"'),
                b'\\' if self.backslash && self.take_if(b'\\') => field.push(b'\\'),
                b'"' if self.take_if(b'"') => field.push(b'"'),
                b'"' => return Ok(()),
                byte => field.push(byte),
            }
        }
        Ok(())
    }
}

/// The name in a field of a header.
fn name_of(field: &[u8]) -> String {
    let text = String::from_utf8_lossy(field);
    let name = text.trim();
    match name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
    {
        Some(inner) => inner.trim().to_owned(),
        None => name.to_owned(),
    }
}

/// The place of a column among names: the same name, else the only one that is the same in small letters.
pub(super) fn place(names: &[String], column: &str, all: &[&str]) -> Option<usize> {
    if let Some(at) = names.iter().position(|name| name == column) {
        return Some(at);
    }
    let is_like = |name: &str| name.to_lowercase() == column.to_lowercase() && !all.contains(&name);
    let mut alike = (0..names.len()).filter(|at| is_like(&names[*at]));
    alike.next().filter(|_| alike.next().is_none())
}

/// How many of the columns are among the fields of a line.
fn found(
    line: &[u8],
    delimiter: &str,
    own: &SourceSettings,
    columns: &[&str],
) -> io::Result<usize> {
    let record = Records::new(line, delimiter, own).record()?;
    let names: Vec<String> = record
        .unwrap_or_default()
        .iter()
        .map(|field| name_of(field))
        .collect();
    let places = columns
        .iter()
        .filter_map(|column| place(&names, column, columns));
    Ok(places.count())
}

/// The records of a text and the names of its columns.
///
/// # Errors
/// If the text cannot be read.
pub(super) fn open(
    mut text: Text,
    own: &SourceSettings,
    columns: &[&str],
) -> io::Result<(Vec<String>, Records<impl BufRead + use<>>)> {
    // The delimiters to choose from, the lines that are read to choose, and where the header begins.
    let told = own
        .delimiter
        .as_ref()
        .map(|delimiter| delimiter.as_str().to_owned());
    let mut usual: Vec<String> = USUAL.map(str::to_owned).to_vec();
    if let Some(told) = &told {
        usual = vec![told.clone()];
    }
    let (mut lines, mut line) = (Vec::new(), Vec::new());
    for at in 0..LINES_MAX {
        line = next_line(&mut text)?;
        let bare = line.trim_ascii_end();
        let sep = bare
            .strip_prefix(b"sep=")
            .and_then(|sep| std::str::from_utf8(sep).ok());
        if let (0, Some(sep)) = (at, sep.filter(|sep| sep.chars().count() == 1)) {
            usual = vec![told.clone().unwrap_or_else(|| sep.to_owned())];
            continue;
        }
        let comment = own.comment.as_ref();
        if !line.is_empty() && comment.is_some_and(|own| line.starts_with(own.as_str().as_bytes()))
        {
            lines.append(&mut line);
            continue;
        }
        let is_skipped = bare.is_empty() || bare.starts_with(b"#");
        if line.is_empty() || own.header.is_some() || own.comment.is_some() || !is_skipped {
            break;
        }
        let mut is_header = false;
        for delimiter in &usual {
            is_header |= found(&line, delimiter, own, columns)? == columns.len();
        }
        if is_header {
            break;
        }
    }
    lines.append(&mut line);
    // A header may go on behind its first line.
    let mut best = (0, usual[0].clone());
    let given = own.header.as_ref().map(|header| header.names().to_vec());
    for delimiter in usual {
        let count = match &given {
            None => found(&lines, &delimiter, own, columns)?,
            Some(names) => {
                let record = Records::new(&lines[..], &delimiter, own).record()?;
                usize::from(record.is_some_and(|record| record.len() == names.len()))
            }
        };
        if count > best.0 {
            best = (count, delimiter);
        }
    }
    let mut records = Records::new(Cursor::new(lines).chain(text), &best.1, own);
    let names = match given {
        Some(names) => names,
        None => {
            let header = records.record()?.unwrap_or_default();
            header.iter().map(|field| name_of(field)).collect()
        }
    };
    Ok((names, records))
}

/// The next line, with its line end.
fn next_line(text: &mut Text) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    while let Some(byte) = text.by_ref().bytes().next().transpose()? {
        line.push(byte);
        if byte == b'\n' || byte == b'\r' {
            break;
        }
    }
    Ok(line)
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = io::Result<Vec<Vec<u8>>>;

    fn next(&mut self) -> Option<io::Result<Vec<Vec<u8>>>> {
        self.record().transpose()
    }
}
