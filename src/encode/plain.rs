//! The plain path: histories as Arrow lists through parquet's own column writers.
//!
//! **In / Out**: a [`Block`] → the column chunks of the columns of histories. **Cost**: every history
//! is materialized once per sample, a slice of [`SLICE_VALUES`] actions at a time, so that a row group
//! of any size takes the same memory. **Why so**: every codec and setting can take this path, and the
//! direct path is tested against it. Arrow's `List` measured twice as fast here as `FixedSizeList`
//! (parquet 60.1, one core: 2.1–2.3 against 1.0–1.6 GB/s of ids).

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int8Array, Int32Array, ListArray, PrimitiveArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, compute_leaves};
use parquet::errors::Result;

use super::columns::{ColumnSource, HistoryColumn};
use super::{Block, BlockRow, Encoder, ItemColumn, check_cancelled};
use crate::ids::{ActionType, code8, index, offset32};
use crate::job::{AttributeType, Layout};
use crate::kernel::attributes::float_of_key;
use crate::kernel::op::sequences::{History, seconds_before};

/// Actions of a slice, approximately: 2 MB of ids stay in the second-level cache.
const SLICE_VALUES: usize = 1 << 19;

/// Writes the histories of a block into the writers of their columns, which are among those of all
/// columns.
pub(super) fn write<I: ItemColumn>(
    encoder: &Encoder<'_>,
    block: &Block<'_, I>,
    writers: &mut [ArrowColumnWriter],
) -> Result<()> {
    let mut slice = Slice::<I>::new(encoder);
    // One impression of many items and a long history can exceed a slice.
    let most = (SLICE_VALUES / index(encoder.spec.actions_max)).max(1);
    for row in &block.rows {
        // As many rows as `HistoryDelta::rows` on the direct path: both paths must write equal
        // values.
        let mut left = match encoder.spec.layout {
            Layout::Sample => block.items(row).len(),
            Layout::Request => 1,
        };
        while left > 0 {
            let rows = left.min(most);
            slice.add(encoder, block, row, rows);
            left -= rows;
            if slice.actions.len() >= SLICE_VALUES {
                check_cancelled(encoder.context)?;
                slice.flush(encoder, writers)?;
            }
        }
    }
    slice.flush(encoder, writers)
}

/// The histories that are written at a time.
struct Slice<I> {
    /// Where the history of each row ends.
    ends: Vec<i32>,
    /// Items of the histories, newest first, padded.
    actions: Vec<I>,
    /// Kinds of the same.
    kinds: Vec<i8>,
    /// The other columns of histories: seconds, or keys of attributes.
    numbers: Vec<(HistoryColumn, Vec<i32>)>,
    /// Scratch: a history that is not a range.
    picked: Vec<u32>,
}

impl<I: ItemColumn> Slice<I> {
    /// No histories.
    fn new(encoder: &Encoder<'_>) -> Slice<I> {
        let numbers = encoder
            .columns
            .iter()
            .filter_map(|column| match column.source {
                ColumnSource::Scalar(_)
                | ColumnSource::History(HistoryColumn::Items | HistoryColumn::Types) => None,
                ColumnSource::History(history) => Some((history, Vec::new())),
            });
        Slice {
            ends: Vec::new(),
            actions: Vec::new(),
            kinds: Vec::new(),
            numbers: numbers.collect(),
            picked: Vec::new(),
        }
    }

    /// Adds the history of an impression, newest first, padded, once for each of some of its rows.
    fn add(&mut self, encoder: &Encoder<'_>, block: &Block<'_, I>, row: &BlockRow, rows: usize) {
        let spec = &encoder.spec;
        let histories = &block.histories[index(row.partition)];
        let sorted = histories.sorted();
        let cutoff = block.probes.cutoffs[index(row.probe)];
        let max = spec.actions_max;
        let history = histories.history(index(row.probe), cutoff, max, &mut self.picked);
        let start = self.actions.len();
        match history {
            History::Window(window) => {
                let range = window.range();
                self.actions
                    .extend(sorted.items()[range.clone()].iter().rev());
                self.kinds
                    .extend(sorted.kinds()[range].iter().rev().map(|kind| code8(*kind)));
            }
            History::Picked(picked) => {
                let newest_first = || picked.iter().rev().map(|at| index(*at));
                self.actions
                    .extend(newest_first().map(|at| sorted.items()[at]));
                let kinds = newest_first().map(|at| code8(sorted.kinds()[at]));
                self.kinds.extend(kinds);
            }
        }
        for (column, numbers) in &mut self.numbers {
            match *column {
                HistoryColumn::Attribute(place, _) => {
                    let keys = sorted.attribute(place);
                    put(&history, |at| keys[at], numbers);
                }
                _ => {
                    let times = sorted.times();
                    put(&history, |at| seconds_before(times[at], cutoff), numbers);
                }
            }
        }
        let width = if spec.pad {
            index(max)
        } else {
            history.count()
        };
        self.actions.resize(start + width, I::PADDING);
        self.kinds.resize(start + width, code8(ActionType(0)));
        // Fits 32 bits: `write` adds at most a slice of values, or one row, to less than a slice.
        self.ends.push(offset32(start + width));
        for (_, numbers) in &mut self.numbers {
            // The key of 0 is 0, whatever the number.
            numbers.resize(start + width, 0);
            for _ in 1..rows {
                numbers.extend_from_within(start..start + width);
            }
        }
        for _ in 1..rows {
            self.actions.extend_from_within(start..start + width);
            self.kinds.extend_from_within(start..start + width);
            self.ends.push(offset32(self.actions.len()));
        }
    }

    /// Writes the rows and removes them.
    fn flush(&mut self, encoder: &Encoder<'_>, writers: &mut [ArrowColumnWriter]) -> Result<()> {
        let offsets: Vec<i32> = std::iter::once(0).chain(self.ends.drain(..)).collect();
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        // `Slice::new` took these columns from the same list, so they come in the same order.
        let mut numbers = self.numbers.iter_mut();
        let columns = encoder.columns.iter().zip(encoder.schema.fields());
        for ((column, field), writer) in columns.zip(writers) {
            let ColumnSource::History(history) = column.source else {
                continue;
            };
            let mut numbers = || {
                // Arrow takes the memory of each slice, so it is not reused.
                let (_, numbers) = numbers.next().expect("one for each such column");
                std::mem::take(numbers)
            };
            let values: ArrayRef = match history {
                HistoryColumn::Items => {
                    let actions = ScalarBuffer::from(std::mem::take(&mut self.actions));
                    Arc::new(PrimitiveArray::<I::Arrow>::new(actions, None))
                }
                HistoryColumn::Types => {
                    let kinds = ScalarBuffer::from(std::mem::take(&mut self.kinds));
                    Arc::new(Int8Array::new(kinds, None))
                }
                HistoryColumn::Attribute(_, AttributeType::Float32) => {
                    let floats = numbers().into_iter().map(float_of_key);
                    Arc::new(Float32Array::from_iter_values(floats))
                }
                HistoryColumn::TimeDelta | HistoryColumn::Attribute(_, AttributeType::Int32) => {
                    Arc::new(Int32Array::from(numbers()))
                }
            };
            let (element, offsets) = (column.element(), offsets.clone());
            let list: ArrayRef = Arc::new(ListArray::new(element, offsets, values, None));
            for leaf in compute_leaves(field, &list)? {
                writer.write(&leaf)?;
            }
        }
        Ok(())
    }
}

/// Adds a number of each action of a history, newest first.
fn put(history: &History<'_>, number: impl Fn(usize) -> i32, to: &mut Vec<i32>) {
    match history {
        History::Window(window) => to.extend(window.range().rev().map(number)),
        History::Picked(picked) => {
            let newest_first = picked.iter().rev();
            to.extend(newest_first.map(|at| number(index(*at))));
        }
    }
}
