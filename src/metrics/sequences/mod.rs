//! The metrics of `sequences`.

mod counts;
mod distributions;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use self::counts::SequenceCounts;
pub(crate) use self::distributions::{Distributions, SpanClass};
use super::{
    JobMetrics, LandedLate, MissingDays, RejectedRows, TOP_MAX, add, gaps, landed, ratio,
    serialize_counts,
};
use crate::ids::Day;
use crate::job::JobKind;
use crate::kernel::history_stats::HistoryStats;
use crate::manifest::SourceFindings;
use crate::warnings::WarningEntry;

/// The metrics of a set, or of a day of one, of `sequences`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SequenceMetrics {
    /// Samples by the length of their history.
    #[serde(rename = "sequence_length_distribution", default)]
    pub(crate) lengths: BTreeMap<u64, u64>,
    /// The most samples that one customer has on one day.
    #[serde(default)]
    pub(crate) top_customers: Vec<TopCustomer>,
    /// The missing days of sources.
    #[serde(rename = "missing_days_by_source", default)]
    pub(crate) missing: MissingDays,
    #[serde(default)]
    pub(crate) warnings: Vec<WarningEntry>,
    #[serde(serialize_with = "serialize_counts")]
    pub(crate) counts: SequenceCounts,
    /// The findings of the run as a whole.
    pub(crate) run: Option<SequenceRun>,
}

/// A customer with many samples on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TopCustomer {
    pub(crate) customer_id: CustomerId,
    pub(crate) day: Day,
    pub(crate) samples: u64,
}

/// The id of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum CustomerId {
    /// An integer.
    Int(i64),
    /// A text.
    Text(String),
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CustomerId::Int(id) => id.fmt(f),
            CustomerId::Text(id) => id.fmt(f),
        }
    }
}

/// The findings of a run as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SequenceRun {
    /// Rows of actions by source.
    pub(crate) actions: SourceFindings,
    /// Rows that could not be used.
    pub(crate) rejected: RejectedRows,
    /// Sources of which no row was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unused_sources: Option<u64>,
    /// Actions on items that the vocabulary lacks, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) actions_on_unknown_items: Option<u64>,
}

/// Scalar metrics.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SequenceScalars {
    pub(crate) rows: u64,
    pub(crate) samples: u64,
    pub(crate) impressions: u64,
    pub(crate) customer_days: u64,
    pub(crate) zero_history_pct: Option<f64>,
    pub(crate) avg_history_length: Option<f64>,
    pub(crate) truncated_pct: Option<f64>,
    pub(crate) label_rate: Option<f64>,
    pub(crate) null_label_pct: Option<f64>,
    pub(crate) duplicate_actions_pct: Option<f64>,
    pub(crate) tied_actions_pct: Option<f64>,
    pub(crate) newest_action_age_mean_seconds: Option<f64>,
    pub(crate) newest_action_age_max_seconds: Option<u64>,
    pub(crate) full_history_span_mean_seconds: Option<f64>,
    pub(crate) top_customer_samples: Option<u64>,
    pub(crate) guests_dropped: u64,
    pub(crate) impressions_without_items: u64,
    pub(crate) null_labels_dropped: u64,
    pub(crate) unknown_items_dropped: u64,
    pub(crate) duplicate_impressions: u64,
    pub(crate) actions_without_customer: u64,
    pub(crate) actions_never_available: u64,
    pub(crate) landed_late: Option<u64>,
    pub(crate) rejected_rows: Option<u64>,
    pub(crate) unused_sources: Option<u64>,
    pub(crate) missing_days: Option<u64>,
}

impl JobMetrics for SequenceMetrics {
    const JOB_KIND: JobKind = JobKind::Sequences;
    type Counts = SequenceCounts;
    type Scalars = SequenceScalars;

    fn counts(&self) -> &SequenceCounts {
        &self.counts
    }

    fn warnings(&self) -> &[WarningEntry] {
        &self.warnings
    }

    fn rejected(&self) -> Option<&RejectedRows> {
        self.run.as_ref().map(|run| &run.rejected)
    }

    fn missing(&mut self) -> Option<&mut MissingDays> {
        Some(&mut self.missing)
    }

    fn landed_late(&self) -> Option<&LandedLate> {
        self.counts.landed_late.as_ref()
    }

    fn merge(&mut self, later: &SequenceMetrics) {
        self.counts.merge(&later.counts);
        for (length, samples) in &later.lengths {
            add(self.lengths.entry(*length).or_default(), *samples);
        }
        self.top_customers
            .extend(later.top_customers.iter().cloned());
        // Stable: of equal ones that of the earlier day comes first.
        self.top_customers
            .sort_by_key(|customer| std::cmp::Reverse(customer.samples));
        self.top_customers.truncate(TOP_MAX);
        gaps::unite(&mut self.missing, &later.missing);
        self.warnings.clone_from(&later.warnings);
        self.run.clone_from(&later.run);
    }

    fn scalars(&self) -> SequenceScalars {
        let counts = &self.counts;
        let labels = counts.samples.saturating_sub(counts.samples_without_label);
        let of_samples = |count| ratio(count, counts.samples);
        let of_actions = |count| ratio(count, counts.history_actions);
        let run = self.run.as_ref();
        let sources = || {
            run.into_iter()
                .flat_map(|run| run.actions.by_source.values())
        };
        SequenceScalars {
            rows: counts.rows,
            samples: counts.samples,
            impressions: counts.impressions,
            customer_days: counts.customer_days,
            zero_history_pct: of_samples(counts.samples_without_history),
            avg_history_length: of_samples(counts.history_actions),
            truncated_pct: of_samples(counts.samples_with_full_history),
            label_rate: ratio(counts.positive_labels, labels),
            null_label_pct: of_samples(counts.samples_without_label),
            duplicate_actions_pct: of_actions(counts.duplicate_actions),
            tied_actions_pct: of_actions(counts.tied_actions),
            newest_action_age_mean_seconds: counts.newest_action_age.mean_seconds(),
            newest_action_age_max_seconds: counts.newest_action_age.max_seconds,
            full_history_span_mean_seconds: counts.full_history_span.mean_seconds(),
            top_customer_samples: self.top_customers.first().map(|customer| customer.samples),
            guests_dropped: counts.guests_dropped,
            impressions_without_items: counts.impressions_without_items,
            null_labels_dropped: counts.null_labels_dropped,
            unknown_items_dropped: counts.unknown_items_dropped,
            duplicate_impressions: counts.duplicate_impressions,
            actions_without_customer: sources().map(|source| source.null_customers).sum(),
            actions_never_available: sources().map(|source| source.never_available).sum(),
            landed_late: landed::total(counts.landed_late.as_ref()),
            rejected_rows: self.rejected().map(|rejected| rejected.rows),
            unused_sources: run.and_then(|run| run.unused_sources),
            missing_days: gaps::total(&self.missing),
        }
    }

    fn distributions(&self) -> Option<Distributions> {
        Some(Distributions::new(&self.counts))
    }
}

/// Samples by the length of their history.
pub(crate) fn lengths_of(histories: &HistoryStats) -> BTreeMap<u64, u64> {
    let lengths = (0..).zip(&histories.lengths);
    let present = lengths.filter(|(_, samples)| **samples > 0);
    present
        .map(|(length, samples)| (length, *samples))
        .collect()
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::distributions::TypeShares;
    use super::*;
    use crate::ids::{ActionType, Micros};
    use crate::kernel::history_stats::{Contents, HistorySummary};

    /// Metrics of a day with these customers.
    fn day(customers: &[(u64, &str)]) -> SequenceMetrics {
        let top = customers.iter().map(|(samples, id)| TopCustomer {
            customer_id: CustomerId::Text((*id).into()),
            day: Day(0),
            samples: *samples,
        });
        SequenceMetrics {
            top_customers: top.collect(),
            ..SequenceMetrics::default()
        }
    }

    #[test]
    fn counts_add_up_at_every_depth() {
        let read = |text: &str| -> SequenceCounts { serde_json::from_str(text).expect("counts") };
        let mut all = read(
            r#"{"rows": 1, "max_actions": 3, "actions_by_type": {"3": 2}, "actions_by_position": [{"1": 2}, {}],
            "newest_action_age": {"min_seconds": null, "max_seconds": 3, "samples_by_class": [1, 2]}}"#,
        );
        all.merge(&read(
            r#"{"rows": 4, "max_actions": 2, "actions_by_type": {"1": 1, "3": 5}, "actions_by_position": [{"1": 3}, {"2": 7}],
            "newest_action_age": {"min_seconds": 8, "max_seconds": 2, "samples_by_class": [1, 1]}}"#,
        ));
        assert_eq!((all.rows, all.max_actions), (5, 3));
        assert!(all.actions_by_type.iter().eq([(&3, &7), (&1, &1)]));
        let places = [IndexMap::from([(1, 5)]), IndexMap::from([(2, 7)])];
        assert_eq!(all.actions_by_position, places);
        let age = &all.newest_action_age;
        assert_eq!((age.min_seconds, age.max_seconds), (Some(8), Some(3)));
        assert_eq!(age.samples_by_class, [2, 3]);
    }

    #[test]
    fn the_largest_come_first_and_of_equal_ones_the_earlier() {
        let mut all = day(&[(5, "a"), (2, "b")]);
        all.merge(&day(&[(7, "c"), (5, "d")]));
        let ids = all.top_customers.iter();
        let ids: Vec<String> = ids.map(|top| top.customer_id.to_string()).collect();
        assert_eq!(ids, ["c", "a", "d", "b"]);
    }

    #[test]
    fn shares_are_of_all_places_or_of_real_actions() {
        let mut histories = HistoryStats::default();
        let mut contents = Contents::default();
        let kinds = [1, 2, 1].map(ActionType);
        let times = [0, 5, 9].map(|s| Micros(s * 1_000_000));
        contents.of_run(&kinds, &[1, 2].map(ActionType), &times, 0, 0);
        let asked = |samples, length, age| HistorySummary {
            samples,
            length,
            is_full: false,
            newest_age_us: age,
        };
        histories.add(asked(3, 3, Some(60_000_000)), &contents);
        histories.add(asked(1, 0, None), &contents);
        let metrics = SequenceMetrics {
            counts: SequenceCounts {
                rows: 4,
                ..SequenceCounts::new(&histories, Some(4))
            },
            lengths: lengths_of(&histories),
            ..SequenceMetrics::default()
        };
        assert_eq!(metrics.lengths, BTreeMap::from([(0, 1), (3, 3)]));
        let one = metrics.scalars();
        assert_eq!(one.zero_history_pct, Some(0.25));
        assert_eq!(one.avg_history_length, Some(2.25));
        assert_eq!(one.newest_action_age_max_seconds, Some(60));
        assert_eq!(one.label_rate, Some(0.0));
        let all = metrics.distributions().expect("distributions");
        let everywhere = [(0, 7.0), (1, 6.0), (2, 3.0)].map(|(code, n)| (code, Some(n / 16.0)));
        assert_eq!(all.action_type_distribution, TypeShares::from(everywhere));
        let real = [(1, Some(6.0 / 9.0)), (2, Some(3.0 / 9.0))];
        assert_eq!(all.real_action_type_distribution, TypeShares::from(real));
        let places = &all.action_type_frequency_by_position;
        assert_eq!(places.len(), 4);
        assert_eq!(
            places[1],
            TypeShares::from([(0, Some(0.25)), (2, Some(0.75))])
        );
        assert_eq!(all.newest_action_age_distribution[1].samples, 3);
    }
}
