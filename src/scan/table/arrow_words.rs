//! Columns of words: text, integers or booleans, compared as text.
//!
//! **Null rule**: a null is no word, and neither is what is no text or longer than 4096 bytes.
//! **Cost**: integers are turned into text once per batch; what chooses rows is mostly text.

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::scan::mismatch::{TEXT_BYTES_MAX, quoted};
use crate::scan::text::field::Field;

/// A column of words.
#[derive(Clone, Debug)]
pub(crate) struct WordColumn {
    words: StringViewArray,
}

impl WordColumn {
    /// Whether a type holds words.
    pub(crate) fn holds(data_type: &DataType) -> bool {
        let is_text = matches!(data_type, DataType::Utf8View | DataType::BinaryView);
        is_text || data_type.is_integer() || *data_type == DataType::Boolean
    }

    /// The words of a column, or `None` if its type holds none. Bytes that are not UTF-8 are null.
    pub(crate) fn new(array: &ArrayRef) -> Option<WordColumn> {
        if !WordColumn::holds(array.data_type()) {
            return None;
        }
        // Booleans become `true` and `false`, as text files have them.
        let words = cast(array, &DataType::Utf8View).ok()?;
        let words = words.as_string_view().clone();
        Some(WordColumn { words })
    }

    /// The word of a row.
    #[inline]
    pub(crate) fn word(&self, row: usize) -> Option<&str> {
        let is_there = self.words.is_valid(row);
        let word = is_there.then(|| self.words.value(row));
        word.filter(|word| word.len() <= TEXT_BYTES_MAX)
    }

    /// The value as a message shows it.
    pub(crate) fn shown(&self, row: usize) -> String {
        if self.words.is_valid(row) {
            quoted(self.words.value(row))
        } else {
            "null".to_owned()
        }
    }
}

impl Field<'_> {
    /// A word: text, or a number, `true` or `false` of JSON as it is written.
    #[inline]
    pub(crate) fn word(&self) -> Option<&str> {
        let word: &str = match self {
            Field::Csv(text) | Field::Json(text) => text,
            Field::Text(text) => text,
            Field::Missing | Field::Null | Field::NotText => return None,
        };
        (word.len() <= TEXT_BYTES_MAX).then_some(word)
    }
}
