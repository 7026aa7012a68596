//! `job show`: a job as TOML, every flag with its value, and every source.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, CommandFactory};
use hitherto::{ActionSource, Job, JobKind, Settings, Source, date_text};
use serde_json::{Value, json};

use super::fill::{is_switch, key_of};
use super::read::{CommandLine, read};
use super::{JobFile, quoted, refuse};
use crate::cli::args::{Cli, Command};

/// Flags that stand in tables of sources.
const SOURCE_FLAGS: [&str; 3] = ["columns", "available", "embargo"];

/// The job that a job file or a manifest makes, as a job file with every setting.
///
/// # Errors
/// If it makes no job.
pub(crate) fn show(path: &Path) -> hitherto::Result<String> {
    let job_kind = JobFile::read(path)?.job_kind;
    let job_kind = job_kind.unwrap_or(JobKind::Sequences).name();
    let args = ["hitherto", job_kind, "--job"].map(OsString::from);
    let args = args.into_iter().chain([path.into()]);
    let CommandLine { cli, file, matches } = read(args.collect())?;
    let file = file.as_ref();
    let (_, settings) = match cli.command {
        Command::Sequences(args) => args.into_settings(file),
        Command::Features(args) => args.into_settings(file),
        Command::Dwell(args) => args.into_settings(file),
        _ => return Err(refuse("only jobs have job files")),
    };
    // A manifest does not say where to write the set that it makes again.
    let out = if settings.out.as_os_str().is_empty() {
        PathBuf::from("OUT")
    } else {
        settings.out.clone()
    };
    let job = Job::new(Settings { out, ..settings })?;
    let command = Cli::command();
    let command = command.find_subcommand(job_kind).cloned();
    Ok(text(&command.unwrap_or_default(), &matches, &job))
}

/// The job file of some matches and settings.
fn text(command: &clap::Command, matches: &ArgMatches, settings: &Settings) -> String {
    let mut lines = vec![format!("job = {}", quoted(settings.kind().name()))];
    for arg in command.get_arguments() {
        let id = arg.get_id().as_str();
        let Some(key) = key_of(arg).filter(|key| !SOURCE_FLAGS.contains(&key.as_str())) else {
            continue;
        };
        if is_switch(arg) {
            lines.push(format!("{key} = {}", matches.get_flag(id)));
            continue;
        }
        // The words as given or as the default has them: parsed values would need a way back to
        // text for each type.
        let values = matches.get_raw(id).into_iter().flatten();
        let values = values.map(|raw| value(&raw.to_string_lossy()));
        let values: Vec<String> = values.collect();
        lines.extend(line(&key, &values));
    }
    if !settings.days.is_empty() {
        let days: Vec<String> = settings
            .days
            .iter()
            .map(|day| quoted(&date_text(*day)))
            .collect();
        lines.push(format!("days = [{}]", days.join(", ")));
    }
    for source in settings.sources() {
        let source_lines = source_lines(settings, source);
        if !source_lines.is_empty() {
            lines.push(format!("\n[sources.{}]", source.name()));
            lines.extend(source_lines);
        }
    }
    lines.join("\n") + "\n"
}

/// A key with its value, or with a list of values; none without a value.
fn line(key: &str, values: &[String]) -> Option<String> {
    match values {
        [] => None,
        [one] => Some(format!("{key} = {one}")),
        many => Some(format!("{key} = [{}]", many.join(", "))),
    }
}

/// What the settings say about a source, a line each.
fn source_lines(settings: &Settings, source: Source) -> Vec<String> {
    let mut lines = Vec::new();
    let paths = settings.paths.iter().filter(|(named, _)| *named == source);
    let paths: Vec<String> = paths.map(|(_, path)| quoted(path)).collect();
    lines.extend(line("path", &paths));
    let lists = settings.files_from.iter();
    for (_, list) in lists.filter(|(named, _)| *named == source) {
        lines.push(format!(
            "files_from = {}",
            quoted(&list.display().to_string())
        ));
    }
    let columns = settings.columns.iter();
    let columns = columns.filter(|(named, ..)| *named == source);
    let columns: Vec<String> = columns
        .map(|(_, ours, theirs)| format!("{ours} = {}", quoted(theirs)))
        .collect();
    if !columns.is_empty() {
        lines.push(format!("columns = {{ {} }}", columns.join(", ")));
    }
    let own = settings.source_settings.iter();
    for (_, own) in own.filter(|(named, _)| *named == source) {
        lines.extend(members_of(&json!(own)));
    }
    let own = settings.sequences();
    let mut defaults = ActionSource::defaults().into_iter();
    let action = own.actions.iter().find(|action| action.source == source);
    if let Some(action) = action.filter(|action| !defaults.any(|default| default == **action)) {
        lines.extend(action_lines(action));
    }
    let embargoes = own.embargo_us.iter();
    for (_, micros) in embargoes.filter(|(named, _)| *named == source) {
        lines.push(format!("embargo = \"{}s\"", micros / 1_000_000));
    }
    let available = own.available.iter();
    for (_, column) in available.filter(|(named, _)| *named == source) {
        lines.push(format!("available = {}", quoted(column)));
    }
    lines
}

/// The declaration of a source of actions, with the members that a manifest has.
fn action_lines(action: &ActionSource) -> Vec<String> {
    let mut members = json!(action);
    members
        .as_object_mut()
        .map(|members| members.shift_remove("source"));
    members_of(&members)
}

/// The members of an object, a line each.
fn members_of(object: &Value) -> Vec<String> {
    let members = object.as_object().into_iter().flatten();
    members
        .map(|(name, value)| format!("{name} = {}", toml(value)))
        .collect()
}

/// A value of JSON as TOML.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter();
            let members =
                members.map(|(name, value)| format!("{} = {}", quoted(name), toml(value)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(toml).collect();
            format!("[{}]", values.join(", "))
        }
        value => value.to_string(),
    }
}

/// The value of a flag: a number if it is a whole number, else a text.
fn value(text: &str) -> String {
    // A text such as 007 or +7 parses too, but would not come back as it is written.
    let is_number = text
        .parse::<i64>()
        .is_ok_and(|number| number.to_string() == text);
    if is_number {
        text.to_owned()
    } else {
        quoted(text)
    }
}
