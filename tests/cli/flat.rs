//! Impressions as rows of one item, without ranking ids, and without labels.

use std::fs;

use serde_json::{Value, json};
use twox_hash::XxHash64;

use crate::encode::encode;
use crate::shop::{FORMATS, Shop, entries, rows, shop};

/// The impressions of the shop as rows of one item, with their places.
fn flat() -> Vec<Value> {
    let of_row = |row: &Value| {
        let items = row["impressions"].as_array().expect("a list").clone();
        let row = row.clone();
        let flat = move |(place, item): (usize, Value)| {
            json!({"dt": row["dt"], "ranking_id": row["ranking_id"], "customer_id": row["customer_id"],
                   "position": place, "item_id": item["item_id"], "is_order": item["is_order"]})
        };
        items.into_iter().enumerate().map(flat).collect::<Vec<_>>()
    };
    rows("impressions").iter().flat_map(of_row).collect()
}

/// Rows without some columns.
fn without(rows: &[Value], columns: &[&str]) -> Vec<Value> {
    let mut rows = rows.to_vec();
    for row in &mut rows {
        let object = row.as_object_mut().expect("rows are objects");
        object.retain(|name, _| !columns.contains(&name.as_str()));
    }
    rows
}

/// A shop whose impressions are rows of one item in these files.
fn in_files(format: &str, files: &[&[Value]]) -> Shop {
    let shop = shop();
    shop.remove("impressions");
    for (at, rows) in files.iter().enumerate() {
        shop.put(&format!("impressions/{at}.{format}"), encode(format, rows));
    }
    shop
}

/// The samples of the shop, whose impressions are lists.
fn expected() -> Vec<String> {
    let shop = shop();
    shop.made(&[]);
    shop.samples()
}

#[test]
fn rows_of_one_item_make_the_same_samples_as_lists() {
    let expected = expected();
    for format in FORMATS {
        for columns in [&[][..], &["position"]] {
            let shop = in_files(format, &[&without(&flat(), columns)]);
            shop.made(&[]);
            assert_eq!(shop.samples(), expected, "{format}");
            let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
            assert_eq!(
                verified.code, 0,
                "{format}: {}{}",
                verified.stdout, verified.stderr
            );
        }
    }
}

#[test]
fn rows_of_a_ranking_may_be_anywhere_if_they_have_places() {
    let (expected, mut rows) = (expected(), flat());
    rows.reverse();
    let (some, others) = rows.split_at(2);
    let mut bytes = Vec::new();
    for (files, threads) in [([some, others], "1"), ([others, some], "2")] {
        let shop = in_files("parquet", &files);
        shop.made(&["--threads", threads]);
        assert_eq!(shop.samples(), expected);
        let day = entries(&shop.out().join("dt=2025-08-15"));
        bytes.push(fs::read(day.last().expect("a part")).expect("a part"));
    }
    assert_eq!(bytes[0], bytes[1]);
}

#[test]
fn without_places_paths_and_records_are_the_order() {
    let rows = without(&flat(), &["position"]);
    // The second item of the first ranking is in the first file.
    let shop = in_files("csv", &[&rows[1..], &rows[..1]]);
    shop.made(&[]);
    let samples = shop.samples();
    assert_eq!(samples[0], "r1 0 12 false [21, 31, 41, 0]");
    assert_eq!(samples[1], "r1 1 11 true [21, 31, 41, 0]");
}

#[test]
fn the_earliest_time_of_a_ranking_is_its_cutoff() {
    let mut rows = without(&flat()[..2], &["dt", "position"]);
    rows[0]["impression_time"] = json!("2025-08-15 13:00:01");
    rows[1]["impression_time"] = json!("2025-08-15 12:59:59");
    let shop = in_files("ndjson", &[&rows]);
    shop.made(&["--cutoff", "time"]);
    // The click at 13:00 is between the two.
    let samples = shop.samples();
    assert_eq!(samples[0], "r1 0 11 true [21, 31, 41, 0]");
    assert_eq!(samples.len(), 2);
}

#[test]
fn kept_columns_are_those_of_the_first_row() {
    let mut rows = flat();
    for (at, row) in rows.iter_mut().enumerate() {
        row["surface"] = json!(format!("s{at}"));
        row["shade"] = json!(format!("h{at}"));
    }
    rows.swap(0, 1);
    for format in FORMATS {
        let shop = in_files(format, &[&rows]);
        shop.made(&["--keep", "surface,item.shade"]);
        // The first row of the first ranking stands behind the second, which has place 1.
        let shown = shop.run_bare(&["head", "out", "--json"]);
        assert_eq!(shown.code, 0, "{}", shown.stderr);
        for said in ["s0", "h0", "h1", "s2"] {
            assert!(shown.stdout.contains(said), "{format}: {}", shown.stdout);
        }
        assert!(!shown.stdout.contains("s1"), "{format}: {}", shown.stdout);
        let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
        assert_eq!(
            verified.code, 0,
            "{format}: {}{}",
            verified.stdout, verified.stderr
        );
    }
}

#[test]
fn a_ranking_of_two_customers_is_bad_data() {
    for other in [json!(2), Value::Null] {
        for format in ["csv", "parquet"] {
            let mut rows = flat();
            rows[1]["customer_id"] = other.clone();
            let shop = in_files(format, &[&rows]);
            let said = ["row 2", "customer_id", "customer 1", "ranking \"r1\""];
            shop.refuses(&[], 65, &said);
            shop.made(&["--on-bad-row", "quarantine"]);
            let bad = shop.quarantined();
            assert_eq!(bad.len(), 1, "{bad:?}");
            assert_eq!(bad[0][2], "2");
            assert!(bad[0][5].contains("12"), "the record: {bad:?}");
            assert_eq!(shop.samples().len(), expected().len() - 1);
            let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
            assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
        }
    }
}

#[test]
fn places_are_integers_and_each_is_of_one_row() {
    for (place, said) in [
        (json!(0), "another place than that of a row of ranking"),
        (Value::Null, "the place of the item"),
        (json!("top"), "the place of the item"),
    ] {
        let mut rows = flat();
        rows[1]["position"] = place;
        let shop = in_files("ndjson", &[&rows]);
        shop.refuses(&[], 65, &["row 2", "\"position\"", said]);
        shop.made(&["--on-bad-row", "quarantine"]);
        assert_eq!(shop.quarantined().len(), 1);
        assert_eq!(shop.samples()[0], "r1 0 11 true [21, 31, 41, 0]");
    }
}

#[test]
fn a_bad_row_is_one_item() {
    let mut rows = flat();
    rows[0]["item_id"] = json!("x");
    let shop = in_files("csv", &[&rows]);
    shop.refuses(&[], 65, &["row 1", "item_id"]);
    shop.made(&["--on-bad-row", "quarantine"]);
    assert_eq!(shop.samples()[0], "r1 0 12 false [21, 31, 41, 0]");
}

#[test]
fn rows_without_labels_have_null_labels() {
    for format in FORMATS {
        let shop = in_files(format, &[&without(&flat(), &["is_order"])]);
        shop.made(&[]);
        assert!(
            shop.samples()[0].starts_with("r1 0 11 null ["),
            "{:?}",
            shop.samples()
        );
        for choice in ["drop", "error"] {
            let shop = in_files(format, &[&without(&flat(), &["is_order"])]);
            shop.refuses(
                &["--null-label", choice],
                65,
                &["expected a column \"is_order\""],
            );
        }
    }
}

#[test]
fn columns_have_other_names() {
    let rows = flat().into_iter().map(|row| {
        json!({"dt": row["dt"], "ranking_id": row["ranking_id"], "customer_id": row["customer_id"],
               "pos": row["position"], "sku": row["item_id"], "bought": row["is_order"]})
    });
    let shop = in_files("csv", &[&rows.collect::<Vec<_>>()]);
    let columns = "impressions.item_id=sku,impressions.is_order=bought,impressions.position=pos";
    shop.made(&["--columns", columns]);
    assert_eq!(shop.samples(), expected());
}

/// The id of an impression without one.
fn id_of(text: &str) -> String {
    format!("{:016x}", XxHash64::oneshot(42, text.as_bytes()))
}

#[test]
fn an_impression_without_a_ranking_id_has_a_hash() {
    // 2025-08-15 in microseconds since 1970.
    let id = id_of("1\n1755216000000000\n11\t1\n12\t0\n");
    let other = id_of("2\n1755216000000000\n11\t\n");
    let mut rows = without(&rows("impressions"), &["ranking_id"]);
    rows.push(rows[1].clone());
    for format in FORMATS {
        let shop = shop();
        shop.source("impressions", format, &rows);
        shop.made(&[]);
        let samples = shop.samples().join("\n");
        for said in [
            format!("{id} 0 11 true ["),
            format!("{id} 1 12 false ["),
            format!("{other} 0 11 null ["),
            format!("{other}-2 0 11 null ["),
        ] {
            assert!(samples.contains(&said), "{format}: {said} in {samples}");
        }
        let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
        assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
        let explained = shop.run_bare(&["explain", "out", "--ranking-id", &format!("{other}-2")]);
        assert_eq!(explained.code, 0, "{}", explained.stderr);
    }
}

#[test]
fn rows_of_one_item_without_a_ranking_id_are_impressions_of_their_own() {
    let rows = without(&flat(), &["ranking_id"]);
    let first = id_of("1\n1755216000000000\n11\t1\n");
    let second = id_of("1\n1755216000000000\n12\t0\n");
    for format in FORMATS {
        let shop = in_files(format, &[&rows[2..], &rows[..2]]);
        shop.made(&[]);
        let samples = shop.samples().join("\n");
        assert!(
            samples.contains(&format!("{first} 0 11 true [")),
            "{samples}"
        );
        assert!(
            samples.contains(&format!("{second} 0 12 false [")),
            "{samples}"
        );
    }
}

#[test]
fn a_ranking_column_that_is_null_is_bad_data() {
    let mut rows = flat();
    rows[1]["ranking_id"] = Value::Null;
    for format in FORMATS {
        let shop = in_files(format, &[&rows]);
        shop.refuses(&[], 65, &["row 2", "ranking_id", "found null"]);
    }
    // A name that the user gives is expected in every file.
    let shop = in_files("csv", &[&without(&flat(), &["ranking_id"])]);
    let flags = ["--columns", "impressions.ranking_id=session"];
    shop.refuses(&flags, 65, &["expected a column \"session\""]);
}

#[test]
fn days_are_chosen_of_rows_of_one_item() {
    for flags in [&["--date", "2025-08-16"][..], &["--last-days", "1"]] {
        let shop = in_files("csv", &[&flat()]);
        shop.made(flags);
        let samples = shop.samples();
        assert_eq!(samples.len(), 2, "{samples:?}");
        assert!(samples[0].starts_with("r3 "));
    }
    // A folder tells the day, and others are not opened.
    let shop = shop();
    shop.remove("impressions");
    let rows = without(&flat(), &["dt"]);
    shop.put("impressions/dt=2025-08-15/a.csv", encode("csv", &rows[..3]));
    shop.put("impressions/dt=2025-08-16/a.csv", "no\nsuch\ncolumns\n");
    shop.made(&["--date", "2025-08-15"]);
    assert_eq!(shop.samples().len(), 3);
}

#[test]
fn a_plan_reads_rows_of_one_item() {
    let shop = in_files("csv", &[&flat()]);
    let plan = shop.run_bare(&["plan", "--json", "sequences", "shop", "--out", "out"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    let plan: Value = serde_json::from_str(&plan.stdout).expect("JSON");
    assert_eq!(plan["impressions"], 4, "{plan}");
    assert_eq!(plan["samples"], 5, "{plan}");
}

#[test]
fn labels_are_not_read_if_nobody_wants_them() {
    let list = |label: &str| {
        let text = serde_json::to_string(&rows("impressions")).expect("JSON");
        let rows: Vec<Value> =
            serde_json::from_str(&text.replace("is_order", label)).expect("JSON");
        rows
    };
    for format in FORMATS {
        for rows in [rows("impressions"), list("clicked"), flat()] {
            let shop = shop();
            shop.source("impressions", format, &rows);
            shop.made(&["--no-labels"]);
            let samples = shop.samples();
            assert_eq!(samples.len(), 5, "{format}: {samples:?}");
            assert!(
                samples.iter().all(|sample| sample.contains(" null [")),
                "{samples:?}"
            );
            let text = fs::read(shop.out().join("_metrics.json")).expect("metrics");
            let metrics: Value = serde_json::from_slice(&text).expect("JSON");
            assert_eq!(metrics["label_rate"], Value::Null);
            let text = fs::read(shop.out().join("_manifest.json")).expect("a manifest");
            let manifest: Value = serde_json::from_slice(&text).expect("JSON");
            assert_eq!(manifest["settings"]["no_labels"], true);
            let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
            assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
        }
    }
    let shop = shop();
    shop.refuses(
        &["--no-labels", "--null-label", "drop"],
        2,
        &["--null-label"],
    );
}
