//! A command line to flags, with the keys of the job file that it names.

use std::ffi::OsString;

use clap::{ArgMatches, CommandFactory, FromArgMatches};
use hitherto::JobKind;

use super::fill::{Subcommand, filled};
use super::{JobFile, refuse};
use crate::cli::args::Cli;

/// A command line with all that its job file adds to it.
#[derive(Debug)]
pub(crate) struct CommandLine {
    /// The flags.
    pub(crate) cli: Cli,
    /// The job file, if there is one.
    pub(crate) file: Option<JobFile>,
    /// The matches of the subcommand, of which `job show` prints the values.
    pub(super) matches: ArgMatches,
}

/// Reads a command line, and the job file that it names. Help and wrong flags end the process, as clap
/// does it.
///
/// # Errors
/// If the job file is missing, cannot be read, or does not fit the command.
pub(crate) fn read(args: Vec<OsString>) -> hitherto::Result<CommandLine> {
    let program = Cli::command();
    let (mut args, mut file) = (args, None);
    // A first parse only finds the job file. It ignores errors, as flags that are required may be
    // keys of that file.
    let lenient = program.clone().ignore_errors(true);
    let given = lenient.try_get_matches_from(&args).ok();
    let given = given.as_ref().map(Subcommand::new);
    if let Some(given) = given
        && let Some(path) = given.job_file()
    {
        let job_file = JobFile::read(path)?;
        check_kind(&job_file, &given)?;
        args = filled(&program, &job_file, &given, args)?;
        file = Some(job_file);
    }
    let matches = program
        .try_get_matches_from(args)
        .unwrap_or_else(|error| error.exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let matches = matches.subcommand().map(|(_, matches)| matches.clone());
    Ok(CommandLine {
        cli,
        file,
        matches: matches.unwrap_or_default(),
    })
}

/// Checks that a job file is of the kind of job that the command runs.
///
/// # Errors
/// If it is of another kind, or has sources that only `sequences` takes.
fn check_kind(file: &JobFile, given: &Subcommand<'_>) -> hitherto::Result<()> {
    let path = &file.name;
    let job_kind = given.names.iter().find_map(|name| JobKind::named(name));
    if let (Some(job_kind), Some(other)) = (job_kind, file.job_kind)
        && job_kind != other
    {
        let (job_kind, other) = (job_kind.name(), other.name());
        return Err(refuse(format!(
            "{path} is a job of {other}, not of {job_kind}"
        )));
    }
    let takes_actions = job_kind.is_none_or(|job_kind| job_kind == JobKind::Sequences);
    let mut sources = file.sources.iter();
    match sources.find(|source| !takes_actions && source.is_action_source()) {
        Some(source) => {
            let what = "take path, files_from and columns in this job";
            Err(refuse(format!("{path}: {} {what}", source.name())))
        }
        None => Ok(()),
    }
}
