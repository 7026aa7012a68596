//! JSON to records of cells: an object a line, an array of objects a file, or objects one after the other.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::elements::{ListElement, ListSyntax};
use super::text::{NO_TEXT, cells_among, literal, open, with_no_text};
use crate::error::{Error, Result};
use crate::reference::read::cell::LogCell;
use crate::reference::read::paths::splits;
use crate::reference::read::{LogFile, OnCells};

/// The members of an object, as they are written: 1.0 is no integer, and no number is rounded.
type Object<'a> = BTreeMap<String, &'a RawValue>;

/// Reads NDJSON.
pub(crate) fn read_ndjson(
    file: &LogFile,
    syntax: Option<&ListSyntax>,
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
        let whole = syntax.is_none().then(|| cells_of(json, columns));
        // A line that is no JSON may be an object all the same.
        if let Some(None) = whole
            && let Some(cells) = cells_among(line, columns)
        {
            record += 1;
            on_record(record, &cells)?;
            continue;
        }
        offer(json, syntax, columns, &mut record, on_record)?;
    }
    Ok(())
}

/// Reads a JSON array of objects, or objects one after the other.
pub(crate) fn read_json(
    file: &LogFile,
    syntax: Option<&ListSyntax>,
    columns: &[&str],
    on_record: OnCells<'_>,
) -> Result<()> {
    let mut bytes = Vec::new();
    let read = open(file)?.read_to_end(&mut bytes);
    read.map_err(|error| Error::io("read", &file.path, error))?;
    let text = with_no_text(&bytes);
    let is_json = serde_json::Deserializer::from_str(&text)
        .into_iter::<IgnoredAny>()
        .all(|value| value.is_ok());
    let text = match literal::values(&text).filter(|_| !is_json) {
        Some(values) => values.join("\n"),
        None => text,
    };
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
    // What holds bytes that are not UTF-8 is no value of a column.
    let mut on_record = |record, cells: &[LogCell]| {
        let is_bytes = |cell: &LogCell| match cell {
            LogCell::Quoted(text) | LogCell::Json(text) => text.contains(NO_TEXT),
            _ => false,
        };
        let cells = cells.iter();
        let cells = cells.map(|cell| {
            if is_bytes(cell) {
                LogCell::Bytes
            } else {
                cell.clone()
            }
        });
        on_record(record, &cells.collect::<Vec<_>>())
    };
    for object in records {
        offer(object.get(), syntax, columns, &mut record, &mut on_record)?;
    }
    Ok(())
}

/// Passes on the records that a value is. Each is counted before it is parsed: explanations name records by
/// number, and the engine counts unreadable ones.
fn offer(
    json: &str,
    syntax: Option<&ListSyntax>,
    columns: &[&str],
    record: &mut u64,
    on_record: OnCells<'_>,
) -> Result<()> {
    let rows = match syntax {
        None => vec![cells_of(json, columns)],
        Some(syntax) => elements_of(json, syntax, columns),
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
fn elements_of(json: &str, syntax: &ListSyntax, columns: &[&str]) -> Vec<Option<Vec<LogCell>>> {
    let Ok(object) = serde_json::from_str::<Object<'_>>(json) else {
        return vec![None];
    };
    let of_record = |column: &str| cell_of(value_in(&object, column).as_deref());
    rows_of(&of_record(&syntax.key), syntax, columns, &of_record)
}

/// The cells of each element of a list, given those of its record; nothing for one that is no record.
pub(super) fn rows_of(
    list: &LogCell,
    syntax: &ListSyntax,
    columns: &[&str],
    of_record: &dyn Fn(&str) -> LogCell,
) -> Vec<Option<Vec<LogCell>>> {
    let Some(elements) = syntax.elements(list) else {
        return vec![None];
    };
    let key = syntax.key.as_str();
    let rows = elements.into_iter().map(|element| {
        let (alone, label, inner) = match &element {
            ListElement::Bad => return None,
            ListElement::Text(text) => (text.clone(), None, Object::new()),
            ListElement::Split(text, label) => (text.clone(), Some(label), Object::new()),
            ListElement::Value(json) if json.starts_with('{') => {
                let inner = serde_json::from_str::<Object<'_>>(json).ok()?;
                (cell_of(Some(json)), None, inner)
            }
            ListElement::Value(json) => (cell_of(Some(json)), None, Object::new()),
        };
        let cell = |column: &&str| match label {
            _ if *column == key => alone.clone(),
            Some(label) if *column == syntax.label() => label.clone(),
            _ => {
                let behind = column
                    .strip_prefix(key)
                    .and_then(|rest| rest.strip_prefix('.'));
                match value_in(&inner, behind.unwrap_or(column)) {
                    Some(own) => cell_of(Some(&own)),
                    None => of_record(column),
                }
            }
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
