//! Texts that stand for null: `NULL`, `\N` and the like, as the user names them.

use std::sync::Arc;

/// The texts that stand for null; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct NullWords(Arc<[String]>);

impl NullWords {
    /// The texts that the user names.
    pub(crate) fn new(words: &[String]) -> NullWords {
        NullWords(words.into())
    }

    /// Whether no text stands for null.
    #[inline]
    pub(crate) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a text stands for null.
    pub(crate) fn has(&self, text: &[u8]) -> bool {
        self.0.iter().any(|word| word.as_bytes() == text)
    }
}
