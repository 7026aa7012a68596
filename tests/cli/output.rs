//! Where the output may be, what becomes of one that is there, and that nobody sees half of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::encode::encode;
use crate::shop::{Shop, damaged, entries, names, read, rows, shop, snapshot};

/// The manifest of the whole output.
fn manifest(shop: &Shop) -> Value {
    let text = fs::read(shop.out().join("_manifest.json")).expect("a manifest");
    serde_json::from_slice(&text).expect("JSON")
}

/// The days that the manifest lists.
fn days(shop: &Shop) -> Vec<String> {
    let manifest = manifest(shop);
    let days = manifest["days"].as_array().expect("days").iter();
    days.map(|day| day["day"].as_str().expect("a day").to_owned())
        .collect()
}

/// Runs with flags that must fail, and asserts that what was there stays as it was.
#[track_caller]
fn refuses_and_leaves(shop: &Shop, flags: &[&str], code: i32, said: &[&str]) {
    let before = snapshot(shop.root());
    let run = shop.run(flags);
    run.assert_failed(code, said);
    let after = snapshot(shop.root());
    assert!(
        before == after,
        "{flags:?} changed something: {:?}",
        names(&shop.out())
    );
    let left = entries(&shop.out());
    assert!(
        left.iter()
            .all(|path| !path.to_string_lossy().contains(".tmp-")),
        "{left:?}"
    );
}

#[test]
fn an_output_holds_days_manifests_and_the_mark_of_success() {
    let shop = shop();
    shop.made(&[]);
    let all = [
        "_SUCCESS",
        "_manifest.json",
        "_metrics.json",
        "dt=2025-08-15",
        "dt=2025-08-16",
    ];
    assert_eq!(names(&shop.out()), all);
    for day in &all[3..] {
        assert_eq!(
            names(&shop.out().join(day)),
            ["_manifest.json", "_metrics.json", "part-00000.parquet"]
        );
    }
    assert_eq!(days(&shop), ["2025-08-15", "2025-08-16"]);
}

#[test]
fn an_output_that_exists_is_73() {
    let shop = shop();
    shop.made(&[]);
    refuses_and_leaves(
        &shop,
        &[],
        73,
        &["\"out\"", "exists", "--overwrite", "--add-days"],
    );
    for other in ["empty", "file", "link"] {
        let shop = crate::shop::shop();
        match other {
            "empty" => fs::create_dir(shop.out()).expect("a folder"),
            "file" => fs::write(shop.out(), "mine").expect("a file"),
            _ => symlink("nowhere", shop.out()).expect("a link"),
        }
        refuses_and_leaves(&shop, &[], 73, &["\"out\"", "exists"]);
    }
}

#[test]
fn an_output_that_exists_is_refused_before_anything_is_read() {
    let shop = shop();
    fs::create_dir(shop.out()).expect("a folder");
    shop.source("clicks", "csv", &damaged("clicks", "item_id", json!(0)));
    shop.source(
        "impressions",
        "csv",
        &damaged("impressions", "ranking_id", Value::Null),
    );
    refuses_and_leaves(&shop, &[], 73, &["exists"]);
}

#[test]
fn an_output_that_cannot_be_made_is_73() {
    for out in [
        "shop/clicks.csv/out",
        "/proc/nothing/out",
        "/",
        ".",
        "..",
        "shop/..",
    ] {
        let shop = shop();
        let before = snapshot(shop.root());
        let run = shop.run_bare(&["sequences", "shop", "--out", out]);
        run.assert_failed(73, &["could not make"]);
        assert!(snapshot(shop.root()) == before, "{out}");
    }
}

#[test]
fn folders_above_the_output_are_made() {
    let shop = shop();
    let run = shop.run_bare(&["sequences", "shop", "--out", "a/b/out/"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(shop.root().join("a/b/out/_SUCCESS").is_file());
    assert_eq!(names(&shop.root().join("a/b")), ["out"]);
}

#[test]
fn an_output_inside_or_around_an_input_is_73() {
    let shop = shop();
    shop.remove("clicks")
        .put("clicks/a.csv", encode("csv", &rows("clicks")));
    symlink("shop/clicks", shop.root().join("link")).expect("a link");
    let before = snapshot(&shop.path(""));
    // Even a folder that looks like ours must not be replaced with the inputs in it.
    for out in [
        "shop/clicks/out",
        "shop/clicks/deep/er",
        "link/out",
        "shop/../shop/clicks/x",
    ] {
        let run = shop.run_bare(&["sequences", "shop", "--out", out]);
        run.assert_failed(73, &["clicks", "input"]);
    }
    for out in ["shop", "shop/clicks", "link", "."] {
        for flag in ["--overwrite", "--add-days"] {
            let root = shop.root().join(out);
            let manifest = root.join("_manifest.json");
            fs::write(&manifest, "{\"settings\": {}}").expect("a file");
            let run = shop.run_bare(&["sequences", "shop", "--out", out, flag]);
            run.assert_failed(73, &["input"]);
            fs::remove_file(manifest).expect("a file to remove");
        }
    }
    assert!(snapshot(&shop.path("")) == before);
    assert_eq!(names(shop.root()), ["link", "shop"]);
}

#[test]
fn overwrite_replaces_the_whole_folder() {
    let shop = shop();
    shop.made(&[]);
    let mut impressions = rows("impressions");
    for row in &mut impressions {
        row["dt"] = json!("2025-08-17");
    }
    shop.source("impressions", "ndjson", &impressions);
    shop.made(&["--overwrite"]);
    assert_eq!(
        names(&shop.out()),
        [
            "_SUCCESS",
            "_manifest.json",
            "_metrics.json",
            "dt=2025-08-17"
        ]
    );
    assert_eq!(days(&shop), ["2025-08-17"]);
}

#[test]
fn overwrite_makes_what_is_not_there() {
    shop().made(&["--overwrite"]);
}

#[test]
fn overwrite_replaces_nothing_that_is_not_ours() {
    for file in ["thesis.txt", "_SUCCESS", "dt=2025-08-15/_manifest.json"] {
        let shop = shop();
        let path = shop.out().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, "mine").expect("a file");
        refuses_and_leaves(&shop, &["--overwrite"], 73, &["\"out\"", "_manifest.json"]);
        refuses_and_leaves(&shop, &["--add-days"], 73, &["\"out\"", "_manifest.json"]);
    }
    let shop = shop();
    fs::write(shop.out(), "mine").expect("a file");
    refuses_and_leaves(&shop, &["--overwrite"], 73, &["\"out\""]);
}

#[test]
fn a_manifest_that_is_not_ours_does_not_make_a_folder_ours() {
    for manifest in [
        "{}",
        "[]",
        "{\"made_by\": \"somebody\", \"job\": \"sequences\"}",
    ] {
        let shop = shop();
        fs::create_dir(shop.out()).expect("a folder");
        fs::write(shop.out().join("_manifest.json"), manifest).expect("a file");
        fs::write(shop.out().join("thesis.txt"), "years of work").expect("a file");
        for flag in ["--overwrite", "--add-days"] {
            refuses_and_leaves(&shop, &[flag], 73, &["\"out\"", "_manifest.json"]);
        }
    }
}

#[test]
fn an_output_behind_a_link_is_replaced_where_it_is() {
    let shop = shop();
    shop.made(&[]);
    let real = shop.path("real");
    fs::rename(shop.out(), &real).expect("renamed");
    symlink(&real, shop.out()).expect("a link");
    shop.made(&["--overwrite", "--layout", "request"]);
    assert!(shop.out().is_symlink());
    let manifest = fs::read_to_string(real.join("_manifest.json")).expect("a manifest");
    assert!(manifest.contains("\"layout\": \"request\""));
}

#[test]
fn days_with_other_types_of_customers_are_not_added() {
    let shop = shop();
    shop.made(&["--date", "2025-08-15"]);
    let flags = [
        "--add-days",
        "--date",
        "2025-08-16",
        "--customer-type",
        "string",
    ];
    refuses_and_leaves(&shop, &flags, 73, &["customer_type", "int64", "string"]);
}

#[test]
fn a_failed_overwrite_leaves_what_was_there() {
    let shop = shop();
    shop.made(&[]);
    shop.source("clicks", "csv", &damaged("clicks", "item_id", json!(0)));
    refuses_and_leaves(&shop, &["--overwrite"], 65, &["clicks.csv", "row 3"]);
    refuses_and_leaves(
        &shop,
        &["--overwrite", "--date", "2025-01-01"],
        66,
        &["2025-01-01"],
    );
}

#[test]
fn add_days_adds_days() {
    let shop = shop();
    shop.made(&["--add-days", "--date", "2025-08-16"]);
    let day = shop.out().join("dt=2025-08-16");
    let before = snapshot(&day);
    shop.made(&["--add-days", "--date", "2025-08-15"]);
    assert!(snapshot(&day) == before, "a day that was there changed");
    assert_eq!(days(&shop), ["2025-08-15", "2025-08-16"]);
    let all = [
        "_SUCCESS",
        "_manifest.json",
        "_metrics.json",
        "dt=2025-08-15",
        "dt=2025-08-16",
    ];
    assert_eq!(names(&shop.out()), all);

    let whole = crate::shop::shop();
    whole.made(&[]);
    assert_eq!(whole.samples(), shop.samples());
}

#[test]
fn a_day_that_is_there_is_an_error_or_skipped_or_replaced() {
    let shop = shop();
    shop.made(&["--date", "2025-08-15"]);
    for flags in [&["--add-days"][..], &["--add-days", "--if-exists", "error"]] {
        refuses_and_leaves(
            &shop,
            flags,
            73,
            &["dt=2025-08-15", "exists", "--if-exists"],
        );
    }
    // The click that r1 knows from now on.
    let mut clicks = rows("clicks");
    clicks[3]["click_time"] = json!("2025-08-14 13:00:00");
    shop.source("clicks", "csv", &clicks);
    let day = shop.out().join("dt=2025-08-15");
    let before = snapshot(&day);
    shop.made(&["--add-days", "--if-exists", "skip"]);
    assert!(snapshot(&day) == before, "a skipped day changed");
    assert_eq!(days(&shop), ["2025-08-15", "2025-08-16"]);
    assert_eq!(shop.samples()[0], "r1 0 11 true [21, 31, 41, 0]");

    fs::write(day.join("stale"), "").expect("a file");
    shop.made(&[
        "--add-days",
        "--if-exists",
        "replace",
        "--date",
        "2025-08-15",
    ]);
    assert_eq!(
        names(&day),
        ["_manifest.json", "_metrics.json", "part-00000.parquet"]
    );
    assert_eq!(days(&shop), ["2025-08-15", "2025-08-16"]);
    assert_eq!(shop.samples()[0], "r1 0 11 true [24, 21, 31, 41]");
}

#[test]
fn a_run_whose_days_are_all_skipped_changes_nothing() {
    let shop = shop();
    shop.made(&[]);
    let days = |shop: &Shop| -> Vec<_> {
        let all = entries(&shop.out())
            .into_iter()
            .filter(|path| path.is_dir());
        all.flat_map(|day| snapshot(&day)).collect()
    };
    let before = days(&shop);
    shop.made(&["--add-days", "--if-exists", "skip"]);
    shop.made(&["--add-days", "--if-exists", "skip", "--date", "2025-08-16"]);
    assert!(days(&shop) == before);
    assert_eq!(self::days(&shop), ["2025-08-15", "2025-08-16"]);
}

#[test]
fn part_rows_bound_the_files_of_a_day() {
    let shop = shop();
    shop.made(&["--row-group-rows", "2"]);
    let samples = shop.samples();
    assert!(samples.len() > 2, "{samples:?}");

    // Whole row groups only: three rows hold one of two.
    for (flag, rows_max) in [("1", 1), ("2", 2), ("3", 2), ("4", 4), ("262144", 262_144)] {
        shop.put(
            "job.toml",
            format!("dir = \".\"\nmax_actions = 4\nrow_group_rows = 2\npart_rows = {flag}\n"),
        );
        fs::remove_dir_all(shop.out()).expect("a set");
        let made = shop.run_bare(&["sequences", "--job", "shop/job.toml", "--out", "out"]);
        assert_eq!(made.code, 0, "{made:?}");
        assert_eq!(shop.samples(), samples, "parts of {flag}");
        let in_manifest = manifest(&shop)["settings"]["part_rows"].to_string();
        let is_default = flag == "262144";
        assert_eq!(in_manifest, if is_default { "null" } else { flag });
        for day in days(&shop) {
            let folder = shop.out().join(format!("dt={day}"));
            let parts = entries(&folder).into_iter();
            let parts =
                parts.filter(|path| path.extension().is_some_and(|ending| ending == "parquet"));
            let rows: Vec<usize> = parts.map(|part| read(&part, &["position"]).len()).collect();
            let (last, others) = rows.split_last().expect("a part");
            assert!(
                others.iter().all(|rows| *rows == rows_max) && *last <= rows_max,
                "{flag}: {rows:?}"
            );
        }
        let verified = shop.run_bare(&["verify", "out"]);
        assert_eq!(verified.code, 0, "{verified:?}");
    }
}

#[test]
fn added_days_must_have_the_same_settings() {
    let shop = shop();
    shop.made(&["--date", "2025-08-15"]);
    for (flags, said) in [
        (["--max-actions", "5"], "max_actions"),
        (["--lookback-days", "30"], "lookback_days"),
        (["--layout", "request"], "layout"),
        (["--item-type", "int64"], "item_type"),
        (["--customer-type", "string"], "customer_type"),
        (["--timezone", "Europe/Berlin"], "timezone"),
        (["--guests", "empty"], "guests"),
        (["--null-label", "drop"], "null_label"),
        (["--embargo", "orders=1d"], "embargo"),
        (["--row-group-rows", "100"], "row_group_rows"),
        (["--part-rows", "100"], "part_rows"),
        (["--types", "1,3"], "types"),
        (["--with", "time_delta"], "with"),
        (["--negatives-sample", "0.5"], "negatives_sample"),
        (["--dedup", "exact"], "dedup"),
        (["--item-vocabulary", "build"], "item_vocabulary"),
    ] {
        for if_exists in ["error", "skip", "replace"] {
            let mut arguments = vec!["sequences", "shop", "--out", "out"];
            if flags[0] != "--max-actions" {
                arguments.extend(["--max-actions", "4"]);
            }
            arguments.extend(flags);
            arguments.extend([
                "--add-days",
                "--date",
                "2025-08-16",
                "--if-exists",
                if_exists,
            ]);
            let before = snapshot(shop.root());
            shop.run_bare(&arguments).assert_failed(73, &["out", said]);
            assert!(snapshot(shop.root()) == before, "{flags:?}");
        }
    }
    let machine = ["--threads", "1", "--memory", "1GiB", "--quiet"];
    shop.made(&[&["--add-days", "--date", "2025-08-16"], &machine[..]].concat());
}

#[test]
fn sources_that_were_done_without_are_a_setting_too() {
    // Days with and without orders in their histories are not alike.
    let shop = shop();
    shop.made(&["--date", "2025-08-15"]);
    shop.remove("previous_orders");
    let flags = ["--without", "orders", "--add-days", "--date", "2025-08-16"];
    refuses_and_leaves(&shop, &flags, 73, &["orders"]);
}

#[test]
fn a_failed_run_that_adds_days_leaves_what_was_there() {
    let shop = shop();
    shop.made(&["--date", "2025-08-15"]);
    let add = ["--add-days", "--date", "2025-08-16"];
    shop.source("clicks", "csv", &damaged("clicks", "item_id", json!(0)));
    let mut clicks = rows("clicks");
    clicks[0]["item_id"] = json!(0);
    shop.source("clicks", "csv", &clicks);
    refuses_and_leaves(&shop, &add, 65, &["clicks.csv", "row 1"]);
    refuses_and_leaves(
        &shop,
        &["--add-days", "--date", "2025-08-20"],
        66,
        &["2025-08-20"],
    );
}

#[test]
fn a_manifest_that_is_no_manifest_is_refused() {
    for text in ["", "{", "[]", "null", "{}"] {
        let shop = shop();
        shop.made(&["--date", "2025-08-15"]);
        fs::write(shop.out().join("_manifest.json"), text).expect("a file");
        let add = ["--add-days", "--date", "2025-08-16"];
        refuses_and_leaves(&shop, &add, 73, &["out"]);
    }
}

#[test]
fn a_day_folder_that_is_not_ours_is_refused_before_a_day_is_added() {
    let shop = shop();
    shop.made(&["--date", "2025-08-15"]);
    fs::create_dir(shop.out().join("dt=2025-08-01")).expect("a folder");
    let add = ["--add-days", "--date", "2025-08-16"];
    refuses_and_leaves(&shop, &add, 73, &["dt=2025-08-01"]);
    assert!(!shop.out().join("dt=2025-08-16").exists());
}

#[test]
fn what_a_crashed_run_left_is_removed_but_nothing_else() {
    let shop = shop();
    let dead = shop.root().join(".out.tmp-1-0");
    fs::create_dir_all(dead.join("out")).expect("a folder");
    let other = shop.root().join(".output.tmp-1-0");
    fs::create_dir_all(other.join("out")).expect("a folder");
    assert_eq!(shop.run(&[]).code, 0);
    assert!(!dead.exists());
    assert!(other.exists());
}

#[test]
fn an_output_named_from_another_folder_is_the_same() {
    let shop = shop();
    let out = shop.root().join("elsewhere");
    let text = |path: &Path| path.to_str().expect("a path of UTF-8").to_owned();
    let run = shop.run_bare(&["sequences", &text(&shop.path("")), "--out", &text(&out)]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(out.join("_SUCCESS").is_file());
}
