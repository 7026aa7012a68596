//! What the pages of `features` and `dwell` show.

use serde_json::Value;

use super::text::{Unit, count, metric, span};
use super::{Distribution, Labels, Pair, Shown, by_day, missing_section, tiles};

/// The headline figures of `features`.
const OF_FEATURES: [(&str, &str, Unit); 12] = [
    ("rows", "rows", Unit::Count),
    ("label_rate", "clicked, of complete labels", Unit::Share),
    (
        "label_complete_pct",
        "labels that are complete",
        Unit::Share,
    ),
    (
        "prior_listing_clicks_mean",
        "prior clicks of a listing",
        Unit::Mean,
    ),
    (
        "prior_user_clicks_mean",
        "prior clicks of a user",
        Unit::Mean,
    ),
    ("unknown_listing_pct", "unknown listings", Unit::Share),
    ("null_category_pct", "no category", Unit::Share),
    ("null_price_pct", "no price", Unit::Share),
    ("null_listing_age_pct", "no age", Unit::Share),
    (
        "negative_ages",
        "listings younger than their impression",
        Unit::Count,
    ),
    (
        "clicks_without_user_pct",
        "clicks without a user",
        Unit::Share,
    ),
    ("rejected_rows", "bad rows", Unit::Count),
];
/// Those of `dwell`.
const OF_DWELL: [(&str, &str, Unit); 12] = [
    ("rows", "rows of users and merchants", Unit::Count),
    ("users", "users", Unit::Count),
    ("merchants", "merchants", Unit::Count),
    ("merchant_rows", "rows of merchants", Unit::Count),
    ("events", "events", Unit::Count),
    ("opens", "events that open something", Unit::Count),
    ("duplicate_events_pct", "duplicate events", Unit::Share),
    ("p50_seconds", "median stay", Unit::Seconds),
    ("p90_seconds", "nine of ten stay less than", Unit::Seconds),
    ("p99_seconds", "99 of 100 stay less than", Unit::Seconds),
    ("zero_seconds_pct", "stays of no time", Unit::Share),
    ("rejected_rows", "bad rows", Unit::Count),
];

/// The sections of a set of `features`.
pub(super) fn shown_features(pair: Pair<'_>) -> Shown {
    let mut shown = Shown {
        sections: tiles(pair, &OF_FEATURES) + "<div class=\"cards\">\n",
        drifts: Vec::new(),
    };
    prior_clicks(pair, &mut shown);
    labels(pair, &mut shown);
    for (title, id, name, unit) in [
        ("Rows by day", "rows-by-day", "rows", Unit::Count),
        (
            "Label rate by day",
            "labels-by-day",
            "label_rate",
            Unit::Share,
        ),
        (
            "Complete labels by day",
            "complete-by-day",
            "label_complete_pct",
            Unit::Share,
        ),
    ] {
        shown.sections += &by_day(pair, (id, title), (name, unit));
    }
    shown.sections += &missing_section(pair.own);
    shown.sections += "</div>\n";
    shown
}

/// Clicks before the impression, of the listing and of the user.
fn prior_clicks(pair: Pair<'_>, shown: &mut Shown) {
    for (name, id, title) in [
        (
            "prior_listing_clicks",
            "listings",
            "Prior clicks of the listing",
        ),
        ("prior_user_clicks", "users", "Prior clicks of the user"),
    ] {
        let rows = |of: &Value| {
            of["counts"][name]["rows_up_to"]
                .as_object()
                .cloned()
                .unwrap_or_default()
        };
        let (own, other) = (rows(pair.own), pair.other.map(rows).unwrap_or_default());
        let mut ends: Vec<u64> = own
            .keys()
            .chain(other.keys())
            .filter_map(|end| end.parse().ok())
            .collect();
        ends.sort_unstable();
        ends.dedup();
        let number = |of: &serde_json::Map<String, Value>, end: u64| {
            of.get(&end.to_string())
                .and_then(Value::as_u64)
                .unwrap_or(0)
        };
        let classes = ends.iter().map(|end| {
            let text = match end {
                0..=2 => count(*end),
                end => format!("{}–{}", count(end / 2 + 1), count(*end)),
            };
            (text, number(&own, *end), number(&other, *end))
        });
        let mean = metric(&pair.own[format!("{name}_mean")], Unit::Mean);
        let none = metric(&pair.own[format!("{name}_zero_pct")], Unit::Share);
        let of = Distribution {
            caption: (
                id,
                title,
                format!(
                    "Rows by clicks of all time before the impression: {mean} on average, {none} have none."
                ),
            ),
            class: "Clicks",
            counted: "Rows",
            is_histogram: false,
            classes: classes.collect(),
        };
        of.draw(pair, shown);
    }
}

/// What labels say.
fn labels(pair: Pair<'_>, shown: &mut Shown) {
    let told =
        "Whether a click followed; a label is not complete if its window reaches beyond the data.";
    let of = Labels {
        told: told.to_owned(),
        counted: ("Rows", "rows"),
        counts: ["clicked_complete", "label_incomplete"],
        names: ["clicked", "not clicked", "not complete"],
    };
    of.draw(pair, shown);
}

/// The sections of a set of `dwell`.
pub(super) fn shown_dwell(pair: Pair<'_>) -> Shown {
    let mut shown = Shown {
        sections: tiles(pair, &OF_DWELL) + "<div class=\"cards\">\n",
        drifts: Vec::new(),
    };
    let ends = [
        1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 10_800.0,
    ];
    let numbers = |of: &Value| {
        let mut rows = vec![0_u64; ends.len() + 2];
        for class in of["counts"]["avg_seconds"].as_array().into_iter().flatten() {
            let from = class["from_seconds"].as_f64().unwrap_or(0.0);
            let at = match from > 0.0 {
                true => 1 + ends.partition_point(|end| *end <= from),
                false => 0,
            };
            rows[at] += class["rows"].as_u64().unwrap_or(0);
        }
        rows
    };
    let name = |at: usize| match (
        at,
        at.checked_sub(2).and_then(|at| ends.get(at)),
        ends.get(at.saturating_sub(1)),
    ) {
        (0, ..) => "no time".to_owned(),
        (_, None, Some(to)) => format!("under {}", span(*to)),
        (_, Some(from), Some(_) | None) => format!("from {}", span(*from)),
        (_, None, None) => String::new(),
    };
    let (own, other) = (numbers(pair.own), pair.other.map(numbers));
    let classes = own
        .iter()
        .enumerate()
        .map(|(at, rows)| (name(at), *rows, other.as_ref().map_or(0, |other| other[at])));
    let told = format!(
        "Rows by the seconds of a user with a merchant on a day: half of them under {}, nine of ten under {}, to a thirty-second of that.",
        metric(&pair.own["p50_seconds"], Unit::Seconds),
        metric(&pair.own["p90_seconds"], Unit::Seconds),
    );
    let of = Distribution {
        caption: ("stays", "How long people stay", told),
        class: "Time",
        counted: "Rows",
        is_histogram: false,
        classes: classes.collect(),
    };
    of.draw(pair, &mut shown);
    shown.sections += "</div>\n";
    shown
}
