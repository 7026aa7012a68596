//! Which items a vocabulary that is built from the logs holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::{Bounds, LogAction, LogImpression, Rules, bounds, sequences};
use crate::reference::explain::exclusion_of;

/// The items of all samples, and those of each customer's actions between the earliest start of a
/// lookback and the latest cutoff of that customer. Actions that do not count add none.
///
/// # Panics
/// If the zone is unknown, or a day is out of the calendar.
pub fn items_held(
    rules: &Rules,
    impressions: &[LogImpression],
    log: &[LogAction],
) -> BTreeSet<i64> {
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let mut items = BTreeSet::new();
    let mut spans: BTreeMap<&str, Bounds> = BTreeMap::new();
    for impression in impressions {
        let samples = sequences(rules, std::slice::from_ref(impression), &[]);
        items.extend(samples.iter().map(|sample| sample.item));
        let customer = impression.customer.as_deref();
        // An impression of which no sample is left asks for no history.
        if let Some(customer) = customer.filter(|_| !samples.is_empty()) {
            let bounds = bounds(rules, &zone, impression);
            // One span for each customer, though histories may not hold all of it: what they hold
            // is known only after the sort, and the engine gives codes before.
            let span = spans.entry(customer).or_insert(bounds);
            span.cutoff = span.cutoff.max(bounds.cutoff);
            span.start = span.start.min(bounds.start);
        }
    }
    for action in log {
        let customer = action.customer.as_deref();
        let span = customer.and_then(|customer| spans.get(customer));
        if span.is_some_and(|span| exclusion_of(rules, &zone, action, *span).is_none()) {
            items.insert(action.item);
        }
    }
    items
}
