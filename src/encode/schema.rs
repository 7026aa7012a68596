//! The schema of the output, and how Parquet is told to store it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::carried;
use crate::job::{Codec, ItemType, Job, Layout, Side, SideType};

/// Who made a file.
pub(super) const CREATED_BY: &str = concat!("hitherto ", env!("CARGO_PKG_VERSION"));

/// The schema of the output: SPEC's table, column by column.
///
/// `customer_id` can be null for guests, whatever the job does with them, so that the schema does
/// not depend on that; a label may be null, and the last action of an empty history is.
pub fn schema(job: &Job, text_ids: bool) -> Schema {
    let item = match job.item_type {
        ItemType::Int32 => DataType::Int32,
        ItemType::Int64 => DataType::Int64,
    };
    let list = |name: &str, element: DataType, nullable| {
        Field::new(
            name,
            DataType::List(Arc::new(Field::new("element", element, nullable))),
            false,
        )
    };
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
    fields.extend(job.sides.iter().map(|side| match side {
        Side::TimeDelta => list(side.column(), DataType::Int32, false),
        Side::Column(of) => list(side.column(), told_type(of.holds()), false),
    }));
    if job.negatives_rate.is_some() {
        fields.push(match job.layout {
            Layout::Sample => Field::new("weight", DataType::Float32, false),
            Layout::Request => list("weight", DataType::Float32, false),
        });
    }
    for keep in &job.keep {
        let (name, kind) = (&keep.name, carried::data_type(keep.holds()));
        let is_list = keep.of_items && job.layout == Layout::Request;
        fields.push(match is_list {
            true => list(name, kind, true),
            false => Field::new(name, kind, true),
        });
    }
    Schema::new(fields)
}

/// The type of what is told of an action.
fn told_type(of: SideType) -> DataType {
    match of {
        SideType::Int32 => DataType::Int32,
        SideType::Float32 => DataType::Float32,
    }
}

/// The type of times.
pub(super) fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Codecs, encodings and statistics: none of these for the columns of histories, where they would
/// cost time and tell nothing; kinds are few values, so a dictionary holds them.
pub(super) fn properties(job: &Job) -> WriterProperties {
    let elements =
        |name: &str| ColumnPath::from(vec![name.to_owned(), "list".into(), "element".into()]);
    let (actions, kinds) = (elements("actions"), elements("action_types"));
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(compression(job.codec))
        .set_data_page_size_limit(1 << 20)
        .set_column_dictionary_enabled(actions.clone(), false)
        .set_column_statistics_enabled(actions, EnabledStatistics::None)
        .set_column_statistics_enabled(kinds, EnabledStatistics::None);
    let sides = job.sides.iter().map(|side| elements(side.column()));
    let properties = sides.fold(properties, |properties, side| {
        properties
            .set_column_dictionary_enabled(side.clone(), false)
            .set_column_statistics_enabled(side, EnabledStatistics::None)
    });
    properties.build()
}

/// A codec, as Parquet names it.
pub(super) fn compression(codec: Codec) -> Compression {
    match codec {
        Codec::Zstd => Compression::ZSTD(ZstdLevel::default()),
        Codec::Lz4Raw => Compression::LZ4_RAW,
        Codec::Snappy => Compression::SNAPPY,
        Codec::None => Compression::UNCOMPRESSED,
    }
}
