//! The schema of the output, and the writer properties of its columns.

use arrow::datatypes::{Field, Schema};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::columns::{ColumnSource, HistoryColumn, OutputColumn, columns};
use super::spec::WriteSpec;
use crate::job::Codec;

/// The `created_by` of files.
pub(super) const CREATED_BY: &str = concat!("hitherto ", env!("CARGO_PKG_VERSION"));

/// The schema of the output.
pub(crate) fn schema(spec: &WriteSpec<'_>) -> Schema {
    schema_of(&columns(spec))
}

/// The schema of some columns.
pub(super) fn schema_of(columns: &[OutputColumn<'_>]) -> Schema {
    Schema::new(
        columns
            .iter()
            .map(OutputColumn::field)
            .collect::<Vec<Field>>(),
    )
}

/// Codecs, encodings and statistics. Columns of histories have no statistics, which would cost time and
/// prune nothing, and only `action_types` has a dictionary.
pub(super) fn properties(codec: Codec, columns: &[OutputColumn<'_>]) -> WriterProperties {
    let properties = WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_compression(compression(codec))
        // Pages of repeated histories shrink 20 to 150 times, so a small page bounds what readers
        // allocate.
        .set_data_page_size_limit(1 << 20);
    let properties = columns.iter().fold(properties, |properties, column| {
        let ColumnSource::History(history) = column.source else {
            return properties;
        };
        // The names that Arrow gives to the levels of a list. A path that names no column is
        // ignored, and the column would silently get a dictionary and statistics.
        let path = vec![column.name.to_owned(), "list".into(), "element".into()];
        let path = ColumnPath::from(path);
        let properties =
            properties.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
        match history {
            // Parquet has no type of one byte: PLAIN would take four bytes for a type.
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
