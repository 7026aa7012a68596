//! How large the pages of a batch of rows may be together, where values vary in length.

/// The most bytes of all pages of a batch of rows but the first, where values vary in length.
const BATCH_BYTES_MAX: usize = 1 << 26;

/// The size of the pages of a batch of rows.
pub(super) struct BatchSize {
    pub(super) batch_rows: usize,
    /// Rows of the current batch so far.
    rows: usize,
    /// Bytes of its pages so far.
    bytes: usize,
}

impl BatchSize {
    /// Nothing read yet, of batches of so many rows.
    pub(super) fn new(batch_rows: usize) -> BatchSize {
        BatchSize {
            batch_rows,
            rows: 0,
            bytes: 0,
        }
    }

    /// Adds a page; returns whether the batch is within the limit. A single page always is.
    pub(super) fn add(&mut self, rows: usize, bytes: usize) -> bool {
        let is_within = self.bytes == 0 || self.bytes + bytes <= BATCH_BYTES_MAX;
        self.bytes += bytes;
        self.rows += rows;
        if self.rows >= self.batch_rows {
            self.rows %= self.batch_rows;
            self.bytes = 0;
        }
        is_within
    }
}
