//! `_metrics.json`: what it tells of rows that could not be used.

use std::fs;

use serde_json::{Value, json};

use crate::shop::{Shop, rows, shop};

/// The metrics in a folder of the output.
fn metrics(shop: &Shop, folder: &str) -> Value {
    let text = fs::read(shop.out().join(folder).join("_metrics.json")).expect("metrics");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn bad_rows_are_told_by_reason_with_examples() {
    let shop = shop();
    let mut clicks = rows("clicks");
    clicks[0]["click_time"] = json!("soon");
    clicks[2]["click_time"] = json!("<b>later</b>");
    shop.source("clicks", "csv", &clicks);
    shop.made(&["--on-bad-row", "quarantine"]);
    let told = metrics(&shop, "");
    assert_eq!(told["rejected_rows"], 2);
    let reason = &told["run"]["rejected"]["reasons"][0];
    assert_eq!(
        (&reason["source"], &reason["rows"]),
        (&json!("clicks"), &json!(2))
    );
    assert_eq!(reason["examples"][0]["row"], 1);
}
