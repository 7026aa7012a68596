//! The customers of the probes: ids to dense ranks in hash order.
//!
//! **In / Out**: the customers of all impressions → [`Keys`], which maps an id to its [`Key`], or to
//! nothing if no impression has it. That lookup is the semi-join of the scan loop.
//! **Invariants**: ranks follow (hash, id), so a range of ranks is a partition by hash, and the
//! order of the output is the order of ranks.
//! **Why so**: the hash is part of the file contract: XXH64, seed 42, as Spark's `xxhash64`, of
//! the 8 little-endian bytes of an integer or the UTF-8 bytes of a text; a null hashes to 42.

use hashbrown::HashTable;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use crate::ids::{Item, Key, count32, count64, index};
use crate::kernel::column::{Customer, Impressions};
use crate::kernel::hash::{hash_of, spread};

/// A map from ids of customers to ranks.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Integer ids with their ranks.
    ints: IntKeys,
    /// Ranks of text ids.
    texts: HashTable<Key>,
    /// Text ids by rank; empty if ids are integers.
    text_ids: Vec<Box<str>>,
    /// The number of customers.
    count: u32,
    /// The rank of guests, if they are rows too.
    guest: Option<Key>,
}

/// Ranks of integer ids. Every row of every log is looked up here, so a lookup must cost little more
/// than one cache miss.
#[derive(Debug)]
enum IntKeys {
    /// An array indexed by id, from the lowest on, for ids that are close together, as most are.
    // A bitmap with ranks beside it would take a tenth of the memory, but measured 60 ns a lookup
    // instead of 25: it waits for memory twice.
    Dense {
        /// The lowest id.
        first: i64,
        /// Ranks; [`NOBODY`] for an id that no customer has.
        ranks: Vec<Key>,
    },
    /// A hash table. Its hash is not that of the file contract, which costs ten times as much.
    Sparse(HashTable<(i64, Key)>),
}

/// No rank; there are less than 2^32 customers.
pub(crate) const NOBODY: Key = Key(u32::MAX);
/// The most places per customer of a dense array: 64 bytes.
const PLACES_PER_ID: u64 = 16;

impl IntKeys {
    /// A table of ids with their ranks.
    fn new(ids: Vec<(i64, Key)>) -> IntKeys {
        let bounds = ids.iter().map(|(id, _)| *id);
        let (Some(first), Some(last)) = (bounds.clone().min(), bounds.max()) else {
            return IntKeys::Sparse(HashTable::new());
        };
        // The difference of two `i64` may not fit an `i64`, and the number of places not even a
        // `u64`.
        let places = last.abs_diff(first).saturating_add(1);
        if places > count64(ids.len()).saturating_mul(PLACES_PER_ID) {
            let mut table = HashTable::with_capacity(ids.len());
            for (id, key) in ids {
                table.insert_unique(spread(id), (id, key), |(id, _)| spread(*id));
            }
            return IntKeys::Sparse(table);
        }
        let places = usize::try_from(places).expect("a few times the ids in memory");
        let mut ranks = vec![NOBODY; places];
        for (id, key) in ids {
            ranks[place(first, id)] = key;
        }
        IntKeys::Dense { first, ranks }
    }

    /// The rank of an id, or [`NOBODY`].
    #[inline]
    fn find(&self, id: i64) -> Key {
        match self {
            IntKeys::Dense { first, ranks } => {
                // Many ids of a log belong to no customer. `get` covers those outside the range
                // with the check that an index needs anyway.
                let place = place(*first, id);
                ranks.get(place).copied().unwrap_or(NOBODY)
            }
            IntKeys::Sparse(table) => {
                let found = table.find(spread(id), |entry| entry.0 == id);
                found.map_or(NOBODY, |entry| entry.1)
            }
        }
    }
}

/// Keeps the ranks that are of somebody, with their indices.
///
/// Without a branch: one on a loaded value would stall on every cache miss.
pub(crate) fn keep_found(ranks: impl ExactSizeIterator<Item = Key>, found: &mut Vec<(u32, Key)>) {
    found.clear();
    found.resize(ranks.len(), (0, NOBODY));
    let mut kept = 0;
    for (place, key) in (0..).zip(ranks) {
        // Written whether it is kept or not: an entry that is not kept is overwritten by the next.
        found[kept] = (place, key);
        kept += usize::from(key != NOBODY);
    }
    found.truncate(kept);
}

/// The index of an id in a dense array. Ids below the first wrap to an index beyond any array.
#[inline]
fn place(first: i64, id: i64) -> usize {
    usize::try_from(id.wrapping_sub(first).cast_unsigned()).unwrap_or(usize::MAX)
}

impl Keys {
    /// Ranks all customers of `impressions`; also gives the rank of each row's customer.
    pub(crate) fn new<I: Item>(impressions: &Impressions<I>) -> (Keys, Vec<Key>) {
        let rows_count = count32(impressions.count());
        let rows = (0..rows_count).into_par_iter();
        let mut order: Vec<(u64, u32)> = rows
            .map(|row| (hash_of(impressions.customer(row)), row))
            .collect();
        let by_hash_then_id = |a: &(u64, u32), b: &(u64, u32)| {
            let id = |row| impressions.customer(row);
            a.0.cmp(&b.0).then_with(|| id(a.1).cmp(&id(b.1)))
        };
        // Unstable is safe: entries that compare equal have the same id, and so get the same rank.
        // Two ids with one hash are told apart by the id, never by the order of the input.
        order.par_sort_unstable_by(by_hash_then_id);
        let mut keys = Keys::empty();
        let mut ranks = vec![Key(0); index(rows_count)];
        let mut last = None;
        let mut ints = Vec::new();
        for (hash, row) in order {
            let customer = impressions.customer(row);
            if last != Some(customer) {
                keys.add(hash, customer, &mut ints);
                last = Some(customer);
            }
            // The first row has added a customer, so the count is above 0.
            ranks[index(row)] = Key(keys.count - 1);
        }
        keys.ints = IntKeys::new(ints);
        (keys, ranks)
    }

    /// A map of distinct ids, which are given in hash order.
    ///
    /// # Panics
    /// If they are not in hash order.
    pub(crate) fn in_order<'a>(ids: impl Iterator<Item = Customer<'a>>) -> Keys {
        let (mut keys, mut ints, mut last) = (Keys::empty(), Vec::new(), 0);
        for id in ids {
            let hash = hash_of(id);
            assert!(hash >= last, "ranks follow hashes");
            last = hash;
            keys.add(hash, id, &mut ints);
        }
        keys.ints = IntKeys::new(ints);
        keys
    }

    /// A table without customers.
    fn empty() -> Keys {
        Keys {
            ints: IntKeys::Sparse(HashTable::new()),
            texts: HashTable::new(),
            text_ids: Vec::new(),
            count: 0,
            guest: None,
        }
    }

    /// Adds a new customer with the next rank; integer ids only to `ints`.
    fn add(&mut self, hash: u64, customer: Customer<'_>, ints: &mut Vec<(i64, Key)>) {
        let key = Key(self.count);
        self.count += 1;
        match customer {
            Customer::Guest => self.guest = Some(key),
            Customer::Int(id) => ints.push((id, key)),
            Customer::Text(id) => {
                // Every rank has a text, so that ranks index the texts; that of a guest is empty.
                self.text_ids.resize(index(key.0), Box::default());
                self.text_ids.push(id.into());
                let ids = &self.text_ids;
                // The table keeps no hashes: it asks for them only when it grows, and the texts are
                // here.
                let hash_again = |key: &Key| hash_of(Customer::Text(&ids[index(key.0)]));
                self.texts.insert_unique(hash, key, hash_again);
            }
        }
    }

    /// Bytes of memory that the map takes.
    pub(crate) fn bytes(&self) -> u64 {
        let ints = match &self.ints {
            IntKeys::Dense { ranks, .. } => ranks.capacity() * size_of::<Key>(),
            IntKeys::Sparse(table) => table.allocation_size(),
        };
        let texts = self.text_ids.iter().map(|id| size_of_val(id) + id.len());
        count64(ints + self.texts.allocation_size() + texts.sum::<usize>())
    }

    /// The number of customers.
    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    /// The rank of guests, if they are rows too.
    pub(crate) fn guest(&self) -> Option<Key> {
        self.guest
    }

    /// The rank of an integer id, if some impression has it.
    #[inline]
    pub(crate) fn of_int(&self, id: i64) -> Option<Key> {
        Some(self.ints.find(id)).filter(|key| *key != NOBODY)
    }

    /// Finds the ids that some impression has: their indices, and their ranks.
    pub(crate) fn find_all(
        &self,
        ids: impl ExactSizeIterator<Item = i64>,
        found: &mut Vec<(u32, Key)>,
    ) {
        keep_found(ids.map(|id| self.ints.find(id)), found);
    }

    /// The rank of a text id, if some impression has it.
    #[inline]
    pub(crate) fn of_text(&self, id: &str) -> Option<Key> {
        self.find_text(id).ok()
    }

    /// All text ids.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.text_ids.iter().map(|id| id.as_bytes())
    }

    /// The rank of a text id, or its hash if no impression has it.
    #[inline]
    pub(crate) fn find_text(&self, id: &str) -> Result<Key, u64> {
        let same = |key: &Key| *self.text_ids[index(key.0)] == *id;
        let hash = hash_of(Customer::Text(id));
        self.texts.find(hash, same).copied().ok_or(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Day, Micros};
    use crate::kernel::column::Impression;
    use crate::kernel::passthrough::PassthroughRow;

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
                passthrough: &PassthroughRow::default(),
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
        let (keys, ranks) = Keys::new(&impressions(&rows, false));
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
    fn ids_that_lie_close_together_are_found_as_those_that_do_not() {
        for step in [1, 3, 1 << 40] {
            for start in [0, -50, i64::MIN, i64::MAX - 99 * step] {
                let ids: Vec<i64> = (0..100).map(|n| start + n * step).collect();
                let rows: Vec<Customer<'_>> = ids.iter().map(|id| Customer::Int(*id)).collect();
                let (keys, ranks) = Keys::new(&impressions(&rows, false));
                assert_eq!(matches!(keys.ints, IntKeys::Dense { .. }), step <= 3);
                for (id, rank) in ids.iter().zip(ranks) {
                    assert_eq!(keys.of_int(*id), Some(rank));
                }
                let mut found = Vec::new();
                keys.find_all([ids[7], 77, ids[8]].into_iter(), &mut found);
                assert!(found.contains(&(0, keys.of_int(ids[7]).expect("an id"))));
                assert_eq!(found.len(), if ids.contains(&77) { 3 } else { 2 });
                for other in [start.wrapping_sub(1), ids[99].wrapping_add(1), 77, -77] {
                    assert_eq!(keys.of_int(other).is_some(), ids.contains(&other));
                }
            }
        }
    }

    #[test]
    fn a_guest_among_texts_has_a_rank_of_its_own() {
        let rows = [
            Customer::Text("b"),
            Customer::Guest,
            Customer::Text(""),
            Customer::Guest,
        ];
        let (keys, ranks) = Keys::new(&impressions(&rows, true));
        assert_eq!(keys.count(), 3);
        assert_eq!(ranks[1], ranks[3]);
        assert_eq!(keys.guest, Some(ranks[1]));
        assert_eq!(keys.of_text("b"), Some(ranks[0]));
        assert_eq!(keys.of_text(""), Some(ranks[2]));
        assert_eq!(keys.of_text("c"), None);
    }
}
