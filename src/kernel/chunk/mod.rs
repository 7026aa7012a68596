//! Chunks: rows of one partition in input order, the unit of allocation, hand-over and spilling.
//!
//! **Invariants**: a chunk never grows beyond its initial capacity, so memory is reserved before it
//! is touched. A chunk that is written and read back is equal.
//! **Format**: for actions that are packed, a byte that says so and their bytes; for others, one byte for
//! the number of attributes and one for whether some landed late, then their columns one after the other;
//! for rows of fixed width, the rows. Little-endian, without padding. Only the process that wrote it reads it.

mod actions;
mod block;
mod frame;
pub(crate) mod ordered;
pub(crate) mod packed;

use std::fmt::Debug;

use crate::ids::count64;

/// Rows of the first chunk of a list; each following chunk has twice as many.
pub(crate) const ROWS_MIN: usize = 32;
/// Rows of a chunk, at most: large enough that the cost of an allocation is amortized.
const ROWS_MAX: usize = 2048;
/// The same of actions.
pub(crate) const ACTIONS_MAX: usize = 512;
/// The same of actions that are packed when a chunk is full, and whose memory is written to again then: the open chunks
/// of all partitions fit the second-level cache, with room for what else a scan touches.
pub(crate) const ACTIONS_MAX_PACKED: usize = 64;
/// Chunks that are packed into one piece of memory.
pub(crate) const PACKED_TOGETHER: usize = 8;

/// The capacity of the chunk that follows one with a capacity of `rows_max`; at most `most`.
// Small at first, as each thread has an open chunk in each of up to several hundred partitions.
fn rows_after(rows_max: usize, most: usize) -> usize {
    (rows_max * 2).clamp(ROWS_MIN, most)
}

/// Rows of one partition.
pub(crate) trait Chunk: Debug + Send + Sized {
    /// An empty chunk with a capacity of `rows_max`.
    fn with_room(rows_max: usize) -> Self;

    /// The number of rows.
    fn rows_count(&self) -> usize;

    /// The capacity in rows.
    fn rows_max(&self) -> usize;

    /// Bytes of memory that a row reserves.
    const ROW_BYTES: usize;

    /// Removes all rows, and keeps the capacity.
    fn clear(&mut self);

    /// Appends the rows as bytes.
    fn write(&self, to: &mut Vec<u8>);

    /// Reads `rows_count` rows from their bytes; `None` if the bytes are damaged.
    fn read(bytes: &[u8], rows_count: usize) -> Option<Self>;

    /// An empty chunk without capacity, which takes no memory.
    fn none() -> Self {
        Self::with_room(0)
    }

    /// An empty chunk without capacity, for rows like those of this one.
    fn emptied(&self) -> Self {
        Self::none()
    }

    /// An empty chunk with capacity, to follow this one in its list.
    fn next(&self) -> Self {
        Self::with_room(self.next_rows_max())
    }

    /// The capacity of that chunk.
    fn next_rows_max(&self) -> usize {
        rows_after(self.rows_max(), ROWS_MAX)
    }

    /// The rows in less memory, taken out of this chunk, which keeps its capacity; `None` if it has none, or
    /// that saves nothing. With room for `chunks` such chunks in all.
    fn packed(&mut self, _chunks: usize) -> Option<Self> {
        None
    }

    /// Moves the rows to the room that a packed chunk has left; `false` if there is none.
    fn pack_behind(&mut self, _packed: &mut Self) -> bool {
        false
    }

    /// Bytes of memory that the chunk reserves.
    fn bytes(&self) -> u64 {
        count64(self.rows_max() * Self::ROW_BYTES)
    }

    /// Bytes of these that rows take, if it is full or packed.
    fn filled_bytes(&self) -> u64 {
        self.bytes()
    }

    /// Whether the capacity is used up.
    #[inline]
    fn is_full(&self) -> bool {
        self.rows_count() == self.rows_max()
    }
}

/// A row of fixed width.
pub(crate) trait FixedRow: Copy + Debug + Send {
    /// Its bytes in a spill file.
    const WIDTH: usize;

    /// Appends its bytes.
    fn write(self, to: &mut Vec<u8>);

    /// Reads a row from [`FixedRow::WIDTH`] bytes; `None` if the bytes are damaged.
    fn read(bytes: &[u8]) -> Option<Self>;
}

/// Rows of fixed width.
#[derive(Debug)]
pub(crate) struct RowChunk<R> {
    rows: Vec<R>,
}

impl<R: FixedRow> RowChunk<R> {
    /// The rows.
    pub(crate) fn rows(&self) -> &[R] {
        &self.rows
    }

    /// Adds a row, for which there is room.
    #[inline]
    pub(crate) fn push(&mut self, row: R) {
        debug_assert!(!self.is_full());
        self.rows.push(row);
    }
}

impl<R: FixedRow> Chunk for RowChunk<R> {
    const ROW_BYTES: usize = size_of::<R>();

    fn with_room(rows_max: usize) -> RowChunk<R> {
        RowChunk {
            rows: Vec::with_capacity(rows_max),
        }
    }

    #[inline]
    fn rows_count(&self) -> usize {
        self.rows.len()
    }

    #[inline]
    fn rows_max(&self) -> usize {
        self.rows.capacity()
    }

    fn clear(&mut self) {
        self.rows.clear();
    }

    fn write(&self, to: &mut Vec<u8>) {
        self.rows.iter().for_each(|row| row.write(to));
    }

    fn read(bytes: &[u8], rows_count: usize) -> Option<RowChunk<R>> {
        let rows = bytes.chunks_exact(R::WIDTH).map(R::read);
        let rows: Vec<R> = rows.collect::<Option<_>>()?;
        (rows.len() == rows_count).then_some(RowChunk { rows })
    }
}
