//! Everything that can be wrong with a published folder, and that it is told.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use hitherto::{ErrorKind, JobKind, RunContext, VerifySettings, verify};
use serde_json::json;

use super::sets::Set;

/// Asserts that `verify` tells of a path, saying all of `said`, and of nothing else.
#[track_caller]
fn tells(set: &Set, path: &str, said: &str) {
    let problems = set.problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(
        problems[0].starts_with(&format!("{path}: ")),
        "{problems:?}"
    );
    assert!(problems[0].contains(said), "no {said:?} in {problems:?}");
}

#[test]
fn sound_sets_of_all_jobs_are_sound() {
    for (name, set) in Set::all() {
        let before = set.files();
        let verified = set.verified();
        assert_eq!(verified.problems, [], "{name}");
        assert!(verified.rows > 0 && verified.parts > 0, "{name}");
        assert_eq!(set.files(), before, "verify leaves nothing");
        let rejected = before.iter().filter(|path| path.starts_with("_quarantine"));
        assert!(rejected.count() > 0, "{name}");
    }
    assert_eq!(Set::of_days().verified().days, 2);
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    for (name, set) in Set::all() {
        for path in set.files() {
            let bytes = fs::read(set.out().join(&path)).expect("a file");
            for at in (0..bytes.len())
                .step_by(53)
                .chain([bytes.len().saturating_sub(1)])
            {
                let Some(byte) = bytes.get(at) else { continue };
                let mut flipped = bytes.clone();
                flipped[at] = byte ^ (1 << (at % 8));
                fs::write(set.out().join(&path), flipped).expect("a file");
                let found = set.verified().problems_count;
                assert!(found > 0, "{name}: byte {at} of {}", path.display());
            }
            fs::write(set.out().join(&path), bytes).expect("a file");
        }
        assert_eq!(set.verified().problems, [], "{name}");
    }
}

#[test]
fn a_file_that_is_cut_grows_or_is_gone_is_told() {
    for (name, set) in Set::all() {
        for path in set.files() {
            let bytes = fs::read(set.out().join(&path)).expect("a file");
            let text = path.display().to_string();
            for len in [0, bytes.len() / 2, bytes.len() + 1] {
                let mut other = bytes.clone();
                other.resize(len, 0);
                if other == bytes {
                    continue;
                }
                fs::write(set.out().join(&path), other).expect("a file");
                let problems = set.problems();
                let is_it = |problem: &String| problem.starts_with(&text);
                assert!(problems.iter().any(is_it), "{name} {text}: {problems:?}");
            }
            fs::remove_file(set.out().join(&path)).expect("a file to remove");
            let problems = set.problems();
            let is_it =
                |problem: &String| problem.starts_with(&text) && problem.contains("missing");
            assert!(problems.iter().any(is_it), "{name} {text}: {problems:?}");
            fs::write(set.out().join(&path), bytes).expect("a file");
        }
    }
}

#[test]
fn what_nobody_named_is_told_and_never_opened() {
    for (name, set) in Set::all() {
        let out = set.out();
        let places: Vec<PathBuf> = fs::read_dir(&out)
            .expect("a set")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_dir())
            .chain([out.clone()])
            .collect();
        for place in &places {
            let path = place.join("more");
            for kind in ["file", "folder", "link", "pipe", "dot"] {
                let path = match kind {
                    "dot" => place.join(".out.tmp-1-0"),
                    _ => path.clone(),
                };
                match kind {
                    "file" => fs::write(&path, "").expect("a file"),
                    "folder" | "dot" => fs::create_dir(&path).expect("a folder"),
                    "link" => symlink("/dev/zero", &path).expect("a link"),
                    _ => assert!(Command::new("mkfifo").arg(&path).status().is_ok()),
                }
                let relative = path.strip_prefix(&out).expect("below");
                tells(&set, &relative.display().to_string(), "");
                if path.is_dir() {
                    fs::remove_dir(&path).expect("a folder to remove");
                } else {
                    fs::remove_file(&path).expect("a file to remove");
                }
            }
        }
        assert_eq!(set.verified().problems, [], "{name}");
    }
}

#[test]
fn what_a_living_run_builds_in_the_folder_is_left_alone() {
    let set = Set::new(JobKind::Sequences);
    for name in [".out.tmp-1-0", "._audit.json.tmp-1-0"] {
        let building = set.out().join(name);
        fs::create_dir(&building).expect("a folder");
        fs::write(building.join("inputs"), "{").expect("a file");
        let held = fs::File::open(&building).expect("a folder");
        held.lock().expect("a lock");
        assert_eq!(set.problems(), [""; 0], "{name}");
        drop(held);
        tells(&set, name, "left behind when it died");
        fs::remove_dir_all(&building).expect("a folder to remove");
    }
}

#[test]
fn a_file_that_is_a_link_to_the_same_bytes_is_told() {
    let set = Set::new(JobKind::Sequences);
    let part = set.out().join("dt=2025-08-15/part-00000.parquet");
    let elsewhere = set.dir().join("part");
    fs::rename(&part, &elsewhere).expect("renamed");
    symlink(&elsewhere, &part).expect("a link");
    let problems = set.problems();
    assert!(
        problems.iter().all(|problem| problem.contains("link")),
        "{problems:?}"
    );
    assert!(!problems.is_empty());
}

#[test]
fn every_problem_is_told_up_to_a_number() {
    let set = Set::new(JobKind::Sequences);
    for at in 0..150 {
        fs::write(set.out().join(format!("stray-{at}")), "").expect("a file");
    }
    set.change(Path::new("dt=2025-08-15/part-00000.parquet"), |bytes| {
        bytes[50] ^= 1;
    });
    let verified = set.verified();
    assert_eq!(verified.problems_count, 151);
    assert_eq!(verified.problems.len(), hitherto::PROBLEMS_MAX);
}

#[test]
fn manifests_that_contradict_each_other_are_told() {
    type Change = fn(&mut serde_json::Value);
    let changes: [(&str, Change); 8] = [
        ("day", |manifest| manifest["day"] = json!("2025-08-16")),
        ("settings", |manifest| {
            manifest["settings"]["max_actions"] = json!(5);
        }),
        ("cutoffs", |manifest| manifest["cutoffs"] = json!(null)),
        ("parts", |manifest| manifest["parts"][0]["rows"] = json!(1)),
        ("inputs", |manifest| {
            manifest["inputs"][0]["bytes"] = json!(1);
        }),
        ("quarantine", |manifest| {
            manifest["quarantine"] = json!([{}]);
        }),
        ("action_inputs", |manifest| {
            manifest["action_inputs"]["files"] = json!(9);
        }),
        ("counts", |manifest| manifest["counts"]["items"] = json!(9)),
    ];
    for (name, change) in changes {
        let set = Set::new(JobKind::Sequences);
        set.change_manifest("dt=2025-08-15/_manifest.json", change);
        let problems = set.problems();
        let is_told = |problem: &String| {
            problem.starts_with("dt=2025-08-15/_manifest.json") && problem.contains(name)
        };
        assert!(problems.iter().any(is_told), "{name}: {problems:?}");
    }
    for job_kind in JobKind::ALL {
        for name in [
            "made_by",
            "job",
            "of",
            "settings",
            "counts",
            "days",
            "parts",
            "inputs",
            "quarantine",
        ] {
            if (job_kind, name) == (JobKind::Dwell, "days") {
                continue;
            }
            let set = Set::new(job_kind);
            set.change_manifest("_manifest.json", |manifest| manifest[name] = json!(7));
            let problems = set.problems();
            assert!(!problems.is_empty(), "{name}");
        }
    }
}

#[test]
fn counts_that_are_mended_to_lie_are_told() {
    for (job_kind, path) in [
        (JobKind::Sequences, "dt=2025-08-15/part-00000.parquet"),
        (JobKind::Features, "date=2024-01-10/part-00000.parquet"),
    ] {
        for (name, said) in [("rows", "rows, found"), ("row_groups", "row groups, found")] {
            let set = Set::new(job_kind);
            let (day, part) = path.split_once('/').expect("a folder");
            let lie = |manifest: &mut serde_json::Value, part: &str| {
                for file in manifest["parts"].as_array_mut().expect("parts") {
                    if file["path"] == part {
                        file[name] = json!(77);
                    }
                }
            };
            set.change_manifest("_manifest.json", |manifest| lie(manifest, path));
            set.change_manifest(&format!("{day}/_manifest.json"), |manifest| {
                lie(manifest, part);
            });
            let problems = set.problems();
            assert!(
                problems.iter().any(|problem| problem.contains(said)),
                "{problems:?}"
            );
        }
    }
}

#[test]
fn a_part_with_other_columns_is_told_though_its_checksum_is_mended() {
    for (job_kind, one, other) in [
        (
            JobKind::Sequences,
            "dt=2025-08-15/part-00000.parquet",
            JobKind::Features,
        ),
        (
            JobKind::Features,
            "date=2024-01-10/part-00000.parquet",
            JobKind::Sequences,
        ),
        (JobKind::Dwell, "merchant.parquet", JobKind::Sequences),
    ] {
        let (set, from) = (Set::new(job_kind), Set::new(other));
        let part = from
            .files()
            .into_iter()
            .find(|path| path.ends_with("part-00000.parquet"));
        let part = from.out().join(part.expect("a part"));
        fs::copy(part, set.out().join(one)).expect("a copy");
        set.mend(one);
        let problems = set.problems();
        assert!(
            problems.iter().any(|problem| problem.contains("columns")),
            "{problems:?}"
        );
    }
}

#[test]
fn parquet_that_was_damaged_and_mended_ends_with_a_word_not_a_panic() {
    let set = Set::new(JobKind::Sequences);
    let path = "dt=2025-08-15/part-00000.parquet";
    let whole = fs::read(set.out().join(path)).expect("a part");
    for at in 0..whole.len() {
        set.change(Path::new(path), |bytes| {
            bytes.clone_from(&whole);
            bytes[at] ^= 0x55;
        });
        set.mend(path);
        // Whether it can still be read or not, nothing worse than a problem comes of it.
        drop(set.problems());
    }
}

#[test]
fn what_is_no_set_is_no_input() {
    let set = Set::inputs(JobKind::Sequences);
    let is_no_input = |out: PathBuf| {
        let settings = VerifySettings {
            out,
            ..VerifySettings::default()
        };
        let error = verify(&settings, &RunContext::default()).expect_err("no set");
        assert!(matches!(error.kind(), ErrorKind::NoInput { .. }), "{error}");
        assert_eq!(error.exit_code(), 66);
    };
    is_no_input(set.out());
    is_no_input(set.dir());
    is_no_input(set.dir().join("clicks.csv"));
}
