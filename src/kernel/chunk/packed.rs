//! Actions in a few bytes each: what full chunks are kept as.
//!
//! **In / Out**: the rows of a chunk → [`PackedRows`], and back, in order.
//! **Format**: two numbers a row, all of the first and then all of the second: customer and time, kind and
//! item. A number takes as many bytes as the largest of the chunk needs. Times are counted from the first of
//! the chunk, in seconds or milliseconds where all are whole ones.
//! **Cost**: some 4 ns a row to pack, and 2 to unpack. **Why so**: rows of a chunk have neighbouring
//! customers and times, so that 7 or 8 bytes hold what takes 16 as it is added. Memory that was never
//! written to before costs more to get than to fill.

use crate::ids::{ActionType, Item, Micros, count32, count64, index};
use crate::kernel::event::EventRow;

/// Steps that times may all be whole multiples of, in microseconds.
pub(super) const TICKS: [u64; 3] = [1_000_000, 1000, 1];

/// Bytes behind the numbers, so that eight can be read from any of them.
const SLACK: usize = 8;

/// What the parts of some rows have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The first and the last time.
    pub(super) times: (i64, i64),
    /// The longest of [`TICKS`] that each time is a multiple of, counted from the first.
    pub(super) tick: u64,
    /// The bits that the customer of some row has.
    keys: u32,
    kinds: u8,
    items: u64,
}

/// How many bits each part of a row takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits {
    pub(super) key: u32,
    pub(super) time: u32,
    pub(super) kind: u32,
    pub(super) item: u32,
}

/// Rows in a few bytes each.
#[derive(Debug)]
pub(crate) struct PackedRows {
    rows_count: u32,
    pub(super) frame: Frame,
    /// The numbers, and [`SLACK`].
    bytes: Box<[u8]>,
}

/// The bits that a number takes.
fn bits_of(number: u64) -> u32 {
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
    fn of<I: Item>(rows: &[EventRow<I>]) -> Option<Frame> {
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
    fn widths(&self) -> Option<[usize; 2]> {
        let numbers = [self.key + self.time, self.kind + self.item];
        let fit = numbers.iter().all(|bits| *bits <= u64::BITS);
        fit.then(|| numbers.map(|bits| index(bits.div_ceil(8))))
    }
}

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

/// Whole ticks of a time.
#[inline]
fn ticks(after: u64, tick: u64) -> u64 {
    match tick {
        // Constants, so that no division is left of it.
        1_000_000 => after / 1_000_000,
        1000 => after / 1000,
        _ => after,
    }
}

impl PackedRows {
    /// Packs rows; `None` if there are none, or it would save nothing.
    pub(crate) fn new<I: Item>(rows: &[EventRow<I>]) -> Option<PackedRows> {
        let frame = Frame::of(rows)?;
        let bits = frame.bits();
        let [first, second] = bits.widths()?;
        if first + second >= size_of::<EventRow<I>>() {
            return None;
        }
        let mut bytes = vec![0; rows.len() * (first + second) + SLACK].into_boxed_slice();
        let mut rest = &mut bytes[..];
        // Eight bytes are written for each, and what is too much of them is overwritten by the next.
        let mut put = |width: usize, number: u64| {
            let eight = rest
                .first_chunk_mut()
                .expect("there is slack behind the last");
            *eight = number.to_le_bytes();
            rest = &mut std::mem::take(&mut rest)[width..];
        };
        for row in rows {
            let after = ticks(since(row.time.0, frame.times.0), frame.tick);
            put(first, joined(u64::from(row.local_key()), after, bits.time));
        }
        for row in rows {
            let item = row.item.to_wide().cast_unsigned();
            put(second, joined(u64::from(row.kind().0), item, bits.item));
        }
        Some(PackedRows {
            rows_count: count32(rows.len()),
            frame,
            bytes,
        })
    }

    /// The number of rows.
    pub(crate) fn rows_count(&self) -> usize {
        index(self.rows_count)
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> u64 {
        count64(self.bytes.len() + size_of::<PackedRows>())
    }

    /// The first number of each row.
    #[inline]
    fn firsts(&self) -> impl Iterator<Item = u64> {
        let [first, _] = self.frame.bits().widths().expect("as it was packed");
        numbers(&self.bytes, first).take(self.rows_count())
    }

    /// Both numbers of each row.
    #[inline]
    pub(super) fn pairs(&self) -> impl Iterator<Item = (u64, u64)> {
        let [first, second] = self.frame.bits().widths().expect("as it was packed");
        let seconds = numbers(&self.bytes[self.rows_count() * first..], second);
        self.firsts().zip(seconds)
    }

    /// Passes the customer of each row on, in order.
    #[inline]
    pub(crate) fn each_key(&self, each: impl FnMut(u32)) {
        let time = self.frame.bits().time;
        self.firsts()
            .map(|number| low32(above(number, time)))
            .for_each(each);
    }

    /// Passes each row on, in order.
    #[inline]
    pub(crate) fn each<I: Item>(&self, mut each: impl FnMut(EventRow<I>)) {
        let (frame, bits) = (self.frame, self.frame.bits());
        let (time_mask, item_mask) = (mask(bits.time), mask(bits.item));
        for (a, b) in self.pairs() {
            let after = ((a & time_mask) * frame.tick).cast_signed();
            let time = Micros(frame.times.0.wrapping_add(after));
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

    /// The same rows with other items; `None` if one is padding then, or they do not fit.
    pub(crate) fn renamed<I: Item>(&self, name: impl Fn(I) -> I) -> Option<PackedRows> {
        let (bits, item_mask) = (self.frame.bits(), mask(self.frame.bits().item));
        let [first, second] = bits.widths().expect("as it was packed");
        let seconds = || {
            let numbers = numbers(&self.bytes[self.rows_count() * first..], second);
            numbers.take(self.rows_count())
        };
        let items = seconds().map(|number| name(item_of(number & item_mask)));
        let items: Vec<I> = items.collect();
        if items.contains(&I::PADDING) {
            return None;
        }
        let wide = |item: &I| item.to_wide().cast_unsigned();
        let frame = Frame {
            items: items.iter().fold(0, |all, item| all | wide(item)),
            ..self.frame
        };
        let item_bits = frame.bits().item;
        let [_, width] = frame.bits().widths()?;
        let firsts = self.rows_count() * first;
        let mut bytes = vec![0; firsts + items.len() * width + SLACK].into_boxed_slice();
        bytes[..firsts].copy_from_slice(&self.bytes[..firsts]);
        let mut rest = &mut bytes[firsts..];
        for (item, number) in items.iter().zip(seconds()) {
            let number = joined(above(number, bits.item), wide(item), item_bits);
            *rest.first_chunk_mut().expect("there is slack behind") = number.to_le_bytes();
            rest = &mut rest[width..];
        }
        Some(PackedRows {
            rows_count: self.rows_count,
            frame,
            bytes,
        })
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
        let [first, second] = frame
            .bits()
            .widths()
            .filter(|_| is_right && rows_count > 0)?;
        if rows_count.checked_mul(first + second)? != bytes.len() {
            return None;
        }
        let packed = PackedRows {
            rows_count: u32::try_from(rows_count).ok()?,
            frame,
            bytes: [bytes, &[0; SLACK]].concat().into_boxed_slice(),
        };
        packed.is_right::<I>().then_some(packed)
    }

    /// Whether no part of a row is more than its frame says, and each item is one.
    fn is_right<I: Item>(&self) -> bool {
        let (frame, bits) = (self.frame, self.frame.bits());
        let time_max = since(frame.times.1, frame.times.0) / frame.tick;
        self.pairs().all(|(a, b)| {
            let item = b & mask(bits.item);
            above(a, bits.time) <= mask(bits.key)
                && a & mask(bits.time) <= time_max
                && above(b, bits.item) <= mask(bits.kind)
                && I::from_wide(item.cast_signed()).is_some()
        })
    }
}

/// The item of a number.
#[inline]
pub(super) fn item_of<I: Item>(number: u64) -> I {
    // What was packed fits, and what was read back is checked once.
    I::from_wide(number.cast_signed()).unwrap_or(I::PADDING)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

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
        let Some(packed) = PackedRows::new(rows) else {
            return;
        };
        assert_eq!(unpacked::<I>(&packed), rows);
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
    fn rows_of_days_in_seconds_take_seven_bytes() {
        let rows = rows::<i32>(1, 2000, 4 * 86_400, 1_000_000, 2_000_000);
        let packed = PackedRows::new(&rows).expect("it saves something");
        assert_eq!(packed.bytes.len(), 2000 * 7 + SLACK);
        // All of time is too much.
        let ends =
            [i64::MIN, i64::MAX].map(|at| EventRow::new(1 << 20, Micros(at), ActionType(1), 1));
        let far = [
            EventRow::new(0, Micros(0), ActionType(1), 1_i32),
            ends[0],
            ends[1],
        ];
        assert!(PackedRows::new(&far).is_none());
        assert!(PackedRows::new::<i32>(&[]).is_none());
        let alike = [far[0]; 5];
        check(&alike);
        assert_eq!(
            PackedRows::new(&alike).expect("all are alike").bytes.len(),
            5 + SLACK
        );
    }

    #[test]
    fn what_no_rows_have_is_refused() {
        let packed = PackedRows::new(&rows::<i32>(3, 9, 1 << 30, 1, 1 << 21)).expect("it saves");
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
