//! Text to batches: a batch is a piece of CSV or NDJSON, or one record of a JSON array.
//!
//! **Invariants**: [`SharedText`] puts faults, counts and rejected rows together. What a bad record held is found by reading its piece once more, which
//! is rare, so that no text of good records need be kept.

use super::pieces::{PieceRecords, SharedText};
use super::{
    BatchOrigin, CellFault, Cells, ColumnType, EPOCH, OnBatch, Presence, TableScan, TableState,
};
use crate::calendar::WallClock;
use crate::catalog::input::InputFile;
use crate::error::Result;
use crate::ids::{count32, count64};
use crate::job::CustomerType;
use crate::kernel::column::Customer;
use crate::kernel::passthrough::PassthroughValue;
use crate::scan::Task;
use crate::scan::bad_rows::RowAt;
use crate::scan::mismatch::Mismatch;
use crate::scan::some_files::note;
use crate::scan::table::passthrough::of_field;
use crate::scan::text::columns::WantedColumn;
use crate::scan::text::field::{Clock, Field};
use crate::scan::text::record::{ColumnsSeen, Stop, TextRecord};
use crate::scan::text::times::WrittenTime;

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
            .map(|column| {
                let may_lack = matches!(column.presence, Presence::Optional | Presence::InSome);
                WantedColumn::new(column.name, !may_lack)
            })
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
        let text = SharedText::new(&self.spec, file, task, &columns);
        if text.is_whole() {
            state.rows_read += self.read_json(&text, state, on_batch)?;
            return Ok(());
        }
        let mut piece = std::mem::take(&mut state.piece);
        text.read_pieces(self.context, &mut piece, &mut |records, seen| {
            state.kinds.start(&self.spec, records.at);
            // Rows count from the start of the piece; `finish` adds the records of earlier pieces.
            let start = state.rejected.len();
            let read = self.read_piece(file, records, seen, state, on_batch);
            self.context.count_read(seen.rows, records.steps());
            (state.rejected.split_off(start), read)
        })?;
        state.piece = piece;
        let too_many =
            |error, before: ColumnsSeen| before.finish(file, &columns).err().unwrap_or(error);
        state.rows_read += text.finish(&mut state.rejected, too_many)?;
        Ok(())
    }

    /// Reads the records of a piece, and hands them on as one batch.
    fn read_piece(
        &self,
        file: &InputFile,
        records: &PieceRecords<'_>,
        seen: &mut ColumnsSeen,
        state: &mut TableState,
        on_batch: OnBatch<'_>,
    ) -> std::result::Result<(), Stop> {
        self.clear(state);
        let mut clocks = self.text_clocks();
        // Never fails: faults are collected, so that those of one batch are reported in the order
        // of rows.
        let mut fill = |record: TextRecord<'_>| {
            self.fill_record(file, &record, &mut clocks, state);
            Ok(())
        };
        let read = records.read(seen, &mut fill);
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
            drop(records.read(&mut ColumnsSeen::default(), &mut find));
            text
        };
        let origin = BatchOrigin {
            file,
            // Within the piece: `finish` adds the records before it.
            first_row: 1,
            text_of: &text_of,
        };
        let handed = self.hand_on(rows_count, &origin, state, on_batch);
        // What is wrong with a row comes before what stopped the reading behind it.
        handed.map_err(Stop::Error)?;
        read
    }

    /// Reads a JSON array; gives the number of its records.
    fn read_json(
        &self,
        text: &SharedText<'_>,
        state: &mut TableState,
        on_batch: OnBatch<'_>,
    ) -> Result<u64> {
        let mut clocks = self.text_clocks();
        text.read_whole(self.context, &mut |record| {
            self.context.tick(record.row)?;
            self.clear(state);
            self.fill_record(text.file, &record, &mut clocks, state);
            self.finish_cells(1, state);
            let origin = BatchOrigin {
                file: text.file,
                first_row: record.row,
                text_of: &|_| (record.text)(),
            };
            self.hand_on(1, &origin, state, on_batch)
        })
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
                state.faults.push(CellFault {
                    row: count32(row),
                    column: None,
                    mismatch: mismatch.clone(),
                });
                &[]
            }
        };
        for (at, column) in self.columns.iter().enumerate() {
            // A record that is at fault as a whole gets a value in each column, too, so that all
            // columns have as many.
            let field = fields.get(self.places[at]).unwrap_or(&Field::Missing);
            let cells = &mut state.cells[at];
            if let ColumnType::Kept(kind) = column.kind {
                if record.fields.is_ok() {
                    note(&mut state.seen[at], *field != Field::Missing);
                }
                let value = of_field(field, kind, &clocks.clock);
                let value = value.unwrap_or_else(|mismatch| {
                    state.faults.push(CellFault {
                        row: count32(row),
                        column: Some(at),
                        mismatch,
                    });
                    PassthroughValue::Null
                });
                cells.kept_mut().push(value);
                continue;
            }
            let filled = fill_field(field, column.kind, cells, row, clocks);
            if let Ok(Some(written)) = filled {
                let (row, column) = (record.row, column.name);
                let place = RowAt { file, row, column };
                state.kinds.note(written, field.raw(), place);
            }
            if let Err(found) = filled {
                let expected = match column.kind {
                    ColumnType::Time | ColumnType::Known => clocks.clock.expected(field.raw()),
                    kind => kind.expected(&self.spec, &found),
                };
                state.faults.push(CellFault {
                    row: count32(row),
                    column: Some(at),
                    mismatch: Mismatch::new(expected, found),
                });
            }
        }
    }

    /// Ends a batch that was filled record by record.
    fn finish_cells(&self, rows_count: usize, state: &mut TableState) {
        // A missing value would silently shift a column against the others.
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
        ColumnType::IntId | ColumnType::TextId | ColumnType::Time | ColumnType::Known => {
            field.is_blank()
        }
        ColumnType::Text | ColumnType::Float | ColumnType::Kept(_) => field.is_null(),
    };
    let mut written = None;
    let is_right = match kind {
        ColumnType::IntId => {
            // What is blank is a guest there. Here it is null, and its value is not read.
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
            let local = field.as_local(&clocks.clock);
            let (at, east_us) = match local {
                Some((WrittenTime::Wall(wall_us), _)) => (clocks.wall.instant_of(wall_us), None),
                Some((other, east_us)) => (clocks.clock.resolve(other).at, east_us),
                None => (EPOCH, None),
            };
            cells.times_mut().push(at, east_us);
            written = local.map(|(written, _)| written);
            local.is_some()
        }
        ColumnType::Known => {
            let local = field.as_local(&clocks.clock);
            let known = local.map(|(written, _)| clocks.clock.resolve(written).known_after);
            cells.times_mut().push(known.unwrap_or(EPOCH), None);
            written = local.map(|(written, _)| written);
            local.is_some()
        }
        ColumnType::Kept(_) => unreachable!("it is filled by `of_field`"),
        ColumnType::Float => {
            let number = field.as_number();
            cells.floats_mut().push(number.unwrap_or(0.0));
            number.is_some()
        }
    };
    if is_null {
        cells.set_null(row);
    }
    if is_null || is_right {
        Ok(written)
    } else {
        Err(field.shown())
    }
}
