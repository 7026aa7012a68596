//! Row groups of Parquet to batches: column by column, and row by row only what needs judging.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};

use super::cells::TimeCells;
use super::declared::{DeclaredColumn, Holds, check_columns};
use super::row_group::{ArrowBatch, Projection, read_row_group};
use super::{
    BatchOrigin, CellFault, ColumnType, EPOCH, OnBatch, TableColumn, TableScan, TableState, Texts,
    at, steps,
};
use crate::calendar::WallClock;
use crate::error::Result;
use crate::ids::count32;
use crate::job::{CustomerType, PassthroughType};
use crate::kernel::column::Customer;
use crate::kernel::passthrough::PassthroughValue;
use crate::scan::GroupRows;
use crate::scan::bad_rows::RowAt;
use crate::scan::mismatch::{Mismatch, Value, quoted};
use crate::scan::parquet::ParquetFile;
use crate::scan::some_files::note;
use crate::scan::table::arrow::IdColumn;
use crate::scan::table::arrow_times::TimeColumn;
use crate::scan::table::passthrough::PassthroughArray;
use crate::scan::text::field::Clock;
use crate::scan::text::times::WrittenTime;
use crate::scan::values::numbers::without_nan;

impl TableScan<'_> {
    /// Reads some rows of a row group.
    pub(super) fn read_parquet(
        &self,
        file: &ParquetFile,
        rows: GroupRows,
        state: &mut TableState,
        on_batch: OnBatch<'_>,
    ) -> Result<()> {
        check_columns(&self.spec, file, self.columns.iter().map(declared))?;
        for (seen, column) in state.seen.iter_mut().zip(&self.columns) {
            note(seen, file.column(column.name).is_some());
        }
        let is_text = |kind| matches!(kind, ColumnType::TextId | ColumnType::Text);
        let texts = self.columns.iter().filter(|column| is_text(column.kind));
        let texts: Vec<&str> = texts.map(|column| column.name).collect();
        let file = file.with_dictionaries(rows.group, &texts);
        let columns = Projection {
            flat: self.columns.iter().map(|column| column.name).collect(),
            ..Projection::default()
        };
        read_row_group(&file, rows, &columns, self.context, &mut |batch| {
            state.rows_read += steps(batch.rows_count());
            self.clear(state);
            self.fill(batch, state);
            self.judge_nulls(batch.rows_count(), state);
            let origin = BatchOrigin {
                file: &batch.file.file,
                first_row: batch.first_row,
                text_of: &|row| batch.text_of(at(row)),
            };
            self.hand_on(batch.rows_count(), &origin, state, on_batch)
        })
    }

    /// Fills the columns of a batch.
    fn fill(&self, batch: ArrowBatch<'_>, state: &mut TableState) {
        let (clock, mut wall) = self.clocks();
        for (at, column) in self.columns.iter().enumerate() {
            let cells = &mut state.cells[at];
            let mut faults = Faults {
                column: at,
                expected: &|found| column.kind.expected(&self.spec, found),
                found: &mut state.faults,
            };
            let Some(array) = batch.column(column.name) else {
                cells.fill_null(batch.rows_count());
                continue;
            };
            // Floats of ids and of times are null where they are NaN.
            let is_exact = matches!(
                column.kind,
                ColumnType::IntId | ColumnType::Time | ColumnType::Known
            );
            let cleared = is_exact.then(|| without_nan(array));
            let array = cleared.as_ref().unwrap_or(array);
            match column.kind {
                ColumnType::IntId => fill_ints(array, cells.ints_mut(), &mut faults),
                ColumnType::TextId | ColumnType::Text => {
                    fill_texts(array, cells.texts_mut(), &mut faults);
                }
                ColumnType::Time => {
                    let clocks = (&clock, &mut wall);
                    let mut note = |row: usize, written: WrittenTime, text: &str| {
                        let place = RowAt {
                            column: column.name,
                            ..batch.place(row)
                        };
                        state.kinds.note(written, text, place);
                    };
                    fill_times(array, clocks, cells.times_mut(), (&mut faults, &mut note));
                }
                ColumnType::Known => {
                    let mut note = |row: usize, written: WrittenTime, text: &str| {
                        let place = RowAt {
                            column: column.name,
                            ..batch.place(row)
                        };
                        state.kinds.note(written, text, place);
                    };
                    fill_known(array, &clock, cells.times_mut(), (&mut faults, &mut note));
                }
                ColumnType::Kept(kind) => {
                    fill_kept(array, kind, &clock, (cells.kept_mut(), &mut faults));
                    continue;
                }
                ColumnType::Float => {
                    let numbers = cast(array, &DataType::Float64).expect("types are checked");
                    let numbers = numbers.as_primitive::<Float64Type>();
                    cells.floats_mut().extend_from_slice(numbers.values());
                }
            }
            // An empty text is null as well, so the null buffer alone does not tell.
            if column.kind == ColumnType::TextId {
                cells.set_empty_null(batch.rows_count());
            } else if array.null_count() > 0 {
                cells.set_nulls((0..array.len()).map(|row| array.is_null(row)));
            }
        }
    }
}

/// A column as it is declared of files.
fn declared<'a>(column: &TableColumn<'a>) -> DeclaredColumn<'a> {
    DeclaredColumn {
        name: column.name,
        holds: match column.kind {
            ColumnType::IntId => Holds::Id(CustomerType::Int64),
            ColumnType::TextId => Holds::Id(CustomerType::String),
            ColumnType::Text => Holds::Text,
            ColumnType::Time | ColumnType::Known => Holds::Time,
            ColumnType::Float => Holds::Float,
            ColumnType::Kept(kind) => Holds::Kept(kind),
        },
        presence: column.presence,
    }
}

/// Where the faults of a column go.
struct Faults<'a> {
    column: usize,
    /// What should be there.
    expected: &'a dyn Fn(&str) -> String,
    /// All faults of the batch.
    found: &'a mut Vec<CellFault>,
}

impl Faults<'_> {
    /// Takes note of a fault.
    #[cold]
    fn add(&mut self, row: usize, found: String) {
        self.put(row, Mismatch::new((self.expected)(&found), found));
    }

    /// Takes note of a fault that is worded already.
    #[cold]
    fn put(&mut self, row: usize, mismatch: Mismatch) {
        self.found.push(CellFault {
            row: count32(row),
            column: Some(self.column),
            mismatch,
        });
    }
}

/// Fills a column of integers.
fn fill_ints(array: &ArrayRef, into: &mut Vec<i64>, faults: &mut Faults<'_>) {
    // Unsigned integers may be too large. A cast would make nulls of these, which are no faults.
    let wide = match array.data_type() {
        of if of.is_signed_integer() => cast(array, &DataType::Int64).ok(),
        _ => None,
    };
    if let Some(wide) = wide {
        let ints: &Int64Array = wide.as_primitive::<Int64Type>();
        // With whatever stands in place of nulls, which nobody reads.
        return into.extend_from_slice(ints.values());
    }
    let (ids, mut decimal) = (ids_of(array), String::new());
    for row in 0..array.len() {
        let id = match ids.customer(row, CustomerType::Int64, &mut decimal) {
            Ok(Customer::Int(id)) => id,
            Ok(_) => 0,
            Err(mismatch) => {
                faults.add(row, mismatch.found);
                0
            }
        };
        into.push(id);
    }
}

/// Fills a column of texts.
fn fill_texts(array: &ArrayRef, into: &mut Texts, faults: &mut Faults<'_>) {
    match array.data_type() {
        DataType::Utf8View => {
            *into = Texts::Views(array.as_string_view().clone());
            judge_lengths(into, array.len(), faults);
        }
        DataType::Dictionary(_, _) => {
            let coded = array.as_dictionary::<Int32Type>();
            *into = Texts::Coded {
                places: coded.keys().clone(),
                dictionary: coded.values().as_string::<i32>().clone(),
            };
            judge_lengths(into, array.len(), faults);
        }
        _ => {
            let (ids, mut decimal) = (ids_of(array), String::new());
            for row in 0..array.len() {
                match ids.customer(row, CustomerType::String, &mut decimal) {
                    Ok(Customer::Text(text)) => into.own().push(text),
                    Ok(_) => into.own().push(""),
                    Err(mismatch) => {
                        into.own().push("");
                        faults.add(row, mismatch.found);
                    }
                }
            }
        }
    }
}

/// Finds texts that are too long to be kept.
fn judge_lengths(texts: &Texts, rows_count: usize, faults: &mut Faults<'_>) {
    for row in texts.long_rows(rows_count) {
        let text = String::from_utf8_lossy(texts.get(row));
        faults.add(at(row), quoted(&text));
    }
}

/// The ids of a column.
fn ids_of(array: &ArrayRef) -> IdColumn {
    IdColumn::new(array).expect("types are checked")
}

/// What is done with a time in a column of texts, given its row and its text.
type Note<'a> = &'a mut dyn FnMut(usize, WrittenTime, &str);

/// Fills a column of times.
fn fill_times(
    array: &ArrayRef,
    (clock, wall): (&Clock<'_>, &mut WallClock<'_>),
    into: &mut TimeCells,
    (faults, note): (&mut Faults<'_>, Note<'_>),
) {
    let column = TimeColumn::new(array, clock.unit).expect("types are checked");
    // Nearly always all of a column are good instants, which need no look one by one.
    if column.add_instants(clock.zone, &mut into.at) {
        return;
    }
    for row in 0..array.len() {
        let time = time_of(&column, row, clock);
        // Of other types the column's type tells, once per file.
        if let (Ok(Some((written, _))), Some(text)) = (&time, column.text(row)) {
            note(row, *written, text);
        }
        let (at, east_us) = match time {
            Ok(None) => (EPOCH, None),
            // Wall times are nearly in order, so most stay in the period that the clock remembers.
            Ok(Some((WrittenTime::Wall(wall_us), _))) => (wall.instant_of(wall_us), None),
            Ok(Some((written, east_us))) => (clock.resolve(written).at, east_us),
            Err(mismatch) => {
                faults.put(row, mismatch);
                (EPOCH, None)
            }
        };
        into.push(at, east_us);
    }
}

/// Fills a column of what is copied; nulls are values.
fn fill_kept(
    array: &ArrayRef,
    kind: PassthroughType,
    clock: &Clock<'_>,
    (into, faults): (&mut Vec<PassthroughValue>, &mut Faults<'_>),
) {
    // As ids, the same column may be read with its dictionary.
    let plain = match array.data_type() {
        DataType::Dictionary(..) => cast(array, &DataType::Utf8View).expect("texts"),
        _ => ArrayRef::clone(array),
    };
    let values = PassthroughArray::new(Some(&plain), kind);
    for row in 0..array.len() {
        let value = values.get(row, clock).unwrap_or_else(|mismatch| {
            faults.put(row, mismatch);
            PassthroughValue::Null
        });
        into.push(value);
    }
}

/// Fills a column of times from which on something is known.
fn fill_known(
    array: &ArrayRef,
    clock: &Clock<'_>,
    into: &mut TimeCells,
    (faults, note): (&mut Faults<'_>, Note<'_>),
) {
    let column = TimeColumn::new(array, clock.unit).expect("types are checked");
    for row in 0..array.len() {
        let time = time_of(&column, row, clock);
        if let (Ok(Some((written, _))), Some(text)) = (&time, column.text(row)) {
            note(row, *written, text);
        }
        let known = match time {
            Ok(None) => EPOCH,
            Ok(Some((written, _))) => clock.resolve(written).known_after,
            Err(mismatch) => {
                faults.put(row, mismatch);
                EPOCH
            }
        };
        into.push(known, None);
    }
}

/// The time of a row, and the offset that it is written with; nothing if it is null.
#[inline]
fn time_of(
    column: &TimeColumn,
    row: usize,
    clock: &Clock<'_>,
) -> Value<Option<(WrittenTime, Option<i64>)>> {
    match column.text(row).map(|text| clock.local_of(text)) {
        Some(Some(local)) if local.0.is_near(clock.zone) => Ok(Some(local)),
        // Numbers, nulls, and what to say of a text that is no time.
        _ => Ok(column.written(row, clock)?.map(|written| (written, None))),
    }
}
