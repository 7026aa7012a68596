//! The reference for the metrics of `sequences`: each sample is counted by itself.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{LogAction, LogImpression, Rules, bounds, by_customer, is_sampled};

/// The metrics of some samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// Samples by the length of their history.
    pub lengths: BTreeMap<usize, u64>,
    /// Actions by type.
    pub kinds: BTreeMap<u8, u64>,
    /// For each position, newest first: samples by the type of the action there; 0 stands for none.
    pub places: Vec<BTreeMap<u8, u64>>,
    /// Labels that are true.
    pub positives: u64,
    /// Labels that are null.
    pub nulls: u64,
    /// Actions that repeat the next older one.
    pub duplicates: u64,
    /// Actions that share the time of the next older one, but not all else.
    pub ties: u64,
    /// Time from the newest action to the cutoff.
    pub ages: SpanList,
    /// Time from the oldest to the newest action of full histories.
    pub spans: SpanList,
    /// Samples by customer.
    pub customers: BTreeMap<String, u64>,
}

/// Spans of time in microseconds, one for each sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanList(pub Vec<u64>);

impl SpanList {
    /// The number of spans of at least `from` and less than `to` seconds.
    pub fn between(&self, from: u64, to: Option<u64>) -> u64 {
        let is_in = |us: &&u64| {
            let seconds = **us / 1_000_000;
            from <= seconds && to.is_none_or(|to| seconds < to)
        };
        self.0.iter().filter(is_in).count() as u64
    }

    /// Their sum in whole seconds.
    pub fn sum_seconds(&self) -> u64 {
        // Rounded down once, after the sum; each span alone would lose up to a second.
        let sum: u128 = self.0.iter().map(|us| u128::from(*us)).sum();
        u64::try_from(sum / 1_000_000).unwrap_or(u64::MAX)
    }
}

/// The metrics of the samples of some impressions; types are counted at the newest `places` positions.
///
/// # Panics
/// If the zone is unknown, or a day is out of the calendar.
pub fn quality(
    rules: &Rules,
    impressions: &[&LogImpression],
    log: &[LogAction],
    places: usize,
) -> Quality {
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let by_customer = by_customer(rules, log);
    let places = places.min(rules.actions_max);
    let mut quality = Quality {
        places: vec![BTreeMap::new(); places],
        ..Quality::default()
    };
    for impression in impressions {
        if impression.customer.is_none() && !rules.guests_are_rows {
            continue;
        }
        let bounds = bounds(rules, &zone, impression);
        let own = impression.customer.as_deref();
        let own = own.and_then(|customer| by_customer.get(customer));
        let history = own.map(|own| own.history(bounds));
        let history: Vec<_> = history
            .into_iter()
            .flatten()
            .map(|key| (key.time, key.kind, key.item))
            .collect();
        for (position, (item, label)) in impression.items.iter().enumerate() {
            if *item == 0 || (label.is_none() && rules.drop_null_labels) {
                continue;
            }
            if *label == Some(false) && !is_sampled(rules, impression, position) {
                continue;
            }
            quality.positives += u64::from(*label == Some(true));
            quality.nulls += u64::from(label.is_none());
            if let Some(customer) = &impression.customer {
                *quality.customers.entry(customer.clone()).or_default() += 1;
            }
            quality.add(&history, bounds.cutoff, rules.actions_max);
        }
    }
    quality
}

impl Quality {
    /// Adds the history of one sample.
    fn add(&mut self, history: &[(i64, u8, i64)], cutoff: i64, actions_max: usize) {
        *self.lengths.entry(history.len()).or_default() += 1;
        for (place, kinds) in self.places.iter_mut().enumerate() {
            let kind = history.get(place).map_or(0, |(_, kind, _)| *kind);
            *kinds.entry(kind).or_default() += 1;
        }
        for (_, kind, _) in history {
            *self.kinds.entry(*kind).or_default() += 1;
        }
        for pair in history.windows(2) {
            self.duplicates += u64::from(pair[0] == pair[1]);
            self.ties += u64::from(pair[0].0 == pair[1].0 && pair[0] != pair[1]);
        }
        if let (Some(newest), Some(oldest)) = (history.first(), history.last()) {
            self.ages.0.push(cutoff.abs_diff(newest.0));
            if history.len() == actions_max {
                self.spans.0.push(newest.0.abs_diff(oldest.0));
            }
        }
    }
}
