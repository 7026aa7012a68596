//! Files of columns, Parquet or Arrow IPC: a schema, row groups, batches.
//!
//! **In / Out**: a file and its format → a [`ColumnarFile`]; from that, batches of at most
//! [`BATCH_ROWS`](super::parquet::BATCH_ROWS) rows. **Invariants**: columns have the types that Parquet's
//! have: texts are views, lists are lists with 32-bit offsets, dictionaries are read through. So readers do
//! not know which of the formats a file has. Only Parquet has statistics; without them nothing is pruned.

mod explode;
mod ipc;
mod names;
mod nested;

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::error::ArrowError;
use parquet::arrow::ProjectionMask;
use parquet::file::metadata::KeyValue;
use parquet::file::statistics::Statistics;

use self::explode::Exploded;
use self::ipc::IpcFile;
use self::names::Renames;
use crate::advice::{self, Hint};
use crate::catalog::input::InputFile;
use crate::error::{Error, Result};
use crate::ids::count64;
use crate::job::Format;
use crate::scan::GroupRows;
use crate::scan::missing_column::missing_column;
use crate::scan::parquet::{ParquetGroups, PlainChunk};

/// A file of columns whose schema is read.
#[derive(Clone, Debug)]
pub(crate) struct ColumnarFile {
    pub(crate) file: InputFile,
    /// The rows of each row group.
    group_rows: Arc<[u64]>,
    groups: Groups,
    /// The columns, with the types that they are read as.
    columns: Fields,
    /// What its rows are, if they are elements of lists.
    exploded: Option<Exploded>,
    /// Wanted names that differ from those of the file in case alone.
    renames: Arc<Renames>,
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
pub(crate) struct Selection {
    leaves: Leaves,
    /// The names of fields inside columns that become columns of their own.
    inner: Vec<String>,
}

/// Which columns of a file are decoded.
#[derive(Clone, Debug)]
enum Leaves {
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
        let mut opened = ColumnarFile {
            file: file.clone(),
            group_rows: group_rows.into(),
            columns: nested::as_columns(match &groups {
                Groups::Parquet(parquet) => parquet.fields(),
                Groups::Ipc(ipc) => ipc.fields(),
            }),
            groups,
            exploded: None,
            renames: Arc::default(),
        };
        if let Some(list) = file
            .settings
            .explode
            .as_deref()
            .filter(|_| opened.rows_count() > 0)
        {
            let own = &file.settings;
            let is_split = own.item_separator.is_some() || own.label_separator.is_some();
            if is_split {
                let what = "the elements of lists are split in text files only";
                let hint = advice::placed(Hint::SplitAsText.text().to_owned(), &file.shown, list);
                return Err(file.fault(format!("{what}; {hint}")));
            }
            let found = opened.required(list)?.data_type();
            let exploded = Exploded::new(opened.fields(), list, &opened.group_rows);
            let exploded = exploded.ok_or_else(|| opened.wrong_type(list, "a list", found))?;
            // One, as the numbers of rows depend on all lists before them.
            opened.group_rows = Arc::new([opened.rows_count()]);
            opened.exploded = Some(exploded);
        }
        Ok(opened)
    }

    /// The same file, with columns under the names that are wanted where theirs differ in case alone.
    pub(crate) fn with_names(mut self, wanted: &[&str]) -> ColumnarFile {
        self.renames = Arc::new(Renames::new(self.fields(), wanted));
        self
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
        if let Some(fields) = self.renames.fields() {
            return fields;
        }
        let exploded = self.exploded.as_ref();
        exploded.map_or(&self.columns, |exploded| &exploded.fields)
    }

    /// A column, or a field inside one.
    pub(crate) fn column(&self, name: &str) -> Option<&FieldRef> {
        nested::field_of(self.fields(), name)
    }

    /// A column that is required.
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

    /// What a writer of Parquet has noted beside the columns.
    pub(crate) fn key_values(&self) -> Option<Vec<KeyValue>> {
        match &self.groups {
            Groups::Parquet(parquet) => parquet.key_values(),
            Groups::Ipc(_) => None,
        }
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
    pub(crate) fn select(&self, wanted: impl Fn(&[String]) -> bool) -> Selection {
        let wanted = |path: &[String]| match self.renames.fields() {
            None => wanted(path),
            Some(_) => wanted(&self.renames.path(path)),
        };
        let leaves = match &self.groups {
            Groups::Parquet(parquet) => Leaves::Parquet(parquet.leaves(wanted)),
            Groups::Ipc(ipc) => {
                let fields = ipc.fields().iter().enumerate();
                let wanted = fields.filter(|(_, field)| is_wanted(field, &mut Vec::new(), &wanted));
                Leaves::Ipc(wanted.map(|(at, _)| at).collect())
            }
        };
        Selection {
            leaves,
            inner: Vec::new(),
        }
    }

    /// The columns and fields inside columns that have these names, and what else satisfies `wanted`.
    pub(crate) fn select_names(
        &self,
        names: &[&str],
        wanted: impl Fn(&[String]) -> bool,
    ) -> Selection {
        let fields = self.fields();
        let inner = names.iter().filter(|name| nested::is_inside(fields, name));
        let inner: Vec<String> = inner.map(|name| (*name).to_owned()).collect();
        let is_named = |path: &[String]| match path {
            [name] => names.contains(&name.as_str()),
            path => !inner.is_empty() && inner.contains(&path.join(".")),
        };
        let list = self.file.settings.explode.as_deref();
        // All of its lists: the groups between a list and its fields are named differently by different
        // writers, and of a list whose fields nobody wants the lengths count.
        let is_list = |path: &[String]| path.first().map(String::as_str) == list && list.is_some();
        let selection = self.select(|path| is_named(path) || is_list(path) || wanted(path));
        Selection { inner, ..selection }
    }

    /// The statistics of a flat column in a row group.
    pub(crate) fn statistics(&self, row_group: usize, name: &str) -> Option<&Statistics> {
        match &self.groups {
            Groups::Parquet(parquet) if self.exploded.is_none() => {
                parquet.statistics(row_group, self.renames.in_file(name))
            }
            _ => None,
        }
    }

    /// The same file, for one row group: text columns with these names are read as keys of a dictionary where
    /// that is cheaper.
    pub(crate) fn with_dictionaries(&self, row_group: usize, names: &[&str]) -> ColumnarFile {
        let groups = match &self.groups {
            Groups::Parquet(parquet) if self.exploded.is_none() => {
                let names = names.iter().map(|name| self.renames.in_file(name));
                let names: Vec<&str> = names.collect();
                Groups::Parquet(parquet.with_dictionaries(row_group, &names))
            }
            other => other.clone(),
        };
        ColumnarFile {
            groups,
            ..self.clone()
        }
    }

    /// Some columns of a row group, to be read as plain values; `None` where that cannot be.
    pub(crate) fn plain_chunks<const N: usize>(
        &self,
        row_group: usize,
        names: [&str; N],
    ) -> Option<[PlainChunk; N]> {
        match &self.groups {
            Groups::Parquet(parquet) if self.exploded.is_none() && self.file.nulls.are_none() => {
                parquet.plain_chunks(row_group, names.map(|name| self.renames.in_file(name)))
            }
            _ => None,
        }
    }

    /// All rows of a row group.
    pub(crate) fn whole(&self, row_group: usize) -> GroupRows {
        GroupRows::whole(row_group, self.group_rows[row_group])
    }

    /// Whether some rows of a row group can be read without those before them.
    pub(crate) fn can_skip(&self) -> bool {
        matches!(self.groups, Groups::Parquet(_)) && self.exploded.is_none()
    }

    /// Calls `on_batch` for each batch of a row group, with the number of its first row, from 1.
    ///
    /// # Errors
    /// If the file cannot be read further, or `on_batch` fails.
    pub(crate) fn read(
        &self,
        row_group: usize,
        columns: &Selection,
        on_batch: impl FnMut(u64, &RecordBatch) -> Result<()>,
    ) -> Result<()> {
        self.read_rows(self.whole(row_group), columns, on_batch)
    }

    /// The same of some rows; of a file that [cannot skip](Self::can_skip) others, all of a row group.
    pub(crate) fn read_rows(
        &self,
        rows: GroupRows,
        columns: &Selection,
        mut on_batch: impl FnMut(u64, &RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let before: u64 = self.group_rows[..rows.group].iter().sum();
        let mut row = before + rows.start + 1;
        let nulls = &self.file.nulls;
        let mut on_rows = |batch: &RecordBatch| {
            let first = row;
            row += count64(batch.num_rows());
            // Each step rebuilds the batch, so a run without it gets the decoder's own.
            let mut batch = Cow::Borrowed(batch);
            if self.renames.fields().is_some() {
                batch = Cow::Owned(self.renames.batch(&batch));
            }
            if !columns.inner.is_empty() {
                let with = nested::with_inner(&batch, &columns.inner);
                batch = Cow::Owned(with.map_err(|error| self.file.fault(error.to_string()))?);
            }
            if !nulls.are_none() {
                batch = Cow::Owned(nulls.in_batch(&batch));
            }
            on_batch(first, &batch)
        };
        let Some(exploded) = &self.exploded else {
            return self.decode(rows, &columns.leaves, &mut on_rows);
        };
        let fault = |error: ArrowError| self.file.fault(error.to_string());
        let mut groups = exploded.groups.iter();
        groups.try_for_each(|group| {
            self.decode(*group, &columns.leaves, &mut |batch| {
                exploded.rows(batch, &fault, &mut on_rows)
            })
        })
    }

    /// Calls `on_batch` for each batch of some rows as the file has it.
    fn decode(
        &self,
        rows: GroupRows,
        leaves: &Leaves,
        on_batch: &mut dyn FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        match (&self.groups, leaves) {
            (Groups::Parquet(parquet), Leaves::Parquet(mask)) => parquet.read(rows, mask, on_batch),
            (Groups::Ipc(ipc), Leaves::Ipc(places)) => ipc.read(rows.group, places, on_batch),
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
