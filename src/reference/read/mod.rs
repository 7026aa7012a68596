//! Files of input to rows of the oracle: slowly, and by a path of its own.
//!
//! ```text
//! a file ──► records of cells (parquet, text) ──► ids, times, items (cell) ──► rows of logs
//! ```
//! **In / Out**: files as a manifest lists them → [`crate::reference`]'s rows, each with the file and
//! the 1-based record that it came from, or what is wrong with it.
//! **Invariants**: shares no code with `scan` or what follows it: parquet's row API, the csv crate,
//! serde_json and jiff do the reading, value by value. What SPEC says of inputs is said here once
//! more. Only rows that are asked for are kept. **Cost**: some ten times that of the scan.

mod attributes;
mod cell;
mod events;
mod features;
mod items;
mod known;
mod parquet;
mod sequences;
mod survey;
mod text;
mod times;

use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

pub(crate) use self::cell::Fault;
pub(crate) use self::features::{ClicksRead, clicks, listings, shown_listings};
pub(crate) use self::items::ItemCodes;
pub(crate) use self::sequences::{actions, impressions, rules};
pub use self::survey::SurveyedColumn;
pub(crate) use self::survey::survey;
pub(crate) use crate::reference::read::events::events;

use self::cell::Cell;
use crate::error::Result;
use crate::job::{Format, Settings, Source};
use crate::reference::{LogTime, day_in, instant_in};

/// A file of input, as a manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFile {
    pub(crate) source: Source,
    /// Its path as the run was given it.
    pub(crate) shown: String,
    pub(crate) path: PathBuf,
    /// Its format, as the run read it.
    pub(crate) format: Format,
}

/// A row, or what is wrong with it, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Found<T> {
    pub(crate) row: std::result::Result<T, Fault>,
    /// Whose it is; of an impression the ranking.
    pub(crate) of: String,
    /// What the file holds.
    pub(crate) source: Source,
    /// The file, as the run was given it.
    pub(crate) file: Arc<str>,
    /// The 1-based record of the file; a CSV header is not counted.
    pub(crate) record: u64,
}

/// What is asked now and then: an error ends the reading.
pub(crate) type Check<'a> = &'a (dyn Fn() -> Result<()> + Sync);

/// Records between two such questions.
const CHECK_RECORDS: u64 = 1 << 12;

/// What is done with each record: its number, and a cell for each column that is asked for.
type OnRecord<'a> = &'a mut dyn FnMut(u64, &[Cell]) -> Result<()>;

/// Hands the records of a file on, in order. Records that cannot be read at all are passed over:
/// nobody can tell whose they are. `nulls` are texts that are null.
fn read(
    (file, nulls): (&LogFile, &[String]),
    columns: &[&str],
    check: Check<'_>,
    on_record: OnRecord<'_>,
) -> Result<()> {
    check()?;
    if !nulls.is_empty() {
        return read((file, &[]), columns, check, &mut |record, cells| {
            on_record(record, &without(cells, nulls))
        });
    }
    // A column that is asked for twice is read once.
    let mut once = columns.to_vec();
    once.sort_unstable();
    once.dedup();
    if once.len() < columns.len() {
        let place = |name: &&str| once.binary_search(name).unwrap_or_default();
        let places: Vec<usize> = columns.iter().map(place).collect();
        return read((file, nulls), &once, check, &mut |record, cells| {
            let cells: Vec<Cell> = places.iter().map(|at| cells[*at].clone()).collect();
            on_record(record, &cells)
        });
    }
    let on_record: OnRecord<'_> = &mut |record, cells| {
        if record.is_multiple_of(CHECK_RECORDS) {
            check()?;
        }
        on_record(record, cells)
    };
    // A file that is blank has no records, whatever it is called.
    if text::is_blank(file)? {
        return Ok(());
    }
    match file.format {
        Format::Parquet => parquet::read(file, columns, on_record),
        Format::Csv => text::read_csv(file, columns, on_record),
        Format::Ndjson => text::read_ndjson(file, columns, on_record),
        Format::Json => text::read_json(file, columns, on_record),
    }
}

/// Cells with nulls in the place of some texts.
fn without(cells: &[Cell], nulls: &[String]) -> Vec<Cell> {
    cells.iter().map(|cell| cell.without(nulls)).collect()
}

/// What is found in each file of some sources, in the order of files; those after one that cannot
/// be read are read all the same.
fn per_file<T: Send>(
    files: &[LogFile],
    is_asked: impl Fn(Source) -> bool + Sync,
    read: impl Fn(&LogFile) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let files = files.par_iter().filter(|file| is_asked(file.source));
    let found: Vec<Result<T>> = files.map(&read).collect();
    found.into_iter().collect()
}

/// The day that a time falls in, in the zone of settings; one that there is not, beyond the calendar.
pub(crate) fn day_of(settings: &Settings, time: LogTime) -> i32 {
    day_in(settings.zone_name(), time).unwrap_or(i32::MAX)
}

/// Whether a time lies in the years 1 to 9999; all others are faults of their rows.
pub(crate) fn is_near(settings: &Settings, time: LogTime) -> bool {
    times::is_near(settings, time)
}

/// The instant that a text tells, in microseconds since the epoch, if it is a time.
pub(crate) fn instant_of(settings: &Settings, text: &str) -> Option<i64> {
    let (time, _) = times::parse(text)?;
    if !times::is_near(settings, time) {
        return None;
    }
    Some(instant_in(settings.zone_name(), time))
}

/// The files' name of one of our columns.
fn column<'a>(settings: &'a Settings, source: Source, ours: &'a str) -> &'a str {
    let mut renamed = settings.columns.iter();
    let renamed = renamed.find(|(of, name, _)| *of == source && name == ours);
    renamed.map_or(ours, |(_, _, theirs)| theirs)
}
