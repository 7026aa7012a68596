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
mod rows;
mod sample;
mod sequences;
mod shown;

use std::path::PathBuf;

use serde_json::{Map, Value, json};

pub(super) use self::inputs::Inputs;
use super::ledger::Ledger;
use super::{Problems, VerifySettings};
use crate::control::{Control, Stage};
use crate::engine::guarded;
use crate::error::Result;
use crate::job::Question;
use crate::manifest::sealed;
use crate::publish::{AUDIT, put_file};

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
}

/// Audits a sound set, and writes the report into it; nothing if no audit is asked for, or it could
/// not be made.
///
/// # Errors
/// If a file cannot be read or the report not be written.
pub(super) fn audit(
    settings: &VerifySettings,
    ledger: &Ledger,
    control: &Control,
    problems: &mut Problems,
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
    let audited = guarded("the inputs", || match ledger.question {
        Question::Sequences => sequences::audit(&audit, problems),
        Question::Features => features::audit(&audit, problems),
        Question::Dwell => dwell::audit(&audit, problems),
    })?;
    control.leave();
    if let Some(audited) = &audited {
        put_file(&settings.out, AUDIT, &report(ledger, audited, problems))?;
    }
    Ok(audited)
}

/// The report that stays with the set. It holds for the set whose manifest has that checksum.
fn report(ledger: &Ledger, audited: &Audited, problems: &Problems) -> Vec<u8> {
    let mut report = Map::new();
    let made_by = concat!("hitherto ", env!("CARGO_PKG_VERSION"));
    report.insert("made_by".into(), json!(made_by));
    report.insert("job".into(), json!(ledger.question.name()));
    report.insert("of".into(), json!("audit"));
    let verdict = match problems.count {
        0 => "passed",
        _ => "failed",
    };
    report.insert("verdict".into(), json!(verdict));
    report.insert(
        "manifest_xxh64".into(),
        json!(format!("{:016x}", ledger.seal)),
    );
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
    let told = problems.list.iter();
    let told: Vec<Value> = told
        .map(|of| json!({"path": of.path, "what": of.what}))
        .collect();
    report.insert("problems_count".into(), json!(problems.count));
    report.insert("problems".into(), Value::Array(told));
    sealed(report)
}
