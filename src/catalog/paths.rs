//! Paths to files: which files a source has, and of which day they are.
//!
//! **In / Out**: a [`FileSpec`] → [`SourceFiles`], whose files are sorted by path, each with the day
//! of its Hive folder. **Invariants**: names that start with `_` or `.`, and unfinished copies, are not
//! read unless the user names them. Folders of table formats, and files in them, are refused: only the
//! table's log tells which of them count.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::advice::Hint;
use crate::catalog::compression::COMPRESSED;
use crate::catalog::null_words::NullWords;
use crate::catalog::pipes::{Pipes, is_pipe, read_list};
use crate::catalog::search::Search;
pub(crate) use crate::catalog::source_files::{SourceFiles, is_hidden, is_in_progress};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobKind, Source, SourceSettings};
use crate::place::check_in;

/// Where the files of each source are.
#[derive(Clone, Debug)]
pub(crate) struct FileSpec<'a> {
    /// The job kind, for the hints of messages.
    pub(crate) job_kind: JobKind,
    /// The sources to look for, in order.
    pub(crate) sources: Vec<Source>,
    /// The source whose files have the impressions too, if that is a source of actions.
    pub(crate) impressions_from: Option<Source>,
    /// The folder that has all sources, or `None` if each is named.
    pub(crate) dir: Option<&'a Path>,
    /// Paths by source: files, folders or globs.
    pub(crate) paths: &'a [(Source, String)],
    /// Files that list the paths of a source, one per line.
    pub(crate) files_from: &'a [(Source, PathBuf)],
    /// Texts that stand for null, recorded with each file.
    pub(crate) null_values: &'a [String],
    /// How single sources are read.
    pub(crate) source_settings: &'a [(Source, SourceSettings)],
    /// The shard whose rows the files have, if `bucket` made them.
    pub(crate) share: Option<u32>,
}

/// Extensions of a source that is a single file in the folder of all sources.
const ENDINGS: [&str; 14] = [
    "parquet", "csv", "ndjson", "jsonl", "json", "arrow", "arrows", "feather", "tsv", "tab", "psv",
    "txt", "dat", "inter",
];

/// Lists the files of all sources.
///
/// # Errors
/// If a source is missing, or is a table format, or a path cannot be read.
pub(crate) fn discover(spec: &FileSpec<'_>, pipes: &mut Pipes<'_>) -> Result<Vec<SourceFiles>> {
    // Each by a thread: to list a folder for each day of a year takes as long as to read some of its files.
    let found = spec.sources.par_iter().map(|source| search(spec, *source));
    let found: Vec<Result<Option<(Search, Roots)>>> = found.collect();
    let mut sources = Vec::new();
    for found in found {
        let Some((mut search, roots)) = found? else {
            continue;
        };
        for pipe in &roots.pipes {
            search.add_pipe(pipe, pipes)?;
        }
        sources.push(search.finish(roots.paths)?);
    }
    let mut named = sources.iter();
    if let Some(files) = named.find(|files| Some(files.source) == spec.impressions_from) {
        let impressions = files.as_impressions();
        sources.insert(0, impressions);
    }
    Ok(sources)
}

/// The files of a source, except pipes; `None` if none is named.
fn search(spec: &FileSpec<'_>, source: Source) -> Result<Option<(Search, Roots)>> {
    let Some(mut roots) = roots_of(spec, source)? else {
        return Ok(None);
    };
    let mut own = spec.source_settings.iter();
    let own = own.find(|(named, _)| *named == source);
    let mut settings = own.map_or_else(SourceSettings::default, |(_, own)| own.clone());
    if source == Source::Impressions {
        // They separate items, and not impressions in lists.
        (settings.item_separator, settings.label_separator) = (None, None);
    }
    let null_values = settings.null_values.as_deref();
    let nulls = NullWords::new(null_values.unwrap_or(spec.null_values));
    let mut search = Search::new(source, nulls, Arc::new(settings), spec.share);
    search.skipped.append(&mut roots.skipped);
    for root in &roots.paths {
        search.collect_linked(root, 0)?;
    }
    Ok(Some((search, roots)))
}

/// What the user named for a source.
#[derive(Debug, Default)]
struct Roots {
    /// Files and folders to read.
    paths: Vec<PathBuf>,
    /// Named pipes, and `-` for standard input.
    pipes: Vec<PathBuf>,
    /// Unfinished copies that a glob matched.
    skipped: Vec<PathBuf>,
}

/// The files and folders that are named for a source; `None` if none is.
fn roots_of(spec: &FileSpec<'_>, source: Source) -> Result<Option<Roots>> {
    let mut roots = Roots::default();
    if let Some(dir) = spec.dir {
        roots.paths.push(root_in(spec.job_kind, dir, source)?);
        return Ok(Some(roots));
    }
    let mut is_named = false;
    for (_, path) in spec.paths.iter().filter(|(owner, _)| *owner == source) {
        roots.expand(path)?;
        is_named = true;
    }
    if is_named {
        return Ok(Some(roots));
    }
    let mut lists = spec.files_from.iter();
    let Some((_, list)) = lists.find(|(owner, _)| *owner == source) else {
        return Ok(None);
    };
    let text = read_list(list)?;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        roots.expand(line)?;
    }
    Ok(Some(roots))
}

/// The folder or file of a source in the folder of all sources.
fn root_in(job_kind: JobKind, dir: &Path, source: Source) -> Result<PathBuf> {
    check_in(dir)?;
    if !dir.is_dir() {
        let what = format!("no such folder: \"{}\"", dir.display());
        return Err(Error::from(ErrorKind::NoInput { what }));
    }
    let name = source.folder();
    let mut candidates = vec![dir.join(name)];
    for ending in ENDINGS {
        for compressed in std::iter::once("").chain(COMPRESSED) {
            candidates.push(dir.join(format!("{name}.{ending}{compressed}")));
        }
    }
    // Several are refused and not ranked: to read one would silently leave out the others.
    candidates.retain(|path| path.exists());
    match &candidates[..] {
        [root] => Ok(root.clone()),
        [] => {
            let hint = match (job_kind, source) {
                (JobKind::Sequences, source) if source != Source::Impressions => {
                    Hint::Without.with(source.name())
                }
                _ => Hint::NameSource.with(source.name()),
            };
            let what = format!(
                "no {name} in \"{}\": neither a folder nor a file of that name; {hint}",
                dir.display()
            );
            Err(Error::from(ErrorKind::NoInput { what }))
        }
        [a, b, ..] => Err(Error::settings(format!(
            "both \"{}\" and \"{}\" could be the {}; name one with --{} PATH",
            a.display(),
            b.display(),
            source.name(),
            source.name()
        ))),
    }
}

impl Roots {
    /// Adds the files and folders of a path that may be a glob.
    fn expand(&mut self, path: &str) -> Result<()> {
        check_in(Path::new(path))?;
        if is_pipe(Path::new(path)) {
            self.pipes.push(PathBuf::from(path));
            return Ok(());
        }
        // Before globs: a name may have their characters.
        if Path::new(path).exists() {
            self.paths.push(PathBuf::from(path));
            return Ok(());
        }
        if !path.contains(['*', '?', '[']) {
            let what = format!("no such file or folder: \"{path}\"");
            return Err(Error::from(ErrorKind::NoInput { what }));
        }
        let pattern = glob::glob(path)
            .map_err(|error| Error::settings(format!("\"{path}\" is no glob: {}", error.msg)))?;
        let before = self.len();
        for entry in pattern {
            let entry = entry.map_err(|error| {
                let path = error.path().to_owned();
                Error::io("read", &path, error.into())
            })?;
            // A glob that names unfinished copies gets them.
            if is_in_progress(&entry) && !is_in_progress(Path::new(path)) {
                self.skipped.push(entry);
            } else if !is_hidden(&entry) {
                self.paths.push(entry);
            }
        }
        // Unfinished copies are a match, too; `finish` says so if nothing else is left.
        if self.len() == before {
            let what = format!("nothing matches \"{path}\"");
            return Err(Error::from(ErrorKind::NoInput { what }));
        }
        Ok(())
    }

    /// The number of paths, skipped or not.
    fn len(&self) -> usize {
        self.paths.len() + self.skipped.len()
    }
}
