//! Scales the memory of a sample to that of a run.
//!
//! **In / Out**: an [`Account`] → [`Memory`]. **Why so**: impressions are in memory as in a run, and what
//! is sorted and encoded at a time does not depend on the size of the input. So only the bytes of
//! kept rows are scaled, by their number.

use crate::ids::count64;

/// The allocator keeps a fifth of the bytes of kept rows, in addition to them, as they are freed by other
/// threads than allocated them. Measured: 15 % of 190 MB, and 29 % of 1.8 GB.
const ALLOCATOR_SHARE: u64 = 5;

/// The accounted bytes of `kept` rows in `lists` lists of chunks, with the unused ends of chunks.
pub(crate) fn kept_bytes(row_bytes: u64, lists: u64, kept: u64) -> u64 {
    // The last chunk of a list is half full; chunks grow with their list, up to a bound.
    let last = (kept / lists.max(1)).clamp(32, 2048) / 2;
    (kept + last * lists) * row_bytes
}

/// The accounted bytes of a run, by their use.
pub(crate) struct Account<'a> {
    /// Impressions, probes and ids, which never spill.
    pub(crate) base: u64,
    /// Rows that are kept for sorting, by kind; all kinds have the same share of the room.
    pub(crate) kept: &'a [u64],
    /// Sorted partitions and row groups in work, as measured in the sample.
    pub(crate) working: u64,
    /// The peak of the account while the sample was computed.
    pub(crate) sampled: u64,
    /// Room for kept rows, if memory is limited.
    pub(crate) room: Option<u64>,
}

/// The memory of a run, in bytes.
pub(crate) struct Memory {
    pub(crate) accounted: u64,
    /// The resident memory of the process.
    pub(crate) resident: u64,
    /// Kept rows that do not fit.
    pub(crate) spilled: u64,
}

impl Memory {
    /// The memory of a run with this account.
    pub(crate) fn new(account: &Account<'_>) -> Memory {
        let kinds = count64(account.kept.len()).max(1);
        let room = account.room.map_or(u64::MAX, |room| room / kinds);
        let (mut kept, mut spilled) = (0, 0);
        for bytes in account.kept {
            kept += room.min(*bytes);
            // A full thread spills an eighth of its rows, so on average 15 of 16 parts stay in memory.
            spilled += if *bytes <= room {
                0
            } else {
                bytes - room / 16 * 15
            };
        }
        let accounted = account.base + kept + account.working;
        // What is not accounted for is the same as in the sample: threads, buffers of readers and
        // encoders, footers, the program itself.
        let unseen = resident_peak().saturating_sub(account.sampled);
        Memory {
            accounted,
            resident: accounted + unseen + kept / ALLOCATOR_SHARE,
            spilled,
        }
    }
}

/// The peak of the resident memory of the process, in bytes; 0 if the system does not report it.
fn resident_peak() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}
