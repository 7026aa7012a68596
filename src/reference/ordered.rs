//! The actions of one customer, sorted once, from which the history at any cutoff is read.
//!
//! ```text
//! newest first   o  o  o  o │ o  o  o  o │ o  o  o  o │ …    actions, each with when it was known
//!                  known ≥ 7 │  known ≥ 3 │  known ≥ 9 │      stretches of 16, of 256, …
//! ```
//! **In / Out**: a log → [`OrderedLog`]; bounds → the history between them.
//! **Invariants**: a history equals that of a walk over the whole log, which
//! [`super::explanation_of()`] does. **Cost**: one sort for each customer; then some dozens of steps for
//! each action of a history, whatever the length of the log, because stretches without a known action are
//! skipped. **Why so**: where one customer has nearly all actions, a sort for each impression takes hours.

use jiff::tz::TimeZone;

use super::{Bounds, LogAction, RepeatRule, Rules, instant};
use crate::reference::explain::never_counts;
use crate::reference::total_order::{SortKey, newest_first, unknown_until};

/// The number of actions, or of shorter stretches, in a stretch.
const FAN: usize = 16;

/// Type and item of an action. Consecutive actions with the same pair are repeats.
type TypeAndItem = (u8, i64);

/// The actions of one customer, sorted as histories are.
pub struct OrderedLog<'l> {
    /// Actions that may be in a history, newest first.
    keys: Vec<SortKey<'l>>,
    /// By level: stretches of [`FAN`] actions, stretches of [`FAN`] of those, and so on.
    stretches: Vec<Vec<Stretch>>,
    /// Which repeats are left out.
    repeats: RepeatRule,
    /// The maximum length of a history.
    actions_max: usize,
}

/// Until when an action was unknown, and its type and item.
#[derive(Clone, Copy, Debug)]
struct FirstKnown {
    unknown_until: i64,
    pair: TypeAndItem,
}

/// A minimum over a run of actions: which was known first, and which first of another type or item.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    first: FirstKnown,
    other: FirstKnown,
}

/// The neutral element of the minimum.
const NEVER: FirstKnown = FirstKnown {
    unknown_until: i64::MAX,
    // Codes of types begin with 1, so no action has this pair.
    pair: (0, 0),
};

impl Stretch {
    /// A stretch without actions.
    const EMPTY: Stretch = Stretch {
        first: NEVER,
        other: NEVER,
    };

    /// Adds an action.
    fn add(&mut self, action: FirstKnown) {
        if action.pair == self.first.pair {
            self.first.unknown_until = self.first.unknown_until.min(action.unknown_until);
        } else if action.unknown_until < self.first.unknown_until {
            self.other = self.first;
            self.first = action;
        } else if action.unknown_until < self.other.unknown_until {
            self.other = action;
        }
    }

    /// Whether one of its actions was known before a cutoff and is not of type and item `except`.
    fn holds(&self, cutoff: i64, except: Option<TypeAndItem>) -> bool {
        // Two minima are enough, as a search excepts one pair at most.
        let action = if except == Some(self.first.pair) {
            self.other
        } else {
            self.first
        };
        action.unknown_until < cutoff
    }
}

impl<'l> OrderedLog<'l> {
    /// Sorts the actions of one customer.
    ///
    /// # Panics
    /// If the zone is unknown, or a time is out of the calendar.
    pub fn new(rules: &Rules, log: impl IntoIterator<Item = &'l LogAction>) -> OrderedLog<'l> {
        let zone = TimeZone::get(&rules.timezone).expect("a known zone");
        let key = |action: &'l LogAction| {
            let time = instant(&zone, action.time);
            SortKey {
                time,
                kind: action.kind,
                item: action.item,
                unknown_until: unknown_until(rules, &zone, action, time),
                attributes: &action.attributes,
            }
        };
        let log = log
            .into_iter()
            .filter(|action| never_counts(rules, action).is_none());
        let mut keys: Vec<SortKey<'l>> = log.map(key).collect();
        keys.sort_by(|a, b| newest_first(rules.repeats, a, b));
        // The first of exact repeats was known first, so if it is not prior, none of them is.
        if rules.repeats == RepeatRule::Exact {
            keys.dedup_by_key(|key| (key.time, key.kind, key.item));
        }
        OrderedLog {
            // With 95 % of 300,000 clicks on one customer, an audit of 1000 rows took 658 times as
            // long as the run when each row sorted and walked the log, and 3.8 times this way.
            // Histories of all rows in advance would not fit in memory.
            stretches: stretches_of(&keys),
            keys,
            repeats: rules.repeats,
            actions_max: rules.actions_max,
        }
    }

    /// The history of an impression, newest first.
    pub(crate) fn history(&self, bounds: Bounds) -> Vec<&SortKey<'l>> {
        self.history_in_steps(bounds).0
    }

    /// The history, and the number of steps that it took.
    fn history_in_steps(&self, bounds: Bounds) -> (Vec<&SortKey<'l>>, u64) {
        let Bounds { cutoff, start } = bounds;
        let (mut history, mut except, mut steps) = (Vec::new(), None, 0);
        // Only where to begin; actions from here on that became known late are skipped by `next`.
        let mut at = self.keys.partition_point(|key| cutoff <= key.time);
        while history.len() < self.actions_max {
            let Some(next) = self.next(at, cutoff, except, &mut steps) else {
                break;
            };
            let key = &self.keys[next];
            // Newest first: all behind it are older still.
            if key.time < start {
                break;
            }
            history.push(key);
            at = next + 1;
            if self.repeats == RepeatRule::Consecutive {
                except = Some((key.kind, key.item));
            }
        }
        (history, steps)
    }

    /// The index, from `at` on, of the next action that was known before a cutoff and is not of type and
    /// item `except`.
    fn next(
        &self,
        mut at: usize,
        cutoff: i64,
        except: Option<TypeAndItem>,
        steps: &mut u64,
    ) -> Option<usize> {
        loop {
            *steps += 1;
            let key = self.keys.get(at)?;
            if key.unknown_until < cutoff && except != Some((key.kind, key.item)) {
                return Some(at);
            }
            // Skip the widest stretch that begins here and holds no such action.
            let mut width = 1;
            for stretches in &self.stretches {
                let wide = width * FAN;
                // `at` is the index of an action, so each level has a stretch with it.
                if !at.is_multiple_of(wide) || stretches[at / wide].holds(cutoff, except) {
                    break;
                }
                (width, *steps) = (wide, *steps + 1);
            }
            at += width;
        }
    }
}

/// Stretches by level: of actions, then of stretches, up to one stretch of all actions.
fn stretches_of(keys: &[SortKey<'_>]) -> Vec<Vec<Stretch>> {
    let over_keys = |chunk: &[SortKey<'_>]| {
        let mut stretch = Stretch::EMPTY;
        for key in chunk {
            stretch.add(FirstKnown {
                unknown_until: key.unknown_until,
                pair: (key.kind, key.item),
            });
        }
        stretch
    };
    let over_stretches = |chunk: &[Stretch]| {
        let mut stretch = Stretch::EMPTY;
        for part in chunk {
            stretch.add(part.first);
            stretch.add(part.other);
        }
        stretch
    };
    let mut levels = vec![keys.chunks(FAN).map(over_keys).collect::<Vec<_>>()];
    while let Some(last) = levels.last().filter(|last| last.len() > 1) {
        let next = last.chunks(FAN).map(over_stretches).collect();
        levels.push(next);
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::super::{
        ActionOutcome, Candidate, LogImpression, LogTime, Number, explanation_of, sequences,
    };
    use super::*;

    /// A seeded linear congruential generator.
    struct Dice(u64);

    impl Dice {
        /// A number below `end`.
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % end
        }

        /// The same as a time.
        fn time(&mut self, end: u64) -> i64 {
            i64::try_from(self.below(end)).expect("small")
        }
    }

    /// Rules with no limit except the length of a history.
    fn rules(repeats: RepeatRule, actions_max: usize) -> Rules {
        Rules {
            cutoff_is_time: true,
            lookback_days: None,
            lookback_years: None,
            embargo_us: vec![None, Some(7)],
            types: vec![1, 2],
            repeats,
            computed: Vec::new(),
            actions_max,
            timezone: "UTC".to_owned(),
            guests_are_rows: true,
            drop_null_labels: false,
            negatives: None,
        }
    }

    /// An action of the one customer.
    fn action(time: i64, item: i64) -> LogAction {
        LogAction {
            customer: Some("c".to_owned()),
            time: LogTime::Instant(time),
            log: 0,
            kind: 1,
            item,
            available: None,
            attributes: Vec::new(),
        }
    }

    /// An impression of the customer.
    fn impression(time: i64) -> LogImpression {
        LogImpression {
            customer: Some("c".to_owned()),
            time: Some(LogTime::Instant(time)),
            items: vec![(1, None)],
            ..LogImpression::default()
        }
    }

    /// A random action out of few times, types and items.
    fn any_action(dice: &mut Dice) -> LogAction {
        let time = dice.time(60);
        LogAction {
            time: LogTime::Instant(time),
            log: usize::from(dice.below(4) == 0),
            kind: u8::try_from(1 + dice.below(3)).expect("small"),
            item: dice.time(3),
            available: match dice.below(3) {
                0 => None,
                1 => Some(None),
                _ => Some(Some(LogTime::Instant(time + dice.time(40)))),
            },
            attributes: vec![Number::Int(i32::try_from(dice.below(3)).expect("small"))],
            ..action(0, 0)
        }
    }

    #[test]
    fn histories_are_those_of_a_walk_over_the_whole_log() {
        let mut dice = Dice(1);
        for round in 0..600 {
            let repeats = [RepeatRule::Kept, RepeatRule::Exact, RepeatRule::Consecutive][round % 3];
            let rules = rules(repeats, 1 + round % 7);
            let count = dice.below(120);
            let log: Vec<LogAction> = (0..count).map(|_| any_action(&mut dice)).collect();
            let impression = impression(dice.time(80));
            let samples = sequences(&rules, std::slice::from_ref(&impression), &log);
            let explanation = explanation_of(&rules, &impression, &log);
            let is_in =
                |candidate: &&Candidate| matches!(candidate.outcome, ActionOutcome::InHistory(_));
            let history = explanation.candidates.iter().filter(is_in);
            let history: Vec<_> = history.map(|candidate| &log[candidate.at]).collect();
            let pairs: Vec<_> = history
                .iter()
                .map(|action| (action.item, action.kind))
                .collect();
            let attributes: Vec<_> = history
                .iter()
                .map(|action| action.attributes.clone())
                .collect();
            assert_eq!(samples[0].history, pairs, "round {round}");
            assert_eq!(samples[0].attributes, attributes, "round {round}");
        }
    }

    /// Makes the action at an index of a log.
    type Make = Box<dyn Fn(i64) -> LogAction>;

    #[test]
    fn a_history_takes_few_steps_whatever_else_the_customer_did() {
        const COUNT: i64 = 100_000;
        let late = |known: i64| Some(Some(LogTime::Instant(known)));
        let logs: [(&str, RepeatRule, Make); 5] = [
            (
                "all of them prior",
                RepeatRule::Kept,
                Box::new(|at| action(at, at)),
            ),
            (
                "one item again and again",
                RepeatRule::Consecutive,
                Box::new(|at| action(at, 1 + at / 50_000)),
            ),
            ("one moment", RepeatRule::Exact, Box::new(|_| action(1, 5))),
            (
                "known late, but for one in a thousand",
                RepeatRule::Kept,
                Box::new(move |at| LogAction {
                    available: late(if at % 1000 == 0 { at } else { 9 * COUNT }),
                    ..action(at, at + 1)
                }),
            ),
            (
                "never known",
                RepeatRule::Kept,
                Box::new(|at| LogAction {
                    available: Some(None),
                    ..action(at, at + 1)
                }),
            ),
        ];
        for (name, repeats, make) in logs {
            let log: Vec<LogAction> = (0..COUNT).map(make).collect();
            let ordered = OrderedLog::new(&rules(repeats, 50), &log);
            for cutoff in (0..1000).map(|at| COUNT - at * 100) {
                let start = i64::MIN;
                let (history, steps) = ordered.history_in_steps(Bounds { cutoff, start });
                assert!(history.len() <= 50, "{name}");
                // A walk over the log would take up to a hundred thousand.
                assert!(steps <= 51 * 400, "{name}: {steps} steps at {cutoff}");
            }
        }
    }
}
