//! Actions in Parquet: first the customers of a batch, then the other columns of the rows that are wanted.
//!
//! **In / Out**: an [`ArrowBatch`] at a time → events in the thread's `PartitionWriter`.
//! **Cost**: rows in which nothing needs judging are read without arrays (`plain`). From the first other row
//! of a row group on, a batch without any is read column by column ([`PlainColumns`]), and any other row by row.

use arrow::array::StringViewArray;

use super::rows::{keys_of, origin_of};
use super::{ActionNames, ActionScan, ActionState, Origin, RawAction};
use crate::error::Result;
use crate::ids::{Item, Key, Micros, count32, count64, index};
use crate::job::{CustomerType, DT};
use crate::scan::GroupRows;
use crate::scan::bad_rows::RowAt;
use crate::scan::mismatch::TEXT_BYTES_MAX;
use crate::scan::parquet::ParquetFile;
use crate::scan::statistics::time_bounds;
use crate::scan::table::arrow::{PlainInts, plain_texts};
use crate::scan::table::arrow_times::{TimeColumn, TimeNumbers};
use crate::scan::table::arrow_words::WordColumn;
use crate::scan::table::attributes::AttributeArray;
use crate::scan::table::declared::{DeclaredColumn, Holds, check_columns};
use crate::scan::table::row_group::{ArrowBatch, Projection, read_row_group};
use crate::scan::text::field::Clock;
use crate::scan::time_columns::day_of_orders;

/// What holds for all batches of a row group.
struct GroupFacts<'a> {
    /// What its columns are called.
    names: &'a ActionNames<'a>,
    /// Whether statistics prove that all its times are of the years 1 to 9999, so that none is tested.
    are_near: bool,
}

/// Rows of plain columns that are wanted: places and customers, and a value of each for every row.
#[derive(Clone, Copy)]
struct PlainRows<'a> {
    wanted: &'a [(u32, Key)],
    /// Whether the customer has enough.
    done: &'a [bool],
    times: &'a [Option<Micros>],
}

/// The columns of a batch in which nothing is null.
struct PlainColumns {
    /// What the rows are.
    origin: Origin,
    customers: PlainInts,
    items: PlainItems,
    times: TimeNumbers,
}

/// A column of items in which nothing is null.
enum PlainItems {
    /// Integers that are ids.
    Ints(PlainInts),
    /// Texts that are.
    Texts(StringViewArray),
}

impl<I: Item> ActionScan<'_, I> {
    /// Reads some rows of a row group.
    pub(super) fn read_parquet(
        &self,
        file: &ParquetFile,
        rows: GroupRows,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let names = self.names_of(&file.file);
        self.check_types(file, &names)?;
        // Mostly all of them; what is left, and what is wrong with it, is found below.
        let done = self.read_plain_group(file, rows, &names, state)?;
        if done == rows.count() {
            return Ok(());
        }
        let mut flat = vec![names.customer, names.item, names.time];
        flat.extend(names.time_else);
        flat.extend(names.available);
        flat.extend(names.types_column());
        flat.extend(names.only.iter().map(|(column, _)| column.as_str()));
        flat.extend(names.told().map(|(_, name, _)| name));
        let columns = Projection {
            flat,
            ..Projection::default()
        };
        let facts = GroupFacts {
            names: &names,
            are_near: time_bounds(&self.spec, file, rows.group, names.time).is_some(),
        };
        let mut on_batch = |batch: ArrowBatch<'_>| {
            state.tallies[names.slot].rows += count64(batch.rows_count());
            self.read_batch(&facts, batch, state)
        };
        read_row_group(file, rows.from(done), &columns, self.context, &mut on_batch)
    }

    /// Checks the types of a file's columns.
    pub(crate) fn check_types(&self, file: &ParquetFile, names: &ActionNames<'_>) -> Result<()> {
        let required = DeclaredColumn::required;
        let mut columns = vec![
            required(names.customer, Holds::Customer(self.customers)),
            required(names.item, Holds::Item),
        ];
        let times = [Some(names.time), names.time_else].into_iter().flatten();
        // One of the two must exist; the message names the one that is looked for last.
        if times.clone().all(|name| file.column(name).is_none()) {
            columns.push(required(names.last_time(), Holds::Time));
        }
        columns.extend(names.declared_available(&file.file));
        columns.extend(times.map(|name| DeclaredColumn::optional(name, Holds::Time)));
        let only = names.only.iter().map(|(column, _)| column.as_str());
        let words = names.types_column().into_iter().chain(only);
        columns.extend(words.map(|name| required(name, Holds::Word)));
        columns.extend(names.told().map(|(column, name, is_named)| {
            if is_named {
                required(name, Holds::Attribute(column))
            } else {
                DeclaredColumn::optional(name, Holds::Attribute(column))
            }
        }));
        check_columns(&self.spec, file, columns)
    }

    /// Reads a batch: first the customers, then the rest of the rows that are wanted.
    fn read_batch(
        &self,
        facts: &GroupFacts<'_>,
        batch: ArrowBatch<'_>,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        match self.plain_columns(facts.names, batch) {
            Some(columns) => self.read_plain(facts, batch, &columns, state),
            None => {
                self.find_wanted(facts.names, batch, state)?;
                if state.wanted.is_empty() {
                    // No other column is looked at.
                    return Ok(());
                }
                self.read_wanted(facts.names, batch, state)
            }
        }
    }

    /// The columns of a batch, if its rows need no judging: all count and have one type, nothing is
    /// null, ids are integers, times are numbers, all is known as it happens or when the folder says,
    /// and nothing else is told.
    fn plain_columns(
        &self,
        names: &ActionNames<'_>,
        batch: ArrowBatch<'_>,
    ) -> Option<PlainColumns> {
        // Guest ids, attributes and availability must be judged row by row.
        let is_plain = self.customers == CustomerType::Int64
            && self.spec.guest_ids.is_empty()
            && names.available.is_none()
            && self.told.is_empty();
        let column = |name| batch.column(name).filter(|_| is_plain);
        let spec = self.spec_of(&batch.file.file);
        let items = column(names.item)?;
        Some(PlainColumns {
            origin: names.constant()?,
            customers: PlainInts::new(column(names.customer)?)?,
            items: if self.spec.has_item_codes {
                PlainItems::Texts(plain_texts(items)?)
            } else {
                PlainItems::Ints(PlainInts::new(items)?)
            },
            times: TimeColumn::new(column(names.time)?, spec.time_unit)?.plain()?,
        })
    }

    /// Reads a batch of plain columns.
    fn read_plain(
        &self,
        facts: &GroupFacts<'_>,
        batch: ArrowBatch<'_>,
        columns: &PlainColumns,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let mut wanted = std::mem::take(&mut state.wanted);
        let mut done = std::mem::take(&mut state.done);
        let keys = &self.probes.keys;
        match &columns.customers {
            PlainInts::Narrow(ids) => {
                keys.find_all(ids.values().iter().map(|id| i64::from(*id)), &mut wanted);
            }
            PlainInts::Wide(ids) => keys.find_all(ids.values().iter().copied(), &mut wanted),
        }
        // For all rows first: a branch on each look-up would wait for memory each time.
        self.enough.find_done(&wanted, &mut done);
        let rows = wanted.iter().map(|(row, _)| index(*row));
        let mut times = std::mem::take(&mut state.times);
        let spec = self.spec_of(&batch.file.file);
        let zone = (spec.wall_zone, facts.are_near);
        columns.times.instants(rows, zone, &mut times);
        let rows = PlainRows {
            wanted: &wanted,
            done: &done,
            times: &times,
        };
        match &columns.items {
            PlainItems::Ints(items) => {
                let item_of = |_, row| I::from_wide(items.get(row));
                self.offer_all(facts.names, batch, columns.origin, rows, item_of, state)?;
            }
            PlainItems::Texts(texts) => {
                let mut numbers = std::mem::take(&mut state.numbers);
                self.number_all(texts, &wanted, &mut numbers, state);
                let item_of = |at: usize, _| numbers[at];
                self.offer_all(facts.names, batch, columns.origin, rows, item_of, state)?;
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
        names: &ActionNames<'_>,
        batch: ArrowBatch<'_>,
        origin: Origin,
        rows: PlainRows<'_>,
        item_of: impl Fn(usize, usize) -> Option<I>,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let rows = rows
            .wanted
            .iter()
            .zip(rows.done)
            .zip(rows.times)
            .enumerate();
        for (place, (((row, key), is_done), at)) in rows {
            if let (Some(at), Some(item)) = (*at, item_of(place, index(*row))) {
                let landing = &names.landing;
                // Asked last: a fault is reported even if the customer has enough, because who has
                // enough depends on what was read so far.
                if !is_done {
                    self.offer_plain(origin, *key, at, item, landing, state)?;
                }
            } else {
                // It says what is wrong, and with which row.
                // At once and alone, so that faults come in the order of rows.
                state.wanted = vec![(*row, *key)];
                self.read_wanted(names, batch, state)?;
            }
        }
        Ok(())
    }

    /// The semi-join: which rows of a batch have customers with impressions.
    fn find_wanted(
        &self,
        names: &ActionNames<'_>,
        batch: ArrowBatch<'_>,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        state.wanted.clear();
        let customers = batch.ids(names.customer);
        let mut decimal = String::new();
        let only = names.only.iter().map(|(column, _)| batch.words(column));
        let only: Vec<WordColumn> = only.collect();
        for row in 0..batch.rows_count() {
            // First of all: a row that does not count may hold anything.
            if !names.takes(|at| only[at].word(row)) {
                state.tallies[names.slot].filtered += 1;
                continue;
            }
            let customer = customers.customer(row, self.customers, &mut decimal);
            let (place, text) = (batch.place(row), || batch.text_of(row));
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
        batch: ArrowBatch<'_>,
        columns: [(&'c Option<TimeColumn>, Option<&'c str>); 3],
    ) -> Vec<(&'c TimeColumn, &'c str)> {
        let days = day_of_orders(&self.spec, batch.file.file.source);
        // Days are neither wall times nor instants.
        let is_clock = |name: &&str| Some(*name) != days && *name != DT;
        let texts = columns.into_iter().filter_map(|(column, name)| {
            let column = column.as_ref().filter(|column| column.is_text())?;
            Some((column, name.filter(is_clock)?))
        });
        texts.collect()
    }

    /// Validates those rows of a batch whose customers have impressions, and keeps, drops or rejects each.
    fn read_wanted(
        &self,
        names: &ActionNames<'_>,
        batch: ArrowBatch<'_>,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        // Not by the cells of `table`: these validate whole columns before a row is known to be
        // wanted, which would change which fault is reported first.
        let clock = Clock::new(&self.spec_of(&batch.file.file));
        let times = |name| batch.times(name, clock.unit);
        let items = batch.ids(names.item);
        let (time, time_else) = (times(names.time), names.time_else.and_then(times));
        let available = names.available.and_then(times);
        let types = names.types_column().map(|name| batch.words(name));
        let told = names.told().map(|(column, name, _)| {
            let values = AttributeArray::new(batch.column(name), column.holds());
            (values, column.holds(), name)
        });
        let told: Vec<_> = told.collect();
        let when = |column: &Option<TimeColumn>, row| match column {
            None => Ok(None),
            Some(column) => {
                let written = column.written(row, &clock)?;
                Ok(written.map(|written| clock.resolve(written)))
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
            let raw = RawAction {
                key: *key,
                origin: origin_of(names, types.as_ref(), row),
                time,
                time_at,
                item,
                available: names.available.map(|_| known()),
                told: keys_of(&told, row),
            };
            // Rows that are left out are not validated, so they must not decide about zones either.
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
            let text = || batch.text_of(row);
            self.offer(batch.place(row), names, raw, &text, state)?;
        }
        state.wanted = wanted;
        Ok(())
    }
}
