//! The manifest of a set to a job file, which makes the same set again from the same files.
//!
//! **In / Out**: `OUT/_manifest.json` → flags of its settings, sources with the files that it lists, and
//! its days. **Invariants**: a setting with the name and the words of its flag needs no code here;
//! [`key_of`] has the others.

use std::mem;
use std::path::PathBuf;

use hitherto::{PublishedJob, Settings, Source};
use serde_json::Value;

use super::sources::FileSource;
use super::{FileKey, JobFile, refuse};

/// Settings that go to the sources.
const SOURCE_SETTINGS: [&str; 5] = [
    "action_sources",
    "available",
    "columns",
    "embargo_us",
    "source_settings",
];

/// Reads the manifest of a whole set.
///
/// # Errors
/// If it is no manifest, or that of a day, or a member is not as expected.
pub(super) fn parse(name: String, text: &str) -> hitherto::Result<JobFile> {
    let job = PublishedJob::parse(text).map_err(|what| refuse(format!("{name} {what}")))?;
    let mut keys = Vec::new();
    let new_key = |key: String, values: Vec<String>| FileKey {
        name: key,
        place: name.clone(),
        values,
    };
    for (setting, value) in &job.settings {
        // Years are in place of days, and both have one flag.
        let is_moot = setting == "lookback_days" && job.settings.contains_key("lookback_years");
        if !is_moot && !SOURCE_SETTINGS.contains(&setting.as_str()) {
            let key = key_of(setting, value).ok_or_else(|| {
                refuse(format!(
                    "{name} is no manifest of a set: \"{setting}\" is not as expected"
                ))
            })?;
            keys.extend(key.map(|(key, values)| new_key(key, values)));
        }
    }
    let are_actions = job.settings.contains_key("impressions_from");
    let format = job.format.into_iter();
    keys.extend(format.map(|format| new_key("format".to_owned(), vec![format])));
    Ok(JobFile {
        job_kind: Some(job.job_kind),
        base: PathBuf::new(),
        name,
        keys,
        days: job.days,
        sources: sources(
            job.of_sources,
            // Impressions that are actions are in the files of these.
            job.inputs
                .into_iter()
                .filter(|(source, _)| !are_actions || *source != Source::Impressions)
                .collect(),
            job.settings.contains_key("action_sources"),
        ),
    })
}

/// The key of a setting and its values: `Some(None)` if the setting needs no key, `None` if its value is
/// not as expected.
fn key_of(name: &str, value: &Value) -> Option<Option<(String, Vec<String>)>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    let key = |name: &str, values: Vec<String>| Some(Some((name.to_owned(), values)));
    match (name, value) {
        ("pad", Value::Bool(pad)) => key("no_pad", vec![(!pad).to_string()]),
        ("lookback_years", Value::Number(years)) => key("lookback_days", vec![format!("{years}y")]),
        ("lookback_days", Value::Null) => key(name, vec!["none".to_owned()]),
        ("max_actions", Value::Null) => key(name, vec!["all".to_owned()]),
        // The path in "item_vocabulary" is enough.
        ("item_vocabulary_from", _) => Some(None),
        ("impressions_where", Value::Object(columns)) => {
            let pairs = columns.iter().map(|(column, texts)| {
                let texts = texts.as_array()?.iter();
                let pair = |text: &Value| Some(format!("{column}={}", text.as_str()?));
                texts.map(pair).collect::<Option<Vec<String>>>()
            });
            let pairs: Vec<Vec<String>> = pairs.collect::<Option<_>>()?;
            key(name, pairs.concat())
        }
        ("rename", Value::Object(columns)) => {
            let pairs = columns.iter();
            let pairs = pairs.map(|(name, other)| Some(format!("{name}={}", other.as_str()?)));
            key(name, pairs.collect::<Option<_>>()?)
        }
        ("windows_us", Value::Object(windows)) => key("windows", windows.keys().cloned().collect()),
        ("id_types", Value::Object(types)) => {
            // Types that differ are those of the columns, not of a flag.
            let types: Vec<String> = types.values().map(text).collect::<Option<_>>()?;
            let is_one = types.iter().all(|id_type| *id_type == types[0]);
            match types.first().filter(|_| is_one) {
                Some(id_type) => key("id_type", vec![id_type.clone()]),
                None => Some(None),
            }
        }
        // Of `features`; its flag has the name that it has in `sequences`.
        ("kept", Value::Array(values)) => {
            key("keep", values.iter().map(text).collect::<Option<_>>()?)
        }
        // Not given in the run either. `lookback_days` above differs: there null is a choice, and
        // no flag would mean the default.
        (_, Value::Null) => Some(None),
        (_, Value::Array(values)) => key(name, values.iter().map(text).collect::<Option<_>>()?),
        _ => match name.strip_suffix("_us") {
            Some(name) => key(name, vec![seconds(value.as_i64()?)?]),
            None => key(name, vec![text(value)?]),
        },
    }
}

/// A duration of whole seconds, as a flag takes it.
fn seconds(micros: i64) -> Option<String> {
    // No flag takes less than a second; only the library can set such a duration.
    let is_whole = micros % 1_000_000 == 0;
    is_whole.then(|| format!("{}s", micros / 1_000_000))
}

/// The sources of settings and inputs.
fn sources(
    mut settings: Settings,
    inputs: Vec<(Source, String)>,
    are_declared: bool,
) -> Vec<FileSource> {
    let own = mem::take(settings.sequences_mut());
    let declared = own.actions.into_iter().filter(|_| are_declared);
    let mut sources: Vec<FileSource> = declared
        .map(|action| FileSource {
            types: Some(action.types),
            only: action.only,
            ..FileSource::new(action.source)
        })
        .collect();
    for (source, path) in inputs {
        match sources.iter_mut().find(|known| known.source == source) {
            Some(known) => known.paths.push(path),
            None => sources.push(FileSource {
                paths: vec![path],
                ..FileSource::new(source)
            }),
        }
    }
    // An entry for each, in their order, which the manifest of the new set records too.
    let columns = settings
        .columns
        .into_iter()
        .map(|(source, ours, theirs)| FileSource {
            columns: vec![(ours, theirs)],
            ..FileSource::new(source)
        });
    let available = own
        .available
        .into_iter()
        .map(|(source, column)| FileSource {
            available: Some(column),
            ..FileSource::new(source)
        });
    let embargo = own
        .embargo_us
        .into_iter()
        .map(|(source, micros)| FileSource {
            embargo_us: Some(micros),
            ..FileSource::new(source)
        });
    let read = settings.source_settings.into_iter();
    let read = read.map(|(source, settings)| FileSource {
        settings,
        ..FileSource::new(source)
    });
    sources.extend(columns.chain(available).chain(embargo).chain(read));
    sources
}
