//! Values that are not what their column should hold: what was expected, what was found.
//!
//! Readers of text and of Parquet say the same of the same mistake, with the hint that fits it.

use crate::advice::{self, Hint};
use crate::job::{CustomerType, ItemType};

/// What was expected, and what was found instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) expected: String,
    pub(crate) found: String,
    /// What to do, if that is more than to quarantine the row.
    pub(crate) hint: Option<Hint>,
}

impl Mismatch {
    /// A mismatch without a hint.
    pub(crate) fn new(expected: impl Into<String>, found: impl Into<String>) -> Mismatch {
        Mismatch {
            expected: expected.into(),
            found: found.into(),
            hint: None,
        }
    }

    /// The same with a hint.
    pub(crate) fn advised(self, hint: Hint) -> Mismatch {
        Mismatch {
            hint: Some(hint),
            ..self
        }
    }
}

/// A value of a column, or what is wrong with it.
pub(crate) type Value<T> = Result<T, Mismatch>;

/// The longest text that is kept, such as an id, in bytes. A longer one is a fault: a few million
/// distinct ones would not fit in memory.
pub(crate) const TEXT_BYTES_MAX: usize = 4096;

/// What a message expects of a text.
pub(crate) const EXPECTED_TEXT: &str = "a text or an integer, of at most 4096 bytes";

/// What a message expects of the id of a ranking.
pub(crate) fn expected_ranking() -> String {
    format!("a ranking id: {EXPECTED_TEXT}")
}

/// The mismatch of a value that is no customer id.
#[cold]
pub(crate) fn misfit_customer(customers: CustomerType, found: String) -> Mismatch {
    match customers {
        CustomerType::Int64 => {
            let hint = advice::on_id(&found, Hint::TextCustomers);
            Mismatch::new(advice::expected("a 64-bit integer", hint), found)
        }
        CustomerType::String => {
            let hint = advice::on_text_id(&found);
            Mismatch::new(advice::expected(EXPECTED_TEXT, hint), found)
        }
    }
}

/// The mismatch of a value that is no item id.
#[cold]
pub(crate) fn misfit_item(items: ItemType, found: String) -> Mismatch {
    let (range, is_wide) = match items {
        ItemType::Int32 => ("an item id from 1 to 2147483647", false),
        ItemType::Int64 => ("an item id from 1 to 9223372036854775807", true),
    };
    let hint = advice::on_item(&found, is_wide);
    Mismatch::new(advice::expected(range, hint), found)
}

/// A text for a message: in quotes, escaped and cut.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text))
}

/// The first characters of a text, as many as a message shows.
pub(crate) fn cut(text: &str) -> String {
    /// Characters that a message shows.
    const CHARS_MAX: usize = 60;
    if text.chars().nth(CHARS_MAX).is_none() {
        return text.to_owned();
    }
    let head: String = text.chars().take(CHARS_MAX).collect();
    if text.len() <= TEXT_BYTES_MAX {
        format!("{head}…")
    } else {
        format!("{head}… ({} bytes)", text.len())
    }
}
