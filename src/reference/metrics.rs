//! The metrics of `sequences` once more: every sample is looked at by itself.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::{LogAction, LogImpression, Rules, bounds, by_customer, is_sampled};

/// What some samples hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// Samples by the length of their history.
    pub lengths: BTreeMap<usize, u64>,
    /// Actions by kind.
    pub kinds: BTreeMap<u8, u64>,
    /// Samples by place, the newest first, and kind there; 0 where there is no action.
    pub places: Vec<BTreeMap<u8, u64>>,
    /// Labels that say yes.
    pub positives: u64,
    /// Labels that are null.
    pub nulls: u64,
    /// Actions that repeat the next older one.
    pub duplicates: u64,
    /// Actions that share the time of the next older one, but not all else.
    pub ties: u64,
    /// From the newest action to the cutoff.
    pub ages: Spans,
    /// From the oldest to the newest action of full histories.
    pub spans: Spans,
    /// Samples by customer.
    pub customers: BTreeMap<String, u64>,
}

/// Spans of time in microseconds, each once for each sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(pub Vec<u64>);

impl Spans {
    /// How many are at least this many seconds long and shorter than that many.
    pub fn between(&self, from: u64, to: Option<u64>) -> u64 {
        let is_in = |us: &&u64| {
            let seconds = **us / 1_000_000;
            from <= seconds && to.is_none_or(|to| seconds < to)
        };
        self.0.iter().filter(is_in).count() as u64
    }

    /// Their sum in whole seconds.
    pub fn sum_seconds(&self) -> u64 {
        let sum: u128 = self.0.iter().map(|us| u128::from(*us)).sum();
        u64::try_from(sum / 1_000_000).unwrap_or(u64::MAX)
    }
}

/// What the samples of some impressions hold; kinds are counted at the newest `places`.
///
/// # Panics
/// If the zone is unknown, or a day is out of the calendar.
pub fn quality(
    rules: &Rules,
    shown: &[&LogImpression],
    log: &[LogAction],
    places: usize,
) -> Quality {
    let zone = TimeZone::get(&rules.timezone).expect("a known zone");
    let by_customer = by_customer(rules, log);
    let places = places.min(rules.actions_max);
    let mut found = Quality {
        places: vec![BTreeMap::new(); places],
        ..Quality::default()
    };
    for impression in shown {
        if impression.customer.is_none() && !rules.guests_are_rows {
            continue;
        }
        let (cutoff, start) = bounds(rules, &zone, impression);
        let own = impression.customer.as_deref();
        let own = own.and_then(|customer| by_customer.get(customer));
        let history = own.map(|own| own.history(cutoff, start));
        let seen = history.into_iter().flatten();
        let seen: Vec<_> = seen
            .map(|(time, kind, item, ..)| (*time, *kind, *item))
            .collect();
        for (position, (item, label)) in impression.items.iter().enumerate() {
            if *item == 0 || (label.is_none() && rules.drop_null_labels) {
                continue;
            }
            if *label == Some(false) && !is_sampled(rules, impression, position) {
                continue;
            }
            found.positives += u64::from(*label == Some(true));
            found.nulls += u64::from(label.is_none());
            if let Some(customer) = &impression.customer {
                *found.customers.entry(customer.clone()).or_default() += 1;
            }
            found.add(&seen, cutoff, rules.actions_max);
        }
    }
    found
}

impl Quality {
    /// Adds the history of one sample.
    fn add(&mut self, history: &[(i64, u8, i64)], cutoff: i64, actions_max: usize) {
        *self.lengths.entry(history.len()).or_default() += 1;
        for (place, kinds) in self.places.iter_mut().enumerate() {
            let kind = history.get(place).map_or(0, |of| of.1);
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
