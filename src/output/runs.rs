//! Partitions of rows to the run of each key.

use std::ops::Range;

use bumpalo::Bump;

use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{count64, index};
use crate::kernel::chunk::{Chunk, FixedRow, RowChunk};
use crate::kernel::sort::{TimeOrdered, group, run_starts};
use crate::kernel::time_sort::group_by_time;

/// Rows of a partition, those of a key adjacent.
pub(super) struct KeyRuns<'s, R> {
    pub(super) rows: &'s mut [R],
    /// Where the run of each key starts; one more than there are keys.
    pub(super) starts: Vec<u32>,
}

impl<'s, R: FixedRow> KeyRuns<'s, R> {
    /// Groups rows by key. Frees the memory of the chunks, and reserves that of the rows, which the caller
    /// frees: [`KeyRuns::bytes`].
    ///
    /// # Errors
    /// If the memory of the job is used up.
    pub(super) fn group(
        chunks: Vec<RowChunk<R>>,
        keys: &Range<u32>,
        key_of: impl Fn(&R) -> u32,
        context: &RunContext,
        arena: &'s Bump,
    ) -> Result<KeyRuns<'s, R>> {
        let by_key = |chunks: &[RowChunk<R>], starts: &[u32]| {
            let rows = chunks.iter().flat_map(RowChunk::rows).copied();
            group(rows, |row| key_of(row) - keys.start, starts, arena)
        };
        KeyRuns::grouped(chunks, keys, &key_of, context, by_key)
    }

    /// The same with the run of each key in order.
    ///
    /// # Errors
    /// If the memory of the job is used up.
    pub(super) fn group_by_time(
        chunks: Vec<RowChunk<R>>,
        keys: &Range<u32>,
        key_of: impl Fn(&R) -> u32,
        context: &RunContext,
        arena: &'s Bump,
    ) -> Result<KeyRuns<'s, R>>
    where
        R: TimeOrdered,
    {
        let by_time = |chunks: &[RowChunk<R>], starts: &[u32]| {
            let parts = chunks.iter().map(RowChunk::rows);
            group_by_time(parts, |row| key_of(row) - keys.start, starts, arena)
        };
        KeyRuns::grouped(chunks, keys, &key_of, context, by_time)
    }

    /// Groups rows by key, by `group`, which gets the chunks and where the run of each key starts.
    fn grouped(
        chunks: Vec<RowChunk<R>>,
        keys: &Range<u32>,
        key_of: &impl Fn(&R) -> u32,
        context: &RunContext,
        group: impl FnOnce(&[RowChunk<R>], &[u32]) -> &'s mut [R],
    ) -> Result<KeyRuns<'s, R>> {
        let rows = chunks.iter().flat_map(RowChunk::rows);
        let starts = run_starts(
            rows.map(|row| key_of(row) - keys.start),
            index(keys.end - keys.start),
        );
        let rows_count = u64::from(*starts.last().expect("one more than keys"));
        // Before the chunks are freed: while rows are copied, both are in memory.
        context.reserve_memory(rows_count * count64(size_of::<R>()))?;
        let grouped = group(&chunks, &starts);
        context.free_memory(chunks.iter().map(Chunk::bytes).sum());
        drop(chunks);
        Ok(KeyRuns {
            rows: grouped,
            starts,
        })
    }

    /// The run of each key, in order.
    pub(super) fn each(&mut self) -> impl Iterator<Item = &mut [R]> {
        let mut rest = &mut *self.rows;
        self.starts.windows(2).map(move |run| {
            // Runs are split off, so that the borrows of several do not overlap.
            let rows = std::mem::take(&mut rest);
            let (run, after) = rows.split_at_mut(index(run[1] - run[0]));
            rest = after;
            run
        })
    }

    /// Bytes of memory that the rows take.
    pub(super) fn bytes(&self) -> u64 {
        count64(size_of_val(self.rows))
    }
}
