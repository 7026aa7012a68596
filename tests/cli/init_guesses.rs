//! What `job init` guesses: times in unusual forms, texts of any name, types, and logs that are one.

use serde_json::{Value, json};

use crate::encode::encode;
use crate::init::{assert_says, empty, log, made};
use crate::shop::shop;

#[test]
fn hours_written_as_numbers_are_times() {
    let shop = empty();
    let row = |hour: i64, click: i64| json!({"id": format!("a{hour}"), "click": click, "hour": hour, "site_id": "s", "device_ip": "x", "ad_id": 7});
    let rows = [row(14_102_100, 1), row(14_102_101, 0), row(14_102_102, 1)];
    shop.put("train.csv", encode("csv", &rows));
    let text = made(&shop, "sequences");
    assert_says(
        &text,
        &[
            "cutoff = \"time\"",
            "impression_time = \"hour\"",
            "# guess: numbers such as 25081509 are hours\ntime_format = \"%y%m%d%H\"",
            "[sources.labelled]",
        ],
    );
    let out = shop.run_bare(&["head", "out", "--json"]).stdout;
    assert_says(&out, &["2014-10-21T01:00:00Z"]);
}

#[test]
fn days_of_impressions_may_be_numbers() {
    let shop = empty();
    let row = |item: i64| json!({"date": 20_250_815, "request_id": "q", "user_id": 1, "item_id": item, "clicked": item % 2});
    shop.put("shown.csv", encode("csv", &[row(21), row(22)]));
    let log = log("user_id", "item_id", "ts");
    shop.put("events.csv", encode("csv", &log));
    let text = made(&shop, "sequences");
    assert_says(&text, &["dt = \"date\"", "time_format = \"%Y%m%d\""]);
}

#[test]
fn days_stored_as_numbers_are_missing() {
    let shop = shop();
    let rows = [json!({"customer_id": 1, "item_id": 21, "click_time": 20_250_810})];
    shop.put("ymd.parquet", encode("parquet", &rows));
    let text = made(&shop, "sequences");
    assert_says(
        &text,
        &["# ymd.parquet is left out: missing: times: there are days such as 20250815"],
    );
}

#[test]
fn texts_of_any_name_are_logs_if_they_have_columns() {
    let shop = empty();
    shop.put(
        "ratings.dat",
        "user::movie::ts\n1::21::2025-08-10T09:00:00\n1::22::2025-08-11T09:00:00\n",
    );
    shop.put("notes.txt", "Ratings, by film, of August\nby us\n");
    let text = made(&shop, "sequences");
    assert_says(
        &text,
        &[
            "path = \"ratings.dat\"",
            "item_id = \"movie\"",
            "# notes.txt is left out: ",
        ],
    );
}

#[test]
fn types_without_items_and_rows_without_types_are_left_out() {
    let shop = empty();
    shop.put(
        "impressions.ndjson",
        encode("ndjson", &crate::shop::rows("impressions")),
    );
    let row = |event: Value, item: Value| json!({"user_id": 1, "item_id": item, "event": event, "ts": "2025-08-10T09:00:00"});
    let mut rows = vec![
        row(json!("view"), json!(21)),
        row(json!("search"), Value::Null),
    ];
    rows.extend(vec![row(json!("view"), json!(22)); 1500]);
    rows.push(row(Value::Null, json!(23)));
    shop.put("events.ndjson", encode("ndjson", &rows));
    let text = made(&shop, "sequences");
    assert_says(
        &text,
        &[
            "# guess: no row of \"search\" has an item, so they are left out",
            "types = { \"view\" = 1 }",
            "other_types = \"drop\"",
        ],
    );
}

#[test]
fn logs_of_the_same_columns_are_one_unless_their_names_tell_types() {
    let shop = empty();
    shop.put(
        "impressions.ndjson",
        encode("ndjson", &crate::shop::rows("impressions")),
    );
    for name in ["north", "south", "page_views", "purchases"] {
        shop.put(
            &format!("{name}/a.csv"),
            encode("csv", &log("user_id", "item_id", "ts")),
        );
    }
    let text = made(&shop, "sequences");
    assert_says(
        &text,
        &[
            "[sources.log]\npath = [\"north\", \"south\"]",
            "[sources.page_views]",
            "# guess: by its name; 1 click, 2 cart, 3 order\ntype = 3",
        ],
    );
    assert_eq!(text.matches("[sources.").count(), 4, "{text}");
}

#[test]
fn two_candidates_for_a_column_are_named() {
    let shop = empty();
    shop.put(
        "impressions.ndjson",
        encode("ndjson", &crate::shop::rows("impressions")),
    );
    let row = json!({"user_id": 1, "item_id": 21, "event_time": "2025-08-10T09:00:00", "server_time": "2025-08-10T09:00:01"});
    shop.put("events.csv", encode("csv", &[row]));
    let text = made(&shop, "sequences");
    assert_says(
        &text,
        &["# guess: the time may be \"event_time\" or \"server_time\""],
    );
}

#[test]
fn logs_without_names_have_neither_measures_nor_ids_for_types() {
    for (text, header) in [
        (
            "0\t2010-10-19T23:55:27Z\t30.23\t-97.79\t22847\n0\t2010-10-18T22:17:43Z\t30.26\t-97.74\t420315\n",
            "[\"customer_id\", \"time\", \"column_3\", \"column_4\", \"item_id\"]",
        ),
        (
            "u_1\t2009-05-04T23:08:57Z\tf1b1cf71\nu_1\t2009-05-04T13:54:10Z\ta7f7df4a\n",
            "[\"customer_id\", \"time\", \"item_id\"]",
        ),
    ] {
        let shop = empty();
        shop.put("log.tsv", text);
        let text = made(&shop, "sequences");
        assert_says(&text, &[&format!("header = {header}")]);
    }
}

#[test]
fn hours_without_minutes_are_times() {
    let shop = empty();
    let row = |item: i64, time: &str| json!({"user_id": 1, "item_id": item, "time": time});
    let rows = [row(21, "2014-12-06 02"), row(22, "2014-12-06 20")];
    shop.put("log.csv", encode("csv", &rows));
    let text = made(&shop, "sequences");
    assert_says(&text, &["time_format = \"%Y-%m-%d %H\""]);
}
