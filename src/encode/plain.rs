//! The plain path: Arrow arrays through parquet's own column writers.
//!
//! **In / Out**: a [`Block`] → column chunks. **Cost**: every history is written out once per
//! sample, a slice of [`SLICE_VALUES`] actions at a time, so that a row group of any size takes
//! the same memory. **Why so**: it is the path that every codec and setting can take, and what
//! a faster path is compared with. Arrow's `List` measured twice as fast here as
//! `FixedSizeList` (parquet 60.1, one core: 2.1–2.3 against 1.0–1.6 GB/s of ids).

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int8Array, Int32Array, Int64Array, ListArray, PrimitiveArray,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, FieldRef};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, compute_leaves};
use parquet::errors::Result;

use crate::column::{Customer, Label};
use crate::encode::{Block, BlockRow, Encoder, ItemColumn, RowGroup, RowTally};
use crate::ids::{Kind, Micros, code8, count64, index, offset32};
use crate::job::Layout;
use crate::op::sequences::History;

/// Actions of a slice, about: 2 MB of ids stay in the second-level cache.
const SLICE_VALUES: usize = 1 << 19;

/// Encodes a block.
pub(super) fn encode<I: ItemColumn>(
    encoder: &Encoder<'_>,
    block: &Block<'_, I>,
) -> Result<RowGroup> {
    let mut writers = encoder.factory.create_column_writers(0)?;
    let mut slice = Slice::<I>::default();
    let (mut rows, mut tally) = (0, RowTally::default());
    let slice_rows = (SLICE_VALUES / index(encoder.job.actions_max)).max(1);
    for row in &block.rows {
        tally.merge(&slice.add(encoder, block, row));
        if slice.rows() >= slice_rows {
            rows += slice.flush(encoder, &mut writers)?;
        }
    }
    rows += slice.flush(encoder, &mut writers)?;
    let chunks = writers
        .into_iter()
        .map(ArrowColumnWriter::close)
        .collect::<Result<_>>()?;
    Ok(RowGroup {
        rows,
        tally,
        chunks,
    })
}

/// Rows of the output, column by column, as many as are written at a time.
struct Slice<I> {
    /// Customers with integer ids.
    customer_ints: Vec<Option<i64>>,
    /// Customers with text ids.
    customer_texts: Vec<Option<String>>,
    /// Rankings.
    rankings: Vec<String>,
    /// Places in the ranking; layout `sample`.
    positions: Vec<i32>,
    /// Shown items: one a row in layout `sample`, any number in layout `request`.
    items: Vec<I>,
    /// Their labels.
    labels: Vec<Option<bool>>,
    /// Where the items of each row end; layout `request`.
    item_ends: Vec<i32>,
    /// Cutoffs.
    cutoffs: Vec<i64>,
    /// Times of the newest actions.
    last_times: Vec<Option<i64>>,
    /// Lengths of the histories.
    lengths: Vec<i32>,
    /// Where the history of each row ends.
    action_ends: Vec<i32>,
    /// Items of the histories, newest first, padded.
    actions: Vec<I>,
    /// Kinds of the same.
    kinds: Vec<i8>,
    /// Scratch of histories that do not lie side by side.
    picked: Vec<u32>,
}

impl<I> Default for Slice<I> {
    fn default() -> Slice<I> {
        Slice {
            customer_ints: Vec::new(),
            customer_texts: Vec::new(),
            rankings: Vec::new(),
            positions: Vec::new(),
            items: Vec::new(),
            labels: Vec::new(),
            item_ends: Vec::new(),
            cutoffs: Vec::new(),
            last_times: Vec::new(),
            lengths: Vec::new(),
            action_ends: Vec::new(),
            actions: Vec::new(),
            kinds: Vec::new(),
            picked: Vec::new(),
        }
    }
}

impl<I: ItemColumn> Slice<I> {
    /// The number of rows.
    fn rows(&self) -> usize {
        self.cutoffs.len()
    }

    /// Adds the rows of one probe.
    fn add(&mut self, encoder: &Encoder<'_>, block: &Block<'_, I>, row: &BlockRow) -> RowTally {
        let job = encoder.job;
        let impressions = &block.probes.impressions;
        let at = block.probes.rows[index(row.probe)];
        let items = block.items(row);
        let copies = match job.layout {
            Layout::Sample => items.len(),
            Layout::Request => 1,
        };
        let (last_time, length) = self.add_history(encoder, block, row, copies);
        let (int, text) = match impressions.customer(at) {
            Customer::Guest => (None, None),
            Customer::Int(id) => (Some(id), None),
            Customer::Text(id) => (None, Some(id.to_owned())),
        };
        let ranking = impressions.rankings.get(index(at));
        for _ in 0..copies {
            if impressions.has_text_ids() {
                self.customer_texts.push(text.clone());
            } else {
                self.customer_ints.push(int);
            }
            self.rankings.push(ranking.to_owned());
            self.cutoffs.push(block.probes.cutoffs[index(row.probe)].0);
            self.last_times.push(last_time.map(|time| time.0));
            self.lengths.push(offset32(length));
        }
        self.positions
            .extend_from_slice(&impressions.positions[items.clone()]);
        self.items
            .extend_from_slice(&impressions.items[items.clone()]);
        let labels = impressions.labels[items.clone()].iter();
        self.labels.extend(labels.map(|label| match label {
            Label::Null => None,
            Label::No => Some(false),
            Label::Yes => Some(true),
        }));
        self.item_ends.push(offset32(self.items.len()));
        let mut tally = RowTally::default();
        let is_last = index(row.items_end) == impressions.items_of(at).len();
        tally.add(items.len(), length, job.actions_max, is_last);
        tally
    }

    /// Adds the history of a probe, newest first, padded, some times over.
    fn add_history(
        &mut self,
        encoder: &Encoder<'_>,
        block: &Block<'_, I>,
        row: &BlockRow,
        copies: usize,
    ) -> (Option<Micros>, usize) {
        let job = encoder.job;
        let histories = &block.histories[index(row.partition)];
        let sorted = histories.sorted();
        let cutoff = block.probes.cutoffs[index(row.probe)];
        let max = job.actions_max;
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
        let length = history.count();
        let newest = history.newest().map(|at| sorted.times()[at]);
        let width = if job.pad { index(max) } else { length };
        self.actions.resize(start + width, I::PADDING);
        self.kinds.resize(start + width, code8(Kind(0)));
        for copy in 0..copies {
            if copy > 0 {
                self.actions.extend_from_within(start..start + width);
                self.kinds.extend_from_within(start..start + width);
            }
            self.action_ends.push(offset32(start + (copy + 1) * width));
        }
        (newest, length)
    }

    /// Writes the rows and forgets them; gives their number.
    fn flush(&mut self, encoder: &Encoder<'_>, writers: &mut [ArrowColumnWriter]) -> Result<u64> {
        let rows = count64(self.rows());
        let columns = self.columns(encoder);
        let batch = RecordBatch::try_new(Arc::clone(&encoder.schema), columns)?;
        let mut writers = writers.iter_mut();
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            for leaf in compute_leaves(field, column)? {
                writers.next().expect("a writer per leaf").write(&leaf)?;
            }
        }
        Ok(rows)
    }

    /// The columns, in the order of the schema; leaves the slice empty.
    fn columns(&mut self, encoder: &Encoder<'_>) -> Vec<ArrayRef> {
        let taken = std::mem::take(self);
        let schema = &encoder.schema;
        let is_text = schema.field(0).data_type() == &DataType::Utf8;
        let rows = taken.cutoffs.len();
        let customers: ArrayRef = match is_text {
            true => Arc::new(StringArray::from(taken.customer_texts)),
            false => Arc::new(Int64Array::from(taken.customer_ints)),
        };
        let items: ArrayRef = Arc::new(PrimitiveArray::<I::Arrow>::from_iter_values(taken.items));
        let labels: ArrayRef = Arc::new(BooleanArray::from(taken.labels));
        let mut columns = vec![
            customers,
            Arc::new(StringArray::from(taken.rankings)) as ArrayRef,
        ];
        match encoder.job.layout {
            Layout::Sample => {
                columns.extend([
                    Arc::new(Int32Array::from(taken.positions)) as _,
                    items,
                    labels,
                ]);
            }
            Layout::Request => columns.extend([
                list(element_of(encoder, 2), &taken.item_ends, items),
                list(element_of(encoder, 3), &taken.item_ends, labels),
            ]),
        }
        let instants = |times: TimestampMicrosecondArray| Arc::new(times.with_timezone("UTC"));
        let actions = Arc::new(PrimitiveArray::<I::Arrow>::from_iter_values(taken.actions));
        let kinds = Arc::new(Int8Array::from(taken.kinds));
        let last = schema.fields().len() - 1;
        columns.extend([
            instants(TimestampMicrosecondArray::from(taken.cutoffs)) as ArrayRef,
            instants(TimestampMicrosecondArray::from(taken.last_times)),
            Arc::new(Int32Array::from(taken.lengths)),
            list(element_of(encoder, last - 1), &taken.action_ends, actions),
            list(element_of(encoder, last), &taken.action_ends, kinds),
        ]);
        debug_assert!(columns.iter().all(|column| column.len() == rows));
        columns
    }
}

/// The element of a list column of the schema.
fn element_of(encoder: &Encoder<'_>, column: usize) -> FieldRef {
    match encoder.schema.field(column).data_type() {
        DataType::List(element) => Arc::clone(element),
        other => unreachable!("column {column} is no list but {other}"),
    }
}

/// A list column from the ends of its rows.
fn list(element: FieldRef, ends: &[i32], values: ArrayRef) -> ArrayRef {
    let offsets: Vec<i32> = std::iter::once(0).chain(ends.iter().copied()).collect();
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Arc::new(ListArray::new(element, offsets, values, None))
}
