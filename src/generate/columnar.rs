//! Batches to Parquet, with the types that the logs of a warehouse have.
//!
//! **In / Out**: a [`Batch`] → rows of a Parquet file: times are microseconds without zone,
//! pages are compressed with Snappy, row groups hold [`GROUP_ROWS`] rows.
//! **Invariants**: all columns may be null, as in real logs, and none is.

use std::fs::File as Disk;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;

use super::batch::{Batch, File};
use crate::calendar::DAY_US;
use crate::job::Source;

/// Rows of a row group; the last one of a file has fewer.
const GROUP_ROWS: usize = 1 << 20;

/// A Parquet file in the making.
pub(super) struct Columnar {
    /// What it holds.
    file: File,
    /// Its columns.
    schema: SchemaRef,
    /// Encodes them.
    writer: ArrowWriter<Disk>,
}

impl Columnar {
    /// A file without rows.
    pub(super) fn new(file: &File, disk: Disk) -> Result<Columnar> {
        let schema = Arc::new(schema(file.source));
        let properties = WriterProperties::builder()
            .set_created_by(concat!("hitherto ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(disk, Arc::clone(&schema), Some(properties))?;
        Ok(Columnar {
            file: *file,
            schema,
            writer,
        })
    }

    /// Adds rows.
    pub(super) fn write(&mut self, batch: Batch) -> Result<()> {
        let columns = match self.file.source {
            Source::Impressions => impressions(batch),
            _ => actions(&self.file, batch),
        };
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        self.writer.write(&batch)
    }

    /// Ends the file and gives it back.
    pub(super) fn finish(self) -> Result<Disk> {
        self.writer.into_inner()
    }
}

/// The columns of a source.
pub(super) fn schema(source: Source) -> Schema {
    let id = || Field::new("customer_id", DataType::Int64, true);
    let item = |name: &str| Field::new(name, DataType::Int32, true);
    let time =
        |name: &str| Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, None), true);
    Schema::new(match source {
        Source::Impressions => {
            let shown = Field::new("element", DataType::Struct(shown_fields()), true);
            let shown = Field::new("impressions", DataType::List(Arc::new(shown)), true);
            vec![Field::new("ranking_id", DataType::Utf8, true), id(), shown]
        }
        Source::Clicks => vec![id(), item("item_id"), time("click_time")],
        Source::Carts => vec![
            id(),
            item("config_id"),
            item("simple_id"),
            time("occurred_at"),
        ],
        Source::Orders => vec![
            Field::new("order_date", DataType::Date32, true),
            id(),
            item("config_id"),
            item("simple_id"),
            time("occurred_at"),
        ],
        _ => unreachable!("no source of `sequences`"),
    })
}

/// The fields of a shown item.
fn shown_fields() -> Fields {
    Fields::from(vec![
        Field::new("item_id", DataType::Int32, true),
        Field::new("is_order", DataType::Boolean, true),
    ])
}

/// Impressions, in the order of the schema.
fn impressions(batch: Batch) -> Vec<ArrayRef> {
    let rankings = (0..batch.customers.len()).map(|row| batch.ranking(row));
    let rankings = StringArray::from_iter_values(rankings);
    let fields = shown_fields();
    let items: ArrayRef = Arc::new(Int32Array::from(batch.items));
    let labels: ArrayRef = Arc::new(BooleanArray::from(batch.labels));
    let shown = StructArray::new(fields.clone(), vec![items, labels], None);
    let element = Arc::new(Field::new("element", DataType::Struct(fields), true));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(batch.item_starts));
    let shown = ListArray::new(element, offsets, Arc::new(shown), None);
    vec![
        Arc::new(rankings),
        Arc::new(Int64Array::from(batch.customers)),
        Arc::new(shown),
    ]
}

/// Actions, in the order of the schema.
fn actions(file: &File, batch: Batch) -> Vec<ArrayRef> {
    let day_start = i64::from(file.day.0) * DAY_US;
    let times = batch
        .seconds
        .iter()
        .map(|second| day_start + i64::from(*second) * 1_000_000);
    let times = TimestampMicrosecondArray::from_iter_values(times);
    let dates = || Date32Array::from(vec![file.day.0; batch.customers.len()]);
    let mut columns: Vec<ArrayRef> = Vec::new();
    if file.source == Source::Orders {
        columns.push(Arc::new(dates()));
    }
    columns.push(Arc::new(Int64Array::from(batch.customers)));
    let simples = batch.items.iter().map(|item| item.wrapping_mul(3));
    let simples = Int32Array::from_iter_values(simples);
    columns.push(Arc::new(Int32Array::from(batch.items)));
    if file.source != Source::Clicks {
        columns.push(Arc::new(simples));
    }
    columns.push(Arc::new(times));
    columns
}
