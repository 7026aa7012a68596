//! What histories hold, in numbers.
//!
//! **Invariants**: an action counts once, whatever the number of histories that hold it.

use std::ops::Range;

use crate::ids::{Item, Micros, index};
use crate::sort::Sorted;

/// What the histories of a partition hold, counted once per action, whatever the number of
/// impressions that see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HistoryCounts {
    /// Actions that are in some history, by the code of their kind.
    pub(crate) actions: [u64; 128],
    /// Those that repeat another action in customer, time, kind and item.
    pub(crate) duplicates: u64,
    /// Those that share customer and time with another action, but not all else.
    pub(crate) ties: u64,
    /// Actions that are left out as they repeat one that is not.
    pub(crate) repeats: u64,
    /// The oldest and the newest of them.
    pub(crate) times: Option<(Micros, Micros)>,
}

impl Default for HistoryCounts {
    fn default() -> HistoryCounts {
        HistoryCounts {
            actions: [0; 128],
            duplicates: 0,
            ties: 0,
            repeats: 0,
            times: None,
        }
    }
}

impl HistoryCounts {
    /// Counts actions of one customer, given as ranges that ascend.
    pub(super) fn add<I: Item>(&mut self, sorted: &Sorted<I>, ranges: &[Range<u32>]) {
        let (times, kinds) = (sorted.times(), sorted.kinds());
        let mut before = None;
        for range in ranges {
            let (first, end) = (index(range.start), index(range.end));
            for kind in &kinds[first..end] {
                self.actions[usize::from(kind.0)] += 1;
            }
            if let Some(before) = before {
                self.compare(sorted, before, first);
            }
            for at in first + 1..end {
                self.compare(sorted, at - 1, at);
            }
            before = Some(end - 1);
            self.stretch(times[first], times[end - 1]);
        }
    }

    /// Counts two actions that follow each other, if they share their time.
    #[inline]
    fn compare<I: Item>(&mut self, sorted: &Sorted<I>, a: usize, b: usize) {
        if sorted.times()[a] == sorted.times()[b] {
            let (kinds, items) = (sorted.kinds(), sorted.items());
            let same = kinds[a] == kinds[b] && items[a] == items[b];
            self.duplicates += u64::from(same);
            self.ties += u64::from(!same);
        }
    }

    /// Adds the counts of another partition.
    pub(crate) fn merge(&mut self, other: &HistoryCounts) {
        for (count, more) in self.actions.iter_mut().zip(other.actions) {
            *count += more;
        }
        self.duplicates += other.duplicates;
        self.ties += other.ties;
        self.repeats += other.repeats;
        if let Some((oldest, newest)) = other.times {
            self.stretch(oldest, newest);
        }
    }

    /// Widens the range of times.
    fn stretch(&mut self, oldest: Micros, newest: Micros) {
        let (from, to) = self.times.unwrap_or((oldest, newest));
        self.times = Some((from.min(oldest), to.max(newest)));
    }
}
