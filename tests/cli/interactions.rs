//! Rows of a log of actions that are the impressions.

use std::fs;

use serde_json::{Value, json};
use twox_hash::XxHash64;

use crate::encode::encode;
use crate::shop::{FORMATS, Shop, shop};

/// A log of three customers.
fn events() -> Vec<Value> {
    let event = |user: i64, item: i64, kind: &str, time: &str| json!({"user": user, "item": item, "event": kind, "ts": time, "liked": item % 2 == 0});
    vec![
        event(1, 11, "view", "2025-08-14 10:00:00"),
        event(1, 12, "purchase", "2025-08-14 11:00:00"),
        event(1, 13, "view", "2025-08-14 11:00:00"),
        event(2, 14, "view", "2025-08-14 12:00:00"),
        event(1, 15, "purchase", "2025-08-15 00:30:00"),
        event(2, 16, "purchase", "2025-08-15 09:00:00"),
        event(3, 17, "view", "2025-08-15 10:00:00"),
    ]
}

/// A job of the log alone, with more keys.
fn job(format: &str, keys: &str) -> Shop {
    let shop = shop();
    for source in ["impressions", "clicks", "add_to_carts", "previous_orders"] {
        shop.remove(source);
    }
    shop.put(&format!("events.{format}"), encode(format, &events()));
    let job = format!(
        "job = \"sequences\"\nmax_actions = 4\n{keys}\n\n[sources.events]\npath = \"events.{format}\"\n\
         columns = {{ customer_id = \"user\", item_id = \"item\", time = \"ts\" }}\n\
         type_column = \"event\"\ntypes = {{ view = 1, purchase = 3 }}\n"
    );
    shop.put("job.toml", job);
    shop
}

/// Runs the job of a shop.
#[track_caller]
fn made(shop: &Shop, flags: &[&str]) -> Vec<String> {
    let all = [
        &["sequences", "--job", "shop/job.toml", "--out", "out"],
        flags,
    ]
    .concat();
    let run = shop.run_bare(&all);
    assert_eq!(run.code, 0, "{}", run.stderr);
    // Without the ids, which are hashes.
    let samples = shop.samples().into_iter();
    let mut samples: Vec<String> = samples
        .map(|sample| sample.split_once(' ').expect("an id").1.to_owned())
        .collect();
    samples.sort();
    samples
}

/// Purchases are the impressions.
const PURCHASES: &str =
    "impressions_from = { source = \"events\", where = { event = \"purchase\" } }";

#[test]
fn an_event_is_an_impression_and_not_in_its_own_history() {
    for format in FORMATS {
        let shop = job(format, PURCHASES);
        let samples = made(&shop, &[]);
        let expected = [
            // The view at the very time of the purchase is not prior.
            "0 12 null [11, 0, 0, 0]",
            "0 15 null [12, 13, 11, 0]",
            "0 16 null [14, 0, 0, 0]",
        ];
        assert_eq!(samples, expected, "{format}");
        let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
        assert_eq!(
            verified.code, 0,
            "{format}: {}{}",
            verified.stdout, verified.stderr
        );
        let id = XxHash64::oneshot(42, b"2\n1755248400000000\n16\t\n");
        let explained = shop.run_bare(&["explain", "out", "--ranking-id", &format!("{id:016x}")]);
        assert_eq!(explained.code, 0, "{}", explained.stderr);
    }
}

#[test]
fn flags_say_the_same_as_the_job_file() {
    let shop = job("csv", "");
    let flags = [
        "--impressions-from",
        "events",
        "--impressions-where",
        "event=purchase",
    ];
    assert_eq!(made(&shop, &flags).len(), 3);
    // Without a choice every event is one.
    let shop = job("csv", "impressions_from = \"events\"");
    assert_eq!(made(&shop, &[]).len(), 7);
    let shop = job("csv", "");
    let both = [
        "--impressions-where",
        "event=purchase",
        "--impressions-where",
        "event=view",
    ];
    let flags = [&["--impressions-from", "events"][..], &both].concat();
    assert_eq!(made(&shop, &flags).len(), 7);
}

#[test]
fn days_are_those_of_the_times_in_the_zone_of_the_run() {
    let shop = job("ndjson", PURCHASES);
    assert_eq!(made(&shop, &["--date", "2025-08-14"]).len(), 1);
    let shop = job("ndjson", PURCHASES);
    assert_eq!(made(&shop, &["--last-days", "1"]).len(), 2);
    let shop = job("ndjson", PURCHASES);
    let flags = ["--timezone", "America/New_York", "--date", "2025-08-15"];
    assert_eq!(made(&shop, &flags).len(), 2);
}

#[test]
fn labels_are_null_unless_a_column_has_them() {
    let shop = job("ndjson", PURCHASES);
    let samples = made(&shop, &["--columns", "impressions.is_order=liked"]);
    assert_eq!(samples[0], "0 12 true [11, 0, 0, 0]");
    assert_eq!(samples[1], "0 15 false [12, 13, 11, 0]");
}

#[test]
fn a_manifest_makes_the_same_set_again() {
    let shop = job("parquet", PURCHASES);
    made(&shop, &["--keep", "liked"]);
    let text = fs::read(shop.out().join("_manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(manifest["settings"]["impressions_from"], "events");
    assert_eq!(
        manifest["settings"]["impressions_where"],
        json!({"event": ["purchase"]})
    );
    let again = ["sequences", "--job", "out/_manifest.json", "--out", "again"];
    let run = shop.run_bare(&again);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let [first, second] =
        ["out", "again"].map(|set| fs::read(shop.root().join(set).join("_manifest.json")).ok());
    assert_eq!(first, second);
    let shown = shop.run_bare(&["job", "show", "out/_manifest.json"]);
    assert!(
        shown.stdout.contains("impressions_from = \"events\""),
        "{}",
        shown.stdout
    );
}

#[test]
fn usual_actions_are_impressions_too() {
    let shop = shop();
    shop.remove("impressions");
    let run = shop.run(&["--impressions-from", "clicks"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(shop.samples().len(), 4);
    let plan = [
        "plan",
        "sequences",
        "shop",
        "--out",
        "o",
        "--impressions-from",
        "clicks",
    ];
    assert_eq!(shop.run_bare(&plan).code, 0);
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (flags, said) in [
        (
            &["--impressions-from", "listings"][..],
            "takes a source of actions: clicks, carts, orders",
        ),
        (&["--impressions-where", "a=b"], "--impressions-from"),
        (
            &["--impressions-from", "clicks", "--without", "clicks"],
            "--without clicks",
        ),
        (
            &["--impressions-from", "clicks", "--impressions", "x"],
            "--impressions",
        ),
        (
            &["--impressions-from", "clicks", "--impressions-where", "a"],
            "COLUMN=TEXT",
        ),
    ] {
        shop().refuses(flags, 2, &[said]);
    }
    let shop = job(
        "csv",
        "impressions_from = { where = { event = \"purchase\" } }",
    );
    let run = shop.run_bare(&["sequences", "--job", "shop/job.toml", "--out", "out"]);
    run.assert_failed(2, &["line 3", "source"]);
}
