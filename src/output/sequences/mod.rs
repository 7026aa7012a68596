//! Histories to files: samples by day, manifests and metrics.
//!
//! **In / Out**: [`SequencesRead`] and partitions of actions → parts by day, manifests, metrics, rejected
//! rows, a [`Report`].
//! **Invariants**: row groups are cut at exactly `--row-group-rows` rows of a day, parts at as many row
//! groups as `--part-rows` holds.

mod day_metrics;
mod dry_run;
mod report;
mod rows;
mod sorted_partitions;
mod totals;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use bumpalo::Bump;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::day_metrics::{RunMetrics, day_metrics, run_findings};
pub(crate) use self::dry_run::{DryRun, dry_run, sizes_of_days};
pub use self::report::Report;
use self::report::{action_findings, day_counts, report};
use self::rows::{DayProbes, plan_day};
use self::sorted_partitions::{SortedPartitions, Step, steps};
pub(crate) use self::totals::SequenceTotals;
use self::totals::totals;
use super::commit::{DayOutcome, DayReport, FilesRead, Outcome, RunInputs, commit, judge};
use super::parts::{EncodedGroup, PartWriter, PartsWritten, Steps, micros_since, write_parts};
use super::plan::GroupPlan;
use crate::context::{RunContext, Stage};
use crate::dictionary::probes::Probes;
use crate::encode::{Encoder, ItemColumn, RowStats, WriteSpec};
use crate::error::Result;
use crate::ids::{Day, count64};
use crate::job::Job;
use crate::kernel::column::EventChunk;
use crate::kernel::op::counts::HistoryCounts;
use crate::manifest::{self, ActionFindings, SequenceDayCounts, VocabularyEntry};
use crate::metrics::{Gates, SequenceMetrics};
use crate::publish::{StagingDir, Target};
use crate::scan::actions::ActionStats;
use crate::scan::impressions::ImpressionStats;
use crate::scan::time_kinds::ShownTimes;
use crate::store::spill::Partitions;
use crate::vocabulary::{self, Coded};
use crate::warnings::Noticed;

/// What was read, before anything is written.
pub(crate) struct SequencesRead<I> {
    /// The files, and what every job kind finds in them.
    pub(crate) inputs: RunInputs,
    /// Impressions, by day.
    pub(crate) days: BTreeMap<Day, ImpressionStats>,
    /// Rows of each source of actions, in the order of the job.
    pub(crate) actions: Vec<ActionStats>,
    /// Actions that were kept for sorting: depends on the early stop.
    pub(crate) actions_kept: u64,
    /// The first time of each kind.
    pub(crate) times: ShownTimes,
    /// One for each impression that gets rows.
    pub(crate) probes: Probes<I>,
    /// Codes of items, if their ids are texts.
    pub(crate) items: Option<Coded<I>>,
    /// The digest of the items of the vocabulary that the job names, if it names one.
    pub(crate) items_from: Option<u64>,
}

/// Parts of samples, as they were written.
struct SamplesWritten {
    parts: PartsWritten<RowStats>,
    histories: HistoryCounts,
    /// Actions on items that the given vocabulary lacks, and that are left out.
    unknown_items: u64,
    /// Microseconds that threads sorted.
    sort_us: u64,
    /// Microseconds that they encoded and wrote.
    encode_us: u64,
}

/// What was made of what was read, beside the parts: all that is yet to be published of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Made {
    /// The settings, as the manifest has them.
    pub(crate) settings: Value,
    pub(crate) files: FilesRead,
    pub(crate) totals: SequenceTotals,
    /// The vocabulary of items, if the run wrote one.
    pub(crate) vocabulary: Option<VocabularyEntry>,
}

/// Writes the parts of everything that was read.
///
/// # Errors
/// If they cannot be written.
pub(crate) fn make<I: ItemColumn>(
    job: &Job,
    spec: &WriteSpec<'_>,
    context: &RunContext,
    staging: &StagingDir,
    read: &SequencesRead<I>,
    partitions: Partitions<EventChunk<I>>,
) -> Result<Made> {
    let days: Vec<Day> = read.days.keys().copied().collect();
    let days = DayProbes::of_days(job, &days, &read.probes);
    context.enter(Stage::WRITE, days.iter().map(DayProbes::rows_count).sum());
    let (target, items) = (Target::StagingDir(staging), read.items.as_ref());
    let probes = &read.probes;
    let written = make_parts(job, spec, context, target, probes, &days, items, partitions)?;
    let text_ids = probes.impressions.has_text_ids();
    Ok(Made {
        settings: manifest::settings(job, text_ids, read.items_from),
        files: read.inputs.files(job)?,
        totals: totals(read, &days, &written),
        vocabulary: None,
    })
}

/// Writes the vocabulary of items, if the ids of items are texts.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write_vocabulary<I: ItemColumn>(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    items: Option<&Coded<I>>,
) -> Result<Option<VocabularyEntry>> {
    let item_type = job.sequences().item_type;
    let written = items.map(|items| {
        let (file, digest) = vocabulary::write(item_type, job.codec, context, staging, items)?;
        Ok(VocabularyEntry::new(&file, digest))
    });
    written.transpose()
}

/// Publishes what was made, unless a gate fails.
///
/// # Errors
/// If a gate fails, or the output cannot be written.
pub(crate) fn publish(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    made: &Made,
    extends: Option<u64>,
    (gates, noticed): (&Gates, Noticed),
) -> Result<Report> {
    context.enter(Stage::PUBLISH, 0);
    context.check()?;
    let Made { files, totals, .. } = made;
    let outcome = outcome(job, made, &noticed, extends);
    let mut run = judge(staging, gates, files, &outcome.metrics)?;
    run.vocabulary.clone_from(&made.vocabulary);
    let days = commit(job, context, staging, files, &run, &outcome)?;
    Ok(report(job, totals, files, days, noticed))
}

/// Makes all parts of some days from the events, given the codes of items, if their ids are texts.
fn make_parts<I: ItemColumn>(
    job: &Job,
    spec: &WriteSpec<'_>,
    context: &RunContext,
    target: Target<'_>,
    probes: &Probes<I>,
    days: &[DayProbes],
    items: Option<&Coded<I>>,
    partitions: Partitions<EventChunk<I>>,
) -> Result<SamplesWritten> {
    let encoder = Encoder::new(*spec, context)?;
    let sorted = SortedPartitions::new(job, context, probes, items, partitions);
    let groups = days.iter().enumerate();
    let groups: Vec<GroupPlan> = groups.flat_map(|day| plan_day(job, probes, day)).collect();
    let groups = sorted.plan(days, groups);
    let steps = steps(&groups, sorted.partitions_count());
    let start = |file| encoder.file(file);
    let names = days.iter().map(|day| day.day);
    let writer = PartWriter::new(job.kind(), target, names, &start)?;
    let [sort_us, encode_us] = [const { AtomicU64::new(0) }; 2];
    let make = |(bench, scratch): &mut (_, Bump), at: usize| {
        let group = match steps[at] {
            Step::Sort(partition) => {
                let began = Instant::now();
                sorted.sort(partition, scratch)?;
                sort_us.fetch_add(micros_since(began), Relaxed);
                return Ok(None);
            }
            Step::Encode(group) => &groups[group],
        };
        let histories = sorted.wait_for(group.partitions.clone())?;
        let began = Instant::now();
        let block = days[group.plan.place.day].block(job, probes, group, histories);
        let mut encoded = encoder.encode(bench, &block)?;
        // Here and not when the row group is written: it may wait for earlier ones, and no longer
        // needs the histories.
        sorted.done_with(group.partitions.clone());
        encode_us.fetch_add(micros_since(began), Relaxed);
        Ok(Some(EncodedGroup {
            place: group.plan.place,
            stats: std::mem::take(&mut encoded.stats),
            group: encoded,
        }))
    };
    let tools = || (encoder.scratch(), Bump::new());
    let steps = Steps {
        count: steps.len(),
        guard: sorted.guard(),
    };
    let parts = write_parts(context, writer, steps, tools, make, RowStats::merge)?;
    let (histories, unknown_items) = sorted.finish();
    Ok(SamplesWritten {
        histories,
        unknown_items,
        sort_us: sort_us.into_inner(),
        encode_us: encode_us.into_inner() + parts.write_us,
        parts,
    })
}

/// The report of a shard.
pub(crate) fn report_of_shard(job: &Job, made: &Made) -> Report {
    let days = made.totals.days.iter().map(|day| DayReport {
        day: day.day,
        rows: day.rows,
        parts: count64(day.parts.len()),
        bytes: day.parts.iter().map(|part| part.bytes).sum(),
    });
    report(
        job,
        &made.totals,
        &made.files,
        days.collect(),
        Noticed::default(),
    )
}

/// What was made, ready to be published.
fn outcome<'a>(
    job: &Job,
    made: &'a Made,
    noticed: &Noticed,
    extends: Option<u64>,
) -> Outcome<'a, SequenceDayCounts, ActionFindings, SequenceMetrics> {
    let Made { files, totals, .. } = made;
    let actions = action_findings(job, totals, &files.rejected);
    let of_run = RunMetrics {
        run: run_findings(&actions, &files.rejected, noticed),
        noticed,
        source_days: &files.source_days,
    };
    let metrics = totals.days.iter();
    let metrics = metrics.map(|day| day_metrics(job, day, &of_run));
    let of_days = totals.days.iter().map(|day| DayOutcome {
        day: day.day,
        rows: day.rows,
        cutoffs: day.cutoffs,
        counts: day_counts(job, day),
        parts: &day.parts,
    });
    Outcome {
        settings: made.settings.clone(),
        days: of_days.collect(),
        metrics: metrics.collect(),
        actions,
        extends,
    }
}
