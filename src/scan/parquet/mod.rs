//! Parquet files to batches of the columns wanted, row group by row group.
//!
//! In reading order: `footer` reads and checks the footer, with `thrift`; `group` has arrow's decoders turn
//! the `pages` of a row group into arrays. Pages are read and checked with `header`, `batch_size`, `unpack`, `levels` and
//! `delta`. `plain` reads columns without nulls value by value, with `keys`, and without arrays.
//!
//! **In / Out**: a file → [`ParquetGroups`]: its footer, read once; from that, batches of at most
//! [`BATCH_ROWS`] rows. **Invariants**: the Arrow schema that some writers embed is ignored, so that texts
//! arrive as views whether they were dictionary-encoded, large or view types. A view takes no memory
//! beyond its page, however often a text is repeated. The exception are timestamps in seconds, which only
//! the embedded schema tells. INT96 is read as microseconds of UTC, which hold every date it can express.
//! Whatever the bytes of a file are, reading ends with batches or with an error that names row group and
//! column.

mod batch_size;
mod chunk_bytes;
mod delta;
mod footer;
mod group;
mod header;
mod keys;
mod levels;
mod pages;
mod plain;
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
use parquet::file::metadata::{KeyValue, ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor};

/// A file of columns, by the name that it has for readers.
pub(crate) use crate::scan::columnar::ColumnarFile as ParquetFile;

use self::chunk_bytes::DiskError;
use self::footer::read_footer;
use self::group::RowGroupReader;
use self::pages::Pages;
use self::plain::Stored;
pub(crate) use self::plain::{NotPlain, Plain, PlainChunk, PlainColumn, Raw};
use crate::catalog::input::InputFile;
use crate::error::{Error, Result, panic_text};
use crate::ids::{count64, unsigned};
use crate::scan::GroupRows;

/// Rows of a batch, so few that decoded columns stay in the second-level cache.
pub(crate) const BATCH_ROWS: usize = 8192;

/// A Parquet file whose footer is read.
#[derive(Clone, Debug)]
pub(in crate::scan) struct ParquetGroups {
    file: InputFile,
    metadata: Arc<ParquetMetaData>,
    /// The types that its columns are read as.
    schema: Fields,
}

impl ParquetGroups {
    /// Reads the footer.
    ///
    /// # Errors
    /// If there is none, or it is not valid.
    pub(in crate::scan) fn open(file: &InputFile) -> Result<ParquetGroups> {
        let metadata = Arc::new(read_footer(file, &file.open()?)?);
        let schema = match metadata.file_metadata().num_rows() {
            // No column is read, so their types do not matter.
            0 => Ok(Fields::empty()),
            _ => catch_panic(|| schema_of(&metadata)),
        };
        let schema =
            schema.map_err(|what| file.fault(format!("expected a Parquet file, found {what}")))?;
        Ok(ParquetGroups {
            file: file.clone(),
            metadata,
            schema,
        })
    }

    /// The types that its columns are read as.
    pub(in crate::scan) fn fields(&self) -> &Fields {
        &self.schema
    }

    /// What its writer has noted beside the columns.
    pub(in crate::scan) fn key_values(&self) -> Option<Vec<KeyValue>> {
        self.metadata.file_metadata().key_value_metadata().cloned()
    }

    /// The rows of each row group.
    pub(in crate::scan) fn group_rows(&self) -> Vec<u64> {
        let groups = self.row_groups().iter();
        groups.map(|group| unsigned(group.num_rows())).collect()
    }

    /// The row groups.
    fn row_groups(&self) -> &[RowGroupMetaData] {
        self.metadata.row_groups()
    }

    /// The leaf columns whose path satisfies `wanted`.
    pub(in crate::scan) fn leaves(&self, wanted: impl Fn(&[String]) -> bool) -> ProjectionMask {
        let schema = self.schema();
        let leaves = schema.columns().iter().enumerate();
        let leaves = leaves.filter(|(_, leaf)| wanted(leaf.path().parts()));
        ProjectionMask::leaves(schema, leaves.map(|(at, _)| at))
    }

    /// The statistics of a column, or of a field inside structs, in a row group.
    pub(in crate::scan) fn statistics(&self, row_group: usize, name: &str) -> Option<&Statistics> {
        let leaves = self.schema().columns();
        let leaf = self.leaf(name).or_else(|| {
            let is_it =
                |leaf: &ColumnDescPtr| leaf.max_rep_level() == 0 && leaf.path().string() == name;
            let inner = name.contains('.').then(|| leaves.iter().position(is_it));
            inner.flatten()
        })?;
        self.row_groups()[row_group].column(leaf).statistics()
    }

    /// The same file, for one row group: text columns with these names are read as keys of a dictionary where
    /// the row group has one.
    pub(in crate::scan) fn with_dictionaries(
        &self,
        row_group: usize,
        names: &[&str],
    ) -> ParquetGroups {
        let changed = |field: &FieldRef| {
            let is_text = *field.data_type() == DataType::Utf8View;
            let is_wanted = is_text && names.contains(&field.name().as_str());
            if !is_wanted || !self.has_dictionary(row_group, field.name()) {
                return field.as_ref().clone();
            }
            let keys = Box::new(DataType::Int32);
            let coded = DataType::Dictionary(keys, Box::new(DataType::Utf8));
            field.as_ref().clone().with_data_type(coded)
        };
        ParquetGroups {
            file: self.file.clone(),
            metadata: Arc::clone(&self.metadata),
            schema: self.schema.iter().map(changed).collect(),
        }
    }

    /// The place of a column that is not nested among all leaves.
    fn leaf(&self, name: &str) -> Option<usize> {
        let mut leaves = self.schema().columns().iter();
        leaves.position(|leaf| leaf.path().parts() == [name])
    }

    /// Whether all values of a flat column in a row group are keys of a dictionary.
    fn has_dictionary(&self, row_group: usize, name: &str) -> bool {
        self.leaf(name).is_some_and(|leaf| {
            let chunk = self.row_groups()[row_group].column(leaf);
            // A dictionary that grows too large is followed by plain values in the same chunk.
            // Arrow would then hash these into a new dictionary for each batch. Without statistics
            // of encodings nobody knows.
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

    /// Calls `on_batch` for each batch of some rows.
    ///
    /// # Errors
    /// If the file cannot be read further, or `on_batch` fails.
    pub(in crate::scan) fn read(
        &self,
        rows: GroupRows,
        columns: &ProjectionMask,
        on_batch: &mut dyn FnMut(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let group = RowGroupReader::open(self, rows.group, columns)?;
        let damaged = |what: String| self.damaged(&group, (rows, columns), &what);
        let mut reader = catch_panic(|| group.batches(rows, columns)).map_err(damaged)?;
        let mut rows_read = 0;
        while let Some(batch) = catch_panic(|| reader.next().transpose()).map_err(damaged)? {
            rows_read += count64(batch.num_rows());
            on_batch(&batch)?;
        }
        // Decoders do not hold their rows against the footer: a short column would lose rows
        // silently.
        if rows_read != rows.count() {
            return Err(damaged("it ends too early".to_owned()));
        }
        Ok(())
    }

    /// Some flat columns of a row group, to be read as plain values; `None` if the type of one is no integer of
    /// 32 or 64 bits, timestamp or text.
    pub(in crate::scan) fn plain_chunks<const N: usize>(
        &self,
        row_group: usize,
        names: [&str; N],
    ) -> Option<[PlainChunk; N]> {
        let group = &self.row_groups()[row_group];
        let leaves = self.schema().columns();
        let stored_of = |at: usize| {
            let field = self
                .schema
                .iter()
                .find(|field| field.name() == leaves[at].name())?;
            let stored = stored_as(field.data_type(), leaves[at].physical_type())?;
            let is_flat = leaves[at].max_rep_level() == 0 && leaves[at].max_def_level() <= 1;
            // Texts beside a dictionary would be looked up one by one.
            let is_whole = stored != Stored::Texts || self.has_dictionary(row_group, field.name());
            (is_flat && is_whole).then_some((at, stored))
        };
        let stored = names.map(|name| self.leaf(name).and_then(stored_of));
        if stored.contains(&None) {
            return None;
        }
        let opened = Arc::new(self.file.open().ok()?);
        let chunks = stored.map(|found| {
            let (at, stored) = found?;
            let (opened, disk) = (Arc::clone(&opened), DiskError::default());
            let pages = Pages::new(opened, disk, group, group.column(at), BATCH_ROWS);
            Some(PlainChunk {
                pages: pages.ok()?,
                stored,
                is_optional: leaves[at].max_def_level() > 0,
            })
        });
        let chunks: Option<Vec<PlainChunk>> = chunks.into_iter().collect();
        chunks?.try_into().ok()
    }

    /// The error of a row group that cannot be read: an I/O error, or damage to the first of the columns
    /// that fails when it is read alone.
    fn damaged(
        &self,
        group: &RowGroupReader,
        (rows, columns): (GroupRows, &ProjectionMask),
        what: &str,
    ) -> Error {
        // A failed disk (exit 74) is no damaged file (exit 65), but the decoders' error does not
        // tell.
        if let Some(error) = group.take_disk_error() {
            return self.file.io(error);
        }
        let leaves = self.schema().columns().iter().enumerate();
        let mut wanted = leaves.filter(|(at, _)| columns.leaf_included(*at));
        // The first in the order of the schema, so that the message does not depend on how decoders
        // take turns among columns.
        let column = wanted.find(|(at, _)| {
            // A second reading of the row group, but only where the run fails anyway.
            let alone = ProjectionMask::leaves(self.schema(), [*at]);
            let read = catch_panic(|| {
                group
                    .batches(rows, &alone)?
                    .try_for_each(|batch| batch.map(drop))
            });
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

/// How plain values of a type are stored; `None` for types that are not read as plain values.
fn stored_as(read_as: &DataType, physical: PhysicalType) -> Option<Stored> {
    match (read_as, physical) {
        (DataType::Int32, PhysicalType::INT32) => Some(Stored::Fixed(4)),
        (DataType::Int64 | DataType::Timestamp(..), PhysicalType::INT64) => Some(Stored::Fixed(8)),
        (DataType::Utf8View, PhysicalType::BYTE_ARRAY) => Some(Stored::Texts),
        _ => None,
    }
}

/// The result of arrow's decoders, or the text of their error or panic.
pub(in crate::scan) fn catch_panic<T, E: StdError>(
    work: impl FnOnce() -> std::result::Result<T, E>,
) -> std::result::Result<T, String> {
    // arrow-rs does not count panics on malformed input as vulnerabilities, and 4 of 147 public
    // files made it panic. Nothing that a panic left half done is used again: reading ends, and
    // `damaged` makes new decoders.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(message_of(&error)),
        Err(panic) => Err(format!("its decoder gave up: {}", panic_text(&*panic))),
    }
}

/// The text of an error, without the prefix of each layer.
fn message_of(error: &dyn StdError) -> String {
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

/// The types that the columns of a file are read as. They follow Parquet's own types, except that texts are
/// views, INT96 is microseconds of UTC, and timestamps in seconds are taken from the embedded Arrow schema.
fn schema_of(metadata: &ParquetMetaData) -> std::result::Result<Fields, ParquetError> {
    let metadata = metadata.file_metadata();
    let descriptor = metadata.schema_descr();
    // Without the embedded schema, which may ask for dictionaries and large types.
    let plain = parquet_to_arrow_schema(descriptor, None)?;
    // One that cannot be decoded only loses timestamps in seconds, so it is no error.
    let embedded = parquet_to_arrow_schema(descriptor, metadata.key_value_metadata()).ok();
    let is_int96 = |name: &str| {
        let is_it = |leaf: &ColumnDescPtr| {
            leaf.path().parts() == [name] && leaf.physical_type() == PhysicalType::INT96
        };
        descriptor.columns().iter().any(is_it)
    };
    let type_of = |field: &Field| match field.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        // Arrow's default is nanoseconds, which 64 bits hold only from 1677 to 2262.
        _ if is_int96(field.name()) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        // Parquet has no type for seconds: they are stored as plain integers.
        DataType::Int64 => seconds_of(embedded.as_ref(), field.name()).unwrap_or(DataType::Int64),
        other => other.clone(),
    };
    let typed = |field: &FieldRef| field.as_ref().clone().with_data_type(type_of(field));
    Ok(plain.fields().iter().map(typed).collect())
}

/// The type of a column that the embedded schema declares as timestamps in seconds.
fn seconds_of(embedded: Option<&Schema>, name: &str) -> Option<DataType> {
    let field = embedded?.field_with_name(name).ok()?;
    let is_seconds = matches!(field.data_type(), DataType::Timestamp(TimeUnit::Second, _));
    is_seconds.then(|| field.data_type().clone())
}

/// Parses bytes as everything that this module reads from an untrusted file, for fuzzing.
#[cfg(feature = "bench")]
pub(crate) fn parse_untrusted(bytes: &[u8]) {
    drop(footer::decode(bytes, 1 << 20));
    let _ = header::Header::read(bytes);
    let _ = delta::prefix_bytes(bytes, 1 << 20);
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

/// A value of any type as text; `null` for a null.
pub(crate) fn value_text(column: &ArrayRef, row: usize) -> String {
    // The formatter accepts offsets, but no names of zones.
    let in_utc = match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            let utc = DataType::Timestamp(*unit, Some("+00:00".into()));
            cast(&column.slice(row, 1), &utc).ok()
        }
        _ => None,
    };
    let (column, row) = in_utc.as_ref().map_or((column, row), |one| (one, 0));
    let options = FormatOptions::default().with_null("null");
    ArrayFormatter::try_new(column, &options).map_or_else(
        |error| error.to_string(),
        |format| format.value(row).to_string(),
    )
}
