//! Repetition levels of a list to how many rows and elements there are, before they are decoded.
//!
//! **In / Out**: the levels of one page, of one bit each: 0 begins a row, 1 goes on with it.
//! **Invariants**: a batch of rows never has more than [`ELEMENTS_MAX`] elements, whatever levels
//! say: a run of 100 million of them takes 5 bytes. **Cost**: one step per 8 levels.

use super::thrift::{Compact, Malformed, Read};
use crate::ids::{count64, index};

/// Elements of the lists of a batch.
pub(super) const ELEMENTS_MAX: u64 = 1 << 22;

/// Rows and elements so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListCount {
    pub(super) rows: u64,
    /// Elements of the rows of this batch.
    elements: u64,
    batch_rows: u64,
}

impl ListCount {
    /// Nothing counted so far.
    pub(super) fn new(batch_rows: usize) -> ListCount {
        ListCount {
            rows: 0,
            elements: 0,
            batch_rows: count64(batch_rows),
        }
    }

    /// Goes on by some levels of a page, of which it has `values`: runs and packed groups of
    /// eight, in the encoding that Parquet calls RLE.
    ///
    /// # Errors
    /// If they end too early, or a batch has too many elements.
    pub(super) fn add(&mut self, levels: &[u8], values: u32) -> Read<()> {
        let (mut levels, mut left) = (Compact::new(levels), u64::from(values));
        while left > 0 {
            let head = levels.varint()?;
            let groups = head >> 1;
            if head & 1 == 0 {
                let level = levels.byte()?;
                let count = groups.min(left);
                match level {
                    0 => self.count(count, count)?,
                    1 => self.count(0, count)?,
                    _ => return Err(Malformed::Wrong("a level that lists do not have")),
                }
                left -= count;
                if groups == 0 {
                    return Err(Malformed::Wrong("a run of no levels"));
                }
                continue;
            }
            for _ in 0..groups {
                if left == 0 {
                    break;
                }
                let byte = levels.byte()?;
                let count = left.min(8);
                // The lowest bit is the first level; ones are put over those that are none.
                let used = u32::try_from(count).expect("at most eight");
                let bits = byte | u8::MAX.checked_shl(used).unwrap_or(0);
                self.count(u64::from(bits.count_zeros()), count)?;
                left -= count;
            }
            if groups == 0 {
                return Err(Malformed::Wrong("a group of no levels"));
            }
        }
        Ok(())
    }

    /// Goes on by some rows and elements.
    fn count(&mut self, rows: u64, elements: u64) -> Read<()> {
        let batch = |rows: u64| rows.saturating_sub(1) / self.batch_rows;
        let is_same = batch(self.rows) == batch(self.rows + rows);
        // Where a batch ends within them, all are counted to the next but for its own rows.
        self.elements = match is_same {
            true => self.elements + elements,
            false => elements - rows.min(elements) + rows.min(self.batch_rows),
        };
        self.rows += rows;
        match self.elements <= ELEMENTS_MAX {
            true => Ok(()),
            false => {
                let what = "lists of more elements than 4,194,304 in a batch of rows";
                Err(Malformed::Wrong(what))
            }
        }
    }
}

/// The repetition levels of a page of version 1, which begins with them: four bytes of length,
/// the lowest first, and so many bytes.
pub(super) fn levels_of_v1(page: &[u8]) -> Option<&[u8]> {
    let (length, rest) = page.split_first_chunk::<4>()?;
    rest.get(..index(u32::from_le_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_in_runs_and_in_groups() {
        let mut count = ListCount::new(8192);
        // A run of three 0, a run of five 1, then one group: 0 1 1 0 1 1 1 0.
        let levels = [6, 0, 10, 1, 3, 0b0111_0110];
        assert_eq!(count.add(&levels, 16), Ok(()));
        assert_eq!((count.rows, count.elements), (6, 16));
        // Of a group of eight, only the first two.
        let mut count = ListCount::new(8192);
        assert_eq!(count.add(&[3, 0b0000_0010], 2), Ok(()));
        assert_eq!((count.rows, count.elements), (1, 2));
    }

    #[test]
    fn a_run_without_end_is_refused() {
        // 100,000,000 times a 1.
        let levels = [0x80, 0x84, 0xaf, 0x5f, 1];
        let mut count = ListCount::new(8192);
        assert!(count.add(&levels, 100_000_000).is_err());
        // As many rows of one element each are fine.
        let levels = [0x80, 0x84, 0xaf, 0x5f, 0];
        let mut count = ListCount::new(8192);
        assert_eq!(count.add(&levels, 100_000_000), Ok(()));
        assert_eq!(count.rows, 100_000_000);
    }

    #[test]
    fn lists_of_a_batch_are_counted_together() {
        let half = u32::try_from(ELEMENTS_MAX / 2).expect("small");
        // A row of one element more than half of what is allowed.
        let row: Vec<u8> = {
            let mut run = u64::from(half) << 1;
            let mut bytes = vec![2, 0];
            while run >= 0x80 {
                bytes.push(u8::try_from(run & 0x7f).expect("seven bits") | 0x80);
                run >>= 7;
            }
            bytes.push(u8::try_from(run).expect("seven bits"));
            bytes.push(1);
            bytes
        };
        let mut count = ListCount::new(2);
        assert_eq!(count.add(&row, half + 1), Ok(()));
        assert!(count.add(&row, half + 1).is_err());
        let mut count = ListCount::new(1);
        for _ in 0..5 {
            assert_eq!(count.add(&row, half + 1), Ok(()));
        }
    }

    #[test]
    fn levels_that_end_too_early_are_refused() {
        for levels in [&[][..], &[6], &[3], &[0x80]] {
            assert!(ListCount::new(8).add(levels, 4).is_err());
        }
        assert_eq!(levels_of_v1(&[2, 0, 0, 0, 7, 8, 9]), Some(&[7, 8][..]));
        assert_eq!(levels_of_v1(&[3, 0, 0, 0, 7, 8]), None);
        assert_eq!(levels_of_v1(&[3, 0, 0]), None);
    }
}
