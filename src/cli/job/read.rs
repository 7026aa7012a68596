//! A command line to flags, with the keys of the job file that it names.

use std::ffi::OsString;

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};
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
    let (mut args, mut file) = (with_dashes(&program, args), None);
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

/// A command line with `-` for `_` in the names of long flags.
fn with_dashes(program: &Command, args: Vec<OsString>) -> Vec<OsString> {
    let flags = long_flags(program);
    let named = |name: &str| flags.iter().find(|(long, _)| long == name);
    let mut is_value = false;
    let mut is_positional = false;
    let args = args.into_iter().map(|arg| {
        // Behind a `--`, and behind a flag that takes words with hyphens, it may be a value.
        is_positional |= arg == "--" && !is_value;
        let is_free = !is_positional && !std::mem::take(&mut is_value);
        let text = arg.to_str().filter(|_| is_free);
        let Some(flag) = text.and_then(|text| text.strip_prefix("--")) else {
            return arg;
        };
        let (name, rest) = flag.split_at(flag.find('=').unwrap_or(flag.len()));
        let dashed = name.replace('_', "-");
        let Some((_, takes_hyphens)) = named(&dashed) else {
            return arg;
        };
        is_value = *takes_hyphens && rest.is_empty();
        OsString::from(format!("--{dashed}{rest}"))
    });
    args.collect()
}

/// The names of the long flags of a command and of those below it, and whether the word behind such a flag
/// is its value even if it begins with a hyphen.
fn long_flags(command: &Command) -> Vec<(String, bool)> {
    let own = command.get_arguments().flat_map(|arg| {
        let names = arg.get_long_and_visible_aliases().unwrap_or_default();
        let hidden = arg.get_all_aliases().unwrap_or_default();
        let takes_hyphens = arg.is_allow_hyphen_values_set();
        let names = names.into_iter().chain(hidden);
        names.map(move |name| (name.to_owned(), takes_hyphens))
    });
    let below = command.get_subcommands().flat_map(long_flags);
    own.chain(below).collect()
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
