//! One JSON object to fields.
//!
//! **In / Out**: the text of an object → a [`Field`] per wanted column. **Invariants**: if a key comes twice,
//! the last value counts. A column named `a.b` is the key of that name or, where the object has none, the
//! field `b` of the object under `a`; what lies in null is null.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::scan::mismatch::quoted;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::Field;

/// Fills the fields of one JSON object, or describes what it is instead.
pub(crate) fn object_fields<'a>(
    json: &'a str,
    columns: &[WantedColumn<'_>],
    fields: &mut [Field<'a>],
) -> Result<(), String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let visitor = ObjectVisitor { columns, fields };
    let read = visitor.deserialize(&mut reader).and_then(|()| reader.end());
    read.map_err(|error| format!("{} ({error})", quoted(json)))
}

/// The members of one JSON object, in order, or what it is instead. A key that comes twice is there twice.
pub(crate) fn object_pairs(json: &str) -> Result<Vec<(Cow<'_, str>, &RawValue)>, String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let read = reader.deserialize_map(PairsVisitor);
    let read = read.and_then(|pairs| reader.end().map(|()| pairs));
    read.map_err(|error| format!("{} ({error})", quoted(json)))
}

/// Collects the members of an object.
struct PairsVisitor;

impl<'a> Visitor<'a> for PairsVisitor {
    type Value = Vec<(Cow<'a, str>, &'a RawValue)>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(JsonKey(key)) = map.next_key::<JsonKey<'a>>()? {
            pairs.push((key, map.next_value::<&'a RawValue>()?));
        }
        Ok(pairs)
    }
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

    fn deserialize<D: serde::Deserializer<'a>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for ObjectVisitor<'_, 'a> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let has_paths = self.columns.iter().any(|column| column.is_path);
        let mut around = BTreeMap::new();
        while let Some(JsonKey(name)) = map.next_key::<JsonKey<'a>>()? {
            // If a key comes twice, the last value counts; `LineShape` leaves such lines to this
            // parser.
            match self.columns.iter().position(|column| column.name == name) {
                Some(at) => self.fields[at] = json_field(map.next_value::<&'a RawValue>()?.get()),
                None if has_paths && self.columns.iter().any(|column| column.is_in(&name)) => {
                    around.insert(name, map.next_value::<&'a RawValue>()?.get());
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        // Behind all keys: a key of the whole name goes before a field inside another, and of several
        // objects the one of the longest key.
        for (key, json) in around.iter().rev() {
            inner_fields(key, json, self.columns, self.fields);
        }
        Ok(())
    }
}

/// Fills the fields that are missing so far, and lie inside the value of a key. What lies in null is null.
fn inner_fields<'a>(
    key: &str,
    json: &'a str,
    columns: &[WantedColumn<'_>],
    fields: &mut [Field<'a>],
) {
    let places = (0..columns.len()).filter(|at| columns[*at].is_in(key));
    let places: Vec<usize> = places.filter(|at| fields[*at] == Field::Missing).collect();
    let inner = places.iter().map(|at| {
        let name = &columns[*at].name[key.len() + 1..];
        WantedColumn::new(name, false)
    });
    let inner: Vec<WantedColumn<'_>> = inner.collect();
    let mut found = vec![Field::Missing; inner.len()];
    if json == "null" {
        found.fill(Field::Null);
    } else if object_fields(json, &inner, &mut found).is_err() {
        return;
    }
    for (at, field) in places.into_iter().zip(found) {
        fields[at] = field;
    }
}

/// A key of an object, borrowed where it has no escapes.
struct JsonKey<'a>(Cow<'a, str>);

impl<'a> serde::Deserialize<'a> for JsonKey<'a> {
    fn deserialize<D: serde::Deserializer<'a>>(reader: D) -> Result<Self, D::Error> {
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

    fn visit_borrowed_str<E>(self, name: &'a str) -> Result<JsonKey<'a>, E> {
        Ok(JsonKey(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<JsonKey<'a>, E> {
        Ok(JsonKey(Cow::Owned(name.to_owned())))
    }
}
