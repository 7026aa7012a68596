//! The schema and the layout of the files, field by field.

use std::fs::File;

use arrow::datatypes::{DataType, TimeUnit};
use hitherto::reference::{LogAction, LogImpression, LogTime};
use hitherto::{Codec, ItemType, Job, Layout, Settings};
use parquet::basic::Compression;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::support::{Case, parts, run, scratch};

/// The schema of a job: name, type, and whether nulls may be.
fn fields(text_ids: bool, change: impl Fn(&mut Settings)) -> Vec<(String, String, bool)> {
    let mut settings = Settings {
        dir: Some("in".into()),
        out: "out".into(),
        ..Settings::default()
    };
    change(&mut settings);
    let job = Job::new(settings).expect("settings");
    let schema = hitherto::schema(&job, text_ids);
    let text = |data_type: &DataType| match data_type {
        DataType::List(element) => {
            let null = if element.is_nullable() {
                ""
            } else {
                " not null"
            };
            format!("list<{}: {}{null}>", element.name(), element.data_type())
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => format!("timestamp us {zone}"),
        other => other.to_string(),
    };
    let field = |field: &arrow::datatypes::FieldRef| {
        (
            field.name().clone(),
            text(field.data_type()),
            field.is_nullable(),
        )
    };
    schema.fields().iter().map(field).collect()
}

/// Fields from their parts.
fn expect(fields: &[(&str, &str, bool)]) -> Vec<(String, String, bool)> {
    fields
        .iter()
        .map(|(name, column_type, null)| ((*name).to_owned(), (*column_type).to_owned(), *null))
        .collect()
}

#[test]
fn samples_have_the_columns_of_the_spec() {
    let expected = [
        ("customer_id", "Int64", true),
        ("ranking_id", "Utf8", false),
        ("position", "Int32", false),
        ("item_id", "Int32", false),
        ("is_order", "Boolean", true),
        ("cutoff", "timestamp us UTC", false),
        ("last_action_time", "timestamp us UTC", true),
        ("history_length", "Int32", false),
        ("actions", "list<element: Int32 not null>", false),
        ("action_types", "list<element: Int8 not null>", false),
    ];
    assert_eq!(fields(false, |_| {}), expect(&expected));
}

#[test]
fn requests_have_lists_and_wide_items_are_wide_everywhere() {
    let expected = [
        ("customer_id", "Utf8", true),
        ("ranking_id", "Utf8", false),
        ("items", "list<element: Int64 not null>", false),
        ("is_order", "list<element: Boolean>", false),
        ("cutoff", "timestamp us UTC", false),
        ("last_action_time", "timestamp us UTC", true),
        ("history_length", "Int32", false),
        ("actions", "list<element: Int64 not null>", false),
        ("action_types", "list<element: Int8 not null>", false),
    ];
    let found = fields(true, |settings| {
        settings.sequences_mut().layout = Layout::Request;
        settings.sequences_mut().item_type = ItemType::Int64;
    });
    assert_eq!(found, expect(&expected));
}

#[test]
fn files_have_the_schema_codec_row_groups_and_offset_index_that_were_asked_for() {
    let click = LogAction {
        customer: Some("1".into()),
        time: LogTime::Instant(0),
        log: 0,
        kind: 1,
        item: 5,
        available: None,
        attributes: Vec::new(),
    };
    let impression = LogImpression {
        customer: Some("1".into()),
        day: 10,
        time: None,
        ranking: "r".into(),
        items: (1..=25).map(|item| (item, None)).collect(),
        ..LogImpression::default()
    };
    let case = Case::new(vec![impression; 3], vec![click]);
    let folder = scratch();
    case.write(folder.path());
    for (codec, expected) in [
        (Codec::Zstd, "ZSTD"),
        (Codec::Lz4Raw, "LZ4_RAW"),
        (Codec::Snappy, "SNAPPY"),
        (Codec::None, "UNCOMPRESSED"),
    ] {
        let out = folder.path().join(expected);
        let mut settings = case.settings(folder.path(), &out);
        (settings.codec, settings.sequences_mut().row_group_rows_max) = (codec, 10);
        run(settings).expect("a run");
        let [(_, part)] = &parts(&out)[..] else {
            panic!("one part")
        };
        let reader = SerializedFileReader::new(File::open(part).expect("a part")).expect("a part");
        let metadata = reader.metadata();
        let rows: Vec<i64> = metadata
            .row_groups()
            .iter()
            .map(|group| group.num_rows())
            .collect();
        assert_eq!(rows, [10, 10, 10, 10, 10, 10, 10, 5]);
        for column in metadata
            .row_groups()
            .iter()
            .flat_map(|group| group.columns())
        {
            assert!(
                column.offset_index_offset().is_some(),
                "{}",
                column.column_path()
            );
            let found = match column.compression() {
                Compression::ZSTD(_) => "ZSTD",
                Compression::LZ4_RAW => "LZ4_RAW",
                Compression::SNAPPY => "SNAPPY",
                Compression::UNCOMPRESSED => "UNCOMPRESSED",
                other => panic!("{other}"),
            };
            assert_eq!(found, expected);
        }
        let created = metadata.file_metadata().created_by().expect("a name");
        assert!(created.starts_with("hitherto "));
    }
}
