//! Job files: every setting of a job, and any number of sources, in TOML; or the manifest of a
//! published set.
//!
//! ```text
//! job.toml ───────► toml ─────┐            ┌─► flags that are not on the command line ─► clap ─► Settings
//! _manifest.json ─► manifest ─┴─► JobFile ─┤                                                        │
//!                                          └─► sources ─────────────────────────────────────────────┴─► job
//! ```
//! **Invariants**: a key of a job file is a long flag with `_` for `-`, so that there is one list of
//! settings, one parser of each value and one help. A flag on the command line wins over the key. What a
//! flag cannot say, such as the types of a source, stands in `[sources.NAME]`. Relative paths of a job
//! file start at its folder, those of a manifest at the current folder, as they did in its run.

mod fill;
pub(crate) mod init;
mod manifest;
pub(crate) mod read;
pub(crate) mod show;
mod sources;
mod toml;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hitherto::{Day, Error, ErrorKind, JobKind, Settings};
use serde_json::Value;

use self::sources::{FileSource, with_sources};

/// The content of a job file.
#[derive(Debug)]
pub(crate) struct JobFile {
    /// Its path in quotes, for messages.
    name: String,
    /// The folder at which its relative paths start.
    base: PathBuf,
    /// The kind of the job, if the file says it.
    job_kind: Option<JobKind>,
    /// Flags and their values.
    keys: Vec<FileKey>,
    /// The days of the output; none to leave them to the flags.
    days: Vec<Day>,
    sources: Vec<FileSource>,
}

/// A flag in a job file.
#[derive(Debug)]
struct FileKey {
    /// Its name in the file.
    name: String,
    /// The file and the line, for messages.
    place: String,
    /// Its values; a boolean is one of the texts `true` and `false`.
    values: Vec<String>,
}

/// A usage error.
fn refuse(what: impl Into<String>) -> Error {
    Error::from(ErrorKind::Settings { what: what.into() })
}

impl JobFile {
    /// Reads a job file, or a manifest.
    ///
    /// # Errors
    /// If it is missing, cannot be read, or is neither.
    fn read(path: &Path) -> hitherto::Result<JobFile> {
        hitherto::check_in(path)?;
        let name = format!("\"{}\"", path.display());
        let text = fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::from(ErrorKind::NoInput {
                what: format!("no such job file: {name}"),
            }),
            _ => refuse(format!("could not read job file {name}: {error}")),
        })?;
        // No TOML document begins with a brace, so the name of the file does not matter.
        if text.trim_start().starts_with('{') {
            return manifest::parse(name, &text);
        }
        let base = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        toml::parse(name, base, &text)
    }
}

/// Settings of flags, with the days and the sources of a job file.
pub(super) fn with_file(file: Option<&JobFile>, settings: Settings) -> Settings {
    let Some(file) = file else {
        return settings;
    };
    let has_days = settings.from.is_some() || settings.to.is_some();
    let days = if has_days || settings.last_days.is_some() {
        Vec::new()
    } else {
        file.days.clone()
    };
    with_sources(&file.sources, Settings { days, ..settings })
}

/// The most similar name, if one is similar.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // The measure and the threshold by which clap suggests flags.
    let scored = known.map(|other| (strsim::jaro(name, other), other));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, _)| *score > 0.7)
        .map(|(_, other)| other)
}

/// The error for an unknown key.
fn unknown<'n>(place: &str, name: &str, known: impl Iterator<Item = &'n str> + Clone) -> Error {
    let hint = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
    };
    refuse(format!("{place}: unknown key \"{name}\"; {hint}"))
}

/// A text in quotes: the escapes of JSON are those of TOML, which escapes U+007F as well.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
