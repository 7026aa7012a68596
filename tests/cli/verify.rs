//! `hitherto verify` from outside: exit codes, and what stands on which stream.

use std::fs;

use crate::shop::shop;

#[test]
fn a_sound_set_is_0_and_its_report_is_on_standard_output() {
    let shop = shop();
    shop.made(&[]);
    let run = shop.run_bare(&["verify", "out"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for said in ["out is sound", "sequences, 2 days", "xxh64"] {
        assert!(run.stdout.contains(said), "no {said:?} in {}", run.stdout);
    }
    let run = shop.run_bare(&["verify", "out", "--quiet"]);
    let streams = (run.stdout.as_str(), run.stderr.as_str());
    assert_eq!((run.code, streams), (0, ("", "")));
}

#[test]
fn what_is_not_sound_is_65_and_every_problem_is_named() {
    let shop = shop();
    shop.made(&[]);
    let part = shop.out().join("dt=2025-08-15/part-00000.parquet");
    let mut bytes = fs::read(&part).expect("a part");
    bytes[9] ^= 4;
    fs::write(&part, bytes).expect("a part");
    fs::write(shop.out().join("notes.txt"), "").expect("a file");
    fs::remove_file(shop.out().join("_SUCCESS")).expect("a file to remove");
    for flags in [&["verify", "out"][..], &["verify", "out", "--quiet"]] {
        let said = [
            "out/dt=2025-08-15/part-00000.parquet: expected bytes of XXH64",
            "out/notes.txt: a file that the manifest does not name",
            "out/_SUCCESS: it is missing",
            "3 problems",
        ];
        shop.run_bare(flags).assert_failed(65, &said);
    }
}

#[test]
fn what_is_no_set_is_66() {
    let shop = shop();
    for path in ["out", "shop", "shop/clicks.csv"] {
        shop.run_bare(&["verify", path]).assert_failed(66, &[path]);
    }
    let run = shop.run_bare(&["verify"]);
    assert_eq!(run.code, 2);
}

#[test]
fn an_audit_reports_what_it_looked_at_and_leaves_its_report() {
    let shop = shop();
    shop.made(&[]);
    let run = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for said in [
        "its rows are right",
        "5 of 5 rows recomputed",
        "kept",
        "_audit.json",
    ] {
        assert!(run.stdout.contains(said), "no {said:?} in {}", run.stdout);
    }
    assert!(shop.out().join("_audit.json").is_file());
    // It is known to what comes after it, and gone with what it was about.
    shop.made(&["--add-days", "--if-exists", "skip"]);
    assert_eq!(shop.run_bare(&["verify", "out"]).code, 0);
    shop.made(&["--overwrite"]);
    assert!(!shop.out().join("_audit.json").exists());
    let run = shop.run_bare(&["verify", "out", "--audit-rows", "many"]);
    assert_eq!(run.code, 2);
}

#[test]
fn explain_prints_a_table_or_a_json_object_a_line() {
    let shop = shop();
    shop.made(&[]);
    let run = shop.run_bare(&["explain", "out", "--ranking-id", "r1", "--quiet"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        lines[0],
        "ranking r1 of customer 1 on 2025-08-15, from shop/impressions.ndjson record 1"
    );
    assert!(
        lines[1].starts_with("cutoff 2025-08-15T00:00:00Z"),
        "{}",
        lines[1]
    );
    assert!(lines[3].contains("after the cutoff"), "{}", lines[3]);
    assert!(lines[4].contains("kept at position 0"), "{}", lines[4]);
    let flags = ["--customer", "1", "--date", "2025-08-15", "--json"];
    let run = shop.run_bare(&[&["explain", "out"][..], &flags].concat());
    let objects = run
        .stdout
        .lines()
        .map(serde_json::from_str::<serde_json::Value>);
    let fates: Vec<_> = objects
        .map(|object| object.expect("JSON")["fate"].clone())
        .collect();
    assert_eq!(fates.len(), 4, "{}", run.stdout);
    for (flags, code) in [
        (&["--ranking-id", "r9"][..], 66),
        (&["--customer", "1"], 2),
        (&["--date", "2025-08-15"], 2),
        (&[], 2),
    ] {
        let run = shop.run_bare(&[&["explain", "out"][..], flags].concat());
        assert_eq!(run.code, code, "{flags:?}: {}", run.stderr);
    }
}
