//! How long texts become that are written as what they share with the one before, and the rest.
//!
//! **In / Out**: values in Parquet's DELTA_BYTE_ARRAY → the bytes that they share, summed up.
//! **Why so**: a value may repeat all of the value before and add one byte, so that a page of one
//! MiB becomes half a TiB. Nothing in its size tells; the lengths, which stand first, do.
//! **Source**: <https://parquet.apache.org/docs/file-format/data-pages/encodings/>

use super::thrift::{Compact, Malformed, Read};
use crate::ids::index64;

/// Values of a block, at most; writers use 128 or so.
const BLOCK_VALUES_MAX: u64 = 1 << 16;

/// The sum of the lengths that values share with the one before, which stand before all else, in
/// blocks of differences.
///
/// # Errors
/// If they make no sense, or end too early.
pub(super) fn prefix_bytes(bytes: &[u8]) -> Read<u64> {
    let mut bytes = Compact::new(bytes);
    let block_values = bytes.varint()?;
    let minis = bytes.varint()?;
    let values = bytes.varint()?;
    let mut length = bytes.int()?;
    if minis == 0 || BLOCK_VALUES_MAX < block_values || block_values < minis {
        let what = "blocks of lengths have an impossible size";
        return Err(Malformed::Wrong(what));
    }
    let mini_values = block_values / minis;
    let (mut sum, mut left) = (0_u64, values);
    let mut add = |length: i64| {
        let length = u64::try_from(length);
        let length = length.map_err(|_| Malformed::Wrong("a length is negative"))?;
        sum = sum.saturating_add(length);
        Ok(())
    };
    if left > 0 {
        add(length)?;
        left -= 1;
    }
    while left > 0 {
        let least = bytes.int()?;
        let widths = bytes.take(index64(minis))?;
        for width in widths {
            if left == 0 {
                break;
            }
            let length_bytes = (mini_values * u64::from(*width)).div_ceil(8);
            let mut bits = Bits {
                bytes: bytes.take(index64(length_bytes))?,
                at: 0,
            };
            for _ in 0..left.min(mini_values) {
                let difference = bits.next(*width).cast_signed();
                length = length.wrapping_add(least).wrapping_add(difference);
                add(length)?;
            }
            left -= left.min(mini_values);
        }
    }
    Ok(sum)
}

/// Numbers of some bits each, the lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    /// The bit that comes next.
    at: usize,
}

impl Bits<'_> {
    /// The next number; of more than 64 bits, only as many.
    fn next(&mut self, width: u8) -> u64 {
        let mut number = 0;
        for place in 0..u32::from(width) {
            let byte = self.bytes.get(self.at / 8).copied().unwrap_or(0);
            let bit = u64::from(byte >> (self.at % 8) & 1);
            number |= bit.checked_shl(place).unwrap_or(0);
            self.at += 1;
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_summed_up() {
        // Blocks of 128 in four, 5 values: 7, 5, 3, 1, 2; the least difference is −2.
        let mut bytes = vec![0x80, 1, 4, 5, 14, 3, 2, 0, 0, 0, 0b1100_0000];
        bytes.extend([0; 7]);
        assert_eq!(prefix_bytes(&bytes), Ok(18));
        assert_eq!(prefix_bytes(&bytes[..12]), Err(Malformed::Short));
        assert_eq!(prefix_bytes(&[0x80, 1, 4, 0, 0]), Ok(0));
    }

    #[test]
    fn texts_that_grow_by_a_byte_each_are_seen() {
        // 65,536 values, each one longer than the one before: differences of 1, of no bits.
        let mut bytes = vec![0x80, 0x80, 2, 1, 0x80, 0x80, 4, 0];
        bytes.extend([2, 0].repeat(2));
        assert_eq!(prefix_bytes(&bytes), Ok(65_535 * 65_536 / 2));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(prefix_bytes(&[]).is_err());
        assert!(prefix_bytes(&[0x80, 1, 0, 5, 0]).is_err());
        assert!(prefix_bytes(&[0x80, 1, 4, 5, 1]).is_err());
        assert!(prefix_bytes(&[0xff; 40]).is_err());
    }
}
