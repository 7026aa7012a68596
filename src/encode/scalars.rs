//! The columns beside the histories, as Arrow arrays for parquet's own column writers.
//!
//! **In / Out**: a [`Block`] and the [`Shapes`] of its histories → the columns of the schema before
//! those of the histories, and those behind them, in order. `beside` is the direct path to the same.

use std::sync::Arc;

use arrow::array::builder::{
    BooleanBuilder, Int32Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::array::{ArrayRef, BooleanArray, Float32Array, Int32Array, ListArray, PrimitiveArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, FieldRef};

use super::shapes::Shapes;
use super::{Block, BlockRow, Encoder, ItemColumn, carried};
use crate::column::{Customer, Label};
use crate::ids::{index, offset32};
use crate::job::Layout;

/// Makes the columns of a block that come before its histories.
pub(super) fn columns_before<I: ItemColumn>(
    encoder: &Encoder<'_>,
    block: &Block<'_, I>,
    shapes: &Shapes,
) -> Vec<ArrayRef> {
    let mut columns = vec![customers(block, shapes), rankings(block, shapes)];
    match encoder.job.layout {
        Layout::Sample => {
            let positions = gather(block, &block.probes.impressions.positions);
            columns.push(Arc::new(Int32Array::from(positions)) as ArrayRef);
            columns.push(items(block));
            columns.push(labels(block));
        }
        Layout::Request => {
            columns.push(list(encoder.element_of(2), block, items(block)));
            columns.push(list(encoder.element_of(3), block, labels(block)));
        }
    }
    columns.extend(times_and_lengths(block, shapes));
    columns
}

/// Makes the columns of a block that come behind its histories.
pub(super) fn columns_behind<I: ItemColumn>(
    encoder: &Encoder<'_>,
    block: &Block<'_, I>,
    shapes: &Shapes,
) -> Vec<ArrayRef> {
    let mut columns = Vec::new();
    if let Some(of_negative) = encoder.job.negative_weight() {
        let labels = gather(block, &block.probes.impressions.labels);
        let weights = labels.into_iter().map(|label| weight(label, of_negative));
        let weights: ArrayRef = Arc::new(Float32Array::from_iter_values(weights));
        columns.push(match encoder.job.layout {
            Layout::Sample => weights,
            Layout::Request => {
                let at = encoder
                    .schema
                    .index_of("weight")
                    .expect("there are weights");
                list(encoder.element_of(at), block, weights)
            }
        });
    }
    let (rows, layout) = (
        shapes.all.iter().map(|of| index(of.rows)),
        encoder.job.layout,
    );
    for (keep, column) in carried::placed(encoder.job) {
        let values = carried::array(block, (keep, column), rows.clone());
        columns.push(match (keep.of_items, layout) {
            (true, Layout::Request) => {
                let at = encoder.schema.index_of(&keep.name).expect("it is carried");
                list(encoder.element_of(at), block, values)
            }
            _ => values,
        });
    }
    columns
}

/// The weight of a sample, given that of a negative.
pub(super) fn weight(label: Label, of_negative: f32) -> f32 {
    match label {
        Label::No => of_negative,
        Label::Yes | Label::Null => 1.0,
    }
}

/// Whom the rows were shown to.
fn customers<I: ItemColumn>(block: &Block<'_, I>, shapes: &Shapes) -> ArrayRef {
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
fn rankings<I: ItemColumn>(block: &Block<'_, I>, shapes: &Shapes) -> ArrayRef {
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

/// Cutoffs, times of the newest actions, lengths of the histories.
fn times_and_lengths<I: ItemColumn>(block: &Block<'_, I>, shapes: &Shapes) -> [ArrayRef; 3] {
    let mut cutoffs = TimestampMicrosecondBuilder::new();
    let mut newest = TimestampMicrosecondBuilder::new();
    let mut lengths = Int32Builder::new();
    for (row, shape) in block.rows.iter().zip(&shapes.all) {
        let rows = index(shape.rows);
        cutoffs.append_value_n(block.probes.cutoffs[index(row.probe)].0, rows);
        match shape.newest {
            Some(time) => newest.append_value_n(time.0, rows),
            None => newest.append_nulls(rows),
        }
        lengths.append_value_n(offset32(index(shape.actions.count())), rows);
    }
    let utc = |mut times: TimestampMicrosecondBuilder| times.finish().with_timezone("UTC");
    [
        Arc::new(utc(cutoffs)),
        Arc::new(utc(newest)),
        Arc::new(lengths.finish()),
    ]
}

/// The element of a list type.
pub(super) fn element_of(list: &DataType) -> FieldRef {
    match list {
        DataType::List(element) => Arc::clone(element),
        other => unreachable!("no list but {other}"),
    }
}
