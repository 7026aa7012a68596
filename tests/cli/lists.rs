//! Lists in cells of text whose elements are rows: arrays of JSON and Python, and texts with separators.

use std::fs;

use serde_json::{Value, json};

use crate::encode::{encode, gz};
use crate::shop::{Shop, entries, read, shop};

/// What a customer saw at a time: items, and whether each was clicked.
type Session = (i64, &'static str, &'static [(i64, i64)]);

/// The sessions of the log that every test writes in its way; one saw nothing.
const SESSIONS: [Session; 5] = [
    (1, "2025-08-14 10:00:00", &[(21, 1), (22, 0), (23, 1)]),
    (9, "2025-08-14 11:00:00", &[(22, 1)]),
    (2, "2025-08-13 12:00:00", &[(23, 0), (21, 1)]),
    (2, "2025-08-13 13:00:00", &[]),
    (1, "2025-08-14 09:00:00", &[(25, 1)]),
];

/// The lines of a job whose list has labels.
const CLICKED: &str =
    "explode = \"item_id\"\nlabel_separator = \"-\"\nwhere = { \"item_id.label\" = \"1\" }\n";

/// The sessions with lists that are written in some way.
fn sessions(list: impl Fn(&[(i64, i64)]) -> Value) -> Vec<Value> {
    let rows = SESSIONS.iter().map(|(customer, time, items)| {
        json!({"customer_id": customer, "time": time, "item_id": list(items)})
    });
    rows.collect()
}

/// Items with labels as one text.
fn joined(items: &[(i64, i64)], separator: &str) -> Value {
    let items = items.iter().map(|(item, label)| format!("{item}-{label}"));
    json!(items.collect::<Vec<_>>().join(separator))
}

/// Rows as fields with tabs between them and without quotes, as programs write them.
fn tsv(rows: &[Value]) -> Vec<u8> {
    let mut text = "customer_id\ttime\titem_id\n".to_owned();
    for row in rows {
        let fields = ["customer_id", "time", "item_id"].map(|name| match &row[name] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        text += &(fields.join("\t") + "\n");
    }
    text.into_bytes()
}

/// A shop with one log of actions, and its job with further lines for that log.
fn logged(file: &str, bytes: impl AsRef<[u8]>, lines: &str) -> Shop {
    let shop = shop();
    for source in ["clicks", "add_to_carts", "previous_orders"] {
        shop.remove(source);
    }
    shop.put(file, bytes);
    let job = format!(
        "job = \"sequences\"\nmax_actions = 4\n[sources.impressions]\npath = \"impressions.ndjson\"\n\
         [sources.seen]\npath = \"{file}\"\ntype = 1\n{lines}\n"
    );
    shop.put("job.toml", job);
    shop
}

/// Makes the set of the job of a shop, of which all rows are computed once more; gives the bytes of its parts.
#[track_caller]
fn parts(shop: &Shop) -> Vec<Vec<u8>> {
    let run = shop.run_bare(&["sequences", "--job", "shop/job.toml", "--out", "out"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    let days = entries(&shop.out())
        .into_iter()
        .filter(|path| path.is_dir());
    let parts = days
        .flat_map(|day| entries(&day))
        .filter(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    let parts: Vec<Vec<u8>> = parts.map(|part| fs::read(part).expect("a part")).collect();
    assert!(!parts.is_empty());
    parts
}

/// The parts of the log as NDJSON without lists, in which each row is a click.
fn expected() -> Vec<Vec<u8>> {
    let mut rows = Vec::new();
    for (customer, time, items) in SESSIONS {
        let clicked = items.iter().filter(|(_, label)| *label == 1);
        let row = |(item, _): &(i64, i64)| json!({"customer_id": customer, "time": time, "item_id": item});
        rows.extend(clicked.map(row));
    }
    let shop = logged("seen.ndjson", encode("ndjson", &rows), "");
    let parts = parts(&shop);
    let samples = shop.samples();
    assert!(
        samples
            .iter()
            .any(|sample| sample.contains("23, 21, 25, 0")),
        "{samples:?}"
    );
    parts
}

/// A list of items and labels, as a cell.
type ListOf<'f> = &'f dyn Fn(&[(i64, i64)]) -> Value;

#[test]
fn arrays_of_objects_in_cells_are_rows_of_their_fields() {
    let expected = expected();
    let objects = |items: &[(i64, i64)]| {
        let items = items.iter();
        let items = items.map(|(item, label)| json!({"item_id": item, "seen": {"click": label}}));
        json!(items.collect::<Vec<_>>())
    };
    let of_python = |items: &[(i64, i64)]| {
        let text = objects(items).to_string();
        json!(text.replace('"', "'").replace("[]", "None"))
    };
    let rows = |list: ListOf<'_>| {
        let mut rows = sessions(list);
        for row in &mut rows {
            row["events"] = row["item_id"].take();
            if row["events"] == json!("None") {
                row["events"] = json!("");
            }
        }
        rows
    };
    for name in ["item_id", "events.item_id"] {
        let lines = format!(
            "explode = \"events\"\ncolumns = {{ item_id = \"{name}\" }}\nwhere = {{ \"seen.click\" = \"1\" }}"
        );
        for (file, bytes) in [
            ("seen.ndjson", encode("ndjson", &rows(&objects))),
            ("seen.csv", encode("csv", &rows(&objects))),
            ("seen.csv.gz", gz(&encode("csv", &rows(&objects)))),
            ("seen.csv", encode("csv", &rows(&of_python))),
        ] {
            assert_eq!(
                parts(&logged(file, bytes, &lines)),
                expected,
                "{file} {name}"
            );
        }
    }
}

#[test]
fn arrays_of_texts_in_cells_are_split_into_item_and_label() {
    let expected = expected();
    let texts = |items: &[(i64, i64)]| {
        let items = items.iter().map(|(item, label)| format!("{item}-{label}"));
        json!(items.collect::<Vec<_>>())
    };
    let of_python = |items: &[(i64, i64)]| json!(texts(items).to_string().replace('"', "'"));
    let rows = sessions(texts);
    for (file, bytes) in [
        ("seen.ndjson", encode("ndjson", &rows)),
        ("seen.json", encode("json", &rows)),
        ("seen.csv", encode("csv", &rows)),
        ("seen.csv", encode("csv", &sessions(of_python))),
        ("seen.tsv", tsv(&rows)),
        ("seen.tsv", tsv(&sessions(of_python))),
    ] {
        assert_eq!(parts(&logged(file, bytes, CLICKED)), expected, "{file}");
    }
}

#[test]
fn texts_in_cells_are_split_where_the_user_says() {
    let expected = expected();
    for separator in [" ", "|", ", "] {
        let lines = format!("{CLICKED}item_separator = \"{separator}\"\n");
        let rows = sessions(|items| joined(items, separator));
        for (file, bytes) in [
            ("seen.csv", encode("csv", &rows)),
            ("seen.tsv", tsv(&rows)),
            ("seen.ndjson", encode("ndjson", &rows)),
            ("seen.json", encode("json", &rows)),
        ] {
            assert_eq!(parts(&logged(file, bytes, &lines)), expected, "{file}");
        }
    }
}

#[test]
fn a_file_without_a_header_has_lists_too() {
    let rows = sessions(|items| joined(items, "  "));
    let text = tsv(&rows);
    let behind = text.iter().position(|byte| *byte == b'\n').expect("a line");
    let lines = format!(
        "{CLICKED}item_separator = \" \"\ndelimiter = \"\\t\"\nheader = [\"customer_id\", \"time\", \"item_id\"]\n"
    );
    assert_eq!(
        parts(&logged("seen.tsv", &text[behind + 1..], &lines)),
        expected()
    );
}

#[test]
fn a_cell_that_is_no_list_is_a_bad_row_whose_advice_works() {
    for (format, separator) in [("csv", "|"), ("csv", " "), ("ndjson", ";"), ("json", ",")] {
        let mut rows =
            sessions(|items| json!(items.iter().map(|(item, _)| item).collect::<Vec<_>>()));
        let text = format!("21{separator}22");
        rows[1]["item_id"] = json!(text);
        let file = format!("seen.{format}");
        let lines = "explode = \"item_id\"";
        let shop = logged(&file, encode(format, &rows), lines);
        // Three elements of the first list stand before it.
        let advice = format!("--source seen.item_separator='{separator}'");
        let said = ["row 4", "expected a list as \"item_id\"", &text, &advice];
        let arguments = ["sequences", "--job", "shop/job.toml", "--out", "out"];
        shop.run_bare(&arguments).assert_failed(65, &said);

        let all: Vec<Value> = sessions(|items| {
            let items = items.iter().map(|(item, _)| item.to_string());
            json!(items.collect::<Vec<_>>().join(separator))
        });
        shop.put(&file, encode(format, &all));
        let setting = format!("seen.item_separator={separator}");
        let run = shop.run_bare(&[&arguments[..], &["--source", &setting]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
}

#[test]
fn bad_elements_are_bad_rows_by_themselves() {
    for (cell, lines, said) in [
        ("21|x", "", &["row 2", "\"x\""][..]),
        ("21||22", "", &["row 2", "found nothing in element 2"]),
        (
            "21-1|22",
            "label_separator = \"-\"",
            &[
                "row 2",
                "with \"-\" between them, found \"22\" in element 2",
            ],
        ),
    ] {
        let rows = [json!({"customer_id": 1, "time": "2025-08-14", "item_id": cell})];
        let lines = format!("explode = \"item_id\"\nitem_separator = \"|\"\n{lines}");
        let shop = logged("seen.csv", encode("csv", &rows), &lines);
        let arguments = ["sequences", "--job", "shop/job.toml", "--out", "out"];
        shop.run_bare(&arguments).assert_failed(65, said);
        let aside = ["--on-bad-row", "quarantine", "--max-bad-rows", "1"];
        let run = shop.run_bare(&[&arguments[..], &aside].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(shop.quarantined().len(), 1, "{cell}");
        let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
        assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    }
}

#[test]
fn a_column_that_neither_records_nor_elements_have_is_named() {
    let rows = [json!({"customer_id": 1, "time": "2025-08-14", "events": "[{\"sku\": 1}]"})];
    let shop = logged("seen.csv", encode("csv", &rows), "explode = \"events\"");
    let said = ["expected a column \"item_id\"", "it in no record"];
    let arguments = ["sequences", "--job", "shop/job.toml", "--out", "out"];
    shop.run_bare(&arguments).assert_failed(65, &said);
}

#[test]
fn lists_are_cut_short_where_their_file_is() {
    let text = "customer_id,time,item_id\n1,2025-08-14,\"[21,22]\"\n1,2025-08-14";
    let shop = logged("seen.csv", text, "explode = \"item_id\"");
    let arguments = ["sequences", "--job", "shop/job.toml", "--out", "out"];
    shop.run_bare(&arguments)
        .assert_failed(65, &["cut short in row 3"]);
}

#[test]
fn what_is_no_text_is_not_split() {
    for format in ["parquet", "arrow"] {
        let rows = sessions(|items| joined(items, "|"));
        let lines = format!("{CLICKED}item_separator = \"|\"\n");
        let file = format!("seen.{format}");
        let shop = logged(&file, encode(format, &rows), &lines);
        let said = ["split in text files only", "(FORMAT json)", &file];
        let arguments = ["sequences", "--job", "shop/job.toml", "--out", "out"];
        shop.run_bare(&arguments).assert_failed(65, &said);
    }
}

#[test]
fn the_clicked_items_of_impressions_are_the_log_of_actions() {
    // A headerless log of impressions, of which `job init` makes both sources.
    let shop = shop();
    for source in ["impressions", "clicks", "add_to_carts", "previous_orders"] {
        shop.remove(source);
    }
    let lines = [
        "1\tU1\t11/13/2019 8:36:57 AM\tN9 N8\tN1-0 N2-1",
        "2\tU1\t11/14/2019 8:36:57 AM\tN9 N8\tN2-0 N3-1 N4-1",
        "3\tU2\t11/14/2019 8:36:57 AM\t\tN1-1 N4-0",
        "4\tU1\t11/15/2019 8:36:57 AM\tN9 N8 N2\tN5-0",
    ];
    shop.put("behaviors.tsv", lines.join("\n") + "\n");
    let run = shop.run_bare(&["job", "init", "shop"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = fs::read_to_string(shop.path("job.toml")).expect("a job file");
    for part in [
        "keep = [\"column_4\"]",
        "[sources.labelled]\npath = \"behaviors.tsv\"",
        "explode = \"item_id\"\nitem_separator = \" \"\nlabel_separator = \"-\"",
        "where = { \"item_id.label\" = \"1\" }",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    parts(&shop);
    let days = entries(&shop.out())
        .into_iter()
        .filter(|path| path.is_dir());
    let files = days.flat_map(|day| entries(&day));
    let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    let mut lengths: Vec<Vec<String>> = files
        .flat_map(|file| read(&file, &["ranking_id", "position", "history_length"]))
        .collect();
    lengths.sort();
    let of = |ranking: &str| {
        let rows = lengths.iter().filter(|row| row[0] == ranking);
        rows.map(|row| row[2].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("1"), ["0", "0"]);
    assert_eq!(of("2"), ["1", "1", "1"]);
    assert_eq!(of("3"), ["0", "0"]);
    assert_eq!(of("4"), ["3"]);
}
