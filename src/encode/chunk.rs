//! Pages behind each other: a column chunk, on parquet's public page API.
//!
//! **In / Out**: [`Stream`]s, page by page → the bytes of a column chunk, and what the footer says of
//! it. Offsets start at 0.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::schema::compression;
use super::stream::Stream;
use super::{lz4, zstd};
use crate::ids::count64;
use crate::job::{Codec, Job};

/// A codec with its memory.
#[derive(Debug)]
pub(super) enum Compressor {
    /// Zstandard.
    Zstd(zstd::Compressor),
    /// LZ4 blocks.
    Lz4(Vec<u8>),
}

/// Which of the two columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// `actions`: item ids.
    Items,
    /// `action_types`.
    Kinds,
}

impl Compressor {
    /// The compressor of a job.
    pub(super) fn of(codec: Codec) -> Compressor {
        match codec {
            Codec::Lz4Raw => Compressor::Lz4(Vec::new()),
            _ => Compressor::Zstd(zstd::Compressor::new()),
        }
    }

    /// Compresses a page.
    pub(super) fn compress(&mut self, page: &Stream) -> Bytes {
        match self {
            Compressor::Zstd(zstd) => Bytes::copy_from_slice(zstd.compress(page)),
            Compressor::Lz4(block) => {
                block.clear();
                lz4::compress(page, block);
                Bytes::copy_from_slice(block)
            }
        }
    }
}

/// A column chunk in the making.
pub(super) struct Chunk {
    /// Its bytes.
    sink: TrackedWrite<Vec<u8>>,
    /// Where pages start, and with which row.
    offsets: OffsetIndexBuilder,
    /// Where the first data page starts.
    data_start: u64,
    /// Whether there is a dictionary.
    has_dictionary: bool,
    /// Bytes, with page headers, not compressed.
    uncompressed: u64,
    /// Rows so far.
    rows: usize,
    /// Values so far.
    values: usize,
}

impl Chunk {
    /// An empty chunk.
    pub(super) fn new() -> Chunk {
        Chunk {
            sink: TrackedWrite::new(Vec::new()),
            offsets: OffsetIndexBuilder::new(),
            data_start: 0,
            has_dictionary: false,
            uncompressed: 0,
            rows: 0,
            values: 0,
        }
    }

    /// Writes the dictionary.
    pub(super) fn dictionary(
        &mut self,
        page: &Stream,
        compressor: &mut Compressor,
        values: u32,
    ) -> Result<()> {
        let dictionary = Page::DictionaryPage {
            buf: compressor.compress(page),
            num_values: values,
            encoding: Encoding::PLAIN,
            is_sorted: true,
        };
        self.write(page, dictionary)?;
        self.data_start = count64(self.sink.bytes_written());
        self.has_dictionary = true;
        Ok(())
    }

    /// Writes a page of data.
    pub(super) fn data(
        &mut self,
        page: &Stream,
        compressor: &mut Compressor,
        column: Column,
        rows: usize,
        values: usize,
    ) -> Result<()> {
        let data = Page::DataPage {
            buf: compressor.compress(page),
            num_values: u32::try_from(values).expect("a page is small"),
            encoding: column.encoding(),
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let start = self.sink.bytes_written();
        self.write(page, data)?;
        let bytes = self.sink.bytes_written() - start;
        self.offsets.append_row_count(signed(rows));
        let bytes = i32::try_from(bytes).expect("a page is small");
        self.offsets.append_offset_and_size(signed(start), bytes);
        self.rows += rows;
        self.values += values;
        Ok(())
    }

    /// Writes a page behind the others.
    fn write(&mut self, page: &Stream, compressed: Page) -> Result<()> {
        let compressed = CompressedPage::new(compressed, page.len());
        let mut writer = SerializedPageWriter::new(&mut self.sink);
        let written = writer.write_page(compressed)?;
        let header = written.bytes_written - count64(written.compressed_size);
        self.uncompressed += header + count64(page.len());
        writer.close()
    }

    /// The chunk, and what the footer says of it.
    pub(super) fn finish(
        self,
        job: &Job,
        description: &ColumnDescPtr,
        column: Column,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        let bytes = self.sink.into_inner()?;
        let dictionary_start = self.has_dictionary.then_some(0);
        let narrow = |count: u64| i64::try_from(count).expect("a chunk is small");
        let metadata = ColumnChunkMetaData::builder(Arc::clone(description))
            .set_compression(compression(job.codec))
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, column.encoding()])
            .set_total_compressed_size(signed(bytes.len()))
            .set_total_uncompressed_size(narrow(self.uncompressed))
            .set_num_values(signed(self.values))
            .set_data_page_offset(narrow(self.data_start))
            .set_dictionary_page_offset(dictionary_start)
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: count64(bytes.len()),
            rows_written: count64(self.rows),
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(self.offsets.build()),
        };
        Ok((Bytes::from(bytes), close))
    }
}

impl Column {
    /// How its values are encoded.
    fn encoding(self) -> Encoding {
        match self {
            Column::Items => Encoding::PLAIN,
            Column::Kinds => Encoding::RLE_DICTIONARY,
        }
    }
}

/// A count as the footer has it.
fn signed(count: usize) -> i64 {
    i64::try_from(count).expect("a chunk is small")
}
