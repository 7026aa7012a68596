//! The pages of `features` and `dwell`.

use std::collections::{BTreeMap, BTreeSet};

use super::figures::{ClassCounts, Distribution, LabelFigure, by_day, tiles};
use super::text::{count, mean, or_dash, share, span};
use super::{PageBody, SetMetrics, SetPair, missing_section};
use crate::ids::float;
use crate::metrics::{DwellMetrics, FeatureMetrics, PriorCounts};

/// Two sets of `features`.
type FeatureSets<'a> = SetPair<'a, SetMetrics<FeatureMetrics>>;
/// Two sets of `dwell`.
type DwellSets<'a> = SetPair<'a, SetMetrics<DwellMetrics>>;

/// The headline figures of `features`.
fn feature_tiles(set: &SetMetrics<FeatureMetrics>) -> [(&'static str, String); 12] {
    let scalars = &set.scalars;
    [
        ("rows", count(scalars.rows)),
        (
            "clicked, of complete labels",
            or_dash(scalars.label_rate, share),
        ),
        (
            "labels that are complete",
            or_dash(scalars.label_complete_pct, share),
        ),
        (
            "prior clicks of a listing",
            or_dash(scalars.prior_listing_clicks_mean, mean),
        ),
        (
            "prior clicks of a user",
            or_dash(scalars.prior_user_clicks_mean, mean),
        ),
        (
            "unknown listings",
            or_dash(scalars.unknown_listing_pct, share),
        ),
        ("no category", or_dash(scalars.null_category_pct, share)),
        ("no price", or_dash(scalars.null_price_pct, share)),
        ("no age", or_dash(scalars.null_listing_age_pct, share)),
        (
            "listings younger than their impression",
            count(scalars.negative_ages),
        ),
        (
            "clicks without a user",
            or_dash(scalars.clicks_without_user_pct, share),
        ),
        ("bad rows", or_dash(scalars.rejected_rows, count)),
    ]
}

/// Those of `dwell`.
fn dwell_tiles(set: &SetMetrics<DwellMetrics>) -> [(&'static str, String); 12] {
    let scalars = &set.scalars;
    [
        ("rows of users and merchants", count(scalars.rows)),
        ("users", count(scalars.users)),
        ("merchants", count(scalars.merchants)),
        ("rows of merchants", count(scalars.merchant_rows)),
        ("events", count(scalars.events)),
        ("events that open something", count(scalars.opens)),
        (
            "duplicate events",
            or_dash(scalars.duplicate_events_pct, share),
        ),
        ("median stay", or_dash(scalars.p50_seconds, span)),
        (
            "nine of ten stay less than",
            or_dash(scalars.p90_seconds, span),
        ),
        (
            "99 of 100 stay less than",
            or_dash(scalars.p99_seconds, span),
        ),
        ("stays of no time", or_dash(scalars.zero_seconds_pct, share)),
        ("bad rows", or_dash(scalars.rejected_rows, count)),
    ]
}

/// The sections of a set of `features`.
pub(crate) fn features_body(pair: FeatureSets<'_>) -> PageBody {
    let mut body = PageBody {
        sections: tiles(pair, feature_tiles) + "<div class=\"cards\">\n",
        drifts: Vec::new(),
    };
    prior_clicks(
        pair,
        "listings",
        "Prior clicks of the listing",
        |set| set.metrics.counts.prior_listing_clicks,
        &mut body,
    );
    prior_clicks(
        pair,
        "users",
        "Prior clicks of the user",
        |set| set.metrics.counts.prior_user_clicks,
        &mut body,
    );
    labels(pair, &mut body);
    let days = &pair.own.head.days;
    body.sections += &by_day(days, "rows-by-day", "Rows by day", |day| {
        (day.rows.map(float), or_dash(day.rows, count))
    });
    body.sections += &by_day(days, "labels-by-day", "Label rate by day", |day| {
        (day.label_rate, or_dash(day.label_rate, share))
    });
    body.sections += &by_day(days, "complete-by-day", "Complete labels by day", |day| {
        (
            day.label_complete_pct,
            or_dash(day.label_complete_pct, share),
        )
    });
    body.sections += &missing_section(&pair.own.metrics.missing);
    body.sections += "</div>\n";
    body
}

/// Clicks before the impression, of the listing or of the user.
fn prior_clicks(
    pair: FeatureSets<'_>,
    id: &str,
    title: &str,
    prior: fn(&SetMetrics<FeatureMetrics>) -> PriorCounts,
    body: &mut PageBody,
) {
    let counts = prior(pair.own);
    let own = counts.rows_up_to();
    let other = pair
        .other
        .map(prior)
        .map(|counts| counts.rows_up_to())
        .unwrap_or_default();
    let ends: BTreeSet<u64> = own.keys().chain(other.keys()).copied().collect();
    let rows_of = |rows: &BTreeMap<u64, u64>, end: u64| rows.get(&end).copied().unwrap_or(0);
    let classes = ends.iter().map(|end| ClassCounts {
        name: match end {
            0..=2 => count(*end),
            end => format!("{}–{}", count(end / 2 + 1), count(*end)),
        },
        own: rows_of(&own, *end),
        other: rows_of(&other, *end),
    });
    let rows = pair.own.metrics.counts.rows;
    let of_rows = |count: u64| (rows > 0).then(|| float(count) / float(rows));
    let on_average = or_dash(of_rows(counts.sum), mean);
    let none = or_dash(of_rows(counts.classes[0]), share);
    let figure = Distribution {
        id,
        title,
        description: format!(
            "Rows by clicks of all time before the impression: {on_average} on average, {none} have none."
        ),
        class: "Clicks",
        counted: "Rows",
        is_histogram: false,
        classes: classes.collect(),
    };
    figure.draw(pair, body);
}

/// Labels, and whether they are complete.
fn labels(pair: FeatureSets<'_>, body: &mut PageBody) {
    let description =
        "Whether a click followed; a label is not complete if its window reaches beyond the data.";
    let figure = LabelFigure {
        description: description.to_owned(),
        counted: "Rows",
        names: ["clicked", "not clicked", "not complete"],
    };
    let counts = |set: &SetMetrics<FeatureMetrics>| {
        let counts = set.metrics.counts;
        [counts.clicked_complete, counts.incomplete, counts.rows]
    };
    figure.draw(pair, counts, body);
}

/// The sections of a set of `dwell`.
pub(crate) fn dwell_body(pair: DwellSets<'_>) -> PageBody {
    let mut body = PageBody {
        sections: tiles(pair, dwell_tiles) + "<div class=\"cards\">\n",
        drifts: Vec::new(),
    };
    let ends = [
        1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 10_800.0,
    ];
    let numbers = |set: &SetMetrics<DwellMetrics>| {
        // Two more: one for no time at all, and one above the last end.
        let mut rows = vec![0_u64; ends.len() + 2];
        for class in &set.metrics.counts.avg_seconds {
            let at = if class.from_seconds > 0.0 {
                1 + ends.partition_point(|end| *end <= class.from_seconds)
            } else {
                0
            };
            rows[at] += class.rows;
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
    let classes = own.iter().enumerate().map(|(at, rows)| ClassCounts {
        name: name(at),
        own: *rows,
        other: other.as_ref().map_or(0, |other| other[at]),
    });
    let description = format!(
        "Rows by the seconds of a user with a merchant on a day: half of them under {}, nine of ten under {}, to a thirty-second of that.",
        or_dash(pair.own.scalars.p50_seconds, span),
        or_dash(pair.own.scalars.p90_seconds, span),
    );
    let figure = Distribution {
        id: "stays",
        title: "How long people stay",
        description,
        class: "Time",
        counted: "Rows",
        is_histogram: false,
        classes: classes.collect(),
    };
    figure.draw(pair, &mut body);
    body.sections += "</div>\n";
    body
}
