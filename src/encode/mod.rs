//! Blocks to row groups: the schema of the output, and the choice of the path that writes it.
//!
//! **In / Out**: a [`Block`], which is a run of output rows given as windows → a [`RowGroup`]:
//! encoded and compressed column chunks, ready to be put behind each other in a file.
//! **Invariants**: the bytes are a function of the block and the job; a block knows nothing of
//! partitions, files or threads, so any path may encode it.

mod plain;

use std::sync::Arc;

use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Item, count64, index};
use crate::job::{Codec, Job, Layout};
use crate::op::sequences::Histories;
use crate::probes::Probes;

/// An item id that Arrow has a type for.
pub(crate) trait ItemColumn: Item {
    /// Arrow's type of it.
    type Arrow: ArrowPrimitiveType<Native = Self>;
}

impl ItemColumn for i32 {
    type Arrow = Int32Type;
}

impl ItemColumn for i64 {
    type Arrow = Int64Type;
}

/// A run of rows of the output, of one day.
pub(crate) struct Block<'a, I> {
    /// All probes of the job.
    pub(crate) probes: &'a Probes<I>,
    /// The probes of this block, in order, with the items of each that are rows of it.
    pub(crate) rows: Vec<BlockRow>,
    /// The histories of all partitions.
    pub(crate) histories: &'a [Histories<I>],
}

/// A probe of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRow {
    /// The probe.
    pub(crate) probe: u32,
    /// The partition of its customer.
    pub(crate) partition: u32,
    /// The first of its items, counted from the first of the impression.
    pub(crate) items_start: u32,
    /// The item after its last.
    pub(crate) items_end: u32,
}

/// A row group, encoded.
pub(crate) struct RowGroup {
    /// Rows.
    pub(crate) rows: u64,
    /// What its rows hold.
    pub(crate) tally: RowTally,
    /// The column chunks.
    chunks: Vec<ArrowColumnChunk>,
}

/// What the rows of a block hold: counted where they are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RowTally {
    /// Impressions that end in the block.
    pub(crate) impressions: u64,
    /// Samples.
    pub(crate) samples: u64,
    /// Samples without history.
    pub(crate) zero_history: u64,
    /// Samples whose history is as long as histories can be.
    pub(crate) full_history: u64,
    /// Actions in the histories of all samples.
    pub(crate) actions: u64,
}

/// What turns blocks into row groups.
pub(crate) struct Encoder<'a> {
    /// The job.
    job: &'a Job,
    /// The schema of the output.
    schema: SchemaRef,
    /// Codecs, encodings and statistics, column by column.
    properties: Arc<WriterProperties>,
    /// Makes column writers.
    factory: ArrowRowGroupWriterFactory,
}

impl<'a> Encoder<'a> {
    /// The encoder of a job whose customers have integer or text ids.
    pub(crate) fn new(job: &'a Job, text_ids: bool) -> Result<Encoder<'a>> {
        let schema = Arc::new(schema(job, text_ids));
        let properties = Arc::new(properties(job));
        let descriptor = ArrowSchemaConverter::new()
            .convert(&schema)
            .map_err(internal)?;
        let nowhere = writer(std::io::sink(), &descriptor, &properties)?;
        let factory = ArrowRowGroupWriterFactory::new(&nowhere, Arc::clone(&schema));
        Ok(Encoder {
            job,
            schema,
            properties,
            factory,
        })
    }

    /// A Parquet writer for a file of the output.
    ///
    /// # Errors
    /// If the head of the file cannot be written.
    pub(crate) fn writer<W: std::io::Write + Send>(
        &self,
        to: W,
    ) -> Result<SerializedFileWriter<W>> {
        let descriptor = ArrowSchemaConverter::new()
            .convert(&self.schema)
            .map_err(internal)?;
        writer(to, &descriptor, &self.properties)
    }

    /// Encodes a block.
    ///
    /// # Errors
    /// If the encoder below refuses; it has no reason to.
    pub(crate) fn encode<I: ItemColumn>(&self, block: &Block<'_, I>) -> Result<RowGroup> {
        plain::encode(self, block).map_err(internal)
    }
}

impl RowGroup {
    /// Puts the row group behind the others of a file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn append_to<W: std::io::Write + Send>(
        self,
        file: &mut SerializedFileWriter<W>,
    ) -> parquet::errors::Result<()> {
        let mut group = file.next_row_group()?;
        for chunk in self.chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close()?;
        Ok(())
    }

    /// Bytes that the column chunks take, for the account.
    pub(crate) fn bytes(&self) -> u64 {
        self.chunks
            .iter()
            .map(|chunk| chunk.close().bytes_written)
            .sum()
    }
}

impl<I: Item> Block<'_, I> {
    /// Where the items of a row lie in the columns of the impressions.
    fn items(&self, row: &BlockRow) -> std::ops::Range<usize> {
        let first = self
            .probes
            .impressions
            .items_of(self.probes.rows[index(row.probe)])
            .start;
        first + index(row.items_start)..first + index(row.items_end)
    }
}

impl RowTally {
    /// Adds the counts of another block.
    pub(crate) fn merge(&mut self, other: &RowTally) {
        self.impressions += other.impressions;
        self.samples += other.samples;
        self.zero_history += other.zero_history;
        self.full_history += other.full_history;
        self.actions += other.actions;
    }

    /// Counts the samples of one probe.
    fn add(&mut self, samples: usize, history: usize, actions_max: u32, is_last: bool) {
        let samples = count64(samples);
        self.impressions += u64::from(is_last);
        self.samples += samples;
        self.zero_history += if history == 0 { samples } else { 0 };
        self.full_history += if history == index(actions_max) {
            samples
        } else {
            0
        };
        self.actions += samples * count64(history);
    }
}

/// The schema of the output: SPEC's table, column by column.
///
/// `customer_id` can be null for guests, whatever the job does with them, so that the schema does
/// not depend on that; a label may be null, and the last action of an empty history is.
pub fn schema(job: &Job, text_ids: bool) -> Schema {
    let item = match job.item_type {
        crate::job::ItemType::Int32 => DataType::Int32,
        crate::job::ItemType::Int64 => DataType::Int64,
    };
    let list = |name: &str, element: DataType, nullable| {
        Field::new(
            name,
            DataType::List(Arc::new(Field::new("element", element, nullable))),
            false,
        )
    };
    let instant = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let customer = if text_ids {
        DataType::Utf8
    } else {
        DataType::Int64
    };
    let mut fields = vec![
        Field::new("customer_id", customer, true),
        Field::new("ranking_id", DataType::Utf8, false),
    ];
    match job.layout {
        Layout::Sample => fields.extend([
            Field::new("position", DataType::Int32, false),
            Field::new("item_id", item.clone(), false),
            Field::new("is_order", DataType::Boolean, true),
        ]),
        Layout::Request => fields.extend([
            list("items", item.clone(), false),
            list("is_order", DataType::Boolean, true),
        ]),
    }
    fields.extend([
        Field::new("cutoff", instant(), false),
        Field::new("last_action_time", instant(), true),
        Field::new("history_length", DataType::Int32, false),
        list("actions", item, false),
        list("action_types", DataType::Int8, false),
    ]);
    Schema::new(fields)
}

/// Codecs, encodings and statistics: none of these for the two history columns, where they would
/// cost time and tell nothing; kinds are four values, so a dictionary holds them.
fn properties(job: &Job) -> WriterProperties {
    let codec = match job.codec {
        Codec::Zstd => Compression::ZSTD(ZstdLevel::default()),
        Codec::Lz4Raw => Compression::LZ4_RAW,
        Codec::Snappy => Compression::SNAPPY,
        Codec::None => Compression::UNCOMPRESSED,
    };
    let elements =
        |name: &str| ColumnPath::from(vec![name.to_owned(), "list".into(), "element".into()]);
    let (actions, kinds) = (elements("actions"), elements("action_types"));
    WriterProperties::builder()
        .set_created_by(concat!("hitherto ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(codec)
        .set_data_page_size_limit(1 << 20)
        .set_column_dictionary_enabled(actions.clone(), false)
        .set_column_statistics_enabled(actions, EnabledStatistics::None)
        .set_column_statistics_enabled(kinds, EnabledStatistics::None)
        .build()
}

/// A Parquet writer.
fn writer<W: std::io::Write + Send>(
    to: W,
    descriptor: &SchemaDescriptor,
    properties: &Arc<WriterProperties>,
) -> Result<SerializedFileWriter<W>> {
    let root = descriptor.root_schema_ptr();
    SerializedFileWriter::new(to, root, Arc::clone(properties)).map_err(internal)
}

/// The Parquet writer refused what we gave it.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn internal(error: ParquetError) -> Error {
    Error::from(ErrorKind::Internal {
        what: format!("the Parquet writer refused: {error}"),
    })
}
