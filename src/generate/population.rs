//! Who acts, and on what: customers by activity, items by popularity and by taste.
//!
//! **In / Out**: random bits → the id of a customer, or of an item.
//! **Invariants**: customer ids are 1 to 7 times the number of customers, scattered, each
//! customer's its own; item ids are 1 to the number of items. Integers only from the
//! activities on, so every platform draws alike.
//! **Cost**: 8 bytes per customer; a draw is one look into that table, whatever its size.
//! **Why so**: an alias table, since 10^8 draws from 10^6 customers would each cost a binary
//! search of 20 steps, most of them cache misses. An id is computed rather than stored, which saves
//! another miss.
//! **Source**: Vose, "A linear algorithm for generating random numbers with a given
//! distribution", 1991.

use super::random::{Random, below, halves, happens, mix};
use crate::ids::{count32, index};

/// The stream of the population itself; the sources' streams are numbered from 0.
const STREAM: u32 = 1 << 16;
/// The spread of the activity over customers: the deviation of its logarithm.
const ACTIVITY_SIGMA: f64 = 1.2;
/// The activity of a customer at the median: large, so that rounding changes little.
const ACTIVITY_MEDIAN: f64 = 65_536.0;
/// Ids per customer: one of them is taken.
const ID_SPREAD: u64 = 7;
/// How many in a thousand actions follow the customer's own taste.
const TASTE_PER_MILLE: u32 = 350;
/// The number of quantiles of the distance from a customer's favourite item.
const DISTANCES: usize = 1 << 12;

/// The customers and items of one generated data set.
#[derive(Debug)]
pub(super) struct Population {
    /// What the ids and the bot are derived from.
    salt: u64,
    /// The alias table: a column per customer.
    columns: Vec<AliasColumn>,
    /// The number of items.
    items: u32,
    /// Quantiles of a geometric distribution with success rate 0.15.
    distances: Vec<u8>,
}

/// A column of the alias table: two customers share it.
#[derive(Clone, Copy, Debug)]
struct AliasColumn {
    /// The share of the customer with the index of the column, in parts of 2^32.
    share: u32,
    alias: u32,
}

impl Population {
    /// The population of a seed.
    pub(super) fn new(seed: u64, customers: u32, items: u32) -> Population {
        assert!(customers > 0 && items > 0);
        let mut random = Random::new(seed, STREAM, 0);
        let salt = random.next();
        let activities = (0..customers).map(|_| activity(random.normal())).collect();
        Population {
            salt,
            columns: alias_table(activities),
            items,
            distances: distances(),
        }
    }

    /// The id of a random customer: active ones are drawn more often.
    #[inline]
    pub(super) fn customer(&self, bits: u64) -> i64 {
        let (which, share) = halves(bits);
        let own = below(count32(self.columns.len()), which);
        let column = self.columns[index(own)];
        self.id_of(if share < column.share {
            own
        } else {
            column.alias
        })
    }

    /// The id of the customer that is a bot.
    pub(super) fn bot(&self) -> i64 {
        self.id_of(below(count32(self.columns.len()), halves(mix(self.salt)).0))
    }

    /// A random item: a few are popular, most are not.
    #[inline]
    pub(super) fn item(&self, bits: u32) -> i32 {
        let bits = u64::from(bits);
        // Ranks are cubes of uniform numbers, so the share of a rank falls with its power −2/3.
        let cube = (((bits * bits) >> 32) * bits) >> 32;
        self.item_at((cube * u64::from(self.items)) >> 32)
    }

    /// A random item for an action of a customer: some are near the customer's favourite item.
    #[inline]
    pub(super) fn item_for(&self, customer: i64, bits: u64) -> i32 {
        let (which, what) = halves(bits);
        if !happens(TASTE_PER_MILLE, what) {
            return self.item(which);
        }
        let distance = self.distances[index(below(count32(DISTANCES), which))];
        let favourite = customer.unsigned_abs() * 7919;
        self.item_at((favourite + u64::from(distance)) % u64::from(self.items))
    }

    /// The id of the customer with an index.
    #[inline]
    fn id_of(&self, customer: u32) -> i64 {
        let customer = u64::from(customer);
        // Each customer has a block of ids and takes one of it by hash, so no two can meet.
        let within = u64::from(halves(mix(customer ^ self.salt)).0) * ID_SPREAD;
        let id = customer * ID_SPREAD + (within >> 32) + 1;
        i64::try_from(id).expect("7 times 2^32 fits")
    }

    /// The id of an item from its rank: the popular ones are scattered. The factor is a prime
    /// above all numbers of items, so no two ranks share an id.
    #[inline]
    fn item_at(&self, rank: u64) -> i32 {
        // No overflow: ranks have 31 bits and the factor has 32.
        let id = rank * 2_654_435_761 % u64::from(self.items) + 1;
        i32::try_from(id).expect("the number of items fits")
    }
}

/// An activity from a number of the standard normal distribution, at least 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most 65536 * exp(1.2 * 6.8), above 0, and a fraction is not wanted"
)]
fn activity(normal: f64) -> u64 {
    ((ACTIVITY_SIGMA * normal).exp() * ACTIVITY_MEDIAN) as u64 + 1
}

/// The alias table of some activities.
///
/// Scaled by the number of columns (which keeps them below 2^61), activities below the mean
/// leave room in their column, and those above it fill that room.
fn alias_table(activities: Vec<u64>) -> Vec<AliasColumn> {
    let total: u64 = activities.iter().sum();
    let count = u64::from(count32(activities.len()));
    // The sums in `left` are exact, so columns that remain when one of the lists is empty are full.
    // They keep this share, just below 1, and have themselves as alias.
    let mut columns = vec![
        AliasColumn {
            share: u32::MAX,
            alias: 0
        };
        activities.len()
    ];
    let mut left = activities;
    let (mut low, mut high) = (Vec::new(), Vec::new());
    for (customer, left) in (0..).zip(left.iter_mut()) {
        columns[index(customer)].alias = customer;
        *left *= count;
        if *left < total {
            low.push(customer);
        } else {
            high.push(customer);
        }
    }
    while let (Some(receiver), Some(&donor)) = (low.pop(), high.last()) {
        let own = left[index(receiver)];
        let share = (u128::from(own) << 32) / u128::from(total);
        let share = u32::try_from(share).expect("what is below the total is no whole");
        columns[index(receiver)] = AliasColumn {
            share,
            alias: donor,
        };
        // No underflow: a donor has at least `total`.
        left[index(donor)] -= total - own;
        if left[index(donor)] < total {
            high.pop();
            low.push(donor);
        }
    }
    columns
}

/// Distances from a customer's favourite item, each as often as its share: 1 for 15 %, 2 for 15 % of the
/// rest, and so on.
fn distances() -> Vec<u8> {
    let mut distances = Vec::with_capacity(DISTANCES);
    let (mut distance, mut rest) = (0_u8, 1_u64 << 32);
    while distances.len() < DISTANCES {
        // No overflow: the last of so many quantiles is below 60.
        distance += 1;
        rest = rest * 85 / 100;
        let end = DISTANCES - index(halves(rest * u64::from(count32(DISTANCES))).0);
        distances.resize(end.max(distances.len()), distance);
    }
    distances
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_are_drawn_in_proportion_to_their_activity() {
        let columns = alias_table(vec![1, 2, 3, 4, 90]);
        let mut shares = [0.0; 5];
        for (own, column) in columns.iter().enumerate() {
            let share = (f64::from(column.share) + 1.0) / 4_294_967_296.0;
            shares[own] += share / 5.0;
            shares[index(column.alias)] += (1.0 - share) / 5.0;
        }
        for (share, activity) in shares.iter().zip([0.01, 0.02, 0.03, 0.04, 0.9]) {
            assert!((share - activity).abs() < 1e-6, "{shares:?}");
        }
    }

    #[test]
    fn ids_are_scattered_and_no_two_alike() {
        let population = Population::new(7, 1000, 1000);
        let ids: Vec<i64> = (0..1000)
            .map(|customer| population.id_of(customer))
            .collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ids.iter().all(|id| (1..=7000).contains(id)));
        assert!(ids.windows(2).any(|pair| pair[1] - pair[0] > 7));
        let mut items: Vec<i32> = (0..1000).map(|rank| population.item_at(rank)).collect();
        items.sort_unstable();
        assert_eq!(items, (1..=1000).collect::<Vec<i32>>());
    }

    #[test]
    fn the_first_distance_is_the_most_frequent_and_the_last_is_rare() {
        let distances = distances();
        let share = |value: u8| {
            let equal = distances.iter().filter(|distance| **distance == value);
            equal.count()
        };
        assert_eq!(distances.len(), DISTANCES);
        assert_eq!(share(1), 615);
        assert!(share(2) < share(1) && share(10) < share(5));
        assert!(distances.last().is_some_and(|last| (45..60).contains(last)));
    }

    #[test]
    fn one_customer_and_one_item_are_enough() {
        let population = Population::new(7, 1, 1);
        for bits in [0, 1 << 31, u64::MAX] {
            assert_eq!(population.customer(bits), population.bot());
            assert_eq!(population.item_for(population.bot(), bits), 1);
        }
    }
}
