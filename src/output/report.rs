//! What was found and made, as a [`Report`] and as entries of the manifest.

use rayon::prelude::*;
use serde::Serialize;

use super::plan::DayRows;
use super::{SequencesRead, SequencesWritten};
use crate::calendar::instant_text;
use crate::encode::RowStats;
use crate::error::Result;
use crate::ids::{Day, count64};
use crate::job::{ActionSource, Format, Guests, Job, Source, Types};
use crate::manifest::{
    ActionCounts, ActionFindings, Input, SequenceDayCounts, SourceFindings, Xxh64,
};
use crate::output::day_metrics::landings;
use crate::publish::origin;
use crate::scan::Opened;
use crate::scan::actions::ActionStats;
use crate::scan::bad_rows::rejected_of;
use crate::store::local::DigestOf;
use crate::warnings::{Noticed, Warning};

/// What a run made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Files of input.
    pub files: u64,
    /// Impressions of the days asked for.
    pub impressions: u64,
    /// Of them, dropped as guests.
    pub guests_dropped: u64,
    /// Of them, without items.
    #[serde(rename = "impressions_without_items")]
    pub without_items: u64,
    /// Labels that are null.
    pub null_labels: u64,
    /// Shown items that were left out, as the given vocabulary lacks them.
    pub unknown_items: u64,
    /// Actions on such items that were left out: of those that some history might have held.
    #[serde(rename = "actions_on_unknown_items")]
    pub unknown_actions: u64,
    /// Negatives that a sample of them left out.
    pub negatives_left_out: u64,
    /// Impressions of which that left nothing.
    #[serde(rename = "impressions_sampled_away")]
    pub sampled_away: u64,
    /// Rows of actions in the files of the job.
    pub action_rows: u64,
    /// Of them, without a customer.
    #[serde(rename = "actions_without_customer")]
    pub null_customers: u64,
    /// Of those of customers that are asked for: never known, so never prior.
    #[serde(rename = "actions_never_available")]
    pub never_available: u64,
    /// Of them, those that landed on or after the day of their impression; nothing if the day that
    /// something landed is not known of all.
    pub landed_late: Option<u64>,
    /// Rows of actions of types that do not count.
    #[serde(rename = "actions_of_other_types")]
    pub of_other_types: u64,
    /// Rows of actions that do not count, by the values of a column.
    #[serde(skip)]
    pub filtered: u64,
    /// Of those of customers that are asked for: of a type without a code, and left out.
    #[serde(skip)]
    pub without_code: u64,
    /// Of the rows of actions, read and kept; less if reading could stop early.
    pub actions_kept: u64,
    /// Repeated actions that were left out.
    pub repeats_left_out: u64,
    /// Samples in all of them.
    pub samples: u64,
    /// Of them, those without history.
    #[serde(rename = "samples_without_history")]
    pub zero_history: u64,
    /// Actions in the histories of all samples.
    pub history_actions: u64,
    /// Rows that were set aside.
    pub rejected: u64,
    /// Days that were asked for, and left as the output has them.
    pub days_skipped: u64,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
    /// The days that were published.
    pub days: Vec<DayReport>,
}

/// What a run made of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
pub(super) fn inputs_of(job: &Job, opened: &[Opened]) -> Result<Vec<Input>> {
    let origin = origin(&job.out);
    let inputs = opened.par_iter().map(|opened| -> Result<Input> {
        let file = opened.file();
        let (bytes, digest) = file.digest(opened.format())?;
        Ok(Input {
            source: file.source.name().to_owned(),
            path: file.shown.clone(),
            format: opened.format(),
            bytes,
            xxh64: Xxh64(digest),
            xxh64_of: match opened.format() {
                Format::Parquet => DigestOf::Footer,
                _ => DigestOf::File,
            },
            rows: opened.is_empty().then_some(0),
            from: origin.clone().filter(|_| file.path.is_relative()),
        })
    });
    // Of several errors that of the first file, whichever came first.
    let inputs: Vec<Result<Input>> = inputs.collect();
    inputs.into_iter().collect()
}

/// The inputs of a day in its manifest: the files of impressions that may hold it.
pub(super) fn inputs_of_day(opened: &[Opened], inputs: &[Input], day: Day) -> Vec<Input> {
    let is_of_day = |opened: &Opened| {
        let file = opened.file();
        file.source == Source::Impressions && file.day.is_none_or(|of| of == day)
    };
    let pairs = opened.iter().zip(inputs);
    let of_day = pairs.filter(|(opened, _)| is_of_day(opened));
    of_day.map(|(_, input)| input.clone()).collect()
}

/// What was found among the actions.
pub(super) fn action_findings<I>(
    job: &Job,
    read: &SequencesRead<I>,
    made: &SequencesWritten,
) -> ActionFindings {
    let counts = &made.counts;
    let actions = &job.sequences().actions;
    let sources = actions.iter().zip(&read.actions);
    let sources = sources.map(|(source, tally)| {
        let of_source = ActionCounts {
            rows: tally.rows,
            null_customers: tally.null_customers,
            never_available: tally.null_available,
            rejected: rejected_of(&read.inputs.rejected, source.source),
            filtered: (!source.only.is_empty()).then_some(tally.filtered),
            without_code: matches!(source.types, Types::Column { .. })
                .then_some(tally.without_code),
            of_other_types: matches!(source.types, Types::Constant(_))
                .then(|| of_other_types(job, source, tally)),
            in_histories: own_code(job, source).map(|code| counts.actions[usize::from(code)]),
        };
        (source.source.name().to_owned(), of_source)
    });
    let shares_codes = actions.iter().any(|of| own_code(job, of).is_none());
    let of_types = || {
        let of_types = (0..=job.code_max()).zip(counts.actions);
        let there = of_types.filter(|(_, count)| *count > 0);
        there
            .map(|(code, count)| (code.to_string(), count))
            .collect()
    };
    ActionFindings {
        sources: SourceFindings {
            by_source: sources.collect(),
            types_in_histories: shares_codes.then(of_types),
        },
        unknown_items_left_out: read.items.as_ref().map(|_| made.unknown),
        duplicates_in_histories: counts.duplicates,
        repeats_left_out: counts.repeats,
        ties_in_histories: counts.ties,
        times_in_histories: counts
            .times
            .map(|(oldest, newest)| [oldest, newest].map(instant_text)),
    }
}

/// Rows of a source whose one type does not count.
fn of_other_types(job: &Job, of: &ActionSource, tally: &ActionStats) -> u64 {
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
pub(super) fn day_counts<I>(
    job: &Job,
    read: &SequencesRead<I>,
    day: &DayRows,
    rows: &RowStats,
    duplicates: u64,
) -> SequenceDayCounts {
    let tally = &read.days[&day.day];
    SequenceDayCounts {
        impressions: tally.impressions,
        guests: tally.guests,
        guests_dropped: match job.sequences().guests {
            Guests::Drop => tally.guests,
            Guests::Empty => 0,
        },
        impressions_without_items: tally.without_items,
        impressions_rejected: tally.rejected,
        duplicate_impressions: duplicates,
        items: tally.items,
        null_labels: tally.null_labels,
        unknown_items: tally.unknown_items,
        negatives_left_out: tally.negatives_left_out,
        impressions_sampled_away: tally.sampled_away,
        rows: day.rows_count(),
        samples: rows.histories.samples(),
        samples_without_history: rows.histories.of_length(0),
        samples_with_full_history: rows.histories.of_length(job.sequences().actions_max),
        history_actions: rows.histories.actions(),
    }
}
