//! Rows of impressions to impressions: those with a ranking id as they are, rows that are one item put
//! together, and those without a ranking id named.
//!
//! **Invariants**: naive: rows are grouped in maps by day and ranking id, and read twice, first for the keys
//! that somebody wants.

mod items;
mod rows;
mod shape;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use twox_hash::XxHash64;

use self::rows::{RowReader, ShownRow};
use self::shape::{Shape, ShownNames, shape_of};
use crate::error::Result;
use crate::job::{NullLabel, Passthrough, PassthroughType, Settings, Source};
use crate::reference::read::cell::{LogCell, RecordFault};
use crate::reference::read::{Check, ItemCodes, LogFile, LogRecord, of_source, per_file};
use crate::reference::{LogImpression, LogTime, instant_in};

/// Whether an impression of a day, a customer and a ranking is wanted.
type IsWanted<'a> = &'a (dyn Fn(i32, Option<&str>, &str) -> bool + Sync);

/// Which impressions are wanted.
#[derive(Clone, Copy)]
pub(crate) struct WantedImpressions<'a> {
    pub(crate) is_wanted: IsWanted<'a>,
    /// If given, all of them have one of these ranking ids.
    pub(crate) rankings: Option<&'a BTreeSet<&'a str>>,
}

/// The keys that rows wait for: day and ranking id, or day and hash.
type Key = (i32, String);

/// The impressions that are wanted by day, customer and ranking, in the order of files and records.
/// Records without a valid day, customer or ranking are skipped.
///
/// # Errors
/// If a file cannot be read.
pub(crate) fn impressions(
    settings: &Settings,
    items: &ItemCodes,
    files: &[LogFile],
    wanted: WantedImpressions<'_>,
    check: Check<'_>,
) -> Result<Vec<LogRecord<LogImpression>>> {
    let WantedImpressions {
        is_wanted,
        rankings,
    } = wanted;
    let settings = &of_source(settings, Source::Impressions);
    let names = &ShownNames::new(settings);
    let is_shown = |file: &&LogFile| file.source == Source::Impressions;
    let mut files: Vec<LogFile> = files.iter().filter(is_shown).cloned().collect();
    files.sort_by(|a, b| Path::new(&a.display_path).cmp(Path::new(&b.display_path)));
    let shapes = per_file(
        &files,
        |_| true,
        |file| shape_of(settings, names, file, check),
    )?;
    let (waiting, whole): (Vec<_>, Vec<_>) = files
        .into_iter()
        .zip(shapes)
        .partition(|(_, shape)| shape.is_flat || !shape.has_ranking);
    let rows_of = |files: &[(LogFile, Shape)], keep: &(dyn Fn(&ShownRow) -> bool + Sync)| {
        let only: Vec<LogFile> = files.iter().map(|(file, _)| file.clone()).collect();
        let rows = per_file(
            &only,
            |_| true,
            |file| {
                let own = files.iter().find(|(other, _)| other == file);
                let reader = RowReader {
                    settings,
                    codes: items,
                    names,
                    file,
                    shape: own.map(|(_, shape)| *shape).expect("it is one of them"),
                    rankings,
                };
                let mut rows = Vec::new();
                reader.read(check, &mut |row| {
                    if keep(&row) {
                        rows.push(row);
                    }
                })?;
                Ok(rows)
            },
        )?;
        Ok(rows.concat())
    };
    let wanted = |row: &ShownRow| {
        let ranking = row.ranking.as_deref().unwrap_or_default();
        is_wanted(row.day, row.customer.as_deref(), ranking)
    };
    let rows: Vec<ShownRow> = rows_of(&whole, &wanted)?;
    let mut found: Vec<_> = rows.into_iter().map(|row| row.record).collect();
    if waiting.is_empty() {
        return Ok(found);
    }
    let keys = wanted_keys(&waiting, &rows_of, is_wanted)?;
    let rows: Vec<ShownRow> = rows_of(&waiting, &|row| keys.contains(&key_of(row)))?;
    let (named, unnamed): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.ranking.is_some());
    let mut more = grouped(settings, names, named);
    more.extend(numbered(settings, unnamed));
    more.retain(|(day, customer, record)| is_wanted(*day, customer.as_deref(), &record.owner));
    found.extend(more.into_iter().map(|(.., record)| record));
    Ok(found)
}

/// An impression with its day and its customer, which a bad row has too.
type Found = (i32, Option<String>, LogRecord<LogImpression>);

/// What reads the rows of some files.
type RowsOf<'a> =
    &'a dyn Fn(&[(LogFile, Shape)], &(dyn Fn(&ShownRow) -> bool + Sync)) -> Result<Vec<ShownRow>>;

/// The day of a row with its ranking id, or with the hash that is its id.
fn key_of(row: &ShownRow) -> Key {
    let hash = || format!("{:016x}", XxHash64::oneshot(42, row.contents.as_bytes()));
    (row.day, row.ranking.clone().unwrap_or_else(hash))
}

/// The keys of rows that are wanted, by any of the ids that they may get.
fn wanted_keys(
    files: &[(LogFile, Shape)],
    rows_of: RowsOf<'_>,
    is_wanted: IsWanted<'_>,
) -> Result<BTreeSet<Key>> {
    let mut counts: BTreeMap<(Key, Option<String>, bool), u64> = BTreeMap::new();
    for file in files {
        // File by file, so that only keys are in memory.
        let all = rows_of(std::slice::from_ref(file), &|_| true)?;
        for row in all {
            let key = (key_of(&row), row.customer, row.ranking.is_some());
            *counts.entry(key).or_default() += 1;
        }
    }
    let wanted = counts
        .into_iter()
        .filter(|((key, customer, is_named), count)| {
            let ids = if *is_named { 1 } else { *count };
            (1..=ids).any(|id| is_wanted(key.0, customer.as_deref(), &name_of(&key.1, id)))
        });
    Ok(wanted.map(|((key, ..), _)| key).collect())
}

/// The name of the n-th of some impressions that have the same hash.
fn name_of(hash: &str, number: u64) -> String {
    match number {
        1 => hash.to_owned(),
        _ => format!("{hash}-{number}"),
    }
}

/// Rows that are one item each, as impressions.
fn grouped(settings: &Settings, names: &ShownNames<'_>, rows: Vec<ShownRow>) -> Vec<Found> {
    let mut groups: BTreeMap<Key, Vec<ShownRow>> = BTreeMap::new();
    let mut found = Vec::new();
    for row in rows {
        match row.record.row {
            Ok(_) => groups.entry(key_of(&row)).or_default().push(row),
            // A bad row is in no group.
            Err(_) => found.push((row.day, row.customer.clone(), row.record)),
        }
    }
    for ((day, _), rows) in groups {
        let customer = rows.first().and_then(|row| row.customer.clone());
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for row in rows {
            if row.customer == customer {
                good.push(row);
            } else {
                let found = row.customer.clone().map_or(LogCell::Null, LogCell::Text);
                bad.push((
                    row,
                    RecordFault::new(names.customer, "one customer", &found),
                ));
            }
        }
        if good.iter().any(|row| row.place.is_some()) {
            good.sort_by_key(|row| row.place);
            let mut seen = BTreeSet::new();
            let all = std::mem::take(&mut good);
            for row in all {
                let Some(place) = row.place.filter(|place| seen.insert(*place)) else {
                    let found = LogCell::Text(format!("{:?}", row.place));
                    let fault = RecordFault::new(names.position, "a place of its own", &found);
                    bad.push((row, fault));
                    continue;
                };
                debug_assert_eq!(row.place, Some(place));
                good.push(row);
            }
        }
        found.extend(bad.into_iter().map(|(row, fault)| {
            let record = LogRecord {
                row: Err(fault),
                ..row.record
            };
            (row.day, row.customer, record)
        }));
        found.extend(together(settings, good).map(|record| (day, customer, record)));
    }
    found
}

/// The impression of some rows that are one item each, in the order of the ranking.
fn together(settings: &Settings, rows: Vec<ShownRow>) -> Option<LogRecord<LogImpression>> {
    let mut rows = rows.into_iter().map(|row| row.record);
    let mut first = rows.next()?;
    let Ok(impression) = &mut first.row else {
        return None;
    };
    let instant = |time: LogTime| instant_in(settings.zone_name(), time);
    for row in rows.filter_map(|record| record.row.ok()) {
        impression.items.extend(row.items);
        impression.item_passthrough.extend(row.item_passthrough);
        let times = [impression.time, row.time].into_iter().flatten();
        let earliest = times.map(instant).min();
        impression.time = earliest.map(LogTime::Instant);
    }
    Some(first)
}

/// Impressions without a ranking id, with one.
fn numbered(settings: &Settings, rows: Vec<ShownRow>) -> Vec<Found> {
    let mut alike: BTreeMap<Key, Vec<ShownRow>> = BTreeMap::new();
    for row in rows {
        alike.entry(key_of(&row)).or_default().push(row);
    }
    let mut found = Vec::new();
    for ((day, hash), mut rows) in alike {
        rows.sort_by(|a, b| compare(settings, a, b));
        let mut number = 0;
        for row in rows {
            number += u64::from(row.record.row.is_ok());
            let name = name_of(&hash, number.max(1));
            let mut record = row.record;
            record.owner.clone_from(&name);
            if let Ok(impression) = &mut record.row {
                impression.ranking = name;
            }
            found.push((day, row.customer, record));
        }
    }
    found
}

/// The order of impressions that are alike: by what they are, then by the columns that are kept of them.
fn compare(settings: &Settings, a: &ShownRow, b: &ShownRow) -> Ordering {
    let own = settings.sequences();
    let values = |row: &ShownRow| {
        let Ok(impression) = &row.record.row else {
            return Vec::new();
        };
        let of_row = own.keep.iter().filter(|own| !own.of_items);
        let of_row = of_row.zip(&impression.passthrough);
        let mut values: Vec<Vec<KeptValue>> = of_row
            .map(|(own, value)| vec![KeptValue::new(own, value.as_deref())])
            .collect();
        let of_items = own.keep.iter().filter(|own| own.of_items);
        for (at, own) in of_items.enumerate() {
            let items = impression.items.iter().zip(&impression.item_passthrough);
            let drops = settings.sequences().null_label == NullLabel::Drop;
            // Of items that make no row nothing counts.
            let rows = items.filter(|((item, label), _)| *item != 0 && !(drops && label.is_none()));
            let column = rows.map(|(_, values)| KeptValue::new(own, values[at].as_deref()));
            values.push(column.collect());
        }
        values
    };
    let by_contents = a.contents.cmp(&b.contents);
    by_contents.then_with(|| values(a).cmp(&values(b)))
}

/// A value of a kept column, in the order of its type.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum KeptValue {
    Null,
    Boolean(bool),
    Int(i64),
    Bits(u64),
    Text(String),
}

impl KeptValue {
    /// The value of a text of a column.
    fn new(own: &Passthrough, text: Option<&str>) -> KeptValue {
        let Some(text) = text else {
            return KeptValue::Null;
        };
        match own.kind {
            Some(PassthroughType::Boolean) => KeptValue::Boolean(text == "true"),
            Some(PassthroughType::Int32 | PassthroughType::Int64 | PassthroughType::Time) => {
                KeptValue::Int(text.parse().unwrap_or_default())
            }
            Some(PassthroughType::Double) => {
                let number: f64 = text.parse().unwrap_or_default();
                KeptValue::Bits(number.to_bits())
            }
            Some(PassthroughType::Text) | None => KeptValue::Text(text.to_owned()),
        }
    }
}
