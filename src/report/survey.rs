//! Schema inference: the files and folders in a folder that may be sources, with formats and columns.
//!
//! **In / Out**: a folder → its files and folders, each by its first file. **Invariants**: an entry that
//! cannot be read is reported with the reason.

use std::fs;
use std::path::{Path, PathBuf};

use crate::catalog::input::InputFile;
use crate::catalog::paths::discover;
use crate::catalog::pipes::Pipes;
use crate::engine::specs::{file_spec, read_spec};
use crate::error::{Error, Result};
use crate::job::{Dwell, Format, Job, Settings, Source};
use crate::reference::read;
use crate::reference::read::LogFile;
use crate::scan::Opened;
use crate::scan::spec::ReadSpec;

pub use crate::reference::read::SurveyedColumn;

/// The most records of a file that are read.
const RECORDS_MAX: u64 = 1000;

/// Something in a folder that may be a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// Its name in the folder.
    pub name: String,
    /// The number of its files.
    pub files: usize,
    /// The format of the first.
    pub format: Format,
    /// Its columns.
    pub columns: Vec<SurveyedColumn>,
}

/// Reads the first records of every entry of a folder, in the order of names: gives what each is, or why it
/// is no source.
///
/// # Errors
/// If the folder cannot be read.
pub fn survey(folder: &Path) -> Result<Vec<(PathBuf, Result<Surveyed>)>> {
    let entries = fs::read_dir(folder).map_err(|error| Error::io("read", folder, error))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry
            .map_err(|error| Error::io("read", folder, error))?
            .path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        // A job file is no source, and jobs do not read hidden files either.
        let is_hidden =
            name.is_none_or(|name| name.starts_with(['_', '.']) || name.ends_with(".toml"));
        if !is_hidden {
            paths.push(path);
        }
    }
    paths.sort();
    let surveyed = paths.into_iter().map(|path| {
        let result = survey_path(&path);
        (path, result)
    });
    Ok(surveyed.collect())
}

/// Surveys one file, or the first of a folder.
fn survey_path(path: &Path) -> Result<Surveyed> {
    // A job of `dwell` has one source, and paths can name it, whatever its columns are. The job is
    // never run, so the name of its output does not matter.
    let job = Job::new(Settings {
        ask: Dwell::default().into(),
        paths: vec![(Source::Events, path.display().to_string())],
        out: "out".into(),
        ..Settings::default()
    })?;
    let files = discover(&file_spec(&job), &mut Pipes::refused())?
        .into_iter()
        .flat_map(|source| source.files);
    let files: Vec<_> = files.collect();
    let none = || Error::bad_file(path.display().to_string(), "it holds no row");
    let first = first_with_rows(&read_spec(&job), &files)?.ok_or_else(none)?;
    let (file, format) = (first.file(), first.format());
    let log = LogFile {
        source: file.source,
        display_path: file.shown.clone(),
        path: file.path.clone(),
        format,
    };
    let name = path.file_name().unwrap_or_default();
    Ok(Surveyed {
        name: name.to_string_lossy().into_owned(),
        files: files.len(),
        format,
        // The readers of the reference know each value of each format, and few records need no
        // speed.
        columns: read::survey(&log, RECORDS_MAX)?,
    })
}

/// The first file that has rows, or else the first that is more than blank.
fn first_with_rows(spec: &ReadSpec<'_>, files: &[InputFile]) -> Result<Option<Opened>> {
    let mut without_rows = None;
    for file in files {
        let opened = Opened::open(spec, file)?;
        if !opened.is_empty() {
            return Ok(Some(opened));
        }
        if file.size() > 0 && without_rows.is_none() {
            without_rows = Some(opened);
        }
    }
    Ok(without_rows)
}
