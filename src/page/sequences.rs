//! What the page of `sequences` shows.

use serde_json::Value;

use super::chart::{Bar, Caption, Stack, bars, stacks};
use super::text::{Unit, bound, count, metric, share};
use super::types::TypeNames;
use super::{Distribution, Labels, Pair, Shown, by_day, missing_section, tiles};
use crate::ids::float;
use crate::metrics::LENGTHS;

/// Columns of the histogram of lengths between none and full.
const LENGTH_CLASSES: u64 = 20;

/// The headline figures.
const TILES: [(&str, &str, Unit); 12] = [
    ("samples", "samples", Unit::Count),
    ("impressions", "impressions", Unit::Count),
    ("customer_days", "customers, summed over days", Unit::Count),
    ("label_rate", "labels that say yes", Unit::Share),
    ("zero_history_pct", "samples without history", Unit::Share),
    ("avg_history_length", "actions each on average", Unit::Mean),
    (
        "truncated_pct",
        "histories with all places taken",
        Unit::Share,
    ),
    (
        "newest_action_age_mean_seconds",
        "mean age of the newest action",
        Unit::Seconds,
    ),
    ("duplicate_actions_pct", "duplicate actions", Unit::Share),
    ("tied_actions_pct", "actions at the same time", Unit::Share),
    (
        "guests_dropped",
        "impressions dropped as guests",
        Unit::Count,
    ),
    ("rejected_rows", "bad rows", Unit::Count),
];

/// The sections of a set, given what its types of actions are called.
pub(super) fn shown(pair: Pair<'_>, names: &TypeNames) -> Shown {
    let mut shown = Shown {
        sections: tiles(pair, &TILES) + "<div class=\"cards\">\n",
        drifts: Vec::new(),
    };
    lengths(pair, &mut shown);
    types_by_place(pair.own, names, &mut shown);
    types(pair, names, &mut shown);
    spans(pair, &mut shown);
    labels(pair, &mut shown);
    shown.sections += &by_day(pair, ("rows-by-day", "Rows by day"), ("rows", Unit::Count));
    shown.sections += &by_day(
        pair,
        ("labels-by-day", "Label rate by day"),
        ("label_rate", Unit::Share),
    );
    shown.sections += &top(pair.own);
    shown.sections += &missing_section(pair.own);
    shown.sections += "</div>\n";
    shown
}

/// How long histories are.
fn lengths(pair: Pair<'_>, shown: &mut Shown) {
    let max = pair.own["counts"]["max_actions"]
        .as_u64()
        .unwrap_or(1)
        .max(1);
    let step = max.saturating_sub(1).div_ceil(LENGTH_CLASSES).max(1);
    let mut classes = vec![("0".to_owned(), 0, 0)];
    let mut from = 1;
    while from < max {
        let to = (from + step - 1).min(max - 1);
        let name = if from == to {
            count(from)
        } else {
            format!("{}–{}", count(from), count(to))
        };
        classes.push((name, 0, 0));
        from = to + 1;
    }
    classes.push((format!("{} (full)", count(max)), 0, 0));
    let last = classes.len() - 1;
    let class_of = |length: u64| match length {
        0 => 0,
        length if length >= max => last,
        length => usize::try_from((length - 1) / step + 1)
            .unwrap_or(last)
            .min(last),
    };
    let numbers = |of: &Value| -> Vec<(usize, u64)> {
        let lengths = of[LENGTHS].as_object().into_iter().flatten();
        let pairs = lengths.filter_map(|(length, samples)| {
            Some((class_of(length.parse().ok()?), samples.as_u64()?))
        });
        pairs.collect()
    };
    for (class, samples) in numbers(pair.own) {
        classes[class].1 += samples;
    }
    for (class, samples) in pair.other.map(numbers).unwrap_or_default() {
        classes[class].2 += samples;
    }
    let told = format!(
        "Samples by the number of actions in their history, up to {}: {} on average, {} have none and {} all of them.",
        count(max),
        metric(&pair.own["avg_history_length"], Unit::Mean),
        metric(&pair.own["zero_history_pct"], Unit::Share),
        metric(&pair.own["truncated_pct"], Unit::Share),
    );
    let of = Distribution {
        caption: ("lengths", "Length of histories", told),
        class: "Actions",
        counted: "Samples",
        is_histogram: true,
        classes,
    };
    of.draw(pair, shown);
}

/// The codes of real actions in either set, in order.
fn codes(pair: Pair<'_>) -> Vec<String> {
    let sets = [Some(pair.own), pair.other].into_iter().flatten();
    let mut codes: Vec<u64> = sets
        .filter_map(|of| of["counts"]["actions_by_type"].as_object())
        .flatten()
        .filter_map(|(code, _)| code.parse().ok())
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes.iter().map(u64::to_string).collect()
}

/// Which types of actions stand at which place.
fn types_by_place(own: &Value, called: &TypeNames, shown: &mut Shown) {
    let real = codes(Pair { own, other: None });
    // Colours are repeated from the sixth type on; the table tells them apart.
    let class = |at: usize| format!("k{}", at % 6 + 1);
    let mut names: Vec<(String, String)> = real
        .iter()
        .enumerate()
        .map(|(at, code)| (called.name(code), class(at)))
        .collect();
    names.push((called.name("0"), "k0".to_owned()));
    let places = own["action_type_frequency_by_position"]
        .as_array()
        .into_iter()
        .flatten();
    let drawn: Vec<Stack> = (1_u64..)
        .zip(places)
        .map(|(place, shares)| {
            let pieces = real.iter().map(String::as_str).chain(["0"]);
            Stack {
                name: place.to_string(),
                pieces: pieces
                    .map(|code| shares[code].as_f64().unwrap_or(0.0))
                    .collect(),
            }
        })
        .collect();
    let newest = drawn
        .first()
        .into_iter()
        .flat_map(|first| names.iter().zip(&first.pieces));
    let newest: Vec<String> = newest
        .map(|((name, _), part)| format!("{} {name}", share(*part)))
        .collect();
    let told = format!(
        "What the newest actions of a history are, the newest at 1: {}.",
        newest.join(", ")
    );
    let columns =
        std::iter::once("Place".to_owned()).chain(names.iter().map(|(name, _)| format!("#{name}")));
    let caption = Caption {
        id: "places",
        title: "Types of actions by position".to_owned(),
        told,
        columns: columns.collect(),
    };
    shown.sections += &stacks(&caption, &names, &drawn);
}

/// Types of real actions.
fn types(pair: Pair<'_>, called: &TypeNames, shown: &mut Shown) {
    let number =
        |of: &Value, code: &str| of["counts"]["actions_by_type"][code].as_u64().unwrap_or(0);
    let classes = codes(pair).into_iter().map(|code| {
        let other = pair.other.map_or(0, |other| number(other, &code));
        (called.name(&code), number(pair.own, &code), other)
    });
    let padding = &pair.own["action_type_distribution"]["0"];
    let told = format!(
        "Types of all real actions; of all places, {} are padding.",
        metric(padding, Unit::Share)
    );
    let of = Distribution {
        caption: ("types", "Types of actions", told),
        class: "Type",
        counted: "Actions",
        is_histogram: false,
        classes: classes.collect(),
    };
    of.draw(pair, shown);
}

/// Ages and spans.
fn spans(pair: Pair<'_>, shown: &mut Shown) {
    let age = format!(
        "From the newest action to the cutoff: {} on average, {} at most.",
        metric(&pair.own["newest_action_age_mean_seconds"], Unit::Seconds),
        metric(&pair.own["newest_action_age_max_seconds"], Unit::Seconds),
    );
    let full = match pair.own["truncated_pct"].as_f64() {
        Some(part) if part > 0.0 => format!(
            "{} of all samples have a history as long as it can be, so older actions may be cut off. \
             From their oldest to their newest action: {} on average.",
            share(part),
            metric(&pair.own["full_history_span_mean_seconds"], Unit::Seconds),
        ),
        _ => "No history is as long as it can be, so nothing was cut off.".to_owned(),
    };
    for (name, caption) in [
        (
            "newest_action_age",
            ("ages", "Age of the newest action", age),
        ),
        (
            "full_history_span",
            ("spans", "Time that full histories cover", full),
        ),
    ] {
        let name = format!("{name}_distribution");
        let own = pair.own[&name].as_array().map_or(&[][..], Vec::as_slice);
        let classes = own.iter().enumerate().map(|(at, class)| {
            let other = pair
                .other
                .map_or(0, |other| other[&name][at]["samples"].as_u64().unwrap_or(0));
            let from = bound(class["from_seconds"].as_u64().unwrap_or(0));
            let text = match class["below_seconds"].as_u64() {
                Some(to) if from == "0" => format!("under {}", bound(to)),
                Some(to) => format!("{from}–{}", bound(to)),
                None => format!("over {from}"),
            };
            (text, class["samples"].as_u64().unwrap_or(0), other)
        });
        let of = Distribution {
            caption,
            class: "Time",
            counted: "Samples",
            is_histogram: false,
            classes: classes.collect(),
        };
        of.draw(pair, shown);
    }
}

/// What labels say.
fn labels(pair: Pair<'_>, shown: &mut Shown) {
    let rate = metric(&pair.own["label_rate"], Unit::Share);
    let of = Labels {
        told: format!("{rate} of the labels say that the item was ordered."),
        counted: ("Samples", "samples"),
        counts: ["positive_labels", "samples_without_label"],
        names: ["ordered", "not ordered", "no label"],
    };
    of.draw(pair, shown);
}

/// Customers with the most samples on a day.
fn top(own: &Value) -> String {
    let customers = own["top_customers"].as_array().into_iter().flatten();
    let drawn: Vec<Bar> = customers
        .map(|of| {
            let id = of["customer_id"]
                .as_str()
                .map_or_else(|| of["customer_id"].to_string(), str::to_owned);
            // Names have room for a dozen characters.
            let name: String = match id.chars().count() {
                0..=14 => id,
                _ => id.chars().take(13).chain(['…']).collect(),
            };
            Bar {
                name,
                value: of["samples"].as_u64().map(float),
                text: metric(&of["samples"], Unit::Count),
                other: None,
            }
        })
        .collect();
    let days: Vec<&str> = own["top_customers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|of| of["day"].as_str())
        .collect();
    let told = match (drawn.first(), days.first()) {
        (Some(first), Some(day)) => format!(
            "Samples of one customer on one day, the {} with the most: {} has {} on {day}.",
            drawn.len(),
            first.name,
            first.text
        ),
        _ => "There are none.".to_owned(),
    };
    let caption = Caption {
        id: "customers",
        title: "Customers with the most samples".to_owned(),
        told,
        columns: ["Customer", "#Samples on a day"]
            .map(str::to_owned)
            .to_vec(),
    };
    bars(&caption, &drawn)
}
