//! Appends pages to a column chunk, on parquet's public page API.
//!
//! **In / Out**: [`LiteralsAndCopies`]s, page by page → the bytes of a column chunk, appended to the row
//! group, and its metadata for the footer.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder};
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::schema::compression;
use crate::encode::direct::literals_and_copies::LiteralsAndCopies;
use crate::encode::direct::{lz4, zstd};
use crate::ids::count64;
use crate::job::Codec;

/// A codec, with its memory if it needs any.
#[derive(Debug)]
pub(crate) enum PageCompressor {
    /// Zstandard.
    Zstd(zstd::ZstdCompressor),
    /// LZ4 blocks.
    Lz4,
}

impl PageCompressor {
    /// The compressor of a codec that has a direct path.
    pub(super) fn new(codec: Codec) -> PageCompressor {
        match codec {
            Codec::Lz4Raw => PageCompressor::Lz4,
            // `is_supported` lets only zstd and LZ4 take the direct path.
            _ => PageCompressor::Zstd(zstd::ZstdCompressor::new()),
        }
    }

    /// Compresses a page. The bytes are new memory, so that they need not be copied.
    pub(super) fn compress(&mut self, page: &LiteralsAndCopies) -> Bytes {
        Bytes::from(match self {
            PageCompressor::Zstd(zstd) => zstd.compress(page),
            PageCompressor::Lz4 => lz4::compress(page),
        })
    }
}

/// The buffer of a row group.
pub(crate) type Sink = TrackedWrite<Vec<u8>>;

/// A column chunk that is being written.
pub(crate) struct ColumnChunkWriter<'a> {
    /// The row group so far.
    sink: &'a mut Sink,
    /// The offset of the chunk in the row group.
    start: usize,
    /// The encoding of values.
    encoding: Encoding,
    /// The offset of each page, and its first row.
    offsets: OffsetIndexBuilder,
    /// The offset of the first data page.
    data_start: usize,
    has_dictionary: bool,
    /// Uncompressed bytes, with page headers.
    uncompressed: usize,
    rows: usize,
    values: usize,
}

impl ColumnChunkWriter<'_> {
    /// An empty chunk at the end of a row group.
    pub(super) fn new(sink: &mut Sink, encoding: Encoding) -> ColumnChunkWriter<'_> {
        let start = sink.bytes_written();
        ColumnChunkWriter {
            sink,
            start,
            encoding,
            offsets: OffsetIndexBuilder::new(),
            data_start: start,
            has_dictionary: false,
            uncompressed: 0,
            rows: 0,
            values: 0,
        }
    }

    /// Writes the dictionary page.
    pub(super) fn dictionary(
        &mut self,
        page: &LiteralsAndCopies,
        compressor: &mut PageCompressor,
        values: u32,
    ) -> Result<()> {
        check_size(page)?;
        let dictionary = Page::DictionaryPage {
            buf: compressor.compress(page),
            num_values: values,
            encoding: Encoding::PLAIN,
            // Only `action_types` has a dictionary, and its codes ascend.
            is_sorted: true,
        };
        self.write(dictionary, page.len())?;
        self.data_start = self.sink.bytes_written();
        self.has_dictionary = true;
        Ok(())
    }

    /// Writes a data page.
    pub(super) fn data(
        &mut self,
        page: &LiteralsAndCopies,
        compressor: &mut PageCompressor,
        rows: usize,
        values: usize,
    ) -> Result<()> {
        check_size(page)?;
        let data = Page::DataPage {
            buf: compressor.compress(page),
            num_values: u32::try_from(values).expect("a page is small"),
            encoding: self.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            // A chunk seldom has a second page, so statistics of pages would repeat those of the
            // chunk.
            statistics: None,
        };
        let start = self.sink.bytes_written();
        self.write(data, page.len())?;
        let bytes = self.sink.bytes_written() - start;
        self.offsets.append_row_count(signed(rows));
        let bytes = i32::try_from(bytes).expect("a page is small");
        self.offsets.append_offset_and_size(signed(start), bytes);
        self.rows += rows;
        self.values += values;
        Ok(())
    }

    /// Appends a page of `bytes` decoded bytes.
    fn write(&mut self, page: Page, bytes: usize) -> Result<()> {
        let compressed = CompressedPage::new(page, bytes);
        // A writer per page: it borrows the sink, whose offset is read between pages.
        let mut writer = SerializedPageWriter::new(self.sink);
        let written = writer.write_page(compressed)?;
        // The footer's uncompressed size includes the page headers, which are never compressed.
        let header = written.bytes_written - count64(written.compressed_size);
        self.uncompressed += usize::try_from(header).expect("a header is small") + bytes;
        writer.close()
    }

    /// The metadata of the chunk, and the offsets of its pages.
    pub(super) fn finish(
        self,
        codec: Codec,
        description: &ColumnDescPtr,
        statistics: Option<Statistics>,
    ) -> Result<(ColumnChunkMetaData, OffsetIndexMetaData)> {
        let bytes = self.sink.bytes_written() - self.start;
        // RLE is the encoding of the levels. In a chunk with a dictionary, PLAIN is that of its
        // page.
        let encodings = match self.encoding {
            Encoding::PLAIN => vec![Encoding::PLAIN, Encoding::RLE],
            other => vec![Encoding::PLAIN, Encoding::RLE, other],
        };
        let mut metadata = ColumnChunkMetaData::builder(Arc::clone(description))
            .set_compression(compression(codec))
            .set_encodings(encodings)
            .set_total_compressed_size(signed(bytes))
            .set_total_uncompressed_size(signed(self.uncompressed))
            .set_num_values(signed(self.values))
            .set_data_page_offset(signed(self.data_start))
            // A dictionary page is always the first page of its chunk.
            .set_dictionary_page_offset(self.has_dictionary.then_some(signed(self.start)));
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        Ok((metadata.build()?, self.offsets.build()))
    }
}

/// Checks that the header of a page can tell its size: only an impression of a million long texts may be too much.
fn check_size(page: &LiteralsAndCopies) -> Result<()> {
    let bytes = page.len();
    i32::try_from(bytes).map(drop).map_err(|_| {
        ParquetError::General(format!(
            "an impression takes {bytes} bytes of one column, and a page of Parquet has at most 2^31"
        ))
    })
}

/// A count as the signed integer of the footer.
fn signed(count: usize) -> i64 {
    i64::try_from(count).expect("a chunk is small")
}
