//! Actions in a few bytes each: what full chunks are kept as.
//!
//! **In / Out**: the rows of chunks → [`PackedRows`], and back, in order.
//! **Format**: a [`Block`] for each chunk that was packed, one behind the other.
//! **Cost**: some 4 ns a row to pack, and 2 to unpack. **Why so**: rows of a chunk have neighbouring
//! customers and times, so that 7 or 8 bytes hold what takes 16 as it is added. Memory that was never
//! written to before costs more to get than to fill.

use super::block::{Block, SLACK, put, size_of_block};
use super::frame::{
    Bits, Frame, TICKS, above, bits_of, item_of, joined, low32, mask, since, ticks,
};
use crate::ids::{ActionType, Item, Micros, count32, count64, index};
use crate::kernel::event::EventRow;

/// Rows in a few bytes each.
#[derive(Debug)]
pub(crate) struct PackedRows {
    rows_count: u32,
    /// What all rows have in common.
    pub(super) frame: Frame,
    /// The blocks, and [`SLACK`]. Never grows beyond its first capacity, which was accounted for.
    bytes: Vec<u8>,
}

impl PackedRows {
    /// Packs rows, with room for `blocks` times as many of their width in all; `None` if there are none, or it would
    /// save nothing.
    pub(crate) fn new<I: Item>(rows: &[EventRow<I>], blocks: usize) -> Option<PackedRows> {
        let frame = Frame::of(rows)?;
        let size = size_of_block(rows, &frame)?;
        // Some of those that follow may be wider.
        let spare = if blocks > 1 { rows.len() } else { 0 };
        let mut packed = PackedRows {
            rows_count: 0,
            frame,
            bytes: Vec::with_capacity(size * blocks + spare + SLACK),
        };
        packed.bytes.resize(SLACK, 0);
        packed.append(rows, frame);
        Some(packed)
    }

    /// Packs rows behind those that are there; `false` if there is no room for them, or it would save nothing.
    pub(crate) fn add<I: Item>(&mut self, rows: &[EventRow<I>]) -> bool {
        let Some(frame) = Frame::of(rows) else {
            return false;
        };
        let fits = size_of_block(rows, &frame)
            .is_some_and(|size| self.bytes.len() + size <= self.bytes.capacity());
        if fits {
            self.frame = self.frame.and(frame);
            self.append(rows, frame);
        }
        fits
    }

    /// Appends a block, for which there is room.
    fn append<I: Item>(&mut self, rows: &[EventRow<I>], frame: Frame) {
        let bits = frame.bits();
        let [first, second] = bits.widths().expect("they were found");
        let firsts = self.begin_block(rows.len(), frame.times.0, frame.tick, bits);
        let seconds = firsts + rows.len() * first;
        self.bytes.resize(seconds + rows.len() * second + SLACK, 0);
        put(
            &mut self.bytes[firsts..],
            first,
            rows.iter().map(|row| {
                let after = ticks(since(row.time.0, frame.times.0), frame.tick);
                joined(u64::from(row.local_key()), after, bits.time)
            }),
        );
        put(
            &mut self.bytes[seconds..],
            second,
            rows.iter().map(|row| {
                let item = row.item.to_wide().cast_unsigned();
                joined(u64::from(row.kind().0), item, bits.item)
            }),
        );
    }

    /// Writes the head of a block of so many rows in place of the slack; gives where its numbers begin.
    fn begin_block(&mut self, rows_count: usize, first: i64, tick: u64, bits: Bits) -> usize {
        let tick = TICKS
            .iter()
            .position(|of| *of == tick)
            .expect("one of them");
        self.bytes.truncate(self.bytes.len() - SLACK);
        self.bytes.extend_from_slice(&first.to_le_bytes());
        self.bytes
            .extend_from_slice(&count32(rows_count).to_le_bytes());
        let parts = [count32(tick), bits.key, bits.time, bits.kind, bits.item];
        // At most 64 each.
        self.bytes.extend(parts.map(|part| part.to_le_bytes()[0]));
        self.rows_count += count32(rows_count);
        self.bytes.len()
    }

    /// The number of rows.
    pub(crate) fn rows_count(&self) -> usize {
        index(self.rows_count)
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> u64 {
        count64(self.bytes.capacity() + size_of::<PackedRows>())
    }

    /// Bytes of memory that are in use.
    pub(crate) fn filled(&self) -> u64 {
        count64(self.bytes.len() + size_of::<PackedRows>())
    }

    /// The blocks, in order.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let block = Block::read(rest)?;
            rest = &rest[block.size()..];
            Some(block)
        })
    }

    /// Passes the customer of each row on, in order.
    #[inline]
    pub(crate) fn each_key(&self, mut each: impl FnMut(u32)) {
        for block in self.blocks() {
            let keys = block.firsts();
            keys.for_each(|number| each(low32(above(number, block.bits.time))));
        }
    }

    /// Passes each row on, in order.
    #[inline]
    pub(crate) fn each<I: Item>(&self, mut each: impl FnMut(EventRow<I>)) {
        for block in self.blocks() {
            let bits = block.bits;
            let (time_mask, item_mask) = (mask(bits.time), mask(bits.item));
            for (a, b) in block.pairs() {
                let after = ((a & time_mask) * block.tick).cast_signed();
                let time = Micros(block.first.wrapping_add(after));
                let [kind, ..] = above(b, bits.item).to_le_bytes();
                let item = item_of(b & item_mask);
                each(EventRow::new(
                    low32(above(a, bits.time)),
                    time,
                    ActionType(kind),
                    item,
                ));
            }
        }
    }

    /// The same rows with other items; `None` if one is padding then, or they do not fit.
    pub(crate) fn renamed<I: Item>(&self, name: impl Fn(I) -> I) -> Option<PackedRows> {
        let mut named = PackedRows {
            rows_count: 0,
            frame: Frame {
                items: 0,
                ..self.frame
            },
            // Eight bytes are the longest number.
            bytes: Vec::with_capacity(self.bytes.len() + self.rows_count() * 8),
        };
        named.bytes.resize(SLACK, 0);
        let mut items = Vec::new();
        for block in self.blocks() {
            let item_mask = mask(block.bits.item);
            items.clear();
            items.extend(
                block
                    .seconds()
                    .map(|number| name(item_of::<I>(number & item_mask))),
            );
            if items.contains(&I::PADDING) {
                return None;
            }
            let wide = |item: &I| item.to_wide().cast_unsigned();
            let all = items.iter().fold(0, |all, item| all | wide(item));
            let bits = Bits {
                item: bits_of(all),
                ..block.bits
            };
            let [first, second] = bits.widths()?;
            let firsts = named.begin_block(block.rows_count, block.first, block.tick, bits);
            let first_bytes = block.rows_count * first;
            named.bytes.extend_from_slice(&block.numbers[..first_bytes]);
            let seconds = firsts + first_bytes;
            named
                .bytes
                .resize(seconds + block.rows_count * second + SLACK, 0);
            let numbers = items.iter().zip(block.seconds()).map(|(item, number)| {
                joined(above(number, block.bits.item), wide(item), bits.item)
            });
            put(&mut named.bytes[seconds..], second, numbers);
            named.frame.items |= all;
        }
        named.bytes.shrink_to_fit();
        Some(named)
    }

    /// Appends the rows as bytes.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        let Frame {
            times,
            tick,
            keys,
            kinds,
            items,
        } = self.frame;
        to.extend_from_slice(&times.0.to_le_bytes());
        to.extend_from_slice(&times.1.to_le_bytes());
        to.extend_from_slice(&tick.to_le_bytes());
        to.extend_from_slice(&items.to_le_bytes());
        to.extend_from_slice(&keys.to_le_bytes());
        to.push(kinds);
        to.extend_from_slice(&self.bytes[..self.bytes.len() - SLACK]);
    }

    /// Reads rows from their bytes; `None` if the bytes are damaged.
    pub(crate) fn read<I: Item>(bytes: &[u8], rows_count: usize) -> Option<PackedRows> {
        let (wide, bytes) = bytes.split_first_chunk::<32>()?;
        let (keys, bytes) = bytes.split_first_chunk::<4>()?;
        let (kinds, bytes) = bytes.split_first()?;
        let wide = wide.as_chunks::<8>().0;
        let frame = Frame {
            times: (i64::from_le_bytes(wide[0]), i64::from_le_bytes(wide[1])),
            tick: u64::from_le_bytes(wide[2]),
            items: u64::from_le_bytes(wide[3]),
            keys: u32::from_le_bytes(*keys),
            kinds: *kinds,
        };
        let is_right = frame.times.0 <= frame.times.1
            && frame.keys < 1 << EventRow::<I>::KEY_BITS
            && TICKS.contains(&frame.tick);
        if !is_right {
            return None;
        }
        let packed = PackedRows {
            rows_count: u32::try_from(rows_count).ok()?,
            frame,
            bytes: [bytes, &[0; SLACK]].concat(),
        };
        let (mut rows, mut size) = (0, 0);
        for block in packed.blocks() {
            if block.rows_count == 0 || !block.is_right::<I>(frame) {
                return None;
            }
            rows += block.rows_count;
            size += block.size();
        }
        (rows > 0 && rows == rows_count && size == bytes.len()).then_some(packed)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::kernel::chunk::block::HEAD_BYTES;

    /// Rows whose times lie within `span` ticks, by a generator of random numbers.
    pub(in crate::kernel::chunk) fn rows<I: Item>(
        seed: u64,
        count: usize,
        span: u64,
        tick: i64,
        item_max: i64,
    ) -> Vec<EventRow<I>> {
        let mut state = seed;
        let mut below = |end: u64| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let high = (u128::from(state >> 1) * u128::from(end.max(1))) >> 63;
            u64::try_from(high).expect("below `end`")
        };
        let first = i64::try_from(below(1 << 40)).expect("small") - (1 << 39);
        let one = |_| {
            let after = i64::try_from(below(span)).expect("small");
            let item = 1 + i64::try_from(below(item_max.cast_unsigned())).expect("small");
            EventRow::new(
                low32(below(1 << 11)),
                Micros(first.wrapping_add(after.wrapping_mul(tick))),
                ActionType(low32(below(3)).to_le_bytes()[0] + 1),
                I::from_wide(item).expect("an id"),
            )
        };
        (0..count).map(one).collect()
    }

    fn unpacked<I: Item>(packed: &PackedRows) -> Vec<EventRow<I>> {
        let mut rows = Vec::new();
        packed.each(|row| rows.push(row));
        rows
    }

    fn check<I: Item>(rows: &[EventRow<I>]) {
        let Some(packed) = PackedRows::new(rows, 1) else {
            return;
        };
        check_packed(&packed, rows);
    }

    fn check_packed<I: Item>(packed: &PackedRows, rows: &[EventRow<I>]) {
        assert_eq!(packed.rows_count(), rows.len());
        assert_eq!(unpacked::<I>(packed), rows);
        let (mut keys, mut bytes) = (Vec::new(), Vec::new());
        packed.each_key(|key| keys.push(key));
        assert!(rows.iter().map(EventRow::local_key).eq(keys));
        packed.write(&mut bytes);
        let again = PackedRows::read::<I>(&bytes, rows.len()).expect("what was written");
        assert_eq!((again.frame, &again.bytes), (packed.frame, &packed.bytes));
        assert!(PackedRows::read::<I>(&bytes[..bytes.len() - 1], rows.len()).is_none());
        // With shorter and with longer names, and with one that goes.
        for names in [1, 100_003] {
            let name = |item: I| {
                let name = item.to_wide() % names + 1;
                I::from_wide(name).expect("small")
            };
            let mut named = rows.to_vec();
            for row in &mut named {
                row.item = name(row.item);
            }
            let renamed = packed.renamed(name).expect("nothing goes");
            assert_eq!(unpacked::<I>(&renamed), named);
        }
        let last = rows[rows.len() - 1].item;
        let without = |item: I| if item == last { I::PADDING } else { item };
        assert!(packed.renamed(without).is_none());
    }

    #[test]
    fn rows_are_what_they_were() {
        let counts = if cfg!(miri) { [1, 3] } else { [1, 700] };
        for (seed, count) in (0..40).zip(counts.into_iter().cycle()) {
            for tick in [1, 1000, 1_000_000, 7] {
                check::<i32>(&rows(seed, count, 1 << seed.min(38), tick, 1 << 21));
                check::<i64>(&rows(seed, count, 1 << seed.min(38), tick, 1 << 45));
                check::<i64>(&rows(seed, count, 1, tick, i64::MAX));
            }
        }
    }

    #[test]
    fn blocks_follow_each_other_as_long_as_there_is_room() {
        let all: Vec<Vec<EventRow<i32>>> = (0..12)
            .map(|seed| {
                let tick = [1_000_000, 1, 1000][usize::try_from(seed % 3).expect("small")];
                rows(seed, 8, 1 << 12, tick, 1 << (10 + seed))
            })
            .collect();
        let mut packed = PackedRows::new(&all[0], 8).expect("it saves");
        let memory = packed.memory();
        let added = all[1..].iter().take_while(|rows| packed.add(rows)).count();
        assert!((4..11).contains(&added), "{added}");
        assert_eq!(packed.memory(), memory);
        let expected: Vec<EventRow<i32>> = all[..=added].concat();
        check_packed(&packed, &expected);
        // Too wide for any block.
        let ends = [i64::MIN, i64::MAX].map(|at| EventRow::new(9, Micros(at), ActionType(1), 1));
        assert!(!packed.add(&ends));
        assert!(!packed.add::<i32>(&[]));
        check_packed(&packed, &expected);
    }

    #[test]
    fn rows_of_days_in_seconds_take_seven_bytes() {
        let rows = rows::<i32>(1, 2000, 4 * 86_400, 1_000_000, 2_000_000);
        let packed = PackedRows::new(&rows, 1).expect("it saves something");
        assert_eq!(packed.bytes.len(), HEAD_BYTES + 2000 * 7 + SLACK);
        // All of time is too much.
        let ends =
            [i64::MIN, i64::MAX].map(|at| EventRow::new(1 << 20, Micros(at), ActionType(1), 1));
        let far = [
            EventRow::new(0, Micros(0), ActionType(1), 1_i32),
            ends[0],
            ends[1],
        ];
        assert!(PackedRows::new(&far, 1).is_none());
        assert!(PackedRows::new::<i32>(&[], 1).is_none());
        let alike = [far[0]; 5];
        check(&alike);
        assert_eq!(
            PackedRows::new(&alike, 1)
                .expect("all are alike")
                .bytes
                .len(),
            HEAD_BYTES + 5 + SLACK
        );
    }

    #[test]
    fn what_no_rows_have_is_refused() {
        let packed = {
            let rows = rows::<i32>(3, 9, 1 << 30, 1, 1 << 21);
            let mut packed = PackedRows::new(&rows[..4], 3).expect("it saves");
            assert!(packed.add(&rows[4..]));
            packed
        };
        let mut bytes = Vec::new();
        packed.write(&mut bytes);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                if let Some(found) = PackedRows::read::<i32>(&damaged, 9) {
                    assert!(unpacked::<i32>(&found).iter().all(|row| row.item > 0));
                }
            }
        }
    }
}
