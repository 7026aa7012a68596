//! Statistics of the rows of a block, computed while it is encoded.
//!
//! **In / Out**: a [`Block`] and the [`HistoryDeltas`] of its histories → a [`RowStats`]. **Cost**: a
//! history is read once, however many impressions share it, and labels are one byte each.

use serde::{Deserialize, Serialize};

use super::Block;
use crate::encode::direct::history_deltas::HistoryDeltas;
use crate::ids::{ActionType, Item, count64, index};
use crate::kernel::column::Label;
use crate::kernel::history_stats::{Contents, HistoryStats, HistorySummary};

/// Statistics of the rows of a block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RowStats {
    /// Impressions that end in the block.
    pub(crate) impressions: u64,
    /// Statistics of the histories of all samples.
    pub(crate) histories: HistoryStats,
}

impl RowStats {
    /// Adds the counts of another block.
    pub(crate) fn merge(&mut self, other: &RowStats) {
        self.impressions += other.impressions;
        self.histories.merge(&other.histories);
    }
}

/// The statistics of a block, whose histories have `actions_max` actions at most.
pub(super) fn stats_of<I: Item>(
    actions_max: u32,
    block: &Block<'_, I>,
    deltas: &HistoryDeltas,
    contents: &mut Contents,
) -> RowStats {
    let mut stats = RowStats::default();
    let impressions = &block.probes.impressions;
    // Once per partition: the list of kinds is allocated, and all histories of a partition share
    // it.
    let kinds = block.histories.iter().map(|histories| histories.kinds());
    let kinds: Vec<Vec<ActionType>> = kinds.collect();
    for (at, (row, delta)) in block.rows.iter().zip(&deltas.all).enumerate() {
        let partition = index(delta.partition);
        let histories = &*block.histories[partition];
        // An unchanged history has the same contents, unless a repeat of another time replaced an action.
        let is_new = at == 0 || delta.new_prefix > 0 || !delta.tail_matches;
        if is_new || histories.passes_over() {
            deltas.contents(histories, &kinds[partition], delta.actions, contents);
        }
        let items = block.items(row);
        let cutoff = block.probes.cutoffs[index(row.probe)];
        let of_probe = impressions.items_of(block.probes.rows[index(row.probe)]);
        let (length, samples) = (index(delta.actions.count()), count64(items.len()));
        let history = HistorySummary {
            samples,
            length,
            is_full: length == index(actions_max),
            newest_age_us: delta.newest.map(|newest| cutoff.0.abs_diff(newest.0)),
        };
        // Row groups may cut an impression: it counts where its last item is, so exactly once.
        stats.impressions += u64::from(items.end == of_probe.end);
        stats.histories.add(history, contents);
        let late = |slot| stats.histories.add_late(slot, samples);
        deltas.find_late(histories, delta.actions, cutoff, late);
        let labels = &impressions.labels[items];
        let count = |kind| count64(labels.iter().filter(|label| **label == kind).count());
        stats.histories.positives += count(Label::Yes);
        stats.histories.null_labels += count(Label::Null);
    }
    stats
}
