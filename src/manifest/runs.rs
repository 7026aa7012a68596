//! Which files each day was made from, also where days came together from many runs.
//!
//! **In / Out**: the inputs of this run and of those before it → `inputs`, each file once, sorted,
//! and `action_inputs`: for every list of files that some day was made from beside its impressions,
//! by the digest that the day's manifest tells, ranges of `inputs`.
//! **Invariants**: a function of the days that are there; of lists that no day names only that of
//! this run stays, which is written down before its days come, as it may die between two of them.
//! **Why so**: nightly runs read nearly the same files, which are neighbours in the list, so a run
//! is a handful of ranges; its files written out would be a megabyte for every day of a year.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use twox_hash::XxHash64;

use crate::job::Source;

/// What one run read and rejected, as values of the manifest.
pub(crate) struct RunFiles {
    /// The files that were read, or proven to need no reading.
    pub(crate) inputs: Vec<Value>,
    /// The file of rejected rows, if there are any.
    pub(crate) quarantine: Vec<Value>,
    /// The vocabulary of items, if the run made one, or null.
    pub(crate) vocabulary: Value,
    /// Of the files beside impressions their number, and the digest of their list.
    actions: (usize, String),
    /// How many of them have no rows.
    pub(super) actions_empty: usize,
}

/// The files of a list beside impressions.
fn of_actions(inputs: &[Value]) -> impl Iterator<Item = &Value> {
    let impressions = Source::Impressions.name();
    inputs.iter().filter(move |of| of["source"] != impressions)
}

/// How many files of a list have no rows.
pub(crate) fn empty_count<'v>(files: impl Iterator<Item = &'v Value>) -> usize {
    files.filter(|file| file["rows"] == 0).count()
}

/// The digest of a list of files, whatever their order.
pub(crate) fn digest_of_list<'v>(files: impl Iterator<Item = &'v Value>) -> String {
    let mut lines: Vec<String> = files.map(|file| format!("{file}\n")).collect();
    lines.sort_unstable();
    format!("{:016x}", XxHash64::oneshot(0, lines.concat().as_bytes()))
}

impl RunFiles {
    /// What a run read, and the file of what it rejected.
    pub(crate) fn new(inputs: Vec<Value>, quarantine: Vec<Value>) -> RunFiles {
        let digest = digest_of_list(of_actions(&inputs));
        let actions = (of_actions(&inputs).count(), digest);
        let actions_empty = empty_count(of_actions(&inputs));
        RunFiles {
            inputs,
            quarantine,
            vocabulary: Value::Null,
            actions,
            actions_empty,
        }
    }

    /// The files beside impressions in the manifest of a day: their number, and the digest by
    /// which the whole's manifest knows them.
    pub(super) fn action_inputs(&self) -> Value {
        let (files, digest) = &self.actions;
        json!({"files": files, "xxh64_of_list": digest})
    }
}

/// The files of one list that a manifest of the whole knows; nothing if it makes no sense.
pub(crate) fn list_of<'v>(whole: &'v Value, digest: &str) -> Option<Vec<&'v Value>> {
    let inputs = whole["inputs"].as_array()?;
    let mut files = Vec::new();
    for range in whole["action_inputs"].get(digest)?.as_array()? {
        let bound = |at: usize| usize::try_from(range.get(at)?.as_u64()?).ok();
        files.extend(inputs.get(bound(0)?..bound(1)?)?);
    }
    Some(files)
}

/// The members `inputs` and `action_inputs` of the whole's manifest, made from the manifests of its
/// days, from the whole's manifest before this run, if there was one, and from this run.
pub(crate) fn inputs_of_whole(days: &[Value], before: &Value, run: &RunFiles) -> (Value, Value) {
    let mut lists: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for digest in before["action_inputs"].as_object().into_iter().flatten() {
        if let Some(files) = list_of(before, digest.0) {
            lists.insert(digest.0.clone(), files);
        }
    }
    let own = &run.actions.1;
    lists.insert(own.clone(), of_actions(&run.inputs).collect());
    let digests = days
        .iter()
        .map(|day| &day["action_inputs"]["xxh64_of_list"]);
    let digests: Vec<&str> = digests.filter_map(Value::as_str).collect();
    let is_ours = |digest: &String| digest == own && !run.inputs.is_empty();
    lists.retain(|digest, _| is_ours(digest) || digests.contains(&digest.as_str()));
    let impressions = days.iter().filter_map(|day| day["inputs"].as_array());
    let mut files: Vec<&Value> = impressions.flatten().collect();
    files.extend(lists.values().flatten());
    if days.is_empty() {
        files.extend(&run.inputs);
    }
    let mut named: Vec<(String, &Value)> = files
        .into_iter()
        .map(|file| (file.to_string(), file))
        .collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));
    named.dedup_by(|a, b| a.0 == b.0);
    let place = |file: &Value| {
        let text = file.to_string();
        named.partition_point(|(name, _)| *name < text)
    };
    let ranges = |files: &Vec<&Value>| ranges_of(files.iter().map(|file| place(file)).collect());
    let ranges: Map<String, Value> = lists
        .iter()
        .map(|(digest, files)| (digest.clone(), ranges(files)))
        .collect();
    let inputs = named.iter().map(|(_, file)| (*file).clone()).collect();
    (Value::Array(inputs), Value::Object(ranges))
}

/// Places as ranges, half-open, ascending.
fn ranges_of(mut places: Vec<usize>) -> Value {
    places.sort_unstable();
    places.dedup();
    let mut ranges: Vec<[usize; 2]> = Vec::new();
    for place in places {
        match ranges.last_mut() {
            Some([_, end]) if *end == place => *end += 1,
            _ => ranges.push([place, place + 1]),
        }
    }
    json!(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inputs of some files.
    fn files(names: &[&str]) -> Vec<Value> {
        let source = |name: &str| match name.starts_with('i') {
            true => "impressions",
            false => "clicks",
        };
        let file = |name: &&str| json!({"source": source(name), "path": name});
        names.iter().map(file).collect()
    }

    /// A run that read some files.
    fn run(names: &[&str]) -> RunFiles {
        RunFiles::new(files(names), Vec::new())
    }

    /// The manifest of a day of a run.
    fn day(of: &RunFiles) -> Value {
        let impressions: Vec<_> = of
            .inputs
            .iter()
            .filter(|file| file["source"] == "impressions")
            .collect();
        json!({"action_inputs": of.action_inputs(), "inputs": impressions})
    }

    #[test]
    fn days_of_many_runs_know_their_files() {
        let runs = [
            run(&["i1", "a", "b"]),
            run(&["i2", "b", "c", "d"]),
            run(&["i3", "x"]),
        ];
        let (mut days, mut whole) = (Vec::new(), Value::Null);
        for run in &runs {
            days.push(day(run));
            let (inputs, lists) = inputs_of_whole(&days, &whole, run);
            whole = json!({"inputs": inputs, "action_inputs": lists});
        }
        assert_eq!(whole["inputs"].as_array().map(Vec::len), Some(8));
        for (run, day) in runs.iter().zip(&days) {
            let digest = day["action_inputs"]["xxh64_of_list"]
                .as_str()
                .expect("text");
            let list = list_of(&whole, digest).expect("a list");
            assert_eq!(list, of_actions(&run.inputs).collect::<Vec<_>>());
            assert_eq!(digest_of_list(list.into_iter()), digest);
        }
        // The first day is replaced: nothing of what it was made from is left.
        let (inputs, lists) = inputs_of_whole(&days[1..], &whole, &runs[2]);
        assert_eq!(inputs.as_array().map(Vec::len), Some(6));
        assert_eq!(lists.as_object().map(Map::len), Some(2));
    }

    #[test]
    fn the_files_of_days_that_are_yet_to_come_are_written_down() {
        let runs = [run(&["i1", "a", "b"]), run(&["i2", "b", "c"])];
        let days = runs.each_ref().map(day);
        let (inputs, lists) = inputs_of_whole(&days[..1], &Value::Null, &runs[0]);
        let before = json!({"inputs": inputs, "action_inputs": lists});
        // The second run dies when its day is in place; the next one finds nothing to do.
        let (inputs, lists) = inputs_of_whole(&days[..1], &before, &runs[1]);
        let before = json!({"inputs": inputs, "action_inputs": lists});
        let (inputs, lists) = inputs_of_whole(&days, &before, &run(&[]));
        let whole = json!({"inputs": inputs, "action_inputs": lists});
        for (run, day) in runs.iter().zip(&days) {
            let digest = day["action_inputs"]["xxh64_of_list"].as_str();
            let list = list_of(&whole, digest.expect("text")).expect("a list");
            assert_eq!(list, of_actions(&run.inputs).collect::<Vec<_>>());
        }
        // Had it died before, its list would go with the next run.
        let (_, lists) = inputs_of_whole(&days[..1], &before, &run(&[]));
        assert_eq!(lists.as_object().map(Map::len), Some(1));
    }

    #[test]
    fn neighbours_are_one_range() {
        assert_eq!(ranges_of(vec![5, 1, 2, 3, 3]), json!([[1, 4], [5, 6]]));
        assert_eq!(ranges_of(Vec::new()), json!([]));
    }
}
