//! The schema of the output, and how Parquet is told to store it.

use arrow::datatypes::{Field, Schema};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::columns::{Column, HistoryColumn, Holds, columns};
use super::spec::WriteSpec;
use crate::job::Codec;

/// Who made a file.
pub(super) const CREATED_BY: &str = concat!("hitherto ", env!("CARGO_PKG_VERSION"));

/// The schema of the output.
pub(crate) fn schema(spec: &WriteSpec<'_>) -> Schema {
    schema_of(&columns(spec))
}

/// The schema of some columns.
pub(super) fn schema_of(columns: &[Column<'_>]) -> Schema {
    Schema::new(columns.iter().map(Column::field).collect::<Vec<Field>>())
}

/// Codecs, encodings and statistics: none of these for the columns of histories, where they would
/// cost time and tell nothing; types are few values, so a dictionary holds them.
pub(super) fn properties(codec: Codec, columns: &[Column<'_>]) -> WriterProperties {
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(compression(codec))
        .set_data_page_size_limit(1 << 20);
    let properties = columns.iter().fold(properties, |properties, column| {
        let Holds::History(history) = column.holds else {
            return properties;
        };
        let path = vec![column.name.to_owned(), "list".into(), "element".into()];
        let path = ColumnPath::from(path);
        let properties =
            properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
        match history {
            HistoryColumn::Types => properties,
            _ => properties.set_column_dictionary_enabled(path, false),
        }
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
