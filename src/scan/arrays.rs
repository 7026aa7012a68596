//! Arrow columns to values: the same [`Value`]s as text fields give, from typed columns.
//!
//! **Null rule**: an Arrow null is a null. **Invariants**: a column of a type that cannot hold
//! what is asked for is refused when the file is opened, not row by row.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, Int32Array, Int64Array,
    StringViewArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Int32Type, Int64Type, TimeUnit as ArrowUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt64Type,
};

use crate::calendar::{WallClock, Zone};
use crate::column::{Customer, Label};
use crate::ids::{Day, Item, Micros};
use crate::job::{CustomerType, ItemType, TimeUnit};
use crate::scan::fields::{
    Clock, Mismatch, TEXT_BYTES_MAX, Value, expected_customer, expected_item, expected_ranking,
    quoted, to_micros,
};
use crate::scan::times::{Written, parse};

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
}

impl IdColumn {
    /// The ids of a column, or `None` if its type holds none.
    pub(crate) fn of(array: &ArrayRef) -> Option<IdColumn> {
        let widened = |to| cast(array, &to).ok();
        match array.data_type() {
            DataType::UInt64 => Some(IdColumn::UInt(array.as_primitive::<UInt64Type>().clone())),
            of if of.is_integer() => {
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
            _ => None,
        }
    }

    /// Whether a type holds ids of customers of the given type; integers become text, and text
    /// integers, only if the user says so.
    pub(crate) fn holds(data_type: &DataType, of: CustomerType, by_flag: bool) -> bool {
        let is_text = matches!(
            data_type,
            DataType::Utf8View | DataType::BinaryView | DataType::Utf8 | DataType::Binary
        );
        match of {
            CustomerType::Int64 => data_type.is_integer() || (is_text && by_flag),
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
        }
    }

    /// The integer of a row that is not null.
    #[inline]
    fn int(&self, row: usize) -> Option<i64> {
        match self {
            IdColumn::Int(ids) => Some(ids.value(row)),
            IdColumn::UInt(ids) => i64::try_from(ids.value(row)).ok(),
            IdColumn::Text(_) | IdColumn::Bytes(_) => self.text(row)?.parse().ok(),
        }
    }

    /// The text of a row that is not null, if the column holds text, and it is short enough.
    #[inline]
    fn text(&self, row: usize) -> Option<&str> {
        let text = match self {
            IdColumn::Text(ids) => ids.value(row),
            IdColumn::Bytes(ids) => std::str::from_utf8(ids.value(row)).ok()?,
            IdColumn::Int(_) | IdColumn::UInt(_) => return None,
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
        }
    }

    /// The customer of a row. `decimal` is scratch for integers as text.
    #[inline]
    pub(crate) fn customer<'a>(
        &'a self,
        row: usize,
        of: CustomerType,
        decimal: &'a mut String,
    ) -> Value<Customer<'a>> {
        if self.is_null(row) {
            return Ok(Customer::Guest);
        }
        let customer = match of {
            CustomerType::Int64 => self.int(row).map(Customer::Int),
            CustomerType::String => self.text_or_decimal(row, decimal).map(Customer::Text),
        };
        customer.ok_or_else(|| Mismatch::new(expected_customer(of), self.shown(row)))
    }

    /// The text of a row that is not null, or its integer in decimal.
    fn text_or_decimal<'a>(&'a self, row: usize, decimal: &'a mut String) -> Option<&'a str> {
        match self {
            IdColumn::Int(ids) => *decimal = ids.value(row).to_string(),
            IdColumn::UInt(ids) => *decimal = ids.value(row).to_string(),
            IdColumn::Text(_) | IdColumn::Bytes(_) => return self.text(row),
        }
        Some(decimal)
    }

    /// The item of a row.
    #[inline]
    pub(crate) fn item<I: Item>(&self, row: usize, of: ItemType) -> Value<I> {
        let item = if self.is_null(row) {
            None
        } else {
            self.int(row).and_then(I::from_wide)
        };
        item.ok_or_else(|| Mismatch::new(expected_item(of, false), self.shown(row)))
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
pub(crate) enum Ints {
    /// Of 32 bits.
    Narrow(Int32Array),
    /// Of 64 bits.
    Wide(Int64Array),
}

impl Ints {
    /// The integers of a column, or `None` if it holds others, or a null.
    pub(crate) fn of(array: &ArrayRef) -> Option<Ints> {
        if array.null_count() > 0 {
            return None;
        }
        match array.data_type() {
            DataType::Int32 => Some(Ints::Narrow(array.as_primitive::<Int32Type>().clone())),
            DataType::Int64 => Some(Ints::Wide(array.as_primitive::<Int64Type>().clone())),
            _ => None,
        }
    }

    /// The integer of a row.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> i64 {
        match self {
            Ints::Narrow(ids) => i64::from(ids.values()[row]),
            Ints::Wide(ids) => ids.values()[row],
        }
    }
}

/// Times as numbers, none of them null.
#[derive(Clone, Debug)]
pub(crate) struct PlainTimes {
    /// The numbers.
    values: Int64Array,
    /// Their unit.
    unit: TimeUnit,
    /// Whether they count from the epoch, not on the wall.
    utc: bool,
}

impl PlainTimes {
    /// The instants of some rows; `None` where there is no such instant.
    pub(crate) fn instants(
        &self,
        rows: impl Iterator<Item = usize>,
        zone: &Zone,
        found: &mut Vec<Option<Micros>>,
    ) {
        found.clear();
        let values = self.values.values();
        let micros = rows.map(|row| to_micros(values[row], self.unit));
        if self.utc {
            found.extend(micros);
        } else {
            let mut clock = WallClock::of(zone);
            found.extend(micros.map(|wall| Some(clock.instant_of(wall?.0))));
        }
    }
}

/// A column of times.
#[derive(Clone, Debug)]
pub(crate) struct TimeColumn {
    /// The values as they are stored.
    values: Times,
}

/// How times are stored.
#[derive(Clone, Debug)]
enum Times {
    /// Numbers of a unit, of the wall or since the epoch.
    Numbers {
        /// The numbers.
        values: Int64Array,
        /// Their unit.
        unit: TimeUnit,
        /// Whether they count from the epoch, not on the wall.
        utc: bool,
    },
    /// Days.
    Days(arrow::array::Date32Array),
    /// Text.
    Text(StringViewArray),
}

impl TimeColumn {
    /// Whether a type holds times; integers do if the user tells their unit.
    pub(crate) fn holds(data_type: &DataType, unit: Option<TimeUnit>) -> bool {
        match data_type {
            DataType::Timestamp(_, _) | DataType::Date32 | DataType::Utf8View => true,
            of => of.is_integer() && unit.is_some(),
        }
    }

    /// The times of a column, or `None` if its type holds none.
    pub(crate) fn of(array: &ArrayRef, unit: Option<TimeUnit>) -> Option<TimeColumn> {
        let values = match array.data_type() {
            DataType::Timestamp(stored, zone) => {
                let utc = zone.is_some();
                let (values, unit) = match stored {
                    ArrowUnit::Second => (raw::<TimestampSecondType>(array), TimeUnit::Second),
                    ArrowUnit::Millisecond => {
                        (raw::<TimestampMillisecondType>(array), TimeUnit::Milli)
                    }
                    ArrowUnit::Microsecond => {
                        (raw::<TimestampMicrosecondType>(array), TimeUnit::Micro)
                    }
                    ArrowUnit::Nanosecond => {
                        (raw::<TimestampNanosecondType>(array), TimeUnit::Nano)
                    }
                };
                Times::Numbers { values, unit, utc }
            }
            DataType::Date32 => Times::Days(array.as_primitive::<Date32Type>().clone()),
            DataType::Utf8View => Times::Text(array.as_string_view().clone()),
            of if of.is_integer() => {
                let values = cast(array, &DataType::Int64).ok()?;
                let values = values.as_primitive::<Int64Type>().clone();
                Times::Numbers {
                    values,
                    unit: unit?,
                    utc: true,
                }
            }
            _ => return None,
        };
        Some(TimeColumn { values })
    }

    /// The times, if they are numbers and none is null.
    pub(crate) fn plain(&self) -> Option<PlainTimes> {
        match &self.values {
            Times::Numbers { values, unit, utc } if values.null_count() == 0 => Some(PlainTimes {
                values: values.clone(),
                unit: *unit,
                utc: *utc,
            }),
            _ => None,
        }
    }

    /// The time of a row, or nothing if it is null.
    #[inline]
    pub(crate) fn written(&self, row: usize, clock: &Clock<'_>) -> Value<Option<Written>> {
        match &self.values {
            Times::Numbers { values, .. } if values.is_null(row) => Ok(None),
            Times::Numbers { values, unit, utc } => match to_micros(values.value(row), *unit) {
                Some(at) if *utc => Ok(Some(Written::Instant(at))),
                Some(wall) => Ok(Some(Written::Wall(wall.0))),
                None => Err(Mismatch::new(
                    clock.expected(),
                    values.value(row).to_string(),
                )),
            },
            Times::Days(days) if days.is_null(row) => Ok(None),
            Times::Days(days) => Ok(Some(Written::Date(Day(days.value(row))))),
            Times::Text(texts) if texts.is_null(row) => Ok(None),
            Times::Text(texts) => match parse(texts.value(row).as_bytes()) {
                Some(written) => Ok(Some(written)),
                None => Err(Mismatch::new(clock.expected(), quoted(texts.value(row)))),
            },
        }
    }

    /// The text of a row that is not null, if the column holds text.
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        match &self.values {
            Times::Text(texts) if texts.is_valid(row) => Some(texts.value(row)),
            _ => None,
        }
    }
}

/// The numbers of a column of timestamps.
fn raw<T: arrow::datatypes::ArrowPrimitiveType<Native = i64>>(array: &ArrayRef) -> Int64Array {
    let times = array.as_primitive::<T>();
    Int64Array::new(times.values().clone(), times.nulls().cloned())
}

/// The label of a row.
pub(crate) fn label(labels: &BooleanArray, row: usize) -> Label {
    match (
        labels.is_null(row),
        !labels.is_null(row) && labels.value(row),
    ) {
        (true, _) => Label::Null,
        (false, true) => Label::Yes,
        (false, false) => Label::No,
    }
}
