//! The counts of a day of `sequences`.
//!
//! **In / Out**: [`HistoryStats`] → counts, which add up over days.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::ids::index;
use crate::kernel::history_stats::{CODES, HistoryStats, PLACES, SpanStats};
use crate::metrics::{LandedLate, add, add_each, landed, ratio};

/// Counts by the code of an action, in the order in which codes were added.
pub(super) type ByCode = IndexMap<u8, u64>;

/// Counts of impressions, rows and histories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SequenceCounts {
    pub(crate) rows: u64,
    /// Impressions that they were made from.
    pub(crate) impressions: u64,
    /// Customers of each day, added up.
    pub(crate) customer_days: u64,
    pub(crate) guests: u64,
    pub(crate) guests_dropped: u64,
    pub(crate) impressions_without_items: u64,
    /// Impressions that could not be used.
    pub(crate) impressions_rejected: u64,
    /// Impressions that repeat another one.
    pub(crate) duplicate_impressions: u64,
    /// Items without a label that were left out.
    pub(crate) null_labels_dropped: u64,
    /// Items that the vocabulary lacks and that were left out.
    pub(crate) unknown_items_dropped: u64,
    pub(crate) samples: u64,
    pub(crate) samples_without_history: u64,
    /// Samples with a history as long as it can be.
    pub(crate) samples_with_full_history: u64,
    pub(crate) history_actions: u64,
    pub(crate) positive_labels: u64,
    /// Samples whose label is null.
    pub(crate) samples_without_label: u64,
    /// Actions that repeat the next older one of their history.
    pub(crate) duplicate_actions: u64,
    /// Actions at the same time as the next older one, but not equal to it.
    pub(crate) tied_actions: u64,
    /// The most actions that a history may have; without a limit, those of the longest.
    pub(crate) max_actions: u64,
    /// Actions that landed late; not there in metrics of an earlier version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) landed_late: Option<LandedLate>,
    /// Actions in histories, by type.
    pub(crate) actions_by_type: ByCode,
    /// The same at each of the first places.
    pub(crate) actions_by_position: Vec<ByCode>,
    /// From the newest action of a history to its cutoff.
    pub(crate) newest_action_age: SpanCounts,
    /// From the oldest to the newest action of a full history.
    pub(crate) full_history_span: SpanCounts,
}

/// Spans of time, in whole seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SpanCounts {
    pub(crate) samples: u64,
    pub(crate) sum_seconds: u64,
    pub(crate) min_seconds: Option<u64>,
    pub(crate) max_seconds: Option<u64>,
    /// Samples by class, see [`SPAN_ENDS`](crate::kernel::history_stats::SPAN_ENDS).
    pub(crate) samples_by_class: Vec<u64>,
}

impl SequenceCounts {
    /// The counts of histories that have at most so many actions, if there is a limit; all others are 0.
    pub(crate) fn new(histories: &HistoryStats, actions_max: Option<u32>) -> SequenceCounts {
        let places = actions_max.map_or(PLACES, |max| PLACES.min(index(max)));
        let of_place = |at: usize| histories.places.get(at * CODES..(at + 1) * CODES);
        SequenceCounts {
            samples: histories.samples(),
            samples_without_history: histories.of_length(0),
            samples_with_full_history: actions_max.map_or(0, |max| histories.of_length(max)),
            history_actions: histories.actions(),
            positive_labels: histories.positives,
            samples_without_label: histories.null_labels,
            duplicate_actions: histories.duplicates,
            tied_actions: histories.ties,
            max_actions: actions_max.map_or_else(|| histories.longest(), u64::from),
            actions_by_type: by_code(&histories.kinds),
            actions_by_position: (0..places)
                .map(|at| by_code(of_place(at).unwrap_or(&[])))
                .collect(),
            newest_action_age: SpanCounts::from(&histories.newest_ages),
            full_history_span: SpanCounts::from(&histories.full_spans),
            ..SequenceCounts::default()
        }
    }

    /// Adds the counts of a later day.
    pub(super) fn merge(&mut self, later: &SequenceCounts) {
        for (own, more) in [
            (&mut self.rows, later.rows),
            (&mut self.impressions, later.impressions),
            (&mut self.customer_days, later.customer_days),
            (&mut self.guests, later.guests),
            (&mut self.guests_dropped, later.guests_dropped),
            (
                &mut self.impressions_without_items,
                later.impressions_without_items,
            ),
            (&mut self.impressions_rejected, later.impressions_rejected),
            (&mut self.duplicate_impressions, later.duplicate_impressions),
            (&mut self.null_labels_dropped, later.null_labels_dropped),
            (&mut self.unknown_items_dropped, later.unknown_items_dropped),
            (&mut self.samples, later.samples),
            (
                &mut self.samples_without_history,
                later.samples_without_history,
            ),
            (
                &mut self.samples_with_full_history,
                later.samples_with_full_history,
            ),
            (&mut self.history_actions, later.history_actions),
            (&mut self.positive_labels, later.positive_labels),
            (&mut self.samples_without_label, later.samples_without_label),
            (&mut self.duplicate_actions, later.duplicate_actions),
            (&mut self.tied_actions, later.tied_actions),
        ] {
            add(own, more);
        }
        self.max_actions = self.max_actions.max(later.max_actions);
        self.landed_late = landed::united(self.landed_late.as_ref(), later.landed_late.as_ref());
        merge_by_code(&mut self.actions_by_type, &later.actions_by_type);
        let places = self.actions_by_position.iter_mut();
        for (own, more) in places.zip(&later.actions_by_position) {
            merge_by_code(own, more);
        }
        self.newest_action_age.merge(&later.newest_action_age);
        self.full_history_span.merge(&later.full_history_span);
    }
}

/// Adds counts by code to others.
fn merge_by_code(own: &mut ByCode, more: &ByCode) {
    for (code, count) in more {
        add(own.entry(*code).or_default(), *count);
    }
}

impl SpanCounts {
    /// Adds the spans of a later day.
    fn merge(&mut self, later: &SpanCounts) {
        add(&mut self.samples, later.samples);
        add(&mut self.sum_seconds, later.sum_seconds);
        self.min_seconds = [self.min_seconds, later.min_seconds]
            .into_iter()
            .flatten()
            .min();
        self.max_seconds = self.max_seconds.max(later.max_seconds);
        add_each(&mut self.samples_by_class, &later.samples_by_class);
    }

    /// Their mean.
    pub(super) fn mean_seconds(&self) -> Option<f64> {
        ratio(self.sum_seconds, self.samples)
    }
}

impl From<&SpanStats> for SpanCounts {
    fn from(spans: &SpanStats) -> SpanCounts {
        let seconds = |us: u64| us / 1_000_000;
        SpanCounts {
            samples: spans.count,
            // Only the sum is cut to whole seconds. Cutting each span would lower the mean by half
            // a second on average.
            sum_seconds: u64::try_from(spans.sum_us / 1_000_000).unwrap_or(u64::MAX),
            min_seconds: spans.range_us.map(|range| seconds(range.0)),
            max_seconds: spans.range_us.map(|range| seconds(range.1)),
            samples_by_class: spans.classes.to_vec(),
        }
    }
}

/// Counts by code, of those codes that there are.
fn by_code(counts: &[u64]) -> ByCode {
    let present = (0..).zip(counts).filter(|(_, count)| **count > 0);
    present.map(|(code, count)| (code, *count)).collect()
}
