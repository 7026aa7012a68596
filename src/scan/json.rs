//! JSON to records: one object a line, or one array a file.
//!
//! **In / Out**: text → a call per object, with a [`Field`] per column that is asked for.
//! **Invariants**: an array is streamed; the file never lies in memory as a whole. A line that is
//! no JSON is a fault of that row; an array that is none is a fault of the file, because nothing
//! says where its next element begins.

use std::borrow::Cow;
use std::fmt;
use std::io::BufRead;

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
use crate::scan::fields::{Field, Mismatch, quoted};
use crate::scan::input::InputFile;
use crate::scan::text::{COLUMNS_MAX, OnRecord, Record, TextColumn, missing_column, missing_of};

/// Records of NDJSON.
pub(super) fn ndjson_records(
    file: &InputFile,
    mut text: Box<dyn BufRead>,
    columns: &[TextColumn<'_>],
    on_record: OnRecord<'_>,
) -> Result<u64> {
    let mut line = Vec::new();
    let mut seen = Seen::default();
    loop {
        line.clear();
        if text
            .read_until(b'\n', &mut line)
            .map_err(|error| file.broken(&error))?
            == 0
        {
            return seen.finish(file, columns);
        }
        let bytes = line.trim_ascii();
        if bytes.is_empty() {
            continue;
        }
        // A last line without an end that is no JSON was cut.
        if line.last() != Some(&b'\n') && serde_json::from_slice::<IgnoredAny>(bytes).is_err() {
            let what = format!("it is cut short in row {}", seen.rows + 1);
            return Err(seen.failed.unwrap_or_else(|| file.fault(what)));
        }
        let source = std::str::from_utf8(bytes);
        let source = source.map_err(|_| "bytes that are not UTF-8".to_owned());
        if !seen.offer(source, bytes, columns, on_record) {
            return seen.finish(file, columns);
        }
    }
}

/// Records of one JSON array, streamed: the file never lies in memory as a whole.
pub(super) fn json_records(
    file: &InputFile,
    text: Box<dyn BufRead>,
    columns: &[TextColumn<'_>],
    on_record: OnRecord<'_>,
) -> Result<u64> {
    let mut reader = serde_json::Deserializer::from_reader(text);
    let mut seen = Seen::default();
    let elements = Elements {
        seen: &mut seen,
        columns,
        on_record,
    };
    let read = reader.deserialize_seq(elements).and_then(|()| reader.end());
    match read {
        Ok(()) => seen.finish(file, columns),
        Err(_) if seen.failed.is_some() => seen.finish(file, columns),
        Err(error) if error.is_io() => Err(file.broken(&error.into())),
        Err(error) => Err(file.fault(format!(
            "no JSON array, from record {}: {error}",
            seen.rows + 1
        ))),
    }
}

/// Passes the elements of a top-level array on, one by one.
struct Elements<'s, 'c> {
    /// What the records so far had.
    seen: &'s mut Seen,
    /// The wanted columns.
    columns: &'s [TextColumn<'s>],
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
            let json = element.get();
            if !self
                .seen
                .offer(Ok(json), json.as_bytes(), self.columns, self.on_record)
            {
                return Err(serde::de::Error::custom("given up"));
            }
        }
        Ok(())
    }
}

/// Records that are looked at after a failure, at most: a moment, so that nobody waits.
const LOOK_ON_MAX: u64 = 100_000;

/// Which columns the records so far had.
///
/// A record that lacks a column fails as a row; if *no* record has it, that is a fault of the
/// file and says more. So after a failure the rest is still looked at, until every required
/// column was seen.
#[derive(Debug, Default)]
struct Seen {
    /// Why the caller gave up, if it did.
    failed: Option<Error>,
    /// Records looked at since.
    looked_on: u64,
    /// The number of records.
    rows: u64,
    /// The columns that some record had, null or not.
    columns: [bool; COLUMNS_MAX],
    /// Records that were objects at all.
    objects: u64,
}

impl Seen {
    /// Passes one JSON record on; gives whether to go on.
    fn offer(
        &mut self,
        source: std::result::Result<&str, String>,
        bytes: &[u8],
        columns: &[TextColumn<'_>],
        on_record: OnRecord<'_>,
    ) -> bool {
        if self.failed.is_none() {
            self.rows += 1;
        }
        let text = || String::from_utf8_lossy(bytes).into_owned();
        let mut fields = [const { Field::Missing }; COLUMNS_MAX];
        let fields = &mut fields[..columns.len()];
        let read = source.and_then(|json| object_fields(json, columns, fields));
        if read.is_ok() {
            self.objects += 1;
            for (seen, field) in self.columns.iter_mut().zip(fields.iter()) {
                *seen |= *field != Field::Missing;
            }
        }
        let fields = match read {
            Ok(()) => Ok(&*fields),
            Err(found) => Err(Mismatch::new("a JSON object", found)),
        };
        if self.failed.is_none() {
            self.failed = on_record(Record {
                row: self.rows,
                fields,
                text: &text,
            })
            .err();
        }
        let is_row = |error: &Error| matches!(error.kind(), ErrorKind::BadRow(_));
        match &self.failed {
            None => true,
            Some(error) if is_row(error) && self.looked_on < LOOK_ON_MAX => {
                self.looked_on += 1;
                self.missing(columns).is_some()
            }
            Some(_) => false,
        }
    }

    /// A required column that no record had so far.
    fn missing<'c>(&self, columns: &[TextColumn<'c>]) -> Option<&'c str> {
        missing_of(columns, |at| self.columns[at]).filter(|_| self.objects > 0)
    }

    /// The number of records, if none of the required columns was absent from all of them.
    fn finish(self, file: &InputFile, columns: &[TextColumn<'_>]) -> Result<u64> {
        match (self.missing(columns), self.failed) {
            (Some(name), _) => Err(missing_column(file, name, "it in no record")),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(self.rows),
        }
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
    /// The wanted columns.
    columns: &'s [TextColumn<'s>],
    /// A field for each of them.
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
