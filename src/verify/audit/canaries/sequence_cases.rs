//! Audited impressions of `sequences` to canary cases: which actions are planted around them.

use std::collections::BTreeSet;

use super::input::planted_attributes;
use super::near::{actions_around, is_writable};
use crate::job::{ItemType, Settings, Source};
use crate::reference::read::is_near;
use crate::reference::{LogAction, LogImpression, LogTime, OrderedLog, Rules, explanation_of};
use crate::verify::audit::logs::{ImpressionKey, SequenceLogs};
use crate::verify::audit::output_rows::OutRow;

/// An impression with the actions around it.
pub(super) struct CanaryCase<'a> {
    pub(super) impression: &'a LogImpression,
    /// Real actions of the customer, and the planted ones.
    pub(super) log: Vec<LogAction>,
    /// The planted item that must be in the history.
    pub(super) included: Option<i64>,
    /// The planted items that must not be.
    pub(super) excluded: Vec<i64>,
}

/// The cases of the first suitable impression of each customer.
pub(super) fn cases_of<'a>(
    settings: &Settings,
    rules: &Rules,
    logs: &'a SequenceLogs,
    keys: &BTreeSet<ImpressionKey>,
) -> Vec<CanaryCase<'a>> {
    let (mut customers, mut cases) = (BTreeSet::new(), Vec::new());
    let none = OrderedLog::new(rules, []);
    for key in keys {
        let (_, customer, _) = key;
        // One case per customer: what is planted for one impression would be in the history of
        // another.
        if customer.is_none() || customers.contains(customer) {
            continue;
        }
        // Of repeated impressions one that makes rows.
        let makes_rows = |impression: &&LogImpression| {
            !OutRow::expected(settings, rules, impression, &none).is_empty()
        };
        let impressions = logs.impressions.get(key).into_iter().flatten();
        let mut impressions = impressions.map(|(_, impression)| impression);
        let is_usable = |impression: &&LogImpression| {
            // An item that the vocabulary lacks has no code that could be written.
            let is_known = impression.items.iter().all(|(item, _)| *item != 0);
            impression.time.is_none_or(is_writable) && is_known
        };
        let Some(impression) = impressions.find(makes_rows).filter(is_usable) else {
            continue;
        };
        let cutoff = explanation_of(rules, impression, &[]).cutoff_us;
        let near = actions_around(&rules.timezone, logs.actions_of(key), cutoff);
        let case = case_of(settings, rules, impression, near);
        // A planted action outside the years 1 to 9999 would be a bad row.
        if case.log.iter().all(|action| is_near(settings, action.time)) {
            customers.insert(customer);
            cases.push(case);
        }
    }
    cases
}

/// Plants actions around one impression.
struct Planter<'a> {
    settings: &'a Settings,
    rules: &'a Rules,
    impression: &'a LogImpression,
    /// Real and planted actions.
    log: Vec<LogAction>,
    /// Items above it are used up.
    next_item: i64,
}

impl Planter<'_> {
    /// An item that occurs neither in the impression nor in the log.
    fn free_item(&mut self) -> i64 {
        let is_used = |item: i64| {
            self.log.iter().any(|action| action.item == item)
                || self
                    .impression
                    .items
                    .iter()
                    .any(|(shown, _)| *shown == item)
        };
        let mut item = self.next_item;
        while is_used(item) {
            item -= 1;
        }
        self.next_item = item - 1;
        item
    }

    /// The source of a log.
    fn source(&self, log: usize) -> Source {
        self.settings.sequences().actions[log].source
    }

    /// A type of a log that counts, if it has one.
    fn counted_type(&self, log: usize) -> Option<u8> {
        let types = &self.rules.types;
        let codes = self.settings.sequences().actions[log].codes();
        let counts = |code: &u8| types.is_empty() || types.contains(code);
        codes.into_iter().find(counts)
    }

    /// The embargo of a log, in microseconds.
    fn embargo(&self, log: usize) -> i64 {
        self.rules.embargo_us[log].unwrap_or(0)
    }

    /// Whether a log has an availability column.
    fn has_availability(&self, log: usize) -> bool {
        let mut available = self.settings.sequences().available.iter();
        available.any(|(source, _)| *source == self.source(log))
    }

    /// Plants an action that happened at `time` and, if the log says so, was available at `known`; gives
    /// its item.
    fn plant(&mut self, log: usize, time: i64, known: i64) -> i64 {
        let item = self.free_item();
        let codes = self.settings.sequences().actions[log].codes();
        let available = Some(LogTime::Instant(known));
        self.log.push(LogAction {
            customer: self.impression.customer.clone(),
            time: LogTime::Instant(time),
            log,
            kind: self.counted_type(log).unwrap_or_else(|| codes[0]),
            item,
            available: self.has_availability(log).then_some(available),
            attributes: planted_attributes(self.settings),
        });
        item
    }
}

/// An impression with planted actions.
fn case_of<'a>(
    settings: &Settings,
    rules: &Rules,
    impression: &'a LogImpression,
    log: Vec<LogAction>,
) -> CanaryCase<'a> {
    let own = settings.sequences();
    let explanation = explanation_of(rules, impression, &[]);
    let (cutoff, lookback_start) = (explanation.cutoff_us, explanation.start_us);
    let mut planter = Planter {
        settings,
        rules,
        impression,
        log,
        next_item: match own.item_type {
            ItemType::Int32 => i64::from(i32::MAX),
            ItemType::Int64 => i64::MAX,
        },
    };
    let (mut excluded, mut included) = (Vec::new(), None);
    let logs = (0..own.actions.len()).filter(|log| !own.without.contains(&planter.source(*log)));
    let (counted, others): (Vec<usize>, Vec<usize>) =
        logs.partition(|log| planter.counted_type(*log).is_some());
    for log in others {
        // Their time is prior, so their type has to keep them out.
        excluded.push(planter.plant(log, cutoff - 1, cutoff - 1));
    }
    // A log in which nothing but the time decides, if there is one.
    let is_plain = |log: &&usize| planter.embargo(**log) == 0 && !planter.has_availability(**log);
    let plain = counted.iter().find(is_plain).or_else(|| counted.first());
    if let Some(log) = plain.copied() {
        let before = (cutoff - 1).saturating_sub(planter.embargo(log));
        let item = planter.plant(log, before, cutoff - 1);
        // With an embargo longer than the lookback no history holds an action.
        if lookback_start.is_none_or(|start| start <= before) {
            included = Some(item);
        } else {
            excluded.push(item);
        }
        // Known before the cutoff, so only the time of the action keeps these out.
        excluded.push(planter.plant(log, cutoff, cutoff - 1));
        excluded.push(planter.plant(log, cutoff + 1, cutoff - 1));
    }
    for log in counted {
        let embargo = planter.embargo(log);
        if embargo > 0 {
            // The embargo ends at the very cutoff, a microsecond too late.
            excluded.push(planter.plant(log, cutoff.saturating_sub(embargo), cutoff - 1));
        }
        if planter.has_availability(log) {
            let before = (cutoff - 1).saturating_sub(embargo);
            excluded.push(planter.plant(log, before, cutoff));
        }
    }
    CanaryCase {
        impression,
        included,
        log: planter.log,
        excluded,
    }
}
