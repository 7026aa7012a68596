//! Small things around a run: flags as the seeds write them, a copy of the metrics, the last days, and
//! lookbacks of years.

use std::fs;

use serde_json::{Value, json};

use crate::shop::{Shop, names, shop};

/// A set of the shop's, by flags of the program alone.
#[track_caller]
fn made(shop: &Shop, flags: &[&str]) {
    let run = shop.run_bare(flags);
    assert_eq!(run.code, 0, "{flags:?}: {}", run.stderr);
}

#[test]
fn long_flags_may_have_underscores() {
    let shop = shop();
    let by_dashes = ["--no-pad", "--lookback-days", "3", "--guest-ids", "-1"];
    shop.made(&by_dashes);
    let samples = shop.samples();
    fs::remove_dir_all(shop.out()).expect("a set");
    made(
        &shop,
        &[
            "sequences",
            "--impressions",
            "shop/impressions.ndjson",
            "--clicks",
            "shop/clicks.csv",
            "--add_to_carts",
            "shop/add_to_carts.json",
            "--previous_orders=shop/previous_orders.parquet",
            "--output",
            "out",
            "--lookback_days",
            "3",
            "--max_seq",
            "4",
            "--no_pad",
            "--guest_ids",
            "-1",
            "--metrics_json",
            "metrics.json",
        ],
    );
    assert_eq!(shop.samples(), samples);
    let metrics = fs::read(shop.root().join("metrics.json")).expect("a copy");
    let own = fs::read(shop.out().join("_metrics.json")).expect("metrics");
    assert_eq!(metrics, own);
}

#[test]
fn values_keep_their_underscores() {
    let shop = shop();
    // `--null_values` is a value here, as words behind this flag may begin with hyphens.
    shop.refuses(
        &["--null-values", "--null_values", "--max_action", "5"],
        2,
        &["--max_action"],
    );
    shop.refuses(&["--", "--max_actions"], 2, &["--max_actions"]);
}

#[test]
fn metrics_are_copied_over_metrics_alone() {
    let shop = shop();
    let copy = ["--metrics-json", "metrics.json"];
    assert_eq!(shop.run(&copy).code, 0);
    // Once more, over what the first run has copied.
    assert_eq!(shop.run(&[&copy[..], &["--overwrite"]].concat()).code, 0);
    let missing = [
        "--metrics-json",
        "no/such/folder/metrics.json",
        "--overwrite",
    ];
    let run = shop.run(&missing);
    assert_eq!(run.code, 74, "{}", run.stderr);
    assert!(shop.out().join("_SUCCESS").is_file());
    assert_eq!(names(shop.root()), ["metrics.json", "out", "shop"]);
}

#[test]
fn the_last_days_end_with_the_newest_impression() {
    for folders in [false, true] {
        let shop = shop();
        if folders {
            let rows = crate::shop::rows("impressions");
            shop.remove("impressions");
            for row in &rows {
                let day = row["dt"].as_str().expect("a day");
                let path =
                    format!("impressions/dt={day}/{}.json", row["ranking_id"]).replace('"', "");
                shop.put(&path, Value::Array(vec![row.clone()]).to_string());
            }
            // A folder without impressions is not the newest day.
            shop.put("impressions/dt=2025-09-01/none.json", "[]");
        }
        shop.made(&["--from", "2025-08-16"]);
        let samples = shop.samples();
        fs::remove_dir_all(shop.out()).expect("a set");
        shop.made(&["--last-days", "1"]);
        assert_eq!(shop.samples(), samples, "{folders}");
        fs::remove_dir_all(shop.out()).expect("a set");
        shop.made(&["--last-days", "1000"]);
        assert!(shop.samples().len() > samples.len());
    }
}

#[test]
fn the_last_days_do_not_depend_on_bad_rows_of_other_days() {
    let shop = shop();
    let mut rows = crate::shop::rows("impressions");
    rows.push(
        json!({"dt": "2025-01-01", "ranking_id": "bad", "customer_id": "x", "impressions": []}),
    );
    shop.source("impressions", "ndjson", &rows);
    let by_from = shop.run(&["--from", "2025-08-16"]);
    fs::remove_dir_all(shop.out()).unwrap_or_default();
    let by_last = shop.run(&["--last-days", "1"]);
    assert_eq!(by_from.code, by_last.code, "{}", by_last.stderr);
}

#[test]
fn a_lookback_of_years_is_in_the_manifest_and_comes_back() {
    let shop = shop();
    shop.made(&["--lookback", "1y"]);
    let samples = shop.samples();
    let text = fs::read_to_string(shop.out().join("_manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(manifest["settings"]["lookback_years"], 1);
    assert_eq!(manifest["settings"]["lookback_days"], Value::Null);
    made(&shop, &["verify", "out", "--audit-rows", "all"]);
    made(
        &shop,
        &["sequences", "--job", "out/_manifest.json", "--out", "again"],
    );
    let again = fs::read_to_string(shop.root().join("again/_manifest.json")).expect("a manifest");
    let again: Value = serde_json::from_str(&again).expect("JSON");
    assert_eq!(again["parts"], manifest["parts"]);
    fs::remove_dir_all(shop.out()).expect("a set");
    assert_eq!(shop.run(&["--lookback-days", "365"]).code, 0);
    // No action of the shop lies between the two.
    assert_eq!(shop.samples(), samples);
}
