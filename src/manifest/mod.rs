//! The manifests of a set: its settings, inputs, parts and counts.
//!
//! **In / Out**: a job and the findings of its run → `_manifest.json`, of a day or of the whole set.
//! **Invariants**: a function of input and settings: no clock, host, thread count, memory limit,
//! nor how far the early stop read. The manifest of the whole set is made from those of its days,
//! so it does not depend on which runs made them. Each ends with a checksum of itself.

mod documents;
mod of_dwell;
mod parse;
mod repeat;
mod runs;
mod seal;
mod settings;

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub(crate) use self::documents::{
    ActionCounts, ActionFindings, AnyManifest, ClickCounts, ClickFindings, CountsByName, DayEntry,
    DayManifest, FeatureDayCounts, FileEntry, Findings, Input, ListingCounts, MADE_BY, Manifest,
    Scope, SequenceDayCounts, SetDays, SourceFindings, VocabularyEntry, VocabularyItems, Xxh64,
};
pub(crate) use self::of_dwell::{DwellCounts, DwellDayCounts, EventCounts, EventFindings};
pub(crate) use self::parse::{parse, read_sealed, senseless};
pub use self::repeat::PublishedJob;
pub(crate) use self::runs::{RunFiles, digest_of_list, empty_count, list_of};
pub(crate) use self::seal::{NOT_SEALED, seal_of, sealed};
pub(crate) use self::settings::{
    dwell_settings, event_types, feature_settings, feature_types, parse_settings, settings,
};
use crate::calendar::instant_text;
use crate::error::{Error, Result};
use crate::ids::{Day, Micros};
use crate::job::JobKind;
use crate::publish::{MANIFEST, Part, VOCABULARY, day_folder, days_in};
use crate::store::local;
use crate::vocabulary;

/// Settings that days of one set need not share: they change no row. The path of a vocabulary is one,
/// as its digest is a setting of its own.
pub(crate) const NOT_SHARED: [&str; 4] =
    ["max_bad_rows", "item_vocabulary", "allow_unused", "no_warn"];

/// A day of a run, and what its manifest says of it.
pub(crate) struct MadeDay<'a, C, A> {
    pub(crate) job_kind: JobKind,
    pub(crate) day: Day,
    /// [`settings()`] of the job.
    pub(crate) settings: &'a Value,
    /// The files of its impressions.
    pub(crate) inputs: Vec<Input>,
    /// The files that the run read and rejected rows of. Of the files of actions the manifest of a day has
    /// a digest only; that of the whole set lists them.
    pub(crate) run: &'a RunFiles,
    /// The findings outside the impressions; the same for all days of a run.
    pub(crate) actions: &'a A,
    pub(crate) counts: C,
    /// The earliest and the latest cutoff, if there is a row.
    pub(crate) cutoffs: Option<(Micros, Micros)>,
    pub(crate) parts: &'a [Part],
}

impl<C: Serialize, A: Serialize> MadeDay<'_, C, A> {
    /// Its manifest as text.
    pub(crate) fn text(self) -> Vec<u8> {
        let run = self.run;
        sealed(&DayManifest {
            made_by: MADE_BY.to_owned(),
            job: self.job_kind,
            of: Scope::Day,
            day: self.day,
            settings: self.settings.clone(),
            counts: self.counts,
            cutoffs: self
                .cutoffs
                .map(|(first, last)| [first, last].map(instant_text)),
            actions: self.actions,
            parts: self.parts.iter().map(FileEntry::from).collect(),
            // The digest of the items so far: later runs may append more.
            vocabulary: run.vocabulary.as_ref().map(|vocabulary| vocabulary.items),
            empty_inputs: empty_count(&self.inputs) + run.actions_empty,
            inputs: self.inputs,
            action_inputs: Some(run.action_inputs),
            quarantine: run.quarantine.clone(),
        })
    }
}

/// The manifest of the whole set, made from those of the days in a folder, and from the files of this
/// run and of those before it.
///
/// # Errors
/// If one of them cannot be read.
pub(crate) fn whole(
    job_kind: JobKind,
    out: &Path,
    settings: &Value,
    run: &RunFiles,
) -> Result<Vec<u8>> {
    // Only this one lists what earlier runs read besides impressions; manifests of days have
    // digests of the lists.
    let before = out.join(MANIFEST);
    let before: Option<Manifest> = if before.is_file() {
        Some(read(&before)?)
    } else {
        None
    };
    let mut days: Vec<DayManifest> = Vec::new();
    for (day, folder) in days_in(job_kind, out)? {
        days.push(DayManifest {
            day,
            ..read(&folder.join(MANIFEST))?
        });
    }
    let vocabulary = match (&run.vocabulary, &before) {
        (Some(written), _) => Some(written.clone()),
        (None, Some(before)) => vocabulary_there(out, before.vocabulary.clone())?,
        (None, None) => None,
    };
    let (inputs, action_inputs) = runs::inputs_of_whole(&days, before.as_ref(), run);
    Ok(sealed(&Manifest {
        made_by: MADE_BY.to_owned(),
        job: job_kind,
        of: Scope::Whole,
        settings: settings.clone(),
        counts: sum_of_counts(days.iter().map(|day| &day.counts)),
        actions: Some(days.last().map(|day| &day.actions)),
        days: SetDays::Each(days.iter().map(DayEntry::from).collect()),
        parts: days
            .iter()
            .flat_map(|day| parts_of(job_kind, day))
            .collect(),
        vocabulary,
        empty_inputs: empty_count(&inputs),
        inputs,
        action_inputs: Some(action_inputs),
        quarantine: quarantine(out, &days, before.as_ref(), run),
    }))
}

/// The sums of counts by name.
pub(crate) fn sum_of_counts<'c>(all: impl Iterator<Item = &'c CountsByName>) -> CountsByName {
    let mut sums = CountsByName::new();
    for (name, count) in all.flatten() {
        let sum = sums.entry(name.clone()).or_default();
        // The counts are read from files, which may hold anything.
        *sum = sum.saturating_add(*count);
    }
    sums
}

/// The parts of a day, with their paths from the folder of the set.
fn parts_of(job_kind: JobKind, day: &DayManifest) -> impl Iterator<Item = FileEntry> {
    let folder = day_folder(job_kind, day.day);
    day.parts.iter().map(move |part| FileEntry {
        path: format!("{folder}/{}", part.path),
        ..part.clone()
    })
}

/// The vocabulary of a folder to which this run adds no items. Usually it is the one that the manifest
/// lists; if a run crashed after writing a vocabulary and before the manifest, it is a newer one.
fn vocabulary_there(
    out: &Path,
    listed: Option<VocabularyEntry>,
) -> Result<Option<VocabularyEntry>> {
    let path = out.join(VOCABULARY);
    let Some(entry) = listed.as_ref().filter(|_| path.is_file()) else {
        return Ok(listed);
    };
    let (_, checksum) = vocabulary::digest(&path)?;
    if entry.file.xxh64 == Xxh64(checksum) {
        return Ok(listed);
    }
    let (file, of_items) = vocabulary::read_part(&path)?;
    Ok(Some(VocabularyEntry::new(&file, of_items)))
}

/// The files of rejected rows of all runs. Those of replaced days stay; a file that no day names is
/// missing if its run crashed before putting it in place.
fn quarantine(
    out: &Path,
    days: &[DayManifest],
    before: Option<&Manifest>,
    run: &RunFiles,
) -> Vec<FileEntry> {
    let before = before.into_iter().flat_map(|before| &before.quarantine);
    let present = before.filter(|file| out.join(&file.path).is_file());
    let of_days = days.iter().flat_map(|day| &day.quarantine);
    let files = present.chain(of_days).chain(&run.quarantine);
    let mut files: Vec<FileEntry> = files.cloned().collect();
    files.sort_by_cached_key(runs::line_of);
    files.dedup();
    files
}

/// Checks that a set was made with the same settings, so that all its days are comparable.
///
/// # Errors
/// If not, naming the first setting that differs.
pub(crate) fn check_settings(out: &Path, ours: &Value) -> Result<()> {
    let theirs: Manifest = read(&out.join(MANIFEST))?;
    let theirs = &theirs.settings;
    for name in shared_names(ours, theirs) {
        let (their_value, value) = (&theirs[name], &ours[name]);
        // A set of a version before this setting was made without it.
        let is_older = theirs.get(name).is_none() && is_at_rest(value);
        if their_value != value && !is_older {
            let what =
                format!("its days were made with {name} {their_value}, this job has {value}");
            return Err(Error::output(out, what));
        }
    }
    Ok(())
}

/// The names of the settings that two runs of one set share.
pub(crate) fn shared_names<'a>(a: &'a Value, b: &'a Value) -> impl Iterator<Item = &'a String> {
    // Those of both: a set of a later version may have settings that this one does not know.
    let of_both = [a, b].into_iter().filter_map(Value::as_object);
    let names = of_both.flat_map(Map::keys);
    names.filter(|name| !NOT_SHARED.contains(&name.as_str()))
}

/// Whether a setting has the value that sets of earlier versions were made with.
fn is_at_rest(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is_set) => !is_set,
        Value::String(word) => word == "none",
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Number(_) => false,
    }
}

/// Reads a manifest.
fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = local::read(path).map_err(|error| Error::io("read", path, error))?;
    serde_json::from_slice(&text)
        .map_err(|error| Error::output(path, format!("it is no manifest: {error}")))
}

#[cfg(test)]
mod tests {
    use super::documents::InputRanges;
    use super::*;

    /// A file of rejected rows.
    fn file(path: &str) -> FileEntry {
        FileEntry {
            path: path.into(),
            rows: 1,
            row_groups: 1,
            bytes: 1,
            xxh64: Xxh64(1),
        }
    }

    /// The manifest of a day that names these files of rejected rows, and nothing else.
    pub(super) fn day_of(quarantine: Vec<FileEntry>) -> DayManifest {
        DayManifest {
            made_by: MADE_BY.into(),
            job: JobKind::Sequences,
            of: Scope::Day,
            day: Day(0),
            settings: Value::Null,
            counts: CountsByName::new(),
            cutoffs: None,
            actions: Findings::Actions(ActionFindings::default()),
            parts: Vec::new(),
            vocabulary: None,
            inputs: Vec::new(),
            action_inputs: None,
            empty_inputs: 0,
            quarantine,
        }
    }

    /// The manifest of a set that has these inputs, and nothing else.
    pub(super) fn whole_of(inputs: Vec<Input>, ranges: InputRanges) -> Manifest {
        Manifest {
            made_by: MADE_BY.into(),
            job: JobKind::Sequences,
            of: Scope::Whole,
            settings: Value::Null,
            counts: CountsByName::new(),
            actions: Some(None),
            days: SetDays::Each(Vec::new()),
            parts: Vec::new(),
            vocabulary: None,
            inputs,
            action_inputs: Some(ranges),
            empty_inputs: 0,
            quarantine: Vec::new(),
        }
    }

    #[test]
    fn rejected_rows_that_a_crashed_run_did_not_put_in_place_are_forgotten() {
        let out = tempfile::tempdir().expect("a folder");
        let run = RunFiles::new(Vec::new(), vec![file("to come")]);
        let days = [day_of(vec![file("of a day")])];
        let whole = Manifest {
            quarantine: vec![file("ours"), file("theirs")],
            ..whole_of(Vec::new(), InputRanges::new())
        };
        let files = || quarantine(out.path(), &days, Some(&whole), &run);
        assert_eq!(files(), [file("of a day"), file("to come")]);
        std::fs::write(out.path().join("ours"), "").expect("a file");
        assert_eq!(files(), ["of a day", "ours", "to come"].map(file));
    }
}
