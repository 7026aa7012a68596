//! A sample of the actions, and its extrapolation to as many actions as a run would keep.
//!
//! **In / Out**: a [`Pruning`] of tasks → [`SampledActions`]: the share of each source that was read,
//! and the actions of some customers. [`stretch`] copies these until there are as many as a run would
//! keep.
//! **Invariants**: customers are chosen by their hash, copies by a fixed seed, so the sample is the
//! same on any number of threads.

use std::collections::BTreeMap;

use super::share::{SourceShares, choose, memory_only_spills};
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Item, Key, Micros, count32, count64, index, index64};
use crate::job::{Job, Source};
use crate::kernel::attributes::AttributeKeys;
use crate::kernel::chunk::Chunk;
use crate::kernel::column::EventChunk;
use crate::kernel::event::Event;
use crate::kernel::hash::spread;
use crate::kernel::partition::{PartitionWriter, Split};
use crate::scan::actions::{ActionScan, ActionState};
use crate::scan::pruning::Pruning;
use crate::scan::time_kinds::TimeKinds;

/// Which actions are sampled.
#[derive(Clone, Copy, Debug)]
pub(super) struct SampleStrides {
    /// One row group in this many is read, and one byte of text in this many.
    pub(super) row_groups: u64,
    /// The actions of one customer in this many are kept.
    pub(super) customers: u32,
}

/// The sampled actions.
#[derive(Debug, Default)]
pub(super) struct SampledActions<I> {
    /// The share of each source that was read.
    pub(super) shares: SourceShares,
    /// The actions of sampled customers.
    events: Vec<SampledAction<I>>,
    /// The attributes of the actions, if the job has attribute columns.
    attributes: Vec<AttributeKeys>,
    pub(super) kinds: TimeKinds,
}

/// An action of a sampled customer.
#[derive(Debug)]
struct SampledAction<I> {
    source: Source,
    /// The index of the customer among the sampled ones, which is not a rank of any dictionary.
    customer: u32,
    event: Event<I>,
    /// The index in [`SampledActions::attributes`].
    attributes: u32,
}

impl<I> SampledActions<I> {
    /// Bytes of memory that the sample takes.
    pub(super) fn bytes(&self) -> u64 {
        let attributes = self.attributes.capacity() * size_of::<AttributeKeys>();
        count64(self.events.capacity() * size_of::<SampledAction<I>>() + attributes)
    }
}

/// Reads a sample of the actions.
///
/// # Errors
/// The errors of a run, as far as they are met.
pub(super) fn read_sample<I: Item>(
    scan: &mut ActionScan<'_, I>,
    context: &RunContext,
    pruning: Pruning,
    split: Split,
    strides: SampleStrides,
) -> Result<SampledActions<I>> {
    let mut actions = SampledActions {
        shares: SourceShares::default(),
        events: Vec::new(),
        attributes: Vec::new(),
        kinds: TimeKinds::default(),
    };
    let mut states: Vec<_> = memory_only_spills()
        .map(|spill| scan.state(spill))
        .collect();
    let mut is_done = false;
    for wave in choose(&scan.spec, pruning, strides.row_groups) {
        if is_done && wave.is_proven {
            continue;
        }
        for (source, steps) in wave.steps {
            actions.shares.0.entry(source).or_default().steps_all += steps;
        }
        for (source, tasks) in wave.tasks {
            scan.start_wave(wave.floor);
            let kept =
                |states: &[ActionState<I>]| states.iter().map(|state| state.kept).sum::<u64>();
            // Sources are read one after the other, so that the kept rows of each can be told
            // apart.
            let kept_before = kept(&states);
            let share = actions.shares.0.entry(source).or_default();
            states = share.read(context, &tasks, states, |state, task| {
                scan.read(task, state)
            })?;
            share.kept += kept(&states) - kept_before;
            is_done = scan.finish_wave(&mut states);
            for state in &mut states {
                take_sampled(state, source, split, context, strides, &mut actions);
            }
        }
    }
    for state in &states {
        actions.kinds.merge(&state.kinds);
    }
    // Which thread reads which task depends on timing. Sorting makes the sample independent of it.
    let attributes = &actions.attributes;
    let order = |sampled: &SampledAction<I>| {
        let Event {
            time,
            known_after,
            kind,
            item,
        } = sampled.event;
        let attributes = attributes.get(index(sampled.attributes));
        let (source, customer) = (sampled.source, sampled.customer);
        (source, customer, time, known_after, kind, item, attributes)
    };
    actions.events.sort_unstable_by_key(order);
    Ok(actions)
}

/// Moves the actions of sampled customers out of the state of a thread, and drops all others.
fn take_sampled<I: Item>(
    state: &mut ActionState<I>,
    source: Source,
    split: Split,
    context: &RunContext,
    strides: SampleStrides,
    actions: &mut SampledActions<I>,
) {
    for partition in 0..split.partitions_count() {
        let first = split.keys_of(partition).start;
        for chunk in state.scatter.take(partition) {
            let mut at = 0;
            chunk.each(|row| {
                let key = first + row.local_key();
                if key.is_multiple_of(strides.customers) {
                    let event = Event {
                        time: row.time,
                        known_after: chunk.known_after(at, row.time),
                        kind: row.kind(),
                        item: row.item,
                    };
                    actions.events.push(SampledAction {
                        source,
                        // The index that `ranks` of `impressions_of` has, as that steps over keys
                        // by the same stride.
                        customer: key / strides.customers,
                        event,
                        attributes: count32(actions.attributes.len()),
                    });
                    if chunk.width() > 0 {
                        actions.attributes.push(chunk.keys(at));
                    }
                }
                at += 1;
            });
            context.free_memory(chunk.bytes());
        }
    }
}

/// Partitions as many actions of the sampled customers as a run would keep: each once, and copies of it
/// in place of those that were not read. A copy has a time nearby and the item of another action of its
/// type. `ranks` gives the key of each sampled customer, or `None` if it has no impression in the
/// sample.
///
/// # Errors
/// If the memory of the job is used up.
pub(super) fn stretch<I: Item>(
    job: &Job,
    actions: &SampledActions<I>,
    split: Split,
    ranks: &[Option<Key>],
    context: &RunContext,
) -> Result<PartitionWriter<EventChunk<I>>> {
    let width = job.attribute_columns().len();
    let mut writer =
        PartitionWriter::with_chunks(split, || EventChunk::<I>::with_attributes(width, 0));
    // By type code, of 8 bits.
    let mut items: Vec<Vec<I>> = vec![Vec::new(); 256];
    // The first and the last time of each source.
    let mut bounds: BTreeMap<Source, (i64, i64)> = BTreeMap::new();
    for SampledAction { source, event, .. } in &actions.events {
        items[usize::from(event.kind.0)].push(event.item);
        let at = event.time.0;
        let (first, last) = bounds.entry(*source).or_insert((at, at));
        (*first, *last) = ((*first).min(at), (*last).max(at));
    }
    // Copies that are due: fractions of weights add up over actions.
    let (mut due, mut drawn) = (0.0, 0);
    let mut draw = |below: u64| {
        drawn += 1;
        spread(drawn) % below.max(1)
    };
    for sampled in &actions.events {
        let Some(key) = ranks[index(sampled.customer)] else {
            continue;
        };
        let event = &sampled.event;
        let share = actions.shares.0.get(&sampled.source);
        let share = share.copied().unwrap_or_default();
        let (first, last) = bounds[&sampled.source];
        // About the span of time that one sampled row group stands for.
        let around = last.abs_diff(first) / share.tasks.max(1);
        let others = &items[usize::from(event.kind.0)];
        due += share.weight();
        let partition = writer.partition_of(key);
        let mut copy = *event;
        while due >= 1.0 {
            due -= 1.0;
            if writer.is_full(partition) {
                writer.add_chunk(partition, context)?;
            }
            writer.push(partition, key, copy);
            if let Some(keys) = actions.attributes.get(index(sampled.attributes)) {
                writer.open(partition).push_attributes(keys);
            }
            // By whole seconds: chunks of times in whole ones take less memory.
            let shift = i64::try_from(draw(around) / 1_000_000 * 1_000_000).unwrap_or(0);
            let back = i64::try_from(around / 2 / 1_000_000 * 1_000_000).unwrap_or(0);
            let at = event.time.0.saturating_add(shift).saturating_sub(back);
            // A time outside of the source's is mirrored back into it.
            let at = match at {
                at if at > last => last.saturating_sub(at.saturating_sub(last)),
                at if at < first => first.saturating_add(first.saturating_sub(at)),
                at => at,
            };
            let delay_us = event.known_after.0.saturating_sub(event.time.0);
            copy = Event {
                time: Micros(at),
                known_after: Micros(at.saturating_add(delay_us)),
                kind: event.kind,
                // Not empty: it has the item of this action. Items of other customers compress less
                // well than a customer's own would with a codec that finds repeats: with snappy,
                // bytes were 14 % too high.
                item: others[index64(draw(count64(others.len())))],
            };
        }
    }
    Ok(writer)
}
