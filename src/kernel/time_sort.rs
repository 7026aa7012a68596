//! Groups rows by key, and sorts each run by time, at once.
//!
//! **In / Out**: rows in any order, and where the run of each key starts → rows by key, the rows of each in their
//! total order, of which time comes first.
//! **Cost**: a row is dealt to one of as many places as its run has rows, by its time between the first and the
//! last of all; then each moves down to its place. Where many rows of a run share a place, the run is sorted by
//! comparison. Scratch is four bytes a row.
//! **Why so**: the clicks of a listing or a user are some hundred, and are in no order once threads have read
//! them. To group them and to sort each run by comparison took 21 ns a row, this takes 16.

use bumpalo::Bump;

use super::sort::TimeOrdered;
use crate::ids::{Micros, count32, index};

/// How far a row may move down in its run. Beyond, the run is sorted by comparison.
const MOVES_MAX: usize = 32;

/// Groups rows by key, each run in order.
pub(crate) fn group_by_time<'r, 's, R: TimeOrdered + 'r>(
    parts: impl Iterator<Item = &'r [R]> + Clone,
    key_of: impl Fn(&R) -> u32,
    run_starts: &[u32],
    scratch: &'s Bump,
) -> &'s mut [R] {
    let rows_count = index(*run_starts.last().expect("one more than keys"));
    let Some(some) = parts.clone().find_map(<[R]>::first) else {
        return &mut [];
    };
    // Loops over parts, and rows of each: of one iterator over all rows, the compiler makes a call a row.
    let mut ends = (Micros::MAX, Micros::MIN);
    for part in parts.clone() {
        for row in part {
            ends = (ends.0.min(row.time()), ends.1.max(row.time()));
        }
    }
    let scale = TimeScale::new(ends);
    let mut nexts = vec![0_u32; rows_count];
    for part in parts.clone() {
        for row in part {
            nexts[scale.place_of(row, key_of(row), run_starts)] += 1;
        }
    }
    let mut start = 0;
    for next in &mut nexts {
        start += std::mem::replace(next, start);
    }
    assert_eq!(start, count32(rows_count));
    // The fill value does not matter: every place is overwritten.
    let rows = scratch.alloc_slice_fill_copy(rows_count, *some);
    for part in parts {
        for row in part {
            let next = &mut nexts[scale.place_of(row, key_of(row), run_starts)];
            rows[index(*next)] = *row;
            *next += 1;
        }
    }
    for run in run_starts.windows(2) {
        settle(&mut rows[index(run[0])..index(run[1])]);
    }
    rows
}

/// The first and the last of some times, to place others between them.
struct TimeScale {
    first: Micros,
    /// The bits of the time from the first to the last.
    bits: u32,
}

impl TimeScale {
    /// The scale from the first to the last of some times.
    fn new((first, last): (Micros, Micros)) -> TimeScale {
        TimeScale {
            first,
            // Unsigned, as the difference of two `i64` may not fit one.
            bits: u64::BITS - last.0.abs_diff(first.0).leading_zeros(),
        }
    }

    /// The place of a row of a key among all rows.
    #[inline]
    fn place_of(&self, row: &impl TimeOrdered, key: u32, run_starts: &[u32]) -> usize {
        let run = index(key);
        let (start, end) = (run_starts[run], run_starts[run + 1]);
        index(start + self.place(row.time(), end - start))
    }

    /// The place of a time among `count` places, the first of which is that of the first time.
    #[inline]
    fn place(&self, time: Micros, count: u32) -> u32 {
        let since = time.0.abs_diff(self.first.0);
        // A fraction of the span of all in 32 bits, so that the product fits 64.
        let part = since.unbounded_shl(u64::BITS - self.bits) >> u32::BITS;
        let place = (part * u64::from(count)) >> u32::BITS;
        u32::try_from(place).expect("less than the count")
    }
}

/// Sorts a run of which most rows are near their places.
fn settle<R: TimeOrdered>(run: &mut [R]) {
    for at in 1..run.len() {
        let row = run[at];
        let mut place = at;
        while place > 0 && row < run[place - 1] {
            run[place] = run[place - 1];
            place -= 1;
        }
        run[place] = row;
        if at - place > MOVES_MAX {
            return run.sort_unstable();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::index64;

    /// A time, a key, and what tells rows of one time and key apart.
    type Row = (Micros, u32, u64);

    impl TimeOrdered for Row {
        fn time(&self) -> Micros {
            self.0
        }
    }

    /// Rows by key, sorted by the standard library; and where the run of each key starts.
    fn expected(rows: &[Row], keys_count: u32) -> (Vec<Row>, Vec<u32>) {
        let mut sorted = rows.to_vec();
        sorted.sort_by_key(|(time, key, number)| (*key, *time, *number));
        let start = |key| count32(sorted.partition_point(|row| row.1 < key));
        let starts = (0..=keys_count).map(start).collect();
        (sorted, starts)
    }

    #[test]
    fn runs_are_in_the_order_of_the_standard_library() {
        let mut state = 5_u64;
        let mut number = |below: u64| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (state >> 33) % below
        };
        let (rounds, most) = if cfg!(miri) { (30, 100) } else { (400, 3000) };
        for round in 0..rounds {
            let (count, span, keys) = (number(most), 1 + number(1 << (round % 31)), 1 + number(9));
            let rows: Vec<Row> = (0..count)
                .map(|at| {
                    let of = number(span).cast_signed();
                    // Spread evenly, with ties, at both ends of all times, and nearly all in one place.
                    let time = match round % 4 {
                        0 => of,
                        1 => of - 500,
                        2 if at.is_multiple_of(2) => i64::MIN + of,
                        2 => i64::MAX - of,
                        _ if at == 7 => i64::MAX,
                        _ => of % 50,
                    };
                    (Micros(time), count32(index64(number(keys))), number(4))
                })
                .collect();
            let (sorted, starts) = expected(&rows, count32(index64(keys)));
            let arena = Bump::new();
            let parts = rows.chunks(1 + index64(number(50)));
            let found = group_by_time(parts, |row| row.1, &starts, &arena);
            assert_eq!(found, sorted);
        }
    }
}
