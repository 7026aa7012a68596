//! Integer times whose unit cannot be right are refused before anything else, with the one that fits.

use std::fs;

use serde_json::{Value, json};

use crate::encode::encode;
use crate::shop::{FORMATS, Shop, rows, shop};

/// 2025-08-14T10:00:00Z in seconds.
const AT: i64 = 1_755_165_600;

/// A shop whose clicks are at some integers.
fn at(format: &str, values: [i64; 4]) -> Shop {
    let shop = shop();
    let mut clicks = rows("clicks");
    for (row, value) in clicks.iter_mut().zip(values) {
        row["click_time"] = json!(value);
    }
    shop.source("clicks", format, &clicks);
    shop
}

#[test]
fn a_unit_that_makes_times_of_another_age_is_refused_with_the_one_that_fits() {
    for format in FORMATS {
        let file = format!("clicks.{format}");
        for (value, given, fits) in [
            (AT, "ms", "s"),
            (AT, "us", "s"),
            (AT, "ns", "s"),
            (AT * 1_000, "s", "ms"),
            (AT * 1_000, "ns", "ms"),
            (AT * 1_000_000, "s", "us"),
            (AT * 1_000_000, "ns", "us"),
            (AT * 1_000_000_000, "ms", "ns"),
        ] {
            let shop = at(format, [value; 4]);
            let advice = format!("--time-unit {fits} reads them as 2025-08-14T10:00:00Z");
            let unit = [
                "--time-unit",
                given,
                "--on-bad-row",
                "quarantine",
                "--timezone",
                "UTC",
            ];
            shop.refuses(&unit, 65, &[&file, "click_time", &advice, "--allow-unused"]);
            let plan = [&["plan", "sequences", "shop", "--out", "out"], &unit[..]].concat();
            let plan = shop.run_bare(&plan);
            assert_eq!(plan.code, 65, "{}", plan.stderr);
            assert!(plan.stderr.contains(&advice), "{}", plan.stderr);
            shop.made(&["--time-unit", fits, "--timezone", "UTC"]);
        }
    }
}

#[test]
fn one_integer_that_can_be_meant_is_enough() {
    for format in FORMATS {
        let shop = at(format, [7, 8, 9, AT]);
        shop.made(&["--time-unit", "s", "--timezone", "UTC"]);
    }
}

#[test]
fn allow_unused_takes_integers_as_they_are() {
    for format in FORMATS {
        let shop = at(format, [AT; 4]);
        shop.made(&["--time-unit", "ms", "--timezone", "UTC", "--allow-unused"]);
    }
}

#[test]
fn days_as_integers_are_never_taken_for_an_epoch() {
    let days = [20_250_810, 20_250_811, 20_250_812, 20_250_814];
    for format in FORMATS {
        let shop = at(format, days);
        // Whatever is said about it, no unit is offered that would read a day as a time of 1970.
        let run = shop.refuses(&[], 65, &["click_time"]);
        for unit in ["--time-unit s reads", "--time-unit s|ms"] {
            assert!(!run.stderr.contains(unit), "{}", run.stderr);
        }
        for unit in ["s", "ms", "us", "ns"] {
            let flags = ["--time-unit", unit, "--timezone", "UTC", "--allow-unused"];
            shop.refuses(&flags, 65, &["click_time", "strptime", "%Y%m%d"]);
        }
    }
    let mut impressions = rows("impressions");
    for row in &mut impressions {
        row["dt"] = json!(20_250_815);
    }
    for format in FORMATS {
        let shop = shop();
        shop.source("impressions", format, &impressions);
        let run = shop.refuses(&[], 65, &["\"dt\""]);
        assert!(!run.stderr.contains("--time-unit"), "{}", run.stderr);
        shop.refuses(&["--time-unit", "s"], 65, &["\"dt\"", "strptime"]);
    }
}

#[test]
fn the_times_of_impressions_and_events_are_of_1990_to_2100() {
    for format in FORMATS {
        for (value, unit, fits) in [(AT, "ms", "s"), (AT * 1_000, "s", "ms")] {
            let advice = format!("--time-unit {fits} reads them as 2025-08-14T10:00:00Z");
            let shop = shop();
            let mut impressions = rows("impressions");
            for row in &mut impressions {
                row["impression_time"] = json!(value);
            }
            shop.source("impressions", format, &impressions);
            let flags = ["--cutoff", "time", "--time-unit", unit];
            shop.refuses(&flags, 65, &["impression_time", &advice, "1990 to 2100"]);
            let name = format!("events.{format}");
            let event = json!({"timestamp": value, "user_id": "u", "event": "flyer_open", "flyer_id": "f", "merchant_id": "m"});
            fs::write(shop.root().join(&name), encode(format, &[event])).expect("a file");
            let flags = ["dwell", &name, "--out", "out", "--time-unit"];
            let run = shop.run_bare(&[&flags[..], &[unit]].concat());
            assert_eq!(run.code, 65, "{}", run.stderr);
            assert!(run.stderr.contains(&advice), "{}", run.stderr);
            assert_eq!(shop.run_bare(&[&flags[..], &[fits]].concat()).code, 0);
        }
    }
}

#[test]
fn features_know_the_newest_impression() {
    let row = |source: &str, at: i64| -> Value {
        match source {
            "impressions" => {
                json!({"impression_id": 1, "user_id": 7, "listing_id": 1, "impression_ts": at})
            }
            "clicks" => json!({"user_id": 7, "listing_id": 1, "click_ts": at}),
            _ => json!({"listing_id": 1, "category": "a", "price": 1, "created_ts": at}),
        }
    };
    let sources = ["impressions", "clicks", "listings"];
    for format in FORMATS {
        for wrong in sources {
            let shop = shop();
            fs::create_dir(shop.root().join("logs")).expect("a folder");
            for source in sources {
                let at = if source == wrong { AT * 1_000 } else { AT };
                let bytes = encode(format, &[row(source, at)]);
                fs::write(shop.root().join(format!("logs/{source}.{format}")), bytes)
                    .expect("a file");
            }
            let run = shop.run_bare(&["features", "logs", "--out", "out", "--time-unit", "s"]);
            assert_eq!(run.code, 65, "{}", run.stderr);
            for said in [wrong, "--time-unit ms reads them as"] {
                assert!(run.stderr.contains(said), "{}", run.stderr);
            }
        }
    }
}

#[test]
fn integers_of_another_age_among_others_are_reported() {
    for format in ["csv", "ndjson", "parquet"] {
        let shop = shop();
        shop.remove("add_to_carts").remove("previous_orders");
        let clicks = [
            json!({"customer_id": 1, "item_id": 21, "click_time": 1_755_165_600_000_i64}),
            json!({"customer_id": 2, "item_id": 22, "click_time": 1_755_165_600_i64}),
        ];
        shop.source("clicks", format, &clicks);
        let flags = ["--without", "carts,orders", "--time-unit", "ms"];
        let run = shop.made(&flags);
        let said = "some integer times of clicks are before 1990, such as";
        assert!(run.stderr.contains(said), "{format}: {}", run.stderr);
        assert!(
            run.stderr.contains("(--no-warn old_times)"),
            "{}",
            run.stderr
        );
    }
}
