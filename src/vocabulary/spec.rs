//! What a vocabulary is told: where its codes come from, and what becomes of other items.

use std::path::{Path, PathBuf};

use crate::job::UnknownItem;

/// Where the codes of items come from.
#[derive(Clone, Debug)]
pub(crate) struct VocabularySpec<'a> {
    /// A file of items and codes, or `None` if the run gives codes.
    pub(crate) file: Option<&'a Path>,
    /// The vocabulary of the output that days are added to; it goes before `file`. `None` if a new
    /// output is made.
    pub(crate) extends: Option<PathBuf>,
    /// What becomes of items that a given vocabulary lacks.
    pub(crate) unknown_item: UnknownItem,
}
