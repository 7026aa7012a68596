//! Actions in Parquet: first the customers of a batch, then the rest of the rows that are wanted.

use arrow::array::{RecordBatch, StringViewArray};

use super::rows::{keys_of, origin_of};
use super::{ActionNames, ActionScan, ActionState, Origin, Raw};
use crate::error::Result;
use crate::ids::{Item, Key, Micros, count32, count64, index};
use crate::job::{CustomerType, DT};
use crate::scan::bad_rows::RowAt;
use crate::scan::impressions::{check_customer, check_time};
use crate::scan::item_ids::{expected_items, holds_items, plain_texts};
use crate::scan::mismatch::TEXT_BYTES_MAX;
use crate::scan::parquet::{ParquetFile, row_as_json};
use crate::scan::statistics::time_bounds;
use crate::scan::table::arrow::{IdColumn, Ints};
use crate::scan::table::arrow_times::{PlainTimes, TimeColumn};
use crate::scan::table::arrow_words::WordColumn;
use crate::scan::table::attributes;
use crate::scan::table::attributes::AttributeArray;
use crate::scan::text::field::Clock;
use crate::scan::time_columns::day_of_orders;

/// A batch, and where it comes from.
#[derive(Clone, Copy)]
struct Batch<'a> {
    file: &'a ParquetFile,
    /// What its columns are called.
    names: &'a ActionNames<'a>,
    /// The 1-based record that it starts with.
    first_row: u64,
    rows: &'a RecordBatch,
    /// Whether statistics prove that all its times are of the years 1 to 9999.
    are_near: bool,
}

impl<'a> Batch<'a> {
    /// The place of a row.
    fn place(&self, row: usize) -> RowAt<'a> {
        RowAt {
            file: &self.file.file,
            row: self.first_row + count64(row),
            column: "",
        }
    }

    /// A column of ids.
    fn ids(&self, name: &str) -> IdColumn {
        let column = self.rows.column_by_name(name);
        column.and_then(IdColumn::new).expect("types are checked")
    }

    /// A column of words.
    fn words(&self, name: &str) -> WordColumn {
        let column = self.rows.column_by_name(name);
        column.and_then(WordColumn::new).expect("types are checked")
    }
}

/// Rows of plain columns: their places with their customers, whether these have enough, and times.
type PlainRows<'a> = (&'a [(u32, Key)], &'a [bool], &'a [Option<Micros>]);

/// The columns of a batch in which nothing is null.
struct PlainColumns {
    /// What the rows are.
    origin: Origin,
    customers: Ints,
    items: PlainItems,
    times: PlainTimes,
}

/// A column of items in which nothing is null.
enum PlainItems {
    /// Integers that are ids.
    Ints(Ints),
    /// Texts that are.
    Texts(StringViewArray),
}

impl<I: Item> ActionScan<'_, I> {
    /// Reads a row group.
    pub(super) fn read_parquet(
        &self,
        file: &ParquetFile,
        row_group: usize,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let names = self.names_of(&file.file);
        self.check_types(file, &names)?;
        let mut wanted = vec![names.customer, names.item, names.time];
        wanted.extend(names.time_else);
        wanted.extend(names.available);
        wanted.extend(names.types_column());
        wanted.extend(names.only.iter().map(|(column, _)| column.as_str()));
        wanted.extend(names.told().map(|(_, name, _)| name));
        let columns = file.leaves(|path| match path {
            [name] => wanted.contains(&name.as_str()),
            _ => false,
        });
        let are_near = time_bounds(&self.spec, file, row_group, names.time).is_some();
        file.read(row_group, &columns, |first_row, batch| {
            self.context.check()?;
            self.context
                .count_read(count64(batch.num_rows()), count64(batch.num_rows()));
            state.tallies[names.slot].rows += count64(batch.num_rows());
            let batch = Batch {
                file,
                names: &names,
                first_row,
                rows: batch,
                are_near,
            };
            self.read_batch(batch, state)
        })
    }

    /// Checks the types of a file's columns.
    pub(crate) fn check_types(&self, file: &ParquetFile, names: &ActionNames<'_>) -> Result<()> {
        check_customer(
            file,
            names.customer,
            self.customers,
            self.spec.customer_type.is_some(),
        )?;
        let item = file.required(names.item)?.data_type();
        if !holds_items(item, &self.spec) {
            return Err(file.wrong_type(names.item, &expected_items(&self.spec, item), item));
        }
        let is_there = |name: &&str| file.column(name).is_some();
        if ![Some(names.time), names.time_else]
            .iter()
            .flatten()
            .any(is_there)
        {
            file.required(names.last_time())?;
        }
        self.check_available(file, names)?;
        for name in [Some(names.time), names.time_else].into_iter().flatten() {
            check_time(file, name, self.spec.time_unit)?;
        }
        let only = names.only.iter().map(|(column, _)| column.as_str());
        for name in names.types_column().into_iter().chain(only) {
            let found = file.required(name)?.data_type();
            if !WordColumn::holds(found) {
                return Err(file.wrong_type(name, "text, integers or booleans", found));
            }
        }
        for (of, name, is_named) in names.told() {
            if is_named {
                file.required(name)?;
            }
            attributes::check(file, name, of)?;
        }
        Ok(())
    }

    /// Reads a batch: first the customers, then the rest of the rows that are wanted.
    fn read_batch(&self, batch: Batch<'_>, state: &mut ActionState<I>) -> Result<()> {
        match self.plain_columns(batch) {
            Some(columns) => self.read_plain(batch, &columns, state),
            None => {
                self.find_wanted(batch, state)?;
                self.read_wanted(batch, state)
            }
        }
    }

    /// The columns of a batch, if its rows need no judging: all count and have one type, nothing is
    /// null, ids are integers, times are numbers, all is known as it happens or when the folder says,
    /// and nothing else is told.
    fn plain_columns(&self, batch: Batch<'_>) -> Option<PlainColumns> {
        let is_plain = self.customers == CustomerType::Int64
            && self.spec.guest_ids.is_empty()
            && batch.names.available.is_none()
            && self.told.is_empty();
        let column = |name| batch.rows.column_by_name(name).filter(|_| is_plain);
        let items = column(batch.names.item)?;
        Some(PlainColumns {
            origin: batch.names.constant()?,
            customers: Ints::new(column(batch.names.customer)?)?,
            items: match self.spec.has_item_codes {
                false => PlainItems::Ints(Ints::new(items)?),
                true => PlainItems::Texts(plain_texts(items)?),
            },
            times: TimeColumn::new(column(batch.names.time)?, self.spec.time_unit)?.plain()?,
        })
    }

    /// Reads a batch of plain columns.
    fn read_plain(
        &self,
        batch: Batch<'_>,
        columns: &PlainColumns,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let mut wanted = std::mem::take(&mut state.wanted);
        let mut done = std::mem::take(&mut state.done);
        let keys = &self.probes.keys;
        match &columns.customers {
            Ints::Narrow(ids) => {
                keys.find_all(ids.values().iter().map(|id| i64::from(*id)), &mut wanted);
            }
            Ints::Wide(ids) => keys.find_all(ids.values().iter().copied(), &mut wanted),
        }
        self.enough.find_done(&wanted, &mut done);
        let rows = wanted.iter().map(|(row, _)| index(*row));
        let mut times = std::mem::take(&mut state.times);
        let zone = (self.spec.zone, batch.are_near);
        columns.times.instants(rows, zone, &mut times);
        let rows = (&wanted[..], &done[..], &times[..]);
        match &columns.items {
            PlainItems::Ints(items) => {
                let item_of = |_, row| I::from_wide(items.get(row));
                self.offer_all(batch, columns.origin, rows, item_of, state)?;
            }
            PlainItems::Texts(texts) => {
                let mut numbers = std::mem::take(&mut state.numbers);
                self.number_all(texts, &wanted, &mut numbers, state);
                let item_of = |at: usize, _| numbers[at];
                self.offer_all(batch, columns.origin, rows, item_of, state)?;
                state.numbers = numbers;
            }
        }
        (state.wanted, state.done, state.times) = (wanted, done, times);
        Ok(())
    }

    /// The numbers of the items of some rows; none where a text is no id.
    fn number_all(
        &self,
        texts: &StringViewArray,
        wanted: &[(u32, Key)],
        numbers: &mut Vec<Option<I>>,
        state: &mut ActionState<I>,
    ) {
        let text_of = |(row, _): &(u32, Key)| {
            let text = texts.value(index(*row)).as_bytes();
            // What is empty is no id, and neither is what is longer than one.
            if text.len() <= TEXT_BYTES_MAX {
                text
            } else {
                b""
            }
        };
        let texts: Vec<&[u8]> = wanted.iter().map(text_of).collect();
        let items = state.items.as_mut();
        let items = items.expect("items have texts for ids where their column is read as texts");
        items.numbers(&texts, numbers);
    }

    /// Keeps or drops rows of plain columns; `item_of` gives the item of one, by its place among them
    /// and by its row.
    #[inline]
    fn offer_all(
        &self,
        batch: Batch<'_>,
        origin: Origin,
        (wanted, done, times): PlainRows<'_>,
        item_of: impl Fn(usize, usize) -> Option<I>,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let rows = wanted.iter().zip(done).zip(times).enumerate();
        for (place, (((row, key), is_done), at)) in rows {
            if let (Some(at), Some(item)) = (*at, item_of(place, index(*row))) {
                let landing = &batch.names.landing;
                self.offer_plain(origin, (*key, *is_done), (at, item), landing, state)?;
            } else {
                // It says what is wrong, and with which row.
                state.wanted = vec![(*row, *key)];
                self.read_wanted(batch, state)?;
            }
        }
        Ok(())
    }

    /// The semi-join: which rows of a batch have customers that are asked for.
    fn find_wanted(&self, batch: Batch<'_>, state: &mut ActionState<I>) -> Result<()> {
        state.wanted.clear();
        let customers = batch.ids(batch.names.customer);
        let (mut decimal, names) = (String::new(), batch.names);
        let only = names.only.iter().map(|(column, _)| batch.words(column));
        let only: Vec<WordColumn> = only.collect();
        for row in 0..batch.rows.num_rows() {
            if !names.takes(|at| only[at].word(row)) {
                state.tallies[names.slot].filtered += 1;
                continue;
            }
            let customer = customers.customer(row, self.customers, &mut decimal);
            let (place, text) = (batch.place(row), || row_as_json(batch.rows, row));
            if let Some(key) = self.key_of(place, names, customer, &text, state)? {
                state.wanted.push((count32(row), key));
            }
        }
        Ok(())
    }

    /// Of columns of times with their names those that hold texts, which tell of each row whether it is
    /// a wall time or an instant; without those of days.
    fn texts_of<'c>(
        &self,
        batch: Batch<'_>,
        columns: [(&'c Option<TimeColumn>, Option<&'c str>); 3],
    ) -> Vec<(&'c TimeColumn, &'c str)> {
        let days = day_of_orders(&self.spec, batch.file.file.source);
        let is_clock = |name: &&str| Some(*name) != days && *name != DT;
        let texts = columns.into_iter().filter_map(|(column, name)| {
            let column = column.as_ref().filter(|column| column.is_text())?;
            Some((column, name.filter(is_clock)?))
        });
        texts.collect()
    }

    /// Judges those rows of a batch whose customers are asked for.
    fn read_wanted(&self, batch: Batch<'_>, state: &mut ActionState<I>) -> Result<()> {
        let (clock, names) = (Clock::new(&self.spec), batch.names);
        let times = |name| TimeColumn::new(batch.rows.column_by_name(name)?, clock.unit);
        let items = batch.ids(names.item);
        let (time, time_else) = (times(names.time), names.time_else.and_then(times));
        let available = names.available.and_then(times);
        let types = names.types_column().map(|name| batch.words(name));
        let told = names.told().map(|(of, name, _)| {
            let column = batch.rows.column_by_name(name);
            (AttributeArray::new(column, of.holds()), of.holds(), name)
        });
        let told: Vec<_> = told.collect();
        let when = |column: &Option<TimeColumn>, row| match column {
            None => Ok(None),
            Some(column) => {
                let written = column.written(row, &clock)?;
                Ok(written.map(|written| written.resolve(clock.zone)))
            }
        };
        let columns = [
            (&time, Some(names.time)),
            (&time_else, names.time_else),
            (&available, names.available),
        ];
        let texts = self.texts_of(batch, columns);
        let wanted = std::mem::take(&mut state.wanted);
        let mut decimal = String::new();
        for (row, key) in &wanted {
            let row = index(*row);
            let (mut time, mut time_at) = (when(&time, row), names.time);
            if let Some(other) = names.time_else
                && time == Ok(None)
                && time_else.is_some()
            {
                (time, time_at) = (when(&time_else, row), other);
            }
            let item = match &mut state.items {
                None => items.item(row, self.spec.item_type),
                Some(texts) => texts.judge(items.item_text(row, &mut decimal), || items.shown(row)),
            };
            let known = || names.known_by_column(available.as_ref(), row, &clock);
            let raw = Raw {
                key: *key,
                origin: origin_of(names, types.as_ref(), row),
                time,
                time_at,
                item,
                available: names.available.map(|_| known()),
                told: keys_of(&told, row),
            };
            if raw.origin != Ok(None) {
                for (column, name) in &texts {
                    column.note(
                        row,
                        &clock,
                        &mut state.kinds,
                        RowAt {
                            column: name,
                            ..batch.place(row)
                        },
                    );
                }
            }
            let text = || row_as_json(batch.rows, row);
            self.offer(batch.place(row), names, raw, &text, state)?;
        }
        state.wanted = wanted;
        Ok(())
    }
}
