//! Sources without any effect: refused if all have none, reported if one has none.

use std::fs;

use serde_json::{Value, json};

use crate::shop::{FORMATS, Shop, listing, shop};

/// The flag that publishes a set with nothing in it.
const ALLOW: &str = "--allow-unused";

/// A shop with nothing but impressions and these clicks.
fn clicks_only(format: &str, clicks: &[Value]) -> Shop {
    let shop = shop();
    shop.remove("add_to_carts").remove("previous_orders");
    shop.source("clicks", format, clicks);
    shop
}

/// A click of a customer at a time.
fn click(customer: i64, time: &str) -> Value {
    json!({"customer_id": customer, "item_id": 21, "click_time": time})
}

/// The flags of such a shop.
const CLICKS: [&str; 2] = ["--without", "carts,orders"];

/// The metrics of the output.
fn metrics(shop: &Shop) -> Value {
    let text = fs::read(shop.out().join("_metrics.json")).expect("metrics");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn a_set_without_any_history_is_refused_with_the_reason_and_the_range_of_its_times() {
    let cases = [
        (
            vec![
                click(9, "2025-08-14 10:00:00"),
                click(8, "2025-08-13 10:00:00"),
            ],
            vec![
                "clicks: all 2 rows are of customers that no impression asks about, such as 8",
                "(impressions ask about ",
                "from 2025-08-13T10:00:00Z to 2025-08-14T10:00:00Z",
                "cutoffs run from 2025-08-15T00:00:00Z to 2025-08-16T00:00:00Z",
                "--allow-unused publishes it all the same",
            ],
        ),
        (
            vec![
                click(1, "2020-01-01 00:00:00"),
                click(2, "2021-01-01 00:00:00"),
            ],
            vec![
                "all 2 rows are before the lookback of 365 days",
                "from 2020-01-01T00:00:00Z",
            ],
        ),
        (
            vec![click(2, "2025-08-15 00:00:00")],
            vec!["its only row is not before any cutoff of their customer"],
        ),
        (
            vec![
                json!({"customer_id": null, "item_id": 1, "click_time": "2025-08-01"}),
                click(2, "2026-01-01"),
            ],
            vec!["of 2 rows 1 are without a customer, 1 are not before any cutoff"],
        ),
    ];
    for format in FORMATS {
        for (clicks, said) in &cases {
            let shop = clicks_only(format, clicks);
            shop.refuses(&CLICKS, 65, said);
            shop.made(&[&CLICKS[..], &[ALLOW]].concat());
            let document = metrics(&shop);
            assert_eq!(document["unused_sources"], 1, "{document}");
            assert_eq!(document["warnings"][0]["code"], "unused_source");
            assert_eq!(document["warnings"][0]["source"], "clicks");
            assert_eq!(document["warnings"][0]["rows"], clicks.len());
            let text = document["warnings"][0]["text"].as_str().expect("a text");
            assert!(
                text.contains(said[0].trim_start_matches("clicks: ")),
                "{text}"
            );
        }
    }
}

#[test]
fn one_source_of_several_is_a_warning_in_summary_metrics_page_plan_and_verify() {
    let shop = shop();
    shop.source("clicks", "csv", &[click(9, "2025-08-14 10:00:00")]);
    let run = shop.made(&[]);
    let said = "no row of a source counts: clicks: its only row is of customers that no impression";
    assert!(
        run.stderr.contains(&format!("warning: {said}")),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("(--no-warn unused_source)"),
        "{}",
        run.stderr
    );
    assert_eq!(metrics(&shop)["unused_sources"], 1);
    let verified = shop.run_bare(&["verify", "out"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    assert!(verified.stdout.contains(said), "{}", verified.stdout);
    assert_eq!(shop.run_bare(&["report", "out"]).code, 0);
    let page = fs::read_to_string(shop.out().join("_report.html")).expect("a page");
    assert!(page.contains("unused source"), "no warning on the page");
    let plan = shop.run_bare(&["plan", "sequences", "shop", "--out", "planned"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    assert!(plan.stdout.contains(said), "{}", plan.stdout);
}

#[test]
fn a_warning_that_is_known_is_silenced_and_still_counted_for_gates() {
    let shop = shop();
    shop.source("clicks", "csv", &[click(9, "2025-08-14 10:00:00")]);
    let run = shop.run(&["--fail-if", "unused_sources>0"]);
    run.assert_failed(3, &["unused_sources is 1"]);
    let run = shop.made(&["--no-warn", "unused_source"]);
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    let document = metrics(&shop);
    assert_eq!(
        (&document["warnings"], &document["unused_sources"]),
        (&json!([]), &json!(1))
    );
    shop.run(&["--no-warn", "nonsense"])
        .assert_failed(2, &["unused_source", "one_label"]);
}

#[test]
fn a_plan_warns_where_a_run_ends_with_65() {
    let shop = clicks_only("csv", &[click(9, "2025-08-14 10:00:00")]);
    let plan = [
        "plan",
        "sequences",
        "shop",
        "--out",
        "out",
        "--without",
        "carts,orders",
    ];
    let run = shop.run_bare(&plan);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout
            .contains("warning: no row of a source counts: clicks"),
        "{}",
        run.stdout
    );
    let run = shop.run_bare(&[&plan[..], &["--json"]].concat());
    let document: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(document["warnings"][0]["code"], "unused_source");
}

#[test]
fn files_that_were_never_opened_are_reported_by_their_folders() {
    let shop = clicks_only("csv", &[click(1, "2020-01-01")]);
    shop.remove("clicks");
    for day in ["2020-01-01", "2020-01-03"] {
        let text = format!("customer_id,item_id,click_time\n1,21,{day} 10:00:00\n");
        shop.put(&format!("clicks/dt={day}/a.csv"), text);
    }
    shop.refuses(
        &CLICKS,
        65,
        &["2 more files were never opened, as their folders say 2020-01-01 to 2020-01-03"],
    );
}

#[test]
fn a_source_of_which_every_row_was_set_aside_is_refused() {
    for format in FORMATS {
        let shop = shop();
        let clicks = [click(1, "soon"), click(2, "later")];
        shop.source("clicks", format, &clicks);
        let quarantine = ["--on-bad-row", "quarantine"];
        let said = ["a whole source was set aside: clicks: all 2 rows were set aside"];
        shop.refuses(&quarantine, 65, &said);
        shop.made(&[&quarantine[..], &[ALLOW]].concat());
    }
    let shop = shop();
    let mut impressions = crate::shop::rows("impressions");
    impressions
        .iter_mut()
        .for_each(|row| row["ranking_id"] = Value::Null);
    shop.source("impressions", "ndjson", &impressions);
    shop.refuses(
        &["--on-bad-row", "quarantine"],
        65,
        &["impressions: all 4 rows were set aside"],
    );
}

#[test]
fn impressions_of_which_none_is_left_are_refused() {
    let shop = shop();
    let mut impressions = crate::shop::rows("impressions");
    impressions
        .iter_mut()
        .for_each(|row| row["customer_id"] = Value::Null);
    shop.source("impressions", "ndjson", &impressions);
    shop.refuses(
        &[],
        65,
        &["impressions: all 4 rows are without a customer (--guests empty keeps them)"],
    );
    shop.refuses(
        &["--guests", "empty"],
        65,
        &["clicks: all 4 rows are of customers that no"],
    );
}

#[test]
fn samples_that_all_have_one_label_are_reported() {
    let shop = shop();
    let mut impressions = crate::shop::rows("impressions");
    for row in &mut impressions {
        row["impressions"] = json!([{"item_id": 11, "is_order": false}]);
    }
    shop.source("impressions", "ndjson", &impressions);
    let run = shop.made(&[]);
    let said = "warning: all 4 rows with a label have is_order = false (--no-warn one_label)";
    assert!(run.stderr.contains(said), "{}", run.stderr);
}

/// A click of a user on a listing.
fn click_on(user: i64, listing: i64, time: &str) -> Value {
    json!({"user_id": user, "listing_id": listing, "click_ts": time})
}

#[test]
fn clicks_that_no_impression_could_see_are_refused() {
    let features = ["features", "shop", "--out", "out"];
    for (click, said) in [
        (
            click_on(9, 9, "2024-01-09 12:00:00"),
            "on listings that no impression shows",
        ),
        (
            click_on(7, 1, "2024-02-09 12:00:00"),
            "behind the last impression and its label",
        ),
    ] {
        let shop = shop();
        shop.market(&[click], &[listing(1), listing(2)]);
        let run = shop.run_bare(&features);
        shop.assert_refused(
            &run,
            65,
            &[said, "impressions run from 2024-01-10T12:00:00Z"],
        );
        let run = shop.run_bare(&[&features[..], &[ALLOW]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(metrics(&shop)["unused_sources"], 1);
    }
}

#[test]
fn listings_that_match_no_impression_and_labels_that_are_all_alike_are_reported() {
    let shop = shop();
    shop.market(&[click_on(7, 1, "2024-01-09 12:00:00")], &[listing(5)]);
    let run = shop.run_bare(&["features", "shop", "--out", "out"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for said in [
        "none of the 1 listings matches one of the 2 impressions",
        "all 2 rows with a label have clicked = false",
    ] {
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    let document = metrics(&shop);
    assert_eq!(document["unused_sources"], 1);
    assert_eq!(document["warnings"][0]["code"], "unmatched_listings");
}

#[test]
fn a_log_in_which_no_event_counts_is_refused_with_the_names_that_it_has() {
    let shop = shop();
    let mut text = "timestamp,user_id,event,flyer_id,merchant_id\n".to_owned();
    for event in ["page_view", "page_view", "open"] {
        text += &format!("2025-08-15T10:00:00Z,u,{event},f,m\n");
    }
    shop.put("events.csv", text);
    for method in ["span", "session"] {
        let dwell = [
            "dwell",
            "shop/events.csv",
            "--out",
            "out",
            "--method",
            method,
        ];
        let run = shop.run_bare(&dwell);
        let said = [
            "none of 3 events is flyer_open or item_open: found `page_view` 2, `open` 1",
            "from 2025-08-15T10:00:00Z to 2025-08-15T10:00:00Z",
        ];
        shop.assert_refused(&run, 65, &said);
        let run = shop.run_bare(&[&dwell[..], &[ALLOW, "--overwrite"]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(metrics(&shop)["unused_sources"], 1);
        fs::remove_dir_all(shop.out()).expect("the output");
    }
}

#[test]
fn a_night_without_impressions_of_its_own_is_no_set_with_nothing_in_it() {
    let shop = shop();
    shop.made(&[]);
    let run = shop.run(&["--add-days", "--if-exists", "skip"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_source_whose_type_another_one_has_is_reported_as_well() {
    let shop = clicks_only("csv", &[click(1, "2025-08-14 10:00:00")]);
    shop.source(
        "views",
        "csv",
        &[json!({"customer_id": 9, "item_id": 21, "time": "2025-08-14"})],
    );
    shop.put(
        "job.toml",
        "job = \"sequences\"\n[sources.impressions]\npath = \"impressions.ndjson\"\n\
         [sources.clicks]\npath = \"clicks.csv\"\n[sources.views]\npath = \"views.csv\"\ntype = 1\n",
    );
    let run = shop.run_bare(&["sequences", "--job", "shop/job.toml", "--out", "out"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let said = "no row of a source counts: views: its only row is of customers that no impression";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert!(!run.stderr.contains("anything of clicks"), "{}", run.stderr);
}
