//! Actions in histories to counts: what is counted once per action, and the pairs that share a time.
//!
//! **In / Out**: [`Sorted`] actions and the ranges of them that are in some history →
//! [`HistoryCounts`], and [`Pairs`] by the places that the actions will have. **Cost**: one pass over
//! these actions; a pair takes four bytes.

use std::ops::Range;

use crate::ids::{Item, Micros, count32, count64, index};
use crate::kernel::sort::Sorted;
use crate::kernel::sweep::Window;

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

/// Actions that share customer and time with the one before them, by their places, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs {
    /// Those that are alike in kind and item as well.
    pub(crate) duplicates: Vec<u32>,
    pub(crate) ties: Vec<u32>,
}

impl Pairs {
    /// How many actions of a window repeat the one before them in it, and how many share no more than
    /// its time.
    pub(crate) fn within(&self, window: Window) -> (u64, u64) {
        let in_window = |places: &[u32]| {
            let behind = places.partition_point(|at| *at < window.end);
            // The first of the window has none before it.
            let before = places.partition_point(|at| *at <= window.start);
            count64(behind.saturating_sub(before))
        };
        (in_window(&self.duplicates), in_window(&self.ties))
    }

    /// Bytes of memory that they take.
    pub(crate) fn bytes(&self) -> u64 {
        let places = self.duplicates.capacity() + self.ties.capacity();
        count64(places * size_of::<u32>())
    }
}

/// Whether two actions are alike in kind and item.
pub(crate) fn is_same<I: Item>(sorted: &Sorted<I>, a: usize, b: usize) -> bool {
    let (kinds, items) = (sorted.kinds(), sorted.items());
    kinds[a] == kinds[b] && items[a] == items[b]
}

impl HistoryCounts {
    /// Counts actions of one customer, given as ranges that ascend, and notes the pairs within a
    /// range by the places that they will have, from `kept` on.
    pub(crate) fn add<I: Item>(
        &mut self,
        sorted: &Sorted<I>,
        ranges: &[Range<u32>],
        mut kept: u32,
        mut pairs: Option<&mut Pairs>,
    ) {
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
                let place = kept + count32(at - first);
                let is_same = self.compare(sorted, at - 1, at);
                match (is_same, &mut pairs) {
                    (Some(true), Some(pairs)) => pairs.duplicates.push(place),
                    (Some(false), Some(pairs)) => pairs.ties.push(place),
                    _ => {}
                }
            }
            kept += range.end - range.start;
            before = Some(end - 1);
            self.stretch(times[first], times[end - 1]);
        }
    }

    /// Counts two actions that follow each other, if they share their time; says then whether they
    /// share all else.
    #[inline]
    fn compare<I: Item>(&mut self, sorted: &Sorted<I>, a: usize, b: usize) -> Option<bool> {
        if sorted.times()[a] != sorted.times()[b] {
            return None;
        }
        let same = is_same(sorted, a, b);
        self.duplicates += u64::from(same);
        self.ties += u64::from(!same);
        Some(same)
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
