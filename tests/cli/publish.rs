//! The one commit point: what dead runs leave, who may read what, and links and pipes on the way.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::shop::{Shop, names, rows, run, shop, snapshot};

/// Makes a pipe that nobody writes to.
fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo").success());
}

/// A shop in which one impression of each day cannot be used.
fn doubtful() -> Shop {
    let shop = shop();
    let mut impressions = rows("impressions");
    impressions[1]["ranking_id"] = Value::Null;
    impressions[3]["ranking_id"] = Value::Null;
    shop.source("impressions", "ndjson", &impressions);
    shop
}

#[test]
fn a_folder_that_a_crashed_run_had_no_time_to_lock_is_removed() {
    let shop = shop();
    fs::create_dir(shop.root().join(".out.tmp-1-0")).expect("a folder");
    shop.made(&[]);
}

#[test]
fn what_a_crashed_run_left_is_removed_wherever_it_lies() {
    let shop = shop();
    shop.made(&["--date", "2025-08-15"]);
    let (outside, inside) = (
        shop.root().join(".out.tmp-1-0"),
        shop.out().join(".out.tmp-1-0"),
    );
    for left in [&outside, &inside] {
        fs::create_dir_all(left.join("out/dt=2025-08-16")).expect("folders");
    }
    shop.made(&["--add-days", "--date", "2025-08-16"]);
    assert!(!outside.exists() && !inside.exists());
}

#[test]
fn what_only_looks_like_the_folder_of_a_crashed_run_stays() {
    let shop = shop();
    let (root, mine) = (shop.root().to_owned(), shop.path("mine"));
    fs::create_dir(&mine).expect("a folder");
    fs::write(mine.join("thesis"), "years of work").expect("a file");
    symlink(&mine, root.join(".out.tmp-1-0")).expect("a link");
    pipe(&root.join(".out.tmp-2-0"));
    fs::write(root.join(".out.tmp-3-0"), "mine").expect("a file");
    fs::create_dir(root.join(".out.tmp-notes")).expect("a folder");
    let run = shop.run(&[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let all = [
        ".out.tmp-1-0",
        ".out.tmp-2-0",
        ".out.tmp-3-0",
        ".out.tmp-notes",
        "out",
        "shop",
    ];
    assert_eq!(names(&root), all);
    assert!(mine.join("thesis").is_file());
}

#[test]
fn folders_above_the_output_go_again_if_it_is_not_made() {
    let shop = shop();
    let mut clicks = rows("clicks");
    clicks[0]["item_id"] = json!(0);
    shop.source("clicks", "csv", &clicks);
    let run = shop.run_bare(&["sequences", "shop", "--out", "a/b/out"]);
    shop.assert_refused(&run, 65, &["clicks.csv"]);
}

#[test]
fn a_long_name_is_a_name_and_one_that_is_too_long_is_73_at_once() {
    let shop = shop();
    let name = "n".repeat(255);
    let run = shop.run_bare(&["sequences", "shop", "--out", &name]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(names(shop.root()), [name.as_str(), "shop"]);
    let shop = crate::shop::shop();
    let run = shop.run_bare(&["sequences", "shop", "--out", &"n".repeat(256)]);
    shop.assert_refused(&run, 73, &["could not make", "too long"]);
}

#[test]
fn the_output_has_the_modes_that_the_umask_leaves() {
    for (mask, folders, files) in [("077", 0o700, 0o600), ("000", 0o777, 0o666)] {
        let shop = doubtful();
        let of_shop = shop.command(&["--on-bad-row", "quarantine"]);
        let mut command = Command::new("sh");
        let script = format!("umask {mask}; exec \"$@\"");
        command
            .args(["-c", &script, "sh"])
            .arg(of_shop.get_program());
        let made = run(command.args(of_shop.get_args()).current_dir(shop.root()));
        assert_eq!(made.code, 0, "{}", made.stderr);
        let mode = |path: &Path| {
            let found = path.metadata().expect("a file or folder");
            found.permissions().mode() & 0o7777
        };
        for folder in ["out", "out/dt=2025-08-15", "out/_quarantine"] {
            assert_eq!(mode(&shop.root().join(folder)), folders, "{mask}: {folder}");
        }
        for (file, _) in snapshot(&shop.out()) {
            assert_eq!(mode(&file), files, "{mask}: {}", file.display());
        }
    }
}

#[test]
fn a_pipe_in_the_place_of_a_manifest_is_refused_and_not_waited_for() {
    for manifest in ["_manifest.json", "dt=2025-08-15/_manifest.json"] {
        let shop = shop();
        shop.made(&["--date", "2025-08-15"]);
        fs::remove_file(shop.out().join(manifest)).expect("a file to remove");
        pipe(&shop.out().join(manifest));
        let run = shop.run(&["--add-days", "--date", "2025-08-16"]);
        run.assert_failed(73, &["_manifest.json", "did not make it"]);
        assert!(!shop.out().join("dt=2025-08-16").exists());
    }
}

#[test]
fn a_list_of_paths_that_nobody_writes_is_not_waited_for() {
    let shop = shop();
    let list = shop.root().join("shop/list");
    pipe(&list);
    for (list, code) in [("shop/list", 66), ("/dev/zero", 65), ("/dev/null", 65)] {
        let flag = format!("clicks={list}");
        let named = [
            "--impressions",
            "shop/impressions.ndjson",
            "--files-from",
            &flag,
        ];
        let run = shop.run_bare(&[&["sequences", "--out", "out"], &named[..]].concat());
        shop.assert_refused(&run, code, &[]);
    }
}

#[test]
fn rejected_rows_do_not_follow_a_link() {
    let shop = doubtful();
    let flags = ["--on-bad-row", "quarantine", "--date"];
    shop.made(&[&flags[..], &["2025-08-15"]].concat());
    let (quarantine, mine) = (shop.out().join("_quarantine"), shop.path("mine"));
    fs::remove_dir_all(&quarantine).expect("a folder to remove");
    fs::create_dir(&mine).expect("a folder");
    symlink(&mine, &quarantine).expect("a link");
    let run = shop.run(&[&flags[..], &["2025-08-16", "--add-days"]].concat());
    run.assert_failed(73, &["_quarantine", "no folder"]);
    assert_eq!(names(&mine), [""; 0]);
    assert!(
        !shop.out().join("dt=2025-08-16").exists(),
        "a day was published"
    );
}

#[test]
fn rejected_rows_of_replaced_days_stay() {
    let shop = doubtful();
    let flags = ["--on-bad-row", "quarantine"];
    shop.made(&flags);
    let before = names(&shop.out().join("_quarantine"));
    assert_eq!(before.len(), 1);
    let mut impressions = rows("impressions");
    impressions[2]["ranking_id"] = Value::Null;
    shop.source("impressions", "ndjson", &impressions);
    shop.made(&[&flags[..], &["--add-days", "--if-exists", "replace"]].concat());
    let after = names(&shop.out().join("_quarantine"));
    assert!(after.len() == 2 && after.contains(&before[0]), "{after:?}");
}
