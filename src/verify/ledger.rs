//! What a published folder says of itself: its manifests, each against the others.
//!
//! **In / Out**: `_manifest.json` of the whole and of each day → a [`Ledger`]: settings, days and
//! every file that is named, with the bytes, checksum, rows and row groups that it must have.
//! **Invariants**: a manifest is parsed only if its checksum of itself is right.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Problems, Tree};
use crate::calendar::parse_day;
use crate::error::{Error, Result};
use crate::ids::{Day, count64};
use crate::job::{Question, Settings};
use crate::manifest::{NOT_SHARED, digest_of_list, list_of, parse_settings, seal_of};
use crate::publish::{AUDIT, MANIFEST, METRICS, VOCABULARY, day_folder};
use crate::regular;

/// Bytes of the largest manifest that is read: one of a million files is smaller.
const MANIFEST_BYTES_MAX: u64 = 1 << 30;

/// What a published folder says of itself.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The job that made it.
    pub(crate) question: Question,
    /// The manifest of the whole.
    pub(crate) whole: Value,
    /// Its checksum of itself.
    pub(crate) seal: u64,
    /// The settings of the job, without inputs and output.
    pub(crate) settings: Settings,
    /// Its days, in order.
    pub(crate) days: Vec<DayLedger>,
    /// Every file that is named, in the order of manifests.
    pub(crate) files: Vec<NamedFile>,
}

/// What a day says of itself.
#[derive(Debug)]
pub(crate) struct DayLedger {
    /// The day.
    pub(crate) day: Day,
    /// Its folder.
    pub(crate) folder: String,
    /// Its manifest; null if that is not sound.
    pub(crate) manifest: Value,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
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
    /// Its path in the folder.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) holds: Holds,
    /// Its rows.
    pub(crate) rows: u64,
    /// Its row groups.
    pub(crate) row_groups: u64,
    /// Its size.
    pub(crate) bytes: u64,
    /// XXH64 of its bytes.
    pub(crate) checksum: u64,
}

impl DayLedger {
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
    /// A file as a manifest has it.
    fn of(value: &Value, holds: Holds) -> Option<NamedFile> {
        let number = |name: &str| value[name].as_u64();
        let checksum = value["xxh64"].as_str().filter(|hex| hex.len() == 16)?;
        Some(NamedFile {
            path: value["path"].as_str()?.to_owned(),
            holds,
            rows: number("rows")?,
            row_groups: number("row_groups")?,
            bytes: number("bytes")?,
            checksum: u64::from_str_radix(checksum, 16).ok()?,
        })
    }

    /// Whether it holds items and their codes.
    pub(super) fn is_vocabulary(&self) -> bool {
        self.holds == Holds::Vocabulary
    }

    /// Whether it is Parquet.
    pub(crate) fn is_parquet(&self) -> bool {
        self.path.ends_with(".parquet")
    }
}

impl Ledger {
    /// Reads all manifests of a folder; nothing if that of the whole is not sound.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub(super) fn read(out: &Path, tree: &Tree, problems: &mut Problems) -> Result<Option<Ledger>> {
        read_sealed(out, tree, AUDIT, problems)?;
        if tree.bytes_of(MANIFEST).is_none() {
            problems.add(MANIFEST, tree.instead_of(MANIFEST));
            return Ok(None);
        }
        let Some((whole, seal)) = read_sealed(out, tree, MANIFEST, problems)? else {
            return Ok(None);
        };
        let mut ledger = match Ledger::of_whole(whole, seal) {
            Ok(ledger) => ledger,
            Err(name) => {
                problems.add(MANIFEST, format!("its member \"{name}\" makes no sense"));
                return Ok(None);
            }
        };
        for at in 0..ledger.days.len() {
            let path = ledger.days[at].manifest_path();
            if tree.bytes_of(&path).is_none() {
                problems.add(&path, tree.instead_of(&path));
                continue;
            }
            if let Some((manifest, _)) = read_sealed(out, tree, &path, problems)? {
                ledger.days[at].manifest = manifest;
                ledger.check_day(at, problems);
            }
        }
        ledger.check_sums(problems);
        Ok(Some(ledger))
    }

    /// What the manifest of the whole says, or the member of it that makes no sense.
    fn of_whole(whole: Value, seal: u64) -> std::result::Result<Ledger, &'static str> {
        let made_by = whole["made_by"].as_str().ok_or("made_by")?;
        if !made_by.starts_with("hitherto ") {
            return Err("made_by");
        }
        if whole["of"] != "whole" {
            return Err("of");
        }
        let question = whole["job"].as_str().and_then(Question::named);
        let question = question.ok_or("job")?;
        let settings = parse_settings(question, &whole["settings"])?;
        let mut files = Vec::new();
        for (list, holds) in [("parts", Holds::Rows), ("quarantine", Holds::Rejected)] {
            for file in whole[list].as_array().ok_or(list)? {
                files.push(NamedFile::of(file, holds).ok_or(list)?);
            }
        }
        if settings.sequences().item_vocabulary.is_some() {
            let file = NamedFile::of(&whole["vocabulary"], Holds::Vocabulary);
            let file = file.filter(|file| file.path == VOCABULARY);
            files.push(file.ok_or("vocabulary")?);
        }
        for input in whole["inputs"].as_array().ok_or("inputs")? {
            let is_text = |name: &str| input[name].is_string();
            let texts = ["source", "path", "format", "xxh64", "xxh64_of"];
            let from = &input["from"];
            let is_known = input["bytes"].is_u64() && (from.is_null() || from.is_string());
            if !texts.into_iter().all(is_text) || !is_known {
                return Err("inputs");
            }
        }
        let counts = whole["counts"].as_object().ok_or("counts")?;
        if !counts.values().all(Value::is_u64) {
            return Err("counts");
        }
        let mut days = Vec::new();
        if question != Question::Dwell {
            for told in whole["days"].as_array().ok_or("days")? {
                let day = told["day"].as_str().and_then(parse_day).ok_or("days")?;
                let folder = day_folder(question, day);
                let manifest = Value::Null;
                days.push(DayLedger {
                    day,
                    folder,
                    manifest,
                });
            }
            if !days.is_sorted_by(|a, b| a.day < b.day) {
                return Err("days");
            }
        }
        Ok(Ledger {
            question,
            whole,
            seal,
            settings,
            days,
            files,
        })
    }

    /// Checks the manifest of a day against that of the whole.
    fn check_day(&self, at: usize, problems: &mut Problems) {
        let (day, told) = (&self.days[at], &self.whole["days"][at]);
        let (manifest, path) = (&day.manifest, day.manifest_path());
        let mut must = |name: &str, is_so: bool| {
            if !is_so {
                let what = format!("its \"{name}\" is not what {MANIFEST} of the whole says");
                problems.add(&path, what);
            }
        };
        must("job", manifest["job"] == self.question.name());
        must("of", manifest["of"] == "day");
        must("day", manifest["day"] == told["day"]);
        let shared = |settings: &Value| {
            let mut settings = settings.as_object().cloned().unwrap_or_default();
            settings.retain(|name, _| !NOT_SHARED.contains(&name.as_str()));
            settings
        };
        must(
            "settings",
            shared(&manifest["settings"]) == shared(&self.whole["settings"]),
        );
        must("counts", manifest["counts"] == told["counts"]);
        must("cutoffs", manifest["cutoffs"] == told["cutoffs"]);
        let is_in = |list: &str| {
            let of_whole = self.whole[list].as_array().map_or(&[][..], Vec::as_slice);
            let own = manifest[list].as_array();
            own.is_some_and(|own| own.iter().all(|file| of_whole.contains(file)))
        };
        must("inputs", is_in("inputs"));
        must("quarantine", is_in("quarantine"));
        must("parts", self.parts_of(&day.folder) == manifest["parts"]);
        let rows = manifest["counts"]["rows"].as_u64();
        must("counts", rows == Some(self.rows_of(&day.folder)));
        let listed = &manifest["action_inputs"];
        let digest = listed["xxh64_of_list"].as_str().unwrap_or_default();
        // Of a run that died while it added days, the list is not known; only an audit needs it.
        if let Some(files) = list_of(&self.whole, digest) {
            let is_whole = digest_of_list(files.iter().copied()) == digest;
            must(
                "action_inputs",
                is_whole && listed["files"] == count64(files.len()),
            );
        }
    }

    /// The parts of a day as its own manifest must list them.
    fn parts_of(&self, folder: &str) -> Value {
        let parts = self.whole["parts"].as_array().into_iter().flatten();
        let parts = parts.filter_map(|part| {
            let name = part["path"].as_str()?.strip_prefix(folder)?;
            let mut part = part.clone();
            part["path"] = json!(name.strip_prefix('/')?);
            Some(part)
        });
        parts.collect()
    }

    /// The rows of a day.
    fn rows_of(&self, folder: &str) -> u64 {
        let is_in = |file: &&NamedFile| file.path.split_once('/').is_some_and(|of| of.0 == folder);
        self.files.iter().filter(is_in).map(|file| file.rows).sum()
    }

    /// Checks that what is told of the whole is the sum of what is told of its pieces.
    fn check_sums(&self, problems: &mut Problems) {
        let mut must = |name: &str, is_so: bool| {
            if !is_so {
                let what = format!("its \"{name}\" is not what its days and files add up to");
                problems.add(MANIFEST, what);
            }
        };
        let counts = &self.whole["counts"];
        if self.question == Question::Dwell {
            let names = ["user_merchant", "merchant"];
            let endings = [".csv", ".parquet"];
            let expected = names
                .iter()
                .flat_map(|name| endings.map(|of| format!("{name}{of}")));
            let tables = self.parts();
            must("parts", expected.eq(tables.map(|file| file.path.clone())));
            for name in names {
                let count = counts[format!("{name}_rows")].as_u64();
                let stem = |file: &NamedFile| file.path.split('.').next() == Some(name);
                let mut tables = self.files.iter().filter(|file| stem(file));
                must("counts", tables.all(|file| Some(file.rows) == count));
            }
            return;
        }
        let mut sums = Map::new();
        for (name, count) in self
            .days
            .iter()
            .filter_map(|day| day.manifest["counts"].as_object())
            .flatten()
        {
            let sum = sums.get(name).and_then(Value::as_u64).unwrap_or(0);
            sums.insert(name.clone(), json!(sum + count.as_u64().unwrap_or(0)));
        }
        // Of a day whose manifest is damaged that is told, and the sums would only repeat it.
        if self.days.iter().any(|day| day.manifest.is_null()) {
            return;
        }
        must("counts", *counts == Value::Object(sums));
        let actions = self
            .days
            .last()
            .map_or(&Value::Null, |day| &day.manifest["actions"]);
        must("actions", self.whole["actions"] == *actions);
        let in_day = |file: &NamedFile| {
            let folder = file.path.split_once('/').map(|(folder, _)| folder);
            self.days
                .iter()
                .any(|day| folder == Some(day.folder.as_str()))
        };
        let mut parts = self.parts();
        must("parts", parts.all(in_day));
    }

    /// Whether there are rejected rows.
    pub(super) fn has_quarantine(&self) -> bool {
        self.files.iter().any(|file| file.holds == Holds::Rejected)
    }

    /// Days.
    pub(super) fn days_count(&self) -> u64 {
        count64(self.days.len())
    }

    /// The files of rows.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &NamedFile> {
        self.files.iter().filter(|file| file.holds == Holds::Rows)
    }

    /// How many they are.
    pub(super) fn parts_count(&self) -> u64 {
        count64(self.parts().count())
    }

    /// Their rows, those of a table once.
    pub(super) fn rows(&self) -> u64 {
        let parquet = self.parts().filter(|file| file.is_parquet());
        parquet.map(|file| file.rows).sum()
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Reads a file of JSON that ends with its own checksum, and gives that too; nothing if the file is
/// not there, or is not sound.
pub(super) fn read_sealed(
    out: &Path,
    tree: &Tree,
    path: &str,
    problems: &mut Problems,
) -> Result<Option<(Value, u64)>> {
    let Some(bytes) = tree.bytes_of(path) else {
        return Ok(None);
    };
    if bytes > MANIFEST_BYTES_MAX {
        problems.add(path, format!("{bytes} bytes are too many for a manifest"));
        return Ok(None);
    }
    let from = out.join(path);
    let text = regular::read(&from).map_err(|error| Error::io("read", &from, error))?;
    let Some(seal) = seal_of(&text) else {
        problems.add(
            path,
            "its bytes are not those that its own checksum, at its end, is of",
        );
        return Ok(None);
    };
    match serde_json::from_slice(&text) {
        Ok(value) => Ok(Some((value, seal))),
        Err(error) => {
            problems.add(path, format!("it is no JSON: {error}"));
            Ok(None)
        }
    }
}
