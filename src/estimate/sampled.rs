//! A sample of the actions: what it holds, and histories made of it.
//!
//! **In / Out**: a [`Pruning`] of tasks → [`Actions`]: of each source what was read of how much, and the
//! actions of some customers; from these, [`stretch`] makes as many as a run would keep.
//! **Invariants**: customers are chosen by their hash, copies by a seed.

use std::collections::BTreeMap;

use super::share::{Shares, choose, nowhere};
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Item, Key, Micros, count32, count64, index, index64};
use crate::job::{Job, Source};
use crate::kernel::attributes::AttributeKeys;
use crate::kernel::chunk::Chunk;
use crate::kernel::column::{Event, EventChunk};
use crate::kernel::hash::spread;
use crate::kernel::partition::{PartitionWriter, Split};
use crate::scan::actions::{ActionScan, ActionState};
use crate::scan::pruning::Pruning;
use crate::scan::time_kinds::TimeKinds;

/// What of the actions is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// One row group in so many, and of text one byte in so many.
    pub(crate) stride: u64,
    /// Of customers, one in so many.
    pub(crate) customer_stride: u32,
}

/// What was read of the actions.
#[derive(Debug, Default)]
pub(crate) struct Actions<I> {
    /// What was read of each source.
    pub(crate) shares: Shares,
    /// The actions of sampled customers, with their sources; customers by their place among these,
    /// which is no rank of any table.
    pub(crate) events: Vec<Sampled<I>>,
    /// What is told of them, if something is.
    told: Vec<AttributeKeys>,
    /// Wall times and instants.
    pub(crate) kinds: TimeKinds,
}

/// An action of a sampled customer, with its source, and its place in [`Actions::told`].
type Sampled<I> = (Source, u32, Event<I>, u32);

impl<I> Actions<I> {
    /// Bytes of memory that the sample takes.
    pub(crate) fn bytes(&self) -> u64 {
        let told = self.told.capacity() * size_of::<AttributeKeys>();
        count64(self.events.capacity() * size_of::<Sampled<I>>() + told)
    }
}

/// Reads a sample of the actions.
///
/// # Errors
/// Those of a run that are met.
pub(crate) fn read_sample<I: Item>(
    scan: &mut ActionScan<'_, I>,
    context: &RunContext,
    (plan, split): (Pruning, Split),
    wanted: Wanted,
) -> Result<Actions<I>> {
    let mut actions = Actions {
        shares: Shares::default(),
        events: Vec::new(),
        told: Vec::new(),
        kinds: TimeKinds::default(),
    };
    let mut states: Vec<_> = nowhere().map(|spill| scan.state(spill)).collect();
    let mut is_done = false;
    for wave in choose(&scan.spec, plan, wanted.stride) {
        if is_done && wave.is_proven {
            continue;
        }
        for (source, steps) in wave.steps {
            actions.shares.0.entry(source).or_default().steps_all += steps;
        }
        for (source, tasks) in wave.tasks {
            scan.start_wave(wave.floor);
            let kept = |states: &[ActionState<I>]| states.iter().map(|of| of.kept).sum::<u64>();
            let kept_before = kept(&states);
            let share = actions.shares.0.entry(source).or_default();
            let tasks = (&tasks[..], states);
            states = share.read(context, tasks, |state, task| scan.read(task, state))?;
            share.kept += kept(&states) - kept_before;
            is_done = scan.finish_wave(&mut states);
            for state in &mut states {
                take_sampled(state, (source, split), context, wanted, &mut actions);
            }
        }
    }
    for state in &states {
        actions.kinds.merge(&state.kinds);
    }
    // Which thread has read what is left to chance, and what is made of it is not.
    let told = &actions.told;
    let order = |(source, customer, event, place): &Sampled<I>| {
        let Event {
            time,
            known_after,
            kind,
            item,
        } = *event;
        let told = told.get(index(*place));
        (*source, *customer, time, known_after, kind, item, told)
    };
    actions.events.sort_unstable_by_key(order);
    Ok(actions)
}

/// Takes what a thread has read, and keeps the actions of sampled customers.
fn take_sampled<I: Item>(
    state: &mut ActionState<I>,
    (source, split): (Source, Split),
    context: &RunContext,
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
                    let customer = key / wanted.customer_stride;
                    let place = count32(actions.told.len());
                    actions.events.push((source, customer, event, place));
                    if chunk.width() > 0 {
                        actions.told.push(chunk.keys(at));
                    }
                }
            }
            context.free_memory(chunk.bytes());
        }
    }
}

/// As many actions of the sampled customers as a run would keep: each once, and copies of it for
/// those that were not read, at times around and on items of others of its kind. `ranks` are those of
/// the sampled customers in the tables that `split` is of; who has none there is asked nothing.
///
/// # Errors
/// If the memory of the job is used up.
pub(crate) fn stretch<I: Item>(
    job: &Job,
    actions: &Actions<I>,
    (split, ranks): (Split, &[Option<Key>]),
    context: &RunContext,
) -> Result<PartitionWriter<EventChunk<I>>> {
    let width = job.attribute_columns().len();
    let mut scatter = PartitionWriter::with_chunks(split, || EventChunk::<I>::telling(width, 0));
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
    for (source, customer, event, place) in &actions.events {
        let Some(key) = ranks[index(*customer)] else {
            continue;
        };
        let share = actions.shares.0.get(source).copied().unwrap_or_default();
        let (first, last) = bounds[source];
        let around = last.abs_diff(first) / share.tasks.max(1);
        let others = &items[usize::from(event.kind.0)];
        owed += share.weight();
        let partition = scatter.partition_of(key);
        let mut copy = *event;
        while owed >= 1.0 {
            owed -= 1.0;
            if scatter.is_full(partition) {
                scatter.add_chunk(partition, context)?;
            }
            scatter.push(partition, key, copy);
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
