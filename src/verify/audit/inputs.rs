//! The inputs that days were made from: which they are, where they lie, and that they are the same.
//!
//! **In / Out**: the manifests of days → [`LogFile`]s, each proven to have the size and the digest
//! that the manifest tells: of Parquet the footer's, of text the whole file's.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::job::Source;
use crate::manifest::{format_of, list_of};
use crate::naive::LogFile;
use crate::publish::MANIFEST;
use crate::regular::{self, DigestOf};
use crate::verify::Problems;
use crate::verify::ledger::Ledger;

/// The inputs of a set, in groups of days that were made from the same actions.
pub(crate) struct Inputs {
    /// The groups.
    pub(crate) groups: Vec<Group>,
    /// All files.
    pub(crate) count: usize,
}

/// Days that were made from the same files beside impressions.
pub(crate) struct Group {
    /// These files.
    pub(crate) files: Vec<LogFile>,
    /// The days, as places in the ledger, with the files of their impressions: those of one list
    /// together.
    pub(crate) days: Vec<(Vec<usize>, Vec<LogFile>)>,
}

/// Where inputs lie, and which were looked at so far.
struct Finder<'a> {
    /// The folder that relative paths start from, if it is not the current one.
    from: Option<&'a Path>,
    /// Values of the manifest that were looked at.
    used: BTreeSet<String>,
}

impl Inputs {
    /// The inputs of some days of a set; nothing, and a problem, if one is not what the run read.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn of_days(
        ledger: &Ledger,
        days: &BTreeSet<usize>,
        from: Option<&Path>,
        problems: &mut Problems,
    ) -> Result<Option<Inputs>> {
        let mut finder = Finder {
            from,
            used: BTreeSet::new(),
        };
        let mut by_digest: BTreeMap<&str, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
        for day in days {
            let manifest = &ledger.days[*day].manifest;
            let digest = manifest["action_inputs"]["xxh64_of_list"].as_str();
            let lists = by_digest.entry(digest.unwrap_or_default()).or_default();
            let of_list = lists.entry(manifest["inputs"].to_string()).or_default();
            of_list.push(*day);
        }
        let mut groups = Vec::new();
        for (digest, lists) in by_digest {
            let Some(files) = list_of(&ledger.whole, digest) else {
                let day = lists.values().flatten().next().copied().unwrap_or(0);
                let path = ledger.days[day].manifest_path();
                let what = "the audit cannot be made: the files that this day was made from are not \
                            listed, as the run that added it died; --audit-rows 0 leaves it out";
                problems.add(path, what);
                return Ok(None);
            };
            let files = finder.files(files.into_iter());
            let days = lists.into_values().map(|days| {
                let list = ledger.days[days[0]].manifest["inputs"].as_array();
                let files = finder.files(list.into_iter().flatten());
                (days, files)
            });
            let days = days.collect();
            groups.push(Group { files, days });
        }
        let inputs = Inputs {
            groups,
            count: finder.used.len(),
        };
        Ok(finder.check(problems)?.then_some(inputs))
    }
}

/// The files of a list that a manifest has; nothing, and a problem, if one is not what the run read.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn files_of_list(
    list: &Value,
    from: Option<&Path>,
    problems: &mut Problems,
) -> Result<Option<Vec<LogFile>>> {
    let mut finder = Finder {
        from,
        used: BTreeSet::new(),
    };
    let files = finder.files(list.as_array().into_iter().flatten());
    Ok(finder.check(problems)?.then_some(files))
}

impl Finder<'_> {
    /// The files of some values of the manifest, which are checked later.
    fn files<'v>(&mut self, values: impl Iterator<Item = &'v Value>) -> Vec<LogFile> {
        let files = values.filter_map(|value| {
            self.used.insert(value.to_string());
            let shown = value["path"].as_str()?.to_owned();
            Some(LogFile {
                source: Source::named(value["source"].as_str()?)?,
                path: self.path_of(&shown),
                shown,
                format: format_of(&value["format"])?,
            })
        });
        files.collect()
    }

    /// Where a file lies.
    fn path_of(&self, shown: &str) -> PathBuf {
        match self.from {
            Some(from) => from.join(shown),
            None => PathBuf::from(shown),
        }
    }

    /// Whether all files are those that the runs read.
    fn check(&self, problems: &mut Problems) -> Result<bool> {
        let used: Vec<&String> = self.used.iter().collect();
        let changed: Vec<Result<Option<String>>> = used
            .par_iter()
            .map(|value| self.change_of(&serde_json::from_str(value).unwrap_or_default()))
            .collect();
        let mut is_same = true;
        for changed in changed {
            if let Some(what) = changed? {
                is_same = false;
                let advice = "so the audit cannot be made; --audit-rows 0 leaves it out";
                problems.add(MANIFEST, format!("{what}, {advice}"));
            }
        }
        Ok(is_same)
    }

    /// How a file differs from what the manifest says of it.
    fn change_of(&self, value: &Value) -> Result<Option<String>> {
        let shown = value["path"].as_str().unwrap_or_default();
        let path = self.path_of(shown);
        let of = match value["xxh64_of"] == "footer" {
            true => DigestOf::Footer,
            false => DigestOf::File,
        };
        let found = regular::open(&path).and_then(|file| regular::digest(file, of));
        let (bytes, digest) = match found {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some(format!("its input \"{}\" is gone", path.display())));
            }
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let (expected, xxh64) = (&value["bytes"], format!("{digest:016x}"));
        if *expected == bytes && value["xxh64"] == xxh64 {
            return Ok(None);
        }
        let expected = format!(
            "{expected} bytes of XXH64 {}",
            value["xxh64"].as_str().unwrap_or("")
        );
        let path = path.display();
        let what = format!(
            "its input \"{path}\" has changed: expected {expected}, found {bytes} of {xxh64}"
        );
        Ok(Some(what))
    }
}
