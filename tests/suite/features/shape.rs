//! The shape of the output: folders, columns, types, nulls.

use std::fs::File;

use arrow::datatypes::{DataType, Field, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::case::{Case, DAY, HOUR, NOON, click, nobodys, run, shown};
use crate::support::{parts_by, scratch};

/// The fields of the output of a case, and the names of its parts, by folder.
fn shape(case: &Case) -> (Vec<Field>, Vec<String>) {
    let folder = scratch();
    let (dir, out) = (folder.path().join("in"), folder.path().join("out"));
    case.write(&dir);
    let mut settings = case.settings(&dir, &out);
    settings.features_mut().windows = vec![("1h".to_owned(), HOUR), ("7d".to_owned(), 7 * DAY)];
    run(settings).expect("a run");
    let parts = parts_by(&out, "date=");
    let file = File::open(&parts[0].1).expect("a part");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a part");
    let fields = reader
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone());
    let names = parts.iter().map(|(_, path)| {
        let name = path.strip_prefix(&out).expect("in OUT");
        name.display().to_string()
    });
    (fields.collect(), names.collect())
}

/// The fields that SPEC lists, for ids of a type.
fn fields(ids: &DataType, users_are_null: bool) -> Vec<Field> {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let int64 = DataType::Int64;
    [
        ("impression_id", ids.clone(), false),
        ("user_id", ids.clone(), false),
        ("listing_id", ids.clone(), false),
        ("impression_ts", instant, false),
        ("category", DataType::Utf8, true),
        ("price", DataType::Float64, true),
        ("listing_age_days", DataType::Int32, true),
        ("prior_listing_clicks", int64.clone(), false),
        ("prior_listing_clicks_1h", int64.clone(), false),
        ("prior_listing_clicks_7d", int64.clone(), false),
        ("prior_user_clicks", int64.clone(), users_are_null),
        ("prior_user_clicks_1h", int64.clone(), users_are_null),
        ("prior_user_clicks_7d", int64, users_are_null),
        ("clicked", DataType::Int8, false),
        ("label_complete", DataType::Boolean, false),
    ]
    .map(|(name, kind, nullable)| Field::new(name, kind, nullable))
    .to_vec()
}

#[test]
fn columns_and_folders_are_those_of_the_contract() {
    let impressions = [0, DAY].map(|after| shown("1", "1", "1", NOON + after));
    let mut case = Case::new(impressions.to_vec(), vec![click("1", "1", NOON)]);
    let (found, parts) = shape(&case);
    assert_eq!(found, fields(&DataType::Int64, false));
    let days = ["date=2024-01-10/", "date=2024-01-11/"];
    assert_eq!(parts.len(), 2);
    for (part, day) in parts.iter().zip(days) {
        assert!(part.starts_with(&format!("{day}part-")), "{part}");
    }
    case.text_ids = true;
    assert_eq!(shape(&case).0, fields(&DataType::Utf8, false));
    case.clicks = vec![nobodys("1", NOON)];
    (case.has_users, case.rules.anybody) = (false, true);
    assert_eq!(shape(&case).0, fields(&DataType::Utf8, true));
}

#[test]
fn a_day_of_more_rows_than_a_row_group_holds_stays_in_order() {
    let impressions = (0..140_000).map(|n| {
        let user = (n % 7).to_string();
        shown(&n.to_string(), &user, "1", NOON + n * 7919 % 140_000)
    });
    let clicks = [5, 70_000, 139_999].map(|after| click("1", "1", NOON + after));
    let case = Case::new(impressions.collect(), clicks.to_vec());
    let folder = scratch();
    let (dir, out) = (folder.path().join("in"), folder.path().join("out"));
    case.write(&dir);
    let mut settings = case.settings(&dir, &out);
    settings.threads = 2;
    run(settings).expect("a run");
    // No two are of one time, so there is one order.
    assert!(super::case::rows(&out) == case.expected());
    let [(_, path)] = &parts_by(&out, "date=")[..] else {
        panic!("one part");
    };
    let file = File::open(path).expect("a part");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a part");
    let groups = reader.metadata().row_groups().iter();
    let groups: Vec<i64> = groups.map(|group| group.num_rows()).collect();
    assert_eq!(groups, [131_072, 140_000 - 131_072]);
}

#[test]
fn parquet_says_which_ids_are_texts() {
    let mut case = Case::new(
        vec![shown("a", "b", "1", NOON)],
        vec![click("b", "1", NOON)],
    );
    case.text_ids = true;
    let folder = scratch();
    let (dir, out) = (folder.path().join("in"), folder.path().join("out"));
    case.write(&dir);
    let mut settings = case.settings(&dir, &out);
    settings.customer_type = None;
    run(settings).expect("types as the columns have them");
    assert_eq!(super::case::rows(&out), case.expected());
}
