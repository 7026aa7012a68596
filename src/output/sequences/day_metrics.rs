//! The metrics of a day.
//!
//! **In / Out**: [`DayTotals`], and what all days of a run share → [`SequenceMetrics`].

use super::totals::DayTotals;
use crate::job::{Guests, Job, NullLabel};
use crate::manifest::ActionFindings;
use crate::metrics::{
    LandedLate, Reach, RejectedRows, SequenceCounts, SequenceMetrics, SequenceRun, SourceDays,
    lengths_of, missing_days,
};
use crate::scan::bad_rows::Rejected;
use crate::warnings::{Noticed, entries};

/// What the metrics of all days of a run share.
pub(super) struct RunMetrics<'a> {
    /// What [`run_findings`] gives.
    pub(super) run: SequenceRun,
    pub(super) noticed: &'a Noticed,
    /// The days that sources of actions have files of.
    pub(super) source_days: &'a [SourceDays],
}

/// The metrics of a day.
pub(super) fn day_metrics(job: &Job, day: &DayTotals, of_run: &RunMetrics<'_>) -> SequenceMetrics {
    let own = job.sequences();
    let reach = Reach::new(job.kind(), own.cutoff, own.lookback());
    let stats = &day.impressions;
    let count_if = |is_counted: bool, count: u64| if is_counted { count } else { 0 };
    let histories = &day.stats.histories;
    let late = histories.landed_late.iter().copied();
    // The list ends with the last source of which an action landed late.
    let late = late.chain(std::iter::repeat(0));
    let landed_late: LandedLate = landings(job, of_run.source_days)
        .into_iter()
        .zip(late)
        .map(|((source, is_known), late)| (source, is_known.then_some(late)))
        .collect();
    SequenceMetrics {
        lengths: lengths_of(histories),
        top_customers: day.top_customers.clone(),
        missing: missing_days(reach, of_run.source_days, day.day),
        warnings: entries(&of_run.noticed.warnings),
        counts: SequenceCounts {
            rows: day.rows,
            impressions: stats.impressions,
            customer_days: day.customers,
            guests: stats.guests,
            guests_dropped: count_if(own.guests == Guests::Drop, stats.guests),
            impressions_without_items: stats.without_items,
            impressions_rejected: stats.rejected,
            duplicate_impressions: day.duplicates,
            null_labels_dropped: count_if(own.null_label == NullLabel::Drop, stats.null_labels),
            unknown_items_dropped: stats.unknown_items,
            landed_late: Some(landed_late),
            ..SequenceCounts::new(histories, own.actions_max)
        },
        run: Some(of_run.run.clone()),
    }
}

/// The sources of actions, in the job's order, and whether the day that an action landed is known of all
/// their files: from their folders, or from the column of availability.
pub(super) fn landings(job: &Job, source_days: &[SourceDays]) -> Vec<(String, bool)> {
    let sources = job.sequences().actions.iter().map(|action| {
        let mut files = source_days.iter().filter(|(of, _)| *of == action.source);
        let is_known = files.all(|(_, days)| days.is_some());
        (
            action.source.name().to_owned(),
            is_known || job.waits_for_landing(action.source),
        )
    });
    sources.collect()
}

/// The findings of a run as a whole: its sources, and its rejected rows.
pub(super) fn run_findings(
    actions: &ActionFindings,
    rejected: &[Rejected],
    noticed: &Noticed,
) -> SequenceRun {
    SequenceRun {
        actions: actions.sources.clone(),
        rejected: RejectedRows::new(rejected),
        unused_sources: Some(noticed.unused_sources),
        actions_on_unknown_items: actions.unknown_items_left_out,
    }
}
