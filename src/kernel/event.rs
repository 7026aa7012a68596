//! Actions one by one: as they are added, and as they lie in their partition.

use crate::ids::{ActionType, Micros};

/// An action, to be added to a chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<I> {
    pub(crate) time: Micros,
    /// The last instant at which it was not yet known; `time` if it was known at once.
    pub(crate) known_after: Micros,
    pub(crate) kind: ActionType,
    pub(crate) item: I,
}

/// An action in its partition. The derived order is the total order of actions of one customer:
/// time, then kind, then item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventRow<I> {
    pub(crate) time: Micros,
    /// The kind in the upper 8 bits, below it the customer, counted from the first of the
    /// partition. Packed, so that a row of 32-bit items takes 16 bytes.
    kind_and_key: u32,
    pub(crate) item: I,
}

impl<I: Copy> EventRow<I> {
    /// Bits of the customer.
    pub(crate) const KEY_BITS: u8 = 24;

    /// A row.
    #[inline]
    pub(crate) fn new(local_key: u32, time: Micros, kind: ActionType, item: I) -> EventRow<I> {
        // Holds, as `Split` never makes partitions with more customers. A larger key would silently
        // change the kind.
        debug_assert!(local_key < 1 << Self::KEY_BITS);
        EventRow {
            time,
            kind_and_key: u32::from(kind.0) << Self::KEY_BITS | local_key,
            item,
        }
    }

    /// The row of [`EventRow::kind_and_key`].
    pub(crate) fn from_parts(time: Micros, kind_and_key: u32, item: I) -> EventRow<I> {
        EventRow {
            time,
            kind_and_key,
            item,
        }
    }

    /// The kind and the customer, packed.
    pub(crate) fn kind_and_key(&self) -> u32 {
        self.kind_and_key
    }

    /// The customer, counted from the first of the partition.
    #[inline]
    pub(crate) fn local_key(&self) -> u32 {
        self.kind_and_key & ((1 << Self::KEY_BITS) - 1)
    }

    /// The kind of the action.
    #[inline]
    pub(crate) fn kind(&self) -> ActionType {
        let [.., kind] = self.kind_and_key.to_le_bytes();
        ActionType(kind)
    }
}
