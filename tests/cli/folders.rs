//! Paths to sources: absent, of no known day, a table's, or nothing that can be read.

use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::json;

use crate::encode::encode;
use crate::shop::{SOURCES, Shop, entries, lacking, names, rows, run, shop, snapshot};

/// Runs the shop under a deadline: a run that hangs ends with code 124.
#[track_caller]
fn refuses_in_time(shop: &Shop, code: i32, said: &[&str]) {
    let of_shop = shop.command(&[]);
    let mut command = Command::new("timeout");
    command
        .args(["20"])
        .arg(of_shop.get_program())
        .args(of_shop.get_args());
    let run = run(command.current_dir(shop.root()));
    shop.assert_refused(&run, code, said);
}

#[test]
fn a_folder_of_no_known_day_is_refused() {
    for folder in [
        "dt=yesterday",
        "dt=2025-02-30",
        "dt=",
        "dt=202508",
        "dt=2025-08-15 10",
    ] {
        for source in ["impressions", "clicks"] {
            let shop = shop();
            let name = format!("{source}/{folder}/data.csv");
            shop.remove(source).put(&name, encode("csv", &rows(source)));
            shop.refuses(&[], 65, &[&format!("shop/{name}"), "dt=YYYY-MM-DD", folder]);
        }
    }
}

#[test]
fn a_folder_of_a_day_wins_over_the_column() {
    for folder in [
        "dt=2025-08-17",
        "dt=dt=2025-08-17",
        "dt=dt%3D2025-08-17",
        "dt=20250817",
        "dt=2025-08-17%2000%3A00%3A00",
    ] {
        let shop = shop();
        let name = format!("impressions/{folder}/data.ndjson");
        let lines = encode("ndjson", &lacking("impressions", &["dt"]));
        shop.remove("impressions").put(&name, lines);
        shop.made(&[]);
        assert!(names(&shop.out()).contains(&"dt=2025-08-17".to_owned()));
        assert_eq!(shop.samples().len(), 5);
    }
}

#[test]
fn hidden_names_are_not_read() {
    let shop = shop();
    shop.remove("clicks")
        .put("clicks/part-0.csv", encode("csv", &rows("clicks")));
    for name in [
        "_SUCCESS",
        ".part-0.csv.crc",
        "_temporary/0/part-1.csv",
        ".hidden/x.csv",
    ] {
        shop.put(&format!("clicks/{name}"), "rubbish");
    }
    shop.made(&[]);
}

#[test]
fn a_source_that_is_absent_is_66_unless_done_without() {
    for (source, name) in SOURCES {
        let shop = shop();
        shop.remove(source);
        let hint = match name {
            "impressions" => "--impressions".to_owned(),
            _ => format!("--without {name}"),
        };
        shop.refuses(&[], 66, &[source, "\"shop\"", &hint]);
        if name != "impressions" {
            shop.made(&["--without", name]);
        }
    }
    let shop = shop();
    shop.remove("clicks")
        .remove("add_to_carts")
        .remove("previous_orders");
    shop.made(&["--without", "clicks,carts", "--without", "orders"]);
    assert_eq!(shop.samples()[0], "r1 0 11 true [0, 0, 0, 0]");
}

#[test]
fn an_empty_folder_of_a_source_is_66() {
    for (source, name) in SOURCES {
        let shop = shop();
        shop.remove(source).put(&format!("{source}/_SUCCESS"), "");
        shop.refuses(&[], 66, &[name, source]);
    }
}

#[test]
fn a_path_that_is_not_there_is_66() {
    let shop = shop();
    let at = |arguments: &[&str], said: &[&str]| {
        let run = shop.run_bare(&[&["sequences", "--out", "out"], arguments].concat());
        shop.assert_refused(&run, 66, said);
    };
    at(&["nowhere"], &["\"nowhere\""]);
    at(&["shop/clicks.csv"], &["\"shop/clicks.csv\""]);
    let impressions = ["--impressions", "shop/impressions.ndjson"];
    let with = |flags: [&'static str; 2]| [impressions, flags].concat();
    at(&["--impressions", "shop/none.csv"], &["\"shop/none.csv\""]);
    at(&with(["--clicks", "shop/none"]), &["\"shop/none\""]);
    at(
        &with(["--clicks", "shop/none-*.csv"]),
        &["\"shop/none-*.csv\""],
    );
    at(&with(["--orders", "shop/[xyz]?"]), &["\"shop/[xyz]?\""]);
    at(
        &with(["--files-from", "clicks=shop/none.txt"]),
        &["\"shop/none.txt\""],
    );
    shop.put("list", "shop/clicks.csv\nshop/gone.csv\n");
    at(
        &with(["--files-from", "clicks=shop/list"]),
        &["\"shop/gone.csv\""],
    );
    shop.put("list", "\n \n");
    at(&with(["--files-from", "clicks=shop/list"]), &["clicks"]);
}

#[test]
fn only_named_sources_are_read() {
    let shop = shop();
    shop.replace("clicks", "csv", "rubbish");
    let run = shop.run_bare(&[
        "sequences",
        "--output",
        "out",
        "--max-seq",
        "4",
        "--impressions",
        "shop/impr*.ndjson",
        "--add-to-carts",
        "shop/add_to_carts.json",
        "--previous-orders",
        "shop/previous_orders.parquet",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(shop.samples()[0], "r1 0 11 true [31, 41, 0, 0]");
}

#[test]
fn a_day_without_impressions_is_66() {
    let shop = shop();
    shop.refuses(&["--date", "2025-08-14"], 66, &["2025-08-14"]);
    shop.refuses(
        &["--from", "2025-08-15", "--to", "2025-08-17"],
        66,
        &["2025-08-17"],
    );
    shop.refuses(
        &["--from", "2025-08-14", "--to", "2025-08-16"],
        66,
        &["2025-08-14"],
    );
    let mut impressions = rows("impressions");
    for row in &mut impressions[2..] {
        row["dt"] = json!("2025-08-17");
    }
    shop.source("impressions", "csv", &impressions);
    shop.refuses(
        &["--from", "2025-08-15", "--to", "2025-08-17"],
        66,
        &["2025-08-16"],
    );
    shop.made(&["--date", "2025-08-17"]);
}

#[test]
fn a_day_whose_folder_is_there_but_empty_is_66() {
    let shop = shop();
    shop.remove("impressions");
    shop.put(
        "impressions/dt=2025-08-15/a.ndjson",
        encode("ndjson", &rows("impressions")),
    );
    shop.put("impressions/dt=2025-08-16/a.ndjson", "");
    shop.refuses(&["--date", "2025-08-16"], 66, &["2025-08-16"]);
    shop.made(&["--date", "2025-08-15"]);
}

#[test]
fn what_is_no_file_is_refused_without_waiting() {
    for name in [
        "clicks.csv",
        "clicks/part-0.csv",
        "clicks",
        "impressions/part-0.ndjson",
    ] {
        let shop = shop();
        let source = if name.starts_with("clicks") {
            "clicks"
        } else {
            "impressions"
        };
        shop.remove(source).put(&format!("{source}/_SUCCESS"), "");
        let pipe = shop.path(name);
        if !name.contains('/') {
            shop.remove(source);
        }
        let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        refuses_in_time(&shop, 65, &[&format!("shop/{name}"), "expected a file"]);
    }
    let shop = shop();
    shop.remove("clicks");
    symlink("/dev/zero", shop.path("clicks.csv")).expect("a link");
    refuses_in_time(&shop, 65, &["shop/clicks.csv", "expected a file"]);
}

#[test]
fn folders_that_link_in_a_circle_are_refused_without_waiting() {
    let shop = shop();
    shop.remove("clicks")
        .put("clicks/a.csv", encode("csv", &rows("clicks")));
    for name in ["one", "two"] {
        symlink(".", shop.path("clicks").join(name)).expect("a link");
    }
    let of_shop = shop.command(&[]);
    let mut command = Command::new("timeout");
    command
        .arg("20")
        .arg(of_shop.get_program())
        .args(of_shop.get_args());
    let run = run(command.current_dir(shop.root()));
    assert!([65, 74].contains(&run.code), "{} {}", run.code, run.stderr);
    shop.assert_refused(&run, run.code, &["shop/clicks"]);
}

#[test]
fn a_link_to_nowhere_is_66_and_a_folder_named_like_a_file_is_a_folder() {
    let shop = shop();
    shop.remove("clicks")
        .put("clicks/a.csv", encode("csv", &rows("clicks")));
    symlink("gone.csv", shop.path("clicks/b.csv")).expect("a link");
    shop.refuses(&[], 66, &["shop/clicks/b.csv"]);
    let shop = crate::shop::shop();
    shop.remove("clicks")
        .put("clicks.csv/b.csv/a.csv", encode("csv", &rows("clicks")));
    shop.made(&[]);
}

#[test]
fn a_file_that_the_system_cannot_read_is_74() {
    // Linux lets nobody read the first page of a process.
    let shop = shop();
    let run = shop.run_bare(&[
        "sequences",
        "--out",
        "out",
        "--impressions",
        "shop/impressions.ndjson",
        "--clicks",
        "/proc/self/mem",
    ]);
    shop.assert_refused(&run, 74, &["could not read", "/proc/self/mem"]);
    let run = shop.run_bare(&[
        "sequences",
        "--out",
        "out",
        "--impressions",
        "shop/impressions.ndjson",
        "--files-from",
        "clicks=shop",
    ]);
    shop.assert_refused(&run, 74, &["could not read", "\"shop\""]);
}

#[test]
fn two_candidates_for_a_source_are_refused() {
    let shop = shop();
    shop.put("clicks.ndjson", encode("ndjson", &rows("clicks")));
    shop.refuses(
        &[],
        2,
        &["shop/clicks.csv", "shop/clicks.ndjson", "--clicks"],
    );
}

#[test]
fn the_inputs_are_never_touched() {
    let shop = shop();
    let before = snapshot(&shop.path(""));
    shop.made(&[]);
    shop.made(&["--overwrite"]);
    assert_eq!(snapshot(&shop.path("")), before);
    assert_eq!(entries(&shop.path("")).len(), 4);
}
