//! `hitherto plan` from outside: its figures against those of the run, and that it writes nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shop::{Run, run, shop, snapshot};

/// Runs `hitherto` in a folder on two threads, whatever the machine has.
fn hitherto(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
    command.args(arguments).current_dir(folder);
    run(command.args(["--threads", "2", "--quiet"]))
}

/// What a command that prints JSON says.
fn object(folder: &Path, arguments: &[&str]) -> Value {
    let run = hitherto(folder, arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).expect("JSON")
}

/// Plans and runs a job of generated logs, of whose actions no more than a share may be read for the
/// plan; checks what is exact, and gives both figures of what is not.
fn plan_and_run(
    generated: &[&str],
    flags: &[&str],
    share_max: f64,
) -> Vec<(&'static str, f64, f64)> {
    let folder = TempDir::new().expect("a temporary folder");
    let root = folder.path();
    let mut generate = Command::new(env!("CARGO_BIN_EXE_hitherto"));
    generate.args(["generate", "logs"]).args(generated);
    let made = run(generate.current_dir(root));
    assert_eq!(made.code, 0, "{}", made.stderr);
    let before = snapshot(root);
    let job = [&["sequences", "logs", "--out", "out"], flags].concat();
    let planned = object(root, &[&["plan", "--json"], &job[..]].concat());
    assert_eq!(snapshot(root), before, "a plan wrote something");
    // All but time and what the system says of memory is a function of input and settings.
    let again = object(root, &[&["plan", "--json"], &job[..]].concat());
    for name in [
        "action_rows",
        "actions_kept",
        "history_actions",
        "bytes",
        "spread",
    ] {
        assert_eq!(again[name], planned[name], "{name}");
    }
    let done = object(root, &[&job[..], &["--stats", "json"]].concat());
    let sum = |name: &str| {
        let days = done["days"].as_array().expect("a list");
        days.iter()
            .map(|day| day[name].as_u64().expect("a count"))
            .sum::<u64>()
    };
    for name in ["files", "impressions", "samples"] {
        assert_eq!(planned[name], done[name], "{name}");
    }
    assert_eq!(
        (&planned["rows"], &planned["parts"]),
        (&json!(sum("rows")), &json!(sum("parts")))
    );
    let of = |value: &Value| value.as_f64().expect("a number");
    let share = of(&planned["actions_share"]);
    assert!(
        0.0 < share && share <= share_max,
        "{share} of the actions was read"
    );
    let pair = |name, ours, theirs: &Value| (name, of(&planned[ours]), of(theirs));
    vec![
        pair("action_rows", "action_rows", &done["action_rows"]),
        pair("actions_kept", "actions_kept", &done["actions_kept"]),
        pair(
            "history_actions",
            "history_actions",
            &done["history_actions"],
        ),
        pair("bytes", "bytes", &json!(sum("bytes"))),
        pair(
            "memory",
            "memory_accounted_peak_bytes",
            &done["memory_accounted_peak_bytes"],
        ),
    ]
}

/// Asserts that figures are no further from the truth than a share of it.
#[track_caller]
fn assert_close(figures: &[(&str, f64, f64)], share: f64) {
    for (name, planned, actual) in figures {
        let off = (planned - actual).abs();
        assert!(
            off <= actual * share,
            "{name}: planned {planned}, was {actual}"
        );
    }
}

#[test]
fn what_is_read_and_made_wholly_is_foretold_exactly() {
    // A run counts rows that statistics prove out of question, a sample has one footer for all parts,
    // and how much is sorted and encoded at a time is up to the threads.
    let shares = [0.01, 0.0, 0.0, 0.01, 0.25];
    for flags in [&[][..], &["--layout", "request"]] {
        let sizes = [
            "--customers",
            "300",
            "--impressions",
            "500",
            "--actions",
            "20000",
        ];
        let figures = plan_and_run(&sizes, flags, 1.0);
        for (figure, share) in figures.iter().zip(shares) {
            assert_close(&[*figure], share);
        }
    }
}

#[test]
fn what_is_sampled_is_foretold_within_a_quarter() {
    // Of two million actions a quarter is read; of 400,000 samples a third is made.
    let sizes = [
        "--customers",
        "20000",
        "--impressions",
        "40000",
        "--actions",
        "2200000",
    ];
    for flags in [&["--max-actions", "200"][..], &["--layout", "request"]] {
        assert_close(&plan_and_run(&sizes, flags, 0.3), 0.25);
    }
}

#[test]
fn of_text_the_first_pieces_are_read() {
    let sizes = [
        "--customers",
        "3000",
        "--impressions",
        "1000",
        "--actions",
        "1700000",
    ];
    let sizes = [&sizes[..], &["--format", "csv"]].concat();
    assert_close(&plan_and_run(&sizes, &[], 0.7), 0.25);
}

#[test]
fn a_plan_is_a_table_for_people_and_fails_as_the_run_would() {
    let shop = shop();
    let run = shop.run_bare(&["plan", "sequences", "shop", "--out", "out"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for said in [
        "nothing was written",
        "5 rows in 2 parts, 2 days",
        "memory",
        "all of the actions",
    ] {
        assert!(run.stdout.contains(said), "no {said:?} in {}", run.stdout);
    }
    assert!(!shop.out().exists());
    let plan = ["plan", "sequences", "shop", "--out", "out"];
    for (flags, code, said) in [
        (
            &["--date", "2025-08-20"][..],
            66,
            "no impressions on 2025-08-20",
        ),
        (&["--timezone", "Mars/Olympus"], 2, "Mars/Olympus"),
        (&["--memory", "1"], 70, "raise --memory"),
    ] {
        shop.run_bare(&[&plan[..], flags].concat())
            .assert_failed(code, &[said]);
    }
    fs::create_dir(shop.out()).expect("a folder");
    shop.run_bare(&plan).assert_failed(73, &["it exists"]);
}

#[test]
fn what_has_no_room_is_foretold_to_spill() {
    let folder = TempDir::new().expect("a temporary folder");
    let root = folder.path();
    let sizes = [
        "--customers",
        "2000",
        "--impressions",
        "3000",
        "--actions",
        "1000000",
    ];
    let mut generate = Command::new(env!("CARGO_BIN_EXE_hitherto"));
    generate
        .args(["generate", "logs"])
        .args(sizes)
        .current_dir(root);
    assert_eq!(run(&mut generate).code, 0);
    let job = ["sequences", "logs", "--out", "out", "--memory", "14MiB"];
    let planned = object(root, &[&["plan", "--json"], &job[..]].concat());
    let done = object(root, &[&job[..], &["--stats", "json"]].concat());
    let of = |value: &Value| value["spilled_bytes"].as_f64().expect("a number");
    assert!(of(&done) > 0.0, "{done}");
    assert_close(&[("spilled", of(&planned), of(&done))], 0.25);
}
