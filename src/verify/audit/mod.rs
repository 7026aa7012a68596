//! The audit: rows of a sound set, recomputed from the inputs by the naive twins and compared.
//!
//! ```text
//! rows by hash ──► keys ──► inputs, as the manifest lists them ──► naive ──► oracle ──► compare
//!                                                             └──► canaries ──► engine ──► compare
//! ```
//! **In / Out**: a sound [`Ledger`] → [`Audited`], and a problem for every row that is not what the
//! inputs make it. **Invariants**: which rows are looked at is a function of the set and of their
//! number; nothing is recomputed from an input that is not the one that the run read.
//! **Why so**: the engine and the twin share no code, so a row that both agree on is wrong only if
//! SPEC was misread twice in the same way.

mod canaries;
mod dwell;
mod features;
mod features_canaries;
mod inputs;
mod near;
mod planted;
mod rows;
mod sample;
mod sequences;
mod shown;
mod told;

use std::collections::BTreeSet;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use serde_json::{Map, Value, json};

pub(super) use self::inputs::{Inputs, Sought, lost_text};
use self::rows::read_rows;
use self::sample::choose;
pub(super) use self::told::number_text;
use super::ledger::Ledger;
use super::{Problems, VerifySettings};
use crate::control::{Control, Stage};
use crate::engine::guarded;
use crate::error::{Error, ErrorKind, Result};
use crate::job::Question;
use crate::manifest::sealed;
use crate::publish::{AUDIT, MANIFEST, put_file};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Canaries {
    /// Impressions they were planted around.
    pub impressions: u64,
    /// Planted.
    pub planted: u64,
    /// Of them, in a history or a count or a label, where they belong.
    pub kept: u64,
    /// Of them, in none, where they do not.
    pub refused: u64,
}

/// What the audit of one job works with.
pub(super) struct Audit<'a> {
    /// What is asked.
    settings: &'a VerifySettings,
    /// What the set says of itself.
    ledger: &'a Ledger,
    /// The wish to stop.
    control: &'a Control,
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
        let folder = self.ledger.files[file].path.split('/').next();
        let mut days = self.ledger.days.iter();
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
        for (file, rows) in choose(self.ledger, rows, |_| true) {
            let (day, name) = (self.day_of(file), &self.ledger.files[file].path);
            let rows = rows.as_deref();
            read_rows(self.out(), name, rows, Some(columns), |_, batch| {
                self.control.check()?;
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
        let days = self.ledger.days.iter().enumerate();
        let days = days.filter(|(_, day)| is_all || is_asked(day.day.0));
        let days = days.map(|(at, _)| at).collect();
        Inputs::of_days(self.ledger, &days, self.sought(), lost)
    }
}

/// Audits a sound set, and writes the report into it; nothing if no audit is asked for, or it could
/// not be made, and then what is lost of the inputs is told.
///
/// # Errors
/// If a file cannot be read or the report not be written.
pub(super) fn audit(
    settings: &VerifySettings,
    ledger: &Ledger,
    control: &Control,
    (problems, lost): (&mut Problems, &mut Problems),
) -> Result<Option<Audited>> {
    if settings.audit_rows == AuditRows::None {
        return Ok(None);
    }
    let audit = Audit {
        settings,
        ledger,
        control,
        rows: settings.audit_rows,
    };
    control.enter(Stage::AUDIT, 0);
    let audited = guarded(INPUTS, || match ledger.question {
        Question::Sequences => sequences::audit(&audit, (&mut *problems, &mut *lost)),
        Question::Features => features::audit(&audit, (&mut *problems, &mut *lost)),
        Question::Dwell => dwell::audit(&audit, (&mut *problems, &mut *lost)),
    });
    let audited = audited.or_else(|error| match unreadable(ledger, &error) {
        Some(what) => {
            lost.add(MANIFEST, what);
            Ok(None)
        }
        None => Err(error),
    })?;
    control.leave();
    let mut report = report_head(ledger);
    match &audited {
        Some(audited) => add_audited(&mut report, audited, problems),
        None => add_lost(&mut report, settings, lost),
    }
    put_file(&settings.out, AUDIT, &sealed(report))?;
    Ok(audited)
}

/// What stands for the inputs in messages where none of them can be named.
const INPUTS: &str = "the inputs";

/// What to say of an input that is the one that the run read, as far as its digest tells, and cannot
/// be read any more: of Parquet only the footer is digested.
fn unreadable(ledger: &Ledger, error: &Error) -> Option<String> {
    let ErrorKind::BadFile { file, what } = error.kind() else {
        return None;
    };
    let mut inputs = ledger.whole["inputs"].as_array().into_iter().flatten();
    let is_input = file == INPUTS || inputs.any(|of| of["path"] == file.as_str());
    is_input.then(|| match file == INPUTS {
        true => format!("reading its inputs failed: {what}"),
        false => format!("its input \"{file}\" cannot be read any more: {what}"),
    })
}

/// What the report that stays with the set starts with. It holds for the set whose manifest has that
/// checksum.
fn report_head(ledger: &Ledger) -> Map<String, Value> {
    let mut report = Map::new();
    let made_by = concat!("hitherto ", env!("CARGO_PKG_VERSION"));
    report.insert("made_by".into(), json!(made_by));
    report.insert("job".into(), json!(ledger.question.name()));
    report.insert("of".into(), json!("audit"));
    let seal = format!("{:016x}", ledger.seal);
    report.insert("manifest_xxh64".into(), json!(seal));
    report
}

/// Adds to the report what was looked at, and what is wrong.
fn add_audited(report: &mut Map<String, Value>, audited: &Audited, problems: &Problems) {
    let verdict = match problems.count {
        0 => "passed",
        _ => "failed",
    };
    report.insert("verdict".into(), json!(verdict));
    report.insert("rows_recomputed".into(), json!(audited.rows));
    report.insert("rows".into(), json!(audited.of_rows));
    report.insert("input_records_read".into(), json!(audited.records));
    report.insert("input_files".into(), json!(audited.inputs));
    let canaries = audited.canaries.map(|of| {
        json!({
            "impressions": of.impressions,
            "planted": of.planted,
            "kept_as_they_must": of.kept,
            "refused_as_they_must": of.refused,
        })
    });
    report.insert("canaries".into(), json!(canaries));
    add_problems(report, problems);
}

/// Adds to the report that rows could not be looked at, and why.
fn add_lost(report: &mut Map<String, Value>, settings: &VerifySettings, lost: &Problems) {
    let why = lost_text(lost, settings.inputs_from.is_some());
    report.insert("verdict".into(), json!("not made"));
    let why = format!("the files are sound; rows cannot be audited: {why}");
    report.insert("why".into(), json!(why));
    add_problems(report, lost);
}

/// Adds problems to the report.
fn add_problems(report: &mut Map<String, Value>, problems: &Problems) {
    let told = problems.list.iter();
    let told: Vec<Value> = told
        .map(|of| json!({"path": of.path, "what": of.what}))
        .collect();
    report.insert("problems_count".into(), json!(problems.count));
    report.insert("problems".into(), Value::Array(told));
}
