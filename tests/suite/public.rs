//! Logs in the shapes of three public datasets, small and made by hand, run from the job files that
//! the guide shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hitherto::{Sequences, Settings};

use crate::support::{audit, samples, scratch};

/// A history: items and types, newest first.
type History = Vec<(i64, u8)>;

/// The folder of a dataset.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}

/// Runs the job file of a dataset; gives the ranking, position and history of each sample, in order.
fn run(name: &str) -> Vec<(String, i32, History)> {
    let (scratch, job) = (scratch(), folder(name).join("job.toml"));
    let text = fs::read_to_string(&job).expect("a job file");
    assert!(text.lines().count() < 15, "{name}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide/action_logs.md");
    let page = fs::read_to_string(page).expect("text");
    assert!(
        page.contains(&text),
        "the guide shows the job file of {name}"
    );
    let out = scratch.path().join("out");
    let run = Command::new(env!("CARGO_BIN_EXE_hitherto"))
        .args(["sequences", "--quiet", "--job"])
        .arg(&job)
        .arg("--out")
        .arg(&out)
        .output();
    let run = run.expect("a program");
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{name}: {told}");
    audit(name, &out);
    let settings = Settings {
        ask: Sequences {
            actions_max: Some(20),
            ..Sequences::default()
        }
        .into(),
        ..Settings::default()
    };
    let found = samples(&out, &settings).into_iter();
    let mut found: Vec<_> = found
        .map(|sample| (sample.ranking, sample.position, sample.history))
        .collect();
    found.sort();
    found
}

/// A sample, for comparison.
fn sample(ranking: &str, position: i32, history: &[(i64, u8)]) -> (String, i32, History) {
    (ranking.to_owned(), position, history.to_vec())
}

#[test]
fn otto_runs_from_a_short_job_file() {
    let before = [(1_142_000, 2), (1_142_000, 1), (59_625, 1)];
    let after = [
        (582_732, 1),
        (1_142_000, 3),
        (1_142_000, 2),
        (1_142_000, 1),
        (59_625, 1),
    ];
    let expected = [
        sample("a", 0, &before),
        sample("a", 1, &before),
        sample("b", 0, &after),
        sample("c", 0, &[(141_736, 2), (1_142_000, 1), (141_736, 1)]),
        sample("d", 0, &[]),
        sample("e", 0, &[]),
    ];
    assert_eq!(run("otto"), expected);
}

#[test]
fn retailrocket_runs_from_a_short_job_file() {
    let history = [(355_908, 3), (355_908, 2), (355_908, 1)];
    let expected = [
        sample("r1", 0, &history),
        sample("r1", 1, &history),
        sample("r2", 0, &[(248_676, 1), (248_676, 1)]),
        sample("r3", 0, &[]),
    ];
    assert_eq!(run("retailrocket"), expected);
}

#[test]
fn rees46_runs_from_a_short_job_file() {
    let history = [(44_600_062, 2), (44_600_062, 1)];
    let expected = [
        sample("1", 0, &history),
        sample("1", 1, &history),
        sample("2", 0, &[(3_900_821, 3), (3_900_821, 1)]),
    ];
    assert_eq!(run("rees46"), expected);
}
