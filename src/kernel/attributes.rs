//! Attributes of actions (`--with`): numbers beside the item and the type.
//!
//! **Invariants**: a number is stored as its *key*, a 32-bit integer that sorts as the number does,
//! so that sorting needs no types. An integer is its own key. −0 sorts before 0, and NaN, which has
//! one key, after all other floats.

use crate::ids::Micros;
use crate::job::{ATTRIBUTE_COLUMNS_MAX, AttributeType};

/// The keys of an action's attributes, in the order of columns; 0 in unused places.
pub(crate) type AttributeKeys = [i32; ATTRIBUTE_COLUMNS_MAX];

/// The NaN that all NaNs are stored as.
// Otherwise the payload of a NaN would decide the order of actions that are alike in all else.
const NAN_BITS: u32 = 0x7fc0_0000;

/// When the day that an action landed on ended, and which source it is from. Only set for actions
/// that a probe may ask about before that instant; [`Landed::EARLY`] for all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Landed {
    /// The first instant after that day.
    pub(crate) until: Micros,
    /// The index of the source in the job's list of sources.
    // 8 bits are enough for the 64 sources that a job may have.
    pub(crate) slot: u8,
}

impl Landed {
    /// Of an action that no probe asks about before the end of the day that it landed on.
    pub(crate) const EARLY: Landed = Landed {
        until: Micros::MIN,
        slot: 0,
    };
}

/// Attributes of the actions of a chunk, as keys, and when actions landed, if some landed late.
#[derive(Debug)]
pub(crate) struct ChunkAttributes {
    /// The number of attributes of an action.
    pub(crate) width: usize,
    /// The keys, `width` per action.
    pub(crate) keys: Vec<i32>,
    /// When actions landed, up to the last one that landed late.
    // In the chunk, so that it is spilled and sorted with its action.
    pub(crate) landed: Vec<Landed>,
}

impl ChunkAttributes {
    /// No actions, with room for `rows_max` of `width` attributes each.
    pub(crate) fn none(width: usize, rows_max: usize) -> ChunkAttributes {
        ChunkAttributes {
            width,
            keys: Vec::with_capacity(rows_max * width),
            landed: Vec::new(),
        }
    }

    /// Adds the attributes of an action.
    #[inline]
    pub(crate) fn push(&mut self, keys: &AttributeKeys) {
        self.keys.extend_from_slice(&keys[..self.width]);
    }

    /// The attributes of an action.
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
    let bits = if number.is_nan() {
        NAN_BITS
    } else {
        number.to_bits()
    };
    flip_negative(bits.cast_signed())
}

/// The key that a null is stored as.
pub(crate) fn key_of_null(kind: AttributeType) -> i32 {
    match kind {
        // Elements of the lists in the output are never null. A float has NaN to spare for a null,
        // an integer has not.
        AttributeType::Int32 => 0,
        AttributeType::Float32 => flip_negative(NAN_BITS.cast_signed()),
    }
}

/// The float of a key.
#[inline]
pub(crate) fn float_of_key(key: i32) -> f32 {
    f32::from_bits(flip_negative(key).cast_unsigned())
}

/// Bits of a float to a key, and back. The bits of negative floats sort in reverse, so they are flipped.
#[inline]
fn flip_negative(bits: i32) -> i32 {
    // The shift is arithmetic: all ones for a negative number. The sign bit itself stays, so
    // applying it twice gives the bits back.
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
