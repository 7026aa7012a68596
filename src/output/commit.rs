//! Parts in the staging folder to a published set: one path for all job kinds.
//!
//! **In / Out**: [`RunInputs`] and the parts of each day → rejected rows, metrics and manifests next to
//! them, and all of it in place. **Invariants**: gates are judged before anything else is written, and
//! nothing has its final name before everything is written. **Steps**: [`judge`], then [`commit`]; a
//! table of `dwell` has no days, so `dwell` makes its one manifest itself and publishes it.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::paths::SourceFiles;
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Day, Micros, count64};
use crate::job::{Format, Job, ShardHolds, Source};
use crate::manifest::{self, Input, MadeDay, RunFiles, Xxh64};
use crate::metrics::{self, Gates, JobMetrics, SourceDays, source_days};
use crate::publish::{Part, StagingDir, Whole, origin};
use crate::quarantine;
use crate::scan::Opened;
use crate::scan::bad_rows::Rejected;
use crate::store::local::DigestOf;
use crate::warnings::Warning;

/// The files of a run, and what every job kind finds in them; filled while they are read.
pub(crate) struct RunInputs {
    /// The files of each source.
    pub(crate) sources: Vec<SourceFiles>,
    /// Conditions under which the run publishes nothing.
    pub(crate) gates: Gates,
    /// Days that the output already has.
    pub(crate) existing: Vec<Day>,
    /// Of these, the days that the run leaves as they are.
    pub(crate) skipped: Vec<Day>,
    /// The files that were read, or proven to need no reading, with their formats.
    pub(crate) opened: Vec<Opened>,
    /// Rows that could not be used, in order.
    pub(crate) rejected: Vec<Rejected>,
    /// Warnings from reading.
    pub(crate) warnings: Vec<Warning>,
}

impl RunInputs {
    /// How many days the job asks for and the run leaves as the output has them.
    pub(crate) fn days_skipped(&self, job: &Job) -> u64 {
        let skipped = self.skipped.iter().filter(|day| job.wants_day(**day));
        count64(skipped.count())
    }

    /// The files as manifests have them.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn files(&self, job: &Job) -> Result<FilesRead> {
        Ok(FilesRead {
            inputs: inputs_of(job, &self.opened)?,
            rejected: self.rejected.clone(),
            source_days: source_days(&self.sources),
            days_skipped: self.days_skipped(job),
        })
    }
}

/// The files that a run read, as manifests and metrics have them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FilesRead {
    /// The files that were read, or proven to need no reading.
    pub(super) inputs: Vec<InputRead>,
    /// Rows that could not be used, in order.
    pub(crate) rejected: Vec<Rejected>,
    /// The days that sources have files of.
    pub(super) source_days: Vec<SourceDays>,
    /// How many days the job asks for and the run leaves as the output has them.
    pub(crate) days_skipped: u64,
}

impl FilesRead {
    /// Whether a shard has read the same files.
    pub(crate) fn are_alike(&self, other: &FilesRead) -> bool {
        self.inputs == other.inputs && self.source_days == other.source_days
    }

    /// Adds the files of the next shard, which has read the same ones, or its own.
    pub(crate) fn merge(&mut self, next: FilesRead, holds: ShardHolds) {
        self.rejected.extend(next.rejected);
        if holds == ShardHolds::All {
            return;
        }
        self.inputs.extend(next.inputs);
        for ((_, own), (_, more)) in self.source_days.iter_mut().zip(next.source_days) {
            *own = own.take().zip(more).map(|(mut days, more)| {
                days.extend(more);
                days.sort_unstable();
                days.dedup();
                days
            });
        }
    }

    /// Sorts the rejected rows; each once, as rows without a customer are rejected by every shard.
    pub(crate) fn sort_rejected(&mut self) {
        self.rejected.sort_unstable();
        self.rejected.dedup();
    }

    /// How many files were read.
    pub(crate) fn count(&self) -> u64 {
        count64(self.inputs.len())
    }

    /// How many rows were rejected.
    pub(crate) fn rejected_count(&self) -> u64 {
        count64(self.rejected.len())
    }

    /// Changes the folders that relative paths start from.
    pub(crate) fn move_to(&mut self, moved: impl Fn(&str) -> Option<String>) {
        for input in &mut self.inputs {
            input.file.from = input.file.from.take().and_then(|from| moved(&from));
        }
    }

    /// Counts days that the output has and keeps.
    pub(crate) fn skip_days(&mut self, count: u64) {
        self.days_skipped += count;
    }
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InputRead {
    pub(super) file: Input,
    /// The day of its impressions, if it has those of a day.
    pub(super) day: Option<Day>,
}

/// What a run published of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayReport {
    /// The day.
    pub day: Day,
    /// Rows: samples, or impressions in layout `request`.
    pub rows: u64,
    /// Parts.
    pub parts: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The parts of one day, and what its manifest says of them.
pub(super) struct DayOutcome<'a, C> {
    pub(super) day: Day,
    pub(super) rows: u64,
    /// The earliest and the latest cutoff, if there is a row.
    pub(super) cutoffs: Option<(Micros, Micros)>,
    pub(super) counts: C,
    pub(super) parts: &'a [Part],
}

/// What a job that has days publishes: `C` are the counts of a day, `A` are the findings of the run
/// outside the impressions, `M` are the metrics of a day.
pub(super) struct Outcome<'a, C, A, M> {
    /// The settings, as the manifest has them.
    pub(super) settings: Value,
    /// The same for all days.
    pub(super) actions: A,
    pub(super) days: Vec<DayOutcome<'a, C>>,
    pub(super) metrics: Vec<M>,
    /// XXH64 of the vocabulary that is there, if the run extends it.
    pub(super) extends: Option<u64>,
}

/// Judges the gates by the metrics of the days, and writes the rejected rows; gives the files that the
/// manifest names.
///
/// # Errors
/// If a gate fails, or a file cannot be read or written.
pub(super) fn judge<M: JobMetrics>(
    staging: &StagingDir,
    gates: &Gates,
    files: &FilesRead,
    metrics: &[M],
) -> Result<RunFiles> {
    // Where all days are left as they are, there is nothing to judge.
    if files.days_skipped == 0 || !metrics.is_empty() {
        gates.judge(metrics)?;
    }
    let rejected = quarantine::write(staging, &files.rejected)?;
    let inputs = files.inputs.iter().map(|input| input.file.clone());
    Ok(RunFiles::new(inputs.collect(), rejected))
}

/// Writes the metrics and the manifest of each day, and puts everything in place; gives the days of the
/// report.
///
/// # Errors
/// If a file cannot be written, or put in place.
pub(super) fn commit<C: Serialize, A: Serialize, M: JobMetrics>(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    files: &FilesRead,
    run: &RunFiles,
    outcome: &Outcome<'_, C, A, M>,
) -> Result<Vec<DayReport>> {
    let (job_kind, settings) = (job.kind(), &outcome.settings);
    // Days first: the manifest and the metrics of the whole are made from the files of days.
    for (day, metrics) in outcome.days.iter().zip(&outcome.metrics) {
        let manifest = MadeDay {
            job_kind,
            day: day.day,
            settings,
            inputs: inputs_of_day(files, day.day),
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

/// The inputs in the manifest: those of relative paths with the folder that these start from.
fn inputs_of(job: &Job, opened: &[Opened]) -> Result<Vec<InputRead>> {
    let origin = origin(&job.out);
    let inputs = opened.par_iter().map(|opened| -> Result<InputRead> {
        let file = opened.file();
        let (bytes, digest) = file.digest(opened.format())?;
        let file_entry = Input {
            source: file.source.name().to_owned(),
            path: file.shown.clone(),
            format: opened.format(),
            bytes,
            xxh64: Xxh64(digest),
            xxh64_of: match opened.format() {
                // Row groups may be left unread, and the footer refers to all of them.
                Format::Parquet => DigestOf::Footer,
                _ => DigestOf::File,
            },
            rows: opened.is_empty().then_some(0),
            from: origin.clone().filter(|_| file.path.is_relative()),
        };
        Ok(InputRead {
            file: file_entry,
            day: file.day,
        })
    });
    // Of several errors the one of the first file, whichever thread came first.
    let inputs: Vec<Result<InputRead>> = inputs.collect();
    inputs.into_iter().collect()
}

/// The inputs of a day in its manifest: the files of impressions that may hold it.
fn inputs_of_day(files: &FilesRead, day: Day) -> Vec<Input> {
    let is_of_day = |input: &&InputRead| {
        // A file in no folder of a day may have impressions of any day.
        let is_impressions = input.file.source == Source::Impressions.name();
        is_impressions && input.day.is_none_or(|own| own == day)
    };
    let of_day = files.inputs.iter().filter(is_of_day);
    of_day.map(|input| input.file.clone()).collect()
}
