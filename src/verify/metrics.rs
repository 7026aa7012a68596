//! The metrics of a published folder: their bytes, and each file against the manifest beside it.
//!
//! **In / Out**: `_metrics.json` of the whole and of each day, and a [`Ledger`] → problems.
//! **Invariants**: a file is parsed only if its checksum of itself is right.

use std::path::Path;

use serde_json::Value;

use super::ledger::read_sealed;
use super::{Ledger, Problems, Tree};
use crate::calendar::date_text;
use crate::error::Result;
use crate::job::Question;
use crate::metrics::{Metrics, whole_of};
use crate::publish::{MANIFEST, METRICS};

/// Checks all metrics of a folder; gives the warnings of the whole.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn check(
    out: &Path,
    tree: &Tree,
    ledger: &Ledger,
    problems: &mut Problems,
) -> Result<Vec<String>> {
    let mut days = Vec::new();
    for day in &ledger.days {
        let path = day.metrics_path();
        let Some((told, metrics)) = read(out, tree, &path, problems)? else {
            continue;
        };
        let is_of = told["of"] == "day" && told["day"] == date_text(day.day).as_str();
        // What is wrong with the manifest itself is told already.
        if !day.manifest.is_null() {
            check_counts(&path, &day.manifest["counts"], &metrics, problems);
        }
        if !is_of || told["job"] != ledger.question.name() {
            problems.add(&path, "it is of another day, or of another job");
        }
        days.push((day.day, metrics));
    }
    let Some((told, metrics)) = read(out, tree, METRICS, problems)? else {
        return Ok(Vec::new());
    };
    let warnings = metrics.warnings.iter();
    let warnings = warnings.filter_map(|of| of["text"].as_str().map(str::to_owned));
    let warnings = warnings.collect();
    if told["of"] != "whole" || told["job"] != ledger.question.name() {
        problems.add(METRICS, "it is not of the whole, or of another job");
    }
    if ledger.question == Question::Dwell {
        check_counts(METRICS, &ledger.whole["counts"], &metrics, problems);
        return Ok(warnings);
    }
    // Of a day without sound metrics that is told, and the whole would only repeat it.
    if days.len() == ledger.days.len() {
        let text = whole_of(ledger.question, days.iter().map(|(day, of)| (*day, of)));
        let made: Option<Value> = serde_json::from_slice(&text).ok();
        if made.as_ref().and_then(Metrics::of_value) != Some(metrics) {
            problems.add(
                METRICS,
                "its counts are not what those of its days add up to",
            );
        }
    }
    Ok(warnings)
}

/// Reads a file of metrics; nothing if it is not there, or is not sound.
fn read(
    out: &Path,
    tree: &Tree,
    path: &str,
    problems: &mut Problems,
) -> Result<Option<(Value, Metrics)>> {
    if tree.bytes_of(path).is_none() {
        problems.add(path, tree.instead_of(path));
        return Ok(None);
    }
    let Some((told, _)) = read_sealed(out, tree, path, problems)? else {
        return Ok(None);
    };
    let metrics = Metrics::of_value(&told);
    if metrics.is_none() {
        problems.add(path, "its member \"counts\" makes no sense");
    }
    Ok(metrics.map(|metrics| (told, metrics)))
}

/// Checks what both the metrics and the manifest beside them count.
fn check_counts(path: &str, counts: &Value, metrics: &Metrics, problems: &mut Problems) {
    for (name, count) in counts.as_object().into_iter().flatten() {
        if metrics.counts.get(name).is_some_and(|own| own != count) {
            let what = format!("its \"{name}\" is not what {MANIFEST} beside it says");
            problems.add(path, what);
        }
    }
}
