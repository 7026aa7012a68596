//! The tables of a shard, read back.

use std::path::Path;

use arrow::array::{AsArray, RecordBatch, RecordBatchReader};
use arrow::datatypes::{DataType, Int64Type};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use twox_hash::XxHash64;

use crate::context::RunContext;
use crate::dictionary::Dictionary;
use crate::error::{Error, Result};
use crate::ids::count64;
use crate::publish::Part;
use crate::store::local;

/// The rows of a file, in batches.
pub(super) struct TableBatches {
    /// The path, for messages.
    path: String,
    batches: ParquetRecordBatchReader,
}

impl TableBatches {
    /// The rows of a file in the folder of a shard.
    ///
    /// # Errors
    /// If its bytes are not those that were written.
    pub(super) fn open(folder: &Path, part: &Part) -> Result<TableBatches> {
        let path = folder.join(&part.name);
        let bytes = local::read(&path).map_err(|error| Error::io("read", &path, error))?;
        let shown = path.display().to_string();
        let is_it = (count64(bytes.len()), XxHash64::oneshot(0, &bytes));
        if is_it != (part.bytes, part.checksum) {
            let what = "its bytes are not those that its manifest records; make its shard again";
            return Err(Error::bad_file(shown, what));
        }
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes));
        let batches = reader.and_then(ParquetRecordBatchReaderBuilder::build);
        let batches = batches.map_err(|error| Error::bad_file(&shown, error.to_string()))?;
        Ok(TableBatches {
            path: shown,
            batches,
        })
    }
}

impl Iterator for TableBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Result<RecordBatch>> {
        let batch = self.batches.next()?;
        Some(batch.map_err(|error| Error::bad_file(&self.path, error.to_string())))
    }
}

/// Reads a file of ids; the code of an id is its place in the file.
///
/// # Errors
/// If its bytes are not those that were written, or the memory of the job is used up.
pub(super) fn read_ids(context: &RunContext, folder: &Path, part: &Part) -> Result<Dictionary> {
    let table = TableBatches::open(folder, part)?;
    // Not by the first batch: a file without ids has none.
    let are_texts = *table.batches.schema().field(0).data_type() == DataType::Utf8;
    let mut ids = if are_texts {
        Dictionary::texts()
    } else {
        Dictionary::ints()
    };
    let mut codes = Vec::new();
    for batch in table {
        let batch = batch?;
        context.check()?;
        if are_texts {
            let texts = batch.column(0).as_string::<i32>();
            let texts: Vec<&[u8]> = texts.iter().flatten().map(str::as_bytes).collect();
            ids.intern_texts(&texts, &mut codes);
        } else {
            let ints = batch.column(0).as_primitive::<Int64Type>().values();
            ids.intern_ints(ints.iter().copied(), &mut codes);
        }
        codes.clear();
    }
    ids.reserve_memory(context)?;
    Ok(ids)
}
