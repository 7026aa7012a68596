//! The columns beside the histories, as Arrow arrays for parquet's own column writers.
//!
//! **In / Out**: a [`Block`] and the [`HistoryDeltas`] of its histories → the array of any column that is none
//! of histories. `beside` is the direct path to the same.

use std::sync::Arc;

use arrow::array::builder::{
    BooleanBuilder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::array::{ArrayRef, BooleanArray, Float32Array, Int32Array, ListArray, PrimitiveArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::FieldRef;

use super::columns::{Column, Scalar};
use super::{Block, BlockRow, ItemColumn};
use crate::encode::direct::history_deltas::{HistoryDelta, HistoryDeltas};
use crate::encode::passthrough;
use crate::ids::{Micros, index, offset32};
use crate::kernel::column::{Customer, Label};

/// Makes a column of a block.
pub(super) fn array<I: ItemColumn>(
    column: &Column<'_>,
    holds: Scalar<'_>,
    (block, shapes): (&Block<'_, I>, &HistoryDeltas),
) -> ArrayRef {
    let impressions = &block.probes.impressions;
    let values: ArrayRef = match holds {
        Scalar::Customer => customers(block, shapes),
        Scalar::Ranking => rankings(block, shapes),
        Scalar::Position => Arc::new(Int32Array::from(gather(block, &impressions.positions))),
        Scalar::Item => items(block),
        Scalar::Label => labels(block),
        Scalar::Cutoff => times(block, shapes, |row, _| {
            Some(block.probes.cutoffs[index(row.probe)])
        }),
        Scalar::LastActionTime => times(block, shapes, |_, shape| shape.newest),
        Scalar::HistoryLength => lengths(shapes),
        Scalar::Weight(of_negative) => {
            let labels = gather(block, &impressions.labels).into_iter();
            let weights = labels.map(|label| weight(label, of_negative));
            Arc::new(Float32Array::from_iter_values(weights))
        }
        Scalar::Passthrough(keep, place) => {
            let rows = shapes.all.iter().map(|shape| index(shape.rows));
            passthrough::array(block, (keep, place), rows)
        }
    };
    match column.is_list {
        true => list(column.element(), block, values),
        false => values,
    }
}

/// The weight of a sample, given that of a negative.
pub(super) fn weight(label: Label, of_negative: f32) -> f32 {
    match label {
        Label::No => of_negative,
        Label::Yes | Label::Null => 1.0,
    }
}

/// Whom the rows were shown to.
fn customers<I: ItemColumn>(block: &Block<'_, I>, shapes: &HistoryDeltas) -> ArrayRef {
    let customer = |row: &BlockRow| {
        let at = block.probes.rows[index(row.probe)];
        block.probes.impressions.customer(at)
    };
    let rows = block.rows.iter().zip(&shapes.all);
    if block.probes.impressions.has_text_ids() {
        let mut texts = StringBuilder::new();
        for (row, shape) in rows {
            let text = match customer(row) {
                Customer::Text(id) => Some(id),
                _ => None,
            };
            (0..shape.rows).for_each(|_| texts.append_option(text));
        }
        return Arc::new(texts.finish());
    }
    let mut ints = Int64Builder::new();
    for (row, shape) in rows {
        match customer(row) {
            Customer::Int(id) => ints.append_value_n(id, index(shape.rows)),
            _ => ints.append_nulls(index(shape.rows)),
        }
    }
    Arc::new(ints.finish())
}

/// The rankings that the rows belong to.
fn rankings<I: ItemColumn>(block: &Block<'_, I>, shapes: &HistoryDeltas) -> ArrayRef {
    let mut texts = StringBuilder::new();
    for (row, shape) in block.rows.iter().zip(&shapes.all) {
        let at = block.probes.rows[index(row.probe)];
        let ranking = block.probes.impressions.rankings.get(index(at));
        (0..shape.rows).for_each(|_| texts.append_value(ranking));
    }
    Arc::new(texts.finish())
}

/// What a column of shown items holds for the rows of a block.
fn gather<I: ItemColumn, T: Copy>(block: &Block<'_, I>, column: &[T]) -> Vec<T> {
    let rows = block.rows.iter();
    rows.flat_map(|row| &column[block.items(row)])
        .copied()
        .collect()
}

/// The shown items.
fn items<I: ItemColumn>(block: &Block<'_, I>) -> ArrayRef {
    let items = gather(block, &block.probes.impressions.items);
    let values = ScalarBuffer::from(items);
    Arc::new(PrimitiveArray::<I::Arrow>::new(values, None))
}

/// Their labels.
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

/// A list per impression of what there is per shown item.
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
    shapes: &HistoryDeltas,
    time: impl Fn(&BlockRow, &HistoryDelta) -> Option<Micros>,
) -> ArrayRef {
    let mut times = TimestampMicrosecondBuilder::new();
    for (row, shape) in block.rows.iter().zip(&shapes.all) {
        match time(row, shape) {
            Some(time) => times.append_value_n(time.0, index(shape.rows)),
            None => times.append_nulls(index(shape.rows)),
        }
    }
    Arc::new(times.finish().with_timezone("UTC"))
}

/// The lengths of the histories.
fn lengths(shapes: &HistoryDeltas) -> ArrayRef {
    let mut lengths = Int32Builder::new();
    for shape in &shapes.all {
        let count = offset32(index(shape.actions.count()));
        lengths.append_value_n(count, index(shape.rows));
    }
    Arc::new(lengths.finish())
}
