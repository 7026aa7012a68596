//! Text files, for every source: in pieces that threads share, or as a whole on one thread.
//!
//! **In / Out**: a share of a CSV or NDJSON file → a call per piece, and once all pieces are done, the
//! number of records and the rejected rows of the file; or a whole file → a call per record.
//! **Invariants**: faults, counts and rejected rows are put together in the order of pieces, so
//! none depends on threads.

use crate::catalog::input::InputFile;
use crate::context::{RunContext, TICK_ROWS};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::Item;
use crate::job::Format;
use crate::scan::Task;
use crate::scan::bad_rows::Rejected;
use crate::scan::spec::ReadSpec;
use crate::scan::text::blocks::Piece;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::plain::OnPart;
use crate::scan::text::record::{ColumnsSeen, OnRecord, Stop};
use crate::scan::text::records::{RecordReader, open, records};
use crate::scan::text::shared_file::PieceEnd;

/// A text file that several tasks share, and the columns to look for.
#[derive(Clone, Copy)]
pub(crate) struct SharedText<'a> {
    pub(crate) file: &'a InputFile,
    pub(crate) task: &'a Task,
    pub(crate) columns: &'a [WantedColumn<'a>],
    /// Bytes of a piece, unless a record is longer.
    piece_bytes: usize,
}

/// The records of one piece. They can be read more than once.
pub(crate) struct PieceRecords<'a> {
    /// The number of the piece in its file, from 0.
    pub(crate) at: usize,
    piece: &'a Piece,
    wanted: RecordReader<'a>,
    format: Format,
}

/// What came of one piece: the rows that its reader rejected, counted from the first of the piece, and
/// why the reading stopped early, if it did.
pub(crate) type PieceRead = (Vec<Rejected>, std::result::Result<(), Stop>);

/// Reads the records of a piece, and lets `ColumnsSeen` know of each.
pub(crate) type OnPiece<'a> = &'a mut dyn FnMut(&PieceRecords<'_>, &mut ColumnsSeen) -> PieceRead;

impl PieceRecords<'_> {
    /// Calls `on_record` for each record.
    ///
    /// # Errors
    /// If `on_record` gives up, unless `seen` keeps that, or the text was cut short.
    pub(crate) fn read(
        &self,
        seen: &mut ColumnsSeen,
        on_record: OnRecord<'_>,
    ) -> std::result::Result<(), Stop> {
        let read = self.wanted.read(self.format, self.piece, seen, on_record);
        read.map(drop)
    }

    /// Calls `on_part` for the records, plain rows many at a time. Wanted are a customer, an item, a time, and then
    /// others.
    ///
    /// # Errors
    /// If `on_part` gives up, unless `seen` keeps that, or the text was cut short.
    pub(crate) fn read_rows<I: Item>(
        &self,
        seen: &mut ColumnsSeen,
        on_part: OnPart<'_, I>,
    ) -> std::result::Result<(), Stop> {
        let read = self
            .wanted
            .read_rows(self.format, self.piece, seen, on_part);
        read.map(drop)
    }

    /// Bytes of the file that were read for the piece.
    pub(crate) fn steps(&self) -> u64 {
        self.piece.steps
    }
}

impl<'a> SharedText<'a> {
    /// The text file of a task.
    pub(crate) fn new(
        spec: &ReadSpec<'_>,
        file: &'a InputFile,
        task: &'a Task,
        columns: &'a [WantedColumn<'a>],
    ) -> SharedText<'a> {
        SharedText {
            file,
            task,
            columns,
            piece_bytes: spec.text_piece_bytes,
        }
    }

    /// Whether the file is one JSON array, which is not cut into pieces.
    pub(crate) fn is_whole(&self) -> bool {
        self.task.opened.format() == Format::Json
    }

    /// Reads the whole file on this thread, and counts it as read, but for the records that `on_record`
    /// ticks; gives the number of its records.
    ///
    /// # Errors
    /// As [`records`] says.
    pub(crate) fn read_whole(&self, context: &RunContext, on_record: OnRecord<'_>) -> Result<u64> {
        let rows = self.read_uncounted(on_record)?;
        context.count_read(rows % TICK_ROWS, self.task.steps);
        Ok(rows)
    }

    /// Reads the whole file on this thread, which was counted before; gives the number of its records.
    ///
    /// # Errors
    /// As [`records`] says.
    pub(crate) fn read_uncounted(&self, on_record: OnRecord<'_>) -> Result<u64> {
        let format = self.task.opened.text_format();
        records(self.file, format, self.columns, self.piece_bytes, on_record)
    }

    /// Calls `on_piece` for each piece that no other thread takes. `piece` is scratch.
    ///
    /// # Errors
    /// If the file cannot be opened, or somebody asked for an end. Other faults are kept for
    /// [`Self::finish`].
    pub(crate) fn read_pieces(
        &self,
        context: &RunContext,
        piece: &mut Piece,
        on_piece: OnPiece<'_>,
    ) -> Result<()> {
        let format = self.task.opened.text_format();
        let shared = &self.task.shared;
        let open = || open(self.file, format, self.columns, self.piece_bytes);
        // Only `take` holds the lock; the piece is parsed without it.
        while let Some((at, layout)) = shared.take(self.file, piece, open)? {
            let records = PieceRecords {
                at,
                piece,
                wanted: RecordReader {
                    columns: self.columns,
                    layout: &layout,
                },
                format: format.0,
            };
            let mut seen = ColumnsSeen::default();
            let (rejected, read) = on_piece(&records, &mut seen);
            // A failure that `seen` keeps comes before whatever ended the reading behind it.
            shared.put(PieceEnd {
                at,
                rejected,
                stop: seen.failed.take().map(Stop::Error).or_else(|| read.err()),
                seen,
            });
            // After `put`: `finish` waits for the result of every piece that was taken.
            context.check()?;
        }
        Ok(())
    }

    /// Puts together what came of all pieces, if all are done and nobody has yet: gives the number of
    /// records, or 0, and adds the rejected rows. If a column was not found in any record before too
    /// many rows were rejected, `too_many` says which of the two is the fault.
    ///
    /// # Errors
    /// The first fault of the file, or the column that it lacks.
    pub(crate) fn finish(
        &self,
        rejected: &mut Vec<Rejected>,
        too_many: impl FnOnce(Error, ColumnsSeen) -> Error,
    ) -> Result<u64> {
        let mut before = ColumnsSeen::default();
        for end in self.task.shared.finish().into_iter().flatten() {
            for mut row in end.rejected {
                row.fault.row += before.rows;
                rejected.push(row);
            }
            let rows = before.rows;
            before.add(&end.seen);
            if let Some(stop) = end.stop {
                let error = stop.error(self.file, rows);
                // A row may be bad only because it lacks a column that no record has.
                let is_missing = before.missing(self.columns).is_some();
                return Err(match error.kind() {
                    ErrorKind::BadRow(fault) if is_missing => {
                        let row = fault.row;
                        self.read_again(row, error)
                    }
                    ErrorKind::TooManyBadRows { .. } if is_missing => too_many(error, before),
                    _ => error,
                });
            }
        }
        before.finish(self.file, self.columns)
    }

    /// The fault of a file in which a column was not found before a row failed: if the records
    /// that follow have it, it is that row, otherwise the column. One thread reads the file from
    /// the start to tell, as it is told for files that are not read in pieces.
    fn read_again(&self, failed_row: u64, error: Error) -> Error {
        let mut error = Some(error);
        // Fails where the run did, and reads on from there as one thread would have.
        let read = self.read_uncounted(&mut |record| {
            let failed = error.take_if(|_| record.row == failed_row);
            failed.map_or(Ok(()), Err)
        });
        match read {
            Err(found) => found,
            Ok(_) => error.expect("what fails at the row of the error returns it"),
        }
    }
}
