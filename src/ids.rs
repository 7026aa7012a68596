//! Newtypes for ids and units, and the only casts.
//!
//! **In / Out**: plain integers in, newtypes out, and back where a slice is indexed.
//! **Invariants**: a cast that could lose a bit is in this file, and asserts that it does not.
//! **Cost**: none; every function is a few instructions and inlined.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

/// An instant: microseconds since 1970-01-01T00:00:00Z; any `i64` is legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Micros(pub i64);

impl Micros {
    /// Before everything: the window start of a job without a lookback.
    pub const MIN: Micros = Micros(i64::MIN);
    /// After everything: no cutoff is later.
    pub const MAX: Micros = Micros(i64::MAX);
}

/// A calendar day: days since 1970-01-01, in whatever zone the context names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

/// A customer of some probe: its rank among all of these, in hash order. Dense from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub u32);

/// The type of an action: a code from 1 to 127. By default 1 is a click, 2 an add-to-cart, and 3 an
/// order; 0 is padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ActionType(pub u8);

/// An item id of either width. A trait with two implementors, against the house rule of three:
/// the alternative is 64-bit ids everywhere, which is a quarter more memory per event and
/// twice the bytes to copy into every history of the default job.
pub(crate) trait Item: Copy + Ord + Debug + Send + Sync + 'static {
    /// The padding of a history: no item has this id.
    const PADDING: Self;

    /// The id, if it is above 0 and fits this width.
    fn from_wide(id: i64) -> Option<Self>;

    /// The id, widened.
    fn to_wide(self) -> i64;
}

impl Item for i32 {
    const PADDING: i32 = 0;

    fn from_wide(id: i64) -> Option<i32> {
        i32::try_from(id).ok().filter(|id| *id > 0)
    }

    fn to_wide(self) -> i64 {
        i64::from(self)
    }
}

impl Item for i64 {
    const PADDING: i64 = 0;

    fn from_wide(id: i64) -> Option<i64> {
        (id > 0).then_some(id)
    }

    fn to_wide(self) -> i64 {
        self
    }
}

/// A stored `u32` as an index, at the moment of indexing.
#[inline]
pub(crate) fn index(at: u32) -> usize {
    const { assert!(usize::BITS >= 32) };
    at as usize
}

/// A stored `u64` as an index, at the moment of indexing.
#[inline]
pub(crate) fn index64(at: u64) -> usize {
    usize::try_from(at).expect("rows of a file are counted in 64 bits on 64-bit machines")
}

/// A length as a stored `u32`.
///
/// # Panics
/// If it is 2^32 or more; readers refuse such input before this.
#[inline]
pub(crate) fn count32(count: usize) -> u32 {
    u32::try_from(count).expect("row counts are checked against 2^32 where rows are read")
}

/// A length as 64 bits.
#[inline]
pub(crate) fn count64(count: usize) -> u64 {
    const { assert!(usize::BITS <= 64) };
    count as u64
}

/// A count as a number of 64 bits, exact below 2^53.
#[inline]
#[expect(
    clippy::cast_precision_loss,
    reason = "what is larger is rounded, once"
)]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// A number as one of 32 bits, rounded once.
#[expect(
    clippy::cast_possible_truncation,
    reason = "weights have as many digits as anybody needs"
)]
pub(crate) fn narrow(number: f64) -> f32 {
    number as f32
}

/// A number as a count: cut off; 0 if it is negative or NaN.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "such a conversion stops at the ends of what it converts to"
)]
pub(crate) fn floored(number: f64) -> u64 {
    number as u64
}

/// A number as a count: rounded; 0 if it is negative or NaN.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "such a conversion stops at the ends of what it converts to"
)]
pub(crate) fn rounded(number: f64) -> u64 {
    number.round() as u64
}

/// A length for an Arrow offset or a Parquet field.
///
/// # Panics
/// If it is 2^31 or more; batches are bounded far below.
#[inline]
pub(crate) fn offset32(count: usize) -> i32 {
    i32::try_from(count).expect("encode batches hold less than 2^31 values")
}

/// A kind code as Arrow's `int8`.
#[inline]
pub(crate) fn code8(kind: ActionType) -> i8 {
    i8::try_from(kind.0).expect("kind codes are 1 to 127")
}

/// A count that Parquet stores with a sign but that is never negative; damaged files give 0.
#[inline]
pub(crate) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// The union of two ranges, as minimum and maximum; `None` if there is neither.
pub(crate) fn both<T: Copy + Ord>(a: Option<(T, T)>, b: Option<(T, T)>) -> Option<(T, T)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_above_zero_and_fits_its_width() {
        assert_eq!(i32::from_wide(0), None);
        assert_eq!(i32::from_wide(-1), None);
        assert_eq!(i32::from_wide(i64::from(i32::MAX)), Some(i32::MAX));
        assert_eq!(i32::from_wide(i64::from(i32::MAX) + 1), None);
        assert_eq!(i64::from_wide(i64::MAX), Some(i64::MAX));
        assert_eq!(i64::from_wide(i64::MIN), None);
    }
}
