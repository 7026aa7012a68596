//! JSON to records of cells: an object a line, an array of objects a file, or objects one after the other.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use serde_json::value::RawValue;

use super::text::{cells_among, open};
use crate::error::{Error, Result};
use crate::reference::read::cell::LogCell;
use crate::reference::read::paths::splits;
use crate::reference::read::{LogFile, OnCells};

/// The members of an object, as they are written: 1.0 is no integer, and no number is rounded.
type Object<'a> = BTreeMap<String, &'a RawValue>;

/// Reads NDJSON.
pub(crate) fn read_ndjson(
    file: &LogFile,
    explode: Option<&str>,
    columns: &[&str],
    on_record: OnCells<'_>,
) -> Result<()> {
    let mut record = 0;
    for line in open(file)?.split(b'\n') {
        let line = line.map_err(|error: io::Error| Error::io("read", &file.path, error))?;
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let json = std::str::from_utf8(line).unwrap_or_default();
        let whole = explode.is_none().then(|| cells_of(json, columns));
        // A line that is no JSON may be an object all the same.
        if let Some(None) = whole
            && let Some(cells) = cells_among(line, columns)
        {
            record += 1;
            on_record(record, &cells)?;
            continue;
        }
        offer(json, explode, columns, &mut record, on_record)?;
    }
    Ok(())
}

/// Reads a JSON array of objects, or objects one after the other.
pub(crate) fn read_json(
    file: &LogFile,
    explode: Option<&str>,
    columns: &[&str],
    on_record: OnCells<'_>,
) -> Result<()> {
    let mut text = String::new();
    let read = open(file)?.read_to_string(&mut text);
    read.map_err(|error| Error::io("read", &file.path, error))?;
    let records: std::result::Result<Vec<&RawValue>, serde_json::Error> =
        if text.trim_start().starts_with('[') {
            serde_json::from_str(&text)
        } else {
            serde_json::Deserializer::from_str(&text)
                .into_iter()
                .collect()
        };
    let records =
        records.map_err(|error| Error::bad_file(&file.display_path, error.to_string()))?;
    let mut record = 0;
    for object in records {
        offer(object.get(), explode, columns, &mut record, on_record)?;
    }
    Ok(())
}

/// Passes on the records that a value is. Each is counted before it is parsed: explanations name records by
/// number, and the engine counts unreadable ones.
fn offer(
    json: &str,
    explode: Option<&str>,
    columns: &[&str],
    record: &mut u64,
    on_record: OnCells<'_>,
) -> Result<()> {
    let rows = match explode {
        None => vec![cells_of(json, columns)],
        Some(key) => elements_of(json, key, columns),
    };
    for cells in rows {
        *record += 1;
        if let Some(cells) = cells {
            on_record(*record, &cells)?;
        }
    }
    Ok(())
}

/// The cells of each element of a list in an object; nothing for one that is no record.
fn elements_of(json: &str, key: &str, columns: &[&str]) -> Vec<Option<Vec<LogCell>>> {
    let Ok(object) = serde_json::from_str::<Object<'_>>(json) else {
        return vec![None];
    };
    let list = match value_in(&object, key) {
        None => return Vec::new(),
        Some(list) if list == "null" => return Vec::new(),
        Some(list) => list,
    };
    let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(&list) else {
        return vec![None];
    };
    let rows = elements.into_iter().map(|element| {
        let element = element.get();
        if element == "null" {
            return None;
        }
        let inner = match element.starts_with('{') {
            true => serde_json::from_str::<Object<'_>>(element).ok()?,
            false => Object::new(),
        };
        let cell = |column: &&str| {
            if *column == key {
                return cell_of(Some(element));
            }
            let behind = column
                .strip_prefix(key)
                .and_then(|rest| rest.strip_prefix('.'));
            let own = value_in(&inner, behind.unwrap_or(column));
            cell_of(own.or_else(|| value_in(&object, column)).as_deref())
        };
        Some(columns.iter().map(cell).collect())
    });
    rows.collect()
}

/// The cells of a JSON object; nothing if the text is not one.
pub(crate) fn cells_of(json: &str, columns: &[&str]) -> Option<Vec<LogCell>> {
    let object: Object<'_> = serde_json::from_str(json).ok()?;
    let cell = |name: &&str| cell_of(value_in(&object, name).as_deref());
    Some(columns.iter().map(cell).collect())
}

/// The value of a key, or of a key in an object inside; in null all is null.
fn value_in(object: &Object<'_>, name: &str) -> Option<String> {
    if let Some(value) = object.get(name) {
        return Some(value.get().to_owned());
    }
    splits(name).into_iter().find_map(|(key, rest)| {
        let outer = object.get(key)?.get();
        if outer == "null" {
            return Some("null".to_owned());
        }
        value_in(&serde_json::from_str(outer).ok()?, rest)
    })
}

/// The cell of a value.
fn cell_of(value: Option<&str>) -> LogCell {
    match value {
        None => LogCell::Missing,
        Some("null") => LogCell::Null,
        Some(text) if text.starts_with('"') => {
            // Half of a surrogate pair is valid JSON and no text.
            serde_json::from_str(text).map_or(LogCell::Bytes, LogCell::Quoted)
        }
        Some(other) => LogCell::Json(other.to_owned()),
    }
}
