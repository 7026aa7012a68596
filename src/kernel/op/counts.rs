//! Counts over the actions that are in some history, and the pairs of them that share a time.
//!
//! **In / Out**: [`Sorted`] actions and the ranges of them that are in some history →
//! [`HistoryCounts`], and [`Pairs`] by the indices that the actions will have after compaction.
//! **Cost**: one pass over these actions; a pair takes four bytes.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::ids::{Item, Micros, count32, count64, index};
use crate::kernel::sort::Sorted;
use crate::kernel::sweep::Window;

/// Counts over the actions in histories of a partition. Each action counts once, whatever the number
/// of impressions whose history has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HistoryCounts {
    /// Actions that are in some history, by the code of their kind.
    #[serde(with = "by_code")]
    pub(crate) actions: [u64; 128],
    /// Those that equal the action before them in customer, time, kind and item.
    pub(crate) duplicates: u64,
    /// Those that share only customer and time with the action before them.
    pub(crate) ties: u64,
    /// Actions that deduplication removed.
    pub(crate) repeats: u64,
    /// The times of the oldest and the newest.
    pub(crate) times: Option<(Micros, Micros)>,
}

/// Counts by code as a list, as serde knows no arrays of this length.
mod by_code {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the counts as a list.
    pub(super) fn serialize<S: Serializer>(counts: &[u64; 128], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(counts)
    }

    /// Reads a list of 128.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u64; 128], D::Error> {
        let counts = Vec::<u64>::deserialize(from)?;
        let wrong = |counts: Vec<u64>| D::Error::invalid_length(counts.len(), &"128 counts");
        counts.try_into().map_err(wrong)
    }
}

// By hand, as `Default` cannot be derived for arrays of more than 32.
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

/// Actions that share customer and time with the one before them, as ascending indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pairs {
    /// Those with the same kind and item as well.
    pub(crate) duplicates: Vec<u32>,
    pub(crate) ties: Vec<u32>,
}

impl Pairs {
    /// The numbers of duplicates and ties within a window.
    pub(crate) fn within(&self, window: Window) -> (u64, u64) {
        let in_window = |places: &[u32]| {
            let behind = places.partition_point(|at| *at < window.end);
            // The first of the window has none before it.
            let before = places.partition_point(|at| *at <= window.start);
            // In an empty window that starts at a pair, `before` is one more than `behind`.
            count64(behind.saturating_sub(before))
        };
        (in_window(&self.duplicates), in_window(&self.ties))
    }

    /// Bytes of memory that the indices take.
    pub(crate) fn bytes(&self) -> u64 {
        let places = self.duplicates.capacity() + self.ties.capacity();
        count64(places * size_of::<u32>())
    }
}

/// Whether two actions have the same kind and item.
pub(crate) fn is_same<I: Item>(sorted: &Sorted<I>, a: usize, b: usize) -> bool {
    let (kinds, items) = (sorted.kinds(), sorted.items());
    kinds[a] == kinds[b] && items[a] == items[b]
}

impl HistoryCounts {
    /// Counts actions of one customer, given as ascending ranges, and collects the pairs within each
    /// range, by the indices that they will have after compaction, from `kept` on.
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
                // Counted, but not collected: no window reaches over a gap between two ranges.
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
            // Ranges are never empty, so `end - 1` lies in the range.
            before = Some(end - 1);
            self.stretch(times[first], times[end - 1]);
        }
    }

    /// Counts a pair of neighbours if they share their time; gives then whether they are duplicates.
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
