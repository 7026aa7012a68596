//! Who has enough: the state of the early stop.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::ids::{Key, Micros, index};

/// Which customers have all the actions that their histories can hold.
///
/// Counts are taken during a wave of reading and acted on between waves, so what is read does
/// not depend on a race.
#[derive(Debug)]
pub(crate) struct Enough {
    /// Actions that every probe of the customer will see, all newer than any unread one.
    counts: Vec<AtomicU32>,
    /// Whether the customer needs nothing more; set between waves.
    done: Vec<bool>,
    /// Nothing unread is newer than this; set between waves.
    floor: Micros,
}

impl Enough {
    /// Nobody has enough, and nothing counts: anything may be unread.
    pub(super) fn of(keys_count: usize, guest: Option<Key>) -> Enough {
        let counts: Vec<AtomicU32> = (0..keys_count).map(|_| AtomicU32::new(0)).collect();
        // A guest has no actions to wait for.
        if let Some(guest) = guest {
            counts[index(guest.0)].store(u32::MAX, Relaxed);
        }
        Enough {
            counts,
            done: vec![false; keys_count],
            floor: Micros::MAX,
        }
    }

    /// Whether a customer needs nothing more.
    #[inline]
    pub(super) fn is_done(&self, key: Key) -> bool {
        self.done[index(key.0)]
    }

    /// Counts an action that every probe of a customer sees, if nothing unread is as new.
    #[inline]
    pub(super) fn count(&self, key: Key, time: Micros) {
        if time > self.floor {
            self.counts[index(key.0)].fetch_add(1, Relaxed);
        }
    }

    /// Before a wave: nothing that stays unread after it is newer than `floor`.
    pub(crate) fn start_wave(&mut self, floor: Micros) {
        self.floor = floor;
    }

    /// After a wave: whether every customer has `actions_max` actions or more.
    pub(crate) fn finish_wave(&mut self, actions_max: u32) -> bool {
        for (done, count) in self.done.iter_mut().zip(&self.counts) {
            *done = count.load(Relaxed) >= actions_max;
        }
        self.done.iter().all(|done| *done)
    }
}
