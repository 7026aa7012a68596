//! Tables in every format: the same rows, the same faults.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampSecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::{
    BadRowPolicy, ColumnType, Memo, Presence, Rejected, TableColumn, TableScan, TableState, at,
};
use crate::calendar::Zone;
use crate::catalog::paths::FileSpec;
use crate::catalog::paths::discover;
use crate::catalog::pipes::Pipes;
use crate::context::RunContext;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::ids::Micros;
use crate::job::{Cutoff, Dedup, ItemType, JobKind, OnBadRow, Source};
use crate::scan::Opened;
use crate::scan::spec::{ActionSpec, ReadSpec};
use crate::scan::table::arrow_times::TimeColumn;
use crate::scan::text::field::Clock;
use crate::scan::whole_column::is_whole_column;

/// A row: id, count, time, price. The third has an empty id, the fourth no number for a price.
const ROWS: [[&str; 4]; 5] = [
    ["a", "5", "2025-08-15T00:00:00+02:00", "1.5"],
    ["null", "", "2025-08-15T00:00:00Z", "2"],
    ["", "7", "2025-08-15", "3"],
    ["b", "8", "2025-08-15 01:00:00", ""],
    ["a", "9", "", "4e3"],
];

/// The columns of the rows.
const COLUMNS: [TableColumn<'static>; 5] = [
    TableColumn {
        name: "id",
        kind: ColumnType::TextId,
        presence: Presence::Required,
    },
    TableColumn {
        name: "count",
        kind: ColumnType::IntId,
        presence: Presence::Nullable,
    },
    TableColumn {
        name: "at",
        kind: ColumnType::Time,
        presence: Presence::Nullable,
    },
    TableColumn {
        name: "price",
        kind: ColumnType::Float,
        presence: Presence::Required,
    },
    TableColumn {
        name: "absent",
        kind: ColumnType::Text,
        presence: Presence::Optional,
    },
];

/// The rows as CSV.
fn csv() -> String {
    let rows = ROWS.map(|row| row.join(",") + "\n");
    format!(
        "at_left,id,count,at,price\n{}",
        rows.map(|row| format!("x,{row}")).concat()
    )
}

/// The rows as JSON objects.
fn objects() -> [String; 5] {
    ROWS.map(|[id, count, at, price]| {
        let number = |text: &str| {
            if text.is_empty() {
                "null".to_owned()
            } else {
                text.to_owned()
            }
        };
        let at = if at.is_empty() {
            "null".to_owned()
        } else {
            format!("\"{at}\"")
        };
        let (count, price) = (number(count), number(price));
        format!("{{\"id\": \"{id}\", \"count\": {count}, \"at\": {at}, \"price\": {price}}}")
    })
}

/// The rows as Parquet, with or without dictionaries.
fn parquet(dictionaries: bool) -> Vec<u8> {
    let text = |at: usize| -> ArrayRef {
        let values = ROWS.map(|row| Some(row[at]).filter(|text| at == 0 || !text.is_empty()));
        Arc::new(StringArray::from(values.to_vec()))
    };
    let counts = ROWS.map(|row| row[1].parse::<i64>().ok());
    let prices = ROWS.map(|row| row[3].parse::<f64>().ok());
    let columns: [(&str, ArrayRef); 4] = [
        ("id", text(0)),
        ("count", Arc::new(Int64Array::from(counts.to_vec()))),
        ("at", text(2)),
        ("price", Arc::new(Float64Array::from(prices.to_vec()))),
    ];
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(dictionaries)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties));
    let writer = writer.as_mut().expect("a writer");
    writer.write(&batch).expect("rows");
    writer.finish().expect("a footer");
    std::mem::take(writer.inner_mut())
}

/// How files are read, in a zone.
fn spec(zone: &Zone, on_bad_row: OnBadRow) -> ReadSpec<'_> {
    ReadSpec {
        moments: None,
        job_kind: JobKind::Dwell,
        format: None,
        columns: &[],
        source_settings: &[],
        source_zones: &[],
        zone,
        wall_zone: zone,
        is_zone_named: true,
        time_unit: None,
        time_format: None,
        allow_unused: false,
        null_values: &[],
        guest_ids: &[],
        customer_type: None,
        item_type: ItemType::Int32,
        has_item_codes: false,
        on_bad_row,
        bad_rows_max: 10,
        threads: 1,
        text_piece_bytes: 40,
        piece_rows_min: 1,
        cutoff: Cutoff::Day,
        listings_as_of: None,
        kept: &[],
        actions: ActionSpec {
            sources: &[],
            available: &[],
            embargo_us: &[],
            types: &[],
            attributes: &[],
            dedup: Dedup::None,
            drops_items: false,
            actions_max: 1,
            lateness_max_us: None,
            wave_rows_min: 1,
        },
    }
}

/// The good rows of a file, as texts, and what was rejected.
fn read(path: &Path, on_bad_row: OnBadRow) -> Result<(Vec<String>, Vec<Rejected>)> {
    let zone = Zone::named("Europe/Berlin").expect("a zone");
    let spec = spec(&zone, on_bad_row);
    let (policy, context) = (
        BadRowPolicy::new(&spec, is_whole_column),
        RunContext::default(),
    );
    let scan = TableScan::new(&spec, &policy, &context, COLUMNS.to_vec());
    let (mut state, mut rows) = (TableState::default(), Vec::new());
    let files = FileSpec {
        impressions_from: None,
        job_kind: JobKind::Dwell,
        sources: vec![Source::Events],
        dir: None,
        paths: &[(Source::Events, path.display().to_string())],
        files_from: &[],
        null_values: &[],
        source_settings: &[],
        share: None,
    };
    let files = discover(&files, &mut Pipes::refused())?;
    let opened = Opened::open(&spec, &files[0].files[0])?;
    let (mut interner, mut memo, mut codes) = (Dictionary::texts(), Memo::default(), Vec::new());
    for task in opened.tasks() {
        scan.read(&task, &mut state, &mut |batch| {
            let [ids, counts, times, prices, absent] = batch.cells else {
                panic!("five columns");
            };
            let texts = ids.texts();
            let intern = |ids: &[&[u8]], codes: &mut Vec<u32>| interner.intern_texts(ids, codes);
            texts.codes(batch.rows, &mut memo, intern, &mut codes);
            for (row, code) in batch.rows.iter().zip(&codes) {
                assert!(absent.is_null(*row) && !ids.is_null(*row) && !prices.is_null(*row));
                let id = String::from_utf8_lossy(texts.get(*row)).into_owned();
                let count = (!counts.is_null(*row)).then(|| counts.ints()[at(*row)]);
                let east = times.times().east_us.get(at(*row)).copied().flatten();
                let time = (!times.is_null(*row)).then(|| times.times().at[at(*row)].0 / 1_000_000);
                let price = prices.floats()[at(*row)];
                rows.push(format!("{code} {id} {count:?} {time:?} {east:?} {price}"));
            }
            Ok(())
        })?;
    }
    assert_eq!(state.rows_read, 5);
    Ok((rows, state.rejected))
}

#[test]
fn every_format_gives_the_same_rows_and_faults() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [
        ("a.csv", csv().into_bytes()),
        ("a.ndjson", objects().join("\n").into_bytes()),
        ("a.json", format!("[{}]", objects().join(",")).into_bytes()),
        ("plain.parquet", parquet(false)),
        ("dictionaries.parquet", parquet(true)),
    ];
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        let (rows, rejected) = read(&path, OnBadRow::Quarantine).expect("good enough");
        let expected = [
            "0 a Some(5) Some(1755208800) Some(7200000000) 1.5",
            "1 null None Some(1755216000) Some(0) 2",
            "0 a Some(9) None None 4000",
        ];
        assert_eq!(rows, expected, "{name}");
        let faults = rejected
            .iter()
            .map(|of| (of.fault.row, of.fault.column.as_str()));
        assert!(faults.eq([(3, "id"), (4, "price")]), "{name}: {rejected:?}");
        assert!(rejected[1].record.contains('b'), "{name}: {rejected:?}");
        let error = read(&path, OnBadRow::Error)
            .expect_err("a bad row")
            .to_string();
        assert!(error.contains("row 3, column \"id\""), "{name}: {error}");
        assert!(
            error.contains("expected a text or an integer, of at most 4096 bytes, found"),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_column_that_is_nowhere_is_a_fault_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [
        ("a.csv", "id,count,at\na,1,2025-08-15\n"),
        (
            "a.ndjson",
            "{\"id\": \"a\", \"count\": 1, \"at\": null}\n{\"id\": \"b\", \"count\": 1}\n",
        ),
        ("a.json", "[{\"id\": \"a\", \"count\": 1, \"at\": null}]"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        let error = read(&path, OnBadRow::Error)
            .expect_err("no price")
            .to_string();
        assert!(
            error.contains("expected a column \"price\""),
            "{name}: {error}"
        );
    }
}

#[test]
fn a_row_that_lacks_what_a_later_one_has_is_at_fault_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.ndjson");
    let first = "{\"id\": \"a\", \"count\": 1, \"at\": null}\n";
    std::fs::write(&path, first.repeat(3) + &objects()[0]).expect("a file");
    let error = read(&path, OnBadRow::Error)
        .expect_err("no price")
        .to_string();
    assert!(error.contains("row 1, column \"price\""), "{error}");
}

#[test]
fn instants_of_a_column_are_those_of_its_rows() {
    let zone = Zone::utc();
    let spec = spec(&zone, OnBadRow::Error);
    let clock = Clock::new(&spec);
    let good = [Some(0), Some(-1), Some(1_755_302_400), Some(1_755_302_401)];
    let check = |times: &[Option<i64>], zoned: bool, expected: bool| {
        let seconds = TimestampSecondArray::from(times.to_vec());
        let seconds: ArrayRef = match zoned {
            true => Arc::new(seconds.with_timezone("UTC")),
            false => Arc::new(seconds),
        };
        let column = TimeColumn::new(&seconds, None).expect("times");
        let mut found = vec![Micros(7)];
        assert_eq!(column.add_instants(&zone, &mut found), expected);
        let mut rows = vec![Micros(7)];
        if expected {
            let written = |row| {
                column
                    .written(row, &clock)
                    .expect("a time")
                    .expect("no null")
            };
            rows.extend((0..times.len()).map(|row| clock.resolve(written(row)).at));
        }
        assert_eq!(found, rows);
    };
    check(&good, true, true);
    check(&[], true, true);
    check(&good, false, false);
    // A null, a time that does not fit, and one after the year 9999.
    for bad in [None, Some(i64::MAX), Some(400_000_000_000)] {
        check(&[good.as_slice(), &[bad]].concat(), true, false);
    }
}
