//! One row group to batches of arrays: arrow's decoders, fed with checked pages.
//!
//! **In / Out**: a file whose footer was checked, a row group, columns → batches. **Invariants**:
//! a batch has fewer rows where lists are long. **Why so**: arrow's own reader of files brings its own
//! reader of pages, which trusts their headers.

use std::fs::File;
use std::io;
use std::sync::{Arc, PoisonError};

use arrow::datatypes::Fields;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, RowGroups, RowSelection, RowSelector,
};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels};
use parquet::column::page::{PageIterator, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::chunk_bytes::DiskError;
use super::levels::ELEMENTS_MAX;
use super::pages::Pages;
use super::{BATCH_ROWS, ParquetGroups};
use crate::error::Result;
use crate::ids::{count64, index64, unsigned};
use crate::scan::GroupRows;

/// A row group that is open for reading.
pub(super) struct RowGroupReader {
    opened: Arc<File>,
    metadata: Arc<ParquetMetaData>,
    /// The types that its columns are read as.
    schema: Fields,
    /// The number of the row group.
    pub(super) at: usize,
    batch_rows: usize,
    /// The I/O error that ended reading, if there was one.
    disk: DiskError,
}

impl RowGroupReader {
    /// Opens a row group to read some of its columns.
    pub(super) fn open(
        file: &ParquetGroups,
        at: usize,
        columns: &ProjectionMask,
    ) -> Result<RowGroupReader> {
        Ok(RowGroupReader {
            // Not kept open from the footer on: thousands of small files would exceed the limit of
            // descriptors.
            opened: Arc::new(file.file.open()?),
            metadata: Arc::clone(&file.metadata),
            schema: file.schema.clone(),
            at,
            batch_rows: batch_rows(&file.row_groups()[at], columns),
            disk: DiskError::default(),
        })
    }

    /// The batches of some columns.
    pub(super) fn batches(
        &self,
        rows: GroupRows,
        columns: &ProjectionMask,
    ) -> std::result::Result<ParquetRecordBatchReader, ParquetError> {
        let schema = self.metadata.file_metadata().schema_descr();
        let levels = parquet_to_arrow_field_levels(schema, columns.clone(), Some(&self.schema))?;
        let selection = (rows.count() < count64(self.num_rows())).then(|| {
            let skipped = RowSelector::skip(index64(rows.start));
            RowSelection::from(vec![skipped, RowSelector::select(index64(rows.count()))])
        });
        let batch_rows = self.batch_rows;
        ParquetRecordBatchReader::try_new_with_row_groups(&levels, self, batch_rows, selection)
    }

    /// The I/O error that ended reading, if one did.
    pub(super) fn take_disk_error(&self) -> Option<io::Error> {
        self.disk
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// The metadata of the row group.
    fn group(&self) -> &RowGroupMetaData {
        self.metadata.row_group(self.at)
    }
}

/// Rows of a batch: fewer where lists are long.
fn batch_rows(group: &RowGroupMetaData, columns: &ProjectionMask) -> usize {
    let chunks = group.columns().iter().enumerate();
    let values = chunks
        .filter(|(at, _)| columns.leaf_included(*at))
        .map(|(_, chunk)| unsigned(chunk.num_values()));
    let rows = unsigned(group.num_rows()).max(1);
    let length = values.max().unwrap_or(0).div_ceil(rows).max(1);
    // Half of the limit, as some lists are longer than the average.
    let fitting = usize::try_from(ELEMENTS_MAX / 2 / length);
    fitting.map_or(BATCH_ROWS, |rows| rows.clamp(1, BATCH_ROWS))
}

impl RowGroups for RowGroupReader {
    fn num_rows(&self) -> usize {
        usize::try_from(self.group().num_rows()).unwrap_or(0)
    }

    fn column_chunks(&self, at: usize) -> std::result::Result<Box<dyn PageIterator>, ParquetError> {
        let (group, disk) = (self.group(), Arc::clone(&self.disk));
        let opened = Arc::clone(&self.opened);
        let pages = Pages::new(opened, disk, group, group.column(at), self.batch_rows)?;
        Ok(Box::new(OneChunk(Some(pages))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.group()))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// An iterator over the one chunk that a column has in a row group.
struct OneChunk(Option<Pages>);

impl Iterator for OneChunk {
    type Item = std::result::Result<Box<dyn PageReader>, ParquetError>;

    fn next(&mut self) -> Option<Self::Item> {
        let pages = self.0.take()?;
        Some(Ok(Box::new(pages)))
    }
}

impl PageIterator for OneChunk {}
