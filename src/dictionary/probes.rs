//! Sorts impressions into probes, by customer and cutoff.
//!
//! **In / Out**: [`Impressions`] as read → [`Probes`]: an order over them, and the customers.
//! **Invariants**: the order is total (customer rank, cutoff, ranking, contents), so nothing
//! downstream depends on the order of the input. A probe is a `u32` into that order; a row is a
//! `u32` into the impressions as read.
//! **Cost**: one comparison sort of the impressions; nothing is copied.

use std::cmp::Ordering;
use std::ops::Range;

use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::dictionary::keys::Keys;
use crate::ids::{Day, Item, Key, Micros, count32, count64, index};
use crate::job::{CustomerType, Shard};
use crate::kernel::column::{Customer, Impressions};
use crate::kernel::hash::hash_of;

/// The probes: the moments at which a model would have been asked, in the order of the output.
#[derive(Debug)]
pub(crate) struct Probes<I> {
    /// The impressions as read.
    pub(crate) impressions: Impressions<I>,
    pub(crate) keys: Keys,
    /// The row of each probe.
    pub(crate) rows: Vec<u32>,
    /// The start of each customer's probes; one more than there are customers.
    starts: Vec<u32>,
    /// Cutoffs, probe by probe.
    pub(crate) cutoffs: Vec<Micros>,
    /// Starts of the lookback, probe by probe. Within a customer they ascend, except that when clocks
    /// go back, a later cutoff may have an earlier one.
    pub(crate) lookback_starts: Vec<Micros>,
    /// The time range of each customer's probes.
    spans: Vec<KeySpan>,
    /// The time range of all impressions, also of those of other shards: which files are opened, and so
    /// what is counted of them, must not depend on the shard. `None` if there are no impressions.
    pub(crate) asked: Option<KeySpan>,
}

/// Customers that a thread counts at a time, at least.
const PIECE: usize = 1 << 12;

/// The time range of one customer's probes. One struct, so that the scan loop touches one cache line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeySpan {
    pub(crate) first_cutoff: Micros,
    pub(crate) last_cutoff: Micros,
    /// The earliest start of a lookback.
    pub(crate) lookback_min: Micros,
    /// The latest start of a lookback.
    pub(crate) lookback_max: Micros,
}

/// The time range of some impressions.
fn span_of<I>(impressions: &Impressions<I>) -> Option<KeySpan> {
    let cutoffs = || impressions.cutoffs.iter().copied();
    let lookbacks = || impressions.lookback_starts.iter().copied();
    Some(KeySpan {
        first_cutoff: cutoffs().min()?,
        last_cutoff: cutoffs().max()?,
        lookback_min: lookbacks().min()?,
        lookback_max: lookbacks().max()?,
    })
}

impl<I: Item> Probes<I> {
    /// The type of the ids of customers.
    pub(crate) fn customer_type(&self) -> CustomerType {
        if self.impressions.has_text_ids() {
            CustomerType::String
        } else {
            CustomerType::Int64
        }
    }

    /// Sorts the impressions of a job into probes; of a shard only its own.
    pub(crate) fn of_job(impressions: Impressions<I>, shard: Option<Shard>) -> Probes<I> {
        match shard {
            None => Probes::new(impressions),
            Some(shard) => Probes::of_shard(&impressions, shard),
        }
    }

    /// Sorts those impressions into probes whose customers are of a shard; those of guests are of the first.
    fn of_shard(impressions: &Impressions<I>, shard: Shard) -> Probes<I> {
        let is_own = |customer: Customer<'_>| match customer {
            Customer::Guest => shard.number == 0,
            _ => shard.has(hash_of(customer)),
        };
        Probes {
            asked: span_of(impressions),
            ..Probes::new(impressions.only(is_own))
        }
    }

    /// Sorts impressions into probes.
    pub(crate) fn new(impressions: Impressions<I>) -> Probes<I> {
        let (keys, ranks) = Keys::new(&impressions);
        let mut rows: Vec<u32> = (0..count32(impressions.count())).collect();
        // Unstable is safe: the comparison reads every column that reaches the output, so rows that
        // compare equal may be swapped without changing a byte. A column that is added must be
        // added there.
        rows.par_sort_unstable_by(|a, b| {
            let by_key = ranks[index(*a)].cmp(&ranks[index(*b)]);
            by_key.then_with(|| impressions.compare(*a, *b))
        });
        let mut starts = vec![0; index(keys.count()) + 1];
        for rank in &ranks {
            starts[index(rank.0) + 1] += 1;
        }
        for key in 1..starts.len() {
            starts[key] += starts[key - 1];
        }
        let of_rows = |column: &[Micros]| -> Vec<Micros> {
            rows.par_iter().map(|row| column[index(*row)]).collect()
        };
        let cutoffs = of_rows(&impressions.cutoffs);
        let lookback_starts = of_rows(&impressions.lookback_starts);
        let span = |bounds: &[u32]| {
            let probes = index(bounds[0])..index(bounds[1]);
            let lookbacks = || lookback_starts[probes.clone()].iter().copied();
            KeySpan {
                first_cutoff: cutoffs[probes.start],
                // Cutoffs ascend within a customer. Lookback starts do not where clocks go back, so
                // all of them are looked at.
                last_cutoff: cutoffs[probes.end - 1],
                lookback_min: lookbacks().min().expect("a customer has a probe"),
                lookback_max: lookbacks().max().expect("a customer has a probe"),
            }
        };
        let spans = starts.par_windows(2).map(span).collect();
        Probes {
            asked: span_of(&impressions),
            impressions,
            keys,
            rows,
            starts,
            cutoffs,
            lookback_starts,
            spans,
        }
    }

    /// The time range of a customer's probes.
    #[inline]
    pub(crate) fn span(&self, key: Key) -> KeySpan {
        self.spans[index(key.0)]
    }

    /// Bytes of memory that the probes take, without the impressions.
    pub(crate) fn bytes(&self) -> u64 {
        let per_probe = size_of::<(u32, Micros, Micros)>();
        let per_key = size_of::<(u32, KeySpan)>();
        let probes = self.rows.len() * per_probe + self.spans.len() * per_key;
        count64(probes) + self.keys.bytes()
    }

    /// The time range of all probes.
    pub(crate) fn everyone(&self) -> KeySpan {
        // Without a probe nothing is out of range.
        span_of(&self.impressions).unwrap_or(KeySpan {
            first_cutoff: Micros::MIN,
            last_cutoff: Micros::MAX,
            lookback_min: Micros::MIN,
            lookback_max: Micros::MAX,
        })
    }

    /// The probes of a range of customers.
    pub(crate) fn of_keys(&self, keys: Range<u32>) -> Range<usize> {
        index(self.starts[index(keys.start)])..index(self.starts[index(keys.end)])
    }

    /// The probes of one customer; never empty.
    #[inline]
    pub(crate) fn of_key(&self, key: Key) -> Range<usize> {
        index(self.starts[index(key.0)])..index(self.starts[index(key.0) + 1])
    }

    /// The probes of each of some days, in the order of the output.
    ///
    /// # Panics
    /// If `days`, which ascend, lack the day of an impression.
    pub(crate) fn of_days(&self, days: &[Day]) -> Vec<Vec<u32>> {
        let mut probes = vec![Vec::new(); days.len()];
        for (probe, row) in self.rows.iter().enumerate() {
            let day = self.impressions.days[index(*row)];
            probes[days.binary_search(&day).expect("days has every day")].push(count32(probe));
        }
        probes
    }

    /// The number of duplicate impressions, by day.
    pub(crate) fn duplicates_count(&self, days: &[Day]) -> Vec<u64> {
        // Neighbours are enough: impressions of a customer that are equal in all columns are adjacent.
        let count = |mut counts: Vec<u64>, bounds: &[u32]| {
            let of_one = &self.rows[index(bounds[0])..index(bounds[1])];
            for pair in of_one.windows(2) {
                if self.impressions.compare(pair[0], pair[1]) == Ordering::Equal {
                    let day = self.impressions.days[index(pair[1])];
                    counts[days.binary_search(&day).expect("days has every day")] += 1;
                }
            }
            counts
        };
        let none = || vec![0; days.len()];
        let customers = self.starts.par_windows(2).with_min_len(PIECE);
        customers.fold(none, count).reduce(none, |mut all, more| {
            all.iter_mut().zip(more).for_each(|(sum, one)| *sum += one);
            all
        })
    }
}
