//! How a list is written whose elements are records: as JSON, as Python prints it, or as a text with separators.
//!
//! **In / Out**: the field of a list → its [`ListText`]; an element that is a text → the item and its label.
//! **Null rule**: a list that is null or an empty text is no list. **Invariants**: a text is split only where the
//! user says so; the items of impressions are split by the same rules.

use crate::advice::{Hint, escape_hint};
use crate::catalog::input::InputFile;
use crate::catalog::null_words::NullWords;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::text::field::Field;
use crate::scan::text::json::repair::is_of_numpy;

/// How the lists of a source are read whose elements are records.
#[derive(Clone, Debug)]
pub(crate) struct ListRules {
    /// The column of the lists.
    pub(crate) key: String,
    /// What stands between elements in a text; a blank stands for any run of blanks.
    pub(crate) item_separator: Option<String>,
    /// What stands between an element and its label in a text.
    pub(crate) label_separator: Option<String>,
    /// Texts that stand for null.
    pub(crate) nulls: NullWords,
    /// The name of the source, for hints.
    pub(crate) source_name: String,
}

/// What a field has for a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListText<'f> {
    /// No list, so no elements.
    Null,
    /// An array as JSON or Python writes it.
    Array(&'f str),
    /// Elements with the separator of the rules between them.
    Parts(&'f str),
}

impl ListRules {
    /// The rules for a file; `None` if its records are the rows.
    pub(crate) fn new(file: &InputFile) -> Option<ListRules> {
        let own = &file.settings;
        Some(ListRules {
            key: own.explode.clone()?,
            item_separator: own.item_separator.clone(),
            label_separator: own.label_separator.clone(),
            nulls: file.nulls.clone(),
            source_name: file.source.name().to_owned(),
        })
    }

    /// What a field has for a list; `None` if it is none.
    pub(crate) fn list<'f>(&self, field: &'f Field<'_>) -> Option<ListText<'f>> {
        let text: &str = match field {
            Field::Missing | Field::Null => return Some(ListText::Null),
            Field::Json(json) => return json.starts_with('[').then_some(ListText::Array(json)),
            Field::NotText => return None,
            Field::Csv(text) => text,
            Field::Text(text) => text,
        };
        let bare = text.trim_ascii();
        if bare.is_empty() || self.nulls.has(text.as_bytes()) {
            return Some(ListText::Null);
        }
        match self.item_separator {
            Some(_) => Some(ListText::Parts(bare)),
            None if bare == "null" => Some(ListText::Null),
            None => bare.starts_with('[').then_some(ListText::Array(bare)),
        }
    }
}

/// An item and its label, of a text with a separator between them, at its last occurrence.
///
/// # Errors
/// If it is no text with that separator.
pub(crate) fn split_label<'f>(
    field: &'f Field<'_>,
    separator: &str,
    nulls: &NullWords,
) -> Value<[Field<'f>; 2]> {
    let text: &str = match field {
        Field::Csv(text) => text,
        Field::Text(text) => text,
        _ => "",
    };
    let (item, label) = text.rsplit_once(separator).ok_or_else(|| {
        let expected = format!("an item and its label with {separator:?} between them");
        Mismatch::new(expected, field.shown())
    })?;
    let mut parts = [item, label].map(|text| match text.trim_ascii() {
        "" => Field::Null,
        text => Field::Csv(text),
    });
    nulls.clear(&mut parts);
    Ok(parts)
}

/// A mismatch with the number of its element.
pub(crate) fn at_element(position: usize, mismatch: Mismatch) -> Mismatch {
    let found = format!("{} in element {}", mismatch.found, position + 1);
    Mismatch { found, ..mismatch }
}

/// What a message expects of a text that is no array, with what its writer may be told.
#[cold]
pub(crate) fn expected_list(source: &str, expected: &str, json: &str) -> String {
    if json.contains("\\\"") {
        format!("{expected} ({})", escape_hint(source))
    } else if is_of_numpy(json) {
        format!(
            "{expected} (numpy prints lists without commas: have its writer call json.dumps on .tolist())"
        )
    } else {
        expected.to_owned()
    }
}

/// The mismatch of nothing where a part of a text should be.
#[cold]
pub(crate) fn nothing_between() -> Mismatch {
    Mismatch::new("something between separators", "nothing")
}

/// The setting that splits a text which may be several items.
#[cold]
pub(crate) fn separator_hint(source: &str, text: &str) -> String {
    let likely = ["|", ";", ",", " "];
    let found = likely
        .into_iter()
        .find(|separator| text.contains(separator));
    let separator = found.unwrap_or("|");
    Hint::ItemSeparator.with(&format!("{source}.item_separator='{separator}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules of a list, with a separator of its elements if there is one.
    fn rules(item_separator: Option<&str>) -> ListRules {
        ListRules {
            key: "events".to_owned(),
            item_separator: item_separator.map(str::to_owned),
            label_separator: None,
            nulls: NullWords::new(&["NULL".to_owned()]),
            source_name: "clicks".to_owned(),
        }
    }

    #[test]
    fn a_text_is_split_only_where_that_is_told() {
        let fields = [
            (Field::Csv("[1]"), Some(ListText::Array("[1]"))),
            (Field::Csv(" ['a'] "), Some(ListText::Array("['a']"))),
            (Field::Json("[1]"), Some(ListText::Array("[1]"))),
            (Field::Text("[1]".into()), Some(ListText::Array("[1]"))),
            (Field::Json("{}"), None),
            (Field::Csv("1|2"), None),
            (Field::NotText, None),
        ];
        for (field, list) in fields {
            assert_eq!(rules(None).list(&field), list, "{field:?}");
        }
        for text in ["1|2", "[1]", "null"] {
            let field = Field::Csv(text);
            let list = rules(Some("|")).list(&field);
            assert_eq!(list, Some(ListText::Parts(text)));
        }
        for field in [
            Field::Missing,
            Field::Null,
            Field::Csv(" "),
            Field::Csv("null"),
            Field::Csv("NULL"),
            Field::Text("".into()),
        ] {
            assert_eq!(rules(None).list(&field), Some(ListText::Null), "{field:?}");
        }
    }

    #[test]
    fn a_label_stands_behind_the_last_separator() {
        let nulls = NullWords::new(&["NULL".to_owned()]);
        let split = |text: &str| {
            let field = Field::Csv(text);
            let parts = split_label(&field, "-", &nulls).ok()?;
            Some(parts.map(|part| part.raw().to_owned()))
        };
        let pair = |item: &str, label: &str| Some([item.to_owned(), label.to_owned()]);
        assert_eq!(split("N-1 - 0"), pair("N-1", "0"));
        // Null has no text.
        assert_eq!(split("N1-"), pair("N1", ""));
        assert_eq!(split("N1-NULL"), pair("N1", ""));
        assert_eq!(split("N1"), None);
    }
}
