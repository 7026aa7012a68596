//! The audit: sampled rows of a sound set are recomputed from the inputs by the reference and compared.
//!
//! ```text
//! rows by hash ──► keys ──► inputs, as the manifest lists them ──► reference ──► compare
//!                                                             └──► canaries ──► engine ──► compare
//! ```
//! **In / Out**: a sound [`PublishedSet`] → [`Audited`], and a problem for every row that does not follow
//! from the inputs. **Invariants**: which rows are sampled depends only on the set and their number; rows
//! are recomputed only from the inputs that the run read.
//! **Why so**: engine and reference share no code, so a row on which both agree is wrong only if SPEC was
//! misread twice in the same way.

mod attributes;
mod canaries;
mod dwell;
mod dwell_tables;
mod feature_rows;
mod features;
mod inputs;
mod logs;
mod output_rows;
mod row_differences;
mod rows;
mod sample;
mod sequences;

use std::collections::BTreeSet;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use serde::Serialize;

pub(super) use self::inputs::{InputFolders, SetInputs, lost_text};
use self::rows::read_rows;
use self::sample::choose;
use super::manifests::PublishedSet;
use super::{Problem, Problems, VerifySettings};
use crate::context::{RunContext, Stage};
use crate::engine::guarded;
use crate::error::{Error, ErrorKind, Result};
use crate::job::JobKind;
use crate::manifest::{MADE_BY, Xxh64, sealed};
use crate::publish::{AUDIT, MANIFEST, put_file};
pub(super) use crate::verify::audit::attributes::number_text;

/// How many rows an audit recomputes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditRows {
    /// None: there is no audit.
    None,
    /// This many, or all if there are fewer.
    Count(u64),
    /// All; missing rows are found too.
    All,
}

/// The most impressions that canaries are planted around.
const CANARIES_MAX: u64 = 100;

/// What an audit covered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audited {
    /// Recomputed rows.
    pub rows: u64,
    /// All rows.
    pub of_rows: u64,
    /// Input records that were read.
    pub records: u64,
    /// Input files that were read.
    pub inputs: u64,
    /// The result of canaries; nothing for a job kind that has none.
    pub canaries: Option<Canaries>,
}

/// The result of canaries: planted actions that were run through the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Canaries {
    /// Impressions with planted actions.
    pub impressions: u64,
    /// Planted actions.
    pub planted: u64,
    /// Those that must count, in a history, a count or a label, and do.
    #[serde(rename = "kept_as_they_must")]
    pub kept: u64,
    /// Those that must not count, and do not.
    #[serde(rename = "refused_as_they_must")]
    pub refused: u64,
}

/// An audit of one set.
pub(super) struct Audit<'a> {
    settings: &'a VerifySettings,
    set: &'a PublishedSet,
    context: &'a RunContext,
    /// Rows to recompute.
    rows: AuditRows,
}

impl Audit<'_> {
    /// The folder of the set.
    fn out(&self) -> &std::path::Path {
        &self.settings.out
    }

    /// The folder for the inputs of canaries.
    fn temp_dir(&self) -> PathBuf {
        self.settings.temp_dir.clone()
    }

    /// Rows that canaries are planted around.
    fn canary_rows(&self) -> AuditRows {
        match self.rows {
            AuditRows::Count(count) => AuditRows::Count(count.min(CANARIES_MAX)),
            _ => AuditRows::Count(CANARIES_MAX),
        }
    }

    /// The day of a part.
    fn day_of(&self, file: usize) -> i32 {
        let folder = self.set.files[file].path.split('/').next();
        let mut days = self.set.days.iter();
        let day = days.find(|day| folder == Some(&day.folder));
        // `PublishedSet::check_sums` reports a part in another folder, and then there is no audit.
        day.expect("parts of days are checked").day.0
    }

    /// The distinct keys of sampled rows, made by `key` from the day and some columns.
    ///
    /// # Errors
    /// If a file cannot be read.
    fn keys_of<K: Ord>(
        &self,
        rows: AuditRows,
        columns: &[&str],
        key: impl Fn(i32, &RecordBatch, usize) -> K,
    ) -> Result<BTreeSet<K>> {
        let mut keys = BTreeSet::new();
        for (file, rows) in choose(self.set, rows, |_| true) {
            let (day, name) = (self.day_of(file), &self.set.files[file].path);
            let rows = rows.as_deref();
            read_rows(
                &self.set.settings,
                self.out(),
                name,
                rows,
                Some(columns),
                |_, batch| {
                    self.context.check()?;
                    keys.extend((0..batch.num_rows()).map(|row| key(day, batch, row)));
                    Ok(())
                },
            )?;
        }
        Ok(keys)
    }

    /// Where inputs are looked for.
    fn input_folders(&self) -> InputFolders<'_> {
        InputFolders {
            out: self.out(),
            from: self.settings.inputs_from.as_deref(),
        }
    }

    /// The inputs of some days, or of all days if all rows are audited. Nothing if one is lost; `lost` says
    /// which.
    ///
    /// # Errors
    /// If a file cannot be read.
    fn inputs_of(
        &self,
        is_audited: impl Fn(i32) -> bool,
        lost: &mut Problems,
    ) -> Result<Option<SetInputs>> {
        let is_all = self.rows == AuditRows::All;
        let days = self.set.days.iter().enumerate();
        let days = days.filter(|(_, day)| is_all || is_audited(day.day.0));
        let days = days.map(|(at, _)| at).collect();
        SetInputs::of_days(self.set, &days, self.input_folders(), lost)
    }
}

/// Audits a sound set and writes the report into it. Nothing if no audit is requested, or if inputs are
/// lost; `lost` says which.
///
/// # Errors
/// If a file cannot be read or the report not be written.
pub(super) fn audit(
    settings: &VerifySettings,
    set: &PublishedSet,
    context: &RunContext,
    problems: &mut Problems,
    lost: &mut Problems,
) -> Result<Option<Audited>> {
    if settings.audit_rows == AuditRows::None {
        return Ok(None);
    }
    let audit = Audit {
        settings,
        set,
        context,
        rows: settings.audit_rows,
    };
    context.enter(Stage::AUDIT, 0);
    let audited = guarded(INPUTS, || match set.job_kind {
        JobKind::Sequences => sequences::audit(&audit, problems, lost),
        JobKind::Features => features::audit(&audit, problems, lost),
        JobKind::Dwell => dwell::audit(&audit, problems, lost),
    });
    let audited = audited.or_else(|error| match unreadable(set, &error) {
        Some(what) => {
            lost.add(MANIFEST, what);
            Ok(None)
        }
        None => Err(error),
    })?;
    context.leave();
    let report = AuditReport {
        made_by: MADE_BY,
        job: set.job_kind,
        of: "audit",
        manifest_xxh64: Xxh64(set.seal),
        verdict: match &audited {
            Some(audited) => Verdict::new(audited, problems),
            None => Verdict::not_made(settings, lost),
        },
    };
    // Whatever the verdict, so that no report of an earlier audit stays.
    put_file(&settings.out, AUDIT, &sealed(&report))?;
    Ok(audited)
}

/// The name of the inputs in messages that cannot name one.
const INPUTS: &str = "the inputs";

/// The message for an error in reading an input, or nothing for any other error. An input with the right
/// digest may still be damaged, because of Parquet only the footer is digested.
fn unreadable(set: &PublishedSet, error: &Error) -> Option<String> {
    let ErrorKind::BadFile { file, what } = error.kind() else {
        return None;
    };
    if file == INPUTS {
        return Some(format!("reading its inputs failed: {what}"));
    }
    let mut inputs = set.whole.inputs.iter();
    let is_input = inputs.any(|input| input.path == *file);
    is_input.then(|| format!("its input \"{file}\" cannot be read any more: {what}"))
}

/// The report that stays with the set. It is of the set whose manifest has this checksum.
#[derive(Serialize)]
struct AuditReport<'a> {
    /// The program and its version.
    made_by: &'static str,
    job: JobKind,
    /// Always `audit`.
    of: &'static str,
    /// The checksum at the end of the manifest.
    manifest_xxh64: Xxh64,
    #[serde(flatten)]
    verdict: Verdict<'a>,
}

/// The result of an audit.
#[derive(Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
enum Verdict<'a> {
    /// Every audited row is right.
    Passed(AuditFacts<'a>),
    /// Some are not.
    Failed(AuditFacts<'a>),
    /// No row could be audited.
    #[serde(rename = "not made")]
    NotMade {
        /// Why.
        why: String,
        /// The number of lost inputs.
        problems_count: u64,
        /// The first of them.
        problems: &'a [Problem],
    },
}

/// What was audited, and what is wrong.
#[derive(Serialize)]
struct AuditFacts<'a> {
    rows_recomputed: u64,
    rows: u64,
    /// Input records that were read.
    input_records_read: u64,
    input_files: u64,
    /// The result of canaries.
    canaries: Option<Canaries>,
    problems_count: u64,
    problems: &'a [Problem],
}

impl<'a> Verdict<'a> {
    /// The verdict on audited rows.
    fn new(audited: &Audited, problems: &'a Problems) -> Verdict<'a> {
        let facts = AuditFacts {
            rows_recomputed: audited.rows,
            rows: audited.of_rows,
            input_records_read: audited.records,
            input_files: audited.inputs,
            canaries: audited.canaries,
            problems_count: problems.count,
            problems: &problems.list,
        };
        match problems.count {
            0 => Verdict::Passed(facts),
            _ => Verdict::Failed(facts),
        }
    }

    /// Why no row could be audited.
    fn not_made(settings: &VerifySettings, lost: &'a Problems) -> Verdict<'a> {
        let why = lost_text(lost, settings.inputs_from.as_deref());
        Verdict::NotMade {
            why: format!("the files are sound; rows cannot be audited: {why}"),
            problems_count: lost.count,
            problems: &lost.list,
        }
    }
}
