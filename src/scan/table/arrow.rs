//! Arrow columns to values: the same [`Value`]s as text fields give, from typed columns.
//!
//! **Null rule**: an Arrow null is a null. **Invariants**: a column of a type that cannot hold
//! what is asked for is refused when the file is opened, not row by row.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, Int32Array, Int64Array, StringViewArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type, UInt64Type};

use crate::ids::Item;
use crate::job::{CustomerType, ItemType};
use crate::kernel::column::Customer;
use crate::scan::mismatch::{
    Mismatch, TEXT_BYTES_MAX, Value, expected_ranking, misfit_customer, misfit_item, quoted,
};
use crate::scan::parquet::value_text;
use crate::scan::values::decimal::whole_with_point;
use crate::scan::values::numbers::{is_number, whole_numbers, without_nan};

/// A column of ids.
#[derive(Clone, Debug)]
pub(crate) enum IdColumn {
    /// Integers that fit 64 bits with a sign.
    Int(Int64Array),
    /// Integers that may not.
    UInt(UInt64Array),
    /// Texts.
    Text(StringViewArray),
    /// Texts that nobody has checked.
    Bytes(BinaryViewArray),
    /// Floats or decimals, and the integers that they are; null where one is none.
    Numbers(ArrayRef, Int64Array),
}

impl IdColumn {
    /// The ids of a column, or `None` if its type holds none.
    pub(crate) fn new(array: &ArrayRef) -> Option<IdColumn> {
        let widened = |to| cast(array, &to).ok();
        match array.data_type() {
            // Before the cast: it would turn ids above 2^63 into nulls, which are guests.
            DataType::UInt64 => Some(IdColumn::UInt(array.as_primitive::<UInt64Type>().clone())),
            integers if integers.is_integer() => {
                let ints = widened(DataType::Int64)?;
                Some(IdColumn::Int(ints.as_primitive::<Int64Type>().clone()))
            }
            DataType::Utf8View => Some(IdColumn::Text(array.as_string_view().clone())),
            DataType::BinaryView => Some(IdColumn::Bytes(array.as_binary_view().clone())),
            // As they come inside of lists.
            DataType::Utf8 => {
                let texts = widened(DataType::Utf8View)?;
                Some(IdColumn::Text(texts.as_string_view().clone()))
            }
            DataType::Binary => {
                let bytes = widened(DataType::BinaryView)?;
                Some(IdColumn::Bytes(bytes.as_binary_view().clone()))
            }
            number if is_number(number) => {
                let numbers = without_nan(array);
                let ints = whole_numbers(&numbers);
                Some(IdColumn::Numbers(numbers, ints))
            }
            _ => None,
        }
    }

    /// Whether a type holds ids of customers of the given type; integers become text, and text
    /// integers, only if the user says so. Numbers never become text: whether 101 or 101.0 is meant, only
    /// the user knows.
    pub(crate) fn holds(data_type: &DataType, ids: CustomerType, by_flag: bool) -> bool {
        let is_text = matches!(
            data_type,
            DataType::Utf8View | DataType::BinaryView | DataType::Utf8 | DataType::Binary
        );
        match ids {
            CustomerType::Int64 => {
                data_type.is_integer() || is_number(data_type) || (is_text && by_flag)
            }
            CustomerType::String => is_text || (data_type.is_integer() && by_flag),
        }
    }

    /// Whether a row has no id.
    #[inline]
    pub(crate) fn is_null(&self, row: usize) -> bool {
        match self {
            IdColumn::Int(ids) => ids.is_null(row),
            IdColumn::UInt(ids) => ids.is_null(row),
            IdColumn::Text(ids) => ids.is_null(row),
            IdColumn::Bytes(ids) => ids.is_null(row),
            IdColumn::Numbers(numbers, _) => numbers.is_null(row),
        }
    }

    /// The integer of a row that is not null.
    #[inline]
    pub(crate) fn int(&self, row: usize) -> Option<i64> {
        match self {
            IdColumn::Int(ids) => Some(ids.value(row)),
            IdColumn::UInt(ids) => i64::try_from(ids.value(row)).ok(),
            IdColumn::Text(_) | IdColumn::Bytes(_) => {
                let text = self.text(row)?;
                text.parse().ok().or_else(|| whole_with_point(text))
            }
            IdColumn::Numbers(_, ints) => ints.is_valid(row).then(|| ints.value(row)),
        }
    }

    /// The text of a row that is not null, if the column holds text, and it is short enough.
    #[inline]
    pub(super) fn text(&self, row: usize) -> Option<&str> {
        let text = match self {
            IdColumn::Text(ids) => ids.value(row),
            IdColumn::Bytes(ids) => std::str::from_utf8(ids.value(row)).ok()?,
            IdColumn::Int(_) | IdColumn::UInt(_) | IdColumn::Numbers(..) => return None,
        };
        (text.len() <= TEXT_BYTES_MAX).then_some(text)
    }

    /// The value as a message shows it.
    pub(crate) fn shown(&self, row: usize) -> String {
        match self {
            _ if self.is_null(row) => "null".to_owned(),
            IdColumn::Int(ids) => ids.value(row).to_string(),
            IdColumn::UInt(ids) => ids.value(row).to_string(),
            IdColumn::Text(ids) => quoted(ids.value(row)),
            IdColumn::Bytes(ids) => quoted(&String::from_utf8_lossy(ids.value(row))),
            IdColumn::Numbers(numbers, _) => value_text(numbers, row),
        }
    }

    /// The customer of a row. `decimal` is scratch for integers as text.
    #[inline]
    pub(crate) fn customer<'a>(
        &'a self,
        row: usize,
        ids: CustomerType,
        decimal: &'a mut String,
    ) -> Value<Customer<'a>> {
        if self.is_null(row) {
            return Ok(Customer::Guest);
        }
        let customer = match ids {
            CustomerType::Int64 => self.int(row).map(Customer::Int),
            CustomerType::String => self.text_or_decimal(row, decimal).map(Customer::Text),
        };
        customer.ok_or_else(|| misfit_customer(ids, self.shown(row)))
    }

    /// The text of a row that is not null, or its integer in decimal.
    fn text_or_decimal<'a>(&'a self, row: usize, decimal: &'a mut String) -> Option<&'a str> {
        match self {
            IdColumn::Int(ids) => *decimal = ids.value(row).to_string(),
            IdColumn::UInt(ids) => *decimal = ids.value(row).to_string(),
            IdColumn::Text(_) | IdColumn::Bytes(_) => return self.text(row),
            // Their types are refused where texts are wanted.
            IdColumn::Numbers(..) => return None,
        }
        Some(decimal)
    }

    /// The item of a row.
    #[inline]
    pub(crate) fn item<I: Item>(&self, row: usize, items: ItemType) -> Value<I> {
        let item = if self.is_null(row) {
            None
        } else {
            self.int(row).and_then(I::from_wide)
        };
        item.ok_or_else(|| misfit_item(items, self.shown(row)))
    }

    /// The text of an item's id, if it is one. `decimal` is scratch for integers as text.
    #[inline]
    pub(crate) fn item_text<'a>(&'a self, row: usize, decimal: &'a mut String) -> Option<&'a str> {
        if self.is_null(row) {
            return None;
        }
        let text = self.text_or_decimal(row, decimal)?;
        (!text.is_empty()).then_some(text)
    }

    /// The id of a ranking. `decimal` is scratch for integers as text.
    pub(crate) fn ranking<'a>(&'a self, row: usize, decimal: &'a mut String) -> Value<&'a str> {
        let shown = || Mismatch::new(expected_ranking(), self.shown(row));
        if self.is_null(row) {
            return Err(shown());
        }
        self.text_or_decimal(row, decimal).ok_or_else(shown)
    }
}

/// Integers with a sign, none of them null, as wide as they are stored.
#[derive(Clone, Debug)]
pub(crate) enum PlainInts {
    /// Of 32 bits.
    Narrow(Int32Array),
    /// Of 64 bits.
    Wide(Int64Array),
}

impl PlainInts {
    /// The integers of a column, or `None` if it holds others, or a null.
    pub(crate) fn new(array: &ArrayRef) -> Option<PlainInts> {
        if array.null_count() > 0 {
            return None;
        }
        // Types that need no cast, so that the values are read where they are.
        match array.data_type() {
            DataType::Int32 => Some(PlainInts::Narrow(array.as_primitive::<Int32Type>().clone())),
            DataType::Int64 => Some(PlainInts::Wide(array.as_primitive::<Int64Type>().clone())),
            _ => None,
        }
    }

    /// The integer of a row.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> i64 {
        match self {
            PlainInts::Narrow(ids) => i64::from(ids.values()[row]),
            PlainInts::Wide(ids) => ids.values()[row],
        }
    }
}

/// The texts of a column, or `None` if it holds something else, or a null.
pub(crate) fn plain_texts(array: &ArrayRef) -> Option<StringViewArray> {
    let is_plain = array.null_count() == 0 && *array.data_type() == DataType::Utf8View;
    is_plain.then(|| array.as_string_view().clone())
}
