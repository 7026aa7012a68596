//! Times outside the years 1 to 9999 are faults of their rows, in every job and format.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use serde_json::{Value, json};

use crate::encode::{encode, encode_batch};
use crate::shop::{FORMATS, Run, Shop, damaged, rows, shop};

/// The day after 9999-12-31, from 1970-01-01 on.
const DAY_AFTER: i32 = 2_932_897;
/// What every message about such a time says.
const SAID: &str = "the years 1 to 9999";

/// Times in microseconds since the epoch: the last of the year 0, and the first of the year 10000.
const BESIDE: [i64; 2] = [-62_135_596_800_000_001, 253_402_300_800_000_000];

/// Clicks of customer 1 with one time in the column, as Parquet.
fn clicks_at(time: ArrayRef) -> Vec<u8> {
    let ones = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let columns = [
        ("customer_id", ones()),
        ("item_id", ones()),
        ("click_time", time),
    ];
    encode_batch(&RecordBatch::try_from_iter(columns).expect("columns of one length"))
}

#[test]
fn a_far_timestamp_or_date_of_parquet_is_a_fault_whatever_statistics_say() {
    let stamp = |at| TimestampMicrosecondArray::from(vec![at]);
    let mut times: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![DAY_AFTER])),
        Arc::new(Date32Array::from(vec![-719_163])),
    ];
    for at in BESIDE.into_iter().chain([i64::MIN, i64::MAX]) {
        times.push(Arc::new(stamp(at)));
        times.push(Arc::new(stamp(at).with_timezone("UTC")));
    }
    for time in times {
        let shop = shop();
        shop.replace("clicks", "parquet", clicks_at(time));
        for flags in [&[][..], &["--lookback-days", "none"]] {
            shop.refuses(flags, 65, &["clicks.parquet", "row 1", "click_time", SAID]);
        }
        shop.made(&[
            "--on-bad-row",
            "quarantine",
            "--timezone",
            "UTC",
            "--allow-unused",
        ]);
        assert_eq!(shop.quarantined().len(), 1);
    }
}

#[test]
fn a_far_text_or_integer_is_a_fault_in_every_format() {
    for format in FORMATS {
        for text in [
            "0000-12-31",
            "0000-12-31T23:59:59",
            "0001-01-01T00:00:00+05:00",
            "9999-12-31T23:59:59-05:00",
        ] {
            let shop = shop();
            shop.source(
                "clicks",
                format,
                &damaged("clicks", "click_time", json!(text)),
            );
            shop.refuses(&[], 65, &["row 3", "click_time", SAID, text]);
        }
        for us in BESIDE {
            let mut clicks = rows("clicks");
            for row in &mut clicks {
                row["click_time"] = json!(1_755_165_600_000_000_i64);
            }
            clicks[2]["click_time"] = json!(us);
            let shop = shop();
            shop.source("clicks", format, &clicks);
            let said = ["row 3", "click_time", SAID, &us.to_string()];
            shop.refuses(&["--time-unit", "us"], 65, &said);
        }
    }
}

#[test]
fn the_first_and_the_last_day_are_days_like_others() {
    for format in FORMATS {
        for text in ["0001-01-01", "9999-12-31", "9999-12-31T23:59:59"] {
            for zone in ["UTC", "Europe/Berlin", "America/New_York"] {
                let shop = shop();
                shop.source(
                    "clicks",
                    format,
                    &damaged("clicks", "click_time", json!(text)),
                );
                shop.made(&["--timezone", zone, "--lookback-days", "none"]);
                let verified = shop.run_bare(&["verify", "out"]);
                assert_eq!(verified.code, 0, "{text} {zone}: {}", verified.stderr);
            }
        }
    }
}

#[test]
fn a_far_day_of_impressions_is_a_fault() {
    for format in FORMATS {
        let shop = shop();
        let impressions = damaged("impressions", "dt", json!("0000-06-01"));
        shop.source("impressions", format, &impressions);
        shop.refuses(&[], 65, &["row 3", "dt", SAID, "0000-06-01"]);
    }
}

/// A file next to the shop, read by `dwell`, or the folder of `features`.
fn put(shop: &Shop, name: &str, bytes: impl AsRef<[u8]>) {
    fs::write(shop.root().join(name), bytes).expect("a file");
}

/// Asserts that a run ended with 65, and said some words.
#[track_caller]
fn assert_refused(run: &Run, said: &[&str]) {
    assert_eq!(run.code, 65, "{run:?}");
    for text in said {
        assert!(run.stderr.contains(text), "no {text:?} in {}", run.stderr);
    }
}

#[test]
fn dwell_makes_no_key_twice_of_far_events() {
    let event = |us: i64| json!({"timestamp": us, "user_id": "u", "event": "flyer_open", "flyer_id": "f", "merchant_id": "m"});
    let far = [
        BESIDE[1],
        BESIDE[1] + 90_000_000_000,
        i64::MAX,
        BESIDE[0],
        i64::MIN,
    ];
    let events: Vec<Value> = [1_755_165_600_000_000]
        .into_iter()
        .chain(far)
        .map(event)
        .collect();
    for format in FORMATS {
        let shop = shop();
        let name = format!("events.{format}");
        put(&shop, &name, encode(format, &events));
        let flags = ["dwell", &name, "--out", "out", "--time-unit", "us"];
        let run = shop.run_bare(&flags);
        assert_refused(&run, &["row 2", "timestamp", SAID]);
        let run = shop.run_bare(&[&flags[..], &["--on-bad-row", "quarantine"]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let table = fs::read_to_string(shop.out().join("user_merchant.csv")).expect("a table");
        assert_eq!(table.lines().count(), 2, "{table}");
        assert_eq!(shop.run_bare(&["verify", "out"]).code, 0);
    }
}

#[test]
fn features_publishes_nothing_that_its_verify_refuses() {
    let impression =
        |at: Value| json!({"impression_id": 1, "user_id": 7, "listing_id": 1, "impression_ts": at});
    let click = |at: Value| json!({"user_id": 7, "listing_id": 1, "click_ts": at});
    let listing = |id: i64, at: Value| json!({"listing_id": id, "category": "a", "price": 1, "created_ts": at});
    let good = json!(1_755_165_600_000_000_i64);
    let far = [BESIDE[0], BESIDE[1], i64::MIN, i64::MAX];
    for (place, source) in ["impressions", "clicks", "listings"]
        .into_iter()
        .enumerate()
    {
        for us in far {
            let shop = shop();
            let at = |index: usize| {
                if index == place {
                    json!(us)
                } else {
                    good.clone()
                }
            };
            let rows = [
                [impression(good.clone()), impression(at(0))],
                [click(good.clone()), click(at(1))],
                [listing(1, good.clone()), listing(2, at(2))],
            ];
            fs::create_dir(shop.root().join("logs")).expect("a folder");
            for (name, row) in ["impressions", "clicks", "listings"].iter().zip(rows) {
                put(
                    &shop,
                    &format!("logs/{name}.parquet"),
                    encode("parquet", &row),
                );
            }
            let run = shop.run_bare(&["features", "logs", "--out", "out", "--time-unit", "us"]);
            assert_refused(&run, &[source, "row 2", SAID]);
        }
    }
    // A window that ends after the last day there is.
    let shop = shop();
    fs::create_dir(shop.root().join("logs")).expect("a folder");
    let last = json!("9999-12-31T23:00:00Z");
    for (name, row) in [
        ("impressions", impression(last.clone())),
        ("clicks", click(last)),
        ("listings", listing(1, json!("0001-01-01"))),
    ] {
        put(
            &shop,
            &format!("logs/{name}.ndjson"),
            encode("ndjson", &[row]),
        );
    }
    let long = "100000000d";
    let flags = [
        "features",
        "logs",
        "--out",
        "out",
        "--label-window",
        long,
        "--allow-unused",
        "--windows",
        long,
    ];
    let run = shop.run_bare(&flags);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let verified = shop.run_bare(&["verify", "out"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
}
