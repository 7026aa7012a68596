//! The page of `sequences`.

use std::collections::BTreeSet;

use super::chart::{Bar, Caption, Stack, bars, stacks};
use super::figures::{ClassCounts, Distribution, LabelFigure, by_day, tiles};
use super::text::{bound, count, mean, or_dash, share, span};
use super::types::TypeNames;
use super::{PageBody, SetMetrics, SetPair, missing_section};
use crate::calendar::date_text;
use crate::ids::float;
use crate::metrics::{Distributions, SequenceMetrics, SpanClass};

/// Columns of the histogram of lengths between none and full.
const LENGTH_CLASSES: u64 = 20;

/// A set of `sequences`.
type SequenceSet = SetMetrics<SequenceMetrics>;

/// The headline figures.
fn figures(set: &SequenceSet) -> [(&'static str, String); 12] {
    let scalars = &set.scalars;
    [
        ("samples", count(scalars.samples)),
        ("impressions", count(scalars.impressions)),
        ("customers, summed over days", count(scalars.customer_days)),
        ("labels that say yes", or_dash(scalars.label_rate, share)),
        (
            "samples without history",
            or_dash(scalars.zero_history_pct, share),
        ),
        (
            "actions each on average",
            or_dash(scalars.avg_history_length, mean),
        ),
        (
            "histories with all places taken",
            or_dash(scalars.truncated_pct, share),
        ),
        (
            "mean age of the newest action",
            or_dash(scalars.newest_action_age_mean_seconds, span),
        ),
        (
            "duplicate actions",
            or_dash(scalars.duplicate_actions_pct, share),
        ),
        (
            "actions at the same time",
            or_dash(scalars.tied_actions_pct, share),
        ),
        (
            "impressions dropped as guests",
            count(scalars.guests_dropped),
        ),
        ("bad rows", or_dash(scalars.rejected_rows, count)),
    ]
}

/// The sections of a set, given the names of its types of actions.
pub(crate) fn sequences_body(pair: SetPair<'_, SequenceSet>, names: &TypeNames) -> PageBody {
    let mut body = PageBody {
        sections: tiles(pair, figures) + "<div class=\"cards\">\n",
        drifts: Vec::new(),
    };
    lengths(pair, &mut body);
    types_by_place(pair.own, names, &mut body);
    types(pair, names, &mut body);
    spans(pair, &mut body);
    labels(pair, &mut body);
    let days = &pair.own.head.days;
    body.sections += &by_day(days, "rows-by-day", "Rows by day", |day| {
        (day.rows.map(float), or_dash(day.rows, count))
    });
    body.sections += &by_day(days, "labels-by-day", "Label rate by day", |day| {
        (day.label_rate, or_dash(day.label_rate, share))
    });
    body.sections += &top(pair.own);
    body.sections += &missing_section(&pair.own.metrics.missing);
    body.sections += "</div>\n";
    body
}

/// How long histories are.
fn lengths(pair: SetPair<'_, SequenceSet>, body: &mut PageBody) {
    // The other set is counted in the classes of this one, so that both can be compared.
    let max = pair.own.metrics.counts.max_actions.max(1);
    let step = max.saturating_sub(1).div_ceil(LENGTH_CLASSES).max(1);
    let class = |name: String| ClassCounts {
        name,
        own: 0,
        other: 0,
    };
    let mut classes = vec![class("0".to_owned())];
    let mut from = 1;
    while from < max {
        let to = (from + step - 1).min(max - 1);
        let name = if from == to {
            count(from)
        } else {
            format!("{}–{}", count(from), count(to))
        };
        classes.push(class(name));
        from = to + 1;
    }
    classes.push(class(format!("{} (full)", count(max))));
    let last = classes.len() - 1;
    let class_of = |length: u64| match length {
        0 => 0,
        length if length >= max => last,
        length => usize::try_from((length - 1) / step + 1)
            .unwrap_or(last)
            .min(last),
    };
    for (length, samples) in &pair.own.metrics.lengths {
        classes[class_of(*length)].own += samples;
    }
    for (length, samples) in pair.other.iter().flat_map(|other| &other.metrics.lengths) {
        classes[class_of(*length)].other += samples;
    }
    let scalars = &pair.own.scalars;
    let description = format!(
        "Samples by the number of actions in their history, up to {}: {} on average, {} have none and {} all of them.",
        count(max),
        or_dash(scalars.avg_history_length, mean),
        or_dash(scalars.zero_history_pct, share),
        or_dash(scalars.truncated_pct, share),
    );
    let figure = Distribution {
        id: "lengths",
        title: "Length of histories",
        description,
        class: "Actions",
        counted: "Samples",
        is_histogram: true,
        classes,
    };
    figure.draw(pair, body);
}

/// The codes of real actions in either set, in order.
fn codes(pair: SetPair<'_, SequenceSet>) -> BTreeSet<u8> {
    let sets = [Some(pair.own), pair.other].into_iter().flatten();
    let codes = sets.flat_map(|set| set.metrics.counts.actions_by_type.keys());
    codes.copied().collect()
}

/// Types of actions by their position in the history.
fn types_by_place(own: &SequenceSet, type_names: &TypeNames, body: &mut PageBody) {
    let real = codes(SetPair { own, other: None });
    // Colours repeat from the seventh type on; the table has the names.
    let class = |at: usize| format!("k{}", at % 6 + 1);
    let mut names: Vec<(String, String)> = real
        .iter()
        .enumerate()
        .map(|(at, code)| (type_names.name(&code.to_string()), class(at)))
        .collect();
    names.push((type_names.name("0"), "k0".to_owned()));
    let places = own.distributions.iter();
    let places = places.flat_map(|distributions| &distributions.action_type_frequency_by_position);
    let drawn: Vec<Stack> = (1_u64..)
        .zip(places)
        .map(|(place, shares)| {
            let share = |code: &u8| shares.get(code).copied().flatten().unwrap_or(0.0);
            Stack {
                name: place.to_string(),
                pieces: real.iter().chain([&0]).map(share).collect(),
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
    let description = format!(
        "What the newest actions of a history are, the newest at 1: {}.",
        newest.join(", ")
    );
    let columns =
        std::iter::once("Place".to_owned()).chain(names.iter().map(|(name, _)| format!("#{name}")));
    let caption = Caption {
        id: "places",
        title: "Types of actions by position".to_owned(),
        description,
        columns: columns.collect(),
    };
    body.sections += &stacks(&caption, &names, &drawn);
}

/// Types of real actions.
fn types(pair: SetPair<'_, SequenceSet>, type_names: &TypeNames, body: &mut PageBody) {
    let number = |set: &SequenceSet, code: u8| {
        let counts = &set.metrics.counts.actions_by_type;
        counts.get(&code).copied().unwrap_or(0)
    };
    let classes = codes(pair).into_iter().map(|code| {
        let other = pair.other.map_or(0, |other| number(other, code));
        ClassCounts {
            name: type_names.name(&code.to_string()),
            own: number(pair.own, code),
            other,
        }
    });
    let distributions = pair.own.distributions.as_ref();
    let padding = distributions.and_then(|all| *all.action_type_distribution.get(&0)?);
    let description = format!(
        "Types of all real actions; of all places, {} are padding.",
        or_dash(padding, share)
    );
    let figure = Distribution {
        id: "types",
        title: "Types of actions",
        description,
        class: "Type",
        counted: "Actions",
        is_histogram: false,
        classes: classes.collect(),
    };
    figure.draw(pair, body);
}

/// Ages and spans.
fn spans(pair: SetPair<'_, SequenceSet>, body: &mut PageBody) {
    let scalars = &pair.own.scalars;
    let age = format!(
        "From the newest action to the cutoff: {} on average, {} at most.",
        or_dash(scalars.newest_action_age_mean_seconds, span),
        or_dash(scalars.newest_action_age_max_seconds.map(float), span),
    );
    let full = match scalars.truncated_pct {
        Some(part) if part > 0.0 => format!(
            "{} of all samples have a history as long as it can be, so older actions may be cut off. \
             From their oldest to their newest action: {} on average.",
            share(part),
            or_dash(scalars.full_history_span_mean_seconds, span),
        ),
        _ => "No history is as long as it can be, so nothing was cut off.".to_owned(),
    };
    draw_spans(
        pair,
        "ages",
        "Age of the newest action",
        age,
        |distributions| &distributions.newest_action_age_distribution,
        body,
    );
    draw_spans(
        pair,
        "spans",
        "Time that full histories cover",
        full,
        |distributions| &distributions.full_history_span_distribution,
        body,
    );
}

/// A figure of spans by class.
fn draw_spans(
    pair: SetPair<'_, SequenceSet>,
    id: &str,
    title: &str,
    description: String,
    classes: fn(&Distributions) -> &[SpanClass],
    body: &mut PageBody,
) {
    let classes_of = |set: &SequenceSet| -> Vec<SpanClass> {
        let all = set.distributions.as_ref();
        all.map(|all| classes(all).to_vec()).unwrap_or_default()
    };
    let other = pair.other.map(classes_of).unwrap_or_default();
    let own = classes_of(pair.own).into_iter().enumerate();
    let classes = own.map(|(at, class)| {
        let from = bound(class.from_seconds);
        let text = match class.below_seconds {
            Some(to) if from == "0" => format!("under {}", bound(to)),
            Some(to) => format!("{from}–{}", bound(to)),
            None => format!("over {from}"),
        };
        ClassCounts {
            name: text,
            own: class.samples,
            other: other.get(at).map_or(0, |class| class.samples),
        }
    });
    let figure = Distribution {
        id,
        title,
        description,
        class: "Time",
        counted: "Samples",
        is_histogram: false,
        classes: classes.collect(),
    };
    figure.draw(pair, body);
}

/// Labels.
fn labels(pair: SetPair<'_, SequenceSet>, body: &mut PageBody) {
    let rate = or_dash(pair.own.scalars.label_rate, share);
    let figure = LabelFigure {
        description: format!("{rate} of the labels say that the item was ordered."),
        counted: "Samples",
        names: ["ordered", "not ordered", "no label"],
    };
    let counts = |set: &SequenceSet| {
        let counts = &set.metrics.counts;
        [
            counts.positive_labels,
            counts.samples_without_label,
            counts.samples,
        ]
    };
    figure.draw(pair, counts, body);
}

/// Customers with the most samples on a day.
fn top(own: &SequenceSet) -> String {
    let customers = &own.metrics.top_customers;
    let drawn: Vec<Bar> = customers
        .iter()
        .map(|customer| {
            let id = customer.customer_id.to_string();
            // The figure fits a dozen characters.
            let name: String = match id.chars().count() {
                0..=14 => id,
                _ => id.chars().take(13).chain(['…']).collect(),
            };
            Bar {
                name,
                value: Some(float(customer.samples)),
                text: count(customer.samples),
                other: None,
            }
        })
        .collect();
    let description = match (drawn.first(), customers.first()) {
        (Some(bar), Some(customer)) => format!(
            "Samples of one customer on one day, the {} with the most: {} has {} on {}.",
            drawn.len(),
            bar.name,
            bar.text,
            date_text(customer.day)
        ),
        _ => "There are none.".to_owned(),
    };
    let caption = Caption {
        id: "customers",
        title: "Customers with the most samples".to_owned(),
        description,
        columns: ["Customer", "#Samples on a day"]
            .map(str::to_owned)
            .to_vec(),
    };
    bars(&caption, &drawn)
}
