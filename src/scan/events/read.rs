//! What all threads have read of events, put together.

use super::EventState;
use crate::dictionary::Dictionary;
use crate::kernel::chunk::RowChunk;
use crate::kernel::op::dwell::FlyerEvent;
use crate::kernel::partition::PartitionWriter;
use crate::scan::bad_rows::Rejected;
use crate::scan::time_kinds::TimeKinds;
use crate::store::spill::Spill;

/// Events that are passed over, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// Those without a user.
    pub(crate) users: u64,
    /// Those that open a flyer or an item, without a flyer.
    pub(crate) flyers: u64,
    /// Those without a merchant.
    pub(crate) merchants: u64,
}

/// The events of one thread, in no order.
#[derive(Debug)]
pub(crate) struct Heap {
    pub(crate) scatter: PartitionWriter<RowChunk<FlyerEvent>>,
    pub(crate) spill: Spill,
    pub(crate) count: u64,
}

/// What all threads have read, put together.
#[derive(Debug)]
pub(crate) struct EventsRead {
    /// The events of each thread.
    pub(crate) heaps: Vec<Heap>,
    /// The users of each thread.
    pub(crate) users: Vec<Dictionary>,
    /// The flyers of each thread.
    pub(crate) flyers: Vec<Dictionary>,
    /// The merchants of each thread.
    pub(crate) merchants: Vec<Dictionary>,
    /// The names of other events of each thread.
    pub(crate) others: Vec<Dictionary>,
    /// Rows of all files.
    pub(crate) rows_read: u64,
    /// Rows whose event opens a flyer or an item.
    pub(crate) opens_count: u64,
    /// Rows whose event has a name without a role.
    pub(crate) others_count: u64,
    /// Rows whose event has a name that is passed over.
    pub(crate) ignored_count: u64,
    /// Rows that are passed over.
    pub(crate) skipped: Skipped,
    /// Rows set aside, in order.
    pub(crate) rejected: Vec<Rejected>,
    /// Wall times and instants.
    pub(crate) kinds: TimeKinds,
}

impl EventsRead {
    /// Puts together what all threads have read.
    pub(crate) fn new(states: Vec<EventState>) -> EventsRead {
        let mut read = EventsRead {
            heaps: Vec::new(),
            users: Vec::new(),
            flyers: Vec::new(),
            merchants: Vec::new(),
            others: Vec::new(),
            rows_read: 0,
            opens_count: 0,
            others_count: 0,
            ignored_count: 0,
            skipped: Skipped::default(),
            rejected: Vec::new(),
            kinds: TimeKinds::default(),
        };
        for state in states {
            read.heaps.push(Heap {
                scatter: state.scatter,
                spill: state.spill,
                count: state.rows.count,
            });
            read.users.push(state.rows.users.ids);
            read.flyers.push(state.rows.flyers.ids);
            read.merchants.push(state.rows.merchants.ids);
            read.others.push(state.rows.others);
            read.rows_read += state.table.rows_read;
            read.opens_count += state.rows.opens_count;
            read.others_count += state.rows.others_count;
            read.ignored_count += state.rows.ignored_count;
            read.skipped.add(state.rows.skipped);
            read.kinds.merge(&state.table.kinds);
            read.rejected.extend(state.table.rejected);
        }
        // Threads take tasks in no fixed order.
        read.rejected.sort_unstable();
        read
    }
}

impl Skipped {
    /// Adds those of another thread.
    fn add(&mut self, other: Skipped) {
        self.users += other.users;
        self.flyers += other.flyers;
        self.merchants += other.merchants;
    }
}
