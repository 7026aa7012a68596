//! Shards and `finalize`, from outside.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::shop::{Run, Shop, names, rows, shop, snapshot};

/// Makes a shard.
fn shard(shop: &Shop, shard: &str, more: &[&str]) -> Run {
    let flags = [
        "sequences",
        "shop",
        "--out",
        "shards",
        "--max-actions",
        "4",
        "--shard",
        shard,
    ];
    shop.run_bare(&[&flags[..], more].concat())
}

/// Makes all of so many shards.
#[track_caller]
fn shards(shop: &Shop, count: u32, more: &[&str]) {
    make_all(count, |number| shard(shop, number, more));
}

/// Makes all of so many shards, each by `make`, and checks what it says comes after it.
#[track_caller]
pub(crate) fn make_all(count: u32, make: impl Fn(&str) -> Run) {
    for number in 0..count {
        let run = make(&format!("{number}/{count}"));
        assert_eq!(run.code, 0, "{}", run.stderr);
        let next =
            format!("when all {count} shards are made\n  hitherto finalize shards --out OUT\n");
        assert!(run.stderr.ends_with(&next), "{}", run.stderr);
    }
}

/// Flips bits of each file of shards that `is_needed`, one after the other, and checks that `finalize` names the file
/// and makes nothing; then that it makes the set of what was there. Gives the number of flips.
pub(crate) fn flip_bits(
    root: &Path,
    is_needed: impl Fn(&Path) -> bool,
    finalize: impl Fn() -> Run,
) -> usize {
    let mut flips = 0;
    for (path, bytes) in snapshot(&root.join("shards")) {
        // How long a shard took is told, and nothing depends on it.
        if path.ends_with("_stats.json") || !is_needed(&path) {
            continue;
        }
        for at in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&path, &flipped).expect("a file");
            let run = finalize();
            assert_eq!(run.code, 65, "{} {at}: {}", path.display(), run.stderr);
            let name = path.strip_prefix(root).expect("below").to_string_lossy();
            run.assert_failed(65, &[&*name]);
            assert!(!root.join("out").exists());
            flips += 1;
        }
        fs::write(&path, bytes).expect("a file");
    }
    assert_eq!(finalize().code, 0);
    flips
}

/// Puts shards together.
fn finalize(shop: &Shop, more: &[&str]) -> Run {
    shop.run_bare(&[&["finalize", "shards", "--out", "out"], more].concat())
}

#[test]
fn shards_become_the_set_of_one_run() {
    let shop = shop();
    for more in [
        &[][..],
        &["--layout", "request"],
        &["--guests", "empty", "--with", "time_delta"],
    ] {
        let made = shop.run(&[&["--shards", "3"], more].concat());
        assert_eq!(made.code, 0, "{}", made.stderr);
        let one = snapshot(&shop.out());
        fs::rename(shop.out(), shop.root().join("one")).expect("a set");
        shards(&shop, 3, more);
        let before = snapshot(&shop.root().join("shards"));
        let run = finalize(&shop, &[]);
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
        assert!(run.stderr.contains("made out: 2 days"), "{}", run.stderr);
        assert!(
            run.stderr.contains("from 3 shards; the slowest, "),
            "{}",
            run.stderr
        );
        assert_eq!(snapshot(&shop.out()), one, "{more:?}");
        assert_eq!(snapshot(&shop.root().join("shards")), before, "{more:?}");
        let verified = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
        assert_eq!(verified.code, 0, "{}", verified.stderr);
        for folder in ["one", "out", "shards"] {
            fs::remove_dir_all(shop.root().join(folder)).expect("a folder");
        }
    }
}

#[test]
fn a_shard_made_twice_is_the_same_and_is_replaced_on_demand_only() {
    let shop = shop();
    shards(&shop, 2, &[]);
    let folder = shop.root().join("shards/shard-00001-of-00002");
    let bytes = |folder: &Path| {
        let mut files = snapshot(folder);
        // How long it took.
        files.retain(|(path, _)| !path.ends_with("_stats.json"));
        files
    };
    let before = bytes(&folder);
    let again = shard(&shop, "1/2", &[]);
    again.assert_failed(73, &["shard-00001-of-00002", "it exists", "--overwrite"]);
    let again = shard(&shop, "1/2", &["--overwrite", "--threads", "1"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(bytes(&folder) == before);
    assert_eq!(
        names(&shop.root().join("shards")),
        ["shard-00000-of-00002", "shard-00001-of-00002"]
    );
}

#[test]
fn missing_damaged_and_foreign_shards_are_named() {
    let shop = shop();
    finalize(&shop, &[]).assert_failed(66, &["shards"]);
    fs::create_dir(shop.root().join("shards")).expect("a folder");
    finalize(&shop, &[]).assert_failed(66, &["shards", "has no folder of a shard"]);
    shards(&shop, 4, &[]);
    finalize(&shop, &["--shards", "6"]).assert_failed(66, &["of 6 shards"]);
    let folder = |number: u32| {
        shop.root()
            .join(format!("shards/shard-{number:05}-of-00004"))
    };
    let aside = shop.root().join("aside");
    fs::rename(folder(2), &aside).expect("a folder");
    let missing = ["of 4 shards in \"shards\", 2 is not there; shards count from 0"];
    finalize(&shop, &[]).assert_failed(66, &missing);

    // A shard of other settings, of other rows, and under the name of another.
    let made = shard(&shop, "2/4", &["--lookback-days", "30"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let foreign = [
        "shard-00002-of-00004",
        "made with another lookback_days",
        "shard-00000",
    ];
    finalize(&shop, &[]).assert_failed(65, &foreign);
    let mut more = rows("clicks");
    more.push(more[0].clone());
    shop.source("clicks", "ndjson", &more);
    let made = shard(&shop, "2/4", &["--overwrite"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let other = [
        "shard-00002-of-00004",
        "it has read other files",
        "make one of them again",
    ];
    finalize(&shop, &[]).assert_failed(65, &other);
    fs::remove_dir_all(folder(2)).expect("a shard");
    fs::rename(folder(1), folder(2)).expect("a shard");
    let two = ["of 4 shards in \"shards\", 1 is not there"];
    finalize(&shop, &[]).assert_failed(66, &two);
    fs::rename(&aside, folder(1)).expect("a shard");
    let misnamed = [
        "shard-00001-of-00004",
        "not that of the shard that its folder names",
    ];
    finalize(&shop, &[]).assert_failed(65, &misnamed);
    assert!(!shop.out().exists());
}

#[test]
fn every_flipped_bit_of_a_shard_is_noticed() {
    let shop = shop();
    shards(&shop, 2, &[]);
    // Nothing depends on the part without rows of the first shard, where another has rows of that day.
    let empty = Path::new("shard-00000-of-00002/dt=2025-08-15/part-00000.parquet");
    let is_needed = |path: &Path| !path.ends_with(empty);
    let flips = flip_bits(shop.root(), is_needed, || finalize(&shop, &[]));
    assert!(flips > 8, "{flips}");
}

#[test]
fn what_is_decided_once_is_for_finalize() {
    let shop = shop();
    for (flags, said) in [
        (&["--add-days"][..], "--add-days"),
        (&["--fail-if", "rows<1"], "--fail-if"),
        (&["--shards", "2"], "--shards"),
        (&["--item-vocabulary", "build"], "--item-vocabulary FILE"),
        (
            &["--item-vocabulary", "items.parquet"],
            "--unknown-item drop",
        ),
        (&["--part-rows", "3"], "--part-rows"),
    ] {
        shard(&shop, "0/2", flags).assert_failed(2, &[said]);
    }
    for text in ["2/2", "x", "1/0", "1/65537"] {
        shard(&shop, text, &[]).assert_failed(2, &["I/N", "such as 7/64"]);
    }
    shop.refuses(&["--shards", "0"], 2, &["--shards"]);
    shop.refuses(&["--shards", "2", "--part-rows", "7"], 2, &["--part-rows"]);
    shop.refuses(&["--shard-holds", "own"], 2, &["--shard"]);

    shards(&shop, 2, &[]);
    finalize(&shop, &["--fail-if", "samples>0"]).assert_failed(3, &["samples"]);
    assert!(!shop.out().exists());
    let made = finalize(
        &shop,
        &["--fail-if", "samples<1", "--metrics-json", "copy.json"],
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
fn bad_rows_of_shards_are_counted_once_and_gather_in_one_quarantine() {
    let shop = shop();
    let mut clicks = rows("clicks");
    // Of nobody that can be read, and of a customer.
    clicks.push(json!({"customer_id": "x", "item_id": 5, "click_time": "2025-08-14 10:00:00"}));
    clicks[2]["item_id"] = json!(-5);
    clicks[0]["item_id"] = json!(-7);
    shop.source("clicks", "ndjson", &clicks);
    let flags = ["--on-bad-row", "quarantine"];
    let made = shop.run(&[&["--shards", "3"], &flags[..]].concat());
    assert_eq!(made.code, 0, "{}", made.stderr);
    let one = snapshot(&shop.out());
    assert_eq!(shop.quarantined().len(), 3);
    fs::rename(shop.out(), shop.root().join("one")).expect("a set");
    shards(&shop, 3, &flags);
    let run = finalize(&shop, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(snapshot(&shop.out()), one);
    fs::remove_dir_all(shop.root().join("shards")).expect("shards");
    fs::remove_dir_all(shop.out()).expect("a set");

    // Each shard may have two, and all together have three.
    shards(
        &shop,
        3,
        &["--on-bad-row", "quarantine", "--max-bad-rows", "2"],
    );
    finalize(&shop, &[]).assert_failed(65, &["--max-bad-rows"]);
}

#[test]
fn sources_without_effect_are_judged_over_all_shards() {
    let shop = shop();
    let mut orders = rows("previous_orders");
    for row in &mut orders {
        row["occurred_at"] = json!("2031-01-01 00:00:00");
    }
    shop.source("previous_orders", "ndjson", &orders);
    let one = shop.run(&["--shards", "3"]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert!(
        one.stderr.contains("no row of a source counts: orders"),
        "{}",
        one.stderr
    );
    let set = snapshot(&shop.out());
    fs::rename(shop.out(), shop.root().join("one")).expect("a set");
    shards(&shop, 3, &[]);
    let run = finalize(&shop, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("no row of a source counts: orders"),
        "{}",
        run.stderr
    );
    assert_eq!(snapshot(&shop.out()), set);

    // None has any: shards are made all the same, and the set is refused.
    for (source, time) in [("clicks", "click_time"), ("add_to_carts", "occurred_at")] {
        let mut rows = rows(source);
        for row in &mut rows {
            row[time] = json!("2031-01-01 00:00:00");
        }
        shop.source(source, "ndjson", &rows);
    }
    for folder in ["one", "out", "shards"] {
        fs::remove_dir_all(shop.root().join(folder)).expect("a folder");
    }
    let one = shop.run(&["--shards", "3"]);
    one.assert_failed(65, &["no row of any source counts"]);
    shards(&shop, 3, &[]);
    let run = finalize(&shop, &[]);
    run.assert_failed(65, &["no row of any source counts"]);
    let said = |run: &Run| run.stderr.lines().last().map(str::to_owned);
    assert_eq!(said(&run), said(&one));
}

#[test]
fn what_comes_after_a_shard_works_as_it_is_printed() {
    let shop = shop();
    let made = shop.run_bare(&[
        "sequences",
        "shop",
        "--out",
        "my 'shards'",
        "--shard",
        "0/1",
    ]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let next = made.stderr.lines().last().expect("a line").trim();
    let next = next.replace("hitherto", env!("CARGO_BIN_EXE_hitherto"));
    let mut shell = std::process::Command::new("sh");
    let run = crate::shop::run(shell.args(["-c", &next]).current_dir(shop.root()));
    assert_eq!(run.code, 0, "{next}: {}", run.stderr);
    assert!(shop.root().join("OUT/_SUCCESS").exists());
}

#[test]
fn a_shard_is_no_set() {
    let shop = shop();
    shards(&shop, 2, &[]);
    let folder = "shards/shard-00000-of-00002";
    for command in [
        &["verify", folder][..],
        &["head", folder],
        &["report", folder],
    ] {
        let run = shop.run_bare(command);
        assert_ne!(run.code, 0, "{command:?}");
        assert!(
            run.stderr.contains("hitherto finalize"),
            "{command:?}: {}",
            run.stderr
        );
    }
    for command in [&["verify", "shards"][..], &["head", "shards"]] {
        let run = shop.run_bare(command);
        assert_eq!(run.code, 66, "{command:?}: {}", run.stderr);
        assert!(
            run.stderr.contains("hitherto finalize"),
            "{command:?}: {}",
            run.stderr
        );
    }
    let manifest = shop.root().join(folder).join("_shard.json");
    let manifest: Value =
        serde_json::from_slice(&fs::read(manifest).expect("a manifest")).expect("JSON");
    assert_eq!(manifest["shard"], json!({"number": 0, "count": 2}));
}

#[test]
fn a_run_ends_with_the_process_that_started_it() {
    let shop = shop();
    // It waits for rows from a pipe that stays empty, so only a signal ends it.
    let pipe = shop.path("clicks.pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let program = env!("CARGO_BIN_EXE_hitherto");
    let flags =
        "--impressions shop/impressions.ndjson --clicks shop/clicks.pipe --out out --with-parent";
    let script = format!("{program} sequences {flags} 2>/dev/null & echo $!; exec sleep 60");
    let mut parent = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(shop.root())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut line = String::new();
    let mut out = std::io::BufReader::new(parent.stdout.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut out, &mut line).expect("a line");
    let child = format!("/proc/{}", line.trim());
    let waits_for = |is_there: bool| {
        let state = || fs::read_to_string(format!("{child}/stat")).unwrap_or_default();
        let is_alive = || !state().is_empty() && !state().contains(") Z ");
        (0..600).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            is_alive() == is_there
        })
    };
    assert!(waits_for(true), "it runs");
    std::thread::sleep(std::time::Duration::from_millis(500));
    parent.kill().expect("a process");
    parent.wait().expect("a process");
    assert!(waits_for(false), "it is left behind");
    assert!(!shop.out().exists());
}
