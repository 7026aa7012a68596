//! Actions in histories that landed on or after the day of their impression, by source.
//!
//! **In / Out**: counts of days, null where the day of landing is not known of all files → those of more
//! days, and a single number. **Rule**: what is not known of one day or source is not known of all.

use serde_json::{Map, Value, json};

use super::Metrics;

/// The name of the count, and of the single number.
pub(crate) const LANDED_LATE: &str = "landed_late";

/// The counts by source of some days and of a later one; nothing if neither has any. Days that were
/// made before there was such a count do not know it.
pub(super) fn united(own: &Map<String, Value>, more: &Map<String, Value>) -> Option<Value> {
    if own.is_empty() {
        return more.get(LANDED_LATE).cloned();
    }
    let of = |counts: &Map<String, Value>| counts.get(LANDED_LATE)?.as_object().cloned();
    let (own, more) = (of(own), of(more));
    if own.is_none() && more.is_none() {
        return None;
    }
    let (own, more) = (own.unwrap_or_default(), more.unwrap_or_default());
    let sum = |name: &String| {
        let count = |of: &Map<String, Value>| of.get(name)?.as_u64();
        Some(count(&own)?.saturating_add(count(&more)?))
    };
    let names = own
        .keys()
        .chain(more.keys().filter(|name| !own.contains_key(*name)));
    let sums = names.map(|name| (name.clone(), json!(sum(name))));
    Some(Value::Object(sums.collect()))
}

/// The count of a source, if it is known.
pub(super) fn of_source(of: &Metrics, source: &str) -> Option<u64> {
    of.counts.get(LANDED_LATE)?.get(source)?.as_u64()
}

/// The count of all sources; null if it is not known of one.
pub(super) fn total(of: &Metrics) -> Value {
    let sources = of.counts.get(LANDED_LATE).and_then(Value::as_object);
    let total =
        sources.and_then(|sources| sources.values().map(Value::as_u64).sum::<Option<u64>>());
    json!(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Metrics of a day that counts these.
    fn day(landed: &Value) -> Metrics {
        let counts = json!({"rows": 1, LANDED_LATE: landed});
        Metrics {
            counts: counts.as_object().cloned().unwrap_or_default(),
            ..Metrics::default()
        }
    }

    #[test]
    fn what_one_day_does_not_know_the_whole_does_not() {
        let mut all = Metrics::default();
        all.merge(&day(&json!({"clicks": 2, "carts": 1, "orders": null})));
        assert_eq!(
            (total(&all), of_source(&all, "clicks")),
            (Value::Null, Some(2))
        );
        all.merge(&day(&json!({"clicks": 3, "carts": null, "orders": 1})));
        let sum = json!({"clicks": 5, "carts": null, "orders": null});
        assert_eq!(all.counts[LANDED_LATE], sum);
        assert_eq!(of_source(&all, "carts"), None);

        let mut known = day(&json!({"clicks": 2, "carts": 0}));
        known.merge(&day(&json!({"clicks": 1, "carts": 4})));
        assert_eq!(total(&known), json!(7));

        let mut old = Metrics::default();
        let counts = json!({"rows": 1}).as_object().cloned();
        let before = Metrics {
            counts: counts.unwrap_or_default(),
            ..Metrics::default()
        };
        old.merge(&before);
        old.merge(&before);
        assert_eq!(old.counts.get(LANDED_LATE), None);
        old.merge(&day(&json!({"clicks": 1})));
        assert_eq!(
            (&old.counts[LANDED_LATE], total(&old)),
            (&json!({"clicks": null}), Value::Null)
        );
    }
}
