//! `hitherto dwell` from outside: what it makes, what it refuses, and with which words.

use std::fs;
use std::path::Path;
use std::process::Command;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

use crate::shop::{Run, names, run, scratch, snapshot};

/// A folder for input and output.
fn folder() -> TempDir {
    scratch()
}

/// Runs `hitherto` in a folder.
pub(crate) fn hitherto(folder: &Path, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
    run(command.args(arguments).current_dir(folder))
}

/// Runs `hitherto dwell INPUT --out out` with more flags on a file that holds `text`.
fn dwell(folder: &Path, name: &str, text: &str, flags: &[&str]) -> Run {
    fs::write(folder.join(name), text).expect("a file");
    hitherto(folder, &[&["dwell", name, "--out", "out"], flags].concat())
}

/// A file of the output.
fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join("out").join(name)).expect("a file of the output")
}

/// The header of events.
const HEADER: &str = "timestamp,user_id,event,flyer_id,merchant_id\n";
/// Some events, in no order.
const EVENTS: &str = "\
2018-10-01T13:00:30-04:00,u2,item_open,f1,\"Shop, Inc\"
2018-10-01T13:00:00-04:00,u2,flyer_open,f1,\"Shop, Inc\"
2018-10-01T12:00:00-04:00,u1,flyer_open,null,m
2018-10-01T12:00:09-04:00,u1,shopping_list_open,,
2018-10-01T23:59:59-04:00,u1,flyer_open,f2,m
";

/// Events with a header.
fn events() -> String {
    format!("{HEADER}{EVENTS}")
}

#[test]
fn both_tables_are_there_as_csv_and_parquet_with_a_manifest() {
    let folder = folder();
    let run = dwell(folder.path(), "events.csv", &events(), &["--stats", "json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for text in [
        "2 users",
        "2 merchants",
        "5 events (4 that open",
        "2018-10-01",
    ] {
        assert!(run.stderr.contains(text), "no {text:?} in {}", run.stderr);
    }
    let expected = [
        "_SUCCESS",
        "_manifest.json",
        "_metrics.json",
        "merchant.csv",
        "merchant.parquet",
        "user_merchant.csv",
        "user_merchant.parquet",
    ];
    assert_eq!(names(&folder.path().join("out")), expected);
    let table = "user_id,merchant_id,date,avg_seconds,flyers,events\n\
                 u1,m,2018-10-01,21599.5,2,2\n\
                 u2,\"Shop, Inc\",2018-10-01,15.0,1,2\n";
    assert_eq!(read(folder.path(), "user_merchant.csv"), table);
    let table = "merchant_id,date,users,avg_seconds,p50_seconds,p95_seconds\n\
                 \"Shop, Inc\",2018-10-01,1,15.0,15.0,15.0\n\
                 m,2018-10-01,1,21599.5,21599.5,21599.5\n";
    assert_eq!(read(folder.path(), "merchant.csv"), table);
    let manifest: Value =
        serde_json::from_str(&read(folder.path(), "_manifest.json")).expect("JSON");
    assert_eq!(manifest["job"], "dwell");
    assert_eq!(manifest["settings"]["method"], "span");
    assert_eq!(manifest["counts"]["events"], 5);
    assert_eq!(manifest["parts"].as_array().map(Vec::len), Some(4));
    assert_eq!(manifest["parts"][1]["path"], "user_merchant.parquet");
    assert_eq!(manifest["inputs"][0]["path"], "events.csv");
    let stats: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(stats["user_merchant_rows"], 2);
}

#[test]
fn sessions_and_their_timeout_are_flags() {
    let folder = folder();
    let flags = ["--method", "session", "--idle-timeout", "9s"];
    let run = dwell(folder.path(), "events.csv", &events(), &flags);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let table = read(folder.path(), "user_merchant.csv");
    assert!(table.contains("u1,m,2018-10-01,4.5,2,2\n"), "{table}");
    assert!(table.contains(",2018-10-01,0.0,1,2\n"), "{table}");
}

#[test]
fn columns_may_have_other_names_and_lists_name_files() {
    let folder = folder();
    let text = events()
        .replace("user_id", "account")
        .replace("timestamp", "at");
    fs::write(folder.path().join("log.csv"), text).expect("a file");
    fs::write(folder.path().join("list"), "log.csv\n").expect("a file");
    let columns = "events.user_id=account,events.timestamp=at";
    let flags = [
        "dwell",
        "--files-from",
        "events=list",
        "--out",
        "out",
        "--columns",
        columns,
    ];
    let run = hitherto(folder.path(), &flags);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(read(folder.path(), "user_merchant.csv").contains("u1,m,"));
}

#[test]
fn bad_rows_are_named_with_file_row_and_column() {
    let row = |bad: &str| format!("{HEADER}2018-10-01T00:00:00Z,u,list_flyers,,\n{bad}\n");
    for (bad, column, said) in [
        ("soon,u,list_flyers,,", "timestamp", "\"soon\""),
        (",u,list_flyers,,", "timestamp", "null"),
        ("1538400000,u,list_flyers,,", "timestamp", "--time-unit"),
        ("2018-10-01,u,,,", "event", "null"),
    ] {
        for flags in [&[][..], &["--method", "session"]] {
            let folder = folder();
            let run = dwell(folder.path(), "events.csv", &row(bad), flags);
            let place = format!("row 2, column \"{column}\", of \"events.csv\"");
            run.assert_failed(65, &[&place, said, "--on-bad-row quarantine"]);
            assert_eq!(names(folder.path()), ["events.csv"]);
            let flags = [flags, &["--on-bad-row", "quarantine", "--allow-unused"]].concat();
            let run = dwell(folder.path(), "events.csv", &row(bad), &flags);
            assert_eq!(run.code, 0, "{bad}: {}", run.stderr);
            assert!(run.stderr.contains("1 rows rejected"), "{}", run.stderr);
            let set_aside = quarantined(folder.path());
            assert_eq!(set_aside[0][..4], ["events", "events.csv", "2", column]);
            assert!(set_aside[0][5].contains('u'), "{set_aside:?}");
        }
    }
    let folder = folder();
    let text = row("soon,u,flyer_open,,m") + "soon,u,flyer_open,,m\n";
    let flags = ["--on-bad-row", "quarantine", "--max-bad-rows", "1"];
    let run = dwell(folder.path(), "events.csv", &text, &flags);
    run.assert_failed(65, &["more than 1 rows", "--max-bad-rows"]);
}

/// The quarantined rows: source, file, row, column, reason, record.
fn quarantined(folder: &Path) -> Vec<Vec<String>> {
    let quarantine = folder.join("out/_quarantine");
    let name = &names(&quarantine)[0];
    let file = fs::File::open(quarantine.join(name)).expect("a file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .expect("Parquet")
        .build();
    let mut rows = Vec::new();
    for batch in reader.expect("a reader") {
        let batch = batch.expect("rows");
        let options = FormatOptions::default();
        for row in 0..batch.num_rows() {
            let value = |column| {
                let format = ArrayFormatter::try_new(column, &options).expect("a format");
                format.value(row).to_string()
            };
            rows.push(batch.columns().iter().map(|column| value(column)).collect());
        }
    }
    rows
}

#[test]
fn faults_of_files_are_always_fatal() {
    for (name, text, said) in [
        (
            "events.csv",
            "timestamp,user_id,event,flyer_id\n2018-10-01T12:00:00Z,u,x,f\n",
            "expected a column \"merchant_id\"",
        ),
        (
            "events.csv",
            "timestamp,user_id,event,flyer_id,merchant_id\n2018",
            "cut short in row 1",
        ),
        (
            "events.ndjson",
            "{\"user_id\": \"u\", \"event\": \"x\", \"flyer_id\": null}\n",
            "\"timestamp\"",
        ),
        ("events.json", "[{", "no JSON array"),
        ("events.parquet", "PAR1PAR1", "expected a Parquet file"),
        ("events", "what is this", "neither its content nor its name"),
    ] {
        for flags in [&[][..], &["--on-bad-row", "quarantine"]] {
            let folder = folder();
            let run = dwell(folder.path(), name, text, flags);
            run.assert_failed(65, &[name, said]);
            assert_eq!(names(folder.path()), [name]);
        }
    }
}

#[test]
fn text_files_of_any_name_are_known_by_their_header() {
    let folder = folder();
    let run = dwell(folder.path(), "events", &events(), &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn what_makes_no_sense_is_2_and_what_is_not_there_66() {
    let folder = folder();
    fs::write(folder.path().join("events.csv"), events()).expect("a file");
    for (flags, said) in [
        (&["--out", "out"][..], "no events to read"),
        (&["events.csv"], "--out"),
        (
            &["events.csv", "--out", "out", "--method", "guess"],
            "session",
        ),
        (
            &["events.csv", "--out", "out", "--divide-by", "zero"],
            "flyers",
        ),
        (
            &["events.csv", "--out", "out", "--idle-timeout", "0s"],
            "--idle-timeout",
        ),
        (
            &["events.csv", "--out", "out", "--idle-timeout", "30"],
            "number and a unit",
        ),
        (
            &["events.csv", "--out", "out", "--columns", "events.sku=x"],
            "timestamp, user_id",
        ),
        (
            &[
                "events.csv",
                "--out",
                "out",
                "--columns",
                "clicks.user_id=x",
            ],
            "dwell reads no clicks",
        ),
        (
            &["events.csv", "--out", "out", "--files-from", "events=list"],
            "named twice",
        ),
        (
            &[
                "events.csv",
                "--out",
                "out",
                "--from",
                "2025-08-16",
                "--to",
                "2025-08-15",
            ],
            "is after --to",
        ),
        (
            &["events.csv", "--out", "out", "--timezone", "Mars"],
            "Mars",
        ),
    ] {
        let run = hitherto(folder.path(), &[&["dwell"], flags].concat());
        run.assert_failed(2, &[said]);
    }
    let run = hitherto(folder.path(), &["dwell", "other.csv", "--out", "out"]);
    run.assert_failed(66, &["no such file or folder: \"other.csv\""]);
    let run = hitherto(
        folder.path(),
        &["sequences", "--columns", "events.user_id=x", "--out", "out"],
    );
    run.assert_failed(2, &["no impressions"]);
    assert_eq!(names(folder.path()), ["events.csv"]);
}

#[test]
fn an_output_is_replaced_only_by_flag_and_only_if_dwell_made_it() {
    let folder = folder();
    dwell(folder.path(), "events.csv", &events(), &[]);
    let before = snapshot(&folder.path().join("out"));
    let run = dwell(
        folder.path(),
        "events.csv",
        &events(),
        &["--method", "session"],
    );
    run.assert_failed(73, &["it exists", "--overwrite"]);
    assert_eq!(snapshot(&folder.path().join("out")), before);
    let run = dwell(folder.path(), "events.csv", &events(), &["--overwrite"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        snapshot(&folder.path().join("out")),
        before,
        "the same bytes"
    );
    let manifest = read(folder.path(), "_manifest.json").replace("\"dwell\"", "\"sequences\"");
    fs::write(folder.path().join("out/_manifest.json"), manifest).expect("a file");
    let run = dwell(folder.path(), "events.csv", &events(), &["--overwrite"]);
    run.assert_failed(73, &["did not make it"]);
}

#[test]
fn ids_of_two_types_need_a_flag_that_says_so() {
    let folder = folder();
    let text = "{\"timestamp\": \"2018-10-01\", \"user_id\": 7, \"event\": \"item_open\", \
                \"flyer_id\": 1, \"merchant_id\": \"m2\"}\n";
    let run = dwell(
        folder.path(),
        "events.ndjson",
        text,
        &["--id-type", "int64"],
    );
    run.assert_failed(65, &["row 1, column \"merchant_id\"", "--id-type string"]);
    let run = dwell(folder.path(), "events.ndjson", text, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(read(folder.path(), "user_merchant.csv").ends_with("7,m2,2018-10-01,0.0,1,1\n"));
}

#[test]
fn too_little_memory_is_said() {
    let folder = folder();
    let line = |n: u32| format!("2018-10-01T00:00:00Z,user-{n:060},flyer_open,f{n},m{n}\n");
    let text: String = (0..20_000).map(line).collect();
    let flags = ["--memory", "1MB", "--threads", "1"];
    let run = dwell(
        folder.path(),
        "events.csv",
        &format!("{HEADER}{text}"),
        &flags,
    );
    run.assert_failed(
        70,
        &["MiB of memory", "raise --memory, or read fewer files"],
    );
    assert_eq!(names(folder.path()), ["events.csv"]);
}

#[test]
fn help_has_examples_and_defaults() {
    let folder = folder();
    let run = hitherto(folder.path(), &["dwell", "--help"]);
    assert_eq!(run.code, 0);
    for text in [
        "Examples:",
        "--idle-timeout",
        "[default: 30m]",
        "[default: span]",
        "Exit codes:",
    ] {
        assert!(run.stdout.contains(text), "no {text:?}");
    }
}

#[test]
fn events_can_be_generated_and_the_shop_still_is() {
    let folder = folder();
    let flags = [
        "--events", "500", "--users", "20", "--format", "csv", "--stats", "json",
    ];
    let run = hitherto(
        folder.path(),
        &[&["generate", "dwell", "flyers"], &flags[..]].concat(),
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let stats: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(
        (&stats["events"], &stats["files"]),
        (&500.into(), &1.into())
    );
    let run = hitherto(folder.path(), &["dwell", "flyers", "--out", "out"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = hitherto(folder.path(), &["generate", "dwell", "flyers"]);
    run.assert_failed(73, &["not empty"]);
    let run = hitherto(
        folder.path(),
        &["generate", "dwell", "more", "--users", "0"],
    );
    run.assert_failed(2, &["--users is 0"]);
    let small = [
        "--impressions",
        "5",
        "--actions",
        "9",
        "--customers",
        "3",
        "--items",
        "9",
    ];
    let run = hitherto(folder.path(), &[&["generate", "shop"], &small[..]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = hitherto(folder.path(), &["generate"]);
    run.assert_failed(2, &["DIR"]);
}

#[test]
fn a_job_file_gives_names_of_events_a_role_and_asks_for_tables_by_day() {
    let folder = folder();
    let folder = folder.path();
    let text = "\
timestamp,user_id,event,flyer_id,merchant_id
2025-08-15T10:00:00Z,u,page_view,f,m
2025-08-15T10:00:20Z,u,heartbeat,,
2025-08-15T10:01:00Z,u,leave,f,m
2025-08-15T23:59:50Z,u,page_view,g,m
2025-08-16T00:00:20Z,u,search,,
";
    fs::write(folder.join("events.csv"), text).expect("a file");
    // Without roles nothing counts, and the message says what was found and what helps.
    let run = hitherto(folder, &["dwell", "events.csv", "--out", "out"]);
    assert_eq!(run.code, 65);
    for said in ["found `page_view` 2", "--opens NAMES"] {
        assert!(run.stderr.contains(said), "no {said} in: {}", run.stderr);
    }
    let job = "\
job = \"dwell\"
method = \"session\"
opens = \"page_view\"
closes = [\"leave\", \"close\"]
ignores = \"heartbeat\"
with_tables = [\"user\", \"flyer\"]
by_day = true
[sources.events]
path = \"events.csv\"
";
    fs::write(folder.join("job.toml"), job).expect("a file");
    let run = hitherto(folder, &["dwell", "--job", "job.toml", "--out", "out"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for said in ["1 of names without a role", "1 ignored"] {
        assert!(run.stderr.contains(said), "no {said} in: {}", run.stderr);
    }
    let first = read(folder, "date=2025-08-15/user.csv");
    assert_eq!(first, "user_id,avg_seconds,flyers,events\nu,35.0,2,2\n");
    let second = read(folder, "date=2025-08-16/flyer.csv");
    let header = "flyer_id,users,avg_seconds,p50_seconds,p95_seconds";
    assert_eq!(second, format!("{header}\ng,1,20.0,20.0,20.0\n"));
    let head = hitherto(
        folder,
        &["head", "out", "--table", "flyer", "--date", "2025-08-16"],
    );
    assert!(
        head.code == 0 && head.stdout.contains("20"),
        "{}",
        head.stdout
    );
    let verified = hitherto(folder, &["verify", "out", "--audit-rows", "all"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    // The manifest makes the set again.
    let again = ["dwell", "--job", "out/_manifest.json", "--out", "again"];
    let run = hitherto(folder, &again);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for table in ["user_merchant.csv", "user.parquet", "flyer.parquet"] {
        let of = |set: &str| fs::read(folder.join(set).join("date=2025-08-15").join(table));
        assert_eq!(of("again").expect("a file"), of("out").expect("a file"));
    }
    // A table that was not asked for is not there.
    let plain = [
        "dwell",
        "events.csv",
        "--out",
        "plain",
        "--opens",
        "page_view",
    ];
    assert_eq!(hitherto(folder, &plain).code, 0);
    assert_eq!(
        hitherto(folder, &["head", "plain", "--table", "user"]).code,
        66
    );
}

#[test]
fn a_name_of_events_has_one_role() {
    let folder = folder();
    for (flags, said) in [
        (
            &["--opens", "a,b", "--closes", "b"][..],
            "\"b\" is in --opens and in --closes",
        ),
        (
            &["--opens", "a", "--ignores", "a"],
            "\"a\" is in --opens and in --ignores",
        ),
        (
            &["--with-tables", "user,user"],
            "--with-tables names a table twice",
        ),
    ] {
        let run = dwell(folder.path(), "events.csv", &events(), flags);
        assert!(run.code == 2 && run.stderr.contains(said), "{}", run.stderr);
    }
}
