//! Chunks of a partition to sorted runs, one run per customer.
//!
//! **In / Out**: [`EventChunk`]s in any order → [`Sorted`]: columns of the whole partition, the
//! actions of a customer side by side, oldest first.
//! **Order**: time, then kind, then item, ascending. It is total up to exact duplicates, which
//! are alike in all that is written. A history is such a run read backwards.
//! **Cost**: a counting scatter by customer (two passes, all memory sequential but for the
//! partition itself, which fits a cache), an `is_sorted` scan per run, and a sort of those runs
//! only that need it. Scratch is one arena per thread; only the rare long run, which is sorted by radix, allocates.
//! **Why so**: one radix sort over everything is bound by memory; runs are short, and logs that
//! arrive by day are nearly in order.

use bumpalo::Bump;

use crate::column::EventChunk;
use crate::ids::{Item, Kind, Micros, count32, index};

/// From this length on, a radix sort beats a comparison sort. *Guessed* from published figures.
const RADIX_ROWS_MIN: usize = 1024;

/// The sorted actions of one partition. Only [`sort`] makes one.
#[derive(Debug)]
pub(crate) struct Sorted<I> {
    /// Where the run of each customer starts; one more than there are customers.
    run_starts: Vec<u32>,
    /// When the actions happened.
    times: Vec<Micros>,
    /// On which items.
    items: Vec<I>,
    /// What they were.
    kinds: Vec<Kind>,
    /// The last instant at which each was not known; empty if that is its time for all.
    known_after: Vec<Micros>,
}

/// An action in the sort's scratch; the derived order is the total order of this file's head.
/// What was known when comes last, so that even duplicates have a fixed order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Record<I> {
    /// When it happened.
    time: Micros,
    /// What it was.
    kind: Kind,
    /// On which item.
    item: I,
    /// The last instant at which it was not known.
    known_after: Micros,
}

impl<I: Item> Sorted<I> {
    /// The run of a customer, counted from the first of the partition.
    #[inline]
    pub(crate) fn run(&self, local_key: usize) -> std::ops::Range<u32> {
        self.run_starts[local_key]..self.run_starts[local_key + 1]
    }

    /// The number of customers.
    pub(crate) fn keys_count(&self) -> usize {
        self.run_starts.len() - 1
    }

    /// Times of all actions of the partition.
    pub(crate) fn times(&self) -> &[Micros] {
        &self.times
    }

    /// Items of all actions of the partition.
    pub(crate) fn items(&self) -> &[I] {
        &self.items
    }

    /// Kinds of all actions of the partition.
    pub(crate) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// When the actions were known, or `None` if each was known as it happened.
    pub(crate) fn known_after(&self) -> Option<&[Micros]> {
        (!self.known_after.is_empty()).then_some(&self.known_after[..])
    }

    /// Bytes of memory that the columns take, for the account.
    pub(crate) fn bytes_for(rows_count: usize, known_late: bool) -> u64 {
        let per_row = 8 + size_of::<I>() + 1 + if known_late { 8 } else { 0 };
        crate::ids::count64(rows_count * per_row)
    }

    /// The action at a place of the columns.
    fn record(&self, at: usize) -> Record<I> {
        let time = self.times[at];
        let known_after = self.known_after.get(at).copied().unwrap_or(time);
        Record {
            time,
            kind: self.kinds[at],
            item: self.items[at],
            known_after,
        }
    }

    /// Puts an action at a place of the columns.
    fn put(&mut self, at: usize, record: Record<I>) {
        self.times[at] = record.time;
        self.kinds[at] = record.kind;
        self.items[at] = record.item;
        if let Some(known_after) = self.known_after.get_mut(at) {
            *known_after = record.known_after;
        }
    }

    /// Whether a run is in order.
    fn is_sorted(&self, run: std::ops::Range<usize>) -> bool {
        let times = &self.times[run.clone()];
        let first = run.start;
        times.windows(2).enumerate().all(|(at, pair)| {
            pair[0] < pair[1]
                || (pair[0] == pair[1] && self.record(first + at) <= self.record(first + at + 1))
        })
    }
}

/// Sorts the actions of one partition of `keys_count` customers.
///
/// # Panics
/// If the partition has 2^32 actions or more.
pub(crate) fn sort<I: Item>(
    chunks: Vec<EventChunk<I>>,
    keys_count: usize,
    scratch: &mut Bump,
) -> Sorted<I> {
    let mut sorted = group(chunks, keys_count);
    for local_key in 0..keys_count {
        let run = sorted.run(local_key);
        let run = index(run.start)..index(run.end);
        if !sorted.is_sorted(run.clone()) {
            sort_run(&mut sorted, run, scratch);
        }
    }
    sorted
}

/// The counting scatter: actions of a customer side by side, in the order in which they came.
fn group<I: Item>(chunks: Vec<EventChunk<I>>, keys_count: usize) -> Sorted<I> {
    let rows_count = chunks.iter().map(|chunk| chunk.times.len()).sum::<usize>();
    let late = chunks.iter().any(|chunk| !chunk.known_after.is_empty());
    let mut run_starts = vec![0_u32; keys_count + 1];
    for local_key in chunks.iter().flat_map(|chunk| &chunk.local_keys) {
        run_starts[index(*local_key) + 1] += 1;
    }
    for key in 1..run_starts.len() {
        run_starts[key] += run_starts[key - 1];
    }
    assert_eq!(run_starts.last(), Some(&count32(rows_count)));
    let mut sorted = Sorted {
        times: vec![Micros(0); rows_count],
        items: vec![I::PADDING; rows_count],
        kinds: vec![Kind(0); rows_count],
        known_after: vec![Micros(0); if late { rows_count } else { 0 }],
        run_starts: Vec::new(),
    };
    let mut next = run_starts.clone();
    for chunk in chunks {
        for (row, local_key) in chunk.local_keys.iter().enumerate() {
            let place = &mut next[index(*local_key)];
            let at = index(*place);
            *place += 1;
            sorted.times[at] = chunk.times[row];
            sorted.items[at] = chunk.items[row];
            sorted.kinds[at] = chunk.kinds[row];
            if late {
                let known = chunk.known_after.get(row).unwrap_or(&chunk.times[row]);
                sorted.known_after[at] = *known;
            }
        }
    }
    sorted.run_starts = run_starts;
    sorted
}

/// Sorts one run in place.
fn sort_run<I: Item>(sorted: &mut Sorted<I>, run: std::ops::Range<usize>, scratch: &mut Bump) {
    scratch.reset();
    let first = run.start;
    let records = scratch.alloc_slice_fill_with(run.len(), |at| sorted.record(first + at));
    if records.len() < RADIX_ROWS_MIN {
        records.sort_unstable();
    } else {
        radsort::sort_by_key(records, |record| record.time.0);
        for tied in records.chunk_by_mut(|a, b| a.time == b.time) {
            tied.sort_unstable();
        }
    }
    for (at, record) in records.iter().enumerate() {
        sorted.put(first + at, *record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Event;

    /// A generator of numbers for tests; any odd multiplier would do.
    fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed;
        move |below| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        }
    }

    /// Sorts events of (customer, time, kind, item, known) and checks them against std's sort.
    fn check(events: &[(u32, i64, u8, i32, i64)], keys_count: usize) {
        let mut chunks = vec![EventChunk::<i32>::after(None)];
        for (key, time, kind, item, known) in events {
            if chunks.last().is_none_or(EventChunk::is_full) {
                chunks.push(EventChunk::after(chunks.last()));
            }
            let (time, known_after) = (Micros(*time), Micros(*known));
            let event = Event {
                time,
                known_after,
                kind: Kind(*kind),
                item: *item,
            };
            chunks.last_mut().expect("a chunk").push(*key, event);
        }
        let sorted = sort(chunks, keys_count, &mut Bump::new());
        let mut expected = events.to_vec();
        expected.sort();
        let mut found = Vec::new();
        for key in 0..keys_count {
            for at in sorted.run(key) {
                let record = sorted.record(index(at));
                let (time, known) = (record.time.0, record.known_after.0);
                found.push((count32(key), time, record.kind.0, record.item, known));
            }
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn runs_are_in_the_total_order() {
        for seed in 0..60 {
            let mut number = numbers(seed);
            let (rows, keys) = (number(6000), 1 + number(if seed % 2 == 0 { 2 } else { 50 }));
            let span = 1 + number(2000);
            let events: Vec<_> = (0..rows)
                .map(|_| {
                    let time = number(span).cast_signed() - 500;
                    let kind = u8::try_from(1 + number(3)).expect("small");
                    let item = i32::try_from(1 + number(5)).expect("small");
                    let key = u32::try_from(number(keys)).expect("small");
                    (key, time, kind, item, time + (number(9) / 8).cast_signed())
                })
                .collect();
            check(&events, usize::try_from(keys).expect("small"));
        }
    }

    #[test]
    fn the_ends_of_time_and_all_equal_times_are_in_order() {
        check(
            &[(0, i64::MAX, 1, 1, i64::MAX), (0, i64::MIN, 1, 1, i64::MIN)],
            1,
        );
        let kind = |n: i32| u8::try_from(1 + n % 3).expect("small");
        let equal: Vec<_> = (0..3000).map(|n| (0, 7, kind(n), 3000 - n, 7)).collect();
        check(&equal, 1);
        check(&[], 0);
        check(&[], 3);
    }
}
