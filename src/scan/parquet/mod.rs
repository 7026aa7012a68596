//! Parquet files to batches of the columns wanted, row group by row group.
//!
//! In reading order: `footer` reads and judges the footer, with `thrift`; `group` lets arrow's decoders
//! make arrays of the `pages` of a row group, which are read with `header`, `unpack`, `levels` and `delta`.
//!
//! **In / Out**: a file → [`ParquetFile`]: its footer, read once; from that, batches of at most
//! [`BATCH_ROWS`] rows. **Invariants**: metadata never selects types: what other writers embed
//! about Arrow is skipped, so dictionary-encoded, large and view types all arrive the same: texts
//! as views, which take no more memory than their pages however often one is repeated. (But for
//! timestamps in seconds, which Parquet has no name for.)
//! INT96 is read as microseconds of UTC, which hold every date it can name. Whatever the bytes of
//! a file are, reading it ends with batches or with an error that names row group and column.

mod delta;
mod footer;
mod group;
mod header;
mod levels;
mod pages;
#[cfg(test)]
mod tests;
mod thrift;
mod unpack;

use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_schema};
use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};

use self::footer::read_footer;
use self::group::Group;
use crate::advice;
use crate::catalog::input::InputFile;
use crate::error::{Error, Result, panic_text};
use crate::ids::{count64, unsigned};
use crate::scan::text::records::missing_column;

/// Rows of a batch: what is decoded stays in the second-level cache.
pub(crate) const BATCH_ROWS: usize = 8192;

/// A Parquet file whose footer is read.
#[derive(Clone, Debug)]
pub(crate) struct ParquetFile {
    pub(crate) file: InputFile,
    metadata: Arc<ParquetMetaData>,
    /// The types that its columns are read as.
    schema: Fields,
}

impl ParquetFile {
    /// Reads the footer.
    ///
    /// # Errors
    /// If there is none, or it makes no sense.
    pub(crate) fn open(file: &InputFile) -> Result<ParquetFile> {
        let metadata = Arc::new(read_footer(file, &file.open()?)?);
        let schema = match metadata.file_metadata().num_rows() {
            // Nothing is read of it: no type of its columns can be at fault.
            0 => Ok(Fields::empty()),
            _ => contained(|| schema_of(&metadata)),
        };
        let schema =
            schema.map_err(|what| file.fault(format!("expected a Parquet file, found {what}")))?;
        Ok(ParquetFile {
            file: file.clone(),
            metadata,
            schema,
        })
    }

    /// A top-level column.
    pub(crate) fn column(&self, name: &str) -> Option<&FieldRef> {
        self.schema.iter().find(|field| field.name() == name)
    }

    /// A top-level column that must be there.
    ///
    /// # Errors
    /// If it is not.
    pub(crate) fn required(&self, name: &str) -> Result<&FieldRef> {
        self.column(name).ok_or_else(|| {
            let found = format!("\"{}\"", self.names().join(", "));
            missing_column(&self.file, name, &found)
        })
    }

    /// The names of its columns.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.schema.iter().map(|of| of.name().as_str()).collect()
    }

    /// A fault of a column's type.
    pub(crate) fn wrong_type(&self, name: &str, expected: &str, found: &DataType) -> Error {
        let found = match found {
            DataType::Utf8View => "text".to_owned(),
            DataType::BinaryView => "bytes".to_owned(),
            of => of.to_string(),
        };
        let what = format!("expected column \"{name}\" to be {expected}, found {found}");
        self.file
            .fault(advice::placed(what, &self.file.shown, name))
    }

    /// The number of rows.
    pub(crate) fn rows_count(&self) -> u64 {
        unsigned(self.metadata.file_metadata().num_rows())
    }

    /// The row groups.
    pub(crate) fn row_groups(&self) -> &[RowGroupMetaData] {
        self.metadata.row_groups()
    }

    /// The 1-based record with which a row group starts.
    pub(crate) fn first_row(&self, row_group: usize) -> u64 {
        let before = &self.row_groups()[..row_group];
        before
            .iter()
            .map(|group| unsigned(group.num_rows()))
            .sum::<u64>()
            + 1
    }

    /// The leaf columns whose path satisfies `wanted`.
    pub(crate) fn leaves(&self, wanted: impl Fn(&[String]) -> bool) -> ProjectionMask {
        let schema = self.schema();
        let leaves = schema.columns().iter().enumerate();
        let leaves = leaves.filter(|(_, leaf)| wanted(leaf.path().parts()));
        ProjectionMask::leaves(schema, leaves.map(|(at, _)| at))
    }

    /// The statistics of a flat column in a row group.
    pub(crate) fn statistics(&self, row_group: usize, name: &str) -> Option<&Statistics> {
        let leaf = self
            .schema()
            .columns()
            .iter()
            .position(|leaf| leaf.path().parts() == [name])?;
        self.row_groups()[row_group].column(leaf).statistics()
    }

    /// The same file, for one row group: texts of some columns are read as places in a dictionary
    /// where the row group has them so.
    pub(crate) fn with_dictionaries(&self, row_group: usize, names: &[&str]) -> ParquetFile {
        let changed = |field: &FieldRef| {
            let is_text = *field.data_type() == DataType::Utf8View;
            let is_wanted = is_text && names.contains(&field.name().as_str());
            if !is_wanted || !self.has_dictionary(row_group, field.name()) {
                return field.as_ref().clone();
            }
            let places = Box::new(DataType::Int32);
            let coded = DataType::Dictionary(places, Box::new(DataType::Utf8));
            field.as_ref().clone().with_data_type(coded)
        };
        ParquetFile {
            file: self.file.clone(),
            metadata: Arc::clone(&self.metadata),
            schema: self.schema.iter().map(changed).collect(),
        }
    }

    /// Whether all values of a flat column in a row group are places in a dictionary.
    fn has_dictionary(&self, row_group: usize, name: &str) -> bool {
        let leaves = self.schema().columns();
        let leaf = leaves.iter().position(|leaf| leaf.path().parts() == [name]);
        leaf.is_some_and(|leaf| {
            let chunk = self.row_groups()[row_group].column(leaf);
            let is_only = |encoding| {
                let used = chunk.page_encoding_stats_mask();
                used.is_some_and(|used| used.is_only(encoding))
            };
            chunk.dictionary_page_offset().is_some()
                && (is_only(Encoding::RLE_DICTIONARY) || is_only(Encoding::PLAIN_DICTIONARY))
        })
    }

    /// The schema of the file.
    fn schema(&self) -> &SchemaDescriptor {
        self.metadata.file_metadata().schema_descr()
    }

    /// Calls `on_batch` for each batch of a row group, with the 1-based record that it starts at.
    ///
    /// # Errors
    /// If the file cannot be read on, or `on_batch` gives up.
    pub(crate) fn read(
        &self,
        row_group: usize,
        columns: &ProjectionMask,
        mut on_batch: impl FnMut(u64, &RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let mut row = self.first_row(row_group);
        let rows = self.row_groups()[row_group].num_rows();
        let group = Group::open(self, row_group, columns)?;
        let damaged = |what: String| self.damaged(&group, columns, &what);
        let mut reader = contained(|| group.batches(columns)).map_err(damaged)?;
        while let Some(batch) = contained(|| reader.next().transpose()).map_err(damaged)? {
            row += count64(batch.num_rows());
            let first = row - count64(batch.num_rows());
            match self.file.nulls.are_none() {
                true => on_batch(first, &batch)?,
                false => on_batch(first, &self.file.nulls.without(&batch))?,
            }
        }
        match row - self.first_row(row_group) == unsigned(rows) {
            true => Ok(()),
            false => Err(damaged("it ends too early".to_owned())),
        }
    }

    /// The fault of a row group that cannot be read: of the disk, or of the first of some columns
    /// that cannot be read on its own.
    fn damaged(&self, group: &Group, columns: &ProjectionMask, what: &str) -> Error {
        if let Some(error) = group.take_disk_error() {
            return self.file.io(error);
        }
        let leaves = self.schema().columns().iter().enumerate();
        let mut wanted = leaves.filter(|(at, _)| columns.leaf_included(*at));
        let column = wanted.find(|(at, _)| {
            let alone = ProjectionMask::leaves(self.schema(), [*at]);
            let read = contained(|| group.batches(&alone)?.try_for_each(|batch| batch.map(drop)));
            read.is_err()
        });
        let place = match column {
            Some((_, leaf)) => format!("column \"{}\" of ", leaf.path().string()),
            None => String::new(),
        };
        self.file
            .fault(format!("{place}row group {} is damaged: {what}", group.at))
    }
}

/// What arrow's decoders make of a file, or why they gave up; a panic of theirs is one reason.
fn contained<T, E: StdError>(
    work: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(made)) => Ok(made),
        Ok(Err(error)) => Err(said(&error)),
        Err(panic) => Err(format!("its decoder gave up: {}", panic_text(&*panic))),
    }
}

/// What an error says, without what each layer puts before it.
fn said(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    for layer in [
        "External: ",
        "Parquet argument error: ",
        "Parquet error: ",
        "Arrow: ",
    ] {
        text = text.replacen(layer, "", 1);
    }
    text
}

/// The types that the columns of a file are read as: what Parquet's own types say, but texts as
/// views, and those times that plain Parquet does not name: INT96, as microseconds of UTC, and
/// timestamps in seconds, of which only the writer's own schema tells.
fn schema_of(metadata: &ParquetMetaData) -> std::result::Result<Fields, ParquetError> {
    let of_file = metadata.file_metadata();
    let descriptor = of_file.schema_descr();
    let plain = parquet_to_arrow_schema(descriptor, None)?;
    let written = parquet_to_arrow_schema(descriptor, of_file.key_value_metadata()).ok();
    let is_int96 = |name: &str| {
        let is_it = |leaf: &ColumnDescPtr| {
            leaf.path().parts() == [name] && leaf.physical_type() == PhysicalType::INT96
        };
        descriptor.columns().iter().any(is_it)
    };
    let type_of = |field: &Field| match field.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        _ if is_int96(field.name()) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        DataType::Int64 => seconds_of(written.as_ref(), field.name()).unwrap_or(DataType::Int64),
        of => of.clone(),
    };
    let typed = |field: &FieldRef| field.as_ref().clone().with_data_type(type_of(field));
    Ok(plain.fields().iter().map(typed).collect())
}

/// The type of a column that its writer took for times in seconds.
fn seconds_of(written: Option<&Schema>, name: &str) -> Option<DataType> {
    let field = written?.field_with_name(name).ok()?;
    let is_seconds = matches!(field.data_type(), DataType::Timestamp(TimeUnit::Second, _));
    is_seconds.then(|| field.data_type().clone())
}

/// Judges bytes as everything that this module reads of a file that nobody vouches for.
#[cfg(feature = "bench")]
pub(crate) fn judge(bytes: &[u8]) {
    drop(footer::judge(bytes, 1 << 20));
    let _ = header::Header::read(bytes);
    let _ = delta::prefix_bytes(bytes);
    let values = u32::from(bytes.first().copied().unwrap_or(0)) << 8;
    let _ = levels::ListCount::new(7).add(bytes, values);
}

/// A row of some columns as a JSON object, for the quarantine.
pub(crate) fn row_as_json(batch: &RecordBatch, row: usize) -> String {
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(batch.columns());
    let object = fields.map(|(field, column)| {
        let text = serde_json::Value::String(value_text(column, row));
        (field.name().clone(), text)
    });
    serde_json::Value::Object(object.collect()).to_string()
}

/// A value of any type as text; `null` if there is none.
pub(crate) fn value_text(column: &ArrayRef, row: usize) -> String {
    // The formatter knows offsets, and no names of zones.
    let in_offset = match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            cast(&column.slice(row, 1), &utc).ok()
        }
        _ => None,
    };
    let (column, row) = in_offset.as_ref().map_or((column, row), |one| (one, 0));
    let options = FormatOptions::default().with_null("null");
    ArrayFormatter::try_new(column, &options).map_or_else(
        |error| error.to_string(),
        |format| format.value(row).to_string(),
    )
}
