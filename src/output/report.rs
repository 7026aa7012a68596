//! What was found and made, as a [`Report`] and as values of the manifest.

use rayon::prelude::*;
use serde_json::{Value, json};

use super::plan::DayRows;
use super::quality::landings;
use super::{SequencesRead, SequencesWritten};
use crate::calendar::instant_text;
use crate::encode::RowTally;
use crate::error::Result;
use crate::ids::{Day, count64};
use crate::job::{ActionSource, Format, Guests, Job, Source, Types};
use crate::manifest::format_name;
use crate::publish::origin;
use crate::scan::Opened;
use crate::scan::actions::ActionTally;
use crate::scan::faults::rejected_of;
use crate::warnings::{Noticed, Warning};

/// What a run made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The days that were published.
    pub days: Vec<DayReport>,
    /// Samples in all of them.
    pub samples: u64,
    /// Of them, those without history.
    pub zero_history: u64,
    /// Actions in the histories of all samples.
    pub history_actions: u64,
    /// Of them, those that landed on or after the day of their impression; nothing if the day that
    /// something landed is not known of all.
    pub landed_late: Option<u64>,
    /// Impressions of the days asked for.
    pub impressions: u64,
    /// Of them, dropped as guests.
    pub guests_dropped: u64,
    /// Of them, without items.
    pub without_items: u64,
    /// Labels that are null.
    pub null_labels: u64,
    /// Shown items that were left out, as the given vocabulary lacks them.
    pub unknown_items: u64,
    /// Actions on such items that were left out: of those that some history might have held.
    pub unknown_actions: u64,
    /// Negatives that a sample of them left out.
    pub negatives_left_out: u64,
    /// Impressions of which that left nothing.
    pub sampled_away: u64,
    /// Rows of actions in the files of the job.
    pub action_rows: u64,
    /// Of them, without a customer.
    pub null_customers: u64,
    /// Of those of customers that are asked for: never known, so never prior.
    pub never_available: u64,
    /// Rows of actions of types that do not count.
    pub of_other_types: u64,
    /// Rows of actions that do not count, by the values of a column.
    pub filtered: u64,
    /// Of those of customers that are asked for: of a type without a code, and left out.
    pub without_code: u64,
    /// Of the rows of actions, read and kept; less if reading could stop early.
    pub actions_kept: u64,
    /// Repeated actions that were left out.
    pub repeats_left_out: u64,
    /// Rows that were set aside.
    pub rejected: u64,
    /// Files of input.
    pub files: u64,
    /// Days that were asked for, and left as the output has them.
    pub days_skipped: u64,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
}

/// What a run made of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayReport {
    /// The day.
    pub day: Day,
    /// Rows: samples, or impressions in layout `request`.
    pub rows: u64,
    /// Parts.
    pub parts: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The report of a run.
pub(super) fn report<I>(
    job: &Job,
    read: &SequencesRead<I>,
    days: Vec<DayReport>,
    (made, noticed): (&SequencesWritten, Noticed),
) -> Report {
    let mut report = Report {
        days,
        repeats_left_out: made.counts.repeats,
        unknown_actions: made.unknown,
        actions_kept: read.actions_kept,
        rejected: count64(read.inputs.rejected.len()),
        files: count64(read.inputs.opened.len()),
        days_skipped: read.inputs.days_skipped(job),
        warnings: noticed.warnings,
        ..Report::default()
    };
    let tallies = &made.written.tallies;
    for tally in tallies {
        report.samples += tally.histories.samples();
        report.zero_history += tally.histories.of_length(0);
        report.history_actions += tally.histories.actions();
    }
    let is_known = landings(job, read).iter().all(|(_, is_known)| *is_known);
    let late = tallies.iter().flat_map(|of| &of.histories.landed_late);
    report.landed_late = is_known.then(|| late.sum());
    for tally in read.days.values() {
        report.impressions += tally.impressions;
        report.without_items += tally.without_items;
        report.null_labels += tally.null_labels;
        report.unknown_items += tally.unknown_items;
        report.negatives_left_out += tally.negatives_left_out;
        report.sampled_away += tally.sampled_away;
        report.guests_dropped += if job.sequences().guests == Guests::Drop {
            tally.guests
        } else {
            0
        };
    }
    for (of, tally) in job.sequences().actions.iter().zip(&read.actions) {
        report.of_other_types += of_other_types(job, of, tally);
        report.action_rows += tally.rows;
        report.null_customers += tally.null_customers;
        report.never_available += tally.null_available;
        report.filtered += tally.filtered;
        report.without_code += tally.without_code;
    }
    report
}

/// The inputs in the manifest: those of relative paths with the folder that these start from.
pub(super) fn file_values(job: &Job, inputs: &[Opened]) -> Result<Vec<Value>> {
    let origin = origin(&job.out);
    let inputs: Vec<Result<Value>> = inputs
        .par_iter()
        .map(|opened| {
            let file = opened.file();
            let (bytes, digest) = file.digest(opened.format())?;
            let of = if opened.format() == Format::Parquet {
                "footer"
            } else {
                "file"
            };
            let mut told = json!({
                "source": file.source.name(),
                "path": file.shown,
                "format": format_name(opened.format()),
                "bytes": bytes,
                "xxh64": format!("{digest:016x}"),
                "xxh64_of": of,
            });
            if opened.is_empty() {
                told["rows"] = json!(0);
            }
            if let Some(origin) = origin.as_ref().filter(|_| file.path.is_relative()) {
                told["from"] = json!(origin);
            }
            Ok(told)
        })
        .collect();
    inputs.into_iter().collect()
}

/// The inputs of a day in its manifest: the files of impressions that may hold it.
pub(super) fn inputs_of_day(inputs: &[Opened], values: &[Value], day: Day) -> Vec<Value> {
    let is_of_day = |opened: &Opened| {
        let file = opened.file();
        file.source == Source::Impressions && file.day.is_none_or(|of| of == day)
    };
    let pairs = inputs.iter().zip(values);
    pairs
        .filter(|(opened, _)| is_of_day(opened))
        .map(|(_, value)| value.clone())
        .collect()
}

/// What was found among the actions, in the manifest.
pub(super) fn actions_value<I>(
    job: &Job,
    read: &SequencesRead<I>,
    made: &SequencesWritten,
) -> Value {
    let counts = &made.counts;
    let mut value = serde_json::Map::new();
    for (of, tally) in job.sequences().actions.iter().zip(&read.actions) {
        let mut told = json!({
            "rows": tally.rows,
            "null_customers": tally.null_customers,
            "never_available": tally.null_available,
            "rejected": rejected_of(&read.inputs.rejected, of.source),
        });
        if !of.only.is_empty() {
            told["filtered"] = json!(tally.filtered);
        }
        if matches!(of.types, Types::Column { .. }) {
            told["without_code"] = json!(tally.without_code);
        }
        if let Types::Constant(_) = of.types {
            told["of_other_types"] = json!(of_other_types(job, of, tally));
        }
        if let Some(code) = own_code(job, of) {
            told["in_histories"] = json!(counts.actions[usize::from(code)]);
        }
        value.insert(of.source.name().to_owned(), told);
    }
    if job
        .sequences()
        .actions
        .iter()
        .any(|of| own_code(job, of).is_none())
    {
        let of_types = (0..=job.code_max()).zip(counts.actions);
        let there = of_types.filter(|(_, count)| *count > 0);
        let there = there.map(|(code, count)| (code.to_string(), json!(count)));
        value.insert("types_in_histories".into(), Value::Object(there.collect()));
    }
    if read.items.is_some() {
        value.insert("unknown_items_left_out".into(), json!(made.unknown));
    }
    value.insert("duplicates_in_histories".into(), json!(counts.duplicates));
    value.insert("repeats_left_out".into(), json!(counts.repeats));
    value.insert("ties_in_histories".into(), json!(counts.ties));
    let range = counts
        .times
        .map(|(oldest, newest)| [oldest, newest].map(instant_text));
    value.insert("times_in_histories".into(), json!(range));
    Value::Object(value)
}

/// Rows of a source whose one type does not count.
fn of_other_types(job: &Job, of: &ActionSource, tally: &ActionTally) -> u64 {
    match of.types {
        Types::Constant(code) if !job.counts_type(code) => tally.rows,
        _ => 0,
    }
}

/// The code of a source's actions, if they have but one, and no other source has it.
fn own_code(job: &Job, of: &ActionSource) -> Option<u8> {
    let Types::Constant(code) = of.types else {
        return None;
    };
    let sources = job
        .sequences()
        .actions
        .iter()
        .filter(|of| of.codes().contains(&code));
    (sources.count() == 1).then_some(code)
}

/// What was found among the impressions of a day, in the manifest.
pub(super) fn counts_value<I>(
    job: &Job,
    read: &SequencesRead<I>,
    day: &DayRows,
    rows: &RowTally,
    duplicates: u64,
) -> Value {
    let tally = &read.days[&day.day];
    let dropped = if job.sequences().guests == Guests::Drop {
        tally.guests
    } else {
        0
    };
    json!({
        "impressions": tally.impressions,
        "guests": tally.guests,
        "guests_dropped": dropped,
        "impressions_without_items": tally.without_items,
        "impressions_rejected": tally.rejected,
        "duplicate_impressions": duplicates,
        "items": tally.items,
        "null_labels": tally.null_labels,
        "unknown_items": tally.unknown_items,
        "negatives_left_out": tally.negatives_left_out,
        "impressions_sampled_away": tally.sampled_away,
        "rows": day.rows_count(),
        "samples": rows.histories.samples(),
        "samples_without_history": rows.histories.of_length(0),
        "samples_with_full_history": rows.histories.of_length(job.sequences().actions_max),
        "history_actions": rows.histories.actions(),
    })
}
