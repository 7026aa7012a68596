//! The first records of a file, whatever its format.

use std::io::Read;
use std::path::Path;

use super::columnar::columnar_rows;
use super::csv::csv_rows;
use super::json::json_rows;
use super::schema::FirstRecords;
use crate::catalog::paths::discover;
use crate::catalog::pipes::Pipes;
use crate::engine::specs::{file_spec, read_spec};
use crate::error::{Error, Result};
use crate::job::{Dwell, Format, Job, Settings, Source, SourceSettings};
use crate::scan::Opened;

/// Endings of names of texts of any kind.
const TEXT_ENDINGS: [&str; 3] = ["txt", "dat", "data"];
/// The fewest columns of a log: a customer, an item and a time.
const COLUMNS_MIN: usize = 3;
/// Bytes of text that hold a record, mostly.
const RECORD_BYTES: usize = 2 << 10;
/// Bytes of text that are read at least.
const HEAD_BYTES: usize = 64 << 10;
/// Bytes of text that are read at most.
const HEAD_BYTES_MAX: usize = 64 << 20;

/// Reads the first records of a file; nothing if it has none.
///
/// # Errors
/// If it cannot be read, or is of no known format.
pub(super) fn first_records(path: &Path, records_max: usize) -> Result<Option<FirstRecords>> {
    let found = first_records_as(path, None, records_max);
    // The header of a text may name columns that nobody has heard of yet. Prose has no columns.
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let is_text = TEXT_ENDINGS.contains(&ending.to_lowercase().as_str());
    if found.is_ok() || !is_text {
        return found;
    }
    match first_records_as(path, Some(Format::Csv), records_max) {
        Ok(Some(first)) if first.columns.len() >= COLUMNS_MIN && !first.rows.is_empty() => {
            Ok(Some(first))
        }
        _ => found,
    }
}

/// Reads the first records of a file of a format, or of that which is found.
///
/// # Errors
/// If it cannot be read, or is of no known format.
fn first_records_as(
    path: &Path,
    format: Option<Format>,
    records_max: usize,
) -> Result<Option<FirstRecords>> {
    // A job of `dwell` has one source, and paths can name it, whatever its columns are. The job is
    // never run, so the name of its output does not matter.
    let own = SourceSettings {
        format,
        ..SourceSettings::default()
    };
    let job = Job::new(Settings {
        ask: Dwell::default().into(),
        paths: vec![(Source::Events, path.display().to_string())],
        source_settings: vec![(Source::Events, own)],
        out: "out".into(),
        ..Settings::default()
    })?;
    let sources = discover(&file_spec(&job), &mut Pipes::refused())?;
    let mut files = sources.iter().flat_map(|source| &source.files);
    let Some(file) = files.next() else {
        return Ok(None);
    };
    let opened = Opened::open(&read_spec(&job), file)?;
    if opened.is_empty() {
        return Ok(None);
    }
    let format = opened.format();
    let first = match &opened {
        Opened::Text(file, format, compression) => {
            let bytes = HEAD_BYTES.max(records_max.saturating_mul(RECORD_BYTES));
            let limit = u64::try_from(bytes.min(HEAD_BYTES_MAX)).unwrap_or(u64::MAX);
            let mut head = Vec::new();
            let text = file.text(*compression)?.source.take(limit);
            read_to_end(text, &mut head).map_err(|error| file.broken(&error))?;
            let is_whole = u64::try_from(head.len()).unwrap_or(u64::MAX) < limit;
            match format {
                Format::Csv => csv_rows(&head, is_whole, records_max),
                _ => json_rows(&head, records_max),
            }
        }
        _ => columnar_rows(file, format, records_max)?,
    };
    if first.columns.is_empty() {
        return Err(Error::bad_file(
            path.display().to_string(),
            "no column was found in it",
        ));
    }
    Ok(Some(FirstRecords {
        format: Some(format),
        ..first
    }))
}

/// Reads a text; if it ends in the middle of a damaged stream, what came before counts.
fn read_to_end(mut text: impl Read, head: &mut Vec<u8>) -> std::io::Result<()> {
    match text.read_to_end(head) {
        Err(error) if head.is_empty() => Err(error),
        _ => Ok(()),
    }
}
