//! Packed actions as numbers that sort as the actions do.
//!
//! **In / Out**: what chunks have in common → [`Ordered`], and from a number its time, kind and item.
//! **Invariants**: the numbers of two actions compare as their time, kind and item do.

use super::frame::{Bits, Frame, above, item_of, joined, low32, mask, since};
use super::packed::PackedRows;
use crate::ids::{ActionType, Item, Micros};

/// Rows without their customers as numbers that sort as the rows do: time, kind, item.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ordered {
    pub(super) frame: Frame,
    pub(super) bits: Bits,
}

impl Ordered {
    /// How to order the rows of all of these; `None` if their numbers do not fit, or there are no rows.
    pub(crate) fn of<'p>(packed: impl Iterator<Item = &'p PackedRows>) -> Option<Ordered> {
        let frame = packed.map(|packed| packed.frame).reduce(Frame::and)?;
        let bits = frame.bits();
        let fits = bits.time + bits.kind + bits.item <= u64::BITS;
        fits.then_some(Ordered { frame, bits })
    }

    /// Passes the customer and the number of each of some rows on, in order.
    #[inline]
    pub(crate) fn each(&self, packed: &PackedRows, mut each: impl FnMut(u32, u64)) {
        let to = self.bits;
        let lower = to.kind + to.item;
        for block in packed.blocks() {
            let bits = block.bits;
            let (time_mask, item_mask) = (mask(bits.time), mask(bits.item));
            // How long the first time of this block is after the first of all.
            let before = since(block.first, self.frame.times.0) / self.frame.tick;
            let ratio = block.tick / self.frame.tick;
            for (a, b) in block.pairs() {
                let time = (a & time_mask) * ratio + before;
                let kind_and_item = joined(above(b, bits.item), b & item_mask, to.item);
                each(
                    low32(above(a, bits.time)),
                    joined(time, kind_and_item, lower),
                );
            }
        }
    }

    /// The time of a number.
    #[inline]
    pub(crate) fn time(&self, number: u64) -> Micros {
        let after = above(number, self.bits.kind + self.bits.item) * self.frame.tick;
        Micros(self.frame.times.0.wrapping_add(after.cast_signed()))
    }

    /// The kind of a number.
    #[inline]
    pub(crate) fn kind(&self, number: u64) -> ActionType {
        let kind = above(number, self.bits.item) & mask(self.bits.kind);
        ActionType(kind.to_le_bytes()[0])
    }

    /// The item of a number.
    #[inline]
    pub(crate) fn item<I: Item>(&self, number: u64) -> I {
        item_of(number & mask(self.bits.item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::chunk::frame::TICKS;
    use crate::kernel::chunk::packed::tests::rows;

    #[test]
    fn numbers_of_several_chunks_sort_as_their_rows() {
        let count = if cfg!(miri) { 10 } else { 300 };
        for seed in 0..30 {
            let tick = TICKS.map(u64::cast_signed)[usize::try_from(seed % 3).expect("small")];
            let chunks = [
                rows::<i32>(seed, count, 50_000, tick, 4),
                rows::<i32>(seed, count, 1 << 20, 1000, 1 << 20),
            ];
            let packed = chunks
                .each_ref()
                .map(|rows| PackedRows::new(rows, 1).expect("it saves"));
            let order = Ordered::of(packed.iter()).expect("they fit");
            let mut found = Vec::new();
            for packed in &packed {
                order.each(packed, |key, number| found.push((key, number)));
            }
            found.sort_unstable();
            let found = found.iter().map(|(key, number)| {
                let (time, kind) = (order.time(*number), order.kind(*number));
                (*key, time, kind, order.item::<i32>(*number))
            });
            let expected = chunks.iter().flatten();
            let expected = expected.map(|row| (row.local_key(), row.time, row.kind(), row.item));
            let mut expected: Vec<_> = expected.collect();
            expected.sort_unstable();
            assert!(found.eq(expected));
        }
    }
}
