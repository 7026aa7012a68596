//! JSON to records: one object a line, or one array a file.
//!
//! **In / Out**: text → a call per object, with a [`Field`] per column that is asked for.
//! **Invariants**: an array is streamed; the file never lies in memory as a whole. A line that is
//! no JSON is a fault of that row; an array that is none is a fault of the file, because nothing
//! says where its next element begins.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};

use memchr::memchr;
use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::catalog::input::InputFile;
use crate::error::Result;
use crate::scan::text::blocks::{RECORD_BYTES_MAX, TOO_LONG};
use crate::scan::text::field::{Field, Mismatch, quoted};
use crate::scan::text::json_shape::Shape;
use crate::scan::text::records::{FieldRow, OnRecord, Seen, Stop, TextColumn};

/// Records of a piece of NDJSON; gives whether to go on.
pub(crate) fn ndjson_piece(
    columns: &[TextColumn<'_>],
    piece: &[u8],
    seen: &mut Seen,
    on_record: OnRecord<'_>,
) -> std::result::Result<bool, Stop> {
    let whole = std::str::from_utf8(piece).ok();
    let mut shape = Shape::default();
    let mut fields = FieldRow::new(columns.len());
    let fields = fields.fields();
    let mut start = 0;
    while start < piece.len() {
        let end = memchr(b'\n', &piece[start..]).map_or(piece.len(), |at| start + at);
        let line = whole.map(|whole| whole[start..end].trim_ascii());
        let bytes = line.map_or_else(|| piece[start..end].trim_ascii(), str::as_bytes);
        start = end + 1;
        if bytes.is_empty() {
            continue;
        }
        let text = || String::from_utf8_lossy(bytes).into_owned();
        if line.is_some_and(|line| shape.fill(line, fields)) {
            if !seen.offer(columns, Ok(fields), &text, on_record) {
                return Ok(false);
            }
            continue;
        }
        // A last line without an end that is no JSON was cut.
        if end == piece.len() && serde_json::from_slice::<IgnoredAny>(bytes).is_err() {
            let failed = seen.failed.take();
            return Err(failed.map_or(Stop::CutShort(seen.rows + 1), Stop::Error));
        }
        let source = std::str::from_utf8(bytes);
        let source = source.map_err(|_| "bytes that are not UTF-8".to_owned());
        if !offer(source, bytes, columns, seen, on_record) {
            return Ok(false);
        }
        if let Some(line) = line {
            shape = Shape::new(line, columns);
            fields.fill(Field::Missing);
        }
    }
    Ok(true)
}

/// Passes one JSON record on; gives whether to go on.
fn offer(
    source: std::result::Result<&str, String>,
    bytes: &[u8],
    columns: &[TextColumn<'_>],
    seen: &mut Seen,
    on_record: OnRecord<'_>,
) -> bool {
    let text = || String::from_utf8_lossy(bytes).into_owned();
    let mut fields = FieldRow::new(columns.len());
    let fields = fields.fields();
    let read = source.and_then(|json| object_fields(json, columns, fields));
    let fields = match read {
        Ok(()) => Ok(&*fields),
        Err(found) => Err(Mismatch::new("a JSON object", found)),
    };
    seen.offer(columns, fields, &text, on_record)
}

/// Records of one JSON array, streamed: the file never lies in memory as a whole.
pub(crate) fn json_records(
    file: &InputFile,
    text: impl BufRead,
    columns: &[TextColumn<'_>],
    on_record: OnRecord<'_>,
) -> Result<u64> {
    let left = Cell::new(RECORD_BYTES_MAX);
    let mut reader = serde_json::Deserializer::from_reader(Limited { text, left: &left });
    let mut seen = Seen::default();
    let elements = Elements {
        seen: &mut seen,
        columns,
        left: &left,
        on_record,
    };
    let read = reader.deserialize_seq(elements).and_then(|()| reader.end());
    match read {
        Ok(()) => seen.finish(file, columns),
        Err(_) if seen.failed.is_some() => seen.finish(file, columns),
        Err(_) if left.get() == 0 => {
            Err(file.fault(format!("record {} {TOO_LONG}", seen.rows + 1)))
        }
        Err(error) if error.is_io() => Err(file.broken(&error.into())),
        Err(error) => Err(file.fault(format!(
            "no JSON array, from record {}: {error}",
            seen.rows + 1
        ))),
    }
}

/// A text of which one record has an end. Whoever reads it takes a byte at a time.
struct Limited<'a, T> {
    text: T,
    /// Bytes that the record may still have.
    left: &'a Cell<usize>,
}

impl<T: Read> Read for Limited<'_, T> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.text.read(into)?;
        match self.left.get().checked_sub(read) {
            Some(left) => {
                self.left.set(left);
                Ok(read)
            }
            None => {
                self.left.set(0);
                Err(io::Error::other(TOO_LONG))
            }
        }
    }
}

/// Passes the elements of a top-level array on, one by one.
struct Elements<'s, 'c> {
    /// What the records so far had.
    seen: &'s mut Seen,
    columns: &'s [TextColumn<'s>],
    /// Bytes that the next one may have.
    left: &'s Cell<usize>,
    /// What is done with each record.
    on_record: OnRecord<'c>,
}

impl<'a> Visitor<'a> for Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut array: A) -> std::result::Result<(), A::Error> {
        while let Some(element) = array.next_element::<Box<RawValue>>()? {
            self.left.set(RECORD_BYTES_MAX);
            let json = element.get();
            let bytes = json.as_bytes();
            if !offer(Ok(json), bytes, self.columns, self.seen, self.on_record) {
                return Err(serde::de::Error::custom("given up"));
            }
        }
        Ok(())
    }
}

/// Fills the fields of one JSON object, or says what it is instead.
pub(crate) fn object_fields<'a>(
    json: &'a str,
    columns: &[TextColumn<'_>],
    fields: &mut [Field<'a>],
) -> std::result::Result<(), String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let slots = Slots { columns, fields };
    let read = slots.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| format!("{} ({error})", quoted(json)))
}

/// The value of a JSON token.
pub(crate) fn json_field(json: &str) -> Field<'_> {
    match json.as_bytes() {
        b"null" => Field::Null,
        [b'"', inner @ .., b'"'] => match std::str::from_utf8(inner) {
            Ok(text) if !text.contains('\\') => Field::Text(Cow::Borrowed(text)),
            _ => serde_json::from_str(json).map_or(Field::NotText, Field::Text),
        },
        _ => Field::Json(json),
    }
}

/// Reads an object into fields; keys that nobody asked for are passed over.
struct Slots<'s, 'a> {
    columns: &'s [TextColumn<'s>],
    fields: &'s mut [Field<'a>],
}

impl<'a> DeserializeSeed<'a> for Slots<'_, 'a> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(
        self,
        reader: D,
    ) -> std::result::Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Slots<'_, 'a> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key::<Name<'a>>()? {
            match self.columns.iter().position(|column| column.name == name) {
                Some(at) => self.fields[at] = json_field(map.next_value::<&'a RawValue>()?.get()),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A key of an object, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'a> serde::Deserialize<'a> for Name<'a> {
    fn deserialize<D: serde::Deserializer<'a>>(reader: D) -> std::result::Result<Self, D::Error> {
        reader.deserialize_str(NameVisitor)
    }
}

/// Borrows a key if it can.
struct NameVisitor;

impl<'a> Visitor<'a> for NameVisitor {
    type Value = Name<'a>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, name: &'a str) -> std::result::Result<Name<'a>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> std::result::Result<Name<'a>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}
