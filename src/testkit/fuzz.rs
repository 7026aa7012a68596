//! Parts of the engine for the targets of `fuzz/`. Not part of the public interface.
//!
//! **Invariants**: nothing here checks results; a panic is a finding.

use bumpalo::Bump;

use crate::context::RunContext;
use crate::ids::{ActionType, Item, Key, Micros, index};
use crate::job::Dedup;
use crate::kernel::chunk::Chunk;
use crate::kernel::column::EventChunk;
use crate::kernel::event::Event;
use crate::kernel::op::sequences::{Histories, History, ProbeRuns};
use crate::kernel::partition::{PartitionWriter, Split};
use crate::kernel::sort::Unsorted;
use crate::store::spill::Partitions;

/// An action, for [`histories`].
#[derive(Clone, Copy, Debug)]
pub struct FuzzAction {
    /// The customer, from 0.
    pub customer: u32,
    /// The time.
    pub time: i64,
    /// The last instant at which it was not yet known; `time` if it was known at once.
    pub known_after: i64,
    /// 1 click, 2 cart, 3 order.
    pub kind: u8,
    /// The item, above 0.
    pub item: i32,
}

/// A probe, for [`histories`].
#[derive(Clone, Copy, Debug)]
pub struct FuzzProbe {
    /// The customer, from 0.
    pub customer: u32,
    /// The cutoff.
    pub cutoff: i64,
    /// The start of the lookback.
    pub lookback_start: i64,
}

/// The last `max` prior actions of each probe, newest first, as items and kinds, by way of
/// 2^`bits` partitions. Probes are in order of customer and cutoff.
///
/// # Panics
/// If a customer is not below `customers`, or an item or kind is invalid.
pub fn histories(
    actions: &[FuzzAction],
    probes: &[FuzzProbe],
    customers: u32,
    max: u32,
    bits: u8,
) -> Vec<Vec<(i32, u8)>> {
    let (context, split) = (RunContext::default(), Split::new(customers, bits));
    let mut scatter = PartitionWriter::new(split);
    for action in actions {
        let key = Key(action.customer);
        let partition = scatter.partition_of(key);
        if scatter.is_full(partition) {
            let added = scatter.add_chunk(partition, &context);
            added.expect("there is no limit");
        }
        let event = Event {
            time: Micros(action.time),
            known_after: Micros(action.known_after),
            kind: ActionType(action.kind),
            item: action.item,
        };
        scatter.push(partition, key, event);
    }
    let partitions = Partitions::<EventChunk<i32>>::gather(split, vec![scatter], Vec::new());
    let (mut found, mut scratch, mut picked) = (Vec::new(), Bump::new(), Vec::new());
    for at in 0..partitions.count() {
        let keys = partitions.keys_of(at);
        let chunks = partitions.take(at, &context).expect("there is no limit");
        let sorted = Unsorted::new(chunks).sort(index(keys.end - keys.start), &mut scratch);
        let first_probe = found.len();
        let own = probes.iter().filter(|probe| keys.contains(&probe.customer));
        let own: Vec<&FuzzProbe> = own.collect();
        let cutoffs: Vec<Micros> = own.iter().map(|probe| Micros(probe.cutoff)).collect();
        let starts = own.iter().map(|probe| Micros(probe.lookback_start));
        let starts: Vec<Micros> = starts.collect();
        let runs = ProbeRuns {
            first_probe,
            // Ends rather than counts: a key without probes has the end of the key before it.
            ends: keys
                .map(|key| own.partition_point(|probe| probe.customer <= key))
                .collect(),
            cutoffs: &cutoffs,
            lookback_starts: &starts,
        };
        let histories = Histories::new(sorted, &runs, max, Dedup::None);
        for (at, cutoff) in cutoffs.iter().enumerate() {
            let history = histories.history(first_probe + at, *cutoff, max, &mut picked);
            let places: Vec<usize> = match history {
                History::Window(window) => (index(window.start)..index(window.end)).collect(),
                History::Picked(picked) => picked.iter().map(|at| index(*at)).collect(),
            };
            let sorted = histories.sorted();
            let newest_first = places.iter().rev();
            found.push(
                newest_first
                    .map(|at| (sorted.items()[*at], sorted.kinds()[*at].0))
                    .collect(),
            );
        }
    }
    found
}

/// Reads arbitrary bytes as a spilled chunk; checks that the chunk is written as it was read.
///
/// # Panics
/// If not.
pub fn spill_block(bytes: &[u8], rows: usize) {
    /// The same for a type of items.
    fn check<I: Item>(bytes: &[u8], rows: usize) {
        if let Some(chunk) = EventChunk::<I>::read(bytes, rows) {
            let mut written = Vec::new();
            chunk.write(&mut written);
            assert_eq!(written, bytes, "a block is read as another would be");
        }
    }
    check::<i32>(bytes, rows);
    check::<i64>(bytes, rows);
}

/// A manifest of arbitrary members with its right checksum; `None` if the text is no JSON object, or is
/// empty.
pub fn sealed(text: &[u8]) -> Option<Vec<u8>> {
    let mut members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(text).ok()?;
    // `swap_remove` would change the order of the others, which is part of the text.
    members.shift_remove("xxh64");
    (!members.is_empty()).then(|| crate::manifest::sealed(&members))
}

/// Parses arbitrary bytes as a footer of Parquet, a page header, levels of lists and lengths of texts.
pub fn judge_parquet(bytes: &[u8]) {
    crate::scan::parquet::parse_untrusted(bytes);
}
