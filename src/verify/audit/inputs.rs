//! Finds the inputs that days were made from, and checks that they have not changed.
//!
//! **In / Out**: the manifests of days → [`LogFile`]s, each checked to have the size and the digest of the
//! manifest: for Parquet the digest of the footer, for text that of the whole file.
//! **Invariants**: a lost input is a problem that names every folder in which it was looked for. A file of
//! the same path with another digest is skipped if the right one is in another folder.

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

/// The inputs of a set, grouped by days that were made from the same actions.
pub(crate) struct SetInputs {
    pub(crate) groups: Vec<InputGroup>,
    pub(crate) count: usize,
}

/// Days whose inputs are the same except for impressions.
pub(crate) struct InputGroup {
    pub(crate) files: Vec<LogFile>,
    /// Days, as indices in the set, and the files of their impressions; days with the same files together.
    pub(crate) days: Vec<(Vec<usize>, Vec<LogFile>)>,
}

/// The folders that relative input paths may start from.
#[derive(Clone, Copy)]
pub(crate) struct InputFolders<'a> {
    /// The folder of the set.
    pub(crate) out: &'a Path,
    /// The only folder that relative paths start from, if it is given.
    pub(crate) from: Option<&'a Path>,
}

/// The result of looking for a file.
enum Located {
    /// The file that the run read.
    Same(PathBuf),
    /// Another file, and how it differs.
    Changed(String),
    /// No file.
    Gone,
}

/// The paths of the inputs of a manifest.
struct Finder<'m> {
    paths: BTreeMap<&'m Input, PathBuf>,
}

/// Days by the digest of their list of action files, then by their list of impression files.
type InputLists<'m> = BTreeMap<Option<Xxh64>, BTreeMap<&'m [Input], Vec<usize>>>;

impl SetInputs {
    /// The inputs of some days of a set. Nothing if one is lost; `lost` says which.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn of_days(
        set: &PublishedSet,
        days: &BTreeSet<usize>,
        folders: InputFolders<'_>,
        lost: &mut Problems,
    ) -> Result<Option<SetInputs>> {
        // Days of one run share their files of actions, which are read once for all of them.
        let mut by_digest = InputLists::new();
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
        let impressions = groups
            .iter()
            .flat_map(|(_, lists)| lists.keys().copied().flatten());
        let others = groups.iter().flat_map(|(files, _)| files.iter().copied());
        let Some(finder) = Finder::new(folders, others.chain(impressions), lost)? else {
            return Ok(None);
        };
        let groups = groups.iter().map(|(files, lists)| InputGroup {
            files: finder.files(files.iter().copied()),
            days: lists
                .iter()
                .map(|(impressions, days)| (days.clone(), finder.files(*impressions)))
                .collect(),
        });
        Ok(Some(SetInputs {
            groups: groups.collect(),
            count: finder.paths.len(),
        }))
    }
}

/// The files of a list of a manifest. Nothing if one is lost; `lost` says which.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn files_of_list(
    list: &[Input],
    folders: InputFolders<'_>,
    lost: &mut Problems,
) -> Result<Option<Vec<LogFile>>> {
    let finder = Finder::new(folders, list, lost)?;
    Ok(finder.map(|finder| finder.files(list)))
}

impl<'m> Finder<'m> {
    /// Looks for files. Nothing if one is lost; `lost` says which.
    fn new(
        folders: InputFolders<'_>,
        inputs: impl IntoIterator<Item = &'m Input>,
        lost: &mut Problems,
    ) -> Result<Option<Finder<'m>>> {
        // A set, so that a file of several days is digested once.
        let inputs: BTreeSet<&Input> = inputs.into_iter().collect();
        let located = inputs
            .par_iter()
            .map(|input| Ok((*input, folders.locate(input)?)));
        let located: Vec<Result<(&Input, Located)>> = located.collect();
        let (mut paths, mut is_whole) = (BTreeMap::new(), true);
        for result in located {
            let (input, located) = result?;
            let what = match located {
                Located::Same(path) => {
                    paths.insert(input, path);
                    continue;
                }
                Located::Changed(what) => what,
                Located::Gone => folders.gone_text(input),
            };
            is_whole = false;
            lost.add(MANIFEST, what);
        }
        Ok(is_whole.then_some(Finder { paths }))
    }

    /// The files of some inputs, all of which were found.
    fn files(&self, inputs: impl IntoIterator<Item = &'m Input>) -> Vec<LogFile> {
        let files = inputs.into_iter().filter_map(|input| {
            Some(LogFile {
                source: Source::named(&input.source)?,
                path: self.paths.get(input)?.clone(),
                display_path: input.path.clone(),
                format: input.format,
            })
        });
        files.collect()
    }
}

impl InputFolders<'_> {
    /// The folders that the path of an input may start from, in the order in which they are tried. An
    /// absolute path starts from none.
    fn folders(self, input: &Input) -> Vec<PathBuf> {
        if Path::new(&input.path).is_absolute() {
            return vec![PathBuf::new()];
        }
        if let Some(from) = self.from {
            return vec![from.to_owned()];
        }
        // The folder of the run; then, in case the set was moved, those around it; then the current one.
        let recorded = input.from.as_ref().map(|from| self.out.join(from));
        let around = [self.out.to_owned(), self.out.join(".."), PathBuf::from(".")];
        let folders = recorded.into_iter().chain(around);
        let folders = folders.map(|folder| fs::canonicalize(&folder).unwrap_or(folder));
        // One folder may have several of these names. It is looked at, and named in a message,
        // once.
        let (mut once, mut seen) = (Vec::new(), BTreeSet::new());
        for folder in folders {
            if seen.insert(folder.clone()) {
                once.push(folder);
            }
        }
        once
    }

    /// Looks for a file.
    fn locate(self, input: &Input) -> Result<Located> {
        let (mut changed, mut failed) = (None, None);
        for folder in self.folders(input) {
            match look_at(input, folder.join(&input.path)) {
                Ok(same @ Located::Same(_)) => return Ok(same),
                // The search goes on: the right file may be in a folder behind. If not, the first
                // is reported.
                Ok(Located::Changed(what)) => changed = changed.or(Some(what)),
                Ok(Located::Gone) => {}
                // The folder may hold it but not be readable, so "gone" would be a guess.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(changed.map_or(Located::Gone, Located::Changed)),
        }
    }

    /// The message for a file that is in no folder.
    fn gone_text(self, input: &Input) -> String {
        let path = Path::new(&input.path);
        let what = match &input.path[..] {
            "-" => "its input \"-\" came through standard input, and is not kept".to_owned(),
            path => format!("its input \"{path}\" is gone"),
        };
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

/// Whether a path has a file, and whether it is the one that the run read.
fn look_at(input: &Input, path: PathBuf) -> Result<Located> {
    use io::ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound};
    let digest = |file| local::digest(file, input.xxh64_of);
    let (bytes, digest) = match local::open(&path).and_then(digest) {
        Ok(digested) => digested,
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(Located::Gone),
        // `local::open` gives `InvalidInput` for a pipe or a device, which it does not wait for.
        Err(error) if matches!(error.kind(), InvalidInput | IsADirectory) => {
            let path = path.display();
            let what = format!("its input \"{path}\" has changed: it is no file any more");
            return Ok(Located::Changed(what));
        }
        Err(error) => return Err(Error::io("read", &path, error)),
    };
    let (expected, found) = ((input.bytes, input.xxh64), (bytes, Xxh64(digest)));
    if expected == found {
        return Ok(Located::Same(path));
    }
    let path = path.display();
    let what = format!(
        "its input \"{path}\" has changed: expected {} bytes of XXH64 {}, found {} of {}",
        expected.0, expected.1, found.0, found.1
    );
    Ok(Located::Changed(what))
}

/// Why rows cannot be recomputed, and what helps. It names the first lost input.
pub(crate) fn lost_text(lost: &Problems, inputs_from: Option<&Path>) -> String {
    let first = lost.first().map_or("", |problem| problem.what.as_str());
    let more = match lost.count() - count64(usize::from(lost.first().is_some())) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    // The option helps only with relative paths.
    let advice = if first.contains("looked in") && inputs_from.is_none() {
        format!("; {}", Hint::InputsFrom.text())
    } else {
        String::new()
    };
    format!("{first}{more}{advice}")
}
