//! `_metrics.json`, the gates before publishing, and the page that shows it all.

use std::fs;

use serde_json::{Value, json};

use crate::shop::{Run, Shop, rows, shop, snapshot};

/// The metrics in a folder of the output.
fn metrics(shop: &Shop, folder: &str) -> Value {
    let text = fs::read(shop.out().join(folder).join("_metrics.json")).expect("metrics");
    serde_json::from_slice(&text).expect("JSON")
}

/// Asserts that a run did what it was to do.
#[track_caller]
fn done(run: &Run) {
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn every_metric_that_a_gate_may_name_is_there_and_no_other() {
    let shop = shop();
    shop.made(&[]);
    let document = metrics(&shop, "");
    let known = shop.run(&["--fail-if", "nonsense<1"]);
    known.assert_failed(2, &["nonsense", "the metrics of sequences are"]);
    let list = known
        .stderr
        .split(" are ")
        .nth(1)
        .expect("a list")
        .trim()
        .to_owned();
    let days = document["days"][0].as_object().expect("a day");
    let there: Vec<&str> = days
        .keys()
        .map(String::as_str)
        .filter(|name| *name != "day")
        .collect();
    assert_eq!(list.split(", ").collect::<Vec<_>>(), there);
}

#[test]
fn a_gate_that_is_not_passed_publishes_nothing_and_tells_metric_value_and_bound() {
    let shop = shop();
    let before = snapshot(shop.root());
    let flags = [
        "--fail-if",
        "zero_history_pct>=0",
        "--fail-if",
        "rows>1000",
        "--fail-if",
        "samples<1e9",
    ];
    let run = shop.run(&flags);
    run.assert_failed(
        3,
        &[
            "nothing was published",
            "zero_history_pct is 0",
            "--fail-if 'zero_history_pct>=0'",
            "samples is",
            "samples<1e9",
        ],
    );
    assert!(!run.stderr.contains("rows>1000"), "{}", run.stderr);
    assert!(snapshot(shop.root()) == before, "something was left");
    shop.made(&["--fail-if", "rows<1", "--fail-if", "zero_history_pct>0.99"]);
}

#[test]
fn rows_against_another_set_and_missing_days_are_gates() {
    let shop = shop();
    shop.made(&["--date", "2025-08-15"]);
    let all = ["--add-days", "--date", "2025-08-16"];
    let with = |gate| [&all[..], &["--fail-if", gate]].concat();
    shop.run(&with("rows_vs(out)<1000"))
        .assert_failed(3, &["rows_vs(out) is ", "rows_vs(out)<1000"]);
    // Its clicks lie in one file, so nobody knows: that does not pass.
    shop.run(&with("missing_days(clicks)>0"))
        .assert_failed(3, &["missing_days(clicks) is not known"]);
    shop.run(&with("rows_vs(elsewhere)<1"))
        .assert_failed(66, &["elsewhere", "_metrics.json"]);
    assert!(!shop.out().join("dt=2025-08-16").exists());
    shop.made(&with("rows_vs(out/dt=2025-08-15)<0.001"));
    assert_eq!(metrics(&shop, "")["days"].as_array().map(Vec::len), Some(2));
    let path = shop.out().join("_metrics.json");
    let text = fs::read_to_string(&path)
        .expect("text")
        .replacen('1', "2", 1);
    fs::write(&path, text).expect("a file");
    shop.run(&["--overwrite", "--fail-if", "rows_vs(out)<1"])
        .assert_failed(65, &["_metrics.json", "checksum"]);
}

#[test]
fn bad_rows_are_counted_by_reason_with_examples() {
    let shop = shop();
    let mut clicks = rows("clicks");
    clicks[0]["click_time"] = json!("soon");
    clicks[2]["click_time"] = json!("<b>later</b>");
    shop.source("clicks", "csv", &clicks);
    shop.made(&["--on-bad-row", "quarantine"]);
    let document = metrics(&shop, "");
    assert_eq!(document["rejected_rows"], 2);
    let reason = &document["run"]["rejected"]["reasons"][0];
    assert_eq!(
        (&reason["source"], &reason["rows"]),
        (&json!("clicks"), &json!(2))
    );
    assert_eq!(reason["examples"][0]["row"], 1);
    done(&shop.run_bare(&["report", "out"]));
    let page = fs::read_to_string(shop.out().join("_report.html")).expect("a page");
    assert!(page.contains("&lt;b&gt;later") && !page.contains("<b>later"));
}

#[test]
fn a_page_is_complete_in_itself_and_every_figure_has_text() {
    let shop = shop();
    shop.made(&[]);
    let run = shop.run_bare(&["report", "out"]);
    done(&run);
    let page = fs::read_to_string(shop.out().join("_report.html")).expect("a page");
    let count = |text: &str| page.matches(text).count();
    assert!(count("<svg role=\"img\" aria-labelledby=") >= 9);
    assert_eq!(count("<svg"), count("<desc id="));
    assert_eq!(count("<figure>"), count("<svg"));
    assert_eq!(count("<figcaption>"), count("<svg"));
    assert!(count("<table>") > count("<svg"));
    for network in ["http://", "https://", "<script", "@import", "url("] {
        let found = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(network), "{network}");
    }
    let mut ids: Vec<&str> = page
        .split(" id=\"")
        .skip(1)
        .filter_map(|text| text.split('"').next())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id is there twice");
    // The page is no damage, in the set and in a day of it.
    done(&shop.run_bare(&[
        "report",
        "out/dt=2025-08-15",
        "--compare",
        "out/dt=2025-08-16",
    ]));
    done(&shop.run_bare(&["verify", "out", "--audit-rows", "0"]));
}

#[test]
fn a_set_has_no_drift_from_itself_and_some_from_another() {
    let shop = shop();
    shop.made(&[]);
    let run = shop.run_bare(&["report", "out", "--compare", "out"]);
    done(&run);
    assert!(
        run.stdout.contains("0.000 none") && !run.stdout.contains("large"),
        "{}",
        run.stdout
    );
    done(&shop.run_bare(&[
        "sequences",
        "shop",
        "--out",
        "short",
        "--max-actions",
        "1",
        "--quiet",
    ]));
    let run = shop.run_bare(&["report", "out", "--compare", "short"]);
    done(&run);
    assert!(run.stdout.contains("large <"), "{}", run.stdout);
    let page = fs::read_to_string(shop.out().join("_report.html")).expect("a page");
    assert!(
        page.contains("<td class=\"bad\">large</td>") && page.contains("below 0.1 is no drift")
    );
    shop.run_bare(&["report", "nowhere"])
        .assert_failed(66, &["nowhere"]);
}
