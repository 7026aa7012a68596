//! A sample of the actions: which row groups are read, what they hold, and histories made of it.
//!
//! **In / Out**: a [`Plan`] of tasks → [`Actions`]: of each source what was read of how much, and the
//! actions of some customers; from these, [`stretch`] makes as many as a run would keep.
//! **Invariants**: a function of the input, the job and what the stride is, but for the time that it
//! took: tasks are chosen by their place, customers by their hash, copies by a seed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use super::tasks::run_tasks;
use crate::chunk::Chunk;
use crate::column::{Event, EventChunk};
use crate::control::Control;
use crate::error::Result;
use crate::ids::{Item, Key, Micros, count32, count64, float, index, index64, rounded};
use crate::job::{Format, Job, Source};
use crate::keys::spread;
use crate::output::micros_since;
use crate::partition::{Scatter, Split};
use crate::scan::actions::{ActionScan, ActionState};
use crate::scan::input::Compression;
use crate::scan::plan::Plan;
use crate::scan::shared::Shared;
use crate::scan::{Opened, Task};
use crate::sides::SideKeys;
use crate::spill::Spill;

/// How often text that is compressed is longer than its file, about.
const GROWTH: u64 = 10;

/// What of the actions is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// One row group in so many, and of text one byte in so many.
    pub(super) stride: u64,
    /// Of customers, one in so many.
    pub(super) customer_stride: u32,
}

/// Row groups and pieces of text that are read before it is asked who has enough.
struct Wave {
    /// The tasks of each source.
    tasks: BTreeMap<Source, Vec<Task>>,
    /// Steps of all tasks of each source, read or not.
    steps: BTreeMap<Source, u64>,
    /// Nothing in later waves is newer.
    floor: Micros,
    /// Whether a run may leave it unread.
    is_proven: bool,
}

/// What was read of one source.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    /// Steps that a run would take.
    steps_all: u64,
    /// Steps that were taken.
    steps_read: u64,
    /// Tasks that were done.
    tasks: u64,
    /// Rows that were read.
    rows: u64,
    /// Of them, those that were kept.
    kept: u64,
    /// Microseconds that threads read.
    busy_us: u64,
}

impl Share {
    /// How often the sample goes into the source.
    fn weight(&self) -> f64 {
        match self.steps_read {
            0 => 0.0,
            read => float(self.steps_all.max(read)) / float(read),
        }
    }
}

/// What was read of the actions.
#[derive(Debug, Default)]
pub(super) struct Actions<I> {
    /// Of each source.
    shares: BTreeMap<Source, Share>,
    /// The actions of sampled customers, with their sources; customers by their place among them.
    pub(super) events: Vec<Sampled<I>>,
    /// What is told of them, if something is.
    told: Vec<SideKeys>,
}

/// An action of a sampled customer, with its source, and its place in [`Actions::told`].
type Sampled<I> = (Source, Key, Event<I>, u32);

impl<I> Actions<I> {
    /// The sum over all sources of something that was counted, as a run would count it.
    fn sum(&self, of: impl Fn(&Share) -> u64) -> f64 {
        let shares = self.shares.values();
        shares.map(|share| float(of(share)) * share.weight()).sum()
    }

    /// Rows that a run would read.
    pub(super) fn rows(&self) -> u64 {
        rounded(self.sum(|share| share.rows))
    }

    /// Rows that it would keep.
    pub(super) fn kept(&self) -> u64 {
        rounded(self.sum(|share| share.kept))
    }

    /// Microseconds that its threads would read.
    pub(super) fn busy_us(&self) -> f64 {
        self.sum(|share| share.busy_us)
    }

    /// Bytes of memory that the sample takes.
    pub(super) fn bytes(&self) -> u64 {
        let told = self.told.capacity() * size_of::<SideKeys>();
        count64(self.events.capacity() * size_of::<Sampled<I>>() + told)
    }

    /// The share of the rows that was read.
    pub(super) fn share(&self) -> f64 {
        let read: u64 = self.shares.values().map(|share| share.rows).sum();
        match self.sum(|share| share.rows) {
            all if all > 0.0 => float(read) / all,
            _ => 1.0,
        }
    }

    /// How far from the truth what is told may be: a guess from the number of samples, and no less
    /// than what was measured where they are many.
    pub(super) fn spread(&self) -> f64 {
        let tasks: u64 = self.shares.values().map(|share| share.tasks).sum();
        match self.share() {
            share if share >= 1.0 => 0.15,
            _ => (1.0 / float(tasks.max(1)).sqrt()).clamp(0.25, 1.0),
        }
    }
}

/// Chooses what is read.
fn choose(job: &Job, plan: Plan, wanted: Wanted) -> Vec<Wave> {
    let mut counts: BTreeMap<Source, u64> = BTreeMap::new();
    for (task, _) in plan.waves.iter().flat_map(|wave| &wave.tasks) {
        // Of the tasks that share a text file the first counts for all.
        let is_first = matches!(task.opened, Opened::Parquet(_)) || task.row_group == 0;
        *counts.entry(task.opened.file().source).or_default() += u64::from(is_first);
    }
    let mut seen: BTreeMap<Source, u64> = BTreeMap::new();
    let mut texts: BTreeMap<PathBuf, Option<Arc<Shared>>> = BTreeMap::new();
    let mut waves = Vec::new();
    for wave in plan.waves {
        let is_proven = wave.tasks.iter().all(|(_, proof)| proof.is_some());
        let (mut tasks, mut steps) = (BTreeMap::<_, Vec<Task>>::new(), BTreeMap::new());
        for (mut task, _) in wave.tasks {
            let source = task.opened.file().source;
            *steps.entry(source).or_default() += task.steps;
            let mut is_chosen = || {
                // The middle one of each few, so that neither the newest nor the oldest weighs more.
                let at = seen.entry(source).or_default();
                let few = wanted.stride.min(counts[&source]);
                *at += 1;
                (*at - 1) % few == few / 2
            };
            let chosen = match &task.opened {
                Opened::Parquet(_) => is_chosen().then(|| Arc::clone(&task.shared)),
                Opened::Text(file, ..) => {
                    let of_file = texts.entry(file.path.clone()).or_insert_with(|| {
                        match first_pieces(job, &task, wanted.stride) {
                            Some(pieces) => Some(Arc::new(Shared::first(pieces))),
                            None => is_chosen().then(|| Arc::clone(&task.shared)),
                        }
                    });
                    of_file.clone()
                }
            };
            if let Some(shared) = chosen {
                task.shared = shared;
                tasks.entry(source).or_default().push(task);
            }
        }
        waves.push(Wave {
            tasks,
            steps,
            floor: wave.floor,
            is_proven,
        });
    }
    waves
}

/// How many pieces of a text file are read, if it is so long that a share of them keeps all threads
/// busy; of shorter ones some are read, and others not.
fn first_pieces(job: &Job, task: &Task, stride: u64) -> Option<usize> {
    let grown = match &task.opened {
        Opened::Text(_, _, Compression::None) => 1,
        _ => GROWTH,
    };
    let bytes = task.opened.file().size().saturating_mul(grown);
    let pieces = bytes / count64(job.text_piece_bytes) / stride;
    let is_shared = task.opened.format() != Format::Json;
    (is_shared && stride > 1 && pieces >= count64(job.threads)).then(|| index64(pieces))
}

/// Reads a sample of the actions.
///
/// # Errors
/// Those of a run that are met.
pub(super) fn read_sample<I: Item>(
    scan: &mut ActionScan<'_, I>,
    control: &Control,
    (plan, split): (Plan, Split),
    wanted: Wanted,
) -> Result<Actions<I>> {
    let mut actions = Actions {
        shares: BTreeMap::new(),
        events: Vec::new(),
        told: Vec::new(),
    };
    let threads = 0..rayon::current_num_threads();
    // What is sampled has room: nothing goes to a file.
    let nowhere = || Spill::new(Path::new(""), u64::MAX);
    let mut states: Vec<_> = threads.map(|_| scan.state(nowhere())).collect();
    let mut is_done = false;
    for wave in choose(scan.job, plan, wanted) {
        if is_done && wave.is_proven {
            continue;
        }
        for (source, steps) in wave.steps {
            actions.shares.entry(source).or_default().steps_all += steps;
        }
        for (source, tasks) in wave.tasks {
            scan.start_wave(wave.floor);
            let (busy_us, rows) = (AtomicU64::new(0), control.rows().0);
            let kept = |states: &[ActionState<I>]| states.iter().map(|of| of.kept).sum::<u64>();
            let kept_before = kept(&states);
            states = run_tasks(&tasks, states, |state, task| {
                let began = Instant::now();
                let read = scan.read(task, state);
                busy_us.fetch_add(micros_since(began), Relaxed);
                read
            })?;
            is_done = scan.finish_wave(&mut states);
            let share = actions.shares.entry(source).or_default();
            share.rows += control.rows().0 - rows;
            share.kept += kept(&states) - kept_before;
            share.busy_us += busy_us.load(Relaxed);
            share.tasks += count64(tasks.len());
            share.steps_read += steps_read(&tasks);
            for state in &mut states {
                take_sampled(state, (source, split), control, wanted, &mut actions);
            }
        }
    }
    // Which thread has read what is left to chance, and what is made of it is not.
    let told = &actions.told;
    let order = |(source, key, event, place): &Sampled<I>| {
        let Event {
            time,
            known_after,
            kind,
            item,
        } = *event;
        let told = told.get(index(*place));
        (*source, *key, time, known_after, kind, item, told)
    };
    actions.events.sort_unstable_by_key(order);
    Ok(actions)
}

/// The steps that tasks took.
fn steps_read(tasks: &[Task]) -> u64 {
    let steps = tasks.iter().map(|task| match &task.opened {
        // Those that share a text file count once, by the task that has its steps.
        Opened::Text(..) if task.steps == 0 => 0,
        Opened::Text(..) => task.shared.steps_taken().unwrap_or(task.steps),
        Opened::Parquet(_) => task.steps,
    });
    steps.sum()
}

/// Takes what a thread has read, and keeps the actions of sampled customers.
fn take_sampled<I: Item>(
    state: &mut ActionState<I>,
    (source, split): (Source, Split),
    control: &Control,
    wanted: Wanted,
    actions: &mut Actions<I>,
) {
    for partition in 0..split.partitions_count() {
        let first = split.keys_of(partition).start;
        for chunk in state.scatter.take(partition) {
            for (at, row) in chunk.rows.iter().enumerate() {
                let key = first + row.local_key();
                if key.is_multiple_of(wanted.customer_stride) {
                    let event = Event {
                        time: row.time,
                        known_after: chunk.known_after(at),
                        kind: row.kind(),
                        item: row.item,
                    };
                    let key = Key(key / wanted.customer_stride);
                    let place = count32(actions.told.len());
                    actions.events.push((source, key, event, place));
                    if chunk.told.is_some() {
                        actions.told.push(chunk.keys(at));
                    }
                }
            }
            control.release(chunk.bytes());
        }
    }
}

/// As many actions of the sampled customers as a run would keep: each once, and copies of it for
/// those that were not read, at times around and on items of others of its kind.
///
/// # Errors
/// If the memory of the job is used up.
pub(super) fn stretch<I: Item>(
    job: &Job,
    actions: &Actions<I>,
    split: Split,
    control: &Control,
) -> Result<Scatter<EventChunk<I>>> {
    let width = job.side_columns().len();
    let mut scatter = Scatter::of(split, || EventChunk::<I>::telling(width, 0));
    let mut items: Vec<Vec<I>> = vec![Vec::new(); 256];
    // When the actions of each source happened.
    let mut bounds: BTreeMap<Source, (i64, i64)> = BTreeMap::new();
    for (source, _, event, _) in &actions.events {
        items[usize::from(event.kind.0)].push(event.item);
        let at = event.time.0;
        let (first, last) = bounds.entry(*source).or_insert((at, at));
        (*first, *last) = ((*first).min(at), (*last).max(at));
    }
    let (mut owed, mut drawn) = (0.0, 0);
    let mut draw = |below: u64| {
        drawn += 1;
        spread(drawn) % below.max(1)
    };
    for (source, key, event, place) in &actions.events {
        let share = actions.shares.get(source).copied().unwrap_or_default();
        let (first, last) = bounds[source];
        let around = last.abs_diff(first) / share.tasks.max(1);
        let others = &items[usize::from(event.kind.0)];
        owed += share.weight();
        let partition = scatter.partition_of(*key);
        let mut copy = *event;
        while owed >= 1.0 {
            owed -= 1.0;
            if scatter.is_full(partition) {
                scatter.add_chunk(partition, control)?;
            }
            scatter.push(partition, *key, copy);
            if let Some(keys) = actions.told.get(index(*place)) {
                scatter.open(partition).tell(keys);
            }
            let shift = i64::try_from(draw(around)).unwrap_or(0);
            let back = i64::try_from(around / 2).unwrap_or(0);
            let at = event.time.0.saturating_add(shift).saturating_sub(back);
            // What would leave the time of the source comes back into it.
            let at = match at {
                at if at > last => last.saturating_sub(at.saturating_sub(last)),
                at if at < first => first.saturating_add(first.saturating_sub(at)),
                at => at,
            };
            let held_us = event.known_after.0.saturating_sub(event.time.0);
            copy = Event {
                time: Micros(at),
                known_after: Micros(at.saturating_add(held_us)),
                kind: event.kind,
                item: others[index64(draw(count64(others.len())))],
            };
        }
    }
    Ok(scatter)
}
