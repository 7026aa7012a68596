//! Row groups of Parquet to batches: column by column, and row by row only what needs judging.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type};

use super::cells::Times;
use super::{
    ColumnType, EPOCH, Fault, OnBatch, Origin, Presence, TableScan, TableState, Texts, at, steps,
};
use crate::advice::{self, Hint};
use crate::calendar::WallClock;
use crate::catalog::input::InputFile;
use crate::error::Result;
use crate::ids::count32;
use crate::job::CustomerType;
use crate::kernel::column::Customer;
use crate::scan::bad_rows::RowAt;
use crate::scan::impressions::check_time;
use crate::scan::mismatch::{Mismatch, Value, quoted};
use crate::scan::parquet::{ParquetFile, row_as_json};
use crate::scan::table::arrow::IdColumn;
use crate::scan::table::arrow_times::TimeColumn;
use crate::scan::text::field::Clock;
use crate::scan::text::times::{WrittenTime, parse_local};

impl TableScan<'_> {
    /// Reads a row group.
    pub(super) fn read_parquet(
        &self,
        file: &ParquetFile,
        row_group: usize,
        state: &mut TableState,
        on_batch: OnBatch<'_>,
    ) -> Result<()> {
        self.check_types(file)?;
        let is_text = |kind| matches!(kind, ColumnType::TextId | ColumnType::Text);
        let texts = self.columns.iter().filter(|column| is_text(column.kind));
        let texts: Vec<&str> = texts.map(|column| column.name).collect();
        let file = file.with_dictionaries(row_group, &texts);
        let columns = file.leaves(|path| match path {
            [name] => self.columns.iter().any(|column| column.name == name),
            _ => false,
        });
        file.read(row_group, &columns, |first_row, rows| {
            self.context.check()?;
            let rows_count = steps(rows.num_rows());
            self.context.count_read(rows_count, rows_count);
            state.rows_read += rows_count;
            self.clear(state);
            self.fill((&file.file, first_row), rows, state);
            self.judge_nulls(rows.num_rows(), state);
            let origin = Origin {
                file: &file.file,
                first_row,
                text_of: &|row| row_as_json(rows, at(row)),
            };
            self.hand_on(rows.num_rows(), &origin, state, on_batch)
        })
    }

    /// Checks that a file has the columns, with types that can hold what is wanted.
    pub(crate) fn check_types(&self, file: &ParquetFile) -> Result<()> {
        for column in &self.columns {
            let Some(field) = file.column(column.name) else {
                if column.presence != Presence::Optional {
                    file.required(column.name)?;
                }
                continue;
            };
            let found = field.data_type();
            let by_flag = self.spec.customer_type.is_some();
            let holds = |of| IdColumn::holds(found, of, by_flag);
            let (is_right, expected) = match column.kind {
                ColumnType::IntId => (holds(CustomerType::Int64), of_ids(found, "integers")),
                ColumnType::TextId => (holds(CustomerType::String), of_ids(found, "text")),
                ColumnType::Text => (
                    matches!(found, DataType::Utf8View | DataType::BinaryView),
                    "text".to_owned(),
                ),
                ColumnType::Time => {
                    check_time(file, column.name, self.spec.time_unit)?;
                    (true, "times".to_owned())
                }
                ColumnType::Float => (found.is_numeric(), "numbers".to_owned()),
            };
            if !is_right {
                return Err(file.wrong_type(column.name, &expected, found));
            }
        }
        Ok(())
    }

    /// Fills the columns of a batch.
    fn fill(
        &self,
        (file, first_row): (&InputFile, u64),
        rows: &RecordBatch,
        state: &mut TableState,
    ) {
        let (clock, mut wall) = self.clocks();
        for (at, column) in self.columns.iter().enumerate() {
            let cells = &mut state.cells[at];
            let mut faults = Faults {
                column: at,
                expected: &|found| column.kind.expected(&self.spec, found),
                found: &mut state.faults,
            };
            let Some(array) = rows.column_by_name(column.name) else {
                cells.fill_null(rows.num_rows());
                continue;
            };
            match column.kind {
                ColumnType::IntId => fill_ints(array, cells.ints_mut(), &mut faults),
                ColumnType::TextId | ColumnType::Text => {
                    fill_texts(array, cells.texts_mut(), &mut faults);
                }
                ColumnType::Time => {
                    let clocks = (&clock, &mut wall);
                    let mut note = |row: usize, written: WrittenTime, text: &str| {
                        let (row, column) = (first_row + steps(row), column.name);
                        let place = RowAt { file, row, column };
                        state.kinds.note(written, text, place);
                    };
                    fill_times(array, clocks, cells.times_mut(), (&mut faults, &mut note));
                }
                ColumnType::Float => {
                    let numbers = cast(array, &DataType::Float64).expect("types are checked");
                    let numbers = numbers.as_primitive::<Float64Type>();
                    cells.floats_mut().extend_from_slice(numbers.values());
                }
            }
            if column.kind == ColumnType::TextId {
                cells.set_empty_null(rows.num_rows());
            } else if array.null_count() > 0 {
                cells.set_nulls((0..array.len()).map(|row| array.is_null(row)));
            }
        }
    }
}

/// What a column of ids should be, of which something else was found.
fn of_ids(found: &DataType, what: &str) -> String {
    let hint = match found {
        of if of.is_floating() => Some(Hint::WholeNumbers),
        of if IdColumn::holds(of, CustomerType::String, true) => Some(Hint::TextIds),
        _ => None,
    };
    advice::expected(what, hint.map(|hint| hint.text().to_owned()))
}

/// Where the faults of a column go.
struct Faults<'a> {
    column: usize,
    /// What should be there.
    expected: &'a dyn Fn(&str) -> String,
    /// All faults of the batch.
    found: &'a mut Vec<Fault>,
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
        self.found.push(Fault {
            row: count32(row),
            column: Some(self.column),
            mismatch,
        });
    }
}

/// Fills a column of integers.
fn fill_ints(array: &ArrayRef, into: &mut Vec<i64>, faults: &mut Faults<'_>) {
    let wide = match array.data_type() {
        of if of.is_signed_integer() => cast(array, &DataType::Int64).ok(),
        _ => None,
    };
    if let Some(wide) = wide {
        let ints: &Int64Array = wide.as_primitive::<Int64Type>();
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
    into: &mut Times,
    (faults, note): (&mut Faults<'_>, Note<'_>),
) {
    let column = TimeColumn::new(array, clock.unit).expect("types are checked");
    for row in 0..array.len() {
        let time = time_of(&column, row, clock);
        if let (Ok(Some((written, _))), Some(text)) = (&time, column.text(row)) {
            note(row, *written, text);
        }
        let (at, east_us) = match time {
            Ok(None) => (EPOCH, None),
            Ok(Some((WrittenTime::Wall(wall_us), _))) => (wall.instant_of(wall_us), None),
            Ok(Some((written, east_us))) => (written.resolve(clock.zone).at, east_us),
            Err(mismatch) => {
                faults.put(row, mismatch);
                (EPOCH, None)
            }
        };
        into.push(at, east_us);
    }
}

/// The time of a row, and the offset that it is written with; nothing if it is null.
#[inline]
fn time_of(
    column: &TimeColumn,
    row: usize,
    clock: &Clock<'_>,
) -> Value<Option<(WrittenTime, Option<i64>)>> {
    match column.text(row).map(|text| parse_local(text.as_bytes())) {
        Some(Some(local)) if local.0.is_near(clock.zone) => Ok(Some(local)),
        // Numbers, nulls, and what to say of a text that is no time.
        _ => Ok(column.written(row, clock)?.map(|written| (written, None))),
    }
}
