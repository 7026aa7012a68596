//! Columns of impressions that are carried through: their types, and values of files as [`PassthroughValue`].
//!
//! **Null rule**: a null is carried through; a key that a record of JSON lacks is one.
//! **Invariants**: nothing is guessed: of Parquet a column's own type counts, of text the type that
//! the user named, or text.

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Fields, Float64Type};

use super::arrow::IdColumn;
use crate::advice::{self, Hint};
use crate::error::{Error, Result};
use crate::ids::Micros;
use crate::job::{Passthrough, PassthroughType, Source};
use crate::kernel::passthrough::PassthroughValue;
use crate::scan::Opened;
use crate::scan::mismatch::{EXPECTED_TEXT, Mismatch, Value};
use crate::scan::missing_column::missing_column;
use crate::scan::parquet::ParquetFile;
use crate::scan::some_files::lacking;
use crate::scan::spec::{ReadSpec, given_name};
use crate::scan::table::arrow_times::TimeColumn;
use crate::scan::text::field::{Clock, Field};
use crate::scan::values::label::LabelColumn;

/// What a column of a type holds; nothing if it cannot be carried.
pub(crate) fn kind_of(data_type: &DataType) -> Option<PassthroughType> {
    match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
            Some(PassthroughType::Int32)
        }
        // UInt64 is not among them: no type of the output holds it.
        DataType::Int64 | DataType::UInt32 => Some(PassthroughType::Int64),
        DataType::Float32 | DataType::Float64 => Some(PassthroughType::Double),
        DataType::Utf8 | DataType::Utf8View => Some(PassthroughType::Text),
        DataType::Boolean => Some(PassthroughType::Boolean),
        DataType::Timestamp(..) | DataType::Date32 => Some(PassthroughType::Time),
        _ => None,
    }
}

/// What a column of a file holds; nothing if the file lacks it.
///
/// # Errors
/// If it cannot be carried.
pub(crate) fn kind_in(
    spec: &ReadSpec<'_>,
    file: &ParquetFile,
    keep: &Passthrough,
) -> Result<Option<PassthroughType>> {
    let Some(found) = type_in(spec, file, keep)? else {
        return Ok(None);
    };
    let expected = "integers, numbers, text, truth values or times";
    let kind = kind_of(found).ok_or_else(|| file.wrong_type(&keep.name, expected, found));
    kind.map(Some)
}

/// Checks that a column of a file holds what is to be carried, if the file has it.
///
/// # Errors
/// If it holds something else.
pub(super) fn check(spec: &ReadSpec<'_>, file: &ParquetFile, keep: &Passthrough) -> Result<()> {
    match type_in(spec, file, keep)? {
        Some(found) => check_type(file, &keep.name, found, keep.holds()),
        None => Ok(()),
    }
}

/// The same for a column that `features` copies.
///
/// # Errors
/// If it holds something else.
pub(super) fn check_kept(file: &ParquetFile, name: &str, kind: PassthroughType) -> Result<()> {
    match file.column(name) {
        Some(field) => check_type(file, name, field.data_type(), kind),
        None => Ok(()),
    }
}

/// The error of a file that lacks a column which is to be carried; `None` if it has it.
pub(crate) fn lacking_column(spec: &ReadSpec<'_>, file: &Opened, name: &str) -> Option<Error> {
    match file {
        Opened::Parquet(file) => match file.column(name) {
            Some(_) => None,
            None => Some(missing(file, name, &file.names())),
        },
        other => lacking(other, name, spec.text_piece_bytes),
    }
}

/// The error of a file whose lists are of structs without a field that is to be carried; `None` if they have it.
pub(crate) fn lacking_field(
    spec: &ReadSpec<'_>,
    file: &Opened,
    keep: &Passthrough,
) -> Option<Error> {
    match file {
        Opened::Parquet(file) => {
            let list = file.column(spec.column(Source::Impressions, "impressions"))?;
            let fields = fields_of(list.data_type())?;
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            let has = names.contains(&keep.name.as_str());
            (!has).then(|| missing(file, &keep.name, &names))
        }
        // Known already: the elements of all files were read.
        Opened::Text(file, ..) => Some(missing_column(file, &keep.name, "it in no element")),
        Opened::Empty(..) => None,
    }
}

/// Checks that a column of a type holds what is to be carried.
fn check_type(
    file: &ParquetFile,
    name: &str,
    found: &DataType,
    kind: PassthroughType,
) -> Result<()> {
    if holds(found, kind) {
        return Ok(());
    }
    let is_wide = kind == PassthroughType::Int32 && found.is_integer();
    let hint = is_wide.then(|| Hint::WideKept.text().to_owned());
    let expected = advice::expected(expected(kind), hint);
    Err(file.wrong_type(name, &expected, found))
}

/// The type of a column of a file; nothing if the file lacks it.
fn type_in<'f>(
    spec: &ReadSpec<'_>,
    file: &'f ParquetFile,
    keep: &Passthrough,
) -> Result<Option<&'f DataType>> {
    if !keep.of_items || has_flat_rows(spec, file) {
        return Ok(file.column(&keep.name).map(|field| field.data_type()));
    }
    let list = spec.column(Source::Impressions, "impressions");
    let shown = file.required(list)?.data_type();
    if let Some(fields) = fields_of(shown) {
        let field = fields.find(&keep.name);
        return Ok(field.map(|(_, field)| field.data_type()));
    }
    let expected = format!(
        "a list of structs, as --keep item.{} copies a field",
        keep.name
    );
    Err(file.wrong_type(list, &expected, shown))
}

/// Whether the rows of a file of impressions are one item each: it has items, and no lists of them.
fn has_flat_rows(spec: &ReadSpec<'_>, file: &ParquetFile) -> bool {
    let has = |ours| {
        file.column(spec.column(Source::Impressions, ours))
            .is_some()
    };
    let is_given = given_name(spec.columns, Source::Impressions, "impressions").is_some();
    spec.moments.is_some() || (has("item_id") && !has("impressions") && !is_given)
}

/// The fields of the structs that lists are of.
pub(crate) fn fields_of(lists: &DataType) -> Option<&Fields> {
    match lists {
        DataType::List(element) => match element.data_type() {
            DataType::Struct(fields) => Some(fields),
            _ => None,
        },
        _ => None,
    }
}

/// The fault of a file without a column that is to be carried, which is known by the file's own name.
fn missing(file: &ParquetFile, name: &str, found: &[&str]) -> Error {
    let found = found.join(", ");
    file.file
        .fault(format!("expected a column \"{name}\", found \"{found}\""))
}

/// Whether a column of a type holds what is to be carried: integers are numbers too.
fn holds(data_type: &DataType, kind: PassthroughType) -> bool {
    let found = kind_of(data_type);
    let widens = match found {
        Some(PassthroughType::Int32) => {
            [PassthroughType::Int64, PassthroughType::Double].contains(&kind)
        }
        // A double would round integers of 64 bits.
        _ => false,
    };
    let is_label = kind == PassthroughType::Boolean && LabelColumn::holds(data_type);
    found == Some(kind) || widens || is_label
}

/// What a message says that a column should be.
fn expected(kind: PassthroughType) -> &'static str {
    match kind {
        PassthroughType::Int32 => "integers of 32 bits",
        PassthroughType::Int64 => "integers of 64 bits",
        PassthroughType::Double => "numbers",
        PassthroughType::Text => "text",
        PassthroughType::Boolean => "truth values",
        PassthroughType::Time => "times",
    }
}

/// A column of a batch.
pub(crate) enum PassthroughArray {
    /// The file lacks it.
    Absent,
    /// Integers.
    Ints(IdColumn),
    /// Numbers.
    Doubles(Float64Array),
    /// Texts.
    Texts(IdColumn),
    /// Truth values.
    Booleans(LabelColumn),
    /// Times.
    Times(TimeColumn),
}

impl PassthroughArray {
    /// A column whose type is checked, if the file has it.
    pub(crate) fn new(array: Option<&ArrayRef>, kind: PassthroughType) -> PassthroughArray {
        let Some(array) = array else {
            return PassthroughArray::Absent;
        };
        let ids = || IdColumn::new(array).expect("types are checked");
        match kind {
            PassthroughType::Int32 | PassthroughType::Int64 => PassthroughArray::Ints(ids()),
            PassthroughType::Double => {
                let doubles = cast(array, &DataType::Float64).expect("types are checked");
                PassthroughArray::Doubles(doubles.as_primitive::<Float64Type>().clone())
            }
            PassthroughType::Text => PassthroughArray::Texts(ids()),
            PassthroughType::Boolean => PassthroughArray::Booleans(LabelColumn::new(array)),
            PassthroughType::Time => {
                // Integers are carried as integers, whatever `--time-unit` says.
                PassthroughArray::Times(TimeColumn::new(array, None).expect("types are checked"))
            }
        }
    }

    /// The value at a place.
    pub(crate) fn get(&self, at: usize, clock: &Clock<'_>) -> Value<PassthroughValue> {
        let value = match self {
            PassthroughArray::Absent => None,
            PassthroughArray::Ints(ints) if ints.is_null(at) => None,
            PassthroughArray::Ints(ints) => ints.int(at).map(PassthroughValue::Int),
            PassthroughArray::Doubles(doubles) => doubles
                .is_valid(at)
                .then(|| PassthroughValue::Double(doubles.value(at).to_bits())),
            PassthroughArray::Booleans(labels) => labels.get(at)?.map(PassthroughValue::Boolean),
            PassthroughArray::Texts(texts) if texts.is_null(at) => None,
            PassthroughArray::Texts(texts) => {
                let text = texts
                    .text(at)
                    .map(|text| PassthroughValue::Text(text.into()));
                Some(text.ok_or_else(|| Mismatch::new(EXPECTED_TEXT, texts.shown(at)))?)
            }
            PassthroughArray::Times(times) => {
                let written = times.written(at, clock)?;
                written.map(|written| kept_time(clock.resolve(written).at))
            }
        };
        Ok(value.unwrap_or(PassthroughValue::Null))
    }
}

/// The value of a field of text.
pub(crate) fn of_field(
    field: &Field<'_>,
    kind: PassthroughType,
    clock: &Clock<'_>,
) -> Value<PassthroughValue> {
    if field.is_null() {
        return Ok(PassthroughValue::Null);
    }
    let (value, expected) = match kind {
        PassthroughType::Int32 => {
            let int = field.int();
            if int.is_some_and(|int| i32::try_from(int).is_err()) {
                let hint = Some(Hint::WideKept.text().to_owned());
                let expected = advice::expected("an integer of 32 bits", hint);
                return Err(Mismatch::new(expected, field.shown()));
            }
            (int.map(PassthroughValue::Int), "an integer of 32 bits")
        }
        PassthroughType::Int64 => (
            field.int().map(PassthroughValue::Int),
            "an integer of 64 bits",
        ),
        PassthroughType::Double => {
            let number = field
                .as_number()
                .map(|number| PassthroughValue::Double(number.to_bits()));
            (number, "a number")
        }
        PassthroughType::Text => {
            let text = field.text_or_int();
            (
                text.map(|text| PassthroughValue::Text(text.into())),
                EXPECTED_TEXT,
            )
        }
        PassthroughType::Boolean => {
            let value = field.truth()?;
            return Ok(value.map_or(PassthroughValue::Null, PassthroughValue::Boolean));
        }
        PassthroughType::Time => {
            let when = field.time(clock)?;
            return Ok(when.map_or(PassthroughValue::Null, |when| kept_time(when.at)));
        }
    };
    value.ok_or_else(|| Mismatch::new(expected, field.shown()))
}

/// A time as it is carried.
fn kept_time(at: Micros) -> PassthroughValue {
    PassthroughValue::Int(at.0)
}
