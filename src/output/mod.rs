//! Answers to files: the plan of parts and row groups, and the loop that fills them.
//!
//! **In / Out**: [`Found`] → parts by day, manifests, metrics, quarantined rows, a [`Report`].
//! **Invariants**: which rows a row group and a part hold depends on the impressions and the
//! settings alone. Row groups are cut at exactly `--row-group-rows` rows of a day, parts at
//! [`plan::PART_ROWS`]. Row groups are encoded on all threads and written in order.

mod answers;
mod columns;
pub(crate) mod dwell;
pub(crate) mod features;
mod order;
mod parts;
mod plan;
mod quality;
mod rehearse;
mod report;
mod table;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use bumpalo::Bump;

use self::answers::{Answers, Step, steps};
pub use self::dwell::DwellReport;
pub use self::features::FeaturesReport;
use self::order::in_order;
use self::parts::PartWriter;
use self::plan::{DayRows, GroupPlan, plan_day};
use self::quality::{OfRun, day_metrics, run_value};
pub(crate) use self::rehearse::{Rehearsed, micros_since, rehearse, sizes_of_days};
pub use self::report::{DayReport, Report};
use self::report::{actions_value, counts_value, file_values, inputs_of_day, report};
use crate::column::EventChunk;
use crate::control::{Control, Stage};
use crate::encode::{Encoder, ItemColumn, RowGroup, RowTally, WriteSpec};
use crate::error::Result;
use crate::ids::{Day, Micros, index};
use crate::job::Job;
use crate::manifest::{self, DayManifest, RunFiles};
use crate::metrics::{self, Gates, Metrics, source_days};
use crate::op::counts::HistoryCounts;
use crate::probes::Probes;
use crate::publish::{Part, Staging, Target, Whole};
use crate::quarantine;
use crate::scan::Opened;
use crate::scan::actions::ActionTally;
use crate::scan::faults::Rejected;
use crate::scan::files::SourceFiles;
use crate::scan::impressions::DayTally;
use crate::spill::Partitions;
use crate::vocabulary::{self, Coded};
use crate::warnings::{Noticed, Warning};

/// What was read, before anything is written.
pub(crate) struct Found<I> {
    /// Where all files lie.
    pub(crate) sources: Vec<SourceFiles>,
    /// The files that were read, or proven to need no reading, with their formats.
    pub(crate) inputs: Vec<Opened>,
    /// What was found of each day.
    pub(crate) days: BTreeMap<Day, DayTally>,
    /// What was found of each source of actions.
    pub(crate) actions: Vec<ActionTally>,
    /// Actions that were kept for sorting: depends on the early stop.
    pub(crate) actions_kept: u64,
    /// Rows set aside, in order.
    pub(crate) rejected: Vec<Rejected>,
    /// The moments to answer for.
    pub(crate) probes: Probes<I>,
    /// Codes of items, if their ids are texts.
    pub(crate) items: Option<Coded<I>>,
    /// The digest of the items of the vocabulary that the job names, if it names one.
    pub(crate) items_from: Option<u64>,
    /// What must not be so of what is made.
    pub(crate) gates: Gates,
    /// Days that were asked for, and left as the output has them.
    pub(crate) days_skipped: usize,
    /// What was noticed while reading.
    pub(crate) warnings: Vec<Warning>,
}

/// Parts, as they were made.
struct Made {
    /// The parts of each day.
    parts: Vec<Vec<Part>>,
    /// What the rows of each day hold.
    tallies: Vec<RowTally>,
    /// What the histories hold.
    counts: HistoryCounts,
    /// Actions on items that the given vocabulary lacks, and that are left out.
    unknown: u64,
    /// Microseconds that threads sorted.
    sort_us: u64,
    /// Microseconds that they encoded and wrote.
    encode_us: u64,
}

/// Writes everything that was found, and publishes it, unless `notice` refuses what the rows of each day
/// and the histories hold.
///
/// # Errors
/// If the output cannot be made or written, or is refused.
pub(crate) fn write<I: ItemColumn>(
    (job, spec, control): (&Job, &WriteSpec<'_>, &Control),
    staging: &Staging,
    (found, partitions): (&Found<I>, Partitions<EventChunk<I>>),
    notice: impl FnOnce(&[RowTally], &HistoryCounts) -> Result<Noticed>,
) -> Result<Report> {
    let days: Vec<Day> = found.days.keys().copied().collect();
    let days = DayRows::of_all(job, &days, &found.probes);
    control.enter(Stage::WRITE, days.iter().map(DayRows::rows_count).sum());
    let (target, events) = (Target::Staging(staging), (found.items.as_ref(), partitions));
    let made = make_parts((job, spec), control, target, (&found.probes, &days), events)?;
    let noticed = notice(&made.tallies, &made.counts)?;
    control.enter(Stage::PUBLISH, 0);
    control.check()?;
    publish((job, control), staging, found, (&days, &made, noticed))
}

/// Makes all parts of some days, given the codes of items, if their ids are texts, and the events.
fn make_parts<I: ItemColumn>(
    (job, spec): (&Job, &WriteSpec<'_>),
    control: &Control,
    target: Target<'_>,
    (probes, days): (&Probes<I>, &[DayRows]),
    (items, partitions): (Option<&Coded<I>>, Partitions<EventChunk<I>>),
) -> Result<Made> {
    let encoder = Encoder::new(*spec, control)?;
    let answers = Answers::new(job, control, (probes, items, partitions));
    let groups = days.iter().enumerate();
    let groups: Vec<GroupPlan> = groups
        .flat_map(|(at, day)| plan_day(job, at, day))
        .collect();
    let groups = answers.plan(days, groups);
    let steps = steps(&groups, answers.partitions_count());
    let mut writer = PartWriter::new(job.question, target, days.iter().map(|day| day.day))?;
    let mut tallies = vec![RowTally::default(); days.len()];
    let [sort_us, encode_us] = [const { AtomicU64::new(0) }; 2];
    let make = |(bench, scratch): &mut (_, Bump), at: usize| {
        control.check()?;
        let group = match steps[at] {
            Step::Sort(partition) => {
                let began = Instant::now();
                answers.sort(partition, scratch)?;
                sort_us.fetch_add(micros_since(began), Relaxed);
                return Ok(None);
            }
            Step::Encode(group) => &groups[group],
        };
        let day = &days[group.plan.day];
        let histories = answers.wait_for(group.partitions.clone())?;
        let began = Instant::now();
        let block = day.block(job, probes, group, histories);
        let encoded = encoder.encode(bench, &block)?;
        answers.done_with(group.partitions.clone());
        encode_us.fetch_add(micros_since(began), Relaxed);
        control.charge(encoded.bytes())?;
        Ok(Some((group, encoded)))
    };
    let take = |_, made: Option<(&answers::Group, RowGroup)>| {
        let Some((group, encoded)) = made else {
            return Ok(());
        };
        let began = Instant::now();
        let (bytes, rows, day) = (encoded.bytes(), encoded.rows(), group.plan.day);
        tallies[day].merge(&encoded.tally);
        let open = |file| encoder.file(file);
        writer.append(group.plan.place(), open, encoded)?;
        encode_us.fetch_add(micros_since(began), Relaxed);
        control.release(bytes);
        control.count_written(rows);
        Ok(())
    };
    let tools = || (encoder.workbench(), Bump::new());
    let guard = answers.guard();
    in_order(steps.len(), tools, guard.make(make), guard.take(take))?;
    let (counts, unknown) = answers.finish();
    Ok(Made {
        parts: writer.finish(),
        counts,
        unknown,
        tallies,
        sort_us: sort_us.into_inner(),
        encode_us: encode_us.into_inner(),
    })
}

/// Writes manifests and quarantined rows, and puts everything in place.
fn publish<I: ItemColumn>(
    (job, control): (&Job, &Control),
    staging: &Staging,
    found: &Found<I>,
    (days, made, noticed): (&[DayRows], &Made, Noticed),
) -> Result<Report> {
    let (parts, tallies) = (&made.parts, &made.tallies);
    let text_ids = found.probes.impressions.has_text_ids();
    let settings = manifest::settings(job, text_ids, found.items_from);
    let actions = actions_value(job, found, made);
    let names: Vec<Day> = days.iter().map(|day| day.day).collect();
    let duplicates = found.probes.duplicates_count(&names);
    let of_run = OfRun {
        run: run_value(&actions, &found.rejected, &noticed),
        noticed: &noticed,
        source_days: source_days(&found.sources),
    };
    let of_day = |(at, day)| day_metrics(job, found, day, (&tallies[at], duplicates[at]), &of_run);
    let metrics: Vec<Metrics> = days.iter().enumerate().map(of_day).collect();
    // Where all days are left as they are, there is nothing to judge.
    if found.days_skipped == 0 || !metrics.is_empty() {
        found.gates.judge(job.question, &metrics)?;
    }
    let rejected = quarantine::write(staging, &found.rejected)?;
    let mut run = RunFiles::new(file_values(job, &found.inputs)?, rejected);
    let extends = found.items.as_ref().and_then(Coded::extends);
    if let Some(items) = &found.items
        && (extends.is_none() || !days.is_empty())
    {
        let (file, digest) =
            vocabulary::write((job.item_type, job.codec), control, staging, items)?;
        run.vocabulary = manifest::vocabulary_value(&file, digest);
    }
    for (at, day) in days.iter().enumerate() {
        let cutoffs = day
            .probes
            .iter()
            .map(|probe| found.probes.cutoffs[index(*probe)]);
        let cutoffs: Option<(Micros, Micros)> = cutoffs.fold(None, |range, cutoff| {
            let (first, last) = range.unwrap_or((cutoff, cutoff));
            Some((cutoff.min(first), cutoff.max(last)))
        });
        let manifest = DayManifest {
            question: job.question,
            day: day.day,
            settings: &settings,
            inputs: inputs_of_day(&found.inputs, &run.inputs, day.day),
            run: &run,
            actions: &actions,
            counts: counts_value(job, found, day, &tallies[at], duplicates[at]),
            cutoffs,
            parts: &parts[at],
        };
        let metrics = metrics[at].day_text(job.question, day.day);
        staging.finish_day(day.day, &manifest.text(), &metrics)?;
    }
    let whole = Whole {
        manifest: &|folder| manifest::whole(job.question, folder, &settings, &run),
        metrics: &|folder| metrics::whole_in(job.question, folder),
        extends,
    };
    staging.publish(control, &names, &whole)?;
    control.leave();
    Ok(report(job, found, days, (made, noticed)))
}
