//! Sections that are lists: bad rows, missing days, settings.

use serde_json::{Map, Value};

use super::chart::table;
use super::text::count;
use crate::calendar::date_text;
use crate::metrics::{MissingDays, RejectedRows};
use crate::warnings::WarningEntry;

/// Rows that could not be used, by reason.
pub(crate) fn rejected_section(rejected: Option<&RejectedRows>) -> String {
    let total = rejected.map_or(0, |rejected| rejected.rows);
    let reasons = rejected.into_iter().flat_map(|rejected| &rejected.reasons);
    let rows: Vec<Vec<String>> = reasons
        .map(|reason| {
            let examples = reason.examples.iter();
            let examples =
                examples.map(|row| format!("{}, row {}: {}", row.file, row.row, row.found));
            vec![
                reason.source.clone(),
                reason.column.clone(),
                reason.expected.clone(),
                count(reason.rows),
                examples.collect::<Vec<_>>().join("; "),
            ]
        })
        .collect();
    let names = ["Source", "Column", "Expected", "#Rows", "For example"].map(str::to_owned);
    let body = if rows.is_empty() {
        "<p>None: every row could be used.</p>".to_owned()
    } else {
        table("Rejected rows by reason", &names, &rows)
    };
    let note = match total {
        0 => String::new(),
        total => format!(
            "<p class=\"soft\">{} rows of the run that made the latest day; they lie in <code>_quarantine</code>.</p>",
            count(total)
        ),
    };
    format!(
        "<section class=\"wide\" aria-labelledby=\"rejected\"><h2 id=\"rejected\">Bad rows</h2>{note}{body}</section>\n"
    )
}

/// The warnings; nothing if there are none.
pub(crate) fn warnings_section(warnings: &[WarningEntry]) -> String {
    if warnings.is_empty() {
        return String::new();
    }
    let row = |warning: &WarningEntry| vec![warning.code.replace('_', " "), warning.text.clone()];
    let rows: Vec<Vec<String>> = warnings.iter().map(row).collect();
    let names = ["Warning", "What was found"].map(str::to_owned);
    format!(
        "<section class=\"wide\" aria-labelledby=\"warnings\"><h2 id=\"warnings\">Warnings</h2>{}</section>\n",
        table(
            "Warnings of the run that made the latest day",
            &names,
            &rows
        )
    )
}

/// Days that sources have no files of.
pub(crate) fn missing_section(missing: &MissingDays) -> String {
    let rows = missing.iter().map(|(source, ranges)| {
        let ranges = ranges.as_ref().map(|ranges| {
            let ranges = ranges.iter().map(|(first, last)| {
                if first == last {
                    date_text(*first)
                } else {
                    format!("{} to {}", date_text(*first), date_text(*last))
                }
            });
            ranges.collect::<Vec<_>>().join(", ")
        });
        let text = match ranges {
            None => "not known: its files do not lie by day".to_owned(),
            Some(none) if none.is_empty() => "none".to_owned(),
            Some(ranges) => ranges,
        };
        vec![source.clone(), text]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let names = ["Source", "Missing days"].map(str::to_owned);
    format!(
        "<section aria-labelledby=\"missing\"><h2 id=\"missing\">Missing days</h2>{}</section>\n",
        table("Days without a file, by source", &names, &rows)
    )
}

/// The settings of the job.
pub(crate) fn settings_section(settings: &Value) -> String {
    let settings = settings.as_object().into_iter().flatten();
    let rows: Vec<Vec<String>> = settings
        .map(|(name, value)| vec![name.replace('_', " "), setting_text(value)])
        .collect();
    let names = ["Setting", "Value"].map(str::to_owned);
    format!(
        "<section class=\"wide\" aria-labelledby=\"settings\"><h2 id=\"settings\">Settings</h2>{}</section>\n",
        table("Settings of the job", &names, &rows)
    )
}

/// A setting as text for people.
fn setting_text(value: &Value) -> String {
    let of_object = |object: &Map<String, Value>| {
        let members = object.iter();
        let members = members.map(|(name, value)| format!("{name} = {}", setting_text(value)));
        members.collect::<Vec<_>>().join(", ")
    };
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values
            .iter()
            .map(setting_text)
            .collect::<Vec<_>>()
            .join("; "),
        Value::Object(object) => of_object(object),
        other => other.to_string(),
    };
    if text.is_empty() {
        "none".to_owned()
    } else {
        text
    }
}
