//! The items of impressions in every shape: what each becomes, and what is refused.

use serde_json::{Map, Value, json};

use crate::shop::{FORMATS, Shop, rows, shop};

/// The flags that take a blank for the separator of items, and a hyphen for that of labels.
const SPLIT: [&str; 4] = [
    "--source",
    "impressions.item_separator= ",
    "--source",
    "impressions.label_separator=-",
];

/// Impressions whose items all have a label.
fn labelled() -> Vec<Value> {
    let mut rows = rows("impressions");
    rows[1]["impressions"][0]["is_order"] = json!(false);
    rows
}

/// Impressions with their items in other columns, which `change` makes of items and labels.
fn reshaped(rows: &[Value], change: impl Fn(&[(i64, Option<bool>)]) -> Value) -> Vec<Value> {
    let row = |row: &Value| {
        let items = row["impressions"].as_array().expect("items").iter();
        let items = items.map(|item| {
            let id = item["item_id"].as_i64().expect("an id");
            (id, item["is_order"].as_bool())
        });
        let mut row = row.as_object().expect("a row").clone();
        row.remove("impressions");
        let more = change(&items.collect::<Vec<_>>());
        row.extend(more.as_object().expect("columns").clone());
        Value::Object(row)
    };
    rows.iter().map(row).collect()
}

/// The ids of items.
fn ids(items: &[(i64, Option<bool>)]) -> Vec<i64> {
    items.iter().map(|(id, _)| *id).collect()
}

/// The ids of items that have a label that is true.
fn clicked(items: &[(i64, Option<bool>)]) -> Vec<i64> {
    let clicked = items.iter().filter(|(_, label)| *label == Some(true));
    clicked.map(|(id, _)| *id).collect()
}

/// Checks that impressions in another shape make what those of structs make, in every format.
fn check(rows: &[Value], flags: &[&str], change: impl Fn(&[(i64, Option<bool>)]) -> Value) {
    let plain = shop();
    plain.source("impressions", "ndjson", rows).made(&[]);
    for format in FORMATS {
        let shop = shop();
        shop.source("impressions", format, &reshaped(rows, &change));
        shop.made(flags);
        assert_eq!(shop.samples(), plain.samples(), "{format}");
        let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
        assert_eq!(verified.code, 0, "{format}: {}", verified.stderr);
    }
}

/// A shop whose impressions have these items and other columns, in a format.
fn odd(format: &str, columns: &Value) -> Shop {
    let shop = shop();
    let mut rows = rows("impressions");
    for row in &mut rows {
        let row = row.as_object_mut().expect("a row");
        row.extend(columns.as_object().expect("columns").clone());
    }
    shop.source("impressions", format, &rows);
    shop
}

#[test]
fn two_lists_are_items_and_labels() {
    let lists = |items: &[(i64, Option<bool>)]| {
        let labels: Vec<_> = items.iter().map(|(_, label)| *label).collect();
        json!({"impressions": ids(items), "labels": labels})
    };
    check(&rows("impressions"), &[], lists);
    let named = [
        "--columns",
        "impressions.impressions=shown,impressions.labels=bought",
    ];
    check(&rows("impressions"), &named, |items| {
        let lists = lists(items);
        json!({"shown": lists["impressions"], "bought": lists["labels"]})
    });
}

#[test]
fn a_list_of_clicked_items_labels_all() {
    check(
        &labelled(),
        &[],
        |items| json!({"impressions": ids(items), "clicked": clicked(items)}),
    );
    // Where nothing was clicked, some logs have a null.
    check(&labelled(), &[], |items| {
        let clicked = Some(clicked(items)).filter(|clicked| !clicked.is_empty());
        json!({"impressions": ids(items), "clicked": clicked})
    });
}

#[test]
fn items_alone_have_null_labels() {
    let mut rows = rows("impressions");
    for row in &mut rows {
        let items = row["impressions"].as_array_mut().expect("items");
        items
            .iter_mut()
            .for_each(|item| item["is_order"] = Value::Null);
    }
    check(&rows, &[], |items| json!({"impressions": ids(items)}));
}

#[test]
fn a_map_has_items_with_labels() {
    check(&rows("impressions"), &[], |items| {
        let pairs = items.iter();
        let pairs = pairs.map(|(id, label)| (id.to_string(), json!(label)));
        json!({"impressions": pairs.collect::<Map<_, _>>()})
    });
}

#[test]
fn texts_are_split_where_the_user_says() {
    let joined = |ids: Vec<i64>, separator: &str| {
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        ids.join(separator)
    };
    for separator in ["|", ",", ", ", "::"] {
        let flag = format!("impressions.item_separator={separator}");
        check(&labelled(), &["--source", &flag], |items| {
            let [items, clicked] = [ids(items), clicked(items)].map(|ids| joined(ids, separator));
            json!({"impressions": items, "clicked": clicked})
        });
    }
    check(&rows("impressions"), &SPLIT, |items| {
        let pair = |(id, label): &(i64, Option<bool>)| match label {
            Some(label) => format!("{id}-{}", i32::from(*label)),
            None => format!("{id}-"),
        };
        let pairs: Vec<String> = items.iter().map(pair).collect();
        json!({"impressions": format!(" {}  ", pairs.join("  "))})
    });
}

#[test]
fn lists_of_texts_are_split_into_item_and_label() {
    check(&labelled(), &SPLIT[2..], |items| {
        let pair =
            |(id, label): &(i64, Option<bool>)| format!("{id}-{}", label.unwrap_or_default());
        json!({"impressions": items.iter().map(pair).collect::<Vec<_>>()})
    });
}

#[test]
fn texts_that_are_json_are_read_as_json() {
    check(&rows("impressions"), &[], |items| {
        let object = |(id, label): &(i64, Option<bool>)| json!({"item_id": id, "is_order": label});
        let array: Vec<Value> = items.iter().map(object).collect();
        json!({"impressions": json!(array).to_string()})
    });
    check(&labelled(), &[], |items| {
        let [items, clicked] = [ids(items), clicked(items)].map(|ids| json!(ids).to_string());
        json!({"impressions": items, "clicked": clicked})
    });
}

#[test]
fn the_label_stands_behind_the_last_separator() {
    let text = odd("csv", &json!({"impressions": "a-b-1  N-0"}));
    text.remove("clicks")
        .remove("add_to_carts")
        .remove("previous_orders");
    text.source(
        "clicks",
        "ndjson",
        &[json!({"customer_id": 1, "item_id": "N", "click_time": "2025-08-14"})],
    );
    let flags = ["--item-vocabulary", "build", "--without", "carts,orders"];
    text.made(&[&SPLIT[..], &flags].concat());
    let is_label = |row: &String, item: &str| row.split(' ').nth(2) == Some(item);
    let samples = text.samples();
    assert_eq!(samples.len(), 8);
    // Codes are in the order of ids: N before a-b.
    for row in samples {
        let label = row.split(' ').nth(3).expect("a label");
        assert_eq!(is_label(&row, "2"), label == "true", "{row}");
    }
}

#[test]
fn lists_of_structs_do_not_look_at_other_columns() {
    let plain = shop();
    plain.made(&[]);
    for format in FORMATS {
        let shop = odd(format, &json!({"labels": "x", "clicked": 7}));
        shop.made(&[]);
        assert_eq!(shop.samples(), plain.samples(), "{format}");
        let named = ["--columns", "impressions.labels=labels"];
        let said = ["column \"impressions\"", "whose labels are in \"labels\""];
        std::fs::remove_dir_all(shop.out()).expect("our own folder");
        shop.refuses(&named, 65, &said);
    }
}

#[test]
fn labels_and_items_are_of_one_length() {
    for format in FORMATS {
        let columns = json!({"impressions": [11, 12], "labels": [true]});
        let said = [
            "row 1, column \"labels\"",
            "as many labels as items, 2, found 1",
        ];
        odd(format, &columns).refuses(&[], 65, &said);
        let run = odd(format, &columns).run(&["--on-bad-row", "quarantine", "--allow-unused"]);
        assert_eq!(run.code, 0, "{format}: {}", run.stderr);
    }
}

#[test]
fn clicked_items_were_shown() {
    for format in FORMATS {
        let columns = json!({"impressions": [11, 12], "clicked": [12, 77]});
        let said = [
            "row 1, column \"clicked\"",
            "items that are in \"impressions\", found 77",
        ];
        odd(format, &columns).refuses(&[], 65, &said);
    }
}

#[test]
fn labels_are_in_one_place() {
    for format in FORMATS {
        let columns = json!({"impressions": [11], "clicked": [11], "labels": [true]});
        let said = [
            "found \"labels\" and \"clicked\"",
            "--columns impressions.labels=labels",
        ];
        odd(format, &columns).refuses(&[], 65, &said);
        odd(format, &columns).made(&["--columns", "impressions.clicked=clicked"]);
    }
    let both = ["--columns", "impressions.labels=a,impressions.clicked=b"];
    shop().refuses(&both, 2, &["labels by labels or by clicked"]);
    let both = ["--columns", "impressions.labels=a", SPLIT[2], SPLIT[3]];
    shop().refuses(&both, 2, &["labels by labels or by label_separator"]);
}

#[test]
fn separators_are_texts_that_differ_and_of_impressions() {
    for (settings, said) in [
        (
            &["impressions.item_separator="][..],
            "item_separator is empty",
        ),
        (
            &[
                "impressions.item_separator=|",
                "impressions.label_separator=|",
            ],
            "the same text",
        ),
        (
            &["clicks.item_separator=|"],
            "is for the impressions of sequences",
        ),
    ] {
        let flags = settings.iter().flat_map(|setting| ["--source", setting]);
        shop().refuses(&flags.collect::<Vec<_>>(), 2, &[said]);
    }
}

#[test]
fn a_text_is_never_split_unasked() {
    for (text, separator) in [
        ("11|12", "|"),
        ("11,12", ","),
        ("11;12", ";"),
        ("11 12", " "),
        ("N1", "|"),
    ] {
        let shop = odd("csv", &json!({"impressions": text}));
        let hint = format!("--source impressions.item_separator='{separator}'");
        shop.refuses(&[], 65, &["row 1, column \"impressions\"", text, &hint]);
    }
    // One whole number is one item.
    odd("csv", &json!({"impressions": 11})).made(&[]);
}

#[test]
fn elements_of_texts_are_whole() {
    for format in FORMATS {
        for (text, flags, said) in [
            (
                "11||12",
                &["--source", "impressions.item_separator=|"][..],
                "found nothing in element 2",
            ),
            (
                "11|",
                &["--source", "impressions.item_separator=|"],
                "found nothing in element 2",
            ),
            (
                "11|x",
                &["--source", "impressions.item_separator=|"],
                "element 2",
            ),
            (
                "11-1 12",
                &SPLIT,
                "with \"-\" between them, found \"12\" in element 2",
            ),
            ("11-1 12-2", &SPLIT, "found \"2\" in element 2"),
            ("11-1 -1", &SPLIT, "found null in element 2"),
        ] {
            let shop = odd(format, &json!({"impressions": text}));
            shop.refuses(flags, 65, &["row 1, column \"impressions\"", said]);
        }
    }
}

#[test]
fn fields_of_items_need_structs() {
    for format in FORMATS {
        let shop = odd(format, &json!({"impressions": [11, 12]}));
        let said = ["impressions", "as --keep item.place copies"];
        shop.refuses(&["--keep", "item.place"], 65, &said);
    }
}

#[test]
fn labels_that_are_required_and_missing_are_named() {
    for format in FORMATS {
        let strict = ["--null-label", "error"];
        let said = ["found items alone; --columns impressions.labels=COLUMN"];
        odd(format, &json!({"impressions": [11]})).refuses(&strict, 65, &said);
        let shop = odd(
            format,
            &json!({"impressions": [11, 12], "labels": [true, null]}),
        );
        let said = ["row 1, column \"labels\"", "found null in element 2"];
        shop.refuses(&strict, 65, &said);
        let named = ["--columns", "impressions.labels=bought"];
        let said = ["expected a column \"bought\"", "correct the name"];
        odd(format, &json!({"impressions": [11]})).refuses(&named, 65, &said);
    }
}
