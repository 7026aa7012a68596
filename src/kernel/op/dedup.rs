//! Deduplication of clicks for `features`.
//!
//! **In / Out**: clicks of a key, sorted → the distinct ones. **Invariants**: two clicks are equal only
//! if user, listing and time are. Ids that no impression has get no rank, so every id is stored as
//! 64 bits: an integer as it is, a text as its 64-bit hash (a collision is the only error).
//! **Why so**: a click without the ids takes half the memory, so only jobs with `--dedup` store them. Other
//! jobs compare users by marks of 31 bits, also where ranks would tell them apart: how many clicks repeat
//! another one must not depend on which users have a rank.

use crate::ids::Micros;
use crate::kernel::chunk::FixedRow;
use crate::kernel::op::features::{Click, Keyed};
use crate::kernel::sort::TimeOrdered;

/// A click with its ids, keyed by user if `OF_USER`, else by listing. The derived order is total, with
/// time first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WholeClick<const OF_USER: bool> {
    pub(crate) click: Click,
    /// The user's id, and the listing's.
    pub(crate) ids: [u64; 2],
}

impl<const OF_USER: bool> TimeOrdered for WholeClick<OF_USER> {
    #[inline]
    fn time(&self) -> Micros {
        self.click.time
    }
}

impl<const OF_USER: bool> Keyed for WholeClick<OF_USER> {
    #[inline]
    fn key(&self) -> u32 {
        if OF_USER {
            self.click.user
        } else {
            self.click.listing
        }
    }
}

impl<const OF_USER: bool> FixedRow for WholeClick<OF_USER> {
    const WIDTH: usize = Click::WIDTH + 16;

    fn write(self, to: &mut Vec<u8>) {
        self.click.write(to);
        self.ids
            .iter()
            .for_each(|id| to.extend_from_slice(&id.to_le_bytes()));
    }

    fn read(bytes: &[u8]) -> Option<WholeClick<OF_USER>> {
        let (click, ids) = bytes.split_at_checked(Click::WIDTH)?;
        let [user, listing] = ids.as_chunks::<8>().0 else {
            return None;
        };
        Some(WholeClick {
            click: Click::read(click)?,
            ids: [*user, *listing].map(u64::from_le_bytes),
        })
    }
}

/// The number of sorted rows that equal the one before them.
pub(crate) fn repeats_count<R: PartialEq>(rows: &[R]) -> usize {
    rows.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

/// The number of clicks on a listing, sorted, that repeat another one: of one time, and by users whose marks are
/// equal. `mark` gives that of a user; `marks` is scratch.
pub(crate) fn repeats_by_mark(
    clicks: &[Click],
    mark: impl Fn(u32) -> u32,
    marks: &mut Vec<u32>,
) -> usize {
    let of_one_time = clicks.chunk_by(|a, b| a.time == b.time);
    let several = of_one_time.filter(|clicks| clicks.len() > 1);
    let repeats = several.map(|clicks| {
        marks.clear();
        marks.extend(clicks.iter().map(|click| mark(click.user)));
        marks.sort_unstable();
        repeats_count(marks)
    });
    repeats.sum()
}

/// The distinct ones of sorted rows.
pub(crate) fn each_once<R: PartialEq>(rows: &[R]) -> impl Iterator<Item = &R> {
    rows.chunk_by(|a, b| a == b).map(|alike| &alike[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A click at a time with a user's id.
    fn click(time: i64, user_id: u64) -> WholeClick<true> {
        let click = Click {
            time: Micros(time),
            user: 1,
            listing: 2,
        };
        WholeClick {
            click,
            ids: [user_id, 7],
        }
    }

    #[test]
    fn clicks_that_differ_in_an_id_alone_are_no_repeats() {
        let clicks = [
            click(1, 5),
            click(1, 5),
            click(1, 6),
            click(2, 6),
            click(2, 6),
        ];
        assert_eq!(repeats_count(&clicks), 2);
        let once: Vec<_> = each_once(&clicks).collect();
        assert_eq!(once, [&clicks[0], &clicks[2], &clicks[3]]);
        assert_eq!(repeats_count::<u8>(&[]), 0);
    }

    #[test]
    fn marks_and_not_ranks_tell_users_apart() {
        let click = |(time, user): &(i64, u32)| Click {
            time: Micros(*time),
            user: *user,
            listing: 0,
        };
        // Users 0 to 3 have a rank; the mark of 1 is that of 103, and those of 2 and 3 are one.
        let mark = |user: u32| match user {
            0 => 100,
            1 => 103,
            2 | 3 => 102,
            user => user,
        };
        let mut marks = Vec::new();
        for (clicks, expected) in [
            (&[][..], 0),
            (&[(1, 0), (2, 0)], 0),
            (&[(1, 0), (1, 0), (1, 1)], 1),
            (&[(1, 1), (1, 2), (1, 103)], 1),
            (&[(1, 2), (1, 3), (1, 102), (2, 102), (2, 104)], 2),
            (&[(1, 1), (1, 1), (1, 9), (1, 9), (1, 103)], 3),
        ] {
            let mut clicks: Vec<Click> = clicks.iter().map(click).collect();
            clicks.sort_unstable();
            assert_eq!(repeats_by_mark(&clicks, mark, &mut marks), expected);
            // Whoever has a rank.
            clicks
                .iter_mut()
                .for_each(|click| click.user = mark(click.user));
            clicks.sort_unstable();
            assert_eq!(repeats_by_mark(&clicks, mark, &mut marks), expected);
        }
    }

    #[test]
    fn rows_come_back_from_their_bytes() {
        let (mut bytes, click) = (Vec::new(), click(i64::MIN, u64::MAX));
        click.write(&mut bytes);
        assert_eq!(bytes.len(), WholeClick::<true>::WIDTH);
        assert_eq!(WholeClick::read(&bytes), Some(click));
        assert_eq!(WholeClick::<true>::read(&bytes[1..]), None);
    }
}
