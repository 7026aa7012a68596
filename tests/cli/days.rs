//! `hitherto plan sequences` over so many days that only some of them are made.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::shop::{run, scratch};

/// What a command that prints JSON says.
fn object(folder: &Path, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
    let run = run(command.args(arguments).arg("--quiet").current_dir(folder));
    assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
    serde_json::from_str(&run.stdout).expect("JSON")
}

/// A figure.
fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// Generates logs, plans and runs a job of them on some numbers of threads: what is exact must be, and
/// everything else within the stated spread.
#[track_caller]
fn check(generated: &[&str], flags: &[&str], threads: &[&str]) {
    let folder = scratch();
    let root = folder.path();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
    command.args(["generate", "logs"]).args(generated);
    let made = run(command.current_dir(root));
    assert_eq!(made.code, 0, "{}", made.stderr);
    let job = [&["sequences", "logs", "--out", "out"], flags].concat();
    let done = object(root, &[&job[..], &["--stats", "json"]].concat());
    let days = done["days"].as_array().expect("a list");
    let sum = |name: &str| days.iter().map(|day| number(&day[name])).sum::<f64>();
    for threads in threads {
        let more = ["--overwrite", "--threads", threads];
        let planned = object(root, &[&["plan", "--json"], &job[..], &more].concat());
        let share = number(&planned["rows_share"]);
        assert!(share < 0.6, "{share} of the rows were made");
        for name in ["rows", "parts"] {
            assert_eq!(planned[name], sum(name), "{name} on {threads} threads");
        }
        for name in ["impressions", "samples", "actions_kept"] {
            assert_eq!(planned[name], done[name], "{name} on {threads} threads");
        }
        let day_rows = |day: &Value| (day["day"].clone(), day["rows"].clone());
        let all_days = |document: &Value| -> Vec<_> {
            let days = document["days"].as_array().expect("a list").iter();
            days.map(day_rows).collect()
        };
        assert_eq!(all_days(&planned), all_days(&done));
        let spread = number(&planned["spread"]);
        for (name, was) in [
            ("bytes", sum("bytes")),
            ("history_actions", number(&done["history_actions"])),
        ] {
            let estimated = number(&planned[name]);
            assert!(
                (estimated - was).abs() <= was * spread,
                "{name} on {threads} threads: planned {estimated}, was {was}, give or take {spread}"
            );
        }
    }
}

#[test]
fn of_many_days_some_are_made_and_all_are_estimated() {
    // Of 20,000 customers few have an impression on a day that is made.
    let logs = [
        "--impressions",
        "1500",
        "--actions",
        "40000",
        "--customers",
        "20000",
        "--items",
        "1000",
    ];
    let small_groups = ["--row-group-rows", "2000", "--max-actions", "100"];
    let logs = [&logs[..], &["--days", "14"]].concat();
    check(&logs, &small_groups, &["1", "2", "8"]);
    let guests = [&small_groups[..], &["--guests", "empty"]].concat();
    check(&logs, &guests, &["2"]);
}

#[test]
fn of_many_days_and_many_customers_some_of_both_are_made() {
    let logs = [
        "--impressions",
        "700",
        "--actions",
        "60000",
        "--customers",
        "6000",
        "--items",
        "500",
        "--days",
        "60",
    ];
    // So long that one customer in a few is sampled; no history is.
    let long = ["--row-group-rows", "1000", "--max-actions", "32768"];
    check(&logs, &[&long[..], &["--no-pad"]].concat(), &["2"]);
}
