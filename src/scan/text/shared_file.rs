//! One text file, several threads: who takes which piece, and what came of it.
//!
//! **In / Out**: a file → [`Piece`]s, each to one thread; what came of them, in order, to the
//! thread that finds all done. **Invariants**: pieces are handed out in order, so that all before
//! one at fault are read too; what is reported depends on the text alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::catalog::input::InputFile;
use crate::error::Result;
use crate::scan::bad_rows::Rejected;
use crate::scan::text::blocks::{Piece, PieceReader};
use crate::scan::text::records::{Layout, Seen, Stop};

/// A text file that several threads read.
#[derive(Debug, Default)]
pub(crate) struct Shared(Mutex<Reading>);

/// How far a file was read.
#[derive(Default)]
struct Reading {
    /// What cuts the file into pieces, while there are more.
    reader: Option<PieceReader>,
    /// Whether somebody has opened the file.
    is_opened: bool,
    /// Where the columns stand.
    layout: Arc<Layout>,
    taken_count: usize,
    /// How many are handed out at most, if not all.
    pieces_max: Option<usize>,
    /// Bytes of the file that were read for them.
    steps: u64,
    /// What came of those that are done.
    ends: Vec<PieceEnd>,
}

/// What came of one piece.
#[derive(Debug)]
pub(crate) struct PieceEnd {
    pub(crate) at: usize,
    /// What its records had.
    pub(crate) seen: Seen,
    /// Rows set aside, counted from the first of the piece.
    pub(crate) rejected: Vec<Rejected>,
    /// Why it was not read to its end, if so.
    pub(crate) stop: Option<Stop>,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} pieces taken", self.taken_count)
    }
}

impl Shared {
    /// A file of which only the first pieces are read, for a sample.
    pub(crate) fn first(pieces_max: usize) -> Shared {
        Shared(Mutex::new(Reading {
            pieces_max: Some(pieces_max),
            ..Reading::default()
        }))
    }

    /// Bytes of the file that were read, if it was opened here.
    pub(crate) fn steps_taken(&self) -> Option<u64> {
        let reading = self.lock();
        reading.is_opened.then_some(reading.steps)
    }

    /// Fills the next piece, and says which it is and where its columns stand. The first caller
    /// opens the file.
    ///
    /// # Errors
    /// If the file cannot be opened, to the first caller.
    pub(crate) fn take(
        &self,
        file: &InputFile,
        piece: &mut Piece,
        open: impl FnOnce() -> Result<(Layout, PieceReader)>,
    ) -> Result<Option<(usize, Arc<Layout>)>> {
        let mut reading = self.lock();
        if !reading.is_opened {
            reading.is_opened = true;
            let (layout, reader) = open()?;
            (reading.layout, reading.reader) = (Arc::new(layout), Some(reader));
        }
        if reading
            .pieces_max
            .is_some_and(|max| reading.taken_count >= max)
        {
            reading.reader = None;
        }
        let Some(reader) = &mut reading.reader else {
            return Ok(None);
        };
        let read = reader.next(file, piece);
        let at = reading.taken_count;
        if let Ok(true) = read {
            reading.taken_count += 1;
            reading.steps += piece.steps;
            return Ok(Some((at, Arc::clone(&reading.layout))));
        }
        reading.reader = None;
        if let Err(error) = read {
            reading.taken_count += 1;
            reading.ends.push(PieceEnd {
                at,
                seen: Seen::default(),
                rejected: Vec::new(),
                stop: Some(Stop::Error(error)),
            });
        }
        Ok(None)
    }

    /// Takes note of what came of a piece. After one that is at fault, no more are handed out.
    pub(crate) fn put(&self, end: PieceEnd) {
        let mut reading = self.lock();
        if end.stop.is_some() {
            reading.reader = None;
        }
        reading.ends.push(end);
    }

    /// What came of all pieces, in order, if all are done; only the first to ask is told.
    pub(crate) fn finish(&self) -> Option<Vec<PieceEnd>> {
        let mut reading = self.lock();
        let is_done = reading.reader.is_none() && reading.ends.len() == reading.taken_count;
        if !is_done || reading.taken_count == usize::MAX {
            return None;
        }
        // No number of pieces is that high: nobody finishes twice.
        reading.taken_count = usize::MAX;
        let mut ends = std::mem::take(&mut reading.ends);
        ends.sort_by_key(|end| end.at);
        Some(ends)
    }

    /// The state; a thread that panics leaves it whole, and fails by itself.
    fn lock(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
