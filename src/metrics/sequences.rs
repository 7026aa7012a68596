//! The metrics of `sequences`.

use serde_json::{Map, Value, json};

use super::{LANDED_LATE, Metrics, landed, named, ratio};
use crate::ids::index;
use crate::tally::{CODES, HistoryTally, PLACES, SPAN_ENDS, Spans};

/// What was counted of a day, beside its histories.
pub(crate) struct SequenceCounts<'a> {
    /// What the rows hold.
    pub(crate) histories: &'a HistoryTally,
    /// The length of a history, at most.
    pub(crate) actions_max: u32,
    /// The sources of actions, and whether the day that something landed is known of all their files.
    pub(crate) landings: Vec<(String, bool)>,
    /// Counts that stand as they are: of rows, impressions and customers.
    pub(crate) plain: Vec<(&'static str, u64)>,
}

/// Counts of a day, and samples by the length of their history.
pub(crate) fn sequence_counts(of: &SequenceCounts<'_>) -> (Map<String, Value>, Map<String, Value>) {
    let histories = of.histories;
    let mut counts: Map<String, Value> = Map::new();
    for (name, count) in &of.plain {
        counts.insert((*name).to_owned(), json!(count));
    }
    let own = [
        ("samples", histories.samples()),
        ("samples_without_history", histories.of_length(0)),
        (
            "samples_with_full_history",
            histories.of_length(of.actions_max),
        ),
        ("history_actions", histories.actions()),
        ("positive_labels", histories.positives),
        ("samples_without_label", histories.null_labels),
        ("duplicate_actions", histories.duplicates),
        ("tied_actions", histories.ties),
        ("max_actions", u64::from(of.actions_max)),
    ];
    counts.extend(own.map(|(name, count)| (name.to_owned(), json!(count))));
    let landed = of
        .landings
        .iter()
        .enumerate()
        .map(|(slot, (name, is_known))| {
            let count = histories.landed_late.get(slot).copied().unwrap_or(0);
            (name.clone(), json!(is_known.then_some(count)))
        });
    counts.insert(LANDED_LATE.into(), Value::Object(landed.collect()));
    counts.insert("actions_by_type".into(), by_code(&histories.kinds));
    let places = PLACES.min(index(of.actions_max));
    let place = |at: usize| {
        by_code(
            histories
                .places
                .get(at * CODES..(at + 1) * CODES)
                .unwrap_or(&[]),
        )
    };
    counts.insert(
        "actions_by_position".into(),
        (0..places).map(place).collect(),
    );
    counts.insert("newest_action_age".into(), spans(&histories.newest_ages));
    counts.insert("full_history_span".into(), spans(&histories.full_spans));
    let lengths = histories
        .lengths
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0);
    let lengths = lengths.map(|(length, count)| (length.to_string(), json!(count)));
    (counts, lengths.collect())
}

/// Counts by code, of those codes that there are.
fn by_code(counts: &[u64]) -> Value {
    let there = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    Value::Object(
        there
            .map(|(code, count)| (code.to_string(), json!(count)))
            .collect(),
    )
}

/// Spans as counts: whole seconds, and how many end in which class.
fn spans(of: &Spans) -> Value {
    let seconds = |us: u64| us / 1_000_000;
    let sum = u64::try_from(of.sum_us / 1_000_000).unwrap_or(u64::MAX);
    json!({
        "samples": of.count,
        "sum_seconds": sum,
        "min_seconds": of.range_us.map(|range| seconds(range.0)),
        "max_seconds": of.range_us.map(|range| seconds(range.1)),
        "samples_by_class": of.classes,
    })
}

/// All that a single number says.
pub(super) fn scalars(of: &Metrics) -> Map<String, Value> {
    let (samples, actions) = (of.count("samples"), of.count("history_actions"));
    let labels = samples.saturating_sub(of.count("samples_without_label"));
    let mean = |span: &str| {
        ratio(
            of.count_in(span, "sum_seconds"),
            of.count_in(span, "samples"),
        )
    };
    let most = |span: &str| {
        of.counts
            .get(span)
            .map_or(Value::Null, |of| of["max_seconds"].clone())
    };
    let run = |name: &str| {
        let sources = of.run["actions"].as_object().into_iter().flatten();
        json!(
            sources
                .filter_map(|(_, source)| source[name].as_u64())
                .sum::<u64>()
        )
    };
    let count = |name: &'static str| (name, json!(of.count(name)));
    let top = of.top.first().and_then(|top| top["samples"].as_u64());
    named([
        ("rows", json!(of.count("rows"))),
        ("samples", json!(samples)),
        ("impressions", json!(of.count("impressions"))),
        ("customer_days", json!(of.count("customer_days"))),
        (
            "zero_history_pct",
            ratio(of.count("samples_without_history"), samples),
        ),
        ("avg_history_length", ratio(actions, samples)),
        (
            "truncated_pct",
            ratio(of.count("samples_with_full_history"), samples),
        ),
        ("label_rate", ratio(of.count("positive_labels"), labels)),
        (
            "null_label_pct",
            ratio(of.count("samples_without_label"), samples),
        ),
        (
            "duplicate_actions_pct",
            ratio(of.count("duplicate_actions"), actions),
        ),
        ("tied_actions_pct", ratio(of.count("tied_actions"), actions)),
        ("newest_action_age_mean_seconds", mean("newest_action_age")),
        ("newest_action_age_max_seconds", most("newest_action_age")),
        ("full_history_span_mean_seconds", mean("full_history_span")),
        ("top_customer_samples", json!(top)),
        count("guests_dropped"),
        count("impressions_without_items"),
        count("null_labels_dropped"),
        count("unknown_items_dropped"),
        count("duplicate_impressions"),
        ("actions_without_customer", run("null_customers")),
        ("actions_never_available", run("never_available")),
        (LANDED_LATE, landed::total(of)),
    ])
}

/// The distributions that SPEC names, and those of spans.
pub(super) fn distributions(of: &Metrics) -> Map<String, Value> {
    let (samples, actions) = (of.count("samples"), of.count("history_actions"));
    let everywhere = u128::from(samples) * u128::from(of.count("max_actions"));
    let everywhere = u64::try_from(everywhere).unwrap_or(u64::MAX);
    let by_type = of.counts.get("actions_by_type").unwrap_or(&Value::Null);
    let by_place = of
        .counts
        .get("actions_by_position")
        .and_then(Value::as_array);
    let by_place = by_place
        .into_iter()
        .flatten()
        .map(|of| shares(of, samples, true));
    let mut all = Map::new();
    all.insert(
        "action_type_distribution".into(),
        shares(by_type, everywhere, true),
    );
    all.insert(
        "real_action_type_distribution".into(),
        shares(by_type, actions, false),
    );
    all.insert(
        "action_type_frequency_by_position".into(),
        by_place.collect(),
    );
    for span in ["newest_action_age", "full_history_span"] {
        let counts = of.counts.get(span).unwrap_or(&Value::Null);
        all.insert(
            format!("{span}_distribution"),
            classes(&counts["samples_by_class"]),
        );
    }
    all
}

/// Counts by code as shares; where padding is one of them, it has what is left, as code 0.
fn shares(counts: &Value, whole: u64, padding: bool) -> Value {
    let counts = || counts.as_object().into_iter().flatten();
    let known: u64 = counts().filter_map(|(_, count)| count.as_u64()).sum();
    let rest = padding.then(|| ("0".to_owned(), ratio(whole.saturating_sub(known), whole)));
    let own = super::by_number(
        &counts()
            .map(|(code, count)| (code.clone(), count.clone()))
            .collect(),
    );
    let own = own
        .into_iter()
        .map(|(code, count)| (code, ratio(count.as_u64().unwrap_or(0), whole)));
    Value::Object(rest.into_iter().chain(own).collect())
}

/// Samples by class of spans, each with its bounds.
fn classes(counts: &Value) -> Value {
    let counts = counts.as_array().into_iter().flatten();
    let ends = SPAN_ENDS.iter().map(|end| json!(end)).chain([Value::Null]);
    let starts = [0].iter().chain(&SPAN_ENDS);
    let classes = counts.zip(starts.zip(ends)).map(
        |(count, (from, to))| json!({"from_seconds": from, "below_seconds": to, "samples": count}),
    );
    Value::Array(classes.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Kind;
    use crate::ids::Micros;
    use crate::tally::{Asked, Contents};

    #[test]
    fn shares_are_of_all_places_or_of_real_actions() {
        let mut histories = HistoryTally::default();
        let mut contents = Contents::default();
        let kinds = [1, 2, 1].map(Kind);
        let times = [0, 5, 9].map(|s| Micros(s * 1_000_000));
        contents.of_run(&kinds, &[1, 2].map(Kind), &times, (0, 0));
        let asked = |samples, length, age| Asked {
            samples,
            length,
            is_full: false,
            newest_age_us: age,
        };
        histories.add(asked(3, 3, Some(60_000_000)), &contents);
        histories.add(asked(1, 0, None), &contents);
        let of = SequenceCounts {
            histories: &histories,
            actions_max: 4,
            landings: vec![("clicks".to_owned(), true), ("carts".to_owned(), false)],
            plain: vec![("rows", 4)],
        };
        let (counts, lengths) = sequence_counts(&of);
        assert_eq!(Value::Object(lengths.clone()), json!({"0": 1, "3": 3}));
        assert_eq!(counts[LANDED_LATE], json!({"clicks": 0, "carts": null}));
        let metrics = Metrics {
            counts,
            lengths,
            ..Metrics::default()
        };
        let (one, all) = (scalars(&metrics), distributions(&metrics));
        assert_eq!(one["zero_history_pct"], json!(0.25));
        assert_eq!(one["avg_history_length"], json!(2.25));
        assert_eq!(one["newest_action_age_max_seconds"], json!(60));
        assert_eq!(one["label_rate"], json!(0.0));
        let everywhere = json!({"0": 7.0 / 16.0, "1": 6.0 / 16.0, "2": 3.0 / 16.0});
        assert_eq!(all["action_type_distribution"], everywhere);
        assert_eq!(
            all["real_action_type_distribution"],
            json!({"1": 6.0 / 9.0, "2": 3.0 / 9.0})
        );
        let places = all["action_type_frequency_by_position"]
            .as_array()
            .expect("a list");
        assert_eq!(places.len(), 4);
        assert_eq!(places[1], json!({"0": 0.25, "2": 0.75}));
        assert_eq!(
            all["newest_action_age_distribution"][1]["samples"],
            json!(3)
        );
    }
}
