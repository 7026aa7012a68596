//! Types of Arrow IPC as Parquet's: what columns are read as, and the casts to that.
//!
//! **In / Out**: a column as the file has it → the same values in the type that readers know.
//! **Invariants**: a type that has no such form stays as it is, and is refused where it is wanted.
//! **Cost**: integers, numbers, times and views are not copied; texts get a view of 16 bytes each.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use arrow::error::ArrowError;

use crate::scan::parquet::BATCH_ROWS;

/// The columns of a schema with the types that they are read as.
pub(super) fn read_as(schema: &Schema) -> Fields {
    let columns = schema.fields().iter().map(|field| {
        let own = field.data_type();
        let to = top_level(own);
        let to = if can_cast_types(own, &to) {
            to
        } else {
            own.clone()
        };
        // What a file declares as never null is checked by its decoder.
        Field::new(field.name(), to, true)
    });
    columns.collect()
}

/// The type that a column is read as.
fn top_level(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::BinaryView,
        DataType::Dictionary(_, values) => top_level(values),
        DataType::RunEndEncoded(_, values) => top_level(values.data_type()),
        other => nested(other),
    }
}

/// The type that a field inside a column is read as: as Parquet's, whose texts are no views there.
fn nested(data_type: &DataType) -> DataType {
    let of = |field: &FieldRef| {
        let to = nested(field.data_type());
        Arc::new(Field::new(field.name(), to, field.is_nullable()))
    };
    match data_type {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, values) => nested(values),
        DataType::RunEndEncoded(_, values) => nested(values.data_type()),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _) => DataType::List(of(field)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(of).collect()),
        DataType::Map(entries, is_sorted) => DataType::Map(of(entries), *is_sorted),
        other => other.clone(),
    }
}

/// A batch with the types of `fields`.
///
/// # Errors
/// If a value does not fit, such as a list of more than 2^31 values.
pub(super) fn convert(batch: &RecordBatch, fields: &Fields) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(fields);
    let columns = columns.map(|(array, field)| {
        if array.data_type() == field.data_type() {
            return Ok(Arc::clone(array));
        }
        cast(array, field.data_type())
    });
    rows(fields, columns.collect::<Result<_, _>>()?, batch.num_rows())
}

/// A batch of so many rows.
fn rows(fields: &Fields, columns: Vec<ArrayRef>, count: usize) -> Result<RecordBatch, ArrowError> {
    let schema = Arc::new(Schema::new(fields.clone()));
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    RecordBatch::try_new_with_options(schema, columns, &options)
}

/// The pieces of a batch that fit the caches, in order, without copies.
pub(super) fn pieces(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> + '_ {
    let starts = (0..batch.num_rows()).step_by(BATCH_ROWS);
    starts.map(|start| {
        let count = BATCH_ROWS.min(batch.num_rows() - start);
        if count == batch.num_rows() {
            return batch.clone();
        }
        let piece = batch.slice(start, count);
        let columns = piece.columns().iter().map(with_own_values);
        let schema = batch.schema();
        rows(schema.fields(), columns.collect(), count).expect("as many rows of the same types")
    })
}

/// A slice of lists with no values but its own: readers convert all values of a batch, and would convert
/// those of the whole record batch again for each slice.
fn with_own_values(array: &ArrayRef) -> ArrayRef {
    let DataType::List(field) = array.data_type() else {
        return Arc::clone(array);
    };
    let lists = array.as_list::<i32>();
    let offsets = lists.value_offsets();
    let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
    let place = |at: i32| usize::try_from(at).expect("offsets are never negative");
    let values = lists.values().slice(place(first), place(last - first));
    let offsets: Vec<i32> = offsets.iter().map(|at| at - first).collect();
    let offsets = OffsetBuffer::new(offsets.into());
    let nulls = lists.nulls().cloned();
    Arc::new(ListArray::new(Arc::clone(field), offsets, values, nulls))
}

/// The ids of all dictionaries of a schema, each with a field of the type of its values.
#[expect(
    deprecated,
    reason = "arrow has no other name for the id of a dictionary"
)]
pub(super) fn dictionary_values(schema: &Schema) -> Vec<(i64, FieldRef)> {
    let fields = schema.flattened_fields();
    let ids = fields
        .into_iter()
        .filter_map(|field| match field.data_type() {
            DataType::Dictionary(_, values) => {
                let values = Field::new("", values.as_ref().clone(), true);
                Some((field.dict_id()?, Arc::new(values)))
            }
            _ => None,
        });
    ids.collect()
}

/// Whether a type has a dictionary anywhere in it.
pub(super) fn has_dictionary(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(..) => true,
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _)
        | DataType::RunEndEncoded(_, field) => has_dictionary(field.data_type()),
        DataType::Struct(fields) => fields.iter().any(|of| has_dictionary(of.data_type())),
        DataType::Union(fields, _) => fields.iter().any(|(_, of)| has_dictionary(of.data_type())),
        _ => false,
    }
}
