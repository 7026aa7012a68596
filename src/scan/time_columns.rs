//! Which columns of a source hold times, as its files name them.

use crate::job::{Cutoff, DT, JobKind, Source};
use crate::scan::spec::ReadSpec;

/// The column of the time of an action. Of orders and declared logs it may be absent or null if
/// [`time_else_of_actions`] names another.
pub(crate) fn time_of_actions<'a>(spec: &ReadSpec<'a>, source: Source) -> &'a str {
    let name = match source {
        Source::Clicks => "click_time",
        Source::Carts | Source::Orders => "occurred_at",
        _ => "time",
    };
    spec.column(source, name)
}

/// The column that is read where the time of an action is absent or null.
pub(crate) fn time_else_of_actions<'a>(spec: &ReadSpec<'a>, source: Source) -> Option<&'a str> {
    match source {
        Source::Orders => Some(spec.column(source, "order_date")),
        // A declared log has one only if the user names it.
        _ if source.is_declared() => {
            Some(spec.column(source, "time_else")).filter(|name| *name != "time_else")
        }
        _ => None,
    }
}

/// The column of days that stands in for an absent time of orders.
pub(crate) fn day_of_orders<'a>(spec: &ReadSpec<'a>, source: Source) -> Option<&'a str> {
    let is_orders = source == Source::Orders;
    is_orders.then(|| time_else_of_actions(spec, source))?
}

/// The columns of a source that hold times or days.
pub(crate) fn times_of<'a>(spec: &ReadSpec<'a>, source: Source) -> Vec<&'a str> {
    if let Some(moments) = spec.moments.filter(|_| source == Source::Impressions) {
        let log = moments.source;
        let times = std::iter::once(spec.column(source, "impression_time"));
        return times.chain(time_else_of_actions(spec, log)).collect();
    }
    let name = |ours| spec.column(source, ours);
    match (spec.job_kind, source) {
        (JobKind::Dwell, _) => vec![name("timestamp")],
        (JobKind::Features, Source::Impressions) => vec![name("impression_ts")],
        (JobKind::Features, Source::Clicks) => vec![name("click_ts")],
        (JobKind::Features, _) => {
            let as_of = spec
                .listings_as_of
                .filter(|as_of| *as_of != name("created_ts"));
            std::iter::once(name("created_ts")).chain(as_of).collect()
        }
        (JobKind::Sequences, Source::Impressions) => match spec.cutoff {
            Cutoff::Day => vec![name("dt")],
            Cutoff::Time => vec![name("dt"), name("impression_time")],
        },
        (JobKind::Sequences, _) => {
            // Integers as the day on which actions became available are refused whatever the unit.
            let available = spec.actions.available_column(source);
            let available = available.filter(|name| *name != DT);
            let others = [time_else_of_actions(spec, source), available];
            std::iter::once(time_of_actions(spec, source))
                .chain(others.into_iter().flatten())
                .collect()
        }
    }
}

/// The columns of a source that hold times of day, which are wall times or instants.
pub(crate) fn clock_columns<'a>(spec: &ReadSpec<'a>, source: Source) -> Vec<&'a str> {
    let mut columns = times_of(spec, source);
    let moments = spec.moments.filter(|_| source == Source::Impressions);
    let source = moments.map_or(source, |moments| moments.source);
    let days = match (spec.job_kind, source) {
        (JobKind::Sequences, Source::Impressions) => Some(spec.column(source, "dt")),
        (JobKind::Sequences, source) => day_of_orders(spec, source),
        _ => None,
    };
    columns.retain(|column| Some(*column) != days);
    columns
}
