//! Files that cannot be used: without a column, cut short, or of another kind.

use serde_json::{Value, json};

use crate::encode::{encode, gz, zst};
use crate::shop::{FORMATS, SOURCES, lacking, rows, shop};

#[test]
fn a_required_column_that_is_absent_is_a_fault_of_the_file() {
    for (source, column) in [
        ("impressions", "dt"),
        ("impressions", "customer_id"),
        ("impressions", "impressions"),
        ("clicks", "customer_id"),
        ("clicks", "item_id"),
        ("clicks", "click_time"),
        ("add_to_carts", "customer_id"),
        ("add_to_carts", "config_id"),
        ("add_to_carts", "occurred_at"),
        ("previous_orders", "customer_id"),
        ("previous_orders", "config_id"),
    ] {
        for format in FORMATS {
            let shop = shop();
            shop.source(source, format, &lacking(source, &[column]));
            let said = [&format!("shop/{source}.{format}"), "column", column];
            shop.refuses(&[], 65, &said);
            let said = [said.as_slice(), &["--columns"]].concat();
            shop.refuses(&["--on-bad-row", "quarantine"], 65, &said);
            shop.refuses(
                &["--on-bad-row", "quarantine", "--max-bad-rows", "0"],
                65,
                &said,
            );
        }
    }
}

#[test]
fn orders_without_any_time_are_a_fault_of_the_file() {
    for format in FORMATS {
        let shop = shop();
        let orders = lacking("previous_orders", &["occurred_at", "order_date"]);
        shop.source("previous_orders", format, &orders);
        let file = format!("previous_orders.{format}");
        shop.refuses(&[], 65, &[&file, "column"]);
        shop.refuses(
            &["--on-bad-row", "quarantine"],
            65,
            &[&file, "column", "--columns"],
        );
    }
}

#[test]
fn orders_need_only_one_of_their_two_times() {
    for format in FORMATS {
        for column in ["occurred_at", "order_date"] {
            let shop = shop();
            let mut orders = lacking("previous_orders", &[column]);
            orders.remove(1);
            shop.source("previous_orders", format, &orders).made(&[]);
            assert_eq!(shop.samples()[0], "r1 0 11 true [21, 31, 41, 0]");
        }
    }
}

#[test]
fn elements_without_their_columns_are_a_fault_of_the_file() {
    for format in ["csv", "ndjson", "json"] {
        for column in ["item_id", "is_order"] {
            let shop = shop();
            let mut impressions = rows("impressions");
            for element in impressions.iter_mut().flat_map(|row| {
                let array = row["impressions"].as_array_mut();
                array.expect("an array").iter_mut()
            }) {
                element.as_object_mut().expect("an object").remove(column);
            }
            shop.source("impressions", format, &impressions);
            let said = [&format!("impressions.{format}"), column];
            shop.refuses(&[], 65, &said);
            shop.refuses(&["--on-bad-row", "quarantine"], 65, &said);
        }
    }
}

#[test]
fn a_column_of_times_that_is_asked_for_must_be_there() {
    for format in FORMATS {
        let shop = shop();
        shop.source("clicks", format, &rows("clicks"));
        let said = [&format!("clicks.{format}"), "\"seen_at\""];
        shop.refuses(&["--available", "clicks=seen_at"], 65, &said);
        shop.source("impressions", format, &rows("impressions"));
        let said = [&format!("impressions.{format}"), "\"impression_time\""];
        shop.refuses(&["--cutoff", "time"], 65, &said);
    }
}

#[test]
fn a_renamed_column_that_is_absent_is_named_as_the_file_should_have_it() {
    for format in FORMATS {
        let shop = shop();
        shop.source("clicks", format, &rows("clicks"));
        let said = [&format!("clicks.{format}"), "\"sku\"", "clicks."];
        shop.refuses(&["--columns", "clicks.item_id=sku"], 65, &said);
    }
}

#[test]
fn a_header_that_names_a_column_twice_is_refused() {
    let shop = shop();
    shop.replace(
        "clicks",
        "csv",
        "customer_id,item_id,click_time,item_id\n1,2,2025-08-14,3\n",
    );
    shop.refuses(&[], 65, &["clicks.csv", "\"item_id\"", "twice"]);
}

#[test]
fn a_file_that_is_cut_short_is_refused() {
    for (source, format) in [
        ("clicks", "ndjson"),
        ("clicks", "csv"),
        ("impressions", "ndjson"),
    ] {
        let text = encode(format, &rows(source));
        for (ending, bytes) in [("gz", gz(&text)), ("zst", zst(&text))] {
            for length in [4, 6, 12, bytes.len() / 2, bytes.len() - 5, bytes.len() - 1] {
                let shop = shop();
                shop.replace(source, &format!("{format}.{ending}"), &bytes[..length]);
                let file = format!("{source}.{format}.{ending}");
                shop.refuses(&[], 65, &[&file]);
                shop.refuses(&["--on-bad-row", "quarantine"], 65, &[&file]);
            }
        }
    }
    for source in ["clicks", "impressions"] {
        let bytes = encode("parquet", &rows(source));
        for length in [
            1,
            3,
            4,
            8,
            12,
            bytes.len() / 2,
            bytes.len() - 8,
            bytes.len() - 1,
        ] {
            let shop = shop();
            shop.replace(source, "parquet", &bytes[..length]);
            let file = format!("{source}.parquet");
            shop.refuses(&[], 65, &[&file]);
            shop.refuses(&["--on-bad-row", "quarantine"], 65, &[&file]);
        }
        let bytes = encode("json", &rows(source));
        for length in [1, 2, 10, bytes.len() / 2, bytes.len() - 3, bytes.len() - 1] {
            let shop = shop();
            shop.replace(source, "json", &bytes[..length]);
            let file = format!("{source}.json");
            shop.refuses(&[], 65, &[&file]);
            shop.refuses(&["--on-bad-row", "quarantine"], 65, &[&file]);
        }
    }
}

#[test]
fn a_last_record_that_is_cut_short_is_a_fault_of_the_file() {
    for format in ["csv", "ndjson"] {
        let shop = shop();
        let bytes = encode(format, &rows("clicks"));
        shop.replace("clicks", format, &bytes[..bytes.len() - 20]);
        let at = [&format!("clicks.{format}"), "row 4"];
        shop.refuses(&[], 65, &at);
    }
    // Too few fields and no line end, or half an object: not a bad row, but a bad file.
    let csv = "customer_id,item_id,click_time
1,21,2025-08-14
1,2";
    let ndjson = encode("ndjson", &rows("clicks"));
    for (format, bytes) in [
        ("csv", csv.as_bytes()),
        ("ndjson", &ndjson[..ndjson.len() - 20]),
    ] {
        let shop = shop();
        shop.replace("clicks", format, bytes);
        let at = ["clicks", "cut short in row"];
        shop.refuses(&["--on-bad-row", "quarantine"], 65, &at);
    }
}

#[test]
fn damage_inside_a_file_is_refused() {
    let many: Vec<Value> = rows("clicks").into_iter().cycle().take(4000).collect();
    let parquet = encode("parquet", &many);
    for at in [4, 30, 60, 200] {
        let shop = shop();
        let mut bytes = parquet.clone();
        bytes[at..at + 16].fill(0xff);
        let run = shop.replace("clicks", "parquet", &bytes).run(&[]);
        // What is not compressed has no redundancy: the values may be others, but nothing breaks.
        assert!([0, 65].contains(&run.code), "{}", run.stderr);
        assert!(
            run.code == 0 || run.stderr.contains("clicks.parquet"),
            "{}",
            run.stderr
        );
    }
    let mut footer = parquet.clone();
    let at = footer.len() - 40;
    footer[at..at + 16].fill(0xff);
    let mut length = parquet.clone();
    let at = length.len() - 8;
    length[at..at + 4].fill(0x7f);
    let mut zeros = parquet;
    let at = zeros.len() - 100;
    zeros[at..].fill(0);
    for bytes in [footer, length, zeros] {
        let shop = shop();
        shop.replace("clicks", "parquet", bytes);
        shop.refuses(&[], 65, &["clicks.parquet", "Parquet"]);
    }
    for (ending, mut bytes) in [
        ("ndjson.gz", gz(&encode("ndjson", &many))),
        ("ndjson.zst", zst(&encode("ndjson", &many))),
    ] {
        let at = bytes.len() / 2;
        bytes[at..at + 8].fill(0xff);
        let shop = shop();
        shop.replace("clicks", ending, bytes);
        shop.refuses(&[], 65, &[&format!("clicks.{ending}")]);
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    let text = encode("ndjson", &rows("clicks"));
    for (ending, mut bytes) in [("ndjson.gz", gz(&text)), ("ndjson.zst", zst(&text))] {
        bytes.extend(b"rubbish");
        let shop = shop();
        shop.replace("clicks", ending, bytes);
        shop.refuses(&[], 65, &[&format!("clicks.{ending}")]);
    }
    for rest in ["]", "[]", "{}", "x"] {
        let shop = shop();
        let text = format!("{}{rest}", Value::Array(rows("clicks")));
        shop.replace("clicks", "json", text);
        shop.refuses(&[], 65, &["clicks.json"]);
    }
}

#[test]
fn compressed_files_in_several_pieces_are_read_to_their_end() {
    let lines: Vec<Vec<u8>> = rows("clicks")
        .iter()
        .map(|row| format!("{row}\n").into())
        .collect();
    let joined = |pack: fn(&[u8]) -> Vec<u8>| -> Vec<u8> {
        lines.iter().flat_map(|line| pack(line)).collect()
    };
    let plain = shop();
    plain.made(&[]);
    for (ending, bytes) in [("ndjson.gz", joined(gz)), ("ndjson.zst", joined(zst))] {
        let shop = shop();
        shop.replace("clicks", ending, bytes).made(&[]);
        assert_eq!(shop.samples(), plain.samples());
    }
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let csv = encode("csv", &rows("clicks"));
    let rubbish: Vec<u8> = (0..=255).collect();
    for (ending, bytes) in [
        ("parquet", csv.as_slice()),
        ("parquet", b"PARE0000PARE"),
        ("parquet", b"PAR1PAR1"),
        ("parquet", rubbish.as_slice()),
        ("csv", rubbish.as_slice()),
        ("csv", b"\x1f\x8b rubbish"),
        (
            "csv.gz",
            b"\x1f\x8b\x08\x00rubbish that is no deflate stream",
        ),
        ("csv.zst", b"\x28\xb5\x2f\xfd rubbish that is no frame"),
        ("csv", b"PAR1 but the rest is not"),
        ("ndjson", rubbish.as_slice()),
        ("json", b"{\"customer_id\": [1"),
        ("json", b"\"customer_id\""),
        ("csv", b"c\0u\0s\0t\0o\0m\0e\0r\0_\0i\0d\0,\0"),
    ] {
        let shop = shop();
        shop.replace("clicks", ending, bytes);
        shop.refuses(&[], 65, &[&format!("clicks.{ending}")]);
    }
}

#[test]
fn a_format_that_cannot_be_detected_is_refused_and_may_be_given() {
    for (name, text) in [
        ("clicks/log.txt", "user,sku,at\n1,2,2025-08-14\n"),
        ("clicks/log", "hello\n"),
        ("clicks/log.orc", "ORC..."),
    ] {
        let shop = shop();
        shop.remove("clicks").put(name, text);
        let name = format!("shop/{name}");
        shop.refuses(&[], 65, &[&name, "--format"]);
    }
    for format in FORMATS {
        let shop = shop();
        for (source, _) in SOURCES {
            shop.remove(source)
                .put(&format!("{source}/data"), encode(format, &rows(source)));
        }
        shop.made(&["--format", format]);
        assert_eq!(shop.samples()[0], "r1 0 11 true [21, 31, 41, 0]");
    }
    let flags = [
        "--columns",
        "clicks.customer_id=user,clicks.item_id=sku,clicks.click_time=at",
    ];
    let shop = shop();
    let csv = "user,sku,at\n1,21,2025-08-14\n";
    shop.remove("clicks").put("clicks/log.txt", csv);
    shop.made(&flags);
}

#[test]
fn a_wrong_format_is_refused() {
    for (format, actual) in [
        ("parquet", "csv"),
        ("csv", "parquet"),
        ("csv", "ndjson"),
        ("ndjson", "json"),
        ("ndjson", "parquet"),
        ("json", "parquet"),
    ] {
        let shop = shop();
        for (source, _) in SOURCES {
            shop.source(source, actual, &rows(source));
        }
        shop.refuses(
            &["--format", format],
            65,
            &[&format!("impressions.{actual}")],
        );
    }
}

#[test]
fn content_tells_the_format_before_the_name() {
    let plain = shop();
    plain.made(&[]);
    for (ending, bytes) in [
        ("csv", encode("parquet", &rows("clicks"))),
        ("json", encode("ndjson", &rows("clicks"))),
        ("ndjson", encode("json", &rows("clicks"))),
        ("csv", gz(&encode("csv", &rows("clicks")))),
        ("json", zst(&encode("json", &rows("clicks")))),
    ] {
        let shop = shop();
        shop.replace("clicks", ending, bytes).made(&[]);
        assert_eq!(shop.samples(), plain.samples());
    }
}

#[test]
fn a_parquet_column_of_another_type_is_refused() {
    for (source, column, value) in [
        ("clicks", "item_id", json!("x")),
        ("add_to_carts", "config_id", json!("x")),
        ("impressions", "customer_id", json!("x")),
        ("clicks", "click_time", json!([])),
        ("impressions", "ranking_id", json!([])),
        ("impressions", "impressions", json!(1)),
    ] {
        let shop = shop();
        let mut of_type = rows(source);
        for row in &mut of_type {
            row[column] = value.clone();
        }
        shop.source(source, "parquet", &of_type);
        // Customers of impressions decide the type, so the others are at fault.
        let (file, found) = match (source, column) {
            ("impressions", "customer_id") => ("shop/", "--customer-type"),
            _ => (source, "found"),
        };
        shop.refuses(&[], 65, &[file, column, "expected", found]);
    }
}
