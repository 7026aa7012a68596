//! Wall times beside instants: refused, unless somebody says what zone the first are of.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use serde_json::{Value, json};

use crate::encode::{encode, encode_batch};
use crate::shop::{FORMATS, Shop, damaged, rows, shop};

/// 2025-08-14T10:00:00Z in microseconds.
const AT: i64 = 1_755_165_600_000_000;

/// Clicks of customer 1 at one time, as a timestamp of Parquet.
fn stamps(is_instant: bool) -> Vec<u8> {
    let ones = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
    let times = TimestampMicrosecondArray::from(vec![None, Some(AT)]);
    let times: ArrayRef = if is_instant {
        Arc::new(times.with_timezone("UTC"))
    } else {
        Arc::new(times)
    };
    let columns = [
        ("customer_id", ones()),
        ("item_id", ones()),
        ("known_at", Arc::clone(&times)),
        (
            "click_time",
            Arc::new(TimestampMicrosecondArray::from(vec![AT, AT])),
        ),
    ];
    encode_batch(
        &RecordBatch::try_from_iter_with_nullable(columns.map(|(a, b)| (a, b, true)))
            .expect("columns"),
    )
}

/// Asserts that a shop is refused for two kinds of times, with some words, and that a zone answers it.
#[track_caller]
fn both(shop: &Shop, flags: &[&str], said: &[&str]) {
    shop.refuses(flags, 65, &[&["--timezone", "all times"], said].concat());
    for zone in ["UTC", "Europe/Berlin"] {
        shop.made(&[flags, &["--timezone", zone]].concat());
        fs::remove_dir_all(shop.out()).expect("an output");
    }
}

#[test]
fn both_kinds_in_one_column_are_refused_with_one_of_each() {
    for format in FORMATS {
        for (text, flags) in [
            ("2025-08-13T12:00:00Z", &[][..]),
            ("2025-08-13 12:00:00 UTC", &[]),
            ("2025-08-13T12:00:00+02:00", &["--threads", "2"]),
        ] {
            let shop = shop();
            let clicks = damaged("clicks", "click_time", json!(text));
            shop.source("clicks", format, &clicks);
            let (file, wall) = (format!("clicks.{format}"), "2025-08-14 10:00:00");
            both(&shop, flags, &[&file, "row 1", wall, "row 3", text]);
        }
    }
}

#[test]
fn both_kinds_in_two_sources_are_refused() {
    for format in FORMATS {
        let shop = shop();
        let mut carts = rows("add_to_carts");
        for row in &mut carts {
            row["occurred_at"] = json!("2025-08-12T10:00:00Z");
        }
        shop.source("add_to_carts", format, &carts);
        let file = format!("add_to_carts.{format}");
        both(&shop, &[], &["clicks.csv", &file, "2025-08-12T10:00:00Z"]);
        let plan = shop.run_bare(&["plan", "sequences", "shop", "--out", "out"]);
        assert_eq!(plan.code, 65, "{}", plan.stderr);
        assert!(plan.stderr.contains("--timezone"), "{}", plan.stderr);
    }
}

#[test]
fn types_of_parquet_tell_their_kind() {
    let shop = shop();
    shop.replace("clicks", "parquet", stamps(false));
    shop.made(&["--available", "clicks=known_at"]);
    fs::remove_dir_all(shop.out()).expect("an output");
    shop.replace("clicks", "parquet", stamps(true));
    shop.made(&[]);
    fs::remove_dir_all(shop.out()).expect("an output");
    both(
        &shop,
        &["--available", "clicks=known_at"],
        &["row 2", "known_at", "2025-08-14T10:00:00"],
    );
}

#[test]
fn integers_are_instants() {
    for format in FORMATS {
        let shop = shop();
        let mut clicks = rows("clicks");
        for row in &mut clicks {
            row["click_time"] = json!(AT / 1_000_000);
        }
        shop.source("clicks", format, &clicks);
        both(
            &shop,
            &["--time-unit", "s"],
            &["1755165600", "add_to_carts.json"],
        );
    }
}

#[test]
fn days_are_neither() {
    for format in FORMATS {
        let shop = shop();
        for (source, time) in [
            ("clicks", "click_time"),
            ("add_to_carts", "occurred_at"),
            ("previous_orders", "occurred_at"),
        ] {
            let mut changed = rows(source);
            for row in &mut changed {
                row[time] = json!("2025-08-12T10:00:00Z");
            }
            if source == "previous_orders" {
                changed[1]["occurred_at"] = Value::Null;
                changed[1]["order_date"] = json!("2025-08-11 00:00:00");
            }
            shop.source(source, format, &changed);
        }
        let impressions = damaged("impressions", "dt", json!("2025-08-15 12:00:00"));
        shop.source("impressions", format, &impressions);
        shop.made(&[]);
    }
}

#[test]
fn rows_that_nobody_asks_for_decide_nothing() {
    let shop = shop();
    let mut clicks = rows("clicks");
    clicks[1]["click_time"] = json!("2025-08-14T11:00:00Z");
    shop.source("clicks", "csv", &clicks);
    shop.made(&[]);
}

#[test]
fn a_set_says_its_zone_to_those_who_repeat_or_extend_it() {
    let shop = shop();
    shop.made(&["--date", "2025-08-15"]);
    let clicks = damaged("clicks", "click_time", json!("2025-08-13T12:00:00Z"));
    shop.source("clicks", "csv", &clicks);
    let added = [
        "sequences",
        "shop",
        "--out",
        "out",
        "--max-actions",
        "4",
        "--add-days",
        "--date",
        "2025-08-16",
    ];
    let run = shop.run_bare(&added);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let again = [
        "sequences",
        "--job",
        "out/_manifest.json",
        "--out",
        "again",
        "--overwrite",
    ];
    let run = shop.run_bare(&again);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = fs::read_to_string(shop.root().join("again/_manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(manifest["settings"]["timezone"], "UTC");
}

/// Writes a file next to the shop.
fn put(root: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(root.join(name).parent().expect("a folder")).expect("a folder");
    fs::write(root.join(name), bytes).expect("a file");
}

#[test]
fn the_other_jobs_refuse_both_kinds_too() {
    let event = |at: &str| json!({"timestamp": at, "user_id": "u", "event": "flyer_open", "flyer_id": "f", "merchant_id": "m"});
    let impression = json!({"impression_id": 1, "user_id": 7, "listing_id": 1, "impression_ts": "2024-01-10 12:00:00"});
    let click = json!({"user_id": 7, "listing_id": 1, "click_ts": "2024-01-10T12:30:00Z"});
    let listing = json!({"listing_id": 1, "category": "a", "price": 1, "created_ts": "2024-01-01"});
    for format in FORMATS {
        let shop = shop();
        let name = format!("events.{format}");
        let events = [
            event("2025-08-15 10:00:00"),
            event("2025-08-15T10:05:00+02:00"),
        ];
        put(shop.root(), &name, encode(format, &events));
        for (name, row) in [
            ("impressions", &impression),
            ("clicks", &click),
            ("listings", &listing),
        ] {
            put(
                shop.root(),
                &format!("logs/{name}.{format}"),
                encode(format, std::slice::from_ref(row)),
            );
        }
        for job in [["dwell", &name], ["features", "logs"]] {
            let flags = [&job[..], &["--out", "out"]].concat();
            let plan = [&["plan"][..], &flags].concat();
            for flags in [&flags, &plan] {
                let run = shop.run_bare(flags);
                assert_eq!(run.code, 65, "{job:?}: {}", run.stderr);
                for said in ["--timezone", "row 1", " 1", "expected all times"] {
                    assert!(run.stderr.contains(said), "no {said:?} in {}", run.stderr);
                }
            }
            let given = [&flags[..], &["--timezone", "UTC"]].concat();
            let run = shop.run_bare(&given);
            assert_eq!(run.code, 0, "{job:?}: {}", run.stderr);
            assert_eq!(shop.run_bare(&["verify", "out"]).code, 0);
            fs::remove_dir_all(shop.out()).expect("an output");
        }
    }
}

#[test]
fn days_that_are_cut_in_utc_are_reported_where_times_have_other_offsets() {
    let warned = "days are cut in UTC";
    for format in FORMATS {
        let shop = shop();
        for (source, time) in [
            ("clicks", "click_time"),
            ("add_to_carts", "occurred_at"),
            ("previous_orders", "occurred_at"),
        ] {
            let mut changed = rows(source);
            for row in &mut changed {
                row[time] = json!("2025-08-12T10:00:00-04:00");
            }
            shop.source(source, format, &changed);
        }
        let run = shop.made(&[]);
        for said in [warned, "row 1", &format!("clicks.{format}"), "-04:00"] {
            assert!(run.stderr.contains(said), "no {said:?} in {}", run.stderr);
        }
        let text = fs::read_to_string(shop.out().join("_metrics.json")).expect("metrics");
        let metrics: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(metrics["warnings"][0]["code"], "utc_days");
        assert_eq!(metrics["warnings"][0]["source"], "clicks");
        let plan = shop.run_bare(&["plan", "sequences", "shop", "--out", "other"]);
        assert_eq!(plan.code, 0, "{}", plan.stderr);
        for flags in [
            &["--timezone", "UTC"][..],
            &["--timezone", "America/New_York"],
            &["--no-warn", "utc_days"],
        ] {
            fs::remove_dir_all(shop.out()).expect("an output");
            let run = shop.made(flags);
            assert!(!run.stderr.contains(warned), "{}", run.stderr);
        }
    }
}
