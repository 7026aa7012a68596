//! The elements of a text: a JSON array of values, an object, or values with separators.
//!
//! **In / Out**: a field → its [`Cell`]; from that, a call per element, with its label if it has one.
//! **Null rule**: an empty text is an empty list; an empty label behind a separator is null.
//! **Invariants**: a text is split only where the user says so. Without a separator it is JSON, or one value.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Fault;
use crate::advice;
use crate::catalog::null_words::NullWords;
use crate::job::Source;
use crate::scan::mismatch::{Mismatch, Value, quoted};
use crate::scan::text::field::Field;
use crate::scan::text::json::repair::list_as_json;
use crate::scan::text::json::{json_field, object_pairs};
use crate::scan::text::list_rules::{
    at_element, expected_list, nothing_between, separator_hint, split_label,
};

/// What a message expects of items.
pub(super) const EXPECTED: &str = "an array of items";

/// What stands between the values of a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Separators<'a> {
    /// Between items; a blank stands for any run of blanks.
    pub(super) item: Option<&'a str>,
    /// Between an item and its label.
    pub(super) label: Option<&'a str>,
}

/// What a field has for elements.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'f> {
    Null,
    /// A JSON array whose first element is an object, here and below also as Python prints it.
    Objects(&'f str),
    /// Another JSON array.
    Array(&'f str),
    /// A JSON object.
    Map(&'f str),
    /// A text without blanks around it.
    Text(&'f str),
}

/// Takes an element, and its label if it has one of its own.
pub(super) type OnElement<'r, 'a> =
    &'r mut dyn FnMut(&Field<'_>, Option<&Field<'_>>) -> Result<(), Fault<'a>>;

/// How the elements of a column are read.
#[derive(Clone, Copy)]
pub(super) struct CellReader<'r, 'a> {
    /// The column, for messages.
    pub(super) column: &'a str,
    pub(super) separators: Separators<'a>,
    /// Texts that stand for null.
    pub(super) nulls: &'r NullWords,
    /// Whether a text is one element where no separator is told.
    pub(super) is_single: fn(&Field<'_>) -> bool,
}

impl<'f> Cell<'f> {
    /// What a field has for elements; with a separator no text is JSON.
    pub(super) fn new(field: &'f Field<'_>, separator: Option<&str>) -> Value<Cell<'f>> {
        let wrong = || Mismatch::new(EXPECTED, field.shown());
        let text: &str = match field {
            Field::Null => return Ok(Cell::Null),
            Field::Json(json) => return Cell::of_json(json).ok_or_else(wrong),
            Field::Csv(text) => text,
            Field::Text(text) => text,
            Field::Missing | Field::NotText => return Err(wrong()),
        };
        let text = text.trim_ascii();
        let json = match separator {
            None if text == "null" => Some(Cell::Null),
            None => Cell::of_json(text),
            Some(_) => None,
        };
        Ok(json.unwrap_or(Cell::Text(text)))
    }

    /// A JSON array or object, told by how it begins.
    fn of_json(json: &'f str) -> Option<Cell<'f>> {
        match json.as_bytes().first()? {
            b'{' => Some(Cell::Map(json)),
            b'[' if json[1..].trim_ascii_start().starts_with('{') => Some(Cell::Objects(json)),
            b'[' => Some(Cell::Array(json)),
            _ => None,
        }
    }

    /// Whether it begins like a list without elements.
    pub(super) fn is_empty(self) -> bool {
        match self {
            Cell::Text(text) => text.is_empty(),
            Cell::Array(json) => json[1..].trim_ascii_start().starts_with(']'),
            Cell::Null | Cell::Objects(_) | Cell::Map(_) => false,
        }
    }
}

impl<'a> CellReader<'_, 'a> {
    /// Calls `on_element` for each element.
    ///
    /// # Errors
    /// If the text is none of elements, or the call fails.
    pub(super) fn each(
        &self,
        cell: Cell<'_>,
        on_element: OnElement<'_, 'a>,
    ) -> Result<(), Fault<'a>> {
        match cell {
            Cell::Null | Cell::Text("") => Ok(()),
            Cell::Map(json) => self.each_pair(json, on_element),
            Cell::Objects(json) | Cell::Array(json) => {
                let elements: Vec<&RawValue> = match serde_json::from_str(json) {
                    Ok(elements) => elements,
                    Err(error) => {
                        let Some(json) = list_as_json(json) else {
                            let expected =
                                expected_list(Source::Impressions.name(), EXPECTED, json);
                            let found = format!("{} ({error})", quoted(json));
                            return Err((self.column, Mismatch::new(expected, found)));
                        };
                        return self.each(Cell::Array(&json), on_element);
                    }
                };
                let mut elements = elements.into_iter().enumerate();
                elements.try_for_each(|(position, element)| {
                    self.one(position, json_field(element.get()), on_element)
                })
            }
            Cell::Text(text) => match self.separators.item {
                None if (self.is_single)(&Field::Csv(text)) => {
                    self.one(0, Field::Csv(text), on_element)
                }
                None => Err((self.column, without_separator(text))),
                Some(" ") => self.each_text(text.split_ascii_whitespace(), on_element),
                Some(separator) => self.each_text(text.split(separator), on_element),
            },
        }
    }

    /// The members of an object.
    fn each_pair(&self, json: &str, on_element: OnElement<'_, 'a>) -> Result<(), Fault<'a>> {
        let pairs = match object_pairs(json) {
            Ok(pairs) => pairs,
            Err(found) => {
                let Some(json) = list_as_json(json) else {
                    return Err((self.column, Mismatch::new(EXPECTED, found)));
                };
                return self.each_pair(&json, on_element);
            }
        };
        for (key, value) in pairs {
            let key = match key {
                // As in CSV: keys of JSON are texts, also those of numbers.
                Cow::Borrowed(key) => Field::Csv(key),
                Cow::Owned(key) => Field::Text(Cow::Owned(key)),
            };
            let mut fields = [key, json_field(value.get())];
            self.nulls.clear(&mut fields);
            on_element(&fields[0], Some(&fields[1]))?;
        }
        Ok(())
    }

    /// The parts of a text.
    fn each_text<'t>(
        &self,
        texts: impl Iterator<Item = &'t str>,
        on_element: OnElement<'_, 'a>,
    ) -> Result<(), Fault<'a>> {
        for (position, text) in texts.enumerate() {
            let text = text.trim_ascii();
            if text.is_empty() {
                return Err((self.column, at_element(position, nothing_between())));
            }
            self.one(position, Field::Csv(text), on_element)?;
        }
        Ok(())
    }

    /// One element, split into item and label if a separator is told.
    pub(super) fn one(
        &self,
        position: usize,
        field: Field<'_>,
        on_element: OnElement<'_, 'a>,
    ) -> Result<(), Fault<'a>> {
        let mut fields = [field];
        self.nulls.clear(&mut fields);
        let [field] = &fields;
        let Some(separator) = self.separators.label else {
            return on_element(field, None);
        };
        let parts = split_label(field, separator, self.nulls);
        let parts = parts.map_err(|mismatch| (self.column, at_element(position, mismatch)))?;
        on_element(&parts[0], Some(&parts[1]))
    }
}

/// The mismatch of a text that may be several elements, with the setting that splits it.
fn without_separator(text: &str) -> Mismatch {
    let hint = separator_hint(Source::Impressions.name(), text);
    let expected = advice::expected("a JSON array, or one whole number", Some(hint));
    Mismatch::new(expected, quoted(text))
}
