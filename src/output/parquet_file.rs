//! A Parquet file of row groups that are encoded already.

use std::path::PathBuf;

use crate::encode::{FileWriter, RowGroup, TableEncoder};
use crate::error::Result;
use crate::failpoint::hit;
use crate::publish::{Part, PartFile, Target, write_error};

/// A file that is being written.
pub(super) struct ParquetFile {
    name: String,
    path: PathBuf,
    file: PartFile,
    /// Writes row groups into it.
    writer: FileWriter<PartFile>,
    rows: u64,
    /// Row groups so far.
    row_groups: u64,
}

impl ParquetFile {
    /// Starts the file `TABLE.parquet` in a folder of the output.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn create(
        (target, folder): (Target<'_>, &str),
        table: &str,
        encoder: &TableEncoder,
    ) -> Result<ParquetFile> {
        let name = format!("{table}.parquet");
        let (path, file) = target.file(folder, &name, true)?;
        let writer = encoder.file(file.clone());
        Ok(ParquetFile {
            name,
            file,
            writer: writer.map_err(|error| write_error(&path, error))?,
            path,
            rows: 0,
            row_groups: 0,
        })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn append(&mut self, group: RowGroup) -> Result<()> {
        self.rows += group.rows();
        self.row_groups += 1;
        let appended = self.writer.append(group);
        appended.map_err(|error| write_error(&self.path, error))?;
        hit("rows of a table written");
        Ok(())
    }

    /// Finishes the file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn finish(self) -> Result<Part> {
        let finished = self.writer.finish();
        finished.map_err(|error| write_error(&self.path, error))?;
        let (bytes, checksum) = self.file.finish()?;
        Ok(Part {
            name: self.name,
            rows: self.rows,
            row_groups: self.row_groups,
            bytes,
            checksum,
        })
    }
}
