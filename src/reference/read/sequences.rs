//! Reads the actions of `sequences`.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashTable;

use super::cell::{LogCell, RecordFault};
use super::known::Availability;
use super::{
    Check, ItemCodes, LogFile, LogRecord, OnCells, Wanted, column, of_source, per_file, read_wanted,
};
use crate::error::Result;
use crate::job::{ActionSource, CustomerType, OtherTypes, Settings, Source, Types};
use crate::reference::read::attributes::{attributes_in, numbers_of};
use crate::reference::{LogAction, LogTime};

/// The id type of customers.
fn customer_type(settings: &Settings) -> CustomerType {
    settings.customer_type.unwrap_or(CustomerType::Int64)
}

/// Whether a customer id stands for a guest.
fn is_guest(settings: &Settings, id: &str) -> bool {
    let same = |guest: &String| match customer_type(settings) {
        // By value, as 007 names the guest 7.
        CustomerType::Int64 => guest.parse::<i64>().ok() == id.parse().ok(),
        CustomerType::String => guest == id,
    };
    settings.sequences().guest_ids.iter().any(same)
}

/// The customer of a cell: nobody if it is null or stands for a guest.
pub(super) fn customer(
    settings: &Settings,
    name: &str,
    cell: &LogCell,
) -> std::result::Result<Option<String>, RecordFault> {
    let id = cell.id(name, customer_type(settings))?;
    Ok(id.filter(|id| !is_guest(settings, id)))
}

/// The ids of some customers.
#[derive(Debug, Default)]
pub(crate) struct CustomerIds {
    texts: BTreeSet<String>,
    /// The integers that they are.
    ints: HashTable<i64>,
}

impl CustomerIds {
    /// These ids.
    pub(crate) fn new(texts: BTreeSet<String>) -> CustomerIds {
        let mut ints = HashTable::new();
        for id in texts.iter().filter_map(|id| id.parse().ok()) {
            ints.insert_unique(hash_of(id), id, |id| hash_of(*id));
        }
        CustomerIds { texts, ints }
    }

    /// Whether the customer of a cell is one of them.
    fn has(&self, settings: &Settings, cell: &LogCell) -> bool {
        // To make a text of each of millions of integers took longer than to read them.
        if let LogCell::Int(value) = cell
            && let Ok(id) = i64::try_from(*value)
            && self.ints.find(hash_of(id), |own| *own == id).is_none()
        {
            return false;
        }
        let id = customer(settings, "", cell);
        id.is_ok_and(|id| id.is_some_and(|id| self.texts.contains(&id)))
    }
}

/// The hash of an integer.
fn hash_of(id: i64) -> u64 {
    // By Fibonacci; the table looks at the lowest and the highest bits.
    let hash = id.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 32)
}

/// The actions of some customers, file by file in the order of records, and the number of all records.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn actions(
    settings: &Settings,
    items: &ItemCodes,
    files: &[LogFile],
    customers: &CustomerIds,
    check: Check<'_>,
) -> Result<(Vec<Vec<LogRecord<LogAction>>>, u64)> {
    let logs = &settings.sequences().actions;
    let is_log = |source| logs.iter().any(|log| log.source == source);
    let per_file = per_file(files, is_log, |file| {
        actions_of(settings, items, file, customers, check)
    })?;
    let records = per_file.iter().map(|(_, count)| count).sum();
    let actions = per_file.into_iter().map(|(actions, _)| actions);
    Ok((actions.collect(), records))
}

/// The actions of some customers in one file, and the number of its records.
fn actions_of(
    settings: &Settings,
    items: &ItemCodes,
    file: &LogFile,
    customers: &CustomerIds,
    check: Check<'_>,
) -> Result<(Vec<LogRecord<LogAction>>, u64)> {
    let settings = &of_source(settings, file.source);
    let (log, own) = log_of(settings, file.source);
    let (item, times) = item_and_times(settings, file.source);
    let available = Availability::new(settings, file);
    let mut columns = vec![column(settings, file.source, "customer_id"), item];
    columns.extend(&times);
    columns.extend(available.as_ref().and_then(Availability::column));
    // Without an availability column this is the last time column. `Availability` does not look at
    // it then, and the columns of `where` follow in either case.
    let known_at = columns.len() - 1;
    columns.extend(own.only.iter().map(|(column, _)| column.as_str()));
    if let Types::Column { column, .. } = &own.types {
        columns.push(column);
    }
    // With a constant type it is the index of some other column, which `kind_of` does not look at.
    let kind_at = columns.len() - 1;
    let attributes = attributes_in(settings, file.source);
    columns.extend(attributes.iter().map(|field| field.name));
    let mut found = Vec::new();
    let path: Arc<str> = file.display_path.as_str().into();
    let wanted = Wanted {
        column: columns[0],
        is_wanted: &|cell| customers.has(settings, cell),
    };
    let on_record: OnCells<'_> = &mut |record, cells| {
        // Its customer is wanted. Then the order of the scan: whether the row counts, its type, then
        // all else. So a row that is left out may hold anything.
        let mut only = own.only.iter().zip(&cells[known_at + 1..]);
        if !only.all(|((_, values), cell)| has_word(cell, values)) {
            return Ok(());
        }
        let Ok(Some(customer)) = customer(settings, columns[0], &cells[0]) else {
            return Ok(());
        };
        let kind = kind_of(&own.types, &cells[kind_at]);
        if kind == Ok(None) {
            return Ok(());
        }
        let parse = || {
            let kind = kind?.unwrap_or_default();
            let time = time_of(&cells[2..2 + times.len()], &times, settings)?;
            let known = available
                .as_ref()
                .map(|known| known.time(settings, &cells[known_at]));
            let item = items.item(&cells[1], columns[1], settings.sequences().item_type)?;
            Ok(LogAction {
                customer: Some(customer.clone()),
                time,
                log,
                kind,
                item,
                available: known.transpose()?,
                attributes: numbers_of(&attributes, &cells[kind_at + 1..])?,
            })
        };
        found.push(LogRecord {
            row: parse(),
            owner: customer,
            source: file.source,
            file: Arc::clone(&path),
            record,
        });
        Ok(())
    };
    let records = read_wanted(file, settings, &columns, &wanted, check, on_record)?;
    Ok((found, records))
}

/// The columns of item and time of a source, as its files name them. Of several time columns the first
/// that is not null counts.
pub(super) fn item_and_times(settings: &Settings, source: Source) -> (&str, Vec<&str>) {
    let name = |ours: &'static str| column(settings, source, ours);
    match source {
        Source::Clicks => (name("item_id"), vec![name("click_time")]),
        Source::Carts => (name("config_id"), vec![name("occurred_at")]),
        Source::Orders => (
            name("config_id"),
            vec![name("occurred_at"), name("order_date")],
        ),
        _ => match name("time_else") {
            "time_else" => (name("item_id"), vec![name("time")]),
            other => (name("item_id"), vec![name("time"), other]),
        },
    }
}

/// The index of a source in the actions of the settings, and its entry.
pub(super) fn log_of(settings: &Settings, source: Source) -> (usize, &ActionSource) {
    let mut logs = settings.sequences().actions.iter().enumerate();
    logs.find(|(_, log)| log.source == source)
        .expect("only files of these sources are read")
}

/// Whether a cell is one of some words.
pub(super) fn has_word(cell: &LogCell, words: &[String]) -> bool {
    cell.word().is_some_and(|word| words.contains(&word))
}

/// The code of the type of an action; nothing if the row is dropped.
fn kind_of(types: &Types, cell: &LogCell) -> std::result::Result<Option<u8>, RecordFault> {
    let (column, codes, other) = match types {
        Types::Constant(code) => return Ok(Some(*code)),
        Types::Column {
            column,
            codes,
            other,
        } => (column, codes, other),
    };
    let word = cell.word();
    let code = codes.iter().find(|(value, _)| Some(value) == word.as_ref());
    match (code, other) {
        (Some((_, code)), _) => Ok(Some(*code)),
        (None, OtherTypes::Drop) => Ok(None),
        (None, OtherTypes::Error) => Err(RecordFault::new(column, "a type with a code", cell)),
    }
}

/// The first time of some columns that is not null.
pub(super) fn time_of(
    cells: &[LogCell],
    names: &[&str],
    settings: &Settings,
) -> std::result::Result<LogTime, RecordFault> {
    for (cell, name) in cells.iter().zip(names) {
        if let Some((time, _)) = cell.time(name, settings)? {
            return Ok(time);
        }
    }
    let last = names.last().copied().unwrap_or_default();
    Err(RecordFault::new(last, "a time", &LogCell::Null))
}
