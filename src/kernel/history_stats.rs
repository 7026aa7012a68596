//! Statistics of histories, for the metrics of a day.
//!
//! **In / Out**: the kinds, times and repeated pairs of one history, and how many samples have it →
//! a [`HistoryStats`]. Merging is addition, so the result depends on neither threads nor row groups.
//! **Invariants**: a history counts once for each of its samples, whatever the layout of the rows.
//! **Cost**: a history equal to the one before it costs some additions. For any other, the bytes of
//! its kinds are compared (SIMD) once for each kind that occurs in its partition.

use serde::{Deserialize, Serialize};

use crate::ids::{ActionType, Micros, count64, index};

/// The number of newest actions whose kinds are counted by place.
pub(crate) const PLACES: usize = 10;
/// The number of action codes, including 0 for none.
pub(crate) const CODES: usize = 128;
/// The ends of the histogram classes of time spans, in seconds; the last class is open.
pub(crate) const SPAN_ENDS: [u64; 13] = [
    60,
    3_600,
    6 * 3_600,
    86_400,
    2 * 86_400,
    3 * 86_400,
    7 * 86_400,
    14 * 86_400,
    30 * 86_400,
    60 * 86_400,
    90 * 86_400,
    180 * 86_400,
    365 * 86_400,
];

/// Statistics of histories, each weighted by the number of its samples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HistoryStats {
    /// Samples by the length of their history; ends at the longest.
    pub(crate) lengths: Vec<u64>,
    /// Actions by kind, [`CODES`] entries; empty before the first action.
    pub(crate) kinds: Vec<u64>,
    /// Actions by place, newest first, and kind: [`PLACES`] times [`CODES`] entries, or none.
    pub(crate) places: Vec<u64>,
    /// Samples with a positive label.
    pub(crate) positives: u64,
    /// Samples without a label.
    pub(crate) null_labels: u64,
    /// Actions that equal the next older one of their history in time, kind and item.
    pub(crate) duplicates: u64,
    /// Actions with the same time as the next older one, but another kind or item.
    pub(crate) ties: u64,
    /// Actions that landed on or after the day of the impression, by the index of their source.
    pub(crate) landed_late: Vec<u64>,
    /// From the newest action of a history to its cutoff.
    pub(crate) newest_ages: SpanStats,
    /// From the oldest to the newest action of a history of full length.
    pub(crate) full_spans: SpanStats,
}

/// Statistics of time spans, with a histogram.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SpanStats {
    pub(crate) count: u64,
    /// Their sum, in microseconds.
    pub(crate) sum_us: u128,
    /// The shortest and the longest, in microseconds.
    pub(crate) range_us: Option<(u64, u64)>,
    /// The histogram: a count for each class of [`SPAN_ENDS`], and one for longer spans.
    pub(crate) classes: [u64; SPAN_ENDS.len() + 1],
}

/// The contents of one history, as far as statistics need them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Actions by kind; only kinds that occur.
    kinds: Vec<(ActionType, u64)>,
    /// The kinds of its newest actions, the newest first: at most [`PLACES`].
    newest: Vec<ActionType>,
    /// As in [`HistoryStats::duplicates`].
    duplicates: u64,
    /// As in [`HistoryStats::ties`].
    ties: u64,
    /// From its oldest action to its newest, in microseconds.
    span_us: u64,
}

impl Contents {
    /// The contents of contiguous actions, oldest first, whose kinds are among `codes`.
    pub(crate) fn of_run(
        &mut self,
        kinds: &[ActionType],
        codes: &[ActionType],
        times: &[Micros],
        duplicates: u64,
        ties: u64,
    ) {
        self.kinds.clear();
        let counts = codes.iter().map(|code| (*code, count_of(kinds, *code)));
        self.kinds.extend(counts.filter(|(_, count)| *count > 0));
        self.newest.clear();
        self.newest.extend(kinds.iter().rev().take(PLACES));
        (self.duplicates, self.ties) = (duplicates, ties);
        self.span_us = match (times.first(), times.last()) {
            (Some(oldest), Some(newest)) => newest.0.abs_diff(oldest.0),
            _ => 0,
        };
    }

    /// The contents of actions that are not contiguous, given as indices into the partition, oldest
    /// first. `same` says of two indices whether kind and item are equal.
    pub(crate) fn of_places(
        &mut self,
        places: &[u32],
        kinds: &[ActionType],
        times: &[Micros],
        same: impl Fn(usize, usize) -> bool,
    ) {
        let mut counts = [0_u64; CODES];
        for at in places {
            counts[usize::from(kinds[index(*at)].0)] += 1;
        }
        self.kinds.clear();
        let codes = (0..).map(ActionType).zip(counts);
        self.kinds.extend(codes.filter(|(_, count)| *count > 0));
        self.newest.clear();
        let newest = places.iter().rev().take(PLACES);
        self.newest.extend(newest.map(|at| kinds[index(*at)]));
        (self.duplicates, self.ties, self.span_us) = (0, 0, 0);
        for pair in places.windows(2) {
            let (older, newer) = (index(pair[0]), index(pair[1]));
            if times[older] == times[newer] {
                let same = same(older, newer);
                self.duplicates += u64::from(same);
                self.ties += u64::from(!same);
            }
        }
        if let (Some(oldest), Some(newest)) = (places.first(), places.last()) {
            self.span_us = times[index(*newest)].0.abs_diff(times[index(*oldest)].0);
        }
    }
}

/// The number of kinds equal to `code`. Sums of 8 bits, so that SIMD compares 16 at a time.
fn count_of(kinds: &[ActionType], code: ActionType) -> u64 {
    let count_in_chunk = |chunk: &[ActionType]| {
        let ones = chunk.iter().map(|kind| u8::from(*kind == code));
        ones.fold(0_u8, u8::wrapping_add)
    };
    // 255 ones fit 8 bits, so the sum of a chunk never wraps.
    let chunks = kinds.chunks(255);
    chunks.map(|chunk| u64::from(count_in_chunk(chunk))).sum()
}

/// What [`HistoryStats::add`] needs of a history beside its contents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistorySummary {
    /// Samples that have it.
    pub(crate) samples: u64,
    pub(crate) length: usize,
    /// Whether it has full length.
    pub(crate) is_full: bool,
    /// From its newest action to the cutoff, in microseconds, if there is an action.
    pub(crate) newest_age_us: Option<u64>,
}

impl HistoryStats {
    /// Counts an action that landed late, for each of `samples`; `slot` is the index of its source.
    pub(crate) fn add_late(&mut self, slot: usize, samples: u64) {
        let slots = self.landed_late.len().max(slot + 1);
        self.landed_late.resize(slots, 0);
        self.landed_late[slot] += samples;
    }

    /// Counts a history.
    pub(crate) fn add(&mut self, history: HistorySummary, contents: &Contents) {
        let (samples, length) = (history.samples, history.length);
        if self.lengths.len() <= length {
            self.lengths.resize(length + 1, 0);
        }
        self.lengths[length] += samples;
        // Nothing but the length can be said of a history without actions; the columns below may
        // stay empty.
        let Some(age) = history.newest_age_us else {
            return;
        };
        self.kinds.resize(CODES, 0);
        self.places.resize(PLACES * CODES, 0);
        for (kind, count) in &contents.kinds {
            self.kinds[usize::from(kind.0)] += samples * count;
        }
        for (place, kind) in contents.newest.iter().enumerate() {
            self.places[place * CODES + usize::from(kind.0)] += samples;
        }
        self.duplicates += samples * contents.duplicates;
        self.ties += samples * contents.ties;
        self.newest_ages.add(age, samples);
        if history.is_full {
            self.full_spans.add(contents.span_us, samples);
        }
    }

    /// Adds the counts of other histories.
    pub(crate) fn merge(&mut self, other: &HistoryStats) {
        let pairs = [
            (&mut self.lengths, &other.lengths),
            (&mut self.kinds, &other.kinds),
            (&mut self.places, &other.places),
            (&mut self.landed_late, &other.landed_late),
        ];
        for (own, more) in pairs {
            if own.len() < more.len() {
                own.resize(more.len(), 0);
            }
            own.iter_mut()
                .zip(more)
                .for_each(|(own, more)| *own += more);
        }
        self.positives += other.positives;
        self.null_labels += other.null_labels;
        self.duplicates += other.duplicates;
        self.ties += other.ties;
        self.newest_ages.merge(&other.newest_ages);
        self.full_spans.merge(&other.full_spans);
    }

    /// The samples of all histories.
    pub(crate) fn samples(&self) -> u64 {
        self.lengths.iter().sum()
    }

    /// The samples whose history has this length.
    pub(crate) fn of_length(&self, length: u32) -> u64 {
        self.lengths.get(index(length)).copied().unwrap_or(0)
    }

    /// The actions of the longest history.
    pub(crate) fn longest(&self) -> u64 {
        count64(self.lengths.len().saturating_sub(1))
    }

    /// The actions of all histories.
    pub(crate) fn actions(&self) -> u64 {
        let lengths = self.lengths.iter().enumerate();
        lengths
            .map(|(length, samples)| count64(length) * samples)
            .sum()
    }
}

impl SpanStats {
    /// Counts a span `times` times.
    fn add(&mut self, us: u64, times: u64) {
        self.count += times;
        // 64 bits would overflow: a span may be years, and is counted for millions of samples.
        self.sum_us += u128::from(us) * u128::from(times);
        self.stretch(us, us);
        // A span that equals the end of a class is in the next one.
        let class = SPAN_ENDS.partition_point(|end| end * 1_000_000 <= us);
        self.classes[class] += times;
    }

    /// Adds other spans.
    fn merge(&mut self, other: &SpanStats) {
        self.count += other.count;
        self.sum_us += other.sum_us;
        if let Some((shortest, longest)) = other.range_us {
            self.stretch(shortest, longest);
        }
        let classes = self.classes.iter_mut().zip(other.classes);
        classes.for_each(|(own, more)| *own += more);
    }

    /// Widens the range.
    fn stretch(&mut self, shortest: u64, longest: u64) {
        let (from, to) = self.range_us.unwrap_or((shortest, longest));
        self.range_us = Some((from.min(shortest), to.max(longest)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kinds of these codes.
    fn kinds(codes: &[u8]) -> Vec<ActionType> {
        codes.iter().copied().map(ActionType).collect()
    }

    #[test]
    fn kinds_are_counted_however_many_there_are() {
        for count in [0, 1, 254, 255, 256, 1000] {
            let all = kinds(&vec![7; count]);
            assert_eq!(count_of(&all, ActionType(7)), count64(count));
            assert_eq!(count_of(&all, ActionType(1)), 0);
        }
    }

    #[test]
    fn both_paths_find_the_same_contents() {
        let kinds = kinds(&[1, 3, 2, 2, 1, 1, 127, 1, 1, 1, 1, 2]);
        let times: Vec<Micros> = [1, 2, 2, 2, 5, 6, 7, 8, 9, 10, 10, 12].map(Micros).to_vec();
        // Of the four that share a time with the one before, two are alike in all else.
        let same = |a: usize, b: usize| kinds[a] == kinds[b];
        let (mut run, mut places) = (Contents::default(), Contents::default());
        let codes = [1, 2, 3, 127].map(ActionType);
        run.of_run(&kinds, &codes, &times, 2, 1);
        let all: Vec<u32> = (0..12).collect();
        places.of_places(&all, &kinds, &times, same);
        assert_eq!(run, places);
        assert_eq!(run.newest.len(), PLACES);
        assert_eq!((run.span_us, run.kinds.len()), (11, 4));
    }

    #[test]
    fn spans_fall_into_the_class_that_ends_behind_them() {
        let mut spans = SpanStats::default();
        spans.add(59_999_999, 1);
        spans.add(60_000_000, 2);
        spans.add(u64::MAX, 4);
        assert_eq!((spans.classes[0], spans.classes[1]), (1, 2));
        assert_eq!(spans.classes[SPAN_ENDS.len()], 4);
        assert_eq!(spans.range_us, Some((59_999_999, u64::MAX)));
        assert_eq!(spans.count, 7);
    }
}
