//! Which files each day of a set was made from, where many runs made the days.
//!
//! **In / Out**: the inputs of this run and of those before it → `inputs`, each file once, sorted, and
//! `action_inputs`: by the digest of a list of files, ranges of `inputs`. A list has the files that some
//! day was made from, but for its impressions; the manifest of the day has the digest.
//! **Invariants**: a function of the days that are there. Of lists that no day names only that of this
//! run stays: it is written before the days are in place, as the run may crash between two of them.
//! **Why so**: nightly runs read nearly the same files, which are adjacent in the list, so a run is a few
//! ranges; a list of its files would take a megabyte for every day of a year.

use std::collections::BTreeMap;

use twox_hash::XxHash64;

use super::documents::{
    ActionInputs, DayManifest, FileEntry, Input, InputRanges, Manifest, VocabularyEntry, Xxh64,
};
use crate::job::Source;

/// The files that one run read and wrote next to its parts, as manifests have them.
pub(crate) struct RunFiles {
    /// The files that were read, or proven to need no reading.
    pub(crate) inputs: Vec<Input>,
    /// The file of rejected rows, if there are any.
    pub(crate) quarantine: Vec<FileEntry>,
    /// The vocabulary of items, if the run made one.
    pub(crate) vocabulary: Option<VocabularyEntry>,
    /// The files but for impressions: how many, and the digest by which the manifest of the set lists them.
    pub(super) action_inputs: ActionInputs,
    /// How many of them have no rows.
    pub(super) actions_empty: usize,
}

/// The files of a list, but for impressions.
fn without_impressions(inputs: &[Input]) -> impl Iterator<Item = &Input> {
    let impressions = Source::Impressions.name();
    inputs.iter().filter(move |file| file.source != impressions)
}

/// How many files of a list have no rows.
pub(crate) fn empty_count<'i>(files: impl IntoIterator<Item = &'i Input>) -> usize {
    let files = files.into_iter();
    files.filter(|file| file.rows == Some(0)).count()
}

/// A file as one line of JSON, by which files are sorted and lists of them digested.
pub(super) fn line_of<T: serde::Serialize>(file: &T) -> String {
    serde_json::to_string(file).expect("texts and numbers are always JSON")
}

/// The digest of a list of files, whatever their order.
pub(crate) fn digest_of_list<'i>(files: impl Iterator<Item = &'i Input>) -> Xxh64 {
    let mut lines: Vec<String> = files.map(|file| line_of(file) + "\n").collect();
    lines.sort_unstable();
    Xxh64(XxHash64::oneshot(0, lines.concat().as_bytes()))
}

impl RunFiles {
    /// What a run read, and the file of what it rejected.
    pub(crate) fn new(inputs: Vec<Input>, quarantine: Vec<FileEntry>) -> RunFiles {
        RunFiles {
            quarantine,
            vocabulary: None,
            action_inputs: ActionInputs {
                files: without_impressions(&inputs).count(),
                xxh64_of_list: digest_of_list(without_impressions(&inputs)),
            },
            actions_empty: empty_count(without_impressions(&inputs)),
            inputs,
        }
    }
}

/// The files of one list of a manifest of the whole set; nothing if its ranges make no sense.
pub(crate) fn list_of(whole: &Manifest, digest: Xxh64) -> Option<Vec<&Input>> {
    let ranges = whole.action_inputs.as_ref()?.get(&digest)?;
    let mut files = Vec::new();
    for [start, end] in ranges {
        files.extend(whole.inputs.get(*start..*end)?);
    }
    Some(files)
}

/// The inputs of the whole set, and their ranges by list: from the manifests of its days, from the
/// manifest of the set before this run, if there was one, and from this run.
pub(super) fn inputs_of_whole(
    days: &[DayManifest],
    before: Option<&Manifest>,
    run: &RunFiles,
) -> (Vec<Input>, InputRanges) {
    // By digest, so that the text does not depend on the order in which runs made the days.
    let mut lists: BTreeMap<Xxh64, Vec<&Input>> = BTreeMap::new();
    if let Some(before) = before {
        let digests = before.action_inputs.iter().flat_map(InputRanges::keys);
        let known = digests.filter_map(|digest| Some((*digest, list_of(before, *digest)?)));
        lists.extend(known);
    }
    let own = run.action_inputs.xxh64_of_list;
    lists.insert(own, without_impressions(&run.inputs).collect());
    let digests = days.iter().filter_map(|day| day.action_inputs);
    let digests: Vec<Xxh64> = digests.map(|inputs| inputs.xxh64_of_list).collect();
    // A run that found nothing to do read nothing: it has the digest of an empty list.
    let is_ours = |digest: Xxh64| digest == own && !run.inputs.is_empty();
    lists.retain(|digest, _| is_ours(*digest) || digests.contains(digest));
    let mut files: Vec<&Input> = days.iter().flat_map(|day| &day.inputs).collect();
    files.extend(lists.values().flatten());
    // A set without days still tells what was read.
    if days.is_empty() {
        files.extend(&run.inputs);
    }
    let mut lines: Vec<(String, &Input)> = files
        .into_iter()
        .map(|file| (line_of(file), file))
        .collect();
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    lines.dedup_by(|a, b| a.0 == b.0);
    let place = |file: &&Input| {
        // All files of all lists are among the lines, so this finds the file itself.
        let line = line_of(file);
        lines.partition_point(|(other, _)| *other < line)
    };
    let ranges = |files: &Vec<&Input>| ranges_of(files.iter().map(place).collect());
    let ranges = lists.iter().map(|(digest, files)| (*digest, ranges(files)));
    let ranges: InputRanges = ranges.collect();
    let inputs = lines.iter().map(|(_, file)| (*file).clone()).collect();
    (inputs, ranges)
}

/// Places as ranges, half-open, ascending.
fn ranges_of(mut places: Vec<usize>) -> Vec<[usize; 2]> {
    places.sort_unstable();
    places.dedup();
    let mut ranges: Vec<[usize; 2]> = Vec::new();
    for place in places {
        match ranges.last_mut() {
            Some([_, end]) if *end == place => *end += 1,
            _ => ranges.push([place, place + 1]),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::super::tests::{day_of, whole_of};
    use super::*;
    use crate::job::Format;
    use crate::store::local::DigestOf;

    /// A run that read some files.
    fn run(names: &[&str]) -> RunFiles {
        let source = |name: &str| {
            if name.starts_with('i') {
                "impressions"
            } else {
                "clicks"
            }
        };
        let file = |name: &&str| Input {
            source: source(name).into(),
            path: (*name).into(),
            format: Format::Csv,
            bytes: 1,
            xxh64: Xxh64(1),
            xxh64_of: DigestOf::File,
            rows: None,
            from: None,
        };
        RunFiles::new(names.iter().map(file).collect(), Vec::new())
    }

    /// The manifest of a day of a run.
    fn day(run: &RunFiles) -> DayManifest {
        let impressions = run.inputs.iter();
        let impressions = impressions.filter(|file| file.source == "impressions");
        DayManifest {
            action_inputs: Some(run.action_inputs),
            inputs: impressions.cloned().collect(),
            ..day_of(Vec::new())
        }
    }

    #[test]
    fn days_of_many_runs_know_their_files() {
        let runs = [
            run(&["i1", "a", "b"]),
            run(&["i2", "b", "c", "d"]),
            run(&["i3", "x"]),
        ];
        let (mut days, mut all) = (Vec::new(), None);
        for run in &runs {
            days.push(day(run));
            let (inputs, lists) = inputs_of_whole(&days, all.as_ref(), run);
            all = Some(whole_of(inputs, lists));
        }
        let all = all.expect("three runs");
        assert_eq!(all.inputs.len(), 8);
        for (run, day) in runs.iter().zip(&days) {
            let digest = day.action_inputs.expect("a list").xxh64_of_list;
            let list = list_of(&all, digest).expect("a list");
            assert_eq!(list, without_impressions(&run.inputs).collect::<Vec<_>>());
            assert_eq!(digest_of_list(list.into_iter()), digest);
        }
        // The first day is replaced: nothing of what it was made from is left.
        let (inputs, lists) = inputs_of_whole(&days[1..], Some(&all), &runs[2]);
        assert_eq!(inputs.len(), 6);
        assert_eq!(lists.len(), 2);
    }

    #[test]
    fn the_files_of_days_that_are_yet_to_come_are_listed() {
        let runs = [run(&["i1", "a", "b"]), run(&["i2", "b", "c"])];
        let days = runs.each_ref().map(day);
        let (inputs, lists) = inputs_of_whole(&days[..1], None, &runs[0]);
        let before = whole_of(inputs, lists);
        // The second run crashes when its day is in place; the next one finds nothing to do.
        let (inputs, lists) = inputs_of_whole(&days[..1], Some(&before), &runs[1]);
        let before = whole_of(inputs, lists);
        let (inputs, lists) = inputs_of_whole(&days, Some(&before), &run(&[]));
        let all = whole_of(inputs, lists);
        for (run, day) in runs.iter().zip(&days) {
            let digest = day.action_inputs.expect("a list").xxh64_of_list;
            let list = list_of(&all, digest).expect("a list");
            assert_eq!(list, without_impressions(&run.inputs).collect::<Vec<_>>());
        }
        // Had it crashed before, the next run would drop its list.
        let (_, lists) = inputs_of_whole(&days[..1], Some(&before), &run(&[]));
        assert_eq!(lists.len(), 1);
    }

    #[test]
    fn adjacent_places_are_one_range() {
        assert_eq!(ranges_of(vec![5, 1, 2, 3, 3]), [[1, 4], [5, 6]]);
        assert!(ranges_of(Vec::new()).is_empty());
    }
}
