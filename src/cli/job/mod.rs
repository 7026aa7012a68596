//! Job files: every setting of a job, and any number of sources, in TOML; or the manifest of a set
//! that was made.
//!
//! ```text
//! job.toml ────► toml ──┐              ┌─► flags that the user did not give ─► clap ─► Settings
//! _manifest.json ► manifest ─► JobFile ┤                                                 │
//!                                      └─► sources ──────────────────────────────────────┴─► job
//! ```
//! **Invariants**: a key of a job file is a long flag with `_` for `-`, so that there is one list of
//! settings, one reader of each value and one help; a flag that is given wins over the key. What a
//! flag cannot say, sources with types and choices, stands in `[sources.NAME]`. Relative paths of a
//! job file start at its folder, those of a manifest at the current one, as they did in its run.

mod fill;
mod init;
mod manifest;
mod show;
mod sources;
mod toml;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use hitherto::{Day, Error, ErrorKind, Job, JobKind, Settings};

use self::sources::{FileSource, with_sources};
use crate::cli::args::{Cli, Command};

/// What a job file says.
#[derive(Debug)]
pub(crate) struct JobFile {
    /// Its name, for messages.
    shown: String,
    /// The folder that its relative paths start at.
    base: PathBuf,
    /// What is asked, if it says so.
    job_kind: Option<JobKind>,
    /// Flags and their values.
    keys: Vec<Key>,
    /// Days, and no others; none for those that flags say.
    days: Vec<Day>,
    /// Sources.
    sources: Vec<FileSource>,
}

/// A flag in a job file.
#[derive(Debug)]
struct Key {
    /// The name in the file.
    name: String,
    /// Where it stands, for messages.
    place: String,
    /// Its values; a truth value is one of the texts `true` and `false`.
    values: Vec<String>,
}

/// A command line with all that its job file adds to it.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The flags.
    pub(crate) cli: Cli,
    /// The job file, if there is one.
    pub(crate) file: Option<JobFile>,
    /// The matches of the subcommand, for those who show settings.
    matches: ArgMatches,
}

/// An error of what was asked.
fn refuse(what: impl Into<String>) -> Error {
    Error::from(ErrorKind::Settings { what: what.into() })
}

/// Reads a command line, and the job file that it names. Help and mistakes of flags end the process,
/// as clap has it.
///
/// # Errors
/// If there is no such job file, or it says what makes no sense.
pub(crate) fn read(args: Vec<OsString>) -> hitherto::Result<Asked> {
    let command = Cli::command();
    let (mut args, mut file) = (args, None);
    let lenient = Cli::command().ignore_errors(true);
    let given = lenient.try_get_matches_from(&args).ok();
    if let Some(given) = given.as_ref().and_then(Given::new) {
        let found = JobFile::read(&given.file)?;
        let asked = given.names.iter().find_map(|name| JobKind::named(name));
        if let (Some(asked), Some(other)) = (asked, found.job_kind)
            && asked != other
        {
            let (shown, asked, other) = (&found.shown, asked.name(), other.name());
            let what = format!("{shown} is a job of {other}, not of {asked}");
            return Err(refuse(what));
        }
        let takes_all = asked.is_none_or(|of| of == JobKind::Sequences);
        if let Some(of) = found
            .sources
            .iter()
            .find(|of| !takes_all && of.is_of_actions())
        {
            let (shown, name) = (&found.shown, of.name());
            let what = format!("{shown}: {name} take path, files_from and columns in this job");
            return Err(refuse(what));
        }
        args = fill::filled(&found, &given, args)?;
        file = Some(found);
    }
    let matches = command
        .try_get_matches_from(args)
        .unwrap_or_else(|error| error.exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let matches = matches.subcommand().map(|(_, of)| of.clone());
    Ok(Asked {
        cli,
        file,
        matches: matches.unwrap_or_default(),
    })
}

/// A command line that names a job file, whatever else is wrong with it.
struct Given<'m> {
    /// The subcommand, and that of the subcommand, and so on.
    names: Vec<&'m str>,
    /// What is given to the last.
    matches: &'m ArgMatches,
    /// The job file.
    file: PathBuf,
}

impl<'m> Given<'m> {
    /// What some matches give, if they name a job file.
    fn new(all: &'m ArgMatches) -> Option<Given<'m>> {
        let (mut names, mut matches) = (Vec::new(), all);
        while let Some((name, inner)) = matches.subcommand() {
            names.push(name);
            matches = inner;
        }
        let file = matches.try_get_one::<PathBuf>("job").ok()??.clone();
        Some(Given {
            names,
            matches,
            file,
        })
    }

    /// The last subcommand.
    fn command(&self) -> clap::Command {
        let mut command = Cli::command();
        for name in &self.names {
            command = command.find_subcommand(name).cloned().unwrap_or_default();
        }
        command
    }
}

impl JobFile {
    /// Reads a job file, or a manifest.
    ///
    /// # Errors
    /// If it is not there, or makes no sense.
    pub(super) fn read(path: &Path) -> hitherto::Result<JobFile> {
        hitherto::check_in(path)?;
        let shown = format!("\"{}\"", path.display());
        let text = fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::from(ErrorKind::NoInput {
                what: format!("no such job file: {shown}"),
            }),
            _ => refuse(format!("could not read job file {shown}: {error}")),
        })?;
        if text.trim_start().starts_with('{') {
            return manifest::parse(shown, &text);
        }
        let base = path.parent().map_or_else(PathBuf::new, Path::to_owned);
        toml::parse(shown, base, &text)
    }
}

/// What a job file shows of a job file: the job that it makes, resolved.
///
/// # Errors
/// If it makes none.
pub(crate) fn show(path: &Path) -> hitherto::Result<String> {
    let file = JobFile::read(path)?;
    let job_kind = file.job_kind.unwrap_or(JobKind::Sequences).name();
    let args = ["hitherto", job_kind, "--job"]
        .map(OsString::from)
        .into_iter();
    let asked = read(args.chain([path.into()]).collect())?;
    let file = asked.file.as_ref();
    let settings = match asked.cli.command {
        Command::Sequences(of) => of.into_settings(file).1,
        Command::Features(of) => of.into_settings(file).1,
        Command::Dwell(of) => of.into_settings(file).1,
        _ => return Err(refuse("only jobs have job files")),
    };
    // A manifest does not say where to put the set that it makes.
    let out = match settings.out.as_os_str().is_empty() {
        true => PathBuf::from("OUT"),
        false => settings.out.clone(),
    };
    let job = Job::new(Settings { out, ..settings })?;
    let command = Cli::command();
    let command = command
        .find_subcommand(job_kind)
        .cloned()
        .unwrap_or_default();
    Ok(show::text(&command, &asked.matches, &job))
}

/// Writes a first job file into a folder, made of what lies there; gives its path.
///
/// # Errors
/// If there is one, or the folder cannot be read or written.
pub(crate) fn init(folder: &Path) -> hitherto::Result<PathBuf> {
    hitherto::check_in(folder)?;
    let path = folder.join("job.toml");
    if !folder.is_dir() {
        let what = format!("no such folder: \"{}\"", folder.display());
        return Err(Error::from(ErrorKind::NoInput { what }));
    }
    let text = init::text(&folder.display().to_string(), &hitherto::survey(folder)?);
    let made = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path);
    let written = made.and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Error::from(ErrorKind::Output {
                path,
                what: "it exists; take it away first".to_owned(),
                source: None,
            }))
        }
        Err(error) => Err(Error::from(ErrorKind::Output {
            path,
            what: "it cannot be written".to_owned(),
            source: Some(error),
        })),
    }
}

/// Settings with what a job file says beside flags.
pub(super) fn with_file(file: Option<&JobFile>, settings: Settings) -> Settings {
    let Some(file) = file else {
        return settings;
    };
    let by_flag = settings.from.is_some() || settings.to.is_some();
    let days = match by_flag {
        true => Vec::new(),
        false => file.days.clone(),
    };
    with_sources(&file.sources, Settings { days, ..settings })
}

/// The name that is most like another, if one is.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let scored = known.map(|of| (strsim::jaro(name, of), of));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, _)| *score > 0.7).map(|(_, of)| of)
}

/// The error for a name that is not known.
fn unknown<'n>(place: &str, name: &str, known: impl Iterator<Item = &'n str> + Clone) -> Error {
    let hint = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
    };
    refuse(format!("{place}: unknown key \"{name}\"; {hint}"))
}
