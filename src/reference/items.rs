//! Which items are in a vocabulary that is made of logs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use super::{LogAction, LogImpression, Rules, bounds, sequences};
use crate::reference::explain::barred;

/// The items of all samples, and of the actions of their customers between the earliest start of a
/// lookback and the latest cutoff of each; those that do not count are none.
///
/// # Panics
/// If the zone is unknown, or a day is out of the calendar.
pub fn items_held(rules: &Rules, shown: &[LogImpression], log: &[LogAction]) -> BTreeSet<i64> {
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let mut items = BTreeSet::new();
    let mut spans: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for impression in shown {
        let samples = sequences(rules, std::slice::from_ref(impression), &[]);
        items.extend(samples.iter().map(|sample| sample.item));
        if let Some(customer) = impression
            .customer
            .as_deref()
            .filter(|_| !samples.is_empty())
        {
            let (cutoff, start) = bounds(rules, &zone, impression);
            let span = spans.entry(customer).or_insert((cutoff, start));
            *span = (span.0.max(cutoff), span.1.min(start));
        }
    }
    for action in log {
        let span = action.customer.as_deref().and_then(|of| spans.get(of));
        if span.is_some_and(|span| barred(rules, &zone, action, *span).is_none()) {
            items.insert(action.item);
        }
    }
    items
}
