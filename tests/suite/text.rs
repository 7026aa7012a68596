//! Text is read in pieces, by all threads: neither pieces nor threads may change anything.

use std::fs;
use std::path::Path;

use hitherto::{OnBadRow, Sequences, Settings};

use crate::support::{parts, run, scratch};

/// What a run made, or why it made nothing: parts, quarantine and manifest, byte by byte.
fn outcome(dir: &Path, change: impl Fn(&mut Settings)) -> Result<Vec<Vec<u8>>, String> {
    let folder = scratch();
    let out = folder.path().join("out");
    let mut settings = Settings {
        ask: Sequences {
            actions_max: Some(8),
            ..Sequences::default()
        }
        .into(),
        dir: Some(dir.to_owned()),
        out: out.clone(),
        timezone: Some("UTC".to_owned()),
        ..Settings::default()
    };
    change(&mut settings);
    let is_quarantine = settings.on_bad_row == OnBadRow::Quarantine;
    run(settings).map_err(|error| error.to_string())?;
    let mut paths: Vec<_> = parts(&out).into_iter().map(|(_, path)| path).collect();
    if is_quarantine {
        // Nothing is there if no row was set aside.
        let entries = fs::read_dir(out.join("_quarantine")).into_iter().flatten();
        paths.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    paths.extend(["_manifest.json", "_metrics.json"].map(|name| out.join(name)));
    Ok(paths
        .iter()
        .map(|path| fs::read(path).expect("a file"))
        .collect())
}

/// Checks clicks that are written like this against pieces of every size, and threads.
fn check(ending: &str, clicks: &[u8]) {
    let folder = scratch();
    let dir = folder.path();
    fs::create_dir_all(dir.join("impressions")).expect("a folder");
    fs::create_dir_all(dir.join("clicks")).expect("a folder");
    let shown = r#"{"dt":"2025-08-15","ranking_id":"r","customer_id":1,"impressions":[{"item_id":3,"is_order":true}]}"#;
    fs::write(dir.join("impressions/a.ndjson"), shown).expect("a file");
    fs::write(dir.join(format!("clicks/a.{ending}")), clicks).expect("a file");
    fs::write(dir.join(format!("clicks/b.{ending}")), clicks).expect("a file");
    for on_bad_row in [OnBadRow::Error, OnBadRow::Quarantine] {
        let text_of = |threads, bytes| {
            outcome(dir, |settings| {
                (settings.threads, settings.tuning.text_piece_bytes) = (threads, bytes);
                settings.sequences_mut().without =
                    vec![hitherto::Source::Carts, hitherto::Source::Orders];
                settings.on_bad_row = on_bad_row;
            })
        };
        let expected = text_of(1, 1 << 20);
        for bytes in 1..=clicks.len() + 1 {
            let found = text_of(1 + bytes % 3, bytes);
            assert!(
                found == expected,
                "pieces of {bytes} bytes of {:?}: {:?} instead of {:?}",
                String::from_utf8_lossy(clicks),
                found.as_ref().map(Vec::len),
                expected.as_ref().map(Vec::len),
            );
        }
    }
}

#[test]
fn pieces_and_threads_change_nothing_of_csv() {
    let head = "customer_id,item_id,click_time\n";
    for rows in [
        "1,1,2025-08-01\n1,2,2025-08-02 10:00:00\r\n\n,4,2025-08-03\n2,x,y\n1,5,2025-08-04T00:00:00Z",
        "1,1,2025-08-01\n1,0,2025-08-02\n2,2\n+1,7,2025-08-03\n1,8,\nx,1,2025-08-04\n",
        "1,1,\"2025-08-01\"\n\"1\n\",2,2025-08-02\n1,\"3\",\"2025-08-03\"\n1,4,soon\n",
        "1,1,2025-08-01\n1,2,2025-08-02\n1,3",
        "1,1,2025-08-01\n1,2,2025-08-02\n1,3,\"2025",
    ] {
        check("csv", format!("{head}{rows}").as_bytes());
    }
}

#[test]
fn pieces_and_threads_change_nothing_of_ndjson() {
    let row = |customer: &str, item: &str| {
        format!("{{\"customer_id\":{customer},\"item_id\":{item},\"click_time\":\"2025-08-01\"}}\n")
    };
    let lines = [
        [
            row("1", "1"),
            row("2", "0"),
            row("null", "3"),
            row("1", "4"),
        ]
        .concat(),
        [
            row("1", "1"),
            row("1", "0"),
            "[]\n".to_owned(),
            row("1", "4"),
        ]
        .concat(),
        [
            row("1", "1"),
            row("1", "2"),
            "{\"customer_id\":1".to_owned(),
        ]
        .concat(),
        // No record has the item, or only the last does.
        "{\"customer_id\":1,\"click_time\":\"2025-08-01\"}\n".repeat(3),
        ["{\"customer_id\":1}\n".repeat(3), row("1", "4")].concat(),
    ];
    for lines in lines {
        check("ndjson", lines.as_bytes());
    }
}
