//! Who has enough: the state of the early stop.

use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};

use crate::ids::{Key, Micros, index};

/// Customers that a thread judges at a time, at least.
const PIECE: usize = 1 << 14;

/// Which customers have all the actions that their histories can hold.
///
/// Counts are taken during a wave of reading and acted on between waves, so what is read does
/// not depend on a race. Each thread has counts of its own: shared ones measured half of the scan
/// loop, on two cores, as their memory went to and fro.
#[derive(Debug)]
pub(crate) struct EarlyStop {
    /// Whether the customer needs nothing more; set between waves.
    done: Vec<bool>,
    /// Whether any customer needs nothing more.
    some_done: bool,
    /// Whether actions of customers who need nothing more are read as those of others: their items count.
    reads_all: bool,
    /// Nothing unread is newer than this; set between waves.
    floor: Micros,
}

/// What one thread has counted: actions that every probe of a customer will see, all newer than any
/// unread one.
#[derive(Debug, Default)]
pub(crate) struct CustomerCounts(Vec<u32>);

impl EarlyStop {
    /// Nobody has enough, and nothing counts: anything may be unread.
    pub(crate) fn new(keys_count: usize, guest: Option<Key>, reads_all: bool) -> EarlyStop {
        let mut done = vec![false; keys_count];
        // A guest has no actions to wait for.
        if let Some(guest) = guest {
            done[index(guest.0)] = true;
        }
        EarlyStop {
            done,
            some_done: guest.is_some(),
            reads_all,
            floor: Micros::MAX,
        }
    }

    /// Whether a customer needs nothing more.
    #[inline]
    pub(crate) fn has_enough(&self, key: Key) -> bool {
        self.some_done && self.done[index(key.0)]
    }

    /// Whether actions of a customer need not be judged.
    #[inline]
    pub(crate) fn is_done(&self, key: Key) -> bool {
        !self.reads_all && self.has_enough(key)
    }

    /// Whether actions of each of some customers need not be judged.
    pub(crate) fn find_done(&self, keys: &[(u32, Key)], done: &mut Vec<bool>) {
        done.clear();
        if self.some_done && !self.reads_all {
            done.extend(keys.iter().map(|(_, key)| self.done[index(key.0)]));
        } else {
            done.resize(keys.len(), false);
        }
    }

    /// Counts an action that every probe of a customer sees, if nothing unread is as new.
    #[inline]
    pub(crate) fn count(&self, counts: &mut CustomerCounts, key: Key, time: Micros) {
        // Strictly newer: an unread action may have the time of the floor itself.
        if time > self.floor {
            // A thread that counts nothing needs no count per customer.
            if counts.0.is_empty() {
                counts.0.resize(self.done.len(), 0);
            }
            let count = &mut counts.0[index(key.0)];
            *count = count.saturating_add(1);
        }
    }

    /// Before a wave: nothing that stays unread after it is newer than `floor`, which is
    /// [`Micros::MAX`] if nothing stays unread, so that nothing need be counted.
    pub(crate) fn start_wave(&mut self, floor: Micros) {
        self.floor = floor;
    }

    /// After a wave: whether nothing more need be read, as every customer has `actions_max` actions or more.
    pub(crate) fn finish_wave(&mut self, counts: &[&CustomerCounts], actions_max: u32) -> bool {
        let max = u64::from(actions_max);
        // Counts of earlier waves stay valid: what they count was newer than all that was unread
        // then, and so than what is unread now.
        let judge = |(key, done): (usize, &mut bool)| {
            let of_threads = counts.iter().filter_map(|counts| counts.0.get(key));
            *done = *done || of_threads.map(|count| u64::from(*count)).sum::<u64>() >= max;
            (*done, *done)
        };
        let keys = self.done.par_iter_mut().with_min_len(PIECE).enumerate();
        let both = |a: (bool, bool), b: (bool, bool)| (a.0 || b.0, a.1 && b.1);
        let (some, all) = keys.map(judge).reduce(|| (false, true), both);
        self.some_done = some;
        all && !self.reads_all
    }
}
