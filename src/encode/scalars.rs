//! The scalar columns as Arrow arrays, for parquet's own column writers.
//!
//! **In / Out**: a [`Block`] and the [`HistoryDeltas`] of its histories → the array of any scalar column.
//! `direct::scalar_pages` is the direct path to the same.

use std::sync::Arc;

use arrow::array::builder::{
    BooleanBuilder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::array::{ArrayRef, BooleanArray, Float32Array, Int32Array, ListArray, PrimitiveArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::FieldRef;

use super::columns::{OutputColumn, Scalar};
use super::timelines::Timelines;
use super::{Block, BlockRow, ItemColumn};
use crate::encode::direct::history_deltas::{HistoryDelta, HistoryDeltas};
use crate::encode::passthrough;
use crate::ids::{Micros, index, offset32};
use crate::kernel::column::{Customer, Label};

/// Makes a column of a block.
pub(super) fn array<I: ItemColumn>(
    column: &OutputColumn<'_>,
    source: Scalar<'_>,
    block: &Block<'_, I>,
    deltas: &HistoryDeltas,
    timelines: Option<&Timelines>,
) -> ArrayRef {
    let impressions = &block.probes.impressions;
    let values: ArrayRef = match source {
        Scalar::Customer => customers(block, deltas),
        Scalar::Ranking => rankings(block, deltas),
        Scalar::Position => Arc::new(Int32Array::from(gather(block, &impressions.positions))),
        Scalar::Item => items(block),
        Scalar::Label => labels(block),
        Scalar::Cutoff => times(block, deltas, |row, _| {
            Some(block.probes.cutoffs[index(row.probe)])
        }),
        Scalar::LastActionTime => times(block, deltas, |_, delta| delta.newest),
        Scalar::HistoryLength => lengths(deltas),
        Scalar::HistoryStart => {
            let timelines = timelines.expect("only timelines have places");
            Arc::new(Int32Array::from(timelines.starts.clone()))
        }
        Scalar::Weight(of_negative) => {
            let labels = gather(block, &impressions.labels).into_iter();
            let weights = labels.map(|label| weight(label, of_negative));
            Arc::new(Float32Array::from_iter_values(weights))
        }
        Scalar::Passthrough(keep, place) => {
            let rows = deltas.all.iter().map(|delta| index(delta.rows));
            passthrough::array(block, keep, place, rows)
        }
    };
    if column.is_list {
        list(column.element(), block, values)
    } else {
        values
    }
}

/// The weight of a sample, given that of a negative.
pub(super) fn weight(label: Label, of_negative: f32) -> f32 {
    match label {
        Label::No => of_negative,
        // Without a label nobody knows whether a sample is negative, so it is never sampled away.
        Label::Yes | Label::Null => 1.0,
    }
}

/// The customers of the rows.
fn customers<I: ItemColumn>(block: &Block<'_, I>, deltas: &HistoryDeltas) -> ArrayRef {
    let customer = |row: &BlockRow| {
        let at = block.probes.rows[index(row.probe)];
        block.probes.impressions.customer(at)
    };
    let rows = block.rows.iter().zip(&deltas.all);
    if block.probes.impressions.has_text_ids() {
        let mut texts = StringBuilder::new();
        for (row, delta) in rows {
            let text = match customer(row) {
                Customer::Text(id) => Some(id),
                _ => None,
            };
            (0..delta.rows).for_each(|_| texts.append_option(text));
        }
        return Arc::new(texts.finish());
    }
    let mut ints = Int64Builder::new();
    for (row, delta) in rows {
        match customer(row) {
            Customer::Int(id) => ints.append_value_n(id, index(delta.rows)),
            _ => ints.append_nulls(index(delta.rows)),
        }
    }
    Arc::new(ints.finish())
}

/// The rankings that the rows belong to.
fn rankings<I: ItemColumn>(block: &Block<'_, I>, deltas: &HistoryDeltas) -> ArrayRef {
    let mut texts = StringBuilder::new();
    for (row, delta) in block.rows.iter().zip(&deltas.all) {
        let at = block.probes.rows[index(row.probe)];
        let ranking = block.probes.impressions.rankings.get(index(at));
        (0..delta.rows).for_each(|_| texts.append_value(ranking));
    }
    Arc::new(texts.finish())
}

/// The values of a column of items for the rows of a block.
fn gather<I: ItemColumn, T: Copy>(block: &Block<'_, I>, column: &[T]) -> Vec<T> {
    let rows = block.rows.iter();
    rows.flat_map(|row| &column[block.items(row)])
        .copied()
        .collect()
}

/// The items.
fn items<I: ItemColumn>(block: &Block<'_, I>) -> ArrayRef {
    let items = gather(block, &block.probes.impressions.items);
    let values = ScalarBuffer::from(items);
    Arc::new(PrimitiveArray::<I::Arrow>::new(values, None))
}

/// The labels of the items.
fn labels<I: ItemColumn>(block: &Block<'_, I>) -> ArrayRef {
    let mut labels = BooleanBuilder::new();
    for label in gather(block, &block.probes.impressions.labels) {
        labels.append_option(match label {
            Label::Null => None,
            Label::No => Some(false),
            Label::Yes => Some(true),
        });
    }
    let labels: BooleanArray = labels.finish();
    Arc::new(labels)
}

/// A list per impression of the values of its items.
fn list<I: ItemColumn>(element: FieldRef, block: &Block<'_, I>, values: ArrayRef) -> ArrayRef {
    let mut end = 0;
    let ends = block.rows.iter().map(|row| {
        end += block.items(row).len();
        offset32(end)
    });
    let offsets: Vec<i32> = std::iter::once(0).chain(ends).collect();
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Arc::new(ListArray::new(element, offsets, values, None))
}

/// A time that the rows of an impression share.
fn times<I: ItemColumn>(
    block: &Block<'_, I>,
    deltas: &HistoryDeltas,
    time: impl Fn(&BlockRow, &HistoryDelta) -> Option<Micros>,
) -> ArrayRef {
    let mut times = TimestampMicrosecondBuilder::new();
    for (row, delta) in block.rows.iter().zip(&deltas.all) {
        match time(row, delta) {
            Some(time) => times.append_value_n(time.0, index(delta.rows)),
            None => times.append_nulls(index(delta.rows)),
        }
    }
    Arc::new(times.finish().with_timezone("UTC"))
}

/// The lengths of the histories.
fn lengths(deltas: &HistoryDeltas) -> ArrayRef {
    let mut lengths = Int32Builder::new();
    for delta in &deltas.all {
        let count = offset32(index(delta.actions.count()));
        lengths.append_value_n(count, index(delta.rows));
    }
    Arc::new(lengths.finish())
}
