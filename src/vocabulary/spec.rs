//! The settings of a vocabulary: where its codes come from, and how other items are treated.

use std::path::{Path, PathBuf};

use crate::job::UnknownItem;

/// Where the codes of items come from.
#[derive(Clone, Debug)]
pub(crate) struct VocabularySpec<'a> {
    /// A file of items and codes, or `None` if the run assigns all codes.
    pub(crate) file: Option<&'a Path>,
    /// The vocabulary of the output that days are added to, which takes precedence over `file`. `None`
    /// for a new output.
    pub(crate) extends: Option<PathBuf>,
    /// How items that the given vocabulary lacks are treated.
    pub(crate) unknown_item: UnknownItem,
}
