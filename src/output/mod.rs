//! Answers to files: the plan of parts and row groups, and the loop that fills them.
//!
//! **In / Out**: [`SequencesRead`] → parts by day, manifests, metrics, quarantined rows, a [`Report`].
//! **Invariants**: which rows a row group and a part hold depends on the impressions and the
//! settings alone. Row groups are cut at exactly `--row-group-rows` rows of a day, parts at
//! [`plan::PART_ROWS`]. Row groups are encoded on all threads and written in order.

mod columns;
mod commit;
mod day_metrics;
pub(crate) mod dwell;
pub(crate) mod features;
mod in_order;
mod parts;
mod plan;
mod rehearse;
mod report;
mod runs;
mod sorted_partitions;
mod table;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use bumpalo::Bump;

pub(crate) use self::commit::Inputs;
use self::commit::{DayOutcome, Outcome, commit, judge};
pub use self::dwell::DwellReport;
pub use self::features::FeaturesReport;
pub(crate) use self::parts::micros_since;
use self::parts::{Encoded, PartWriter, Steps, Written, write_parts};
use self::plan::{DayRows, GroupPlan, plan_day};
pub(crate) use self::rehearse::{Rehearsed, rehearse, sizes_of_days};
pub use self::report::{DayReport, Report};
use self::report::{action_findings, day_counts, report};
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
use crate::output::day_metrics::{OfRun, day_metrics, run_findings};
use crate::output::sorted_partitions::{SortedPartitions, Step, steps};
use crate::publish::{StagingDir, Target};
use crate::scan::actions::ActionStats;
use crate::scan::impressions::ImpressionStats;
use crate::store::spill::Partitions;
use crate::vocabulary::{self, Coded};
use crate::warnings::Noticed;

/// What was read, before anything is written.
pub(crate) struct SequencesRead<I> {
    /// The files, and what was found of any job's.
    pub(crate) inputs: Inputs,
    /// What was found of each day.
    pub(crate) days: BTreeMap<Day, ImpressionStats>,
    /// What was found of each source of actions.
    pub(crate) actions: Vec<ActionStats>,
    /// Actions that were kept for sorting: depends on the early stop.
    pub(crate) actions_kept: u64,
    /// The moments to answer for.
    pub(crate) probes: Probes<I>,
    /// Codes of items, if their ids are texts.
    pub(crate) items: Option<Coded<I>>,
    /// The digest of the items of the vocabulary that the job names, if it names one.
    pub(crate) items_from: Option<u64>,
}

/// Parts of samples, as they were written.
struct SequencesWritten {
    /// The parts, and what their rows hold.
    written: Written<RowStats>,
    /// What the histories hold.
    counts: HistoryCounts,
    /// Actions on items that the given vocabulary lacks, and that are left out.
    unknown: u64,
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
    (job, spec, context): (&Job, &WriteSpec<'_>, &RunContext),
    staging: &StagingDir,
    (read, partitions): (&SequencesRead<I>, Partitions<EventChunk<I>>),
    notice: impl FnOnce(&[RowStats], &HistoryCounts) -> Result<Noticed>,
) -> Result<Report> {
    let days: Vec<Day> = read.days.keys().copied().collect();
    let days = DayRows::of_all(job, &days, &read.probes);
    context.enter(Stage::WRITE, days.iter().map(DayRows::rows_count).sum());
    let (target, events) = (
        Target::StagingDir(staging),
        (read.items.as_ref(), partitions),
    );
    let made = make_parts((job, spec), context, target, (&read.probes, &days), events)?;
    let noticed = notice(&made.written.tallies, &made.counts)?;
    let outcome = outcome(job, read, &days, (&made, &noticed));
    let mut run = judge((job, context), staging, &read.inputs, &outcome.metrics)?;
    if let Some(items) = &read.items
        && (outcome.extends.is_none() || !days.is_empty())
    {
        let (file, digest) = vocabulary::write(
            (job.sequences().item_type, job.codec),
            context,
            staging,
            items,
        )?;
        run.vocabulary = Some(VocabularyEntry::new(&file, digest));
    }
    let days = commit((job, context), staging, (&read.inputs, &run), &outcome)?;
    Ok(report(job, read, days, (&made, noticed)))
}

/// Makes all parts of some days, given the codes of items, if their ids are texts, and the events.
fn make_parts<I: ItemColumn>(
    (job, spec): (&Job, &WriteSpec<'_>),
    context: &RunContext,
    target: Target<'_>,
    (probes, days): (&Probes<I>, &[DayRows]),
    (items, partitions): (Option<&Coded<I>>, Partitions<EventChunk<I>>),
) -> Result<SequencesWritten> {
    let encoder = Encoder::new(*spec, context)?;
    let answers = SortedPartitions::new(job, context, (probes, items, partitions));
    let groups = days.iter().enumerate();
    let groups: Vec<GroupPlan> = groups
        .flat_map(|(at, day)| plan_day(job, at, day))
        .collect();
    let groups = answers.plan(days, groups);
    let steps = steps(&groups, answers.partitions_count());
    let start = |file| encoder.file(file);
    let names = days.iter().map(|day| day.day);
    let writer = PartWriter::new(job.kind(), target, names, &start)?;
    let [sort_us, encode_us] = [const { AtomicU64::new(0) }; 2];
    let make = |(bench, scratch): &mut (_, Bump), at: usize| {
        let group = match steps[at] {
            Step::Sort(partition) => {
                let began = Instant::now();
                answers.sort(partition, scratch)?;
                sort_us.fetch_add(micros_since(began), Relaxed);
                return Ok(None);
            }
            Step::Encode(group) => &groups[group],
        };
        let histories = answers.wait_for(group.partitions.clone())?;
        let began = Instant::now();
        let block = days[group.plan.place.day].block(job, probes, group, histories);
        let mut encoded = encoder.encode(bench, &block)?;
        answers.done_with(group.partitions.clone());
        encode_us.fetch_add(micros_since(began), Relaxed);
        Ok(Some(Encoded {
            place: group.plan.place,
            tally: std::mem::take(&mut encoded.tally),
            group: encoded,
        }))
    };
    let tools = || (encoder.workbench(), Bump::new());
    let steps = Steps {
        count: steps.len(),
        guard: answers.guard(),
    };
    let written = write_parts(context, writer, steps, tools, make, RowStats::merge)?;
    let (counts, unknown) = answers.finish();
    Ok(SequencesWritten {
        counts,
        unknown,
        sort_us: sort_us.into_inner(),
        encode_us: encode_us.into_inner() + written.write_us,
        written,
    })
}

/// What was made, ready to be published.
fn outcome<'a, I: ItemColumn>(
    job: &Job,
    read: &SequencesRead<I>,
    days: &[DayRows],
    (made, noticed): (&'a SequencesWritten, &Noticed),
) -> Outcome<'a, SequenceDayCounts, ActionFindings, SequenceMetrics> {
    let names: Vec<Day> = days.iter().map(|day| day.day).collect();
    let duplicates = read.probes.duplicates_count(&names);
    let actions = action_findings(job, read, made);
    let of_run = OfRun {
        run: run_findings(&actions, &read.inputs.rejected, noticed),
        noticed,
        source_days: source_days(&read.inputs.sources),
    };
    let tallies = made.written.tallies.iter().zip(duplicates);
    let metrics = days.iter().zip(tallies.clone());
    let metrics = metrics.map(|(day, rows)| day_metrics(job, read, day, rows, &of_run));
    let parts = tallies.zip(&made.written.parts);
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
