//! A column without nulls to values, page by page, without arrays in between.
//!
//! **In / Out**: the [`Pages`] of a column chunk → values of any type, made of those of the file. A value of a
//! dictionary is made once, however many rows have it.
//! **Invariants**: either the values are those that arrow's decoders give, or reading ends with
//! [`NotPlain`]: at a null, an encoding that is seldom, or damage. Whoever asked reads on from there with
//! [`read`](super::ParquetGroups::read), which also says what is wrong.
//! **Cost**: some 2 ns a row; buffers are used again from one row group to the next.
//! **Source**: <https://parquet.apache.org/docs/file-format/data-pages/encodings/>

use parquet::basic::Encoding;

use super::header::{Header, PageKind};
use super::levels::levels_of_v1;
use super::pages::Pages;
use super::thrift::Compact;
use crate::ids::{count64, index};

/// Bytes behind a page, so that eight can be read from any place of it.
const SLACK: usize = 8;

/// What reading ends with where a column is not plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotPlain;

/// A result, or the end of what is plain.
pub(crate) type Plain<T> = Result<T, NotPlain>;

/// How values are stored where they are not keys of a dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scan) enum Stored {
    /// In so many bytes each.
    Fixed(usize),
    /// As texts of any length.
    Texts,
}

/// Some values as the file has them, one after the other.
pub(crate) enum Raw<'a> {
    /// Integers of any width, widened.
    Ints(&'a [i64]),
    /// Texts, which nobody has checked.
    Texts(&'a [&'a [u8]]),
}

/// What makes values: it adds one for each that it is given.
pub(crate) type Make<'m, T> = dyn FnMut(Raw<'_>, &mut Vec<T>) + 'm;

/// Values that are made at a time.
const BLOCK: usize = 512;

/// The pages of a column chunk that may be plain.
pub(crate) struct PlainChunk {
    pub(super) pages: Pages,
    pub(super) stored: Stored,
    /// Whether values may be null.
    pub(super) is_optional: bool,
}

/// A column that is read row group by row group; `T` is what its values are made into.
pub(crate) struct PlainColumn<T> {
    chunk: Option<PlainChunk>,
    /// The values of the dictionary.
    dictionary: Vec<T>,
    /// Scratch: a page as it lies in the file.
    packed: Vec<u8>,
    /// The current page, and [`SLACK`].
    page: Vec<u8>,
    values: Values,
    /// Values of the page that were not read yet.
    left: usize,
}

/// The values of a page.
#[derive(Debug)]
enum Values {
    /// Plain values, from a place of the page on.
    Plain(usize),
    /// Keys of the dictionary.
    Keys(Keys),
}

/// Keys of a few bits each, in runs.
#[derive(Debug)]
struct Keys {
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

impl<T> Default for PlainColumn<T> {
    fn default() -> PlainColumn<T> {
        PlainColumn {
            chunk: None,
            dictionary: Vec::new(),
            packed: Vec::new(),
            page: Vec::new(),
            values: Values::Plain(0),
            left: 0,
        }
    }
}

// Not derived: pages are not worth showing.
impl<T> std::fmt::Debug for PlainColumn<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlainColumn")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl<T: Copy> PlainColumn<T> {
    /// Starts with the first row of a column chunk.
    pub(crate) fn start(&mut self, chunk: PlainChunk) {
        self.chunk = Some(chunk);
        self.dictionary.clear();
        self.left = 0;
    }

    /// Ends with the column chunk: its file is closed.
    pub(crate) fn end(&mut self) {
        self.chunk = None;
    }

    /// Reads the next rows.
    ///
    /// # Errors
    /// If not all of them are plain.
    pub(crate) fn read(
        &mut self,
        rows: usize,
        to: &mut Vec<T>,
        make: &mut Make<'_, T>,
    ) -> Plain<()> {
        to.clear();
        while to.len() < rows {
            if self.left == 0 {
                self.next_page(make)?;
            }
            let count = self.left.min(rows - to.len());
            match &mut self.values {
                Values::Plain(at) => {
                    let stored = self.chunk.as_ref().ok_or(NotPlain)?.stored;
                    let end = self.page.len() - SLACK;
                    plain_values(stored, &self.page[..end], at, count, to, make)?;
                }
                Values::Keys(keys) => keys.read(&self.page, &self.dictionary, count, to)?,
            }
            self.left -= count;
        }
        Ok(())
    }

    /// Reads the next page with values, and the dictionary before it.
    fn next_page(&mut self, make: &mut Make<'_, T>) -> Plain<()> {
        let chunk = self.chunk.as_mut().ok_or(NotPlain)?;
        loop {
            let header = chunk.pages.next_into(&mut self.packed, &mut self.page);
            let header = header.map_err(|_| NotPlain)?.ok_or(NotPlain)?;
            let values = index(header.values);
            match header.kind {
                PageKind::Dictionary {
                    encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY,
                    ..
                } => {
                    self.dictionary.clear();
                    let (to, at) = (&mut self.dictionary, &mut 0);
                    plain_values(chunk.stored, &self.page, at, values, to, make)?;
                }
                PageKind::Data { encoding, .. } | PageKind::DataV2 { encoding, .. } => {
                    let start = start_of_values(&header, &self.page, chunk.is_optional)?;
                    self.values = Values::new(encoding, &self.page, start)?;
                    self.page.extend_from_slice(&[0; SLACK]);
                    self.left = values;
                    if values > 0 {
                        return Ok(());
                    }
                }
                PageKind::Dictionary { .. } | PageKind::Other => return Err(NotPlain),
            }
        }
    }
}

impl Values {
    /// The values of a page, which begin at a place of it.
    fn new(encoding: Encoding, page: &[u8], start: usize) -> Plain<Values> {
        match encoding {
            Encoding::PLAIN => Ok(Values::Plain(start)),
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {
                let width = u32::from(*page.get(start).ok_or(NotPlain)?);
                // More would not fit the eight bytes that are read for a key, with its first bit in any
                // place of a byte.
                if width > 32 {
                    return Err(NotPlain);
                }
                Ok(Values::Keys(Keys {
                    width,
                    next: start + 1,
                    run: Run::Repeated(0),
                    left: 0,
                }))
            }
            _ => Err(NotPlain),
        }
    }
}

impl Keys {
    /// Adds the values of the next `count` keys.
    fn read<T: Copy>(
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

/// Makes so many plain values, from a place on, which moves behind them.
fn plain_values<T>(
    stored: Stored,
    page: &[u8],
    at: &mut usize,
    count: usize,
    to: &mut Vec<T>,
    make: &mut Make<'_, T>,
) -> Plain<()> {
    let mut rest = page.get(*at..).ok_or(NotPlain)?;
    let end = to.len() + count;
    let mut ints = [0; BLOCK];
    while to.len() < end {
        let block = (end - to.len()).min(BLOCK);
        match stored {
            Stored::Fixed(width) => {
                let (values, behind) = rest.split_at_checked(block * width).ok_or(NotPlain)?;
                widen(values, width, &mut ints[..block]);
                make(Raw::Ints(&ints[..block]), to);
                rest = behind;
            }
            Stored::Texts => {
                let mut texts: [&[u8]; BLOCK] = [&[]; BLOCK];
                for text in &mut texts[..block] {
                    let (length, behind) = rest.split_first_chunk::<4>().ok_or(NotPlain)?;
                    let length = index(u32::from_le_bytes(*length));
                    (*text, rest) = behind.split_at_checked(length).ok_or(NotPlain)?;
                }
                make(Raw::Texts(&texts[..block]), to);
            }
        }
    }
    *at = page.len() - rest.len();
    Ok(())
}

/// Widens integers of four or eight bytes.
fn widen(bytes: &[u8], width: usize, to: &mut [i64]) {
    if width == 4 {
        for (int, four) in to.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *int = i64::from(i32::from_le_bytes(*four));
        }
    } else {
        for (int, eight) in to.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *int = i64::from_le_bytes(*eight);
        }
    }
}

/// Where the values of a page begin, behind levels that say that none is null.
fn start_of_values(header: &Header, page: &[u8], is_optional: bool) -> Plain<usize> {
    let (levels, start) = match header.kind {
        PageKind::DataV2 { nulls: 1.., .. } => return Err(NotPlain),
        PageKind::DataV2 { rep_bytes: 0, .. } => {
            (page.get(..header.levels_size()), header.levels_size())
        }
        PageKind::Data {
            def_levels: Encoding::RLE,
            ..
        } if is_optional => {
            let levels = levels_of_v1(page);
            (levels, levels.map_or(0, |levels| 4 + levels.len()))
        }
        PageKind::Data { .. } if !is_optional => (Some(&page[..0]), 0),
        _ => return Err(NotPlain),
    };
    let levels = levels.ok_or(NotPlain)?;
    let has_all = !is_optional || are_all_there(levels, u64::from(header.values));
    has_all.then_some(start).ok_or(NotPlain)
}

/// Whether levels of one bit say that so many values are there.
fn are_all_there(levels: &[u8], values: u64) -> bool {
    let (mut rest, mut left) = (Compact::new(levels), values);
    while left > 0 {
        let Ok(head) = rest.varint() else {
            return false;
        };
        let count = head >> 1;
        let run = if head & 1 == 0 {
            rest.byte().is_ok_and(|level| level == 1).then_some(count)
        } else {
            let bytes = usize::try_from(count)
                .ok()
                .and_then(|count| rest.take(count).ok());
            // Levels behind the last value may be anything.
            let is_all = |bytes: &[u8]| {
                let mut of_run = left.min(count64(bytes.len()) * 8);
                bytes.iter().all(|byte| {
                    let used = u32::try_from(of_run.min(8)).expect("at most eight");
                    of_run -= u64::from(used);
                    byte.trailing_ones() >= used
                })
            };
            bytes
                .filter(|bytes| is_all(bytes))
                .map(|bytes| count64(bytes.len()) * 8)
        };
        match run {
            Some(run) if run > 0 => left = left.saturating_sub(run),
            _ => return false,
        }
    }
    true
}
