//! Keys of a job file to flags, which go before the flags of the command line.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind as Mistake;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use hitherto::{ItemVocabulary, Source};

use super::{FileKey, JobFile, refuse, unknown};

/// Flags that are no keys. What `--source` sets and the paths of sources stand in `[sources.NAME]`.
const NO_KEYS: [&str; 5] = ["help", "version", "job", "files-from", "source"];

/// The positional argument that is a key: the folder of all sources.
const DIR: &str = "dir";

/// Whether a flag is no key.
fn is_no_key(long: &str) -> bool {
    NO_KEYS.contains(&long) || is_source(long)
}

/// Whether a flag is the path of a source.
fn is_source(long: &str) -> bool {
    Source::ALL.iter().any(|source| source.name() == long)
}

/// The key of a flag, if it is one.
pub(super) fn key_of(arg: &Arg) -> Option<String> {
    match arg.get_long() {
        Some(long) if !is_no_key(long) => Some(long.replace('-', "_")),
        None if arg.get_id() == DIR => Some(DIR.to_owned()),
        _ => None,
    }
}

/// Whether a flag is a switch.
pub(super) fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// The last subcommand of a command line, whatever else is wrong with it.
pub(super) struct Subcommand<'m> {
    /// Its name, behind the names of the subcommands above it.
    pub(super) names: Vec<&'m str>,
    /// The flags that are given to it.
    pub(super) matches: &'m ArgMatches,
}

impl<'m> Subcommand<'m> {
    /// The last subcommand of some matches.
    pub(super) fn new(all: &'m ArgMatches) -> Subcommand<'m> {
        let (mut names, mut matches) = (Vec::new(), all);
        while let Some((name, inner)) = matches.subcommand() {
            names.push(name);
            matches = inner;
        }
        Subcommand { names, matches }
    }

    /// The job file that is given to it.
    pub(super) fn job_file(&self) -> Option<&PathBuf> {
        self.matches.try_get_one("job").ok()?
    }

    /// Its flags, in the program.
    fn find_in(&self, program: &Command) -> Command {
        let mut command = program.clone();
        for name in &self.names {
            // The names are from matches of this program, so each is found.
            command = command.find_subcommand(name).cloned().unwrap_or_default();
        }
        command
    }
}

/// A command line with the keys of a job file before the flags that were given.
///
/// # Errors
/// If a key is none of the subcommand's flags, or has a value that the flag does not take.
pub(super) fn filled(
    program: &Command,
    file: &JobFile,
    given: &Subcommand<'_>,
    args: Vec<OsString>,
) -> hitherto::Result<Vec<OsString>> {
    let command = given.find_in(program);
    let mut added = Vec::new();
    for key in &file.keys {
        let arg = arg_of(&command, key)?;
        let flags = flags_of(file, key, arg)?;
        // Also for keys that a flag overrides: whether a file is right does not depend on the flags
        // beside it.
        check(&command, key, &flags)?;
        if !is_given(&command, given.matches, arg) && !is_default(key, arg) {
            added.extend(flags);
        }
    }
    // Flags of outer subcommands may stand between the names.
    let behind_last = given.names.iter().fold(1, |at, name| {
        let next = args[at..].iter().position(|arg| arg == name);
        at + next.map_or(0, |next| next + 1)
    });
    // Before the user's own arguments: behind a `--` among these a flag would be taken for a value.
    let mut all = args;
    all.splice(behind_last..behind_last, added);
    Ok(all)
}

/// The flag of a key.
fn arg_of<'c>(command: &'c Command, key: &FileKey) -> hitherto::Result<&'c Arg> {
    let keys: Vec<String> = command.get_arguments().filter_map(key_of).collect();
    let is_it = |arg: &&Arg| {
        let aliases = arg.get_all_aliases().unwrap_or_default();
        let by_alias = aliases
            .iter()
            .any(|alias| alias.replace('-', "_") == key.name);
        key_of(arg).is_some_and(|name| name == key.name || by_alias)
    };
    let known = keys
        .iter()
        .map(String::as_str)
        .chain(["job", "days", "sources"]);
    let arg = command.get_arguments().find(is_it);
    arg.ok_or_else(|| {
        if is_no_key(&key.name.replace('_', "-")) {
            let what = "is no key; files of a source stand in [sources.NAME]";
            refuse(format!("{}: \"{}\" {what}", key.place, key.name))
        } else {
            unknown(&key.place, &key.name, known)
        }
    })
}

/// A key as flags.
fn flags_of(file: &JobFile, key: &FileKey, arg: &Arg) -> hitherto::Result<Vec<OsString>> {
    let value_type = arg.get_value_parser().type_id();
    // A vocabulary is a path, but for the word build.
    let is_path = value_type == TypeId::of::<PathBuf>()
        || (value_type == TypeId::of::<ItemVocabulary>() && key.values != ["build"]);
    let long = arg.get_long().map(|long| format!("--{long}"));
    if is_switch(arg) {
        return match key.values.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["true"] => Ok(long.map(OsString::from).into_iter().collect()),
            ["false"] => Ok(Vec::new()),
            _ => Err(refuse(format!(
                "{}: \"{}\" is true or false",
                key.place, key.name
            ))),
        };
    }
    let flags = key.values.iter().map(|value| {
        let value = if is_path && !hitherto::is_elsewhere(value) {
            file.base.join(value).into_os_string()
        } else {
            OsString::from(value)
        };
        // One argument with `=`: as an argument of its own, a value such as -1 would be read as a
        // flag.
        let mut flag = OsString::from(
            long.as_ref()
                .map_or(String::new(), |long| format!("{long}=")),
        );
        flag.push(value);
        flag
    });
    Ok(flags.collect())
}

/// Whether a key has the default value of its flag. It is left out: some flags, if they are given, require
/// others.
fn is_default(key: &FileKey, arg: &Arg) -> bool {
    let values = key.values.iter().map(String::as_str);
    let defaults = arg.get_default_values().iter();
    !is_switch(arg)
        && values
            .map(Some)
            .eq(defaults.map(|default| default.to_str()))
}

/// Whether the command line has a flag, or another that overrides it.
fn is_given(command: &Command, given: &ArgMatches, arg: &Arg) -> bool {
    let by_user = |arg: &Arg| {
        let id = arg.get_id().as_str();
        // In debug builds `value_source` panics if it does not know the id.
        let is_known = given.try_contains_id(id).is_ok();
        is_known && given.value_source(id) == Some(ValueSource::CommandLine)
    };
    let others = command.get_arguments();
    by_user(arg)
        || others
            .filter(|other| by_user(other))
            .any(|other| overrides(command, other, arg))
}

/// Whether a flag overrides a key: it conflicts with the key, or the key has no effect with it.
fn overrides(command: &Command, flag: &Arg, key: &Arg) -> bool {
    // A conflict may be declared at either of the two.
    let excludes = |one: &Arg, other: &Arg| {
        let mut conflicts = command.get_arg_conflicts_with(one).into_iter();
        conflicts.any(|conflict| conflict.get_id() == other.get_id())
    };
    let long = flag.get_long().unwrap_or_default();
    // What clap does not know as a conflict: DIR of the file beside a path of a source, and
    // if_exists, which requires the add_days that --overwrite excludes.
    let is_moot = match key.get_id().as_str() {
        DIR => is_source(long),
        "if_exists" => long == "overwrite",
        _ => false,
    };
    is_moot || excludes(flag, key) || excludes(key, flag)
}

/// Has clap check one key alone, so that the message names its line.
fn check(command: &Command, key: &FileKey, flags: &[OsString]) -> hitherto::Result<()> {
    let args = std::iter::once(OsString::from("job")).chain(flags.iter().cloned());
    let Err(error) = command
        .clone()
        .no_binary_name(false)
        .try_get_matches_from(args)
    else {
        return Ok(());
    };
    // What is missing may be another key, or a flag of the command line.
    if error.kind() == Mistake::MissingRequiredArgument {
        return Ok(());
    }
    let text = error.render().to_string();
    let lines = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("For more"));
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let what = lines.join(" ");
    let what = what.strip_prefix("error: ").unwrap_or(&what);
    Err(refuse(format!(
        "{}: key \"{}\": {what}",
        key.place, key.name
    )))
}
