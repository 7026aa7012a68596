//! What a run read and wrote, as a [`Report`] and as entries of the manifest.

use serde::Serialize;

use super::day_metrics::landings;
use super::totals::{DayTotals, SequenceTotals};
use crate::calendar::instant_text;
use crate::ids::count64;
use crate::job::{ActionSource, Guests, Job, Types};
use crate::manifest::{ActionCounts, ActionFindings, SequenceDayCounts, SourceFindings};
use crate::output::commit::{DayReport, FilesRead};
use crate::scan::actions::ActionStats;
use crate::scan::bad_rows::{Rejected, rejected_of};
use crate::scan::impressions::ImpressionStats;
use crate::warnings::{Noticed, Warning};

/// What a run of `sequences` read and published.
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
    /// Items of impressions that were left out, as the given vocabulary lacks them.
    pub unknown_items: u64,
    /// Actions on such items that were left out, of those within reach of some history.
    #[serde(rename = "actions_on_unknown_items")]
    pub unknown_actions: u64,
    /// Negatives that sampling left out.
    pub negatives_left_out: u64,
    /// Impressions of which sampling left no item.
    #[serde(rename = "impressions_sampled_away")]
    pub sampled_away: u64,
    /// Rows of actions in the files of the job.
    pub action_rows: u64,
    /// Of them, without a customer.
    #[serde(rename = "actions_without_customer")]
    pub null_customers: u64,
    /// Of those of customers with impressions: never available, so in no history.
    #[serde(rename = "actions_never_available")]
    pub never_available: u64,
    /// Actions in histories that landed on or after the day of their impression; nothing if the day of
    /// landing is not known of all files.
    pub landed_late: Option<u64>,
    /// Rows of actions of types that do not count.
    #[serde(rename = "actions_of_other_types")]
    pub of_other_types: u64,
    /// Rows of actions that do not count, by the values of a column.
    #[serde(skip)]
    pub filtered: u64,
    /// Of those of customers with impressions: of a type without a code, and left out.
    #[serde(skip)]
    pub without_code: u64,
    /// Of the rows of actions, read and kept; less if reading could stop early.
    pub actions_kept: u64,
    /// Repeated actions that were left out.
    pub repeats_left_out: u64,
    /// Samples in all rows.
    pub samples: u64,
    /// Of them, those without history.
    #[serde(rename = "samples_without_history")]
    pub zero_history: u64,
    /// Actions in the histories of all samples.
    pub history_actions: u64,
    /// Rows that could not be used, and were set aside.
    pub rejected: u64,
    /// Days that were asked for, and left as the output has them.
    pub days_skipped: u64,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
    /// The days that were published.
    pub days: Vec<DayReport>,
}

/// The report of a run.
pub(super) fn report(
    job: &Job,
    totals: &SequenceTotals,
    files: &FilesRead,
    days: Vec<DayReport>,
    noticed: Noticed,
) -> Report {
    let mut report = Report {
        days,
        repeats_left_out: totals.histories.repeats,
        unknown_actions: totals.unknown_items.unwrap_or(0),
        actions_kept: totals.actions_kept,
        rejected: count64(files.rejected.len()),
        files: count64(files.inputs.len()),
        days_skipped: files.days_skipped,
        warnings: noticed.warnings,
        ..Report::default()
    };
    let of_days = || totals.days.iter().map(|day| &day.stats.histories);
    for histories in of_days() {
        report.samples += histories.samples();
        report.zero_history += histories.of_length(0);
        report.history_actions += histories.actions();
    }
    // A sum that lacks one source would pass for the whole, so it is not given.
    let landings = landings(job, &files.source_days);
    let is_known = landings.iter().all(|(_, is_known)| *is_known);
    let late = of_days().flat_map(|histories| &histories.landed_late);
    report.landed_late = is_known.then(|| late.sum());
    for stats in totals.days.iter().map(|day| &day.impressions) {
        report.impressions += stats.impressions;
        report.without_items += stats.without_items;
        report.null_labels += stats.null_labels;
        report.unknown_items += stats.unknown_items;
        report.negatives_left_out += stats.negatives_left_out;
        report.sampled_away += stats.sampled_away;
        report.guests_dropped += guests_dropped(job, stats);
    }
    for (source, stats) in job.sequences().actions.iter().zip(&totals.actions) {
        report.of_other_types += of_other_types(job, source, stats);
        report.action_rows += stats.rows;
        report.null_customers += stats.null_customers;
        report.never_available += stats.null_available;
        report.filtered += stats.filtered;
        report.without_code += stats.without_code;
    }
    report
}

/// The findings of the run among the actions, for the manifest.
pub(super) fn action_findings(
    job: &Job,
    totals: &SequenceTotals,
    rejected: &[Rejected],
) -> ActionFindings {
    let counts = &totals.histories;
    let actions = &job.sequences().actions;
    let sources = actions.iter().zip(&totals.actions);
    let sources = sources.map(|(source, stats)| {
        let of_source = ActionCounts {
            rows: stats.rows,
            null_customers: stats.null_customers,
            never_available: stats.null_available,
            rejected: rejected_of(rejected, source.source),
            filtered: (!source.only.is_empty()).then_some(stats.filtered),
            without_code: matches!(source.types, Types::Column { .. })
                .then_some(stats.without_code),
            of_other_types: matches!(source.types, Types::Constant(_))
                .then(|| of_other_types(job, source, stats)),
            in_histories: own_code(job, source).map(|code| counts.actions[usize::from(code)]),
        };
        (source.source.name().to_owned(), of_source)
    });
    let shares_codes = actions.iter().any(|source| own_code(job, source).is_none());
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
        unknown_items_left_out: totals.unknown_items,
        duplicates_in_histories: counts.duplicates,
        repeats_left_out: counts.repeats,
        ties_in_histories: counts.ties,
        times_in_histories: counts
            .times
            .map(|(oldest, newest)| [oldest, newest].map(instant_text)),
    }
}

/// Rows of a source whose one type does not count.
fn of_other_types(job: &Job, source: &ActionSource, stats: &ActionStats) -> u64 {
    match source.types {
        Types::Constant(code) if !job.counts_type(code) => stats.rows,
        _ => 0,
    }
}

/// The code of a source's actions, if they have only one, and no other source has it.
fn own_code(job: &Job, source: &ActionSource) -> Option<u8> {
    let Types::Constant(code) = source.types else {
        return None;
    };
    let sources = job
        .sequences()
        .actions
        .iter()
        .filter(|source| source.codes().contains(&code));
    (sources.count() == 1).then_some(code)
}

/// The impressions that the job drops as guests', of a day.
fn guests_dropped(job: &Job, stats: &ImpressionStats) -> u64 {
    match job.sequences().guests {
        Guests::Drop => stats.guests,
        Guests::Empty => 0,
    }
}

/// The counts of a day in the manifest.
pub(super) fn day_counts(job: &Job, day: &DayTotals) -> SequenceDayCounts {
    let (stats, histories) = (&day.impressions, &day.stats.histories);
    SequenceDayCounts {
        impressions: stats.impressions,
        guests: stats.guests,
        guests_dropped: guests_dropped(job, stats),
        impressions_without_items: stats.without_items,
        impressions_rejected: stats.rejected,
        duplicate_impressions: day.duplicates,
        items: stats.items,
        null_labels: stats.null_labels,
        unknown_items: stats.unknown_items,
        negatives_left_out: stats.negatives_left_out,
        impressions_sampled_away: stats.sampled_away,
        rows: day.rows,
        samples: histories.samples(),
        samples_without_history: histories.of_length(0),
        samples_with_full_history: histories.of_length(job.sequences().actions_limit()),
        history_actions: histories.actions(),
    }
}
