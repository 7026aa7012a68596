//! Arrow columns of times to [`WrittenTime`]s, one by one, or to instants, many at once.
//!
//! **Null rule**: an Arrow null is a null. **Invariants**: what lies outside the years 1 to 9999 is a
//! fault of its row.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Int64Type, TimeUnit as ArrowUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt64Type,
};

use crate::calendar::{WallClock, Zone};
use crate::ids::{Day, Micros};
use crate::job::TimeUnit;
use crate::scan::bad_rows::RowAt;
use crate::scan::mismatch::{Mismatch, Value, quoted};
use crate::scan::text::epoch::{to_micros, unit_of};
use crate::scan::text::field::Clock;
use crate::scan::text::times::WrittenTime;
use crate::scan::time_kinds::TimeKinds;
use crate::scan::values::numbers::{is_number, number_texts};

/// Times as numbers of a unit, of the wall or since the epoch.
#[derive(Clone, Debug)]
pub(crate) struct TimeNumbers {
    values: Int64Array,
    unit: TimeUnit,
    /// Whether they count from the epoch, not on the wall.
    utc: bool,
    /// Whether they are integers, of the unit that the spec says.
    is_epoch: bool,
}

impl TimeNumbers {
    /// The times of a column of unsigned integers. A cast would make nulls of those above 2^63 − 1, and
    /// a null is no fault everywhere.
    fn unsigned(array: &ArrayRef, unit: TimeUnit) -> TimeNumbers {
        let ints = array.as_primitive::<UInt64Type>();
        let max = i64::MAX.cast_unsigned();
        let (unit, divisor) = match unit {
            // Such nanoseconds are times of the years 2262 to 2554.
            TimeUnit::Nano if ints.iter().flatten().any(|int| int > max) => (TimeUnit::Micro, 1000),
            unit => (unit, 1),
        };
        // 2^63 − 1 is beyond the year 9999 in every other unit, so it is a fault as well.
        let signed = |int: u64| (int / divisor).min(max).cast_signed();
        TimeNumbers {
            values: ints.unary(signed),
            unit,
            utc: true,
            is_epoch: true,
        }
    }

    /// The instants of some rows, none of them null; `None` where there is no such instant, or it is not of the years 1
    /// to 9999. `are_near` if all are known to be: then none is asked.
    pub(crate) fn instants(
        &self,
        rows: impl Iterator<Item = usize>,
        (zone, are_near): (&Zone, bool),
        found: &mut Vec<Option<Micros>>,
    ) {
        found.clear();
        let values = self.values.values();
        let micros = rows.map(|row| to_micros(values[row], self.unit));
        let near = |at: Option<Micros>| at.filter(|at| zone.is_near(*at));
        let mut clock = WallClock::new(zone);
        let mut at = |wall: Option<Micros>| Some(clock.instant_of(wall?.0));
        // Told once per batch: a call per row with a match inside took 2.6 % of a run over 167M
        // actions.
        match (self.utc, are_near) {
            (true, true) => found.extend(micros),
            (true, false) => found.extend(micros.map(near)),
            (false, true) => found.extend(micros.map(at)),
            (false, false) => found.extend(micros.map(|wall| near(at(wall)))),
        }
    }
}

/// A column of times.
#[derive(Clone, Debug)]
pub(crate) struct TimeColumn {
    /// The values as they are stored.
    values: StoredTimes,
}

/// How times are stored.
#[derive(Clone, Debug)]
enum StoredTimes {
    /// Numbers.
    Numbers(TimeNumbers),
    /// Days.
    Days(arrow::array::Date32Array),
    /// Text.
    Text(StringViewArray),
    /// Numbers with a fraction since the epoch, as texts.
    Fractions(StringViewArray),
}

impl TimeColumn {
    /// Whether a type holds times; integers and other numbers do if the user tells their unit.
    pub(crate) fn holds(data_type: &DataType, unit: Option<TimeUnit>) -> bool {
        match data_type {
            DataType::Timestamp(_, _) | DataType::Date32 | DataType::Utf8View => true,
            other => (other.is_integer() || holds_fractions(other)) && unit.is_some(),
        }
    }

    /// The times of a column, or `None` if its type holds none.
    pub(crate) fn new(array: &ArrayRef, unit: Option<TimeUnit>) -> Option<TimeColumn> {
        let values = match array.data_type() {
            DataType::Timestamp(stored, zone) => {
                // Whatever zone the type names: the numbers are of UTC.
                let utc = zone.is_some();
                let unit = unit_of(*stored);
                let values = match stored {
                    ArrowUnit::Second => raw::<TimestampSecondType>(array),
                    ArrowUnit::Millisecond => raw::<TimestampMillisecondType>(array),
                    ArrowUnit::Microsecond => raw::<TimestampMicrosecondType>(array),
                    ArrowUnit::Nanosecond => raw::<TimestampNanosecondType>(array),
                };
                StoredTimes::Numbers(TimeNumbers {
                    values,
                    unit,
                    utc,
                    is_epoch: false,
                })
            }
            DataType::Date32 => StoredTimes::Days(array.as_primitive::<Date32Type>().clone()),
            DataType::Utf8View => StoredTimes::Text(array.as_string_view().clone()),
            DataType::UInt64 => StoredTimes::Numbers(TimeNumbers::unsigned(array, unit?)),
            other if other.is_integer() => {
                let values = cast(array, &DataType::Int64).ok()?;
                StoredTimes::Numbers(TimeNumbers {
                    values: values.as_primitive::<Int64Type>().clone(),
                    unit: unit?,
                    utc: true,
                    is_epoch: true,
                })
            }
            other if holds_fractions(other) => {
                unit?;
                StoredTimes::Fractions(number_texts(array))
            }
            _ => return None,
        };
        Some(TimeColumn { values })
    }

    /// The times, if they are numbers and none is null.
    pub(crate) fn plain(self) -> Option<TimeNumbers> {
        match self.values {
            StoredTimes::Numbers(numbers) if numbers.values.null_count() == 0 => Some(numbers),
            _ => None,
        }
    }

    /// Adds the instants of all rows, if they are numbers since the epoch, none is null, and all are of the
    /// years 1 to 9999; if not, adds nothing, and gives false.
    pub(super) fn add_instants(&self, zone: &Zone, to: &mut Vec<Micros>) -> bool {
        let numbers = match &self.values {
            StoredTimes::Numbers(numbers) if numbers.utc => numbers,
            _ => return false,
        };
        if numbers.values.null_count() > 0 {
            return false;
        }
        let (start, mut are_near) = (to.len(), true);
        to.extend(numbers.values.values().iter().map(|number| {
            let at = to_micros(*number, numbers.unit);
            are_near &= at.is_some_and(|at| zone.is_near(at));
            at.unwrap_or(Micros(0))
        }));
        if !are_near {
            to.truncate(start);
        }
        are_near
    }

    /// The time of a row, or nothing if it is null.
    #[inline]
    pub(crate) fn written(&self, row: usize, clock: &Clock<'_>) -> Value<Option<WrittenTime>> {
        let (is_null, written) = match &self.values {
            StoredTimes::Numbers(numbers) => {
                let micros = to_micros(numbers.values.value(row), numbers.unit);
                let written = micros.map(|at| {
                    if numbers.utc {
                        WrittenTime::Instant(at)
                    } else {
                        WrittenTime::Wall(at.0)
                    }
                });
                (numbers.values.is_null(row), written)
            }
            StoredTimes::Days(days) => {
                let day = Day(days.value(row));
                (days.is_null(row), Some(WrittenTime::Date(day)))
            }
            StoredTimes::Text(texts) if texts.is_null(row) => (true, None),
            StoredTimes::Fractions(texts) if texts.is_null(row) => (true, None),
            StoredTimes::Fractions(texts) => (false, clock.epoch_of_number(texts.value(row))),
            StoredTimes::Text(texts) => {
                let local = clock.local_of(texts.value(row));
                (false, local.map(|(written, _)| written))
            }
        };
        // Nulls first: the value in their place may be anything.
        match written.filter(|written| written.is_near(clock.zone)) {
            _ if is_null => Ok(None),
            Some(written) => Ok(Some(written)),
            None => Err(Mismatch::new(
                clock.expected(&self.raw(row)),
                self.shown(row),
            )),
        }
    }

    /// What a row that is not null holds in place of a time: an integer or a text.
    #[cold]
    fn raw(&self, row: usize) -> String {
        match &self.values {
            StoredTimes::Numbers(numbers) if numbers.is_epoch => {
                numbers.values.value(row).to_string()
            }
            StoredTimes::Text(texts) | StoredTimes::Fractions(texts) => texts.value(row).to_owned(),
            _ => String::new(),
        }
    }

    /// The value of a row that is not null, as a message shows it.
    #[cold]
    fn shown(&self, row: usize) -> String {
        match &self.values {
            StoredTimes::Numbers(numbers) => numbers.values.value(row).to_string(),
            StoredTimes::Days(days) => format!("day {} from 1970-01-01 on", days.value(row)),
            StoredTimes::Text(texts) => quoted(texts.value(row)),
            StoredTimes::Fractions(texts) => texts.value(row).to_owned(),
        }
    }

    /// Whether it holds text.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.values, StoredTimes::Text(_))
    }

    /// Takes note of the kind of the time that the text of a row tells.
    pub(crate) fn note(&self, row: usize, clock: &Clock<'_>, kinds: &mut TimeKinds, at: RowAt<'_>) {
        if let Some(text) = self.text(row)
            && let Ok(Some(written)) = self.written(row, clock)
        {
            kinds.note(written, text, at);
        }
    }

    /// The text of a row that is not null, if the column holds text.
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        match &self.values {
            StoredTimes::Text(texts) if texts.is_valid(row) => Some(texts.value(row)),
            _ => None,
        }
    }
}

/// Whether a type holds numbers that may be times with a fraction. Floats of 32 bits are too coarse.
fn holds_fractions(data_type: &DataType) -> bool {
    is_number(data_type) && *data_type != DataType::Float32
}

/// The numbers of a column of timestamps.
fn raw<T: arrow::datatypes::ArrowPrimitiveType<Native = i64>>(array: &ArrayRef) -> Int64Array {
    let times = array.as_primitive::<T>();
    Int64Array::new(times.values().clone(), times.nulls().cloned())
}
