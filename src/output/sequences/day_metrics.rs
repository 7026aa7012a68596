//! The metrics of a day.
//!
//! **In / Out**: [`SequencesRead`], the rows of a day and their statistics → [`SequenceMetrics`]. **Cost**:
//! one pass over the impressions of the day, for the customers.

use std::cmp::Reverse;

use super::SequencesRead;
use super::rows::DayProbes;
use crate::encode::RowStats;
use crate::ids::{Item, count64, index};
use crate::job::{Guests, Job, NullLabel};
use crate::kernel::column::Customer;
use crate::manifest::ActionFindings;
use crate::metrics::{
    CustomerId, LandedLate, Reach, RejectedRows, SequenceCounts, SequenceMetrics, SequenceRun,
    SourceDays, TOP_MAX, TopCustomer, lengths_of, missing_days,
};
use crate::scan::bad_rows::Rejected;
use crate::warnings::{Noticed, entries};

/// What the metrics of all days of a run share.
pub(super) struct RunMetrics<'a> {
    /// What [`run_findings`] gives.
    pub(super) run: SequenceRun,
    pub(super) noticed: &'a Noticed,
    /// The days that sources of actions have files of.
    pub(super) source_days: Vec<SourceDays>,
}

/// The metrics of a day.
pub(super) fn day_metrics<I: Item>(
    job: &Job,
    read: &SequencesRead<I>,
    day: &DayProbes,
    rows: &RowStats,
    duplicates: u64,
    of_run: &RunMetrics<'_>,
) -> SequenceMetrics {
    let own = job.sequences();
    let reach = Reach::new(job.kind(), own.cutoff, own.lookback());
    let stats = &read.days[&day.day];
    let (customer_days, top_customers) = customers_of(read, day);
    let count_if = |is_counted: bool, count: u64| if is_counted { count } else { 0 };
    let histories = &rows.histories;
    let late = histories.landed_late.iter().copied();
    // The list ends with the last source of which an action landed late.
    let late = late.chain(std::iter::repeat(0));
    let landed_late: LandedLate = landings(job, read)
        .into_iter()
        .zip(late)
        .map(|((source, is_known), late)| (source, is_known.then_some(late)))
        .collect();
    SequenceMetrics {
        lengths: lengths_of(histories),
        top_customers,
        missing: missing_days(reach, &of_run.source_days, day.day),
        warnings: entries(&of_run.noticed.warnings),
        counts: SequenceCounts {
            rows: day.rows_count(),
            impressions: stats.impressions,
            customer_days,
            guests: stats.guests,
            guests_dropped: count_if(own.guests == Guests::Drop, stats.guests),
            impressions_without_items: stats.without_items,
            impressions_rejected: stats.rejected,
            duplicate_impressions: duplicates,
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
pub(super) fn landings<I>(job: &Job, read: &SequencesRead<I>) -> Vec<(String, bool)> {
    let sources = job.sequences().actions.iter().map(|action| {
        let mut files = read
            .inputs
            .sources
            .iter()
            .filter(|files| files.source == action.source);
        let is_known = files.all(|source| source.files.iter().all(|file| file.day.is_some()));
        (
            action.source.name().to_owned(),
            is_known || job.waits_for_landing(action.source),
        )
    });
    sources.collect()
}

/// The number of customers of a day, and those with the most samples. Rows are sorted by customer, so
/// those of a customer are adjacent.
fn customers_of<I: Item>(read: &SequencesRead<I>, day: &DayProbes) -> (u64, Vec<TopCustomer>) {
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
        // The customer breaks ties, so which of equal ones are listed is fixed.
        let entry = (Reverse(count64(items.sum())), customer);
        if top.len() < TOP_MAX || top.last().is_some_and(|last| entry < *last) {
            let rank = top.partition_point(|other| *other < entry);
            top.insert(rank, entry);
            top.truncate(TOP_MAX);
        }
    }
    let top = top.into_iter().filter_map(|(samples, customer)| {
        Some(TopCustomer {
            customer_id: match customer {
                Customer::Guest => return None,
                Customer::Int(id) => CustomerId::Int(id),
                Customer::Text(id) => CustomerId::Text(id.to_owned()),
            },
            day: day.day,
            samples: samples.0,
        })
    });
    (count, top.collect())
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
