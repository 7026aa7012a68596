//! Keys of a dictionary to its values: runs of one key, and keys that are packed into a few bits each.
//!
//! **In / Out**: the bytes of a page, with [`SLACK`] behind them → values.
//! **Source**: <https://parquet.apache.org/docs/file-format/data-pages/encodings/>, RLE / bit-packing hybrid

use super::thrift::Compact;
use crate::ids::index;

/// Bytes behind a page, so that eight can be read from any place of it.
pub(super) const SLACK: usize = 8;

/// Keys that are unpacked at a time.
const BLOCK: usize = 512;

/// What reading ends with where a column is not plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotPlain;

/// A result, or the end of what is plain.
pub(crate) type Plain<T> = Result<T, NotPlain>;

/// Keys of a few bits each, in runs.
#[derive(Debug)]
pub(super) struct Keys {
    /// Bits of a key.
    width: u32,
    /// Where the next run starts in the page.
    next: usize,
    run: Run,
    /// Keys of the run that were not read yet.
    left: usize,
}

/// A run of keys.
#[derive(Clone, Copy, Debug)]
enum Run {
    /// One key, repeated.
    Repeated(u32),
    /// Keys one after the other, from a bit of the page on.
    Packed(usize),
}

impl Keys {
    /// Keys of so many bits, whose first run starts at a place of the page.
    pub(super) fn new(width: u32, start: usize) -> Keys {
        Keys {
            width,
            next: start,
            run: Run::Repeated(0),
            left: 0,
        }
    }

    /// Adds the values of the next `count` keys.
    pub(super) fn read<T: Copy>(
        &mut self,
        page: &[u8],
        dictionary: &[T],
        mut count: usize,
        to: &mut Vec<T>,
    ) -> Plain<()> {
        while count > 0 {
            if self.left == 0 {
                self.next_run(page)?;
            }
            let keys = self.left.min(count);
            match &mut self.run {
                Run::Repeated(key) => {
                    let value = dictionary.get(index(*key)).ok_or(NotPlain)?;
                    to.resize(to.len() + keys, *value);
                }
                Run::Packed(first) => unpack(page, first, self.width, dictionary, keys, to)?,
            }
            self.left -= keys;
            count -= keys;
        }
        Ok(())
    }

    /// Reads the head of the next run.
    fn next_run(&mut self, page: &[u8]) -> Plain<()> {
        let end = page.len() - SLACK;
        let mut rest = Compact::new(page.get(self.next..end).ok_or(NotPlain)?);
        let head = rest.varint().map_err(|_| NotPlain)?;
        let count = usize::try_from(head >> 1).map_err(|_| NotPlain)?;
        let start = end - rest.left();
        let bytes = if head & 1 == 0 {
            let bytes = index(self.width.div_ceil(8));
            let key = page.get(start..start + bytes).ok_or(NotPlain)?;
            let mut wide = [0; 4];
            wide[..bytes].copy_from_slice(key);
            self.run = Run::Repeated(u32::from_le_bytes(wide));
            self.left = count;
            bytes
        } else {
            self.run = Run::Packed(start.checked_mul(8).ok_or(NotPlain)?);
            // Groups of eight.
            self.left = count.checked_mul(8).ok_or(NotPlain)?;
            count.checked_mul(index(self.width)).ok_or(NotPlain)?
        };
        self.next = start.checked_add(bytes).ok_or(NotPlain)?;
        // A run of nothing would be read for ever.
        (self.left > 0 && self.next <= end)
            .then_some(())
            .ok_or(NotPlain)
    }
}

/// Adds the values of keys that are packed from a bit of a page on, which moves behind them.
fn unpack<T: Copy>(
    page: &[u8],
    first: &mut usize,
    width: u32,
    dictionary: &[T],
    mut count: usize,
    to: &mut Vec<T>,
) -> Plain<()> {
    let last = dictionary.len().checked_sub(1).ok_or(NotPlain)?;
    let eights = unpack_eights(width);
    let mut keys = [[0; 8]; BLOCK / 8];
    let mut highest = 0;
    while count > 0 {
        // From a whole byte on, eight at a time; up to there, one by one.
        let groups = if first.is_multiple_of(8) {
            (count / 8).min(BLOCK / 8)
        } else {
            0
        };
        let found = if groups > 0 {
            eights(&page[*first / 8..], &mut keys[..groups]);
            groups * 8
        } else {
            keys[0][0] = one_key(page, *first, width);
            1
        };
        // Keys beyond the dictionary are found at the end: a branch for each would cost as much as the rest.
        to.extend(keys.as_flattened()[..found].iter().map(|key| {
            highest = highest.max(*key);
            dictionary[index(*key).min(last)]
        }));
        *first += found * index(width);
        count -= found;
    }
    (index(highest) <= last).then_some(()).ok_or(NotPlain)
}

/// A key that is packed from a bit of a page on.
fn one_key(page: &[u8], first: usize, width: u32) -> u32 {
    let eight = page[first / 8..]
        .first_chunk()
        .expect("there is slack behind the page");
    let key = u64::from_le_bytes(*eight) >> (first % 8) & ((1 << width) - 1);
    u32::try_from(key).expect("at most 32 bits")
}

/// Unpacks groups of eight keys from the first byte on.
type UnpackEights = fn(&[u8], &mut [[u32; 8]]);

/// What unpacks keys of so many bits.
fn unpack_eights(width: u32) -> UnpackEights {
    /// For each width one, so that every shift in it is a constant.
    macro_rules! of_widths {
        ($($width:literal)*) => {
            [$(unpack_eights_of::<$width> as UnpackEights),*]
        };
    }
    const ALL: [UnpackEights; 33] = of_widths!(
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
    );
    ALL[index(width)]
}

/// Unpacks groups of eight keys of `WIDTH` bits.
fn unpack_eights_of<const WIDTH: usize>(mut bytes: &[u8], to: &mut [[u32; 8]]) {
    let mask = (1_u64 << WIDTH) - 1;
    for group in to {
        // One check for the eight of them.
        let (of_group, _) = bytes.split_at(WIDTH + SLACK);
        for (at, key) in group.iter_mut().enumerate() {
            let bit = at * WIDTH;
            let eight = of_group[bit / 8..]
                .first_chunk()
                .expect("the slack is longer");
            let [a, b, c, d, ..] = (u64::from_le_bytes(*eight) >> (bit % 8) & mask).to_le_bytes();
            *key = u32::from_le_bytes([a, b, c, d]);
        }
        bytes = &bytes[WIDTH..];
    }
}
