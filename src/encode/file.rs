//! Appends encoded row groups to one Parquet file.
//!
//! **In / Out**: [`RowGroup`]s in order → the bytes of a file. **Invariants**: the bytes of a row
//! group are written unchanged, in one write; only the offsets in its metadata are adjusted.

use std::io::Write;
use std::sync::Arc;

use parquet::arrow::arrow_writer::ArrowColumnWriter;
use parquet::errors::Result;
use parquet::file::metadata::page_index::PageIndexBuilder;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaDataBuilder, ParquetMetaDataWriter,
    RowGroupMetaData,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::SchemaDescPtr;

use super::{CREATED_BY, RowGroup, RowStats};
use crate::ids::unsigned;

/// The magic bytes at the start of a Parquet file.
const MAGIC: &[u8] = b"PAR1";

/// A file that is being written.
pub(crate) struct FileWriter<W: Write> {
    to: TrackedWrite<W>,
    schema: SchemaDescPtr,
    /// The row groups so far, without their bytes.
    groups: Vec<RowGroup>,
}

impl<W: Write + Send> FileWriter<W> {
    /// Starts a file.
    ///
    /// # Errors
    /// If it cannot be written to.
    pub(super) fn new(to: W, schema: SchemaDescPtr) -> Result<FileWriter<W>> {
        let mut to = TrackedWrite::new(to);
        to.write_all(MAGIC)?;
        Ok(FileWriter {
            to,
            schema,
            groups: Vec::new(),
        })
    }

    /// Appends a row group.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn append(&mut self, mut group: RowGroup) -> Result<()> {
        let start = i64::try_from(self.to.bytes_written()).expect("a part is small");
        self.to.write_all(&group.bytes)?;
        // Freed now: the group itself is kept until the footer is written.
        group.bytes = Vec::new();
        group.metadata = moved(group.metadata, start, self.groups.len())?;
        // Offsets of pages are absolute in a file, as those of chunks are.
        for pages in group.offset_indexes.iter_mut().flatten() {
            for page in &mut pages.page_locations {
                page.offset += start;
            }
        }
        self.groups.push(group);
        Ok(())
    }

    /// Writes the footer.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn finish(self) -> Result<()> {
        let columns = self.schema.num_columns();
        let mut pages = PageIndexBuilder::new(self.groups.len(), columns);
        let mut groups = Vec::new();
        for (at, group) in self.groups.into_iter().enumerate() {
            for (column, bounds) in group.column_indexes.into_iter().enumerate() {
                if let Some(bounds) = bounds {
                    pages.put_column_index(bounds, at, column);
                }
            }
            for (column, places) in group.offset_indexes.into_iter().enumerate() {
                if let Some(places) = places {
                    pages.put_offset_index(places, at, column);
                }
            }
            groups.push(group.metadata);
        }
        let rows = groups.iter().map(RowGroupMetaData::num_rows).sum();
        let created_by = Some(CREATED_BY.to_owned());
        let file = FileMetaData::new(1, rows, created_by, None, self.schema, None);
        let metadata = ParquetMetaDataBuilder::new(file)
            .set_row_groups(groups)
            .set_page_index(Some(Arc::new(pages.build())))
            .build();
        ParquetMetaDataWriter::new_with_tracked(self.to, &metadata).finish()
    }
}

/// The metadata of a row group that starts at `start` of the file instead of at 0.
fn moved(group: RowGroupMetaData, start: i64, ordinal: usize) -> Result<RowGroupMetaData> {
    let mut builder = group.into_builder();
    let columns = builder.take_columns().into_iter().map(|column| {
        let data = column.data_page_offset() + start;
        let dictionary = column.dictionary_page_offset().map(|at| at + start);
        ColumnChunkMetaData::into_builder(column)
            .set_data_page_offset(data)
            .set_dictionary_page_offset(dictionary)
            .build()
    });
    builder
        .set_column_metadata(columns.collect::<Result<_>>()?)
        .set_file_offset(start)
        .set_ordinal(ordinal_of(ordinal))
        .build()
}

/// The index of a row group in its file.
fn ordinal_of(ordinal: usize) -> i32 {
    i32::try_from(ordinal).expect("a part has few row groups")
}

impl RowGroup {
    /// Rows.
    pub(crate) fn rows(&self) -> u64 {
        unsigned(self.metadata.num_rows())
    }
}

/// A row group from the columns of Arrow's writers.
pub(super) fn row_group(
    descriptor: &SchemaDescPtr,
    properties: &Arc<WriterProperties>,
    writers: Vec<ArrowColumnWriter>,
) -> Result<RowGroup> {
    // Encoded as the first row group of a file of its own; `moved` corrects ordinal and offsets.
    let mut to = TrackedWrite::new(Vec::new());
    let mut closed = None;
    let keep = |_: &mut TrackedWrite<Vec<u8>>, metadata, _, columns, offsets| {
        closed = Some((metadata, columns, offsets));
        Ok(())
    };
    let (descriptor, properties) = (Arc::clone(descriptor), Arc::clone(properties));
    let mut group =
        SerializedRowGroupWriter::new(descriptor, properties, &mut to, 0, Some(Box::new(keep)));
    for writer in writers {
        writer.close()?.append_to_row_group(&mut group)?;
    }
    group.close()?;
    let (metadata, column_indexes, offset_indexes) = closed.expect("closing calls it");
    Ok(RowGroup {
        stats: RowStats::default(),
        bytes: to.into_inner()?,
        metadata,
        column_indexes,
        offset_indexes,
    })
}
