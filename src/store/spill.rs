//! Spills chunks that do not fit in memory to an unnamed file.
//!
//! **In / Out**: [`Chunk`]s of a thread → a file, and back, partition by partition. The highest
//! partitions are spilled first: they are needed last.
//! **Invariants**: the file has no name, or loses it as soon as it is open, so that nothing is left
//! behind, however the run ends. Spilling changes no byte of the output.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use twox_hash::XxHash64;

use crate::context::RunContext;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::hit;
use crate::ids::{Key, count64};
use crate::kernel::chunk::Chunk;
use crate::kernel::partition::{PartitionWriter, Split};
use crate::store::nameless::nameless;

/// The share of its quota that a thread keeps when it spills. An eighth is written at a time, so that
/// writes are large.
const KEPT_SHARE: (u64, u64) = (7, 8);

/// The memory quota of a thread, and the spill file for the rest.
#[derive(Debug)]
pub(crate) struct Spill {
    /// The folder of the file.
    folder: PathBuf,
    /// Bytes of chunks that the thread may have in memory.
    quota: u64,
    /// The file, once something was spilled.
    file: Option<File>,
    /// Bytes of the file.
    end: u64,
    /// The chunks in the file, in the order of writing.
    extents: Vec<Extent>,
    /// Scratch: a chunk as bytes.
    buffer: Vec<u8>,
}

/// A chunk in the file.
#[derive(Clone, Copy, Debug)]
struct Extent {
    partition: usize,
    start: u64,
    bytes: usize,
    rows: usize,
    /// XXH64 of its bytes, seed 0, to detect corruption.
    checksum: u64,
}

impl Spill {
    /// Nothing spilled yet. The thread may have `quota` bytes in memory; the file will be in `folder`.
    pub(crate) fn new(folder: &Path, quota: u64) -> Spill {
        Spill {
            folder: folder.to_owned(),
            quota,
            file: None,
            end: 0,
            extents: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// Nothing spilled yet, with the same folder and quota.
    pub(crate) fn next(&self) -> Spill {
        Spill::new(&self.folder, self.quota)
    }

    /// Halves the quota, for a thread that writes two lists of partitions.
    pub(crate) fn halve(&mut self) {
        self.quota /= 2;
    }

    /// Lowers the quota by memory that the thread uses otherwise.
    pub(crate) fn lower(&mut self, bytes: u64) {
        // At 0 every full chunk is spilled; only the memory limit ends the run.
        self.quota = self.quota.saturating_sub(bytes);
    }

    /// Spills chunks of the highest partitions, if the thread exceeds its quota.
    ///
    /// # Errors
    /// If the file cannot be created or written.
    pub(crate) fn spill_over_quota<C: Chunk>(
        &mut self,
        scatter: &mut PartitionWriter<C>,
        context: &RunContext,
    ) -> Result<()> {
        if scatter.bytes() > self.quota {
            self.spill(scatter, context)?;
        }
        Ok(())
    }

    /// Makes room for one more row in a partition: adds a chunk if the last is full, and spills if that
    /// exceeds the quota.
    ///
    /// # Errors
    /// If the memory limit of the job is reached, or the file cannot be created or written.
    #[inline]
    pub(crate) fn make_room<C: Chunk>(
        &mut self,
        scatter: &mut PartitionWriter<C>,
        partition: usize,
        context: &RunContext,
    ) -> Result<()> {
        if scatter.is_full(partition) {
            scatter.add_chunk(partition, context)?;
            self.spill_over_quota(scatter, context)?;
        }
        Ok(())
    }

    /// Spills chunks until the thread is down to [`KEPT_SHARE`] of its quota, or has only open chunks.
    fn spill<C: Chunk>(
        &mut self,
        scatter: &mut PartitionWriter<C>,
        context: &RunContext,
    ) -> Result<()> {
        // Divided first: without a memory limit the quota is `u64::MAX`.
        let kept = self.quota / KEPT_SHARE.1 * KEPT_SHARE.0;
        while scatter.bytes() > kept {
            // Open chunks stay, even above the quota: the next rows go into them.
            let Some((partition, chunk)) = scatter.evict() else {
                return Ok(());
            };
            self.write(partition, &chunk)?;
            // After the write: on failure the chunk is still in memory, and in the account.
            context.free_memory(chunk.bytes());
            scatter.recycle(chunk);
        }
        context.check()
    }

    /// Appends a chunk to the file.
    fn write<C: Chunk>(&mut self, partition: usize, chunk: &C) -> Result<()> {
        self.buffer.clear();
        chunk.write(&mut self.buffer);
        let failed = |error| {
            Error::io(
                "write what memory has no room for into",
                &self.folder,
                error,
            )
        };
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(nameless(&self.folder).map_err(failed)?),
        };
        hit("spill file made");
        // `end` moves only after the write: no extent refers to bytes that were written in part.
        file.write_all_at(&self.buffer, self.end).map_err(failed)?;
        hit("spilled");
        self.extents.push(Extent {
            partition,
            start: self.end,
            bytes: self.buffer.len(),
            rows: chunk.rows_count(),
            checksum: XxHash64::oneshot(0, &self.buffer),
        });
        self.end += count64(self.buffer.len());
        Ok(())
    }

    /// Reads all chunks back and passes them to `each`, one by one. Their memory is reserved.
    ///
    /// # Errors
    /// If the file cannot be read, the memory limit of the job is reached, or `each` fails.
    pub(crate) fn drain<C: Chunk>(
        &self,
        context: &RunContext,
        mut each: impl FnMut(C) -> Result<()>,
    ) -> Result<()> {
        let mut buffer = Vec::new();
        for extent in &self.extents {
            each(self.read_one(extent, context, &mut buffer)?)?;
        }
        Ok(())
    }

    /// Reads a chunk back, and reserves its memory.
    fn read_one<C: Chunk>(
        &self,
        extent: &Extent,
        context: &RunContext,
        buffer: &mut Vec<u8>,
    ) -> Result<C> {
        buffer.resize(extent.bytes, 0);
        let file = self.file.as_ref().expect("what is spilled lies in a file");
        // By position: threads read partitions from one file at once, and would share a cursor.
        let read = file.read_exact_at(buffer, extent.start);
        read.map_err(|error| Error::io("read back from", &self.folder, error))?;
        hit("read back");
        // Most changed bytes still parse, so `Chunk::read` alone would not notice a bad disk.
        let is_it = XxHash64::oneshot(0, buffer) == extent.checksum;
        let chunk = C::read(buffer, extent.rows).filter(|_| is_it);
        let chunk = chunk.ok_or_else(damaged)?;
        context.reserve_memory(chunk.bytes())?;
        Ok(chunk)
    }

    /// Bytes that were spilled.
    pub(crate) fn bytes(&self) -> u64 {
        self.end
    }

    /// Ends writing: orders the chunks by partition, to be read.
    pub(crate) fn finish(&mut self) {
        // `read` searches by partition. The sort is stable, so chunks stay in the order of writing.
        self.extents.sort_by_key(|extent| extent.partition);
        self.buffer = Vec::new();
    }

    /// The chunks of a partition.
    fn of_partition(&self, partition: usize) -> impl Iterator<Item = &Extent> {
        let extents = &self.extents;
        let first = extents.partition_point(|extent| extent.partition < partition);
        let extents = extents[first..].iter();
        extents.take_while(move |extent| extent.partition == partition)
    }

    /// Reads the chunks of a partition, and reserves their memory.
    ///
    /// # Errors
    /// If the file cannot be read, or the memory limit of the job is reached.
    pub(crate) fn read<C: Chunk>(
        &self,
        partition: usize,
        context: &RunContext,
        to: &mut Vec<C>,
    ) -> Result<()> {
        let mut buffer = Vec::new();
        for extent in self.of_partition(partition) {
            let chunk = self.read_one(extent, context, &mut buffer)?;
            to.push(chunk);
        }
        Ok(())
    }
}

/// The rows of all partitions, in memory or spilled, in input order.
#[derive(Debug)]
pub(crate) struct Partitions<C> {
    split: Split,
    /// The chunks of each partition that are in memory, until they are taken, each with the number of
    /// its thread. Their order does not matter: `sort` has a total order.
    lists: Vec<Mutex<Vec<(usize, C)>>>,
    spills: Vec<Spill>,
}

impl<C: Chunk> Partitions<C> {
    /// Joins the partitions of all threads.
    pub(crate) fn gather(
        split: Split,
        mut scatters: Vec<PartitionWriter<C>>,
        mut spills: Vec<Spill>,
    ) -> Partitions<C> {
        spills.iter_mut().for_each(Spill::finish);
        let of_partition = |at| {
            let scatters = scatters.iter_mut().enumerate();
            let tagged = scatters.flat_map(|(thread, scatter)| {
                let chunks = scatter.take(at).into_iter();
                chunks.map(move |chunk| (thread, chunk))
            });
            tagged.collect()
        };
        let lists = (0..split.partitions_count())
            .map(of_partition)
            .map(Mutex::new);
        Partitions {
            lists: lists.collect(),
            split,
            spills,
        }
    }

    /// The same rows in fewer partitions, each the union of several of these. Nothing may be spilled.
    pub(crate) fn coarser(self, split: Split) -> Partitions<C> {
        // Extents have numbers of the old partitions.
        assert!(self.spills.iter().all(|spill| spill.bytes() == 0));
        let mut lists: Vec<Vec<(usize, C)>> = Vec::new();
        lists.resize_with(split.partitions_count(), Vec::new);
        for (at, list) in self.lists.into_iter().enumerate() {
            let first = Key(self.split.keys_of(at).start);
            let chunks = list.into_inner().unwrap_or_else(PoisonError::into_inner);
            // Partitions are powers of two of customers, so each lies wholly in one of the coarser
            // ones.
            lists[split.partition_of(first)].extend(chunks);
        }
        Partitions {
            split,
            lists: lists.into_iter().map(Mutex::new).collect(),
            spills: self.spills,
        }
    }

    /// The number of partitions.
    pub(crate) fn count(&self) -> usize {
        self.lists.len()
    }

    /// The ranges of customers of the partitions.
    pub(crate) fn split(&self) -> Split {
        self.split
    }

    /// The customers of a partition.
    pub(crate) fn keys_of(&self, partition: usize) -> Range<u32> {
        self.split.keys_of(partition)
    }

    /// Passes the chunks of a partition that are in memory, each with the number of its thread, to `at`.
    pub(crate) fn look<T>(&self, partition: usize, at: impl FnOnce(&[(usize, C)]) -> T) -> T {
        let list = self.lists[partition].lock();
        at(&list.unwrap_or_else(PoisonError::into_inner))
    }

    /// The number of rows of a partition.
    pub(crate) fn rows_of(&self, partition: usize) -> usize {
        let in_memory = self.look(partition, |chunks| {
            chunks
                .iter()
                .map(|(_, chunk)| chunk.rows_count())
                .sum::<usize>()
        });
        let spilled = self
            .spills
            .iter()
            .flat_map(|spill| spill.of_partition(partition));
        in_memory + spilled.map(|extent| extent.rows).sum::<usize>()
    }

    /// Takes the rows of a partition, once, chunk by chunk: one that was spilled is in memory only while
    /// `each` has it.
    ///
    /// # Errors
    /// If spilled chunks cannot be read back, the memory limit of the job is reached, or `each` fails.
    pub(crate) fn take_each(
        &self,
        partition: usize,
        context: &RunContext,
        mut each: impl FnMut(C) -> Result<()>,
    ) -> Result<()> {
        let list = self.lists[partition].lock();
        let chunks = std::mem::take(&mut *list.unwrap_or_else(PoisonError::into_inner));
        chunks.into_iter().try_for_each(|(_, chunk)| each(chunk))?;
        let mut buffer = Vec::new();
        for spill in &self.spills {
            for extent in spill.of_partition(partition) {
                each(spill.read_one(extent, context, &mut buffer)?)?;
            }
        }
        Ok(())
    }

    /// Takes the rows of a partition, once.
    ///
    /// # Errors
    /// If spilled chunks cannot be read back, or the memory limit of the job is reached.
    pub(crate) fn take(&self, partition: usize, context: &RunContext) -> Result<Vec<C>> {
        let tagged = self.take_tagged(partition, context)?;
        Ok(tagged.into_iter().map(|(_, chunk)| chunk).collect())
    }

    /// Takes the rows of a partition, once, with the number of the thread that read each chunk.
    ///
    /// # Errors
    /// If spilled chunks cannot be read back, or the memory limit of the job is reached.
    pub(crate) fn take_tagged(
        &self,
        partition: usize,
        context: &RunContext,
    ) -> Result<Vec<(usize, C)>> {
        let mut list = self.lists[partition]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut chunks = std::mem::take(&mut *list);
        for (thread, spill) in self.spills.iter().enumerate() {
            let mut read = Vec::new();
            spill.read(partition, context, &mut read)?;
            chunks.extend(read.into_iter().map(|chunk| (thread, chunk)));
        }
        Ok(chunks)
    }
}

/// The error of a spill file that is not what was written.
fn damaged() -> Error {
    let what = "a file for what memory has no room for changed under the run".to_owned();
    Error::from(ErrorKind::Internal { what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ActionType, Item, Key, Micros};
    use crate::kernel::attributes::AttributeKeys;
    use crate::kernel::column::EventChunk;
    use crate::kernel::event::Event;

    /// Pushes events with a quota, some numbers told of each, and checks that all come back.
    fn check<I: Item>(quota: u64, late: bool, width: usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let context = RunContext::default();
        let split = Split::new(100, 3);
        let mut scatter =
            PartitionWriter::with_chunks(split, || EventChunk::<I>::with_attributes(width, 0));
        let mut spill = Spill::new(folder.path(), quota);
        let mut expected = Vec::new();
        for n in 0..50_000_i64 {
            let key = Key(u32::try_from(n * 7 % 100).expect("small"));
            let item = I::from_wide(n + 1).expect("an id");
            let known_after = Micros(n + if late && n % 3 == 0 { 5 } else { 0 });
            let event = Event {
                time: Micros(n),
                known_after,
                kind: ActionType(u8::try_from(1 + n % 3).expect("small")),
                item,
            };
            let partition = scatter.partition_of(key);
            if scatter.is_full(partition) {
                scatter.add_chunk(partition, &context).expect("no limit");
                let relieved = spill.spill_over_quota(&mut scatter, &context);
                relieved.expect("room on the disk");
            }
            scatter.push(partition, key, event);
            if width > 0 {
                scatter.open(partition).push_attributes(&keys_of(n));
            }
            expected.push((split.partition_of(key), n, known_after.0, item.to_wide()));
        }
        assert_eq!(spill.bytes() > 0, quota < 1 << 20);
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            0
        );
        let partitions = Partitions::<EventChunk<I>>::gather(split, vec![scatter], vec![spill]);
        let mut found = Vec::new();
        for partition in 0..partitions.count() {
            for chunk in partitions.take(partition, &context).expect("chunks") {
                let mut at = 0;
                chunk.each(|row| {
                    assert_eq!(i64::from(row.kind().0), 1 + row.time.0 % 3);
                    let known = chunk.known_after(at, row.time).0;
                    let told = keys_of(row.time.0);
                    assert_eq!(chunk.keys(at)[..width], told[..width]);
                    found.push((partition, row.time.0, known, row.item.to_wide()));
                    at += 1;
                });
            }
        }
        expected.sort_unstable();
        found.sort_unstable();
        assert!(found == expected);
    }

    /// What is told of an event.
    fn keys_of(n: i64) -> AttributeKeys {
        let n = i32::try_from(n).expect("small");
        [n, -n, n % 7, i32::MIN]
    }

    #[test]
    fn what_is_spilled_comes_back_as_it_was() {
        for late in [false, true] {
            for quota in [0, 200_000, 1 << 30] {
                for width in [0, 1, 4] {
                    check::<i32>(quota, late, width);
                    check::<i64>(quota, late, width);
                }
            }
        }
    }

    #[test]
    fn what_is_spilled_is_for_nobody_else() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = nameless(folder.path()).expect("a file");
        let mode = file.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_named() {
        let context = RunContext::default();
        let mut scatter = PartitionWriter::<EventChunk<i32>>::new(Split::new(1, 0));
        let mut spill = Spill::new(Path::new("/proc/nowhere"), 0);
        let event = Event {
            time: Micros(1),
            known_after: Micros(1),
            kind: ActionType(1),
            item: 1,
        };
        let mut results = (0..100).map(|_| {
            while !scatter.is_full(0) {
                scatter.push(0, Key(0), event);
            }
            scatter.add_chunk(0, &context).expect("no limit");
            spill.spill_over_quota(&mut scatter, &context)
        });
        let error = results.find_map(Result::err).expect("no such folder");
        assert!(error.to_string().contains("/proc/nowhere"), "{error}");
        assert_eq!(error.exit_code(), 74);
    }
}
