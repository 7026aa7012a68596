//! Estimates a job of `sequences`.
//!
//! ```text
//! impressions ──► all of them ──► probes: rows, days, customers          exact
//! actions     ──► one row group in R ──► the scan loop, with all probes  × R
//!                  └──► of one customer in S, each action R times
//!                         └──► partition ──► sort ──► encode, one day in D ──► discard  × S × D
//! ```
//! **Why so**: the length of a history depends on all actions of a customer over a year, which neither
//! footers nor a few whole files show. A sample of row groups has one action in R of each customer.
//! Repeating each R times, with items of other actions, gives histories of the right length and the
//! right mix of items. Rejected: reading all actions of a few customers, which would cost the whole
//! scan.

use std::time::Instant;

use super::memory::{Account, Memory};
use super::sample_actions::{SampleStrides, SampledActions, read_sample, stretch};
use super::sample_impressions::impressions_of;
use super::share::stride_of;
use super::{Planned, PlannedOf, ratio};
use crate::context::{RunContext, Stage};
use crate::dictionary::probes::Probes;
use crate::encode::ItemColumn;
use crate::engine::specs::{read_spec, write_spec};
use crate::engine::tasks::room_for_actions;
use crate::engine::unused::warn_sequences;
use crate::engine::{open_actions, read_before_actions};
use crate::error::Result;
use crate::ids::{Day, count64, float, rounded};
use crate::job::{Job, Sequences};
use crate::kernel::chunk::{self, Chunk};
use crate::kernel::column::EventChunk;
use crate::kernel::partition::Split;
use crate::output::micros_since;
use crate::output::sequences::{DryRun, dry_run, sizes_of_days};
use crate::scan::Opened;
use crate::scan::actions::ActionScan;
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::pruning::{Pruning, Span};
use crate::scan::whole_column::is_whole_column;
use crate::store::spill::Partitions;

/// Row groups that each thread encodes at least, so that no thread is idle for long at the end.
const GROUPS_PER_THREAD: u64 = 4;
/// Rows that are computed at least, if there are so many. With fewer customers a single very active one
/// would distort the estimate.
const ROWS_MIN: u64 = 1 << 16;
/// The most actions of sampled customers, if all have full histories.
const EVENTS_MAX: u64 = 1 << 26;

/// Estimates a job whose item ids have the width of `I`.
///
/// # Errors
/// The errors of a run, as far as they are met.
pub(super) fn plan<I: ItemColumn>(job: &Job, context: &RunContext) -> Result<Planned> {
    let began = Instant::now();
    let policy = BadRowPolicy::new(&read_spec(job), is_whole_column);
    let (job, before) = read_before_actions::<I>(job, context, &policy)?;
    let (impressions, mut inputs) = (before.impressions, before.inputs);
    let job = &job;
    let (stats, mut kinds) = (impressions.tallies, impressions.kinds);
    let probes = Probes::of_job(impressions.rows, job.shard);
    context.reserve_memory(probes.bytes())?;
    let (opened, span, split) = open_actions(job, &inputs.sources, &probes)?;
    let impressions_us = micros_since(began);
    let plan = SamplePlan::new(job, &probes, stats.keys().copied().collect());
    let base = context.memory_used();
    let actions = sample_actions(job, context, &policy, &probes, &opened, span, split, &plan)?;
    let mut warnings = warn_sequences(job, context, &inputs.sources, &probes, &opened)?;
    warnings.append(&mut inputs.warnings);
    inputs.opened.extend(opened);
    kinds.merge(&actions.kinds);
    warnings.extend(kinds.check(&read_spec(job), &inputs.opened)?);
    // An account of its own tells the peak of the sample from that of the impressions. It has no
    // limit: a sample never spills, and must not fail where a run would spill.
    let rehearsal = context.unlimited();
    let sample = rehearse_sample(job, &rehearsal, &probes, &plan, split, &actions)?;
    let rehearsed = sample.rehearsed;
    context.check()?;
    context.leave();
    let per_row = ratio(plan.rows(), rehearsed.rows);
    let threads = float(count64(job.threads)) * 1e6;
    let kept = actions.shares.kept();
    // Sorting takes time by actions, encoding by rows, and the sample has different shares of the
    // two.
    let write_us = float(rehearsed.sort_us) * ratio(kept, sample.actions)
        + float(rehearsed.encode_us) * per_row;
    let row = EventChunk::<I>::with_attributes(job.attribute_columns().len(), 1).bytes();
    let lists = count64(split.partitions_count() * job.threads);
    let memory = Memory::new(&Account {
        base,
        kept: &[actions_bytes(row, sample.full_row(row), lists, kept)],
        working: rehearsal.memory_peak().saturating_sub(sample.chunks),
        sampled: context
            .memory_peak()
            .max(base + rehearsal.memory_peak() + actions.bytes()),
        room: room_for_actions(context),
    });
    let of = PlannedOf::Sequences {
        impressions: stats.values().map(|day| day.impressions).sum(),
        customers: u64::from(probes.keys.count()),
        samples: count64(probes.impressions.items.len()),
        actions_kept: kept,
        history_actions: rounded(float(rehearsed.history_actions) * per_row),
    };
    Ok(Planned {
        parts: plan.sizes.iter().map(|(_, parts)| parts).sum(),
        bytes: rounded(float(rehearsed.bytes) * per_row),
        stages: vec![
            ("read impressions", float(impressions_us) / 1e6),
            ("read actions", actions.shares.seconds(job)),
            ("write", write_us / threads),
        ],
        made_share: if rehearsed.rows > 0 {
            1.0 / per_row
        } else {
            1.0
        },
        warnings,
        spread: actions.shares.spread().max(sample.spread()),
        days: plan
            .days
            .into_iter()
            .zip(plan.sizes)
            .map(|(day, (rows, _))| (day, rows))
            .collect(),
        ..Planned::new(of, &inputs.opened, &actions.shares, &memory)
    })
}

/// Reads a sample of the actions. The scan is told that histories are shorter by the stride, so that it
/// stops as early as a run would.
fn sample_actions<I: ItemColumn>(
    job: &Job,
    context: &RunContext,
    policy: &BadRowPolicy<'_>,
    probes: &Probes<I>,
    opened: &[Opened],
    span: Span,
    split: Split,
    plan: &SamplePlan,
) -> Result<SampledActions<I>> {
    let stride = stride_of(job, opened);
    let mut spec = read_spec(job);
    let actions_max = spec.actions.actions_max;
    let shorter = u64::from(actions_max).div_ceil(stride);
    spec.actions.actions_max = u32::try_from(shorter).unwrap_or(actions_max).max(1);
    let mut scan = ActionScan::new(&spec, policy, context, probes, split);
    let pruning = Pruning::new(&scan, opened, span);
    context.enter(Stage::ACTIONS, pruning.steps() / stride);
    let strides = SampleStrides {
        row_groups: stride,
        customers: plan.customer_stride,
    };
    read_sample(&mut scan, context, pruning, split, strides)
}

/// The rows of a sample, computed and discarded.
struct RehearsedSample {
    rehearsed: DryRun,
    /// Actions of the sampled customers, with copies.
    actions: u64,
    /// The accounted bytes of these actions.
    chunks: u64,
    /// Bytes and actions of the chunks that were full.
    full: (u64, u64),
    /// Impressions of the sample.
    impressions: u64,
    impressions_all: u64,
}

/// The accounted bytes of actions in `lists` lists of chunks, given the bytes of an action in an open chunk and in a
/// full one, which may be packed.
fn actions_bytes(row: u64, full_row: f64, lists: u64, kept: u64) -> u64 {
    let of_list = kept / lists.max(1);
    let (open, full) = if full_row < float(row) {
        packed_room(of_list)
    } else {
        room(of_list)
    };
    lists * open * row + rounded(float(full * lists) * full_row)
}

/// The room for actions in the open chunk of a list and in its full ones. The open one has room for [`chunk::ROWS_MIN`]
/// at first, and for twice as many each time it was full, up to [`chunk::ACTIONS_MAX`].
fn room(of_list: u64) -> (u64, u64) {
    let (least, most) = (count64(chunk::ROWS_MIN), count64(chunk::ACTIONS_MAX));
    let room = of_list.midpoint(least).next_power_of_two();
    let full = if room < most {
        room.max(least) - least
    } else {
        of_list.saturating_sub(most / 2).max(most - least)
    };
    (room.clamp(least, most), full.min(of_list))
}

/// The same where full chunks are packed, several into one piece of memory: half of the last one is room.
fn packed_room(of_list: u64) -> (u64, u64) {
    let (least, most) = (count64(chunk::ROWS_MIN), count64(chunk::ACTIONS_MAX_PACKED));
    if of_list <= least {
        return (least, 0);
    }
    let first = least * count64(chunk::PACKED_TOGETHER);
    let full = if of_list <= first {
        first
    } else {
        of_list + most * count64(chunk::PACKED_TOGETHER) / 2
    };
    (most, full)
}

impl RehearsedSample {
    /// Bytes of an action in a full chunk, given those of one in a chunk that is not.
    fn full_row(&self, row: u64) -> f64 {
        match self.full {
            (_, 0) => float(row),
            (bytes, rows) => float(bytes) / float(rows),
        }
    }

    /// The relative error of estimates from the sample. Guessed from the number of impressions: a few
    /// histories are long and many are short, so few impressions say little.
    fn spread(&self) -> f64 {
        if self.impressions == self.impressions_all {
            return 0.0;
        }
        // At least a quarter: with one customer in 19 sampled, actions in histories were 21 % off.
        (5.0 / float(self.impressions.max(1)).sqrt()).clamp(0.25, 1.0)
    }
}

/// Computes the rows of sampled customers on sampled days.
fn rehearse_sample<I: ItemColumn>(
    job: &Job,
    context: &RunContext,
    probes: &Probes<I>,
    plan: &SamplePlan,
    split: Split,
    actions: &SampledActions<I>,
) -> Result<RehearsedSample> {
    // The sample ranks its own customers, from 0. Their actions are found by `ranks`, never by the
    // keys of all probes: with these, a plan of many days gave histories of other customers, or a
    // panic.
    let days = plan.sampled_days();
    let (some, ranks) = impressions_of(probes, plan.customer_stride, &days);
    let impressions = count64(some.count());
    let some = Probes::new(some);
    // Partitions have about as many customers as in a run.
    let partitions = count64(split.partitions_count()) * u64::from(some.keys.count());
    let partitions = partitions.div_ceil(plan.customers.max(1)).max(1);
    let bits = partitions.next_power_of_two().trailing_zeros();
    let split = Split::new(some.keys.count(), u8::try_from(bits).unwrap_or(0));
    let writer = stretch(job, actions, split, &ranks, context)?;
    let (actions, chunks) = (writer.rows_count(), context.memory_used());
    let full = writer.full();
    let partitions = Partitions::gather(split, vec![writer], Vec::new());
    let spec = write_spec(job, some.customer_type());
    Ok(RehearsedSample {
        rehearsed: dry_run(job, &spec, context, &some, &days, partitions)?,
        actions,
        chunks,
        full,
        impressions,
        impressions_all: count64(probes.impressions.count()),
    })
}

/// The rows of a run, and which of them are sampled.
struct SamplePlan {
    days: Vec<Day>,
    /// Rows and parts of each day.
    sizes: Vec<(u64, u64)>,
    customers: u64,
    /// One customer in this many is sampled; of guests, one impression in this many.
    customer_stride: u32,
    /// One day in this many is sampled.
    day_stride: usize,
}

impl SamplePlan {
    /// The rows of all probes, and a sample that is large enough.
    fn new<I: ItemColumn>(job: &Job, probes: &Probes<I>, days: Vec<Day>) -> SamplePlan {
        let sizes = sizes_of_days(job, &days, probes);
        let rows: u64 = sizes.iter().map(|(rows, _)| rows).sum();
        let customers = u64::from(probes.keys.count());
        let group = u64::from(job.sequences().row_group_rows_max);
        let wanted = (count64(job.threads) * GROUPS_PER_THREAD * group).max(ROWS_MIN);
        // With fewer customers the row groups of a day would be smaller than those of a run.
        let whole_groups = rows / count64(days.len().max(1)) / group / 2;
        let events =
            customers * u64::from(job.sequences().actions_max.unwrap_or(Sequences::ACTIONS));
        let stride = (rows / wanted)
            .min(whole_groups)
            .max(events / EVENTS_MAX)
            .max(1);
        let day_stride = (rows / (stride * wanted)).max(1);
        SamplePlan {
            days,
            sizes,
            customers,
            customer_stride: u32::try_from(stride).unwrap_or(u32::MAX),
            day_stride: usize::try_from(day_stride).unwrap_or(usize::MAX),
        }
    }

    /// Rows of all days.
    fn rows(&self) -> u64 {
        self.sizes.iter().map(|(rows, _)| rows).sum()
    }

    /// The sampled days: of each `day_stride` days the middle one.
    fn sampled_days(&self) -> Vec<Day> {
        let first = self.day_stride.min(self.days.len()) / 2;
        let days = self.days.iter().skip(first).copied();
        days.step_by(self.day_stride).collect()
    }
}
