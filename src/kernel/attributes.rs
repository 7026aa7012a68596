//! Numbers that columns of actions tell beside items and types.
//!
//! **Invariants**: a number is kept as its *key*, an integer of 32 bits whose order is that of
//! numbers, so that whoever sorts actions need not know what a column holds. An integer is its own
//! key. Of floats −0 comes before 0, and NaN, of which there is one, behind all others.

use crate::ids::Micros;
use crate::job::{ATTRIBUTE_COLUMNS_MAX, AttributeType};

/// The keys of an action, in the order of columns; 0 where there are fewer.
pub(crate) type AttributeKeys = [i32; ATTRIBUTE_COLUMNS_MAX];

/// The one NaN that is told.
const NAN_BITS: u32 = 0x7fc0_0000;

/// When the day that an action landed on was over, and the place of its source in the job's list: of an
/// action that somebody asks about before that; [`Landed::EARLY`] of all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Landed {
    /// The first instant after that day.
    pub(crate) until: Micros,
    /// The place of the source.
    pub(crate) slot: u8,
}

impl Landed {
    /// Of an action that nobody asks about before the day that it landed on is over.
    pub(crate) const EARLY: Landed = Landed {
        until: Micros::MIN,
        slot: 0,
    };
}

/// What is told of actions beside items and types: some numbers of each, as keys, and where those landed
/// that did so late.
#[derive(Debug)]
pub(crate) struct Told {
    /// Numbers of an action.
    pub(crate) width: usize,
    /// The numbers, action by action.
    pub(crate) keys: Vec<i32>,
    /// Where actions landed: nothing of those behind the last that did so late.
    pub(crate) landed: Vec<Landed>,
}

impl Told {
    /// Nothing, with room for so many numbers of so many actions.
    pub(crate) fn none(width: usize, rows_max: usize) -> Told {
        Told {
            width,
            keys: Vec::with_capacity(rows_max * width),
            landed: Vec::new(),
        }
    }

    /// Adds what is told of an action.
    #[inline]
    pub(crate) fn push(&mut self, keys: &AttributeKeys) {
        self.keys.extend_from_slice(&keys[..self.width]);
    }

    /// What is told of an action.
    pub(crate) fn get(&self, row: usize) -> AttributeKeys {
        let mut keys = AttributeKeys::default();
        let own = &self.keys[row * self.width..][..self.width];
        keys[..self.width].copy_from_slice(own);
        keys
    }
}

/// The key of a float.
#[inline]
pub(crate) fn key_of_float(number: f32) -> i32 {
    let bits = match number.is_nan() {
        true => NAN_BITS,
        false => number.to_bits(),
    };
    turn(bits.cast_signed())
}

/// The key that a null is told as.
pub(crate) fn key_of_null(kind: AttributeType) -> i32 {
    match kind {
        AttributeType::Int32 => 0,
        AttributeType::Float32 => turn(NAN_BITS.cast_signed()),
    }
}

/// The float of a key.
#[inline]
pub(crate) fn float_of_key(key: i32) -> f32 {
    f32::from_bits(turn(key).cast_unsigned())
}

/// Bits of a float to a key, and back: below 0 a float with more bits is a lesser one.
#[inline]
fn turn(bits: i32) -> i32 {
    bits ^ ((bits >> 31) & i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_floats_are_in_the_order_of_floats_and_come_back() {
        let rising = [
            f32::NEG_INFINITY,
            f32::MIN,
            -1.5,
            -f32::MIN_POSITIVE,
            -0.0,
            0.0,
            1e-45,
            0.1,
            f32::MAX,
            f32::INFINITY,
            f32::NAN,
        ];
        let keys = rising.map(key_of_float);
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
        for (key, number) in keys.into_iter().zip(rising) {
            assert_eq!(float_of_key(key).to_bits(), number.to_bits());
        }
        let other = f32::from_bits(0xffc0_1234);
        assert_eq!(key_of_float(other), key_of_null(AttributeType::Float32));
        assert_eq!(key_of_null(AttributeType::Int32), 0);
    }
}
