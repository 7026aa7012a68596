//! `hitherto bucket`, from outside: dealt inputs make the set of one run.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::encode::encode;
use crate::shop::{Run, Shop, names, rows, shop, snapshot};

/// Deals the inputs of a shop.
fn bucket(shop: &Shop, flags: &[&str]) -> Run {
    let command = ["bucket", "sequences", "shop", "--out", "buckets"];
    shop.run_bare(&[&command[..], flags].concat())
}

/// Makes a shard of dealt inputs.
fn shard(shop: &Shop, number: u32, count: u32, flags: &[&str]) -> Run {
    let (folder, shard) = (folder_of(number, count), format!("{number}/{count}"));
    let own = ["--shard", &shard, "--shard-holds", "own"];
    let command = [
        "sequences",
        &folder,
        "--out",
        "shards",
        "--max-actions",
        "4",
    ];
    shop.run_bare(&[&command[..], &own, flags].concat())
}

/// The folder of the inputs of a shard.
fn folder_of(number: u32, count: u32) -> String {
    format!("buckets/shard-{number:05}-of-{count:05}")
}

/// The parts and the metrics of a set. The examples of bad rows name files, and dealt ones have other names.
fn made(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = snapshot(folder);
    files.retain(|(path, _)| {
        let is_part = path.extension().is_some_and(|ending| ending == "parquet");
        path.ends_with("_metrics.json")
            || is_part && !path.to_string_lossy().contains("_quarantine")
    });
    for (path, bytes) in &mut files {
        if path.ends_with("_metrics.json") {
            let mut metrics: Value = serde_json::from_slice(bytes).expect("JSON");
            without_examples(&mut metrics);
            *bytes = serde_json::to_vec_pretty(&metrics).expect("JSON");
        }
    }
    files
}

/// Removes the examples of bad rows from metrics, and the checksum of the text with them.
fn without_examples(metrics: &mut Value) {
    match metrics {
        Value::Object(members) => {
            members.retain(|name, _| name != "examples" && name != "xxh64");
            members.values_mut().for_each(without_examples);
        }
        Value::Array(values) => values.iter_mut().for_each(without_examples),
        _ => {}
    }
}

/// Removes folders of a shop.
fn remove(shop: &Shop, folders: &[&str]) {
    for folder in folders {
        drop(fs::remove_dir_all(shop.root().join(folder)));
    }
}

/// Asserts that one run of a shop and dealt inputs make the same set, in which `verify` finds no fault. Nothing
/// but the sources is left.
#[track_caller]
pub(crate) fn are_dealt(shop: &Shop, flags: &[&str], count: u32) {
    remove(shop, &["out", "buckets", "shards"]);
    let shards = count.to_string();
    let one = shop.run(&[&["--shards", &shards], flags].concat());
    assert_eq!(one.code, 0, "{}", one.stderr);
    let one = made(&shop.out());
    remove(shop, &["out"]);
    let dealt = bucket(shop, &[&["--shards", &shards], flags].concat());
    assert_eq!(
        (dealt.code, dealt.stdout.as_str()),
        (0, ""),
        "{}",
        dealt.stderr
    );
    for number in 0..count {
        let run = shard(shop, number, count, flags);
        assert_eq!(run.code, 0, "{number}/{count}: {}", run.stderr);
    }
    let run = shop.run_bare(&["finalize", "shards", "--out", "out"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for ((path, own), (other, bytes)) in one.iter().zip(&made(&shop.out())) {
        assert_eq!(path, other);
        let text = String::from_utf8_lossy;
        let what = path.display();
        assert!(
            own == bytes,
            "{what}:\n{}\nbut one run:\n{}",
            text(bytes),
            text(own)
        );
    }
    assert_eq!(one.len(), made(&shop.out()).len());
    let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
    remove(shop, &["out", "buckets", "shards"]);
}

#[test]
fn dealt_inputs_make_the_set_of_one_run() {
    let shop = shop();
    for count in [1, 2, 5, 64] {
        are_dealt(&shop, &[], count);
    }
    for flags in [
        &["--guests", "empty", "--with", "time_delta"][..],
        &["--customer-type", "string", "--layout", "request"],
        &["--guest-ids", "1,9", "--guests", "empty"],
        &["--null-values", "1"],
        &["--date", "2025-08-16"],
        &["--without", "carts,orders"],
        &["--threads", "1", "--memory", "64MiB"],
    ] {
        are_dealt(&shop, flags, 3);
    }
    let orders = [
        "--impressions-from",
        "orders",
        "--guest-ids",
        "2",
        "--guests",
        "empty",
    ];
    shop.remove("impressions");
    are_dealt(&shop, &[&orders[..], &["--allow-unused"]].concat(), 3);
}

#[test]
fn files_by_day_keep_their_days() {
    let shop = shop();
    for (source, day, time) in [
        ("clicks", "click_time", "2025-08-14 10:00:00"),
        ("add_to_carts", "occurred_at", "2025-08-12 10:00:00"),
    ] {
        let rows = rows(source);
        shop.remove(source);
        for (folder, at) in [
            ("dt=2025-08-12", 0),
            ("dt=2025-08-14", 1),
            ("dt=2025-08-15", 2),
        ] {
            let mut row = rows[at].clone();
            row[day] = json!(time);
            let format = ["csv", "ndjson", "parquet"][at];
            shop.put(
                &format!("{source}/{folder}/x.{format}"),
                encode(format, &[row]),
            );
        }
        // A day without rows is a day that is there.
        let header = encode("csv", &rows)
            .iter()
            .position(|byte| *byte == b'\n')
            .expect("a line");
        let empty = &encode("csv", &rows)[..=header];
        shop.put(&format!("{source}/dt=2025-08-13/none.csv"), empty);
    }
    are_dealt(&shop, &[], 4);
    are_dealt(&shop, &["--available", "clicks=dt"], 4);
    are_dealt(&shop, &["--max-lateness", "1d"], 2);

    // Days by another pattern.
    let shop = crate::shop::shop();
    shop.remove("clicks");
    for (at, row) in rows("clicks").into_iter().enumerate() {
        shop.put(
            &format!("clicks/2025/08/{}/x.csv", 13 + at),
            encode("csv", &[row]),
        );
    }
    let flags = ["--source", "clicks.day_from={year}/{month}/{day}"];
    are_dealt(&shop, &flags, 3);
    are_dealt(
        &shop,
        &[&flags[..], &["--available", "clicks=dt"]].concat(),
        3,
    );
    let dealt = shop.run_bare(&[
        "bucket",
        "sequences",
        "shop",
        "--shards",
        "2",
        "--out",
        "dt=2025-08-15/buckets",
    ]);
    dealt.assert_failed(2, &["would not say the day", "choose another --out"]);
}

#[test]
fn rows_of_nobody_and_of_nobody_knows_whom_are_in_the_first_shard() {
    let shop = shop();
    let mut clicks = rows("clicks");
    clicks.push(json!({"customer_id": "x", "item_id": 5, "click_time": "2025-08-14 10:00:00"}));
    clicks.push(json!({"customer_id": null, "item_id": 5, "click_time": "2025-08-14 10:00:00"}));
    clicks.push(json!({"item_id": 5, "click_time": "2025-08-14 10:00:00"}));
    clicks[2]["item_id"] = json!(-5);
    let mut text = encode("ndjson", &clicks);
    text.extend_from_slice(b"no JSON\n\n{\"customer_id\": 1.5}\n");
    shop.replace("clicks", "ndjson", &text);
    let mut shown = rows("impressions");
    shown.push(json!({"dt": "2025-08-15", "ranking_id": "r9", "impressions": [{"item_id": 1, "is_order": true}]}));
    shop.source("impressions", "ndjson", &shown);
    for flags in [
        &["--on-bad-row", "quarantine"][..],
        &["--on-bad-row", "quarantine", "--guests", "empty"],
    ] {
        are_dealt(&shop, flags, 3);
    }
    // Without the flag, the first shard says what is wrong, and the others know nothing of it.
    assert_eq!(bucket(&shop, &["--shards", "8"]).code, 0);
    let run = shard(&shop, 0, 8, &[]);
    run.assert_failed(65, &["clicks", "customer_id", "\"x\"", "--on-bad-row"]);
    let good: Vec<u32> = (1..8)
        .filter(|number| shard(&shop, *number, 8, &[]).code == 0)
        .collect();
    assert!(good.len() >= 6, "{good:?}");
}

#[test]
fn what_cannot_be_dealt_is_refused_with_advice() {
    let shop = shop();
    shop.source("add_to_carts", "arrow", &rows("add_to_carts"));
    bucket(&shop, &["--shards", "2"]).assert_failed(65, &["Arrow IPC is not dealt"]);
    let shop = crate::shop::shop();
    for (flags, said) in [
        (&[][..], "--shards N"),
        (&["--shard", "0/2"], "--shards N"),
        (&["--shards", "0"], "--shards"),
        (&["--shards", "2", "--add-days"], "--add-days"),
        (&["--shards", "2", "--out", "shop/in"], "--out"),
    ] {
        let run = bucket(&shop, flags);
        assert!([2, 73].contains(&run.code), "{flags:?}: {}", run.stderr);
        run.assert_failed(run.code, &[said]);
    }
    for (job, said) in [
        ("features", "users and by listings"),
        ("dwell", "let each shard of dwell"),
    ] {
        let run = shop.run_bare(&["bucket", job, "shop", "--shards", "2", "--out", "buckets"]);
        run.assert_failed(2, &[said]);
    }
    // A customer in the elements of a list cannot be dealt with its record.
    shop.replace(
        "clicks",
        "ndjson",
        "{\"seen\": [{\"customer_id\": 1, \"item_id\": 5, \"click_time\": \"2025-08-14\"}]}\n",
    );
    let run = bucket(&shop, &["--shards", "2", "--source", "clicks.explode=seen"]);
    run.assert_failed(65, &["clicks.ndjson", "outside of the list \"seen\""]);
    assert_eq!(names(shop.root()), ["shop"]);
}

#[test]
fn inputs_of_shards_are_no_set() {
    let shop = shop();
    assert_eq!(bucket(&shop, &["--shards", "2"]).code, 0);
    for folder in ["buckets", "buckets/shard-00000-of-00002"] {
        for command in ["verify", "head"] {
            let run = shop.run_bare(&[command, folder]);
            run.assert_failed(66, &["has the inputs of shards", "--shard-holds own"]);
        }
    }
}

#[test]
fn lists_whose_elements_are_rows_are_dealt_as_a_whole() {
    let shop = shop();
    let of = |customer: u32, item: u32| {
        json!({"customer_id": customer, "seen": [
            {"item_id": item, "click_time": "2025-08-14 10:00:00"},
            {"item_id": item + 1, "click_time": "2025-08-13 10:00:00"}]})
    };
    let lists = [of(1, 50), of(2, 60), of(3, 70), of(9, 80)];
    for format in ["ndjson", "csv"] {
        shop.source("clicks", format, &lists);
        are_dealt(&shop, &["--source", "clicks.explode=seen"], 3);
    }
}

#[test]
fn the_inputs_of_a_shard_make_that_shard_only() {
    let shop = shop();
    assert_eq!(bucket(&shop, &["--shards", "3"]).code, 0);
    let said = [
        "has the rows of shard 1 of 3 only",
        "--shard 1/3 --shard-holds own",
    ];
    let folder = folder_of(1, 3);
    for flags in [
        &[][..],
        &["--shard", "1/3"],
        &["--shard", "0/3", "--shard-holds", "own"],
        &["--shard", "1/4", "--shard-holds", "own"],
    ] {
        let command = ["sequences", &folder, "--out", "shards"];
        shop.run_bare(&[&command[..], flags].concat())
            .assert_failed(2, &said);
    }
    let whole = shop.run_bare(&["sequences", "buckets", "--out", "out"]);
    whole.assert_failed(
        2,
        &[
            "has the inputs of all shards",
            "--shard I/N --shard-holds own",
        ],
    );
    let set = shop.run_bare(&["finalize", "buckets", "--out", "out"]);
    set.assert_failed(66, &["has the inputs of shards", "--shard-holds own"]);
    // Of another type customers are of other shards.
    let all: Vec<Run> = (0..3)
        .map(|number| shard(&shop, number, 3, &["--customer-type", "string"]))
        .collect();
    assert!(
        all.iter()
            .any(|run| run.code == 65 && run.stderr.contains("dealt by another hash")),
        "{all:?}"
    );

    // What is not as it was made is not read.
    let path = shop.root().join(&folder).join("clicks/part-000000.csv");
    let text = fs::read(&path).expect("clicks");
    fs::write(&path, [&text[..], b"1,2,2025-08-14\n"].concat()).expect("written");
    shard(&shop, 1, 3, &[]).assert_failed(65, &["clicks/part-000000.csv", "run bucket again"]);
    fs::remove_file(&path).expect("removed");
    shard(&shop, 1, 3, &[]).assert_failed(65, &["clicks/part-000000.csv", "it is gone"]);
    fs::write(&path, &text).expect("written");
    let manifest = shop.root().join(&folder).join("_bucket.json");
    let bytes = fs::read(&manifest).expect("a manifest");
    for at in [3, bytes.len() / 2, bytes.len() - 5] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        fs::write(&manifest, flipped).expect("written");
        shard(&shop, 1, 3, &[]).assert_failed(65, &["_bucket.json"]);
    }
    fs::write(&manifest, bytes).expect("written");
    assert_eq!(shard(&shop, 1, 3, &[]).code, 0);
}

#[test]
fn dealt_inputs_appear_together_and_are_replaced_on_demand_only() {
    let shop = shop();
    assert_eq!(bucket(&shop, &["--shards", "2"]).code, 0);
    let before = snapshot(&shop.root().join("buckets"));
    let manifest: Value = {
        let text = fs::read(shop.root().join("buckets/_buckets.json")).expect("a manifest");
        serde_json::from_slice(&text).expect("JSON")
    };
    assert_eq!(manifest["shards"], json!(2));
    let rows = manifest["rows"].as_array().expect("rows").iter();
    assert_eq!(rows.filter_map(Value::as_u64).sum::<u64>(), 14);
    bucket(&shop, &["--shards", "2"]).assert_failed(73, &["it exists", "--overwrite"]);
    let again = bucket(&shop, &["--shards", "2", "--overwrite", "--threads", "1"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(snapshot(&shop.root().join("buckets")) == before);
    assert_eq!(bucket(&shop, &["--shards", "3", "--overwrite"]).code, 0);
    assert_eq!(names(&shop.root().join("buckets")).len(), 4);
    // Neither a set nor somebody else's folder is replaced, nor inputs by a set.
    assert_eq!(shop.run(&[]).code, 0);
    let over = [
        "bucket",
        "sequences",
        "shop",
        "--shards",
        "2",
        "--out",
        "out",
        "--overwrite",
    ];
    shop.run_bare(&over).assert_failed(73, &["_buckets.json"]);
    let over = ["sequences", "shop", "--out", "buckets", "--overwrite"];
    shop.run_bare(&over).assert_failed(73, &["_manifest.json"]);
    // A run that fails leaves nothing.
    remove(&shop, &["buckets", "out"]);
    shop.replace(
        "previous_orders",
        "csv",
        "customer_id,occurred_at,config_id\n1,2025-08-11,\"4",
    );
    bucket(&shop, &["--shards", "2"]).assert_failed(65, &["previous_orders.csv"]);
    assert_eq!(names(shop.root()), ["shop"]);
}

#[test]
fn what_comes_next_works_as_it_is_printed() {
    let shop = shop();
    let run = shop.run_bare(&[
        "bucket",
        "sequences",
        "shop",
        "--shards",
        "3",
        "--out",
        "my 'buckets'",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("made my 'buckets': inputs of 3 shards"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("to how many") || run.stderr.contains("rows a shard"),
        "{}",
        run.stderr
    );
    let next: Vec<&str> = run
        .stderr
        .lines()
        .skip_while(|line| !line.starts_with("next"))
        .skip(1)
        .collect();
    assert_eq!(next.len(), 2);
    let next = next
        .join("\n")
        .replace("hitherto", env!("CARGO_BIN_EXE_hitherto"));
    let mut shell = std::process::Command::new("bash");
    let run = crate::shop::run(shell.args(["-c", &next]).current_dir(shop.root()));
    assert_eq!(run.code, 0, "{next}: {}", run.stderr);
    assert!(shop.root().join("OUT/_SUCCESS").exists());
    let stats = bucket(&shop, &["--shards", "3", "--stats", "json"]);
    let stats: Value = serde_json::from_str(&stats.stdout).expect("JSON");
    assert_eq!(
        stats["sources"][1],
        json!({"name": "clicks", "files": 1, "rows": 4})
    );
}

#[test]
fn a_shard_without_rows_of_a_source_is_made_all_the_same() {
    let shop = shop();
    // Texts, of which one customer has impressions.
    let named = |source: &str, format: &str| {
        let mut rows = rows(source);
        for row in &mut rows {
            row["customer_id"] = json!(format!("c{}", row["customer_id"]));
        }
        if source == "impressions" {
            rows.truncate(1);
        }
        shop.source(source, format, &rows);
    };
    for format in ["csv", "parquet", "ndjson"] {
        for source in ["impressions", "clicks", "add_to_carts", "previous_orders"] {
            named(source, format);
        }
        let flags: &[&str] = match format {
            // The type of customers in Parquet is known without a flag, and in shards without a row, too.
            "parquet" => &[],
            _ => &["--customer-type", "string"],
        };
        are_dealt(&shop, flags, 5);
    }
    // A day on which nobody has an impression is missing in the set, as it is in one run.
    let one = shop.run(&["--customer-type", "string", "--date", "2025-08-20"]);
    assert_eq!(
        bucket(&shop, &["--shards", "2", "--customer-type", "string"]).code,
        0
    );
    for number in 0..2 {
        let run = shard(
            &shop,
            number,
            2,
            &["--customer-type", "string", "--date", "2025-08-20"],
        );
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let set = shop.run_bare(&["finalize", "shards", "--out", "out"]);
    let said = ["no impressions on 2025-08-20"];
    one.assert_failed(66, &said);
    set.assert_failed(66, &said);
    let newest = shard(&shop, 0, 2, &["--last-days", "1"]);
    newest.assert_failed(2, &["--last-days", "--from"]);
}

#[test]
fn what_comes_through_a_pipe_is_dealt() {
    let shop = shop();
    let program = env!("CARGO_BIN_EXE_hitherto");
    let named = "--impressions shop/impressions.ndjson --orders shop/previous_orders.parquet";
    let deal = format!(
        "cat shop/clicks.csv | {program} bucket sequences {named} --clicks - --shards 2 --out buckets"
    );
    let mut shell = std::process::Command::new("sh");
    let run = crate::shop::run(shell.args(["-c", &deal]).current_dir(shop.root()));
    assert_eq!(run.code, 0, "{}", run.stderr);
    for number in 0..2 {
        let run = shard(&shop, number, 2, &["--without", "carts"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let run = shop.run_bare(&["finalize", "shards", "--out", "out"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let dealt = made(&shop.out());
    remove(&shop, &["out"]);
    let one = shop.run(&["--without", "carts", "--shards", "2"]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert!(made(&shop.out()) == dealt);
}

/// A column of maps.
fn some_map() -> arrow::array::MapArray {
    use arrow::array::{MapBuilder, StringBuilder};

    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for at in 0..6 {
        map.keys().append_value(format!("k{at}"));
        map.values().append_option((at % 2 == 0).then_some("v"));
        map.append(at != 1).expect("a map");
    }
    map.finish()
}

/// Clicks with columns of many types.
fn clicks_of_many_types() -> arrow::array::RecordBatch {
    use std::sync::Arc;

    use arrow::array::{
        Array, ArrayRef, Decimal128Array, FixedSizeBinaryArray, Int64Array, ListArray, StringArray,
        StructArray, TimestampSecondArray, UInt16Array,
    };
    use arrow::datatypes::{Field, Int32Type};

    let customers = [Some(1), Some(9), None, Some(2), Some(1), Some(3)];
    let ids = Int64Array::from(customers.to_vec());
    let lists = (0..6).map(|at| (at != 4).then(|| (0..at).map(Some).collect::<Vec<_>>()));
    let inner: ArrayRef = Arc::new(UInt16Array::from(vec![
        Some(1),
        None,
        Some(3),
        Some(4),
        None,
        Some(65_535),
    ]));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("customer_id", Arc::new(ids)),
        (
            "item_id",
            Arc::new(Int64Array::from(vec![21, 22, 23, 24, 25, 26])),
        ),
        (
            "click_time",
            Arc::new(TimestampSecondArray::from(vec![1_755_000_000; 6])),
        ),
        (
            "price",
            Arc::new(
                Decimal128Array::from(vec![Some(1), None, Some(-3), Some(4), Some(5), Some(6)])
                    .with_precision_and_scale(12, 2)
                    .expect("a decimal"),
            ),
        ),
        (
            "list",
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
        ),
        ("map", Arc::new(some_map())),
        (
            "nested",
            Arc::new(StructArray::from(vec![(
                Arc::new(Field::new("n", inner.data_type().clone(), true)),
                inner,
            )])),
        ),
        (
            "id",
            Arc::new(
                FixedSizeBinaryArray::try_from_iter((0..6_u8).map(|at| [at; 16])).expect("bytes"),
            ),
        ),
        (
            "text",
            Arc::new(StringArray::from(vec![
                Some(""),
                None,
                Some("\u{1f600}"),
                Some("a"),
                Some("a"),
                Some("b"),
            ])),
        ),
    ];
    arrow::array::RecordBatch::try_from_iter(columns).expect("a batch")
}

#[test]
fn columns_of_parquet_keep_their_types() {
    use arrow::array::{Array, Int64Array};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    let batch = clicks_of_many_types();
    let shop = shop();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    shop.replace("clicks", "parquet", &file);
    let run = bucket(&shop, &["--shards", "3"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let read = |bytes: Vec<u8>| {
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).expect("Parquet");
        let reader = reader.build().expect("Parquet");
        reader
            .map(|batch| batch.expect("a batch"))
            .collect::<Vec<_>>()
    };
    let mut rows = 0;
    for number in 0..3 {
        let path = shop
            .root()
            .join(folder_of(number, 3))
            .join("clicks/part-000000.parquet");
        let Ok(bytes) = fs::read(path) else { continue };
        for own in read(bytes) {
            assert_eq!(own.schema().fields(), batch.schema().fields(), "{number}");
            // Each row is one of the file, found by its item; in the order of the file.
            let items = own.column_by_name("item_id").expect("items");
            let items = items
                .as_any()
                .downcast_ref::<Int64Array>()
                .expect("integers")
                .values();
            assert!(items.is_sorted());
            for (row, item) in items.iter().enumerate() {
                let at = usize::try_from(item - 21).expect("small");
                assert_eq!(own.slice(row, 1), batch.slice(at, 1), "{number}, {item}");
            }
            rows += own.num_rows();
        }
    }
    assert_eq!(rows, 6);
    are_dealt(&shop, &[], 3);
}

#[test]
fn keys_that_some_records_lack_are_no_matter() {
    let shop = shop();
    // One impression says where it was shown, and one has no customer, nor a key for it.
    let mut shown = rows("impressions");
    shown[3]["surface"] = json!("home");
    let nobody = shown[1].as_object_mut().expect("an object");
    nobody.remove("customer_id");
    shop.source("impressions", "ndjson", &shown);
    for guests in ["drop", "empty"] {
        are_dealt(&shop, &["--guests", guests], 3);
    }
}

/// Kills `bucket` at each point that it comes to.
#[cfg(feature = "failpoints")]
#[test]
fn a_killed_run_leaves_nothing_but_what_the_next_removes() {
    let shop = shop();
    let command = |point: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hitherto"));
        let flags = ["--out", "buckets", "--shards", "3", "--threads", "1"];
        command.args(["bucket", "sequences", "shop"]).args(flags);
        command.env("HITHERTO_FAILPOINT", point);
        command.env("HITHERTO_FAILPOINT_LOG", shop.root().join("points"));
        crate::shop::run(command.current_dir(shop.root()))
    };
    let run = command("");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let whole = snapshot(&shop.root().join("buckets"));
    let points = fs::read_to_string(shop.root().join("points")).expect("points");
    let mut kills = 0;
    for point in points.lines().collect::<std::collections::BTreeSet<_>>() {
        let times = points.lines().filter(|line| *line == point).count();
        for time in [1, times] {
            remove(&shop, &["buckets"]);
            let run = command(&format!("{point}:{time}"));
            let is_there = shop.root().join("buckets").exists();
            assert_eq!(run.code, -1, "{point}: {}", run.stderr);
            let is_whole = is_there && snapshot(&shop.root().join("buckets")) == whole;
            assert!(
                !is_there || is_whole,
                "{point}: it is there, but not complete"
            );
            remove(&shop, &["buckets"]);
            let next = command("");
            assert_eq!(next.code, 0, "{point}: {}", next.stderr);
            assert!(snapshot(&shop.root().join("buckets")) == whole, "{point}");
            assert_eq!(names(shop.root()), ["buckets", "points", "shop"], "{point}");
            kills += 1;
        }
    }
    assert!(kills > 20, "{kills}");
}
