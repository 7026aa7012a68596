//! Shards of `dwell`, from outside.

use std::fs;
use std::path::{Path, PathBuf};

use crate::dwell::hitherto;
use crate::shards::{flip_bits, make_all};
use crate::shop::{Run, names, scratch, snapshot};

/// Some events of five users, one of whom has no name.
const EVENTS: &str = "\
timestamp,user_id,event,flyer_id,merchant_id
2018-10-01T13:00:30Z,u2,item_open,f1,\"Shop, Inc\"
2018-10-01T13:00:00Z,u2,flyer_open,f1,\"Shop, Inc\"
2018-10-01T12:00:00Z,u1,flyer_open,null,m
2018-10-01T12:00:09Z,u1,shopping_list_open,,
2018-10-01T23:59:59Z,u3,flyer_open,101,m
2018-10-02T12:00:00Z,u4,flyer_open,101.0,m
2018-10-02T12:00:00Z,,flyer_open,f2,m
2018-10-02T12:00:07Z,u4,flyer_open,f2,m
";

/// Makes a shard of events.
fn shard(folder: &Path, shard: &str, more: &[&str]) -> Run {
    let flags = ["dwell", "events.csv", "--out", "shards", "--shard", shard];
    hitherto(folder, &[&flags[..], more].concat())
}

/// Makes all shards of events.
#[track_caller]
fn shards(folder: &Path, count: u32, more: &[&str]) {
    make_all(count, |number| shard(folder, number, more));
}

/// Puts shards together.
fn finalize(folder: &Path, more: &[&str]) -> Run {
    hitherto(
        folder,
        &[&["finalize", "shards", "--out", "out"], more].concat(),
    )
}

/// All files of a folder, with their names in it and their bytes.
fn files(root: &Path, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = root.join(name);
    let files = snapshot(&folder).into_iter();
    let named = files.map(|(path, bytes)| {
        let name = path.strip_prefix(&folder).expect("below");
        (name.to_owned(), bytes)
    });
    named.collect()
}

#[test]
fn shards_become_the_set_of_one_run() {
    for more in [
        &[][..],
        &["--method", "session", "--with-tables", "user,flyer"],
        &["--by-day", "--with-tables", "flyer"],
        &["--date", "2018-10-01"],
        &["--null-values", "null", "--dedup", "exact"],
    ] {
        let folder = scratch();
        let root = folder.path();
        fs::write(root.join("events.csv"), EVENTS).expect("a file");
        let one = ["dwell", "events.csv", "--out", "one"];
        let one = hitherto(root, &[&one[..], more].concat());
        assert_eq!(one.code, 0, "{}", one.stderr);
        shards(root, 7, more);
        let run = finalize(root, &["--stats", "json"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(
            run.stderr.contains("from 7 shards; the slowest, "),
            "{}",
            run.stderr
        );
        assert!(files(root, "out") == files(root, "one"), "{more:?}");
        let warned = |run: &Run| -> Vec<String> {
            let lines = run.stderr.lines();
            let lines = lines.filter(|line| line.contains("warning"));
            lines.map(str::to_owned).collect()
        };
        // Among them that the flyers 101 and 101.0, of users of different shards, look like one.
        assert_eq!(warned(&run), warned(&one), "{more:?}");
        let verified = hitherto(root, &["verify", "out", "--audit-rows", "all"]);
        assert_eq!(verified.code, 0, "{}", verified.stderr);
    }
}

#[test]
fn every_flipped_bit_of_a_shard_is_noticed() {
    let folder = scratch();
    let root = folder.path();
    fs::write(root.join("events.csv"), EVENTS).expect("a file");
    shards(root, 2, &["--with-tables", "user,flyer"]);
    let flips = flip_bits(root, |_| true, || finalize(root, &[]));
    assert!(flips > 40, "{flips}");
}

#[test]
fn what_is_wrong_with_shards_is_named() {
    let folder = scratch();
    let root = folder.path();
    fs::write(root.join("events.csv"), EVENTS).expect("a file");
    shard(root, "0/2", &["--add-days"]).assert_failed(2, &["--add-days"]);
    shard(root, "0/2", &["--fail-if", "rows<1"]).assert_failed(2, &["--fail-if"]);
    let foreign = shard(root, "0/2", &["--shard-holds", "own"]);
    foreign.assert_failed(
        65,
        &["user \"u", "is of shard 1 of 2", "dealt by another hash"],
    );
    shards(root, 3, &[]);
    let second = root.join("shards/shard-00001-of-00003");
    fs::remove_dir_all(&second).expect("a shard");
    finalize(root, &[]).assert_failed(66, &["of 3 shards", "1 is not there"]);
    let other = shard(root, "1/3", &["--method", "session"]);
    assert_eq!(other.code, 0, "{}", other.stderr);
    finalize(root, &[]).assert_failed(65, &["made with another method"]);
    let other = shard(root, "1/3", &["--overwrite", "--date", "2018-10-01"]);
    assert_eq!(other.code, 0, "{}", other.stderr);
    finalize(root, &[]).assert_failed(65, &["made with another by_day"]);
    fs::write(root.join("events.csv"), EVENTS.replace("u4", "u5")).expect("a file");
    let other = shard(root, "1/3", &["--overwrite"]);
    assert_eq!(other.code, 0, "{}", other.stderr);
    finalize(root, &[]).assert_failed(65, &["it has read other files"]);
    assert!(!root.join("out").exists());
    let a_shard = "shards/shard-00000-of-00003";
    for command in [
        &["verify", a_shard][..],
        &["head", a_shard],
        &["verify", "shards"],
    ] {
        let run = hitherto(root, command);
        assert!(
            run.code != 0 && run.stderr.contains("hitherto finalize"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn gates_and_days_are_judged_over_all_shards() {
    let folder = scratch();
    let root = folder.path();
    fs::write(root.join("events.csv"), EVENTS).expect("a file");
    // Of the second day there is one user, who is of one shard.
    shards(root, 3, &["--date", "2018-10-02"]);
    finalize(root, &["--fail-if", "users>0"]).assert_failed(3, &["users"]);
    let added = finalize(root, &["--fail-if", "users>1", "--add-days"]);
    assert_eq!(added.code, 0, "{}", added.stderr);
    let there = finalize(root, &["--add-days"]);
    there.assert_failed(73, &["date=2018-10-02", "it exists"]);
    let skipped = finalize(root, &["--add-days", "--if-exists", "skip"]);
    assert_eq!(skipped.code, 0, "{}", skipped.stderr);
    fs::remove_dir_all(root.join("shards")).expect("shards");
    shards(root, 3, &["--date", "2018-10-03"]);
    let nothing = finalize(root, &["--add-days"]);
    nothing.assert_failed(66, &["no rows on 2018-10-03"]);
    assert!(names(&root.join("out")).contains(&"date=2018-10-02".to_owned()));
}

#[test]
fn two_hundred_shards_of_four_users_are_one_set() {
    let folder = scratch();
    let root = folder.path();
    fs::write(root.join("events.csv"), EVENTS).expect("a file");
    let one = hitherto(root, &["dwell", "events.csv", "--out", "one"]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    shards(root, 200, &[]);
    let run = finalize(root, &["--shards", "200", "--memory", "32MiB"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(files(root, "out") == files(root, "one"));
}
