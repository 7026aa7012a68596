//! JSON to records: one object a line, or one array a file.
//!
//! **In / Out**: text → a call per object, with a [`Field`] per wanted column.
//! **Invariants**: an array is streamed; the whole file is never in memory. A line that is not JSON is a
//! bad row. A malformed array is an error of the file, as nothing tells where its next element begins.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};

use memchr::memchr;
use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::catalog::input::InputFile;
use crate::error::Result;
use crate::scan::mismatch::{Mismatch, quoted};
use crate::scan::text::blocks::{RECORD_BYTES_MAX, TOO_LONG};
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::Field;
use crate::scan::text::json_shape::LineShape;
use crate::scan::text::record::{ColumnsSeen, FieldRow, OnRecord, Stop};

/// Reads the records of a piece of NDJSON; returns whether to read on.
pub(crate) fn ndjson_piece(
    columns: &[WantedColumn<'_>],
    piece: &[u8],
    seen: &mut ColumnsSeen,
    on_record: OnRecord<'_>,
) -> std::result::Result<bool, Stop> {
    // One check per piece. If it fails, each line is checked alone, so that only the bad ones are
    // faults.
    let whole = std::str::from_utf8(piece).ok();
    let mut shape = LineShape::default();
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
        // A line of another shape may leave fields filled; the parser below has fields of its own.
        if line.is_some_and(|line| shape.fill(line, fields)) {
            if !seen.offer(columns, Ok(fields), &text, on_record) {
                return Ok(false);
            }
            continue;
        }
        // A last line without a line end that is not JSON was cut short.
        if end == piece.len() && serde_json::from_slice::<IgnoredAny>(bytes).is_err() {
            // A row that failed before the cut is the earlier fault.
            let failed = seen.failed.take();
            return Err(failed.map_or(Stop::CutShort(seen.rows + 1), Stop::Error));
        }
        let source = std::str::from_utf8(bytes);
        let source = source.map_err(|_| "bytes that are not UTF-8".to_owned());
        if !offer(source, bytes, columns, seen, on_record) {
            return Ok(false);
        }
        // The next line is most likely like this one. Fields that only the last shape filled must
        // go.
        if let Some(line) = line {
            shape = LineShape::new(line, columns);
            fields.fill(Field::Missing);
        }
    }
    Ok(true)
}

/// Passes one JSON record to the caller; returns whether to read on.
fn offer(
    source: std::result::Result<&str, String>,
    bytes: &[u8],
    columns: &[WantedColumn<'_>],
    seen: &mut ColumnsSeen,
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

/// Reads the records of one JSON array, one element at a time; returns their number.
pub(crate) fn json_records(
    file: &InputFile,
    text: impl BufRead,
    columns: &[WantedColumn<'_>],
    on_record: OnRecord<'_>,
) -> Result<u64> {
    // Shared with the visitor, which resets it for each element.
    let left = Cell::new(RECORD_BYTES_MAX);
    let mut reader = serde_json::Deserializer::from_reader(RecordLimit { text, left: &left });
    let mut seen = ColumnsSeen::default();
    let elements = ArrayVisitor {
        seen: &mut seen,
        columns,
        left: &left,
        on_record,
    };
    let read = reader.deserialize_seq(elements).and_then(|()| reader.end());
    match read {
        Ok(()) => seen.finish(file, columns),
        // `offer` keeps the failure and ends the read with an error of serde, which means nothing.
        Err(_) if seen.failed.is_some() => seen.finish(file, columns),
        // Before the test for I/O: the limit ends the read with an I/O error.
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

/// Fails where a record is longer than [`RECORD_BYTES_MAX`]. The reader takes a byte at a time.
struct RecordLimit<'a, T> {
    text: T,
    /// How many bytes longer the record may get.
    left: &'a Cell<usize>,
}

impl<T: Read> Read for RecordLimit<'_, T> {
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

/// Passes the elements of the top-level array to the caller, one by one.
struct ArrayVisitor<'s, 'c> {
    seen: &'s mut ColumnsSeen,
    columns: &'s [WantedColumn<'s>],
    /// The limit of [`RecordLimit`], reset for each element.
    left: &'s Cell<usize>,
    on_record: OnRecord<'c>,
}

impl<'a> Visitor<'a> for ArrayVisitor<'_, '_> {
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

/// Fills the fields of one JSON object, or describes what it is instead.
pub(crate) fn object_fields<'a>(
    json: &'a str,
    columns: &[WantedColumn<'_>],
    fields: &mut [Field<'a>],
) -> std::result::Result<(), String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let visitor = ObjectVisitor { columns, fields };
    let read = visitor.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| format!("{} ({error})", quoted(json)))
}

/// The value of a JSON token.
pub(crate) fn json_field(json: &str) -> Field<'_> {
    match json.as_bytes() {
        b"null" => Field::Null,
        [b'"', inner @ .., b'"'] => match std::str::from_utf8(inner) {
            Ok(text) if !text.contains('\\') => Field::Text(Cow::Borrowed(text)),
            // An escape may be half of a surrogate pair, which no text can hold.
            _ => serde_json::from_str(json).map_or(Field::NotText, Field::Text),
        },
        _ => Field::Json(json),
    }
}

/// Reads an object into fields; other keys are skipped.
struct ObjectVisitor<'s, 'a> {
    columns: &'s [WantedColumn<'s>],
    fields: &'s mut [Field<'a>],
}

impl<'a> DeserializeSeed<'a> for ObjectVisitor<'_, 'a> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(
        self,
        reader: D,
    ) -> std::result::Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for ObjectVisitor<'_, 'a> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some(JsonKey(name)) = map.next_key::<JsonKey<'a>>()? {
            // If a key comes twice, the last value counts; `LineShape` leaves such lines to this
            // parser.
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
struct JsonKey<'a>(Cow<'a, str>);

impl<'a> serde::Deserialize<'a> for JsonKey<'a> {
    fn deserialize<D: serde::Deserializer<'a>>(reader: D) -> std::result::Result<Self, D::Error> {
        reader.deserialize_str(JsonKeyVisitor)
    }
}

/// Borrows a key where possible.
struct JsonKeyVisitor;

impl<'a> Visitor<'a> for JsonKeyVisitor {
    type Value = JsonKey<'a>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, name: &'a str) -> std::result::Result<JsonKey<'a>, E> {
        Ok(JsonKey(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> std::result::Result<JsonKey<'a>, E> {
        Ok(JsonKey(Cow::Owned(name.to_owned())))
    }
}
