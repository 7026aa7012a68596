//! Items whose ids are texts: codes that are built, given, extended and kept.

use std::fs::{self, File};
use std::path::PathBuf;

use arrow::array::{AsArray, Int32Array, StringArray};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::choice::first_list;
use crate::encode::{encode, encode_batch};
use crate::shop::{FORMATS, SOURCES, Shop, TEXTS, rows, shop, snapshot};

/// Flags of a vocabulary that is built.
const BUILD: [&str; 2] = ["--item-vocabulary", "build"];
/// Flags of one that is given.
const FILE: [&str; 2] = ["--item-vocabulary", "shop/codes.parquet"];

/// Rows of a source whose items are texts.
fn named(source: &str) -> Vec<Value> {
    let name = |item: &mut Value| {
        if let Some(id) = item.as_i64() {
            *item = json!(format!("sku-{id}"));
        }
    };
    let mut rows = rows(source);
    for row in &mut rows {
        for column in ["item_id", "config_id"] {
            row.get_mut(column).into_iter().for_each(name);
        }
        let elements = row.get_mut("impressions").and_then(Value::as_array_mut);
        let elements = elements.into_iter().flatten();
        elements.for_each(|element| name(&mut element["item_id"]));
    }
    rows
}

/// The shop with texts for ids of items.
fn named_shop() -> Shop {
    let shop = shop();
    for ((source, _), format) in SOURCES.iter().zip(["ndjson", "csv", "json", "parquet"]) {
        shop.source(source, format, &named(source));
    }
    shop
}

/// Where a vocabulary is that is given.
fn given(shop: &Shop) -> PathBuf {
    shop.root().join("shop/codes.parquet")
}

/// Gives a vocabulary of some items.
fn give(shop: &Shop, items: &[&str]) {
    let rows = items.iter().zip(1..);
    let rows = rows.map(|(item, code)| json!({"item": item, "code": code}));
    let bytes = encode("parquet", &rows.collect::<Vec<_>>());
    fs::write(given(shop), bytes).expect("a file");
}

/// The items that an output has codes for, in their order.
#[track_caller]
fn items(shop: &Shop) -> Vec<String> {
    let file = File::open(shop.out().join("_vocabulary.parquet")).expect("a vocabulary");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let mut items = Vec::new();
    for batch in reader.build().expect("Parquet") {
        let batch = batch.expect("a batch");
        let codes = batch["code"].as_primitive::<Int32Type>().values();
        for (item, code) in batch["item"].as_string::<i32>().iter().zip(codes) {
            items.push(item.expect("a text").to_owned());
            assert_eq!(items.len(), usize::try_from(*code).expect("above 0"));
        }
    }
    items
}

/// Items by their numbers.
fn skus(numbers: &[u32]) -> Vec<String> {
    numbers
        .iter()
        .map(|number| format!("sku-{number}"))
        .collect()
}

/// Has a set verified, every row of it.
#[track_caller]
fn verify(shop: &Shop) {
    let run = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_vocabulary_is_built_of_what_is_shown_and_what_may_be_prior() {
    let shop = named_shop();
    shop.made(&BUILD);
    // Nobody asks about customer 9.
    let all = [11, 12, 13, 14, 21, 23, 24, 31, 33, 41, 43];
    assert_eq!(items(&shop), skus(&all));
    let samples = shop.samples();
    assert_eq!(samples[0], "r1 0 1 true [5, 8, 10, 0]");
    assert!(
        samples
            .iter()
            .any(|sample| sample == "r3 0 3 false [7, 5, 8, 10]")
    );
    verify(&shop);
}

#[test]
fn texts_without_a_vocabulary_are_faults_that_name_the_flag() {
    for (source, file) in [
        ("impressions", "impressions.ndjson"),
        ("clicks", "clicks.csv"),
        ("add_to_carts", "add_to_carts.json"),
        ("previous_orders", "previous_orders.parquet"),
    ] {
        let shop = shop();
        let (_, format) = file.split_once('.').expect("an ending");
        shop.source(source, format, &named(source));
        shop.refuses(&[], 65, &[file, "--item-vocabulary build"]);
    }
}

#[test]
fn integers_are_texts_too() {
    let shop = shop();
    shop.made(&BUILD);
    let all = [
        "11", "12", "13", "14", "21", "23", "24", "31", "33", "41", "43",
    ];
    assert_eq!(items(&shop), all);
    verify(&shop);
}

#[test]
fn an_empty_item_is_a_bad_row() {
    for format in TEXTS {
        let shop = named_shop();
        let mut clicks = named("clicks");
        clicks[2]["item_id"] = json!("");
        shop.source("clicks", format, &clicks);
        shop.refuses(
            &BUILD,
            65,
            &[&format!("clicks.{format}"), "row 3", "item_id"],
        );
        let flags = [&BUILD[..], &["--on-bad-row", "quarantine"]].concat();
        shop.made(&flags);
        assert!(!items(&shop).contains(&"sku-23".to_owned()));
        verify(&shop);
    }
}

#[test]
fn given_codes_stay_and_new_items_follow() {
    let shop = named_shop();
    give(&shop, &["sku-31", "sku-never", "sku-13"]);
    let before = fs::read(given(&shop)).expect("a file");
    shop.made(&FILE);
    assert_eq!(before, fs::read(given(&shop)).expect("a file"));
    let mut all = vec!["sku-31".to_owned(), "sku-never".into(), "sku-13".into()];
    all.extend(skus(&[11, 12, 14, 21, 23, 24, 33, 41, 43]));
    assert_eq!(items(&shop), all);
    assert_eq!(shop.samples()[0], "r1 0 4 true [7, 1, 11, 0]");
    verify(&shop);
}

#[test]
fn what_a_given_vocabulary_lacks_is_left_out_and_counted() {
    let shop = named_shop();
    give(&shop, &["sku-11", "sku-31"]);
    let flags = [&FILE[..], &["--unknown-item", "drop", "--stats", "json"]].concat();
    let run = shop.run(&flags);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(items(&shop), ["sku-11", "sku-31"]);
    let samples = ["r1 0 1 true [2, 0, 0, 0]", "r2 0 1 null [0, 0, 0, 0]"];
    assert_eq!(shop.samples(), samples);
    let stats: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(stats["unknown_items"], 3);
    // Of customer 1 a click and an order, of customer 2 one of each type: nobody asks about the
    // third day.
    assert_eq!(stats["actions_on_unknown_items"], 5);
    verify(&shop);
    let run = shop.run_bare(&["explain", "out", "--ranking-id", "r1", "--quiet"]);
    assert!(
        run.stdout.contains("sku-31") && run.stdout.contains("lacks"),
        "{}",
        run.stdout
    );
    let built = [&BUILD[..], &["--unknown-item", "drop", "--overwrite"]].concat();
    shop.run(&built)
        .assert_failed(2, &["--unknown-item", "FILE"]);
}

#[test]
fn head_shows_people_items_and_programs_codes() {
    let shop = named_shop();
    for (layout, of_items) in [("sample", "0  sku-11"), ("request", "items  ")] {
        shop.made(&[&BUILD[..], &["--layout", layout, "--overwrite"]].concat());
        let days = ["out", "out/dt=2025-08-15"];
        for out in days {
            let run = shop.run_bare(&["head", out, "-n", "100", "--customer", "1"]);
            assert_eq!(run.code, 0, "{}", run.stderr);
            let actions = "sku-21  sku-31  sku-41\n";
            assert!(run.stdout.contains(actions), "{}", run.stdout);
            assert!(run.stdout.contains(of_items), "{}", run.stdout);
            assert!(run.stdout.contains("sku-12"), "{}", run.stdout);
        }
        assert_eq!(first_list(&shop, "actions"), "[5,8,10,0]");
    }
    give(&shop, &["sku-11", "sku-21"]);
    fs::rename(given(&shop), shop.out().join("_vocabulary.parquet")).expect("to move");
    let run = shop.run_bare(&["head", "out"]);
    run.assert_failed(65, &["_vocabulary.parquet", "code 3"]);
    fs::remove_file(shop.out().join("_vocabulary.parquet")).expect("a file");
    shop.run_bare(&["head", "out"])
        .assert_failed(74, &["_vocabulary.parquet"]);
}

#[test]
fn attributes_stay_with_their_actions_where_others_are_left_out() {
    for format in FORMATS {
        let shop = named_shop();
        for (source, prices) in [
            ("clicks", [1.25, 9.0, 3.0, 4.0]),
            ("add_to_carts", [0.5, 8.0, 7.0, 6.0]),
            ("previous_orders", [2.5, 10.0, 11.0, 12.0]),
        ] {
            let mut rows = named(source);
            for (row, price) in rows.iter_mut().zip(prices) {
                row["price"] = json!(price);
            }
            shop.source(source, format, &rows);
        }
        // Of customer 1 a click on 21, an add-to-cart of 31, an order of 41.
        for (given, actions, prices) in [
            (vec![], "[5,8,10,0]", "[1.25,0.5,2.5,0.0]"),
            (
                vec!["sku-41", "sku-11", "sku-21"],
                "[3,1,0,0]",
                "[1.25,2.5,0.0,0.0]",
            ),
            (vec!["sku-41", "sku-11"], "[1,0,0,0]", "[2.5,0.0,0.0,0.0]"),
        ] {
            let drop = [&FILE[..], &["--unknown-item", "drop"]].concat();
            let mut flags = &BUILD[..];
            if !given.is_empty() {
                give(&shop, &given);
                flags = &drop;
            }
            shop.made(&[flags, &["--with", "price", "--overwrite"]].concat());
            assert_eq!(first_list(&shop, "actions"), actions, "{format}");
            assert_eq!(first_list(&shop, "price"), prices, "{format}");
            verify(&shop);
        }
    }
}

#[test]
fn a_file_that_is_no_vocabulary_names_file_and_row() {
    let row = |item: Value, code: Value| json!({"item": item, "code": code});
    let (a, b) = (|| json!("a"), || json!("b"));
    for (rows, said) in [
        (vec![row(a(), json!(1)), row(b(), json!(3))], "row 2"),
        (vec![row(a(), json!(0)), row(b(), json!(1))], "row 1"),
        (vec![row(a(), json!(1)), row(b(), json!(1))], "row 2"),
        (vec![row(a(), json!(1)), row(a(), json!(2))], "row 2"),
        (vec![row(a(), json!(1)), row(json!(""), json!(2))], "row 2"),
        (
            vec![row(a(), json!(1)), row(Value::Null, json!(2))],
            "row 2",
        ),
        (vec![row(a(), json!(1)), row(b(), Value::Null)], "row 2"),
        (vec![row(json!(5), json!(1))], "\"item\""),
        (vec![row(a(), json!("x"))], "\"code\""),
        (vec![json!({"item": "a"})], "\"code\""),
    ] {
        let shop = named_shop();
        let bytes = encode("parquet", &rows);
        fs::write(given(&shop), bytes).expect("a file");
        shop.refuses(&FILE, 65, &["codes.parquet", said]);
    }
    let shop = named_shop();
    shop.refuses(&FILE, 66, &["codes.parquet"]);
}

#[test]
fn added_days_extend_the_vocabulary_of_the_output() {
    let shop = named_shop();
    let on = |day, more: &[&str]| shop.made(&[&BUILD[..], &["--date", day], more].concat());
    on("2025-08-15", &[]);
    let first = skus(&[11, 12, 21, 23, 31, 33, 41, 43]);
    assert_eq!(items(&shop), first);
    let day = snapshot(&shop.out().join("dt=2025-08-15"));
    on("2025-08-16", &["--add-days"]);
    let both = [first, skus(&[13, 14, 24])].concat();
    assert_eq!(items(&shop), both);
    assert_eq!(snapshot(&shop.out().join("dt=2025-08-15")), day);
    verify(&shop);
    // A day that is made again means the same by its codes, and nothing else changes.
    let whole = snapshot(&shop.out());
    on("2025-08-16", &["--add-days", "--if-exists", "skip"]);
    assert_eq!(fs::read(shop.out().join("_vocabulary.parquet")).ok(), {
        let mut found = whole
            .iter()
            .filter(|(path, _)| path.ends_with("_vocabulary.parquet"));
        found.next().map(|(_, bytes)| bytes.clone())
    });
    on("2025-08-15", &["--add-days", "--if-exists", "replace"]);
    assert_eq!(items(&shop), both);
    verify(&shop);
    give(&shop, &["sku-11"]);
    let other = [&FILE[..], &["--add-days", "--if-exists", "replace"]].concat();
    shop.run(&other).assert_failed(73, &["item_vocabulary"]);
    let none = ["--add-days", "--if-exists", "replace"];
    let ints = crate::shop::shop();
    fs::rename(shop.out(), ints.out()).expect("to move");
    ints.run(&none).assert_failed(73, &["item_vocabulary"]);
}

#[test]
fn a_run_that_adds_nothing_records_the_vocabulary_that_a_crashed_run_left() {
    let (shop, other) = (named_shop(), named_shop());
    let day = |shop: &Shop, more: &[&str]| shop.made(&[&BUILD[..], more].concat());
    day(&shop, &["--date", "2025-08-15"]);
    day(&other, &["--date", "2025-08-15"]);
    day(&other, &["--date", "2025-08-16", "--add-days"]);
    // As if it had been killed between the vocabulary and the manifest.
    let name = "_vocabulary.parquet";
    fs::copy(other.out().join(name), shop.out().join(name)).expect("a copy");
    let skip = ["--date", "2025-08-15", "--add-days", "--if-exists", "skip"];
    day(&shop, &skip);
    assert_eq!(items(&shop), items(&other));
    verify(&shop);
    day(&shop, &["--date", "2025-08-16", "--add-days"]);
    assert_eq!(items(&shop), items(&other));
    assert_eq!(shop.samples(), other.samples());
    verify(&shop);
}

#[test]
fn a_given_vocabulary_may_not_lie_in_the_output() {
    let shop = named_shop();
    shop.made(&BUILD);
    let flags = [
        "--item-vocabulary",
        "out/_vocabulary.parquet",
        "--overwrite",
    ];
    let before = snapshot(&shop.out());
    shop.run(&flags).assert_failed(73, &["overlaps"]);
    assert_eq!(snapshot(&shop.out()), before);
}

#[test]
fn a_vocabulary_whose_codes_were_changed_is_noticed() {
    let shop = named_shop();
    shop.made(&BUILD);
    let mut all = items(&shop);
    all.swap(0, 1);
    let codes: Int32Array = (1..).take(all.len()).collect();
    let batch = RecordBatch::try_from_iter([
        (
            "item",
            std::sync::Arc::new(StringArray::from(all)) as arrow::array::ArrayRef,
        ),
        ("code", std::sync::Arc::new(codes)),
    ]);
    let bytes = encode_batch(&batch.expect("columns of one length"));
    fs::write(shop.out().join("_vocabulary.parquet"), bytes).expect("a file");
    let run = shop.run_bare(&["verify", "out"]);
    run.assert_failed(65, &["_vocabulary.parquet"]);
    fs::remove_file(shop.out().join("_vocabulary.parquet")).expect("a file");
    let run = shop.run_bare(&["verify", "out"]);
    run.assert_failed(65, &["_vocabulary.parquet", "missing"]);
}

#[test]
fn a_manifest_and_a_job_file_know_their_vocabulary() {
    for (flags, text) in [
        (BUILD, "item_vocabulary = 'build'\n"),
        (
            FILE,
            "item_vocabulary = 'codes.parquet'\nunknown_item = 'index'\n",
        ),
    ] {
        let shop = named_shop();
        give(&shop, &["sku-31"]);
        shop.made(&flags);
        let first = snapshot(&shop.out());
        fs::rename(shop.out(), shop.root().join("before")).expect("to move");
        let again = [
            "sequences",
            "--job",
            "before/_manifest.json",
            "--out",
            "out",
        ];
        let run = shop.run_bare(&again);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(snapshot(&shop.out()), first);
        let vocabulary = items(&shop);
        shop.put(
            "job.toml",
            format!("job = 'sequences'\ndir = '.'\nmax_actions = 4\n{text}"),
        );
        let job = [
            "sequences",
            "--job",
            "shop/job.toml",
            "--out",
            "out",
            "--overwrite",
        ];
        let run = shop.run_bare(&job);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(items(&shop), vocabulary);
    }
}
