//! Sections that are lists: bad rows, missing days, settings.

use serde_json::{Map, Value};

use super::chart::table;
use super::text::{Unit, count, metric};

/// Rows that could not be used, by reason.
pub(super) fn rejected_section(own: &Value) -> String {
    let rejected = &own["run"]["rejected"];
    let total = rejected["rows"].as_u64().unwrap_or(0);
    let reasons = rejected["reasons"].as_array().into_iter().flatten();
    let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    let rows: Vec<Vec<String>> = reasons
        .map(|reason| {
            let examples = reason["examples"].as_array().into_iter().flatten();
            let examples = examples.map(|of| {
                format!(
                    "{}, row {}: {}",
                    text(&of["file"]),
                    of["row"],
                    text(&of["found"])
                )
            });
            vec![
                text(&reason["source"]),
                text(&reason["column"]),
                text(&reason["expected"]),
                metric(&reason["rows"], Unit::Count),
                examples.collect::<Vec<_>>().join("; "),
            ]
        })
        .collect();
    let names = ["Source", "Column", "Expected", "#Rows", "For example"].map(str::to_owned);
    let body = match rows.is_empty() {
        true => "<p>None: every row could be used.</p>".to_owned(),
        false => table("Rejected rows by reason", &names, &rows),
    };
    let told = match total {
        0 => String::new(),
        total => format!(
            "<p class=\"soft\">{} rows of the run that made the latest day; they lie in <code>_quarantine</code>.</p>",
            count(total)
        ),
    };
    format!(
        "<section class=\"wide\" aria-labelledby=\"rejected\"><h2 id=\"rejected\">Bad rows</h2>{told}{body}</section>\n"
    )
}

/// What a person should look at; nothing if there is nothing.
pub(super) fn warnings_section(own: &Value) -> String {
    let warnings = own["warnings"].as_array().map_or(&[][..], Vec::as_slice);
    if warnings.is_empty() {
        return String::new();
    }
    let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    let rows: Vec<Vec<String>> = warnings
        .iter()
        .map(|of| vec![text(&of["code"]).replace('_', " "), text(&of["text"])])
        .collect();
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
pub(super) fn missing_section(own: &Value) -> String {
    let sources = own["missing_days_by_source"]
        .as_object()
        .into_iter()
        .flatten();
    let rows: Vec<Vec<String>> = sources
        .map(|(source, ranges)| {
            let told = ranges.as_array().map(|ranges| {
                let ranges = ranges.iter().map(|range| {
                    let day = |at: usize| range[at].as_str().unwrap_or_default();
                    match day(0) == day(1) {
                        true => day(0).to_owned(),
                        false => format!("{} to {}", day(0), day(1)),
                    }
                });
                ranges.collect::<Vec<_>>().join(", ")
            });
            let told = told.map(|told| {
                if told.is_empty() {
                    "none".to_owned()
                } else {
                    told
                }
            });
            vec![
                source.clone(),
                told.unwrap_or_else(|| "not known: its files do not lie by day".to_owned()),
            ]
        })
        .collect();
    let names = ["Source", "Missing days"].map(str::to_owned);
    format!(
        "<section aria-labelledby=\"missing\"><h2 id=\"missing\">Missing days</h2>{}</section>\n",
        table("Days without a file, by source", &names, &rows)
    )
}

/// The settings of the job.
pub(super) fn settings_section(manifest: &Value) -> String {
    let settings = manifest["settings"].as_object().into_iter().flatten();
    let rows: Vec<Vec<String>> = settings
        .map(|(name, value)| vec![name.replace('_', " "), told(value)])
        .collect();
    let names = ["Setting", "Value"].map(str::to_owned);
    format!(
        "<section class=\"wide\" aria-labelledby=\"settings\"><h2 id=\"settings\">Settings</h2>{}</section>\n",
        table("Settings of the job", &names, &rows)
    )
}

/// A setting as people read it.
fn told(value: &Value) -> String {
    let of_object = |object: &Map<String, Value>| {
        let members = object.iter();
        let members = members.map(|(name, value)| format!("{name} = {}", told(value)));
        members.collect::<Vec<_>>().join(", ")
    };
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(told).collect::<Vec<_>>().join("; "),
        Value::Object(object) => of_object(object),
        other => other.to_string(),
    };
    match text.is_empty() {
        true => "none".to_owned(),
        false => text,
    }
}
