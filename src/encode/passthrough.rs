//! Columns that are carried through: as Arrow arrays, and as leaves of the direct path.
//!
//! **In / Out**: what a [`Block`] carries → a column per [`Passthrough`], of rows or of their items.
//! **Null rule**: nulls are carried through. **Cost**: values are gathered once a block.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use parquet::data_type::{DoubleType, Int32Type, Int64Type};

use super::{Block, BlockRow, ItemColumn};
use crate::encode::direct::nullable::Nullable;
use crate::encode::direct::scalar_values::{ScalarValues, Shared};
use crate::ids::{count32, index};
use crate::job::{Passthrough, PassthroughType};
use crate::kernel::passthrough::PassthroughValue;

/// The value of each impression of a block.
fn of_rows<'b, I: ItemColumn>(
    block: &'b Block<'_, I>,
    column: usize,
) -> impl Iterator<Item = &'b PassthroughValue> + Clone {
    let value = move |row: &BlockRow| {
        let at = index(block.probes.rows[index(row.probe)]);
        // A column of which no impression was read has no values at all, nor has the block rows.
        &block.probes.impressions.kept.rows[column][at]
    };
    block.rows.iter().map(value)
}

/// The values of the items of each impression of a block.
fn of_items<'b, I: ItemColumn>(
    block: &'b Block<'_, I>,
    column: usize,
) -> impl Iterator<Item = &'b [PassthroughValue]> + Clone {
    let rows = block.rows.iter();
    rows.map(move |row| &block.probes.impressions.kept.items[column][block.items(row)])
}

/// A column of a block as an array of all its values, given the rows of each impression.
pub(crate) fn array<I: ItemColumn>(
    block: &Block<'_, I>,
    (keep, column): (&Passthrough, usize),
    rows: impl Iterator<Item = usize> + Clone,
) -> ArrayRef {
    match keep.of_items {
        true => array_of(keep.holds(), of_items(block, column).flatten()),
        false => {
            let values = of_rows(block, column).zip(rows);
            let values = values.flat_map(|(value, rows)| std::iter::repeat_n(value, rows));
            array_of(keep.holds(), values)
        }
    }
}

/// Values as an array.
fn array_of<'b>(
    kind: PassthroughType,
    values: impl Iterator<Item = &'b PassthroughValue>,
) -> ArrayRef {
    match kind {
        PassthroughType::Int32 => {
            Arc::new(values.map(PassthroughValue::int32).collect::<Int32Array>())
        }
        PassthroughType::Int64 => {
            Arc::new(values.map(PassthroughValue::int).collect::<Int64Array>())
        }
        PassthroughType::Double => Arc::new(
            values
                .map(PassthroughValue::double)
                .collect::<Float64Array>(),
        ),
        PassthroughType::Text => {
            Arc::new(values.map(PassthroughValue::text).collect::<StringArray>())
        }
        PassthroughType::Boolean => Arc::new(
            values
                .map(PassthroughValue::boolean)
                .collect::<BooleanArray>(),
        ),
        PassthroughType::Time => {
            let times = values
                .map(PassthroughValue::int)
                .collect::<TimestampMicrosecondArray>();
            Arc::new(times.with_timezone("UTC"))
        }
    }
}

/// A column of a block for the direct path, given how many rows each impression has and how many
/// items of it are rows.
pub(crate) fn leaf<'a, I: ItemColumn>(
    block: &'a Block<'_, I>,
    (keep, column): (&Passthrough, usize),
    (rows, items): (&'a [usize], &[Range<usize>]),
) -> Box<dyn ScalarValues + 'a> {
    if keep.of_items {
        let counts = items.iter().map(Range::len).collect();
        return Box::new(nullable(
            keep.holds(),
            counts,
            of_items(block, column).flatten(),
        ));
    }
    let values = of_rows(block, column);
    match keep.holds() {
        PassthroughType::Int32 => Box::new(Shared::numbers::<Int32Type>(
            rows,
            values.map(PassthroughValue::int32),
        )),
        PassthroughType::Int64 | PassthroughType::Time => Box::new(Shared::numbers::<Int64Type>(
            rows,
            values.map(PassthroughValue::int),
        )),
        PassthroughType::Double => {
            let column = Shared::numbers::<DoubleType>(rows, values.map(PassthroughValue::double));
            Box::new(column.without_bounds())
        }
        PassthroughType::Text => Box::new(Shared::texts(rows, values.map(PassthroughValue::text))),
        PassthroughType::Boolean => {
            let values = values.zip(rows);
            let values = values.flat_map(|(value, rows)| std::iter::repeat_n(value, *rows));
            Box::new(nullable(PassthroughType::Boolean, rows.to_vec(), values))
        }
    }
}

/// Values of any number per impression, each of which may be null.
fn nullable<'b>(
    kind: PassthroughType,
    counts: Vec<usize>,
    values: impl Iterator<Item = &'b PassthroughValue>,
) -> Nullable {
    match kind {
        PassthroughType::Int32 => Nullable::bytes(
            counts,
            values.map(|value| Some(value.int32()?.to_le_bytes())),
        ),
        PassthroughType::Int64 | PassthroughType::Time => {
            Nullable::bytes(counts, values.map(|value| Some(value.int()?.to_le_bytes())))
        }
        PassthroughType::Double => Nullable::bytes(
            counts,
            values.map(|value| Some(value.double()?.to_le_bytes())),
        ),
        PassthroughType::Text => {
            let plain = |text: &str| {
                let length = count32(text.len()).to_le_bytes();
                [&length[..], text.as_bytes()].concat()
            };
            Nullable::bytes(counts, values.map(|value| value.text().map(plain)))
        }
        PassthroughType::Boolean => Nullable::bits(counts, values.map(PassthroughValue::boolean)),
    }
}
