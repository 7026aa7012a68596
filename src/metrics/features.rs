//! The metrics of `features`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{JobMetrics, MissingDays, RejectedRows, add, gaps, ratio, serialize_counts};
use crate::job::JobKind;
use crate::manifest::ClickFindings;
use crate::warnings::WarningEntry;

/// Classes of prior counts: none, one, two, and then each twice as wide as the one before.
pub(crate) const CLASSES: usize = 34;

/// The metrics of a set, or of a day of one, of `features`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FeatureMetrics {
    /// The missing days of sources.
    #[serde(rename = "missing_days_by_source", default)]
    pub(crate) missing: MissingDays,
    #[serde(default)]
    pub(crate) warnings: Vec<WarningEntry>,
    #[serde(serialize_with = "serialize_counts")]
    pub(crate) counts: FeatureCounts,
    /// The findings of the run as a whole.
    pub(crate) run: Option<FeatureRun>,
}

/// Counts of some rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FeatureCounts {
    pub(crate) rows: u64,
    /// Of them, followed by a click.
    pub(crate) clicked: u64,
    /// Rows too new for their label to be complete.
    #[serde(rename = "label_incomplete")]
    pub(crate) incomplete: u64,
    /// Followed by a click, and old enough for their label to be complete.
    pub(crate) clicked_complete: u64,
    /// Rows of a listing that no file has.
    pub(crate) unknown_listings: u64,
    /// Rows of a listing without category, or that no file has.
    pub(crate) null_categories: u64,
    pub(crate) null_prices: u64,
    /// The same, without a day of creation.
    pub(crate) null_ages: u64,
    /// Rows older than their listing.
    pub(crate) negative_ages: u64,
    /// Prior clicks of all time, of the listing.
    pub(crate) prior_listing_clicks: PriorCounts,
    /// The same of the user.
    pub(crate) prior_user_clicks: PriorCounts,
}

/// Prior counts of some rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PriorDocument", into = "PriorDocument")]
pub(crate) struct PriorCounts {
    pub(crate) sum: u64,
    pub(crate) max: u64,
    pub(crate) classes: [u64; CLASSES],
}

/// The same as it is written: rows by the largest count of their class.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct PriorDocument {
    sum: u64,
    max: u64,
    /// Rows by class, up to the last class that has any.
    rows_up_to: BTreeMap<u64, u64>,
}

/// The findings of a run as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FeatureRun {
    /// Rows of clicks and listings.
    #[serde(flatten)]
    pub(crate) findings: ClickFindings,
    /// Sources of which no row was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unused_sources: Option<u64>,
    /// Rows that could not be used.
    #[serde(default)]
    pub(crate) rejected: RejectedRows,
}

/// Scalar metrics.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FeatureScalars {
    pub(crate) rows: u64,
    pub(crate) clicked_pct: Option<f64>,
    pub(crate) label_complete_pct: Option<f64>,
    pub(crate) label_rate: Option<f64>,
    pub(crate) unknown_listing_pct: Option<f64>,
    pub(crate) null_category_pct: Option<f64>,
    pub(crate) null_price_pct: Option<f64>,
    pub(crate) null_listing_age_pct: Option<f64>,
    pub(crate) negative_ages: u64,
    pub(crate) negative_age_pct: Option<f64>,
    pub(crate) prior_listing_clicks_mean: Option<f64>,
    pub(crate) prior_listing_clicks_zero_pct: Option<f64>,
    pub(crate) prior_user_clicks_mean: Option<f64>,
    pub(crate) prior_user_clicks_zero_pct: Option<f64>,
    pub(crate) clicks: u64,
    pub(crate) clicks_without_user_pct: Option<f64>,
    pub(crate) repeated_clicks: u64,
    pub(crate) repeated_clicks_pct: Option<f64>,
    pub(crate) rejected_rows: Option<u64>,
    pub(crate) unused_sources: Option<u64>,
    pub(crate) missing_days: Option<u64>,
}

impl JobMetrics for FeatureMetrics {
    const JOB_KIND: JobKind = JobKind::Features;
    type Counts = FeatureCounts;
    type Scalars = FeatureScalars;

    fn counts(&self) -> &FeatureCounts {
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

    fn merge(&mut self, later: &FeatureMetrics) {
        self.counts.merge(&later.counts);
        gaps::unite(&mut self.missing, &later.missing);
        self.warnings.clone_from(&later.warnings);
        self.run.clone_from(&later.run);
    }

    fn scalars(&self) -> FeatureScalars {
        let counts = &self.counts;
        let complete = counts.rows.saturating_sub(counts.incomplete);
        let of_rows = |count| ratio(count, counts.rows);
        let run = self.run.as_ref();
        let clicks = run
            .map(|run| run.findings.clicks.clone())
            .unwrap_or_default();
        let repeated = clicks.repeated.unwrap_or(0);
        FeatureScalars {
            rows: counts.rows,
            clicked_pct: of_rows(counts.clicked),
            label_complete_pct: of_rows(complete),
            // Of complete labels only: an incomplete one may still become a click.
            label_rate: ratio(counts.clicked_complete, complete),
            unknown_listing_pct: of_rows(counts.unknown_listings),
            null_category_pct: of_rows(counts.null_categories),
            null_price_pct: of_rows(counts.null_prices),
            null_listing_age_pct: of_rows(counts.null_ages),
            negative_ages: counts.negative_ages,
            negative_age_pct: of_rows(counts.negative_ages),
            prior_listing_clicks_mean: of_rows(counts.prior_listing_clicks.sum),
            prior_listing_clicks_zero_pct: of_rows(counts.prior_listing_clicks.classes[0]),
            prior_user_clicks_mean: of_rows(counts.prior_user_clicks.sum),
            prior_user_clicks_zero_pct: of_rows(counts.prior_user_clicks.classes[0]),
            clicks: clicks.rows,
            clicks_without_user_pct: ratio(clicks.without_user, clicks.rows),
            repeated_clicks: repeated,
            repeated_clicks_pct: ratio(repeated, clicks.on_listings.unwrap_or(0)),
            rejected_rows: self.rejected().map(|rejected| rejected.rows),
            unused_sources: run.and_then(|run| run.unused_sources),
            missing_days: gaps::total(&self.missing),
        }
    }
}

impl FeatureCounts {
    /// Adds the counts of other rows.
    pub(crate) fn merge(&mut self, other: &FeatureCounts) {
        for (own, more) in [
            (&mut self.rows, other.rows),
            (&mut self.clicked, other.clicked),
            (&mut self.incomplete, other.incomplete),
            (&mut self.clicked_complete, other.clicked_complete),
            (&mut self.unknown_listings, other.unknown_listings),
            (&mut self.null_categories, other.null_categories),
            (&mut self.null_prices, other.null_prices),
            (&mut self.null_ages, other.null_ages),
            (&mut self.negative_ages, other.negative_ages),
        ] {
            add(own, more);
        }
        self.prior_listing_clicks.merge(&other.prior_listing_clicks);
        self.prior_user_clicks.merge(&other.prior_user_clicks);
    }
}

impl Default for PriorCounts {
    fn default() -> PriorCounts {
        PriorCounts {
            sum: 0,
            max: 0,
            classes: [0; CLASSES],
        }
    }
}

impl PriorCounts {
    /// Counts a row.
    #[inline]
    pub(crate) fn add(&mut self, count: u32) {
        let class = match count {
            0 => 0,
            // A count of 1 gives 32 leading zeros and class 1; the largest count gives class 33,
            // the last.
            count => 33 - (count - 1).leading_zeros(),
        };
        self.sum += u64::from(count);
        self.max = self.max.max(u64::from(count));
        self.classes[crate::ids::index(class)] += 1;
    }

    /// Adds other rows.
    fn merge(&mut self, other: &PriorCounts) {
        add(&mut self.sum, other.sum);
        self.max = self.max.max(other.max);
        let classes = self.classes.iter_mut().zip(other.classes);
        classes.for_each(|(own, more)| add(own, more));
    }

    /// Rows by the largest count of their class, up to the last class that has any.
    pub(crate) fn rows_up_to(&self) -> BTreeMap<u64, u64> {
        let last = self.classes.iter().rposition(|rows| *rows > 0);
        let classes = self.classes.iter().take(last.map_or(0, |last| last + 1));
        let classes = classes.enumerate();
        classes.map(|(class, rows)| (upper(class), *rows)).collect()
    }
}

/// The largest count of a class.
fn upper(class: usize) -> u64 {
    match class {
        0 => 0,
        class => 1 << (class - 1),
    }
}

impl From<PriorCounts> for PriorDocument {
    fn from(counts: PriorCounts) -> PriorDocument {
        PriorDocument {
            sum: counts.sum,
            max: counts.max,
            rows_up_to: counts.rows_up_to(),
        }
    }
}

impl From<PriorDocument> for PriorCounts {
    fn from(document: PriorDocument) -> PriorCounts {
        let mut classes = [0; CLASSES];
        for (class, rows) in classes.iter_mut().enumerate() {
            *rows = document.rows_up_to.get(&upper(class)).copied().unwrap_or(0);
        }
        PriorCounts {
            sum: document.sum,
            max: document.max,
            classes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::count64;

    #[test]
    fn every_count_is_in_the_class_that_ends_with_it_or_after_it() {
        for count in [0, 1, 2, 3, 4, 5, 8, 9, 1 << 31, u32::MAX] {
            let mut prior = PriorCounts::default();
            prior.add(count);
            let class = prior
                .classes
                .iter()
                .position(|rows| *rows == 1)
                .expect("one");
            assert!(u64::from(count) <= upper(class), "{count}");
            assert!(class == 0 || u64::from(count) > upper(class - 1), "{count}");
        }
        assert_eq!(upper(CLASSES - 1), 1 << (count64(CLASSES) - 2));
    }

    #[test]
    fn classes_come_back() {
        let mut prior = PriorCounts::default();
        for count in [0, 3, 1 << 31, u32::MAX] {
            prior.add(count);
        }
        let text = serde_json::to_string(&prior).expect("JSON");
        assert!(
            text.contains(r#""rows_up_to":{"0":1,"1":0,"2":0,"4":1,"#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<PriorCounts>(&text).ok(), Some(prior));
        let none = serde_json::to_string(&PriorCounts::default()).expect("JSON");
        assert_eq!(none, r#"{"sum":0,"max":0,"rows_up_to":{}}"#);
    }
}
