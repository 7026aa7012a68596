//! Keys of a job file to flags, put before those that the user gave.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind as Mistake;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use hitherto::{ItemVocabulary, Source};

use super::{Given, JobFile, Key, refuse, unknown};

/// Flags that are no keys, beside those of sources, of which `[sources.NAME]` tells.
const NO_KEYS: [&str; 4] = ["help", "version", "job", "files-from"];

/// The positional argument that is a key: the folder of all sources.
const DIR: &str = "dir";

/// Whether a flag is no key.
fn is_no_key(long: &str) -> bool {
    NO_KEYS.contains(&long) || is_source(long)
}

/// Whether a flag tells where a source lies.
fn is_source(long: &str) -> bool {
    Source::ALL.iter().any(|source| source.name() == long)
}

/// The name of a flag, as keys have it.
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

/// A command line with the keys of a job file before the flags that were given.
///
/// # Errors
/// If a key is none of the subcommand's flags, or has a value that the flag does not take.
pub(super) fn filled(
    file: &JobFile,
    given: &Given<'_>,
    args: Vec<OsString>,
) -> hitherto::Result<Vec<OsString>> {
    let command = given.command();
    let mut added = Vec::new();
    for key in &file.keys {
        let arg = arg_of(&command, key)?;
        let flags = flags_of(file, key, arg)?;
        check(&command, key, &flags)?;
        if !is_given(&command, given.matches, arg) && !is_default(key, arg) {
            added.extend(flags);
        }
    }
    // Flags of those above may stand between the names of subcommands.
    let behind_last = given.names.iter().fold(1, |at, name| {
        let found = args[at..].iter().position(|arg| arg == name);
        at + found.map_or(0, |place| place + 1)
    });
    let mut all = args;
    all.splice(behind_last..behind_last, added);
    Ok(all)
}

/// The flag of a key.
fn arg_of<'c>(command: &'c Command, key: &Key) -> hitherto::Result<&'c Arg> {
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
    let found = command.get_arguments().find(is_it);
    found.ok_or_else(|| match is_no_key(&key.name.replace('_', "-")) {
        true => refuse(format!(
            "{}: \"{}\" is no key; files of a source stand in [sources.NAME]",
            key.place, key.name
        )),
        false => unknown(&key.place, &key.name, known),
    })
}

/// A key as flags.
fn flags_of(file: &JobFile, key: &Key, arg: &Arg) -> hitherto::Result<Vec<OsString>> {
    let of_type = arg.get_value_parser().type_id();
    // A vocabulary is a path, but for one word.
    let is_path = of_type == TypeId::of::<PathBuf>()
        || (of_type == TypeId::of::<ItemVocabulary>() && key.values != ["build"]);
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
        let value = match is_path && !hitherto::is_elsewhere(value) {
            true => file.base.join(value).into_os_string(),
            false => OsString::from(value),
        };
        let mut flag = OsString::from(
            long.as_ref()
                .map_or(String::new(), |long| format!("{long}=")),
        );
        flag.push(value);
        flag
    });
    Ok(flags.collect())
}

/// Whether a key says what holds anyway: as a flag, some would ask for others beside them.
fn is_default(key: &Key, arg: &Arg) -> bool {
    let values = key.values.iter().map(String::as_str);
    let defaults = arg.get_default_values().iter();
    !is_switch(arg) && values.map(Some).eq(defaults.map(|of| of.to_str()))
}

/// Whether the user gave a flag, or one that puts it out of force.
fn is_given(command: &Command, given: &ArgMatches, arg: &Arg) -> bool {
    let by_user = |of: &Arg| {
        let known = given.try_contains_id(of.get_id().as_str()).is_ok();
        known && given.value_source(of.get_id().as_str()) == Some(ValueSource::CommandLine)
    };
    let others = command.get_arguments();
    by_user(arg)
        || others
            .filter(|other| by_user(other))
            .any(|other| disables(command, other, arg))
}

/// Whether a flag puts a key out of force: one that it conflicts with, or that means nothing beside it.
fn disables(command: &Command, flag: &Arg, key: &Arg) -> bool {
    let excludes = |one: &Arg, other: &Arg| {
        let mut conflicts = command.get_arg_conflicts_with(one).into_iter();
        conflicts.any(|conflict| conflict.get_id() == other.get_id())
    };
    let long = flag.get_long().unwrap_or_default();
    let is_moot = match key.get_id().as_str() {
        DIR => is_source(long),
        "if_exists" => long == "overwrite",
        _ => false,
    };
    is_moot || excludes(flag, key) || excludes(key, flag)
}

/// Has clap look at one key alone, so that a mistake is told with its place.
fn check(command: &Command, key: &Key, flags: &[OsString]) -> hitherto::Result<()> {
    let args = std::iter::once(OsString::from("job")).chain(flags.iter().cloned());
    let Err(error) = command
        .clone()
        .no_binary_name(false)
        .try_get_matches_from(args)
    else {
        return Ok(());
    };
    // What is missing may be among the other keys, or the flags.
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
