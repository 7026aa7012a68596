//! The files of one source.

use std::path::PathBuf;

use crate::catalog::input::InputFile;
use crate::job::Source;

/// The files of one source.
#[derive(Clone, Debug)]
pub(crate) struct SourceFiles {
    pub(crate) source: Source,
    /// The files and folders that the user named, which the output must not touch.
    pub(crate) roots: Vec<PathBuf>,
    /// The files, sorted by path.
    pub(crate) files: Vec<InputFile>,
    /// Unfinished copies that were skipped, sorted by path.
    pub(crate) skipped: Vec<PathBuf>,
}

impl SourceFiles {
    /// The same files as those of impressions. Of these each row tells its day, whatever its folder.
    pub(super) fn as_impressions(&self) -> SourceFiles {
        let files = self.files.iter().map(|file| InputFile {
            source: Source::Impressions,
            day: None,
            ..file.clone()
        });
        SourceFiles {
            source: Source::Impressions,
            roots: Vec::new(),
            files: files.collect(),
            skipped: Vec::new(),
        }
    }
}
