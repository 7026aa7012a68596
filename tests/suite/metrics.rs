//! `_metrics.json` against the reference, and its values for small sets.

use std::cmp::Reverse;
use std::fmt::Display;
use std::fs;
use std::path::Path;

use hitherto::date_text;
use hitherto::reference::{LogImpression, Quality, SpanList, quality};
use serde_json::{Map, Value, json};

use crate::support::{Case, run, scratch};

/// Asserts that two values are alike, but for what reading a number may round.
#[track_caller]
pub(crate) fn assert_alike(found: &Value, expected: &Value, name: &dyn Display) {
    let is_near = match (found, expected) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().expect("finite"), b.as_f64().expect("finite"));
            (a - b).abs() <= 1e-14 * b.abs()
        }
        (Value::Object(a), Value::Object(b)) => {
            assert!(a.keys().eq(b.keys()), "{name}: {found} but {expected}");
            a.iter()
                .for_each(|(name, a)| assert_alike(a, &b[name], name));
            true
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{name}: {found} but {expected}");
            a.iter().zip(b).for_each(|(a, b)| assert_alike(a, b, name));
            true
        }
        (a, b) => a == b,
    };
    assert!(is_near, "{name}: {found} but {expected}");
}

/// Reads the metrics in a folder.
pub(crate) fn read(folder: &Path) -> Value {
    let text = fs::read(folder.join("_metrics.json")).expect("metrics");
    serde_json::from_slice(&text).expect("JSON")
}

/// Compares the metrics of an output, of the set and of each day, with those of the reference.
pub(crate) fn check(name: &str, case: &Case, out: &Path) {
    let mut days: Vec<i32> = case.shown.iter().map(|impression| impression.day).collect();
    days.sort_unstable();
    days.dedup();
    if days.is_empty() {
        return assert_eq!(read(out)["samples"], 0, "{name}");
    }
    let (mut seconds, mut top) = ([0, 0], Vec::new());
    for day in &days {
        let shown: Vec<&LogImpression> = case
            .shown
            .iter()
            .filter(|impression| impression.day == *day)
            .collect();
        let folder = out.join(format!("dt={}", date_text(hitherto::Day(*day))));
        let expected = quality(&case.rules, &shown, &case.log, 10);
        let own = [expected.ages.sum_seconds(), expected.spans.sum_seconds()];
        let own_top = top_of(case, &expected, *day);
        compare(
            &format!("{name}, {}", folder.display()),
            case,
            &read(&folder),
            &expected,
            own,
            &own_top,
        );
        (seconds[0], seconds[1]) = (seconds[0] + own[0], seconds[1] + own[1]);
        top.extend(own_top);
    }
    let shown: Vec<&LogImpression> = case.shown.iter().collect();
    let expected = quality(&case.rules, &shown, &case.log, 10);
    top.sort_by_key(|customer| Reverse(customer["samples"].as_u64()));
    top.truncate(20);
    compare(name, case, &read(out), &expected, seconds, &top);
}

/// The customers of a day with the most samples.
fn top_of(case: &Case, expected: &Quality, day: i32) -> Vec<Value> {
    let day = date_text(hitherto::Day(day));
    let mut top: Vec<(&String, &u64)> = expected.customers.iter().collect();
    top.sort_by_key(|(id, samples)| {
        let number = if case.text_ids {
            0
        } else {
            id.parse::<i64>().expect("an integer")
        };
        (Reverse(**samples), number, (*id).clone())
    });
    let id = |id: &String| {
        if case.text_ids {
            json!(id)
        } else {
            json!(id.parse::<i64>().expect("an integer"))
        }
    };
    let top = top.into_iter().take(20);
    top.map(
        |(customer, samples)| json!({"customer_id": id(customer), "day": day, "samples": samples}),
    )
    .collect()
}

/// Compares metrics with those of the reference. Sums of seconds are given apart, because each day rounds
/// its own.
fn compare(
    name: &str,
    case: &Case,
    found: &Value,
    quality: &Quality,
    seconds: [u64; 2],
    top: &[Value],
) {
    let samples: u64 = quality.lengths.values().sum();
    let actions: u64 = quality
        .lengths
        .iter()
        .map(|(length, count)| *length as u64 * count)
        .sum();
    // Without a limit the longest history is as long as the lists, and none is cut.
    let longest = quality.lengths.keys().max().copied().unwrap_or(0);
    let limit = case.rules.actions_max;
    let places_of_each = if limit == usize::MAX { longest } else { limit };
    let pick = |length: usize| quality.lengths.get(&length).copied().unwrap_or(0);
    let everywhere = samples * places_of_each as u64;
    let codes = |counts: Vec<(u8, u64)>, whole: u64| -> Value {
        let named = counts
            .into_iter()
            .map(|(code, count)| (code.to_string(), ratio(count, whole)));
        Value::Object(named.collect::<Map<_, _>>())
    };
    let real: Vec<(u8, u64)> = quality
        .kinds
        .iter()
        .map(|(kind, count)| (*kind, *count))
        .collect();
    let padded = [vec![(0, everywhere - actions)], real.clone()].concat();
    let places = quality.places.iter().map(|kinds| {
        let none = kinds.get(&0).copied().unwrap_or(0);
        let there = kinds
            .iter()
            .filter(|(kind, _)| **kind != 0)
            .map(|(kind, count)| (*kind, *count));
        codes([vec![(0, none)], there.collect()].concat(), samples)
    });
    let lengths = quality
        .lengths
        .iter()
        .map(|(length, count)| (length.to_string(), json!(count)));
    let mut expected = json!({
        "samples": samples,
        "zero_history_pct": ratio(pick(0), samples),
        "avg_history_length": ratio(actions, samples),
        "truncated_pct": ratio(pick(limit), samples),
        "label_rate": ratio(quality.positives, samples - quality.nulls),
        "null_label_pct": ratio(quality.nulls, samples),
        "duplicate_actions_pct": ratio(quality.duplicates, actions),
        "tied_actions_pct": ratio(quality.ties, actions),
        "action_type_distribution": codes(padded, everywhere),
        "real_action_type_distribution": codes(real, actions),
        "action_type_frequency_by_position": places.collect::<Vec<_>>(),
        "sequence_length_distribution": lengths.collect::<Map<_, _>>(),
        "top_customers": top,
    });
    expected_spans(&mut expected, found, quality, seconds);
    for (member, expected) in expected.as_object().expect("an object") {
        assert_alike(
            &found[member],
            expected,
            // Not `format!`: a case takes longer to print than to run.
            &format_args!("{member} of {name}\n{case:#?}"),
        );
    }
}

/// Adds the expected metrics of spans of time.
fn expected_spans(expected: &mut Value, found: &Value, quality: &Quality, seconds: [u64; 2]) {
    let all = [
        ("newest_action_age", &quality.ages),
        ("full_history_span", &quality.spans),
    ];
    for ((name, spans), seconds) in all.into_iter().zip(seconds) {
        let classes_name = format!("{name}_distribution");
        expected[format!("{name}_mean_seconds")] = ratio(seconds, spans.0.len() as u64);
        expected[&classes_name] = classes(&found[&classes_name], spans);
    }
    let most = quality.ages.0.iter().max().map(|us| us / 1_000_000);
    expected["newest_action_age_max_seconds"] = json!(most);
}

/// A part of a whole; null if there is no whole.
pub(crate) fn ratio(part: u64, whole: u64) -> Value {
    let float = |count: u64| match u32::try_from(count) {
        Ok(count) => f64::from(count),
        // A sum of spans at the ends of time.
        Err(_) => count.to_string().parse().expect("a number"),
    };
    match whole {
        0 => Value::Null,
        whole => json!(float(part) / float(whole)),
    }
}

/// The classes that were found, with the counts of the reference.
fn classes(found: &Value, spans: &SpanList) -> Value {
    let classes = found.as_array().expect("classes");
    assert_eq!(classes[0]["from_seconds"], 0);
    assert_eq!(classes.last().expect("some")["below_seconds"], Value::Null);
    for pair in classes.windows(2) {
        assert_eq!(pair[0]["below_seconds"], pair[1]["from_seconds"]);
    }
    let counted = classes.iter().map(|class| {
        let from = class["from_seconds"].as_u64().expect("a number");
        let mut class = class.clone();
        class["samples"] = json!(spans.between(from, class["below_seconds"].as_u64()));
        class
    });
    counted.collect()
}

#[test]
fn days_that_came_one_by_one_make_the_same_whole_as_days_of_one_run() {
    let case = crate::invariance::log(3);
    let folder = scratch();
    case.write(folder.path());
    let (once, grown) = (folder.path().join("once"), folder.path().join("grown"));
    run(case.settings(folder.path(), &once)).expect("a run");
    let days: Vec<hitherto::Day> = (-1..2).map(|n| hitherto::Day(20_315 + n)).collect();
    for day in [days[1], days[0], days[2]] {
        let mut settings = case.settings(folder.path(), &grown);
        settings.publish = hitherto::Publish::AddDays(hitherto::IfExists::Error);
        (settings.from, settings.to) = (Some(day), Some(day));
        run(settings).expect("a run");
    }
    let (mut once, mut grown) = (read(&once), read(&grown));
    // What is counted of a whole run is of other runs.
    for metrics in [&mut once, &mut grown] {
        let metrics = metrics.as_object_mut().expect("an object");
        metrics.remove("run").expect("a run");
        metrics.remove("xxh64").expect("a checksum");
    }
    assert_eq!(once, grown);
}
