//! The files in folders, each once.
//!
//! **In / Out**: the paths of a source → its [`InputFile`]s, sorted. **Cost**: a few calls of the system for each folder; a
//! file takes none to be found, where the system tells what a name stands for.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::catalog::input::{InputFile, missing_or_io};
use crate::catalog::null_words::NullWords;
use crate::catalog::pipes::Pipes;
use crate::catalog::source_files::{SourceFiles, is_hidden, is_in_progress};
use crate::catalog::tables::TableFinder;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{PathDay, Source, SourceSettings, day_of_dt, dt_folder};
use crate::store::spool::Spooled;

/// The deepest nesting of folders that is followed, which ends a loop of links.
const DEPTH_MAX: u32 = 64;

/// The search for the files of a source.
pub(super) struct Search {
    source: Source,
    /// Each with its path without links.
    files: Vec<(InputFile, PathBuf)>,
    /// Unfinished copies.
    pub(super) skipped: Vec<PathBuf>,
    tables: TableFinder,
    nulls: NullWords,
    settings: Arc<SourceSettings>,
    share: Option<u32>,
}

impl Search {
    /// A search that has found nothing yet.
    pub(super) fn new(
        source: Source,
        nulls: NullWords,
        settings: Arc<SourceSettings>,
        share: Option<u32>,
    ) -> Search {
        Search {
            source,
            files: Vec::new(),
            skipped: Vec::new(),
            tables: TableFinder::new(source),
            nulls,
            settings,
            share,
        }
    }

    /// Adds what is at a path, which may be a link: linked files count.
    pub(super) fn collect_linked(&mut self, path: &Path, depth: u32) -> Result<()> {
        let metadata = fs::metadata(path).map_err(|error| missing_or_io(path, error))?;
        self.collect(path, &without_links(path), metadata.file_type(), depth)
    }

    /// Adds a file, or all files of a folder; `real` is its path without links.
    fn collect(&mut self, path: &Path, real: &Path, kind: FileType, depth: u32) -> Result<()> {
        if !kind.is_dir() {
            if !kind.is_file() {
                return Err(Error::bad_file(
                    display(path),
                    "expected a file or a folder",
                ));
            }
            let file = self.file(path, None)?;
            self.files.push((file, real.to_owned()));
            return Ok(());
        }
        let failed = |error| Error::io("read", path, error);
        let entries = fs::read_dir(path).map_err(failed)?;
        let entries: io::Result<Vec<DirEntry>> = entries.collect();
        let entries = entries.map_err(failed)?;
        let names = entries.iter().map(DirEntry::file_name);
        self.tables.check_listed(path, real, names)?;
        if depth == DEPTH_MAX {
            return Err(Error::bad_file(
                display(path),
                "folders lie too deep, or link in a circle",
            ));
        }
        for entry in entries {
            let path = entry.path();
            if is_in_progress(&path) {
                self.skipped.push(path);
            } else if !is_hidden(&path) {
                // Most systems say so with the name: it takes no call for each file.
                let kind = entry.file_type().map_err(failed)?;
                if kind.is_symlink() {
                    self.collect_linked(&path, depth + 1)?;
                } else {
                    self.collect(&path, &real.join(entry.file_name()), kind, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    /// Adds what comes through a pipe.
    pub(super) fn add_pipe(&mut self, path: &Path, pipes: &mut Pipes<'_>) -> Result<()> {
        let spooled = pipes.copy(path)?;
        let file = self.file(path, Some(spooled))?;
        let real = without_links(&file.path);
        self.files.push((file, real));
        Ok(())
    }

    /// A file of a path, or the copy of what came through a pipe.
    fn file(&self, path: &Path, spooled: Option<Spooled>) -> Result<InputFile> {
        let day = self.day_of(path)?;
        Ok(InputFile {
            source: self.source,
            path: match &spooled {
                Some(spooled) => spooled.path(),
                None => path.to_owned(),
            },
            shown: display(path),
            day: match day {
                Some(PathDay::Day(day)) => Some(day),
                _ => None,
            },
            is_of_no_day: day == Some(PathDay::NoDay),
            whole: Arc::default(),
            nulls: self.nulls.clone(),
            settings: Arc::clone(&self.settings),
            spooled,
            share: self.share,
        })
    }

    /// What the path of a file says of its day.
    ///
    /// # Errors
    /// If it should tell one, and does not.
    fn day_of(&self, path: &Path) -> Result<Option<PathDay>> {
        let fault = |what| Err(Error::bad_file(display(path), what));
        let Some(pattern) = &self.settings.day_from else {
            return match day_of_dt(path) {
                Some(PathDay::Wrong) => {
                    let found = dt_folder(path).unwrap_or_default();
                    fault(format!(
                        "expected a folder dt=YYYY-MM-DD or dt=YYYYMMDD, found \"dt={found}\""
                    ))
                }
                day => Ok(day),
            };
        };
        match pattern.day_in(path) {
            None => fault(format!(
                "expected a day in its path, as {}.day_from=\"{pattern}\" says, found none",
                self.source.name()
            )),
            day => Ok(day),
        }
    }

    /// The files, each once.
    ///
    /// # Errors
    /// If there is none, or one belongs to a table format.
    pub(super) fn finish(mut self, roots: Vec<PathBuf>) -> Result<SourceFiles> {
        // Folders have no order, but faults, waves and manifests follow this one.
        self.files
            .sort_by(|(a, _), (b, _)| a.place().cmp(b.place()));
        self.skipped.sort();
        self.skipped.dedup();
        let mut seen = BTreeSet::new();
        let mut once = Vec::new();
        for (file, real) in self.files {
            self.tables.check_around(&file.path, &real)?;
            // A file with two names counts once. Bytes compare faster than components of paths.
            if seen.insert(real.into_os_string().into_encoded_bytes()) {
                once.push(file);
            }
        }
        if once.is_empty() {
            let roots: Vec<String> = roots.iter().map(|root| display(root)).collect();
            let mut what = format!(
                "no files of {} in \"{}\"",
                self.source.name(),
                roots.join("\", \"")
            );
            if let Some(first) = self.skipped.first() {
                what += &format!(
                    ", but copies in progress, which are not read: {} of them, the first \"{}\"",
                    self.skipped.len(),
                    first.display()
                );
            }
            return Err(Error::from(ErrorKind::NoInput { what }));
        }
        Ok(SourceFiles {
            source: self.source,
            roots,
            files: once,
            skipped: self.skipped,
        })
    }
}

/// A path without links. What is gone is reported when it is opened.
fn without_links(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// A path for a message.
fn display(path: &Path) -> String {
    path.display().to_string()
}
