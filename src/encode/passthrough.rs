//! Passthrough columns: as Arrow arrays, and as [`ScalarValues`] of the direct path.
//!
//! **In / Out**: the passthrough values of a [`Block`] → a column per [`Passthrough`], of impressions or
//! of their items. **Null rule**: nulls stay null. **Cost**: values are gathered once per block.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use parquet::data_type::{DoubleType, Int32Type, Int64Type};

use super::{Block, BlockRow, ItemColumn};
use crate::encode::direct::nullable::Nullable;
use crate::encode::direct::scalar_values::{PerImpression, ScalarValues};
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
        // Without impressions the column has no values, but then the block has no rows either.
        &block.probes.impressions.passthrough.rows[column][at]
    };
    block.rows.iter().map(value)
}

/// The values of the items of each impression of a block.
fn of_items<'b, I: ItemColumn>(
    block: &'b Block<'_, I>,
    column: usize,
) -> impl Iterator<Item = &'b [PassthroughValue]> + Clone {
    let rows = block.rows.iter();
    rows.map(move |row| &block.probes.impressions.passthrough.items[column][block.items(row)])
}

/// A column of a block as an array, given the number of rows of each impression.
pub(crate) fn array<I: ItemColumn>(
    block: &Block<'_, I>,
    keep: &Passthrough,
    column: usize,
    rows: impl Iterator<Item = usize> + Clone,
) -> ArrayRef {
    if keep.of_items {
        return array_of(keep.holds(), of_items(block, column).flatten());
    }
    let values = of_rows(block, column).zip(rows);
    let values = values.flat_map(|(value, rows)| std::iter::repeat_n(value, rows));
    array_of(keep.holds(), values)
}

/// Values as an array.
pub(crate) fn array_of<'b>(
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

/// A column of a block for the direct path, given the number of rows and the range of items of each
/// impression.
pub(crate) fn values<'a, I: ItemColumn>(
    block: &'a Block<'_, I>,
    keep: &Passthrough,
    column: usize,
    rows: &'a [usize],
    items: &[Range<usize>],
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
        PassthroughType::Int32 => Box::new(PerImpression::numbers::<Int32Type>(
            rows,
            values.map(PassthroughValue::int32),
        )),
        PassthroughType::Int64 | PassthroughType::Time => {
            Box::new(PerImpression::numbers::<Int64Type>(
                rows,
                values.map(PassthroughValue::int),
            ))
        }
        PassthroughType::Double => {
            let column =
                PerImpression::numbers::<DoubleType>(rows, values.map(PassthroughValue::double));
            Box::new(column.without_bounds())
        }
        PassthroughType::Text => Box::new(PerImpression::texts(
            rows,
            values.map(|value| value.text().map(str::as_bytes)),
        )),
        PassthroughType::Boolean => {
            // PLAIN has booleans as bits, which cannot be copied as bytes: one value per row.
            let values = values.zip(rows);
            let values = values.flat_map(|(value, rows)| std::iter::repeat_n(value, *rows));
            Box::new(nullable(PassthroughType::Boolean, rows.to_vec(), values))
        }
    }
}

/// A [`Nullable`] of these values.
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
