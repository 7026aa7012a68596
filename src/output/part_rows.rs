//! Rows of finished Parquet files, of which shards make a set.
//!
//! **In / Out**: a file, and what its manifest says of it → batches of rows. **Invariants**: the bytes that
//! are decoded are those whose checksum was compared. **Cost**: a file is in memory as it lies on disk, so
//! those of shards are small.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::error::{Error, Result};
use crate::publish::{Part, read_part};

/// The rows of a file.
pub(crate) struct PartRows {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
}

impl PartRows {
    /// Opens a file, whose rows come in batches of at most so many.
    ///
    /// # Errors
    /// If its bytes are not those that were written, or it cannot be read.
    pub(crate) fn open(path: PathBuf, part: &Part, batch_rows: usize) -> Result<PartRows> {
        let bytes = Bytes::from(read_part(&path, part)?);
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes);
        let reader = builder.and_then(|builder| builder.with_batch_size(batch_rows).build());
        Ok(PartRows {
            reader: reader.map_err(|error| bad(&path, &error.to_string()))?,
            path,
        })
    }

    /// The next rows.
    ///
    /// # Errors
    /// If they cannot be decoded.
    pub(crate) fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = self.reader.next().transpose();
        batch.map_err(|error| bad(&self.path, &error.to_string()))
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The error about a file whose bytes are those that were written, and cannot be read as rows all the same.
fn bad(path: &Path, what: &str) -> Error {
    Error::bad_file(path.display().to_string(), what)
}
