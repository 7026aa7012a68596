//! The values of a column, row by row.

use super::{ColumnType, Texts};
use crate::ids::Micros;
use crate::kernel::column::Customer;
use crate::kernel::hash::{hash_of, hash_of_text};
use crate::kernel::passthrough::PassthroughValue;

/// The values of one column of a batch.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    values: Values,
    /// Whether each is null; empty if none is.
    nulls: Vec<bool>,
}

/// Values of one kind.
#[derive(Debug, Default)]
enum Values {
    /// Nothing is read.
    #[default]
    None,
    /// Ids that are integers.
    Ints(Vec<i64>),
    /// Texts, or ids that are.
    Texts(Texts),
    /// Times, with the offsets that they were written with.
    Times(TimeCells),
    /// Numbers.
    Floats(Vec<f64>),
    /// What is copied, nulls included.
    Kept(Vec<PassthroughValue>),
}

/// Moments, with what was written down of the place.
#[derive(Debug, Default)]
pub(crate) struct TimeCells {
    pub(crate) at: Vec<Micros>,
    /// The offset that each was written with, µs east of UTC; empty if none was.
    pub(crate) east_us: Vec<Option<i64>>,
}

impl TimeCells {
    /// Adds a time.
    #[inline]
    pub(super) fn push(&mut self, at: Micros, east_us: Option<i64>) {
        if east_us.is_some() || !self.east_us.is_empty() {
            self.east_us.resize(self.at.len(), None);
            self.east_us.push(east_us);
        }
        self.at.push(at);
    }
}

impl Cells {
    /// Whether the value of a row is null.
    #[inline]
    pub(crate) fn is_null(&self, row: u32) -> bool {
        !self.nulls.is_empty() && self.nulls[super::at(row)]
    }

    /// Whether each value is null; empty if none is.
    pub(super) fn nulls(&self) -> &[bool] {
        &self.nulls
    }

    /// Whether the column holds texts.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.values, Values::Texts(_))
    }

    /// The hash of the file contract of the id of a row, which is not null.
    pub(crate) fn hash_of_id(&self, row: u32) -> u64 {
        if self.is_text() {
            hash_of_text(self.texts().get(row))
        } else {
            hash_of(Customer::Int(self.ints()[super::at(row)]))
        }
    }

    /// The id of a row in a message.
    pub(crate) fn id_text(&self, row: u32) -> String {
        if self.is_text() {
            format!("\"{}\"", String::from_utf8_lossy(self.texts().get(row)))
        } else {
            self.ints()[super::at(row)].to_string()
        }
    }

    /// The integers of a column of [`ColumnType::IntId`].
    ///
    /// # Panics
    /// If it holds something else.
    pub(crate) fn ints(&self) -> &[i64] {
        match &self.values {
            Values::Ints(values) => values,
            _ => panic!("a column of integers"),
        }
    }

    /// The texts of a column of [`ColumnType::TextId`] or [`ColumnType::Text`].
    ///
    /// # Panics
    /// If it holds something else.
    pub(crate) fn texts(&self) -> &Texts {
        match &self.values {
            Values::Texts(values) => values,
            _ => panic!("a column of texts"),
        }
    }

    /// The times of a column of [`ColumnType::Time`] or [`ColumnType::Known`].
    ///
    /// # Panics
    /// If it holds something else.
    pub(crate) fn times(&self) -> &TimeCells {
        match &self.values {
            Values::Times(values) => values,
            _ => panic!("a column of times"),
        }
    }

    /// The numbers of a column of [`ColumnType::Float`].
    ///
    /// # Panics
    /// If it holds something else.
    pub(crate) fn floats(&self) -> &[f64] {
        match &self.values {
            Values::Floats(values) => values,
            _ => panic!("a column of numbers"),
        }
    }

    /// The values of a column of [`ColumnType::Kept`].
    ///
    /// # Panics
    /// If it holds something else.
    pub(crate) fn kept(&self) -> &[PassthroughValue] {
        match &self.values {
            Values::Kept(values) => values,
            _ => panic!("a column that is copied"),
        }
    }

    /// Forgets the values of the last batch, and keeps their memory where it can.
    pub(super) fn clear(&mut self, kind: ColumnType) {
        self.nulls.clear();
        match (&mut self.values, kind) {
            (Values::Ints(values), ColumnType::IntId) => values.clear(),
            (Values::Texts(values), ColumnType::TextId | ColumnType::Text) => values.clear(),
            (Values::Times(values), ColumnType::Time | ColumnType::Known) => {
                values.at.clear();
                values.east_us.clear();
            }
            (Values::Floats(values), ColumnType::Float) => values.clear(),
            (Values::Kept(values), ColumnType::Kept(_)) => values.clear(),
            (values, ColumnType::IntId) => *values = Values::Ints(Vec::new()),
            (values, ColumnType::TextId | ColumnType::Text) => {
                *values = Values::Texts(Texts::default());
            }
            (values, ColumnType::Time | ColumnType::Known) => {
                *values = Values::Times(TimeCells::default());
            }
            (values, ColumnType::Float) => *values = Values::Floats(Vec::new()),
            (values, ColumnType::Kept(_)) => *values = Values::Kept(Vec::new()),
        }
    }

    /// Says which values are null, if some are.
    pub(super) fn set_nulls(&mut self, nulls: impl Iterator<Item = bool>) {
        self.nulls.clear();
        self.nulls.extend(nulls);
        if !self.nulls.contains(&true) {
            self.nulls.clear();
        }
    }

    /// Makes the value of a row null, which is the last one so far.
    pub(super) fn set_null(&mut self, row: usize) {
        // Rows before it have no entry if none of them was null.
        self.nulls.resize(row, false);
        self.nulls.push(true);
    }

    /// Makes texts null that are empty, of so many rows.
    pub(super) fn set_empty_null(&mut self, rows_count: usize) {
        let Values::Texts(texts) = &self.values else {
            panic!("a column of texts");
        };
        let nulls = &mut self.nulls;
        nulls.clear();
        if !texts.may_be_empty() {
            return;
        }
        nulls.extend(texts.empty_rows(rows_count));
        if !nulls.contains(&true) {
            nulls.clear();
        }
    }

    /// Fills the column of a file that does not have it, which has so many rows.
    pub(super) fn fill_null(&mut self, rows_count: usize) {
        match &mut self.values {
            Values::None => {}
            Values::Ints(values) => values.resize(rows_count, 0),
            Values::Texts(texts) => (0..rows_count).for_each(|_| texts.own().push("")),
            Values::Times(times) => times.at.resize(rows_count, super::EPOCH),
            Values::Floats(values) => values.resize(rows_count, 0.0),
            Values::Kept(values) => values.resize(rows_count, PassthroughValue::Null),
        }
        self.nulls.resize(rows_count, true);
    }

    /// Ends a batch of so many rows that was filled row by row.
    pub(super) fn finish(&mut self, rows_count: usize) {
        if !self.nulls.is_empty() {
            self.nulls.resize(rows_count, false);
        }
        if let Values::Times(times) = &mut self.values
            && !times.east_us.is_empty()
        {
            times.east_us.resize(rows_count, None);
        }
    }

    /// The integers, to be filled.
    pub(super) fn ints_mut(&mut self) -> &mut Vec<i64> {
        match &mut self.values {
            Values::Ints(values) => values,
            _ => panic!("a column of integers"),
        }
    }

    /// The texts, to be filled.
    pub(super) fn texts_mut(&mut self) -> &mut Texts {
        match &mut self.values {
            Values::Texts(values) => values,
            _ => panic!("a column of texts"),
        }
    }

    /// The times, to be filled.
    pub(super) fn times_mut(&mut self) -> &mut TimeCells {
        match &mut self.values {
            Values::Times(values) => values,
            _ => panic!("a column of times"),
        }
    }

    /// The values that are copied, to be filled.
    pub(super) fn kept_mut(&mut self) -> &mut Vec<PassthroughValue> {
        match &mut self.values {
            Values::Kept(values) => values,
            _ => panic!("a column that is copied"),
        }
    }

    /// The numbers, to be filled.
    pub(super) fn floats_mut(&mut self) -> &mut Vec<f64> {
        match &mut self.values {
            Values::Floats(values) => values,
            _ => panic!("a column of numbers"),
        }
    }
}
