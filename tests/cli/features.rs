//! `hitherto features` from outside: what it refuses, with which code, and what it leaves.

use serde_json::{Value, json};

use crate::encode::encode;
use crate::shop::{FORMATS, Run, Shop, names, shop, snapshot};

/// The command line of these tests, without more flags.
const FEATURES: [&str; 4] = ["features", "shop", "--out", "out"];
/// The sources.
const SOURCES: [&str; 3] = ["impressions", "clicks", "listings"];

/// The valid rows of a source.
pub(crate) fn rows(source: &str) -> Vec<Value> {
    match source {
        "impressions" => vec![
            json!({"impression_id": 1, "user_id": 7, "listing_id": 1, "impression_ts": "2024-01-10 12:00:00"}),
            json!({"impression_id": 2, "user_id": 8, "listing_id": 2, "impression_ts": "2024-01-10 13:00:00"}),
            json!({"impression_id": 3, "user_id": 7, "listing_id": 3, "impression_ts": "2024-01-11 12:00:00"}),
        ],
        "clicks" => vec![
            json!({"user_id": 7, "listing_id": 1, "click_ts": "2024-01-10 11:30:00"}),
            json!({"user_id": 7, "listing_id": 1, "click_ts": "2024-01-10 12:30:00"}),
            json!({"user_id": 8, "listing_id": 3, "click_ts": "2024-01-11 12:30:00"}),
        ],
        _ => vec![
            json!({"listing_id": 1, "category": "toys", "price": 5, "created_ts": "2024-01-01"}),
            json!({"listing_id": 2, "category": null, "price": 6, "created_ts": "2024-01-02"}),
            json!({"listing_id": 4, "category": "home", "price": 7, "created_ts": "2024-01-03"}),
        ],
    }
}

/// A shop whose sources are the valid ones, all in a format.
pub(crate) fn listings_in(format: &str) -> Shop {
    let shop = shop();
    for source in ["add_to_carts", "previous_orders"] {
        shop.remove(source);
    }
    for source in SOURCES {
        shop.source(source, format, &rows(source));
    }
    shop
}

/// The same with one value of the third row of a source changed.
fn damaged_in(format: &str, source: &str, column: &str, value: Value) -> Shop {
    let (shop, mut rows) = (listings_in(format), rows(source));
    rows[2][column] = value;
    shop.source(source, format, &rows);
    shop
}

/// Runs `hitherto features shop --out out` and more flags, from the root.
fn features(shop: &Shop, flags: &[&str]) -> Run {
    shop.run_bare(&[&FEATURES[..], flags].concat())
}

/// Runs the same, which must succeed.
#[track_caller]
fn made(shop: &Shop, flags: &[&str]) -> Run {
    let run = features(shop, flags);
    assert_eq!(run.code, 0, "{flags:?}: {}", run.stderr);
    assert_eq!(names(shop.root()), ["out", "shop"], "{flags:?}");
    assert!(shop.out().join("_SUCCESS").is_file());
    run
}

/// Runs the same, which must fail, say all of `said`, and publish nothing.
#[track_caller]
fn refuses(shop: &Shop, flags: &[&str], code: i32, said: &[&str]) {
    shop.assert_refused(&features(shop, flags), code, said);
}

#[test]
fn help_says_the_defaults_and_the_exit_codes() {
    let shop = listings_in("csv");
    let run = shop.run_bare(&["features", "--help"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    for said in [
        "--windows",
        "[default: 24h]",
        "[default: user-listing]",
        "the latest",
        "[default: UTC]",
        "Exit codes",
        "date=YYYY-MM-DD",
    ] {
        assert!(run.stdout.contains(said), "no {said:?} in: {}", run.stdout);
    }
}

#[test]
fn every_format_makes_the_same_parts() {
    let parts = |format: &str| {
        let shop = listings_in(format);
        made(&shop, &["--windows", "1h,24h"]);
        let mut files = snapshot(&shop.out());
        files.retain(|(path, _)| path.extension().is_some_and(|ending| ending == "parquet"));
        let bytes = files.into_iter().map(|(_, bytes)| bytes);
        bytes.collect::<Vec<_>>()
    };
    let expected = parts("csv");
    assert_eq!(expected.len(), 2);
    for format in FORMATS {
        assert!(parts(format) == expected, "{format}");
    }
}

#[test]
fn flags_that_make_no_sense_are_2() {
    let shop = listings_in("csv");
    let cases: [(&[&str], &[&str]); 20] = [
        (&["--windows", "0h"], &["--windows", "0h"]),
        (&["--windows", "1h,1h"], &["--windows", "1h", "once"]),
        (&["--windows", "1h", "--windows", "1h"], &["--windows"]),
        (&["--windows", "1w"], &["1w", "number and a unit"]),
        (&["--windows=-1h"], &["-1h"]),
        (&["--windows", ""], &["--windows"]),
        (&["--label-window", "0s"], &["--label-window"]),
        (&["--label-window", "soon"], &["soon"]),
        (&["--label-key", "user"], &["user-listing"]),
        (&["--data-end", "soon"], &["--data-end", "soon"]),
        (&["--data-end", ""], &["--data-end"]),
        (&["--data-end", "2024-02-30"], &["2024-02-30"]),
        (&["--date", "2024-02-30"], &["2024-02-30"]),
        (&["--from", "2024-01-02", "--to", "2024-01-01"], &["--from"]),
        (&["--timezone", "Mars/Olympus"], &["Mars/Olympus"]),
        (&["--id-type", "int32"], &["int64"]),
        (&["--columns", "clicks.item_id=x"], &["item_id", "click_ts"]),
        (&["--columns", "orders.item_id=x"], &["orders"]),
        (&["--if-exists", "skip"], &["--add-days"]),
        (&["--clicks", "shop/clicks.csv"], &["not both"]),
    ];
    for (flags, said) in cases {
        let run = features(&shop, flags);
        assert_eq!(run.code, 2, "{flags:?}: {}", run.stderr);
        shop.assert_refused(&run, 2, said);
    }
    let run = shop.run_bare(&["features", "--out", "out", "--clicks", "shop/clicks.csv"]);
    shop.assert_refused(&run, 2, &["--impressions"]);
    let named = ["--impressions", "shop/impressions.csv", "--out", "out"];
    let run = shop.run_bare(&[&["features"][..], &named].concat());
    shop.assert_refused(&run, 2, &["listings", "--listings PATH"]);
}

#[test]
fn a_missing_source_is_66_and_how_to_name_it_is_said() {
    for source in SOURCES {
        let shop = listings_in("csv");
        shop.remove(source);
        let flag = format!("--{source} PATH");
        refuses(&shop, &[], 66, &["\"shop\"", source, &flag]);
    }
    let shop = listings_in("csv");
    refuses(&shop, &["--date", "2024-01-12"], 66, &["2024-01-12"]);
    let run = shop.run_bare(&["features", "nowhere", "--out", "out"]);
    shop.assert_refused(&run, 66, &["nowhere"]);
}

#[test]
fn a_bad_value_is_65_with_its_file_row_and_column() {
    for (source, column, value) in [
        ("impressions", "impression_ts", json!("soon")),
        ("impressions", "impression_ts", Value::Null),
        ("impressions", "impression_id", Value::Null),
        ("impressions", "user_id", json!("x7")),
        ("impressions", "listing_id", Value::Null),
        ("clicks", "click_ts", json!("2024-01-32 10:00:00")),
        ("clicks", "click_ts", Value::Null),
        ("clicks", "user_id", json!("x7")),
        ("clicks", "listing_id", Value::Null),
        ("listings", "listing_id", json!("x7")),
        ("listings", "listing_id", json!(2)),
        ("listings", "price", json!("cheap")),
        ("listings", "created_ts", json!("then")),
    ] {
        for format in ["csv", "ndjson", "json"] {
            let shop = damaged_in(format, source, column, value.clone());
            let file = format!("\"shop/{source}.{format}\"");
            let column = format!("\"{column}\"");
            refuses(
                &shop,
                &[],
                65,
                &[&file, "row 3", &column, "expected", "found"],
            );
        }
    }
}

#[test]
fn an_id_that_is_a_text_names_the_flag_that_widens_it() {
    for source in SOURCES {
        let shop = damaged_in("csv", source, "listing_id", json!("x7"));
        refuses(&shop, &[], 65, &["x7", "--id-type string"]);
        made(&shop, &["--id-type", "string"]);
    }
}

#[test]
fn a_missing_column_is_65_in_every_format() {
    for source in SOURCES {
        let columns: Vec<String> = rows(source)[0]
            .as_object()
            .expect("a row")
            .keys()
            .cloned()
            .collect();
        for (column, format) in columns
            .iter()
            .flat_map(|column| FORMATS.map(|format| (column, format)))
        {
            let shop = listings_in(format);
            let mut rows = rows(source);
            for row in &mut rows {
                row.as_object_mut().expect("a row").remove(column);
            }
            shop.source(source, format, &rows);
            let file = format!("shop/{source}.{format}");
            refuses(&shop, &[], 65, &[&file, &format!("\"{column}\"")]);
            if (source, column.as_str()) == ("clicks", "user_id") {
                refuses(&shop, &[], 65, &["--label-key listing"]);
                made(&shop, &["--label-key", "listing"]);
            }
        }
    }
}

#[test]
fn columns_may_have_other_names() {
    let shop = listings_in("csv");
    let text = "user_id,listing_id,at\n7,1,2024-01-10 12:30:00\n";
    shop.replace("clicks", "csv", text);
    let stats = made(
        &shop,
        &["--columns", "clicks.click_ts=at", "--stats", "json"],
    );
    let stats: Value = serde_json::from_str(&stats.stdout).expect("one JSON object");
    assert_eq!(
        (&stats["clicks"], &stats["clicked"]),
        (&json!(1), &json!(1))
    );
}

#[test]
fn a_kept_column_is_null_in_files_that_lack_it_and_in_some_file() {
    for first in FORMATS {
        for second in FORMATS {
            let shop = listings_in("csv");
            for source in ["impressions", "listings"] {
                let (mut old, name) = (
                    rows(source),
                    if source == "listings" {
                        "title"
                    } else {
                        "page"
                    },
                );
                let mut new = old.split_off(1);
                new.iter_mut().for_each(|row| row[name] = json!("new"));
                shop.remove(source);
                shop.put(&format!("{source}/0.{first}"), encode(first, &old));
                shop.put(&format!("{source}/1.{second}"), encode(second, &new));
            }
            for keep in ["pages", "listing.titles"] {
                let said = ["expected a column", keep.trim_start_matches("listing.")];
                refuses(&shop, &["--keep", keep], 65, &said);
            }
            made(&shop, &["--keep", "page,listing.title"]);
            let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
            assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
            let shown = shop.run_bare(&["head", "out", "--json", "-n", "9"]).stdout;
            let values =
                ["page", "title"].map(|name| shown.matches(&format!("\"{name}\":\"new\"")).count());
            assert_eq!(values, [2, 1], "{first}, {second}: {shown}");
        }
    }
}

#[test]
fn an_output_that_exists_is_73_unless_it_may_be_replaced() {
    let shop = listings_in("csv");
    made(&shop, &[]);
    let before = snapshot(&shop.out());
    features(&shop, &[]).assert_failed(73, &["\"out\"", "--overwrite"]);
    assert_eq!(snapshot(&shop.out()), before);
    made(&shop, &["--overwrite", "--windows", "1h"]);
    assert_ne!(snapshot(&shop.out()), before);
    made(&shop, &["--overwrite"]);
    assert_eq!(snapshot(&shop.out()), before);
}

#[test]
fn what_others_made_is_never_replaced() {
    let shop = listings_in("csv");
    std::fs::create_dir(shop.out()).expect("a folder");
    std::fs::write(shop.out().join("mine"), "mine").expect("a file");
    features(&shop, &["--overwrite"]).assert_failed(73, &["\"out\""]);
    assert_eq!(names(&shop.out()), ["mine"]);
}

#[test]
fn days_are_added_and_those_that_are_there_may_be_skipped() {
    let shop = listings_in("csv");
    made(&shop, &["--date", "2024-01-10"]);
    let first = snapshot(&shop.out().join("date=2024-01-10"));
    features(&shop, &["--add-days"]).assert_failed(73, &["2024-01-10"]);
    let flags = ["--add-days", "--if-exists", "skip", "--stats", "json"];
    let run = made(&shop, &flags);
    assert_eq!(snapshot(&shop.out().join("date=2024-01-10")), first);
    let stats: Value = serde_json::from_str(&run.stdout).expect("one JSON object");
    assert_eq!(
        (&stats["days_skipped"], &stats["rows"]),
        (&json!(1), &json!(1))
    );
    let whole = listings_in("csv");
    made(&whole, &[]);
    let days = ["date=2024-01-10", "date=2024-01-11"];
    for day in days {
        let part = |shop: &Shop| std::fs::read(shop.out().join(day).join("part-00000.parquet"));
        assert_eq!(part(&shop).expect("a part"), part(&whole).expect("a part"));
    }
    // Other columns than the days that are there have.
    let other = ["--add-days", "--if-exists", "replace", "--windows", "1h"];
    let run = features(&shop, &other);
    assert_ne!(run.code, 0, "{}", run.stderr);
}

#[test]
fn bad_rows_are_set_aside_and_the_rest_is_made() {
    for (source, column, value) in [
        ("impressions", "impression_ts", json!("soon")),
        ("clicks", "click_ts", Value::Null),
        ("clicks", "listing_id", json!("x7")),
        ("listings", "listing_id", json!(2)),
        ("listings", "price", json!("cheap")),
    ] {
        let shop = damaged_in("csv", source, column, value);
        let flags = ["--on-bad-row", "quarantine", "--stats", "json"];
        let run = made(&shop, &flags);
        let set_aside = shop.quarantined();
        let [row] = &set_aside[..] else {
            panic!("one row: {set_aside:?}");
        };
        let file = format!("shop/{source}.csv");
        assert_eq!(row[..4], [source, &file, "3", column]);
        assert!(
            row[4].contains("expected") && row[4].contains("found"),
            "{row:?}"
        );
        assert!(run.stderr.contains("1 rows rejected"), "{}", run.stderr);
        let stats: Value = serde_json::from_str(&run.stdout).expect("one JSON object");
        assert_eq!(stats["rejected"], json!(1));
        let rows = 3 - i32::from(source == "impressions");
        assert_eq!(stats["rows"], json!(rows));
        let few = damaged_in("csv", source, column, json!("x"));
        let none = ["--on-bad-row", "quarantine", "--max-bad-rows", "0"];
        refuses(&few, &none, 65, &["--max-bad-rows"]);
    }
}

#[test]
fn stats_are_one_json_object_and_nothing_else_is_on_standard_output() {
    let shop = listings_in("ndjson");
    let run = made(&shop, &["--stats", "json"]);
    let stats: Value = serde_json::from_str(&run.stdout).expect("one JSON object");
    for (name, value) in [
        ("rows", json!(3)),
        ("clicked", json!(1)),
        ("label_incomplete", json!(2)),
        ("unknown_listings", json!(1)),
        ("negative_ages", json!(0)),
        ("clicks", json!(3)),
        ("listings", json!(3)),
        ("files", json!(3)),
        ("rejected", json!(0)),
    ] {
        assert_eq!(stats[name], value, "{name}");
    }
    let data_end = stats["data_end"].as_str().expect("a time");
    assert!(data_end.starts_with("2024-01-11T12:30:00"), "{data_end}");
    let shop = listings_in("ndjson");
    let run = made(&shop, &[]);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("3 rows"), "{}", run.stderr);
    let shop = listings_in("ndjson");
    let run = made(&shop, &["--quiet"]);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
}

#[test]
fn what_is_made_is_the_same_whatever_the_threads_and_the_clock() {
    let runs = ["1", "2", "7"].map(|threads| {
        let shop = listings_in("csv");
        shop.remove("clicks");
        for file in 0..5 {
            shop.put(
                &format!("clicks/{file}.csv"),
                encode("csv", &rows("clicks")),
            );
        }
        made(&shop, &["--threads", threads]);
        let files = snapshot(&shop.out()).into_iter();
        files.map(|(_, bytes)| bytes).collect::<Vec<_>>()
    });
    assert!(runs.iter().all(|run| *run == runs[0]));
}
