//! Parquet files to batches of the columns wanted, row group by row group.
//!
//! **In / Out**: a file → [`ParquetFile`]: its footer, read once; from that, batches of at most
//! [`BATCH_ROWS`] rows. **Invariants**: metadata never selects types: what other writers embed
//! about Arrow is skipped, so dictionary-encoded, large and view types all arrive plain. (But for
//! timestamps in seconds, which Parquet has no name for.)
//! INT96 is read as microseconds of UTC, which hold every date it can name.

use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Encoding, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};

use crate::error::{Error, Result};
use crate::ids::{count64, unsigned};
use crate::scan::input::InputFile;

/// Rows of a batch: what is decoded stays in the second-level cache.
pub(crate) const BATCH_ROWS: usize = 8192;

/// A Parquet file whose footer is read.
#[derive(Clone, Debug)]
pub(crate) struct ParquetFile {
    /// The file.
    pub(crate) file: InputFile,
    /// Its footer.
    metadata: ArrowReaderMetadata,
}

impl ParquetFile {
    /// Reads the footer.
    ///
    /// # Errors
    /// If there is none, or it makes no sense.
    pub(crate) fn open(file: &InputFile) -> Result<ParquetFile> {
        let opened = file.open()?;
        let broken = |error: ParquetError| fault(file, &error);
        let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&opened, plain).map_err(broken)?;
        let metadata = match with_times(&metadata) {
            None => metadata,
            Some(schema) => {
                let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
                let footer = Arc::clone(metadata.metadata());
                ArrowReaderMetadata::try_new(footer, options).map_err(broken)?
            }
        };
        Ok(ParquetFile {
            file: file.clone(),
            metadata,
        })
    }

    /// A top-level column.
    pub(crate) fn column(&self, name: &str) -> Option<&FieldRef> {
        self.metadata
            .schema()
            .fields()
            .iter()
            .find(|field| field.name() == name)
    }

    /// A top-level column that must be there.
    ///
    /// # Errors
    /// If it is not.
    pub(crate) fn required(&self, name: &str) -> Result<&FieldRef> {
        self.column(name).ok_or_else(|| {
            let names: Vec<_> = self
                .metadata
                .schema()
                .fields()
                .iter()
                .map(|of| of.name().as_str())
                .collect();
            let found = format!("\"{}\"", names.join(", "));
            super::text::missing_column(&self.file, name, &found)
        })
    }

    /// A fault of a column's type.
    pub(crate) fn wrong_type(&self, name: &str, expected: &str, found: &DataType) -> Error {
        self.file.fault(format!(
            "expected column \"{name}\" to be {expected}, found {found}"
        ))
    }

    /// The number of rows.
    pub(crate) fn rows_count(&self) -> u64 {
        unsigned(self.metadata.metadata().file_metadata().num_rows())
    }

    /// The row groups.
    pub(crate) fn row_groups(&self) -> &[RowGroupMetaData] {
        self.metadata.metadata().row_groups()
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

    /// The same file, for one row group: the texts of some columns are read as views, or as
    /// places in a dictionary where the row group has them so.
    ///
    /// # Errors
    /// If the reader refuses, which it has no reason to.
    pub(crate) fn with_texts(&self, row_group: usize, names: &[&str]) -> Result<ParquetFile> {
        let changed = |field: &FieldRef| {
            let is_text = *field.data_type() == DataType::Utf8;
            if !is_text || !names.contains(&field.name().as_str()) {
                return field.as_ref().clone();
            }
            let places = Box::new(DataType::Int32);
            let data_type = match self.has_dictionary(row_group, field.name()) {
                true => DataType::Dictionary(places, Box::new(DataType::Utf8)),
                false => DataType::Utf8View,
            };
            field.as_ref().clone().with_data_type(data_type)
        };
        let fields = self.metadata.schema().fields().iter().map(changed);
        let schema = Schema::new(fields.collect::<Vec<Field>>());
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let footer = Arc::clone(self.metadata.metadata());
        let metadata = ArrowReaderMetadata::try_new(footer, options);
        Ok(ParquetFile {
            file: self.file.clone(),
            metadata: metadata.map_err(|error| fault(&self.file, &error))?,
        })
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
        self.metadata.metadata().file_metadata().schema_descr()
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
        let reader = self.reader(self.file.open()?, row_group, columns.clone());
        for batch in reader.map_err(|error| fault(&self.file, &error))? {
            let batch = batch.map_err(|error| {
                let what = format!("row group {row_group} is damaged: {error}");
                self.file.fault(what)
            })?;
            on_batch(row, &batch)?;
            row += count64(batch.num_rows());
        }
        Ok(())
    }

    /// A reader of some columns of a row group.
    fn reader(
        &self,
        opened: File,
        row_group: usize,
        columns: ProjectionMask,
    ) -> parquet::errors::Result<ParquetRecordBatchReader> {
        ParquetRecordBatchReaderBuilder::new_with_metadata(opened, self.metadata.clone())
            .with_row_groups(vec![row_group])
            .with_projection(columns)
            .with_batch_size(BATCH_ROWS)
            .build()
    }
}

/// A fault of a file that the Parquet reader found.
fn fault(file: &InputFile, error: &ParquetError) -> Error {
    file.fault(format!("expected a Parquet file, found: {error}"))
}

/// The schema with those times that plain Parquet does not name: INT96, as microseconds of UTC,
/// and timestamps in seconds, of which only the writer's own schema tells. `None` if there are
/// none of either.
fn with_times(metadata: &ArrowReaderMetadata) -> Option<Schema> {
    let descriptor = metadata.metadata().file_metadata().schema_descr();
    let is_int96 = |name: &str| {
        let is_it = |leaf: &ColumnDescPtr| {
            leaf.path().parts() == [name] && leaf.physical_type() == PhysicalType::INT96
        };
        descriptor.columns().iter().any(is_it)
    };
    let footer = Arc::clone(metadata.metadata());
    let written = ArrowReaderMetadata::try_new(footer, ArrowReaderOptions::new()).ok();
    let time_of = |field: &Field| {
        if is_int96(field.name()) {
            return Some(DataType::Timestamp(
                TimeUnit::Microsecond,
                Some("UTC".into()),
            ));
        }
        let written = written
            .as_ref()?
            .schema()
            .field_with_name(field.name())
            .ok()?
            .data_type();
        match (field.data_type(), written) {
            (DataType::Int64, DataType::Timestamp(TimeUnit::Second, _)) => Some(written.clone()),
            _ => None,
        }
    };
    let fields = metadata.schema().fields();
    if !fields.iter().any(|field| time_of(field).is_some()) {
        return None;
    }
    let changed = fields.iter().map(|field| match time_of(field) {
        Some(time) => field.as_ref().clone().with_data_type(time),
        None => field.as_ref().clone(),
    });
    Some(Schema::new(changed.collect::<Vec<Field>>()))
}

/// A row of some columns as a JSON object, for the quarantine.
pub(crate) fn row_as_json(batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("null");
    let mut object = serde_json::Map::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let text = ArrayFormatter::try_new(column, &options).map_or_else(
            |error| error.to_string(),
            |format| format.value(row).to_string(),
        );
        object.insert(field.name().clone(), serde_json::Value::String(text));
    }
    serde_json::Value::Object(object).to_string()
}
