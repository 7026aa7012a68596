//! `hitherto plan` from outside: its figures against those of the run, and that it writes nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::shop::{Run, run, scratch, shop, snapshot};

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

/// Generates logs in a folder.
fn generate(folder: &Path, what: &[&str]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
    command.arg("generate").args(what).current_dir(folder);
    let made = run(&mut command);
    assert_eq!(made.code, 0, "{}", made.stderr);
}

/// The sum of a figure over the days that were made.
fn sum(done: &Value, name: &str) -> Value {
    let days = done["days"].as_array().expect("a list").iter();
    json!(
        days.map(|day| day[name].as_u64().expect("a count"))
            .sum::<u64>()
    )
}

/// A figure.
fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// What both say of some figures, each with its names in the plan and in the run.
fn pairs<'n>(planned: &Value, done: &Value, names: &[(&'n str, &str)]) -> Vec<(&'n str, f64, f64)> {
    let names = names.iter();
    names
        .map(|(ours, theirs)| (*ours, number(&planned[*ours]), number(&done[*theirs])))
        .collect()
}

/// Plans and runs a job of generated logs, of whose actions, clicks or events no more than a share may
/// be read for the plan; checks that the plan writes nothing and says the same each time; gives what
/// both say.
fn plan_and_run(generated: &[&str], job: &[&str], share_max: f64) -> (Value, Value) {
    let folder = scratch();
    let root = folder.path();
    generate(root, generated);
    let before = snapshot(root);
    let job = [job, &["--out", "out"]].concat();
    let mut planned = object(root, &[&["plan", "--json"], &job[..]].concat());
    assert_eq!(snapshot(root), before, "a plan wrote something");
    let done = object(root, &[&job[..], &["--stats", "json"]].concat());
    let share = ["actions_share", "clicks_share", "events_share"];
    let share = share.iter().find_map(|name| planned[*name].as_f64());
    let share = share.expect("a share");
    assert!(
        0.0 < share && share <= share_max,
        "{share} of what there is was read"
    );
    assert_eq!(planned["files"], done["files"]);
    // All but time and what the system says of memory is a function of input and settings.
    let mut again = object(
        root,
        &[&["plan", "--json"], &job[..], &["--overwrite"]].concat(),
    );
    for plan in [&mut planned, &mut again] {
        for name in ["seconds", "stages", "planning_seconds", "memory_peak_bytes"] {
            let object = plan.as_object_mut().expect("an object");
            assert!(object.remove(name).is_some(), "no {name}");
        }
    }
    let accounted = "memory_accounted_peak_bytes";
    again[accounted] = planned[accounted].clone();
    assert_eq!(again, planned);
    (planned, done)
}

/// Plans and runs `sequences` of generated logs; checks what is exact, and gives both figures of what is
/// not.
fn sequences(generated: &[&str], flags: &[&str], share_max: f64) -> Vec<(&'static str, f64, f64)> {
    let generated = [&["logs"], generated].concat();
    let job = [&["sequences", "logs"], flags].concat();
    let (planned, mut done) = plan_and_run(&generated, &job, share_max);
    for name in ["impressions", "samples"] {
        assert_eq!(planned[name], done[name], "{name}");
    }
    for name in ["rows", "parts", "bytes"] {
        done[name] = sum(&done, name);
    }
    assert_eq!(planned["rows"], done["rows"]);
    assert_eq!(planned["parts"], done["parts"]);
    let names = [
        "action_rows",
        "actions_kept",
        "history_actions",
        "bytes",
        "memory_accounted_peak_bytes",
    ];
    pairs(&planned, &done, &names.map(|name| (name, name)))
}

/// The same of `features`.
fn features(generated: &[&str], flags: &[&str], share_max: f64) -> Vec<(&'static str, f64, f64)> {
    let generated = [&["features", "market"], generated].concat();
    let job = [&["features", "market"], flags].concat();
    let (planned, mut done) = plan_and_run(&generated, &job, share_max);
    for name in ["rows", "parts", "bytes"] {
        done[name] = sum(&done, name);
    }
    assert_eq!(planned["rows"], done["rows"]);
    assert_eq!(planned["impressions"], done["rows"]);
    assert_eq!(planned["parts"], done["parts"]);
    let days = |document: &Value| {
        let days = document["days"].as_array().expect("a list").iter();
        let day_rows = |day: &Value| (day["day"].clone(), day["rows"].clone());
        days.map(day_rows).collect::<Vec<_>>()
    };
    assert_eq!(days(&planned), days(&done));
    for other in ["customers", "samples", "history_actions", "actions_kept"] {
        assert_eq!(planned.get(other), None, "{planned}");
    }
    let names = ["clicks", "bytes", "memory_accounted_peak_bytes"];
    pairs(&planned, &done, &names.map(|name| (name, name)))
}

/// The same of `dwell`, of which nothing is exact if not all is read.
fn dwell(generated: &[&str], flags: &[&str], share_max: f64) -> Vec<(&'static str, f64, f64)> {
    let generated = [&["dwell", "flyers"], generated].concat();
    let job = [&["dwell", "flyers"], flags].concat();
    let (planned, done) = plan_and_run(&generated, &job, share_max);
    for other in ["rows", "parts", "days", "samples", "impressions"] {
        assert_eq!(planned.get(other), None, "{planned}");
    }
    let names = [
        "events",
        "users",
        "user_merchant_rows",
        "bytes",
        "memory_accounted_peak_bytes",
    ];
    pairs(&planned, &done, &names.map(|name| (name, name)))
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
fn what_is_read_and_made_wholly_is_estimated_exactly() {
    // A run counts rows that statistics prove out of question, and how much is sorted and encoded at a
    // time is up to the threads.
    let shares = [0.01, 0.0, 0.0, 0.0, 0.25];
    for flags in [&[][..], &["--layout", "request"]] {
        let sizes = [
            "--customers",
            "300",
            "--impressions",
            "500",
            "--actions",
            "20000",
        ];
        let figures = sequences(&sizes, flags, 1.0);
        for (figure, share) in figures.iter().zip(shares) {
            assert_close(&[*figure], share);
        }
    }
}

#[test]
fn what_is_read_wholly_is_estimated_exactly_of_the_other_jobs_too() {
    let market = ["--impressions", "20000", "--clicks", "100000"];
    for flags in [&["--windows", "1h,24h"][..], &["--label-key", "listing"]] {
        let figures = features(&market, flags, 1.0);
        for (figure, share) in figures.iter().zip([0.0, 0.0, 0.25]) {
            assert_close(&[*figure], share);
        }
    }
    let flyers = ["--events", "100000", "--users", "3000", "--days", "2"];
    for flags in [&[][..], &["--method", "session"]] {
        let figures = dwell(&flyers, flags, 1.0);
        for (figure, share) in figures.iter().zip([0.0, 0.0, 0.0, 0.0, 0.25]) {
            assert_close(&[*figure], share);
        }
    }
}

#[test]
fn what_is_sampled_of_the_other_jobs_is_estimated_within_a_quarter() {
    // Row groups have a million rows, of which each thread reads one at least.
    let market = [
        "--impressions",
        "400000",
        "--clicks",
        "4400000",
        "--users",
        "40000",
        "--listings",
        "20000",
    ];
    assert_close(&features(&market, &["--windows", "1h,7d"], 0.6), 0.25);
    let flyers = ["--events", "4400000", "--users", "90000"];
    assert_close(&dwell(&flyers, &[], 0.6), 0.25);
    let days = [&flyers[..], &["--days", "30", "--format", "csv"]].concat();
    assert_close(&dwell(&days, &["--method", "session"], 0.3), 0.25);
}

#[test]
fn what_is_sampled_is_estimated_within_a_quarter() {
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
        assert_close(&sequences(&sizes, flags, 0.3), 0.25);
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
    assert_close(&sequences(&sizes, &[], 0.7), 0.25);
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
fn what_does_not_fit_is_estimated_to_spill() {
    let folder = scratch();
    let root = folder.path();
    let sizes = [
        "--customers",
        "2000",
        "--impressions",
        "3000",
        "--actions",
        "3000000",
    ];
    generate(root, &[&["logs"], &sizes[..]].concat());
    let market = ["--impressions", "50000", "--clicks", "1000000"];
    generate(
        root,
        &[&["features", "market", "--format", "csv"], &market[..]].concat(),
    );
    let flyers = ["--events", "3000000", "--users", "10000"];
    generate(
        root,
        &[&["dwell", "flyers", "--format", "csv"], &flyers[..]].concat(),
    );
    // Each has some megabytes to spare: how much two threads encode at a time depends on their timing.
    for (job_kind, input, memory) in [
        ("sequences", "logs", "14MiB"),
        ("features", "market", "30MiB"),
        ("dwell", "flyers", "40MiB"),
    ] {
        let job = [job_kind, input, "--out", job_kind, "--memory", memory];
        let planned = object(root, &[&["plan", "--json"], &job[..]].concat());
        let done = object(root, &[&job[..], &["--stats", "json"]].concat());
        let spilled = |value: &Value| number(&value["spilled_bytes"]);
        assert!(spilled(&done) > 0.0, "{done}");
        // Events as text are sampled from the first hours of each file, and the users of these tell little
        // about those of a day. So the plan says itself how far it may be off.
        let bound = match job_kind {
            "dwell" => number(&planned["spread"]),
            _ => 0.25,
        };
        assert!(bound < 0.42, "{planned}");
        assert_close(&[(job_kind, spilled(&planned), spilled(&done))], bound);
    }
}

#[test]
fn plans_of_the_other_jobs_are_tables_too_and_fail_as_their_runs_would() {
    let folder = scratch();
    let root = folder.path();
    let market = ["--impressions", "3000", "--clicks", "9000", "--days", "3"];
    generate(root, &[&["features", "market"], &market[..]].concat());
    generate(root, &["dwell", "flyers", "--events", "9000"]);
    let features = ["plan", "features", "market", "--out", "out"];
    let dwell = ["plan", "dwell", "flyers", "--out", "out"];
    let tables = [
        (
            features,
            "3,000 rows in 3 parts, 3 days",
            "all of the clicks",
        ),
        (
            dwell,
            "rows of a user, merchant and day",
            "all of the events",
        ),
    ];
    for (plan, made, read) in tables {
        let run = hitherto(root, &plan);
        assert_eq!(run.code, 0, "{}", run.stderr);
        for said in ["nothing was written", made, read] {
            assert!(run.stdout.contains(said), "no {said:?} in {}", run.stdout);
        }
        assert!(!run.stdout.contains("sample"), "{}", run.stdout);
        assert!(!root.join("out").exists());
    }
    let fails = |plan: &[&str], flags: &[&str], code: i32, said: &str| {
        hitherto(root, &[plan, flags].concat()).assert_failed(code, &[said]);
    };
    fails(
        &features,
        &["--date", "2025-01-01"],
        66,
        "no impressions on",
    );
    fails(&features, &["--data-end", "soon"], 2, "--data-end");
    fails(
        &features,
        &["--columns", "clicks.click_ts=at"],
        65,
        "\"at\"",
    );
    fails(&dwell, &["--columns", "events.event=what"], 65, "\"what\"");
    for plan in [features, dwell] {
        fails(&plan, &["--memory", "1"], 70, "raise --memory");
        fails(&plan, &["--timezone", "Mars/Olympus"], 2, "Mars/Olympus");
        fails(&plan, &["--fail-if", "nonsense>1"], 2, "nonsense");
    }
    fails(
        &["plan", "dwell", "nothing", "--out", "out"],
        &[],
        66,
        "nothing",
    );
    fs::create_dir(root.join("out")).expect("a folder");
    for plan in [features, dwell] {
        fails(&plan, &[], 73, "it exists");
    }
}

#[test]
fn a_job_file_is_planned_as_it_is_run_wherever_flags_stand() {
    let folder = scratch();
    let root = folder.path();
    let market = ["--impressions", "3000", "--clicks", "9000", "--days", "3"];
    generate(root, &[&["features", "market"], &market[..]].concat());
    generate(root, &["dwell", "flyers", "--events", "9000"]);
    let jobs = [
        (
            "features",
            "job = \"features\"\ndir = \"market\"\nout = \"out\"\nwindows = [\"1h\"]\n",
        ),
        (
            "dwell",
            "job = \"dwell\"\nout = \"out\"\n\n[sources.events]\npath = \"flyers\"\n",
        ),
    ];
    for (job, text) in jobs {
        fs::write(root.join("job.toml"), text).expect("a job file");
        let before = object(root, &["plan", "--json", job, "--job", "job.toml"]);
        let behind = object(root, &["plan", job, "--json", "--job", "job.toml"]);
        assert_eq!(before["bytes"], behind["bytes"]);
        assert!(number(&before["bytes"]) > 0.0, "{before}");
        let other = match job {
            "dwell" => "features",
            _ => "dwell",
        };
        hitherto(root, &["plan", other, "--job", "job.toml"]).assert_failed(2, &["is a job of"]);
    }
}
