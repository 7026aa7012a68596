//! What is chosen of actions and samples, and columns that are carried through: from outside.

use serde_json::{Value, json};

use crate::shop::{FORMATS, TEXTS, rows, shop};

/// Impressions with one more column.
fn with(name: &str, values: [Value; 4]) -> Vec<Value> {
    let mut rows = rows("impressions");
    for (row, value) in rows.iter_mut().zip(values) {
        row[name] = value;
    }
    rows
}

#[test]
fn histories_hold_what_was_chosen() {
    for (flags, expected) in [
        (vec![], "[21, 31, 41, 0]"),
        (vec!["--types", "3,1"], "[21, 41, 0, 0]"),
        (vec!["--types", "2"], "[31, 0, 0, 0]"),
    ] {
        let shop = shop();
        shop.made(&flags);
        let first = shop.samples()[0].clone();
        assert!(first.contains(expected), "{flags:?}: {first}");
    }
    let repeats = "customer_id,item_id,click_time\n1,21,2025-08-14 10:00:00\n\
                   1,21,2025-08-14 10:00:00\n1,21,2025-08-13 10:00:00\n";
    for (dedup, expected) in [
        ("none", "[21, 21, 21, 31]"),
        ("exact", "[21, 21, 31, 41]"),
        ("consecutive", "[21, 31, 41, 0]"),
    ] {
        let shop = shop();
        shop.replace("clicks", "csv", repeats);
        shop.made(&["--dedup", dedup]);
        let first = shop.samples()[0].clone();
        assert!(first.contains(expected), "{dedup}: {first}");
    }
}

#[test]
fn a_carried_column_that_is_absent_is_a_fault_of_the_file() {
    for format in FORMATS {
        for (keep, name) in [("surface", "surface"), ("item.is_click", "is_click")] {
            let shop = shop();
            shop.source("impressions", format, &rows("impressions"));
            let said = [&format!("shop/impressions.{format}"), "column", name];
            shop.refuses(&["--keep", keep], 65, &said);
            let flags = ["--keep", keep, "--on-bad-row", "quarantine"];
            shop.refuses(&flags, 65, &said);
        }
    }
}

#[test]
fn a_value_of_another_type_is_a_fault_of_its_row() {
    let texts = || [json!("7"), json!(null), json!("x"), json!("8")];
    for format in TEXTS {
        let shop = shop();
        shop.source("impressions", format, &with("spot", texts()));
        let said = [&format!("shop/impressions.{format}"), "row ", "spot"];
        for kind in [
            "spot:int32",
            "spot:double",
            "spot:boolean",
            "spot:timestamp",
        ] {
            shop.refuses(&["--keep", kind], 65, &said);
        }
        shop.made(&["--keep", "spot"]);
    }
    let numbers = [json!(7), json!(null), json!(5_000_000_000_i64), json!(8)];
    for format in TEXTS {
        let shop = shop();
        shop.source("impressions", format, &with("spot", numbers.clone()));
        shop.refuses(
            &["--keep", "spot:int32"],
            65,
            &["row 3", "spot", "5000000000"],
        );
        shop.made(&["--keep", "spot:int64"]);
    }
}

#[test]
fn a_column_of_another_type_is_a_fault_of_a_parquet_file() {
    let texts = [json!("7"), json!(null), json!("x"), json!("8")];
    let shop = shop();
    shop.source("impressions", "parquet", &with("spot", texts));
    let said = [
        "shop/impressions.parquet",
        "\"spot\"",
        "integers of 32 bits",
        "text",
    ];
    shop.refuses(&["--keep", "spot:int32"], 65, &said);
    let said = [
        "shop/impressions.parquet",
        "\"is_click\"",
        "item_id, is_order",
    ];
    shop.refuses(&["--keep", "item.is_click:boolean"], 65, &said);
    shop.made(&["--keep", "spot"]);
}

#[test]
fn as_many_columns_are_carried_as_a_record_is_searched_for() {
    let mut rows = rows("impressions");
    for row in &mut rows {
        for at in 0..25 {
            row[format!("c{at}")] = json!(at);
        }
    }
    let names: Vec<String> = (0..25).map(|at| format!("c{at}:int64")).collect();
    for format in TEXTS {
        let shop = shop();
        shop.source("impressions", format, &rows);
        shop.made(&["--keep", &names[..24].join(",")]);
        shop.run_bare(&[
            "sequences",
            "shop",
            "--out",
            "o",
            "--keep",
            &names.join(","),
        ])
        .assert_failed(2, &["at most 24"]);
    }
}
