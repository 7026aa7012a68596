//! Checks the metrics of a published folder: their bytes, and each file against the manifest of its folder.
//!
//! **In / Out**: `_metrics.json` of the set and of each day, and a [`PublishedSet`] → problems.
//! **Invariants**: a file is parsed only if the checksum at its end matches.

use std::path::Path;

use serde_json::Value;

use super::sealed::read_text;
use super::{FolderListing, Problems, PublishedSet};
use crate::error::Result;
use crate::ids::Day;
use crate::job::JobKind;
use crate::manifest::{CountsByName, Scope, SetDays, parse};
use crate::metrics::{
    DocumentHead, DwellMetrics, FeatureMetrics, JobMetrics, SequenceMetrics, whole_of,
};
use crate::publish::{MANIFEST, METRICS};

/// Checks all metrics of a folder; gives the warnings of the set.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn check(
    out: &Path,
    listing: &FolderListing,
    set: &PublishedSet,
    problems: &mut Problems,
) -> Result<Vec<String>> {
    match set.job_kind {
        JobKind::Sequences => check_all::<SequenceMetrics>(out, listing, set, problems),
        JobKind::Features => check_all::<FeatureMetrics>(out, listing, set, problems),
        JobKind::Dwell => check_all::<DwellMetrics>(out, listing, set, problems),
    }
}

/// [`check`] for one job kind.
fn check_all<M: JobMetrics>(
    out: &Path,
    listing: &FolderListing,
    set: &PublishedSet,
    problems: &mut Problems,
) -> Result<Vec<String>> {
    let mut days: Vec<(Day, M)> = Vec::new();
    for day in &set.days {
        let path = day.metrics_path();
        let Some((head, metrics)) = read::<M>(out, listing, &path, problems)? else {
            continue;
        };
        // A damaged manifest is a problem already.
        if let Some(manifest) = &day.manifest {
            check_counts(&path, &manifest.counts, &metrics, problems);
        }
        let is_of = head.of == Some(Scope::Day) && head.day == Some(day.day);
        if !is_of || head.job != Some(M::JOB_KIND) {
            problems.add(&path, "it is of another day, or of another job");
        }
        days.push((day.day, metrics));
    }
    let Some((head, metrics)) = read::<M>(out, listing, METRICS, problems)? else {
        return Ok(Vec::new());
    };
    let warnings = metrics
        .warnings()
        .iter()
        .map(|warning| warning.text.clone());
    let warnings = warnings.collect();
    if head.of != Some(Scope::Whole) || head.job != Some(M::JOB_KIND) {
        problems.add(METRICS, "it is not of the whole, or of another job");
    }
    if matches!(set.whole.days, SetDays::Range(_)) {
        check_counts(METRICS, &set.whole.counts, &metrics, problems);
        return Ok(warnings);
    }
    // Damaged metrics of a day are a problem already; the sums would only repeat it.
    if days.len() == set.days.len() {
        // Through its text, as the file was: what the text leaves out is then at its default on
        // both sides.
        let expected = serde_json::from_slice::<M>(&whole_of(&days)).ok();
        if expected != Some(metrics) {
            problems.add(
                METRICS,
                "its counts are not what those of its days add up to",
            );
        }
    }
    Ok(warnings)
}

/// Reads a file of metrics. Nothing if it is missing or damaged.
fn read<M: JobMetrics>(
    out: &Path,
    listing: &FolderListing,
    path: &str,
    problems: &mut Problems,
) -> Result<Option<(DocumentHead, M)>> {
    if listing.bytes_of(path).is_none() {
        problems.add(path, listing.instead_of(path));
        return Ok(None);
    }
    let Some((text, _)) = read_text(out, listing, path, problems)? else {
        return Ok(None);
    };
    let read = parse(&text).and_then(|head| Ok((head, parse(&text)?)));
    read.map_or_else(
        |what| {
            problems.add(path, what);
            Ok(None)
        },
        |read| Ok(Some(read)),
    )
}

/// Checks the counts that are both in the metrics and in the manifest of the same folder.
fn check_counts<M: JobMetrics>(
    path: &str,
    counts: &CountsByName,
    metrics: &M,
    problems: &mut Problems,
) {
    let own = serde_json::to_value(metrics.counts()).expect("counts are always JSON");
    for (name, count) in counts {
        let own = own.get(name).and_then(Value::as_u64);
        if own.is_some_and(|own| own != *count) {
            let what = format!("its \"{name}\" is not what {MANIFEST} beside it says");
            problems.add(path, what);
        }
    }
}
