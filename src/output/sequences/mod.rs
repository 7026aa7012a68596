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

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use bumpalo::Bump;

use self::day_metrics::{RunMetrics, day_metrics, run_findings};
pub(crate) use self::dry_run::{DryRun, dry_run, sizes_of_days};
pub use self::report::Report;
use self::report::{action_findings, day_counts, report};
use self::rows::{DayProbes, plan_day};
use self::sorted_partitions::{SortedPartitions, Step, steps};
use super::commit::{DayOutcome, Outcome, RunInputs, commit, judge};
use super::parts::{EncodedGroup, PartWriter, PartsWritten, Steps, micros_since, write_parts};
use super::plan::GroupPlan;
use crate::context::{RunContext, Stage};
use crate::dictionary::probes::Probes;
use crate::encode::{Encoder, ItemColumn, RowStats, WriteSpec};
use crate::error::Result;
use crate::ids::{Day, both, index};
use crate::job::Job;
use crate::kernel::column::EventChunk;
use crate::kernel::op::counts::HistoryCounts;
use crate::manifest::{self, ActionFindings, SequenceDayCounts, VocabularyEntry};
use crate::metrics::{SequenceMetrics, source_days};
use crate::publish::{StagingDir, Target};
use crate::scan::actions::ActionStats;
use crate::scan::impressions::ImpressionStats;
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

/// Writes everything that was read, and publishes it, unless `notice` refuses what the rows of each day
/// and the histories hold.
///
/// # Errors
/// If the output cannot be made or written, or is refused.
pub(crate) fn write<I: ItemColumn>(
    job: &Job,
    spec: &WriteSpec<'_>,
    context: &RunContext,
    staging: &StagingDir,
    read: &SequencesRead<I>,
    partitions: Partitions<EventChunk<I>>,
    notice: impl FnOnce(&[RowStats], &HistoryCounts) -> Result<Noticed>,
) -> Result<Report> {
    let days: Vec<Day> = read.days.keys().copied().collect();
    let days = DayProbes::of_days(job, &days, &read.probes);
    context.enter(Stage::WRITE, days.iter().map(DayProbes::rows_count).sum());
    let (target, items) = (Target::StagingDir(staging), read.items.as_ref());
    let probes = &read.probes;
    let written = make_parts(job, spec, context, target, probes, &days, items, partitions)?;
    let noticed = notice(&written.parts.stats, &written.histories)?;
    let outcome = outcome(job, read, &days, &written, &noticed);
    let mut run = judge(job, context, staging, &read.inputs, &outcome.metrics)?;
    if let Some(items) = &read.items
        // A run that adds no day to a set leaves the vocabulary there as it is.
        && (outcome.extends.is_none() || !days.is_empty())
    {
        let (file, digest) = vocabulary::write(
            job.sequences().item_type,
            job.codec,
            context,
            staging,
            items,
        )?;
        run.vocabulary = Some(VocabularyEntry::new(&file, digest));
    }
    let days = commit(job, context, staging, &read.inputs, &run, &outcome)?;
    Ok(report(job, read, days, &written, noticed))
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
    let groups: Vec<GroupPlan> = groups
        .flat_map(|(at, day)| plan_day(job, at, day))
        .collect();
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

/// What was made, ready to be published.
fn outcome<'a, I: ItemColumn>(
    job: &Job,
    read: &SequencesRead<I>,
    days: &[DayProbes],
    written: &'a SamplesWritten,
    noticed: &Noticed,
) -> Outcome<'a, SequenceDayCounts, ActionFindings, SequenceMetrics> {
    let names: Vec<Day> = days.iter().map(|day| day.day).collect();
    let duplicates = read.probes.duplicates_count(&names);
    let actions = action_findings(job, read, written);
    let of_run = RunMetrics {
        run: run_findings(&actions, &read.inputs.rejected, noticed),
        noticed,
        source_days: source_days(&read.inputs.sources),
    };
    let stats = written.parts.stats.iter().zip(duplicates);
    let metrics = days.iter().zip(stats.clone());
    let metrics = metrics
        .map(|(day, (rows, duplicates))| day_metrics(job, read, day, rows, duplicates, &of_run));
    let parts = stats.zip(&written.parts.files);
    let of_days = days
        .iter()
        .zip(parts)
        .map(|(day, ((rows, duplicates), parts))| {
            let cutoffs = day.probes.iter().map(|probe| {
                let cutoff = read.probes.cutoffs[index(*probe)];
                Some((cutoff, cutoff))
            });
            DayOutcome {
                day: day.day,
                rows: day.rows_count(),
                cutoffs: cutoffs.fold(None, both),
                counts: day_counts(job, read, day, rows, duplicates),
                parts,
            }
        });
    let text_ids = read.probes.impressions.has_text_ids();
    Outcome {
        settings: manifest::settings(job, text_ids, read.items_from),
        days: of_days.collect(),
        metrics: metrics.collect(),
        actions,
        extends: read.items.as_ref().and_then(Coded::extends),
    }
}
