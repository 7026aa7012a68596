//! Words that stand for nobody, from outside: with `--null-values` they are null, in every job and
//! format; without, they are what they are.

use serde_json::{Value, json};

use crate::encode::encode;
use crate::shop::{FORMATS, Run, Shop, TEXTS, rows, shop};

/// A member of the metrics of a set.
fn metric(shop: &Shop, name: &str) -> Value {
    let text = std::fs::read_to_string(shop.out().join("_metrics.json")).expect("metrics");
    let metrics: Value = serde_json::from_str(&text).expect("JSON");
    metrics[name].clone()
}

/// Runs `hitherto dwell` on events in a format.
fn dwell(format: &str, events: &[Value], flags: &[&str]) -> (Shop, Run) {
    let shop = shop();
    let name = format!("events.{format}");
    shop.put(&name, encode(format, events));
    let path = format!("shop/{name}");
    let run = shop.run_bare(&[&["dwell", &path, "--out", "out"], flags].concat());
    (shop, run)
}

/// An event that opens a flyer.
fn opens(user: &str, flyer: &str, merchant: &str) -> Value {
    json!({"timestamp": "2025-08-15T10:00:00Z", "user_id": user, "event": "flyer_open",
           "flyer_id": flyer, "merchant_id": merchant})
}

#[test]
fn dwell_counts_events_of_nobody_and_passes_them_over() {
    let events = [
        opens("u", "f", "m"),
        opens("NULL", "f", "m"),
        opens("u", "\\N", "m"),
        opens("u", "f", "N/A"),
        opens("NULL", "\\N", "m"),
        opens("", "f", "m"),
    ];
    for format in FORMATS {
        for method in ["span", "session"] {
            let flags = [
                "--method",
                method,
                "--null-values",
                "NULL,\\N",
                "--null-values",
                "N/A",
            ];
            let (shop, run) = dwell(format, &events, &flags);
            assert_eq!(run.code, 0, "{format}: {}", run.stderr);
            let found = [
                "opens",
                "null_users",
                "null_flyers",
                "null_merchants",
                "rows",
            ];
            let found = found.map(|name| metric(&shop, name));
            assert_eq!(found, [6, 3, 1, 1, 1].map(Value::from), "{format} {method}");
            for said in [
                "3 without a user",
                "1 without a flyer",
                "1 without a merchant",
            ] {
                assert!(run.stderr.contains(said), "{}", run.stderr);
            }
            let run = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
            assert_eq!(run.code, 0, "{format}: {}", run.stderr);
            let (shop, _) = dwell(format, &events, &["--method", method]);
            assert_eq!(
                metric(&shop, "rows"),
                3,
                "words are texts, but the empty one is none"
            );
        }
    }
}

#[test]
fn a_customer_of_such_a_word_is_a_guest() {
    for format in FORMATS {
        for kind in ["int64", "string"] {
            if format == "parquet" && kind == "int64" {
                continue;
            }
            let (shop, mut clicks) = (shop(), rows("clicks"));
            for (at, word) in [(1, "NULL"), (2, "\\N")] {
                clicks[at]["customer_id"] = json!(word);
            }
            if format == "parquet" {
                clicks[0]["customer_id"] = json!("1");
                clicks[3]["customer_id"] = json!("1");
            }
            shop.source("clicks", format, &clicks);
            let words = ["--null-values", "NULL,\\N", "--customer-type", kind];
            let run = shop.made(&words);
            assert!(run.stderr.contains("without a customer"), "{}", run.stderr);
            assert_eq!(
                metric(&shop, "actions_without_customer"),
                2,
                "{format} {kind}"
            );
            let first = shop.samples()[0].clone();
            assert!(
                first.contains("[21, 31, 41, 0]"),
                "{format} {kind}: {first}"
            );
            let run = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
            assert_eq!(run.code, 0, "{format} {kind}: {}", run.stderr);
        }
    }
}

#[test]
fn a_time_of_such_a_word_is_null_and_another_column_stands_in() {
    for format in FORMATS {
        let (shop, mut orders) = (shop(), rows("previous_orders"));
        orders[0]["occurred_at"] = json!("\\N");
        orders[1]["occurred_at"] = json!("\\N");
        shop.source("previous_orders", format, &orders);
        shop.refuses(&[], 65, &["\\\\N", "occurred_at"]);
        shop.made(&["--null-values", "\\N"]);
        let first = shop.samples()[0].clone();
        assert!(first.contains("[21, 31, 41, 0]"), "{format}: {first}");
        let run = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
        assert_eq!(run.code, 0, "{format}: {}", run.stderr);
    }
}

#[test]
fn items_labels_and_what_is_carried_through_are_compared_as_well() {
    for format in TEXTS {
        let (shop, mut impressions) = (shop(), rows("impressions"));
        impressions[0]["impressions"][0]["is_order"] = json!("NULL");
        for row in &mut impressions {
            row["surface"] = json!("NULL");
        }
        impressions[1]["surface"] = json!("home");
        shop.source("impressions", format, &impressions);
        shop.refuses(&["--keep", "surface"], 65, &["is_order"]);
        let run = shop.made(&["--null-values", "NULL", "--keep", "surface"]);
        assert!(
            run.stderr.contains("2 items without a label"),
            "{}",
            run.stderr
        );
        let run = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
        assert_eq!(run.code, 0, "{format}: {}", run.stderr);
        impressions[1]["impressions"][0]["item_id"] = json!("NULL");
        let bad = crate::shop::shop();
        bad.source("impressions", format, &impressions);
        bad.refuses(
            &["--null-values", "NULL"],
            65,
            &["an item id", "null in element 1"],
        );
    }
}

#[test]
fn an_empty_text_of_json_is_null_where_an_id_or_a_time_is_wanted() {
    for format in ["ndjson", "json"] {
        let (shop, mut orders) = (shop(), rows("previous_orders"));
        orders[0]["occurred_at"] = json!("");
        orders[2]["customer_id"] = json!("");
        shop.source("previous_orders", format, &orders);
        for kind in ["int64", "string"] {
            shop.made(&["--customer-type", kind, "--overwrite"]);
            assert_eq!(
                metric(&shop, "actions_without_customer"),
                1,
                "{format} {kind}"
            );
            assert!(shop.samples()[0].contains("[21, 31, 41, 0]"));
            let run = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
            assert_eq!(run.code, 0, "{format} {kind}: {}", run.stderr);
        }
    }
}

#[test]
fn statistics_of_texts_are_not_believed_where_words_are_null() {
    let (shop, mut clicks) = (shop(), rows("clicks"));
    for row in &mut clicks {
        row["customer_id"] = json!("9");
    }
    // All of it is after the cutoffs, so that it would not be read.
    for (row, word) in clicks.iter_mut().zip(["NULL", "9", "9", "NULL"]) {
        row["customer_id"] = json!(word);
        row["click_time"] = json!("2025-09-01 10:00:00");
    }
    shop.source("clicks", "parquet", &clicks);
    shop.made(&["--null-values", "NULL", "--customer-type", "string"]);
    assert_eq!(metric(&shop, "actions_without_customer"), 2);
}

#[test]
fn words_are_settings_of_the_set() {
    let (shop, mut clicks) = (shop(), rows("clicks"));
    clicks[1]["customer_id"] = json!("NULL");
    shop.source("clicks", "csv", &clicks);
    shop.made(&["--null-values", "NULL,", "--date", "2025-08-15"]);
    let run = shop.run_bare(&["job", "show", "out/_manifest.json"]);
    assert!(
        run.stdout.contains("null_values = [\"NULL\", \"\"]"),
        "{}",
        run.stdout
    );
    let more = ["--add-days", "--date", "2025-08-16"];
    let run = shop.run(&more);
    run.assert_failed(73, &["null_values"]);
    let run = shop.run(&[&more[..], &["--null-values", "NULL,"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let again = ["sequences", "--job", "out/_manifest.json", "--out", "again"];
    let run = shop.run_bare(&again);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// The warnings of a set with a code: source, column or word, and rows.
fn warnings(shop: &Shop, code: &str) -> Vec<String> {
    let text = std::fs::read_to_string(shop.out().join("_metrics.json")).expect("metrics");
    let metrics: Value = serde_json::from_str(&text).expect("JSON");
    let all = metrics["warnings"].as_array().expect("a list").iter();
    let all = all.filter(|warning| warning["code"] == code);
    let texts = all.map(|warning| {
        let member = |name| &warning[name];
        let (source, column, word) = (member("source"), member("column"), member("word"));
        let (rows, pairs) = (member("rows"), member("pairs"));
        format!("{source} {column} {word} {rows}{pairs}")
    });
    texts.collect()
}

#[test]
fn words_for_nobody_among_ids_are_reported_with_their_rows() {
    let events = [
        opens("u", "null", "m"),
        opens("u", "null", "m"),
        opens("NULL", "null", "%3Cnull%3G"),
        opens("u", "101.0", "m"),
        opens("u", "101", "m"),
        opens("u", "nullable", "m"),
    ];
    for format in FORMATS {
        let (shop, run) = dwell(format, &events, &["--threads", "2"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let found = warnings(&shop, "null_words");
        let expected = [
            "\"events\" \"user_id\" \"NULL\" 1null",
            "\"events\" \"flyer_id\" \"null\" 3null",
            "\"events\" \"merchant_id\" \"%3Cnull%3G\" 1null",
        ];
        assert_eq!(found, expected, "{format}");
        let expected = ["\"events\" \"flyer_id\" null null1"];
        assert_eq!(warnings(&shop, "float_ids"), expected, "{format}");
        for said in [
            "\"null\" in 3 rows",
            "--null-values %3Cnull%3G",
            "\"101.0\" beside \"101\"",
        ] {
            assert!(run.stderr.contains(said), "no {said} in {}", run.stderr);
        }
        let flags = [
            "--null-values",
            "null,NULL,%3Cnull%3G",
            "--no-warn",
            "float_ids",
        ];
        let (shop, _) = dwell(format, &events, &flags);
        assert_eq!(warnings(&shop, "null_words"), Vec::<String>::new());
        assert_eq!(warnings(&shop, "float_ids"), Vec::<String>::new());
    }
}

#[test]
fn customers_of_impressions_are_looked_at() {
    let (shop, mut impressions) = (shop(), rows("impressions"));
    for (row, id) in impressions.iter_mut().zip(["NULL", "1.0", "NULL", "1"]) {
        row["customer_id"] = json!(id);
    }
    shop.source("impressions", "csv", &impressions);
    let flags = ["--customer-type", "string", "--allow-unused"];
    let run = shop.made(&flags);
    let said = "\"customer_id\" of impressions holds \"NULL\" in 2 rows; if that is nobody, \
                --null-values NULL takes them for impressions without a customer";
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert_eq!(warnings(&shop, "null_words").len(), 1);
    assert_eq!(warnings(&shop, "float_ids").len(), 1);
    let run = shop.made(&[&flags[..], &["--null-values", "NULL", "--overwrite"]].concat());
    assert!(run.stderr.contains("2 dropped as guests"), "{}", run.stderr);
    assert_eq!(warnings(&shop, "null_words"), Vec::<String>::new());
}
