//! Records that cannot be read at all, how records are counted, and which fault is the first.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::shop::{TEXTS, damaged, shop};

#[test]
fn a_csv_record_of_another_length_is_refused() {
    for (record, found) in [("9,22", "2"), ("9,22,2025-08-14,x", "4"), ("9", "1")] {
        let shop = shop();
        let text = format!("customer_id,item_id,click_time\n1,21,2025-08-14\n{record}\n");
        shop.replace("clicks", "csv", text);
        shop.refuses(
            &[],
            65,
            &["clicks.csv", "row 2", "3 fields", &format!("found {found}")],
        );
    }
}

#[test]
fn a_csv_quote_that_is_never_closed_is_refused() {
    // A reader that takes the rest of the file for one field loses all records after it, and
    // nobody notices if the customer is not asked for.
    for customer in [1, 9] {
        let shop = shop();
        let text = format!(
            "customer_id,item_id,click_time\n2,21,2025-08-14\n{customer},22,\"2025-08-14\n\
             1,23,2025-08-14\n1,24,2025-08-14\n"
        );
        shop.replace("clicks", "csv", text);
        shop.refuses(&[], 65, &["clicks.csv", " 2"]);
        shop.refuses(&["--on-bad-row", "quarantine"], 65, &["clicks.csv", " 2"]);
    }
}

#[test]
fn a_csv_header_whose_quote_is_never_closed_is_refused() {
    let shop = shop();
    let text = "customer_id,item_id,click_time,\"note\n1,21,2025-08-14,x\n";
    shop.replace("clicks", "csv", text);
    shop.refuses(&[], 65, &["clicks.csv", "header"]);
}

#[test]
fn csv_records_are_counted_not_lines() {
    let shop = shop();
    let header = "dt,ranking_id,customer_id,impressions\r\n";
    let spread = "2025-08-15,r1,1,\"[\n{\"\"item_id\"\": 11,\n\"\"is_order\"\": true}\n]\"\r\n";
    let text = format!("\u{feff}{header}{spread}{spread}2025-08-15,,2,[]\r\n");
    shop.replace("impressions", "csv", text);
    shop.refuses(&[], 65, &["impressions.csv", "row 3", "ranking_id"]);
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    let cases: [(&str, &[u8]); 5] = [
        ("csv", b"customer_id,item_id,click_time\n1,21,2025-08-14\n1,22,2025-\xff\xfe-14\n"),
        ("csv", b"customer_id,item_id,click_time\n1,21,2025-08-14\n\xff,22,2025-08-14\n"),
        ("csv", b"customer_id,item_id,click_time\n1,21,2025-08-14\n1,\xc3\x28,2025-08-14\n"),
        ("ndjson", b"{\"customer_id\": 1, \"item_id\": 2, \"click_time\": \"2025-08-14\"}\n{\"customer_id\": \"\xff\", \"x\": 1}\n"),
        ("json", b"[{\"customer_id\": 1, \"item_id\": 2, \"click_time\": \"2025-08-14\"},\n{\"customer_id\": \"\xff\", \"x\": 1}]\n"),
    ];
    for (format, bytes) in cases {
        let shop = shop();
        shop.replace("clicks", format, bytes);
        shop.refuses(&[], 65, &[&format!("clicks.{format}"), "2"]);
    }
}

#[test]
fn a_broken_line_is_refused_whoever_it_belongs_to() {
    let good = "{\"customer_id\": 1, \"item_id\": 2, \"click_time\": \"2025-08-14\"}\n";
    for bad in [
        "{\"customer_id\": 9, \"item_id\": 2, \"click_time\"",
        "{\"customer_id\": 9, \"item_id\": 2} {}",
        "{\"customer_id\": 9, \"item_id\": nan}",
        "{'customer_id': 9}",
        "{\"customer_id\": 9,}",
        "[9, 2, \"2025-08-14\"]",
        "null",
        "9",
        "oops",
        "\u{1}",
    ] {
        let shop = shop();
        shop.replace("clicks", "ndjson", format!("{good}\n{bad}\n{good}"));
        shop.refuses(&[], 65, &["clicks.ndjson", "row 2", "JSON object"]);
    }
    let one = good.trim();
    for bad in ["9", "null", "[]"] {
        let shop = shop();
        shop.replace("clicks", "json", format!("[{one}, {bad}, {one}]"));
        shop.refuses(&[], 65, &["clicks.json", "row 2", "JSON object"]);
    }
    for bad in ["{\"customer_id\": 9", "{\"customer_id\" 9}", "oops", ","] {
        let shop = shop();
        shop.replace("clicks", "json", format!("[{one}, {bad}, {one}]"));
        shop.refuses(&[], 65, &["clicks.json", "record 2"]);
    }
}

#[test]
fn rows_of_parquet_are_counted_through_row_groups() {
    let shop = shop();
    let mut writer: Option<ArrowWriter<Vec<u8>>> = None;
    let row = |item: i64| {
        let columns: [(&str, ArrayRef); 3] = [
            ("customer_id", Arc::new(Int64Array::from(vec![1, 1]))),
            ("item_id", Arc::new(Int64Array::from(vec![7, item]))),
            (
                "click_time",
                Arc::new(TimestampMicrosecondArray::from(vec![0, 1])),
            ),
        ];
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    };
    for item in [7, 7, 7, 0] {
        let batch = row(item);
        let writer = writer.get_or_insert_with(|| {
            ArrowWriter::try_new(Vec::new(), batch.schema(), None).expect("a writer")
        });
        writer.write(&batch).expect("memory to write to");
        writer.flush().expect("memory to write to");
    }
    let bytes = writer
        .expect("a writer")
        .into_inner()
        .expect("memory to write to");
    shop.replace("clicks", "parquet", bytes);
    shop.refuses(&[], 65, &["clicks.parquet", "row 8", "item_id", "found 0"]);
}

#[test]
fn the_first_bad_row_is_reported_whatever_the_threads() {
    let shop = shop();
    shop.remove("clicks");
    let good = "1,21,2025-08-14\n".repeat(20_000);
    for file in 0..12 {
        let text = match file {
            0..5 => "1,21,2025-08-14\n".to_owned(),
            5 => format!("{good}1,0,2025-08-14\n"),
            _ => format!("1,{},2025-08-14\n{good}", -file),
        };
        let text = format!("customer_id,item_id,click_time\n{text}");
        shop.put(&format!("clicks/{file:02}.csv"), text);
    }
    shop.source(
        "add_to_carts",
        "ndjson",
        &damaged("add_to_carts", "config_id", json!(0)),
    );
    for threads in ["1", "2", "4", "4", "4", "7"] {
        let said = ["shop/clicks/05.csv", "row 20001", "item_id", "found \"0\""];
        shop.refuses(&["--threads", threads], 65, &said);
    }
}

#[test]
fn impressions_are_read_before_actions_so_their_faults_come_first() {
    let shop = shop();
    shop.source("clicks", "csv", &damaged("clicks", "item_id", json!(0)));
    shop.replace("add_to_carts", "json", "[{\"customer_id\": 1");
    shop.source(
        "impressions",
        "csv",
        &damaged("impressions", "ranking_id", Value::Null),
    );
    for threads in ["1", "4"] {
        shop.refuses(&["--threads", threads], 65, &["impressions.csv", "row 3"]);
    }
}

#[test]
fn a_long_value_does_not_fill_the_terminal() {
    let long = "é".repeat(100_000);
    for format in TEXTS {
        for (source, column) in [("clicks", "click_time"), ("impressions", "impressions")] {
            let shop = shop();
            shop.source(source, format, &damaged(source, column, json!(long)));
            let run = shop.refuses(&[], 65, &["row 3", "éé"]);
            assert!(run.stderr.len() < 2_000, "{} bytes", run.stderr.len());
        }
    }
    let shop = shop();
    shop.replace("clicks", "ndjson", format!("{{\"a\": \"{long}\n"));
    let run = shop.refuses(&[], 65, &["row 1"]);
    assert!(run.stderr.len() < 2_000);
}
