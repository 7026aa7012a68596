//! Tables of named, typed columns, from any format, as batches of plain vectors.
//!
//! In reading order: `declared` checks a Parquet file for the columns of a source, `row_group` reads its
//! batches and `pieces` text files, for every source; `arrow`, `arrow_times`, `arrow_words`, `attributes`
//! and `passthrough` read single values of Arrow columns; `parquet` and `text` fill the `cells` of a batch,
//! whose `ids` are interned. `clicks`, `listings` and `events` read whole batches; `actions` and
//! `impressions` read the columns of a row only where they want the row.
//!
//! **In / Out**: [`TableColumn`]s and a row group, or a share of a text file → [`Batch`]es: a
//! [`Cells`] per column, and which rows are good.
//! **Invariants**: a row that lacks what it must have, or holds what cannot be read, is rejected as
//! the [`BadRowPolicy`] says, and is none of [`Batch::rows`]. What reads the batch may reject more; of
//! each batch the faults are dealt with in the order of rows, so what is reported depends on the
//! files alone, never on threads or on who found it.
//! **Null rule**: as [`Presence`] says; in CSV only an empty field is null.
//! **Cost**: numbers are copied once; texts in Parquet stay where the reader has them, and those
//! that the file keeps in a dictionary are looked at once per dictionary (see [`Texts`]).

pub(crate) mod arrow;
pub(crate) mod arrow_times;
pub(crate) mod arrow_words;
pub(crate) mod attributes;
mod cells;
pub(crate) mod declared;
mod ids;
mod parquet;
pub(crate) mod passthrough;
pub(crate) mod pieces;
pub(crate) mod row_group;
#[cfg(test)]
mod tests;
mod text;
mod texts;

pub(crate) use self::cells::Cells;
pub(crate) use self::ids::IdCodes;
pub(crate) use self::texts::{Memo, Texts};

use self::passthrough::lacking_column;
use crate::advice::{self, Hint};
use crate::calendar::WallClock;
use crate::catalog::input::InputFile;
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Micros, count32, count64, index};
use crate::job::{KeptColumn, PassthroughType};
use crate::scan::bad_rows::{BadRowPolicy, Rejected, RowAt};
use crate::scan::mismatch::{EXPECTED_TEXT, Mismatch};
use crate::scan::some_files::check_some;
use crate::scan::spec::ReadSpec;
use crate::scan::text::blocks::Piece;
use crate::scan::text::field::Clock;
use crate::scan::time_kinds::TimeKinds;
use crate::scan::{Opened, Task};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    /// Ids that are integers of 64 bits.
    IntId,
    /// Ids that are texts; an empty one is null, wherever it stands.
    TextId,
    /// Texts.
    Text,
    /// Times.
    Time,
    /// The same, of a fact that is known from then on: a time that is only a date counts as the end of
    /// its day, the last instant at which the fact may not have been known.
    Known,
    /// Numbers.
    Float,
    /// What is copied to the output.
    Kept(PassthroughType),
}

/// What must be there of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// The column in each file, and a value in each row.
    Required,
    /// The column in each file; values may be null.
    Nullable,
    /// The column in some file; values may be null, and are in files without it.
    InSome,
    /// Nothing: a file may lack the column, and then all its values are null.
    Optional,
}

/// A column to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TableColumn<'a> {
    /// Its name in the files.
    pub(crate) name: &'a str,
    pub(crate) kind: ColumnType,
    /// What must be there of it.
    pub(crate) presence: Presence,
}

impl<'a> TableColumn<'a> {
    /// A column that is copied; some file has it.
    pub(crate) fn kept(kept: &'a KeptColumn) -> TableColumn<'a> {
        TableColumn {
            name: &kept.column.name,
            kind: ColumnType::Kept(kept.column.holds()),
            presence: Presence::InSome,
        }
    }
}

/// How a table is read.
#[derive(Debug)]
pub(crate) struct TableScan<'a> {
    /// How files are read.
    spec: ReadSpec<'a>,
    /// What becomes of bad rows.
    policy: &'a BadRowPolicy<'a>,
    /// Progress, memory and the wish to stop.
    context: &'a RunContext,
    /// The columns, in the order of [`Batch::cells`].
    columns: Vec<TableColumn<'a>>,
    /// For each, the place of the first of the same name: the readers of text fill that one only.
    places: Vec<usize>,
}

/// What one thread has read, and the memory it reads into.
#[derive(Debug, Default)]
pub(crate) struct TableState {
    /// Rows of all files, good or not.
    pub(crate) rows_read: u64,
    pub(crate) rejected: Vec<Rejected>,
    /// Wall times and instants.
    pub(crate) kinds: TimeKinds,
    /// Whether some file had each column, of those that a file may lack.
    pub(crate) seen: Vec<Option<bool>>,
    /// Scratch: the columns of a batch.
    cells: Vec<Cells>,
    /// Scratch: its good rows.
    rows: Vec<u32>,
    faults: Vec<CellFault>,
    /// Scratch: records of text that are in the batch so far.
    filled_count: usize,
    /// Scratch: a piece of a text file.
    piece: Piece,
}

/// What is wrong with a row of a batch.
#[derive(Clone, Debug)]
struct CellFault {
    row: u32,
    /// Which column, or `None` for the row as a whole.
    column: Option<usize>,
    /// What was expected and found.
    mismatch: Mismatch,
}

/// Some rows of a file, one after the other.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    /// The columns, each with a value for every row; what it holds for rows that are not good, or
    /// are null, means nothing.
    pub(crate) cells: &'a [Cells],
    /// The rows in which nothing is wrong, ascending.
    pub(crate) rows: &'a [u32],
    /// How many rows there are, good or not.
    pub(crate) rows_count: usize,
    /// What is wrong with the others, and with those that are rejected later.
    faults: &'a mut Vec<CellFault>,
}

impl Batch<'_> {
    /// Rejects a good row for what it holds in a column. It stays in `rows`.
    pub(crate) fn reject(&mut self, row: u32, column: usize, mismatch: Mismatch) {
        self.faults.push(CellFault {
            row,
            column: Some(column),
            mismatch,
        });
    }
}

/// What is done with each batch.
pub(crate) type OnBatch<'a> = &'a mut dyn FnMut(&mut Batch<'_>) -> Result<()>;

/// The rows of a batch, before it is handed on: where they stand in their file, and their text.
struct BatchOrigin<'a> {
    file: &'a InputFile,
    /// The 1-based record that the batch starts with.
    first_row: u64,
    /// A row of the batch as it is written.
    text_of: &'a dyn Fn(u32) -> String,
}

impl<'a> TableScan<'a> {
    /// A scan of some columns.
    pub(crate) fn new(
        spec: &ReadSpec<'a>,
        policy: &'a BadRowPolicy<'a>,
        context: &'a RunContext,
        columns: Vec<TableColumn<'a>>,
    ) -> TableScan<'a> {
        let place = |column: &TableColumn<'_>| columns.iter().position(|of| of.name == column.name);
        let places = columns
            .iter()
            .map(|column| place(column).expect("it is one of them"));
        TableScan {
            spec: *spec,
            policy,
            context,
            places: places.collect(),
            columns,
        }
    }

    /// Reads one row group, or a share of a text file, and hands its rows to `on_batch`.
    ///
    /// # Errors
    /// As the policy for bad rows says, if the file cannot be read or lacks a column, or if
    /// `on_batch` gives up.
    pub(crate) fn read(
        &self,
        task: &Task,
        state: &mut TableState,
        on_batch: OnBatch<'_>,
    ) -> Result<()> {
        let scan = TableScan {
            spec: self.spec.of_source(task.opened.file().source),
            columns: self.columns.clone(),
            places: self.places.clone(),
            ..*self
        };
        state.kinds.start(&scan.spec, 0);
        state.seen.resize(self.columns.len(), None);
        match &task.opened {
            Opened::Parquet(file) => scan.read_parquet(file, task.group_rows(), state, on_batch),
            Opened::Text(file, ..) => scan.read_text(file, task, state, on_batch),
            Opened::Empty(..) => Ok(()),
        }
    }

    /// Checks that each kept column is in some file, given what all threads have `seen`.
    ///
    /// # Errors
    /// If not.
    pub(crate) fn check_seen(&self, opened: &[Opened], seen: &[Option<bool>]) -> Result<()> {
        let full = || opened.iter().filter(|file| !file.is_empty());
        let columns = self.columns.iter().zip(seen);
        let mut unseen = columns
            .filter(|(column, seen)| column.presence == Presence::InSome && **seen == Some(false));
        unseen.try_for_each(|(column, _)| {
            check_some(full(), &|file| {
                lacking_column(&self.spec, file, column.name)
            })
        })
    }

    /// How times are read.
    fn clocks(&self) -> (Clock<'a>, WallClock<'a>) {
        let clock = Clock::new(&self.spec);
        (clock, WallClock::new(clock.zone))
    }

    /// Empties the columns for a new batch.
    fn clear(&self, state: &mut TableState) {
        state.cells.resize_with(self.columns.len(), Cells::default);
        for (cells, column) in state.cells.iter_mut().zip(&self.columns) {
            cells.clear(column.kind);
        }
        state.faults.clear();
        state.filled_count = 0;
    }

    /// Hands the rows of a batch on, and deals with its faults.
    fn hand_on(
        &self,
        rows_count: usize,
        origin: &BatchOrigin<'_>,
        state: &mut TableState,
        on_batch: OnBatch<'_>,
    ) -> Result<()> {
        state.rows.clear();
        state.rows.extend(0..count32(rows_count));
        if !state.faults.is_empty() {
            // Of each row only the first column at fault counts; a row at fault as a whole has
            // no columns.
            // A record with too few fields also lacks required ones: its own fault has no column
            // and sorts first.
            state.faults.sort_by_key(|fault| (fault.row, fault.column));
            state.faults.dedup_by_key(|fault| fault.row);
            let mut bad = state.faults.iter().map(|fault| fault.row).peekable();
            let is_good = |row: &u32| bad.next_if_eq(row).is_none();
            state.rows.retain(is_good);
        }
        on_batch(&mut Batch {
            cells: &state.cells,
            rows: &state.rows,
            rows_count,
            faults: &mut state.faults,
        })?;
        // Again, because `on_batch` may have added faults of good rows.
        state.faults.sort_by_key(|fault| (fault.row, fault.column));
        for fault in state.faults.drain(..) {
            let at = RowAt {
                file: origin.file,
                row: origin.first_row + u64::from(fault.row),
                column: fault.column.map_or("", |at| self.columns[at].name),
            };
            let text = || (origin.text_of)(fault.row);
            let rejected = &mut state.rejected;
            self.policy.reject(at, fault.mismatch, &text, rejected)?;
        }
        Ok(())
    }

    /// Finds the nulls of columns that must have none, of a batch of so many rows.
    fn judge_nulls(&self, rows_count: usize, state: &mut TableState) {
        for (at, column) in self.columns.iter().enumerate() {
            let nulls = state.cells[at].nulls();
            // Without nulls, which is the usual case, no row is looked at.
            if column.presence == Presence::Required && !nulls.is_empty() {
                let rows = (0..rows_count).filter(|row| nulls[*row]);
                state.faults.extend(rows.map(|row| CellFault {
                    row: count32(row),
                    column: Some(at),
                    mismatch: Mismatch::new(column.kind.expected(&self.spec, "null"), "null"),
                }));
            }
        }
    }
}

impl ColumnType {
    /// What a message says should be there of what was found.
    pub(crate) fn expected(self, spec: &ReadSpec<'_>, found: &str) -> String {
        match self {
            ColumnType::IntId => {
                advice::expected("a 64-bit integer", advice::on_id(found, Hint::TextIds))
            }
            ColumnType::TextId => EXPECTED_TEXT.to_owned(),
            ColumnType::Text => "a text of at most 4096 bytes".to_owned(),
            ColumnType::Time | ColumnType::Known => Clock::new(spec).expected(""),
            ColumnType::Float => "a number".to_owned(),
            ColumnType::Kept(_) => "what is copied".to_owned(),
        }
    }
}

/// What stands for a time that is null or at fault.
const EPOCH: Micros = Micros(0);

/// A row of a batch as an index.
#[inline]
fn at(row: u32) -> usize {
    index(row)
}

/// Rows as steps of progress.
fn steps(rows: usize) -> u64 {
    count64(rows)
}
