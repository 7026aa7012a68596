//! Encodes blocks as row groups: the schema of the output, and the choice of the path that writes it.
//!
//! **In / Out**: a [`Block`], which is a run of output rows given as windows → a [`RowGroup`]:
//! the encoded and compressed bytes of a row group, to be appended to a file unchanged.
//! `columns` is the one list of columns; schema and both paths read it.
//! **Two paths** with equal values. The direct one (`direct`): `history_deltas` finds what repeats,
//! `history_pages` and `scalar_pages` write pages as literals and copies, `zstd` and `lz4` compress
//! these without a search, `chunk` appends pages to column chunks. The plain one goes through Arrow
//! and takes what the direct one does not support (`plain` the histories, `scalars` the other columns).
//! `timelines` finds what rows of the layout `timeline` share. `counts` computes statistics of rows,
//! `file` appends row groups to files. `table` makes row groups of flat columns, for the other job
//! kinds. `published` reads rows back, with a history each.
//! **Invariants**: the bytes are a function of the block and the spec; a block knows nothing of
//! files or threads, so either path may encode it.

mod chunk;
mod columns;
mod counts;
pub(crate) mod direct;
mod file;
mod passthrough;
mod plain;
mod published;
mod scalars;
mod schema;
mod spec;
mod table;
mod timelines;

use std::sync::Arc;

use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::{ArrowNativeType, Int32Type, Int64Type, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, TrackedWrite};
use parquet::schema::types::SchemaDescPtr;

use self::columns::{ColumnSource, OutputColumn, columns};
pub(crate) use self::columns::{check_names, passthrough_type};
pub(crate) use self::counts::RowStats;
use self::counts::stats_of;
pub(crate) use self::file::FileWriter;
use self::file::row_group;
pub(crate) use self::passthrough::array_of;
pub(crate) use self::published::PublishedRows;
pub(crate) use self::schema::schema;
use self::schema::{CREATED_BY, properties, schema_of};
pub(crate) use self::spec::WriteSpec;
pub(crate) use self::table::TableEncoder;
use self::timelines::Timelines;
use crate::context::RunContext;
use crate::dictionary::probes::Probes;
use crate::encode::direct::history_deltas::HistoryDeltas;
use crate::encode::direct::history_pages::PageMaker;
use crate::encode::direct::scalar_pages::ScalarPages;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Item, count64, index};
use crate::job::Layout;
use crate::kernel::history_stats::Contents;
use crate::kernel::op::sequences::Histories;

/// An item id that Arrow has a type for.
pub(crate) trait ItemColumn: Item + ArrowNativeType {
    /// Arrow's type of the id.
    type Arrow: ArrowPrimitiveType<Native = Self>;
    /// Parquet's type of the id.
    type Parquet: parquet::data_type::DataType<T = Self>;

    /// Appends ids in PLAIN encoding, in reverse order.
    fn put_newest_first(items: &[Self], to: &mut Vec<u8>);
}

impl ItemColumn for i32 {
    type Arrow = Int32Type;
    type Parquet = parquet::data_type::Int32Type;

    fn put_newest_first(items: &[i32], to: &mut Vec<u8>) {
        put_reversed(items, i32::to_le_bytes, to);
    }
}

impl ItemColumn for i64 {
    type Arrow = Int64Type;
    type Parquet = parquet::data_type::Int64Type;

    fn put_newest_first(items: &[i64], to: &mut Vec<u8>) {
        put_reversed(items, i64::to_le_bytes, to);
    }
}

/// Appends numbers in PLAIN encoding, in reverse order.
fn put_reversed<T: Copy, const BYTES: usize>(
    numbers: &[T],
    bytes_of: impl Fn(T) -> [u8; BYTES],
    to: &mut Vec<u8>,
) {
    let start = to.len();
    to.resize(start + numbers.len() * BYTES, 0);
    let (places, _) = to[start..].as_chunks_mut::<BYTES>();
    for (place, number) in places.iter_mut().zip(numbers.iter().rev()) {
        *place = bytes_of(*number);
    }
}

/// A run of rows of the output, of one day.
pub(crate) struct Block<'a, I> {
    /// All probes of the run.
    pub(crate) probes: &'a Probes<I>,
    /// The probes of this block, in order, with the range of items of each that are its rows.
    pub(crate) rows: Vec<BlockRow>,
    /// The histories of the partitions of these probes.
    pub(crate) histories: Vec<Arc<Histories<I>>>,
}

/// A probe of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRow {
    pub(crate) probe: u32,
    /// The partition of its customer, as an index into [`Block::histories`].
    pub(crate) partition: u32,
    /// The first of its items, counted from the first of the impression.
    pub(crate) items_start: u32,
    /// The item after its last.
    pub(crate) items_end: u32,
}

/// A row group, encoded.
pub(crate) struct RowGroup {
    pub(crate) stats: RowStats,
    /// The column chunks, one after the other.
    bytes: Vec<u8>,
    /// The footer's entry, with offsets as if the row group started the file.
    metadata: RowGroupMetaData,
    column_indexes: Vec<Option<ColumnIndexMetaData>>,
    offset_indexes: Vec<Option<OffsetIndexMetaData>>,
}

/// Encodes blocks as row groups.
pub(crate) struct Encoder<'a> {
    /// How rows become Parquet.
    spec: WriteSpec<'a>,
    /// The columns, in the order of the schema.
    columns: Vec<OutputColumn<'a>>,
    /// For cancellation.
    context: &'a RunContext,
    /// The schema of the output.
    schema: SchemaRef,
    /// The same, as Parquet has it.
    descriptor: SchemaDescPtr,
    /// Codecs, encodings and statistics, column by column.
    properties: Arc<WriterProperties>,
    factory: ArrowRowGroupWriterFactory,
}

/// The scratch memory of a thread that encodes. Reused from block to block.
pub(crate) struct EncoderScratch {
    /// The histories of the block.
    deltas: HistoryDeltas,
    /// The contents of one history.
    contents: Contents,
    /// Writes pages, if the direct path is taken.
    pages: Option<PageMaker>,
    /// Expected bytes of the next row group: those of the last and an eighth.
    bytes_expected: usize,
}

impl<'a> Encoder<'a> {
    /// An encoder.
    ///
    /// # Errors
    /// If Parquet cannot represent the schema, which does not happen.
    pub(crate) fn new(spec: WriteSpec<'a>, context: &'a RunContext) -> Result<Encoder<'a>> {
        let columns = columns(&spec);
        let schema = Arc::new(schema_of(&columns));
        let properties = Arc::new(properties(spec.codec, &columns));
        let descriptor = ArrowSchemaConverter::new()
            .convert(&schema)
            .map_err(internal)?;
        let root = descriptor.root_schema_ptr();
        // parquet makes the factory from a file writer only. Nothing is written with this one.
        let nowhere = SerializedFileWriter::new(std::io::sink(), root, Arc::clone(&properties));
        let factory =
            ArrowRowGroupWriterFactory::new(&nowhere.map_err(internal)?, Arc::clone(&schema));
        Ok(Encoder {
            spec,
            columns,
            context,
            schema,
            descriptor: Arc::new(descriptor),
            properties,
            factory,
        })
    }

    /// Scratch memory for one thread.
    pub(crate) fn scratch(&self) -> EncoderScratch {
        let is_direct = direct::history_pages::is_supported(&self.spec) && !self.spec.encode_plain;
        EncoderScratch {
            deltas: HistoryDeltas::default(),
            contents: Contents::default(),
            pages: is_direct.then(|| PageMaker::new(self.spec.codec)),
            bytes_expected: 0,
        }
    }

    /// A Parquet writer for a file of the output.
    ///
    /// # Errors
    /// If the magic bytes of the file cannot be written.
    pub(crate) fn file<W: std::io::Write + Send>(
        &self,
        to: W,
    ) -> parquet::errors::Result<FileWriter<W>> {
        FileWriter::new(to, Arc::clone(&self.descriptor))
    }

    /// Encodes a block.
    ///
    /// # Errors
    /// If the run was cancelled. Parquet's own writers have no reason to fail.
    pub(crate) fn encode<I: ItemColumn>(
        &self,
        scratch: &mut EncoderScratch,
        block: &Block<'_, I>,
    ) -> Result<RowGroup> {
        self.encode_block(scratch, block).map_err(internal)
    }

    /// Encodes a block.
    fn encode_block<I: ItemColumn>(
        &self,
        scratch: &mut EncoderScratch,
        block: &Block<'_, I>,
    ) -> parquet::errors::Result<RowGroup> {
        scratch.deltas.find(&self.spec, block);
        let max = self.spec.actions_max;
        // Counted from the deltas, which both paths have: counts do not depend on the path.
        let stats = stats_of(max, block, &scratch.deltas, &mut scratch.contents);
        // A column chunk needs a page even without rows: that is left to parquet's writers.
        if scratch.pages.is_none() || block.rows.is_empty() {
            self.encode_plain(block, &scratch.deltas, stats)
        } else {
            self.encode_direct(scratch, block, stats)
        }
    }

    /// Encodes a block page by page, into one buffer.
    fn encode_direct<I: ItemColumn>(
        &self,
        scratch: &mut EncoderScratch,
        block: &Block<'_, I>,
        stats: RowStats,
    ) -> parquet::errors::Result<RowGroup> {
        let pages = scratch.pages.as_mut().expect("there is a direct path");
        let (spec, context, deltas) = (&self.spec, self.context, &scratch.deltas);
        let scalar_pages = ScalarPages::new(spec, block, deltas);
        let mut sink = TrackedWrite::new(Vec::with_capacity(scratch.bytes_expected));
        let mut chunks = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            let (description, sink) = (&self.descriptor.column(at), &mut sink);
            chunks.push(match column.source {
                ColumnSource::Scalar(scalar) => {
                    scalar_pages.column(scalar, pages, description, sink)?
                }
                ColumnSource::History(history) => {
                    pages.column(spec, context, block, deltas, history, description, sink)?
                }
            });
        }
        let (chunks, offsets): (Vec<_>, Vec<_>) = chunks.into_iter().unzip();
        let rows_count = scratch
            .deltas
            .all
            .iter()
            .map(|delta| i64::from(delta.rows))
            .sum();
        let sizes = chunks.iter().map(ColumnChunkMetaData::uncompressed_size);
        let metadata = RowGroupMetaData::builder(Arc::clone(&self.descriptor))
            .set_num_rows(rows_count)
            .set_total_byte_size(sizes.sum())
            .set_column_metadata(chunks)
            .build()?;
        let bytes = sink.into_inner()?;
        // A buffer that grows is copied; row groups of one job are of similar size.
        scratch.bytes_expected = bytes.len() + bytes.len() / 8;
        Ok(RowGroup {
            stats,
            bytes,
            // Bounds per page would repeat those of the chunk, which seldom has a second page.
            // The offsets are there: readers skip pages by them.
            column_indexes: vec![None; offsets.len()],
            offset_indexes: offsets.into_iter().map(Some).collect(),
            metadata,
        })
    }

    /// Encodes a block through Arrow.
    fn encode_plain<I: ItemColumn>(
        &self,
        block: &Block<'_, I>,
        deltas: &HistoryDeltas,
        stats: RowStats,
    ) -> parquet::errors::Result<RowGroup> {
        let mut writers = self.factory.create_column_writers(0)?;
        let timelines = (self.spec.layout == Layout::Timeline)
            .then(|| Timelines::new(block, deltas, self.spec.oldest_first));
        let timelines = timelines.as_ref();
        let columns = self.columns.iter().zip(self.schema.fields());
        for ((column, field), writer) in columns.zip(&mut writers) {
            if let ColumnSource::Scalar(scalar) = column.source {
                let array = scalars::array(column, scalar, block, deltas, timelines);
                for leaf in compute_leaves(field, &array)? {
                    writer.write(&leaf)?;
                }
            }
        }
        plain::write(self, block, timelines, &mut writers)?;
        let mut group = row_group(&self.descriptor, &self.properties, writers)?;
        group.stats = stats;
        Ok(group)
    }
}

impl RowGroup {
    /// Bytes of memory that the row group takes.
    pub(crate) fn bytes(&self) -> u64 {
        count64(self.bytes.len())
    }
}

impl<I: Item> Block<'_, I> {
    /// The range of a row's items in the columns of impressions.
    fn items(&self, row: &BlockRow) -> std::ops::Range<usize> {
        let first = self
            .probes
            .impressions
            .items_of(self.probes.rows[index(row.probe)])
            .start;
        first + index(row.items_start)..first + index(row.items_end)
    }
}

/// An error if the run was cancelled, as an error of parquet.
fn check_cancelled(context: &RunContext) -> parquet::errors::Result<()> {
    context
        .check()
        .map_err(|error| ParquetError::External(Box::new(error)))
}

/// An error of the Parquet writer: ours if the run was cancelled, else an internal fault.
fn internal(error: ParquetError) -> Error {
    // Our own error went through parquet's as `External`: a cancelled run is no internal fault.
    let what = match error {
        ParquetError::External(source) => match source.downcast::<Error>() {
            Ok(ours) => return *ours,
            Err(other) => other.to_string(),
        },
        other => other.to_string(),
    };
    let what = format!("the Parquet writer refused: {what}");
    Error::from(ErrorKind::Internal { what })
}
