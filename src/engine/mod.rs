//! Runs a job: the data path, stage after stage.
//!
//! ```text
//! impressions ──► probes ─────────────┐ keys, cutoffs
//!                                     ▼
//! actions ──► scan: semi-join ──► partition
//!                                     │ one after the other, as row groups need them
//!                                     ▼
//!                                   sort ──► sweep + op ──► encode ──► publish
//! ```
//! This file is the path of `sequences`, from top to bottom: [`run`] starts the threads, `run_typed`
//! lists the stages, `read_before_actions` and `read_all` read, [`sequences::make`] sorts, sweeps and
//! encodes, and [`sequences::publish`] publishes. `features` and `dwell` have the same shape.
//!
//! | file | does |
//! |---|---|
//! | `specs` | a job to the settings of each stage |
//! | `inputs` | finds and opens files, and checks that the days asked for exist |
//! | `resolve` | what a job leaves open and its files decide: zone, types of ids and of added columns |
//! | `last_days` | the days of `--last-days` |
//! | `impressions`, `actions` | the two scans of `sequences` |
//! | `attributes` | checks that the columns of `--with` exist |
//! | `features`, `dwell` | the data paths of the other job kinds; `shown` reads the impressions of `features` |
//! | `buckets` | inputs dealt to the shards that will read them (`bucket`) |
//! | `shards` | a shard instead of a whole set, and shards to a set (`finalize`) |
//! | `input_warnings`, `unused` | what was read, but looks wrong: odd ids, repeated rows, sources without effect |
//! | `tasks` | threads: the pool, and tasks on it |
//!
//! **In / Out**: a [`Job`] → files, and a [`Report`] of them.
//! **Invariants**: tasks are handed out in order and share nothing but counters. Results are merged
//! in an order that does not depend on which thread finished first. So neither the number of threads nor
//! their timing changes a byte, a count or an error.

mod actions;
mod attributes;
pub(crate) mod buckets;
pub(crate) mod dwell;
pub(crate) mod features;
mod impressions;
mod input_warnings;
mod inputs;
mod last_days;
mod resolve;
pub(crate) mod shards;
mod shown;
pub(crate) mod specs;
pub(crate) mod tasks;
pub(crate) mod unused;

pub use self::buckets::{Bucketed, BucketedSource, bucket, check_bucket};
pub use self::dwell::dwell;
pub use self::features::features;
pub(crate) use self::inputs::open_actions;
pub(crate) use self::resolve::in_zone_of_set;
pub use self::specs::schema;
pub(crate) use self::tasks::{guarded, in_pool, in_threads};

use std::time::Instant;

use self::actions::read_actions;
use self::impressions::{open_impressions, read_impressions};
use self::inputs::{check_days, find_inputs};
use self::shards::{DaysAsked, SequencesShard, check_actions, check_impressions};
pub use self::shards::{FinalizeSettings, Finalized, FinalizedReport, ShardSeconds, finalize};
use self::specs::{publish_spec, read_spec, vocabulary_spec, write_spec};
use self::tasks::{room_for_actions, spills};
use self::unused::{notice_sequences, see_sources};
use crate::context::RunContext;
use crate::dictionary::probes::Probes;
use crate::encode::{ItemColumn, check_names};
use crate::error::Result;
use crate::failpoint::hit;
use crate::job::{CustomerType, ItemType, Job, JobKind, Publish};
use crate::kernel::column::EventChunk;
use crate::manifest;
use crate::output::RunInputs;
use crate::output::sequences::{self, Report, SequencesRead};
use crate::publish::StagingDir;
use crate::scan::actions::ActionScan;
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::impressions::ImpressionState;
use crate::scan::pruning::Pruning;
use crate::scan::whole_column::is_whole_column;
use crate::store::spill::Partitions;
use crate::vocabulary::{Coded, Vocabulary};

/// Runs a job of [`JobKind::Sequences`]: reads, sorts, writes and publishes.
///
/// # Errors
/// Any error of a stage; nothing is published then.
///
/// # Examples
/// ```no_run
/// use hitherto::{Job, RunContext, Settings, run};
///
/// let settings = Settings {
///     dir: Some("testdata/shop".into()),
///     out: "training".into(),
///     threads: 2,
///     ..Settings::default()
/// };
/// let report = run(&Job::new(settings)?, &RunContext::default())?;
/// println!("{} samples", report.samples);
/// # Ok::<(), hitherto::Error>(())
/// ```
pub fn run(job: &Job, context: &RunContext) -> Result<Report> {
    job.check_kind(JobKind::Sequences)?;
    // Before anything is read, as readers and the manifest must have the same zone.
    let job = &buckets::with_share(&in_zone_of_set(job))?;
    in_pool(job, || match job.sequences().item_type {
        ItemType::Int32 => run_typed::<i32>(job, context),
        ItemType::Int64 => run_typed::<i64>(job, context),
    })
}

/// Runs a job whose item ids have the width of `I`.
fn run_typed<I: ItemColumn>(job: &Job, context: &RunContext) -> Result<Report> {
    let began = Instant::now();
    // One policy for all sources: `--max-bad-rows` bounds the rejected rows of the whole run.
    let policy = BadRowPolicy::new(&read_spec(job), is_whole_column);
    let (job, before) = read_before_actions::<I>(job, context, &policy)?;
    // An output that cannot be created fails here, before the long read of actions.
    let staging = StagingDir::create(publish_spec(&job))?;
    let (read, partitions) = read_all(&job, context, &policy, &staging, before)?;
    let spec = write_spec(&job, read.probes.customer_type());
    let mut made = sequences::make(&job, &spec, context, &staging, &read, partitions)?;
    let seen = see_sources(&job, context, &read, &made.totals.histories)?;
    let items = read.items.as_ref();
    let extends = items.and_then(Coded::extends);
    // A run that adds no day to a set leaves the vocabulary there as it is.
    if extends.is_none() || !made.totals.days.is_empty() {
        made.vocabulary = sequences::write_vocabulary(&job, context, &staging, items)?;
    }
    if let Some(shard) = job.shard {
        let report = sequences::report_of_shard(&job, &made);
        let asked = DaysAsked::of(&job);
        let contents = SequencesShard { made, seen, asked };
        shards::publish(&job, context, &staging, (shard, began), &contents)?;
        return Ok(report);
    }
    let noticed = notice_sequences(&job, &made.files, &made.totals, &seen)?;
    let noticed = noticed.told(&job.no_warn, None);
    let judged = (&read.inputs.gates, noticed);
    sequences::publish(&job, context, &staging, &made, extends, judged)
}

/// What is known before the actions are read.
pub(crate) struct BeforeActions<I> {
    /// The input files; only those of impressions are opened.
    pub(crate) inputs: RunInputs,
    /// The vocabulary of items, if item ids are texts.
    pub(crate) vocabulary: Option<Vocabulary>,
    pub(crate) impressions: ImpressionState<I>,
}

/// Finds the inputs and reads all impressions. The returned job has the types of all passthrough and
/// attribute columns.
pub(crate) fn read_before_actions<I: ItemColumn>(
    job: &Job,
    context: &RunContext,
    policy: &BadRowPolicy<'_>,
) -> Result<(Job, BeforeActions<I>)> {
    check_names(&write_spec(job, CustomerType::Int64))?;
    let job = &last_days::of_sequences::<I>(job, context)?;
    let mut inputs = find_inputs(job, context)?;
    // Opened before any log is read: a damaged vocabulary ends the run at once, and readers of
    // impressions drop unknown items by it.
    let vocabulary = vocabulary_spec(job);
    let vocabulary = vocabulary.map(|spec| Vocabulary::open(&spec, context));
    let vocabulary = vocabulary.transpose()?;
    inputs.opened = open_impressions(job, &inputs.sources, &inputs.skipped)?;
    let job = resolve::column_types(job, &inputs.opened, &inputs.sources)?;
    let of_days = (&inputs.skipped[..], vocabulary.as_ref());
    let impressions = read_impressions::<I>(&job, context, policy, &inputs.opened, of_days)?;
    hit("impressions read");
    // Checked before the long read of actions, as the settings below are.
    check_days(&job, &inputs, &impressions.tallies)?;
    let adds = matches!(job.publish, Publish::AddDays(_)) && !inputs.existing.is_empty();
    // If all days are skipped, no file is opened and nothing is added. The type of customers is
    // then the default, and would seem to differ from that of a set with text ids.
    if adds && !inputs.opened.is_empty() {
        let from = vocabulary.as_ref().and_then(Vocabulary::from);
        let settings = manifest::settings(&job, impressions.rows.has_text_ids(), from);
        manifest::check_settings(&job.out, &settings)?;
    }
    let before = BeforeActions {
        inputs,
        vocabulary,
        impressions,
    };
    Ok((job, before))
}

/// Reads the actions of all customers with an impression, partitioned by customer.
fn read_all<I: ItemColumn>(
    job: &Job,
    context: &RunContext,
    policy: &BadRowPolicy<'_>,
    staging: &StagingDir,
    before: BeforeActions<I>,
) -> Result<(SequencesRead<I>, Partitions<EventChunk<I>>)> {
    let ImpressionState {
        rows,
        tallies: days,
        rejected,
        items: impression_items,
        mut kinds,
        ..
    } = before.impressions;
    let mut inputs = before.inputs;
    check_impressions(job, &rows)?;
    let read_bytes = job.shard.map(|_| rows.bytes());
    let mut probes = Probes::of_job(rows, job.shard);
    // Of a shard, those of others are gone.
    if let Some(read_bytes) = read_bytes {
        context.free_memory(read_bytes - probes.impressions.bytes());
    }
    context.reserve_memory(probes.bytes())?;
    let (opened, span, split) = open_actions(job, &inputs.sources, &probes)?;
    check_actions(job, context, &opened, probes.customer_type())?;
    let spec = read_spec(job);
    let mut scan = ActionScan::new(&spec, policy, context, &probes, split);
    let pruning = Pruning::new(&scan, &opened, span);
    let spills = spills(job, staging, room_for_actions(context));
    let read = read_actions(&mut scan, context, pruning, spills)?;
    hit("actions read");
    attributes::check_seen(job, &opened, &read.attributes_seen)?;
    inputs.rejected = rejected;
    inputs.rejected.extend(read.rejected);
    // Each thread has the rejected rows of the tasks that it happened to take. Sorted, the
    // quarantine file and the examples in the metrics are the same in every run.
    inputs.rejected.sort_unstable();
    let partitions = Partitions::gather(split, read.writers, read.spills);
    let items_from = before.vocabulary.as_ref().and_then(Vocabulary::from);
    let items = match (before.vocabulary, impression_items) {
        (Some(vocabulary), Some(items)) => {
            Some(vocabulary.assign_codes(items, read.items, context)?)
        }
        _ => None,
    };
    if let Some(items) = &items {
        // The probes are sorted already, by item numbers that follow the bytes of the items. So the
        // order of rows does not depend on codes. Items of actions get theirs when their partition
        // is loaded.
        items.rename_impressions(&mut probes.impressions.items);
    }
    inputs.opened.extend(opened);
    // Wall times may be in one source and instants in another, so they are compared only when all
    // sources are read.
    kinds.merge(&read.kinds);
    let times = kinds.shown(&spec, &inputs.opened);
    // Here as well as with the other findings: a run that cannot be published need not write.
    times.check(&spec)?;
    let warnings = input_warnings::of_probes(job, &probes, items.as_ref());
    inputs.warnings.extend(warnings);
    let read = SequencesRead {
        inputs,
        days,
        actions: read.stats,
        actions_kept: read.kept,
        times,
        probes,
        items,
        items_from,
    };
    Ok((read, partitions))
}
