//! Labels, ids and times in the spellings that programs write: the same rows as from the usual ones.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};

use crate::encode::encode_batch;
use crate::rows::refused;
use crate::shop::{FORMATS, TEXTS, rows, shop};

/// The samples of the shop as it is.
fn usual(flags: &[&str]) -> Vec<String> {
    let shop = shop();
    shop.made(flags);
    shop.samples()
}

/// The impressions with each label written by a function.
fn labelled(label: impl Fn(bool, usize) -> Value) -> Vec<Value> {
    let mut impressions = rows("impressions");
    for row in &mut impressions {
        let items = row["impressions"].as_array_mut().expect("items");
        for (at, item) in items.iter_mut().enumerate() {
            if let Some(own) = item["is_order"].as_bool() {
                item["is_order"] = label(own, at);
            }
        }
    }
    impressions
}

#[test]
fn labels_are_read_in_every_spelling() {
    let expected = usual(&[]);
    for format in TEXTS {
        let spellings: [[Value; 2]; 6] = [
            [json!(0), json!(1)],
            [json!(0.0), json!(1.0)],
            [json!("False"), json!("TRUE")],
            [json!("0"), json!("1.0")],
            [json!("N"), json!("y")],
            [json!("no"), json!("Yes")],
        ];
        for [no, yes] in spellings {
            let shop = shop();
            let impressions = labelled(|label, _| if label { yes.clone() } else { no.clone() });
            shop.source("impressions", format, &impressions);
            shop.made(&[]);
            assert_eq!(shop.samples(), expected, "{format} {no} {yes}");
        }
    }
}

#[test]
fn a_label_that_is_none_is_refused_with_its_value() {
    for value in [json!(2), json!(0.5), json!("maybe"), json!(""), json!([])] {
        let shop = shop();
        let impressions = labelled(|_, at| if at == 0 { value.clone() } else { json!(true) });
        shop.source("impressions", "ndjson", &impressions);
        let found = value.to_string().replace('"', "");
        let said = ["row 1", "as \"is_order\"", "1 or 0", "in element 1", &found];
        shop.refuses(&[], 65, &said);
    }
}

#[test]
fn whole_numbers_are_integer_ids() {
    let expected = usual(&[]);
    for format in TEXTS {
        for column in ["customer_id", "item_id"] {
            let shop = shop();
            let mut clicks = rows("clicks");
            for row in &mut clicks {
                row[column] = json!(row[column].as_f64());
            }
            shop.source("clicks", format, &clicks);
            shop.made(&[]);
            assert_eq!(shop.samples(), expected, "{format} {column}");
        }
    }
    let shop = shop();
    let mut clicks = rows("clicks");
    for row in &mut clicks {
        row["customer_id"] = json!(row["customer_id"].to_string());
        row["item_id"] = json!(format!("{}.0", row["item_id"]));
    }
    shop.source("clicks", "ndjson", &clicks);
    shop.made(&[]);
    assert_eq!(shop.samples(), expected);
}

/// The clicks of the shop as a Parquet file with these ids.
fn clicks_with(customers: ArrayRef, items: ArrayRef) -> Vec<u8> {
    let times = rows("clicks");
    let times = times.iter().map(|row| row["click_time"].as_str());
    let times: ArrayRef = Arc::new(times.collect::<StringArray>());
    let columns = [
        ("customer_id", customers),
        ("item_id", items),
        ("click_time", times),
    ];
    encode_batch(&RecordBatch::try_from_iter(columns).expect("a batch"))
}

#[test]
fn columns_of_floats_and_decimals_are_integer_ids() {
    let expected = usual(&[]);
    let clicks = rows("clicks");
    let ints = |name: &str| {
        clicks
            .iter()
            .map(|row| row[name].as_i64())
            .collect::<Vec<_>>()
    };
    let decimals = |precision, scale: i8| -> ArrayRef {
        let ten = 10_i128.pow(u32::try_from(scale).expect("small"));
        let ids = ints("customer_id").into_iter();
        let ids = ids.map(|id| id.map(|id| i128::from(id) * ten));
        let ids = ids.collect::<Decimal128Array>();
        Arc::new(
            ids.with_precision_and_scale(precision, scale)
                .expect("a decimal"),
        )
    };
    let floats: Float64Array = clicks
        .iter()
        .map(|row| row["customer_id"].as_f64())
        .collect();
    let customers: [ArrayRef; 4] = [
        Arc::new(floats),
        decimals(9, 0),
        decimals(38, 0),
        decimals(20, 2),
    ];
    for customers in customers {
        let shop = shop();
        let items: Float64Array = clicks.iter().map(|row| row["item_id"].as_f64()).collect();
        let name = customers.data_type().to_string();
        let file = clicks_with(customers, Arc::new(items));
        // Whether 101 or 101.0 is meant, nobody knows.
        let said = ["customer_id", "text", "writes whole numbers"];
        shop.replace("clicks", "parquet", &file);
        shop.refuses(&["--customer-type", "string"], 65, &said);
        shop.made(&[]);
        assert_eq!(shop.samples(), expected, "{name}");
    }
    for (value, found) in [(1.5, "1.5"), (9_007_199_254_740_992.0, "9007199254740992")] {
        let shop = shop();
        let ids = Float64Array::from(vec![1.0, f64::NAN, value, 1.0]);
        let items: Int64Array = ints("item_id").into_iter().collect();
        shop.replace(
            "clicks",
            "parquet",
            clicks_with(Arc::new(ids), Arc::new(items)),
        );
        // NaN in row 2 is a guest.
        shop.refuses(&[], 65, &["row 3", "customer_id", "integer", found]);
    }
}

#[test]
fn what_is_not_exactly_whole_is_no_id() {
    for value in ["101.5", "9007199254740992.0", "1e2", "10 1"] {
        refused(
            &["csv"],
            "clicks",
            "customer_id",
            &json!(value),
            &["integer", value],
        );
    }
    for value in [json!(101.5), json!("007"), json!("101.5"), json!("+1")] {
        refused(
            &["ndjson", "json"],
            "clicks",
            "customer_id",
            &value,
            &["integer"],
        );
    }
}

#[test]
fn times_are_read_in_every_spelling_that_is_one_time() {
    let expected = usual(&["--timezone", "UTC"]);
    for spelling in [
        "%Y/%m/%d %H:%M:%S",
        "%Y%m%dT%H%M%S",
        "%d %b %Y %H:%M:%S",
        "%d/%b/%Y:%H:%M:%S +0000",
        "%a, %d %b %Y %H:%M:%S GMT",
        "%B %d, %Y, %I:%M:%S %p",
        "%Y-%m-%d %H:%M:%S +0000 UTC",
        "%Y-%m-%d %H:%M:%S,000",
        "%a %b %e %H:%M:%S UTC %Y",
    ] {
        for format in FORMATS {
            let shop = shop();
            let mut clicks = rows("clicks");
            for row in &mut clicks {
                let time = row["click_time"].as_str().expect("a text");
                let time: jiff::civil::DateTime = time.parse().expect("a time");
                row["click_time"] = json!(time.strftime(spelling).to_string());
            }
            shop.source("clicks", format, &clicks);
            shop.made(&["--timezone", "UTC"]);
            assert_eq!(shop.samples(), expected, "{format} {spelling}");
        }
    }
}

#[test]
fn other_times_need_a_format() {
    let expected = usual(&[]);
    for format in FORMATS {
        let shop = shop();
        let mut clicks = rows("clicks");
        for row in &mut clicks {
            let time = row["click_time"].as_str().expect("a text");
            let time: jiff::civil::DateTime = time.parse().expect("a time");
            row["click_time"] = json!(time.strftime("%m/%d/%Y %H:%M").to_string());
        }
        shop.source("clicks", format, &clicks);
        let advice = "--time-format '%m/%d/%Y %H:%M' says";
        shop.refuses(&[], 65, &["row 1", "click_time", advice]);
        shop.made(&["--source", "clicks.time_format=%m/%d/%Y %H:%M"]);
        assert_eq!(shop.samples(), expected, "{format}");
        shop.made(&["--time-format", "%m/%d/%Y %H:%M", "--overwrite"]);
        assert_eq!(shop.samples(), expected, "{format}");
    }
    for flags in [
        ["--time-format", "%H:%M"],
        ["--source", "clicks.time_format=%H:%M"],
    ] {
        shop().refuses(&flags, 2, &["time", "%H:%M", "reads no times", "year"]);
    }
}

#[test]
fn numbers_since_1970_may_have_a_fraction() {
    let expected = usual(&["--timezone", "UTC"]);
    for format in TEXTS {
        for is_text in [false, true] {
            let shop = shop();
            let mut clicks = rows("clicks");
            for row in &mut clicks {
                let time = row["click_time"].as_str().expect("a text");
                let time: jiff::civil::DateTime = time.parse().expect("a time");
                let since =
                    time.duration_since(jiff::civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
                let text = format!("{}.0", since.as_secs());
                row["click_time"] = if is_text {
                    json!(text)
                } else {
                    text.parse().expect("a number")
                };
            }
            shop.source("clicks", format, &clicks);
            let flags = ["--timezone", "UTC", "--source", "clicks.time_unit=s"];
            shop.made(&flags);
            assert_eq!(shop.samples(), expected, "{format} {is_text}");
        }
    }
}
