//! `job init`: the job file that it writes runs as it is.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::encode::encode;
use crate::shop::{Run, Shop, shop};

/// An empty folder `shop`.
pub(crate) fn empty() -> Shop {
    let shop = shop();
    for source in ["impressions", "clicks", "add_to_carts", "previous_orders"] {
        shop.remove(source);
    }
    shop
}

/// Copies a folder of `testdata` into a shop, without its job file.
fn with_testdata(name: &str) -> Shop {
    /// Copies the files below a folder.
    fn copy(shop: &Shop, from: &Path, to: &str) {
        for entry in fs::read_dir(from).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            if path.is_dir() {
                copy(shop, &path, &format!("{to}{name}/"));
            } else if name != "job.toml" {
                shop.put(&format!("{to}{name}"), fs::read(&path).expect("bytes"));
            }
        }
    }
    let shop = empty();
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name);
    copy(&shop, &from, "");
    shop
}

/// Writes a job file; returns it, and what was said.
#[track_caller]
pub(crate) fn init(shop: &Shop) -> (String, String) {
    let run = shop.run_bare(&["job", "init", "shop"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let text = fs::read_to_string(shop.path("job.toml")).expect("a job file");
    (text, run.stderr)
}

/// Runs the job file as it is.
fn run(shop: &Shop, kind: &str) -> Run {
    shop.run_bare(&[kind, "--job", "shop/job.toml", "--out", "out"])
}

/// Writes a job file and runs it; returns it.
#[track_caller]
pub(crate) fn made(shop: &Shop, kind: &str) -> String {
    let (text, said) = init(shop);
    let run = run(shop, kind);
    assert_eq!(run.code, 0, "{}\n{text}", run.stderr);
    assert!(said.contains("its first row:"), "{said}\n{text}");
    assert!(said.contains(&format!("hitherto {kind} --job ")), "{said}");
    text
}

/// Checks that a text has some parts.
#[track_caller]
pub(crate) fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

#[test]
fn the_published_sets_run_unedited() {
    for (name, kind) in [
        ("challenge-csv", "sequences"),
        ("challenge-json", "sequences"),
        ("challenge-hive", "sequences"),
        ("otto", "sequences"),
        ("rees46", "sequences"),
        ("retailrocket", "sequences"),
        ("shop", "sequences"),
        ("history", "features"),
        ("flyers", "dwell"),
    ] {
        let text = made(&with_testdata(name), kind);
        assert!(text.contains(&format!("job = \"{kind}\"")), "{text}");
    }
}

#[test]
fn a_larger_copy_beside_a_file_is_a_comment() {
    let shop = with_testdata("challenge-csv");
    for name in ["clicks", "impressions"] {
        let text = fs::read_to_string(shop.path(&format!("{name}.csv"))).expect("text");
        shop.put(&format!("{name}_1000.csv"), text);
    }
    let text = made(&shop, "sequences");
    assert_says(
        &text,
        &[
            "path = \"clicks.csv\"",
            "# clicks_1000.csv is left out: ",
            "# impressions_1000.csv is left out: ",
        ],
    );
}

#[test]
fn a_file_in_the_wrong_folder_is_left_out() {
    let shop = shop();
    for source in ["impressions", "clicks"] {
        shop.remove(source);
    }
    let clicks = encode("csv", &crate::shop::rows("clicks"));
    shop.put(
        "impressions/a.ndjson",
        encode("ndjson", &crate::shop::rows("impressions")),
    );
    shop.put("impressions/b.csv", &clicks);
    shop.put("clicks/a.csv", &clicks);
    let text = made(&shop, "sequences");
    assert_says(
        &text,
        &[
            "# impressions/b.csv is left out: it holds actions",
            "path = \"impressions/a.ndjson\"",
            "path = \"clicks\"",
        ],
    );
}

/// A log of one row with these names.
pub(crate) fn log(customer: &str, item: &str, time: &str) -> Vec<Value> {
    vec![
        json!({customer: 1, item: 21, time: "2025-08-10T09:00:00"}),
        json!({customer: 1, item: 22, time: "2025-08-11T09:00:00"}),
    ]
}

#[test]
fn files_by_day_are_one_glob() {
    let shop = empty();
    shop.put(
        "impressions_2025-08-15.ndjson",
        encode("ndjson", &crate::shop::rows("impressions")),
    );
    for day in 1..400 {
        shop.put(
            &format!("events_{}.csv", 20_240_100 + day),
            encode("csv", &log("user_id", "item_id", "ts")),
        );
    }
    let text = made(&shop, "sequences");
    assert_says(
        &text,
        &[
            "path = \"events_*.csv\"",
            "CSV, 399 files",
            "columns = { customer_id = \"user_id\", time = \"ts\" }",
        ],
    );
    assert_eq!(text.matches("[sources.").count(), 2, "{text}");
}

#[test]
fn camel_case_upper_case_and_fields_inside_others_are_found() {
    for (customer, item, time) in [
        ("userId", "itemId", "eventTime"),
        ("VISITOR_ID", "PRODUCT_ID", "EVENT_TS"),
        ("client", "sku", "occurred_at"),
    ] {
        let shop = empty();
        shop.put(
            "impressions.ndjson",
            encode("ndjson", &crate::shop::rows("impressions")),
        );
        shop.put("views.csv", encode("csv", &log(customer, item, time)));
        let text = made(&shop, "sequences");
        let columns =
            format!("customer_id = \"{customer}\", item_id = \"{item}\", time = \"{time}\"");
        assert_says(&text, &[&columns]);
    }
    let shop = empty();
    shop.put(
        "impressions.ndjson",
        encode("ndjson", &crate::shop::rows("impressions")),
    );
    let row = json!({"event": "Product Viewed", "at": "2025-08-10T09:00:00", "user": {"id": 1}, "properties": {"product_id": 21, "price": 3.5}});
    shop.put("segment.ndjson", encode("ndjson", &[row]));
    let text = made(&shop, "sequences");
    assert_says(
        &text,
        &[
            "customer_id = \"user.id\", item_id = \"properties.product_id\", time = \"at\"",
            "types = { \"Product Viewed\" = 1 }",
        ],
    );
}

#[test]
fn a_list_of_events_is_exploded_and_folders_tell_days() {
    let shop = empty();
    let items = json!([{"itemId": 21, "clicked": true}]);
    let shown = json!({"requestId": "q", "userId": 1, "recommendations": items});
    shop.put("recs/2025/08/15/a.ndjson", encode("ndjson", &[shown]));
    let events = json!([{"aid": 21, "ts": 1_754_816_400_000_i64, "type": "clicks"}]);
    shop.put(
        "sessions.ndjson",
        encode("ndjson", &[json!({"session": 1, "events": events})]),
    );
    let text = made(&shop, "sequences");
    assert_says(
        &text,
        &[
            "day_from = \"{year}/{month}/{day}\"",
            "impressions = \"recommendations\", item_id = \"itemId\", is_order = \"clicked\"",
            "explode = \"events\"",
            "time_unit = \"ms\"",
        ],
    );
}

#[test]
fn each_log_has_its_own_unit_and_what_has_none_is_a_comment() {
    let shop = empty();
    shop.put(
        "impressions.ndjson",
        encode("ndjson", &crate::shop::rows("impressions")),
    );
    let log = |times: &[i64]| {
        let rows = times
            .iter()
            .map(|time| json!({"customer_id": 1, "item_id": 21, "click_time": time}));
        encode("csv", &rows.collect::<Vec<_>>())
    };
    shop.put("s.csv", log(&[1_754_816_400]));
    shop.put("ms.csv", log(&[1_754_816_400_000]));
    shop.put("mixed.csv", log(&[1_754_816_400_000, 1_754_816_400]));
    shop.put("ymd.csv", log(&[20_250_810]));
    let text = made(&shop, "sequences");
    assert_says(
        &text,
        &[
            "time_unit = \"s\"",
            "time_unit = \"ms\"",
            "# mixed.csv is left out: missing: one unit of times",
            "path = \"ymd.csv\"\ncolumns = { time = \"click_time\" }\n# guess: numbers such as 20250815 are days\ntime_format = \"%Y%m%d\"",
        ],
    );
}

#[test]
fn one_source_of_impressions_is_chosen() {
    let shop = shop();
    shop.put(
        "other.ndjson",
        encode("ndjson", &crate::shop::rows("impressions")),
    );
    let text = made(&shop, "sequences");
    assert_says(
        &text,
        &["# other.ndjson is left out: there is one source of impressions"],
    );
}

#[test]
fn rows_of_one_item_are_mapped_as_they_are_read() {
    let shop = empty();
    let row = |item: i64, clicked: i64| json!({"dt": "2025-08-15", "ranking_id": "r1", "customer_id": 1, "position": item, "item": item, "clicked": clicked});
    shop.put("flat.csv", encode("csv", &[row(21, 0), row(22, 1)]));
    shop.put("clicks.csv", encode("csv", &crate::shop::rows("clicks")));
    let (text, _) = init(&shop);
    assert_says(
        &text,
        &[
            "[sources.impressions]\npath = \"flat.csv\"\ncolumns = { item_id = \"item\", is_order = \"clicked\" }",
        ],
    );
}

#[test]
fn columns_without_names_are_guessed_by_their_values() {
    let shop = empty();
    shop.put(
        "log.csv",
        "1,2268318,25,pv,1511544070\n1,2333346,25,buy,1511561733\n",
    );
    let (text, _) = init(&shop);
    assert_says(
        &text,
        &[
            "header = [\"customer_id\", \"item_id\", \"column_3\", \"column_4\", \"time\"]",
            "type_column = \"column_4\"",
            "time_unit = \"s\"",
        ],
    );
}

#[test]
fn labelled_items_are_the_actions_where_there_are_no_others() {
    let shop = empty();
    let row = |clicked: i64| json!({"request_id": "q", "user_id": 1, "ad_id": 7, "click": clicked, "ts": "2025-08-10T09:00:00Z"});
    shop.put("flat.csv", encode("csv", &[row(0), row(1)]));
    let (text, _) = init(&shop);
    assert_says(
        &text,
        &[
            "cutoff = \"time\"",
            "[sources.labelled]\npath = \"flat.csv\"",
            "where = { click = \"1\" }",
        ],
    );
}

#[test]
fn a_log_alone_has_its_orders_as_impressions() {
    let shop = empty();
    let row = |event: &str, item: i64| json!({"user": 1, "item": item, "event": event, "ts": "2025-08-10T09:00:00"});
    let rows = [row("view", 21), row("view", 22), row("purchase", 21)];
    shop.put("log.csv", encode("csv", &rows));
    let (text, _) = init(&shop);
    assert_says(
        &text,
        &["impressions_from = { source = \"log\", where = { event = \"purchase\" } }"],
    );
    let shop = empty();
    shop.put(
        "ratings.csv",
        encode("csv", &log("userId", "movieId", "timestamp")),
    );
    let (text, _) = init(&shop);
    assert_says(
        &text,
        &["impressions_from = { source = \"ratings\" }", "type = 1"],
    );
}

#[test]
fn types_that_come_late_have_codes_too() {
    let shop = empty();
    shop.put(
        "impressions.ndjson",
        encode("ndjson", &crate::shop::rows("impressions")),
    );
    let row = |event: &str| json!({"user_id": 1, "item_id": 21, "event": event, "ts": "2025-08-10T09:00:00"});
    let mut rows = vec![row("view"); 3000];
    rows.push(row("rare"));
    shop.put("events.csv", encode("csv", &rows));
    let text = made(&shop, "sequences");
    assert_says(&text, &["types = { \"rare\" = 4, \"view\" = 1 }"]);
}

#[test]
fn other_names_of_flyer_events_have_roles() {
    let shop = empty();
    let row = |event: &str, minute: i64| json!({"ts": format!("2025-08-15T10:{minute:02}:00Z"), "uid": "u1", "event_name": event, "page": "f1", "shop": "m1"});
    shop.put(
        "ga.csv",
        encode(
            "csv",
            &[
                row("page_view", 1),
                row("page_view", 2),
                row("page_close", 3),
            ],
        ),
    );
    let text = made(&shop, "dwell");
    assert_says(
        &text,
        &[
            "opens = [\"page_view\"]",
            "closes = [\"page_close\"]",
            "merchant_id = \"shop\"",
        ],
    );
}

#[test]
fn a_folder_without_logs_says_what_is_missing() {
    let shop = empty();
    shop.put("notes.csv", "topic,text\nrain,much\n");
    let (text, said) = init(&shop);
    assert_says(
        &text,
        &[
            "# missing: no file here has a column of customers",
            "# notes.csv is left out: ",
        ],
    );
    assert_says(&said, &["missing: no file here"]);
}
