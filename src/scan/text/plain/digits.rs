//! Digits to integers, eight bytes at a time.
//!
//! **In / Out**: the beginning of a text → the integer there, and how many bytes it takes. **Cost**: some ten
//! operations for eight digits, and no branch on a digit. **Why so**: portable integers of 64 bits do what vectors
//! would. A text that ends within eight bytes is left to others.
//! **Source**: Daniel Lemire, "Quickly parsing eight digits" (2018).

use crate::ids::index;

/// Eight times a byte.
const fn eight(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Powers of ten, up to eight digits.
const POWERS: [u64; 9] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// The integer that a text begins with, and its length.
#[inline]
pub(super) fn int(text: &[u8]) -> Option<(i64, usize)> {
    let (value, count) = leading(*text.first_chunk()?);
    match count {
        1..8 => Some((value.cast_signed(), count)),
        _ => signed(text),
    }
}

/// An integer of more than seven digits, or with a minus.
fn signed(text: &[u8]) -> Option<(i64, usize)> {
    if let [b'-', digits @ ..] = text {
        let (value, count) = unsigned(digits)?;
        return Some((0_i64.checked_sub_unsigned(value)?, count + 1));
    }
    let (value, count) = unsigned(text)?;
    Some((i64::try_from(value).ok()?, count))
}

/// An integer of any number of digits, but not none.
fn unsigned(text: &[u8]) -> Option<(u64, usize)> {
    let (mut value, mut length) = (0_u64, 0);
    loop {
        let (more, count) = leading(*text.get(length..)?.first_chunk()?);
        value = value.checked_mul(POWERS[count])?.checked_add(more)?;
        length += count;
        if count < 8 {
            return (length > 0).then_some((value, length));
        }
    }
}

/// The number that the digits make with which eight bytes begin, and how many they are.
#[inline]
fn leading(bytes: [u8; 8]) -> (u64, usize) {
    // The first byte is the lowest.
    let digits = u64::from_le_bytes(bytes) ^ eight(b'0');
    // Ten or more has its highest bit set in the sum or in itself. A sum that overflows spoils only bytes behind one
    // that is no digit.
    let others = (digits.wrapping_add(eight(0x76)) | digits) & eight(0x80);
    let bits = others.trailing_zeros() & !7;
    if bits == 0 {
        return (0, 0);
    }
    // Zeros before the digits in place of what is behind them.
    let digits = digits << (64 - bits);
    let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    let value = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff;
    (value, index(bits / 8))
}

/// The seconds of a time of day, `HH:MM:SS`.
#[inline]
pub(super) fn seconds_of(clock: [u8; 8]) -> Option<i64> {
    let digits = u64::from_le_bytes(clock) ^ u64::from_le_bytes(*b"00:00:00");
    // As above, but that a colon must be one.
    let limits = u64::from_le_bytes([0x76, 0x76, 0x7f, 0x76, 0x76, 0x7f, 0x76, 0x76]);
    if (digits.wrapping_add(limits) | digits) & eight(0x80) != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10) + (digits >> 8);
    let [hour, _, _, minute, _, _, second, _] = pairs.to_le_bytes();
    // A leap second is left to others.
    let is_time = hour < 24 && minute < 60 && second < 60;
    let minutes = i64::from(hour) * 60 + i64::from(minute);
    is_time.then_some(minutes * 60 + i64::from(second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::text::times::{WrittenTime, parse};

    /// A text with something behind it.
    fn padded(text: &str) -> Vec<u8> {
        format!("{text},2025-08-15").into_bytes()
    }

    #[test]
    fn integers_are_what_the_standard_library_reads() {
        let mut texts: Vec<String> = (0..20).map(|count| "9".repeat(count)).collect();
        texts.extend((0..20).map(|count| format!("-{}", "1".repeat(count))));
        texts.extend((0..1000).map(|number: u64| (number * 7919).to_string()));
        texts.extend(["0", "007", "00000000000000000000000012", "-0"].map(str::to_owned));
        texts.extend([i64::MAX, i64::MIN].map(|int| int.to_string()));
        texts.extend(["9223372036854775808", "-9223372036854775809"].map(str::to_owned));
        for text in texts {
            let expected = text.parse().ok().map(|int: i64| (int, text.len()));
            assert_eq!(int(&padded(&text)), expected, "{text}");
        }
    }

    #[test]
    fn digits_end_at_any_other_byte() {
        for other in (0..=255_u8).filter(|byte| !byte.is_ascii_digit()) {
            for count in 1..12 {
                let mut text = vec![b'1'; count];
                text.extend([other; 3]);
                text.extend([b'2'; 9]);
                assert_eq!(int(&text).map(|(_, length)| length), Some(count), "{other}");
            }
        }
        assert_eq!(int(b"1234567"), None, "it may go on");
        assert_eq!(int(b"+1234567,"), None);
        assert_eq!(int(b"--1234567,"), None);
    }

    #[test]
    fn times_of_day_are_what_the_parser_of_times_reads() {
        let at = |clock: [u8; 8]| {
            let text = [b"1970-01-01T", &clock[..]].concat();
            match parse(&text) {
                Some(WrittenTime::Wall(wall_us)) => Some(wall_us / 1_000_000),
                _ => None,
            }
        };
        for second in 0..86_400 {
            let clock = format!(
                "{:02}:{:02}:{:02}",
                second / 3600,
                second / 60 % 60,
                second % 60
            );
            let clock: [u8; 8] = clock.as_bytes().try_into().expect("eight bytes");
            assert_eq!((seconds_of(clock), at(clock)), (Some(second), Some(second)));
        }
        for place in 0..8 {
            for byte in 0..=255 {
                let mut clock = *b"19:28:37";
                clock[place] = byte;
                if &clock[6..] != b"60" {
                    assert_eq!(seconds_of(clock), at(clock), "{clock:?}");
                }
            }
        }
        assert_eq!(seconds_of(*b"10:00:60"), None);
    }
}
