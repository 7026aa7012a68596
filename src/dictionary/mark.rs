//! A 16-byte mark of a text, which contains the whole text if it is short.
//!
//! **Why so**: most text ids have 15 bytes or fewer. Comparing marks then replaces comparing texts, and
//! so saves a cache miss: on a run with item ids of 13 characters these misses took a quarter of the
//! time.

use twox_hash::XxHash64;

use crate::ids::count64;
use crate::kernel::hash::SEED;

/// The longest text that fits into a mark.
const WHOLE_MAX: usize = 15;
/// Constants with half of their bits set, so that zero bytes hash as well as others.
const KEYS: [u64; 2] = [0x2d35_8dcc_aa6c_78a5, 0x8bb8_4b93_962e_acc9];
/// Stands for the length of a longer text.
const LONG: u64 = 0xff;

/// The mark of a text. Two different texts have different marks if one of them is short.
///
/// For a short text: its bytes, zeros, and in the last byte its length. For a long one: its hash, its
/// first 7 bytes, and [`LONG`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark([u64; 2]);

impl Mark {
    /// The mark of a text.
    #[inline]
    pub(crate) fn new(text: &[u8]) -> Mark {
        let length = text.len();
        let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) else {
            let mut bytes = [0; 8];
            // Below 8 bytes there is no first chunk, so the text fits the first word alone.
            bytes[..length].copy_from_slice(text);
            return Mark([u64::from_le_bytes(bytes), count64(length) << 56]);
        };
        let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
        if WHOLE_MAX < length {
            let hash = XxHash64::oneshot(SEED, text);
            // The shifts clear the byte that `LONG` takes: no short text has that length, so a long
            // text never has the mark of a short one.
            return Mark([hash, first << 8 >> 8 | LONG << 56]);
        }
        // The last eight bytes without those that are among the first eight.
        let rest = match length {
            // A shift by all 64 bits overflows.
            8 => 0,
            _ => last >> (8 * (16 - length)),
        };
        Mark([first, rest | count64(length) << 56])
    }

    /// Whether the mark contains the whole text, so that no other text has it.
    #[inline]
    pub(crate) fn is_whole(self) -> bool {
        self.0[1] >> 56 != LONG
    }

    /// A hash for a table in memory: both halves of a 128-bit product, xored.
    #[inline]
    pub(crate) fn hash(self) -> u64 {
        let [a, b] = self.0;
        let (low, high) = (a ^ KEYS[0]).carrying_mul(b ^ KEYS[1], 0);
        low ^ high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_that_differ_have_different_marks() {
        let mut texts: Vec<Vec<u8>> = Vec::new();
        for length in 0..=WHOLE_MAX {
            for byte in [0, b'a'] {
                texts.push(vec![byte; length]);
                for at in 0..length {
                    let mut text = vec![byte; length];
                    text[at] = b'b';
                    texts.push(text);
                }
            }
        }
        texts.sort();
        texts.dedup();
        let marks: Vec<Mark> = texts.iter().map(|text| Mark::new(text)).collect();
        for (at, mark) in marks.iter().enumerate() {
            assert!(
                mark.is_whole() && !marks[..at].contains(mark),
                "{:?}",
                texts[at]
            );
        }
    }

    #[test]
    fn a_long_text_is_marked_by_all_of_its_bytes() {
        let text = [b'a'; 40];
        let mark = Mark::new(&text);
        assert!(!mark.is_whole());
        for at in 0..text.len() {
            let mut other = text;
            other[at] = b'b';
            assert_ne!(Mark::new(&other), mark, "{at}");
        }
        assert_ne!(Mark::new(&text[1..]), mark);
    }

    #[test]
    fn hashes_of_texts_that_are_much_alike_are_all_over_the_place() {
        let mut buckets = vec![0; 1 << 12];
        for at in 0..if cfg!(miri) { 1 << 8 } else { 1 << 14 } {
            let hash = Mark::new(format!("SKU-{at:08}").as_bytes()).hash();
            // Both ends of it are looked at by a table.
            assert!(hash.leading_zeros() < 40 && hash.trailing_zeros() < 40);
            buckets[usize::try_from(hash % (1 << 12)).expect("small")] += 1;
        }
        assert!(buckets.into_iter().max() < Some(20));
    }
}
