//! The audit: rows of a sound set, recomputed from the inputs by the naive twins and compared.
//!
//! ```text
//! rows by hash ──► keys ──► inputs, as the manifest lists them ──► naive ──► oracle ──► compare
//!                                                             └──► canaries ──► engine ──► compare
//! ```
//! **In / Out**: a sound [`PublishedSet`] → [`Audited`], and a problem for every row that is not what the
//! inputs make it. **Invariants**: which rows are looked at is a function of the set and of their
//! number; nothing is recomputed from an input that is not the one that the run read.
//! **Why so**: the engine and the twin share no code, so a row that both agree on is wrong only if
//! SPEC was misread twice in the same way.

mod attributes;
mod canaries;
mod canary_input;
mod dwell;
mod features;
mod features_canaries;
mod inputs;
mod near;
mod output_rows;
mod rows;
mod sample;
mod sequences;

use std::collections::BTreeSet;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use serde::Serialize;

pub(super) use self::inputs::{Inputs, Sought, lost_text};
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
    /// So many, or all if there are fewer.
    Count(u64),
    /// All, and that none is missing.
    All,
}

/// Impressions that canaries are planted around, at most.
const CANARIES_MAX: u64 = 100;

/// What an audit looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audited {
    /// Rows recomputed.
    pub rows: u64,
    /// Rows that there are.
    pub of_rows: u64,
    /// Rows of the inputs that were looked at for them.
    pub records: u64,
    /// Files of input.
    pub inputs: u64,
    /// What became of the canaries; nothing where the job has none.
    pub canaries: Option<Canaries>,
}

/// What became of actions that were planted beside real ones and run through the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Canaries {
    /// Impressions they were planted around.
    pub impressions: u64,
    /// Planted.
    pub planted: u64,
    /// Of them, in a history or a count or a label, where they belong.
    #[serde(rename = "kept_as_they_must")]
    pub kept: u64,
    /// Of them, in none, where they do not.
    #[serde(rename = "refused_as_they_must")]
    pub refused: u64,
}

/// What the audit of one job works with.
pub(super) struct Audit<'a> {
    settings: &'a VerifySettings,
    /// What the set says of itself.
    set: &'a PublishedSet,
    context: &'a RunContext,
    /// Rows to recompute, at most.
    rows: AuditRows,
}

impl Audit<'_> {
    /// The folder of the set.
    fn out(&self) -> &std::path::Path {
        &self.settings.out
    }

    /// The folder for canaries.
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

    /// The day of a file of rows.
    fn day_of(&self, file: usize) -> i32 {
        let folder = self.set.files[file].path.split('/').next();
        let mut days = self.set.days.iter();
        let day = days.find(|day| folder == Some(&day.folder));
        day.expect("parts of days are checked").day.0
    }

    /// What some rows are of, told by their day and some columns.
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
            read_rows(self.out(), name, rows, Some(columns), |_, batch| {
                self.context.check()?;
                keys.extend((0..batch.num_rows()).map(|row| key(day, batch, row)));
                Ok(())
            })?;
        }
        Ok(keys)
    }

    /// Where inputs are sought.
    fn sought(&self) -> Sought<'_> {
        Sought {
            out: self.out(),
            from: self.settings.inputs_from.as_deref(),
        }
    }

    /// The inputs of some days, of all if all rows are asked for; nothing if one is lost, which is told.
    ///
    /// # Errors
    /// If a file cannot be read.
    fn inputs_of(
        &self,
        is_asked: impl Fn(i32) -> bool,
        lost: &mut Problems,
    ) -> Result<Option<Inputs>> {
        let is_all = self.rows == AuditRows::All;
        let days = self.set.days.iter().enumerate();
        let days = days.filter(|(_, day)| is_all || is_asked(day.day.0));
        let days = days.map(|(at, _)| at).collect();
        Inputs::of_days(self.set, &days, self.sought(), lost)
    }
}

/// Audits a sound set, and writes the report into it; nothing if no audit is asked for, or it could
/// not be made, and then what is lost of the inputs is told.
///
/// # Errors
/// If a file cannot be read or the report not be written.
pub(super) fn audit(
    settings: &VerifySettings,
    set: &PublishedSet,
    context: &RunContext,
    (problems, lost): (&mut Problems, &mut Problems),
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
        JobKind::Sequences => sequences::audit(&audit, (&mut *problems, &mut *lost)),
        JobKind::Features => features::audit(&audit, (&mut *problems, &mut *lost)),
        JobKind::Dwell => dwell::audit(&audit, (&mut *problems, &mut *lost)),
    });
    let audited = audited.or_else(|error| match unreadable(set, &error) {
        Some(what) => {
            lost.add(MANIFEST, what);
            Ok(None)
        }
        None => Err(error),
    })?;
    context.leave();
    let report = Report {
        made_by: MADE_BY,
        job: set.job_kind,
        of: "audit",
        manifest_xxh64: Xxh64(set.seal),
        verdict: match &audited {
            Some(audited) => Verdict::new(audited, problems),
            None => Verdict::not_made(settings, lost),
        },
    };
    put_file(&settings.out, AUDIT, &sealed(&report))?;
    Ok(audited)
}

/// What stands for the inputs in messages where none of them can be named.
const INPUTS: &str = "the inputs";

/// What to say of an input that is the one that the run read, as far as its digest tells, and cannot
/// be read any more: of Parquet only the footer is digested.
fn unreadable(set: &PublishedSet, error: &Error) -> Option<String> {
    let ErrorKind::BadFile { file, what } = error.kind() else {
        return None;
    };
    let mut inputs = set.whole.inputs.iter();
    let is_input = file == INPUTS || inputs.any(|input| input.path == *file);
    is_input.then(|| match file == INPUTS {
        true => format!("reading its inputs failed: {what}"),
        false => format!("its input \"{file}\" cannot be read any more: {what}"),
    })
}

/// The report that stays with the set. It holds for the set whose manifest has that checksum.
#[derive(Serialize)]
struct Report<'a> {
    /// The program and its version.
    made_by: &'static str,
    job: JobKind,
    /// That it is an audit.
    of: &'static str,
    /// The checksum of the manifest of itself.
    manifest_xxh64: Xxh64,
    #[serde(flatten)]
    verdict: Verdict<'a>,
}

/// What came of an audit.
#[derive(Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
enum Verdict<'a> {
    /// Every row that was looked at is right.
    Passed(Found<'a>),
    /// Some are not.
    Failed(Found<'a>),
    /// Rows could not be looked at.
    #[serde(rename = "not made")]
    NotMade {
        /// Why.
        why: String,
        /// How many inputs are lost.
        problems_count: u64,
        /// The first of them.
        problems: &'a [Problem],
    },
}

/// What was looked at, and what is wrong.
#[derive(Serialize)]
struct Found<'a> {
    rows_recomputed: u64,
    rows: u64,
    /// Rows of the inputs that were looked at for them.
    input_records_read: u64,
    input_files: u64,
    /// What became of the canaries.
    canaries: Option<Canaries>,
    problems_count: u64,
    problems: &'a [Problem],
}

impl<'a> Verdict<'a> {
    /// The verdict on rows that were looked at.
    fn new(audited: &Audited, problems: &'a Problems) -> Verdict<'a> {
        let found = Found {
            rows_recomputed: audited.rows,
            rows: audited.of_rows,
            input_records_read: audited.records,
            input_files: audited.inputs,
            canaries: audited.canaries,
            problems_count: problems.count,
            problems: &problems.list,
        };
        match problems.count {
            0 => Verdict::Passed(found),
            _ => Verdict::Failed(found),
        }
    }

    /// Says why rows could not be looked at.
    fn not_made(settings: &VerifySettings, lost: &'a Problems) -> Verdict<'a> {
        let why = lost_text(lost, settings.inputs_from.is_some());
        Verdict::NotMade {
            why: format!("the files are sound; rows cannot be audited: {why}"),
            problems_count: lost.count,
            problems: &lost.list,
        }
    }
}
