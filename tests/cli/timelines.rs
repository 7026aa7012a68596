//! Timelines, the order within histories, other names of columns, and progress for programs.

use serde_json::{Value, json};

use crate::shop::{Shop, rows, shop};

/// Rows of `head` as JSON, from a set made by these flags.
#[track_caller]
fn heads(shop: &Shop, flags: &[&str]) -> Vec<Value> {
    let made = [&["sequences", "shop", "--out", "out", "--overwrite"], flags].concat();
    let run = shop.run_bare(&made);
    assert_eq!(run.code, 0, "{flags:?}: {}", run.stderr);
    let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(verified.code, 0, "{flags:?}: {}", verified.stderr);
    let run = shop.run_bare(&["head", "out", "--json", "-n", "1000"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// The shop, whose impressions have a time: those of a day an hour apart.
fn timed() -> Shop {
    let shop = shop();
    let mut impressions = rows("impressions");
    for (hour, row) in impressions.iter_mut().enumerate() {
        let day = row["dt"].as_str().expect("a day").to_owned();
        row["impression_time"] = json!(format!("{day} {:02}:30:00", 5 + hour % 18));
    }
    shop.source("impressions", "ndjson", &impressions);
    shop
}

#[test]
fn timelines_hold_the_rows_of_requests() {
    let shop = timed();
    for more in [
        &["--with", "time_delta,time"][..],
        &["--cutoff", "time", "--max-actions", "4"],
        &[
            "--cutoff",
            "time",
            "--guests",
            "empty",
            "--item-type",
            "int64",
            "--row-group-rows",
            "2",
        ],
    ] {
        let asked = [&["--layout", "request", "--no-pad"], more].concat();
        // The longest history is shorter.
        let requests = heads(&shop, &asked);
        assert!(requests.len() > 3, "{more:?}");
        let timelines = heads(&shop, &[&["--layout", "timeline"], more].concat());
        assert_eq!(timelines, requests, "{more:?}");
        let reversed = [&["--layout", "timeline", "--oldest-first"], more].concat();
        assert_eq!(heads(&shop, &reversed), requests, "{more:?}");
    }
}

#[test]
fn what_no_timeline_can_hold_is_refused() {
    let shop = timed();
    let timeline = ["--layout", "timeline"];
    for flags in [
        &["--available", "clicks=ts"][..],
        &["--embargo", "orders=1d"],
        &["--dedup", "consecutive"],
    ] {
        let said = [flags[0], "--layout timeline", "--layout request"];
        shop.refuses(&[flags, &timeline].concat(), 2, &said);
    }
    let all = ["sequences", "shop", "--out", "out", "--max-actions", "all"];
    shop.assert_refused(&shop.run_bare(&all), 2, &["--layout timeline"]);
    // Orders with a day alone; by day the day is over at the cutoff or not.
    let orders = [json!({"customer_id": 1, "config_id": 7, "order_date": "2025-08-01"})];
    shop.source("previous_orders", "ndjson", &orders);
    let said = ["--layout timeline", "--cutoff day", "--layout request"];
    shop.refuses(&[&timeline[..], &["--cutoff", "time"]].concat(), 2, &said);
    shop.made(&[&timeline[..], &["--cutoff", "day"]].concat());
}

#[test]
fn the_oldest_action_comes_first_if_asked() {
    let shop = shop();
    let newest_first = heads(&shop, &["--max-actions", "4"]);
    let head = heads(&shop, &["--max-actions", "4", "--oldest-first"]);
    assert_eq!(
        head, newest_first,
        "head shows the newest first, whatever the files have"
    );
    let actions = |row: &str| -> Vec<i64> {
        let list = row
            .rsplit_once('[')
            .expect("a list")
            .1
            .trim_end_matches(']');
        list.split(", ")
            .map(|item| item.parse().expect("an item"))
            .collect()
    };
    let mut reversed = 0;
    let oldest: Vec<Vec<i64>> = shop.samples().iter().map(|row| actions(row)).collect();
    drop(heads(&shop, &["--max-actions", "4"]));
    let newest: Vec<Vec<i64>> = shop.samples().iter().map(|row| actions(row)).collect();
    for (oldest, newest) in oldest.iter().zip(&newest) {
        let (own, padding): (Vec<i64>, Vec<i64>) = newest.iter().partition(|item| **item != 0);
        let expected: Vec<i64> = own.into_iter().rev().chain(padding).collect();
        assert_eq!(*oldest, expected);
        reversed += usize::from(oldest != newest);
    }
    assert!(reversed > 0, "some history has two actions");
}

#[test]
fn columns_have_other_names_if_asked() {
    let shop = shop();
    let plain = heads(&shop, &["--max-actions", "4", "--no-pad"]);
    let rename = "actions=uih item,cutoff=actions";
    let renamed = heads(
        &shop,
        &["--max-actions", "4", "--no-pad", "--rename", rename],
    );
    assert_eq!(plain.len(), renamed.len());
    for (plain, renamed) in plain.iter().zip(&renamed) {
        assert_eq!(plain["actions"], renamed["uih item"]);
        assert_eq!(plain["cutoff"], renamed["actions"]);
        assert_eq!(renamed.get("cutoff"), None);
    }
    let mut impressions = rows("impressions");
    impressions
        .iter_mut()
        .for_each(|row| row["surface"] = json!("home"));
    shop.source("impressions", "ndjson", &impressions);
    let kept = heads(&shop, &["--keep", "surface", "--rename", "surface=page"]);
    assert!(kept.iter().all(|row| row["page"] == "home"));
    let shop = crate::shop::shop();
    shop.refuses(&["--rename", "acts=x"], 2, &["\"acts\"", "action_types"]);
    shop.refuses(
        &["--rename", "actions=cutoff"],
        2,
        &["two columns", "\"cutoff\""],
    );
    shop.refuses(&["--rename", "actions=DT"], 2, &["\"DT\""]);
    shop.refuses(
        &["--rename", "actions=a,actions=b"],
        2,
        &["\"actions\" twice"],
    );
    shop.refuses(&["--rename", "cutoff=request.time"], 2, &["without dots"]);
    let computed = ["--layout", "timeline", "--with", "time_delta"];
    let renamed = [&computed[..], &["--rename", "cutoff=time_delta"]].concat();
    shop.refuses(&renamed, 2, &["\"time_delta\""]);
    let plan = [
        "plan",
        "sequences",
        "shop",
        "--out",
        "out",
        "--rename",
        "acts=x",
    ];
    shop.assert_refused(&shop.run_bare(&plan), 2, &["\"acts\""]);
    shop.refuses(&["--rename", "actions"], 2, &["COLUMN=NAME"]);
}

#[test]
fn progress_is_json_for_programs() {
    let shop = shop();
    let run = shop.made(&["--progress", "json"]);
    let lines = run.stderr.lines().filter(|line| line.starts_with('{'));
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let last = &lines.last().expect("a line")["progress"];
    assert!(
        last["stage"].is_string() && last["rows_read"].as_u64() > Some(0),
        "{last}"
    );
    assert!(last["rows_written"].as_u64() > Some(0), "{last}");
    assert!(run.stderr.contains("made out"), "{}", run.stderr);
    let shop = crate::shop::shop();
    let quiet = shop.made(&["--progress", "json", "--quiet"]);
    assert_eq!(quiet.stderr, "");
}
