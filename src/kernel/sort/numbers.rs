//! Actions as numbers: the sort of a partition whose actions fit 64 bits each, without the customer.
//!
//! **In / Out**: packed chunks → the columns of [`Sorted`]. **Why so**: half the memory of records, one
//! comparison for time, kind and item, and no second pass over ties. Actions of a customer are spread over
//! time, so that a run is nearly sorted once each is where its time, as a share of that of the run, would put it.

use bumpalo::Bump;

use super::sorted::Sorted;
use crate::ids::{Item, index, index64};
use crate::kernel::chunk::ordered::Ordered;
use crate::kernel::column::EventChunk;

/// From this length on, a run is dealt to buckets; shorter ones are sorted by comparison. *Guessed.*
const DEALT_ROWS_MIN: usize = 24;

/// Up to this length, a bucket is sorted by insertion, with all others at once.
const INSERTED_ROWS_MAX: u32 = 16;

/// Sorts packed actions into empty columns.
pub(super) fn sort_numbers<I: Item>(
    sorted: &mut Sorted<I>,
    chunks: Vec<EventChunk<I>>,
    order: &Ordered,
    scratch: &Bump,
) {
    let rows_count = sorted.run_starts.last().expect("one more than customers");
    let numbers = scratch.alloc_slice_fill_copy(index(*rows_count), 0_u64);
    let mut next = sorted.run_starts.clone();
    for chunk in chunks {
        // Each is freed as soon as it is read.
        let packed = chunk.packed.expect("only packed chunks have an order");
        order.each(&packed, |key, number| {
            let place = &mut next[index(key)];
            numbers[index(*place)] = number;
            *place += 1;
        });
    }
    let mut buckets = Buckets::default();
    for run in sorted.run_starts.windows(2) {
        buckets.sort(&mut numbers[index(run[0])..index(run[1])]);
    }
    let numbers = numbers.iter().copied();
    sorted
        .times
        .extend(numbers.clone().map(|number| order.time(number)));
    sorted
        .kinds
        .extend(numbers.clone().map(|number| order.kind(number)));
    sorted
        .items
        .extend(numbers.map(|number| order.item::<I>(number)));
}

/// Numbers of a run by their size: scratch for one run after the other.
#[derive(Default)]
struct Buckets {
    /// Where the next number of each bucket goes.
    next: Vec<u32>,
    /// The run as it was.
    undealt: Vec<u64>,
}

impl Buckets {
    /// Sorts a run: deals its numbers to about as many buckets as there are numbers, and sorts each.
    fn sort(&mut self, run: &mut [u64]) {
        if run.is_sorted() {
            return;
        }
        if run.len() < DEALT_ROWS_MIN {
            return run.sort_unstable();
        }
        let bounds = run.iter().fold((u64::MAX, 0), |(min, max), number| {
            (min.min(*number), max.max(*number))
        });
        let (min, span) = (bounds.0, bounds.1 - bounds.0);
        let bits = run.len().next_power_of_two().trailing_zeros();
        // The highest number has at most `bits` bits left.
        let shift = (u64::BITS - span.leading_zeros()).saturating_sub(bits);
        let bucket_of = |number: u64| index64((number - min) >> shift);
        self.next.clear();
        self.next.resize(bucket_of(bounds.1) + 2, 0);
        for number in &*run {
            self.next[bucket_of(*number) + 1] += 1;
        }
        let mut start = 0;
        for count in &mut self.next {
            start += *count;
            *count = start;
        }
        self.undealt.clear();
        self.undealt.extend_from_slice(run);
        for number in &self.undealt {
            let next = &mut self.next[bucket_of(*number)];
            run[index(*next)] = *number;
            *next += 1;
        }
        // Each now ends where the one behind it starts. However many share a bucket, as where most actions are of
        // one day.
        let mut start = 0;
        for end in &self.next {
            if end - start > INSERTED_ROWS_MAX {
                run[index(start)..index(*end)].sort_unstable();
            }
            start = *end;
        }
        insert_sort(run);
    }
}

/// Sorts what is nearly sorted: no number is far from its place.
fn insert_sort(run: &mut [u64]) {
    for next in 1..run.len() {
        let number = run[next];
        let mut at = next;
        while at > 0 && run[at - 1] > number {
            run[at] = run[at - 1];
            at -= 1;
        }
        run[at] = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_all_lengths_and_spreads_are_sorted() {
        let mut state = 1_u64;
        let mut buckets = Buckets::default();
        for length in 0..if cfg!(miri) { 40 } else { 300 } {
            for spread in [0, 1, 5, 20, 63] {
                let mut next = |_| {
                    state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                    // Most are close together, and a few far away.
                    let far = if state >> 60 == 0 { 63 } else { spread };
                    state >> (63 - far)
                };
                let mut run: Vec<u64> = (0..length).map(&mut next).collect();
                let mut expected = run.clone();
                expected.sort_unstable();
                buckets.sort(&mut run);
                assert_eq!(run, expected);
            }
        }
        let mut ends = [u64::MAX, 0].repeat(30);
        buckets.sort(&mut ends);
        assert!(ends.is_sorted());
    }
}
