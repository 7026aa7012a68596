//! `--on-bad-row quarantine`: what is set aside, what is said about it, and that the rest is right.

use serde_json::{Value, json};

use crate::encode::encode;
use crate::shop::{FORMATS, TEXTS, damaged, rows, shop, snapshot};

/// The flags of these tests.
const QUARANTINE: [&str; 2] = ["--on-bad-row", "quarantine"];

/// The same with a limit.
fn up_to(rows: &str) -> [&str; 4] {
    [QUARANTINE[0], QUARANTINE[1], "--max-bad-rows", rows]
}

#[test]
fn a_bad_row_is_set_aside_with_its_place_and_the_rest_is_right() {
    let wide = json!(2_147_483_648_i64);
    for (source, name, column, value) in [
        ("impressions", "impressions", "ranking_id", Value::Null),
        (
            "impressions",
            "impressions",
            "impressions",
            json!([{"item_id": 0, "is_order": false}]),
        ),
        ("clicks", "clicks", "item_id", json!(0)),
        ("clicks", "clicks", "click_time", json!("soon")),
        ("add_to_carts", "carts", "occurred_at", Value::Null),
        ("add_to_carts", "carts", "config_id", wide),
        ("previous_orders", "orders", "occurred_at", json!("soon")),
        ("previous_orders", "orders", "config_id", json!(-1)),
    ] {
        for format in FORMATS {
            let without = shop();
            let mut good = rows(source);
            good.remove(2);
            without.source(source, format, &good).made(&[]);

            let shop = shop();
            let bad = damaged(source, column, value.clone());
            shop.source(source, format, &bad).made(&QUARANTINE);
            assert_eq!(
                shop.samples(),
                without.samples(),
                "{source} {column} {format}"
            );
            let set_aside = shop.quarantined();
            let [row] = &set_aside[..] else {
                panic!("one row: {set_aside:?}");
            };
            assert_eq!(row[0], name);
            assert_eq!(row[1], format!("shop/{source}.{format}"));
            assert_eq!(row[2], "3");
            assert_eq!(row[3], column);
            assert!(
                row[4].contains("expected") && row[4].contains("found"),
                "{row:?}"
            );
            let of_row = if source == "impressions" { "1" } else { "2" };
            assert!(row[5].contains(of_row), "{row:?}");
        }
    }
}

#[test]
fn a_record_is_kept_as_it_was_written() {
    let line = "{\"customer_id\": 1,  \"item_id\": 0, \"click_time\": \"2025-08-14\"}";
    for (ending, text, record) in [
        ("ndjson", format!("{line}\n"), line),
        ("json", format!("[ {line} ]"), line),
        (
            "csv",
            "customer_id,item_id,click_time\n1,0,2025-08-14\n".to_owned(),
            "0",
        ),
        (
            "ndjson",
            "{\"customer_id\": 9\n".to_owned(),
            "{\"customer_id\": 9",
        ),
    ] {
        let shop = shop();
        let flags = [&QUARANTINE[..], &["--allow-unused"]].concat();
        shop.replace("clicks", ending, text).made(&flags);
        assert!(
            shop.quarantined()[0][5].contains(record),
            "{:?}",
            shop.quarantined()
        );
    }
}

#[test]
fn a_record_that_cannot_be_read_is_set_aside_without_a_column() {
    let line = |item: u32| {
        format!("{{\"customer_id\":1,\"item_id\":{item},\"click_time\":\"2025-08-14\"}}\n")
    };
    for (ending, text) in [
        (
            "csv",
            b"customer_id,item_id,click_time\n1,21,2025-08-14\n9,22\n1,23,2025-08-14\n".to_vec(),
        ),
        (
            "ndjson",
            format!("{}{{\"customer_id\":9,\n{}", line(21), line(23)).into(),
        ),
        (
            "ndjson",
            [line(21).as_bytes(), b"\"\xff\"\n", line(23).as_bytes()].concat(),
        ),
        ("json", format!("[{}, 9, {}]", line(21), line(23)).into()),
    ] {
        let shop = shop();
        shop.replace("clicks", ending, text).made(&QUARANTINE);
        let set_aside = shop.quarantined();
        assert_eq!(set_aside.len(), 1);
        assert_eq!(set_aside[0][2..4], ["2", ""]);
        assert_eq!(
            shop.samples()[0],
            "r1 0 11 true [23, 21, 31, 41]",
            "{ending}"
        );
    }
}

#[test]
fn every_bad_element_rejects_its_whole_impression() {
    for format in TEXTS {
        let shop = shop();
        let mut impressions = rows("impressions");
        impressions[0]["impressions"][1]["item_id"] = json!("x");
        shop.source("impressions", format, &impressions)
            .made(&QUARANTINE);
        let samples = shop.samples();
        assert!(
            samples.iter().all(|sample| !sample.starts_with("r1")),
            "{samples:?}"
        );
        assert_eq!(samples.len(), 3);
        assert_eq!(shop.quarantined().len(), 1, "one row, not one per element");
    }
}

#[test]
fn rows_are_set_aside_up_to_the_limit() {
    let shop = shop();
    let mut clicks = rows("clicks");
    clicks[0]["item_id"] = json!(0);
    clicks[2]["item_id"] = json!(0);
    shop.source("clicks", "ndjson", &clicks);
    shop.source(
        "add_to_carts",
        "csv",
        &damaged("add_to_carts", "occurred_at", json!("soon")),
    );
    for threads in ["1", "4"] {
        for limit in ["0", "1", "2"] {
            let flags = [&up_to(limit)[..], &["--threads", threads]].concat();
            shop.refuses(&flags, 65, &[limit, "--max-bad-rows"]);
        }
    }
    shop.made(&up_to("3"));
    assert_eq!(shop.quarantined().len(), 3);
}

#[test]
fn nothing_set_aside_leaves_no_quarantine() {
    let shop = shop();
    shop.made(&up_to("0"));
    assert!(!shop.out().join("_quarantine").exists());
}

#[test]
fn what_is_set_aside_is_said_and_counted() {
    let shop = shop();
    shop.source("clicks", "csv", &damaged("clicks", "item_id", json!(0)));
    let run = shop.made(&[&QUARANTINE[..], &["--stats", "json"]].concat());
    assert!(run.stderr.contains("1 rows rejected"), "{}", run.stderr);
    assert!(run.stderr.contains("out/_quarantine"), "{}", run.stderr);
    let stats: Value = serde_json::from_str(&run.stdout).expect("one JSON object");
    assert_eq!(stats["rejected"], json!(1));
}

#[test]
fn what_is_set_aside_is_the_same_whatever_the_threads() {
    let mut seen = Vec::new();
    for threads in ["1", "2", "7"] {
        let shop = shop();
        shop.remove("clicks");
        for file in 0..9 {
            let mut clicks = rows("clicks");
            clicks[file % 3]["item_id"] = json!(0);
            shop.put(&format!("clicks/{file}.csv"), encode("csv", &clicks));
        }
        shop.made(&[&QUARANTINE[..], &["--threads", threads]].concat());
        let set_aside = shop.quarantined();
        assert_eq!(set_aside.len(), 6, "customer 9 is not asked for");
        let files: Vec<_> = snapshot(&shop.out())
            .into_iter()
            .map(|(_, bytes)| bytes)
            .collect();
        seen.push((set_aside, files));
    }
    assert!(seen.iter().all(|one| *one == seen[0]));
}

#[test]
fn a_fault_of_the_file_is_fatal_all_the_same() {
    for (ending, text) in [
        (
            "json",
            "[{\"customer_id\": 1, \"item_id\": 0, \"click_time\": \"2025-08-14\"},",
        ),
        ("csv", "customer_id,click_time\n1,2025-08-14\n"),
        (
            "ndjson",
            "{\"customer_id\": 1, \"click_time\": \"2025-08-14\"}\n",
        ),
        ("parquet", "PAR1"),
    ] {
        let shop = shop();
        shop.replace("clicks", ending, text);
        shop.refuses(&QUARANTINE, 65, &[&format!("clicks.{ending}")]);
    }
}

#[test]
fn rows_of_added_days_are_set_aside_next_to_earlier_ones() {
    let shop = shop();
    let mut impressions = rows("impressions");
    impressions[0]["ranking_id"] = Value::Null;
    impressions[2]["ranking_id"] = Value::Null;
    shop.source("impressions", "csv", &impressions);
    shop.made(&[&QUARANTINE[..], &["--date", "2025-08-15"]].concat());
    assert_eq!(shop.quarantined().len(), 1);
    // What is left of that day is of somebody without actions.
    let added = ["--add-days", "--date", "2025-08-16", "--allow-unused"];
    shop.made(&[&QUARANTINE[..], &added].concat());
    let mut rows: Vec<String> = shop
        .quarantined()
        .into_iter()
        .map(|row| row[2].clone())
        .collect();
    rows.sort();
    assert_eq!(rows, ["1", "3"]);
    assert_eq!(shop.samples().len(), 2);
}
