//! Values inside others: fields of structs, rows in lists, days in paths, records over several lines.

use serde_json::{Value, json};

use crate::encode::encode;
use crate::shop::{FORMATS, Shop, rows, shop};

/// The rows of a source, changed.
fn changed(source: &str, change: impl Fn(&mut Value)) -> Vec<Value> {
    let mut rows = rows(source);
    rows.iter_mut().for_each(change);
    rows
}

/// What a shop makes of its files with some flags.
fn samples(shop: &Shop, flags: &[&str]) -> Vec<String> {
    shop.made(flags);
    shop.samples()
}

#[test]
fn a_field_inside_others_is_a_column_by_its_path() {
    let expected = samples(&shop(), &[]);
    // Structs of Parquet and Arrow are among the random cases.
    for format in ["ndjson", "json"] {
        let shop = shop();
        let nested = changed("clicks", |row| {
            let item = row["item_id"].take();
            row["event"] = json!({"item": {"sku": item}, "kind": "view"});
        });
        shop.source("clicks", format, &nested);
        let flags = ["--columns", "clicks.item_id=event.item.sku"];
        assert_eq!(samples(&shop, &flags), expected, "{format}");
    }
}

#[test]
fn a_column_of_the_whole_name_goes_before_a_field_inside_another() {
    let expected = samples(&shop(), &[]);
    for format in FORMATS {
        let shop = shop();
        let both = changed("clicks", |row| {
            row["event.sku"] = row["item_id"].take();
            if format != "csv" {
                row["event"] = json!({"sku": 999_999});
            }
        });
        shop.source("clicks", format, &both);
        let flags = ["--columns", "clicks.item_id=event.sku"];
        assert_eq!(samples(&shop, &flags), expected, "{format}");
    }
}

#[test]
fn a_field_that_is_nowhere_is_named() {
    for format in ["ndjson", "parquet", "arrow"] {
        let shop = shop();
        let nested = changed("clicks", |row| row["event"] = json!({"sku": 1}));
        shop.source("clicks", format, &nested);
        let said = [&*format!("clicks.{format}"), "event.item"];
        shop.refuses(&["--columns", "clicks.item_id=event.item"], 65, &said);
    }
}

#[test]
fn the_elements_of_a_list_are_rows() {
    let expected = samples(&shop(), &[]);
    for format in ["ndjson", "json"] {
        for name in ["item_id", "events.item_id"] {
            let shop = shop();
            let sessions: Vec<Value> = rows("clicks")
                .iter()
                .map(|row| {
                    let event = json!({"item_id": row["item_id"], "click_time": row["click_time"]});
                    json!({"customer_id": row["customer_id"], "events": [event]})
                })
                .collect();
            shop.source("clicks", format, &sessions);
            let renamed = format!("clicks.item_id={name}");
            let flags = ["--source", "clicks.explode=events", "--columns", &renamed];
            assert_eq!(samples(&shop, &flags), expected, "{format} {name}");
        }
    }
}

#[test]
fn a_list_of_ids_makes_a_row_of_each() {
    let shop = shop();
    let baskets = json!({"customer_id": 1, "click_time": "2025-08-14", "items": [21, 22]});
    shop.source("clicks", "ndjson", &[baskets]);
    let flags = [
        "--source",
        "clicks.explode=items",
        "--columns",
        "clicks.item_id=items",
    ];
    let run = shop.made(&[&flags[..], &["--without", "carts", "--without", "orders"]].concat());
    assert!(run.stderr.contains("actions"), "{}", run.stderr);
    assert!(
        shop.samples()
            .iter()
            .any(|sample| sample.contains("22, 21")),
        "{:?}",
        shop.samples()
    );
}

#[test]
fn what_is_no_list_is_refused() {
    for (format, said) in [
        ("csv", "a list as \"click_time\""),
        ("ndjson", "a list as \"click_time\""),
        ("parquet", "to be a list"),
        ("arrow", "to be a list"),
    ] {
        let shop = shop();
        shop.source("clicks", format, &rows("clicks"));
        shop.refuses(&["--source", "clicks.explode=click_time"], 65, &[said]);
    }
    for format in FORMATS {
        let shop = shop();
        shop.source("clicks", format, &rows("clicks"));
        let said = ["expected a column \"events\""];
        shop.refuses(&["--source", "clicks.explode=events"], 65, &said);
    }
}

#[test]
fn a_log_inside_a_list_is_refused_with_the_setting_that_reads_it() {
    for format in ["ndjson", "json"] {
        let shop = shop();
        let wrapped = json!({"version": 1, "events": rows("clicks")});
        shop.source("clicks", format, &[wrapped]);
        let advice = "clicks.explode=events";
        shop.refuses(&[], 65, &["\"events\"", &format!("--source {advice}")]);
        shop.made(&["--source", advice]);
    }
}

#[test]
fn a_path_tells_the_day_as_the_setting_says() {
    for (folder, pattern) in [
        ("date=2025-08-15/a", "date={date}"),
        ("2025/08/15/a", "{year}/{month}/{day}"),
        (
            "year=2025/month=8/day=15/hour=03/a",
            "year={year}/month={month}/day={day}",
        ),
        ("shown_20250815", "shown_{date}.*"),
    ] {
        let shop = shop();
        let without = changed("impressions", |row| {
            row.as_object_mut().expect("an object").remove("dt");
        });
        let lines = encode("ndjson", &without);
        let name = format!("impressions/{folder}.ndjson");
        shop.remove("impressions").put(&name, lines);
        let setting = format!("impressions.day_from={pattern}");
        shop.made(&["--source", &setting]);
        assert!(shop.out().join("dt=2025-08-15").is_dir(), "{folder}");
    }
}

#[test]
fn a_path_without_the_day_is_refused() {
    let shop = shop();
    let said = ["impressions.ndjson", "date={date}"];
    shop.refuses(&["--source", "impressions.day_from=date={date}"], 65, &said);
    let said = ["tells no day"];
    shop.refuses(&["--source", "impressions.day_from=date={year}"], 2, &said);
}

#[test]
fn objects_over_several_lines_are_read() {
    let expected = samples(&shop(), &[]);
    let shop = shop();
    let objects = rows("clicks");
    let objects = objects
        .iter()
        .map(|row| serde_json::to_string_pretty(row).expect("JSON"));
    let text = objects.collect::<Vec<_>>().join("\n");
    shop.replace("clicks", "json", text);
    assert_eq!(samples(&shop, &[]), expected);
}
