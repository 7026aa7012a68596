//! Fields inside other fields, by names such as `properties.product_id`.
//!
//! **In / Out**: the schema of a file and the name of a column → its type; a batch → the same with those
//! fields as columns of their own. **Invariants**: a column of that very name is meant before a field of a
//! struct. A field of a struct that is null is null. Fields of the elements of lists are no columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray, make_array};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Fields, Schema};
use arrow::error::ArrowError;

/// The field that a name means: a column, or a field inside one.
pub(super) fn field_of<'f>(fields: &'f Fields, name: &str) -> Option<&'f FieldRef> {
    let column = fields.iter().find(|field| field.name() == name);
    column.or_else(|| {
        let mut places = splits(name);
        places.find_map(|(outer, inner)| {
            let outer = fields.iter().find(|field| field.name() == outer)?;
            match outer.data_type() {
                DataType::Struct(fields) => field_of(fields, inner),
                _ => None,
            }
        })
    })
}

/// Whether a name means a field inside a column.
pub(super) fn is_inside(fields: &Fields, name: &str) -> bool {
    fields.iter().all(|field| field.name() != name) && field_of(fields, name).is_some()
}

/// A batch with the fields of these names as columns behind its own.
///
/// # Errors
/// If arrow finds fault with an array of a struct.
pub(super) fn with_inner(batch: &RecordBatch, names: &[String]) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let (mut fields, mut columns) = (schema.fields().to_vec(), batch.columns().to_vec());
    for name in names {
        let Some(field) = field_of(schema.fields(), name) else {
            continue;
        };
        let Some(array) = array_of(schema.fields(), batch.columns(), name)? else {
            continue;
        };
        let array = to_column(&array)?;
        let field = field.as_ref().clone().with_name(name).with_nullable(true);
        fields.push(Arc::new(field.with_data_type(array.data_type().clone())));
        columns.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// The array of the field that a name means.
fn array_of(
    fields: &Fields,
    columns: &[ArrayRef],
    name: &str,
) -> Result<Option<ArrayRef>, ArrowError> {
    if let Some(at) = fields.iter().position(|field| field.name() == name) {
        return Ok(Some(Arc::clone(&columns[at])));
    }
    for (outer, inner) in splits(name) {
        let Some(at) = fields.iter().position(|field| field.name() == outer) else {
            continue;
        };
        let Some(outer) = columns[at].as_struct_opt() else {
            continue;
        };
        if let Some(array) = array_of(outer.fields(), outer.columns(), inner)? {
            return nulled(&array, outer.nulls()).map(Some);
        }
    }
    Ok(None)
}

/// A field of structs, null where they are.
///
/// # Errors
/// If arrow finds fault with its array.
pub(super) fn inside(structs: &StructArray, name: &str) -> Result<ArrayRef, ArrowError> {
    let array = structs.column_by_name(name);
    let array = array.expect("it is one of its fields");
    to_column(&nulled(array, structs.nulls())?)
}

/// The types that fields have as columns: texts are views there, and none inside of structs.
pub(super) fn as_columns(fields: &Fields) -> Fields {
    let as_column = |field: &FieldRef| {
        let data_type = match field.data_type() {
            DataType::Utf8 => DataType::Utf8View,
            DataType::Binary => DataType::BinaryView,
            DataType::Struct(inner) => DataType::Struct(as_columns(inner)),
            _ => return Arc::clone(field),
        };
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    };
    fields.iter().map(as_column).collect()
}

/// A field as a column.
///
/// # Errors
/// If arrow cannot make views of its texts.
pub(super) fn to_column(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Utf8 => cast(array, &DataType::Utf8View),
        DataType::Binary => cast(array, &DataType::BinaryView),
        _ => Ok(Arc::clone(array)),
    }
}

/// An array in which what is null around it is null, too.
fn nulled(array: &ArrayRef, around: Option<&NullBuffer>) -> Result<ArrayRef, ArrowError> {
    let Some(around) = around.filter(|around| around.null_count() > 0) else {
        return Ok(Arc::clone(array));
    };
    if *array.data_type() == DataType::Null {
        return Ok(Arc::clone(array));
    }
    let nulls = NullBuffer::union(Some(around), array.nulls());
    let data = array.to_data().into_builder().nulls(nulls).build()?;
    Ok(make_array(data))
}

/// The parts before and behind each dot of a name, the longest first part first.
fn splits(name: &str) -> impl Iterator<Item = (&str, &str)> {
    name.rmatch_indices('.')
        .map(|(at, _)| (&name[..at], &name[at + 1..]))
}
