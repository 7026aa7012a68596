//! One JSON object to the values of wanted columns.
//!
//! **In / Out**: the text of an object → a [`Field`] per wanted column, or the values as they are written.
//! **Invariants**: the whole text is checked to be an object; of a key that comes twice the last value counts.
//! A column named `a.b` is the key of that name or, where the object has none, the field `b` of the object under
//! `a`; what lies in null is null.

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
    let read = object_values(json, columns, |at, value| {
        fields[at] = json_field(value.get());
    });
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

/// Calls `on_value` for each member of one JSON object that is wanted, with the place of its column.
///
/// # Errors
/// If the text is no JSON object.
pub(crate) fn object_values<'a>(
    json: &'a str,
    columns: &[WantedColumn<'_>],
    on_value: impl FnMut(usize, &'a RawValue),
) -> serde_json::Result<()> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let visitor = ObjectVisitor { columns, on_value };
    visitor.deserialize(&mut reader).and_then(|()| reader.end())
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

/// Passes on the values of an object; other keys are skipped.
struct ObjectVisitor<'s, F> {
    columns: &'s [WantedColumn<'s>],
    on_value: F,
}

impl<'a, F: FnMut(usize, &'a RawValue)> DeserializeSeed<'a> for ObjectVisitor<'_, F> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'a, F: FnMut(usize, &'a RawValue)> Visitor<'a> for ObjectVisitor<'_, F> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        let mut inner = self
            .columns
            .iter()
            .any(|column| column.is_path)
            .then(|| Inner {
                around: BTreeMap::new(),
                found: vec![false; self.columns.len()],
            });
        while let Some(JsonKey(name)) = map.next_key::<JsonKey<'a>>()? {
            // If a key comes twice, the last value counts; `LineShape` leaves such lines to this
            // parser.
            match self.columns.iter().position(|column| column.name == name) {
                Some(at) => {
                    (self.on_value)(at, map.next_value::<&'a RawValue>()?);
                    inner.iter_mut().for_each(|inner| inner.found[at] = true);
                }
                None if inner.is_some()
                    && self.columns.iter().any(|column| column.is_in(&name)) =>
                {
                    let value = map.next_value::<&'a RawValue>()?;
                    inner.iter_mut().for_each(|inner| {
                        inner.around.insert(name.clone(), value);
                    });
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if let Some(inner) = inner {
            inner.pass_on(self.columns, &mut self.on_value);
        }
        Ok(())
    }
}

/// The objects of an object in which wanted columns may lie.
struct Inner<'a> {
    /// By their keys.
    around: BTreeMap<Cow<'a, str>, &'a RawValue>,
    /// Which columns have a value already.
    found: Vec<bool>,
}

impl<'a> Inner<'a> {
    /// Passes on the values that lie inside: a key of the whole name goes before a field inside another, and of
    /// several objects the one of the longest key. What lies in null is null.
    fn pass_on(
        mut self,
        columns: &[WantedColumn<'_>],
        on_value: &mut impl FnMut(usize, &'a RawValue),
    ) {
        for (key, object) in self.around.iter().rev() {
            let places =
                (0..columns.len()).filter(|at| columns[*at].is_in(key) && !self.found[*at]);
            let places: Vec<usize> = places.collect();
            let mut values = vec![None; places.len()];
            if object.get() == "null" {
                values.fill(Some(*object));
            } else {
                let names = places.iter().map(|at| &columns[*at].name[key.len() + 1..]);
                let inner: Vec<_> = names.map(|name| WantedColumn::new(name, false)).collect();
                let mut take = |at: usize, value| values[at] = Some(value);
                let read = object_values(object.get(), &inner, &mut take as &mut dyn FnMut(_, _));
                if read.is_err() {
                    continue;
                }
            }
            for (at, value) in places.into_iter().zip(values) {
                if let Some(value) = value {
                    on_value(at, value);
                    self.found[at] = true;
                }
            }
        }
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
