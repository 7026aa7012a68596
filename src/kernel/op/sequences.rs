//! `sequences`: for each probe the last N prior actions of its customer.
//!
//! **In / Out**: [`Sorted`] actions of a partition and its probes → [`Histories`]: a window per
//! probe. **Two paths**: if every action is known as it happens, the history is the tail of the
//! window. If some are known later, or consecutive repeats are left out, [`Histories::history`] walks
//! back through the window and picks those that were known and are no repeats, as a list of indices.
//! **Invariants**: nothing is copied. A history has at most N actions, all of them prior.

use std::ops::Range;

use super::counts::{HistoryCounts, Pairs};
use crate::ids::{ActionType, Item, Micros, index};
use crate::job::Dedup;
use crate::kernel::sort::Sorted;
use crate::kernel::sweep::{Window, is_prior, windows};

/// The histories of all probes of one partition.
#[derive(Debug)]
pub(crate) struct Histories<I> {
    sorted: Sorted<I>,
    /// The first probe of the partition.
    first_probe: usize,
    /// A window per probe. On the first path it is the history; on the second it contains it.
    windows: Vec<Window>,
    /// Which repeated actions are left out. For consecutive repeats it depends on the cutoff which one
    /// stays, so the columns still have all of them.
    dedup: Dedup,
    /// Actions that share their time with the one before them in the same window. Empty on the second
    /// path, where neighbours in a history may not be neighbours in the columns.
    pairs: Pairs,
    /// Counts that need no second pass over the histories.
    pub(crate) counts: HistoryCounts,
}

/// The probes of one partition, customer by customer.
pub(crate) struct ProbeRuns<'a> {
    /// The first probe of the partition.
    pub(crate) first_probe: usize,
    /// Where the probes of each customer end, counted from `first_probe`.
    pub(crate) ends: Vec<usize>,
    pub(crate) cutoffs: &'a [Micros],
    pub(crate) lookback_starts: &'a [Micros],
}

/// The history of one probe: indices into the partition's columns, oldest first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum History<'a> {
    /// A range.
    Window(Window),
    /// A list.
    Picked(&'a [u32]),
}

impl History<'_> {
    /// The number of actions.
    pub(crate) fn count(&self) -> usize {
        match self {
            History::Window(window) => index(window.count()),
            History::Picked(picked) => picked.len(),
        }
    }

    /// The newest action, if there is one.
    pub(crate) fn newest(&self) -> Option<usize> {
        match self {
            History::Window(window) => (window.count() > 0).then(|| index(window.end) - 1),
            History::Picked(picked) => picked.last().map(|at| index(*at)),
        }
    }
}

impl<I: Item> Histories<I> {
    /// Finds the histories of all probes of a partition, of at most `actions_max` actions each.
    ///
    /// Actions that are in no history are removed: a customer with a million of them costs no more
    /// memory than its histories.
    pub(crate) fn new(
        mut sorted: Sorted<I>,
        probes: &ProbeRuns<'_>,
        actions_max: u32,
        dedup: Dedup,
    ) -> Histories<I> {
        assert_eq!(sorted.keys_count(), probes.ends.len());
        let mut found = vec![Window::default(); probes.cutoffs.len()];
        let (mut counts, mut pairs) = (HistoryCounts::default(), Pairs::default());
        if dedup == Dedup::Exact {
            // Once per run, as which repeats go does not depend on the cutoff.
            counts.repeats = sorted.drop_repeats();
        }
        let are_windows = sorted.known_after().is_none() && dedup != Dedup::Consecutive;
        let mut used = Used::default();
        let (mut first, mut kept) = (0, 0);
        for (local_key, end) in probes.ends.iter().enumerate() {
            let run = sorted.run(local_key);
            let times = &sorted.times()[index(run.start)..index(run.end)];
            let of_key = first..*end;
            let cutoffs = &probes.cutoffs[of_key.clone()];
            let starts = &probes.lookback_starts[of_key.clone()];
            windows(
                times,
                run.start,
                cutoffs,
                starts,
                &mut found[of_key.clone()],
            );
            counts.repeats += used.find(
                &sorted,
                dedup,
                run,
                &mut found[of_key.clone()],
                cutoffs,
                actions_max,
            );
            let noted = are_windows.then_some(&mut pairs);
            counts.add(&sorted, &used.ranges, kept, noted);
            // If some are known late, windows also contain actions that are in no history. If
            // consecutive repeats are left out, those that no history has can be removed: the
            // remaining ones are still neighbours.
            if sorted.known_after().is_none() {
                kept = used.pack(&mut sorted, &mut found[of_key], kept);
            }
            first = *end;
        }
        if sorted.known_after().is_none() {
            // The runs are invalid from here on; windows index the compacted columns.
            sorted.truncate(kept);
        }
        Histories {
            sorted,
            first_probe: probes.first_probe,
            windows: found,
            dedup,
            pairs,
            counts,
        }
    }

    /// The numbers of duplicates and ties within a window; (0, 0) on the second path.
    pub(crate) fn pairs_in(&self, window: Window) -> (u64, u64) {
        self.pairs.within(window)
    }

    /// The kinds of the actions in histories, ascending.
    pub(crate) fn kinds(&self) -> Vec<ActionType> {
        let kinds = (0..).map(ActionType).zip(self.counts.actions);
        let there = kinds.filter(|(_, count)| *count > 0);
        there.map(|(kind, _)| kind).collect()
    }

    /// The probes of the partition.
    pub(crate) fn probes(&self) -> Range<usize> {
        self.first_probe..self.first_probe + self.windows.len()
    }

    /// Bytes of memory that the actions take.
    pub(crate) fn bytes(&self) -> u64 {
        self.sorted.bytes() + self.pairs.bytes()
    }

    /// The actions.
    pub(crate) fn sorted(&self) -> &Sorted<I> {
        &self.sorted
    }

    /// The history of a probe. `picked` is scratch that the result may borrow.
    pub(crate) fn history<'a>(
        &self,
        probe: usize,
        cutoff: Micros,
        actions_max: u32,
        picked: &'a mut Vec<u32>,
    ) -> History<'a> {
        let window = self.windows[probe - self.first_probe];
        match (self.sorted.known_after(), self.dedup) {
            // Which repeat stays depends on the cutoff. Dropping stretches once per run, and
            // keeping the cut one beside each probe, is faster, but then two places say what a
            // history is.
            (_, Dedup::Consecutive) => {
                pick_changes(&self.sorted, window, cutoff, actions_max, picked, |_| ());
                History::Picked(picked)
            }
            (Some(known_after), _) => {
                pick(known_after, window, cutoff, actions_max, picked);
                History::Picked(picked)
            }
            (None, _) => History::Window(window),
        }
    }

    /// Whether each history is a range of the columns (the first path).
    pub(crate) fn are_windows(&self) -> bool {
        self.sorted.known_after().is_none() && !self.passes_over()
    }

    /// Whether consecutive repeats are left out, so that at another cutoff another of them may stay.
    pub(crate) fn passes_over(&self) -> bool {
        self.dedup == Dedup::Consecutive
    }

    /// Whether an action may replace another in a history: consecutive repeats are left out, and kind,
    /// item and attributes are equal.
    pub(crate) fn stands_for(&self, one: u32, other: u32) -> bool {
        let (kinds, items) = (self.sorted.kinds(), self.sorted.items());
        let (one, other) = (index(one), index(other));
        let is_same = kinds[one] == kinds[other] && items[one] == items[other];
        self.passes_over() && is_same && self.sorted.has_same_attributes(one, other)
    }
}

/// Whole seconds from an action to the cutoff that it is prior to; saturates after some 68 years.
#[inline]
pub(crate) fn seconds_before(time: Micros, cutoff: Micros) -> i32 {
    let seconds = cutoff.0.saturating_sub(time.0).div_euclid(1_000_000);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

/// Whole seconds from 1970 to a time, rounded down.
#[inline]
pub(crate) fn seconds_since_1970(time: Micros) -> i64 {
    time.0.div_euclid(1_000_000)
}

/// Picks the last `max` actions of a window that were known at the cutoff into `picked`, oldest first.
fn pick(known_after: &[Micros], window: Window, cutoff: Micros, max: u32, picked: &mut Vec<u32>) {
    picked.clear();
    let newest_first = (window.start..window.end).rev();
    let known = newest_first.filter(|at| is_prior(known_after[index(*at)], cutoff));
    picked.extend(known.take(index(max)));
    picked.reverse();
}

/// The same, but of consecutive known actions with the same kind and item only the newest;
/// `passed_over` gets the others.
fn pick_changes<I: Item>(
    sorted: &Sorted<I>,
    window: Window,
    cutoff: Micros,
    max: u32,
    picked: &mut Vec<u32>,
    mut passed_over: impl FnMut(u32),
) {
    picked.clear();
    let (kinds, items) = (sorted.kinds(), sorted.items());
    let known_after = sorted.known_after();
    // An action that is not known yet is skipped before the comparison: it must not part two
    // repeats, as nobody could see it.
    let is_known = |at: &u32| known_after.is_none_or(|known| is_prior(known[index(*at)], cutoff));
    let mut newer = None;
    for at in (window.start..window.end).rev().filter(is_known) {
        let now = Some((kinds[index(at)], items[index(at)]));
        if newer == now {
            passed_over(at);
            continue;
        }
        // After the repeats: those of the oldest picked action are left out as repeats, and are
        // counted, although nothing older fits.
        if picked.len() == index(max) {
            break;
        }
        picked.push(at);
        newer = now;
    }
    picked.reverse();
}

/// How the histories of a customer use an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Not at all.
    Unseen,
    /// Some leave it out as a repeat, and none has it.
    PassedOver,
    /// Some have it.
    Held,
}

/// The actions of one customer that are in some history.
#[derive(Debug, Default)]
struct Used {
    /// Their indices: ascending ranges with gaps between them.
    ranges: Vec<Range<u32>>,
    /// The start of each range after compaction.
    packed: Vec<u32>,
    /// Scratch: the history of a probe.
    picked: Vec<u32>,
    /// Scratch: how each action of the run is used.
    seen: Vec<Use>,
}

impl Used {
    /// Finds the used actions; gives the number of repeats that are in no history. On the first path,
    /// also cuts the windows to their last `actions_max`.
    fn find<I: Item>(
        &mut self,
        sorted: &Sorted<I>,
        dedup: Dedup,
        run: Range<u32>,
        windows: &mut [Window],
        cutoffs: &[Micros],
        actions_max: u32,
    ) -> u64 {
        self.ranges.clear();
        let known_after = sorted.known_after();
        let are_histories = known_after.is_none() && dedup != Dedup::Consecutive;
        if are_histories {
            windows
                .iter_mut()
                .for_each(|window| *window = window.tail(actions_max));
        }
        // `add` takes ranges that ascend. Where clocks go back, a later cutoff may have an earlier
        // lookback start; then actions are marked one by one below.
        if are_histories && windows.is_sorted_by_key(|window| window.start) {
            for window in windows {
                self.add(window.start..window.end);
            }
            return 0;
        }
        self.seen.clear();
        self.seen.resize(index(run.end - run.start), Use::Unseen);
        for (window, cutoff) in windows.iter().zip(cutoffs) {
            let (seen, picked) = (&mut self.seen, &mut self.picked);
            match (known_after, dedup) {
                (_, Dedup::Consecutive) => {
                    let passed_over = |at: u32| {
                        let action = &mut seen[index(at - run.start)];
                        // One history that holds an action outweighs all that leave it out, in
                        // whatever order they come.
                        if *action == Use::Unseen {
                            *action = Use::PassedOver;
                        }
                    };
                    pick_changes(sorted, *window, *cutoff, actions_max, picked, passed_over);
                }
                (Some(known), _) => pick(known, *window, *cutoff, actions_max, picked),
                // Only reached where clocks went back.
                (None, _) => picked.splice(.., window.start..window.end).for_each(drop),
            }
            for at in &self.picked {
                self.seen[index(at - run.start)] = Use::Held;
            }
        }
        let mut passed_over = 0;
        for at in run.clone() {
            match self.seen[index(at - run.start)] {
                Use::Held => self.add(at..at + 1),
                Use::PassedOver => passed_over += 1,
                Use::Unseen => {}
            }
        }
        passed_over
    }

    /// Compacts the used actions to the index `kept` and after, and adjusts the windows; gives the
    /// index after the last.
    fn pack<I: Item>(&mut self, sorted: &mut Sorted<I>, windows: &mut [Window], kept: u32) -> u32 {
        self.packed.clear();
        let mut end = kept;
        for range in &self.ranges {
            self.packed.push(end);
            sorted.move_down(range.clone(), end);
            end += range.end - range.start;
        }
        for window in windows {
            *window = Window {
                // Before the first range nothing is used, so such a bound moves to where the first
                // range goes.
                start: self.place_of(window.start).unwrap_or(kept),
                end: self.place_of(window.end).unwrap_or(kept),
            };
        }
        end
    }

    /// The bound of a window after compaction; `None` before the first range. An empty window may lie
    /// between the ranges.
    fn place_of(&self, bound: u32) -> Option<u32> {
        let at = self
            .ranges
            .partition_point(|range| range.start <= bound)
            .checked_sub(1)?;
        let range = &self.ranges[at];
        // A bound in the gap behind a range is the end of the range: what lay in the gap is gone.
        Some(self.packed[at] + bound.min(range.end) - range.start)
    }

    /// Adds a range that starts no earlier than the last one.
    fn add(&mut self, range: Range<u32>) {
        match self.ranges.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ if range.is_empty() => {}
            _ => self.ranges.push(range),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_before_a_cutoff_are_whole_and_no_more_than_fit() {
        let before = |time, cutoff| seconds_before(Micros(time), Micros(cutoff));
        assert_eq!((before(0, 1), before(-1, 999_999)), (0, 1));
        assert_eq!((before(-1, 999_998), before(5, 1_000_005)), (0, 1));
        assert_eq!(before(i64::MIN, i64::MAX), i32::MAX);
        assert_eq!(before(0, 2_147_483_646_999_999), i32::MAX - 1);
        assert_eq!(before(0, 2_147_483_648_000_000), i32::MAX);
    }

    #[test]
    fn what_is_known_late_leaves_a_gap_and_older_actions_fill_up() {
        let known: Vec<Micros> = [1, 9, 3, 4].map(Micros).to_vec();
        let window = Window { start: 0, end: 4 };
        let mut picked = Vec::new();
        pick(&known, window, Micros(5), 10, &mut picked);
        assert_eq!(picked, [0, 2, 3]);
        pick(&known, window, Micros(5), 2, &mut picked);
        assert_eq!(picked, [2, 3]);
        pick(&known, window, Micros(4), 2, &mut picked);
        assert_eq!(
            picked,
            [0, 2],
            "known at the very cutoff is not known before it"
        );
        pick(&known, window, Micros(10), 1, &mut picked);
        assert_eq!(picked, [3]);
    }
}
