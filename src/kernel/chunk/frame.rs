//! What the parts of some rows have in common, and how many bits each takes.

use crate::ids::{Item, Micros, index};
use crate::kernel::event::EventRow;

/// Steps that times may all be whole multiples of, in microseconds.
pub(super) const TICKS: [u64; 3] = [1_000_000, 1000, 1];

/// What the parts of some rows have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The first and the last time.
    pub(super) times: (i64, i64),
    /// The longest of [`TICKS`] that each time is a multiple of, counted from the first.
    pub(super) tick: u64,
    /// The bits that the customer of some row has.
    pub(super) keys: u32,
    pub(super) kinds: u8,
    pub(super) items: u64,
}

/// How many bits each part of a row takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits {
    pub(super) key: u32,
    pub(super) time: u32,
    pub(super) kind: u32,
    pub(super) item: u32,
}

/// The bits that a number takes.
pub(super) fn bits_of(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

/// The lowest `bits` bits.
#[inline]
pub(super) fn mask(bits: u32) -> u64 {
    u64::MAX.checked_shr(u64::BITS - bits).unwrap_or(0)
}

/// A number without its lowest `bits` bits.
#[inline]
pub(super) fn above(number: u64, bits: u32) -> u64 {
    // All 64 may go.
    number.checked_shr(bits).unwrap_or(0)
}

/// A number with another above its lowest `bits` bits.
#[inline]
pub(super) fn joined(high: u64, low: u64, bits: u32) -> u64 {
    // The two fit, so that one above all 64 is 0.
    high.checked_shl(bits).unwrap_or(0) | low
}

/// The lowest 32 bits.
#[inline]
pub(super) fn low32(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// How long a time is after another.
#[inline]
pub(super) fn since(time: i64, first: i64) -> u64 {
    time.wrapping_sub(first).cast_unsigned()
}

impl Frame {
    /// That of some rows; `None` if there are none.
    pub(super) fn of<I: Item>(rows: &[EventRow<I>]) -> Option<Frame> {
        let first = rows.first()?.time.0;
        let (mut times, mut keys, mut items) = ((first, first), 0, 0);
        for row in rows {
            times = (times.0.min(row.time.0), times.1.max(row.time.0));
            keys |= row.kind_and_key();
            // Ids are above 0.
            items |= row.item.to_wide().cast_unsigned();
        }
        let is_whole = |tick: &&u64| {
            let mut after = rows.iter().map(|row| since(row.time.0, times.0));
            match tick {
                // Constants, so that no division is left of it.
                1_000_000 => after.all(|after| after.is_multiple_of(1_000_000)),
                1000 => after.all(|after| after.is_multiple_of(1000)),
                _ => true,
            }
        };
        let all = EventRow::from_parts(Micros(0), keys, ());
        Some(Frame {
            times,
            tick: *TICKS.iter().find(is_whole).expect("1 divides all"),
            keys: all.local_key(),
            kinds: all.kind().0,
            items,
        })
    }

    /// That of the rows of both.
    pub(super) fn and(self, other: Frame) -> Frame {
        let apart = self.times.0.abs_diff(other.times.0);
        let divides = |tick: &&u64| {
            let all = [self.tick, other.tick, apart];
            all.iter().all(|of| of.is_multiple_of(**tick))
        };
        Frame {
            times: (
                self.times.0.min(other.times.0),
                self.times.1.max(other.times.1),
            ),
            tick: *TICKS.iter().find(divides).expect("1 divides all"),
            keys: self.keys | other.keys,
            kinds: self.kinds | other.kinds,
            items: self.items | other.items,
        }
    }

    /// The bits of each part.
    pub(super) fn bits(&self) -> Bits {
        Bits {
            key: bits_of(u64::from(self.keys)),
            time: bits_of(since(self.times.1, self.times.0) / self.tick),
            kind: bits_of(u64::from(self.kinds)),
            item: bits_of(self.items),
        }
    }
}

impl Bits {
    /// The bytes of each of the two numbers of a row; `None` if one does not fit.
    pub(super) fn widths(&self) -> Option<[usize; 2]> {
        let numbers = [self.key + self.time, self.kind + self.item];
        let fit = numbers.iter().all(|bits| *bits <= u64::BITS);
        fit.then(|| numbers.map(|bits| index(bits.div_ceil(8))))
    }
}

/// Whole ticks of a time.
#[inline]
pub(super) fn ticks(after: u64, tick: u64) -> u64 {
    match tick {
        // Constants, so that no division is left of it.
        1_000_000 => after / 1_000_000,
        1000 => after / 1000,
        _ => after,
    }
}

/// The item of a number.
#[inline]
pub(super) fn item_of<I: Item>(number: u64) -> I {
    // What was packed fits, and what was read back is checked once.
    I::from_wide(number.cast_signed()).unwrap_or(I::PADDING)
}
