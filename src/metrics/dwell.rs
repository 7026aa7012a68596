//! The metrics of `dwell`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{JobMetrics, MissingDays, RejectedRows, add, add_each, ratio};
use crate::job::JobKind;
use crate::manifest::DwellCounts;
use crate::warnings::WarningEntry;

/// The seconds of stays, by class: the exponent of the number and the first five bits of its fraction, so
/// that a class is at most a thirty-second of its start wide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StaySeconds(Vec<u64>);

/// Bits of a number that a class leaves out.
const BITS_LEFT_OUT: u32 = 52 - 5;

impl StaySeconds {
    /// Counts a stay; its seconds are never negative.
    #[inline]
    pub(crate) fn add(&mut self, seconds: f64) {
        // The sign bit is 0, so there are at most 2^16 classes.
        let class = usize::try_from(seconds.to_bits() >> BITS_LEFT_OUT).unwrap_or(usize::MAX);
        if self.0.len() <= class {
            self.0.resize(class + 1, 0);
        }
        self.0[class] += 1;
    }

    /// Adds other stays.
    pub(crate) fn merge(&mut self, other: &StaySeconds) {
        add_each(&mut self.0, &other.0);
    }

    /// Classes that have stays.
    pub(crate) fn classes(&self) -> Vec<StayClass> {
        let all = (0_u64..).zip(&self.0).filter(|(_, stays)| **stays > 0);
        let classes = all.map(|(class, stays)| StayClass {
            from_seconds: f64::from_bits(class << BITS_LEFT_OUT),
            rows: *stays,
        });
        classes.collect()
    }
}

/// The metrics of a set of `dwell`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DwellMetrics {
    #[serde(default)]
    pub(crate) warnings: Vec<WarningEntry>,
    pub(crate) counts: StayCounts,
    /// The findings of the run as a whole.
    pub(crate) run: Option<DwellRun>,
}

/// The counts of the set, and how long stays are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StayCounts {
    /// The same as in the manifest.
    #[serde(flatten)]
    pub(crate) all: DwellCounts,
    /// Rows of users, by class of their seconds.
    pub(crate) avg_seconds: Vec<StayClass>,
}

/// Stays of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StayClass {
    pub(crate) from_seconds: f64,
    pub(crate) rows: u64,
}

/// The findings of a run as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DwellRun {
    /// Rows that could not be used.
    pub(crate) rejected: RejectedRows,
    /// Sources of which no row was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unused_sources: Option<u64>,
}

/// Scalar metrics.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DwellScalars {
    pub(crate) rows: u64,
    pub(crate) merchant_rows: u64,
    pub(crate) users: u64,
    pub(crate) merchants: u64,
    pub(crate) events: u64,
    pub(crate) opens: u64,
    pub(crate) duplicate_events: u64,
    pub(crate) duplicate_events_pct: Option<f64>,
    pub(crate) null_users: u64,
    pub(crate) null_flyers: u64,
    pub(crate) null_merchants: u64,
    pub(crate) zero_seconds_pct: Option<f64>,
    pub(crate) p50_seconds: Option<f64>,
    pub(crate) p90_seconds: Option<f64>,
    pub(crate) p95_seconds: Option<f64>,
    pub(crate) p99_seconds: Option<f64>,
    pub(crate) rejected_rows: Option<u64>,
    pub(crate) unused_sources: Option<u64>,
}

impl JobMetrics for DwellMetrics {
    const JOB_KIND: JobKind = JobKind::Dwell;
    type Counts = StayCounts;
    type Scalars = DwellScalars;

    fn counts(&self) -> &StayCounts {
        &self.counts
    }

    fn warnings(&self) -> &[WarningEntry] {
        &self.warnings
    }

    fn rejected(&self) -> Option<&RejectedRows> {
        self.run.as_ref().map(|run| &run.rejected)
    }

    fn missing(&mut self) -> Option<&mut MissingDays> {
        None
    }

    fn merge(&mut self, later: &DwellMetrics) {
        let (own, more) = (self.counts.all.clone(), &later.counts.all);
        let sum = |own: u64, more: u64| own.saturating_add(more);
        let either = |own: Option<u64>, more: Option<u64>| match (own, more) {
            (None, None) => None,
            (own, more) => Some(sum(own.unwrap_or(0), more.unwrap_or(0))),
        };
        self.counts.all = DwellCounts {
            // A user of two days counts twice.
            users: sum(own.users, more.users),
            merchants: sum(own.merchants, more.merchants),
            user_merchant_rows: sum(own.user_merchant_rows, more.user_merchant_rows),
            merchant_rows: sum(own.merchant_rows, more.merchant_rows),
            user_rows: either(own.user_rows, more.user_rows),
            flyer_rows: either(own.flyer_rows, more.flyer_rows),
            // The others are of the run.
            ..more.clone()
        };
        let mut classes: BTreeMap<u64, u64> = BTreeMap::new();
        let own = &mut self.counts.avg_seconds;
        for class in own.iter().chain(&later.counts.avg_seconds) {
            // Seconds are never negative, so bits are in the order of numbers.
            let rows = classes.entry(class.from_seconds.to_bits()).or_default();
            add(rows, class.rows);
        }
        let classes = classes.into_iter().map(|(bits, rows)| StayClass {
            from_seconds: f64::from_bits(bits),
            rows,
        });
        *own = classes.collect();
        self.warnings.clone_from(&later.warnings);
        self.run.clone_from(&later.run);
    }

    fn scalars(&self) -> DwellScalars {
        let counts = &self.counts.all;
        let zero = self.counts.avg_seconds.iter();
        // Class 0 has nothing but 0: a microsecond, divided among any events, is far above it.
        let zero = zero.filter(|class| class.from_seconds.to_bits() == 0);
        let zero = zero.map(|class| class.rows).sum();
        let run = self.run.as_ref();
        DwellScalars {
            rows: counts.user_merchant_rows,
            merchant_rows: counts.merchant_rows,
            users: counts.users,
            merchants: counts.merchants,
            events: counts.events,
            opens: counts.opens,
            duplicate_events: counts.duplicate_events,
            duplicate_events_pct: ratio(counts.duplicate_events, counts.events),
            null_users: counts.null_users,
            null_flyers: counts.null_flyers,
            null_merchants: counts.null_merchants,
            zero_seconds_pct: ratio(zero, counts.user_merchant_rows),
            p50_seconds: self.counts.quantile(50),
            p90_seconds: self.counts.quantile(90),
            p95_seconds: self.counts.quantile(95),
            p99_seconds: self.counts.quantile(99),
            rejected_rows: self.rejected().map(|rejected| rejected.rows),
            unused_sources: run.and_then(|run| run.unused_sources),
        }
    }
}

impl StayCounts {
    /// The start of the class that holds the row of that rank, if there are rows.
    fn quantile(&self, per_cent: u64) -> Option<f64> {
        let rank = (self.all.user_merchant_rows * per_cent)
            .div_ceil(100)
            .max(1);
        let mut rows = 0;
        let class = self.avg_seconds.iter().find(|class| {
            rows += class.rows;
            rows >= rank
        });
        class.map(|class| class.from_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_a_thirty_second_off_at_most() {
        let mut seconds = StaySeconds::default();
        for n in 1..=1000_u32 {
            seconds.add(f64::from(n) * 0.7);
        }
        let all = DwellCounts {
            user_merchant_rows: 1000,
            ..DwellCounts::default()
        };
        let metrics = DwellMetrics {
            counts: StayCounts {
                all,
                avg_seconds: seconds.classes(),
            },
            ..DwellMetrics::default()
        };
        let scalars = metrics.scalars();
        for (quantile, exact) in [(scalars.p50_seconds, 350.0), (scalars.p95_seconds, 665.0)] {
            let quantile = quantile.expect("a number");
            assert!(
                quantile <= exact && quantile > exact * (1.0 - 1.0 / 32.0),
                "{quantile}"
            );
        }
        assert_eq!(scalars.zero_seconds_pct, Some(0.0));
    }
}
