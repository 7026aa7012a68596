//! A block of packed rows: those of one chunk.
//!
//! **Format**: a head, then two numbers a row, all of the first and then all of the second: customer and time, kind and
//! item. A number takes as many bytes as the largest of the block needs. Times are counted from the first of the block,
//! in seconds or milliseconds where all are whole ones.

use super::frame::{Bits, Frame, TICKS, above, mask, since};
use crate::ids::{Item, count32, index};
use crate::kernel::event::EventRow;

/// Bytes behind the numbers, so that eight can be read from any of them.
pub(super) const SLACK: usize = 8;

/// The rows of one chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    pub(super) rows_count: usize,
    /// The first time.
    pub(super) first: i64,
    /// One of [`TICKS`].
    pub(super) tick: u64,
    pub(super) bits: Bits,
    /// The bytes of each of the two numbers of a row.
    widths: [usize; 2],
    /// The numbers, and what comes behind them.
    pub(super) numbers: &'a [u8],
}

/// Bytes of the head of a block: its first time, how many rows, which tick, the bits of each part.
pub(super) const HEAD_BYTES: usize = 17;

/// Passes on numbers of `width` bytes each, one after the other, as many as fit before the [`SLACK`].
#[inline]
fn numbers(bytes: &[u8], width: usize) -> impl Iterator<Item = u64> {
    let mask = mask(count32(width * 8));
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let number = u64::from_le_bytes(*rest.first_chunk()?) & mask;
        rest = &rest[width..];
        Some(number)
    })
}

/// Writes numbers of `width` bytes each. Eight bytes are written for each, and what is too much of them is overwritten
/// by the next: [`SLACK`] is behind the last.
#[inline]
pub(super) fn put(bytes: &mut [u8], width: usize, numbers: impl Iterator<Item = u64>) {
    let mut rest = bytes;
    for number in numbers {
        let eight = rest
            .first_chunk_mut()
            .expect("there is slack behind the last");
        *eight = number.to_le_bytes();
        rest = &mut rest[width..];
    }
}

impl<'a> Block<'a> {
    /// The block that some bytes begin with; `None` if they are damaged.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Block<'a>> {
        let (head, numbers) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let (first, head) = head.split_first_chunk()?;
        let (rows_count, head) = head.split_first_chunk()?;
        let [tick, key, time, kind, item] = head else {
            return None;
        };
        let bits = Bits {
            key: u32::from(*key),
            time: u32::from(*time),
            kind: u32::from(*kind),
            item: u32::from(*item),
        };
        let block = Block {
            rows_count: index(u32::from_le_bytes(*rows_count)),
            first: i64::from_le_bytes(*first),
            tick: *TICKS.get(usize::from(*tick))?,
            bits,
            widths: bits.widths()?,
            numbers,
        };
        (block.size() + SLACK <= bytes.len()).then_some(block)
    }

    /// Bytes of the block.
    pub(super) fn size(&self) -> usize {
        let [first, second] = self.widths;
        HEAD_BYTES + self.rows_count * (first + second)
    }

    /// The first number of each row.
    #[inline]
    pub(super) fn firsts(&self) -> impl Iterator<Item = u64> + use<'a> {
        numbers(self.numbers, self.widths[0]).take(self.rows_count)
    }

    /// The second.
    #[inline]
    pub(super) fn seconds(&self) -> impl Iterator<Item = u64> + use<'a> {
        let [first, second] = self.widths;
        numbers(&self.numbers[self.rows_count * first..], second).take(self.rows_count)
    }

    /// Both numbers of each row.
    #[inline]
    pub(super) fn pairs(&self) -> impl Iterator<Item = (u64, u64)> + use<'a> {
        self.firsts().zip(self.seconds())
    }

    /// Whether no part of a row is more than is said of it, and each item is one.
    pub(super) fn is_right<I: Item>(&self, frame: Frame) -> bool {
        let (bits, of_all) = (self.bits, frame.bits());
        let time_max = since(frame.times.1, frame.times.0);
        // No time before the first of all, nor between two ticks.
        let before = since(self.first, frame.times.0);
        let is_placed = frame.times.0 <= self.first
            && before.is_multiple_of(frame.tick)
            && self.tick.is_multiple_of(frame.tick);
        is_placed
            && self.pairs().all(|(a, b)| {
                let item = b & mask(bits.item);
                let after = (a & mask(bits.time)).checked_mul(self.tick);
                let time = after.and_then(|after| after.checked_add(before));
                above(a, bits.time) <= mask(bits.key.min(of_all.key))
                    && time.is_some_and(|time| time <= time_max)
                    && above(b, bits.item) <= mask(bits.kind.min(of_all.kind))
                    && item <= mask(of_all.item)
                    && I::from_wide(item.cast_signed()).is_some()
            })
    }
}

/// Bytes of the block of some rows; `None` if it would be no smaller than they are.
pub(super) fn size_of_block<I: Item>(rows: &[EventRow<I>], frame: &Frame) -> Option<usize> {
    let [first, second] = frame.bits().widths()?;
    let is_smaller = first + second < size_of::<EventRow<I>>();
    is_smaller.then_some(HEAD_BYTES + rows.len() * (first + second))
}
