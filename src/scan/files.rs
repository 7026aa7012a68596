//! Paths to files: which files a source has, of which day and format they are.
//!
//! **In / Out**: the job's paths → [`InputFile`]s, sorted by source and path, each with the day
//! of its Hive folder. **Invariants**: names that start with `_` or `.` are never read; neither
//! are table folders, whose file lists lie elsewhere.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};

use crate::calendar::parse_dt;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::Day;
use crate::job::{Job, Question, Source};
use crate::scan::input::InputFile;
use crate::scan::nulls::NullWords;

/// The paths of one source, expanded.
#[derive(Clone, Debug)]
pub(crate) struct SourceFiles {
    /// The source.
    pub(crate) source: Source,
    /// What the user named: files and folders that the output must not touch.
    pub(crate) roots: Vec<PathBuf>,
    /// The files, sorted by path.
    pub(crate) files: Vec<InputFile>,
}

/// Endings by which a file next to others is taken for a source.
const ENDINGS: [&str; 5] = ["parquet", "csv", "ndjson", "jsonl", "json"];
/// Endings of compressed text.
const COMPRESSED: [&str; 3] = ["", ".gz", ".zst"];

/// Lists the files of all sources of a job.
///
/// # Errors
/// If a source is not there, or is a table that only its own tools can read.
pub(crate) fn discover(job: &Job) -> Result<Vec<SourceFiles>> {
    let (mut sources, nulls) = (Vec::new(), NullWords::of(job));
    for source in job.sources() {
        if job.without.contains(&source) {
            continue;
        }
        let Some(roots) = roots_of(job, source)? else {
            continue;
        };
        let mut files = Vec::new();
        for root in &roots {
            collect(source, root, 0, &mut files)?;
        }
        files.iter_mut().for_each(|of| of.nulls = nulls.clone());
        files.sort_by(|a, b| a.path.cmp(&b.path));
        // The same file by two names counts once.
        let mut seen = Vec::new();
        files.retain(|file| {
            let real = file
                .path
                .canonicalize()
                .unwrap_or_else(|_| file.path.clone());
            let at = seen.binary_search(&real);
            at.map_err(|at| seen.insert(at, real)).is_err()
        });
        if files.is_empty() {
            let roots: Vec<String> = roots.iter().map(|root| shown(root)).collect();
            let what = format!(
                "no files of {} in \"{}\"",
                source.name(),
                roots.join("\", \"")
            );
            return Err(Error::from(ErrorKind::NoInput { what }));
        }
        sources.push(SourceFiles {
            source,
            roots,
            files,
        });
    }
    Ok(sources)
}

/// The files and folders that a job names for a source; `None` if it names none.
fn roots_of(job: &Job, source: Source) -> Result<Option<Vec<PathBuf>>> {
    if let Some(dir) = &job.dir {
        return found_in(job, dir, source).map(|root| Some(vec![root]));
    }
    let mut roots = Vec::new();
    for (_, path) in job.paths.iter().filter(|(of, _)| *of == source) {
        roots.extend(expand(path)?);
    }
    if !roots.is_empty() {
        // A list of a table's files is somebody's choice; a path into its folder may not be.
        for folder in roots.iter().flat_map(|root| root.ancestors().skip(1)) {
            refuse_tables(folder)?;
        }
        return Ok(Some(roots));
    }
    let Some((_, list)) = job.files_from.iter().find(|(of, _)| *of == source) else {
        return Ok(None);
    };
    let text = read_list(list)?;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        roots.extend(expand(line)?);
    }
    Ok(Some(roots))
}

/// The text of a list of paths: of a file, or of a pipe that somebody writes to.
fn read_list(list: &Path) -> Result<String> {
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
fn found_in(job: &Job, dir: &Path, source: Source) -> Result<PathBuf> {
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
            let hint = match (job.question, source) {
                (Question::Sequences, of) if of != Source::Impressions => {
                    format!("--without {} goes without them", source.name())
                }
                _ => format!("name them with --{} PATH", source.name()),
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

/// The files and folders of a path that may be a glob.
fn expand(path: &str) -> Result<Vec<PathBuf>> {
    if Path::new(path).exists() {
        return Ok(vec![PathBuf::from(path)]);
    }
    if !path.contains(['*', '?', '[']) {
        let what = format!("no such file or folder: \"{path}\"");
        return Err(Error::from(ErrorKind::NoInput { what }));
    }
    let pattern = glob::glob(path)
        .map_err(|error| Error::settings(format!("\"{path}\" is no glob: {}", error.msg)))?;
    let mut found = Vec::new();
    for entry in pattern {
        let entry = entry.map_err(|error| {
            let path = error.path().to_owned();
            Error::io("read", &path, error.into())
        })?;
        if !is_hidden(&entry) {
            found.push(entry);
        }
    }
    if found.is_empty() {
        let what = format!("nothing matches \"{path}\"");
        return Err(Error::from(ErrorKind::NoInput { what }));
    }
    Ok(found)
}

/// Folders inside each other that are still followed: a limit for loops of links.
const DEPTH_MAX: u32 = 64;

/// Adds a file, or all files of a folder.
fn collect(source: Source, path: &Path, depth: u32, files: &mut Vec<InputFile>) -> Result<()> {
    let metadata = fs::metadata(path).map_err(|error| missing_or_io(path, error))?;
    if !metadata.is_dir() {
        if !metadata.is_file() {
            return Err(Error::bad_file(shown(path), "expected a file or a folder"));
        }
        let day = hive_day(path)?;
        files.push(InputFile {
            source,
            path: path.to_owned(),
            shown: shown(path),
            day,
            whole: Arc::default(),
            nulls: NullWords::default(),
        });
        return Ok(());
    }
    refuse_tables(path)?;
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
        if !is_hidden(&entry) {
            collect(source, &entry, depth + 1, files)?;
        }
    }
    Ok(())
}

/// An error for folders whose files only count by a list that we do not read.
fn refuse_tables(folder: &Path) -> Result<()> {
    let advice = "its folder also holds files that were deleted from the table; list the files \
                  of a snapshot with the table's own tool, and name that list with --files-from";
    if folder.join("_delta_log").is_dir() {
        return Err(Error::bad_file(
            shown(folder),
            format!("this is a Delta table: {advice}"),
        ));
    }
    let metadata = folder.join("metadata");
    let is_iceberg = fs::read_dir(&metadata).is_ok_and(|entries| {
        let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.any(|name| name.ends_with(".metadata.json") || name == "version-hint.text")
    });
    if is_iceberg {
        return Err(Error::bad_file(
            shown(folder),
            format!("this is an Iceberg table: {advice}"),
        ));
    }
    Ok(())
}

/// Whether a path's last name says that it is not data.
fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with(['_', '.']))
}

/// A path in a message.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Exit 66 for what is not there, 74 for what cannot be read.
pub(super) fn missing_or_io(path: &Path, error: io::Error) -> Error {
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
