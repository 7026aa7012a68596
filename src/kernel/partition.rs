//! Partitions rows by ranges of keys.
//!
//! **In / Out**: rows in any order → a list of chunks per partition. A partition is a range of
//! ranks. Ranks of customers follow their hashes (see `keys`), so there it is a range of hashes.
//! **Invariants**: a permutation: no row is lost, doubled or changed. The partition count
//! changes no byte of the output.
//! **Cost**: one append per row. Memory is reserved a chunk at a time, of 32 rows at first and 2048 at
//! most (64 where they are packed, of which 8 go together), so that it is accounted before it is touched and small partitions
//! take little.

use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Item, Key, count32, count64, index};
use crate::kernel::chunk::{Chunk, PACKED_TOGETHER};
use crate::kernel::column::EventChunk;
use crate::kernel::event::{Event, EventRow};

/// The ranges of customers that partitions hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Split {
    /// The number of customers.
    keys_count: u32,
    /// Customers per partition, as a power of two.
    shift: u8,
}

/// The most partitions, as a power of two. "4096 partitions ought to be enough" (DuckDB).
pub(crate) const BITS_MAX: u8 = 12;
/// Actions of a partition that still fit the second-level cache: 1 to 2 MB.
// Sorting pieces that fit this cache measured 5 to 9 ns a row, one sort of all rows 51 ns.
const ROWS_WANTED: u64 = 65_536;
/// Above this, the open chunks of all threads cost more than smaller partitions win.
const BITS_WANTED_MAX: u8 = 9;

impl Split {
    /// A split of customers into at most 2^`bits` partitions; more only if a partition would hold
    /// more customers than [`EventRow::KEY_BITS`] can number.
    pub(crate) fn new(keys_count: u32, bits: u8) -> Split {
        assert!(bits <= BITS_MAX);
        let key_bits = 32 - keys_count.saturating_sub(1).leading_zeros();
        let shift = key_bits.saturating_sub(u32::from(bits));
        let shift = shift.min(u32::from(EventRow::<i32>::KEY_BITS));
        Split {
            keys_count,
            shift: u8::try_from(shift).expect("at most 24"),
        }
    }

    /// The bits for an expected number of actions.
    pub(crate) fn bits_for(rows_count: u64) -> u8 {
        let wanted = rows_count
            .div_ceil(ROWS_WANTED)
            .next_power_of_two()
            .trailing_zeros();
        u8::try_from(wanted)
            .unwrap_or(BITS_WANTED_MAX)
            .min(BITS_WANTED_MAX)
    }

    /// The number of partitions; at least 1.
    pub(crate) fn partitions_count(self) -> usize {
        index((self.keys_count.saturating_sub(1) >> self.shift) + 1)
    }

    /// The customers of a partition.
    #[inline]
    pub(crate) fn keys_of(self, partition: usize) -> std::ops::Range<u32> {
        let edge = |at: usize| {
            // 64 bits: the edge after the last partition may be 2^32.
            let key = u64::from(count32(at)) << self.shift;
            u32::try_from(key).unwrap_or(u32::MAX).min(self.keys_count)
        };
        edge(partition)..edge(partition + 1)
    }

    /// The partition of a customer.
    #[inline]
    pub(crate) fn partition_of(self, key: Key) -> usize {
        index(key.0 >> self.shift)
    }

    /// The customer's number, counted from the first customer of its partition.
    #[inline]
    fn local_key(self, key: Key) -> u32 {
        key.0 & ((1 << self.shift) - 1)
    }
}

/// The partitions of one thread: a list of chunks for each.
#[derive(Debug)]
pub(crate) struct PartitionWriter<C> {
    split: Split,
    /// The last chunk of each list, the only one with free capacity. Contiguous, so that a scan
    /// finds them in the first-level cache.
    open: Vec<C>,
    /// The chunks before it.
    full: Vec<Vec<C>>,
    /// Bytes that all chunks take.
    bytes: u64,
    /// The highest partition that may have full chunks.
    highest: usize,
    /// Empty chunks, to be reused.
    spare: Vec<C>,
}

impl<C: Chunk> PartitionWriter<C> {
    /// Empty partitions.
    pub(crate) fn new(split: Split) -> PartitionWriter<C> {
        PartitionWriter::with_chunks(split, C::none)
    }

    /// Empty partitions, whose first chunks come from `first`.
    pub(crate) fn with_chunks(split: Split, first: impl Fn() -> C) -> PartitionWriter<C> {
        let partitions = 0..split.partitions_count();
        PartitionWriter {
            split,
            open: partitions.clone().map(|_| first()).collect(),
            full: partitions.map(|_| Vec::new()).collect(),
            bytes: 0,
            highest: 0,
            spare: Vec::new(),
        }
    }

    /// Bytes that the chunks take.
    #[inline]
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Rows in all chunks.
    pub(crate) fn rows_count(&self) -> u64 {
        let chunks = self.full.iter().flatten().chain(&self.open);
        chunks.map(|chunk| count64(chunk.rows_count())).sum()
    }

    /// Bytes that the rows of full chunks take, and how many these are.
    pub(crate) fn full(&self) -> (u64, u64) {
        let chunks = self.full.iter().flatten();
        chunks.fold((0, 0), |(bytes, rows), chunk| {
            (
                bytes + chunk.filled_bytes(),
                rows + count64(chunk.rows_count()),
            )
        })
    }

    /// Takes a full chunk of the highest partition that has one.
    pub(crate) fn evict(&mut self) -> Option<(usize, C)> {
        loop {
            // Full chunks only: an open one is about to be written to.
            if let Some(chunk) = self.full[self.highest].pop() {
                self.bytes -= chunk.bytes();
                return Some((self.highest, chunk));
            }
            // Kept between calls, so that eviction does not search all partitions each time;
            // `add_chunk` raises it.
            self.highest = self.highest.checked_sub(1)?;
        }
    }

    /// Takes all chunks of a partition.
    pub(crate) fn take(&mut self, partition: usize) -> Vec<C> {
        let mut chunks = std::mem::take(&mut self.full[partition]);
        let empty = self.open[partition].emptied();
        let open = std::mem::replace(&mut self.open[partition], empty);
        chunks.extend(Some(open).filter(|chunk| chunk.rows_count() > 0));
        chunks
    }

    /// Keeps the memory of a chunk for reuse.
    pub(crate) fn recycle(&mut self, mut chunk: C) {
        // One that was packed has no room for others.
        if chunk.rows_max() == 0 {
            return;
        }
        chunk.clear();
        // Its memory has been touched already; the first touch of fresh memory is the slowest on
        // many virtual machines. It is not accounted for until it is in place again.
        self.spare.push(chunk);
    }

    /// The partition of a customer.
    #[inline]
    pub(crate) fn partition_of(&self, key: Key) -> usize {
        self.split.partition_of(key)
    }

    /// Whether a partition needs another chunk before the next row.
    #[inline]
    pub(crate) fn is_full(&self, partition: usize) -> bool {
        self.open[partition].is_full()
    }

    /// The last chunk of a partition, to append to.
    #[inline]
    pub(crate) fn open(&mut self, partition: usize) -> &mut C {
        &mut self.open[partition]
    }

    /// Appends an empty chunk to the list of a partition.
    ///
    /// # Errors
    /// If the memory limit of the job is reached.
    pub(crate) fn add_chunk(&mut self, partition: usize, context: &RunContext) -> Result<()> {
        let open = &mut self.open[partition];
        if let Some(last) = self.full[partition].last_mut()
            && open.pack_behind(last)
        {
            return Ok(());
        }
        if let Some(packed) = open.packed(PACKED_TOGETHER) {
            // After the fact, as only now it is known how much; it is a few KB.
            context.reserve_memory(packed.bytes())?;
            self.bytes += packed.bytes();
            self.push_full(partition, packed);
            return self.replace_open(partition, context);
        }
        let chunk = self.spare.pop().unwrap_or_else(|| open.next());
        // Allocated, but not touched yet: the system gives memory when it is written to, so a
        // refusal comes in time.
        context.reserve_memory(chunk.bytes())?;
        self.bytes += chunk.bytes();
        let last = std::mem::replace(open, chunk);
        // The first open chunk has no capacity, so it is full and empty at once: a partition
        // without rows takes no memory, and no check for a first row is needed.
        if last.rows_count() > 0 {
            self.push_full(partition, last);
        }
        Ok(())
    }

    /// Adds a chunk that is full to those of a partition.
    fn push_full(&mut self, partition: usize, chunk: C) {
        self.full[partition].push(chunk);
        self.highest = self.highest.max(partition);
    }

    /// Replaces the empty last chunk of a partition by one that is as large as those that follow it, unless it is.
    fn replace_open(&mut self, partition: usize, context: &RunContext) -> Result<()> {
        let open = &mut self.open[partition];
        if open.next_rows_max() == open.rows_max() {
            return Ok(());
        }
        let next = open.next();
        context.reserve_memory(next.bytes())?;
        self.bytes += next.bytes();
        self.bytes -= open.bytes();
        context.free_memory(open.bytes());
        *open = next;
        Ok(())
    }
}

impl<I: Item> PartitionWriter<EventChunk<I>> {
    /// Adds an action of a customer to its partition, which is not full.
    #[inline]
    pub(crate) fn push(&mut self, partition: usize, key: Key, event: Event<I>) {
        self.open[partition].push(self.split.local_key(key), event);
    }

    /// Adds an action of a customer to its partition; gives false if that is full.
    #[inline(always)]
    pub(crate) fn try_push(&mut self, key: Key, event: Event<I>) -> bool {
        let chunk = &mut self.open[self.split.partition_of(key)];
        let has_room = !chunk.is_full();
        if has_room {
            chunk.push(self.split.local_key(key), event);
        }
        has_room
    }

    /// The last chunk of a partition, and the first customer of the partition.
    pub(crate) fn last_chunk(&mut self, partition: usize) -> (&mut EventChunk<I>, u32) {
        let first_key = self.split.keys_of(partition).start;
        (&mut self.open[partition], first_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ActionType, Micros};

    #[test]
    fn every_customer_has_one_partition_and_a_place_in_it() {
        for keys_count in [0, 1, 2, 3, 63, 64, 65, 1000] {
            for bits in [0, 1, 5, 12] {
                let split = Split::new(keys_count, bits);
                assert!(split.partitions_count() <= 1 << bits);
                let mut seen = 0;
                for partition in 0..split.partitions_count() {
                    let keys = split.keys_of(partition);
                    for key in keys.clone() {
                        assert_eq!(split.partition_of(Key(key)), partition);
                        assert_eq!(split.local_key(Key(key)), key - keys.start);
                        seen += 1;
                    }
                }
                assert_eq!(seen, keys_count);
            }
        }
        assert_eq!(Split::new(u32::MAX, 0).partitions_count(), 256);
        assert_eq!(Split::new(u32::MAX, 12).partitions_count(), 4096);
    }

    #[test]
    fn partitioning_is_a_permutation() {
        let split = Split::new(100, 3);
        let context = RunContext::default();
        let mut scatters = [
            PartitionWriter::<EventChunk<i32>>::new(split),
            PartitionWriter::new(split),
        ];
        let rows_count: i32 = if cfg!(miri) { 2000 } else { 20_000 };
        for n in 0..rows_count {
            let key = Key(u32::try_from(n * 7 % 100).expect("below 100"));
            let time = Micros(i64::from(n));
            let event = Event {
                time,
                known_after: time,
                kind: ActionType(1),
                item: n + 1,
            };
            let scatter = &mut scatters[usize::from(n % 3 == 0)];
            let partition = scatter.partition_of(key);
            if scatter.is_full(partition) {
                scatter.add_chunk(partition, &context).expect("no limit");
            }
            scatter.push(partition, key, event);
        }
        let mut seen = Vec::new();
        for partition in 0..split.partitions_count() {
            for chunk in scatters
                .iter_mut()
                .flat_map(|scatter| scatter.take(partition))
            {
                chunk.each(|row| {
                    let key = split.keys_of(partition).start + row.local_key();
                    assert_eq!(i32::try_from(key), Ok((row.item - 1) * 7 % 100));
                    assert_eq!(row.time, Micros(i64::from(row.item) - 1));
                    seen.push(row.item);
                });
            }
        }
        seen.sort_unstable();
        assert!(seen.into_iter().eq(1..=rows_count));
    }
}
