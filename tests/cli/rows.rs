//! Rows that cannot be used: which values they are, and which rows nobody looks at.

use serde_json::{Value, json};

use crate::shop::{FORMATS, TEXTS, damaged, listing, rows, shop};

/// Damages the third row of a source in each of the formats, and asserts that the message says
/// where it stands and all of `said`.
#[track_caller]
pub(crate) fn refused(formats: &[&str], source: &str, column: &str, value: &Value, said: &[&str]) {
    for format in formats {
        let shop = shop();
        shop.source(source, format, &damaged(source, column, value.clone()));
        let file = format!("shop/{source}.{format}");
        let at = [file.as_str(), "row 3", column, "expected", "found"];
        shop.refuses(&[], 65, &[&at, said].concat());
    }
}

/// The columns of item and time of each source of actions.
pub(crate) const ACTIONS: [(&str, &str, &str); 3] = [
    ("clicks", "item_id", "click_time"),
    ("add_to_carts", "config_id", "occurred_at"),
    ("previous_orders", "config_id", "occurred_at"),
];

#[test]
fn the_shop_is_valid_in_every_format() {
    let mut all = Vec::new();
    for format in FORMATS {
        let shop = shop();
        for source in ["impressions", "clicks", "add_to_carts", "previous_orders"] {
            shop.source(source, format, &rows(source));
        }
        shop.made(&[]);
        all.push(shop.samples());
    }
    assert_eq!(all[0][0], "r1 0 11 true [21, 31, 41, 0]");
    assert_eq!(all[0][3], "r3 0 13 false [24, 21, 31, 41]");
    assert_eq!(all[0].len(), 5);
    assert!(all.iter().all(|samples| *samples == all[0]));
}

#[test]
fn an_item_that_is_no_id_is_refused() {
    for (source, item, _) in ACTIONS {
        refused(
            &FORMATS,
            source,
            item,
            &json!(0),
            &["1 to 2147483647", "found"],
        );
        refused(
            &FORMATS,
            source,
            item,
            &json!(-5),
            &["1 to 2147483647", "-5"],
        );
        refused(&FORMATS, source, item, &Value::Null, &["item id", "null"]);
        for value in [
            json!("x"),
            json!("1 2"),
            json!(1.5),
            json!("1e3"),
            json!(true),
        ] {
            refused(&TEXTS, source, item, &value, &["item id"]);
        }
        let wide = json!(2_147_483_648_i64);
        let said = ["2147483648", "--item-type int64"];
        refused(&FORMATS, source, item, &wide, &said);
        refused(
            &FORMATS,
            source,
            item,
            &json!(u64::MAX),
            &["18446744073709551615"],
        );
    }
}

#[test]
fn a_wide_item_is_taken_with_item_type_int64_but_zero_is_not() {
    for format in FORMATS {
        let shop = shop();
        let wide = json!(9_007_199_254_740_993_i64);
        shop.source("clicks", format, &damaged("clicks", "item_id", wide));
        shop.made(&["--item-type", "int64"]);
        assert_eq!(
            shop.samples()[2],
            "r2 0 11 null [9007199254740993, 33, 43, 0]"
        );
    }
    for format in FORMATS {
        let shop = shop();
        shop.source("clicks", format, &damaged("clicks", "item_id", json!(0)));
        shop.refuses(&["--item-type", "int64"], 65, &["row 3", "item_id"]);
    }
}

#[test]
fn a_customer_that_is_no_integer_is_refused() {
    for source in ["impressions", "clicks", "add_to_carts", "previous_orders"] {
        for (value, hint) in [
            (json!("abc"), "--customer-type string"),
            (json!("9007199254740992.0"), "have lost digits"),
            (json!(1.5), "a 64-bit integer"),
            (json!("9223372036854775808"), "--customer-type string"),
        ] {
            refused(&TEXTS, source, "customer_id", &value, &[hint]);
        }
        // As JSON they are no text, and as CSV, where they are, each is found to be another thing.
        for value in [json!(true), json!([1]), json!({"id": 1})] {
            refused(&TEXTS, source, "customer_id", &value, &["a 64-bit integer"]);
        }
    }
    let shop = shop();
    let clicks = damaged("clicks", "customer_id", json!("abc"));
    shop.source("clicks", "parquet", &clicks);
    let said = ["clicks.parquet", "customer_id", "--customer-type string"];
    shop.refuses(&[], 65, &said);
}

#[test]
fn an_unsigned_customer_above_the_signed_range_is_refused() {
    let wide = json!(9_223_372_036_854_775_808_u64);
    let said = ["9223372036854775808", "--customer-type string"];
    for source in ["impressions", "clicks", "add_to_carts", "previous_orders"] {
        refused(&FORMATS, source, "customer_id", &wide, &said);
    }
    for format in FORMATS {
        let shop = shop();
        shop.source(
            "clicks",
            format,
            &damaged("clicks", "customer_id", wide.clone()),
        );
        shop.made(&["--customer-type", "string"]);
    }
}

#[test]
fn an_unsigned_time_above_the_signed_range_is_no_null() {
    let time = |value: u64| json!({"user_id": 7, "listing_id": 1, "click_ts": value});
    let wide = 9_223_372_036_854_775_813;
    for (unit, code) in [("s", 65), ("ms", 65), ("us", 65), ("ns", 0)] {
        let shop = shop();
        // 2024-01-09, in the unit.
        let near = 1_704_758_400
            * 10_u64.pow(match unit {
                "s" => 0,
                "ms" => 3,
                "us" => 6,
                _ => 9,
            });
        shop.market(&[], &[listing(1), listing(2)]);
        shop.source("clicks", "parquet", &[time(near), time(wide)]);
        let job = ["features", "shop", "--time-unit", unit, "--timezone", "UTC"];
        let run = shop.run_bare(&[&job, &["--out", "out"][..]].concat());
        assert_eq!(run.code, code, "{unit}: {}", run.stderr);
        if code != 0 {
            shop.assert_refused(&run, code, &["row 2", "click_ts", "9223372036854775807"]);
        }
    }
}

#[test]
fn a_bad_element_rejects_its_impression() {
    let good = json!({"item_id": 13, "is_order": false});
    let second = |element: Value| json!([good, element]);
    let with_item = |item: Value| second(json!({"item_id": item, "is_order": false}));
    let wide = json!(2_147_483_648_i64);
    let cases: [(&[&str], Value, &[&str]); 13] = [
        (
            &FORMATS,
            with_item(json!(0)),
            &["item id", "0", "element 2"],
        ),
        (
            &FORMATS,
            with_item(json!(-1)),
            &["item id", "-1", "element 2"],
        ),
        (
            &FORMATS,
            with_item(wide),
            &["--item-type int64", "element 2"],
        ),
        (
            &FORMATS,
            with_item(Value::Null),
            &["item id", "null", "element 2"],
        ),
        (&FORMATS, second(Value::Null), &["null", "element 2"]),
        (
            &TEXTS,
            with_item(json!("x")),
            &["item id", "x", "element 2"],
        ),
        (
            &TEXTS,
            with_item(json!(1.5)),
            &["item id", "1.5", "element 2"],
        ),
        (
            &TEXTS,
            second(json!({"is_order": true})),
            &["item_id", "element 2"],
        ),
        (
            &TEXTS,
            second(json!({"item_id": 1, "is_order": 2})),
            &["is_order", "element 2"],
        ),
        (
            &TEXTS,
            second(json!({"item_id": 1, "is_order": "maybe"})),
            &["true", "maybe", "element 2"],
        ),
        (&TEXTS, second(json!(5)), &["element 2"]),
        (&TEXTS, second(json!([1, true])), &["element 2"]),
        (&TEXTS, json!([[good]]), &["element 1"]),
    ];
    for (formats, value, said) in cases {
        refused(formats, "impressions", "impressions", &value, said);
    }
}

#[test]
fn impressions_that_are_no_array_are_refused() {
    // An object is a map from item to label.
    let map = json!({"item_id": 1});
    refused(&TEXTS, "impressions", "impressions", &map, &["an item id"]);
    for value in [json!(true), json!("[1"), json!("none")] {
        refused(&TEXTS, "impressions", "impressions", &value, &["array"]);
    }
    for text in [
        "[{\"item_id\": 13, \"is_or",
        "[{'item_id': 13]",
        "[] []",
        "[{\"item_id\": 1},]",
    ] {
        refused(
            &["csv"],
            "impressions",
            "impressions",
            &json!(text),
            &["array"],
        );
    }
}

#[test]
fn an_explicit_null_or_an_empty_array_is_no_fault() {
    for format in FORMATS {
        for value in [Value::Null, json!([])] {
            let shop = shop();
            shop.source(
                "impressions",
                format,
                &damaged("impressions", "impressions", value),
            );
            shop.made(&[]);
            assert_eq!(shop.samples().len(), 4, "{format}");
        }
    }
}

#[test]
fn a_record_without_its_array_is_refused() {
    for format in ["ndjson", "json"] {
        let shop = shop();
        let mut impressions = rows("impressions");
        impressions[2]
            .as_object_mut()
            .expect("an object")
            .remove("impressions");
        shop.source("impressions", format, &impressions);
        shop.refuses(&[], 65, &["row 3", "\"impressions\"", "array"]);
    }
}

#[test]
fn a_null_ranking_or_day_is_refused() {
    refused(
        &FORMATS,
        "impressions",
        "ranking_id",
        &Value::Null,
        &["ranking", "null"],
    );
    refused(
        &FORMATS,
        "impressions",
        "dt",
        &Value::Null,
        &["a day", "null"],
    );
    for day in ["yesterday", "2025-02-30", "dt=15"] {
        refused(&FORMATS, "impressions", "dt", &json!(day), &["a day", day]);
    }
    for value in [json!(1.5), json!(true), json!(["r"])] {
        let json = ["ndjson", "json"];
        refused(&json, "impressions", "ranking_id", &value, &["ranking"]);
    }
}

#[test]
fn a_null_label_is_a_fault_if_asked_for() {
    let flags = ["--null-label", "error"];
    let said = [
        "impressions.ndjson",
        "row 2",
        "is_order",
        "null",
        "element 1",
    ];
    shop().refuses(&flags, 65, &said);
    shop().made(&["--null-label", "drop"]);
}

#[test]
fn times_and_items_of_customers_that_nobody_asks_for_are_not_looked_at() {
    for (source, item, time) in ACTIONS {
        for format in FORMATS {
            let columns: [(&str, Value); 4] = [
                (time, Value::Null),
                (time, json!("soon")),
                (item, json!(0)),
                (item, json!(i64::MAX)),
            ];
            for (column, value) in columns {
                let shop = shop();
                let mut actions = rows(source);
                actions[1][column] = value;
                if source == "previous_orders" && column == time {
                    actions[1]["order_date"] = Value::Null;
                }
                shop.source(source, format, &actions).made(&[]);
                assert_eq!(shop.samples().len(), 5);
            }
        }
    }
}

#[test]
fn a_customer_id_is_looked_at_in_every_row() {
    for source in ["clicks", "add_to_carts", "previous_orders"] {
        for format in TEXTS {
            let shop = shop();
            let mut actions = rows(source);
            actions[1]["customer_id"] = json!("nobody");
            shop.source(source, format, &actions);
            shop.refuses(&[], 65, &["row 2", "customer_id", "nobody"]);
        }
    }
}

#[test]
fn rows_outside_the_lookback_are_looked_at() {
    for (source, item, time) in ACTIONS {
        for format in FORMATS {
            for at in ["2001-01-01 00:00:00", "2031-01-01 00:00:00"] {
                let shop = shop();
                let mut actions = damaged(source, item, json!(0));
                actions[2][time] = json!(at);
                shop.source(source, format, &actions);
                shop.refuses(&[], 65, &["row 3", item]);
            }
        }
    }
}

#[test]
fn impressions_of_days_that_nobody_asks_for_are_not_looked_at() {
    for format in FORMATS {
        let shop = shop();
        let bad = json!([{"item_id": 0, "is_order": false}]);
        shop.source(
            "impressions",
            format,
            &damaged("impressions", "impressions", bad),
        );
        shop.refuses(&["--date", "2025-08-16"], 65, &["row 3"]);
        shop.made(&["--date", "2025-08-15"]);
    }
}
