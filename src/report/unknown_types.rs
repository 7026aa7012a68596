//! All types without a code, for the message about the first of them.
//!
//! **In / Out**: the error that ended a run → the same error, with each type of the log that has no code,
//! and codes for them. **Invariants**: which row is reported stays as it was; what is added is counted over
//! the whole log, so it depends neither on threads nor on how far the run had read. Rows that `where`
//! leaves out are not counted. **Cost**: the log is read once more, up to [`RECORDS_MAX`] records.

use std::collections::BTreeMap;

use crate::catalog::paths::discover;
use crate::catalog::pipes::Pipes;
use crate::engine::specs::{file_spec, read_spec};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{ActionSource, Job, JobKind, OtherTypes, Types};
use crate::reference::read::{LogFile, words};
use crate::scan::Opened;

/// The most records that are read.
const RECORDS_MAX: u64 = 2_000_000;
/// The most types that are named.
const NAMED_MAX: usize = 20;

/// What the scan says of a type without a code, and of nothing else.
const TOLD: &str = "other_types = \"drop\"";

/// The types of a log that have no code, with the number of their rows, and whether the log was read to its
/// end. A null is `None`.
type Uncoded = (BTreeMap<Option<String>, u64>, bool);

/// The error of a run, with all types without a code, if it is about one of them.
pub fn with_unknown_types(job: &Job, error: Error) -> Error {
    let fault = match error.kind() {
        ErrorKind::BadRow(fault) if fault.expected.contains(TOLD) => fault,
        _ => return error,
    };
    // An error about the files can say nothing new here: the run has read them.
    let Ok(Some((source, (found, is_whole)))) = uncoded(job, &fault.file, &fault.column) else {
        return error;
    };
    let mut fault = fault.clone();
    fault.expected = format!(
        "{}{}",
        fault.expected,
        listed(job, source, &found, is_whole)
    );
    Error::from(ErrorKind::BadRow(fault))
}

/// The types without a code of the source that a file is of, if its types are in this column.
fn uncoded<'j>(job: &'j Job, shown: &str, at: &str) -> Result<Option<(&'j ActionSource, Uncoded)>> {
    if job.kind() != JobKind::Sequences {
        return Ok(None);
    }
    let sources = discover(&file_spec(job), &mut Pipes::refused())?;
    let of_file = sources
        .iter()
        .find(|source| source.files.iter().any(|file| file.shown == shown));
    let action = job.sequences().actions.iter().find(|action| {
        let is_of_file = of_file.is_some_and(|files| files.source == action.source);
        let is_in_column = matches!(
            &action.types,
            Types::Column { column, other: OtherTypes::Error, .. } if column == at
        );
        is_of_file && is_in_column
    });
    let (Some(files), Some(action)) = (of_file, action) else {
        return Ok(None);
    };
    let Types::Column { column, codes, .. } = &action.types else {
        return Ok(None);
    };
    let (mut counts, mut left) = (BTreeMap::new(), RECORDS_MAX);
    let spec = read_spec(job);
    for file in &files.files {
        let opened = Opened::open(&spec, file)?;
        let log = LogFile {
            source: file.source,
            display_path: file.shown.clone(),
            path: file.path.clone(),
            format: opened.format(),
        };
        let mut names = vec![column.as_str()];
        names.extend(action.only.iter().map(|(column, _)| column.as_str()));
        let read = words(job, &log, &names, left, &mut |row| {
            let mut only = action.only.iter().zip(&row[1..]);
            let counts_row = only
                .all(|((_, values), word)| word.as_ref().is_some_and(|word| values.contains(word)));
            let has_code = codes
                .iter()
                .any(|(value, _)| row[0].as_ref() == Some(value));
            if counts_row && !has_code {
                *counts.entry(row[0].clone()).or_default() += 1;
            }
        })?;
        left -= read;
        if left == 0 {
            break;
        }
    }
    Ok(Some((action, (counts, left > 0))))
}

/// The types without a code as text, and the key that gives codes to them.
fn listed(
    job: &Job,
    source: &ActionSource,
    found: &BTreeMap<Option<String>, u64>,
    is_whole: bool,
) -> String {
    let mut counted: Vec<(&Option<String>, u64)> =
        found.iter().map(|(word, n)| (word, *n)).collect();
    counted.sort_by_key(|(word, count)| (std::cmp::Reverse(*count), *word));
    let named = counted
        .iter()
        .take(NAMED_MAX)
        .map(|(word, count)| match word {
            Some(word) => format!("{} ({count})", quoted(word)),
            None => format!("null ({count})"),
        });
    let named: Vec<String> = named.collect();
    let more = match counted.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let rows = if is_whole {
        "in all its rows".to_owned()
    } else {
        format!("in its first {RECORDS_MAX} rows")
    };
    let (named, name) = (named.join(", "), source.source.name());
    let mut text = format!("; {rows}, \"{name}\" has without a code: {named}{more}");
    // Codes that no source of the job has, so that the new types are told from all others.
    let all = job.sequences().actions.iter();
    let taken: Vec<u8> = all.flat_map(ActionSource::codes).collect();
    let mut free = (1..=127).filter(|code| !taken.contains(code));
    let Types::Column { codes, .. } = &source.types else {
        return text;
    };
    let given = codes.iter().map(|(word, code)| (word.as_str(), *code));
    let words = counted.iter().take(NAMED_MAX);
    let words = words.filter_map(|(word, _)| word.as_deref());
    let new = words.map_while(|word| Some((word, free.next()?)));
    let keys = given.chain(new);
    let keys: Vec<String> = keys
        .map(|(word, code)| format!("{} = {code}", quoted(word)))
        .collect();
    let keys = keys.join(", ");
    text += &format!("; to give them codes, write in [sources.{name}]: types = {{ {keys} }}");
    text
}

/// A text in quotes: the escapes of JSON are those of TOML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
