//! The customers that are asked for: ids in, dense ranks in hash order out.
//!
//! **In / Out**: the customers of all impressions → [`Keys`], which turns an id into its
//! [`Key`], or nothing if nobody asks for it. That lookup is the semi-join of the scan loop.
//! **Invariants**: ranks follow (hash, id), so a range of ranks is a partition by hash, and the
//! order of the output is the order of ranks.
//! **Why so**: the hash is part of the file contract: XXH64, seed 42, as Spark's `xxhash64`, of
//! the 8 little-endian bytes of an integer or the UTF-8 bytes of a text; a null hashes to 42.

use hashbrown::HashTable;
use twox_hash::XxHash64;

use crate::column::{Customer, Impressions};
use crate::ids::{Item, Key, count32, index};

/// The seed of the contract.
const SEED: u64 = 42;

/// A table from ids of customers to ranks.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Integer ids with their ranks.
    ints: HashTable<(i64, Key)>,
    /// Ranks of text ids.
    texts: HashTable<Key>,
    /// Text ids by rank; empty if ids are integers.
    text_ids: Vec<Box<str>>,
    /// The number of customers.
    count: u32,
    /// The rank of nobody, if guests are rows too.
    guest: Option<Key>,
}

impl Keys {
    /// Ranks all customers of `impressions`; gives the ranks row by row as well.
    pub(crate) fn of<I: Item>(impressions: &Impressions<I>) -> (Keys, Vec<Key>) {
        let rows_count = count32(impressions.count());
        let mut order: Vec<(u64, u32)> = (0..rows_count)
            .map(|row| (hash_of(impressions.customer(row)), row))
            .collect();
        let by_hash_then_id = |a: &(u64, u32), b: &(u64, u32)| {
            let id = |row| impressions.customer(row);
            a.0.cmp(&b.0).then_with(|| id(a.1).cmp(&id(b.1)))
        };
        rayon::slice::ParallelSliceMut::par_sort_unstable_by(&mut order[..], by_hash_then_id);
        let mut keys = Keys::empty();
        let mut ranks = vec![Key(0); index(rows_count)];
        let mut last = None;
        for (hash, row) in order {
            let customer = impressions.customer(row);
            if last != Some(customer) {
                keys.add(hash, customer);
                last = Some(customer);
            }
            ranks[index(row)] = Key(keys.count - 1);
        }
        (keys, ranks)
    }

    /// A table without customers.
    fn empty() -> Keys {
        Keys {
            ints: HashTable::new(),
            texts: HashTable::new(),
            text_ids: Vec::new(),
            count: 0,
            guest: None,
        }
    }

    /// Adds the customer of the next rank, which is not in the table.
    fn add(&mut self, hash: u64, customer: Customer<'_>) {
        let key = Key(self.count);
        self.count += 1;
        match customer {
            Customer::Guest => self.guest = Some(key),
            Customer::Int(id) => {
                let hash_again = |entry: &(i64, Key)| hash_of(Customer::Int(entry.0));
                self.ints.insert_unique(hash, (id, key), hash_again);
            }
            Customer::Text(id) => {
                // Every rank has a text, so that ranks index the texts; a guest's is empty.
                self.text_ids.resize(index(key.0), Box::default());
                self.text_ids.push(id.into());
                let ids = &self.text_ids;
                let hash_again = |key: &Key| hash_of(Customer::Text(&ids[index(key.0)]));
                self.texts.insert_unique(hash, key, hash_again);
            }
        }
    }

    /// The number of customers.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// The rank of nobody, if guests are rows too.
    pub(crate) fn guest(&self) -> Option<Key> {
        self.guest
    }

    /// The rank of an integer id, if it is asked for.
    #[inline]
    pub(crate) fn of_int(&self, id: i64) -> Option<Key> {
        let found = self
            .ints
            .find(hash_of(Customer::Int(id)), |entry| entry.0 == id);
        found.map(|entry| entry.1)
    }

    /// The rank of a text id, if it is asked for.
    #[inline]
    pub(crate) fn of_text(&self, id: &str) -> Option<Key> {
        let same = |key: &Key| *self.text_ids[index(key.0)] == *id;
        self.texts.find(hash_of(Customer::Text(id)), same).copied()
    }
}

/// The hash of the file contract.
#[inline]
pub(crate) fn hash_of(customer: Customer<'_>) -> u64 {
    match customer {
        Customer::Guest => SEED,
        Customer::Int(id) => XxHash64::oneshot(SEED, &id.to_le_bytes()),
        Customer::Text(id) => XxHash64::oneshot(SEED, id.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Impression;
    use crate::ids::{Day, Micros};

    /// Impressions of these customers, without items.
    fn impressions(customers: &[Customer<'_>], text_ids: bool) -> Impressions<i32> {
        let mut rows = Impressions::empty(text_ids);
        for customer in customers {
            rows.push(&Impression {
                customer: *customer,
                day: Day(0),
                cutoff: Micros(0),
                lookback_start: Micros::MIN,
                ranking: "r",
                items: &[],
            });
        }
        rows
    }

    #[test]
    fn the_hash_is_sparks_xxhash64() {
        // Spark 4: SELECT xxhash64(1L), xxhash64('Spark'), xxhash64(CAST(NULL AS BIGINT)).
        assert_eq!(
            hash_of(Customer::Int(1)).cast_signed(),
            -7_001_672_635_703_045_582
        );
        assert_eq!(hash_of(Customer::Guest), 42);
    }

    #[test]
    fn ranks_follow_the_hash_and_equal_ids_share_one() {
        let ids = [5, -7, 5, i64::MAX, i64::MIN, 0];
        let rows: Vec<Customer<'_>> = ids.iter().map(|id| Customer::Int(*id)).collect();
        let (keys, ranks) = Keys::of(&impressions(&rows, false));
        assert_eq!(keys.count(), 5);
        assert_eq!(ranks[0], ranks[2]);
        for (a, b) in ids.iter().zip(&ranks) {
            assert_eq!(keys.of_int(*a), Some(*b));
            for (c, d) in ids.iter().zip(&ranks) {
                let by_hash = hash_of(Customer::Int(*a)).cmp(&hash_of(Customer::Int(*c)));
                assert_eq!(by_hash, b.cmp(d));
            }
        }
        assert_eq!(keys.of_int(6), None);
    }

    #[test]
    fn a_guest_among_texts_has_a_rank_of_its_own() {
        let rows = [
            Customer::Text("b"),
            Customer::Guest,
            Customer::Text(""),
            Customer::Guest,
        ];
        let (keys, ranks) = Keys::of(&impressions(&rows, true));
        assert_eq!(keys.count(), 3);
        assert_eq!(ranks[1], ranks[3]);
        assert_eq!(keys.guest, Some(ranks[1]));
        assert_eq!(keys.of_text("b"), Some(ranks[0]));
        assert_eq!(keys.of_text(""), Some(ranks[2]));
        assert_eq!(keys.of_text("c"), None);
    }
}
