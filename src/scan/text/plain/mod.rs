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

use self::moment::MomentReader;
use crate::error::Result;
use crate::ids::Item;
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

/// The values of a row, as far as they were met.
struct RowValues<'t, I> {
    customer: Option<i64>,
    item: Option<I>,
    time: Option<(WrittenTime, &'t str)>,
}

impl<I> Default for RowValues<'_, I> {
    fn default() -> Self {
        RowValues {
            customer: None,
            item: None,
            time: None,
        }
    }
}

impl<'t, I: Item> RowValues<'t, I> {
    /// Reads the value at a place of a text, an integer by `int`; gives its length.
    #[inline]
    fn read(
        &mut self,
        slot: Slot,
        (text, at): (&'t str, usize),
        times: &mut MomentReader,
        int: impl Fn(&[u8]) -> Option<(i64, usize)>,
    ) -> Option<usize> {
        let rest = text.as_bytes().get(at..)?;
        match slot {
            Slot::Customer => {
                let (id, length) = int(rest)?;
                self.customer = Some(id);
                Some(length)
            }
            Slot::Item => {
                let (id, length) = int(rest)?;
                self.item = I::from_wide(id);
                Some(length)
            }
            Slot::Time => {
                let (written, length) = times.read(rest)?;
                self.time = Some((written, text.get(at..at + length)?));
                Some(length)
            }
            Slot::Other => None,
        }
    }

    /// The row, if it has all values.
    #[inline]
    fn row(self) -> Option<PlainRow<'t, I>> {
        let (written, time) = self.time?;
        Some(PlainRow {
            customer: self.customer?,
            item: self.item?,
            written,
            time,
        })
    }
}

/// Whether trying is worth it: many records that are tried in vain cost as much again.
#[derive(Clone, Copy, Debug, Default)]
struct Trial {
    plain: usize,
    other: usize,
}

impl Trial {
    /// Reads rows from a place on by `row`, which gives the row of the record at a place, if it is plain, and where
    /// the next begins; until there are many, or a record is not plain. Gives the place behind them.
    #[inline]
    fn fill<'t, I>(
        &mut self,
        mut at: usize,
        rows: &mut Vec<PlainRow<'t, I>>,
        mut row: impl FnMut(usize) -> Option<(PlainRow<'t, I>, usize)>,
    ) -> usize {
        rows.clear();
        if self.other >= 64 + self.plain / 2 {
            return at;
        }
        while rows.len() < ROWS_MAX {
            let Some((row, end)) = row(at) else {
                break;
            };
            rows.push(row);
            at = end;
        }
        self.plain += rows.len();
        // Another record ended them.
        self.other += usize::from(rows.len() < ROWS_MAX);
        at
    }
}

#[cfg(test)]
mod tests;
