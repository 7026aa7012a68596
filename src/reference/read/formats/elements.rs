//! The elements of a list whose elements are records: of an array, or of a text with separators.

use serde_json::value::RawValue;

use super::text::literal::as_json;
use crate::job::{Source, SourceSettings};
use crate::reference::read::cell::LogCell;

/// How the lists of a source are written.
#[derive(Clone, Debug)]
pub(crate) struct ListSyntax {
    /// The column of the lists.
    pub(super) key: String,
    between_elements: Option<String>,
    before_label: Option<String>,
    nulls: Vec<String>,
}

/// An element of a list.
#[derive(Clone, Debug)]
pub(super) enum ListElement {
    /// A value of JSON that is no text, as it is written.
    Value(String),
    /// A text.
    Text(LogCell),
    /// A text that was split into item and label.
    Split(LogCell, LogCell),
    /// None that can be read.
    Bad,
}

impl ListSyntax {
    /// How the lists of a source are written; nothing if its records are the rows. Separators of impressions are
    /// between their items.
    pub(crate) fn new(
        source: Source,
        own: &SourceSettings,
        nulls: &[String],
    ) -> Option<ListSyntax> {
        let is_split = source != Source::Impressions;
        Some(ListSyntax {
            key: own.explode.clone()?,
            between_elements: own.item_separator.clone().filter(|_| is_split),
            before_label: own.label_separator.clone().filter(|_| is_split),
            nulls: nulls.to_vec(),
        })
    }

    /// The name of the column of labels.
    pub(super) fn label(&self) -> String {
        format!("{}.label", self.key)
    }

    /// The elements in a cell; nothing if it is no list.
    pub(super) fn elements(&self, cell: &LogCell) -> Option<Vec<ListElement>> {
        match cell.without(&self.nulls) {
            LogCell::Missing | LogCell::Null => Some(Vec::new()),
            LogCell::Json(json) => self.in_array(&json),
            LogCell::Csv(text) | LogCell::Quoted(text) => {
                let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
                match &self.between_elements {
                    _ if text.is_empty() => Some(Vec::new()),
                    Some(separator) => Some(self.in_text(text, separator)),
                    None if text == "null" => Some(Vec::new()),
                    None => self.in_array(text),
                }
            }
            _ => None,
        }
    }

    /// The elements of an array of JSON or Python.
    fn in_array(&self, text: &str) -> Option<Vec<ListElement>> {
        if !text.starts_with('[') {
            return None;
        }
        let of_python;
        let values: Vec<&RawValue> = match serde_json::from_str(text) {
            Ok(values) => values,
            Err(_) => {
                of_python = as_json(text)?;
                serde_json::from_str(&of_python).ok()?
            }
        };
        let values = values.into_iter().map(|value| match value.get() {
            "null" => ListElement::Bad,
            json if json.starts_with('"') => {
                let text = serde_json::from_str(json);
                self.split(text.map_or(LogCell::Bytes, LogCell::Quoted))
            }
            json if self.before_label.is_some() && !json.starts_with('{') => ListElement::Bad,
            json => ListElement::Value(json.to_owned()),
        });
        Some(values.collect())
    }

    /// The parts of a text.
    fn in_text(&self, text: &str, separator: &str) -> Vec<ListElement> {
        let parts: Vec<&str> = match separator {
            " " => {
                let parts = text.split(|c: char| c.is_ascii_whitespace());
                parts.filter(|part| !part.is_empty()).collect()
            }
            separator => text.split(separator).collect(),
        };
        let parts = parts.into_iter().map(|part| {
            match part.trim_matches(|c: char| c.is_ascii_whitespace()) {
                "" => ListElement::Bad,
                part => self.split(LogCell::Csv(part.to_owned())),
            }
        });
        parts.collect()
    }

    /// A text, split into item and label where a separator is told.
    fn split(&self, cell: LogCell) -> ListElement {
        let Some(separator) = &self.before_label else {
            return ListElement::Text(cell);
        };
        let (LogCell::Csv(text) | LogCell::Quoted(text)) = cell.without(&self.nulls) else {
            return ListElement::Bad;
        };
        let Some(at) = text.rfind(separator.as_str()) else {
            return ListElement::Bad;
        };
        let part = |text: &str| match text.trim_matches(|c: char| c.is_ascii_whitespace()) {
            "" => LogCell::Null,
            text => LogCell::Csv(text.to_owned()),
        };
        ListElement::Split(part(&text[..at]), part(&text[at + separator.len()..]))
    }
}
