//! The actions of one customer, ordered once, and any history that is asked of them.
//!
//! ```text
//! newest first   o  o  o  o │ o  o  o  o │ o  o  o  o │ …    actions, each with when it was known
//!                  known ≥ 7 │  known ≥ 3 │  known ≥ 9 │      stretches of 16, of 256, …
//! ```
//! **In / Out**: a log → [`OrderedLog`], and from it the history of an impression.
//! **Invariants**: a history is the same as that of a walk over the whole log, as [`super::fates()`] has
//! it. **Cost**: one sort for each customer; a history then takes some dozens of steps for each of its
//! actions, however many others there are, as what cannot be in it is passed over by stretches.
//! **Why so**: where one customer has nearly all actions, a sort for each impression takes hours.

use jiff::tz::TimeZone;

use super::{LogAction, Repeats, Rules, instant};
use crate::reference::explain::excluded;
use crate::reference::total_order::{Entry, known, newest_first};

/// How many stretches, or actions, a stretch is made of.
const FAN: usize = 16;

/// What tells repeats in a row apart: kind and item.
type Pair = (u8, i64);

/// The actions of one customer, in the order of histories.
pub struct OrderedLog<'l> {
    /// Those that some history may hold, newest first.
    entries: Vec<Entry<'l>>,
    /// Stretches of [`FAN`] of them, stretches of as many of those, and so on.
    stretches: Vec<Vec<Stretch>>,
    /// Which repeats are left out.
    repeats: Repeats,
    /// The length of a history.
    actions_max: usize,
}

/// When the first of some actions was known, and the first of those of any other pair.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// When the first was known.
    first: (i64, Pair),
    /// When the first of another pair was.
    other: (i64, Pair),
}

/// What is known at no time.
const NEVER: (i64, Pair) = (i64::MAX, (0, 0));

impl Stretch {
    /// A stretch of nothing.
    const EMPTY: Stretch = Stretch {
        first: NEVER,
        other: NEVER,
    };

    /// Adds an action that was known at a time.
    fn add(&mut self, of: (i64, Pair)) {
        if of.1 == self.first.1 {
            self.first.0 = self.first.0.min(of.0);
        } else if of.0 < self.first.0 {
            self.other = self.first;
            self.first = of;
        } else if of.0 < self.other.0 {
            self.other = of;
        }
    }

    /// Whether one of its actions was known before a cutoff, and is not of a pair.
    fn holds(&self, cutoff: i64, but: Option<Pair>) -> bool {
        let known = match but == Some(self.first.1) {
            true => self.other.0,
            false => self.first.0,
        };
        known < cutoff
    }
}

impl<'l> OrderedLog<'l> {
    /// Orders the actions of one customer.
    ///
    /// # Panics
    /// If the zone is unknown, or a time is out of the calendar.
    pub fn new(rules: &Rules, log: impl IntoIterator<Item = &'l LogAction>) -> OrderedLog<'l> {
        let zone = TimeZone::get(&rules.timezone).expect("a known zone");
        let entry = |of: &'l LogAction| -> Entry<'l> {
            let time = instant(&zone, of.time);
            let known = known(rules, &zone, of, time);
            (time, of.kind, of.item, known, &of.told)
        };
        let log = log.into_iter().filter(|of| excluded(rules, of).is_none());
        let mut entries: Vec<Entry<'l>> = log.map(entry).collect();
        entries.sort_by(|a, b| newest_first(rules.repeats, a, b));
        // The first of those that are alike was known first: if it was not, none was.
        if rules.repeats == Repeats::Exact {
            entries.dedup_by_key(|(time, kind, item, ..)| (*time, *kind, *item));
        }
        OrderedLog {
            stretches: stretches_of(&entries),
            entries,
            repeats: rules.repeats,
            actions_max: rules.actions_max,
        }
    }

    /// The history at a cutoff, for a lookback that begins at `start`, newest first.
    pub(crate) fn history(&self, cutoff: i64, start: i64) -> Vec<&Entry<'l>> {
        self.history_in_steps(cutoff, start).0
    }

    /// The history, and how many steps it took.
    fn history_in_steps(&self, cutoff: i64, start: i64) -> (Vec<&Entry<'l>>, u64) {
        let (mut history, mut but, mut steps) = (Vec::new(), None, 0);
        let mut at = self.entries.partition_point(|(time, ..)| cutoff <= *time);
        while history.len() < self.actions_max {
            let Some(found) = self.next(at, cutoff, but, &mut steps) else {
                break;
            };
            let entry = &self.entries[found];
            if entry.0 < start {
                break;
            }
            history.push(entry);
            at = found + 1;
            if self.repeats == Repeats::Consecutive {
                but = Some((entry.1, entry.2));
            }
        }
        (history, steps)
    }

    /// The place, from one on, of the next action that was known before a cutoff and is not of a pair.
    fn next(
        &self,
        mut at: usize,
        cutoff: i64,
        but: Option<Pair>,
        steps: &mut u64,
    ) -> Option<usize> {
        loop {
            *steps += 1;
            let (_, kind, item, known, _) = self.entries.get(at)?;
            if *known < cutoff && but != Some((*kind, *item)) {
                return Some(at);
            }
            // The widest stretch that begins here and holds nothing is passed over.
            let mut width = 1;
            for stretches in &self.stretches {
                let wide = width * FAN;
                if !at.is_multiple_of(wide) || stretches[at / wide].holds(cutoff, but) {
                    break;
                }
                (width, *steps) = (wide, *steps + 1);
            }
            at += width;
        }
    }
}

/// Stretches of actions, then stretches of stretches, up to one of all.
fn stretches_of(entries: &[Entry<'_>]) -> Vec<Vec<Stretch>> {
    let of_entries = |chunk: &[Entry<'_>]| {
        let mut stretch = Stretch::EMPTY;
        for (_, kind, item, known, _) in chunk {
            stretch.add((*known, (*kind, *item)));
        }
        stretch
    };
    let of_stretches = |chunk: &[Stretch]| {
        let mut stretch = Stretch::EMPTY;
        for of in chunk {
            stretch.add(of.first);
            stretch.add(of.other);
        }
        stretch
    };
    let mut levels = vec![entries.chunks(FAN).map(of_entries).collect::<Vec<_>>()];
    while let Some(last) = levels.last().filter(|last| last.len() > 1) {
        let next = last.chunks(FAN).map(of_stretches).collect();
        levels.push(next);
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::super::{Fate, LogImpression, LogTime, Number, fates, sequences};
    use super::*;

    /// A microsecond's worth of numbers, each in its turn, from a seed.
    struct Dice(u64);

    impl Dice {
        /// A number below another one.
        fn below(&mut self, of: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % of
        }

        /// The same as a time.
        fn time(&mut self, of: u64) -> i64 {
            i64::try_from(self.below(of)).expect("small")
        }
    }

    /// Rules without any limit but the length of a history.
    fn rules(repeats: Repeats, actions_max: usize) -> Rules {
        Rules {
            cutoff_is_time: true,
            lookback_days: None,
            embargo_us: vec![None, Some(7)],
            types: vec![1, 2],
            repeats,
            told: Vec::new(),
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
            told: Vec::new(),
        }
    }

    /// An impression of the customer.
    fn shown(time: i64) -> LogImpression {
        LogImpression {
            customer: Some("c".to_owned()),
            time: Some(LogTime::Instant(time)),
            items: vec![(1, None)],
            ..LogImpression::default()
        }
    }

    /// An action of any sort, among few times, kinds and items.
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
            told: vec![Number::Int(i32::try_from(dice.below(3)).expect("small"))],
            ..action(0, 0)
        }
    }

    #[test]
    fn histories_are_those_of_a_walk_over_the_whole_log() {
        let mut dice = Dice(1);
        for round in 0..600 {
            let repeats = [Repeats::Kept, Repeats::Exact, Repeats::Consecutive][round % 3];
            let rules = rules(repeats, 1 + round % 7);
            let count = dice.below(120);
            let log: Vec<LogAction> = (0..count).map(|_| any_action(&mut dice)).collect();
            let shown = shown(dice.time(80));
            let made = sequences(&rules, std::slice::from_ref(&shown), &log);
            let known = fates(&rules, &shown, &log);
            let is_kept = |of: &&super::super::Candidate| matches!(of.fate, Fate::Kept(_));
            let kept = known.candidates.iter().filter(is_kept);
            let kept: Vec<_> = kept.map(|of| &log[of.at]).collect();
            let pairs: Vec<_> = kept.iter().map(|of| (of.item, of.kind)).collect();
            let told: Vec<_> = kept.iter().map(|of| of.told.clone()).collect();
            assert_eq!(made[0].history, pairs, "round {round}");
            assert_eq!(made[0].told, told, "round {round}");
        }
    }

    /// Makes an action of its place in a log.
    type Make = Box<dyn Fn(i64) -> LogAction>;

    #[test]
    fn a_history_takes_few_steps_whatever_else_the_customer_did() {
        const COUNT: i64 = 100_000;
        let late = |known: i64| Some(Some(LogTime::Instant(known)));
        let logs: [(&str, Repeats, Make); 5] = [
            (
                "all of them prior",
                Repeats::Kept,
                Box::new(|at| action(at, at)),
            ),
            (
                "one item again and again",
                Repeats::Consecutive,
                Box::new(|at| action(at, 1 + at / 50_000)),
            ),
            ("one moment", Repeats::Exact, Box::new(|_| action(1, 5))),
            (
                "known late, but for one in a thousand",
                Repeats::Kept,
                Box::new(move |at| LogAction {
                    available: late(if at % 1000 == 0 { at } else { 9 * COUNT }),
                    ..action(at, at + 1)
                }),
            ),
            (
                "never known",
                Repeats::Kept,
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
                let (history, steps) = ordered.history_in_steps(cutoff, i64::MIN);
                assert!(history.len() <= 50, "{name}");
                // A walk over the log would take as many as a hundred thousand.
                assert!(steps <= 51 * 400, "{name}: {steps} steps at {cutoff}");
            }
        }
    }
}
