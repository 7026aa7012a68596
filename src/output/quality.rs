//! What was found of a day, as its metrics.
//!
//! **In / Out**: [`SequencesRead`], the rows of a day and what they hold → [`Metrics`]. **Cost**: one pass over
//! the impressions of the day, for the customers.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::SequencesRead;
use super::plan::DayRows;
use crate::calendar::date_text;
use crate::column::Customer;
use crate::encode::RowTally;
use crate::ids::{Item, count64, index};
use crate::job::{Guests, Job, NullLabel};
use crate::metrics::{
    Metrics, Reach, SequenceCounts, SourceDays, TOP_MAX, UNUSED, missing_days, sequence_counts,
};
use crate::scan::faults::Rejected;
use crate::warnings::{Noticed, values};

/// Reasons for which rows were rejected that are told one by one.
const REASONS_MAX: usize = 50;
/// Rows that are told of each.
const EXAMPLES_MAX: usize = 3;

/// What all days of a run share.
pub(super) struct OfRun<'a> {
    /// What [`run_value`] gives.
    pub(super) run: Value,
    /// What the run noticed.
    pub(super) noticed: &'a Noticed,
    /// The days that sources of actions have files of.
    pub(super) source_days: Vec<SourceDays>,
}

/// The metrics of a day.
pub(super) fn day_metrics<I: Item>(
    job: &Job,
    read: &SequencesRead<I>,
    day: &DayRows,
    (rows, duplicates): (&RowTally, u64),
    of_run: &OfRun<'_>,
) -> Metrics {
    let own = job.sequences();
    let tally = &read.days[&day.day];
    let reach = Reach::new(job.question(), own.cutoff, own.lookback_days);
    let (customers, top) = customers_of(read, day);
    let if_so = |is_so: bool, count: u64| if is_so { count } else { 0 };
    let (counts, lengths) = sequence_counts(&SequenceCounts {
        histories: &rows.histories,
        actions_max: own.actions_max,
        landings: landings(job, read),
        plain: vec![
            ("rows", day.rows_count()),
            ("impressions", tally.impressions),
            ("customer_days", customers),
            ("guests", tally.guests),
            (
                "guests_dropped",
                if_so(own.guests == Guests::Drop, tally.guests),
            ),
            ("impressions_without_items", tally.without_items),
            ("impressions_rejected", tally.rejected),
            ("duplicate_impressions", duplicates),
            (
                "null_labels_dropped",
                if_so(own.null_label == NullLabel::Drop, tally.null_labels),
            ),
            ("unknown_items_dropped", tally.unknown_items),
        ],
    });
    Metrics {
        counts,
        lengths,
        top,
        missing: missing_days(reach, &of_run.source_days, day.day),
        warnings: values(&of_run.noticed.warnings),
        run: of_run.run.clone(),
    }
}

/// The sources of actions, in the job's order, and whether the day that something landed is known of all
/// their files: by their folders, or by the column that availability is asked of.
pub(super) fn landings<I>(job: &Job, read: &SequencesRead<I>) -> Vec<(String, bool)> {
    let sources = job.sequences().actions.iter().map(|of| {
        let mut files = read
            .inputs
            .sources
            .iter()
            .filter(|files| files.source == of.source);
        let is_known = files.all(|of| of.files.iter().all(|file| file.day.is_some()));
        (
            of.source.name().to_owned(),
            is_known || job.waits_for_landing(of.source),
        )
    });
    sources.collect()
}

/// The number of customers of a day, and those with the most samples. Rows are by customer, so a
/// customer's lie together.
fn customers_of<I: Item>(read: &SequencesRead<I>, day: &DayRows) -> (u64, Vec<Value>) {
    let probes = &read.probes;
    let row_of = |probe: &u32| probes.rows[index(*probe)];
    let same = |a: &u32, b: &u32| {
        let customer = |probe| probes.impressions.customer(row_of(probe));
        customer(a) == customer(b)
    };
    let mut count = 0;
    let mut top: Vec<(Reverse<u64>, Customer<'_>)> = Vec::new();
    for run in day.probes.chunk_by(same) {
        let customer = probes.impressions.customer(row_of(&run[0]));
        if customer == Customer::Guest {
            continue;
        }
        count += 1;
        let items = run
            .iter()
            .map(|probe| probes.impressions.items_of(row_of(probe)).len());
        let entry = (Reverse(count64(items.sum())), customer);
        if top.len() < TOP_MAX || top.last().is_some_and(|last| entry < *last) {
            let place = top.partition_point(|other| *other < entry);
            top.insert(place, entry);
            top.truncate(TOP_MAX);
        }
    }
    let day = date_text(day.day);
    let top = top.into_iter().map(|(samples, customer)| {
        let id = match customer {
            Customer::Guest => Value::Null,
            Customer::Int(id) => json!(id),
            Customer::Text(id) => json!(id),
        };
        json!({"customer_id": id, "day": day, "samples": samples.0})
    });
    (count, top.collect())
}

/// What a run found as a whole: of its sources, and of the rows that it set aside.
pub(super) fn run_value(sources: &Value, rejected: &[Rejected], noticed: &Noticed) -> Value {
    let unknown = sources["unknown_items_left_out"].as_u64();
    let sources = sources.as_object().into_iter().flatten();
    let sources = sources.filter(|(_, of)| of.is_object());
    let sources = sources.map(|(name, of)| (name.clone(), of.clone()));
    let (sources, rejected) = (sources.collect(), rejected_value(rejected));
    let mut run = json!({"actions": Value::Object(sources), "rejected": rejected});
    run[UNUSED] = json!(noticed.unused_sources);
    if let Some(unknown) = unknown {
        run["actions_on_unknown_items"] = json!(unknown);
    }
    run
}

/// Rows set aside, by source, column and what was expected there, the most frequent reason first.
pub(super) fn rejected_value(rejected: &[Rejected]) -> Value {
    let mut reasons: BTreeMap<_, Vec<&Rejected>> = BTreeMap::new();
    for row in rejected {
        let fault = &row.fault;
        let reason = (row.source, &fault.column, &fault.expected);
        reasons.entry(reason).or_default().push(row);
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, rows)| Reverse(rows.len()));
    let reasons = reasons
        .iter()
        .take(REASONS_MAX)
        .map(|((source, column, expected), rows)| {
            let examples = rows.iter().take(EXAMPLES_MAX).map(|row| {
                let fault = &row.fault;
                json!({"file": fault.file, "row": fault.row, "found": fault.found})
            });
            json!({
                "source": source.name(),
                "column": column,
                "expected": expected,
                "rows": rows.len(),
                "examples": examples.collect::<Vec<_>>(),
            })
        });
    json!({"rows": rejected.len(), "reasons": reasons.collect::<Vec<_>>()})
}
