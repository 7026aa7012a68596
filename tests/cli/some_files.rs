//! Columns that only some files have: they are null in the others, and an error if no file has them.

use std::fs;

use serde_json::{Value, json};

use crate::encode::encode;
use crate::shop::{FORMATS, Shop, rows, shop};

/// A shop whose impressions are in two files of a format each, of which only the second has a surface, and
/// its items a shade.
fn shop_of(formats: [&str; 2]) -> Shop {
    let (first, mut second) = halves();
    for row in &mut second {
        row["surface"] = json!("home");
        for item in row["impressions"].as_array_mut().expect("a list") {
            item["shade"] = json!("red");
        }
    }
    in_files(formats, [&first, &second])
}

/// The impressions of the shop in two halves.
fn halves() -> (Vec<Value>, Vec<Value>) {
    let mut first = rows("impressions");
    let second = first.split_off(1);
    (first, second)
}

/// A shop whose impressions are in these files.
fn in_files(formats: [&str; 2], files: [&[Value]; 2]) -> Shop {
    let shop = shop();
    shop.remove("impressions");
    for (at, (rows, format)) in files.into_iter().zip(formats).enumerate() {
        shop.put(&format!("impressions/{at}.{format}"), encode(format, rows));
    }
    shop
}

/// Verifies all rows of the set, and gives its cards.
fn verified(shop: &Shop) -> String {
    let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    shop.run_bare(&["head", "out", "--json", "-n", "9"]).stdout
}

#[test]
fn a_kept_column_is_null_in_files_that_lack_it() {
    for first in FORMATS {
        for second in FORMATS {
            let shop = shop_of([first, second]);
            shop.made(&["--keep", "surface,item.shade"]);
            let shown = verified(&shop);
            let count = |text: &str| shown.matches(text).count();
            assert!(count("\"home\"") > 0 && count("\"red\"") > 0, "{shown}");
            let (of_all, of_first) = (shop.samples().len(), rows("impressions")[0].clone());
            let of_first = of_first["impressions"].as_array().expect("a list").len();
            assert_eq!(
                count("\"red\""),
                of_all - of_first,
                "{first}, {second}: {shown}"
            );
        }
    }
}

#[test]
fn a_kept_column_that_no_file_has_is_refused() {
    for first in FORMATS {
        for second in FORMATS {
            for keep in ["surfaces", "item.shades"] {
                let said = ["expected a column", keep.trim_start_matches("item.")];
                shop_of([first, second]).refuses(&["--keep", keep], 65, &said);
            }
        }
    }
}

#[test]
fn rows_of_one_item_may_lack_kept_columns() {
    let flat = |surface: Option<&str>, ranking: &str| {
        let mut row = json!({"dt": "2025-08-15", "ranking_id": ranking, "customer_id": 1,
                             "item_id": 11, "is_order": true});
        if let Some(surface) = surface {
            row["surface"] = json!(surface);
            row["shade"] = json!("red");
        }
        row
    };
    for first in FORMATS {
        for second in FORMATS {
            let files: [&[Value]; 2] = [&[flat(None, "a")], &[flat(Some("home"), "b")]];
            let shop = in_files([first, second], files);
            shop.made(&["--keep", "surface,item.shade"]);
            let shown = verified(&shop);
            assert_eq!(shown.matches("\"home\"").count(), 1, "{shown}");
            assert_eq!(shown.matches("\"red\"").count(), 1, "{shown}");
            for keep in ["surfaces", "item.shades"] {
                fs::remove_dir_all(shop.out()).expect("a set");
                shop.refuses(&["--keep", keep], 65, &["expected a column"]);
                shop.made(&[]);
            }
        }
    }
}

#[test]
fn labels_may_be_missing_from_some_files_only_where_null_labels_are_kept() {
    for first in FORMATS {
        for second in ["parquet", "json"] {
            let (mut old, new) = halves();
            for item in old[0]["impressions"].as_array_mut().expect("a list") {
                item.as_object_mut().expect("an object").remove("is_order");
            }
            let shop = in_files([first, second], [&old, &new]);
            shop.made(&["--null-label", "keep"]);
            verified(&shop);
            // Those of the older file, and one that has a null.
            let samples = shop.samples();
            let nulls = samples.iter().filter(|sample| sample.contains(" null "));
            let nulls: Vec<&str> = nulls.map(|sample| &sample[..2]).collect();
            assert_eq!(nulls, ["r1", "r1", "r2"], "{samples:?}");
            fs::remove_dir_all(shop.out()).expect("a set");
            for policy in ["drop", "error"] {
                shop.refuses(
                    &["--null-label", policy],
                    65,
                    &["is_order", "impressions/0"],
                );
            }
            let shop = in_files([first, second], [&old, &old]);
            shop.refuses(&["--null-label", "keep"], 65, &["is_order"]);
        }
    }
}
