//! The metrics of `dwell`.

use serde_json::{Map, Value, json};

use super::{Metrics, named, ratio};

/// The seconds of stays, by class: the exponent of the number and the first five bits behind its
/// point, so that a class is a thirty-second of its start wide at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StaySeconds(Vec<u64>);

/// Bits of a number that a class leaves out.
const BITS_LEFT_OUT: u32 = 52 - 5;

impl StaySeconds {
    /// Takes note of a stay; its seconds are never negative.
    #[inline]
    pub(crate) fn add(&mut self, seconds: f64) {
        let class = usize::try_from(seconds.to_bits() >> BITS_LEFT_OUT).unwrap_or(usize::MAX);
        if self.0.len() <= class {
            self.0.resize(class + 1, 0);
        }
        self.0[class] += 1;
    }

    /// Adds other stays.
    pub(crate) fn merge(&mut self, other: &StaySeconds) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0
            .iter_mut()
            .zip(&other.0)
            .for_each(|(own, more)| *own += more);
    }

    /// Classes that have stays: where they start, and how many.
    fn classes(&self) -> impl Iterator<Item = (f64, u64)> {
        let all = (0_u64..).zip(&self.0).filter(|(_, stays)| **stays > 0);
        all.map(|(class, stays)| (f64::from_bits(class << BITS_LEFT_OUT), *stays))
    }
}

/// The metrics of a run.
pub(crate) fn dwell_metrics(counts: &Value, seconds: &StaySeconds, run: Value) -> Metrics {
    let mut counts = counts.as_object().cloned().unwrap_or_default();
    let classes = seconds.classes();
    let classes = classes.map(|(start, stays)| json!({"from_seconds": start, "rows": stays}));
    counts.insert("avg_seconds".into(), Value::Array(classes.collect()));
    Metrics {
        counts,
        run,
        ..Metrics::default()
    }
}

/// All that a single number says.
pub(super) fn scalars(of: &Metrics) -> Map<String, Value> {
    let rows = of.count("user_merchant_rows");
    let classes = of.counts.get("avg_seconds").and_then(Value::as_array);
    let classes = || classes.into_iter().flatten();
    // The start of the class that holds the row of that rank.
    let quantile = |per_cent: u64| {
        let rank = (rows * per_cent).div_ceil(100).max(1);
        let mut behind = 0;
        let found = classes().find(|class| {
            behind += class["rows"].as_u64().unwrap_or(0);
            behind >= rank
        });
        found.map_or(Value::Null, |class| class["from_seconds"].clone())
    };
    let zero = classes().find(|class| class["from_seconds"] == json!(0.0));
    let zero = zero.and_then(|class| class["rows"].as_u64()).unwrap_or(0);
    named([
        ("rows", json!(rows)),
        ("merchant_rows", json!(of.count("merchant_rows"))),
        ("users", json!(of.count("users"))),
        ("merchants", json!(of.count("merchants"))),
        ("events", json!(of.count("events"))),
        ("opens", json!(of.count("opens"))),
        ("duplicate_events", json!(of.count("duplicate_events"))),
        (
            "duplicate_events_pct",
            ratio(of.count("duplicate_events"), of.count("events")),
        ),
        ("null_users", json!(of.count("null_users"))),
        ("null_flyers", json!(of.count("null_flyers"))),
        ("null_merchants", json!(of.count("null_merchants"))),
        ("zero_seconds_pct", ratio(zero, rows)),
        ("p50_seconds", quantile(50)),
        ("p90_seconds", quantile(90)),
        ("p95_seconds", quantile(95)),
        ("p99_seconds", quantile(99)),
    ])
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
        let counts = json!({"user_merchant_rows": 1000});
        let metrics = dwell_metrics(&counts, &seconds, Value::Null);
        let scalars = scalars(&metrics);
        for (name, exact) in [("p50_seconds", 350.0), ("p95_seconds", 665.0)] {
            let found = scalars[name].as_f64().expect("a number");
            assert!(
                found <= exact && found > exact * (1.0 - 1.0 / 32.0),
                "{name} {found}"
            );
        }
        assert_eq!(scalars["zero_seconds_pct"], json!(0.0));
    }
}
