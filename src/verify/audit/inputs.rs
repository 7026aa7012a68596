//! The inputs that days were made from: which they are, where they lie, and that they are the same.
//!
//! **In / Out**: the manifests of days → [`LogFile`]s, each proven to have the size and the digest
//! that the manifest tells: of Parquet the footer's, of text the whole file's.
//! **Invariants**: what is lost is told with every folder that it was sought in; a file of that name
//! that is another one is passed over if the right one is found elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::Value;

use crate::advice::Hint;
use crate::error::{Error, Result};
use crate::ids::count64;
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

/// Where inputs are sought.
#[derive(Clone, Copy)]
pub(crate) struct Sought<'a> {
    /// The folder of the set.
    pub(crate) out: &'a Path,
    /// The folder that relative paths start from, if it is given: nowhere else are they sought then.
    pub(crate) from: Option<&'a Path>,
}

/// How a file that was looked for was found.
enum Seen {
    /// As the run read it.
    Same(PathBuf),
    /// Another one, and how it differs.
    Changed(String),
    /// Nowhere.
    Gone,
}

/// Where the files of a manifest lie, by what it says of them.
struct Finder {
    /// Each path.
    found: BTreeMap<String, PathBuf>,
}

/// The files of days by their values: the digest of a list of actions, a list of impressions, the days.
type Lists<'v> = BTreeMap<&'v str, BTreeMap<String, Vec<usize>>>;

impl Inputs {
    /// The inputs of some days of a set; nothing if one is lost, which is told.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn of_days(
        ledger: &Ledger,
        days: &BTreeSet<usize>,
        sought: Sought<'_>,
        lost: &mut Problems,
    ) -> Result<Option<Inputs>> {
        let mut by_digest = Lists::new();
        for day in days {
            let manifest = &ledger.days[*day].manifest;
            let digest = manifest["action_inputs"]["xxh64_of_list"].as_str();
            let lists = by_digest.entry(digest.unwrap_or_default()).or_default();
            let of_list = lists.entry(manifest["inputs"].to_string()).or_default();
            of_list.push(*day);
        }
        let impressions_of = |days: &[usize]| {
            let list = ledger.days[days[0]].manifest["inputs"].as_array();
            list.into_iter().flatten()
        };
        let mut groups = Vec::new();
        for (digest, lists) in &by_digest {
            let Some(files) = list_of(&ledger.whole, digest) else {
                let day = lists.values().flatten().next().copied().unwrap_or(0);
                let what = "the files that this day was made from are not listed, as the run that \
                            added it died";
                lost.add(ledger.days[day].manifest_path(), what);
                return Ok(None);
            };
            groups.push((files, lists));
        }
        let days = groups.iter().flat_map(|(_, lists)| lists.values());
        let shown = days.flat_map(|days| impressions_of(days));
        let values = groups.iter().flat_map(|(files, _)| files.iter().copied());
        let Some(finder) = Finder::of(sought, values.chain(shown), lost)? else {
            return Ok(None);
        };
        let group = |(files, lists): (Vec<&Value>, &BTreeMap<String, Vec<usize>>)| Group {
            files: finder.files(files.into_iter()),
            days: lists
                .values()
                .map(|days| (days.clone(), finder.files(impressions_of(days))))
                .collect(),
        };
        let groups = groups.into_iter().map(group).collect();
        let count = finder.found.len();
        Ok(Some(Inputs { groups, count }))
    }
}

/// The files of a list that a manifest has; nothing if one is lost, which is told.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn files_of_list(
    list: &Value,
    sought: Sought<'_>,
    lost: &mut Problems,
) -> Result<Option<Vec<LogFile>>> {
    let values = || list.as_array().into_iter().flatten();
    let finder = Finder::of(sought, values(), lost)?;
    Ok(finder.map(|finder| finder.files(values())))
}

impl Finder {
    /// Looks for files; nothing if one is lost, which is told.
    fn of<'v>(
        sought: Sought<'_>,
        values: impl Iterator<Item = &'v Value>,
        lost: &mut Problems,
    ) -> Result<Option<Finder>> {
        let values: BTreeMap<String, &Value> =
            values.map(|value| (value.to_string(), value)).collect();
        let seen = values.par_iter().map(|(text, value)| {
            let seen = sought.look(value)?;
            Ok((text, *value, seen))
        });
        let seen: Vec<Result<(&String, &Value, Seen)>> = seen.collect();
        let (mut found, mut is_whole) = (BTreeMap::new(), true);
        for seen in seen {
            let (text, value, seen) = seen?;
            let what = match seen {
                Seen::Same(path) => {
                    found.insert(text.clone(), path);
                    continue;
                }
                Seen::Changed(what) => what,
                Seen::Gone => sought.gone(value),
            };
            is_whole = false;
            lost.add(MANIFEST, what);
        }
        Ok(is_whole.then_some(Finder { found }))
    }

    /// The files of some values, all of which were found.
    fn files<'v>(&self, values: impl Iterator<Item = &'v Value>) -> Vec<LogFile> {
        let files = values.filter_map(|value| {
            Some(LogFile {
                source: Source::named(value["source"].as_str()?)?,
                path: self.found.get(&value.to_string())?.clone(),
                shown: value["path"].as_str()?.to_owned(),
                format: format_of(&value["format"])?,
            })
        });
        files.collect()
    }
}

impl Sought<'_> {
    /// The folders that the path of a file may start from, in the order in which they are looked into;
    /// of an absolute path there is nothing to choose.
    fn folders(self, value: &Value) -> Vec<PathBuf> {
        if path_of(value).is_absolute() {
            return vec![PathBuf::new()];
        }
        if let Some(from) = self.from {
            return vec![from.to_owned()];
        }
        // Where the run was; then around the set, should it have come elsewhere; then where we are.
        let recorded = value["from"].as_str().map(|from| self.out.join(from));
        let around = [self.out.to_owned(), self.out.join(".."), PathBuf::from(".")];
        let folders = recorded.into_iter().chain(around);
        let folders = folders.map(|folder| fs::canonicalize(&folder).unwrap_or(folder));
        let (mut once, mut seen) = (Vec::new(), BTreeSet::new());
        for folder in folders {
            if seen.insert(folder.clone()) {
                once.push(folder);
            }
        }
        once
    }

    /// Looks for a file.
    fn look(self, value: &Value) -> Result<Seen> {
        let (mut changed, mut failed) = (None, None);
        for folder in self.folders(value) {
            match look_at(value, folder.join(path_of(value))) {
                Ok(same @ Seen::Same(_)) => return Ok(same),
                Ok(Seen::Changed(what)) => changed = changed.or(Some(what)),
                Ok(Seen::Gone) => {}
                // It may be there, for those who may look into that folder.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(changed.map_or(Seen::Gone, Seen::Changed)),
        }
    }

    /// What to say of a file that is nowhere.
    fn gone(self, value: &Value) -> String {
        let path = path_of(value);
        let what = format!("its input \"{}\" is gone", path.display());
        if path.is_absolute() {
            return what;
        }
        let folders = self.folders(value);
        let folders = folders
            .iter()
            .map(|folder| format!("\"{}\"", folder.display()));
        format!(
            "{what}; looked in {}",
            folders.collect::<Vec<_>>().join(", ")
        )
    }
}

/// The path of a file, as the run was given it.
fn path_of(value: &Value) -> &Path {
    Path::new(value["path"].as_str().unwrap_or_default())
}

/// Whether a file is there, and the one that the run read.
fn look_at(value: &Value, path: PathBuf) -> Result<Seen> {
    use io::ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound};
    let of = match value["xxh64_of"] == "footer" {
        true => DigestOf::Footer,
        false => DigestOf::File,
    };
    let found = regular::open(&path).and_then(|file| regular::digest(file, of));
    let (bytes, digest) = match found {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(Seen::Gone),
        Err(error) if matches!(error.kind(), InvalidInput | IsADirectory) => {
            let path = path.display();
            let what = format!("its input \"{path}\" has changed: it is no file any more");
            return Ok(Seen::Changed(what));
        }
        Err(error) => return Err(Error::io("read", &path, error)),
    };
    let (expected, xxh64) = (&value["bytes"], format!("{digest:016x}"));
    if *expected == bytes && value["xxh64"] == xxh64 {
        return Ok(Seen::Same(path));
    }
    let of = value["xxh64"].as_str().unwrap_or_default();
    let path = path.display();
    let what = format!(
        "its input \"{path}\" has changed: expected {expected} bytes of XXH64 {of}, found {bytes} of \
         {xxh64}"
    );
    Ok(Seen::Changed(what))
}

/// Why rows cannot be made once more, and what helps: of what is lost the first is told.
pub(crate) fn lost_text(lost: &Problems, is_given: bool) -> String {
    let first = lost.first().map_or("", |of| of.what.as_str());
    let more = match lost.count() - count64(usize::from(lost.first().is_some())) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    // The folder helps only where a path starts from one.
    let advice = match first.contains("looked in") && !is_given {
        true => format!("; {}", Hint::InputsFrom.text()),
        false => String::new(),
    };
    format!("{first}{more}{advice}")
}
