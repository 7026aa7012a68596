//! What a sample took of memory, to what a run would take.
//!
//! **In / Out**: an [`Account`] → [`Memory`]. **Why so**: impressions are in memory as in a run, kept
//! rows take what their number says, and what is sorted and encoded at a time does not depend on how
//! much there is of it; so nothing but the number of kept rows is scaled.

use crate::ids::count64;

/// Of the bytes of kept rows, the share that the allocator holds on to beside them, once they are given
/// back by other threads than took them: measured 15 % of 190 MB, and 29 % of 1.8 GB.
const ALLOCATOR: u64 = 5;

/// Bytes that so many rows take from the account, in so many lists of chunks, with the room that is left
/// in these.
pub(crate) fn kept_bytes(row_bytes: u64, lists: u64, kept: u64) -> u64 {
    // The last chunk of a list is half full; chunks grow with their list, up to a bound.
    let last = (kept / lists.max(1)).clamp(32, 2048) / 2;
    (kept + last * lists) * row_bytes
}

/// What the account of a run would see, in bytes.
pub(crate) struct Account<'a> {
    /// Impressions, probes, ids: what does not go to a file.
    pub(crate) base: u64,
    /// Each kind of what is kept for sorting; of the room each has the same share.
    pub(crate) kept: &'a [u64],
    /// Sorted partitions and row groups that are on their way, as the sample had them.
    pub(crate) working: u64,
    /// The most that was known of at a time while the sample was made.
    pub(crate) sampled: u64,
    /// Room for what is kept, if there is a limit.
    pub(crate) room: Option<u64>,
}

/// What a run would need of memory, in bytes.
pub(crate) struct Memory {
    pub(crate) accounted: u64,
    /// By that of the system.
    pub(crate) resident: u64,
    /// What would not have room.
    pub(crate) spilled: u64,
}

impl Memory {
    /// What an account comes to.
    pub(crate) fn new(account: &Account<'_>) -> Memory {
        let kinds = count64(account.kept.len()).max(1);
        let room = account.room.map_or(u64::MAX, |room| room / kinds);
        let (mut kept, mut spilled) = (0, 0);
        for bytes in account.kept {
            kept += room.min(*bytes);
            // A thread that is full writes out an eighth, so that between 7 and 8 of 8 are used.
            spilled += match *bytes <= room {
                true => 0,
                false => bytes - room / 16 * 15,
            };
        }
        let accounted = account.base + kept + account.working;
        // What the account did not see of the sample it does not see of the run: threads, buffers
        // of readers and encoders, footers, the program itself.
        let unseen = resident_peak().saturating_sub(account.sampled);
        Memory {
            accounted,
            resident: accounted + unseen + kept / ALLOCATOR,
            spilled,
        }
    }
}

/// The most memory that the process has had, in bytes; 0 if the system does not tell.
fn resident_peak() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}
