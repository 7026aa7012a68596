//! The difference of each history of a block to the one before it.
//!
//! **In / Out**: a [`Block`] → a [`HistoryDelta`] per impression: its actions, the number of new ones,
//! and the number of those that it shares with the start of the history before.
//! **Why so**: with one cutoff a day all impressions of a customer share one history. With a cutoff per
//! impression, a history is a few new actions followed by the history before, shifted. Rows are
//! sorted by customer and cutoff, so such histories are neighbours.

use crate::encode::Block;
use crate::encode::spec::WriteSpec;
use crate::ids::{ActionType, Item, Micros, count32, index};
use crate::kernel::attributes::Landed;
use crate::kernel::history_stats::Contents;
use crate::kernel::op::counts::is_same;
use crate::kernel::op::sequences::{Histories, History};
use crate::kernel::sweep::{Window, is_prior};

/// The history of an impression, written newest first, as a difference to the history before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HistoryDelta {
    /// The partition of the actions, as an index into [`Block::histories`].
    pub(crate) partition: u32,
    /// The actions, oldest first: a range of the partition's columns, or of [`HistoryDeltas::picked`].
    pub(crate) actions: Window,
    /// The number of newest actions that the history before does not have.
    pub(crate) new_prefix: u32,
    /// The number of actions after these that the history before begins with.
    pub(crate) copied: u32,
    /// Whether the history before has the same cutoff and the same newest action.
    pub(crate) is_same_moment: bool,
    /// Whether all after the new prefix, padding included, equals the start of the history before.
    pub(crate) tail_matches: bool,
    /// Rows that have this history.
    pub(crate) rows: u32,
    /// The time of the newest action.
    pub(crate) newest: Option<Micros>,
}

/// The deltas of all histories of a block.
#[derive(Debug, Default)]
pub(crate) struct HistoryDeltas {
    /// One per impression of the block, in order.
    pub(crate) all: Vec<HistoryDelta>,
    /// The actions of histories that are not ranges, as indices into the partition's columns.
    picked: Vec<u32>,
    /// Scratch: the actions of one such history.
    scratch: Vec<u32>,
}

/// The actions of one history, oldest first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HistoryActions<'a> {
    /// A range of the columns of the partition.
    Range(Window),
    /// Indices into these columns.
    Places(&'a [u32]),
}

impl HistoryDeltas {
    /// Finds the deltas of a block.
    pub(crate) fn find<I: Item>(&mut self, spec: &WriteSpec<'_>, block: &Block<'_, I>) {
        self.all.clear();
        self.picked.clear();
        let mut moment_before = None;
        for row in &block.rows {
            let histories = &block.histories[index(row.partition)];
            let cutoff = block.probes.cutoffs[index(row.probe)];
            let history = histories.history(
                index(row.probe),
                cutoff,
                spec.actions_max,
                &mut self.scratch,
            );
            let newest_at = history.newest();
            let newest = newest_at.map(|at| histories.sorted().times()[at]);
            // With one cutoff a day, other customers of the partition have the same cutoff. The
            // index of the newest action tells them apart; two without actions have equal histories
            // anyway.
            let moment = Some((row.partition, newest_at, cutoff));
            let is_same_moment = moment == moment_before;
            moment_before = moment;
            let actions = match history {
                History::Window(window) => window,
                History::Picked(places) => {
                    let start = count32(self.picked.len());
                    self.picked.extend_from_slice(places);
                    let end = count32(self.picked.len());
                    Window { start, end }
                }
            };
            // Indices into the columns of another partition would mean other actions.
            let before = self
                .all
                .last()
                .filter(|delta| delta.partition == row.partition);
            let (new_prefix, copied) = match before {
                None => (actions.count(), 0),
                Some(before) => self.compare(histories, before.actions, actions),
            };
            // Of any partition: after a row that is all padding, a tail that is all padding can be
            // copied.
            let count_before = self.all.last().map(|delta| delta.actions.count());
            self.all.push(HistoryDelta {
                partition: row.partition,
                actions,
                new_prefix,
                copied,
                is_same_moment,
                // If all of the history before is copied and nothing older follows, so does its
                // padding, and the rest of the row is one copy.
                tail_matches: count_before == Some(copied)
                    && new_prefix + copied == actions.count(),
                rows: count32(spec.rows_of(row)),
                newest,
            });
        }
    }

    /// The actions of a history, given as [`HistoryDelta::actions`] has them.
    pub(crate) fn actions<I: Item>(
        &self,
        histories: &Histories<I>,
        window: Window,
    ) -> HistoryActions<'_> {
        if histories.are_windows() {
            HistoryActions::Range(window)
        } else {
            HistoryActions::Places(&self.picked[window.range()])
        }
    }

    /// The contents of a history, whose kinds are among `kinds`.
    pub(crate) fn contents<I: Item>(
        &self,
        histories: &Histories<I>,
        kinds: &[ActionType],
        window: Window,
        contents: &mut Contents,
    ) {
        let sorted = histories.sorted();
        match self.actions(histories, window) {
            HistoryActions::Range(window) => {
                let run = window.range();
                let (duplicates, ties) = histories.pairs_in(window);
                let (own, times) = (&sorted.kinds()[run.clone()], &sorted.times()[run]);
                contents.of_run(own, kinds, times, duplicates, ties);
            }
            HistoryActions::Places(places) => {
                let (kinds, times) = (sorted.kinds(), sorted.times());
                contents.of_places(places, kinds, times, |a, b| is_same(sorted, a, b));
            }
        }
    }

    /// Calls `each` with the source's index of each action of a history whose landing day was not over
    /// at the cutoff.
    pub(crate) fn find_late<I: Item>(
        &self,
        histories: &Histories<I>,
        window: Window,
        cutoff: Micros,
        mut each: impl FnMut(usize),
    ) {
        let Some(landed) = histories.sorted().landed() else {
            return;
        };
        let mut look = |landed: &Landed| {
            if is_prior(cutoff, landed.until) {
                each(usize::from(landed.slot));
            }
        };
        match self.actions(histories, window) {
            HistoryActions::Range(window) => landed[window.range()].iter().for_each(look),
            HistoryActions::Places(places) => {
                places.iter().for_each(|at| look(&landed[index(*at)]));
            }
        }
    }

    /// The new prefix, and the number of copied actions, against the history before in the same
    /// partition. Histories of two customers have no actions in common.
    fn compare<I: Item>(
        &self,
        histories: &Histories<I>,
        before: Window,
        now: Window,
    ) -> (u32, u32) {
        let actions = |window| self.actions(histories, window);
        match (actions(before), actions(now)) {
            (HistoryActions::Places(before), HistoryActions::Places(now)) => {
                compare_places(before, now, |one, other| histories.stands_for(one, other))
            }
            // Both are of one partition, whose histories are either all ranges or all lists.
            _ => compare_windows(before, now),
        }
    }
}

/// Compares two ranges. Cutoffs ascend, so the ends of the ranges do.
fn compare_windows(before: Window, now: Window) -> (u32, u32) {
    debug_assert!(before.end <= now.end);
    let new_prefix = now.end - now.start.max(before.end);
    // The start may move back, where local clocks do. The range of the next customer starts at or
    // after `before.end`: then nothing is copied.
    let copied = before.end.saturating_sub(before.start.max(now.start));
    (new_prefix, copied)
}

/// Compares two ascending lists of indices. In a longer run of repeats the newest action replaces an
/// older one, and has equal values.
fn compare_places(
    before: &[u32],
    now: &[u32],
    stands_for: impl Fn(u32, u32) -> bool,
) -> (u32, u32) {
    let newest_before = before.last().copied();
    let is_old = |at: &u32| newest_before.is_some_and(|newest| *at <= newest);
    let mut old = now.partition_point(is_old);
    let next = newest_before.zip(now.get(old).copied());
    old += usize::from(next.is_some_and(|(before, now)| stands_for(before, now)));
    // From the newest on, as rows are written. An action that became known in between ends the
    // copy, although older actions may be the same again.
    let pairs = before.iter().rev().zip(now[..old].iter().rev());
    let is_alike = |(before, now): &(&u32, &u32)| before == now || stands_for(**before, **now);
    let copied = pairs.take_while(is_alike).count();
    (count32(now.len() - old), count32(copied))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window.
    fn window(start: u32, end: u32) -> Window {
        Window { start, end }
    }

    #[test]
    fn the_next_history_is_new_actions_and_the_one_before_shifted() {
        let alike = [
            ((0, 5), (0, 5), (0, 5)),
            ((0, 5), (0, 7), (2, 5)),
            ((0, 5), (2, 7), (2, 3)),
            ((0, 5), (5, 9), (4, 0)),
            ((0, 5), (7, 9), (2, 0)),
            ((3, 5), (0, 7), (2, 2)),
            ((0, 0), (0, 4), (4, 0)),
            ((4, 4), (4, 4), (0, 0)),
            ((0, 5), (5, 5), (0, 0)),
        ];
        for ((a, b), (c, d), expected) in alike {
            assert_eq!(compare_windows(window(a, b), window(c, d)), expected);
            let (before, now): (Vec<u32>, Vec<u32>) = ((a..b).collect(), (c..d).collect());
            assert_eq!(compare_places(&before, &now, |_, _| false), expected);
        }
    }

    #[test]
    fn an_action_known_late_ends_what_is_kept() {
        assert_eq!(
            compare_places(&[1, 3, 4], &[1, 2, 3, 4, 6], |_, _| false),
            (1, 2)
        );
        assert_eq!(compare_places(&[], &[1, 2], |_, _| true), (2, 0));
    }

    #[test]
    fn a_stretch_of_repeats_that_goes_on_is_kept() {
        // All fives are alike.
        let alike = |one: u32, other: u32| one / 10 == 5 && other / 10 == 5;
        assert_eq!(compare_places(&[1, 3, 50], &[1, 3, 52], alike), (0, 3));
        assert_eq!(compare_places(&[1, 3, 50], &[1, 3, 52, 60], alike), (1, 3));
        assert_eq!(compare_places(&[1, 3, 50], &[3, 52, 60], alike), (1, 2));
        assert_eq!(compare_places(&[1, 3, 40], &[1, 3, 52], alike), (1, 0));
    }
}
