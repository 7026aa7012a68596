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
use super::keys::{Keys, SLACK};
pub(crate) use super::keys::{NotPlain, Plain};
use super::levels::levels_of_v1;
use super::pages::Pages;
use super::thrift::Compact;
use crate::ids::{count64, index, index64};

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
    /// Texts, and whether they are known to be UTF-8.
    Texts(&'a [&'a [u8]], bool),
}

impl Raw<'_> {
    /// Whether texts are UTF-8.
    pub(crate) fn are_texts(&self) -> bool {
        match self {
            Raw::Ints(_) => false,
            Raw::Texts(texts, are_known) => {
                *are_known || texts.iter().all(|text| std::str::from_utf8(text).is_ok())
            }
        }
    }
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
    /// Rows before the first that is read.
    skip: u64,
}

/// The values of a page.
#[derive(Debug)]
enum Values {
    /// Plain values, from a place of the page on.
    Plain(usize),
    /// Keys of the dictionary.
    Keys(Keys),
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
            skip: 0,
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
    /// Starts with a row of a column chunk, 0 for the first.
    pub(crate) fn start(&mut self, chunk: PlainChunk, row: u64) {
        self.chunk = Some(chunk);
        self.dictionary.clear();
        self.left = 0;
        self.skip = row;
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
        while self.skip > 0 {
            // It skips whole pages, which are not even decompressed. Of its own page, values are made and
            // dropped.
            self.next_page(make)?;
            while self.skip > 0 && self.left > 0 {
                to.clear();
                let made = self.read_some(index64(self.skip.min(count64(BLOCK))), to, make)?;
                self.skip -= count64(made);
            }
        }
        to.clear();
        while to.len() < rows {
            self.read_some(rows - to.len(), to, make)?;
        }
        Ok(())
    }

    /// Reads up to so many rows of a page; gives how many.
    fn read_some(&mut self, rows: usize, to: &mut Vec<T>, make: &mut Make<'_, T>) -> Plain<usize> {
        if self.left == 0 {
            self.next_page(make)?;
        }
        let count = self.left.min(rows);
        match &mut self.values {
            Values::Plain(at) => {
                let stored = self.chunk.as_ref().ok_or(NotPlain)?.stored;
                let end = self.page.len() - SLACK;
                plain_values(stored, &self.page[..end], at, count, to, make)?;
            }
            Values::Keys(keys) => keys.read(&self.page, &self.dictionary, count, to)?,
        }
        self.left -= count;
        Ok(count)
    }

    /// Reads the next page with values, and the dictionary before it.
    fn next_page(&mut self, make: &mut Make<'_, T>) -> Plain<()> {
        let chunk = self.chunk.as_mut().ok_or(NotPlain)?;
        loop {
            if self.skip > 0 {
                let skipped = chunk.pages.skip_rows(self.skip);
                self.skip -= skipped.map_err(|_| NotPlain)?;
            }
            let header = chunk.pages.next_into(&mut self.packed, &mut self.page);
            let header = header.map_err(|_| NotPlain)?.ok_or(NotPlain)?;
            let values = index(header.values);
            match header.kind {
                PageKind::Dictionary { .. } => {
                    let to = &mut self.dictionary;
                    dictionary_values(chunk.stored, &header, &self.page, to, make)?;
                }
                PageKind::Data { encoding, .. } | PageKind::DataV2 { encoding, .. } => {
                    let start = start_of_values(&header, &self.page, chunk.is_optional)?;
                    self.values = Values::new(encoding, &self.page, start)?;
                    if matches!(self.values, Values::Keys(_)) {
                        // Only now, as plain values behind what was skipped need none.
                        let mut page = Vec::new();
                        let header = chunk.pages.dictionary_into(&mut self.packed, &mut page);
                        if let Some(header) = header.map_err(|_| NotPlain)? {
                            let to = &mut self.dictionary;
                            dictionary_values(chunk.stored, &header, &page, to, make)?;
                        }
                    }
                    self.page.extend_from_slice(&[0; SLACK]);
                    self.left = values;
                    if values > 0 {
                        return Ok(());
                    }
                }
                PageKind::Other => return Err(NotPlain),
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
                Ok(Values::Keys(Keys::new(width, start + 1)))
            }
            _ => Err(NotPlain),
        }
    }
}

/// Makes the values of a dictionary in place of those before.
fn dictionary_values<T>(
    stored: Stored,
    header: &Header,
    page: &[u8],
    to: &mut Vec<T>,
    make: &mut Make<'_, T>,
) -> Plain<()> {
    let PageKind::Dictionary {
        encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY,
        ..
    } = header.kind
    else {
        return Err(NotPlain);
    };
    to.clear();
    plain_values(stored, page, &mut 0, index(header.values), to, make)
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
                let all = rest;
                for text in &mut texts[..block] {
                    let (length, behind) = rest.split_first_chunk::<4>().ok_or(NotPlain)?;
                    let length = index(u32::from_le_bytes(*length));
                    (*text, rest) = behind.split_at_checked(length).ok_or(NotPlain)?;
                }
                // Lengths below 128 are ASCII as well, so that one look tells of most texts together.
                let are_known = all[..all.len() - rest.len()].is_ascii();
                make(Raw::Texts(&texts[..block], are_known), to);
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
