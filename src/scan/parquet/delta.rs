//! How long texts become that are encoded as the length of a shared prefix and a suffix.
//!
//! **In / Out**: values in Parquet's DELTA_BYTE_ARRAY → the sum of their prefix lengths.
//! **Why so**: a value may repeat the whole value before it and add one byte, so that a page of one MiB
//! becomes half a TiB. The size of the page does not show that, but the prefix lengths do, and they come
//! first.
//! **Source**: <https://parquet.apache.org/docs/file-format/data-pages/encodings/>

use super::thrift::{Compact, Malformed, Read};
use crate::ids::index64;

/// The most values of a block; writers use 128 or so.
const BLOCK_VALUES_MAX: u64 = 1 << 16;

/// The sum of the prefix lengths of a page, which come first, delta-encoded in blocks.
///
/// # Errors
/// If the lengths are not valid, are more than `values_max`, or end too early.
pub(super) fn prefix_bytes(bytes: &[u8], values_max: u64) -> Read<u64> {
    let mut bytes = Compact::new(bytes);
    let block_values = bytes.varint()?;
    let minis = bytes.varint()?;
    let values = bytes.varint()?;
    let mut length = bytes.int()?;
    if minis == 0 || BLOCK_VALUES_MAX < block_values || block_values < minis {
        let what = "blocks of lengths have an impossible size";
        return Err(Malformed::Wrong(what));
    }
    // Lengths of no bits take no bytes: without this bound two bytes could ask for 2^16 steps.
    if values > values_max {
        return Err(Malformed::Wrong("it has more lengths than values"));
    }
    let mini_values = block_values / minis;
    let (mut sum, mut left) = (0_u64, values);
    let mut add = |length: i64| {
        let length = u64::try_from(length);
        let length = length.map_err(|_| Malformed::Wrong("a length is negative"))?;
        // A sum that overflows is above every limit anyway.
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
            // Mini blocks behind the last value have a width, but no bytes.
            if left == 0 {
                break;
            }
            // No overflow: at most 2^16 values of 255 bits.
            let length_bytes = (mini_values * u64::from(*width)).div_ceil(8);
            let mut bits = BitReader {
                bytes: bytes.take(index64(length_bytes))?,
                at: 0,
            };
            for _ in 0..left.min(mini_values) {
                // In the format, differences may wrap.
                let difference = bits.next(*width).cast_signed();
                length = length.wrapping_add(least).wrapping_add(difference);
                add(length)?;
            }
            left -= left.min(mini_values);
        }
    }
    Ok(sum)
}

/// Numbers of a few bits each, the lowest bit first.
struct BitReader<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: usize,
}

impl BitReader<'_> {
    /// The next number, or the low 64 bits of a wider one.
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
    fn prefix_lengths_are_summed_up() {
        // Blocks of 128 in four, 5 values: 7, 5, 3, 1, 2; the least difference is −2.
        let mut bytes = vec![0x80, 1, 4, 5, 14, 3, 2, 0, 0, 0, 0b1100_0000];
        bytes.extend([0; 7]);
        assert_eq!(prefix_bytes(&bytes, 65_536), Ok(18));
        assert_eq!(prefix_bytes(&bytes[..12], 65_536), Err(Malformed::Short));
        assert_eq!(prefix_bytes(&[0x80, 1, 4, 0, 0], 65_536), Ok(0));
    }

    #[test]
    fn texts_that_grow_by_a_byte_each_are_counted() {
        // 65,536 values, each one longer than the one before: differences of 1, of no bits.
        let mut bytes = vec![0x80, 0x80, 2, 1, 0x80, 0x80, 4, 0];
        bytes.extend([2, 0].repeat(2));
        assert_eq!(prefix_bytes(&bytes, 65_536), Ok(65_535 * 65_536 / 2));
    }

    #[test]
    fn invalid_lengths_are_refused() {
        assert!(prefix_bytes(&[], 65_536).is_err());
        assert!(prefix_bytes(&[0x80, 1, 0, 5, 0], 65_536).is_err());
        assert!(prefix_bytes(&[0x80, 1, 4, 5, 1], 65_536).is_err());
        assert!(prefix_bytes(&[0xff; 40], 65_536).is_err());
        let five = [
            0x80,
            1,
            4,
            5,
            14,
            3,
            2,
            0,
            0,
            0,
            0b1100_0000,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        assert!(prefix_bytes(&five, 5).is_ok() && prefix_bytes(&five, 4).is_err());
    }
}
