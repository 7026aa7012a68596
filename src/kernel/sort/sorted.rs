//! The sorted actions of a partition, as columns.
//!
//! **Invariants**: the actions of a customer are contiguous, oldest first; all columns that are there have as
//! many values.

use std::ops::Range;

use crate::ids::{ActionType, Item, Micros, count32, count64, index};
use crate::kernel::attributes::Landed;
use crate::kernel::event::EventRow;

/// The sorted actions of one partition. Only [`Unsorted::sort`](super::Unsorted::sort) makes one.
#[derive(Debug)]
pub(crate) struct Sorted<I> {
    /// Where the run of each customer starts; one more than there are customers.
    pub(super) run_starts: Vec<u32>,
    /// When the actions happened.
    pub(super) times: Vec<Micros>,
    pub(super) items: Vec<I>,
    pub(super) kinds: Vec<ActionType>,
    /// The last instant at which each was not known; empty if that is its time for all.
    pub(super) known_after: Vec<Micros>,
    /// The attributes, column by column, as keys.
    pub(super) attributes: Vec<Vec<i32>>,
    /// When they landed; empty if none landed late.
    pub(super) landed: Vec<Landed>,
}

/// The columns that not every partition has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionalColumns {
    /// Whether some action was known later than it happened.
    pub(crate) known_after: bool,
    /// Whether some action landed late.
    pub(crate) landed: bool,
    /// The number of attributes of an action.
    pub(crate) attributes: usize,
}

impl<I: Item> Sorted<I> {
    /// The run of a customer, counted from the first of the partition.
    #[inline]
    pub(crate) fn run(&self, local_key: usize) -> Range<u32> {
        self.run_starts[local_key]..self.run_starts[local_key + 1]
    }

    /// The number of customers.
    pub(crate) fn keys_count(&self) -> usize {
        self.run_starts.len() - 1
    }

    /// Times of all actions of the partition.
    pub(crate) fn times(&self) -> &[Micros] {
        &self.times
    }

    /// Items of all actions of the partition.
    pub(crate) fn items(&self) -> &[I] {
        &self.items
    }

    /// Kinds of all actions of the partition.
    pub(crate) fn kinds(&self) -> &[ActionType] {
        &self.kinds
    }

    /// The last instant at which each action was not known, or `None` if that is its time for all.
    pub(crate) fn known_after(&self) -> Option<&[Micros]> {
        (!self.known_after.is_empty()).then_some(&self.known_after[..])
    }

    /// An attribute of all actions of the partition, as keys.
    pub(crate) fn attribute(&self, column: usize) -> &[i32] {
        // A partition without actions has no columns of attributes.
        self.attributes.get(column).map_or(&[], Vec::as_slice)
    }

    /// When the actions landed, or `None` if none landed late.
    pub(crate) fn landed(&self) -> Option<&[Landed]> {
        (!self.landed.is_empty()).then_some(&self.landed[..])
    }

    /// Whether two actions have the same attributes.
    pub(crate) fn has_same_attributes(&self, one: usize, other: usize) -> bool {
        self.attributes.iter().all(|keys| keys[one] == keys[other])
    }

    /// Bytes of memory that the columns take.
    pub(crate) fn bytes(&self) -> u64 {
        let optional = OptionalColumns {
            known_after: !self.known_after.is_empty(),
            landed: !self.landed.is_empty(),
            attributes: self.attributes.len(),
        };
        Self::bytes_for(self.times.capacity(), optional)
    }

    /// Bytes of memory that the columns of so many rows will take.
    pub(crate) fn bytes_for(rows_count: usize, optional: OptionalColumns) -> u64 {
        let if_so = |is_so: bool, bytes: usize| if is_so { bytes } else { 0 };
        let late = if_so(optional.known_after, 8) + if_so(optional.landed, size_of::<Landed>());
        count64(rows_count * (8 + size_of::<I>() + 1 + late + 4 * optional.attributes))
    }

    /// Moves actions to a lower index of the columns. This invalidates the runs.
    pub(crate) fn move_down(&mut self, from: Range<u32>, to: u32) {
        self.move_rows(index(from.start)..index(from.end), index(to));
    }

    /// Moves rows of all columns to a lower index; gives the index after them.
    fn move_rows(&mut self, from: Range<usize>, to: usize) -> usize {
        if from.start != to {
            self.times.copy_within(from.clone(), to);
            self.items.copy_within(from.clone(), to);
            self.kinds.copy_within(from.clone(), to);
            for keys in &mut self.attributes {
                keys.copy_within(from.clone(), to);
            }
            if !self.known_after.is_empty() {
                self.known_after.copy_within(from.clone(), to);
            }
            if !self.landed.is_empty() {
                self.landed.copy_within(from.clone(), to);
            }
        }
        to + from.len()
    }

    /// Removes all actions from an index on, and frees their memory if that is a quarter or more.
    pub(crate) fn truncate(&mut self, count: u32) {
        let count = index(count);
        let is_worth_it = count < self.times.len() / 4 * 3; // Shrinking may copy the columns.
        self.truncate_rows(count);
        self.run_starts = Vec::new();
        if is_worth_it {
            self.landed.shrink_to_fit();
            self.attributes.iter_mut().for_each(Vec::shrink_to_fit);
            self.times.shrink_to_fit();
            self.items.shrink_to_fit();
            self.kinds.shrink_to_fit(); // `known_after` is empty: late actions are not compacted.
        }
    }

    /// Truncates all columns.
    fn truncate_rows(&mut self, count: usize) {
        self.times.truncate(count);
        self.items.truncate(count);
        self.kinds.truncate(count);
        self.known_after.truncate(count);
        self.attributes
            .iter_mut()
            .for_each(|keys| keys.truncate(count));
        self.landed.truncate(count);
    }

    /// Removes repeated actions: of those of a customer with the same time, kind and item, only the
    /// first in the total order stays. Gives the number of removed actions.
    pub(crate) fn drop_repeats(&mut self) -> u64 {
        let mut run_starts = std::mem::take(&mut self.run_starts);
        let (mut start, mut kept) = (0_usize, 0_usize);
        for run_end in &mut run_starts[1..] {
            let end = index(*run_end);
            for at in start + 1..end {
                // The row before has not been overwritten: rows only move down.
                let is_repeat = self.times[at] == self.times[at - 1]
                    && self.kinds[at] == self.kinds[at - 1]
                    && self.items[at] == self.items[at - 1];
                if is_repeat {
                    kept = self.move_rows(start..at, kept);
                    start = at + 1;
                }
            }
            kept = self.move_rows(start..end, kept);
            start = end;
            *run_end = count32(kept);
        }
        self.run_starts = run_starts;
        let gone = self.times.len() - kept;
        self.truncate_rows(kept);
        count64(gone)
    }

    /// Adds an action to the columns.
    #[inline]
    pub(super) fn push(&mut self, row: EventRow<I>) {
        self.times.push(row.time);
        self.items.push(row.item);
        self.kinds.push(row.kind());
    }
}
