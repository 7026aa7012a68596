//! `hitherto head` from outside: what it shows of sets of every job, and how it ends.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::encode::encode;
use crate::shop::{Run, Shop, rows, run, shop};

/// Runs `hitherto head out` and more flags, on a terminal of 80 columns.
fn head(shop: &Shop, flags: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
    command.args(["head", "out"]).args(flags);
    run(command.env("COLUMNS", "80").current_dir(shop.root()))
}

/// The standard output of a run that must succeed.
fn printed(shop: &Shop, flags: &[&str]) -> String {
    let run = head(shop, flags);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let widest = run.stdout.lines().map(|line| line.chars().count()).max();
    assert!(
        flags.contains(&"--json") || widest <= Some(80),
        "{}",
        run.stdout
    );
    run.stdout
}

/// The objects that standard output holds.
fn objects(shop: &Shop, flags: &[&str]) -> Vec<Value> {
    let text = printed(shop, &[flags, &["--json"]].concat());
    let objects = text.lines().map(serde_json::from_str);
    objects.map(|object| object.expect("JSON")).collect()
}

/// The card of the impression that `flags` make of ranking r1.
fn card_of_r1(shop: &Shop, flags: &[&str]) -> String {
    let text = printed(shop, flags);
    let mut cards = text.split("\n\n");
    let card = cards.find(|card| card.contains("ranking_id r1 "));
    card.expect("a card").trim_end().to_owned()
}

#[test]
fn a_card_shows_an_impression_with_the_newest_of_its_history() {
    let shop = shop();
    shop.made(&[]);
    let expected = "\
customer_id 1 · ranking_id r1 · cutoff 2025-08-15T00:00:00Z
last_action_time 2025-08-14T10:00:00Z · history_length 3
  actions       21  31  41
  action_types   1   2   3
  position  item_id  is_order
         0       11  true
         1       12  false";
    assert_eq!(card_of_r1(&shop, &[]), expected);
    shop.made(&["--overwrite", "--layout", "request"]);
    let expected = "\
customer_id 1 · ranking_id r1 · cutoff 2025-08-15T00:00:00Z
last_action_time 2025-08-14T10:00:00Z · history_length 3
  items           11     12
  is_order      true  false
  actions       21  31  41
  action_types   1   2   3";
    assert_eq!(card_of_r1(&shop, &[]), expected);
    let none = printed(&shop, &["--customer", "3"]);
    assert!(
        none.contains("last_action_time null · history_length 0"),
        "{none}"
    );
    assert!(none.contains("  actions       none\n"), "{none}");
}

#[test]
fn a_history_that_does_not_fit_says_how_many_more_there_are() {
    let shop = shop();
    let click = |at: u32| json!({"customer_id": 1, "item_id": 1000 + at, "click_time": format!("2025-08-13 10:{:02}:{:02}", at / 60, at % 60)});
    let clicks: Vec<Value> = (0..200).map(click).collect();
    shop.source("clicks", "csv", &clicks);
    let made = ["sequences", "shop", "--out", "out", "--quiet"];
    assert_eq!(shop.run_bare(&made).code, 0);
    let card = card_of_r1(&shop, &[]);
    let line = |name: &str| {
        let line = card
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        line.expect("a line").to_owned()
    };
    assert!(line("actions").contains("  1199  1198"), "{card}");
    assert!(line("actions").ends_with("… +193"), "{card}");
    assert!(line("action_types").ends_with("… +193"), "{card}");
    // In JSON a history is whole, padding included, or the newest of it.
    let actions_count = |flags: &[&str]| {
        objects(&shop, flags)[0]["actions"]
            .as_array()
            .expect("a list")
            .len()
    };
    assert_eq!(
        (
            actions_count(&["--customer", "1"]),
            actions_count(&["--customer", "1", "--abbreviate"])
        ),
        (1000, 10)
    );
}

#[test]
fn json_has_every_column_of_as_many_rows_as_are_asked_for() {
    let shop = shop();
    shop.made(&[]);
    let all = objects(&shop, &[]);
    assert_eq!(all.len(), 5);
    let r2 = all
        .iter()
        .find(|row| row["ranking_id"] == "r2")
        .expect("a row");
    let expected = json!({
        "dt": "2025-08-15", "customer_id": 2, "ranking_id": "r2", "position": 0, "item_id": 11,
        "is_order": null, "cutoff": "2025-08-15T00:00:00Z",
        "last_action_time": "2025-08-13T12:00:00Z", "history_length": 3,
        "actions": [23, 33, 43, 0], "action_types": [1, 2, 3, 0],
    });
    assert_eq!(*r2, expected);
    assert_eq!(objects(&shop, &["-n", "2"]), all[..2]);
    assert_eq!(objects(&shop, &["--rows", "0"]), all[..0]);
    let of_day = objects(&shop, &["--date", "2025-08-16"]);
    assert_eq!(of_day, all[3..]);
    // Across both days, and across the parts and row groups of each.
    let of_one = objects(&shop, &["--customer", "1"]);
    assert!(of_one.iter().all(|row| row["customer_id"] == 1));
    assert_eq!(of_one.len(), 3);
    let day = shop.run_bare(&["head", "out/dt=2025-08-16", "--json"]);
    assert_eq!(day.stdout.lines().count(), 2, "{}", day.stderr);
}

#[test]
fn texts_cannot_command_the_terminal() {
    let shop = shop();
    let mut rows = rows("impressions");
    rows[0]["ranking_id"] = json!("r\u{1b}[2J\n1");
    shop.source("impressions", "ndjson", &rows).made(&[]);
    let text = printed(&shop, &[]);
    assert!(text.contains("ranking_id r\\u{1b}[2J\\n1"), "{text}");
}

#[test]
fn rows_set_aside_are_shown_with_their_reasons() {
    let shop = shop();
    shop.made(&[]);
    let run = head(&shop, &["--quarantine"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    assert!(
        run.stderr.contains("no row of out was set aside"),
        "{}",
        run.stderr
    );
    let mut bad = rows("clicks");
    bad[2]["click_time"] = json!("soon");
    shop.source("clicks", "csv", &bad);
    shop.made(&["--overwrite", "--on-bad-row", "quarantine"]);
    let text = printed(&shop, &["--quarantine"]);
    let start = "clicks: shop/clicks.csv row 3, column \"click_time\"\n  expected a time";
    assert!(text.starts_with(start), "{text}");
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").contains("found \"soon\""), "{text}");
    assert_eq!(objects(&shop, &["--quarantine"])[0]["row"], 3);
    let of_day = shop.run_bare(&["head", "out/dt=2025-08-16", "--quarantine"]);
    assert!(of_day.stdout.starts_with(start), "{}", of_day.stdout);
    head(&shop, &["--quarantine", "--date", "2025-08-15"]).assert_failed(2, &["--quarantine"]);
}

#[test]
fn tables_of_other_jobs_break_where_they_are_too_wide() {
    let shop = shop();
    let listing =
        json!([{"listing_id": 1, "category": null, "price": 5.5, "created_ts": "2024-01-01"}]);
    let impressions = json!([{"impression_id": 1, "user_id": 7, "listing_id": 1, "impression_ts": "2024-01-10 12:00:00"}]);
    let click = json!([{"user_id": 7, "listing_id": 1, "click_ts": "2024-01-10 11:30:00"}]);
    for (source, rows) in [
        ("impressions", impressions),
        ("clicks", click),
        ("listings", listing),
    ] {
        let rows = rows.as_array().expect("a list").clone();
        shop.source(source, "ndjson", &rows);
    }
    let made = shop.run_bare(&["features", "shop", "--out", "out", "--windows", "1h,24h,7d"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let text = printed(&shop, &[]);
    for word in ["null", "5.5", "2024-01-10T12:00:00Z", "listing_", "prior_"] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    let rows = objects(&shop, &["--customer", "7"]);
    assert_eq!(
        (&rows[0]["date"], &rows[0]["prior_listing_clicks_1h"]),
        (&json!("2024-01-10"), &json!(1))
    );
    head(&shop, &["--table", "merchant"]).assert_failed(66, &["no table of merchants"]);

    let event = |at: &str| json!({"timestamp": at, "user_id": "u", "event": "flyer_open", "flyer_id": "f", "merchant_id": "m"});
    let events = [event("2018-10-01T12:00:00Z"), event("2018-10-02T12:00:09Z")];
    shop.put("events.ndjson", encode("ndjson", &events));
    fs::remove_dir_all(shop.out()).expect("a set");
    let made = shop.run_bare(&["dwell", "shop/events.ndjson", "--out", "out"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let text = printed(&shop, &[]);
    let expected = "\
user_id  merchant_id  date        avg_seconds  flyers  events
u        m            2018-10-01            0       1       1
u        m            2018-10-02            0       1       1
";
    assert_eq!(text, expected);
    let text = printed(&shop, &["--table", "merchant"]);
    assert!(
        text.starts_with("merchant_id  date        users  avg_seconds"),
        "{text}"
    );
    assert_eq!(objects(&shop, &["--date", "2018-10-02"]).len(), 1);
    head(&shop, &["--table", "merchant", "--user", "u"]).assert_failed(66, &["user_id"]);
}

#[test]
fn what_is_not_there_is_66_and_what_is_damaged_65() {
    let shop = shop();
    head(&shop, &[]).assert_failed(66, &["no such folder: \"out\""]);
    let run = shop.run_bare(&["head", "shop"]);
    run.assert_failed(66, &["no job published it"]);
    shop.made(&[]);
    for (flags, said) in [
        (
            ["--date", "2025-08-17"],
            "its days are 2025-08-15 to 2025-08-16",
        ),
        (["--customer", "4711"], "no row of \"4711\""),
    ] {
        head(&shop, &flags).assert_failed(66, &[said]);
    }
    let part = shop.out().join("dt=2025-08-15/part-00000.parquet");
    let bytes = fs::read(&part).expect("a part");
    fs::write(&part, &bytes[..bytes.len() / 2]).expect("a part");
    head(&shop, &[]).assert_failed(65, &["part-00000.parquet"]);
    fs::remove_file(&part).expect("a part");
    head(&shop, &[]).assert_failed(74, &["part-00000.parquet"]);
    let manifest = shop.out().join("_manifest.json");
    let text = fs::read_to_string(&manifest).expect("text");
    fs::write(
        &manifest,
        text.replace("dt=2025-08-15/part", "../elsewhere/part"),
    )
    .expect("text");
    head(&shop, &[]).assert_failed(65, &["_manifest.json", "checksum"]);
}
