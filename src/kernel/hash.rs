//! Hashes of ids: the one of the file contract, and a cheap one for hash tables in memory.

use twox_hash::XxHash64;

use crate::kernel::column::Customer;

/// The seed of the file contract.
pub(crate) const SEED: u64 = 42;

/// A hash of an id for a table in memory. A multiplication mixes into the upper half; that half is
/// folded into the lower, which the table takes the slot from.
#[inline]
pub(crate) fn spread(id: i64) -> u64 {
    let product = id.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ (product >> 32)
}

/// The hash of the file contract.
#[inline]
pub(crate) fn hash_of(customer: Customer<'_>) -> u64 {
    match customer {
        // Spark's hash of a null is its seed.
        Customer::Guest => SEED,
        Customer::Int(id) => XxHash64::oneshot(SEED, &id.to_le_bytes()),
        Customer::Text(id) => XxHash64::oneshot(SEED, id.as_bytes()),
    }
}
