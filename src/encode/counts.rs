//! Blocks to counts: what the rows of a block hold, found where they are made.
//!
//! **In / Out**: a [`Block`] and the [`HistoryDeltas`] of its histories → a [`RowStats`]. **Cost**: a history
//! is looked at once, however many impressions share it, and labels are one byte each.

use super::Block;
use crate::encode::direct::history_deltas::HistoryDeltas;
use crate::ids::{ActionType, Item, count64, index};
use crate::kernel::column::Label;
use crate::kernel::history_stats::{Asked, Contents, HistoryStats};

/// What the rows of a block hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowStats {
    /// Impressions that end in the block.
    pub(crate) impressions: u64,
    /// What the histories of all samples hold.
    pub(crate) histories: HistoryStats,
}

impl RowStats {
    /// Adds the counts of another block.
    pub(crate) fn merge(&mut self, other: &RowStats) {
        self.impressions += other.impressions;
        self.histories.merge(&other.histories);
    }
}

/// What the rows of a block hold, whose histories have `actions_max` actions at most.
pub(super) fn tally_of<I: Item>(
    actions_max: u32,
    block: &Block<'_, I>,
    shapes: &HistoryDeltas,
    contents: &mut Contents,
) -> RowStats {
    let mut tally = RowStats::default();
    let impressions = &block.probes.impressions;
    let kinds = block.histories.iter().map(|histories| histories.kinds());
    let kinds: Vec<Vec<ActionType>> = kinds.collect();
    for (at, (row, shape)) in block.rows.iter().zip(&shapes.all).enumerate() {
        let partition = index(shape.partition);
        let histories = &*block.histories[partition];
        // What is alike in all holds the same, unless an action stands for another of another time.
        let is_new = at == 0 || shape.fresh > 0 || !shape.ends_alike;
        if is_new || histories.passes_over() {
            let sorted = (histories, &kinds[partition][..]);
            shapes.contents(sorted, shape.actions, contents);
        }
        let items = block.items(row);
        let cutoff = block.probes.cutoffs[index(row.probe)];
        let of_probe = impressions.items_of(block.probes.rows[index(row.probe)]);
        let (length, samples) = (index(shape.actions.count()), count64(items.len()));
        let asked = Asked {
            samples,
            length,
            is_full: length == index(actions_max),
            newest_age_us: shape.newest.map(|newest| cutoff.0.abs_diff(newest.0)),
        };
        tally.impressions += u64::from(items.end == of_probe.end);
        tally.histories.add(asked, contents);
        let late = |slot| tally.histories.add_late(slot, samples);
        shapes.find_late(histories, (shape.actions, cutoff), late);
        let labels = &impressions.labels[items];
        let count = |kind| count64(labels.iter().filter(|label| **label == kind).count());
        tally.histories.positives += count(Label::Yes);
        tally.histories.null_labels += count(Label::Null);
    }
    tally
}
