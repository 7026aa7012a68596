//! Blocks to row groups: the schema of the output, and the choice of the path that writes it.
//!
//! **In / Out**: a [`Block`], which is a run of output rows given as windows → a [`RowGroup`]:
//! the bytes of a row group, encoded and compressed, ready to be put into a file as they are.
//! **Two paths** for the two columns of histories, whose values are equal: the direct one
//! (`shapes` says what repeats, `pages` puts it down in a `stream` of literals and copies, `zstd`
//! and `lz4` write that out, `chunk` puts pages behind each other), and the plain one through Arrow, for all that the direct one does
//! not serve. `scalars` makes the other columns, `file` puts row groups behind each other.
//! **Invariants**: the bytes are a function of the block and the job; a block knows nothing of
//! partitions, files or threads, so any path may encode it.

mod chunk;
mod file;
mod lz4;
mod pages;
mod plain;
mod scalars;
mod schema;
mod shapes;
mod stream;
mod zstd;

use std::sync::Arc;

use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::{ArrowNativeType, FieldRef, Int32Type, Int64Type, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::SchemaDescPtr;

use self::chunk::Column;
pub(crate) use self::file::FileWriter;
use self::pages::PageMaker;
pub use self::schema::schema;
use self::schema::{CREATED_BY, properties};
use self::shapes::Shapes;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Item, count64, index};
use crate::job::Job;
use crate::op::sequences::Histories;
use crate::probes::Probes;

/// An item id that Arrow has a type for.
pub(crate) trait ItemColumn: Item + ArrowNativeType {
    /// Arrow's type of it.
    type Arrow: ArrowPrimitiveType<Native = Self>;

    /// Adds ids to the values of a page, the last of them first.
    fn put_newest_first(items: &[Self], to: &mut Vec<u8>);
}

impl ItemColumn for i32 {
    type Arrow = Int32Type;

    fn put_newest_first(items: &[i32], to: &mut Vec<u8>) {
        put_reversed(items, i32::to_le_bytes, to);
    }
}

impl ItemColumn for i64 {
    type Arrow = Int64Type;

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
    /// All probes of the job.
    pub(crate) probes: &'a Probes<I>,
    /// The probes of this block, in order, with the items of each that are rows of it.
    pub(crate) rows: Vec<BlockRow>,
    /// The histories of the partitions that it needs.
    pub(crate) histories: Vec<Arc<Histories<I>>>,
}

/// A probe of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRow {
    /// The probe.
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
    pub(crate) tally: RowTally,
    /// Its column chunks, one behind the other.
    bytes: Vec<u8>,
    /// What the footer says of them, as if they started the file.
    metadata: RowGroupMetaData,
    /// Their pages' bounds.
    column_indexes: Vec<Option<ColumnIndexMetaData>>,
    /// Their pages' places.
    offset_indexes: Vec<Option<OffsetIndexMetaData>>,
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
    /// The same, as Parquet has it.
    descriptor: SchemaDescPtr,
    /// Codecs, encodings and statistics, column by column.
    properties: Arc<WriterProperties>,
    /// Makes column writers.
    factory: ArrowRowGroupWriterFactory,
}

/// What a thread needs to encode. Reused from block to block.
pub(crate) struct Workbench {
    /// The histories of the block.
    shapes: Shapes,
    /// Makes pages of histories, if the job takes the direct path.
    pages: Option<PageMaker>,
}

impl<'a> Encoder<'a> {
    /// The encoder of a job whose customers have integer or text ids.
    pub(crate) fn new(job: &'a Job, text_ids: bool) -> Result<Encoder<'a>> {
        let schema = Arc::new(schema(job, text_ids));
        let properties = Arc::new(properties(job));
        let descriptor = ArrowSchemaConverter::new()
            .convert(&schema)
            .map_err(internal)?;
        let root = descriptor.root_schema_ptr();
        let nowhere = SerializedFileWriter::new(std::io::sink(), root, Arc::clone(&properties));
        let factory =
            ArrowRowGroupWriterFactory::new(&nowhere.map_err(internal)?, Arc::clone(&schema));
        Ok(Encoder {
            job,
            schema,
            descriptor: Arc::new(descriptor),
            properties,
            factory,
        })
    }

    /// What a thread needs to encode.
    pub(crate) fn workbench(&self) -> Workbench {
        let is_direct = pages::serves(self.job) && !self.job.encode_plain;
        Workbench {
            shapes: Shapes::default(),
            pages: is_direct.then(|| PageMaker::new(self.job)),
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
    /// If the encoder below refuses; it has no reason to.
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
        let Workbench { shapes, pages } = bench;
        shapes.find(self.job, block);
        let mut writers = self.factory.create_column_writers(0)?;
        let histories = writers.len() - 2;
        let (scalars, tally) = scalars::columns(self, block, shapes);
        for ((field, column), writer) in self.schema.fields().iter().zip(scalars).zip(&mut writers)
        {
            for leaf in compute_leaves(field, &column)? {
                writer.write(&leaf)?;
            }
        }
        let mut direct = Vec::new();
        match pages {
            None => plain::write(self, block, &mut writers[histories..])?,
            // A Parquet chunk has a page; one of no rows is not worth a path of its own.
            Some(_) if block.rows.is_empty() => {}
            Some(pages) => {
                writers.truncate(histories);
                for (at, column) in [Column::Items, Column::Kinds].into_iter().enumerate() {
                    let description = self.descriptor.column(histories + at);
                    direct.push(pages.column(self.job, block, shapes, column, &description)?);
                }
            }
        }
        self.row_group(tally, writers, direct)
    }

    /// Puts column chunks behind each other.
    fn row_group(
        &self,
        tally: RowTally,
        writers: Vec<ArrowColumnWriter>,
        direct: Vec<(Bytes, ColumnCloseResult)>,
    ) -> parquet::errors::Result<RowGroup> {
        let chunks: Vec<ArrowColumnChunk> = writers
            .into_iter()
            .map(ArrowColumnWriter::close)
            .collect::<parquet::errors::Result<_>>()?;
        let sizes = chunks.iter().map(|chunk| chunk.close().bytes_written);
        let bytes = sizes.sum::<u64>()
            + direct
                .iter()
                .map(|(bytes, _)| count64(bytes.len()))
                .sum::<u64>();
        let bytes = usize::try_from(bytes).expect("a row group is in memory");
        let mut to = TrackedWrite::new(Vec::with_capacity(bytes));
        let mut closed = None;
        let keep = |_: &mut TrackedWrite<Vec<u8>>, metadata, _, columns, offsets| {
            closed = Some((metadata, columns, offsets));
            Ok(())
        };
        let (descriptor, properties) = (Arc::clone(&self.descriptor), Arc::clone(&self.properties));
        let mut group =
            SerializedRowGroupWriter::new(descriptor, properties, &mut to, 0, Some(Box::new(keep)));
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        for (bytes, close) in direct {
            group.append_column(&bytes, close)?;
        }
        group.close()?;
        let (metadata, column_indexes, offset_indexes) = closed.expect("closing calls it");
        Ok(RowGroup {
            tally,
            bytes: to.into_inner()?,
            metadata,
            column_indexes,
            offset_indexes,
        })
    }

    /// The element of a list column of the schema.
    fn element_of(&self, column: usize) -> FieldRef {
        scalars::element_of(self.schema.field(column).data_type())
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

/// The Parquet writer refused what we gave it.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn internal(error: ParquetError) -> Error {
    Error::from(ErrorKind::Internal {
        what: format!("the Parquet writer refused: {error}"),
    })
}
