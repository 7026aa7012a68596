//! Arrow columns that the tables of several job kinds have.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int64Array, StringArray, StringViewArray, UInt32Array,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field};

use crate::calendar::date_text;
use crate::dictionary::{Id, RankedDictionary};
use crate::ids::{Day, count32, offset32};
use crate::job::CustomerType;

/// The texts of the days of the last rows, which mostly are those of the next as well.
#[derive(Default)]
pub(super) struct Dates {
    /// By the last three bits of the day: a table with a row for each day of a week makes each text once.
    last: [Option<(Day, String)>; 8],
}

impl Dates {
    /// The text of a day.
    pub(super) fn text(&mut self, day: Day) -> &str {
        let place = usize::try_from(day.0 & 7).expect("three bits are not negative");
        let last = &mut self.last[place];
        if last.as_ref().is_none_or(|(last, _)| *last != day) {
            *last = Some((day, date_text(day)));
        }
        last.as_ref().map_or("", |(_, text)| text)
    }
}

/// A column of ids: integers, or views of texts.
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
    // Of neighbours with one id, which a table of users mostly has, the text is kept once, and each row has a view
    // of it.
    let (mut bytes, mut ends, mut last) = (Vec::new(), vec![0], None);
    let mut places: Vec<u32> = Vec::with_capacity(ranks.len());
    for rank in ranks {
        if last != Some(rank) {
            bytes.extend_from_slice(ids.text(rank));
            ends.push(offset32(bytes.len()));
            last = Some(rank);
        }
        places.push(count32(ends.len() - 2));
    }
    let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
    let texts = StringArray::new(ends, Buffer::from_vec(bytes), None);
    let views = StringViewArray::from(&texts);
    take(&views, &UInt32Array::from(places), None).expect("places are of these texts")
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
