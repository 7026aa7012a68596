//! Checks a published folder against its manifests, and sampled rows against the inputs.
//!
//! **In / Out**: `OUT` → [`Verified`]: what was checked, and every [`Problem`].
//! **Invariants**: no file of `OUT` is parsed before its checksum matches: that of a manifest is at its own
//! end, those of all other files are in the manifest. Links, and whatever is neither file nor folder, are
//! reported and never opened. Only the report of the audit is written.
//! **Cost**: every byte of `OUT` is read once; of `sequences` three narrow columns are decoded.
//!
//! ```text
//! listing ──► manifests and metrics, each against the others ──► files: bytes, checksum, footer, schema
//!                                                          └──► values: bounds of every row
//! ```

mod audit;
mod explain;
mod files;
mod listing;
mod manifests;
mod metrics;
mod sealed;
mod timelines;
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
use crate::publish::{MANIFEST, SUCCESS, refuse_shards};

pub use self::audit::{AuditRows, Audited, Canaries};
pub use self::explain::{ExplainSettings, Explained, ExplainedAction, explain};
use self::manifests::PublishedSet;
use crate::verify::listing::FolderListing;

/// Settings of [`verify`].
#[derive(Clone, Debug)]
pub struct VerifySettings {
    /// The folder that a job published.
    pub out: PathBuf,
    /// Threads to work with, at least 1.
    pub threads: usize,
    /// The number of rows to recompute from the inputs.
    pub audit_rows: AuditRows,
    /// The only folder that relative input paths start from; if not given, that of the run and those
    /// around the set.
    pub inputs_from: Option<PathBuf>,
    /// Where the inputs of canaries are written, in a temporary folder that only its owner can read.
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

/// The result of [`verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The kind of the job that made it; nothing if its manifest is damaged.
    pub job_kind: Option<JobKind>,
    /// The checksum of its manifest, which identifies the whole set.
    pub manifest: u64,
    /// The number of days, each a folder; 0 for `dwell`.
    pub days: u64,
    /// The number of files of rows: parts, or tables.
    pub parts: u64,
    /// Rows in them; of `dwell`, in the Parquet files only.
    pub rows: u64,
    /// The bytes of all files that the manifest names.
    pub bytes: u64,
    /// What the audit covered, if there was one.
    pub audited: Option<Audited>,
    /// The warnings of the run that made the latest day.
    pub warnings: Vec<String>,
    /// Why a requested audit of sound files was not possible: inputs that are gone or have changed, the
    /// first [`PROBLEMS_MAX`].
    pub unaudited: Vec<Problem>,
    /// The same in one sentence, with a hint.
    pub unaudited_why: Option<String>,
    /// The first [`PROBLEMS_MAX`] problems, sorted by path.
    pub problems: Vec<Problem>,
    /// The number of all problems.
    pub problems_count: u64,
}

/// One difference between a published folder and what it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The path of the file or folder, relative to the published one.
    pub path: String,
    /// What was expected and what was found.
    pub what: String,
}

/// The most problems that are reported one by one; all are counted.
pub const PROBLEMS_MAX: usize = 100;

/// Collects problems.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    /// The first [`PROBLEMS_MAX`].
    list: Vec<Problem>,
    count: u64,
}

impl Problems {
    /// The first problem.
    pub(crate) fn first(&self) -> Option<&Problem> {
        self.list.first()
    }

    /// The number of problems.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Adds a problem.
    pub(crate) fn add(&mut self, path: impl Into<String>, what: impl Into<String>) {
        self.count += 1;
        if self.list.len() < PROBLEMS_MAX {
            let (path, what) = (path.into(), what.into());
            self.list.push(Problem { path, what });
        }
    }

    /// Adds a problem whose text is expensive; it is made only if it is reported.
    pub(crate) fn add_with(&mut self, path: &str, what: impl FnOnce() -> String) {
        if self.list.len() < PROBLEMS_MAX {
            self.add(path, what());
        } else {
            self.count += 1;
        }
    }

    /// Adds other problems.
    pub(crate) fn append(&mut self, others: Problems) {
        self.count += others.count;
        // Does not underflow, as `add` keeps to the limit.
        let room = PROBLEMS_MAX - self.list.len();
        self.list.extend(others.list.into_iter().take(room));
    }
}

/// Verifies a published folder of any job kind.
///
/// # Errors
/// [`ErrorKind::NoInput`] if there is no such folder, and any error in reading a file. A damaged folder is
/// not an error; the damage is in [`Verified::problems`].
///
/// # Examples
/// ```no_run
/// use hitherto::{RunContext, VerifySettings, verify};
///
/// let settings = VerifySettings {
///     out: "training".into(),
///     threads: 2,
///     ..VerifySettings::default()
/// };
/// let verified = verify(&settings, &RunContext::default())?;
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

/// Verifies on the current thread pool.
fn run(settings: &VerifySettings, context: &RunContext) -> Result<Verified> {
    context.enter(Stage::LOOK, 0);
    check_is_set(&settings.out)?;
    let mut problems = Problems::default();
    // Runs that add days hold this lock while they publish; without it a half-published day would be
    // reported as damage. On a filesystem without locks there is none.
    let lock = File::open(&settings.out).and_then(|out| out.lock_shared().map(|()| out));
    let listing = FolderListing::new(&settings.out)?;
    let set = PublishedSet::read(&settings.out, &listing, &mut problems)?;
    let mut warnings = Vec::new();
    if let Some(set) = &set {
        listing.check(set, &mut problems);
        warnings = metrics::check(&settings.out, &listing, set, &mut problems)?;
        context.enter(Stage::CHECK, set.bytes());
        files::check(&settings.out, &listing, set, context, &mut problems)?;
    }
    // Not held while rows are audited: that reads all inputs, and runs would wait so long to
    // publish.
    drop(lock);
    // Lost inputs are no damage, and end the command with another exit code.
    let mut lost = Problems::default();
    let audited = match &set {
        // Damage goes first: inputs are looked for only if the files of the set are sound.
        Some(set) if problems.count == 0 => {
            audit::audit(settings, set, context, &mut problems, &mut lost)?
        }
        _ => None,
    };
    context.leave();
    let why = || audit::lost_text(&lost, settings.inputs_from.as_deref());
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

/// Checks that a path is a folder that a job may have published.
///
/// # Errors
/// [`ErrorKind::NoInput`] if it is not.
fn check_is_set(out: &Path) -> Result<()> {
    let no_input = |what: String| Err(Error::from(ErrorKind::NoInput { what }));
    if !fs::metadata(out).is_ok_and(|metadata| metadata.is_dir()) {
        return no_input(format!("no such folder: \"{}\"", out.display()));
    }
    refuse_shards(out)?;
    let is_there = |name: &str| fs::symlink_metadata(out.join(name)).is_ok();
    // One of them is enough. If the other one is gone, that is damage of a set, and reported as
    // such.
    if !is_there(MANIFEST) && !is_there(SUCCESS) {
        let out = out.display();
        return no_input(format!(
            "\"{out}\" holds neither {MANIFEST} nor {SUCCESS}, so no job published it"
        ));
    }
    Ok(())
}
