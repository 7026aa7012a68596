//! A job of `sequences` to what it would take.
//!
//! ```text
//! impressions ──► all of them ──► probes: rows, days, customers          exact
//! actions     ──► one row group in R ──► the scan loop, with all probes  × R
//!                  └──► of one customer in S, each action R times
//!                         └──► partition ──► sort ──► encode, one day in D ──► nowhere × S × D
//! ```
//! **Why so**: what a history holds depends on how the actions of a customer add up over a year, which
//! neither footers nor a few whole files tell. A sample of row groups has each customer with one action
//! in R; repeating it R times, on items of others, gives histories of the right length and of the right
//! mixture. Reading all actions of a few customers instead would cost the scan that is to be foretold.

use std::time::Instant;

use super::memory::{Account, Memory, kept_bytes};
use super::sampled::{Actions, Wanted, read_sample, stretch};
use super::share::stride_of;
use super::{Planned, PlannedOf, ratio};
use crate::context::{RunContext, Stage};
use crate::dictionary::probes::Probes;
use crate::encode::ItemColumn;
use crate::engine::specs::{read_spec, write_spec};
use crate::engine::unused::warn_sequences;
use crate::engine::{find_actions, read_before_actions};
use crate::error::Result;
use crate::estimate::sample_impressions::impressions_of;
use crate::ids::{Day, count64, float, rounded};
use crate::job::Job;
use crate::kernel::chunk::Chunk;
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

/// Row groups that each thread makes at least, so that none waits long for the last.
const GROUPS_PER_THREAD: u64 = 4;
/// Rows that are made at least, if there are so many: of fewer customers one who is very busy tells
/// too much.
const ROWS_MIN: u64 = 1 << 16;
/// Actions of sampled customers, at most, if all had full histories.
const EVENTS_MAX: u64 = 1 << 26;

/// Plans a job whose items have a known width.
///
/// # Errors
/// Those of a run that are met.
pub(crate) fn plan<I: ItemColumn>(job: &Job, context: &RunContext) -> Result<Planned> {
    let began = Instant::now();
    let policy = BadRowPolicy::new(&read_spec(job), is_whole_column);
    let (job, before) = read_before_actions::<I>(job, context, &policy)?;
    let (impressions, mut inputs) = (before.impressions, before.inputs);
    let job = &job;
    let (tallies, mut kinds) = (impressions.tallies, impressions.kinds);
    let probes = Probes::new(impressions.rows);
    context.reserve_memory(probes.bytes())?;
    let (opened, span, split) = find_actions(job, &inputs.sources, &probes)?;
    let asked_us = micros_since(began);
    let shape = Shape::new(job, &probes, tallies.keys().copied().collect());
    let base = context.memory_used();
    let policy = (&policy, &probes);
    let actions = sample_actions(job, context, policy, (&opened, span, split), &shape)?;
    let mut warnings = warn_sequences((job, context), &inputs.sources, &probes, &opened)?;
    warnings.append(&mut inputs.warnings);
    inputs.opened.extend(opened);
    kinds.merge(&actions.kinds);
    warnings.extend(kinds.check(&read_spec(job), &inputs.opened)?);
    let rehearsal = context.unlimited();
    let sample = make_sample(job, &rehearsal, &probes, (&shape, split), &actions)?;
    let made = sample.made;
    context.check()?;
    context.leave();
    let per_row = ratio(shape.rows(), made.rows);
    let threads = float(count64(job.threads)) * 1e6;
    let kept = actions.shares.kept();
    let write_us =
        float(made.sort_us) * ratio(kept, sample.actions) + float(made.encode_us) * per_row;
    let row = EventChunk::<I>::telling(job.attribute_columns().len(), 1).bytes();
    let lists = count64(split.partitions_count() * job.threads);
    let memory = Memory::new(&Account {
        base,
        kept: &[kept_bytes(row, lists, kept)],
        working: rehearsal.memory_peak().saturating_sub(sample.chunks),
        sampled: context
            .memory_peak()
            .max(base + rehearsal.memory_peak() + actions.bytes()),
        room: context.headroom().map(|left| left / 4 * 3),
    });
    let of = PlannedOf::Sequences {
        impressions: tallies.values().map(|of| of.impressions).sum(),
        customers: u64::from(probes.keys.count()),
        samples: count64(probes.impressions.items.len()),
        actions_kept: kept,
        history_actions: rounded(float(made.history_actions) * per_row),
    };
    Ok(Planned {
        parts: shape.sizes.iter().map(|(_, parts)| parts).sum(),
        bytes: rounded(float(made.bytes) * per_row),
        stages: vec![
            ("read impressions", float(asked_us) / 1e6),
            ("read actions", actions.shares.seconds(job)),
            ("write", write_us / threads),
        ],
        made_share: if made.rows > 0 { 1.0 / per_row } else { 1.0 },
        warnings,
        spread: actions.shares.spread().max(sample.spread()),
        days: shape
            .days
            .into_iter()
            .zip(shape.sizes)
            .map(|(day, (rows, _))| (day, rows))
            .collect(),
        ..Planned::new(of, &inputs.opened, &actions.shares, &memory)
    })
}

/// Reads a sample of the actions, by a scan that takes the customers to be as many as they are and
/// their histories to be shorter by what is left unread.
fn sample_actions<I: ItemColumn>(
    job: &Job,
    context: &RunContext,
    (policy, probes): (&BadRowPolicy<'_>, &Probes<I>),
    (opened, span, split): (&[Opened], Span, Split),
    shape: &Shape,
) -> Result<Actions<I>> {
    let stride = stride_of(job, opened);
    let mut spec = read_spec(job);
    let actions_max = spec.actions.actions_max;
    let shorter = u64::from(actions_max).div_ceil(stride);
    spec.actions.actions_max = u32::try_from(shorter).unwrap_or(actions_max).max(1);
    let mut scan = ActionScan::new(&spec, policy, context, probes, split);
    let plan = Pruning::new(&scan, opened, span);
    context.enter(Stage::ACTIONS, plan.steps() / stride);
    let wanted = Wanted {
        stride,
        customer_stride: shape.customer_stride,
    };
    read_sample(&mut scan, context, (plan, split), wanted)
}

/// Rows that were made of a sample.
struct Sample {
    made: DryRun,
    /// The actions of those who are asked about.
    actions: u64,
    /// The bytes that these were on the account before.
    chunks: u64,
    impressions: (u64, u64),
}

impl Sample {
    /// How far from the truth what is told of all rows may be: a guess from the number of impressions
    /// that are made, as histories are long for few and short for many.
    fn spread(&self) -> f64 {
        match self.impressions {
            (made, all) if made == all => 0.0,
            (made, _) => (5.0 / float(made.max(1)).sqrt()).clamp(0.25, 1.0),
        }
    }
}

/// Makes the rows of sampled customers on sampled days.
fn make_sample<I: ItemColumn>(
    job: &Job,
    context: &RunContext,
    probes: &Probes<I>,
    (shape, split): (&Shape, Split),
    actions: &Actions<I>,
) -> Result<Sample> {
    let days = shape.sampled_days();
    let (some, ranks) = impressions_of(probes, shape.customer_stride, &days);
    let impressions = (count64(some.count()), count64(probes.impressions.count()));
    let some = Probes::new(some);
    // Partitions of about as many customers as those of a run have.
    let partitions = count64(split.partitions_count()) * u64::from(some.keys.count());
    let partitions = partitions.div_ceil(shape.customers.max(1)).max(1);
    let bits = partitions.next_power_of_two().trailing_zeros();
    let split = Split::new(some.keys.count(), u8::try_from(bits).unwrap_or(0));
    let scatter = stretch(job, actions, (split, &ranks), context)?;
    let (actions, chunks) = (scatter.rows_count(), context.memory_used());
    let partitions = Partitions::gather(split, vec![scatter], Vec::new());
    let spec = write_spec(job, some.customer_type());
    Ok(Sample {
        made: dry_run(job, &spec, context, &some, &days, partitions)?,
        actions,
        chunks,
        impressions,
    })
}

/// The rows of a run, and which of them are made.
struct Shape {
    days: Vec<Day>,
    /// Rows and parts of each day.
    sizes: Vec<(u64, u64)>,
    customers: u64,
    /// One customer in so many is sampled; of guests, one impression in so many.
    customer_stride: u32,
    /// One day in so many.
    day_stride: usize,
}

impl Shape {
    /// The rows that probes make, and a sample that is large enough.
    fn new<I: ItemColumn>(job: &Job, probes: &Probes<I>, days: Vec<Day>) -> Shape {
        let sizes = sizes_of_days(job, &days, probes);
        let rows: u64 = sizes.iter().map(|(rows, _)| rows).sum();
        let customers = u64::from(probes.keys.count());
        let group = u64::from(job.sequences().row_group_rows_max);
        let wanted = (count64(job.threads) * GROUPS_PER_THREAD * group).max(ROWS_MIN);
        // With fewer customers the row groups of a day would be smaller than those of a run.
        let whole_groups = rows / count64(days.len().max(1)) / group / 2;
        let events = customers * u64::from(job.sequences().actions_max);
        let stride = (rows / wanted)
            .min(whole_groups)
            .max(events / EVENTS_MAX)
            .max(1);
        let day_stride = (rows / (stride * wanted)).max(1);
        Shape {
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

    /// The days that are sampled, the middle one of each few.
    fn sampled_days(&self) -> Vec<Day> {
        let first = self.day_stride.min(self.days.len()) / 2;
        let days = self.days.iter().skip(first).copied();
        days.step_by(self.day_stride).collect()
    }
}
