//! One text file that several threads read: pieces to threads, and their results in order.
//!
//! **In / Out**: a file → [`Piece`]s, each to one thread; the results of all, in order, to the thread that
//! finds them complete. **Invariants**: pieces are taken in order, so that all pieces before a failed one
//! are read, too; what is reported depends on the text alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::catalog::input::InputFile;
use crate::error::Result;
use crate::scan::bad_rows::Rejected;
use crate::scan::text::blocks::{Piece, PieceReader};
use crate::scan::text::record::{ColumnsSeen, CsvLayout, Stop};

/// A text file that several threads read.
#[derive(Debug, Default)]
pub(crate) struct SharedFile(Mutex<ReadProgress>);

/// How far a file was read.
#[derive(Default)]
struct ReadProgress {
    /// Cuts the file into pieces; `None` before the file is opened and after the last piece.
    reader: Option<PieceReader>,
    is_opened: bool,
    layout: Arc<CsvLayout>,
    taken_count: usize,
    /// How many pieces may be taken, if not all.
    pieces_max: Option<usize>,
    /// Bytes of the file that were read.
    steps: u64,
    /// The results of finished pieces.
    ends: Vec<PieceEnd>,
}

/// The result of one piece.
#[derive(Debug)]
pub(crate) struct PieceEnd {
    /// The place of the piece in the file.
    pub(crate) at: usize,
    /// Its records.
    pub(crate) seen: ColumnsSeen,
    /// Rejected rows, counted from the first of the piece.
    pub(crate) rejected: Vec<Rejected>,
    /// Why reading ended early, if it did.
    pub(crate) stop: Option<Stop>,
}

impl std::fmt::Debug for ReadProgress {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} pieces taken", self.taken_count)
    }
}

impl SharedFile {
    /// A file of which only the first pieces are read, for a sample.
    pub(crate) fn first(pieces_max: usize) -> SharedFile {
        SharedFile(Mutex::new(ReadProgress {
            pieces_max: Some(pieces_max),
            ..ReadProgress::default()
        }))
    }

    /// Bytes of the file that were read, if it was opened.
    pub(crate) fn steps_taken(&self) -> Option<u64> {
        let progress = self.lock();
        progress.is_opened.then_some(progress.steps)
    }

    /// Fills the next piece; returns its place and the layout of its columns, or `None` if there is no
    /// more. The first caller opens the file.
    ///
    /// # Errors
    /// If the first caller cannot open the file.
    pub(crate) fn take(
        &self,
        file: &InputFile,
        piece: &mut Piece,
        open: impl FnOnce() -> Result<(CsvLayout, PieceReader)>,
    ) -> Result<Option<(usize, Arc<CsvLayout>)>> {
        let mut progress = self.lock();
        if !progress.is_opened {
            // Before the call: if it fails, other threads find no reader and go on, and only this
            // caller reports it.
            progress.is_opened = true;
            let (layout, reader) = open()?;
            (progress.layout, progress.reader) = (Arc::new(layout), Some(reader));
        }
        // As if the file ended there, so that `finish` gives the results of what was taken.
        if progress
            .pieces_max
            .is_some_and(|max| progress.taken_count >= max)
        {
            progress.reader = None;
        }
        let Some(reader) = &mut progress.reader else {
            return Ok(None);
        };
        // Under the lock, because decompression and the digest need the file in order.
        let read = reader.next(file, piece);
        let at = progress.taken_count;
        if let Ok(true) = read {
            progress.taken_count += 1;
            progress.steps += piece.steps;
            return Ok(Some((at, Arc::clone(&progress.layout))));
        }
        progress.reader = None;
        // The error is the result of a piece behind all others, so an earlier fault is reported
        // first.
        if let Err(error) = read {
            progress.taken_count += 1;
            progress.ends.push(PieceEnd {
                at,
                seen: ColumnsSeen::default(),
                rejected: Vec::new(),
                stop: Some(Stop::Error(error)),
            });
        }
        Ok(None)
    }

    /// Adds the result of a piece. After one that stopped early, no more can be taken.
    pub(crate) fn put(&self, end: PieceEnd) {
        let mut progress = self.lock();
        // Pieces that were taken before this one are finished all the same: they may hold an
        // earlier fault.
        if end.stop.is_some() {
            progress.reader = None;
        }
        progress.ends.push(end);
    }

    /// The results of all pieces, in order, once all are finished; only the first caller gets them.
    pub(crate) fn finish(&self) -> Option<Vec<PieceEnd>> {
        let mut progress = self.lock();
        let is_done = progress.reader.is_none() && progress.ends.len() == progress.taken_count;
        if !is_done || progress.taken_count == usize::MAX {
            return None;
        }
        // A count that no file reaches keeps the next caller from finishing again.
        progress.taken_count = usize::MAX;
        let mut ends = std::mem::take(&mut progress.ends);
        ends.sort_by_key(|end| end.at);
        Some(ends)
    }

    /// The progress. A thread that panics leaves it consistent, and its panic is reported elsewhere.
    fn lock(&self) -> MutexGuard<'_, ReadProgress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
