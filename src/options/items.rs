//! Items whose ids are texts: where their codes come from.

use std::path::PathBuf;

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
    pub fn parse(text: &str) -> Result<ItemVocabulary, String> {
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
