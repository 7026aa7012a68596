//! Files of columns, Parquet or Arrow IPC: a schema, row groups, batches.
//!
//! **In / Out**: a file and its format → a [`ColumnarFile`]; from that, batches of at most
//! [`BATCH_ROWS`](super::parquet::BATCH_ROWS) rows. **Invariants**: columns have the types that Parquet's
//! have: texts are views, lists are lists with 32-bit offsets, dictionaries are read through. So readers do
//! not know which of the formats a file has. Only Parquet has statistics; without them nothing is pruned.

mod ipc;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use parquet::arrow::ProjectionMask;
use parquet::file::statistics::Statistics;

use self::ipc::IpcFile;
use crate::advice;
use crate::catalog::input::InputFile;
use crate::error::{Error, Result};
use crate::ids::count64;
use crate::job::Format;
use crate::scan::missing_column::missing_column;
use crate::scan::parquet::ParquetGroups;

/// A file of columns whose schema is read.
#[derive(Clone, Debug)]
pub(crate) struct ColumnarFile {
    pub(crate) file: InputFile,
    /// The rows of each row group.
    group_rows: Arc<[u64]>,
    groups: Groups,
}

/// The row groups of a file.
#[derive(Clone, Debug)]
enum Groups {
    /// Those of Parquet.
    Parquet(ParquetGroups),
    /// Record batches of Arrow IPC.
    Ipc(Arc<IpcFile>),
}

/// Which columns of a file are read.
#[derive(Clone, Debug)]
pub(crate) enum Leaves {
    /// Leaves of the schema of Parquet.
    Parquet(ProjectionMask),
    /// Top-level columns of Arrow IPC, ascending.
    Ipc(Vec<usize>),
}

impl ColumnarFile {
    /// Reads the schema, and where row groups lie.
    ///
    /// # Errors
    /// If the file is not of the format, or is damaged.
    pub(crate) fn open(file: &InputFile, format: Format) -> Result<ColumnarFile> {
        let (groups, group_rows) = match format {
            Format::Arrow => {
                let ipc = IpcFile::open(file)?;
                let rows = ipc.group_rows();
                (Groups::Ipc(Arc::new(ipc)), rows)
            }
            _ => {
                let parquet = ParquetGroups::open(file)?;
                let rows = parquet.group_rows();
                (Groups::Parquet(parquet), rows)
            }
        };
        Ok(ColumnarFile {
            file: file.clone(),
            group_rows: group_rows.into(),
            groups,
        })
    }

    /// The format.
    pub(crate) fn format(&self) -> Format {
        match self.groups {
            Groups::Parquet(_) => Format::Parquet,
            Groups::Ipc(_) => Format::Arrow,
        }
    }

    /// The columns, with the types that they are read as.
    fn fields(&self) -> &Fields {
        match &self.groups {
            Groups::Parquet(parquet) => parquet.fields(),
            Groups::Ipc(ipc) => ipc.fields(),
        }
    }

    /// A top-level column.
    pub(crate) fn column(&self, name: &str) -> Option<&FieldRef> {
        self.fields().iter().find(|field| field.name() == name)
    }

    /// A top-level column that is required.
    ///
    /// # Errors
    /// If the file lacks it.
    pub(crate) fn required(&self, name: &str) -> Result<&FieldRef> {
        self.column(name).ok_or_else(|| {
            let found = format!("\"{}\"", self.names().join(", "));
            missing_column(&self.file, name, &found)
        })
    }

    /// The names of its columns.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect()
    }

    /// The error of a column of the wrong type.
    pub(crate) fn wrong_type(&self, name: &str, expected: &str, found: &DataType) -> Error {
        let found = match found {
            DataType::Utf8View => "text".to_owned(),
            DataType::BinaryView => "bytes".to_owned(),
            other => other.to_string(),
        };
        let what = format!("expected column \"{name}\" to be {expected}, found {found}");
        self.file
            .fault(advice::placed(what, &self.file.shown, name))
    }

    /// The number of rows.
    pub(crate) fn rows_count(&self) -> u64 {
        self.group_rows.iter().sum()
    }

    /// The rows of each row group.
    pub(crate) fn row_groups(&self) -> &[u64] {
        &self.group_rows
    }

    /// The columns whose path, or that of a field in them, satisfies `wanted`.
    pub(crate) fn leaves(&self, wanted: impl Fn(&[String]) -> bool) -> Leaves {
        match &self.groups {
            Groups::Parquet(parquet) => Leaves::Parquet(parquet.leaves(wanted)),
            Groups::Ipc(ipc) => {
                let fields = ipc.fields().iter().enumerate();
                let wanted = fields.filter(|(_, field)| is_wanted(field, &mut Vec::new(), &wanted));
                Leaves::Ipc(wanted.map(|(at, _)| at).collect())
            }
        }
    }

    /// The statistics of a flat column in a row group.
    pub(crate) fn statistics(&self, row_group: usize, name: &str) -> Option<&Statistics> {
        match &self.groups {
            Groups::Parquet(parquet) => parquet.statistics(row_group, name),
            Groups::Ipc(_) => None,
        }
    }

    /// The same file, for one row group: text columns with these names are read as keys of a dictionary where
    /// that is cheaper.
    pub(crate) fn with_dictionaries(&self, row_group: usize, names: &[&str]) -> ColumnarFile {
        let groups = match &self.groups {
            Groups::Parquet(parquet) => {
                Groups::Parquet(parquet.with_dictionaries(row_group, names))
            }
            Groups::Ipc(ipc) => Groups::Ipc(Arc::clone(ipc)),
        };
        ColumnarFile {
            groups,
            ..self.clone()
        }
    }

    /// Calls `on_batch` for each batch of a row group, with the number of its first row, from 1.
    ///
    /// # Errors
    /// If the file cannot be read further, or `on_batch` fails.
    pub(crate) fn read(
        &self,
        row_group: usize,
        columns: &Leaves,
        mut on_batch: impl FnMut(u64, &RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let mut row = self.group_rows[..row_group].iter().sum::<u64>() + 1;
        let nulls = &self.file.nulls;
        let mut on_rows = |batch: &RecordBatch| {
            let first = row;
            row += count64(batch.num_rows());
            // Replacing rebuilds the batch, so a run without such words gets the decoder's own.
            if nulls.are_none() {
                on_batch(first, batch)
            } else {
                on_batch(first, &nulls.in_batch(batch))
            }
        };
        match (&self.groups, columns) {
            (Groups::Parquet(parquet), Leaves::Parquet(mask)) => {
                parquet.read(row_group, mask, &mut on_rows)
            }
            (Groups::Ipc(ipc), Leaves::Ipc(places)) => ipc.read(row_group, places, &mut on_rows),
            _ => panic!("columns are those of another format"),
        }
    }
}

/// Whether the path of a column, or that of a field in it, satisfies `wanted`.
fn is_wanted(field: &Field, path: &mut Vec<String>, wanted: &impl Fn(&[String]) -> bool) -> bool {
    path.push(field.name().clone());
    let is_it = match field.data_type() {
        DataType::Struct(fields) => fields.iter().any(|field| is_wanted(field, path, wanted)),
        DataType::List(field) | DataType::Map(field, _) => is_wanted(field, path, wanted),
        _ => wanted(path),
    };
    path.pop();
    is_it
}
