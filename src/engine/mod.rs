//! The data path: every stage, in order, and the only place that knows threads.
//!
//! ```text
//! impressions ──► probes ─────────────┐ keys, bounds
//!                                     ▼
//! actions ──► scan: semi-join ──► partition
//!                                     │ one after the other, as row groups need them
//!                                     ▼
//!                                   sort ──► sweep + op ──► encode ──► publish
//! ```
//! **In / Out**: a [`Job`] → files, and a [`Report`] of what was made.
//! **Invariants**: tasks are handed out in order and share nothing but counters; what they find
//! is put together by order, never by who was first. So neither threads nor their timing change
//! a byte, a count or an error.

mod attributes;
mod doubts;
pub(crate) mod dwell;
pub(crate) mod features;
mod impressions;
mod inputs;
mod resolve;
pub(crate) mod specs;
pub(crate) mod tasks;
pub(crate) mod unused;

pub use self::dwell::dwell;
pub use self::features::features;
pub(crate) use self::inputs::find_actions;
use self::inputs::{check_days, look, open_all};
use self::resolve::customer_type;
pub use self::specs::schema;
use self::specs::{publish_spec, read_spec, vocabulary_spec, write_spec};
pub(crate) use self::tasks::guarded;
use self::tasks::run_tasks;
use self::unused::notice_sequences;
use crate::context::{RunContext, Stage};
use crate::dictionary::probes::Probes;
use crate::encode::{ItemColumn, RowStats};
use crate::engine::impressions::{open_impressions, read_impressions};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::hit;
use crate::ids::{Item, Key, count64};
use crate::job::{ATTRIBUTE_COLUMNS_MAX, ItemType, Job, JobKind, Publish, Source};
use crate::kernel::column::EventChunk;
use crate::kernel::op::counts::HistoryCounts;
use crate::kernel::partition::PartitionWriter;
use crate::manifest;
use crate::output::RunInputs;
use crate::output::sequences::{self, Report, SequencesRead};
use crate::publish::{MANIFEST, StagingDir};
use crate::scan::Task;
use crate::scan::actions::{ActionScan, ActionStats};
use crate::scan::bad_rows::{BadRowPolicy, Rejected};
use crate::scan::impressions::ImpressionState;
use crate::scan::item_ids::ItemDictionary;
use crate::scan::pruning::{Pruning, StatsProof};
use crate::scan::spec::ActionSpec;
use crate::scan::time_kinds::TimeKinds;
use crate::scan::whole_column::is_whole_column;
use crate::store::spill::{Partitions, Spill};
use crate::vocabulary::{Coded, Vocabulary};
use crate::warnings::Warning;

/// Runs a job of [`JobKind::Sequences`]: reads, sorts, writes and publishes.
///
/// # Errors
/// Whatever stands in the way; nothing is published then.
///
/// # Examples
/// ```no_run
/// use hitherto::{Control, Job, Settings, run};
///
/// let settings = Settings {
///     dir: Some("testdata/shop".into()),
///     out: "training".into(),
///     threads: 2,
///     ..Settings::default()
/// };
/// let report = run(&Job::new(settings)?, &Control::default())?;
/// println!("{} samples", report.samples);
/// # Ok::<(), hitherto::Error>(())
/// ```
pub fn run(job: &Job, context: &RunContext) -> Result<Report> {
    check_question(job, JobKind::Sequences)?;
    let job = &in_zone_of_set(job);
    in_pool(job, || match job.sequences().item_type {
        ItemType::Int32 => run_typed::<i32>(job, context),
        ItemType::Int64 => run_typed::<i64>(job, context),
    })
}

/// An error unless this is what a job asks.
fn check_question(job: &Job, job_kind: JobKind) -> Result<()> {
    match job.kind() == job_kind {
        true => Ok(()),
        false => {
            let name = job.kind().name();
            Err(Error::settings(format!("this job asks for {name}")))
        }
    }
}

/// The job, with the zone named if it adds days to a set: that of the set was given.
pub(crate) fn in_zone_of_set(job: &Job) -> Job {
    let adds = matches!(job.publish, Publish::AddDays(_));
    match adds && job.out.join(MANIFEST).exists() {
        true => job.in_named_zone(),
        false => job.clone(),
    }
}

/// The stack of a thread: known, so that what decoders need of it does not depend on the system.
const STACK_BYTES: usize = 8 << 20;

/// Works on as many threads as a job may have.
pub(crate) fn in_pool<T: Send>(job: &Job, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    in_threads(job.threads, work)
}

/// Works on so many threads.
pub(crate) fn in_threads<T: Send>(
    threads: usize,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK_BYTES)
        .build();
    let pool = pool.map_err(|error| {
        Error::from(ErrorKind::Internal {
            what: format!("no threads to work with: {error}"),
        })
    })?;
    pool.install(work)
}

/// Runs a job whose items have a known width.
fn run_typed<I: ItemColumn>(job: &Job, context: &RunContext) -> Result<Report> {
    let policy = BadRowPolicy::new(&read_spec(job), is_whole_column);
    let (job, before) = read_before_actions::<I>(job, context, &policy)?;
    // Made before the actions are read, so that an output that cannot be made costs no waiting.
    let staging = StagingDir::create(publish_spec(&job))?;
    let (read, partitions) = read_all(&job, context, &policy, &staging, before)?;
    let notice = |rows: &[RowStats], counts: &HistoryCounts| {
        let noticed = notice_sequences((&job, context), &read, (rows, counts))?;
        Ok(noticed.told(&job.no_warn, None))
    };
    let spec = write_spec(&job, read.probes.customer_type());
    sequences::write(&job, &spec, context, &staging, &read, partitions, notice)
}

/// What is known before the actions are read.
pub(crate) struct BeforeActions<I> {
    /// The files; those of impressions are opened.
    pub(crate) inputs: RunInputs,
    /// The items that have codes already, if their ids are texts.
    pub(crate) vocabulary: Option<Vocabulary>,
    pub(crate) impressions: ImpressionState<I>,
}

/// Looks for inputs, and reads all impressions; also gives the job, with the types of columns that
/// are carried through or told.
pub(crate) fn read_before_actions<I: ItemColumn>(
    job: &Job,
    context: &RunContext,
    policy: &BadRowPolicy<'_>,
) -> Result<(Job, BeforeActions<I>)> {
    let mut inputs = look(job, context)?;
    let vocabulary = vocabulary_spec(job);
    let vocabulary = vocabulary.map(|spec| Vocabulary::open(&spec, context));
    let vocabulary = vocabulary.transpose()?;
    inputs.opened = open_impressions(job, &inputs.sources, &inputs.skipped)?;
    let job = resolve::column_types(job, &inputs.opened, &inputs.sources)?;
    let known = (&inputs.skipped[..], vocabulary.as_ref());
    let impressions = read_impressions::<I>(&job, context, policy, &inputs.opened, known)?;
    hit("impressions read");
    check_days(&job, &inputs, &impressions.tallies)?;
    let adds = matches!(job.publish, Publish::AddDays(_)) && !inputs.existing.is_empty();
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

/// Reads the actions of all customers that are asked for.
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
        items: shown,
        mut kinds,
        ..
    } = before.impressions;
    let mut inputs = before.inputs;
    let mut probes = Probes::new(rows);
    context.reserve_memory(probes.bytes())?;
    let (opened, span, split) = find_actions(job, &inputs.sources, &probes)?;
    let spec = read_spec(job);
    let mut scan = ActionScan::new(&spec, policy, context, &probes, split);
    let plan = Pruning::new(&scan, &opened, span);
    let spills = spills(job, context, staging);
    let read = read_actions(&mut scan, context, plan, spills)?;
    hit("actions read");
    attributes::check_seen(job, &opened, &read.told)?;
    inputs.rejected = rejected;
    inputs.rejected.extend(read.rejected);
    inputs.rejected.sort_unstable();
    let partitions = Partitions::gather(split, read.scatters, read.spills);
    let items_from = before.vocabulary.as_ref().and_then(Vocabulary::from);
    let items = match (before.vocabulary, shown) {
        (Some(vocabulary), Some(shown)) => Some(vocabulary.settle(shown, read.items, context)?),
        _ => None,
    };
    if let Some(items) = &items {
        items.rename_shown(&mut probes.impressions.items);
    }
    inputs.opened.extend(opened);
    kinds.merge(&read.kinds);
    inputs.warnings.extend(kinds.check(&spec, &inputs.opened)?);
    let doubts = warnings_of(job, &probes, items.as_ref());
    inputs.warnings.extend(doubts);
    let read = SequencesRead {
        inputs,
        days,
        actions: read.tallies,
        actions_kept: read.kept,
        probes,
        items,
        items_from,
    };
    Ok((read, partitions))
}

/// What is to be looked at among customers that are asked for, and items.
fn warnings_of<I: Item>(job: &Job, probes: &Probes<I>, items: Option<&Coded<I>>) -> Vec<Warning> {
    let column = (Source::Impressions, "customer_id");
    let mut warnings = doubts::of_keys(job, &probes.keys, column, |words| {
        words.each(|rank| count64(probes.of_key(Key(rank)).len()));
    });
    warnings.extend(items.and_then(|of| doubts::float_ids_of(of.ids(), (None, "item_id"))));
    warnings
}

/// What each thread may hold of the actions, and where the rest goes: of what memory is left, a
/// quarter is kept for sorting and encoding.
fn spills(job: &Job, context: &RunContext, staging: &StagingDir) -> Vec<Spill> {
    let threads = rayon::current_num_threads();
    let budget = context.headroom().map(|left| left / 4 * 3);
    let quota = budget.map_or(u64::MAX, |budget| budget / count64(threads));
    let folder = job.temp_dir.as_deref();
    let folder = folder.unwrap_or_else(|| staging.aside());
    (0..threads).map(|_| Spill::new(folder, quota)).collect()
}

/// Everything that was read of actions.
struct ActionsRead<I> {
    /// The events, thread by thread.
    scatters: Vec<PartitionWriter<EventChunk<I>>>,
    /// Those that memory has no room for.
    spills: Vec<Spill>,
    /// The items of each thread, if their ids are texts.
    items: Vec<ItemDictionary>,
    /// What was found, by source as in the job's list.
    tallies: Vec<ActionStats>,
    rejected: Vec<Rejected>,
    kept: u64,
    /// Which told columns some record of text had.
    told: [bool; ATTRIBUTE_COLUMNS_MAX],
    /// Wall times and instants.
    kinds: TimeKinds,
}

/// Reads actions wave by wave, newest first, until nobody needs more.
fn read_actions<I: ItemColumn>(
    scan: &mut ActionScan<'_, I>,
    context: &RunContext,
    plan: Pruning,
    spills: Vec<Spill>,
) -> Result<ActionsRead<I>> {
    context.enter(Stage::ACTIONS, plan.steps());
    let mut read = ActionsRead {
        scatters: Vec::new(),
        spills: Vec::new(),
        items: Vec::new(),
        tallies: vec![ActionStats::default(); scan.spec.actions.sources.len()],
        rejected: Vec::new(),
        kept: 0,
        told: Default::default(),
        kinds: TimeKinds::default(),
    };
    for (task, proof) in &plan.passed {
        read.pass(&scan.spec.actions, task, proof);
    }
    let mut states: Vec<_> = spills.into_iter().map(|spill| scan.state(spill)).collect();
    let mut done = false;
    for wave in plan.waves {
        if done && wave.tasks.iter().all(|(_, proof)| proof.is_some()) {
            for (task, proof) in &wave.tasks {
                read.pass(
                    &scan.spec.actions,
                    task,
                    proof.as_ref().expect("all have one"),
                );
            }
            continue;
        }
        scan.start_wave(wave.floor);
        let mut tasks: Vec<Task> = wave.tasks.into_iter().map(|(task, _)| task).collect();
        tasks.sort_by(|a, b| a.order().cmp(&b.order()));
        states = run_tasks(&tasks, states, |state, task| scan.read(task, state))?;
        done = scan.finish_wave(&mut states);
    }
    for state in states {
        context.count_spilled(state.spill.bytes());
        read.scatters.push(state.scatter);
        read.spills.push(state.spill);
        read.kinds.merge(&state.kinds);
        read.items.extend(state.items);
        read.rejected.extend(state.rejected);
        read.kept += state.kept;
        attributes::add_seen(&mut read.told, state.told);
        for (tally, more) in read.tallies.iter_mut().zip(&state.tallies) {
            tally.merge(more);
        }
    }
    Ok(read)
}

impl<I> ActionsRead<I> {
    /// Counts a row group that needs no reading.
    fn pass(&mut self, actions: &ActionSpec<'_>, task: &Task, proof: &StatsProof) {
        let slot = actions.slot(task.opened.file().source);
        let tally = &mut self.tallies[slot.expect("only sources that are told of have files")];
        tally.rows += proof.rows;
        tally.null_customers += proof.null_customers;
    }
}
