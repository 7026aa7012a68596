//! Arrow columns that the tables of several job kinds have.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, StringBuilder};
use arrow::datatypes::{DataType, Field};

use crate::calendar::date_text;
use crate::dictionary::{Id, RankedDictionary};
use crate::ids::Day;
use crate::job::CustomerType;

/// The text of the day of the last row, which mostly is that of the next as well.
#[derive(Default)]
pub(super) struct Dates {
    last: Option<(Day, String)>,
}

impl Dates {
    /// The text of a day.
    pub(super) fn text(&mut self, day: Day) -> &str {
        if self.last.as_ref().is_none_or(|(last, _)| *last != day) {
            self.last = Some((day, date_text(day)));
        }
        self.last.as_ref().map_or("", |(_, text)| text)
    }
}

/// A column of ids.
pub(super) fn ids_array(
    ids: &RankedDictionary,
    ranks: impl ExactSizeIterator<Item = u32> + Clone,
) -> ArrayRef {
    if !ids.has_texts() {
        let ints = ranks.map(|rank| match ids.get(rank) {
            Id::Int(id) => id,
            Id::Text(_) => unreachable!("ids are of one type"),
        });
        return Arc::new(Int64Array::from_iter_values(ints));
    }
    // A guess, from the first id: the buffer grows where others are longer.
    let width = ranks.clone().next().map_or(0, |rank| ids.get(rank).width());
    let mut texts = StringBuilder::with_capacity(ranks.len(), ranks.len() * width);
    for rank in ranks {
        if let Id::Text(id) = ids.get(rank) {
            texts.append_value(id);
        }
    }
    Arc::new(texts.finish())
}

/// A column of days.
pub(super) fn days_array(days: impl Iterator<Item = Day>) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(days.map(|day| day.0)))
}

/// A column of numbers.
pub(super) fn numbers_array(numbers: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(numbers))
}

/// A column of ids of a type.
pub(super) fn id_field(name: &str, id_type: CustomerType) -> Field {
    let data_type = match id_type {
        CustomerType::Int64 => DataType::Int64,
        CustomerType::String => DataType::Utf8,
    };
    Field::new(name, data_type, false)
}
