//! Counts of `sequences` to distributions.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Serialize;

use super::counts::{ByCode, SequenceCounts, SpanCounts};
use crate::kernel::history_stats::SPAN_ENDS;
use crate::metrics::ratio;

/// Shares by the code of an action; code 0 is padding.
pub(super) type TypeShares = IndexMap<u8, Option<f64>>;

/// Distributions of action types, and of spans.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Distributions {
    /// Of all places of all histories.
    pub(crate) action_type_distribution: TypeShares,
    pub(crate) real_action_type_distribution: TypeShares,
    /// At each of the first places.
    pub(crate) action_type_frequency_by_position: Vec<TypeShares>,
    /// Of the newest action of each history.
    pub(crate) newest_action_age_distribution: Vec<SpanClass>,
    pub(crate) full_history_span_distribution: Vec<SpanClass>,
}

/// Samples whose span is of one class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SpanClass {
    pub(crate) from_seconds: u64,
    /// Where it ends, if it does.
    pub(crate) below_seconds: Option<u64>,
    pub(crate) samples: u64,
}

impl Distributions {
    /// The distributions of some counts.
    pub(super) fn new(counts: &SequenceCounts) -> Distributions {
        // The counts of a set are read from files, where the product may exceed 64 bits.
        let places = u128::from(counts.samples) * u128::from(counts.max_actions);
        let places = u64::try_from(places).unwrap_or(u64::MAX);
        let by_position = counts.actions_by_position.iter();
        Distributions {
            action_type_distribution: padded_shares(&counts.actions_by_type, places),
            real_action_type_distribution: shares(&counts.actions_by_type, counts.history_actions)
                .collect(),
            action_type_frequency_by_position: by_position
                .map(|by_type| padded_shares(by_type, counts.samples))
                .collect(),
            newest_action_age_distribution: classes(&counts.newest_action_age),
            full_history_span_distribution: classes(&counts.full_history_span),
        }
    }
}

/// Counts by code as shares, in the order of codes.
fn shares(counts: &ByCode, whole: u64) -> impl Iterator<Item = (u8, Option<f64>)> {
    // Merged counts are in the order in which days brought the codes.
    let counts: BTreeMap<u8, u64> = counts.iter().map(|(code, count)| (*code, *count)).collect();
    let shares = counts.into_iter();
    shares.map(move |(code, count)| (code, ratio(count, whole)))
}

/// The same, with the remaining places as padding, code 0.
fn padded_shares(counts: &ByCode, whole: u64) -> TypeShares {
    let known: u64 = counts.values().sum();
    let padding = (0, ratio(whole.saturating_sub(known), whole));
    [padding].into_iter().chain(shares(counts, whole)).collect()
}

/// Samples by class, each with its bounds.
fn classes(spans: &SpanCounts) -> Vec<SpanClass> {
    let starts = [0].into_iter().chain(SPAN_ENDS);
    let ends = SPAN_ENDS.into_iter().map(Some).chain([None]);
    let bounds = starts.zip(ends);
    let classes = spans.samples_by_class.iter().zip(bounds);
    let classes = classes.map(|(samples, (from_seconds, below_seconds))| SpanClass {
        from_seconds,
        below_seconds,
        samples: *samples,
    });
    classes.collect()
}
