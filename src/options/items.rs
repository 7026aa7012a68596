//! The vocabulary of items whose ids are texts.

use std::path::PathBuf;

/// Where the codes of items come from, if item ids are texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemVocabulary {
    /// The run assigns them.
    Build,
    /// A file of items and codes; other items get the next codes.
    File(PathBuf),
}

impl ItemVocabulary {
    /// Parses `build`, or the path of a file.
    ///
    /// # Errors
    /// If the text is empty.
    pub fn parse(text: &str) -> Result<ItemVocabulary, String> {
        match text {
            "" => Err("expected build, or the path of a Parquet file".to_owned()),
            "build" => Ok(ItemVocabulary::Build),
            path => Ok(ItemVocabulary::File(path.into())),
        }
    }

    /// The text that [`ItemVocabulary::parse`] reads.
    pub fn text(&self) -> String {
        match self {
            ItemVocabulary::Build => "build".to_owned(),
            ItemVocabulary::File(path) => path.display().to_string(),
        }
    }
}
