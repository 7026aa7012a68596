//! A job as TOML: every flag with its value, and every source.

use clap::{ArgMatches, Command};
use hitherto::{ActionSource, Settings, Source, date_text};
use serde_json::{Value, json};

use super::fill::{is_switch, key_of};

/// Flags that sources tell.
const OF_SOURCES: [&str; 3] = ["columns", "available", "embargo"];

/// A job file that says what some matches and settings say, and no less.
pub(super) fn text(command: &Command, matches: &ArgMatches, settings: &Settings) -> String {
    let mut lines = vec![format!("job = {}", quoted(settings.kind().name()))];
    for arg in command.get_arguments() {
        let id = arg.get_id().as_str();
        let Some(key) = key_of(arg).filter(|key| !OF_SOURCES.contains(&key.as_str())) else {
            continue;
        };
        if is_switch(arg) {
            lines.push(format!("{key} = {}", matches.get_flag(id)));
            continue;
        }
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
        let of_source = source_lines(settings, source);
        if !of_source.is_empty() {
            lines.push(format!("\n[sources.{}]", source.name()));
            lines.extend(of_source);
        }
    }
    lines.join("\n") + "\n"
}

/// A key with its value, or with a list of them; nothing if there is none.
fn line(key: &str, values: &[String]) -> Option<String> {
    match values {
        [] => None,
        [one] => Some(format!("{key} = {one}")),
        many => Some(format!("{key} = [{}]", many.join(", "))),
    }
}

/// What a job says of a source; nothing if that is nothing.
fn source_lines(settings: &Settings, source: Source) -> Vec<String> {
    let mut lines = Vec::new();
    let paths = settings.paths.iter().filter(|(of, _)| *of == source);
    let paths: Vec<String> = paths.map(|(_, path)| quoted(path)).collect();
    lines.extend(line("path", &paths));
    for (_, list) in settings.files_from.iter().filter(|(of, _)| *of == source) {
        lines.push(format!(
            "files_from = {}",
            quoted(&list.display().to_string())
        ));
    }
    let columns = settings.columns.iter().filter(|(of, ..)| *of == source);
    let columns: Vec<String> = columns
        .map(|(_, ours, theirs)| format!("{ours} = {}", quoted(theirs)))
        .collect();
    if !columns.is_empty() {
        lines.push(format!("columns = {{ {} }}", columns.join(", ")));
    }
    let mut usual = ActionSource::defaults().into_iter();
    let of = settings
        .sequences()
        .actions
        .iter()
        .find(|of| of.source == source);
    if let Some(of) = of.filter(|of| !usual.any(|usual| usual == **of)) {
        lines.extend(action_lines(of));
    }
    for (_, micros) in settings
        .sequences()
        .embargo_us
        .iter()
        .filter(|(of, _)| *of == source)
    {
        lines.push(format!("embargo = \"{}s\"", micros / 1_000_000));
    }
    for (_, column) in settings
        .sequences()
        .available
        .iter()
        .filter(|(of, _)| *of == source)
    {
        lines.push(format!("available = {}", quoted(column)));
    }
    lines
}

/// Types and choices of a source of actions, as a manifest has them.
fn action_lines(action: &ActionSource) -> Vec<String> {
    let members = json!(action);
    let members = members.as_object().into_iter().flatten();
    let members = members.filter(|(name, _)| *name != "source");
    let lines = members.map(|(name, value)| format!("{name} = {}", toml(value)));
    lines.collect()
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

/// A text in quotes: the escapes of JSON are those of TOML.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The value of a flag: a number if it is one, else a text.
fn value(text: &str) -> String {
    let is_number = text
        .parse::<i64>()
        .is_ok_and(|number| number.to_string() == text);
    if is_number {
        text.to_owned()
    } else {
        quoted(text)
    }
}
