//! What was written to what is published: one path for all jobs.
//!
//! **In / Out**: [`Inputs`] and parts in the folder aside → rejected rows, metrics and manifests beside
//! them, and all of it in place. **Invariants**: gates are judged before anything else is written, and
//! nothing is in place before everything is.

use serde::Serialize;
use serde_json::Value;

use super::report::{DayReport, inputs_of, inputs_of_day};
use crate::catalog::paths::SourceFiles;
use crate::context::{RunContext, Stage};
use crate::error::Result;
use crate::ids::{Day, Micros, count64};
use crate::job::Job;
use crate::manifest::{self, MadeDay, RunFiles};
use crate::metrics::{self, Gates, JobMetrics};
use crate::publish::{Part, StagingDir, Whole};
use crate::quarantine;
use crate::scan::Opened;
use crate::scan::bad_rows::Rejected;
use crate::warnings::Warning;

/// What every job knows of its inputs and of the output that is there; filled while they are read.
pub(crate) struct Inputs {
    /// Where all files lie.
    pub(crate) sources: Vec<SourceFiles>,
    /// Conditions under which nothing is published.
    pub(crate) gates: Gates,
    /// The days that the output has already.
    pub(crate) existing: Vec<Day>,
    /// Those of them that are left as they are.
    pub(crate) skipped: Vec<Day>,
    /// The files that were read, or proven to need no reading, with their formats.
    pub(crate) opened: Vec<Opened>,
    /// Rows set aside, in order.
    pub(crate) rejected: Vec<Rejected>,
    /// What was noticed while reading.
    pub(crate) warnings: Vec<Warning>,
}

impl Inputs {
    /// How many days were asked for, and left as the output has them.
    pub(crate) fn days_skipped(&self, job: &Job) -> u64 {
        let skipped = self.skipped.iter().filter(|day| job.wants_day(**day));
        count64(skipped.count())
    }
}

/// What a job made of one day.
pub(super) struct DayOutcome<'a, C> {
    pub(super) day: Day,
    pub(super) rows: u64,
    /// The earliest and the latest cutoff, if there is a row.
    pub(super) cutoffs: Option<(Micros, Micros)>,
    /// What was counted, for the manifest.
    pub(super) counts: C,
    pub(super) parts: &'a [Part],
}

/// What a job made that publishes days: `C` is counted of each, `A` was found beside the impressions.
pub(super) struct Outcome<'a, C, A, M> {
    /// Its settings, for the manifest.
    pub(super) settings: Value,
    /// What it found beside the impressions: the same for all days.
    pub(super) actions: A,
    pub(super) days: Vec<DayOutcome<'a, C>>,
    pub(super) metrics: Vec<M>,
    /// XXH64 of the vocabulary that is there, if the run extends it.
    pub(super) extends: Option<u64>,
}

/// Judges what was made, by the metrics of its days, and writes the rows that were set aside; gives the
/// files that the manifest names.
///
/// # Errors
/// If a gate fails, or a file cannot be read or written.
pub(super) fn judge<M: JobMetrics>(
    (job, context): (&Job, &RunContext),
    staging: &StagingDir,
    inputs: &Inputs,
    metrics: &[M],
) -> Result<RunFiles> {
    context.enter(Stage::PUBLISH, 0);
    context.check()?;
    // Where all days are left as they are, there is nothing to judge.
    if inputs.days_skipped(job) == 0 || !metrics.is_empty() {
        inputs.gates.judge(metrics)?;
    }
    let rejected = quarantine::write(staging, &inputs.rejected)?;
    Ok(RunFiles::new(inputs_of(job, &inputs.opened)?, rejected))
}

/// Writes the metrics and the manifest of each day, and puts everything in place; gives what the report
/// tells of the days.
///
/// # Errors
/// If a file cannot be written, or put in place.
pub(super) fn commit<C: Serialize, A: Serialize, M: JobMetrics>(
    (job, context): (&Job, &RunContext),
    staging: &StagingDir,
    (inputs, run): (&Inputs, &RunFiles),
    outcome: &Outcome<'_, C, A, M>,
) -> Result<Vec<DayReport>> {
    let (job_kind, settings) = (job.kind(), &outcome.settings);
    for (day, metrics) in outcome.days.iter().zip(&outcome.metrics) {
        let manifest = MadeDay {
            job_kind,
            day: day.day,
            settings,
            inputs: inputs_of_day(&inputs.opened, &run.inputs, day.day),
            run,
            actions: &outcome.actions,
            counts: &day.counts,
            cutoffs: day.cutoffs,
            parts: day.parts,
        };
        let metrics = metrics::day_text(metrics, day.day);
        staging.finish_day(day.day, &manifest.text(), &metrics)?;
    }
    let days: Vec<Day> = outcome.days.iter().map(|day| day.day).collect();
    let whole = Whole {
        manifest: &|folder| manifest::whole(job_kind, folder, settings, run),
        metrics: &|folder| metrics::whole_in::<M>(folder),
        extends: outcome.extends,
    };
    staging.publish(context, &days, &whole)?;
    context.leave();
    let report = |day: &DayOutcome<'_, C>| DayReport {
        day: day.day,
        rows: day.rows,
        parts: count64(day.parts.len()),
        bytes: day.parts.iter().map(|part| part.bytes).sum(),
    };
    Ok(outcome.days.iter().map(report).collect())
}
