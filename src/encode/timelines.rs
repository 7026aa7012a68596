//! The timelines of a block: of each customer the actions that its histories have, each once.
//!
//! ```text
//! timeline of a customer   9 8 7 6 5 4 3 2 1      newest first, in the first of its rows
//! row 1                        └─────────┘        history_start 2, history_length 5
//! row 2                    └───────────┘          history_start 0, history_length 6
//! ```
//! **In / Out**: the windows of a block → a timeline for the first row of each customer, and for each row
//! the place of its history in it. **Invariants**: a timeline has no action that no history of these rows
//! has; each history is a range of it. A row group has all that its rows need, so a customer whose rows
//! continue in the next one has a timeline there, too. **Why so**: with a cutoff per impression, histories
//! of a customer are nearly the same, and written out each takes its full length.

use std::ops::Range;

use super::{Block, BlockRow};
use crate::encode::direct::history_deltas::HistoryDeltas;
use crate::ids::{Item, index, offset32};
use crate::kernel::column::Customer;
use crate::kernel::sweep::Window;

/// The timelines of a block.
pub(super) struct Timelines {
    /// Indices into the columns of the partition, timeline by timeline, oldest first.
    places: Vec<u32>,
    /// The timeline of each row that begins one.
    of_rows: Vec<Option<Range<usize>>>,
    /// The place of the history of each row in the timeline.
    pub(super) starts: Vec<i32>,
}

impl Timelines {
    /// The timelines of a block, whose histories are ranges.
    pub(super) fn new<I: Item>(
        block: &Block<'_, I>,
        deltas: &HistoryDeltas,
        is_oldest_first: bool,
    ) -> Timelines {
        let mut timelines = Timelines {
            places: Vec::new(),
            of_rows: Vec::new(),
            starts: Vec::new(),
        };
        let customer = |row: &BlockRow| {
            let impressions = &block.probes.impressions;
            impressions.customer(block.probes.rows[index(row.probe)])
        };
        // Each guest is somebody else.
        let is_same = |one: &BlockRow, next: &BlockRow| {
            customer(one) == customer(next) && customer(one) != Customer::Guest
        };
        let mut windows = deltas.all.iter().map(|delta| delta.actions);
        for rows in block.rows.chunk_by(is_same) {
            let windows: Vec<Window> = windows.by_ref().take(rows.len()).collect();
            timelines.add(&windows, is_oldest_first);
        }
        timelines
    }

    /// Adds the timeline of the rows of one customer.
    fn add(&mut self, windows: &[Window], is_oldest_first: bool) {
        let first = self.places.len();
        let mut ascending: Vec<Window> = windows.to_vec();
        // Cutoffs ascend, but where clocks go back a lookback may begin earlier than the one before.
        ascending.sort_by_key(|window| window.start);
        let mut end = 0;
        for window in ascending {
            self.places
                .extend(window.start.max(end)..window.end.max(end));
            end = end.max(window.end);
        }
        let own = &self.places[first..];
        let starts = windows.iter().map(|window| {
            let before = |bound: u32| own.partition_point(|place| *place < bound);
            let start = match is_oldest_first {
                _ if window.count() == 0 => 0,
                true => before(window.start),
                false => own.len() - before(window.end),
            };
            offset32(start)
        });
        self.starts.extend(starts);
        let rows = self.of_rows.len() + windows.len();
        self.of_rows.push(Some(first..self.places.len()));
        self.of_rows.resize(rows, None);
    }

    /// The actions of the timeline that a row begins, oldest first.
    pub(super) fn of_row(&self, row: usize) -> Option<&[u32]> {
        let places = self.of_rows[row].clone()?;
        Some(&self.places[places])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The timeline of some windows, and their places in it.
    fn timeline(windows: &[(u32, u32)], is_oldest_first: bool) -> (Vec<u32>, Vec<i32>) {
        let mut all = Timelines {
            places: vec![7],
            of_rows: vec![Some(0..1)],
            starts: vec![0],
        };
        let windows: Vec<Window> = windows
            .iter()
            .map(|(start, end)| Window {
                start: *start,
                end: *end,
            })
            .collect();
        all.add(&windows, is_oldest_first);
        assert!((2..=windows.len()).all(|row| all.of_row(row).is_none()));
        let own = all.of_row(1).expect("the first has it").to_vec();
        (own, all.starts[1..].to_vec())
    }

    #[test]
    fn a_timeline_has_each_action_once() {
        let windows = [(0, 3), (2, 5), (2, 5), (5, 5), (8, 10), (4, 9)];
        let (places, starts) = timeline(&windows, false);
        assert_eq!(places, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(starts, [7, 5, 5, 0, 0, 1]);
        let (places, starts) = timeline(&windows, true);
        assert_eq!(places, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(starts, [0, 2, 2, 0, 8, 4]);
    }

    #[test]
    fn a_timeline_leaves_out_what_no_history_has() {
        let (places, starts) = timeline(&[(1, 3), (6, 8)], false);
        assert_eq!(places, [1, 2, 6, 7]);
        assert_eq!(starts, [2, 0]);
        assert_eq!(timeline(&[(4, 4)], true), (vec![], vec![0]));
    }
}
