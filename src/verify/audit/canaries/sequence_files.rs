//! Canary cases of `sequences` to NDJSON files, and the settings of a job that reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::input::{attribute_values, planted_columns};
use super::near::time_value;
use super::sequence_cases::CanaryCase;
use crate::calendar::date_text;
use crate::error::{Error, Result};
use crate::ids::Day;
use crate::job::{
    ActionSource, CustomerType, Format, OnBadRow, Publish, Sequences, Settings, Source, TimeUnit,
    Types,
};
use crate::reference::LogAction;

/// The availability column in planted files.
const KNOWN_AT: &str = "known_at";
/// The type column in planted files, where there is one.
const KIND: &str = "kind";

/// Writes the logs of all cases; gives the settings of a job that reads them.
///
/// # Errors
/// If a file cannot be written.
pub(super) fn write(settings: &Settings, dir: &Path, cases: &[CanaryCase<'_>]) -> Result<Settings> {
    let mut files: BTreeMap<Source, String> = BTreeMap::new();
    let has_text_ids = settings.customer_type == Some(CustomerType::String);
    let customer_value = |customer: &Option<String>| match customer {
        // These ids were read as integers, so they always parse.
        Some(id) if !has_text_ids => json!(id.parse::<i64>().unwrap_or_default()),
        other => json!(other),
    };
    let mut add = |source: Source, row: Map<String, Value>| {
        let text = files.entry(source).or_default();
        *text += &format!("{}\n", Value::Object(row));
    };
    for case in cases {
        let impression = case.impression;
        let items = impression.items.iter();
        let items = items.map(|(item, label)| json!({"item_id": item, "is_order": label}));
        let mut row = Map::new();
        row.insert("dt".into(), json!(date_text(Day(impression.day))));
        row.insert("ranking_id".into(), json!(impression.ranking));
        row.insert("customer_id".into(), customer_value(&impression.customer));
        row.insert("impressions".into(), items.collect());
        let time = impression.time.map(time_value);
        row.insert("impression_time".into(), json!(time));
        add(Source::Impressions, row);
        for action in &case.log {
            let customer = customer_value(&action.customer);
            let (source, row) = action_row(settings, customer, action);
            add(source, row);
        }
    }
    let mut paths = Vec::new();
    for (source, text) in files {
        let path = dir.join(format!("{}.ndjson", source.name()));
        fs::write(&path, text).map_err(|error| Error::io("write", &path, error))?;
        paths.push((source, path.display().to_string()));
    }
    Ok(settings_of(settings, dir, paths))
}

/// The settings of a job that reads planted files.
fn settings_of(settings: &Settings, dir: &Path, paths: Vec<(Source, String)>) -> Settings {
    let own = settings.sequences();
    let is_written = |source: &Source| paths.iter().any(|(written, _)| written == source);
    let available = own.available.iter().map(|(source, _)| *source);
    let available = available.filter(is_written);
    Settings {
        ask: Sequences {
            available: available
                .map(|source| (source, KNOWN_AT.to_owned()))
                .collect(),
            actions: own.actions.iter().map(planted_source).collect(),
            without: Vec::new(),
            // The impressions are written as lists, with the time of each.
            impressions_from: None,
            impressions_where: Vec::new(),
            lateness_max_us: None,
            ..own.clone()
        }
        .into(),
        // So few rows may leave a source without effect, which is no fault of the set.
        allow_unused: true,
        dir: None,
        files_from: Vec::new(),
        out: dir.join("out"),
        publish: Publish::New,
        columns: planted_columns(settings),
        time_unit: Some(TimeUnit::Micro),
        time_format: None,
        source_settings: Vec::new(),
        format: Some(Format::Ndjson),
        on_bad_row: OnBadRow::Error,
        threads: 1,
        paths,
        ..settings.clone()
    }
}

/// An action as a record of a planted file, and the source of that file.
fn action_row(
    settings: &Settings,
    customer: Value,
    action: &LogAction,
) -> (Source, Map<String, Value>) {
    let log = &settings.sequences().actions[action.log];
    let (item, time) = match log.source {
        Source::Clicks => ("item_id", "click_time"),
        Source::Carts | Source::Orders => ("config_id", "occurred_at"),
        _ => ("item_id", "time"),
    };
    let mut row = Map::new();
    row.insert("customer_id".into(), customer);
    row.insert(item.into(), json!(action.item));
    row.insert(time.into(), time_value(action.time));
    if let Some(known) = action.available {
        row.insert(KNOWN_AT.into(), json!(known.map(time_value)));
    }
    row.extend(attribute_values(&action.attributes).unwrap_or_default());
    if let Types::Column { .. } = log.types {
        row.insert(KIND.into(), json!(action.kind));
    }
    (log.source, row)
}

/// A source of actions as its planted file has it: all rows count, and types are codes.
fn planted_source(log: &ActionSource) -> ActionSource {
    let types = match &log.types {
        Types::Constant(code) => Types::Constant(*code),
        Types::Column { other, .. } => {
            let codes: BTreeSet<u8> = log.codes().into_iter().collect();
            // The value of a type is its code here, as several values may share one.
            let codes = codes.into_iter().map(|code| (code.to_string(), code));
            Types::Column {
                column: KIND.to_owned(),
                codes: codes.collect(),
                other: *other,
            }
        }
    };
    ActionSource {
        source: log.source,
        types,
        only: Vec::new(),
    }
}
