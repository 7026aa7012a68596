//! Plain rows of CSV.

use memchr::memchr3;

use super::digits::int;
use super::moment::MomentReader;
use super::{PlainRow, RowValues, Slot, Trial};
use crate::ids::Item;
use crate::scan::text::record::CsvLayout;

/// Reads plain rows of a text without quotes.
#[derive(Debug)]
pub(crate) struct CsvRows {
    /// What the fields of a record are.
    slots: Vec<Slot>,
    delimiter: u8,
    times: MomentReader,
    trial: Trial,
}

impl CsvRows {
    /// A reader of files of a layout; `None` if their records are never plain.
    pub(crate) fn new(layout: &CsvLayout) -> Option<CsvRows> {
        let mut slots = vec![Slot::Other; layout.fields_count];
        for (column, place) in layout.places.iter().enumerate().take(3) {
            // A field that two columns are read from is of no one kind.
            let slot = slots.get_mut((*place)?)?;
            if *slot != Slot::Other {
                return None;
            }
            *slot = Slot::of_column(column);
        }
        let delimiter = layout.delimiter;
        // Where it may stand in a number or a time, it ends them.
        let is_apart = !delimiter.is_ascii_alphanumeric() && !b" -:.+".contains(&delimiter);
        is_apart.then(|| CsvRows {
            slots,
            delimiter,
            times: MomentReader::new(),
            trial: Trial::default(),
        })
    }

    /// Reads rows from a place on, until there are many, or to a record that is not plain; gives the place behind
    /// them.
    #[inline]
    pub(crate) fn fill<'t, I: Item>(
        &mut self,
        text: &'t str,
        at: usize,
        rows: &mut Vec<PlainRow<'t, I>>,
    ) -> usize {
        let mut trial = self.trial;
        let end = trial.fill(at, rows, |at| self.row(text, at));
        self.trial = trial;
        end
    }

    /// The row of the record at a place, if it is plain, and where the next begins.
    #[inline]
    fn row<'t, I: Item>(
        &mut self,
        text: &'t str,
        mut at: usize,
    ) -> Option<(PlainRow<'t, I>, usize)> {
        let bytes = text.as_bytes();
        let mut values = RowValues::default();
        let mut left = self.slots.len();
        for slot in &self.slots {
            let rest = bytes.get(at..)?;
            at += match slot {
                Slot::Other => memchr3(self.delimiter, b'\n', b'\r', rest)?,
                slot => values.read(*slot, (text, at), &mut self.times, int)?,
            };
            left -= 1;
            if left > 0 {
                if bytes.get(at) != Some(&self.delimiter) {
                    return None;
                }
                at += 1;
            }
        }
        let end = match (bytes.get(at)?, bytes.get(at + 1)) {
            (b'\r', Some(b'\n')) => at + 2,
            (b'\n' | b'\r', _) => at + 1,
            // The record goes on, or a field does.
            _ => return None,
        };
        Some((values.row()?, end))
    }
}
