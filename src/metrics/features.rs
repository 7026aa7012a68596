//! The metrics of `features`.

use serde_json::{Map, Value, json};

use super::{Metrics, named, ratio};

/// Classes of prior counts: none, one, two, and then each twice as wide as the one before.
pub(crate) const CLASSES: usize = 34;

/// What the rows of a day hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FeatureCounts {
    /// Counts that stand as they are.
    pub(crate) plain: [(&'static str, u64); 9],
    /// Prior clicks of all time, of the listing and of the user.
    pub(crate) prior: [PriorCounts; 2],
}

/// Prior counts of some rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PriorCounts {
    /// Their sum.
    pub(crate) sum: u64,
    /// The largest.
    pub(crate) max: u64,
    /// Rows by class.
    pub(crate) classes: [u64; CLASSES],
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
    /// Takes note of a row.
    #[inline]
    pub(crate) fn add(&mut self, count: u32) {
        let class = match count {
            0 => 0,
            count => 33 - (count - 1).leading_zeros(),
        };
        self.sum += u64::from(count);
        self.max = self.max.max(u64::from(count));
        self.classes[crate::ids::index(class)] += 1;
    }

    /// Adds other rows.
    pub(crate) fn merge(&mut self, other: &PriorCounts) {
        self.sum += other.sum;
        self.max = self.max.max(other.max);
        let classes = self.classes.iter_mut().zip(other.classes);
        classes.for_each(|(own, more)| *own += more);
    }

    /// The counts, as values: rows by the largest count of their class.
    fn value(&self) -> Value {
        let there = self
            .classes
            .iter()
            .rposition(|rows| *rows > 0)
            .map_or(0, |last| last + 1);
        let classes = self.classes[..there].iter().enumerate();
        let classes = classes.map(|(class, rows)| (upper(class).to_string(), json!(rows)));
        json!({
            "sum": self.sum,
            "max": self.max,
            "rows_up_to": Value::Object(classes.collect()),
        })
    }
}

/// The largest count of a class.
fn upper(class: usize) -> u64 {
    match class {
        0 => 0,
        class => 1 << (class - 1),
    }
}

/// Counts of a day.
pub(crate) fn feature_counts(of: &FeatureCounts) -> Map<String, Value> {
    let mut counts: Map<String, Value> = Map::new();
    counts.extend(
        of.plain
            .map(|(name, count)| (name.to_owned(), json!(count))),
    );
    let names = ["prior_listing_clicks", "prior_user_clicks"];
    for (name, prior) in names.into_iter().zip(&of.prior) {
        counts.insert(name.to_owned(), prior.value());
    }
    counts
}

/// All that a single number says.
pub(super) fn scalars(of: &Metrics) -> Map<String, Value> {
    let rows = of.count("rows");
    let share = |name: &str| ratio(of.count(name), rows);
    let complete = rows.saturating_sub(of.count("label_incomplete"));
    let mean = |name: &str| ratio(of.count_in(name, "sum"), rows);
    let none = |name: &str| {
        let classes = of.counts.get(name).map(|of| &of["rows_up_to"]["0"]);
        ratio(classes.and_then(Value::as_u64).unwrap_or(0), rows)
    };
    let of_run = |name: &str| of.run["clicks"][name].as_u64().unwrap_or(0);
    named([
        ("rows", json!(rows)),
        ("clicked_pct", share("clicked")),
        ("label_complete_pct", ratio(complete, rows)),
        ("label_rate", ratio(of.count("clicked_complete"), complete)),
        ("unknown_listing_pct", share("unknown_listings")),
        ("null_category_pct", share("null_categories")),
        ("null_price_pct", share("null_prices")),
        ("null_listing_age_pct", share("null_ages")),
        ("negative_ages", json!(of.count("negative_ages"))),
        ("negative_age_pct", share("negative_ages")),
        ("prior_listing_clicks_mean", mean("prior_listing_clicks")),
        (
            "prior_listing_clicks_zero_pct",
            none("prior_listing_clicks"),
        ),
        ("prior_user_clicks_mean", mean("prior_user_clicks")),
        ("prior_user_clicks_zero_pct", none("prior_user_clicks")),
        ("clicks", json!(of_run("rows"))),
        (
            "clicks_without_user_pct",
            ratio(of_run("without_user"), of_run("rows")),
        ),
        ("repeated_clicks", json!(of_run("repeated"))),
        (
            "repeated_clicks_pct",
            ratio(of_run("repeated"), of_run("on_listings")),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::count64;

    #[test]
    fn every_count_is_in_the_class_that_ends_with_it_or_behind_it() {
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
}
