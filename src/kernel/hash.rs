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
        Customer::Text(id) => hash_of_text(id.as_bytes()),
    }
}

/// The hash of a text, which readers have checked to be UTF-8.
#[inline]
pub(crate) fn hash_of_text(id: &[u8]) -> u64 {
    XxHash64::oneshot(SEED, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_spark() {
        let vectors = include_str!("../../testdata/xxhash64.csv");
        let (mut checked, mut told_apart) = (0, 0);
        for line in vectors
            .lines()
            .filter(|line| !line.starts_with('#'))
            .skip(1)
        {
            let (id_type, rest) = line.split_once(',').expect("a type");
            let (value, hash) = rest.rsplit_once(',').expect("a hash");
            let hash = hash.parse::<i64>().expect("a number").cast_unsigned();
            let id = || value.parse::<i64>().expect("a number");
            match id_type {
                "bigint" => assert_eq!(hash_of(Customer::Int(id())), hash, "{line}"),
                "string" => assert_eq!(hash_of(Customer::Text(value)), hash, "{line}"),
                _ => {
                    // Spark hashes four bytes of an INT, so a deal by it would be another.
                    let narrow = i32::try_from(id()).expect("an int");
                    assert_eq!(
                        XxHash64::oneshot(SEED, &narrow.to_le_bytes()),
                        hash,
                        "{line}"
                    );
                    assert_ne!(hash_of(Customer::Int(id())), hash, "{line}");
                    told_apart += 1;
                }
            }
            checked += 1;
        }
        assert_eq!((checked, told_apart), (1000, 250));
    }
}
