//! A column of any number of nullable values per impression: the passthrough columns of items.
//!
//! **In / Out**: values, one after the other, and the number of each impression's → levels and values
//! in PLAIN. **Null rule**: nulls have a level and no value. Statistics have no bounds.

use std::ops::Range;

use parquet::file::statistics::Statistics;

use crate::encode::direct::literals_and_copies::LiteralsAndCopies;
use crate::encode::direct::scalar_values::{Levels, ScalarValues, put_after, put_bits};
use crate::ids::count64;

/// A column of any number of nullable values per impression.
pub(crate) struct Nullable {
    /// The number of values of each impression.
    counts: Vec<usize>,
    /// The start of each impression's values; one more than there are impressions.
    starts: Vec<usize>,
    /// Which values are not null.
    is_there: Vec<bool>,
    values: Plain,
}

/// Values as PLAIN has them.
enum Plain {
    /// Bytes, and the end of each value; a null is empty.
    Bytes(Vec<u8>, Vec<usize>),
    /// Booleans; false for a null.
    Bits(Vec<bool>),
}

impl Nullable {
    /// Values of whole bytes.
    pub(crate) fn bytes<B: AsRef<[u8]>>(
        counts: Vec<usize>,
        values: impl Iterator<Item = Option<B>>,
    ) -> Nullable {
        let (mut is_there, mut bytes, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for value in values {
            is_there.push(value.is_some());
            bytes.extend_from_slice(value.as_ref().map_or(&[], B::as_ref));
            ends.push(bytes.len());
        }
        Nullable::new(counts, is_there, Plain::Bytes(bytes, ends))
    }

    /// Booleans.
    pub(crate) fn bits(counts: Vec<usize>, values: impl Iterator<Item = Option<bool>>) -> Nullable {
        let pairs = values.map(|value| (value.is_some(), value.unwrap_or(false)));
        let (is_there, bits) = pairs.unzip();
        Nullable::new(counts, is_there, Plain::Bits(bits))
    }

    /// A column of values.
    fn new(counts: Vec<usize>, is_there: Vec<bool>, values: Plain) -> Nullable {
        let mut starts = vec![0];
        for count in &counts {
            starts.push(starts[starts.len() - 1] + count);
        }
        debug_assert_eq!(starts.last(), Some(&is_there.len()));
        Nullable {
            counts,
            starts,
            is_there,
            values,
        }
    }

    /// The range of values of some impressions.
    fn range(&self, impressions: Range<usize>) -> Range<usize> {
        self.starts[impressions.start]..self.starts[impressions.end]
    }
}

/// The bytes of some values, given where each ends.
fn bytes_of<'b>(bytes: &'b [u8], ends: &[usize], values: Range<usize>) -> &'b [u8] {
    let end = |at: usize| if at == 0 { 0 } else { ends[at - 1] };
    &bytes[end(values.start)..end(values.end)]
}

impl ScalarValues for Nullable {
    fn count(&self, at: usize) -> usize {
        self.counts[at]
    }

    fn bytes(&self, at: usize) -> usize {
        let values = self.range(at..at + 1);
        match &self.values {
            Plain::Bytes(bytes, ends) => bytes_of(bytes, ends, values).len(),
            Plain::Bits(_) => values.len(),
        }
    }

    fn levels(&self, impressions: Range<usize>, to: &mut Levels) {
        let is_there = self.is_there[self.range(impressions)].iter();
        is_there.for_each(|is_there| to.add(*is_there, 1));
    }

    fn values(&self, impressions: Range<usize>, to: &mut LiteralsAndCopies) {
        match &self.values {
            Plain::Bytes(bytes, ends) => {
                let mut before: &[u8] = &[];
                for at in impressions {
                    let now = bytes_of(bytes, ends, self.range(at..at + 1));
                    put_after(to, before, now);
                    before = now;
                }
            }
            Plain::Bits(bits) => {
                let values = self.range(impressions);
                let there = self.is_there[values.clone()].iter().zip(&bits[values]);
                // PLAIN has no bit for a null; the false that stands for it only keeps places
                // aligned.
                let there = there.filter(|(is_there, _)| **is_there);
                put_bits(there.map(|(_, bit)| *bit), to);
            }
        }
    }

    fn statistics(&self) -> Statistics {
        let nulls = self.is_there.iter().filter(|is_there| !**is_there).count();
        Statistics::new(None::<bool>, None, None, Some(count64(nulls)), false)
    }
}
