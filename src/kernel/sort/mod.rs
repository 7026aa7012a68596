//! Sorts the chunks of a partition into runs, one run per customer.
//!
//! **In / Out**: [`EventChunk`]s in any order → [`Sorted`]: columns of the whole partition, the
//! actions of each customer contiguous, oldest first.
//! **Order**: time, then kind, then item, ascending; then the last instant at which the action was
//! not known, then its attributes, then when it landed, if late. The order is total up to exact
//! duplicates, which are equal in all that is written. A history is such a run read backwards.
//! **Two paths**: actions that are packed and fit 64 bits are sorted as `numbers`, others as records.
//! **Cost**: a counting sort by customer (sequential reads, writes into memory that fits the cache),
//! an `is_sorted` scan per run, a sort of the runs that need it, and one pass from rows to columns.
//! Scratch is one arena per thread; only long runs, which are rare and sorted by radix, allocate.
//! **Why so**: one radix sort over everything is bound by memory bandwidth. Runs are short, and logs
//! that arrive by day are nearly in order.

mod numbers;
mod sorted;

use bumpalo::Bump;

use self::numbers::sort_numbers;
pub(crate) use self::sorted::{OptionalColumns, Sorted};
use crate::ids::{Item, Micros, count32, count64, index};
use crate::kernel::attributes::{AttributeKeys, Landed};
use crate::kernel::chunk::Chunk;
use crate::kernel::chunk::ordered::Ordered;
use crate::kernel::chunk::packed::PackedRows;
use crate::kernel::column::EventChunk;
use crate::kernel::event::EventRow;

/// From this length on, a radix sort beats a comparison sort. *Guessed* from published figures.
const RADIX_ROWS_MIN: usize = 1024;

/// Rows of a partition from which what sorting takes beside chunks and columns is accounted for. Below, it is a few
/// megabytes a thread, which the memory that is not given to chunks has room for.
const LARGE: usize = 1 << 18;

/// A row in a total order of which time comes first.
pub(crate) trait TimeOrdered: Copy + Ord {
    /// When it happened.
    fn time(&self) -> Micros;
}

impl<I: Item> TimeOrdered for EventRow<I> {
    #[inline]
    fn time(&self) -> Micros {
        self.time
    }
}

/// An action with the last instant at which it was not known, which comes last in the order.
type WithKnownAfter<I> = (EventRow<I>, Micros);

impl<I: Item> TimeOrdered for WithKnownAfter<I> {
    #[inline]
    fn time(&self) -> Micros {
        self.0.time
    }
}

/// The same with its attributes, and then, last in the order, when it landed (`()` if none landed late).
type WithAttributes<I, L> = (EventRow<I>, Micros, AttributeKeys, L);

impl<I: Item, L: Copy + Ord> TimeOrdered for WithAttributes<I, L> {
    #[inline]
    fn time(&self) -> Micros {
        self.0.time
    }
}

/// The actions of a partition, before they are sorted.
pub(crate) struct Unsorted<I> {
    chunks: Vec<EventChunk<I>>,
    /// How to sort them as numbers, if these have room for them.
    order: Option<Ordered>,
    rows_count: usize,
    /// The columns that they have.
    optional: OptionalColumns,
}

impl<I: Item> Unsorted<I> {
    /// Actions in any order.
    pub(crate) fn new(mut chunks: Vec<EventChunk<I>>) -> Unsorted<I> {
        for chunk in &mut chunks {
            if let Some(packed) = chunk.packed(1) {
                *chunk = packed;
            }
        }
        let packed = chunks.iter().map(|chunk| chunk.packed.as_deref());
        let packed: Option<Vec<&PackedRows>> = packed.collect();
        Unsorted {
            order: packed.and_then(|all| Ordered::of(all.into_iter())),
            rows_count: chunks.iter().map(Chunk::rows_count).sum(),
            optional: OptionalColumns {
                known_after: chunks.iter().any(|chunk| !chunk.known_after.is_empty()),
                landed: chunks.iter().any(EventChunk::lands),
                attributes: chunks.iter().map(EventChunk::width).max().unwrap_or(0),
            },
            chunks,
        }
    }

    /// Bytes of memory that the sorted columns will take.
    pub(crate) fn sorted_bytes(&self) -> u64 {
        Sorted::<I>::bytes_for(self.rows_count, self.optional)
    }

    /// Bytes of memory that [`Unsorted::sort`] takes beside chunks and columns: a record a row, and for long
    /// runs, which are sorted by radix, another; and what is packed as it was before.
    pub(crate) fn scratch_bytes(&self) -> u64 {
        let record = match self.optional {
            _ if self.order.is_some() => size_of::<u64>(),
            OptionalColumns { landed: true, .. } => size_of::<WithAttributes<I, Landed>>(),
            OptionalColumns {
                attributes: 1.., ..
            } => size_of::<WithAttributes<I, ()>>(),
            OptionalColumns {
                known_after: true, ..
            } => size_of::<WithKnownAfter<I>>(),
            _ => size_of::<EventRow<I>>(),
        };
        let unpacked = match self.order {
            Some(_) => 0,
            None => size_of::<EventRow<I>>(),
        };
        // How long runs are is not known before: all rows may be one.
        let rows_count = if self.rows_count < LARGE {
            0
        } else {
            self.rows_count
        };
        count64(rows_count * (2 * record + unpacked))
    }

    /// Sorts the actions, which are of `keys_count` customers.
    ///
    /// # Panics
    /// If there are 2^32 actions or more.
    pub(crate) fn sort(self, keys_count: usize, scratch: &mut Bump) -> Sorted<I> {
        scratch.reset();
        let (rows_count, optional) = (self.rows_count, self.optional);
        let if_so = |is_so: bool| if is_so { rows_count } else { 0 };
        let columns = (0..optional.attributes).map(|_| Vec::with_capacity(rows_count));
        let mut sorted = Sorted {
            run_starts: count(&self.chunks, keys_count),
            times: Vec::with_capacity(rows_count),
            items: Vec::with_capacity(rows_count),
            kinds: Vec::with_capacity(rows_count),
            known_after: Vec::with_capacity(if_so(optional.known_after)),
            attributes: columns.collect(),
            landed: Vec::with_capacity(if_so(optional.landed)),
        };
        match self.order {
            Some(order) => sort_numbers(&mut sorted, self.chunks, &order, scratch),
            None => sort_rows(&mut sorted, self.chunks, optional, scratch),
        }
        sorted
    }
}

/// Sorts actions as records into empty columns.
fn sort_rows<I: Item>(
    sorted: &mut Sorted<I>,
    mut chunks: Vec<EventChunk<I>>,
    optional: OptionalColumns,
    scratch: &Bump,
) {
    chunks.iter_mut().for_each(EventChunk::unpack);
    let late = optional.known_after;
    let key = |row: &EventRow<I>| row.local_key();
    if optional.landed {
        let landed = |chunk: &EventChunk<I>, at| chunk.landed(at);
        let put = |column: &mut Vec<Landed>, landed| column.push(landed);
        sort_with_attributes(sorted, chunks, late, landed, put, scratch);
    } else if optional.attributes > 0 {
        sort_with_attributes(sorted, chunks, late, |_, _| (), |_, ()| (), scratch);
    } else if late {
        let rows = chunks.iter().flat_map(|chunk| {
            let rows = chunk.rows.iter().enumerate();
            rows.map(|(at, row)| (*row, chunk.known_after(at, row.time)))
        });
        let records = group(rows, |(row, _)| key(row), &sorted.run_starts, scratch);
        drop(chunks); // The columns touch their memory only now.
        sort_runs(records, &sorted.run_starts);
        for (row, known_after) in &*records {
            sorted.push(*row);
            sorted.known_after.push(*known_after);
        }
    } else {
        let rows = chunks.iter().flat_map(|chunk| &chunk.rows).copied();
        let records = group(rows, key, &sorted.run_starts, scratch);
        drop(chunks);
        sort_runs(records, &sorted.run_starts);
        records.iter().for_each(|row| sorted.push(*row));
    }
}

/// Sorts actions with attributes or landing times into empty columns. `late` says whether some were
/// known later than they happened; `landed` reads when an action landed, and `put` stores that.
fn sort_with_attributes<I: Item, L: Copy + Ord>(
    sorted: &mut Sorted<I>,
    chunks: Vec<EventChunk<I>>,
    late: bool,
    landed: impl Fn(&EventChunk<I>, usize) -> L,
    put: impl Fn(&mut Vec<Landed>, L),
    scratch: &Bump,
) {
    let rows = chunks.iter().flat_map(|chunk| {
        let rows = chunk.rows.iter().enumerate();
        let landed = &landed;
        rows.map(move |(at, row)| {
            let known_after = chunk.known_after(at, row.time);
            (*row, known_after, chunk.keys(at), landed(chunk, at))
        })
    });
    let records = group(
        rows,
        |(row, ..)| row.local_key(),
        &sorted.run_starts,
        scratch,
    );
    drop(chunks);
    sort_runs(records, &sorted.run_starts);
    for (row, known_after, attributes, landed) in &*records {
        sorted.push(*row);
        put(&mut sorted.landed, *landed);
        if late {
            sorted.known_after.push(*known_after);
        }
        for (keys, key) in sorted.attributes.iter_mut().zip(attributes) {
            keys.push(*key);
        }
    }
}

/// The start of each customer's run, and the end of the last.
fn count<I: Item>(chunks: &[EventChunk<I>], keys_count: usize) -> Vec<u32> {
    let mut run_starts = vec![0_u32; keys_count + 1];
    let mut add = |key: u32| run_starts[index(key) + 1] += 1;
    for chunk in chunks {
        match &chunk.packed {
            Some(packed) => packed.each_key(&mut add),
            None => chunk.rows.iter().for_each(|row| add(row.local_key())),
        }
    }
    summed(run_starts, chunks.iter().map(Chunk::rows_count).sum())
}

/// The start of each key's run, and the end of the last, given the key of each row.
///
/// # Panics
/// If there are 2^32 rows or more.
pub(crate) fn run_starts(keys: impl Iterator<Item = u32>, keys_count: usize) -> Vec<u32> {
    let (mut run_starts, mut rows_count) = (vec![0_u32; keys_count + 1], 0);
    for key in keys {
        run_starts[index(key) + 1] += 1;
        rows_count += 1;
    }
    summed(run_starts, rows_count)
}

/// The start of each key's run, given how many rows each key has, one place behind its own.
fn summed(mut run_starts: Vec<u32>, rows_count: usize) -> Vec<u32> {
    for key in 1..run_starts.len() {
        run_starts[key] = run_starts[key].wrapping_add(run_starts[key - 1]);
    }
    // From 2^32 rows on the sums have wrapped, silently in a release build. `count32` panics then.
    assert_eq!(run_starts.last(), Some(&count32(rows_count)));
    run_starts
}

/// A counting sort by key. The order within a key is unspecified.
pub(crate) fn group<'s, R: Copy>(
    mut rows: impl Iterator<Item = R>,
    key_of: impl Fn(&R) -> u32,
    run_starts: &[u32],
    scratch: &'s Bump,
) -> &'s mut [R] {
    let Some(first) = rows.next() else {
        return &mut [];
    };
    let rows_count = index(*run_starts.last().expect("one more than customers"));
    let mut next = run_starts.to_vec();
    // The fill value does not matter: every place is overwritten.
    let records = scratch.alloc_slice_fill_copy(rows_count, first);
    for row in std::iter::once(first).chain(rows) {
        let place = &mut next[index(key_of(&row))];
        records[index(*place)] = row;
        *place += 1;
    }
    records
}

/// Sorts each of some runs.
fn sort_runs<R: TimeOrdered>(records: &mut [R], run_starts: &[u32]) {
    for run in run_starts.windows(2) {
        sort_run(&mut records[index(run[0])..index(run[1])]);
    }
}

/// Sorts one run: first by time alone, where a comparison is one instruction, then each group of ties.
pub(crate) fn sort_run<R: TimeOrdered>(run: &mut [R]) {
    if run.is_sorted() {
        return; // Measured 0.3 ns a row, where a sort takes 9.
    }
    if run.len() < RADIX_ROWS_MIN {
        run.sort_unstable_by_key(TimeOrdered::time);
    } else {
        radsort::sort_by_key(run, |record| record.time().0);
    }
    for tied in run.chunk_by_mut(|a, b| a.time() == b.time()) {
        if tied.len() > 1 {
            tied.sort_unstable();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ActionType;
    use crate::kernel::chunk::Chunk;
    use crate::kernel::event::Event;

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

    #[test]
    fn of_repeats_the_one_that_was_known_first_is_left() {
        let mut chunk = EventChunk::<i32>::none().next();
        let rows = [
            (0, 5, 9),
            (0, 5, 6),
            (1, 5, 7),
            (1, 5, 5),
            (1, 6, 6),
            (1, 6, 8),
            (3, 6, 6),
        ];
        for (key, time, known) in rows {
            let (time, known_after) = (Micros(time), Micros(known));
            let (kind, item) = (ActionType(1), 1);
            chunk.push(
                key,
                Event {
                    time,
                    known_after,
                    kind,
                    item,
                },
            );
        }
        let mut sorted = Unsorted::new(vec![chunk]).sort(4, &mut Bump::new());
        assert_eq!(sorted.drop_repeats(), 3);
        assert_eq!(sorted.run_starts, [0, 1, 3, 3, 4]);
        assert_eq!(sorted.times, [5, 5, 6, 6].map(Micros));
        assert_eq!(sorted.known_after, [6, 5, 6, 6].map(Micros));
        assert_eq!((sorted.items.len(), sorted.kinds.len()), (4, 4));
        assert_eq!(sorted.drop_repeats(), 0);
    }

    #[test]
    fn what_is_told_goes_with_its_action_and_comes_last_in_the_order() {
        // Customer, time, known, numbers.
        let rows = [
            (1, 5, 5, [3, 0]),
            (0, 6, 9, [1, 1]),
            (0, 6, 6, [2, -1]),
            (0, 6, 6, [2, -2]),
            (0, 6, 6, [-7, 5]),
            (0, 4, 4, [8, 8]),
        ];
        for late in [true, false] {
            let mut chunk = EventChunk::<i32>::with_attributes(2, rows.len());
            for (key, time, known, attributes) in rows {
                let event = Event {
                    time: Micros(time),
                    known_after: Micros(if late { known } else { time }),
                    kind: ActionType(1),
                    item: 1,
                };
                chunk.push(key, event);
                chunk.push_attributes(&[attributes[0], attributes[1], 77, 77]);
            }
            let mut sorted = Unsorted::new(vec![chunk]).sort(2, &mut Bump::new());
            assert_eq!(sorted.known_after().is_some(), late);
            let first = match late {
                true => [8, -7, 2, 2, 1, 3],
                false => [8, -7, 1, 2, 2, 3],
            };
            assert_eq!(sorted.attribute(0), first);
            assert_eq!(sorted.attribute(1)[1], 5);
            assert!(sorted.has_same_attributes(0, 0) && !sorted.has_same_attributes(2, 3));
            assert_eq!(sorted.bytes() % 6, 0);
            assert_eq!(sorted.drop_repeats(), 3);
            assert_eq!(
                (sorted.attribute(0), sorted.attribute(1)),
                (&[8, -7, 3][..], &[8, 5, 0][..])
            );
            sorted.move_down(2..3, 0);
            sorted.truncate(1);
            assert_eq!(
                (sorted.attribute(0), sorted.attribute(1)),
                (&[3][..], &[0][..])
            );
        }
    }

    /// Sorts events of (customer, time, kind, item, known) and checks them against std's sort.
    fn check(events: &[(u32, i64, u8, i32, i64)], keys_count: usize) {
        let mut chunks = vec![EventChunk::<i32>::none().next()];
        for (key, time, kind, item, known) in events {
            let last = chunks.last().expect("a chunk");
            if last.is_full() {
                chunks.push(last.next());
            }
            let (time, known_after) = (Micros(*time), Micros(*known));
            let event = Event {
                time,
                known_after,
                kind: ActionType(*kind),
                item: *item,
            };
            chunks.last_mut().expect("a chunk").push(*key, event);
        }
        let sorted = Unsorted::new(chunks).sort(keys_count, &mut Bump::new());
        let mut expected = events.to_vec();
        expected.sort();
        let mut found = Vec::new();
        for key in 0..keys_count {
            for at in sorted.run(key).map(index) {
                let (time, kind) = (sorted.times[at].0, sorted.kinds[at].0);
                let known = sorted.known_after.get(at).map_or(time, |known| known.0);
                found.push((count32(key), time, kind, sorted.items[at], known));
            }
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn runs_are_in_the_total_order() {
        let (seeds, rows_max) = if cfg!(miri) { (4, 600) } else { (60, 6000) };
        for seed in 0..seeds {
            let mut number = numbers(seed);
            let (rows, keys) = (
                number(rows_max),
                1 + number(if seed % 2 == 0 { 2 } else { 50 }),
            );
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
