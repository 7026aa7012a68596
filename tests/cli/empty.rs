//! Files without rows: they are no rows, whatever their format, their name, or the columns they lack.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::encode::{encode, gz, zst};
use crate::shop::{NAMED, SOURCES, Shop, names, rows, shop};

/// Parquet files of no rows, as the tools of their names write them.
const PARQUET: [&str; 8] = [
    "duckdb",
    "fastparquet",
    "pandas",
    "pandas_no_columns",
    "polars",
    "pyarrow",
    "spark",
    "spark_empty_group",
];

/// One of those files.
fn parquet(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/empty");
    fs::read(folder.join(format!("{name}.parquet"))).expect("a file")
}

/// Every kind of file without rows: an ending, and what is in it.
fn empty_files() -> Vec<(String, Vec<u8>)> {
    let texts = [
        "csv", "ndjson", "jsonl", "json", "parquet", "csv.gz", "json.gz", "gz", "csv.zst", "txt",
        "",
    ];
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for ending in texts {
        files.push((ending.to_owned(), Vec::new()));
        files.push((ending.to_owned(), b"\n".to_vec()));
        files.push((ending.to_owned(), gz(b"")));
        files.push((ending.to_owned(), zst(b"")));
        files.push((ending.to_owned(), gz(b" \r\n\t\n")));
    }
    for (ending, bytes) in [
        ("csv", &b"\xef\xbb\xbf"[..]),
        ("csv", b"customer_id,item_id,click_time\n"),
        ("csv", b"customer_id,item_id,click_time\r\n\r\n"),
        ("csv", b"\xef\xbb\xbf\"one\",two\n"),
        ("csv", b"\"\"\n"),
        ("json", b"[]"),
        ("json", b" [ \n ]\n"),
        ("", b"[]"),
    ] {
        files.push((ending.to_owned(), bytes.to_vec()));
        files.push((format!("{ending}.gz"), gz(bytes)));
    }
    let whitespace = vec![b'\n'; 200_000];
    files.push(("ndjson".to_owned(), whitespace));
    for name in PARQUET {
        files.push(("parquet".to_owned(), parquet(name)));
        files.push((String::new(), parquet(name)));
    }
    files
}

/// The name of a file with an ending.
fn named(folder: &str, at: usize, ending: &str) -> String {
    match ending {
        "" => format!("{folder}/part-{at:03}"),
        ending => format!("{folder}/part-{at:03}.{ending}"),
    }
}

/// A shop whose sources lie in folders, in one format.
fn in_folders(format: &str) -> Shop {
    let shop = shop();
    for (source, _) in SOURCES {
        shop.remove(source);
        let name = format!("{source}/part-500.{format}");
        shop.put(&name, encode(format, &rows(source)));
    }
    shop
}

/// The manifest of the output.
fn manifest(shop: &Shop) -> Value {
    let text = fs::read(shop.out().join("_manifest.json")).expect("a manifest");
    serde_json::from_slice(&text).expect("JSON")
}

/// Checks the output with all rows audited.
#[track_caller]
fn verified(shop: &Shop) {
    let run = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn files_without_rows_beside_others_change_nothing_but_a_count() {
    for format in ["csv", "ndjson", "json", "parquet"] {
        let plain = in_folders(format);
        plain.made(&[]);
        assert_eq!(manifest(&plain)["empty_inputs"], 0);
        let shop = in_folders(format);
        let files = empty_files();
        for (source, _) in SOURCES {
            for (at, (ending, bytes)) in files.iter().enumerate() {
                // Some before the file with rows, some behind it.
                shop.put(&named(source, at * 7, ending), bytes);
            }
        }
        shop.made(&[]);
        assert_eq!(shop.samples(), plain.samples(), "{format}");
        let manifest = manifest(&shop);
        let inputs = manifest["inputs"].as_array().expect("a list");
        let count = SOURCES.len() * files.len();
        assert_eq!(manifest["empty_inputs"], count, "{format}");
        assert_eq!(inputs.len(), count + SOURCES.len());
        let is_empty = |input: &&Value| input["rows"] == 0;
        assert_eq!(inputs.iter().filter(is_empty).count(), count);
        verified(&shop);
        let run = shop.run_bare(&["explain", "out", "--ranking-id", "r1"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let run = shop.run_bare(&["plan", "sequences", "shop", "--out", "other"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
}

#[test]
fn each_kind_of_file_without_rows_is_read_when_it_is_named() {
    for (at, (ending, bytes)) in empty_files().iter().enumerate() {
        let shop = shop();
        let name = named("log", at, ending);
        shop.put(&name, bytes);
        let path = format!("shop/{name}");
        let flags = [
            &NAMED[..],
            &["--carts", "shop/add_to_carts.json", "--clicks", &path],
        ];
        let run = shop.run_bare(&flags.concat());
        assert_eq!(run.code, 0, "{name} {bytes:?}: {}", run.stderr);
        assert_eq!(manifest(&shop)["empty_inputs"], 1, "{name} {bytes:?}");
        verified(&shop);
    }
}

#[test]
fn an_empty_row_group_between_others_is_passed_over() {
    let shop = shop();
    shop.replace("clicks", "parquet", parquet("between"));
    shop.made(&[]);
    assert_eq!(shop.samples()[0], "r1 0 11 true [21, 31, 41, 0]");
    assert_eq!(manifest(&shop)["empty_inputs"], 0);
    verified(&shop);
}

#[test]
fn types_that_files_must_have_are_not_required_of_files_without_rows() {
    // By path, they come before and behind the file that has rows and types.
    let shop = in_folders("parquet");
    let priced: Vec<Value> = rows("clicks")
        .into_iter()
        .map(|mut row| {
            row["price"] = json!(3.5);
            row
        })
        .collect();
    shop.put("clicks/part-500.parquet", encode("parquet", &priced));
    let mut impressions = rows("impressions");
    for row in &mut impressions {
        row["surface"] = json!("home");
    }
    shop.put(
        "impressions/part-500.parquet",
        encode("parquet", &impressions),
    );
    for name in ["part-000", "part-900"] {
        for (source, _) in SOURCES {
            let bytes = parquet("pandas_no_columns");
            shop.put(&format!("{source}/{name}.parquet"), bytes);
            shop.put(&format!("{source}/{name}.csv"), "");
        }
    }
    shop.made(&["--with", "price", "--keep", "surface"]);
    let run = shop.run_bare(&["head", "out", "--json", "-n", "1"]);
    assert!(run.stdout.contains("\"price\":[3.5,"), "{}", run.stdout);
    verified(&shop);
}

#[test]
fn sources_of_nothing_but_empty_files_are_made_without_them() {
    let shop = in_folders("ndjson");
    for (source, _) in &SOURCES[1..] {
        shop.remove(source).put(&format!("{source}/a.csv"), "");
        shop.put(&format!("{source}/b.parquet"), parquet("spark"));
    }
    let run = shop.run(&[]);
    assert!([0, 65].contains(&run.code), "{}", run.stderr);
    let run = shop.run_bare(&["plan", "sequences", "shop", "--out", "other"]);
    assert!([0, 65].contains(&run.code), "{}", run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn a_row_alone_is_not_taken_for_a_header() {
    for text in ["1,21,2025-08-14\n", "a,b,2025-08-14 10:00:00\n"] {
        let shop = shop();
        shop.replace("clicks", "csv", text);
        let said = [
            "clicks.csv",
            "it has no header",
            "--source clicks.header=c1,c2,c3",
        ];
        shop.refuses(&[], 65, &said);
    }
    // Half a header is the beginning of a file, and not all of it.
    let shop = shop();
    shop.replace("clicks", "csv", "customer_id,item");
    shop.refuses(&[], 65, &["clicks.csv", "item_id"]);
}

#[test]
fn the_other_jobs_read_files_without_rows_too() {
    let shop = shop();
    for (source, _) in SOURCES {
        shop.remove(source);
    }
    let impressions = [
        json!({"impression_id": 1, "user_id": 7, "listing_id": 1, "impression_ts": "2024-01-10 12:00:00"}),
    ];
    let clicks = [json!({"user_id": 7, "listing_id": 1, "click_ts": "2024-01-10 11:30:00"})];
    let listings =
        [json!({"listing_id": 1, "category": "toys", "price": 5, "created_ts": "2024-01-01"})];
    let events = [
        json!({"timestamp": "2018-10-01T13:00:30-04:00", "user_id": 2, "event": "flyer_open",
                         "flyer_id": 1, "merchant_id": 3}),
    ];
    let sources = [
        ("impressions", &impressions[..]),
        ("clicks", &clicks),
        ("listings", &listings),
        ("events", &events),
    ];
    for (source, rows) in sources {
        shop.put(
            &format!("{source}/part-500.parquet"),
            encode("parquet", rows),
        );
    }
    let jobs = [
        &["features", "shop", "--out", "out"][..],
        &["dwell", "shop/events", "--out", "out"],
    ];
    for job in jobs {
        let run = shop.run_bare(job);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(manifest(&shop)["empty_inputs"], 0);
        fs::remove_dir_all(shop.out()).expect("removed");
    }
    let files = empty_files();
    for (source, _) in sources {
        for (at, (ending, bytes)) in files.iter().enumerate() {
            shop.put(&named(source, at * 7, ending), bytes);
        }
    }
    for (job, sources) in jobs.iter().zip([3, 1]) {
        let run = shop.run_bare(job);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(manifest(&shop)["empty_inputs"], sources * files.len());
        verified(&shop);
        let planned = [&["plan"], *job].concat();
        let planned: Vec<&str> = planned
            .iter()
            .map(|word| if *word == "out" { "o" } else { word })
            .collect();
        let run = shop.run_bare(&planned);
        assert_eq!(run.code, 0, "{}", run.stderr);
        fs::remove_dir_all(shop.out()).expect("removed");
    }
}

#[test]
fn copies_in_progress_are_not_read_from_folders_and_globs() {
    let copies = [
        "a.csv.tmp",
        "a.csv.PART",
        "a.csv.partial",
        "a.csv.crdownload",
        "a.csv.inprogress",
        "a.csv.inprogress.1f-2",
        "_temporary/0/a.csv",
    ];
    let shop = shop();
    let text = encode("csv", &rows("clicks"));
    shop.remove("clicks").put("clicks/part.csv", &text);
    for copy in copies {
        shop.put(&format!("clicks/{copy}"), "rubbish");
    }
    let said = "clicks in folders and globs: 7 look like copies in progress";
    let run = shop.made(&[]);
    assert_eq!(shop.samples()[0], "r1 0 11 true [21, 31, 41, 0]");
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert!(
        run.stderr.contains("--no-warn skipped_files"),
        "{}",
        run.stderr
    );
    let metrics = fs::read(shop.out().join("_metrics.json")).expect("metrics");
    let metrics: Value = serde_json::from_slice(&metrics).expect("JSON");
    assert_eq!(metrics["warnings"][0]["code"], "skipped_files");
    assert_eq!(metrics["warnings"][0]["source"], "clicks");
    assert_eq!(metrics["warnings"][0]["files"], 7);
    let planned = shop.run_bare(&["plan", "sequences", "shop", "--out", "other"]);
    let planned = planned.stdout + &planned.stderr;
    assert!(planned.contains(said), "{planned}");
    fs::remove_dir_all(shop.out()).expect("removed");
    let run = shop.made(&["--no-warn", "skipped_files"]);
    assert!(!run.stderr.contains(said), "{}", run.stderr);
    fs::remove_dir_all(shop.out()).expect("removed");
    let run = shop.run_bare(&[&NAMED[..], &["--clicks", "shop/clicks/*"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    // A glob does not look into folders that begin with an underscore, but it finds them.
    assert!(run.stderr.contains(said), "{}", run.stderr);
    fs::remove_dir_all(shop.out()).expect("removed");
    // What is named is read.
    shop.put("clicks/a.csv.tmp", &text);
    for path in ["shop/clicks/a.csv.tmp", "shop/clicks/*.tmp"] {
        let run = shop.run_bare(&[&NAMED[..], &["--clicks", path]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        fs::remove_dir_all(shop.out()).expect("removed");
    }
    shop.remove("clicks").put("clicks/a.csv.tmp", &text);
    let run = shop.run(&[]);
    shop.assert_refused(&run, 66, &["shop/clicks", "a.csv.tmp", "in progress"]);
}

#[test]
fn a_first_job_file_is_made_of_files_with_rows() {
    let shop = in_folders("csv");
    for (source, _) in SOURCES {
        shop.put(&format!("{source}/part-000.csv"), "");
        shop.put(
            &format!("{source}/part-001.parquet"),
            parquet("pandas_no_columns"),
        );
    }
    shop.put("blank/a.csv", "");
    let run = shop.run_bare(&["job", "init", "shop"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = fs::read_to_string(shop.path("job.toml")).expect("a job file");
    for (source, _) in SOURCES {
        assert!(text.contains(&format!("\"{source}\"")), "{text}");
    }
    assert!(text.contains("blank/a.csv is left out"), "{text}");
    let run = shop.run_bare(&["sequences", "--job", "shop/job.toml", "--out", "out"]);
    assert_eq!(run.code, 0, "{}\n{text}", run.stderr);
    assert!(names(&shop.out()).contains(&"dt=2025-08-15".to_owned()));
}
