//! The plain path: histories as Arrow lists through parquet's own column writers.
//!
//! **In / Out**: a [`Block`], and its [`Timelines`] if rows share them → the column chunks of the columns of
//! histories. **Cost**: every history is materialized once per sample, a timeline once per customer, a slice
//! of [`SLICE_VALUES`] actions at a time, so that a row group of any size takes the same memory. **Why so**:
//! every codec and setting can take this path, and the direct path is tested against it. Arrow's `List`
//! measured twice as fast here as `FixedSizeList` (parquet 60.1, one core: 2.1–2.3 against 1.0–1.6 GB/s of
//! ids).

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, Int8Array, Int32Array, Int64Array, ListArray, PrimitiveArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, compute_leaves};
use parquet::errors::Result;

use super::columns::{ColumnSource, HistoryColumn};
use super::timelines::Timelines;
use super::{Block, BlockRow, Encoder, ItemColumn, check_cancelled};
use crate::ids::{ActionType, Micros, code8, index, offset32};
use crate::job::AttributeType;
use crate::kernel::attributes::float_of_key;
use crate::kernel::op::sequences::{History, seconds_before, seconds_since_1970};

/// Actions of a slice, approximately: 2 MB of ids stay in the second-level cache.
const SLICE_VALUES: usize = 1 << 19;

/// Writes the histories of a block into the writers of their columns, which are among those of all
/// columns.
pub(super) fn write<I: ItemColumn>(
    encoder: &Encoder<'_>,
    block: &Block<'_, I>,
    timelines: Option<&Timelines>,
    writers: &mut [ArrowColumnWriter],
) -> Result<()> {
    let mut slice = Slice::<I>::new(encoder);
    // One impression of many items and a long history can exceed a slice.
    let most = (SLICE_VALUES / index(encoder.spec.actions_max)).max(1);
    let mut picked = Vec::new();
    for (at, row) in block.rows.iter().enumerate() {
        let cutoff = block.probes.cutoffs[index(row.probe)];
        let (history, rows) = match timelines {
            Some(timelines) => (timelines.of_row(at).map(History::Picked), 1),
            None => {
                let histories = &block.histories[index(row.partition)];
                let max = encoder.spec.actions_max;
                let history = histories.history(index(row.probe), cutoff, max, &mut picked);
                (Some(history), encoder.spec.rows_of(row))
            }
        };
        let mut left = rows;
        while left > 0 {
            let rows = left.min(most);
            slice.add(encoder, block, row, history, rows);
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
    /// Where the list of each row ends.
    ends: Vec<i32>,
    /// Whether each row has a list.
    are_lists: Vec<bool>,
    /// Items of the histories, padded.
    actions: Vec<I>,
    /// Kinds of the same.
    kinds: Vec<i8>,
    /// The other columns of histories.
    numbers: Vec<(HistoryColumn, Numbers)>,
}

/// The values of a column of histories.
enum Numbers {
    /// Seconds to the cutoff, or keys of attributes.
    Narrow(Vec<i32>),
    /// Times.
    Wide(Vec<i64>),
}

impl<I: ItemColumn> Slice<I> {
    /// No histories.
    fn new(encoder: &Encoder<'_>) -> Slice<I> {
        let numbers = encoder.columns.iter();
        let numbers = numbers.filter_map(|column| match column.source {
            ColumnSource::Scalar(_)
            | ColumnSource::History(HistoryColumn::Items | HistoryColumn::Types) => None,
            ColumnSource::History(history @ (HistoryColumn::Seconds | HistoryColumn::Instant)) => {
                Some((history, Numbers::Wide(Vec::new())))
            }
            ColumnSource::History(history) => Some((history, Numbers::Narrow(Vec::new()))),
        });
        Slice {
            ends: Vec::new(),
            are_lists: Vec::new(),
            actions: Vec::new(),
            kinds: Vec::new(),
            numbers: numbers.collect(),
        }
    }

    /// Adds the history of an impression, padded, once for each of some of its rows; nothing if the rows have
    /// no list of their own.
    fn add(
        &mut self,
        encoder: &Encoder<'_>,
        block: &Block<'_, I>,
        row: &BlockRow,
        history: Option<History<'_>>,
        rows: usize,
    ) {
        let start = self.actions.len();
        if let Some(history) = history {
            self.put_actions(encoder, block, row, history);
        }
        let width = match history {
            Some(_) if encoder.spec.pad => index(encoder.spec.actions_max),
            Some(history) => history.count(),
            None => 0,
        };
        self.actions.resize(start + width, I::PADDING);
        self.kinds.resize(start + width, code8(ActionType(0)));
        // Fits 32 bits: `write` adds at most a slice of values, or one row, to less than a slice.
        self.ends.push(offset32(start + width));
        for (_, numbers) in &mut self.numbers {
            // The key of 0 is 0, whatever the number.
            match numbers {
                Numbers::Narrow(numbers) => fill(numbers, start, width, rows),
                Numbers::Wide(numbers) => fill(numbers, start, width, rows),
            }
        }
        for _ in 1..rows {
            self.actions.extend_from_within(start..start + width);
            self.kinds.extend_from_within(start..start + width);
            self.ends.push(offset32(self.actions.len()));
        }
        let now = self.are_lists.len() + rows;
        self.are_lists.resize(now, history.is_some());
    }

    /// Adds the actions of a history to all columns.
    fn put_actions(
        &mut self,
        encoder: &Encoder<'_>,
        block: &Block<'_, I>,
        row: &BlockRow,
        history: History<'_>,
    ) {
        let sorted = block.histories[index(row.partition)].sorted();
        let cutoff = block.probes.cutoffs[index(row.probe)];
        let is_forward = encoder.spec.oldest_first;
        put(
            history,
            is_forward,
            sorted.items(),
            |item| item,
            &mut self.actions,
        );
        put(history, is_forward, sorted.kinds(), code8, &mut self.kinds);
        for (column, numbers) in &mut self.numbers {
            let times = sorted.times();
            match (*column, numbers) {
                (HistoryColumn::Attribute(place, _), Numbers::Narrow(numbers)) => {
                    put(
                        history,
                        is_forward,
                        sorted.attribute(place),
                        |key| key,
                        numbers,
                    );
                }
                (_, Numbers::Narrow(numbers)) => {
                    let seconds = |time| seconds_before(time, cutoff);
                    put(history, is_forward, times, seconds, numbers);
                }
                (HistoryColumn::Instant, Numbers::Wide(numbers)) => {
                    put(history, is_forward, times, |Micros(time)| time, numbers);
                }
                (_, Numbers::Wide(numbers)) => {
                    put(history, is_forward, times, seconds_since_1970, numbers);
                }
            }
        }
    }

    /// Writes the rows and removes them.
    fn flush(&mut self, encoder: &Encoder<'_>, writers: &mut [ArrowColumnWriter]) -> Result<()> {
        let offsets: Vec<i32> = std::iter::once(0).chain(self.ends.drain(..)).collect();
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let are_lists = std::mem::take(&mut self.are_lists);
        // Only timelines have rows without a list; elsewhere the field takes no nulls.
        let nulls = are_lists
            .contains(&false)
            .then(|| NullBuffer::from(are_lists));
        // `Slice::new` took these columns from the same list, so they come in the same order.
        let mut numbers = self.numbers.iter_mut();
        let columns = encoder.columns.iter().zip(encoder.schema.fields());
        for ((column, field), writer) in columns.zip(writers) {
            let ColumnSource::History(history) = column.source else {
                continue;
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
                history => {
                    let (_, numbers) = numbers.next().expect("one for each such column");
                    array_of(history, numbers)
                }
            };
            let (element, offsets) = (column.element(), offsets.clone());
            let list: ArrayRef = Arc::new(ListArray::new(element, offsets, values, nulls.clone()));
            for leaf in compute_leaves(field, &list)? {
                writer.write(&leaf)?;
            }
        }
        Ok(())
    }
}

/// The numbers of a column, as Arrow has them. Arrow takes the memory of each slice, so it is not reused.
fn array_of(column: HistoryColumn, numbers: &mut Numbers) -> ArrayRef {
    match (column, numbers) {
        (HistoryColumn::Attribute(_, AttributeType::Float32), Numbers::Narrow(keys)) => {
            let floats = std::mem::take(keys).into_iter().map(float_of_key);
            Arc::new(Float32Array::from_iter_values(floats))
        }
        (_, Numbers::Narrow(numbers)) => Arc::new(Int32Array::from(std::mem::take(numbers))),
        (HistoryColumn::Instant, Numbers::Wide(times)) => {
            let times = TimestampMicrosecondArray::from(std::mem::take(times));
            Arc::new(times.with_timezone("UTC"))
        }
        (_, Numbers::Wide(seconds)) => Arc::new(Int64Array::from(std::mem::take(seconds))),
    }
}

/// Pads the row that begins at `start` to a width, and repeats it until there are so many rows.
fn fill<T: Clone + Copy + Default>(numbers: &mut Vec<T>, start: usize, width: usize, rows: usize) {
    numbers.resize(start + width, T::default());
    for _ in 1..rows {
        numbers.extend_from_within(start..start + width);
    }
}

/// Adds a value of each action of a history, from a column of all actions: newest first, or oldest first.
fn put<T: Copy, U>(
    history: History<'_>,
    is_oldest_first: bool,
    column: &[T],
    value: impl Fn(T) -> U,
    to: &mut Vec<U>,
) {
    match (history, is_oldest_first) {
        (History::Window(window), false) => {
            to.extend(column[window.range()].iter().rev().map(|of| value(*of)));
        }
        (History::Window(window), true) => {
            to.extend(column[window.range()].iter().map(|of| value(*of)));
        }
        (History::Picked(picked), false) => {
            to.extend(picked.iter().rev().map(|at| value(column[index(*at)])));
        }
        (History::Picked(picked), true) => {
            to.extend(picked.iter().map(|at| value(column[index(*at)])));
        }
    }
}
