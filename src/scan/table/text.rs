//! Text to batches: a batch is a piece of CSV or NDJSON, or one record of a JSON array.
//!
//! **Invariants**: faults, counts and rejected rows are put together in the order of pieces, so
//! none depends on threads. What a bad record held is found by reading its piece once more, which
//! is rare, so that no text of good records need be kept.

use super::{Cells, ColumnType, EPOCH, Fault, OnBatch, Origin, Presence, TableScan, TableState};
use crate::calendar::WallClock;
use crate::catalog::input::InputFile;
use crate::context::TICK_ROWS;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{count32, count64};
use crate::job::{CustomerType, Format};
use crate::kernel::column::Customer;
use crate::scan::Task;
use crate::scan::bad_rows::RowAt;
use crate::scan::mismatch::Mismatch;
use crate::scan::text::blocks::Piece;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::{Clock, Field};
use crate::scan::text::record::{ColumnsSeen, Stop, TextRecord};
use crate::scan::text::records::{RecordReader, open, records};
use crate::scan::text::shared_file::PieceEnd;
use crate::scan::text::times::{WrittenTime, parse_local};

/// How the times of a file are read.
struct Clocks<'z> {
    /// The zone of wall times and the unit of integers.
    clock: Clock<'z>,
    /// The same zone, for wall times nearly in order.
    wall: WallClock<'z>,
}

impl TableScan<'_> {
    /// The columns to look for.
    fn text_columns(&self) -> Vec<WantedColumn<'_>> {
        let columns = self.columns.iter();
        columns
            .map(|column| WantedColumn::new(column.name, column.presence != Presence::Optional))
            .collect()
    }

    /// Reads a share of a text file.
    pub(super) fn read_text(
        &self,
        file: &InputFile,
        task: &Task,
        state: &mut TableState,
        on_batch: OnBatch<'_>,
    ) -> Result<()> {
        let columns = self.text_columns();
        let format = task.opened.text_format();
        if format.0 == Format::Json {
            let rows = self.read_json(file, task, state, on_batch)?;
            state.rows_read += rows;
            self.context.count_read(rows % TICK_ROWS, task.steps);
            return Ok(());
        }
        let piece_bytes = self.spec.text_piece_bytes;
        let open = || open(file, format, &columns, piece_bytes);
        let mut piece = std::mem::take(&mut state.piece);
        while let Some((at, layout)) = task.shared.take(file, &mut piece, open)? {
            state.kinds.start(&self.spec, at);
            let rejected = std::mem::take(&mut state.rejected);
            let mut seen = ColumnsSeen::default();
            let wanted = RecordReader {
                columns: &columns,
                layout: &layout,
            };
            let records = (wanted, format.0, &piece);
            let read = self.read_piece(file, records, &mut seen, state, on_batch);
            let rows = seen.rows;
            task.shared.put(PieceEnd {
                at,
                rejected: std::mem::replace(&mut state.rejected, rejected),
                stop: read.err(),
                seen,
            });
            self.context.count_read(rows, piece.steps);
            self.context.check()?;
        }
        state.piece = piece;
        match task.shared.finish() {
            None => Ok(()),
            Some(ends) => self.settle(file, task, ends, state),
        }
    }

    /// Reads the records of a piece, and hands them on as one batch.
    fn read_piece(
        &self,
        file: &InputFile,
        (wanted, format, piece): (RecordReader<'_>, Format, &Piece),
        seen: &mut ColumnsSeen,
        state: &mut TableState,
        on_batch: OnBatch<'_>,
    ) -> std::result::Result<(), Stop> {
        self.clear(state);
        let mut clocks = self.text_clocks();
        let mut fill = |record: TextRecord<'_>| {
            self.fill_record(file, &record, &mut clocks, state);
            Ok(())
        };
        let read = wanted.read(format, piece, seen, &mut fill);
        let rows_count = usize::try_from(seen.rows).expect("records of a piece in memory");
        self.finish_cells(rows_count, state);
        let text_of = |row: u32| {
            let mut text = String::new();
            let mut find = |record: TextRecord<'_>| {
                if record.row == u64::from(row) + 1 {
                    text = (record.text)();
                }
                Ok(())
            };
            // It was read before: what stops it now stopped it then.
            drop(wanted.read(format, piece, &mut ColumnsSeen::default(), &mut find));
            text
        };
        let origin = Origin {
            file,
            first_row: 1,
            text_of: &text_of,
        };
        let handed = self.hand_on(rows_count, &origin, state, on_batch);
        // What is wrong with a row comes before what stopped the reading behind it.
        handed.map_err(Stop::Error)?;
        read.map(drop)
    }

    /// Reads a JSON array; gives the number of its records.
    fn read_json(
        &self,
        file: &InputFile,
        task: &Task,
        state: &mut TableState,
        on_batch: OnBatch<'_>,
    ) -> Result<u64> {
        let mut clocks = self.text_clocks();
        let mut read = |record: TextRecord<'_>| {
            self.context.tick(record.row)?;
            self.clear(state);
            self.fill_record(file, &record, &mut clocks, state);
            self.finish_cells(1, state);
            let origin = Origin {
                file,
                first_row: record.row,
                text_of: &|_| (record.text)(),
            };
            self.hand_on(1, &origin, state, on_batch)
        };
        let (format, columns) = (task.opened.text_format(), self.text_columns());
        records(
            file,
            format,
            &columns,
            self.spec.text_piece_bytes,
            &mut read,
        )
    }

    /// Puts together what came of all pieces of a file.
    fn settle(
        &self,
        file: &InputFile,
        task: &Task,
        ends: Vec<PieceEnd>,
        state: &mut TableState,
    ) -> Result<()> {
        let columns = self.text_columns();
        let mut before = ColumnsSeen::default();
        for end in ends {
            for mut row in end.rejected {
                row.fault.row += before.rows;
                state.rejected.push(row);
            }
            let rows = before.rows;
            before.add(&end.seen);
            if let Some(stop) = end.stop {
                let error = stop.error(file, rows);
                let is_missing = before.missing(&columns).is_some();
                return match error.kind() {
                    ErrorKind::BadRow(_) if is_missing => self.read_again(file, task, error),
                    ErrorKind::TooManyBadRows { .. } if is_missing => {
                        before.finish(file, &columns).and(Err(error))
                    }
                    _ => Err(error),
                };
            }
        }
        state.rows_read += before.finish(file, &columns)?;
        Ok(())
    }

    /// The fault of a file in which a column was not found before a row failed: if the records
    /// that follow have it, it is that row, otherwise the column. One thread reads the file from
    /// the start to tell.
    fn read_again(&self, file: &InputFile, task: &Task, error: Error) -> Result<()> {
        let failed_row = match error.kind() {
            ErrorKind::BadRow(fault) => fault.row,
            _ => return Err(error),
        };
        let mut error = Some(error);
        let mut fail_there =
            |record: TextRecord<'_>| match error.take_if(|_| record.row == failed_row) {
                Some(error) => Err(error),
                None => Ok(()),
            };
        let (format, columns) = (task.opened.text_format(), self.text_columns());
        let piece_bytes = self.spec.text_piece_bytes;
        records(file, format, &columns, piece_bytes, &mut fail_there)?;
        error.map_or(Ok(()), Err)
    }

    /// How times are read.
    fn text_clocks(&self) -> Clocks<'_> {
        let (clock, wall) = self.clocks();
        Clocks { clock, wall }
    }

    /// Adds a record to the batch.
    #[inline]
    fn fill_record(
        &self,
        file: &InputFile,
        record: &TextRecord<'_>,
        clocks: &mut Clocks<'_>,
        state: &mut TableState,
    ) {
        let row = state.filled_count;
        state.filled_count += 1;
        let fields = match &record.fields {
            Ok(fields) => *fields,
            Err(mismatch) => {
                state.faults.push(Fault {
                    row: count32(row),
                    column: None,
                    mismatch: mismatch.clone(),
                });
                &[]
            }
        };
        for (at, column) in self.columns.iter().enumerate() {
            let field = fields.get(at).unwrap_or(&Field::Missing);
            let cells = &mut state.cells[at];
            let filled = fill_field(field, column.kind, cells, row, clocks);
            if let Ok(Some(written)) = filled {
                let (row, column) = (record.row, column.name);
                let place = RowAt { file, row, column };
                state.kinds.note(written, field.raw(), place);
            }
            if let Err(found) = filled {
                let expected = match column.kind {
                    ColumnType::Time => clocks.clock.expected(field.int()),
                    kind => kind.expected(&self.spec, &found),
                };
                state.faults.push(Fault {
                    row: count32(row),
                    column: Some(at),
                    mismatch: Mismatch::new(expected, found),
                });
            }
        }
    }

    /// Ends a batch that was filled record by record.
    fn finish_cells(&self, rows_count: usize, state: &mut TableState) {
        assert_eq!(count64(state.filled_count), count64(rows_count));
        for cells in &mut state.cells {
            cells.finish(rows_count);
        }
        self.judge_nulls(rows_count, state);
    }
}

/// Adds a field to its column: its value, and gives the time that it is; or one that means nothing, and
/// gives what was found.
#[inline]
fn fill_field(
    field: &Field<'_>,
    kind: ColumnType,
    cells: &mut Cells,
    row: usize,
    clocks: &mut Clocks<'_>,
) -> std::result::Result<Option<WrittenTime>, String> {
    let is_null = match kind {
        ColumnType::IntId | ColumnType::TextId | ColumnType::Time => field.is_blank(),
        ColumnType::Text | ColumnType::Float => field.is_null(),
    };
    let mut written = None;
    let is_right = match kind {
        ColumnType::IntId => {
            let id = match field.as_customer(CustomerType::Int64) {
                Some(Customer::Int(id)) => Some(id),
                _ => None,
            };
            cells.ints_mut().push(id.unwrap_or(0));
            id.is_some()
        }
        ColumnType::TextId | ColumnType::Text => {
            let text = field.text_or_int();
            cells.texts_mut().own().push(text.unwrap_or(""));
            text.is_some()
        }
        ColumnType::Time => {
            let local = local_of(field, &clocks.clock);
            let (at, east_us) = match local {
                Some((WrittenTime::Wall(wall_us), _)) => (clocks.wall.instant_of(wall_us), None),
                Some((other, east_us)) => (other.resolve(clocks.clock.zone).at, east_us),
                None => (EPOCH, None),
            };
            cells.times_mut().push(at, east_us);
            written = local.map(|(written, _)| written);
            local.is_some()
        }
        ColumnType::Float => {
            let number = field.as_number();
            cells.floats_mut().push(number.unwrap_or(0.0));
            number.is_some()
        }
    };
    if is_null {
        cells.set_null(row);
    }
    match is_null || is_right {
        true => Ok(written),
        false => Err(field.shown()),
    }
}

/// A time as it is written, with its offset if it has one.
#[inline]
fn local_of(field: &Field<'_>, clock: &Clock<'_>) -> Option<(WrittenTime, Option<i64>)> {
    let local = match field {
        Field::Text(text) => parse_local(text.as_bytes()),
        Field::Csv(text) => parse_local(text.as_bytes()),
        _ => None,
    };
    match local {
        Some(local) => Some(local).filter(|(written, _)| written.is_near(clock.zone)),
        None => Some((field.as_written(clock)?, None)),
    }
}
