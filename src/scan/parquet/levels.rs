//! Repetition levels of lists to the number of rows and elements, before the lists are decoded.
//!
//! **In / Out**: the levels of one page, one bit each: 0 begins a row, 1 continues it → counts.
//! **Invariants**: a batch of rows has at most [`ELEMENTS_MAX`] elements. **Cost**: one step per 8 levels.
//! **Why so**: a run of 100 million levels takes 5 bytes, so the size of a page bounds nothing.

use super::thrift::{Compact, Malformed, Read};
use crate::ids::{count64, index};

/// The most elements of the lists of a batch.
pub(super) const ELEMENTS_MAX: u64 = 1 << 22;

/// Counts rows and elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListCount {
    pub(super) rows: u64,
    /// The elements of the current batch.
    elements: u64,
    batch_rows: u64,
}

impl ListCount {
    /// A count for batches of so many rows.
    pub(super) fn new(batch_rows: usize) -> ListCount {
        ListCount {
            rows: 0,
            elements: 0,
            batch_rows: count64(batch_rows),
        }
    }

    /// Adds the levels of a page with so many values: runs and bit-packed groups of eight, the encoding that
    /// Parquet calls RLE.
    ///
    /// # Errors
    /// If the levels end too early, or a batch has too many elements.
    pub(super) fn add(&mut self, levels: &[u8], values: u32) -> Read<()> {
        let (mut levels, mut left) = (Compact::new(levels), u64::from(values));
        while left > 0 {
            let head = levels.varint()?;
            let groups = head >> 1;
            if head & 1 == 0 {
                let level = levels.byte()?;
                // A run is counted in one step whatever it claims, and never beyond the values of
                // the page.
                let count = groups.min(left);
                match level {
                    0 => self.count(count, count)?,
                    1 => self.count(0, count)?,
                    // Lists in lists were refused before, so there are no other levels.
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
                // The lowest bit is the first level. Unused bits become ones, which begin no row.
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

    /// Adds rows and elements.
    fn count(&mut self, rows: u64, elements: u64) -> Read<()> {
        // The number of the batch that the last of so many rows is in.
        let batch = |rows: u64| rows.saturating_sub(1) / self.batch_rows;
        let is_same = batch(self.rows) == batch(self.rows + rows);
        self.elements = if is_same {
            self.elements + elements
        } else {
            // A batch ends among these rows: count all that may belong to the next.
            elements - rows.min(elements) + rows.min(self.batch_rows)
        };
        self.rows += rows;
        if self.elements > ELEMENTS_MAX {
            let what = "lists of more elements than 4,194,304 in a batch of rows";
            return Err(Malformed::Wrong(what));
        }
        Ok(())
    }
}

/// The repetition levels of a page of version 1, which begins with their length, four bytes in little
/// endian.
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
