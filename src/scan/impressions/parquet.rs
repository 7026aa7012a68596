//! Impressions in Parquet: columns and nested lists, batch by batch.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, RecordBatch, StructArray};
use arrow::datatypes::DataType;

use super::text::dt_of;
use super::{ImpressionScan, ImpressionState, Raw};
use crate::advice::{self, Hint};
use crate::error::Result;
use crate::ids::{Item, count64};
use crate::job::{CustomerType, Cutoff, ItemType, TimeUnit};
use crate::kernel::passthrough::PassthroughValue;
use crate::scan::bad_rows::RowAt;
use crate::scan::item_ids::{ItemDictionary, expected_items, holds_items};
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::parquet::{ParquetFile, row_as_json};
use crate::scan::table::arrow::{IdColumn, label};
use crate::scan::table::arrow_times::TimeColumn;
use crate::scan::table::passthrough::{PassthroughArray, check};
use crate::scan::text::field::{Clock, Field};
use crate::scan::text::impression_items::{ElementCounts, ElementReader, ImpressionItems};
use crate::scan::units::hint_of_column;

impl ImpressionScan<'_> {
    /// Reads a row group.
    pub(super) fn read_parquet<I: Item>(
        &self,
        file: &ParquetFile,
        row_group: usize,
        (state, texts): (&mut ImpressionState<I>, &mut Option<ItemDictionary>),
    ) -> Result<()> {
        self.check_types(file)?;
        let names = self.names;
        let mut wanted = vec![names.customer, names.ranking];
        if file.file.day.is_none() {
            wanted.push(names.dt);
        }
        if self.spec.cutoff == Cutoff::Time {
            wanted.push(names.time);
        }
        wanted.extend(self.keep.iter().map(|keep| keep.name.as_str()));
        let mut of_items = self.elements.names.to_vec();
        of_items.extend(self.elements.keep.iter().map(|keep| keep.name.as_str()));
        let columns = file.leaves(|path| match path {
            [name] => wanted.contains(&name.as_str()),
            [name, .., leaf] => name == names.shown && of_items.contains(&leaf.as_str()),
            [] => false,
        });
        file.read(row_group, &columns, |first_row, batch| {
            self.context.check()?;
            self.context
                .count_read(count64(batch.num_rows()), count64(batch.num_rows()));
            self.read_batch(file, (first_row, batch), (state, &mut *texts))
        })
    }

    /// Checks the types of a file's columns.
    fn check_types(&self, file: &ParquetFile) -> Result<()> {
        let names = self.names;
        let ranking = file.required(names.ranking)?.data_type();
        if !IdColumn::holds(ranking, CustomerType::String, true) {
            return Err(file.wrong_type(names.ranking, "text or integers", ranking));
        }
        check_customer(
            file,
            names.customer,
            self.customers,
            self.spec.customer_type.is_some(),
        )?;
        let by_time = self.spec.cutoff == Cutoff::Time;
        if file.file.day.is_none() {
            if !by_time {
                file.required(names.dt)?;
            }
            check_time(file, names.dt, self.spec.time_unit)?;
        }
        if by_time {
            file.required(names.time)?;
            check_time(file, names.time, self.spec.time_unit)?;
        }
        let shown = file.required(names.shown)?.data_type();
        let [item, label] = self.elements.names;
        let wrong_for = |found: &DataType| {
            let items = expected_items(&self.spec, found);
            let expected = format!("a list of struct<{item}: {items}, {label}: boolean>");
            file.wrong_type(names.shown, &expected, shown)
        };
        let wrong = || wrong_for(&DataType::Null);
        let DataType::List(element) = shown else {
            return Err(wrong());
        };
        let DataType::Struct(fields) = element.data_type() else {
            return Err(wrong());
        };
        let of = |name: &str| fields.find(name).map(|(_, field)| field.data_type());
        match (of(item), of(label)) {
            (Some(item), Some(DataType::Boolean)) if holds_items(item, &self.spec) => {}
            (Some(item), _) if !holds_items(item, &self.spec) => return Err(wrong_for(item)),
            _ => return Err(wrong()),
        }
        let mut keep = self.impressions.keep.iter();
        keep.try_for_each(|keep| check(&self.spec, file, keep))
    }

    /// Reads the rows of a batch.
    fn read_batch<I: Item>(
        &self,
        file: &ParquetFile,
        (first_row, batch): (u64, &RecordBatch),
        (state, texts): (&mut ImpressionState<I>, &mut Option<ItemDictionary>),
    ) -> Result<()> {
        let (clock, item_type) = (Clock::new(&self.spec), self.spec.item_type);
        let column = |name| batch.column_by_name(name);
        let time_column = |name| TimeColumn::new(column(name)?, clock.unit);
        let ids = |name| {
            column(name)
                .and_then(IdColumn::new)
                .expect("types are checked")
        };
        let (customers, rankings) = (ids(self.names.customer), ids(self.names.ranking));
        let (days, times) = (time_column(self.names.dt), time_column(self.names.time));
        let array = column(self.names.shown).expect("types are checked");
        let lists = Lists::new(array, &self.elements);
        let kept = self.keep.iter().map(|keep| {
            let array = column(&keep.name).expect("types are checked");
            (*keep, PassthroughArray::new(array, keep.holds()))
        });
        let kept: Vec<_> = kept.collect();
        let (mut decimal, mut ranking_text) = (String::new(), String::new());
        for row in 0..batch.num_rows() {
            let at = RowAt {
                file: &file.file,
                row: first_row + count64(row),
                column: "",
            };
            let written = |times: &Option<TimeColumn>| match times {
                None => Ok(None),
                Some(times) => times.written(row, &clock),
            };
            let mut items = |into: &mut ImpressionItems<I>, kept: &mut [Vec<PassthroughValue>]| {
                lists.read(
                    row,
                    (&self.elements, &clock, texts),
                    item_type,
                    (into, kept),
                )
            };
            let mut kept = |into: &mut Vec<PassthroughValue>| {
                for (keep, array) in &kept {
                    let value = array.get(row, &clock);
                    into.push(value.map_err(|error| (keep.name.as_str(), error))?);
                }
                Ok(())
            };
            let mut raw = Raw {
                dt: match days.as_ref().and_then(|days| days.text(row)) {
                    Some(text) => dt_of(&Field::Csv(text), clock.zone),
                    None => written(&days).map(|day| day.map(|day| day.day(clock.zone))),
                },
                time: written(&times),
                customer: customers.customer(row, self.customers, &mut decimal),
                ranking: rankings.ranking(row, &mut ranking_text),
                items: &mut items,
                kept: &mut kept,
            };
            let texts = [&days, &times].map(|of| of.as_ref().and_then(|of| of.text(row)));
            self.note(at, &raw, texts.map(Option::unwrap_or_default), state);
            self.offer(at, &mut raw, &|| row_as_json(batch, row), state)?;
        }
        Ok(())
    }
}

/// The shown items of a batch.
struct Lists<'b> {
    /// Where each row's elements lie, and which rows are null.
    lists: &'b ListArray,
    elements: &'b StructArray,
    items: IdColumn,
    labels: &'b BooleanArray,
    /// What is carried through of them.
    kept: Vec<PassthroughArray>,
}

impl<'b> Lists<'b> {
    /// The lists of a column whose type is checked.
    fn new(array: &'b ArrayRef, reader: &ElementReader<'_>) -> Lists<'b> {
        let lists = array.as_list::<i32>();
        let elements = lists.values().as_struct();
        let column = |name| elements.column_by_name(name).expect("types are checked");
        let items = IdColumn::new(column(reader.names[0])).expect("types are checked");
        let kept = reader.keep.iter();
        let kept = kept.map(|keep| PassthroughArray::new(column(&keep.name), keep.holds()));
        Lists {
            lists,
            elements,
            items,
            labels: column(reader.names[1]).as_boolean(),
            kept: kept.collect(),
        }
    }

    /// The items of a row; nothing if its array is null.
    fn read<I: Item>(
        &self,
        row: usize,
        (reader, clock, texts): (&ElementReader<'_>, &Clock<'_>, &mut Option<ItemDictionary>),
        item_type: ItemType,
        (shown, kept): (&mut ImpressionItems<I>, &mut [Vec<PassthroughValue>]),
    ) -> Value<Option<ElementCounts>> {
        if self.lists.is_null(row) {
            return Ok(None);
        }
        let bounds = self.lists.value_offsets();
        let place = |at: i32| usize::try_from(at).expect("offsets are never negative");
        let (start, end) = (place(bounds[row]), place(bounds[row + 1]));
        let (mut counts, mut decimal) = (ElementCounts::default(), String::new());
        for (position, at) in (start..end).enumerate() {
            if self.elements.is_null(at) {
                let found = format!("null in element {}", position + 1);
                return Err(Mismatch::new("an item", found));
            }
            let item = match texts {
                None => self.items.item(at, item_type).map(Some),
                Some(texts) => {
                    let text = self.items.item_text(at, &mut decimal);
                    reader.named(texts, text, || self.items.shown(at))
                }
            };
            let item = item.map_err(|error| reader.at(position, 0, error))?;
            for (number, (values, array)) in kept.iter_mut().zip(&self.kept).enumerate() {
                let value = array.get(at, clock);
                values.push(value.map_err(|error| reader.at_kept(position, number, error))?);
            }
            reader.keep(item, label(self.labels, at), position, shown, &mut counts)?;
        }
        Ok(Some(counts))
    }
}

/// Checks the type of a column of customers.
///
/// # Errors
/// If it is not there, or holds ids of another type.
pub(crate) fn check_customer(
    file: &ParquetFile,
    name: &str,
    customers: CustomerType,
    by_flag: bool,
) -> Result<()> {
    let found = file.required(name)?.data_type();
    if IdColumn::holds(found, customers, by_flag) {
        return Ok(());
    }
    let is_id = IdColumn::holds(found, CustomerType::String, true);
    let (what, hint) = match customers {
        _ if !is_id && found.is_floating() => ("integers or text", Some(Hint::WholeNumbers)),
        _ if !is_id => ("integers or text", None),
        CustomerType::Int64 => (
            "integers, as in the impressions",
            Some(Hint::MixedCustomers),
        ),
        CustomerType::String => ("text, as in the impressions", Some(Hint::MixedCustomers)),
    };
    let hint = hint.map(|hint| hint.text().to_owned());
    Err(file.wrong_type(name, &advice::expected(what, hint), found))
}

/// Checks the type of a column of times, if it is there.
///
/// # Errors
/// If it holds no times.
pub(crate) fn check_time(file: &ParquetFile, name: &str, unit: Option<TimeUnit>) -> Result<()> {
    let Some(field) = file.column(name) else {
        return Ok(());
    };
    let found = field.data_type();
    if TimeColumn::holds(found, unit) {
        return Ok(());
    }
    let hint = match found.is_integer() {
        true => hint_of_column(file, name),
        false => String::new(),
    };
    Err(file.wrong_type(name, &format!("times{hint}"), found))
}
