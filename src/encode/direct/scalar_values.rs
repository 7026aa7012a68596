//! The values of scalar columns: one value per impression, or numbers or labels per item.
//!
//! **In / Out**: a column of some impressions → levels and values in PLAIN, written to a
//! [`LiteralsAndCopies`] in which equal neighbours are copies. **Null rule**: nulls have a level and
//! no value.

use std::ops::Range;

use parquet::data_type::{AsBytes, ByteArray, DataType, SliceAsBytes};
use parquet::file::statistics::Statistics;

use super::lz4;
use crate::encode::direct::history_pages::varint;
use crate::encode::direct::literals_and_copies::{COPY_MIN, LiteralsAndCopies};
use crate::ids::{count32, count64};
use crate::kernel::column::Label;

/// The longest text that is written into statistics.
const TEXT_MAX: usize = 64;

/// The values of a scalar column, impression by impression.
pub(crate) trait ScalarValues {
    /// The number of values of an impression, nulls included.
    fn count(&self, at: usize) -> usize;

    /// An upper bound of the bytes of its values.
    fn bytes(&self, at: usize) -> usize;

    /// Adds the definition levels of some impressions.
    fn levels(&self, impressions: Range<usize>, to: &mut Levels);

    /// Writes the values of some impressions that are not null.
    fn values(&self, impressions: Range<usize>, to: &mut LiteralsAndCopies);

    /// The statistics of all values, for the footer.
    fn statistics(&self) -> Statistics;
}

/// Writes bytes; the prefix they share with `before`, which was written last, becomes a copy.
pub(crate) fn put_after(stream: &mut LiteralsAndCopies, before: &[u8], now: &[u8]) {
    let same = if before == now {
        now.len()
    } else {
        let pairs = before.iter().zip(now);
        pairs.take_while(|(before, now)| before == now).count()
    };
    // `before` may have been repeated since; the bytes at this distance are the same. The stream
    // does not know its codec, so the distance is always within that of LZ4.
    if same >= COPY_MIN && before.len() <= lz4::DISTANCE_MAX {
        stream.copy(before.len(), same);
        stream.literal(&now[same..]);
    } else {
        stream.literal(now);
    }
}

/// Repeats the bytes that were written last.
fn repeat(stream: &mut LiteralsAndCopies, bytes: &[u8], times: usize) {
    // A distance of 0 is no copy.
    if times == 0 || bytes.is_empty() {
    } else if bytes.len() <= lz4::DISTANCE_MAX {
        stream.copy(bytes.len(), bytes.len() * times);
    } else {
        (0..times).for_each(|_| stream.literal(bytes));
    }
}

/// Definition levels, as runs (the RLE half of Parquet's hybrid).
pub(crate) struct Levels {
    top: u8,
    bytes: Vec<u8>,
    /// The open run: its level and length.
    run: (u8, usize),
}

impl Levels {
    /// No levels.
    pub(crate) fn new(top: i16) -> Levels {
        let top = u8::try_from(top).expect("columns are nested twice at most");
        Levels {
            top,
            bytes: Vec::new(),
            run: (top, 0),
        }
    }

    /// Adds `count` values that are all there, or all null.
    pub(crate) fn add(&mut self, is_there: bool, count: usize) {
        // Only the innermost level is optional and no list is empty, so a null is one below the
        // top.
        let level = self.top - u8::from(!is_there);
        if level != self.run.0 {
            self.close();
            self.run = (level, 0);
        }
        self.run.1 += count;
    }

    /// Ends the open run.
    fn close(&mut self) {
        let (level, count) = self.run;
        if count > 0 {
            self.bytes.extend(varint(count << 1));
            self.bytes.push(level);
        }
    }

    /// The levels, without their length.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.close();
        self.bytes
    }
}

/// A column with one value per impression, which all its rows share.
pub(crate) struct PerImpression<'a> {
    /// The number of rows of each impression.
    rows: &'a [usize],
    /// The values in PLAIN, one an impression.
    bytes: Vec<u8>,
    /// The end of each value; a null is empty.
    ends: Vec<usize>,
    statistics: Statistics,
}

impl<'a> PerImpression<'a> {
    /// A column of numbers.
    pub(crate) fn numbers<D: DataType>(
        rows: &'a [usize],
        values: impl Iterator<Item = Option<D::T>> + Clone,
    ) -> PerImpression<'a> {
        let (min, max) = bounds(values.clone().flatten());
        let nulls = nulls(rows, values.clone());
        let mut bytes = Vec::new();
        let ends = values.map(|value| {
            bytes.extend(value.iter().flat_map(|value| value.as_bytes()));
            bytes.len()
        });
        PerImpression {
            rows,
            ends: ends.collect(),
            statistics: Statistics::new(min, max, None, Some(nulls), false),
            bytes,
        }
    }

    /// A column of texts.
    pub(crate) fn texts<'t>(
        rows: &'a [usize],
        values: impl Iterator<Item = Option<&'t [u8]>>,
    ) -> PerImpression<'a> {
        // Each is looked for once: those of a row group lie far apart.
        let values: Vec<Option<&[u8]>> = values.collect();
        let values = values.iter().copied();
        let (min, max) = bounds(values.clone().flatten());
        let short = |text: Option<&[u8]>| {
            // Left out and not cut: the prefix of a maximum is below it, so it is no bound.
            let text = text.filter(|text| text.len() <= TEXT_MAX);
            text.map(|text| ByteArray::from(text.to_vec()))
        };
        let (min, max) = (short(min), short(max));
        let nulls = nulls(rows, values.clone());
        let mut bytes = Vec::new();
        let ends = values.map(|value| {
            if let Some(text) = value {
                // With its length an empty text has four bytes, so a value without bytes is always
                // a null.
                bytes.extend(count32(text.len()).to_le_bytes());
                bytes.extend(text);
            }
            bytes.len()
        });
        PerImpression {
            rows,
            ends: ends.collect(),
            statistics: Statistics::new(min, max, None, Some(nulls), false),
            bytes,
        }
    }

    /// The same column without bounds in its statistics: NaN has no place in an order.
    pub(crate) fn without_bounds(self) -> PerImpression<'a> {
        let nulls = self.statistics.null_count_opt();
        PerImpression {
            statistics: Statistics::new(None::<f64>, None, None, nulls, false),
            ..self
        }
    }

    /// The bytes of an impression's value; empty if it is null.
    fn value(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }
}

impl ScalarValues for PerImpression<'_> {
    fn count(&self, at: usize) -> usize {
        self.rows[at]
    }

    fn bytes(&self, at: usize) -> usize {
        self.rows[at] * self.value(at).len()
    }

    fn levels(&self, impressions: Range<usize>, to: &mut Levels) {
        impressions.for_each(|at| to.add(!self.value(at).is_empty(), self.rows[at]));
    }

    fn values(&self, impressions: Range<usize>, to: &mut LiteralsAndCopies) {
        let mut before: &[u8] = &[];
        for at in impressions {
            let now = self.value(at);
            // Nulls write nothing, so `before` is still what was written last.
            if !now.is_empty() {
                put_after(to, before, now);
                repeat(to, now, self.rows[at] - 1);
                before = now;
            }
        }
    }

    fn statistics(&self) -> Statistics {
        self.statistics.clone()
    }
}

/// A column of numbers, one per item of an impression.
pub(crate) struct PerItem<'a, D: DataType> {
    /// The range of each impression's items.
    pub(crate) items: &'a [Range<usize>],
    /// The numbers of all items.
    pub(crate) column: &'a [D::T],
}

impl<D: DataType> ScalarValues for PerItem<'_, D> {
    fn count(&self, at: usize) -> usize {
        self.items[at].len()
    }

    fn bytes(&self, at: usize) -> usize {
        self.items[at].len() * size_of::<D::T>()
    }

    fn levels(&self, impressions: Range<usize>, to: &mut Levels) {
        let items = self.items[impressions].iter();
        to.add(true, items.map(Range::len).sum());
    }

    fn values(&self, impressions: Range<usize>, to: &mut LiteralsAndCopies) {
        let mut before: &[u8] = &[];
        for items in &self.items[impressions] {
            let now = D::T::slice_as_bytes(&self.column[items.clone()]);
            put_after(to, before, now);
            before = now;
        }
    }

    fn statistics(&self) -> Statistics {
        let items = self.items.iter();
        let values = items.flat_map(|items| &self.column[items.clone()]);
        let (min, max) = bounds(values.cloned());
        Statistics::new(min, max, None, Some(0), false)
    }
}

/// The column of labels, one per item of an impression.
pub(crate) struct ItemLabels<'a> {
    /// The range of each impression's items.
    pub(crate) items: &'a [Range<usize>],
    /// The labels of all items.
    pub(crate) column: &'a [Label],
}

impl ItemLabels<'_> {
    /// The labels of some impressions.
    fn labels(&self, impressions: Range<usize>) -> impl Iterator<Item = Label> {
        let items = self.items[impressions].iter();
        items.flat_map(|items| &self.column[items.clone()]).copied()
    }
}

impl ScalarValues for ItemLabels<'_> {
    fn count(&self, at: usize) -> usize {
        self.items[at].len()
    }

    fn bytes(&self, at: usize) -> usize {
        self.items[at].len()
    }

    fn levels(&self, impressions: Range<usize>, to: &mut Levels) {
        self.labels(impressions)
            .for_each(|label| to.add(label != Label::Null, 1));
    }

    fn values(&self, impressions: Range<usize>, to: &mut LiteralsAndCopies) {
        let labels = self.labels(impressions);
        let labels = labels.filter(|label| *label != Label::Null);
        put_bits(labels.map(|label| label == Label::Yes), to);
    }

    fn statistics(&self) -> Statistics {
        let labels = || self.labels(0..self.items.len());
        let there = labels().filter(|label| *label != Label::Null);
        let (min, max) = bounds(there.map(|label| label == Label::Yes));
        let nulls = labels().filter(|label| *label == Label::Null).count();
        Statistics::new(min, max, None, Some(count64(nulls)), false)
    }
}

/// Writes booleans, eight per byte.
pub(crate) fn put_bits(values: impl Iterator<Item = bool>, to: &mut LiteralsAndCopies) {
    let mut values = values.peekable();
    while values.peek().is_some() {
        // The first value is the lowest bit, as PLAIN has it.
        let bits = values.by_ref().take(8).enumerate();
        let bit = |(at, value)| u8::from(value) << at;
        to.literal(&[bits.map(bit).sum()]);
    }
}

/// The number of rows whose value is null.
fn nulls<T>(rows: &[usize], values: impl Iterator<Item = Option<T>>) -> u64 {
    let nulls = values.zip(rows).filter(|(value, _)| value.is_none());
    count64(nulls.map(|(_, rows)| *rows).sum())
}

/// The minimum and the maximum.
fn bounds<T: PartialOrd + Clone>(values: impl Iterator<Item = T>) -> (Option<T>, Option<T>) {
    values.fold((None, None), |(min, max), value| {
        let is_min = min.as_ref().is_none_or(|min| value < *min);
        let is_max = max.as_ref().is_none_or(|max| value > *max);
        (
            if is_min { Some(value.clone()) } else { min },
            if is_max { Some(value) } else { max },
        )
    })
}
