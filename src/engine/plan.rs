//! A job to what it would take: its rows, bytes, memory and time, without writing anything.
//!
//! ```text
//! impressions ──► all of them ──► probes: rows, days, customers          exact
//! actions     ──► one row group in R ──► the scan loop, with all probes  × R
//!                  └──► of one customer in S, each action R times
//!                         └──► partition ──► sort ──► encode ──► nowhere × S
//! ```
//! **In / Out**: a [`Job`] of `sequences` → [`Planned`]. **Invariants**: the code that is measured is
//! that of a run: the same scan loop, sort and encoder, on as many threads. Nothing is written; an
//! output that exists, a day without impressions and a bad row that is met are the errors of a run.
//! **Why so**: what a history holds depends on how the actions of a customer add up over a year, which
//! neither footers nor a few whole files tell. A sample of row groups has each customer with one action
//! in R; repeating it R times, on items of others, gives histories of the right length and of the right
//! mixture. Reading all actions of a few customers instead would cost the scan that is to be foretold.
//! **Cost**: impressions wholly; of the rest about a 24th, or [`ROWS_WANTED`] rows.

use std::time::Instant;

use super::chosen::impressions_of;
use super::memory::{Account, Memory, kept_bytes};
use super::sampled::{Actions, Wanted, read_sample, stretch};
use super::{check_days, find_actions, in_pool, keep, open_impressions, read_impressions, sides};
use crate::control::{Control, Stage};
use crate::encode::ItemColumn;
use crate::error::{Error, Result};
use crate::ids::{Day, count64, float, index, rounded};
use crate::job::{IfExists, ItemType, Job, Publish, Question};
use crate::output::{Rehearsed, micros_since, rehearse, sizes_of_days};
use crate::partition::Split;
use crate::probes::Probes;
use crate::publish::check_out;
use crate::scan::Opened;
use crate::scan::actions::ActionScan;
use crate::scan::faults::Policy;
use crate::scan::files::{SourceFiles, discover};
use crate::scan::impressions::ImpressionState;
use crate::scan::plan::{Plan, Span};
use crate::spill::Partitions;

/// Actions that are read at least, if there are so many: what threads are busy with for a moment.
const ROWS_WANTED: u64 = 1 << 19;
/// Of more than that, one row group in so many is read, and of text so many bytes one.
const STRIDE: u64 = 24;
/// Row groups that each thread makes at least, so that none waits long for the last.
const GROUPS_PER_THREAD: u64 = 4;
/// Actions of sampled customers, at most, if all had full histories.
const EVENTS_MAX: u64 = 1 << 26;

/// What a run of a job would make and take. What is not said to be exact is an estimate.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Files that would be read, or proven to need no reading.
    pub files: u64,
    /// Their bytes.
    pub input_bytes: u64,
    /// Impressions of the days asked for. Exact.
    pub impressions: u64,
    /// Samples. Exact.
    pub samples: u64,
    /// Rows of each day. Exact.
    pub days: Vec<(Day, u64)>,
    /// Parts. Exact.
    pub parts: u64,
    /// Customers with an impression. Exact.
    pub customers: u64,
    /// Rows of actions that would be read.
    pub action_rows: u64,
    /// Of them, those that would be kept for sorting.
    pub actions_kept: u64,
    /// Actions in the histories of all samples.
    pub history_actions: u64,
    /// Bytes of all parts.
    pub bytes: u64,
    /// Bytes of memory, as the run accounts for them.
    pub memory_accounted: u64,
    /// Bytes of memory, with all that the account does not see.
    pub memory: u64,
    /// Bytes that memory has no room for, and that would go to a file for a while.
    pub spilled: u64,
    /// Seconds of each stage but the last, publishing, which takes what the disk takes to sync.
    pub stages: Vec<(&'static str, f64)>,
    /// The share of the actions that was read.
    pub actions_share: f64,
    /// The share of the rows that was made.
    pub rows_share: f64,
    /// How far bytes, memory and time may be off, as a share of each.
    pub spread: f64,
}

impl Planned {
    /// Rows of all days.
    pub fn rows(&self) -> u64 {
        self.days.iter().map(|(_, rows)| rows).sum()
    }

    /// Seconds of the whole run.
    pub fn seconds(&self) -> f64 {
        self.stages.iter().map(|(_, seconds)| seconds).sum()
    }
}

/// Says what a job of [`Question::Sequences`] would make and take, and writes nothing.
///
/// # Errors
/// Those of a run that are met on the way.
///
/// # Examples
/// ```no_run
/// use hitherto::{Control, Job, Settings, plan};
///
/// let settings = Settings {
///     dir: Some("testdata/shop".into()),
///     out: "training".into(),
///     threads: 2,
///     ..Settings::default()
/// };
/// let planned = plan(&Job::new(settings)?, &Control::default())?;
/// assert_eq!(planned.samples, 661);
/// # Ok::<(), hitherto::Error>(())
/// ```
pub fn plan(job: &Job, control: &Control) -> Result<Planned> {
    if job.question != Question::Sequences {
        let question = job.question.name();
        let what = format!("a plan is made of sequences only, and this job asks for {question}");
        return Err(Error::settings(what));
    }
    in_pool(job, || match job.item_type {
        ItemType::Int32 => plan_typed::<i32>(job, control),
        ItemType::Int64 => plan_typed::<i64>(job, control),
    })
}

/// Plans a job whose items have a known width.
fn plan_typed<I: ItemColumn>(job: &Job, control: &Control) -> Result<Planned> {
    let began = Instant::now();
    let policy = Policy::of(job);
    let Asked {
        job,
        sources,
        impressions,
        mut inputs,
    } = ask::<I>(job, control, &policy)?;
    let job = &job;
    let tallies = impressions.tallies;
    let probes = Probes::of(impressions.rows);
    control.charge(probes.bytes())?;
    let (opened, span, split) = find_actions(job, &sources, &probes)?;
    let asked_us = micros_since(began);
    let shape = Shape::of(job, &probes, tallies.keys().copied().collect());
    let base = control.memory_used();
    let policy = (&policy, &probes);
    let actions = sample_actions(job, control, policy, (&opened, span, split), &shape)?;
    inputs.extend(opened);
    let rehearsal = Control::default();
    let (made, chunks) = make_sample(job, &rehearsal, &probes, (&shape, split), &actions)?;
    control.check()?;
    control.leave();
    let per_row = ratio(shape.rows(), made.rows);
    let threads = float(count64(job.threads)) * 1e6;
    let write_us =
        float(made.sort_us) * shape.customers_per_sampled() + float(made.encode_us) * per_row;
    let kept = actions.kept();
    let memory = Memory::of(&Account {
        base,
        kept: kept_bytes::<I>(job, split, kept),
        working: rehearsal.memory_peak().saturating_sub(chunks),
        sampled: control
            .memory_peak()
            .max(base + rehearsal.memory_peak() + actions.bytes()),
        room: control.headroom().map(|left| left / 4 * 3),
    });
    Ok(Planned {
        files: count64(inputs.len()),
        input_bytes: inputs.iter().map(|of: &Opened| of.file().size()).sum(),
        impressions: tallies.values().map(|of| of.impressions).sum(),
        samples: count64(probes.impressions.items.len()),
        parts: shape.sizes.iter().map(|(_, parts)| parts).sum(),
        customers: u64::from(probes.keys.count()),
        action_rows: actions.rows(),
        actions_kept: kept,
        history_actions: rounded(float(made.history_actions) * per_row),
        bytes: rounded(float(made.bytes) * per_row),
        memory_accounted: memory.accounted,
        memory: memory.resident,
        spilled: memory.spilled,
        stages: vec![
            ("read impressions", float(asked_us) / 1e6),
            ("read actions", actions.busy_us() / threads),
            ("write", write_us / threads),
        ],
        actions_share: actions.share(),
        rows_share: if made.rows > 0 { 1.0 / per_row } else { 1.0 },
        spread: actions.spread(),
        days: shape
            .days
            .into_iter()
            .zip(shape.sizes)
            .map(|(day, (rows, _))| (day, rows))
            .collect(),
    })
}

/// Who asks, and about what.
struct Asked<I> {
    /// The job, with the types of columns that are carried through or told.
    job: Job,
    /// Where everything lies.
    sources: Vec<SourceFiles>,
    /// All impressions.
    impressions: ImpressionState<I>,
    /// Their files.
    inputs: Vec<Opened>,
}

/// Looks for inputs and reads all impressions, as a run does.
fn ask<I: ItemColumn>(job: &Job, control: &Control, policy: &Policy) -> Result<Asked<I>> {
    control.enter(Stage::LOOK, 0);
    let sources = discover(job)?;
    let roots: Vec<_> = sources.iter().flat_map(|of| of.roots.clone()).collect();
    let existing = check_out(job, &roots)?;
    let skipped = match job.publish {
        Publish::AddDays(IfExists::Skip) => existing.clone(),
        _ => Vec::new(),
    };
    let opened = open_impressions(job, &sources, &skipped)?;
    let job = keep::typed(job, &opened)?.into_owned();
    let job = sides::typed(&job, &sources)?.into_owned();
    let (impressions, inputs) = read_impressions::<I>(&job, control, policy, opened, &skipped)?;
    check_days(&job, &impressions.tallies, &skipped, &existing)?;
    Ok(Asked {
        job,
        sources,
        impressions,
        inputs,
    })
}

/// Reads a sample of the actions, by a scan that takes the customers to be as many as they are and
/// their histories to be shorter by what is left unread.
fn sample_actions<I: ItemColumn>(
    job: &Job,
    control: &Control,
    (policy, probes): (&Policy, &Probes<I>),
    (opened, span, split): (&[Opened], Span, Split),
    shape: &Shape,
) -> Result<Actions<I>> {
    let rows: u64 = opened.iter().map(Opened::rows_about).sum();
    let stride = (rows / ROWS_WANTED).clamp(1, STRIDE);
    let shorter = u64::from(job.actions_max).div_ceil(stride);
    let shorter = job.with_actions_max(u32::try_from(shorter).unwrap_or(job.actions_max));
    let mut scan = ActionScan::new(&shorter, policy, control, probes, split);
    let plan = Plan::of(&scan, opened, span);
    control.enter(Stage::ACTIONS, plan.steps() / stride);
    let wanted = Wanted {
        stride,
        customer_stride: shape.customer_stride,
    };
    read_sample(&mut scan, control, (plan, split), wanted)
}

/// Makes the rows of sampled customers on sampled days; gives what that took, and the bytes that
/// their actions were on the account before.
fn make_sample<I: ItemColumn>(
    job: &Job,
    control: &Control,
    probes: &Probes<I>,
    (shape, split): (&Shape, Split),
    actions: &Actions<I>,
) -> Result<(Rehearsed, u64)> {
    let days = shape.sampled_days();
    let stride = shape.customer_stride;
    let some = impressions_of(probes, stride, &days);
    let some = Probes::of(some);
    // Partitions of about as many customers as those of a run have.
    let partitions = split
        .partitions_count()
        .div_ceil(index(stride))
        .next_power_of_two();
    let bits = u8::try_from(partitions.trailing_zeros()).unwrap_or(0);
    let split = Split::new(some.keys.count(), bits);
    let scatter = stretch(job, actions, split, control)?;
    let chunks = control.memory_used();
    let partitions = Partitions::gather(split, vec![scatter], Vec::new());
    Ok((rehearse(job, control, &some, &days, partitions)?, chunks))
}

/// The rows of a run, and which of them are made.
struct Shape {
    /// All days.
    days: Vec<Day>,
    /// Rows and parts of each day.
    sizes: Vec<(u64, u64)>,
    /// Customers.
    customers: u64,
    /// One customer in so many is sampled; of guests, one impression in so many.
    customer_stride: u32,
    /// One day in so many.
    day_stride: usize,
}

impl Shape {
    /// The rows that probes make, and a sample that is large enough.
    fn of<I: ItemColumn>(job: &Job, probes: &Probes<I>, days: Vec<Day>) -> Shape {
        let sizes = sizes_of_days(job, &days, probes);
        let rows: u64 = sizes.iter().map(|(rows, _)| rows).sum();
        let customers = u64::from(probes.keys.count());
        let group = u64::from(job.row_group_rows_max);
        let wanted = count64(job.threads) * GROUPS_PER_THREAD * group;
        // With fewer customers the row groups of a day would be smaller than those of a run.
        let whole_groups = rows / count64(days.len().max(1)) / group / 2;
        let events = customers * u64::from(job.actions_max);
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

    /// Customers of the run for each that was sampled.
    fn customers_per_sampled(&self) -> f64 {
        let sampled = self.customers.div_ceil(u64::from(self.customer_stride));
        ratio(self.customers, sampled)
    }
}

/// How often one number goes into another; 0 if there is nothing to divide by.
fn ratio(all: u64, part: u64) -> f64 {
    match part {
        0 => 0.0,
        part => float(all) / float(part),
    }
}
