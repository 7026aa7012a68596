//! Reads the manifests of a published folder, and checks each against the others.
//!
//! **In / Out**: `_manifest.json` of the set and of each day → a [`PublishedSet`]: settings, days and every
//! named file with its expected bytes, checksum, rows and row groups.
//! **Invariants**: a manifest is parsed only if the checksum at its end matches.

use std::path::Path;

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::sealed::read_sealed;
use super::{FolderListing, Problems};
use crate::error::Result;
use crate::ids::{Day, count64};
use crate::job::{JobKind, MoreTable, Settings};
use crate::manifest::{
    CountsByName, DayManifest, FileEntry, Manifest, NOT_SHARED, Scope, SetDays, digest_of_list,
    list_of, parse_settings, senseless, sum_of_counts,
};
use crate::publish::{AUDIT, MANIFEST, METRICS, VOCABULARY, day_folder};

/// A published set, as its manifests describe it.
#[derive(Debug)]
pub(crate) struct PublishedSet {
    pub(crate) job_kind: JobKind,
    /// The manifest of the set.
    pub(crate) whole: Manifest,
    /// The checksum at its end.
    pub(crate) seal: u64,
    /// The settings of the job, without input and output paths.
    pub(crate) settings: Settings,
    /// Its days, in order.
    pub(crate) days: Vec<PublishedDay>,
    /// Every named file, in the order of the manifest.
    pub(crate) files: Vec<NamedFile>,
}

/// A published day.
#[derive(Debug)]
pub(crate) struct PublishedDay {
    pub(crate) day: Day,
    pub(crate) folder: String,
    /// Its manifest; nothing if that is damaged.
    pub(crate) manifest: Option<DayManifest>,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileContents {
    /// Rows of the set.
    Rows,
    /// Rejected rows.
    Rejected,
    /// Items and their codes.
    Vocabulary,
}

/// A file that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedFile {
    /// Its path relative to the folder.
    pub(crate) path: String,
    pub(crate) holds: FileContents,
    pub(crate) rows: u64,
    pub(crate) row_groups: u64,
    pub(crate) bytes: u64,
    /// XXH64 of its bytes.
    pub(crate) checksum: u64,
}

impl PublishedDay {
    /// The path of its manifest.
    pub(super) fn manifest_path(&self) -> String {
        format!("{}/{MANIFEST}", self.folder)
    }

    /// The path of its metrics.
    pub(super) fn metrics_path(&self) -> String {
        format!("{}/{METRICS}", self.folder)
    }
}

impl NamedFile {
    /// A file from its entry in the manifest.
    fn new(entry: &FileEntry, holds: FileContents) -> NamedFile {
        NamedFile {
            path: entry.path.clone(),
            holds,
            rows: entry.rows,
            row_groups: entry.row_groups,
            bytes: entry.bytes,
            checksum: entry.xxh64.0,
        }
    }

    /// Whether it is the vocabulary.
    pub(super) fn is_vocabulary(&self) -> bool {
        self.holds == FileContents::Vocabulary
    }

    /// Whether it is Parquet.
    pub(crate) fn is_parquet(&self) -> bool {
        self.path.ends_with(".parquet")
    }
}

impl PublishedSet {
    /// Reads all manifests of a folder. Nothing if that of the set is damaged.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub(super) fn read(
        out: &Path,
        listing: &FolderListing,
        problems: &mut Problems,
    ) -> Result<Option<PublishedSet>> {
        // The report may be of an earlier state of the set; it only has to be undamaged.
        read_sealed::<IgnoredAny>(out, listing, AUDIT, problems)?;
        if listing.bytes_of(MANIFEST).is_none() {
            problems.add(MANIFEST, listing.instead_of(MANIFEST));
            return Ok(None);
        }
        let Some((whole, seal)) = read_sealed(out, listing, MANIFEST, problems)? else {
            return Ok(None);
        };
        let mut set = match PublishedSet::new(whole, seal) {
            Ok(set) => set,
            Err(member) => {
                problems.add(MANIFEST, senseless(member));
                return Ok(None);
            }
        };
        for at in 0..set.days.len() {
            let path = set.days[at].manifest_path();
            if listing.bytes_of(&path).is_none() {
                problems.add(&path, listing.instead_of(&path));
                continue;
            }
            if let Some((manifest, _)) = read_sealed(out, listing, &path, problems)? {
                set.check_day(at, &manifest, problems);
                set.days[at].manifest = Some(manifest);
            }
        }
        set.check_sums(problems);
        Ok(Some(set))
    }

    /// The set that a manifest describes, or the member of the manifest that makes no sense.
    fn new(whole: Manifest, seal: u64) -> std::result::Result<PublishedSet, &'static str> {
        if !whole.made_by.starts_with("hitherto ") {
            return Err("made_by");
        }
        if whole.of != Scope::Whole {
            return Err("of");
        }
        let job_kind = whole.job;
        let settings = parse_settings(job_kind, &whole.settings)?;
        let rows = whole
            .parts
            .iter()
            .map(|file| NamedFile::new(file, FileContents::Rows));
        let rejected = whole.quarantine.iter();
        let rejected = rejected.map(|file| NamedFile::new(file, FileContents::Rejected));
        let mut files: Vec<NamedFile> = rows.chain(rejected).collect();
        if settings.sequences().item_vocabulary.is_some() {
            let entry = whole.vocabulary.as_ref().map(|vocabulary| &vocabulary.file);
            let entry = entry
                .filter(|file| file.path == VOCABULARY)
                .ok_or("vocabulary")?;
            files.push(NamedFile::new(entry, FileContents::Vocabulary));
        }
        let is_whole = job_kind == JobKind::Dwell && !settings.dwell().by_day;
        if matches!(whole.days, SetDays::Range(_)) != is_whole {
            return Err("days");
        }
        let days = whole.days.entries().iter().map(|entry| PublishedDay {
            day: entry.day,
            folder: day_folder(job_kind, entry.day),
            manifest: None,
        });
        let days: Vec<PublishedDay> = days.collect();
        // Strictly: a day that is listed twice would count twice.
        if !days.is_sorted_by(|a, b| a.day < b.day) {
            return Err("days");
        }
        Ok(PublishedSet {
            job_kind,
            whole,
            seal,
            settings,
            days,
            files,
        })
    }

    /// Checks the manifest of a day against that of the set.
    fn check_day(&self, at: usize, manifest: &DayManifest, problems: &mut Problems) {
        let (day, entry, whole) = (&self.days[at], &self.whole.days.entries()[at], &self.whole);
        let path = day.manifest_path();
        let mut must = |name: &str, is_so: bool| {
            if !is_so {
                let what = format!("its \"{name}\" is not what {MANIFEST} of the whole says");
                problems.add(&path, what);
            }
        };
        must("job", manifest.job == self.job_kind);
        must("of", manifest.of == Scope::Day);
        must("day", manifest.day == entry.day);
        must(
            "settings",
            shared(&manifest.settings) == shared(&whole.settings),
        );
        must("counts", manifest.counts == entry.counts);
        must("cutoffs", manifest.cutoffs == entry.cutoffs);
        must("inputs", is_in(&manifest.inputs, &whole.inputs));
        must("quarantine", is_in(&manifest.quarantine, &whole.quarantine));
        must(
            "parts",
            self.parts_of(&day.folder)
                .eq(manifest.parts.iter().cloned()),
        );
        if self.job_kind == JobKind::Dwell {
            let folder = format!("{}/", day.folder);
            let (parts, counts) = self.check_tables(&folder, &manifest.counts);
            must("parts", parts);
            must("counts", counts);
        } else {
            let rows = manifest.counts.get("rows").copied();
            must("counts", rows == Some(self.rows_of(&day.folder)));
        }
        // After a crash while days were added, the list may be missing; only an audit needs it.
        if let Some(listed) = &manifest.action_inputs
            && let Some(files) = list_of(whole, listed.xxh64_of_list)
        {
            let count = files.len();
            let is_whole = digest_of_list(files.into_iter()) == listed.xxh64_of_list;
            must("action_inputs", is_whole && listed.files == count);
        }
    }

    /// The parts of a day as the manifest of the day must list them.
    fn parts_of(&self, folder: &str) -> impl Iterator<Item = FileEntry> {
        self.whole.parts.iter().filter_map(move |part| {
            let name = part.path.strip_prefix(folder)?.strip_prefix('/')?;
            Some(FileEntry {
                path: name.to_owned(),
                ..part.clone()
            })
        })
    }

    /// The rows of a day.
    fn rows_of(&self, folder: &str) -> u64 {
        let is_in = |file: &&NamedFile| {
            let own = file.path.split_once('/');
            own.is_some_and(|(own, _)| own == folder)
        };
        self.files.iter().filter(is_in).map(|file| file.rows).sum()
    }

    /// Whether the files of the tables of `dwell` in a folder, whose name ends with a slash, are those that the
    /// settings ask for, and whether their rows are as counted.
    fn check_tables(&self, folder: &str, counts: &CountsByName) -> (bool, bool) {
        let own = self.settings.dwell();
        let more = [(MoreTable::User, "user"), (MoreTable::Flyer, "flyer")];
        let more = more.into_iter().filter(|(table, _)| own.makes(*table));
        let mut names = vec!["user_merchant", "merchant"];
        names.extend(more.map(|(_, name)| name));
        let path = |name: &str, ending: &str| format!("{folder}{name}.{ending}");
        let endings = ["csv", "parquet"];
        let expected = names
            .iter()
            .flat_map(|name| endings.map(|ending| path(name, ending)));
        let tables = self.parts().filter(|file| file.path.starts_with(folder));
        let are_there = expected.eq(tables.map(|file| file.path.clone()));
        let is_counted = |name: &&str| {
            let count = counts.get(&format!("{name}_rows")).copied();
            let paths = endings.map(|ending| path(name, ending));
            let mut tables = self.parts().filter(|file| paths.contains(&file.path));
            tables.all(|file| Some(file.rows) == count)
        };
        (are_there, names.iter().all(is_counted))
    }

    /// Checks that the counts of the set are the sums over its days and files.
    fn check_sums(&self, problems: &mut Problems) {
        let mut must = |name: &str, is_so: bool| {
            if !is_so {
                let what = format!("its \"{name}\" is not what its days and files add up to");
                problems.add(MANIFEST, what);
            }
        };
        let counts = &self.whole.counts;
        if matches!(self.whole.days, SetDays::Range(_)) {
            let (parts, counts) = self.check_tables("", counts);
            must("parts", parts);
            must("counts", counts);
            return;
        }
        let manifests = self.days.iter().map(|day| day.manifest.as_ref());
        // A damaged manifest is a problem already; the sums would only repeat it.
        let Some(manifests) = manifests.collect::<Option<Vec<&DayManifest>>>() else {
            return;
        };
        let sums: CountsByName = sum_of_counts(manifests.iter().map(|manifest| &manifest.counts));
        must("counts", *counts == sums);
        // A run counts actions once for all of its days, so they cannot be summed: those of the
        // latest count.
        let actions = manifests.last().map(|manifest| &manifest.actions);
        let of_whole = self.whole.actions.as_ref().and_then(Option::as_ref);
        must("actions", of_whole == actions);
        let in_day = |file: &NamedFile| {
            let folder = file.path.split_once('/').map(|(folder, _)| folder);
            self.days
                .iter()
                .any(|day| folder == Some(day.folder.as_str()))
        };
        let mut parts = self.parts();
        must("parts", parts.all(in_day));
    }

    /// Whether there is a file of rejected rows.
    pub(super) fn has_quarantine(&self) -> bool {
        self.files
            .iter()
            .any(|file| file.holds == FileContents::Rejected)
    }

    /// The number of days.
    pub(super) fn days_count(&self) -> u64 {
        count64(self.days.len())
    }

    /// The files of rows.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &NamedFile> {
        self.files
            .iter()
            .filter(|file| file.holds == FileContents::Rows)
    }

    /// The number of files of rows.
    pub(super) fn parts_count(&self) -> u64 {
        count64(self.parts().count())
    }

    /// The number of rows; each table of `dwell` is counted once.
    pub(super) fn rows(&self) -> u64 {
        let parquet = self.parts().filter(|file| file.is_parquet());
        parquet.map(|file| file.rows).sum()
    }

    /// The bytes of all named files.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// The settings that all days of a set must share.
fn shared(settings: &Value) -> Map<String, Value> {
    let mut settings = settings.as_object().cloned().unwrap_or_default();
    settings.retain(|name, _| !NOT_SHARED.contains(&name.as_str()));
    settings
}

/// Whether all entries of one list are in another.
fn is_in<T: PartialEq>(few: &[T], all: &[T]) -> bool {
    few.iter().all(|entry| all.contains(entry))
}
