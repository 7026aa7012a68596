//! Repeated clicks of `features` and events of `dwell`, from outside: counted, and left out if that is
//! asked for.

use serde_json::{Value, json};

use crate::encode::encode;
use crate::shop::{FORMATS, Shop, entries, read, shop};

/// A member of the metrics of a set.
fn metric(shop: &Shop, name: &str) -> Value {
    let text = std::fs::read_to_string(shop.out().join("_metrics.json")).expect("metrics");
    let metrics: Value = serde_json::from_str(&text).expect("JSON");
    metrics[name].clone()
}

/// A column of the rows of the day, as text.
fn column(shop: &Shop, name: &str) -> Vec<String> {
    let part = &entries(&shop.out().join("date=2024-01-10"))[..];
    let part = part
        .iter()
        .find(|path| path.extension().is_some_and(|ending| ending == "parquet"));
    let rows = read(part.expect("a part"), &[name]);
    rows.into_iter().flatten().collect()
}

/// Runs `hitherto features` on impressions of two users and clicks in a format.
fn features(format: &str, text_ids: bool, flags: &[&str]) -> Shop {
    let shop = shop();
    for source in ["add_to_carts", "previous_orders"] {
        shop.remove(source);
    }
    let id = |id: u32| {
        if text_ids {
            json!(format!("id-{id}"))
        } else {
            json!(id)
        }
    };
    let impression = |own, user, listing| {
        json!({"impression_id": id(own), "user_id": id(user), "listing_id": id(listing),
               "impression_ts": "2024-01-10T12:00:00Z"})
    };
    let click = |user: Option<u32>, listing, at| {
        json!({"user_id": user.map(id), "listing_id": id(listing),
               "click_ts": format!("2024-01-10T{at}:00Z")})
    };
    shop.source(
        "impressions",
        format,
        &[impression(1, 7, 1), impression(2, 8, 2)],
    );
    let clicks = [
        // Of a user who was shown something, on what was shown: thrice the same.
        click(Some(7), 1, "11:30"),
        click(Some(7), 1, "11:30"),
        click(Some(7), 1, "11:30"),
        click(Some(7), 1, "11:31"),
        // Of others, who are not asked for and are not the same; and one of them twice.
        click(Some(90), 1, "11:30"),
        click(Some(91), 1, "11:30"),
        click(Some(91), 1, "11:30"),
        // Of nobody, twice.
        click(None, 1, "11:30"),
        click(None, 1, "11:30"),
        // Of the other user, on listings that nobody was shown.
        click(Some(8), 50, "11:30"),
        click(Some(8), 51, "11:30"),
        click(Some(8), 51, "11:30"),
    ];
    shop.source("clicks", format, &clicks);
    let listing = json!({"listing_id": id(1), "category": "toys", "price": 5,
                         "created_ts": "2024-01-01"});
    shop.source("listings", format, &[listing]);
    let run = shop.run_bare(&[&["features", "shop", "--out", "out"], flags].concat());
    assert_eq!(run.code, 0, "{format}: {}", run.stderr);
    let said = if flags.contains(&"exact") {
        "4 repeated, and left out"
    } else {
        "4 repeated, and counted"
    };
    assert!(run.stderr.contains(said), "{}", run.stderr);
    let warns = run
        .stderr
        .contains("4 of 9 clicks on listings that were shown repeat");
    assert_eq!(warns, !flags.contains(&"exact"), "{}", run.stderr);
    let run = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(run.code, 0, "{format}: {}", run.stderr);
    shop
}

#[test]
fn clicks_alike_in_user_listing_and_time_count_once_if_that_is_asked_for() {
    for format in FORMATS {
        for text_ids in [false, true] {
            let ids = ["--id-type", if text_ids { "string" } else { "int64" }];
            let all = features(format, text_ids, &ids);
            assert_eq!(column(&all, "prior_listing_clicks"), ["9", "0"], "{format}");
            assert_eq!(column(&all, "prior_user_clicks"), ["4", "3"], "{format}");
            let flags = [&ids[..], &["--dedup", "exact"]].concat();
            let once = features(format, text_ids, &flags);
            assert_eq!(
                column(&once, "prior_listing_clicks"),
                ["5", "0"],
                "{format}"
            );
            assert_eq!(column(&once, "prior_user_clicks"), ["2", "2"], "{format}");
            for set in [&all, &once] {
                assert_eq!(metric(set, "clicks"), 12);
                assert_eq!(metric(set, "repeated_clicks"), 4);
                assert_eq!(metric(set, "repeated_clicks_pct"), json!(4.0 / 9.0));
            }
        }
    }
}

#[test]
fn impressions_that_repeat_are_rows_of_their_own() {
    let shop = features("csv", false, &["--dedup", "exact"]);
    let impression = json!({"impression_id": 1, "user_id": 7, "listing_id": 1,
                       "impression_ts": "2024-01-10T12:00:00Z"});
    shop.source("impressions", "csv", &[impression.clone(), impression]);
    let flags = [
        "features",
        "shop",
        "--out",
        "out",
        "--overwrite",
        "--dedup",
        "exact",
    ];
    assert_eq!(shop.run_bare(&flags).code, 0);
    assert_eq!(metric(&shop, "rows"), 2);
}

/// An event of a user on a flyer.
fn event(at: &str, event: &str) -> Value {
    json!({"timestamp": format!("2025-08-15T{at}Z"), "user_id": "u", "event": event,
           "flyer_id": "f", "merchant_id": "m"})
}

/// Runs `hitherto dwell`, verifies what it makes, and gives the one row of users.
fn dwell(format: &str, events: &[Value], flags: &[&str]) -> (Shop, String) {
    let shop = shop();
    let name = format!("events.{format}");
    shop.put(&name, encode(format, events));
    let path = format!("shop/{name}");
    let run = shop.run_bare(&[&["dwell", &path, "--out", "out"], flags].concat());
    assert_eq!(run.code, 0, "{format}: {}", run.stderr);
    let warns = run.stderr.contains("--dedup exact counts each once");
    assert_eq!(warns, !flags.contains(&"exact") && events.len() < 100);
    let run = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(run.code, 0, "{format}: {}", run.stderr);
    let rows = std::fs::read_to_string(shop.out().join("user_merchant.csv")).expect("rows");
    let row = rows.lines().nth(1).expect("a row").to_owned();
    (shop, row)
}

#[test]
fn events_alike_in_all_columns_count_once_if_that_is_asked_for() {
    let events = [
        event("10:00:00", "flyer_open"),
        event("10:01:00", "item_open"),
        event("10:01:00", "item_open"),
        event("10:01:00", "flyer_open"),
        // Not the same, and neither opens anything.
        event("10:02:00", "favorite"),
        event("10:02:00", "scroll"),
        event("10:02:00", "scroll"),
    ];
    for format in FORMATS {
        for (method, all, once, repeated) in [
            ("span", "15.0,1,4", "20.0,1,3", 1),
            ("session", "120.0,1,7", "120.0,1,5", 2),
        ] {
            let (set, row) = dwell(format, &events, &["--method", method]);
            assert_eq!(row, format!("u,m,2025-08-15,{all}"), "{format}");
            assert_eq!(
                metric(&set, "duplicate_events"),
                repeated,
                "{format} {method}"
            );
            let flags = ["--method", method, "--dedup", "exact"];
            let (set, row) = dwell(format, &events, &flags);
            assert_eq!(row, format!("u,m,2025-08-15,{once}"), "{format}");
            assert_eq!(
                metric(&set, "duplicate_events"),
                repeated,
                "{format} {method}"
            );
        }
    }
}

#[test]
fn more_names_than_can_be_told_apart_are_no_repeats() {
    let names = (0..2050).map(|at| event("10:00:00", &format!("event {at}")));
    let open = event("09:00:00", "flyer_open");
    let mut events: Vec<Value> = std::iter::once(open).chain(names).collect();
    let flags = ["--method", "session"];
    let (set, row) = dwell("csv", &events, &flags);
    assert_eq!(row, "u,m,2025-08-15,0.0,1,2051");
    assert_eq!(metric(&set, "duplicate_events"), 0);
    let command = [
        "dwell",
        "shop/events.csv",
        "--out",
        "once",
        "--dedup",
        "exact",
    ];
    let run = set.run_bare(&[&command[..], &flags].concat());
    run.assert_failed(2, &["--dedup exact", "2048", "--method span"]);
    events.truncate(2049);
    let (set, row) = dwell(
        "csv",
        &events,
        &[&flags[..], &["--dedup", "exact"]].concat(),
    );
    assert_eq!(row, "u,m,2025-08-15,0.0,1,2049");
    assert_eq!(metric(&set, "duplicate_events"), 0);
}

#[test]
fn consecutive_repeats_are_known_to_sequences_alone() {
    let shop = shop();
    for job in ["features", "dwell"] {
        let run = shop.run_bare(&[job, "shop", "--out", "out", "--dedup", "consecutive"]);
        run.assert_failed(2, &["consecutive", "none", "exact"]);
    }
}
