//! Plain rows of NDJSON: lines with the text of the line before around their values.

use super::digits::int;
use super::moment::MomentReader;
use super::{PlainRow, RowValues, Slot, Trial};
use crate::ids::Item;
use crate::scan::text::json::shape::{LineShape, simple_end};

/// Reads plain rows of lines of one shape.
#[derive(Debug)]
pub(crate) struct JsonRows {
    /// The texts before the values with what the values are.
    slots: Vec<(Template, Slot)>,
    /// The text behind the last value.
    tail: Template,
    /// The wanted columns that such a line has.
    pub(crate) columns: Vec<usize>,
    times: MomentReader,
    trial: Trial,
}

impl JsonRows {
    /// A reader of lines of a shape; `None` if they are never plain.
    pub(crate) fn new(shape: &LineShape) -> Option<JsonRows> {
        let (mut slots, mut columns) = (Vec::new(), Vec::new());
        let mut before = String::new();
        for (text, column) in shape.values() {
            let slot = column.map_or(Slot::Other, Slot::of_column);
            columns.extend(column);
            before += text;
            // The quotes of a time are texts around it.
            let quote = if slot == Slot::Time { "\"" } else { "" };
            before += quote;
            slots.push((Template::new(&before), slot));
            quote.clone_into(&mut before);
        }
        before += shape.tail();
        let has = |wanted| slots.iter().any(|(_, slot)| *slot == wanted);
        let is_row = [Slot::Customer, Slot::Item, Slot::Time]
            .into_iter()
            .all(has);
        is_row.then(|| JsonRows {
            slots,
            tail: Template::new(&before),
            columns,
            times: MomentReader::new(),
            trial: Trial::default(),
        })
    }

    /// Reads rows from a place on, until there are many, or to a line that is not plain; gives the place behind them.
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

    /// The row of the line at a place, if it is plain, and where the next begins.
    #[inline]
    fn row<'t, I: Item>(
        &mut self,
        text: &'t str,
        mut at: usize,
    ) -> Option<(PlainRow<'t, I>, usize)> {
        let bytes = text.as_bytes();
        let mut values = RowValues::default();
        for (before, slot) in &self.slots {
            at += before.length_in(bytes.get(at..)?)?;
            let rest = bytes.get(at..)?;
            at += match slot {
                Slot::Other => simple_end(rest)?,
                slot => values.read(*slot, (text, at), &mut self.times, json_int)?,
            };
        }
        at += self.tail.length_in(bytes.get(at..)?)?;
        let end = match (bytes.get(at)?, bytes.get(at + 1)) {
            (b'\n', _) => at + 1,
            (b'\r', Some(b'\n')) => at + 2,
            _ => return None,
        };
        Some((values.row()?, end))
    }
}

/// The integer that a text begins with, and its length; none that JSON does not know.
#[inline]
fn json_int(text: &[u8]) -> Option<(i64, usize)> {
    match text {
        [b'0', b'0'..=b'9', ..] | [b'-', b'0', b'0'..=b'9', ..] => None,
        _ => int(text),
    }
}

/// A text that is looked for, as words of eight bytes.
#[derive(Debug)]
struct Template {
    /// Each word, and which of its bits count.
    words: Vec<(u64, u64)>,
    length: usize,
}

impl Template {
    /// A text to look for.
    fn new(text: &str) -> Template {
        let words = text.as_bytes().chunks(8).map(|bytes| {
            let (mut word, mut bits) = ([0; 8], [0; 8]);
            word[..bytes.len()].copy_from_slice(bytes);
            bits[..bytes.len()].fill(0xff);
            (u64::from_le_bytes(word), u64::from_le_bytes(bits))
        });
        Template {
            words: words.collect(),
            length: text.len(),
        }
    }

    /// The length of the text, if another begins with it and goes on for a word.
    #[inline]
    fn length_in(&self, text: &[u8]) -> Option<usize> {
        // A call of `memcmp` for each takes longer than all of this.
        let (found, _) = text.as_chunks::<8>();
        let found = found.get(..self.words.len())?;
        let words = self.words.iter().zip(found);
        let other = words.fold(0, |other, ((word, bits), found)| {
            other | ((u64::from_le_bytes(*found) & bits) ^ word)
        });
        (other == 0).then_some(self.length)
    }
}
