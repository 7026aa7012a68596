//! What is chosen of actions and samples, and columns that are carried through: from outside.

use serde_json::{Value, json};

use crate::shop::{FORMATS, Shop, TEXTS, rows, shop};

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

/// Rows of a source with one more column.
fn with_column(source: &str, name: &str, values: &[Value]) -> Vec<Value> {
    let mut rows = rows(source);
    for (row, value) in rows.iter_mut().zip(values) {
        row[name] = value.clone();
    }
    rows
}

/// A shop whose clicks and add-to-carts have prices in a format, 21 clicked at one of `prices`.
fn priced(format: &str, prices: &[Value; 4]) -> Shop {
    let shop = shop();
    shop.source("clicks", format, &with_column("clicks", "price", prices));
    let carts = [json!(0.5), json!(null), json!(7)];
    shop.source(
        "add_to_carts",
        format,
        &with_column("add_to_carts", "price", &carts),
    );
    shop
}

/// A list of the first row of a set, padding included.
pub(crate) fn first_list(shop: &Shop, name: &str) -> String {
    let head = ["head", "out", "--json", "-n", "9", "--customer", "1"];
    let run = shop.run_bare(&head);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let first = run.stdout.lines().next().expect("a row");
    let row: Value = serde_json::from_str(first).expect("JSON");
    row[name].to_string()
}

#[test]
fn an_attribute_is_as_long_as_actions_and_has_values_where_its_source_has_them() {
    let prices = || [json!(1.25), json!(9), json!(3), json!(-1e-3)];
    for format in FORMATS {
        let shop = priced(format, &prices());
        shop.made(&["--with", "price,time_delta"]);
        assert_eq!(first_list(&shop, "actions"), "[21,31,41,0]", "{format}");
        // Orders have no prices, and padding is 0.
        let expected = "[1.25,0.5,\"NaN\",0.0]";
        assert_eq!(first_list(&shop, "price"), expected, "{format}");
        assert_eq!(first_list(&shop, "time_delta"), "[50400,223200,309600,0]");
        let manifest = std::fs::read_to_string(shop.out().join("_manifest.json"));
        let manifest: Value = serde_json::from_str(&manifest.expect("text")).expect("JSON");
        let with = &manifest["settings"]["with"];
        assert_eq!(*with, json!(["price:float32", "time_delta"]));
        let verify = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
        assert_eq!(verify.code, 0, "{}{}", verify.stdout, verify.stderr);
        // The manifest makes the same set once more, and days are added to it.
        let again = ["sequences", "--job", "out/_manifest.json", "--out", "again"];
        assert_eq!(shop.run_bare(&again).code, 0);
        let days = ["--with", "price:float32,time_delta", "--add-days"];
        let days = [&days[..], &["--if-exists", "replace"]].concat();
        assert_eq!(shop.run(&days).code, 0);
        let other = [
            "--with",
            "price:float32",
            "--add-days",
            "--if-exists",
            "skip",
        ];
        shop.run(&other).assert_failed(73, &["with"]);
    }
}

#[test]
fn a_source_may_name_an_attribute_differently() {
    for format in FORMATS {
        let shop = priced(format, &[json!(2), json!(9), json!(3), json!(4)]);
        let orders = with_column(
            "previous_orders",
            "paid",
            &[json!(41), json!(42), json!(43)],
        );
        shop.source("previous_orders", format, &orders);
        shop.put("job.toml", "dir = '.'\nmax_actions = 4\nno_pad = true\nwith = ['price:float32', 'time_delta']\n[sources.orders]\ncolumns = { price = 'paid' }\n");
        let job = ["sequences", "--job", "shop/job.toml", "--out", "out"];
        let run = shop.run_bare(&job);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(first_list(&shop, "price"), "[2.0,0.5,41.0]", "{format}");
        let verify = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
        assert_eq!(verify.code, 0, "{}{}", verify.stdout, verify.stderr);
        let show = shop.run_bare(&["job", "show", "shop/job.toml"]);
        let said = "with = [\"price:float32\", \"time_delta\"]";
        assert!(show.stdout.contains(said), "{}", show.stdout);
        // What a source is said to have it must have.
        let shop = priced(format, &[json!(2), json!(9), json!(3), json!(4)]);
        let orders = rows("previous_orders");
        shop.source("previous_orders", format, &orders);
        let flags = ["--with", "price:float32", "--columns", "orders.price=paid"];
        let file = format!("previous_orders.{format}");
        shop.refuses(&flags, 65, &[&file, "\"paid\""]);
    }
}

#[test]
fn a_column_that_no_source_has_is_a_fault() {
    for format in FORMATS {
        let shop = priced(format, &[json!(2), json!(9), json!(3), json!(4)]);
        // The first file that lists its columns, and not one of text.
        let ending = if format == "arrow" {
            ".arrow"
        } else {
            ".parquet"
        };
        let said = ["\"prize\"", "found \"customer_id, ", ending];
        for flags in [["--with", "prize"], ["--with", "price:float32,prize:int32"]] {
            shop.refuses(&flags, 65, &said);
        }
        // Text without a header has no list of columns.
        let orders = rows("previous_orders");
        shop.source("previous_orders", "ndjson", &orders);
        if format == "ndjson" {
            shop.refuses(&["--with", "prize"], 65, &["\"prize\"", "no record"]);
        }
    }
}

#[test]
fn numbers_that_do_not_fit_are_bad_rows() {
    let wide = json!(5_000_000_000_i64);
    for format in FORMATS {
        let shop = shop();
        let values = [json!(7), json!(null), wide.clone(), json!(8)];
        shop.source(
            "clicks",
            format,
            &with_column("clicks", "quantity", &values),
        );
        let file = format!("shop/clicks.{format}");
        let said = [&file[..], "row 3", "quantity", "5000000000"];
        shop.refuses(&["--with", "quantity:int32"], 65, &said);
        let flags = ["--with", "quantity:int32", "--on-bad-row", "quarantine"];
        shop.made(&flags);
        assert_eq!(shop.quarantined()[0][3], "quantity", "{format}");
        assert_eq!(first_list(&shop, "quantity"), "[7,0,0,0]");
        let verify = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
        assert_eq!(verify.code, 0, "{}{}", verify.stdout, verify.stderr);
        if ["parquet", "arrow"].contains(&format) {
            // The user says the type of a column of 64-bit integers; none is guessed.
            let said = [&file[..], "quantity", "NAME:float32", "Int64"];
            let flags = ["--with", "quantity", "--overwrite"];
            shop.run(&flags).assert_failed(65, &said);
        }
        let huge = [json!(1.5), json!(2.5), json!(-1e300), json!(8.5)];
        let shop = priced(format, &huge);
        let said = [&file[..], "row 3", "price", "32 bits"];
        shop.refuses(&["--with", "price"], 65, &said);
        if ["parquet", "arrow"].contains(&format) {
            shop.refuses(&["--with", "price:int32"], 65, &[&file, "integers"]);
        }
    }
    for format in TEXTS {
        for (value, kind) in [
            (json!("cheap"), "price"),
            (json!("NaN"), "price"),
            (json!(1.5), "price:int32"),
        ] {
            let shop = priced(format, &[json!(1), json!(2), value, json!(4)]);
            shop.refuses(&["--with", kind], 65, &["row 3", "price"]);
        }
    }
}

#[test]
fn explain_prints_attributes() {
    let shop = priced("csv", &[json!(0.1), json!(9), json!(3), json!(4)]);
    shop.made(&["--with", "price"]);
    let run = shop.run_bare(&["explain", "out", "--ranking-id", "r1", "--quiet"]);
    let lines: Vec<Vec<&str>> = run
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines[2][..5], ["time", "type", "item", "price", "fate"]);
    assert_eq!(lines[4][1..4], ["click", "21", "0.1"], "{}", run.stdout);
    assert_eq!(lines[6][1..4], ["order", "41", "NaN"], "{}", run.stdout);
    let run = shop.run_bare(&["explain", "out", "--ranking-id", "r1", "--quiet", "--json"]);
    let prices = run.stdout.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        line["told"]["price"].to_string()
    });
    let prices: Vec<String> = prices.collect();
    assert_eq!(prices, ["4", "0.1", "0.5", "null"]);
}
