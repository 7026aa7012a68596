//! Deduplication of clicks for `features`.
//!
//! **In / Out**: clicks of a key, sorted → the distinct ones. **Invariants**: two clicks are equal only
//! if user, listing and time are. Ids that no impression has get no rank, so every id is stored as
//! 64 bits: an integer as it is, a text as its 64-bit hash (a collision is the only error).
//! **Why so**: a click without the ids takes half the memory, so only jobs with `--dedup` store them.

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
    fn rows_come_back_from_their_bytes() {
        let (mut bytes, click) = (Vec::new(), click(i64::MIN, u64::MAX));
        click.write(&mut bytes);
        assert_eq!(bytes.len(), WholeClick::<true>::WIDTH);
        assert_eq!(WholeClick::read(&bytes), Some(click));
        assert_eq!(WholeClick::<true>::read(&bytes[1..]), None);
    }
}
