//! Real inputs against the reference, and hand-computed rows of the small ones.
//!
//! The files are read here with `serde_json` and a split at commas, not by the engine.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use hitherto::reference::{LogAction, LogImpression, LogTime, Sample, sequences};
use hitherto::{GenerateSettings, JobKind, RunContext, Settings, Source, generate, parse_day};
use serde_json::{Value, json};

use crate::metrics::assert_alike;
use crate::support::{Case, run, samples, scratch};

/// A folder of the repository's own copies of small real inputs.
fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}

/// A folder of real inputs that are too large to copy, or nothing, said loudly.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data")
        .join(name);
    if !path.exists() {
        writeln!(std::io::stderr(), "SKIPPED: {} is not here", path.display()).expect("a line");
        return None;
    }
    Some(path)
}

/// The records of a file of CSV, NDJSON, or one JSON array, as JSON objects.
fn records(path: &Path) -> Vec<Value> {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => {
            let mut lines = text.lines();
            let names: Vec<&str> = lines.next().expect("a header").split(',').collect();
            lines.map(|line| csv_record(&names, line)).collect()
        }
        _ if text.trim_start().starts_with('[') => serde_json::from_str(&text).expect("an array"),
        _ => text
            .lines()
            .map(|line| serde_json::from_str(line).expect("an object"))
            .collect(),
    }
}

/// A line of CSV: commas part fields, but in the last, which may be quoted.
fn csv_record(names: &[&str], line: &str) -> Value {
    let mut object = serde_json::Map::new();
    for (name, field) in names.iter().zip(line.splitn(names.len(), ',')) {
        let field = field.trim_matches('"').replace("\"\"", "\"");
        let value = match *name {
            "impressions" => serde_json::from_str(&field).expect("an array"),
            _ => field
                .parse::<i64>()
                .map_or_else(|_| Value::from(field.clone()), Value::from),
        };
        object.insert((*name).to_owned(), value);
    }
    Value::Object(object)
}

/// A customer as text.
fn customer(record: &Value) -> Option<String> {
    record["customer_id"].as_i64().map(|id| id.to_string())
}

/// A time of a log: a date, or a moment of UTC.
fn time(value: &Value) -> LogTime {
    let text = value.as_str().expect("a text");
    if text.len() == 10 {
        return LogTime::Date(parse_day(text).expect("a day").0);
    }
    let zoned = text.replace(' ', "T").trim_end_matches('Z').to_owned() + "Z";
    let at: jiff::Timestamp = zoned.parse().expect("a time");
    LogTime::Instant(at.as_microsecond())
}

/// The actions of a file.
fn actions(source: Source, path: &Path) -> Vec<LogAction> {
    let at = Source::ACTIONS
        .iter()
        .position(|own| *own == source)
        .expect("an action");
    let kind = u8::try_from(at + 1).expect("small");
    let action = |record: &Value| {
        let (item, when) = match source {
            Source::Clicks => (&record["item_id"], &record["click_time"]),
            _ if record["occurred_at"].is_string() => {
                (&record["config_id"], &record["occurred_at"])
            }
            _ => (&record["config_id"], &record["order_date"]),
        };
        let item = item.as_i64().expect("an item");
        LogAction {
            customer: customer(record),
            time: time(when),
            log: at,
            kind,
            item,
            available: None,
            attributes: Vec::new(),
        }
    };
    records(path).iter().map(action).collect()
}

/// The impressions of a file, of a day that the folder or the column tells.
fn impressions(path: &Path, folder: Option<&str>) -> Vec<LogImpression> {
    let impression = |record: &Value| {
        let shown = record["impressions"].as_array().expect("an array").iter();
        let day = folder.or_else(|| record["dt"].as_str()).expect("a day");
        LogImpression {
            customer: customer(record),
            day: parse_day(day).expect("a day").0,
            time: None,
            ranking: record["ranking_id"].as_str().expect("an id").to_owned(),
            items: shown
                .map(|item| {
                    (
                        item["item_id"].as_i64().expect("an item"),
                        item["is_order"].as_bool(),
                    )
                })
                .collect(),
            ..LogImpression::default()
        }
    };
    records(path).iter().map(impression).collect()
}

/// Runs a job and compares it with the reference; gives the samples, sorted.
fn check(case: &Case, mut settings: Settings) -> Vec<Sample> {
    let folder = scratch();
    settings.out = folder.path().join("out");
    settings.threads = 2;
    run(settings.clone()).expect("a run");
    let mut found = samples(&settings.out, &settings);
    found.sort();
    let mut expected = sequences(&case.rules, &case.shown, &case.log);
    expected.sort();
    assert!(
        found == expected,
        "{} rows found, {} expected",
        found.len(),
        expected.len()
    );
    found
}

/// A case of four files.
fn case_of(paths: &[(Source, PathBuf)], folder: Option<&str>) -> Case {
    let mut case = Case::new(vec![], vec![]);
    for (source, path) in paths {
        match source {
            Source::Impressions => case.shown.extend(impressions(path, folder)),
            _ => case.log.extend(actions(*source, path)),
        }
    }
    case
}

/// Four files of a folder, and the settings that name them.
fn named(dir: &Path, ending: &str) -> (Vec<(Source, PathBuf)>, Settings) {
    let path = |source: Source| dir.join(format!("{}{ending}", source.folder()));
    let sources = JobKind::Sequences.sources().iter();
    let paths: Vec<_> = sources.map(|source| (*source, path(*source))).collect();
    let texts = paths
        .iter()
        .map(|(source, path)| (*source, path.display().to_string()));
    let settings = Settings {
        paths: texts.collect(),
        ..Settings::default()
    };
    (paths, settings)
}

/// What matters of a sample: customer, ranking, item, label, history.
type Row<'a> = (&'a str, &'a str, i64, Option<bool>, &'a [(i64, u8)]);

/// The rows of samples.
fn rows(samples: &[Sample]) -> Vec<Row<'_>> {
    samples
        .iter()
        .map(|sample| {
            let customer = sample.customer.as_deref().unwrap_or("");
            (
                customer,
                sample.ranking.as_str(),
                sample.item,
                sample.is_order,
                &sample.history[..],
            )
        })
        .collect()
}

#[test]
fn the_small_csv_files_give_the_rows_computed_by_hand() {
    let dir = own("challenge-csv");
    let (paths, _) = named(&dir, ".csv");
    let settings = Settings {
        dir: Some(dir),
        ..Settings::default()
    };
    let found = check(&case_of(&paths, None), settings);
    // Orders of 2024-07-30 and -31: only the second is within 365 days of 2025-07-31.
    let expected: [Row<'_>; 3] = [
        ("1", "r1", 101, Some(false), &[(101, 1), (202, 2)]),
        ("1", "r1", 202, Some(false), &[(101, 1), (202, 2)]),
        ("2", "r2", 103, Some(true), &[(103, 1), (103, 3)]),
    ];
    assert_eq!(rows(&found), expected);
}

#[test]
fn the_thousand_csv_rows_equal_the_oracle() {
    let Some(dir) = shared("challenge-csv") else {
        return;
    };
    let (paths, settings) = named(&dir, "_1000.csv");
    let found = check(&case_of(&paths, None), settings);
    assert!(found.len() > 1000);
    assert!(found.iter().any(|sample| sample.history.len() > 5));
}

/// What `tests/readers/metrics.py ../shared/data/challenge-csv _1000` computes with DuckDB.
#[test]
fn the_thousand_csv_rows_have_the_metrics_of_another_engine() {
    let Some(dir) = shared("challenge-csv") else {
        return;
    };
    let folder = scratch();
    let (_, mut settings) = named(&dir, "_1000.csv");
    settings.out = folder.path().join("out");
    run(settings.clone()).expect("a run");
    let found = crate::metrics::read(&settings.out);
    let expected = json!({
        "samples": 2000,
        "zero_history_pct": 0.108,
        "avg_history_length": 2.4825,
        "truncated_pct": 0.0,
        "label_rate": 0.1015,
        "duplicate_actions_pct": 0.0,
        "tied_actions_pct": 0.0,
        "newest_action_age_mean_seconds": 3_119_328.878_923_767,
        "newest_action_age_max_seconds": 31_536_000,
        "action_type_distribution": {"0": 0.997_517_5, "1": 0.000_805, "2": 0.001_242, "3": 0.000_435_5},
        "real_action_type_distribution": {
            "1": 0.324_269_889_224_572, "2": 0.500_302_114_803_625_4, "3": 0.175_427_995_971_801_6
        },
        "sequence_length_distribution": {
            "0": 216, "1": 377, "2": 436, "3": 378, "4": 396, "5": 184, "6": 13
        },
        "action_type_frequency_by_position": [
            {"0": 0.108, "1": 0.0775, "2": 0.7155, "3": 0.099},
            {"0": 0.2965, "1": 0.4865, "2": 0.11, "3": 0.107},
            {"0": 0.5145, "1": 0.086, "2": 0.307, "3": 0.0925},
            {"0": 0.7035, "1": 0.155, "2": 0.0415, "3": 0.1},
            {"0": 0.9015, "2": 0.068, "3": 0.0305},
            {"0": 0.9935, "3": 0.0065},
            {"0": 1.0}, {"0": 1.0}, {"0": 1.0}, {"0": 1.0}
        ],
    });
    for (metric, expected) in expected.as_object().expect("an object") {
        assert_alike(&found[metric], expected, &metric);
    }
    let ages = found["newest_action_age_distribution"]
        .as_array()
        .expect("classes");
    let ages: Vec<u64> = ages
        .iter()
        .filter_map(|customer| customer["samples"].as_u64())
        .collect();
    assert_eq!(ages, [0, 0, 0, 336, 0, 298, 545, 381, 26, 0, 0, 0, 194, 4]);
}

#[test]
fn the_json_arrays_give_the_rows_computed_by_hand() {
    let dir = own("challenge-json");
    let (paths, _) = named(&dir, ".json");
    let settings = Settings {
        dir: Some(dir),
        ..Settings::default()
    };
    let found = check(&case_of(&paths, None), settings);
    let may_14 = [
        (502, 3),
        (402, 2),
        (203, 1),
        (401, 2),
        (202, 1),
        (201, 1),
        (501, 3),
    ];
    let may_15 = [&[(205, 1), (403, 2), (204, 1)], &may_14[..]].concat();
    let may_16 = [&[(206, 1)], &may_15[..]].concat();
    let other = [(503, 3), (302, 1), (301, 1)];
    let expected: [Row<'_>; 6] = [
        ("1", "12345", 101, Some(false), &may_14),
        ("1", "12345", 102, Some(false), &may_14),
        ("1", "12346", 103, Some(true), &may_15),
        ("2", "12347", 104, Some(false), &other),
        ("2", "12347", 105, Some(false), &other),
        ("1", "12348", 106, Some(false), &may_16),
    ];
    assert_eq!(rows(&found), expected);
}

#[test]
fn the_hive_day_gives_the_rows_computed_by_hand() {
    let dir = own("challenge-hive");
    let folder = scratch();
    let out = folder.path().join("out");
    let day = parse_day("2025-08-15");
    let settings = Settings {
        dir: Some(dir),
        from: day,
        to: day,
        out,
        ..Settings::default()
    };
    run(settings.clone()).expect("a run");
    let mut found = samples(&settings.out, &settings);
    found.sort();
    // All clicks and carts are of the day itself or later; one order of customer 101 is earlier.
    let expected: [Row<'_>; 3] = [
        ("101", "ranking-jkl-012", 8001, Some(false), &[(5002, 3)]),
        ("101", "ranking-jkl-012", 8002, Some(false), &[(5002, 3)]),
        ("104", "ranking-mno-345", 9001, Some(false), &[]),
    ];
    assert_eq!(rows(&found), expected);
}

#[test]
fn clicks_in_the_place_of_impressions_are_a_fault_of_their_file() {
    let dir = own("challenge-hive");
    let folder = scratch();
    let out = folder.path().join("out");
    let settings = Settings {
        dir: Some(dir),
        out: out.clone(),
        ..Settings::default()
    };
    let error = run(settings).expect_err("no impressions in it");
    assert_eq!(error.exit_code(), 65);
    let text = error.to_string();
    assert!(text.contains("dt=2025-08-16/part-00000.json"), "{text}");
    assert!(
        text.contains("\"impressions\"") && text.contains("no record"),
        "{text}"
    );
    assert!(!out.exists());
}

#[test]
fn the_shop_of_the_readme_equals_the_oracle() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/shop");
    let mut case = Case::new(vec![], vec![]);
    for day in ["2025-08-15", "2025-08-16"] {
        let path = dir.join(format!("impressions/dt={day}/part-0.ndjson"));
        case.shown.extend(impressions(&path, Some(day)));
    }
    for folder in fs::read_dir(dir.join("clicks")).expect("clicks") {
        let path = folder.expect("a day").path().join("part-0.csv");
        case.log.extend(actions(Source::Clicks, &path));
    }
    case.log
        .extend(actions(Source::Carts, &dir.join("add_to_carts.ndjson")));
    case.log
        .extend(actions(Source::Orders, &dir.join("previous_orders.json")));
    let found = check(
        &case,
        Settings {
            dir: Some(dir),
            ..Settings::default()
        },
    );
    assert_eq!(found.len(), 661);
}

#[test]
fn a_million_generated_actions_equal_the_oracle_in_every_format() {
    let folder = scratch();
    let generated = GenerateSettings {
        dir: folder.path().join("logs"),
        impressions: 300,
        actions: 1_000_000,
        customers: 3000,
        items: 5000,
        days: 2,
        history_days: 380,
        format: hitherto::Format::Ndjson,
        threads: 2,
        ..GenerateSettings::default()
    };
    generate(&generated, &RunContext::default()).expect("logs");
    let mut case = Case::new(vec![], vec![]);
    for source in JobKind::Sequences.sources() {
        for day in fs::read_dir(generated.dir.join(source.folder())).expect("days") {
            let day = day.expect("a day").path();
            let name = day
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let path = day.join("part-0.ndjson");
            match source {
                Source::Impressions => {
                    case.shown
                        .extend(impressions(&path, name.strip_prefix("dt=")));
                }
                _ => case.log.extend(actions(*source, &path)),
            }
        }
    }
    assert_eq!(case.log.len(), 1_000_000);
    let settings = |dir: &Path| Settings {
        dir: Some(dir.to_owned()),
        ..Settings::default()
    };
    let found = check(&case, settings(&generated.dir));
    assert!(found.iter().any(|sample| sample.history.len() == 1000));
    for format in [hitherto::Format::Parquet, hitherto::Format::Csv] {
        let dir = folder.path().join(format!("{format:?}"));
        generate(
            &GenerateSettings {
                dir: dir.clone(),
                format,
                ..generated.clone()
            },
            &RunContext::default(),
        )
        .expect("logs");
        assert!(check(&case, settings(&dir)) == found, "{format:?}");
    }
}
