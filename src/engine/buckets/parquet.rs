//! A Parquet file to its shares: the same columns, with the rows of a shard taken from each batch.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::DealSpec;
use super::document::ShareEntry;
use super::owner::Dealer;
use super::shares::{PerShard, ShareFile, SharePlace};
use crate::catalog::input::InputFile;
use crate::catalog::null_words::NullWords;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{count64, index};
use crate::job::Format;
use crate::scan::parquet::ParquetFile;
use crate::scan::table::declared::{DeclaredColumn, Holds, check_columns};
use crate::scan::table::row_group::{Projection, read_row_group};

/// Rows of a row group, at most: so many that a shard's threads share a long file, and statistics still say
/// something.
const GROUP_ROWS: usize = 1 << 17;

/// The shares of a file that is being read.
struct Shares<'a> {
    spec: &'a DealSpec<'a>,
    place: &'a SharePlace,
    options: ArrowWriterOptions,
    schema: SchemaRef,
    writers: PerShard<(ArrowWriter<ShareFile<'a>>, u64)>,
    /// Scratch: the rows of a batch that each shard has.
    rows: Vec<Vec<u32>>,
}

/// Deals a Parquet file; gives the shares.
///
/// # Errors
/// If it cannot be read.
pub(super) fn deal_parquet(
    spec: &DealSpec<'_>,
    dealer: &Dealer,
    file: &ParquetFile,
    column: &str,
    place: &SharePlace,
) -> Result<Vec<(u32, ShareEntry)>> {
    let own = spec.read.of_source(file.file.source);
    let holds = Holds::Customer(dealer.customers);
    check_columns(&own, file, [DeclaredColumn::required(column, holds)])?;
    // As it is written: with its own names, and texts that stand for null.
    let written = InputFile {
        nulls: NullWords::default(),
        settings: Arc::default(),
        ..file.file.clone()
    };
    let written = ParquetFile::open(&written, Format::Parquet)?;
    let all = written.select(|_| true);
    let mut shares: Option<Shares<'_>> = None;
    for (group, rows) in file.row_groups().iter().enumerate() {
        if *rows == 0 {
            continue;
        }
        let owners_bytes = rows * 4;
        spec.context.reserve_memory(owners_bytes)?;
        let owners = owners(spec, dealer, (file, group), column)?;
        let mut at = 0;
        written.read(group, &all, |_, batch| {
            spec.context.check()?;
            let own = &owners[at..at + batch.num_rows()];
            at += batch.num_rows();
            let shares = match &mut shares {
                Some(shares) => shares,
                none => {
                    let noted = written.key_values();
                    none.insert(Shares::new((spec, place), batch.schema(), noted)?)
                }
            };
            shares.add(batch, own)
        })?;
        spec.context.free_memory(owners_bytes);
    }
    shares.map_or_else(|| Ok(Vec::new()), Shares::finish)
}

/// The shard of each row of a row group.
fn owners(
    spec: &DealSpec<'_>,
    dealer: &Dealer,
    (file, group): (&ParquetFile, usize),
    column: &str,
) -> Result<Vec<u32>> {
    let mut owners = Vec::new();
    let columns = Projection {
        flat: vec![column],
        ..Projection::default()
    };
    let mut decimal = String::new();
    read_row_group(
        file,
        file.whole(group),
        &columns,
        spec.context,
        &mut |batch| {
            let ids = batch.ids(column);
            for row in 0..batch.rows_count() {
                let customer = ids.customer(row, dealer.customers, &mut decimal);
                owners.push(customer.map_or(0, |customer| dealer.shard_of(customer)));
            }
            Ok(())
        },
    )?;
    Ok(owners)
}

impl<'a> Shares<'a> {
    /// The shares of a file with these columns.
    fn new(
        (spec, place): (&'a DealSpec<'a>, &'a SharePlace),
        schema: SchemaRef,
        noted: Option<Vec<KeyValue>>,
    ) -> Result<Shares<'a>> {
        Ok(Shares {
            spec,
            place,
            options: options(&schema, noted).map_err(internal)?,
            schema,
            writers: PerShard::new(place.count),
            rows: vec![Vec::new(); index(place.count)],
        })
    }

    /// Adds the rows of a batch to their shards.
    fn add(&mut self, batch: &RecordBatch, owners: &[u32]) -> Result<()> {
        let mut touched = Vec::new();
        for (row, owner) in (0..).zip(owners) {
            let rows = &mut self.rows[index(*owner)];
            if rows.is_empty() {
                touched.push(*owner);
            }
            rows.push(row);
        }
        for number in touched {
            let rows = UInt32Array::from(std::mem::take(&mut self.rows[index(number)]));
            let (spec, place) = (self.spec, self.place);
            let (schema, options) = (&self.schema, &self.options);
            let (writer, written) = self.writers.of(number, || {
                let share = ShareFile::new(spec.staging, place, number, false);
                let (schema, options) = (Arc::clone(schema), options.clone());
                let writer = ArrowWriter::try_new_with_options(share, schema, options);
                Ok((writer.map_err(internal)?, 0))
            })?;
            let own = take_record_batch(batch, &rows).map_err(|error| internal(error.into()))?;
            writer.write(&own).map_err(internal)?;
            *written += count64(own.num_rows());
        }
        let mut held = 0;
        for (writer, _) in self.writers.each() {
            held += count64(writer.memory_size()) + writer.inner().held();
        }
        if held > self.spec.quota {
            self.writers.each().try_for_each(|(writer, _)| {
                writer.flush().map_err(internal)?;
                writer.inner_mut().write_out()
            })?;
        }
        Ok(())
    }

    /// Ends all shares.
    fn finish(self) -> Result<Vec<(u32, ShareEntry)>> {
        let place = self.place;
        let ended = self.writers.into_each().map(|(number, (writer, rows))| {
            let mut share = writer.into_inner().map_err(internal)?;
            share.rows = rows;
            Ok((number, share.finish(place)?))
        });
        ended.collect()
    }
}

/// How shares are written: they are read once, by a program that reads plain values fastest. Only texts are
/// dictionaries, by which they are compared. What the writer of the file has `noted` stays, as it may be the only
/// place that tells the unit of times.
fn options(
    schema: &SchemaRef,
    noted: Option<Vec<KeyValue>>,
) -> std::result::Result<ArrowWriterOptions, ParquetError> {
    let columns = ArrowSchemaConverter::new().convert(schema)?;
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_key_value_metadata(noted);
    for column in columns.columns() {
        let is_text = column.physical_type() == PhysicalType::BYTE_ARRAY;
        properties = properties.set_column_dictionary_enabled(column.path().clone(), is_text);
    }
    let options = ArrowWriterOptions::new().with_properties(properties.build());
    Ok(options.with_skip_arrow_metadata(true))
}

/// The error of a writer in memory.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is passed on by `map_err`"
)]
fn internal(error: ParquetError) -> Error {
    let what = format!("a share cannot be encoded: {error}");
    Error::from(ErrorKind::Internal { what })
}
