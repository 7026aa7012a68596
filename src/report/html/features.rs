//! What the pages of `features` and `dwell` show.

use std::collections::{BTreeMap, BTreeSet};

use super::figures::{Distribution, Labels, by_day, tiles};
use super::text::{count, mean, or_dash, share, span};
use super::{Pair, SetMetrics, Shown, missing_section};
use crate::ids::float;
use crate::metrics::{DwellMetrics, FeatureMetrics, PriorCounts};

/// Two sets of `features`.
type Features<'a> = Pair<'a, SetMetrics<FeatureMetrics>>;
/// Two sets of `dwell`.
type Stays<'a> = Pair<'a, SetMetrics<DwellMetrics>>;

/// The headline figures of `features`.
fn feature_tiles(set: &SetMetrics<FeatureMetrics>) -> [(&'static str, String); 12] {
    let of = &set.scalars;
    [
        ("rows", count(of.rows)),
        ("clicked, of complete labels", or_dash(of.label_rate, share)),
        (
            "labels that are complete",
            or_dash(of.label_complete_pct, share),
        ),
        (
            "prior clicks of a listing",
            or_dash(of.prior_listing_clicks_mean, mean),
        ),
        (
            "prior clicks of a user",
            or_dash(of.prior_user_clicks_mean, mean),
        ),
        ("unknown listings", or_dash(of.unknown_listing_pct, share)),
        ("no category", or_dash(of.null_category_pct, share)),
        ("no price", or_dash(of.null_price_pct, share)),
        ("no age", or_dash(of.null_listing_age_pct, share)),
        (
            "listings younger than their impression",
            count(of.negative_ages),
        ),
        (
            "clicks without a user",
            or_dash(of.clicks_without_user_pct, share),
        ),
        ("bad rows", or_dash(of.rejected_rows, count)),
    ]
}

/// Those of `dwell`.
fn dwell_tiles(set: &SetMetrics<DwellMetrics>) -> [(&'static str, String); 12] {
    let of = &set.scalars;
    [
        ("rows of users and merchants", count(of.rows)),
        ("users", count(of.users)),
        ("merchants", count(of.merchants)),
        ("rows of merchants", count(of.merchant_rows)),
        ("events", count(of.events)),
        ("events that open something", count(of.opens)),
        ("duplicate events", or_dash(of.duplicate_events_pct, share)),
        ("median stay", or_dash(of.p50_seconds, span)),
        ("nine of ten stay less than", or_dash(of.p90_seconds, span)),
        ("99 of 100 stay less than", or_dash(of.p99_seconds, span)),
        ("stays of no time", or_dash(of.zero_seconds_pct, share)),
        ("bad rows", or_dash(of.rejected_rows, count)),
    ]
}

/// The sections of a set of `features`.
pub(crate) fn shown_features(pair: Features<'_>) -> Shown {
    let mut shown = Shown {
        sections: tiles(pair, feature_tiles) + "<div class=\"cards\">\n",
        drifts: Vec::new(),
    };
    prior_clicks(
        pair,
        ("listings", "Prior clicks of the listing"),
        |set| set.metrics.counts.prior_listing_clicks,
        &mut shown,
    );
    prior_clicks(
        pair,
        ("users", "Prior clicks of the user"),
        |set| set.metrics.counts.prior_user_clicks,
        &mut shown,
    );
    labels(pair, &mut shown);
    let days = &pair.own.head.days;
    shown.sections += &by_day(days, ("rows-by-day", "Rows by day"), |day| {
        (day.rows.map(float), or_dash(day.rows, count))
    });
    shown.sections += &by_day(days, ("labels-by-day", "Label rate by day"), |day| {
        (day.label_rate, or_dash(day.label_rate, share))
    });
    shown.sections += &by_day(days, ("complete-by-day", "Complete labels by day"), |day| {
        (
            day.label_complete_pct,
            or_dash(day.label_complete_pct, share),
        )
    });
    shown.sections += &missing_section(&pair.own.metrics.missing);
    shown.sections += "</div>\n";
    shown
}

/// Clicks before the impression, of the listing or of the user.
fn prior_clicks(
    pair: Features<'_>,
    (id, title): (&str, &str),
    prior: fn(&SetMetrics<FeatureMetrics>) -> PriorCounts,
    shown: &mut Shown,
) {
    let counts = prior(pair.own);
    let own = counts.rows_up_to();
    let other = pair
        .other
        .map(prior)
        .map(|of| of.rows_up_to())
        .unwrap_or_default();
    let ends: BTreeSet<u64> = own.keys().chain(other.keys()).copied().collect();
    let number = |of: &BTreeMap<u64, u64>, end: u64| of.get(&end).copied().unwrap_or(0);
    let classes = ends.iter().map(|end| {
        let text = match end {
            0..=2 => count(*end),
            end => format!("{}–{}", count(end / 2 + 1), count(*end)),
        };
        (text, number(&own, *end), number(&other, *end))
    });
    let rows = pair.own.metrics.counts.rows;
    let of_rows = |count: u64| (rows > 0).then(|| float(count) / float(rows));
    let on_average = or_dash(of_rows(counts.sum), mean);
    let none = or_dash(of_rows(counts.classes[0]), share);
    let of = Distribution {
        caption: (
            id,
            title,
            format!(
                "Rows by clicks of all time before the impression: {on_average} on average, {none} have none."
            ),
        ),
        class: "Clicks",
        counted: "Rows",
        is_histogram: false,
        classes: classes.collect(),
    };
    of.draw(pair, shown);
}

/// What labels say.
fn labels(pair: Features<'_>, shown: &mut Shown) {
    let told =
        "Whether a click followed; a label is not complete if its window reaches beyond the data.";
    let labels = Labels {
        told: told.to_owned(),
        counted: "Rows",
        names: ["clicked", "not clicked", "not complete"],
    };
    let counts = |set: &SetMetrics<FeatureMetrics>| {
        let of = set.metrics.counts;
        [of.clicked_complete, of.incomplete, of.rows]
    };
    labels.draw(pair, counts, shown);
}

/// The sections of a set of `dwell`.
pub(crate) fn shown_dwell(pair: Stays<'_>) -> Shown {
    let mut shown = Shown {
        sections: tiles(pair, dwell_tiles) + "<div class=\"cards\">\n",
        drifts: Vec::new(),
    };
    let ends = [
        1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 10_800.0,
    ];
    let numbers = |set: &SetMetrics<DwellMetrics>| {
        let mut rows = vec![0_u64; ends.len() + 2];
        for class in &set.metrics.counts.avg_seconds {
            let at = match class.from_seconds > 0.0 {
                true => 1 + ends.partition_point(|end| *end <= class.from_seconds),
                false => 0,
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
    let classes = own
        .iter()
        .enumerate()
        .map(|(at, rows)| (name(at), *rows, other.as_ref().map_or(0, |other| other[at])));
    let told = format!(
        "Rows by the seconds of a user with a merchant on a day: half of them under {}, nine of ten under {}, to a thirty-second of that.",
        or_dash(pair.own.scalars.p50_seconds, span),
        or_dash(pair.own.scalars.p90_seconds, span),
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
