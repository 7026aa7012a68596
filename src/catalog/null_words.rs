//! Words that the user takes for null: `NULL`, `\N` and the like.

use std::sync::Arc;

/// Words that are null.
#[derive(Clone, Debug, Default)]
pub(crate) struct NullWords(Arc<[String]>);

impl NullWords {
    /// Words that are null.
    pub(crate) fn new(words: &[String]) -> NullWords {
        NullWords(words.into())
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a text is one of them.
    pub(crate) fn has(&self, text: &[u8]) -> bool {
        self.0.iter().any(|word| word.as_bytes() == text)
    }
}
