//! The pages of a column chunk for arrow's decoders: read, checked and decompressed one by one.
//!
//! **In / Out**: a column chunk whose footer was checked → [`Page`]s. **Invariants**: memory is
//! allocated only for bytes that the file has, or within a bounded ratio of them. The pages have exactly
//! the values that the footer declares. Of lists, and of values that vary in length, a batch of rows is
//! bounded in size. **Why so**: parquet's own reader allocates what a header claims, up to 2 GiB, and
//! decompresses some codecs without a limit.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};

use super::batch_size::BatchSize;
use super::chunk_bytes::{ChunkBytes, DiskError, wrong};
use super::delta::prefix_bytes;
use super::footer::range_of;
use super::header::{Header, PageKind};
use super::levels::{ListCount, levels_of_v1};
use super::thrift::Malformed;
use super::unpack::Unpacker;
use crate::ids::{count64, index, unsigned};

/// Bytes of decompressed page that any page may have.
const PAGE_BYTES_FREE: usize = 1 << 25;
/// The highest ratio of larger pages to their compressed size.
const EXPANSION_MAX: usize = 256;
/// The largest decompressed page, in bytes. Writers make pages of about one MiB.
const PAGE_BYTES_MAX: usize = 1 << 27;
/// How many bytes are looked at for a header, at first and where it turns out to be longer.
const HEADER_BYTES: [u64; 4] = [1 << 12, 1 << 16, 1 << 20, 1 << 24];

/// The pages of one column chunk.
pub(super) struct Pages {
    bytes: ChunkBytes,
    /// The bytes of the chunk that are not read yet.
    rest: Range<u64>,
    unpacker: Unpacker,
    /// Values still to come.
    values_left: u64,
    /// The rows and elements so far, if the column is of lists.
    lists: Option<ListCount>,
    /// Rows of the row group.
    rows: u64,
    /// The size of each batch, if the values vary in length.
    sizes: Option<BatchSize>,
    /// Whether levels say which values are null.
    has_nulls: bool,
    /// Whether no page was read yet.
    is_first: bool,
    /// The next header and the place of its page, if it was peeked.
    peeked: Option<(Header, Range<u64>)>,
    /// The dictionary, if it was passed over.
    dictionary: Option<(Header, Range<u64>)>,
}

impl Pages {
    /// The pages of a chunk that is read in batches of so many rows; `disk` receives an I/O error.
    pub(super) fn new(
        file: Arc<File>,
        disk: DiskError,
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
        let sizes = varies.then(|| BatchSize::new(batch_rows));
        Ok(Pages {
            bytes: ChunkBytes::new(file, disk),
            rest: range_of(chunk).ok_or_else(|| wrong("it lies outside the file"))?,
            unpacker: Unpacker::new(chunk.compression()).map_err(wrong)?,
            values_left: unsigned(chunk.num_values()),
            lists,
            rows: unsigned(group.num_rows()),
            sizes,
            has_nulls: column.max_def_level() > 0,
            is_first: true,
            peeked: None,
            dictionary: None,
        })
    }

    /// Reads the next header; returns it with the place of its page.
    fn header(&mut self) -> Result<Option<(Header, Range<u64>)>> {
        if let Some(peeked) = self.peeked.take() {
            return Ok(Some(peeked));
        }
        if self.values_left == 0 {
            return self.check_end().map(|()| None);
        }
        if self.rest.is_empty() {
            return Err(wrong(format!("its pages lack {} values", self.values_left)));
        }
        let left = self.rest.end - self.rest.start;
        // A header may hold statistics of long texts: a window too short is read again, longer.
        for bytes in HEADER_BYTES {
            let Range { start, end } = self.rest;
            match Header::read(self.bytes.ahead(start, bytes, end)?) {
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

    /// Checks that the lists have as many rows as the row group.
    fn check_end(&self) -> Result<()> {
        match self.lists {
            Some(lists) if lists.rows != self.rows => Err(wrong(format!(
                "its lists make {} rows, the row group has {}",
                lists.rows, self.rows
            ))),
            _ => Ok(()),
        }
    }

    /// Checks the claims of a header before its page is read.
    fn check(&mut self, header: &Header) -> Result<()> {
        let (size, packed) = (header.size, header.packed_size);
        let size_max = if self.unpacker.is_plain() {
            packed
        } else {
            PAGE_BYTES_FREE.max(packed.saturating_mul(EXPANSION_MAX))
        };
        if size > size_max.min(PAGE_BYTES_MAX) {
            let what = format!("a page of {packed} bytes claims to become {size}");
            return Err(wrong(what));
        }
        match header.kind {
            PageKind::Other => return Ok(()),
            // Every value of a dictionary takes a byte or more.
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

    /// Puts the decompressed bytes of a page in place of what is in `bytes`.
    fn unpack(&mut self, header: &Header, packed: &mut Vec<u8>, bytes: &mut Vec<u8>) -> Result<()> {
        let is_packed = !matches!(
            header.kind,
            PageKind::DataV2 {
                is_packed: false,
                ..
            }
        );
        if self.unpacker.is_plain() || !is_packed {
            let (found, size) = (packed.len(), header.size);
            if found != size {
                let what =
                    format!("a page that is not compressed has {found} bytes instead of {size}");
                return Err(wrong(what));
            }
            std::mem::swap(packed, bytes);
            return Ok(());
        }
        let (levels, values) = packed.split_at(header.levels_size());
        let size = header.size - levels.len();
        let unpacked = self.unpacker.unpack(levels, values, size, bytes);
        unpacked.map_err(|what| wrong(format!("a page cannot be decompressed: {what}")))
    }

    /// Reads the next page that is not skipped: puts its bytes in place of what is in `bytes`. `packed` is
    /// scratch.
    pub(super) fn next_into(
        &mut self,
        packed: &mut Vec<u8>,
        bytes: &mut Vec<u8>,
    ) -> Result<Option<Header>> {
        while let Some((header, place)) = self.header()? {
            self.check(&header)?;
            self.is_first &= header.kind == PageKind::Other;
            if header.kind == PageKind::Other {
                continue;
            }
            self.bytes.read(&place, packed)?;
            self.unpack(&header, packed, bytes)?;
            self.check_values(&header, bytes)?;
            return Ok(Some(header));
        }
        Ok(None)
    }

    /// Skips the next pages of a column that is not of lists, as long as they have no more than so many rows together;
    /// gives how many rows they have. They are not decompressed, and a dictionary is passed over.
    pub(super) fn skip_rows(&mut self, rows: u64) -> Result<u64> {
        let mut skipped = 0;
        while let Some((header, place)) = self.header()? {
            let values = match header.kind {
                PageKind::Data { .. } | PageKind::DataV2 { .. } => u64::from(header.values),
                PageKind::Dictionary { .. } | PageKind::Other => 0,
            };
            if values > rows - skipped {
                self.peeked = Some((header, place));
                break;
            }
            self.check(&header)?;
            self.is_first &= header.kind == PageKind::Other;
            skipped += values;
            if matches!(header.kind, PageKind::Dictionary { .. }) {
                self.dictionary = Some((header, place));
            }
        }
        Ok(skipped)
    }

    /// Reads the dictionary that was passed over, if one was; as [`Pages::next_into`].
    pub(super) fn dictionary_into(
        &mut self,
        packed: &mut Vec<u8>,
        bytes: &mut Vec<u8>,
    ) -> Result<Option<Header>> {
        let Some((header, place)) = self.dictionary.take() else {
            return Ok(None);
        };
        self.bytes.read(&place, packed)?;
        self.unpack(&header, packed, bytes)?;
        Ok(Some(header))
    }

    /// Checks what the levels and values of a page say about the memory that decoding takes.
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
        let repeated = prefix_bytes(values, u64::from(header.values));
        let repeated = repeated.map_err(|malformed| wrong(malformed.what(short)))?;
        if repeated > count64(PAGE_BYTES_FREE) {
            return Err(wrong("values that begin alike take more than 32 MiB"));
        }
        Ok(())
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
        // Memory of its own, as arrays go on using it.
        let mut bytes = Vec::new();
        let header = self.next_into(&mut Vec::new(), &mut bytes)?;
        Ok(header.and_then(|header| header.page(bytes)))
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
            // Not counted in `values_left` yet: `get_next_page` checks it when it takes it.
            self.peeked = Some((header, place));
            return Ok(Some(PageMetadata {
                num_rows: rows,
                num_levels,
                is_dict,
            }));
        }
        Ok(None)
    }

    fn skip_next_page(&mut self) -> Result<()> {
        if self.lists.is_some() {
            // Read and checked all the same: only its levels tell how many rows it has.
            return self.get_next_page().map(drop);
        }
        let Some((header, _)) = self.header()? else {
            return Ok(());
        };
        self.check(&header)?;
        self.is_first &= header.kind == PageKind::Other;
        Ok(())
    }
}
