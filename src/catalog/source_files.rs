//! The files of one source, and names of files that are no data.

use std::path::{Path, PathBuf};

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

/// Whether a file name says that it is not data.
pub(crate) fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with(['_', '.']))
}

/// Extensions of unfinished copies.
const IN_PROGRESS: [&str; 5] = [".tmp", ".part", ".partial", ".crdownload", ".inprogress"];

/// Whether a file name says that a copy is unfinished.
pub(crate) fn is_in_progress(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    let name = name.unwrap_or_default().to_ascii_lowercase();
    let is_file = !name.starts_with(['_', '.'])
        && (IN_PROGRESS.iter().any(|ending| name.ends_with(ending))
            || name.contains(".inprogress."));
    is_file || name == "_temporary"
}
