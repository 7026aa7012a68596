//! The manifest of a set to a job file: what makes the same set once more, of the same files.
//!
//! **In / Out**: `OUT/_manifest.json` → flags that say what its settings say, sources with the files
//! that it lists, and its days. **Invariants**: a setting that is the flag of the same name needs
//! nothing here; what is told in another way than flags have it stands in [`key_of`].

use std::mem;
use std::path::PathBuf;

use hitherto::{Day, JobKind, Source, parse_day};
use serde_json::Value;

use super::sources::FileSource;
use super::{JobFile, Key, refuse};

/// Settings that become what sources say.
const OF_SOURCES: [&str; 4] = ["action_sources", "available", "columns", "embargo_us"];

/// Reads the manifest of a whole set.
///
/// # Errors
/// If it is none, or that of a day, or tells what makes no sense.
pub(super) fn parse(shown: String, text: &str) -> hitherto::Result<JobFile> {
    let told: Value = serde_json::from_str(text)
        .map_err(|error| refuse(format!("{shown} is no manifest: {error}")))?;
    let broken = |what: &str| refuse(format!("{shown} is no manifest of a set: its \"{what}\""));
    let is_ours = told["made_by"]
        .as_str()
        .is_some_and(|by| by.starts_with("hitherto "));
    if !is_ours {
        return Err(broken("made_by"));
    }
    if told["of"] != "whole" {
        let what = "is of one day; name the _manifest.json of the whole, one folder above";
        return Err(refuse(format!("{shown} {what}")));
    }
    let job_kind = told["job"].as_str().and_then(JobKind::named);
    let settings = told["settings"]
        .as_object()
        .ok_or_else(|| broken("settings"))?;
    let mut keys = Vec::new();
    for (name, value) in settings
        .iter()
        .filter(|(name, _)| !OF_SOURCES.contains(&name.as_str()))
    {
        let key = key_of(name, value).ok_or_else(|| broken(name))?;
        keys.extend(key.map(|(name, values)| Key {
            name,
            place: shown.clone(),
            values,
        }));
    }
    let inputs = told["inputs"].as_array().ok_or_else(|| broken("inputs"))?;
    let formats: Option<Vec<&str>> = inputs.iter().map(|of| of["format"].as_str()).collect();
    if let Some([first, rest @ ..]) = formats.as_deref()
        && rest.iter().all(|of| of == first)
    {
        keys.push(Key {
            name: "format".to_owned(),
            place: shown.clone(),
            values: vec![(*first).to_owned()],
        });
    }
    let sources = sources(&told["settings"], inputs).map_err(broken)?;
    // A set of dwell tells its first day and its last, and is of all there are.
    let days = told["days"]
        .as_array()
        .filter(|_| job_kind != Some(JobKind::Dwell));
    let days = days.into_iter().flatten();
    let days = days.map(|of| of["day"].as_str().and_then(parse_day));
    let days: Option<Vec<Day>> = days.collect();
    Ok(JobFile {
        days: days.ok_or_else(|| broken("days"))?,
        job_kind: Some(job_kind.ok_or_else(|| broken("job"))?),
        base: PathBuf::new(),
        shown,
        keys,
        sources,
    })
}

/// The flag of a setting, and its values; no flag if it is at rest, nothing if it makes no sense.
fn key_of(name: &str, value: &Value) -> Option<Option<(String, Vec<String>)>> {
    let text = |of: &Value| match of {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(of.to_string()),
        _ => None,
    };
    let key = |name: &str, values: Vec<String>| Some(Some((name.to_owned(), values)));
    match (name, value) {
        ("pad", Value::Bool(pad)) => key("no_pad", vec![(!pad).to_string()]),
        ("lookback_days", Value::Null) => key(name, vec!["none".to_owned()]),
        // What the items of a file were is told by the file.
        ("item_vocabulary_from", _) => Some(None),
        ("windows_us", Value::Object(windows)) => key("windows", windows.keys().cloned().collect()),
        ("id_types", Value::Object(types)) => {
            // Where they differ they were those of the columns.
            let types: Vec<String> = types.values().map(text).collect::<Option<_>>()?;
            let is_one = types.iter().all(|of| *of == types[0]);
            match types.first().filter(|_| is_one) {
                Some(of) => key("id_type", vec![of.clone()]),
                None => Some(None),
            }
        }
        (_, Value::Null) => Some(None),
        (_, Value::Array(values)) => key(name, values.iter().map(text).collect::<Option<_>>()?),
        _ => match name.strip_suffix("_us") {
            Some(name) => key(name, vec![seconds(value.as_i64()?)?]),
            None => key(name, vec![text(value)?]),
        },
    }
}

/// A duration as a flag has it, of whole seconds.
fn seconds(micros: i64) -> Option<String> {
    let is_whole = micros % 1_000_000 == 0;
    is_whole.then(|| format!("{}s", micros / 1_000_000))
}

/// What settings and inputs say of sources; or the member that makes no sense.
fn sources(settings: &Value, inputs: &[Value]) -> Result<Vec<FileSource>, &'static str> {
    let mut told = hitherto::source_settings(settings)?;
    let own = mem::take(told.sequences_mut());
    let declared = own.actions.into_iter();
    let declared = declared.filter(|_| !settings["action_sources"].is_null());
    let mut sources: Vec<FileSource> = declared
        .map(|action| FileSource {
            types: Some(action.types),
            only: action.only,
            ..FileSource::new(action.source)
        })
        .collect();
    for input in inputs {
        let path = input["path"].as_str().ok_or("inputs")?;
        let source = input["source"].as_str().and_then(Source::named);
        let source = source.ok_or("inputs")?;
        match sources.iter_mut().find(|known| known.source == source) {
            Some(known) => known.paths.push(path.to_owned()),
            None => sources.push(FileSource {
                paths: vec![path.to_owned()],
                ..FileSource::new(source)
            }),
        }
    }
    // Each an entry of its own, in their order, which the manifest of the new set tells too.
    let columns = told
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
    sources.extend(columns.chain(available).chain(embargo));
    Ok(sources)
}
