//! The columns of a file, with types and values inferred from its first records.

use std::collections::BTreeMap;
use std::io::Read;

use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::value::RawValue;

use super::cell::LogCell;
use super::formats::{arrow, text};
use super::times::parse;
use super::{How, LogFile, read};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Format, Settings};
use crate::store::local;

/// Bytes of text in which column names are looked for.
const HEAD_BYTES: u64 = 1 << 20;

/// A column, and what its first values have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurveyedColumn {
    /// Its name.
    pub name: String,
    /// Every value is a list, and there is one.
    pub is_list: bool,
    /// Every value is an integer, and there is one.
    pub is_integer: bool,
    /// Every value is a time that needs no unit, and there is one.
    pub is_time: bool,
    /// The distinct values that are words, sorted; 33 at most.
    pub words: Vec<String>,
}

/// The most words that are returned.
const WORDS_MAX: usize = 33;

/// The columns of a file, by its first `records_max` records.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn survey(file: &LogFile, records_max: u64) -> Result<Vec<SurveyedColumn>> {
    let names = names(file)?;
    let columns: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut cells: Vec<Vec<LogCell>> = vec![Vec::new(); columns.len()];
    // An error is the only way out of `read`; no signal has the number 0.
    let enough = || Error::from(ErrorKind::Interrupted { signal: 0 });
    let all = read(
        file,
        How::default(),
        &columns,
        &|| Ok(()),
        &mut |record, row| {
            if record > records_max {
                return Err(enough());
            }
            for (cells, cell) in cells.iter_mut().zip(row) {
                cells.extend(Some(cell.clone()).filter(|cell| !cell.is_null()));
            }
            Ok(())
        },
    );
    match all {
        Err(error) if !matches!(error.kind(), ErrorKind::Interrupted { .. }) => return Err(error),
        _ => {}
    }
    let surveyed = names.iter().zip(&cells);
    Ok(surveyed
        .map(|(name, cells)| surveyed_of(name, cells))
        .collect())
}

/// Reads the words of some columns, nothing where a value is null or no word, of at most `records_max`
/// records; returns the number of records.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn words(
    settings: &Settings,
    file: &LogFile,
    columns: &[&str],
    records_max: u64,
    on_row: &mut dyn FnMut(&[Option<String>]),
) -> Result<u64> {
    let own = super::of_source(settings, file.source);
    let (enough, mut count) = (|| Error::from(ErrorKind::Interrupted { signal: 0 }), 0);
    let all = read(file, How::new(&own), columns, &|| Ok(()), &mut |_, row| {
        if count == records_max {
            return Err(enough());
        }
        count += 1;
        on_row(&row.iter().map(LogCell::word).collect::<Vec<_>>());
        Ok(())
    });
    match all {
        Err(error) if !matches!(error.kind(), ErrorKind::Interrupted { .. }) => Err(error),
        _ => Ok(count),
    }
}

/// What the values of a column have in common.
fn surveyed_of(name: &str, cells: &[LogCell]) -> SurveyedColumn {
    let all = |is_so: &dyn Fn(&LogCell) -> bool| !cells.is_empty() && cells.iter().all(is_so);
    let words = cells.iter().filter_map(LogCell::word);
    let mut words: Vec<String> = words.filter(|word| word.len() <= 64).collect();
    words.sort();
    words.dedup();
    // One more than `job init` takes for types, so it can tell a full list from a cut one.
    words.truncate(WORDS_MAX);
    SurveyedColumn {
        name: name.to_owned(),
        is_list: all(&|cell| match cell {
            LogCell::List(_) => true,
            LogCell::Csv(text) | LogCell::Json(text) => text.starts_with('['),
            _ => false,
        }),
        is_integer: all(&|cell| match cell {
            LogCell::Int(_) => true,
            LogCell::Csv(text) | LogCell::Json(text) => text.parse::<i64>().is_ok(),
            _ => false,
        }),
        is_time: all(&|cell| match cell {
            LogCell::Stamp(..) | LogCell::Date(_) => true,
            LogCell::Csv(text) | LogCell::Quoted(text) | LogCell::Text(text) => {
                parse(text).is_some()
            }
            _ => false,
        }),
        words,
    }
}

/// The names of a file's columns: in the order of the file; of JSON sorted.
fn names(file: &LogFile) -> Result<Vec<String>> {
    let broken = |what: String| Error::bad_file(&file.display_path, what);
    if file.format == Format::Parquet {
        let failed = |error| Error::io("read", &file.path, error);
        let opened = local::open(&file.path).map_err(failed)?;
        let reader =
            SerializedFileReader::new(opened).map_err(|error| broken(error.to_string()))?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let fields = schema.root_schema().get_fields().iter();
        return Ok(fields.map(|field| field.name().to_owned()).collect());
    }
    if file.format == Format::Arrow {
        return arrow::names(file);
    }
    let mut head = Vec::new();
    let read = text::open(file)?.take(HEAD_BYTES).read_to_end(&mut head);
    read.map_err(|error| Error::io("read", &file.path, error))?;
    if file.format == Format::Csv {
        let mut reader = csv::Reader::from_reader(&head[..]);
        let header = reader
            .byte_headers()
            .map_err(|error| broken(error.to_string()))?;
        let names = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).into_owned());
        return Ok(names.collect());
    }
    let mut names = std::collections::BTreeSet::new();
    // Skips the syntax of a JSON array around objects; a record that the head cuts off ends the loop.
    let mut rest = &head[..];
    while let Some(start) = rest.iter().position(|byte| *byte == b'{') {
        let mut objects = serde_json::Deserializer::from_slice(&rest[start..])
            .into_iter::<BTreeMap<String, &RawValue>>();
        let Some(Ok(object)) = objects.next() else {
            break;
        };
        names.extend(object.into_keys());
        rest = &rest[start + objects.byte_offset()..];
    }
    Ok(names.into_iter().collect())
}
