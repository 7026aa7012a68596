//! Shards of `features` and `finalize`, from outside.

use std::fs;

use serde_json::{Value, json};

use crate::features::{listings_in, rows};
use crate::shards::{flip_bits, make_all};
use crate::shop::{Run, Shop, snapshot};

/// A shop of some users and listings, of three days.
fn market() -> Shop {
    let shop = listings_in("csv");
    let time = |n: u32| format!("2024-01-{:02} 12:00:{:02}", 10 + n % 3, n % 60);
    let shown = (0..40).map(|n| {
        json!({"impression_id": n, "user_id": n % 9, "listing_id": n % 4, "impression_ts": time(n)})
    });
    let clicks = (0..90)
        .map(|n| json!({"user_id": n % 11, "listing_id": n % 5, "click_ts": time(n * 7 % 60)}));
    shop.source("impressions", "csv", &shown.collect::<Vec<Value>>());
    shop.source("clicks", "csv", &clicks.collect::<Vec<Value>>());
    shop
}

/// Makes a set in one run.
fn one_run(shop: &Shop, more: &[&str]) -> Run {
    shop.run_bare(&[&["features", "shop", "--out", "out"], more].concat())
}

/// Makes a shard.
fn shard(shop: &Shop, shard: &str, more: &[&str]) -> Run {
    let flags = ["features", "shop", "--out", "shards", "--shard", shard];
    shop.run_bare(&[&flags[..], more].concat())
}

/// Makes all of so many shards.
#[track_caller]
fn shards(shop: &Shop, count: u32, more: &[&str]) {
    make_all(count, |number| shard(shop, number, more));
}

/// Puts shards together.
fn finalize(shop: &Shop, more: &[&str]) -> Run {
    shop.run_bare(&[&["finalize", "shards", "--out", "out"], more].concat())
}

/// The metrics of the set.
fn metrics(shop: &Shop) -> Value {
    let text = fs::read(shop.out().join("_metrics.json")).expect("metrics");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn shards_become_the_set_of_one_run() {
    let shop = market();
    for more in [
        &[][..],
        &["--windows", "1h,24h", "--dedup", "exact"],
        &["--id-type", "string", "--codec", "lz4_raw"],
        &["--last-days", "2", "--timezone", "Europe/Berlin"],
    ] {
        let made = one_run(&shop, more);
        assert_eq!(made.code, 0, "{}", made.stderr);
        let one = snapshot(&shop.out());
        fs::rename(shop.out(), shop.root().join("one")).expect("a set");
        shards(&shop, 3, more);
        let before = snapshot(&shop.root().join("shards"));
        let run = finalize(&shop, &[]);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
        let said = |run: &Run| -> Vec<String> {
            // Behind the line that has the time.
            let lines = run.stderr.lines();
            let lines = lines.skip_while(|line| !line.starts_with("made out"));
            lines.skip(1).map(str::to_owned).collect()
        };
        assert!(said(&run).starts_with(&said(&made)), "{}", run.stderr);
        assert!(run.stderr.contains("from 3 shards; the slowest, "));
        assert!(snapshot(&shop.out()) == one, "{more:?}");
        assert!(snapshot(&shop.root().join("shards")) == before, "{more:?}");
        let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
        assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
        let head = shop.run_bare(&["head", "out", "-n", "3"]);
        assert_eq!(head.code, 0, "{}", head.stderr);
        for folder in ["one", "out", "shards"] {
            fs::remove_dir_all(shop.root().join(folder)).expect("a folder");
        }
    }
}

#[test]
fn missing_damaged_and_foreign_shards_are_named() {
    let shop = market();
    shards(&shop, 3, &[]);
    let folder = |number: u32| format!("shards/shard-{number:05}-of-00003");
    let at = |number: u32| shop.root().join(folder(number));
    let aside = shop.root().join("aside");
    fs::rename(at(1), &aside).expect("a folder");
    finalize(&shop, &[]).assert_failed(66, &["of 3 shards in \"shards\", 1 is not there"]);

    let made = shard(&shop, "1/3", &["--windows", "1h"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    finalize(&shop, &[]).assert_failed(65, &[&folder(1), "made with another windows_us"]);
    let mut more = rows("clicks");
    more.push(more[0].clone());
    shop.source("clicks", "csv", &more);
    let made = shard(&shop, "1/3", &["--overwrite"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    finalize(&shop, &[]).assert_failed(65, &[&folder(1), "it has read other files"]);
    fs::remove_dir_all(at(1)).expect("a shard");
    fs::rename(&aside, at(1)).expect("a shard");
    assert_eq!(finalize(&shop, &[]).code, 0);
}

#[test]
fn every_flipped_bit_of_a_shard_is_noticed() {
    let shop = market();
    shards(&shop, 2, &["--id-type", "string"]);
    let flips = flip_bits(shop.root(), |_| true, || finalize(&shop, &[]));
    // Two manifests, and of each shard three days, users and listings.
    assert_eq!(flips, 4 * 2 * 6);
}

#[test]
fn what_a_shard_cannot_decide_is_refused() {
    let shop = market();
    for (flags, said) in [
        (&["--add-days"][..], "--add-days"),
        (&["--fail-if", "rows<1"], "--fail-if"),
        (
            &["--shard-holds", "own"],
            "the clicks on a listing are needed by the shards",
        ),
    ] {
        shard(&shop, "0/2", flags).assert_failed(2, &[said]);
    }
    shard(&shop, "2/2", &[]).assert_failed(2, &["I/N", "such as 7/64"]);
    assert!(!shop.root().join("shards").exists());

    shards(&shop, 2, &[]);
    finalize(&shop, &["--fail-if", "rows>0"]).assert_failed(3, &["rows"]);
    assert!(!shop.out().exists());
    let made = finalize(
        &shop,
        &["--fail-if", "rows<1", "--metrics-json", "copy.json"],
    );
    assert_eq!(made.code, 0, "{}", made.stderr);
    let copy = fs::read(shop.root().join("copy.json")).expect("a copy");
    assert_eq!(
        copy,
        fs::read(shop.out().join("_metrics.json")).expect("metrics")
    );
    finalize(&shop, &[]).assert_failed(73, &["it exists", "--overwrite"]);
    assert_eq!(finalize(&shop, &["--overwrite"]).code, 0);
}

#[test]
fn a_shard_is_no_set_and_a_plan_of_one_is_of_its_rows() {
    let shop = market();
    shards(&shop, 2, &[]);
    let folder = "shards/shard-00000-of-00002";
    for command in [["verify", folder], ["head", folder], ["verify", "shards"]] {
        let run = shop.run_bare(&command);
        assert_ne!(run.code, 0, "{command:?}");
        assert!(run.stderr.contains("hitherto finalize"), "{}", run.stderr);
    }
    let rows = |more: &[&str]| {
        let flags = ["plan", "features", "shop", "--out", "other", "--json"];
        let run = shop.run_bare(&[&flags[..], more].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let plan: Value = serde_json::from_str(&run.stdout).expect("JSON");
        plan["rows"].as_u64().expect("a number")
    };
    let of_shards = rows(&["--shard", "0/2"]) + rows(&["--shard", "1/2"]);
    assert_eq!((rows(&[]), of_shards), (40, 40));
}

#[test]
fn clicks_on_a_listing_of_many_shards_are_counted_once() {
    let shop = market();
    let shown = (0..60).map(|n| {
        json!({"impression_id": n, "user_id": n, "listing_id": 1, "impression_ts": "2024-01-10 12:00:00"})
    });
    let clicks = (0..70).map(|n| {
        json!({"user_id": n / 2, "listing_id": 1 + n % 2 * 9, "click_ts": "2024-01-10 11:00:00"})
    });
    let clicks: Vec<Value> = clicks.collect();
    shop.source("impressions", "csv", &shown.collect::<Vec<Value>>());
    // Each twice.
    shop.source("clicks", "csv", &[clicks.clone(), clicks].concat());
    let one = one_run(&shop, &[]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    let expected = snapshot(&shop.out());
    assert_eq!(metrics(&shop)["repeated_clicks"], 35);
    fs::remove_dir_all(shop.out()).expect("a set");
    shards(&shop, 6, &[]);
    let run = finalize(&shop, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(snapshot(&shop.out()) == expected);
    let said = "35 of 70 clicks on listings that were shown repeat another one";
    assert!(run.stderr.contains(said), "{}", run.stderr);
}

#[test]
fn clicks_without_effect_are_judged_over_all_shards() {
    let shop = market();
    let mut clicks = rows("clicks");
    for row in &mut clicks {
        row["click_ts"] = json!("2031-01-01 00:00:00");
    }
    shop.source("clicks", "csv", &clicks);
    let one = one_run(&shop, &[]);
    one.assert_failed(65, &["no row of any source counts"]);
    shards(&shop, 3, &[]);
    let run = finalize(&shop, &[]);
    run.assert_failed(65, &["no row of any source counts"]);
    let said = |run: &Run| run.stderr.lines().last().map(str::to_owned);
    assert_eq!(said(&run), said(&one));
    assert!(!shop.out().exists());
}

#[test]
fn a_job_file_may_be_made_in_shards() {
    let shop = market();
    let job = "job = \"features\"\ndir = \".\"\nwindows = [\"1h\"]\n";
    shop.put("job.toml", job);
    let from_job = |more: &[&str]| {
        let run = shop.run_bare(&[&["features", "--job", "shop/job.toml"], more].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
    };
    from_job(&["--out", "out"]);
    let one = snapshot(&shop.out());
    fs::remove_dir_all(shop.out()).expect("a set");
    from_job(&["--out", "shards", "--shard", "0/2"]);
    from_job(&["--out", "shards", "--shard", "1/2"]);
    let run = finalize(&shop, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(snapshot(&shop.out()) == one);
}
