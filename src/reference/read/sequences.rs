//! Records to what `sequences` asks about: actions, and impressions.

use std::sync::Arc;

use super::cell::{Cell, Fault};
use super::known::{Known, day_of_folder};
use super::text::cells_of;
use super::{Check, Found, ItemCodes, LogFile, column, per_file, read, without};
use crate::error::Result;
use crate::job::{
    ActionSource, Attribute, CustomerType, Cutoff, Dedup, Guests, NullLabel, OtherTypes, Settings,
    Source, Types,
};
use crate::reference::read::attributes::{numbers_of, told_in};
use crate::reference::{LogAction, LogImpression, LogTime, Repeats, Rules, Told, day_in};

/// The rules that settings of `sequences` make.
pub(crate) fn rules(settings: &Settings) -> Rules {
    let own = settings.sequences();
    let embargo = |source: Source| {
        let mut given = own.embargo_us.iter();
        given.find(|(of, _)| *of == source).map(|(_, us)| *us)
    };
    Rules {
        cutoff_is_time: own.cutoff == Cutoff::Time,
        lookback_days: own.lookback_days,
        embargo_us: own.actions.iter().map(|of| embargo(of.source)).collect(),
        types: own.types.clone(),
        repeats: match settings.dedup {
            Dedup::None => Repeats::Kept,
            Dedup::Exact => Repeats::Exact,
            Dedup::Consecutive => Repeats::Consecutive,
        },
        told: own
            .attributes
            .iter()
            .filter(|side| **side == Attribute::TimeDelta)
            .map(|_| Told::TimeDelta)
            .collect(),
        actions_max: usize::try_from(own.actions_max).unwrap_or(usize::MAX),
        timezone: settings.zone_name().to_owned(),
        guests_are_rows: own.guests == Guests::Empty,
        negatives: own.negatives_rate.map(|rate| (rate, own.seed)),
        drop_null_labels: own.null_label == NullLabel::Drop,
    }
}

/// The type of customers.
fn customers(settings: &Settings) -> CustomerType {
    settings.customer_type.unwrap_or(CustomerType::Int64)
}

/// Whether an id means nobody.
fn is_guest(settings: &Settings, id: &str) -> bool {
    let same = |guest: &String| match customers(settings) {
        CustomerType::Int64 => guest.parse::<i64>().ok() == id.parse().ok(),
        CustomerType::String => guest == id,
    };
    settings.sequences().guest_ids.iter().any(same)
}

/// The customer of a cell: nobody if it is null or a guest's id.
fn customer(
    settings: &Settings,
    name: &str,
    cell: &Cell,
) -> std::result::Result<Option<String>, Fault> {
    let id = cell.id(name, customers(settings))?;
    Ok(id.filter(|id| !is_guest(settings, id)))
}

/// The actions of some customers, in the order of files and records; and how many records there are.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn actions(
    (settings, items): (&Settings, &ItemCodes),
    files: &[LogFile],
    is_wanted: &(dyn Fn(&str) -> bool + Sync),
    check: Check<'_>,
) -> Result<(Vec<Found<LogAction>>, u64)> {
    let is_action = |source| {
        settings
            .sequences()
            .actions
            .iter()
            .any(|of| of.source == source)
    };
    let found = per_file(files, is_action, |file| {
        actions_of((settings, items), file, is_wanted, check)
    })?;
    let (mut all, mut records) = (Vec::new(), 0);
    for (found, count) in found {
        all.extend(found);
        records += count;
    }
    Ok((all, records))
}

/// The actions of some customers in one file, and how many records it has.
fn actions_of(
    (settings, items): (&Settings, &ItemCodes),
    file: &LogFile,
    is_wanted: &(dyn Fn(&str) -> bool + Sync),
    check: Check<'_>,
) -> Result<(Vec<Found<LogAction>>, u64)> {
    let (log, of) = log_of(settings, file.source);
    let (item, times) = item_and_times(settings, file.source);
    let available = Known::new(settings, file);
    let mut columns = vec![column(settings, file.source, "customer_id"), item];
    columns.extend(&times);
    columns.extend(available.as_ref().and_then(Known::column));
    let known_at = columns.len() - 1;
    columns.extend(of.only.iter().map(|(column, _)| column.as_str()));
    if let Types::Column { column, .. } = &of.types {
        columns.push(column);
    }
    let kind_at = columns.len() - 1;
    let told = told_in(settings, file.source);
    columns.extend(told.iter().map(|(name, _)| *name));
    let (mut found, mut records, from) = (Vec::new(), 0, (file, &settings.null_values[..]));
    let shown: Arc<str> = file.shown.as_str().into();
    read(from, &columns, check, &mut |record, cells| {
        records += 1;
        let chosen = &cells[known_at + 1..];
        if !of
            .only
            .iter()
            .zip(chosen)
            .all(|((_, values), cell)| has_word(cell, values))
        {
            return Ok(());
        }
        let Ok(Some(whose)) = customer(settings, columns[0], &cells[0]) else {
            return Ok(());
        };
        if !is_wanted(&whose) {
            return Ok(());
        }
        let kind = kind_of(&of.types, &cells[kind_at]);
        if kind == Ok(None) {
            return Ok(());
        }
        let judge = || {
            let kind = kind?.unwrap_or_default();
            let time = time_of(&cells[2..2 + times.len()], &times, settings)?;
            let known = available
                .as_ref()
                .map(|of| of.time(settings, &cells[known_at]));
            let item = items.item(&cells[1], columns[1], settings.sequences().item_type)?;
            Ok(LogAction {
                customer: Some(whose.clone()),
                time,
                log,
                kind,
                item,
                available: known.transpose()?,
                told: numbers_of(&told, &cells[kind_at + 1..])?,
            })
        };
        found.push(Found {
            row: judge(),
            of: whose.clone(),
            source: file.source,
            file: Arc::clone(&shown),
            record,
        });
        Ok(())
    })?;
    Ok((found, records))
}

/// The columns of item and time of a source, as its files name them: of times those that stand in for
/// others after them.
fn item_and_times(settings: &Settings, source: Source) -> (&str, Vec<&str>) {
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

/// The place of a source of actions in the list of settings, and what is said of it there.
fn log_of(settings: &Settings, source: Source) -> (usize, &ActionSource) {
    let mut logs = settings.sequences().actions.iter().enumerate();
    logs.find(|(_, of)| of.source == source)
        .expect("only files of these sources are read")
}

/// Whether a cell is one of some words: a text, an integer, a truth value.
fn has_word(cell: &Cell, words: &[String]) -> bool {
    cell.word().is_some_and(|word| words.contains(&word))
}

/// The code of a type; nothing if the row is to be left out.
fn kind_of(types: &Types, cell: &Cell) -> std::result::Result<Option<u8>, Fault> {
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
        (None, OtherTypes::Error) => Err(Fault::new(column, "a type with a code", cell)),
    }
}

/// The first time of some columns that is not null.
fn time_of(
    cells: &[Cell],
    names: &[&str],
    settings: &Settings,
) -> std::result::Result<LogTime, Fault> {
    for (cell, name) in cells.iter().zip(names) {
        if let Some((time, _)) = cell.time(name, settings)? {
            return Ok(time);
        }
    }
    let last = names.last().copied().unwrap_or_default();
    Err(Fault::new(last, "a time", &Cell::Null))
}

/// The impressions that are wanted, by day, customer and ranking, in the order of files and records.
/// Of those that are no good it is not asked whose they are.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn impressions(
    (settings, items): (&Settings, &ItemCodes),
    files: &[LogFile],
    is_wanted: &(dyn Fn(i32, Option<&str>, &str) -> bool + Sync),
    check: Check<'_>,
) -> Result<Vec<Found<LogImpression>>> {
    let is_shown = |source| source == Source::Impressions;
    let found = per_file(files, is_shown, |file| {
        impressions_of((settings, items), file, is_wanted, check)
    })?;
    Ok(found.concat())
}

/// The impressions of one file that are wanted.
fn impressions_of(
    (settings, items): (&Settings, &ItemCodes),
    file: &LogFile,
    is_wanted: &(dyn Fn(i32, Option<&str>, &str) -> bool + Sync),
    check: Check<'_>,
) -> Result<Vec<Found<LogImpression>>> {
    let ours = [
        "dt",
        "impression_time",
        "customer_id",
        "ranking_id",
        "impressions",
    ];
    let columns = ours.map(|ours| column(settings, Source::Impressions, ours));
    let carried = settings
        .sequences()
        .keep
        .iter()
        .filter(|keep| !keep.of_items);
    let carried: Vec<_> = carried.collect();
    let mut wanted = columns.to_vec();
    wanted.extend(carried.iter().map(|keep| keep.name.as_str()));
    let folder = day_of_folder(&file.shown);
    let (mut found, from) = (Vec::new(), (file, &settings.null_values[..]));
    let shown: Arc<str> = file.shown.as_str().into();
    read(from, &wanted, check, &mut |record, cells| {
        let Some((time, day)) = moment(settings, folder, &columns, cells) else {
            return Ok(());
        };
        let Ok(customer) = customer(settings, columns[2], &cells[2]) else {
            return Ok(());
        };
        let Some(ranking) = cells[3].text() else {
            return Ok(());
        };
        if !is_wanted(day, customer.as_deref(), &ranking) {
            return Ok(());
        }
        found.push(Found {
            of: ranking.clone(),
            row: items_of((settings, items), columns[4], &cells[4]).and_then(
                |(items, kept_items)| {
                    let kept = carried.iter().zip(&cells[columns.len()..]);
                    let kept = kept.map(|(keep, cell)| cell.kept(settings, keep));
                    Ok(LogImpression {
                        customer,
                        day,
                        time,
                        ranking,
                        items,
                        kept: kept.collect::<std::result::Result<_, _>>()?,
                        kept_items,
                    })
                },
            ),
            source: file.source,
            file: Arc::clone(&shown),
            record,
        });
        Ok(())
    })?;
    Ok(found)
}

/// The time and the day of an impression; nothing if either is no good.
fn moment(
    settings: &Settings,
    folder: Option<i32>,
    columns: &[&str],
    cells: &[Cell],
) -> Option<(Option<LogTime>, i32)> {
    let of_time = |time| day_in(settings.zone_name(), time).unwrap_or(i32::MAX);
    let time = match settings.sequences().cutoff {
        Cutoff::Day => None,
        Cutoff::Time => Some(cells[1].time(columns[1], settings).ok()??.0),
    };
    let told = match folder {
        Some(day) => Some(day),
        None => cells[0].day(columns[0], settings, of_time).ok()?,
    };
    Some((time, told.or_else(|| time.map(of_time))?))
}

/// The items of an impression with labels, and what is carried through of each.
type ItemsKept = (Vec<(i64, Option<bool>)>, Vec<Vec<Option<String>>>);

/// The items of an impression, with labels; and what is carried through of each.
fn items_of(
    (settings, codes): (&Settings, &ItemCodes),
    name: &str,
    cell: &Cell,
) -> std::result::Result<ItemsKept, Fault> {
    let own = settings.sequences();
    let ours = ["item_id", "is_order"];
    let mut names = ours
        .map(|ours| column(settings, Source::Impressions, ours))
        .to_vec();
    let carried: Vec<_> = own.keep.iter().filter(|keep| keep.of_items).collect();
    names.extend(carried.iter().map(|keep| keep.name.as_str()));
    let fault = || Fault::new(name, "an array of objects", cell);
    let elements: Vec<Vec<Cell>> = match cell {
        Cell::Null => Vec::new(),
        Cell::Csv(json) | Cell::Json(json) => {
            let elements: Option<Vec<&serde_json::value::RawValue>> =
                serde_json::from_str(json).map_err(|_| fault())?;
            let elements = elements.unwrap_or_default().into_iter();
            let nulls = &settings.null_values;
            let cells = elements.map(|element| cells_of(element.get(), &names));
            let cells = cells.map(|cells| Some(without(&cells?, nulls)));
            cells.collect::<Option<_>>().ok_or_else(fault)?
        }
        Cell::List(elements) => {
            let pick = |fields: &Vec<(String, Cell)>| {
                let of = |name: &str| {
                    let field = fields.iter().find(|(of, _)| of == name);
                    field.map_or(Cell::Missing, |(_, cell)| cell.clone())
                };
                names.iter().map(|name| of(name)).collect()
            };
            let elements = elements.iter().map(|element| element.as_ref().map(pick));
            elements.collect::<Option<_>>().ok_or_else(fault)?
        }
        _ => return Err(fault()),
    };
    let (mut items, mut kept) = (Vec::new(), Vec::new());
    for element in elements {
        let values = carried.iter().zip(&element[ours.len()..]);
        let values = values.map(|(keep, cell)| cell.kept(settings, keep));
        kept.push(values.collect::<std::result::Result<_, _>>()?);
        let item = codes.item(&element[0], names[0], own.item_type)?;
        let label = element[1].label(names[1])?;
        if label.is_none() && own.null_label == NullLabel::Error {
            return Err(Fault::new(names[1], "true or false", &element[1]));
        }
        items.push((item, label));
    }
    Ok((items, kept))
}
