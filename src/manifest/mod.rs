//! What was published, written down: settings, inputs, parts, counts.
//!
//! **In / Out**: a job and what its run found → `_manifest.json`, of a day or of the whole.
//! **Invariants**: a function of input and settings: no clock, host, thread count, memory limit,
//! nor how far the early stop read. The manifest of the whole is made from those of its days,
//! so it is right however they came together. Each ends with a checksum of itself.

mod runs;
mod seal;
mod settings;

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::calendar::{date_text, instant_text};
use crate::error::{Error, Result};
use crate::ids::{Day, Micros};
use crate::job::{Format, Question};
use crate::options::{value_of, word_of};
use crate::publish::{MANIFEST, Part, VOCABULARY, days_in};
use crate::{regular, vocabulary};

pub(crate) use self::runs::{RunFiles, digest_of_list, empty_count, list_of};
pub(crate) use self::seal::{seal_of, sealed};
pub use self::settings::source_settings;
pub(crate) use self::settings::{
    dwell_settings, event_types, feature_settings, feature_types, parse_settings, settings,
};

/// The word for a format.
pub(crate) fn format_name(format: Format) -> String {
    word_of(&format)
}

/// The format of a word.
pub(crate) fn format_of(word: &Value) -> Option<Format> {
    value_of(word.as_str()?)
}

/// Settings that days of one output need not share: they change no row. Where a vocabulary lies does
/// not, as its digest is a setting of its own.
pub(crate) const NOT_SHARED: [&str; 4] =
    ["max_bad_rows", "item_vocabulary", "allow_unused", "no_warn"];

/// The manifest of one day.
pub(crate) struct DayManifest<'a> {
    /// What is asked.
    pub(crate) question: Question,
    /// The day.
    pub(crate) day: Day,
    /// [`settings()`] of the job.
    pub(crate) settings: &'a Value,
    /// The files of its impressions.
    pub(crate) inputs: Vec<Value>,
    /// What the run read and rejected: of the files of actions there is only a digest here, and
    /// the whole's manifest lists them.
    pub(crate) run: &'a RunFiles,
    /// What the run found among the actions; the same for all days of a run.
    pub(crate) actions: &'a Value,
    /// What it found among the impressions of the day.
    pub(crate) counts: Value,
    /// The earliest and the latest cutoff, if there is a row.
    pub(crate) cutoffs: Option<(Micros, Micros)>,
    /// The parts.
    pub(crate) parts: &'a [Part],
}

impl DayManifest<'_> {
    /// The manifest as JSON text.
    pub(crate) fn text(&self) -> Vec<u8> {
        let parts: Vec<Value> = self.parts.iter().map(part).collect();
        let range = self
            .cutoffs
            .map(|(first, last)| [instant_text(first), instant_text(last)]);
        let mut manifest = head(self.question, "day");
        manifest.insert("day".into(), json!(date_text(self.day)));
        manifest.insert("settings".into(), self.settings.clone());
        manifest.insert("counts".into(), self.counts.clone());
        manifest.insert("cutoffs".into(), json!(range));
        manifest.insert("actions".into(), self.actions.clone());
        manifest.insert("parts".into(), Value::Array(parts));
        // How many items there were, and which, whatever comes behind them later.
        if let Value::Object(of) = &self.run.vocabulary {
            let own = ["items", "xxh64_of_items"];
            let own = own.map(|name| (name.to_owned(), of[name].clone()));
            manifest.insert("vocabulary".into(), own.into_iter().collect());
        }
        manifest.insert("inputs".into(), json!(self.inputs));
        manifest.insert("action_inputs".into(), self.run.action_inputs());
        let empty = empty_count(self.inputs.iter()) + self.run.actions_empty;
        manifest.insert("empty_inputs".into(), json!(empty));
        manifest.insert("quarantine".into(), json!(self.run.quarantine));
        sealed(manifest)
    }
}

/// One part.
pub(crate) fn part(part: &Part) -> Value {
    json!({
        "path": part.name,
        "rows": part.rows,
        "row_groups": part.row_groups,
        "bytes": part.bytes,
        "xxh64": format!("{:016x}", part.checksum),
    })
}

/// The vocabulary of items, with the digest of these.
pub(crate) fn vocabulary_value(file: &Part, digest: u64) -> Value {
    let mut value = part(file);
    value["items"] = json!(file.rows);
    value["xxh64_of_items"] = json!(format!("{digest:016x}"));
    value
}

/// What every manifest starts with.
pub(crate) fn head(question: Question, of: &str) -> Map<String, Value> {
    let mut manifest = Map::new();
    manifest.insert(
        "made_by".into(),
        json!(concat!("hitherto ", env!("CARGO_PKG_VERSION"))),
    );
    manifest.insert("job".into(), json!(question.name()));
    manifest.insert("of".into(), json!(of));
    manifest
}

/// The manifest of the whole, made from those of the days in a folder, and from the files of this
/// run and of those before it.
///
/// # Errors
/// If one of them cannot be read.
pub(crate) fn whole(
    question: Question,
    out: &Path,
    settings: &Value,
    run: &RunFiles,
) -> Result<Vec<u8>> {
    let before = out.join(MANIFEST);
    let before = match before.is_file() {
        true => read(&before)?,
        false => Value::Null,
    };
    let (mut days, mut parts, mut manifests) = (Vec::new(), Vec::new(), Vec::new());
    let (mut counts, mut actions) = (Map::new(), Value::Null);
    for (day, folder) in days_in(question, out)? {
        let mut manifest = read(&folder.join(MANIFEST))?;
        let day = date_text(day);
        for part in manifest["parts"].as_array().into_iter().flatten() {
            let mut part = part.clone();
            let path = part["path"].as_str().unwrap_or_default();
            part["path"] = json!(format!("{}={day}/{path}", question.day_column()));
            parts.push(part);
        }
        for (name, count) in manifest["counts"].as_object().into_iter().flatten() {
            let sum = counts.get(name).and_then(Value::as_u64).unwrap_or(0);
            counts.insert(name.clone(), json!(sum + count.as_u64().unwrap_or(0)));
        }
        actions = manifest["actions"].take();
        days.push(
            json!({"day": day, "counts": manifest["counts"], "cutoffs": manifest["cutoffs"]}),
        );
        manifests.push(manifest);
    }
    let vocabulary = match run.vocabulary.is_null() {
        true => vocabulary_there(out, before["vocabulary"].clone())?,
        false => run.vocabulary.clone(),
    };
    let (inputs, action_inputs) = runs::inputs_of_whole(&manifests, &before, run);
    let mut manifest = head(question, "whole");
    manifest.insert("settings".into(), settings.clone());
    manifest.insert("counts".into(), Value::Object(counts));
    // Actions are counted per run, and runs of several days share them: the latest day's count.
    manifest.insert("actions".into(), actions);
    manifest.insert("days".into(), Value::Array(days));
    manifest.insert("parts".into(), Value::Array(parts));
    if !vocabulary.is_null() {
        manifest.insert("vocabulary".into(), vocabulary);
    }
    let empty = inputs.as_array().into_iter().flatten();
    let empty = json!(empty_count(empty));
    manifest.insert("inputs".into(), inputs);
    manifest.insert("action_inputs".into(), action_inputs);
    manifest.insert("empty_inputs".into(), empty);
    let rejected = quarantine(out, &manifests, &before, run);
    manifest.insert("quarantine".into(), rejected);
    Ok(sealed(manifest))
}

/// The vocabulary of a folder to which a run adds no items, and of which a manifest tells: if a run died
/// behind it, before the manifest, another one is there.
fn vocabulary_there(out: &Path, told: Value) -> Result<Value> {
    let path = out.join(VOCABULARY);
    if told.is_null() || !path.is_file() {
        return Ok(told);
    }
    let (_, checksum) = vocabulary::digest(&path)?;
    if told["xxh64"] == format!("{checksum:016x}") {
        return Ok(told);
    }
    let (file, of_items) = vocabulary::told_of(&path)?;
    Ok(vocabulary_value(&file, of_items))
}

/// The files of rejected rows of all runs: those of days that were replaced stay where they are;
/// one that no day names is not there if its run died before it put it in place.
fn quarantine(out: &Path, days: &[Value], before: &Value, run: &RunFiles) -> Value {
    let named = |of: &Value| of["quarantine"].as_array().cloned().unwrap_or_default();
    let is_there = |file: &Value| {
        out.join(file["path"].as_str().unwrap_or_default())
            .is_file()
    };
    let mut files: Vec<Value> = named(before).into_iter().filter(is_there).collect();
    files.extend(days.iter().flat_map(named));
    files.extend_from_slice(&run.quarantine);
    files.sort_by_cached_key(Value::to_string);
    files.dedup();
    Value::Array(files)
}

/// Checks that an output was made with the same settings, so that all its days are alike.
///
/// # Errors
/// If not, naming the first setting that differs.
pub(crate) fn check_settings(out: &Path, ours: &Value) -> Result<()> {
    let theirs = read(&out.join(MANIFEST))?;
    let theirs = &theirs["settings"];
    let of_both = [ours, theirs].into_iter().filter_map(Value::as_object);
    let names = of_both.flat_map(Map::keys);
    for name in names.filter(|name| !NOT_SHARED.contains(&name.as_str())) {
        let (found, value) = (&theirs[name], &ours[name]);
        // A set that is older than a setting was made without it.
        let is_older = theirs.get(name).is_none() && is_at_rest(value);
        if found != value && !is_older {
            let what = format!("its days were made with {name} {found}, this job has {value}");
            return Err(Error::output(out, what));
        }
    }
    Ok(())
}

/// Whether a setting asks for nothing.
fn is_at_rest(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is_asked) => !is_asked,
        Value::String(word) => word == "none",
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Number(_) => false,
    }
}

/// Reads a manifest.
fn read(path: &Path) -> Result<Value> {
    let text = regular::read(path).map_err(|error| Error::io("read", path, error))?;
    serde_json::from_slice(&text)
        .map_err(|error| Error::output(path, format!("it is no manifest: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejected_rows_that_a_dead_run_did_not_put_in_place_are_forgotten() {
        let out = tempfile::tempdir().expect("a folder");
        let of = |path: &str| json!({"path": path});
        let whole = json!({"quarantine": [of("ours"), of("theirs")]});
        let day = json!({"quarantine": [of("of a day")]});
        let run = RunFiles::new(Vec::new(), vec![of("to come")]);
        let days = [day];
        let expected = json!([of("of a day"), of("to come")]);
        assert_eq!(quarantine(out.path(), &days, &whole, &run), expected);
        std::fs::write(out.path().join("ours"), "").expect("a file");
        let expected = json!([of("of a day"), of("ours"), of("to come")]);
        assert_eq!(quarantine(out.path(), &days, &whole, &run), expected);
    }
}
