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

use crate::advice::Hint;
use crate::error::{Error, Result};
use crate::ids::count64;
use crate::job::Source;
use crate::manifest::{Input, Xxh64, list_of};
use crate::publish::MANIFEST;
use crate::reference::read::LogFile;
use crate::store::local;
use crate::verify::Problems;
use crate::verify::manifests::PublishedSet;

/// The inputs of a set, in groups of days that were made from the same actions.
pub(crate) struct Inputs {
    pub(crate) groups: Vec<Group>,
    pub(crate) count: usize,
}

/// Days that were made from the same files beside impressions.
pub(crate) struct Group {
    pub(crate) files: Vec<LogFile>,
    /// The days, as places in the set, with the files of their impressions: those of one list
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
struct Finder<'m> {
    found: BTreeMap<&'m Input, PathBuf>,
}

/// The files of days: the digest of a list of actions, a list of impressions, the days.
type Lists<'m> = BTreeMap<Option<Xxh64>, BTreeMap<&'m [Input], Vec<usize>>>;

impl Inputs {
    /// The inputs of some days of a set; nothing if one is lost, which is told.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn of_days(
        set: &PublishedSet,
        days: &BTreeSet<usize>,
        sought: Sought<'_>,
        lost: &mut Problems,
    ) -> Result<Option<Inputs>> {
        let mut by_digest = Lists::new();
        for day in days {
            let Some(manifest) = &set.days[*day].manifest else {
                continue;
            };
            let digest = manifest.action_inputs.map(|listed| listed.xxh64_of_list);
            let lists = by_digest.entry(digest).or_default();
            lists.entry(&manifest.inputs).or_default().push(*day);
        }
        let mut groups = Vec::new();
        for (digest, lists) in &by_digest {
            let Some(files) = digest.and_then(|digest| list_of(&set.whole, digest)) else {
                let day = lists.values().flatten().next().copied().unwrap_or(0);
                let what = "the files that this day was made from are not listed, as the run that \
                            added it died";
                lost.add(set.days[day].manifest_path(), what);
                return Ok(None);
            };
            groups.push((files, lists));
        }
        let shown = groups
            .iter()
            .flat_map(|(_, lists)| lists.keys().copied().flatten());
        let others = groups.iter().flat_map(|(files, _)| files.iter().copied());
        let Some(finder) = Finder::new(sought, others.chain(shown), lost)? else {
            return Ok(None);
        };
        let groups = groups.iter().map(|(files, lists)| Group {
            files: finder.files(files.iter().copied()),
            days: lists
                .iter()
                .map(|(shown, days)| (days.clone(), finder.files(*shown)))
                .collect(),
        });
        Ok(Some(Inputs {
            groups: groups.collect(),
            count: finder.found.len(),
        }))
    }
}

/// The files of a list that a manifest has; nothing if one is lost, which is told.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn files_of_list(
    list: &[Input],
    sought: Sought<'_>,
    lost: &mut Problems,
) -> Result<Option<Vec<LogFile>>> {
    let finder = Finder::new(sought, list, lost)?;
    Ok(finder.map(|finder| finder.files(list)))
}

impl<'m> Finder<'m> {
    /// Looks for files; nothing if one is lost, which is told.
    fn new(
        sought: Sought<'_>,
        inputs: impl IntoIterator<Item = &'m Input>,
        lost: &mut Problems,
    ) -> Result<Option<Finder<'m>>> {
        let inputs: BTreeSet<&Input> = inputs.into_iter().collect();
        let seen = inputs
            .par_iter()
            .map(|input| Ok((*input, sought.look(input)?)));
        let seen: Vec<Result<(&Input, Seen)>> = seen.collect();
        let (mut found, mut is_whole) = (BTreeMap::new(), true);
        for seen in seen {
            let (input, seen) = seen?;
            let what = match seen {
                Seen::Same(path) => {
                    found.insert(input, path);
                    continue;
                }
                Seen::Changed(what) => what,
                Seen::Gone => sought.gone(input),
            };
            is_whole = false;
            lost.add(MANIFEST, what);
        }
        Ok(is_whole.then_some(Finder { found }))
    }

    /// Some files, all of which were found.
    fn files(&self, inputs: impl IntoIterator<Item = &'m Input>) -> Vec<LogFile> {
        let files = inputs.into_iter().filter_map(|input| {
            Some(LogFile {
                source: Source::named(&input.source)?,
                path: self.found.get(input)?.clone(),
                shown: input.path.clone(),
                format: input.format,
            })
        });
        files.collect()
    }
}

impl Sought<'_> {
    /// The folders that the path of a file may start from, in the order in which they are looked into;
    /// of an absolute path there is nothing to choose.
    fn folders(self, input: &Input) -> Vec<PathBuf> {
        if Path::new(&input.path).is_absolute() {
            return vec![PathBuf::new()];
        }
        if let Some(from) = self.from {
            return vec![from.to_owned()];
        }
        // Where the run was; then around the set, should it have come elsewhere; then where we are.
        let recorded = input.from.as_ref().map(|from| self.out.join(from));
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
    fn look(self, input: &Input) -> Result<Seen> {
        let (mut changed, mut failed) = (None, None);
        for folder in self.folders(input) {
            match look_at(input, folder.join(&input.path)) {
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
    fn gone(self, input: &Input) -> String {
        let path = Path::new(&input.path);
        let what = format!("its input \"{}\" is gone", path.display());
        if path.is_absolute() {
            return what;
        }
        let folders = self.folders(input);
        let folders = folders
            .iter()
            .map(|folder| format!("\"{}\"", folder.display()));
        format!(
            "{what}; looked in {}",
            folders.collect::<Vec<_>>().join(", ")
        )
    }
}

/// Whether a file is there, and the one that the run read.
fn look_at(input: &Input, path: PathBuf) -> Result<Seen> {
    use io::ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound};
    let digest = |file| local::digest(file, input.xxh64_of);
    let found = local::open(&path).and_then(digest);
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
    let (expected, found) = ((input.bytes, input.xxh64), (bytes, Xxh64(digest)));
    if expected == found {
        return Ok(Seen::Same(path));
    }
    let path = path.display();
    let what = format!(
        "its input \"{path}\" has changed: expected {} bytes of XXH64 {}, found {} of {}",
        expected.0, expected.1, found.0, found.1
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
