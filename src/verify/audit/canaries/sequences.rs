//! Canaries of `sequences`: actions planted around the cutoffs of audited impressions.
//!
//! ```text
//!            known late ──┐
//!   ───────────────o──────o─│o────o──►      of one customer, on items that occur nowhere else
//!    real actions  included │ │at   │after
//! ```
//! **In / Out**: audited impressions, one per customer → a small dataset in a temporary folder, the rows
//! that the engine makes of it, and a problem for each row that differs from that of the reference, lacks
//! the action planted a microsecond before the cutoff, or holds any other planted one.

use std::collections::{BTreeMap, BTreeSet};

use super::sequence_cases::{CanaryCase, cases_of};
use super::sequence_files::write;
use crate::calendar::date_text;
use crate::context::RunContext;
use crate::engine;
use crate::error::Result;
use crate::ids::{Day, count64};
use crate::job::{Cutoff, Job, Sequences, Settings, UnknownItem};
use crate::publish::TempDir;
use crate::reference::{OrderedLog, Rules};
use crate::verify::Problems;
use crate::verify::audit::logs::{ImpressionKey, SequenceLogs};
use crate::verify::audit::output_rows::OutRow;
use crate::verify::audit::row_differences::RowComparison;
use crate::verify::audit::rows::read_all;
use crate::verify::audit::{Audit, Canaries};

/// Plants canaries around some impressions, runs the engine, and checks its rows.
///
/// # Errors
/// If the dataset cannot be written, or the run fails.
pub(crate) fn canaries(
    audit: &Audit<'_>,
    rules: &Rules,
    logs: &SequenceLogs,
    keys: &BTreeSet<ImpressionKey>,
    problems: &mut Problems,
) -> Result<Canaries> {
    // Passthrough columns and names have no influence on histories, and the reference's items are codes already.
    let settings = &Settings {
        ask: Sequences {
            keep: Vec::new(),
            rename: Vec::new(),
            item_vocabulary: None,
            unknown_item: UnknownItem::Index,
            ..audit.set.settings.sequences().clone()
        }
        .into(),
        ..audit.set.settings.clone()
    };
    let cases = cases_of(settings, rules, logs, keys);
    let mut canaries = Canaries::default();
    if cases.is_empty() {
        return Ok(canaries);
    }
    let folder = TempDir::create(&audit.temp_dir(), "hitherto-canaries")?;
    let job = Job::new(write(settings, folder.path(), &cases)?)?;
    engine::run(&job, &RunContext::default())?;
    let mut rows = read_back(&job)?;
    for case in &cases {
        let impression = case.impression;
        let (customer, ranking) = (impression.customer.clone(), impression.ranking.clone());
        let key = (impression.day, customer, ranking);
        let rows = rows.remove(&key).unwrap_or_default();
        check(settings, rules, case, rows, &mut canaries, problems);
    }
    Ok(canaries)
}

/// All rows that a run made, by impression.
fn read_back(job: &Job) -> Result<BTreeMap<ImpressionKey, Vec<OutRow>>> {
    let mut rows: BTreeMap<ImpressionKey, Vec<OutRow>> = BTreeMap::new();
    read_all(job, |day, batch, at| {
        let row = OutRow::new(job, batch, at);
        let key = (day, row.customer.clone(), row.ranking.clone());
        rows.entry(key).or_default().push(row);
    })?;
    Ok(rows)
}

/// Checks the rows that the engine made of one case.
fn check(
    settings: &Settings,
    rules: &Rules,
    case: &CanaryCase<'_>,
    mut rows: Vec<OutRow>,
    canaries: &mut Canaries,
    problems: &mut Problems,
) {
    let impression = case.impression;
    let customer = impression.customer.as_deref().unwrap_or_default();
    let path = format!("dt={}", date_text(Day(impression.day)));
    let mut add = |what: String| {
        let ranking = &impression.ranking;
        let what = format!("canaries around customer {customer}, ranking \"{ranking}\": {what}");
        problems.add(path.as_str(), what);
    };
    canaries.impressions += 1;
    canaries.planted += count64(case.excluded.len()) + u64::from(case.included.is_some());
    let rows_with = |item: i64| {
        let rows = rows.iter().filter(|row| row.actions.contains(&item));
        rows.count()
    };
    match case.included {
        // If there are no rows at all, none of them lacks the item, but the canary is lost.
        Some(item) if rows_with(item) < rows.len() || rows.is_empty() => {
            add("an action a microsecond before the cutoff is not in the history".to_owned());
        }
        Some(_) => canaries.kept += 1,
        None => {}
    }
    for item in &case.excluded {
        match rows_with(*item) {
            0 => canaries.refused += 1,
            _ => add(format!(
                "planted item {item} is not prior, and is in the history"
            )),
        }
    }
    let log = OrderedLog::new(rules, &case.log);
    let expected = OutRow::expected(settings, rules, impression, &log);
    rows.sort_by_key(|row| row.position);
    if rows != expected {
        let comparison = RowComparison {
            settings,
            rules,
            impression,
            log: &case.log,
        };
        let mut pairs = rows.iter().zip(&expected);
        let differing = pairs.find(|(found, expected)| found != expected);
        let what = differing.and_then(|(found, expected)| comparison.difference(found, expected));
        let counts = || format!("expected {} rows, found {}", expected.len(), rows.len());
        add(what.unwrap_or_else(counts));
    }
    debug_assert!(settings.sequences().cutoff != Cutoff::Time || impression.time.is_some());
}
