//! Paths to files: which files a source has, of which day and format they are.
//!
//! **In / Out**: a [`FileSpec`] → [`InputFile`]s, sorted by source and path, each with the day
//! of its Hive folder. **Invariants**: names that start with `_` or `.` are never read, nor are copies
//! that somebody still makes, unless they are named; neither are folders of tables, nor what lies in
//! them, as only their tools know which of their files count.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use crate::advice::Hint;
use crate::calendar::parse_dt;
use crate::catalog::input::InputFile;
use crate::catalog::null_words::NullWords;
use crate::catalog::tables::Tables;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::Day;
use crate::job::{JobKind, Source};
use crate::place::check_in;

/// Where the files of each source are.
#[derive(Clone, Debug)]
pub(crate) struct FileSpec<'a> {
    /// The job kind, for what a message advises.
    pub(crate) job_kind: JobKind,
    /// The sources to look for, in their order.
    pub(crate) sources: Vec<Source>,
    /// The folder of all sources, or `None` if they are named one by one.
    pub(crate) dir: Option<&'a Path>,
    /// Sources by path: files, folders or globs.
    pub(crate) paths: &'a [(Source, String)],
    /// Sources by a file that lists their paths, a line each.
    pub(crate) files_from: &'a [(Source, PathBuf)],
    /// Texts that are null, which go with each file.
    pub(crate) null_values: &'a [String],
}

/// The paths of one source, expanded.
#[derive(Clone, Debug)]
pub(crate) struct SourceFiles {
    pub(crate) source: Source,
    /// What the user named: files and folders that the output must not touch.
    pub(crate) roots: Vec<PathBuf>,
    /// The files, sorted by path.
    pub(crate) files: Vec<InputFile>,
    /// Files and folders that were passed over as copies in progress, sorted by path.
    pub(crate) skipped: Vec<PathBuf>,
}

/// Endings by which a file next to others is taken for a source.
const ENDINGS: [&str; 5] = ["parquet", "csv", "ndjson", "jsonl", "json"];
/// Endings of compressed text.
const COMPRESSED: [&str; 3] = ["", ".gz", ".zst"];

/// Lists the files of all sources.
///
/// # Errors
/// If a source is not there, or is a table that only its own tools can read.
pub(crate) fn discover(spec: &FileSpec<'_>) -> Result<Vec<SourceFiles>> {
    let (mut sources, nulls) = (Vec::new(), NullWords::new(spec.null_values));
    for source in spec.sources.iter().copied() {
        let Some((roots, skipped)) = roots_of(spec, source)? else {
            continue;
        };
        let mut search = Search {
            source,
            files: Vec::new(),
            skipped,
            tables: Tables::new(source),
            nulls: nulls.clone(),
        };
        for root in &roots {
            search.collect(root, 0)?;
        }
        sources.push(search.finish(roots)?);
    }
    Ok(sources)
}

/// Files and folders that are named, and those among them that are passed over.
type Roots = (Vec<PathBuf>, Vec<PathBuf>);

/// The files and folders that are named for a source; `None` if none is.
fn roots_of(spec: &FileSpec<'_>, source: Source) -> Result<Option<Roots>> {
    if let Some(dir) = spec.dir {
        return found_in(spec.job_kind, dir, source).map(|root| Some((vec![root], Vec::new())));
    }
    let (mut roots, mut skipped) = (Vec::new(), Vec::new());
    for (_, path) in spec.paths.iter().filter(|(of, _)| *of == source) {
        expand(path, &mut roots, &mut skipped)?;
    }
    if !(roots.is_empty() && skipped.is_empty()) {
        return Ok(Some((roots, skipped)));
    }
    let Some((_, list)) = spec.files_from.iter().find(|(of, _)| *of == source) else {
        return Ok(None);
    };
    let text = read_list(list)?;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        expand(line, &mut roots, &mut skipped)?;
    }
    Ok(Some((roots, skipped)))
}

/// The text of a list of paths: of a file, or of a pipe that somebody writes to.
fn read_list(list: &Path) -> Result<String> {
    check_in(list)?;
    let failed = |error: io::Error| missing_or_io(list, error);
    let kind = fs::metadata(list).map_err(failed)?.file_type();
    if !kind.is_file() && !kind.is_fifo() && !kind.is_dir() {
        let what = "expected a file of paths, a line each";
        return Err(Error::bad_file(shown(list), what));
    }
    // Opened without waiting for somebody who writes to a pipe; if nobody does, the list is empty.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(list, flags, Mode::empty());
    let mut file = File::from(opened.map_err(|error| failed(error.into()))?);
    let waiting = rustix::fs::fcntl_setfl(&file, OFlags::empty());
    waiting.map_err(|error| failed(error.into()))?;
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let what = "expected paths in UTF-8, a line each";
            Err(Error::bad_file(shown(list), what))
        }
        read => read.map(|_| text).map_err(failed),
    }
}

/// The folder or file of a source in a folder of all sources.
fn found_in(job_kind: JobKind, dir: &Path, source: Source) -> Result<PathBuf> {
    check_in(dir)?;
    if !dir.is_dir() {
        let what = format!("no such folder: \"{}\"", dir.display());
        return Err(Error::from(ErrorKind::NoInput { what }));
    }
    let name = source.folder();
    let mut candidates = vec![dir.join(name)];
    for ending in ENDINGS {
        for compressed in COMPRESSED {
            candidates.push(dir.join(format!("{name}.{ending}{compressed}")));
        }
    }
    candidates.retain(|path| path.exists());
    match &candidates[..] {
        [root] => Ok(root.clone()),
        [] => {
            let hint = match (job_kind, source) {
                (JobKind::Sequences, of) if of != Source::Impressions => {
                    Hint::Without.with(source.name())
                }
                _ => Hint::NameSource.with(source.name()),
            };
            let what = format!(
                "no {name} in \"{}\": neither a folder nor a file of that name; {hint}",
                dir.display()
            );
            Err(Error::from(ErrorKind::NoInput { what }))
        }
        [a, b, ..] => Err(Error::settings(format!(
            "both \"{}\" and \"{}\" could be the {}; name one with --{} PATH",
            a.display(),
            b.display(),
            source.name(),
            source.name()
        ))),
    }
}

/// Adds the files and folders of a path that may be a glob.
fn expand(path: &str, roots: &mut Vec<PathBuf>, skipped: &mut Vec<PathBuf>) -> Result<()> {
    check_in(Path::new(path))?;
    if Path::new(path).exists() {
        roots.push(PathBuf::from(path));
        return Ok(());
    }
    if !path.contains(['*', '?', '[']) {
        let what = format!("no such file or folder: \"{path}\"");
        return Err(Error::from(ErrorKind::NoInput { what }));
    }
    let pattern = glob::glob(path)
        .map_err(|error| Error::settings(format!("\"{path}\" is no glob: {}", error.msg)))?;
    let before = roots.len() + skipped.len();
    for entry in pattern {
        let entry = entry.map_err(|error| {
            let path = error.path().to_owned();
            Error::io("read", &path, error.into())
        })?;
        // A glob that asks for such copies gets them.
        match is_in_progress(&entry) && !is_in_progress(Path::new(path)) {
            true => skipped.push(entry),
            false if is_hidden(&entry) => {}
            false => roots.push(entry),
        }
    }
    if roots.len() + skipped.len() == before {
        let what = format!("nothing matches \"{path}\"");
        return Err(Error::from(ErrorKind::NoInput { what }));
    }
    Ok(())
}

/// Folders inside each other that are still followed: a limit for loops of links.
const DEPTH_MAX: u32 = 64;

/// The files of a source, while they are looked for.
struct Search {
    source: Source,
    /// The files so far.
    files: Vec<InputFile>,
    /// What was passed over so far.
    skipped: Vec<PathBuf>,
    /// What looks for tables.
    tables: Tables,
    /// Words that are null in the files.
    nulls: NullWords,
}

impl Search {
    /// Adds a file, or all files of a folder.
    fn collect(&mut self, path: &Path, depth: u32) -> Result<()> {
        let metadata = fs::metadata(path).map_err(|error| missing_or_io(path, error))?;
        if !metadata.is_dir() {
            if !metadata.is_file() {
                return Err(Error::bad_file(shown(path), "expected a file or a folder"));
            }
            let day = hive_day(path)?;
            self.files.push(InputFile {
                source: self.source,
                path: path.to_owned(),
                shown: shown(path),
                day,
                whole: Arc::default(),
                nulls: self.nulls.clone(),
            });
            return Ok(());
        }
        self.tables.check(path)?;
        if depth == DEPTH_MAX {
            return Err(Error::bad_file(
                shown(path),
                "folders lie too deep, or link in a circle",
            ));
        }
        let entries = fs::read_dir(path).map_err(|error| Error::io("read", path, error))?;
        for entry in entries {
            let entry = entry
                .map_err(|error| Error::io("read", path, error))?
                .path();
            match is_in_progress(&entry) {
                true => self.skipped.push(entry),
                false if is_hidden(&entry) => {}
                false => self.collect(&entry, depth + 1)?,
            }
        }
        Ok(())
    }

    /// The files, each once, if there are any and none is of a table.
    fn finish(mut self, roots: Vec<PathBuf>) -> Result<SourceFiles> {
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        self.skipped.sort();
        self.skipped.dedup();
        let mut seen = BTreeSet::new();
        let mut once = Vec::new();
        for file in self.files {
            let real = file.path.canonicalize();
            let real = real.unwrap_or_else(|_| file.path.clone());
            self.tables.check_around(&file.path, &real)?;
            // The same file by two names counts once. Bytes compare faster than the parts of paths.
            if seen.insert(real.into_os_string().into_encoded_bytes()) {
                once.push(file);
            }
        }
        if once.is_empty() {
            let roots: Vec<String> = roots.iter().map(|root| shown(root)).collect();
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

/// Whether a path's last name says that it is not data.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with(['_', '.']))
}

/// Endings of copies that are still being made.
const IN_PROGRESS: [&str; 5] = [".tmp", ".part", ".partial", ".crdownload", ".inprogress"];

/// Whether a path's last name says that somebody still writes it, or died while writing it.
fn is_in_progress(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    let name = name.unwrap_or_default().to_ascii_lowercase();
    let is_file = !name.starts_with(['_', '.'])
        && (IN_PROGRESS.iter().any(|ending| name.ends_with(ending))
            || name.contains(".inprogress."));
    is_file || name == "_temporary"
}

/// A path in a message.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Exit 66 for what is not there, 74 for what cannot be read.
pub(crate) fn missing_or_io(path: &Path, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::NotFound {
        let what = format!("no such file or folder: \"{}\"", path.display());
        return Error::from(ErrorKind::NoInput { what });
    }
    Error::io("read", path, error)
}

/// What the folder is called that Hive makes for rows without a day.
const NO_DAY: &str = "__HIVE_DEFAULT_PARTITION__";

/// What the innermost `dt=` folder of a path is called behind that.
fn dt_folder(path: &Path) -> Option<String> {
    let mut folders = path.parent()?.components().rev();
    folders.find_map(|folder| {
        let name = folder.as_os_str().to_string_lossy();
        name.strip_prefix("dt=").map(str::to_owned)
    })
}

/// Whether a path lies in the folder of rows without a day.
pub(crate) fn is_of_no_day(path: &Path) -> bool {
    dt_folder(path).is_some_and(|value| value == NO_DAY)
}

/// The day of the innermost `dt=` folder of a path.
fn hive_day(path: &Path) -> Result<Option<Day>> {
    let Some(value) = dt_folder(path).filter(|value| value != NO_DAY) else {
        return Ok(None);
    };
    match parse_dt(&value.replace("%3D", "=").replace("%3d", "=")) {
        Some(day) => Ok(Some(day)),
        None => Err(Error::bad_file(
            shown(path),
            format!("expected a folder dt=YYYY-MM-DD, found \"dt={value}\""),
        )),
    }
}
