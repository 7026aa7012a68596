//! The bytes of a column chunk, read ahead.
//!
//! **In / Out**: offsets in a file → headers and pages. **Cost**: a page and the header of the next one mostly come by one
//! call of the system; where they are small, many pages do. **Invariants**: memory is allocated only for bytes
//! that the chunk is said to have.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use parquet::errors::{ParquetError, Result};

use crate::ids::{count64, index64};

/// How many bytes are read for a header and what follows it.
const AHEAD_BYTES: u64 = 1 << 16;

/// The I/O error that ended reading, if one did. The decoders' error does not carry it.
pub(super) type DiskError = Arc<Mutex<Option<io::Error>>>;

/// A column chunk of an open file.
pub(super) struct ChunkBytes {
    file: Arc<File>,
    disk: DiskError,
    /// What was read last for a header.
    ahead: Vec<u8>,
    /// Where in the file that begins.
    start: u64,
}

impl ChunkBytes {
    /// A chunk of which nothing is read yet; `disk` receives an I/O error.
    pub(super) fn new(file: Arc<File>, disk: DiskError) -> ChunkBytes {
        ChunkBytes {
            file,
            disk,
            ahead: Vec::new(),
            start: 0,
        }
    }

    /// Bytes from `start` on: at least so many, or all up to the end of the chunk.
    pub(super) fn ahead(&mut self, start: u64, bytes_min: u64, end: u64) -> Result<&[u8]> {
        let wanted = start..end.min(start + bytes_min);
        let found = self.found(&wanted);
        if count64(found.len()) < wanted.end - start {
            let mut ahead = std::mem::take(&mut self.ahead);
            // After a long header.
            ahead.truncate(index64(AHEAD_BYTES));
            ahead.shrink_to(index64(AHEAD_BYTES));
            self.read_file(
                start,
                end.min(start + bytes_min.max(AHEAD_BYTES)),
                0,
                &mut ahead,
            )?;
            (self.ahead, self.start) = (ahead, start);
        }
        let found = self.found(&(start..end));
        Ok(&self.ahead[found])
    }

    /// Reads bytes in place of what is in `bytes`.
    pub(super) fn read(&self, range: &Range<u64>, bytes: &mut Vec<u8>) -> Result<()> {
        let found = &self.ahead[self.found(range)];
        self.read_file(range.start, range.end, found.len(), bytes)?;
        bytes[..found.len()].copy_from_slice(found);
        Ok(())
    }

    /// The bytes at the start of a range that were read ahead.
    fn found(&self, range: &Range<u64>) -> Range<usize> {
        let end = self.start + count64(self.ahead.len());
        if !(self.start..end).contains(&range.start) {
            return 0..0;
        }
        index64(range.start - self.start)..index64(range.end.min(end) - self.start)
    }

    /// Makes `bytes` as long as a range of the file, and reads all of it but the first `known` bytes.
    fn read_file(&self, start: u64, end: u64, known: usize, bytes: &mut Vec<u8>) -> Result<()> {
        let size = usize::try_from(end - start).unwrap_or(usize::MAX);
        // A failed allocation would otherwise end the process.
        bytes
            .try_reserve_exact(size.saturating_sub(bytes.len()))
            .map_err(|_| wrong(format!("no memory for {size} bytes of it")))?;
        bytes.resize(size, 0);
        let read = self
            .file
            .read_exact_at(&mut bytes[known..], start + count64(known));
        read.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => wrong("the file ends in the middle of it"),
            _ => {
                let text = error.to_string();
                *self.disk.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                wrong(text)
            }
        })
    }
}

/// The error of a page.
pub(super) fn wrong(what: impl Into<String>) -> ParquetError {
    ParquetError::General(what.into())
}
