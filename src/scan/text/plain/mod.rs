//! Rows of text in which nothing needs judging: a customer, an item and a time, read as they are met.
//!
//! **In / Out**: a piece of CSV or NDJSON → [`Part`]s in order: [`PlainRow`]s, many at a time, and any other record
//! as a [`TextRecord`]. **Invariants**: a plain row has the values that its record has for the readers of single
//! fields; whatever is not digits and a time in the usual form is left to them, null and faults included.
//! **Cost**: one pass over the bytes, eight at a time; nothing is allocated for a row.
//! **Why so**: most records of a log are plain. Finding their fields first, then parsing each by itself and looking
//! at one record at a time took twice as long.

pub(crate) mod csv;
mod digits;
pub(crate) mod json;
mod moment;

use crate::error::Result;
use crate::scan::text::record::TextRecord;
use crate::scan::text::times::WrittenTime;

/// Records of text, in order.
pub(crate) enum Part<'a, I> {
    /// Records in which nothing needs judging, and the number of the first.
    Rows(u64, &'a [PlainRow<'a, I>]),
    /// Any other.
    Record(TextRecord<'a>),
}

/// Receives each part.
pub(crate) type OnPart<'a, I> = &'a mut dyn FnMut(Part<'_, I>) -> Result<()>;

/// A record in which nothing needs judging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlainRow<'t, I> {
    pub(crate) customer: i64,
    pub(crate) item: I,
    pub(crate) written: WrittenTime,
    /// The text of its time.
    pub(crate) time: &'t str,
}

/// How many rows are handed on at once: few enough to stay in the nearest cache.
pub(crate) const ROWS_MAX: usize = 256;

/// What stands in a place of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Customer,
    Item,
    Time,
    /// What a plain row does not have.
    Other,
}

impl Slot {
    /// What a wanted column is: the first three are the customer, the item and the time.
    fn of_column(at: usize) -> Slot {
        match at {
            0 => Slot::Customer,
            1 => Slot::Item,
            2 => Slot::Time,
            _ => Slot::Other,
        }
    }
}

/// Whether trying is worth it: many records that are tried in vain cost as much again.
#[derive(Debug, Default)]
struct Trial {
    plain: usize,
    other: usize,
}

impl Trial {
    /// Whether to try the next record.
    fn goes_on(&self) -> bool {
        self.other < 64 + self.plain / 2
    }

    /// Counts rows, and whether another record ended them.
    fn count(&mut self, rows: usize) {
        self.plain += rows;
        self.other += usize::from(rows < ROWS_MAX);
    }
}

#[cfg(test)]
mod tests;
