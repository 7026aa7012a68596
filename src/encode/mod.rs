//! Blocks to row groups: the schema of the output, and the choice of the path that writes it.
//!
//! **In / Out**: a [`Block`], which is a run of output rows given as windows → a [`RowGroup`]:
//! the bytes of a row group, encoded and compressed, ready to be put into a file as they are.
//! `columns` is the one list of what the columns are; schema and both paths read it.
//! **Two paths**, whose values are equal: the direct one (`shapes` says what repeats, `pages` puts
//! histories and `beside`, with `leaf`, the other columns down in a `stream` of literals and copies, `zstd` and
//! `lz4` write that out, `chunk` puts pages behind each other), and the one through Arrow for all
//! that the direct one does not serve (`plain` the histories, `scalars` the other columns).
//! `counts` counts what they hold, `file` puts row groups behind each other. `table` makes row
//! groups of flat columns, for the other job kinds.
//! **Invariants**: the bytes are a function of the block and the spec; a block knows nothing of
//! partitions, files or threads, so any path may encode it.

mod chunk;
mod columns;
mod counts;
pub(crate) mod direct;
mod file;
mod passthrough;
mod plain;
mod scalars;
mod schema;
mod spec;
mod table;

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

use self::columns::{Column, Holds, columns};
pub(crate) use self::counts::RowStats;
use self::counts::tally_of;
pub(crate) use self::file::FileWriter;
use self::file::row_group;
pub(crate) use self::schema::schema;
use self::schema::{CREATED_BY, properties, schema_of};
pub(crate) use self::spec::WriteSpec;
pub(crate) use self::table::TableEncoder;
use crate::context::RunContext;
use crate::dictionary::probes::Probes;
use crate::encode::direct::history_deltas::HistoryDeltas;
use crate::encode::direct::history_pages::PageMaker;
use crate::encode::direct::scalar_pages::ScalarPages;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Item, count64, index};
use crate::kernel::history_stats::Contents;
use crate::kernel::op::sequences::Histories;

/// An item id that Arrow has a type for.
pub(crate) trait ItemColumn: Item + ArrowNativeType {
    /// Arrow's type of it.
    type Arrow: ArrowPrimitiveType<Native = Self>;
    /// Parquet's.
    type Parquet: parquet::data_type::DataType<T = Self>;

    /// Adds ids to the values of a page, the last of them first.
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

/// Adds numbers as Parquet's PLAIN has them, the last of them first.
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
    /// The probes of this block, in order, with the items of each that are rows of it.
    pub(crate) rows: Vec<BlockRow>,
    /// The histories of the partitions that it needs.
    pub(crate) histories: Vec<Arc<Histories<I>>>,
}

/// A probe of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRow {
    pub(crate) probe: u32,
    /// The partition of its customer, among those of the block.
    pub(crate) partition: u32,
    /// The first of its items, counted from the first of the impression.
    pub(crate) items_start: u32,
    /// The item after its last.
    pub(crate) items_end: u32,
}

/// A row group, encoded.
pub(crate) struct RowGroup {
    /// What its rows hold.
    pub(crate) tally: RowStats,
    /// Its column chunks, one behind the other.
    bytes: Vec<u8>,
    /// What the footer says of them, as if they started the file.
    metadata: RowGroupMetaData,
    column_indexes: Vec<Option<ColumnIndexMetaData>>,
    offset_indexes: Vec<Option<OffsetIndexMetaData>>,
}

/// What turns blocks into row groups.
pub(crate) struct Encoder<'a> {
    /// How rows become Parquet.
    spec: WriteSpec<'a>,
    /// Its columns, in the order of the schema.
    columns: Vec<Column<'a>>,
    /// Whether to go on.
    context: &'a RunContext,
    /// The schema of the output.
    schema: SchemaRef,
    /// The same, as Parquet has it.
    descriptor: SchemaDescPtr,
    /// Codecs, encodings and statistics, column by column.
    properties: Arc<WriterProperties>,
    factory: ArrowRowGroupWriterFactory,
}

/// What a thread needs to encode. Reused from block to block.
pub(crate) struct Workbench {
    /// The histories of the block.
    shapes: HistoryDeltas,
    /// Scratch: what one of them holds.
    contents: Contents,
    /// Makes pages, if there is a direct path.
    pages: Option<PageMaker>,
    /// Bytes of the next row group, about: as many as the last had.
    bytes_expected: usize,
}

impl<'a> Encoder<'a> {
    /// An encoder.
    ///
    /// # Errors
    /// If Parquet has no such schema; it has.
    pub(crate) fn new(spec: WriteSpec<'a>, context: &'a RunContext) -> Result<Encoder<'a>> {
        let columns = columns(&spec);
        let schema = Arc::new(schema_of(&columns));
        let properties = Arc::new(properties(spec.codec, &columns));
        let descriptor = ArrowSchemaConverter::new()
            .convert(&schema)
            .map_err(internal)?;
        let root = descriptor.root_schema_ptr();
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

    /// What a thread needs to encode.
    pub(crate) fn workbench(&self) -> Workbench {
        let is_direct = direct::history_pages::serves(&self.spec) && !self.spec.encode_plain;
        Workbench {
            shapes: HistoryDeltas::default(),
            contents: Contents::default(),
            pages: is_direct.then(|| PageMaker::new(self.spec.codec)),
            bytes_expected: 0,
        }
    }

    /// A Parquet writer for a file of the output.
    ///
    /// # Errors
    /// If the head of the file cannot be written.
    pub(crate) fn file<W: std::io::Write + Send>(
        &self,
        to: W,
    ) -> parquet::errors::Result<FileWriter<W>> {
        FileWriter::new(to, Arc::clone(&self.descriptor))
    }

    /// Encodes a block.
    ///
    /// # Errors
    /// If somebody asked for an end. The encoder below has no reason to refuse.
    pub(crate) fn encode<I: ItemColumn>(
        &self,
        bench: &mut Workbench,
        block: &Block<'_, I>,
    ) -> Result<RowGroup> {
        self.encode_block(bench, block).map_err(internal)
    }

    /// Encodes a block.
    fn encode_block<I: ItemColumn>(
        &self,
        bench: &mut Workbench,
        block: &Block<'_, I>,
    ) -> parquet::errors::Result<RowGroup> {
        bench.shapes.find(&self.spec, block);
        let max = self.spec.actions_max;
        let tally = tally_of(max, block, &bench.shapes, &mut bench.contents);
        // A Parquet chunk has a page; one of no rows is not worth a path of its own.
        if bench.pages.is_none() || block.rows.is_empty() {
            self.encode_plain(block, &bench.shapes, tally)
        } else {
            self.encode_direct(bench, block, tally)
        }
    }

    /// Encodes a block page by page, into one buffer.
    fn encode_direct<I: ItemColumn>(
        &self,
        bench: &mut Workbench,
        block: &Block<'_, I>,
        tally: RowStats,
    ) -> parquet::errors::Result<RowGroup> {
        let pages = bench.pages.as_mut().expect("there is a direct path");
        let (spec, rows) = (&self.spec, (block, &bench.shapes));
        let in_hand = (spec, self.context);
        let beside = ScalarPages::new(spec, block, &bench.shapes);
        let mut sink = TrackedWrite::new(Vec::with_capacity(bench.bytes_expected));
        let mut chunks = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            let description = self.descriptor.column(at);
            let files = (&description, &mut sink);
            chunks.push(match column.holds {
                Holds::Scalar(scalar) => beside.column(scalar, pages, files)?,
                Holds::History(history) => pages.column(in_hand, rows, history, files)?,
            });
        }
        let (chunks, offsets): (Vec<_>, Vec<_>) = chunks.into_iter().unzip();
        let rows_count = bench
            .shapes
            .all
            .iter()
            .map(|shape| i64::from(shape.rows))
            .sum();
        let sizes = chunks.iter().map(ColumnChunkMetaData::uncompressed_size);
        let metadata = RowGroupMetaData::builder(Arc::clone(&self.descriptor))
            .set_num_rows(rows_count)
            .set_total_byte_size(sizes.sum())
            .set_column_metadata(chunks)
            .build()?;
        let bytes = sink.into_inner()?;
        bench.bytes_expected = bytes.len() + bytes.len() / 8;
        Ok(RowGroup {
            tally,
            bytes,
            column_indexes: vec![None; offsets.len()],
            offset_indexes: offsets.into_iter().map(Some).collect(),
            metadata,
        })
    }

    /// Encodes a block through Arrow.
    fn encode_plain<I: ItemColumn>(
        &self,
        block: &Block<'_, I>,
        shapes: &HistoryDeltas,
        tally: RowStats,
    ) -> parquet::errors::Result<RowGroup> {
        let mut writers = self.factory.create_column_writers(0)?;
        let columns = self.columns.iter().zip(self.schema.fields());
        for ((column, field), writer) in columns.zip(&mut writers) {
            if let Holds::Scalar(scalar) = column.holds {
                let array = scalars::array(column, scalar, (block, shapes));
                for leaf in compute_leaves(field, &array)? {
                    writer.write(&leaf)?;
                }
            }
        }
        plain::write(self, block, &mut writers)?;
        let mut group = row_group(&self.descriptor, &self.properties, writers)?;
        group.tally = tally;
        Ok(group)
    }
}

impl RowGroup {
    /// Bytes of memory that it takes, for the account.
    pub(crate) fn bytes(&self) -> u64 {
        count64(self.bytes.len())
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

/// An error if somebody asked for an end, for loops over what may be a billion actions.
fn go_on(context: &RunContext) -> parquet::errors::Result<()> {
    context
        .check()
        .map_err(|error| ParquetError::External(Box::new(error)))
}

/// The Parquet writer refused what we gave it, or was told to stop.
fn internal(error: ParquetError) -> Error {
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
