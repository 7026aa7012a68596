//! A published folder to what is wrong with it, and to proof that its rows are right.
//!
//! **In / Out**: `OUT` → [`Verified`]: what was looked at, and every [`Problem`] that was found.
//! **Invariants**: nothing in `OUT` is parsed before its bytes are proven to be those that were
//! published: a manifest by its checksum of itself, all else by the manifest's. Links and whatever
//! is neither file nor folder are named and never opened. Nothing is written but the audit's report.
//! **Cost**: every byte of `OUT` is read once, and of `sequences` three narrow columns are decoded.
//!
//! ```text
//! tree ──► set: manifests and metrics, each against the others ──► files: bytes, checksum, footer, schema
//!                                                            └──► values: bounds of every row
//! ```

mod audit;
mod explain;
mod files;
mod listing;
mod manifests;
mod metrics;
mod values;
mod vocabulary;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::context::{RunContext, Stage};
use crate::engine::in_threads;
use crate::error::{Error, ErrorKind, Result};
use crate::job::JobKind;
use crate::place::check_in;
use crate::publish::{MANIFEST, SUCCESS};

pub use self::audit::{AuditRows, Audited, Canaries};
pub use self::explain::{ExplainSettings, Explained, ExplainedAction, explain};
use self::manifests::PublishedSet;
use crate::verify::listing::Tree;

/// What is to be verified, and how.
#[derive(Clone, Debug)]
pub struct VerifySettings {
    /// The folder that a job published.
    pub out: PathBuf,
    /// Threads to work with, at least 1.
    pub threads: usize,
    /// How many rows are recomputed from the inputs.
    pub audit_rows: AuditRows,
    /// The folder that relative paths of inputs start from, if not the one that the run was in: inputs
    /// are sought there only.
    pub inputs_from: Option<PathBuf>,
    /// Where a small dataset is written for a while, in a folder that nobody else may look into.
    pub temp_dir: PathBuf,
}

impl Default for VerifySettings {
    fn default() -> VerifySettings {
        VerifySettings {
            out: PathBuf::new(),
            threads: 1,
            audit_rows: AuditRows::Count(1000),
            inputs_from: None,
            temp_dir: std::env::temp_dir(),
        }
    }
}

/// What was found of a published folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The job that made it; nothing if its manifest does not tell.
    pub job_kind: Option<JobKind>,
    /// The checksum of its manifest, which stands for everything in it.
    pub manifest: u64,
    /// Days, each a folder; 0 for `dwell`.
    pub days: u64,
    /// Files of rows: parts, or tables.
    pub parts: u64,
    /// Rows in them; of `dwell`, in the tables of Parquet.
    pub rows: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// What the audit looked at, if there was one.
    pub audited: Option<Audited>,
    /// The warnings of the run that made the latest day.
    pub warnings: Vec<String>,
    /// Why there was none although it was asked for, the files being sound: inputs that are gone or have
    /// changed, the first [`PROBLEMS_MAX`].
    pub unaudited: Vec<Problem>,
    /// The same in one sentence, with what helps.
    pub unaudited_why: Option<String>,
    /// What is wrong, in the order of paths: the first [`PROBLEMS_MAX`].
    pub problems: Vec<Problem>,
    /// How much is wrong.
    pub problems_count: u64,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Of which file or folder below the published one.
    pub path: String,
    /// What was expected and what was found.
    pub what: String,
}

/// Problems that are told one by one; the rest is counted.
pub const PROBLEMS_MAX: usize = 100;

/// Problems as they are found.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    /// The first of them.
    list: Vec<Problem>,
    count: u64,
}

impl Problems {
    /// The first of them.
    pub(crate) fn first(&self) -> Option<&Problem> {
        self.list.first()
    }

    /// How many they are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Takes note of a problem.
    pub(crate) fn add(&mut self, path: impl Into<String>, what: impl Into<String>) {
        self.count += 1;
        if self.list.len() < PROBLEMS_MAX {
            let (path, what) = (path.into(), what.into());
            self.list.push(Problem { path, what });
        }
    }

    /// Takes note of a problem that it takes a while to put into words, if they are told at all.
    pub(crate) fn add_with(&mut self, path: &str, what: impl FnOnce() -> String) {
        match self.list.len() < PROBLEMS_MAX {
            true => self.add(path, what()),
            false => self.count += 1,
        }
    }

    /// Takes note of others.
    pub(crate) fn append(&mut self, others: Problems) {
        self.count += others.count;
        let room = PROBLEMS_MAX - self.list.len();
        self.list.extend(others.list.into_iter().take(room));
    }
}

/// Verifies a published folder of any job.
///
/// # Errors
/// [`ErrorKind::NoInput`] if there is no such folder, and whatever keeps a file from being read.
/// What is wrong with the folder is no error: it is in [`Verified::problems`].
///
/// # Examples
/// ```no_run
/// use hitherto::{Control, VerifySettings, verify};
///
/// let settings = VerifySettings {
///     out: "training".into(),
///     threads: 2,
///     ..VerifySettings::default()
/// };
/// let verified = verify(&settings, &Control::default())?;
/// assert!(verified.problems.is_empty());
/// # Ok::<(), hitherto::Error>(())
/// ```
pub fn verify(settings: &VerifySettings, context: &RunContext) -> Result<Verified> {
    let threads = settings.threads;
    if !(1..=1024).contains(&threads) {
        let what = format!("--threads is {threads}; it takes 1 to 1024");
        return Err(Error::settings(what));
    }
    check_in(&settings.out)?;
    in_threads(threads, || run(settings, context))
}

/// Verifies on the threads that there are.
fn run(settings: &VerifySettings, context: &RunContext) -> Result<Verified> {
    context.enter(Stage::LOOK, 0);
    check_is_set(&settings.out)?;
    let mut problems = Problems::default();
    // Runs that add days publish while nobody else holds this; without it, half of what they do
    // would be taken for damage. A filesystem without locks is read without.
    let turn = File::open(&settings.out).and_then(|out| out.lock_shared().map(|()| out));
    let tree = Tree::new(&settings.out)?;
    let set = PublishedSet::read(&settings.out, &tree, &mut problems)?;
    let mut warnings = Vec::new();
    if let Some(set) = &set {
        tree.check(set, &mut problems);
        warnings = metrics::check(&settings.out, &tree, set, &mut problems)?;
        context.enter(Stage::CHECK, set.bytes());
        files::check(&settings.out, &tree, set, context, &mut problems)?;
    }
    drop(turn);
    let mut lost = Problems::default();
    let audited = match &set {
        Some(set) if problems.count == 0 => {
            audit::audit(settings, set, context, (&mut problems, &mut lost))?
        }
        _ => None,
    };
    context.leave();
    let why = || audit::lost_text(&lost, settings.inputs_from.is_some());
    problems.list.sort();
    let set = set.as_ref();
    Ok(Verified {
        job_kind: set.map(|set| set.job_kind),
        manifest: set.map_or(0, |set| set.seal),
        days: set.map_or(0, PublishedSet::days_count),
        parts: set.map_or(0, PublishedSet::parts_count),
        rows: set.map_or(0, PublishedSet::rows),
        bytes: set.map_or(0, PublishedSet::bytes),
        audited,
        warnings,
        unaudited_why: (lost.count > 0).then(why),
        unaudited: lost.list,
        problems: problems.list,
        problems_count: problems.count,
    })
}

/// An error if a path leads to nothing that a job may have published.
fn check_is_set(out: &Path) -> Result<()> {
    let no_input = |what: String| Err(Error::from(ErrorKind::NoInput { what }));
    if !fs::metadata(out).is_ok_and(|found| found.is_dir()) {
        return no_input(format!("no such folder: \"{}\"", out.display()));
    }
    let is_there = |name: &str| fs::symlink_metadata(out.join(name)).is_ok();
    if !is_there(MANIFEST) && !is_there(SUCCESS) {
        let out = out.display();
        return no_input(format!(
            "\"{out}\" holds neither {MANIFEST} nor {SUCCESS}, so no job published it"
        ));
    }
    Ok(())
}
