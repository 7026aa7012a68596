//! Items whose ids are texts: where their codes come from, and what becomes of those without one.

use std::path::PathBuf;

use super::settings::Settings;
use crate::error::{Error, Result};

/// Where the codes of items come from, whose ids are texts then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemVocabulary {
    /// From the items of the run.
    Build,
    /// From a file of items and codes, which others may follow.
    File(PathBuf),
}

impl ItemVocabulary {
    /// Parses `build`, or the path of a file.
    ///
    /// # Errors
    /// If it is empty, in words.
    pub fn parse(text: &str) -> std::result::Result<ItemVocabulary, String> {
        match text {
            "" => Err("expected build, or the path of a Parquet file".to_owned()),
            "build" => Ok(ItemVocabulary::Build),
            path => Ok(ItemVocabulary::File(path.into())),
        }
    }

    /// The word that is parsed to it.
    pub fn text(&self) -> String {
        match self {
            ItemVocabulary::Build => "build".to_owned(),
            ItemVocabulary::File(path) => path.display().to_string(),
        }
    }
}

/// What becomes of items that a given vocabulary lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownItem {
    /// They get the next codes.
    Index,
    /// They are left out, and counted.
    Drop,
}

/// Only what a vocabulary lacks can be left out.
pub(super) fn check_items(settings: &Settings) -> Result<()> {
    let is_given = matches!(settings.item_vocabulary, Some(ItemVocabulary::File(_)));
    if settings.unknown_item == UnknownItem::Drop && !is_given {
        return Err(Error::settings(
            "--unknown-item drop needs a vocabulary to know items by; \
             --item-vocabulary FILE gives one",
        ));
    }
    Ok(())
}
