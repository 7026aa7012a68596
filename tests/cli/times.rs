//! Times that are none, or that nobody could have meant, and the columns that are blamed for it.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Int64Array, RecordBatch, TimestampMicrosecondArray,
    TimestampMillisecondArray,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::encode::{encode, encode_batch};
use crate::rows::{ACTIONS, refused};
use crate::shop::{FORMATS, TEXTS, damaged, rows, shop};

#[test]
fn a_null_time_of_an_action_is_refused() {
    let null = Value::Null;
    refused(&FORMATS, "clicks", "click_time", &null, &["a time", "null"]);
    refused(
        &FORMATS,
        "add_to_carts",
        "occurred_at",
        &null,
        &["a time", "null"],
    );
    for format in FORMATS {
        let shop = shop();
        let mut orders = damaged("previous_orders", "occurred_at", Value::Null);
        orders[2]["order_date"] = Value::Null;
        shop.source("previous_orders", format, &orders);
        let file = format!("previous_orders.{format}");
        shop.refuses(&[], 65, &[&file, "row 3", "order_date", "a time", "null"]);
    }
}

#[test]
fn a_text_that_is_no_time_is_refused() {
    for (source, _, time) in ACTIONS {
        for text in [
            "soon",
            "2025-02-30 10:00:00",
            "2025-08-14T25:00:00Z",
            "14.08.2025",
            " ",
        ] {
            refused(&FORMATS, source, time, &json!(text), &["a time", text]);
        }
    }
    for format in FORMATS {
        let shop = shop();
        let mut orders = damaged("previous_orders", "occurred_at", Value::Null);
        orders[2]["order_date"] = json!("soon");
        shop.source("previous_orders", format, &orders);
        shop.refuses(&[], 65, &["row 3", "\"order_date\"", "a time", "soon"]);
    }
}

#[test]
fn an_order_time_that_is_no_time_does_not_fall_back_to_the_date() {
    for format in FORMATS {
        let shop = shop();
        let orders = damaged("previous_orders", "occurred_at", json!("soon"));
        shop.source("previous_orders", format, &orders);
        shop.refuses(&[], 65, &["row 3", "\"occurred_at\"", "soon"]);
    }
}

#[test]
fn a_null_order_time_without_a_date_column_is_blamed_on_the_time() {
    for format in FORMATS {
        let shop = shop();
        let mut orders = damaged("previous_orders", "occurred_at", Value::Null);
        for order in &mut orders {
            order
                .as_object_mut()
                .expect("an object")
                .remove("order_date");
        }
        orders[1]["occurred_at"] = json!("2025-08-11 11:00:00");
        shop.source("previous_orders", format, &orders);
        shop.refuses(&[], 65, &["row 3", "\"occurred_at\"", "null"]);
    }
}

#[test]
fn an_integer_is_a_time_only_with_its_unit() {
    let seconds = json!(1_755_165_600);
    for (source, _, time) in ACTIONS {
        refused(&TEXTS, source, time, &seconds, &["--time-unit s reads"]);
        // A column of texts holds none, whatever its unit.
        refused(&["parquet"], source, time, &seconds, &["a time"]);
    }
    let all_integers = || {
        let mut clicks = rows("clicks");
        for click in &mut clicks {
            click["click_time"] = seconds.clone();
        }
        clicks
    };
    for format in FORMATS {
        let shop = shop();
        shop.source("clicks", format, &all_integers());
        let file = format!("clicks.{format}");
        shop.refuses(&[], 65, &[&file, "click_time", "--time-unit"]);
        shop.made(&["--time-unit", "s", "--timezone", "UTC"]);
    }
    for value in [
        json!("1.5 s"),
        json!(true),
        json!(["2025-08-14"]),
        json!(u64::MAX),
    ] {
        let shop = shop();
        shop.source("clicks", "ndjson", &damaged("clicks", "click_time", value));
        shop.refuses(&["--time-unit", "s"], 65, &["row 3", "click_time"]);
    }
}

#[test]
fn times_at_the_ends_of_their_range_are_never_an_internal_fault() {
    let micros = |at| Arc::new(TimestampMicrosecondArray::from(vec![at])) as ArrayRef;
    let instants = |at| {
        let times = TimestampMicrosecondArray::from(vec![at]).with_timezone("UTC");
        Arc::new(times) as ArrayRef
    };
    let millis = |at| Arc::new(TimestampMillisecondArray::from(vec![at])) as ArrayRef;
    let days = |at| Arc::new(Date32Array::from(vec![at])) as ArrayRef;
    let times = [
        micros(i64::MIN),
        micros(i64::MAX),
        instants(i64::MIN),
        instants(i64::MAX),
        millis(i64::MIN),
        millis(i64::MAX),
        days(i32::MIN),
        days(i32::MAX),
    ];
    let flags: [&[&str]; 3] = [
        &[],
        &["--timezone", "America/New_York"],
        &["--embargo", "clicks=1d", "--lookback-days", "none"],
    ];
    for time in &times {
        let customers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let columns = [
            ("customer_id", Arc::clone(&customers)),
            ("item_id", customers),
            ("click_time", Arc::clone(time)),
        ];
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        for flags in flags {
            let shop = shop();
            let run = shop
                .replace("clicks", "parquet", encode_batch(&batch))
                .run(flags);
            match run.code {
                0 => {}
                _ => shop.assert_refused(&run, 65, &["clicks.parquet", "row 1", "click_time"]),
            }
        }
    }
}

#[test]
fn extreme_flags_and_days_are_never_an_internal_fault() {
    for flags in [
        ["--lookback-days", "4294967295"],
        ["--lookback-days", "0"],
        ["--embargo", "clicks=1000000d"],
        ["--max-lateness", "1000000d"],
    ] {
        shop().made(&[&flags[..], &["--allow-unused"]].concat());
    }
    for day in ["0001-01-01", "9999-12-31"] {
        for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
            let shop = shop();
            shop.source(
                "impressions",
                "csv",
                &damaged("impressions", "dt", json!(day)),
            );
            shop.made(&["--timezone", zone]);
        }
    }
}

#[test]
fn a_day_that_no_folder_can_name_is_refused() {
    for day in [i32::MIN, -719_163, 2_932_897, i32::MAX] {
        let shop = shop();
        let impressions = encode("parquet", &rows("impressions")[..1]);
        shop.replace("impressions", "parquet", impressions);
        let file = File::open(shop.path("impressions.parquet")).expect("a file");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
        let mut batches = reader.build().expect("a reader");
        let batch = batches.next().expect("a batch").expect("a batch");
        let mut columns = batch.columns().to_vec();
        columns[0] = Arc::new(Date32Array::from(vec![day]));
        let names = batch.schema();
        let names = names.fields().iter().map(|field| field.name().as_str());
        let batch = RecordBatch::try_from_iter(names.zip(columns)).expect("columns of one length");
        shop.replace("impressions", "parquet", encode_batch(&batch));
        shop.refuses(&[], 65, &["impressions.parquet", "row 1", "dt"]);
    }
}

#[test]
fn an_impression_time_is_required_only_by_its_cutoff() {
    let flags = ["--cutoff", "time"];
    for format in FORMATS {
        for value in [Value::Null, json!("soon")] {
            let shop = shop();
            let mut impressions = rows("impressions");
            for row in &mut impressions {
                row["impression_time"] = json!("2025-08-15 12:00:00");
            }
            impressions[2]["impression_time"] = value;
            shop.source("impressions", format, &impressions);
            let file = format!("impressions.{format}");
            shop.refuses(&flags, 65, &[&file, "row 3", "impression_time", "a time"]);
            shop.made(&[]);
        }
    }
}
