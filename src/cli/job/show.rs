//! A job as TOML: every flag with its value, and every source.

use clap::{ArgMatches, Command};
use hitherto::{ActionSource, Settings, Source, Types, date_text};

use super::fill::{is_switch, key_of};
use super::sources::other_word;

/// Flags that sources tell.
const OF_SOURCES: [&str; 3] = ["columns", "available", "embargo"];

/// A job file that says what some matches and settings say, and no less.
pub(super) fn text(command: &Command, matches: &ArgMatches, settings: &Settings) -> String {
    let mut lines = vec![format!("job = {}", quoted(settings.question.name()))];
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
        let values: Vec<String> = values.map(|of| value(&of.to_string_lossy())).collect();
        match &values[..] {
            [] => {}
            [one] => lines.push(format!("{key} = {one}")),
            many => lines.push(format!("{key} = [{}]", many.join(", "))),
        }
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

/// What a job says of a source; nothing if that is nothing.
fn source_lines(settings: &Settings, source: Source) -> Vec<String> {
    let mut lines = Vec::new();
    let paths = settings.paths.iter().filter(|(of, _)| *of == source);
    let paths: Vec<String> = paths.map(|(_, path)| quoted(path)).collect();
    match &paths[..] {
        [] => {}
        [one] => lines.push(format!("path = {one}")),
        many => lines.push(format!("path = [{}]", many.join(", "))),
    }
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
    let of = settings.actions.iter().find(|of| of.source == source);
    if let Some(of) = of.filter(|of| !usual.any(|usual| usual == **of)) {
        lines.extend(action_lines(of));
    }
    for (_, micros) in settings.embargo_us.iter().filter(|(of, _)| *of == source) {
        lines.push(format!("embargo = \"{}s\"", micros / 1_000_000));
    }
    for (_, column) in settings.available.iter().filter(|(of, _)| *of == source) {
        lines.push(format!("available = {}", quoted(column)));
    }
    lines
}

/// Types and choices of a source of actions.
fn action_lines(of: &ActionSource) -> Vec<String> {
    let mut lines = Vec::new();
    match &of.types {
        Types::Constant(code) => lines.push(format!("type = {code}")),
        Types::Column {
            column,
            codes,
            other,
        } => {
            let codes = codes
                .iter()
                .map(|(value, code)| format!("{} = {code}", quoted(value)));
            let codes: Vec<String> = codes.collect();
            lines.push(format!("type_column = {}", quoted(column)));
            lines.push(format!("types = {{ {} }}", codes.join(", ")));
            lines.push(format!("other_types = {}", quoted(other_word(*other))));
        }
    }
    let only = of.only.iter().map(|(column, values)| {
        let values: Vec<String> = values.iter().map(|of| quoted(of)).collect();
        format!("{} = [{}]", quoted(column), values.join(", "))
    });
    let only: Vec<String> = only.collect();
    if !only.is_empty() {
        lines.push(format!("where = {{ {} }}", only.join(", ")));
    }
    lines
}

/// A text in quotes: the escapes of JSON are those of TOML.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
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
