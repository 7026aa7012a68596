//! The pages of a column chunk, one by one, for arrow's decoders: read, judged, decompressed.
//!
//! **In / Out**: a column chunk whose footer was checked → [`Page`]s. **Invariants**: nothing is
//! allocated for what a header claims unless the file has the bytes for it; pages hold together
//! exactly the values that the footer declares; of values that vary in length, and of lists, a
//! batch of rows has no more than fits in memory. **Why so**: parquet's own reader allocates what
//! a header claims, 2 GiB if it likes, and decompresses some codecs without a limit.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};

use super::delta::prefix_bytes;
use super::footer::range_of;
use super::header::{Header, PageKind};
use super::levels::{ListCount, levels_of_v1};
use super::thrift::Malformed;
use super::unpack::Unpacker;
use crate::ids::{count64, index, unsigned};

/// Bytes of a decompressed page that need no explanation.
const PAGE_BYTES_FREE: usize = 1 << 25;
/// How many times its size in the file a larger page may have.
const EXPANSION_MAX: usize = 256;
/// Bytes of a decompressed page. Writers make pages of about one MiB.
const PAGE_BYTES_MAX: usize = 1 << 27;
/// Bytes of all pages of a batch of rows but one, where values vary in length.
const BATCH_BYTES_MAX: usize = 1 << 26;
/// Bytes of a header, at most, and at first.
const HEADER_BYTES: [usize; 4] = [1 << 12, 1 << 16, 1 << 20, 1 << 24];

/// The disk's error that ended reading, if one did; what arrow makes of it no longer says so.
pub(super) type DiskError = Arc<Mutex<Option<io::Error>>>;

/// The pages of one column chunk.
pub(super) struct Pages {
    file: Arc<File>,
    /// Where an error of the disk goes.
    disk: DiskError,
    /// What is left of the chunk.
    rest: Range<u64>,
    unpacker: Unpacker,
    /// Values still to come.
    values_left: u64,
    /// The rows and elements so far, in lists.
    lists: Option<ListCount>,
    /// Rows of the row group.
    rows: u64,
    /// The size of what each batch of rows has of a column whose values vary in length.
    sizes: Option<Sizes>,
    /// Whether levels say which values are null.
    has_nulls: bool,
    /// Whether no page came so far.
    is_first: bool,
    /// The next header, and where its page lies, if somebody had to look.
    ahead: Option<(Header, Range<u64>)>,
}

/// Bytes of the pages that hold a batch of rows.
struct Sizes {
    batch_rows: usize,
    /// Rows of this batch so far.
    rows: usize,
    /// Bytes of its pages so far.
    bytes: usize,
}

impl Sizes {
    /// Goes on by a page; whether its batch is still of a size that is fine. One page is, however
    /// large.
    fn add(&mut self, rows: usize, bytes: usize) -> bool {
        let is_fine = self.bytes == 0 || self.bytes + bytes <= BATCH_BYTES_MAX;
        self.bytes += bytes;
        self.rows += rows;
        if self.rows >= self.batch_rows {
            self.rows %= self.batch_rows;
            self.bytes = 0;
        }
        is_fine
    }
}

/// What is wrong with a page.
fn wrong(what: impl Into<String>) -> ParquetError {
    ParquetError::General(what.into())
}

impl Pages {
    /// The pages of a chunk, whose rows are read in batches of so many.
    pub(super) fn new(
        (file, disk): (&Arc<File>, &DiskError),
        group: &RowGroupMetaData,
        chunk: &ColumnChunkMetaData,
        batch_rows: usize,
    ) -> Result<Pages> {
        let column = chunk.column_descr();
        let lists = match column.max_rep_level() {
            0 => None,
            1 => Some(ListCount::new(batch_rows)),
            _ => return Err(wrong("lists in lists are not read")),
        };
        let varies = column.physical_type() == PhysicalType::BYTE_ARRAY;
        let sizes = varies.then_some(Sizes {
            batch_rows,
            rows: 0,
            bytes: 0,
        });
        Ok(Pages {
            file: Arc::clone(file),
            disk: Arc::clone(disk),
            rest: range_of(chunk).ok_or_else(|| wrong("it lies outside the file"))?,
            unpacker: Unpacker::new(chunk.compression()).map_err(wrong)?,
            values_left: unsigned(chunk.num_values()),
            lists,
            rows: unsigned(group.num_rows()),
            sizes,
            has_nulls: column.max_def_level() > 0,
            is_first: true,
            ahead: None,
        })
    }

    /// Bytes of the file.
    fn read_at(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let length = range.end - range.start;
        let mut bytes = Vec::new();
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        bytes
            .try_reserve_exact(size)
            .map_err(|_| wrong(format!("no memory for {length} bytes of it")))?;
        let mut file = &*self.file;
        let sought = file.seek(SeekFrom::Start(range.start));
        let read = sought.and_then(|_| file.take(length).read_to_end(&mut bytes));
        match read {
            Ok(read) if read == size => Ok(bytes),
            Ok(_) => Err(wrong("the file ends in the middle of it")),
            Err(error) => {
                let text = error.to_string();
                *self.disk.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Err(wrong(text))
            }
        }
    }

    /// The next header, and where its page lies.
    fn header(&mut self) -> Result<Option<(Header, Range<u64>)>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        if self.values_left == 0 {
            return self.check_end().map(|()| None);
        }
        if self.rest.is_empty() {
            return Err(wrong(format!("its pages lack {} values", self.values_left)));
        }
        let left = self.rest.end - self.rest.start;
        for bytes in HEADER_BYTES {
            let bytes = count64(bytes).min(left);
            let window = self.read_at(self.rest.start..self.rest.start + bytes)?;
            match Header::read(&window) {
                Ok((header, length)) => {
                    let start = self.rest.start + count64(length);
                    let page = start..start + count64(header.packed_size);
                    if self.rest.end < page.end {
                        return Err(wrong("a page is longer than its column chunk"));
                    }
                    self.rest.start = page.end;
                    return Ok(Some((header, page)));
                }
                Err(Malformed::Short) if bytes < left => {}
                Err(Malformed::Short) => return Err(wrong("a page header is cut short")),
                Err(Malformed::Wrong(what)) => return Err(wrong(format!("it has {what}"))),
            }
        }
        Err(wrong("a page header is longer than 16 MiB"))
    }

    /// Checks that lists had as many rows as the row group.
    fn check_end(&self) -> Result<()> {
        match self.lists {
            Some(lists) if lists.rows != self.rows => Err(wrong(format!(
                "its lists make {} rows, the row group has {}",
                lists.rows, self.rows
            ))),
            _ => Ok(()),
        }
    }

    /// Checks what a header claims, before anything is done for it.
    fn check(&mut self, header: &Header) -> Result<()> {
        let (size, packed) = (header.size, header.packed_size);
        let most = match self.unpacker.is_plain() {
            true => packed,
            false => PAGE_BYTES_FREE.max(packed.saturating_mul(EXPANSION_MAX)),
        };
        if size > most.min(PAGE_BYTES_MAX) {
            let what = format!("a page of {packed} bytes claims to become {size}");
            return Err(wrong(what));
        }
        match header.kind {
            PageKind::Other => return Ok(()),
            // No value of a dictionary takes less than a byte.
            PageKind::Dictionary { .. } if index(header.values) > size => {
                return Err(wrong("a dictionary has more values than bytes"));
            }
            PageKind::Dictionary { .. } if !self.is_first => {
                return Err(wrong("a dictionary comes after other pages"));
            }
            PageKind::Dictionary { .. } => return Ok(()),
            PageKind::Data { .. } | PageKind::DataV2 { .. } => {}
        }
        let left = self.values_left.checked_sub(u64::from(header.values));
        self.values_left = left.ok_or_else(|| wrong("its pages have more values than it has"))?;
        if let Some(sizes) = &mut self.sizes
            && !sizes.add(index(header.values), size)
        {
            let rows = sizes.batch_rows;
            return Err(wrong(format!("{rows} rows take more than 64 MiB of pages")));
        }
        Ok(())
    }

    /// The bytes of a page, decompressed.
    fn bytes_of(&mut self, header: &Header, packed: Vec<u8>) -> Result<Vec<u8>> {
        let is_packed = !matches!(
            header.kind,
            PageKind::DataV2 {
                is_packed: false,
                ..
            }
        );
        if self.unpacker.is_plain() || !is_packed {
            return match packed.len() == header.size {
                true => Ok(packed),
                false => Err(wrong(format!(
                    "a page that is not compressed has {} bytes instead of {}",
                    packed.len(),
                    header.size
                ))),
            };
        }
        let (levels, values) = packed.split_at(header.levels_size());
        let size = header.size - levels.len();
        let unpacked = self.unpacker.unpack(levels, values, size);
        unpacked.map_err(|what| wrong(format!("a page cannot be decompressed: {what}")))
    }

    /// Checks the levels and values of a page, as far as they decide about memory.
    fn check_values(&mut self, header: &Header, bytes: &[u8]) -> Result<()> {
        if let Some(lists) = &mut self.lists {
            let levels = match header.kind {
                PageKind::Data {
                    rep_levels: Encoding::RLE,
                    ..
                } => levels_of_v1(bytes),
                PageKind::Data { .. } => {
                    return Err(wrong("its lists are in an encoding that is not read"));
                }
                PageKind::DataV2 { rep_bytes, .. } => bytes.get(..index(rep_bytes)),
                PageKind::Dictionary { .. } | PageKind::Other => return Ok(()),
            };
            let levels = levels.ok_or_else(|| wrong("levels go beyond their page"))?;
            let counted = lists.add(levels, header.values);
            let short = "levels that end too early";
            counted.map_err(|malformed| wrong(format!("it has {}", malformed.what(short))))?;
        }
        let values = match header.kind {
            PageKind::DataV2 {
                encoding: Encoding::DELTA_BYTE_ARRAY,
                ..
            } => bytes.get(header.levels_size()..),
            PageKind::Data {
                encoding: Encoding::DELTA_BYTE_ARRAY,
                ..
            } if self.has_nulls => {
                levels_of_v1(bytes).and_then(|levels| bytes.get(4 + levels.len()..))
            }
            PageKind::Data {
                encoding: Encoding::DELTA_BYTE_ARRAY,
                ..
            } => Some(bytes),
            _ => return Ok(()),
        };
        let values = values.ok_or_else(|| wrong("levels go beyond their page"))?;
        let short = "lengths of texts end too early";
        let repeated = prefix_bytes(values).map_err(|malformed| wrong(malformed.what(short)))?;
        match repeated <= count64(PAGE_BYTES_FREE) {
            true => Ok(()),
            false => Err(wrong("values that begin alike take more than 32 MiB")),
        }
    }
}

/// A page as arrow's decoders take it.
fn page_of(header: &Header, bytes: Vec<u8>) -> Option<Page> {
    let (buf, num_values) = (Bytes::from(bytes), header.values);
    match header.kind {
        PageKind::Data {
            encoding,
            def_levels,
            rep_levels,
        } => Some(Page::DataPage {
            buf,
            num_values,
            encoding,
            def_level_encoding: def_levels,
            rep_level_encoding: rep_levels,
            statistics: None,
        }),
        PageKind::DataV2 {
            encoding,
            nulls,
            rows,
            def_bytes,
            rep_bytes,
            ..
        } => Some(Page::DataPageV2 {
            buf,
            num_values,
            encoding,
            num_nulls: nulls,
            num_rows: rows,
            def_levels_byte_len: def_bytes,
            rep_levels_byte_len: rep_bytes,
            is_compressed: false,
            statistics: None,
        }),
        PageKind::Dictionary {
            encoding,
            is_sorted,
        } => Some(Page::DictionaryPage {
            buf,
            num_values,
            encoding,
            is_sorted,
        }),
        PageKind::Other => None,
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        while let Some((header, place)) = self.header()? {
            self.check(&header)?;
            self.is_first &= header.kind == PageKind::Other;
            if header.kind == PageKind::Other {
                continue;
            }
            let packed = self.read_at(place)?;
            let bytes = self.bytes_of(&header, packed)?;
            self.check_values(&header, &bytes)?;
            return Ok(page_of(&header, bytes));
        }
        Ok(None)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        while let Some((header, place)) = self.header()? {
            let (rows, is_dict) = match header.kind {
                PageKind::Other => continue,
                PageKind::DataV2 { rows, .. } => (Some(index(rows)), false),
                PageKind::Dictionary { .. } => (None, true),
                PageKind::Data { .. } => (None, false),
            };
            let num_levels = (!is_dict).then_some(index(header.values));
            self.ahead = Some((header, place));
            return Ok(Some(PageMetadata {
                num_rows: rows,
                num_levels,
                is_dict,
            }));
        }
        Ok(None)
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.get_next_page().map(drop)
    }
}
