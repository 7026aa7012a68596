//! Columns of actions that are told: their types, and values of files as keys (see `crate::kernel::attributes`).
//!
//! **Null rule**: a null is 0 in a column of integers and NaN in one of floats; a file that lacks the
//! column has nulls only. **Invariants**: nothing is cut: an integer that does not fit, or a finite
//! number that would become infinite, is a fault of its row; a float is rounded once.

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use parquet::file::statistics::Statistics;

use super::arrow::IdColumn;
use crate::advice::{self, Hint};
use crate::ids::narrow;
use crate::job::{AttributeColumn, AttributeType, PassthroughType};
use crate::kernel::attributes::{key_of_float, key_of_null};
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::parquet::ParquetFile;
use crate::scan::table::passthrough;
use crate::scan::text::field::Field;

/// What a message says that a number should be.
fn expected(kind: AttributeType) -> String {
    match kind {
        AttributeType::Int32 => {
            let hint = Hint::FloatAttribute.text().to_owned();
            advice::expected("an integer of 32 bits", Some(hint))
        }
        AttributeType::Float32 => "a number that fits 32 bits".to_owned(),
    }
}

/// What a column of a type is told as unless the user says so; nothing if it is not told by itself.
pub(crate) fn kind_of(data_type: &DataType) -> Option<AttributeType> {
    match passthrough::kind_of(data_type)? {
        PassthroughType::Int32 => Some(AttributeType::Int32),
        PassthroughType::Double => Some(AttributeType::Float32),
        _ => None,
    }
}

/// What a message says that a column of actions should hold, if its type does not hold the attribute.
pub(super) fn expected_instead(column: &AttributeColumn, found: &DataType) -> Option<String> {
    let is_float = matches!(found, DataType::Float32 | DataType::Float64);
    match column.holds() {
        _ if found.is_integer() => None,
        AttributeType::Float32 if is_float => None,
        AttributeType::Int32 => {
            let hint = is_float.then(|| Hint::FloatAttributes.text().to_owned());
            Some(advice::expected("integers", hint))
        }
        AttributeType::Float32 => Some("integers or floats".to_owned()),
    }
}

/// Whether each value of a column of a row group can be told, as its type or its statistics prove.
pub(crate) fn is_clean(
    file: &ParquetFile,
    (row_group, name): (usize, &str),
    column: &AttributeColumn,
) -> bool {
    let Some(found) = file.column(name).map(|field| field.data_type()) else {
        return true;
    };
    let is_within = match file.statistics(row_group, name) {
        // Statistics of UInt64 are stored as Int64, too, and would be misread.
        Some(Statistics::Int64(ints)) if *found == DataType::Int64 => {
            let bounds = [ints.min_opt(), ints.max_opt()];
            bounds.map(|bound| bound.is_some_and(|bound| i32::try_from(*bound).is_ok()))
        }
        // Statistics leave out NaN, which is a value and no fault.
        Some(Statistics::Double(numbers)) => {
            let bounds = [numbers.min_opt(), numbers.max_opt()];
            bounds.map(|bound| bound.is_some_and(|bound| narrow(*bound).is_finite()))
        }
        _ => [false; 2],
    };
    let needs_no_look = match (column.holds(), found) {
        // Types of up to 32 bits fit whatever they hold.
        (AttributeType::Int32, found) => kind_of(found) == Some(AttributeType::Int32),
        (AttributeType::Float32, DataType::Float64) => false,
        (AttributeType::Float32, _) => true,
    };
    needs_no_look || is_within == [true; 2]
}

/// A column of a batch.
pub(crate) enum AttributeArray {
    /// The file has none.
    Absent,
    /// Integers.
    Ints(IdColumn),
    /// Floats as they are told.
    Floats(Float32Array),
    /// Floats that are rounded.
    Doubles(Float64Array),
}

impl AttributeArray {
    /// A column whose type is checked, or that is not there.
    pub(crate) fn new(array: Option<&ArrayRef>, kind: AttributeType) -> AttributeArray {
        let Some(array) = array else {
            return AttributeArray::Absent;
        };
        let cast_to = |to| cast(array, &to).expect("types are checked");
        match (kind, array.data_type()) {
            (AttributeType::Int32, _) => {
                AttributeArray::Ints(IdColumn::new(array).expect("types are checked"))
            }
            (AttributeType::Float32, DataType::Float64) => {
                AttributeArray::Doubles(array.as_primitive::<Float64Type>().clone())
            }
            (AttributeType::Float32, _) => {
                // Rounds once: by way of `f64`, an integer of 64 bits would be rounded twice.
                let floats = cast_to(DataType::Float32);
                AttributeArray::Floats(floats.as_primitive::<Float32Type>().clone())
            }
        }
    }

    /// The key of the value at a place.
    pub(crate) fn key(&self, at: usize, kind: AttributeType) -> Value<i32> {
        let is_null = match self {
            AttributeArray::Absent => true,
            AttributeArray::Ints(ints) => ints.is_null(at),
            AttributeArray::Floats(floats) => floats.is_null(at),
            AttributeArray::Doubles(doubles) => doubles.is_null(at),
        };
        if is_null {
            return Ok(key_of_null(kind));
        }
        let misfit = |found: String| Mismatch::new(expected(kind), found);
        match self {
            AttributeArray::Absent => Ok(key_of_null(kind)),
            AttributeArray::Ints(ints) => {
                let int = ints.int(at).and_then(|int| i32::try_from(int).ok());
                int.ok_or_else(|| misfit(ints.shown(at)))
            }
            AttributeArray::Floats(floats) => Ok(key_of_float(floats.value(at))),
            AttributeArray::Doubles(doubles) => {
                let (wide, number) = (doubles.value(at), narrow(doubles.value(at)));
                if number.is_infinite() && wide.is_finite() {
                    Err(misfit(wide.to_string()))
                } else {
                    Ok(key_of_float(number))
                }
            }
        }
    }
}

/// The key of a field of text, if it can be told.
#[inline]
pub(crate) fn as_key(field: &Field<'_>, kind: AttributeType) -> Option<i32> {
    match (field, kind) {
        (Field::Missing | Field::Null, kind) => Some(key_of_null(kind)),
        (field, AttributeType::Int32) => i32::try_from(field.int()?).ok(),
        (Field::Csv(text) | Field::Json(text), AttributeType::Float32) => {
            // Parsed as `f32` at once, because rounding to `f64` first could end one bit off.
            let number = text.trim_matches([' ', '\t']).parse().ok();
            let number = number.filter(|number: &f32| number.is_finite());
            number.map(key_of_float)
        }
        _ => None,
    }
}

/// The key of a field of text.
pub(crate) fn key_of_field(field: &Field<'_>, kind: AttributeType) -> Value<i32> {
    as_key(field, kind).ok_or_else(|| Mismatch::new(expected(kind), field.shown()))
}
