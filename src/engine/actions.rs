//! Actions to partitions by customer, read by all threads.
//!
//! **In / Out**: the waves of a [`Pruning`], newest first → [`ActionsRead`]. **Invariants**: a wave is
//! read whole before the next begins, so where reading stops does not depend on threads.

use super::attributes;
use super::tasks::{cut_last, run_tasks};
use crate::context::{RunContext, Stage};
use crate::encode::ItemColumn;
use crate::error::Result;
use crate::job::ATTRIBUTE_COLUMNS_MAX;
use crate::kernel::column::EventChunk;
use crate::kernel::partition::PartitionWriter;
use crate::scan::Task;
use crate::scan::actions::{ActionScan, ActionStats};
use crate::scan::bad_rows::Rejected;
use crate::scan::item_ids::ItemDictionary;
use crate::scan::pruning::{Pruning, StatsProof};
use crate::scan::spec::ActionSpec;
use crate::scan::time_kinds::TimeKinds;
use crate::store::spill::Spill;

/// Everything that was read of the actions.
pub(super) struct ActionsRead<I> {
    /// The events in memory, one writer per thread.
    pub(super) writers: Vec<PartitionWriter<EventChunk<I>>>,
    /// The events that did not fit in memory.
    pub(super) spills: Vec<Spill>,
    /// The dictionary of items of each thread, if item ids are texts.
    pub(super) items: Vec<ItemDictionary>,
    /// Counts by source, in the order of the job's list.
    pub(super) stats: Vec<ActionStats>,
    pub(super) rejected: Vec<Rejected>,
    pub(super) kept: u64,
    /// Which attribute columns some text record had.
    pub(super) attributes_seen: [bool; ATTRIBUTE_COLUMNS_MAX],
    pub(super) kinds: TimeKinds,
}

/// Reads actions wave by wave, newest first, until all histories are full.
pub(super) fn read_actions<I: ItemColumn>(
    scan: &mut ActionScan<'_, I>,
    context: &RunContext,
    pruning: Pruning,
    spills: Vec<Spill>,
) -> Result<ActionsRead<I>> {
    context.enter(Stage::ACTIONS, pruning.steps());
    let mut read = ActionsRead {
        writers: Vec::new(),
        spills: Vec::new(),
        items: Vec::new(),
        stats: vec![ActionStats::default(); scan.spec.actions.sources.len()],
        rejected: Vec::new(),
        kept: 0,
        attributes_seen: Default::default(),
        kinds: TimeKinds::default(),
    };
    for (task, proof) in &pruning.passed {
        read.count_unread(&scan.spec.actions, task, proof);
    }
    let mut states: Vec<_> = spills.into_iter().map(|spill| scan.state(spill)).collect();
    let mut done = false;
    for wave in pruning.waves {
        // A row group stays unread only if its statistics prove that it has no bad row.
        if done && wave.tasks.iter().all(|(_, proof)| proof.is_some()) {
            for (task, proof) in &wave.tasks {
                read.count_unread(
                    &scan.spec.actions,
                    task,
                    proof.as_ref().expect("all have one"),
                );
            }
            continue;
        }
        scan.start_wave(wave.floor);
        let mut tasks: Vec<Task> = wave.tasks.into_iter().map(|(task, _)| task).collect();
        // Pruning sorts tasks by their newest time. In the order of files, the reported fault of a
        // wave is the first by source, path and row group, whatever the times are.
        tasks.sort_by(|a, b| a.order().cmp(&b.order()));
        let tasks = cut_last(&scan.spec, tasks);
        states = run_tasks(&tasks, states, |state, task| scan.read(task, state))?;
        // A barrier: all threads have finished the wave. Were this decided while they read, the
        // rows kept would depend on timing.
        done = scan.finish_wave(&mut states);
    }
    // All lists are in the order of threads: `output` renames the items of a chunk by the
    // dictionary at the index of its thread.
    for state in states {
        context.count_spilled(state.spill.bytes());
        read.writers.push(state.scatter);
        read.spills.push(state.spill);
        read.kinds.merge(&state.kinds);
        read.items.extend(state.items);
        read.rejected.extend(state.rejected);
        read.kept += state.kept;
        attributes::add_seen(&mut read.attributes_seen, state.told);
        for (stats, more) in read.stats.iter_mut().zip(&state.tallies) {
            stats.merge(more);
        }
    }
    Ok(read)
}

impl<I> ActionsRead<I> {
    /// Counts the rows of a row group that its statistics prove to be unneeded.
    fn count_unread(&mut self, actions: &ActionSpec<'_>, task: &Task, proof: &StatsProof) {
        let slot = actions.slot(task.opened.file().source);
        let stats = &mut self.stats[slot.expect("only sources of the spec have files")];
        // Counted as if it were read: counts in manifests must not depend on where reading stopped.
        stats.rows += proof.rows;
        stats.null_customers += proof.null_customers;
    }
}
