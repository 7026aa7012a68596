//! `--available SOURCE=dt` and `landed_late` from outside: the day that actions landed, by the folder of
//! their file or by a column.

use std::fs;

use serde_json::{Value, json};

use crate::encode::encode;
use crate::shop::{FORMATS, Run, Shop, rows, shop};

/// Only clicks, and all of what a history has room for.
const CLICKS: [&str; 5] = [
    "--without",
    "carts,orders",
    "--max-actions",
    "9",
    "--no-pad",
];
/// They wait for their day.
const WAIT: [&str; 2] = ["--available", "clicks=dt"];

/// Clicks of customer 1 with the day that they landed: item, time, day.
const LANDED: [(i64, &str, &str); 4] = [
    (21, "2025-08-14 10:00:00", "2025-08-14"),
    (24, "2025-08-15 13:00:00", "2025-08-15"),
    (25, "2025-08-14 23:00:00", "2025-08-15"),
    (26, "2025-08-13 09:00:00", "2025-08-16"),
];

/// A click.
fn click(item: i64, time: &str) -> Value {
    json!({"customer_id": 1, "item_id": item, "click_time": time})
}

/// A shop whose clicks lie in folders of the days that they landed.
fn in_folders(format: &str) -> Shop {
    let shop = shop();
    shop.remove("clicks");
    for (item, time, day) in LANDED {
        let name = format!("clicks/dt={day}/part-{item}.{format}");
        shop.put(&name, encode(format, &[click(item, time)]));
    }
    shop
}

/// A shop whose clicks have a column of the days that they landed, written so.
fn in_column(format: &str, column: &str, written: impl Fn(&str) -> Value) -> Shop {
    let shop = shop();
    let rows = LANDED.map(|(item, time, day)| {
        let mut row = click(item, time);
        row[column] = written(day);
        row
    });
    shop.source("clicks", format, &rows);
    shop
}

/// Runs a shop with some flags more.
fn run(shop: &Shop, flags: &[&str]) -> Run {
    shop.run_bare(
        &[
            &["sequences", "shop", "--out", "out", "--overwrite"],
            &CLICKS[..],
            flags,
        ]
        .concat(),
    )
}

/// The items of the history of each ranking, newest first, as they are in the output.
fn histories(shop: &Shop) -> Vec<(String, Vec<i64>)> {
    let mut found = Vec::new();
    for ranking in ["r1", "r3"] {
        let explained = shop.run_bare(&["explain", "out", "--ranking-id", ranking, "--json"]);
        assert_eq!(explained.code, 0, "{}", explained.stderr);
        let actions = explained.stdout.lines();
        let actions = actions.map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let in_history = actions.filter(|action| !action["position"].is_null());
        let items = in_history.map(|action| action["item_id"].as_i64().expect("an item"));
        let items = items.collect();
        found.push((ranking.to_owned(), items));
    }
    let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    found
}

/// What a set of clicks says of what landed late: of all, and by source.
fn late(shop: &Shop) -> (Value, Value) {
    let text = fs::read(shop.out().join("_metrics.json")).expect("metrics");
    let value: Value = serde_json::from_slice(&text).expect("JSON");
    (
        value["landed_late"].clone(),
        value["counts"]["landed_late"].clone(),
    )
}

/// Asserts what histories hold.
#[track_caller]
fn assert_holds(shop: &Shop, r1: &[i64], r3: &[i64]) {
    let expected = [
        ("r1".to_owned(), r1.to_vec()),
        ("r3".to_owned(), r3.to_vec()),
    ];
    assert_eq!(histories(shop), expected);
}

#[test]
fn a_folder_tells_the_day_that_its_actions_landed() {
    for format in FORMATS {
        let shop = in_folders(format);
        let made = run(&shop, &[]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        assert!(
            made.stderr.contains("5 actions in them landed on or after"),
            "{}",
            made.stderr
        );
        assert_holds(&shop, &[25, 21, 26], &[24, 25, 21, 26]);
        // r1 has two samples, and 25 and 26 landed when its day came or later; r3 has one, and 26.
        let by_source = json!({"clicks": 5, "carts": 0, "orders": 0});
        assert_eq!(late(&shop), (json!(5), by_source));
        for flags in [&WAIT[..], &["--available", "clicks=dt", "--threads", "2"]] {
            let made = run(&shop, flags);
            assert_eq!(made.code, 0, "{}", made.stderr);
            assert_holds(&shop, &[21], &[24, 25, 21]);
            assert_eq!(late(&shop).0, json!(0));
        }
        let explained = shop.run_bare(&["explain", "out", "--ranking-id", "r1"]);
        let why = "not yet available: by dt it landed on 2025-08-15, which was not over";
        assert!(explained.stdout.contains(why), "{}", explained.stdout);
    }
}

#[test]
fn a_column_tells_it_where_no_folder_does() {
    for format in FORMATS {
        for prefix in ["", "dt="] {
            let shop = in_column(format, "dt", |day| json!(format!("{prefix}{day}")));
            let made = run(&shop, &WAIT);
            assert_eq!(made.code, 0, "{}", made.stderr);
            assert_holds(&shop, &[21], &[24, 25, 21]);
            assert_eq!(late(&shop).1["clicks"], json!(0));
            // Nothing is known without it.
            assert_eq!(run(&shop, &[]).code, 0);
            assert_eq!(
                late(&shop),
                (
                    Value::Null,
                    json!({"clicks": null, "carts": 0, "orders": 0})
                )
            );
        }
        // A column of another name is a time, or a day that reads as a folder's does.
        let shop = in_column(format, "known", |day| json!(format!("dt={day}")));
        let made = run(&shop, &["--available", "clicks=known"]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        assert_holds(&shop, &[21], &[24, 25, 21]);
        // Of a time in dt it is the day.
        let shop = in_column(format, "dt", |day| json!(format!("{day} 00:00:00")));
        let by_time = [&WAIT[..], &["--timezone", "Europe/Berlin"]].concat();
        assert_eq!(run(&shop, &by_time).code, 0);
        assert_holds(&shop, &[21], &[24, 25, 21]);
    }
}

#[test]
fn a_folder_goes_before_a_column_and_the_folder_of_no_day_leaves_it_to_the_column() {
    let no_day = "clicks/dt=__HIVE_DEFAULT_PARTITION__";
    for format in FORMATS {
        let shop = in_folders(format);
        let mut early = click(27, "2025-08-14 08:00:00");
        early["dt"] = json!("2025-08-01");
        shop.put(
            &format!("clicks/dt=2025-08-15/early.{format}"),
            encode(format, &[early]),
        );
        let never = click(28, "2025-08-12 08:00:00");
        shop.put(
            &format!("{no_day}/never.{format}"),
            encode(format, &[never]),
        );
        let mut dated = click(29, "2025-08-12 09:00:00");
        dated["dt"] = json!("2025-08-12");
        shop.put(
            &format!("{no_day}/dated.{format}"),
            encode(format, &[dated]),
        );
        let made = run(&shop, &[&WAIT[..], &["--stats", "json"]].concat());
        assert_eq!(made.code, 0, "{}", made.stderr);
        assert_holds(&shop, &[21, 29], &[24, 25, 21, 27, 29]);
        let stats: Value = serde_json::from_str(&made.stdout).expect("JSON");
        assert_eq!(stats["actions_never_available"], json!(1));
        assert_eq!(stats["landed_late"], json!(0));
        let why = shop.run_bare(&["explain", "out", "--ranking-id", "r1"]);
        assert!(why.stdout.contains("never available"), "{}", why.stdout);
    }
}

#[test]
fn a_file_that_tells_no_day_is_named_with_what_to_do() {
    for format in FORMATS {
        let shop = shop();
        shop.source("clicks", format, &rows("clicks"));
        let file = format!("shop/clicks.{format}");
        run(&shop, &WAIT).assert_failed(
            65,
            &[
                &file,
                "expected a folder dt=YYYY-MM-DD or a column \"dt\"",
                "--available clicks=COLUMN",
            ],
        );
        let mut bad = rows("clicks");
        for row in &mut bad {
            row["dt"] = json!("2025-08-01");
        }
        bad[2]["dt"] = json!("soon");
        shop.source("clicks", format, &bad);
        run(&shop, &WAIT).assert_failed(65, &[&file, "row 3", "\"dt\"", "a day such as"]);
    }
    let shop = in_column("parquet", "dt", |day| {
        json!(day.replace('-', "").parse::<i64>().expect("digits"))
    });
    let by_unit = [&WAIT[..], &["--time-unit", "s"]].concat();
    run(&shop, &by_unit).assert_failed(65, &["clicks.parquet", "\"dt\" to be days", "Int64"]);
}

#[test]
fn what_landed_late_shuts_a_gate() {
    let shop = in_folders("parquet");
    for (gate, code, said) in [
        ("landed_late>0", 3, "landed_late is 5"),
        ("landed_late(clicks)>4", 3, "landed_late(clicks) is 5"),
        ("landed_late(clicks)>5", 0, ""),
        (
            "landed_late(impressions)>0",
            2,
            "the sources are clicks, carts, orders",
        ),
        ("landed_late(shop)>0", 2, "asks for landed_late of \"shop\""),
    ] {
        let made = run(&shop, &["--fail-if", gate]);
        assert_eq!(made.code, code, "{gate}: {}", made.stderr);
        assert!(made.stderr.contains(said), "{gate}: {}", made.stderr);
    }
    let waits = run(
        &shop,
        &[&WAIT[..], &["--fail-if", "landed_late>0"]].concat(),
    );
    assert_eq!(waits.code, 0, "{}", waits.stderr);
    // An undefined metric does not pass.
    let shop = crate::shop::shop();
    let made = run(&shop, &["--fail-if", "landed_late>0"]);
    assert_eq!(made.code, 3, "{}", made.stderr);
    assert!(made.stderr.contains("not known"), "{}", made.stderr);
}

#[test]
fn by_time_what_landed_on_the_day_of_the_cutoff_landed_late() {
    let shop = in_folders("ndjson");
    let mut impressions = rows("impressions");
    for row in &mut impressions {
        let day = row["dt"].as_str().expect("a day").to_owned();
        row["impression_time"] = json!(format!("{day} 15:00:00"));
    }
    shop.source("impressions", "ndjson", &impressions);
    let by_time = ["--cutoff", "time"];
    assert_eq!(run(&shop, &by_time).code, 0);
    assert_holds(&shop, &[24, 25, 21, 26], &[24, 25, 21, 26]);
    // Of r1, twice: 24, 25, 26; of r3: 26.
    assert_eq!(late(&shop).0, json!(7));
    assert_eq!(run(&shop, &[&WAIT[..], &by_time].concat()).code, 0);
    assert_holds(&shop, &[21], &[24, 25, 21]);
    assert_eq!(late(&shop).0, json!(0));
}
