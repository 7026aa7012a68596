//! Actions in Parquet: first the customers of a batch, then the rest of the rows that are wanted.

use arrow::array::{Array, RecordBatch};

use super::{ActionNames, ActionScan, ActionState, Raw, slot};
use crate::error::Result;
use crate::ids::{Item, count64};
use crate::job::CustomerType;
use crate::scan::arrays::{IdColumn, TimeColumn};
use crate::scan::faults::RowAt;
use crate::scan::fields::Clock;
use crate::scan::impressions::{check_customer, check_time};
use crate::scan::parquet::{ParquetFile, row_as_json};

impl<I: Item> ActionScan<'_, I> {
    /// Reads a row group.
    pub(super) fn read_parquet(
        &self,
        file: &ParquetFile,
        row_group: usize,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let source = file.file.source;
        let names = ActionNames::of(self.job, source);
        self.check_types(file, &names)?;
        let mut wanted = vec![names.customer, names.item, names.time];
        wanted.extend(names.time_else);
        wanted.extend(names.available);
        let columns = file.leaves(|path| match path {
            [name] => wanted.contains(&name.as_str()),
            _ => false,
        });
        file.read(row_group, &columns, |first_row, batch| {
            self.control.check()?;
            self.control
                .count_read(count64(batch.num_rows()), count64(batch.num_rows()));
            state.tallies[slot(source)].rows += count64(batch.num_rows());
            self.read_batch(file, &names, first_row, batch, state)
        })
    }

    /// Checks the types of a file's columns.
    pub(crate) fn check_types(&self, file: &ParquetFile, names: &ActionNames<'_>) -> Result<()> {
        check_customer(
            file,
            names.customer,
            self.customers,
            self.job.customer_type.is_some(),
        )?;
        let item = file.required(names.item)?.data_type();
        if !item.is_integer() {
            return Err(file.wrong_type(names.item, "integers", item));
        }
        let is_there = |name: &&str| file.column(name).is_some();
        if ![Some(names.time), names.time_else]
            .iter()
            .flatten()
            .any(is_there)
        {
            file.required(names.last_time())?;
        }
        if let Some(available) = names.available {
            file.required(available)?;
        }
        for name in [Some(names.time), names.time_else, names.available]
            .into_iter()
            .flatten()
        {
            check_time(file, name, self.job)?;
        }
        Ok(())
    }

    /// Reads the rows of a batch: first the customers, then the rest of those that are wanted.
    fn read_batch(
        &self,
        file: &ParquetFile,
        names: &ActionNames<'_>,
        first_row: u64,
        batch: &RecordBatch,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        let clock = Clock::of(self.job);
        let ids = |name| batch.column_by_name(name).and_then(IdColumn::of);
        let times = |name| TimeColumn::of(batch.column_by_name(name)?, clock.unit);
        let items = ids(names.item).expect("types are checked");
        let customers = ids(names.customer).expect("types are checked");
        let (time, time_else) = (times(names.time), names.time_else.and_then(times));
        let available = names.available.and_then(times);
        let place = |row: usize| RowAt {
            file: &file.file,
            row: first_row + count64(row),
            column: "",
        };
        self.find_wanted(batch, &customers, names, place, state)?;
        let when = |column: &Option<TimeColumn>, row| match column {
            None => Ok(None),
            Some(column) => {
                let written = column.written(row, &clock)?;
                Ok(written.map(|written| written.resolve(clock.zone)))
            }
        };
        let wanted = std::mem::take(&mut state.wanted);
        for (row, key) in &wanted {
            let row = *row;
            let (mut time, mut time_at) = (when(&time, row), names.time);
            if let Some(other) = names.time_else
                && time == Ok(None)
                && time_else.is_some()
            {
                (time, time_at) = (when(&time_else, row), other);
            }
            let item = items.item(row, self.job.item_type);
            let available = available.is_some().then(|| when(&available, row));
            let raw = Raw {
                key: *key,
                time,
                time_at,
                item,
                available,
            };
            self.offer(place(row), names, raw, &|| row_as_json(batch, row), state)?;
        }
        state.wanted = wanted;
        Ok(())
    }

    /// The semi-join: which rows of a batch have customers that are asked for.
    fn find_wanted<'f>(
        &self,
        batch: &RecordBatch,
        customers: &IdColumn,
        names: &ActionNames<'_>,
        place: impl Fn(usize) -> RowAt<'f>,
        state: &mut ActionState<I>,
    ) -> Result<()> {
        state.wanted.clear();
        if let (IdColumn::Int(ids), CustomerType::Int64) = (customers, self.customers)
            && ids.null_count() == 0
            && self.job.guest_ids.is_empty()
        {
            let keys = ids.values().iter().map(|id| self.probes.keys.of_int(*id));
            let wanted = keys.enumerate().filter_map(|(row, key)| Some((row, key?)));
            state.wanted.extend(wanted);
            return Ok(());
        }
        let mut decimal = String::new();
        for row in 0..batch.num_rows() {
            let customer = customers.customer(row, self.customers, &mut decimal);
            let text = || row_as_json(batch, row);
            if let Some(key) = self.key_of(place(row), names, customer, &text, state)? {
                state.wanted.push((row, key));
            }
        }
        Ok(())
    }
}
