//! Partitions to histories, one after another, as the row groups need them.
//!
//! **In / Out**: [`Partitions`] as they were read → the [`Histories`] that a row group is made of.
//! **Why so**: rows are in the order of customers, and so are partitions. A partition is sorted
//! shortly before the first row group that needs it, by whichever thread reaches it, and is freed
//! after the last; so the sorted actions of all partitions are never in memory at once.
//! **Invariants**: steps are handed out in order, and a step waits only for steps before it.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use bumpalo::Bump;

use super::rows::{DayProbes, SampleGroup};
use crate::context::RunContext;
use crate::dictionary::probes::Probes;
use crate::error::{Error, Result};
use crate::ids::{Item, Key, count64, index};
use crate::job::{Dedup, Job, Layout};
use crate::kernel::chunk::Chunk;
use crate::kernel::column::EventChunk;
use crate::kernel::newest::Newest;
use crate::kernel::op::counts::HistoryCounts;
use crate::kernel::op::sequences::{Histories, ProbeRuns};
use crate::kernel::sort::Unsorted;
use crate::output::in_order::{Guard, lock, stop};
use crate::output::plan::GroupPlan;
use crate::store::spill::Partitions;
use crate::vocabulary::Coded;

/// Partitions that are sorted before a row group needs them, so that the thread that encodes the row
/// group need not wait for the one that sorts.
const AHEAD: usize = 2;

/// Scratch memory that a thread keeps from one partition to the next.
const SCRATCH_KEPT: u64 = 1 << 26;

/// A unit of work of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Sort a partition and find its histories.
    Sort(usize),
    /// Encode a row group, by its index.
    Encode(usize),
}

/// The steps, in order: each partition before the first row group that needs it.
pub(super) fn steps(groups: &[SampleGroup], partitions_count: usize) -> Vec<Step> {
    let (mut steps, mut sorted) = (Vec::new(), 0);
    for (at, group) in groups.iter().enumerate() {
        let until = (group.partitions.end + AHEAD).min(partitions_count);
        steps.extend((sorted..until).map(Step::Sort));
        sorted = sorted.max(until);
        steps.push(Step::Encode(at));
    }
    // No row group needs these, but the counts of the manifest are of all histories.
    steps.extend((sorted..partitions_count).map(Step::Sort));
    steps
}

/// All partitions, sorted or not.
pub(super) struct SortedPartitions<'a, I> {
    job: &'a Job,
    context: &'a RunContext,
    probes: &'a Probes<I>,
    partitions: Partitions<EventChunk<I>>,
    /// Codes of their items, if the ids are texts.
    items: Option<&'a Coded<I>>,
    /// Actions that are left out as their items have no code.
    unknown: AtomicU64,
    states: Mutex<Vec<PartitionState<I>>>,
    /// Notified when a partition is sorted.
    sorted: Condvar,
    /// Set when a step fails, so that no thread waits any more.
    stopped: AtomicBool,
    /// The counts of all histories.
    counts: Mutex<HistoryCounts>,
}

/// The state of a partition.
#[derive(Debug)]
struct PartitionState<I> {
    /// Its histories, while they are needed.
    histories: Option<Arc<Histories<I>>>,
    /// Row groups that still need them.
    users: usize,
}

impl<'a, I: Item> SortedPartitions<'a, I> {
    /// All partitions, unsorted.
    pub(super) fn new(
        job: &'a Job,
        context: &'a RunContext,
        probes: &'a Probes<I>,
        items: Option<&'a Coded<I>>,
        partitions: Partitions<EventChunk<I>>,
    ) -> SortedPartitions<'a, I> {
        SortedPartitions {
            job,
            context,
            probes,
            partitions,
            items,
            unknown: AtomicU64::new(0),
            states: Mutex::new(Vec::new()),
            sorted: Condvar::new(),
            stopped: AtomicBool::new(false),
            counts: Mutex::new(HistoryCounts::default()),
        }
    }

    /// The number of partitions.
    pub(super) fn partitions_count(&self) -> usize {
        self.partitions.count()
    }

    /// Finds the partitions that row groups need, and sorts the row groups by the last of these.
    pub(super) fn plan(&self, days: &[DayProbes], groups: Vec<GroupPlan>) -> Vec<SampleGroup> {
        let firsts: Vec<usize> = (0..self.partitions_count())
            .map(|at| self.probes.of_keys(self.partitions.keys_of(at)).start)
            .collect();
        // The first partition starts at probe 0, so some partition starts at or before each probe.
        // Of several that start at one probe, all but the last have no probes.
        let partition_of =
            |probe: &u32| firsts.partition_point(|first| *first <= index(*probe)) - 1;
        let needs = |plan: &GroupPlan| {
            let day = &days[plan.place.day];
            let probes = &day.probes[day.probes_of(plan)];
            match (probes.first(), probes.last()) {
                (Some(first), Some(last)) => partition_of(first)..partition_of(last) + 1,
                _ => 0..0,
            }
        };
        let mut groups: Vec<SampleGroup> = groups
            .into_iter()
            .map(|plan| SampleGroup {
                partitions: needs(&plan),
                plan,
            })
            .collect();
        // Stable: the row groups of a day stay in order.
        groups.sort_by_key(|group| group.partitions.end);
        let mut states = lock(&self.states);
        states.extend(firsts.iter().map(|_| PartitionState {
            histories: None,
            users: 0,
        }));
        for group in &groups {
            for state in &mut states[group.partitions.clone()] {
                state.users += 1;
            }
        }
        drop(states);
        groups
    }

    /// Takes the actions of a partition, and gives their items codes if the ids are texts.
    fn take(&self, partition: usize) -> Result<Vec<EventChunk<I>>> {
        let Some(items) = self.items else {
            return self.partitions.take(partition, self.context);
        };
        let chunks = self.partitions.take_tagged(partition, self.context)?;
        let chunks = chunks.into_iter().map(|(thread, mut chunk)| {
            // Before the sort, which breaks ties by item: codes are the same in every run, the
            // numbers of threads are not.
            let before = chunk.bytes();
            let unknown = items.rename(thread, &mut chunk);
            self.unknown.fetch_add(unknown, Relaxed);
            // Codes may take more or fewer bytes than numbers.
            let after = chunk.bytes();
            self.context.reserve_memory(after.saturating_sub(before))?;
            self.context.free_memory(before.saturating_sub(after));
            Ok(chunk)
        });
        chunks.collect()
    }

    /// Takes those actions of a partition that a history can hold, for one of which one customer may have
    /// most.
    fn take_newest(&self, partition: usize) -> Result<Vec<EventChunk<I>>> {
        let cutoffs = self.partitions.keys_of(partition).map(|key| {
            let probes = self.probes.of_key(Key(key));
            &self.probes.cutoffs[probes]
        });
        let own = self.job.sequences();
        let rows_min = self.job.tuning.newest_rows_min;
        let mut newest = Newest::new(own.actions_limit(), cutoffs, rows_min);
        let (mut chunks, mut held) = (Vec::new(), 0);
        self.partitions
            .take_each(partition, self.context, |chunk: EventChunk<I>| {
                // An action that was known late may be in no history where an older one is, so none is let go
                // on its account. Attributes are not carried along.
                if !chunk.known_after.is_empty() || chunk.attributes.is_some() {
                    chunks.push(chunk);
                    return Ok(());
                }
                chunk.each(|row| newest.add(row));
                self.context.free_memory(chunk.bytes());
                drop(chunk);
                let bytes = count64(newest.bytes());
                self.context.free_memory(held - held.min(bytes));
                self.context.reserve_memory(bytes - held.min(bytes))?;
                held = bytes;
                Ok(())
            })?;
        let left = newest.finish().filter(|rows| !rows.is_empty());
        let left: Vec<EventChunk<I>> = left.map(EventChunk::of_rows).collect();
        // They are held now as other chunks are.
        let bytes: u64 = left.iter().map(EventChunk::bytes).sum();
        self.context.reserve_memory(bytes)?;
        self.context.free_memory(held);
        chunks.extend(left);
        Ok(chunks)
    }

    /// Checks that histories will be ranges of the timeline, if the layout has one.
    fn check_layout(&self, chunks: &[EventChunk<I>]) -> Result<()> {
        let is_late = chunks.iter().any(|chunk| !chunk.known_after.is_empty());
        if !is_late || self.job.sequences().layout != Layout::Timeline {
            return Ok(());
        }
        // The flags that make actions known late are refused before, so these are days.
        Err(Error::settings(
            "--layout timeline with --cutoff time needs actions with a time of day, and some have only a day: \
             they count when it is over, so histories are no ranges of a timeline; \
             take --cutoff day, or --layout request",
        ))
    }

    /// Sorts a partition and finds the histories of its probes.
    ///
    /// # Errors
    /// If the memory of the job is used up.
    pub(super) fn sort(&self, partition: usize, scratch: &mut Bump) -> Result<()> {
        let keys = self.partitions.keys_of(partition);
        let rows_min = self.job.tuning.newest_rows_min;
        // Only then: for a partition as all are, it would take longer than the sort that it saves.
        let is_large = self.partitions.rows_of(partition) >= rows_min;
        let chunks = if is_large && self.job.dedup == Dedup::None && self.items.is_none() {
            self.take_newest(partition)?
        } else {
            self.take(partition)?
        };
        self.check_layout(&chunks)?;
        let taken: u64 = chunks.iter().map(Chunk::bytes).sum();
        let unsorted = Unsorted::new(chunks);
        // Chunks, records and columns are all in memory while rows are sorted.
        let (bytes, records) = (unsorted.sorted_bytes(), unsorted.scratch_bytes());
        self.context.reserve_memory(bytes + records)?;
        let sorted = unsorted.sort(index(keys.end - keys.start), scratch);
        self.context.free_memory(taken + records);
        if records > SCRATCH_KEPT {
            // Kept for the next partition otherwise, which is of about the same size.
            *scratch = Bump::new();
        }
        let of_probes = self.probes.of_keys(keys.clone());
        let first_probe = of_probes.start;
        let ends = keys.map(|key| self.probes.of_key(Key(key)).end - first_probe);
        let runs = ProbeRuns {
            first_probe,
            ends: ends.collect(),
            cutoffs: &self.probes.cutoffs[of_probes.clone()],
            lookback_starts: &self.probes.lookback_starts[of_probes],
        };
        let histories = Histories::new(
            sorted,
            &runs,
            self.job.sequences().actions_limit(),
            self.job.dedup,
        );
        // Pairs of actions that share a time take some as well.
        let held = histories.bytes();
        self.context.reserve_memory(held.saturating_sub(bytes))?;
        self.context.free_memory(bytes.saturating_sub(held));
        lock(&self.counts).merge(&histories.counts);
        let mut states = lock(&self.states);
        let state = &mut states[partition];
        // Sorted only for its counts.
        if state.users == 0 {
            self.context.free_memory(histories.bytes());
        } else {
            state.histories = Some(Arc::new(histories));
        }
        drop(states);
        self.sorted.notify_all();
        Ok(())
    }

    /// The histories of some partitions, as soon as they are sorted.
    ///
    /// # Errors
    /// If another step has failed; the run then reports that failure.
    pub(super) fn wait_for(&self, partitions: Range<usize>) -> Result<Vec<Arc<Histories<I>>>> {
        let mut states = lock(&self.states);
        loop {
            let needed = states[partitions.clone()].iter();
            if let Some(all) = needed.map(|state| state.histories.clone()).collect() {
                return Ok(all);
            }
            if self.stopped.load(Relaxed) {
                return Err(stop());
            }
            // With a timeout: a step that fails sets the flag and notifies nobody.
            let woken = self.sorted.wait_timeout(states, Duration::from_millis(50));
            states = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Counts a row group as done with these partitions; frees those that none needs any more.
    pub(super) fn done_with(&self, partitions: Range<usize>) {
        let mut states = lock(&self.states);
        let mut unused = Vec::new();
        for state in &mut states[partitions] {
            state.users -= 1;
            if state.users == 0 {
                unused.extend(state.histories.take());
            }
        }
        drop(states);
        for histories in unused {
            self.context.free_memory(histories.bytes());
        }
    }

    /// The counts of all histories, and how many actions are left out as their items have no code.
    pub(super) fn finish(&self) -> (HistoryCounts, u64) {
        (*lock(&self.counts), self.unknown.load(Relaxed))
    }

    /// Stops the threads that wait when a step fails.
    pub(super) fn guard(&self) -> Guard<'_> {
        Guard::new(&self.stopped)
    }
}
