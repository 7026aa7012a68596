//! Reads input files for the reference implementation, independently of `scan`.
//!
//! ```text
//! a file ──► records of cells (formats) ──► ids, times, items (cell) ──► rows of logs
//! ```
//! **In / Out**: files as a manifest lists them → rows of [`crate::reference`], or why a record is a bad
//! row; each with its file and its 1-based record number.
//! **Invariants**: shares no code with `scan` or later stages. Parquet's row API, arrow's reader of IPC, the csv crate,
//! serde_json and jiff read value by value, and SPEC's rules for inputs are implemented here again. Only
//! requested rows are kept. **Cost**: some ten times that of the scan; some twice that of flat Parquet in which
//! few records are wanted.

mod attributes;
mod cell;
mod events;
mod features;
mod formats;
mod items;
mod known;
mod paths;
mod rules;
mod sequences;
mod shown;
mod spellings;
mod times;
mod words;

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

pub(crate) use self::cell::RecordFault;
pub(crate) use self::features::{ClicksRead, clicks, listing_impressions, listings};
pub(crate) use self::items::ItemCodes;
pub(crate) use self::rules::rules;
pub(crate) use self::sequences::{CustomerIds, actions};
pub(crate) use self::shown::{WantedImpressions, impressions};
pub(crate) use self::words::words;
pub(crate) use crate::reference::read::events::events;

use self::cell::LogCell;
use self::formats::elements::ListSyntax;
use self::formats::{arrow, exploded, json, parquet, text};
use crate::error::Result;
use crate::job::{Format, Settings, Source, SourceSettings};
use crate::reference::{LogTime, day_in, instant_in};

/// A file of input, as a manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFile {
    pub(crate) source: Source,
    /// Its path as the run was given it, for messages.
    pub(crate) display_path: String,
    pub(crate) path: PathBuf,
    /// Its format, as the run read it.
    pub(crate) format: Format,
}

/// A row, or why the record is a bad row, and where it is from.
#[derive(Clone, Debug)]
pub(crate) struct LogRecord<T> {
    pub(crate) row: std::result::Result<T, RecordFault>,
    /// The customer of an action, the ranking of an impression.
    pub(crate) owner: String,
    /// The source of the file.
    pub(crate) source: Source,
    /// The file, as the run was given it.
    pub(crate) file: Arc<str>,
    /// The 1-based record of the file; a CSV header is not counted.
    pub(crate) record: u64,
}

/// Called now and then while files are read, so that a run can be cancelled: an error ends the reading.
pub(crate) type Check<'a> = &'a (dyn Fn() -> Result<()> + Sync);

/// Records between two calls of [`Check`].
const CHECK_RECORDS: u64 = 1 << 12;

/// Takes the number of each record, and a cell for each requested column.
type OnCells<'a> = &'a mut dyn FnMut(u64, &[LogCell]) -> Result<()>;

/// Which records are wanted: those with a wanted value in a column, one of those that are read.
struct Wanted<'a> {
    column: &'a str,
    is_wanted: &'a dyn Fn(&LogCell) -> bool,
}

/// Which records are passed on while a file is read.
struct Filter<'a> {
    /// The index of the column.
    at: usize,
    /// Whether a value is wanted.
    is_wanted: &'a dyn Fn(&LogCell) -> bool,
    check: Check<'a>,
    /// The number of records that were not passed on.
    others: Cell<u64>,
}

impl Filter<'_> {
    /// Whether a record with this value is passed on.
    ///
    /// # Errors
    /// If the run is cancelled.
    fn passes(&self, record: u64, cell: &LogCell) -> Result<bool> {
        if record.is_multiple_of(CHECK_RECORDS) {
            (self.check)()?;
        }
        let passes = (self.is_wanted)(cell);
        self.others.set(self.others.get() + u64::from(!passes));
        Ok(passes)
    }
}

/// Reads the records of a file, in order, by the settings of its source. Records that cannot be parsed are
/// skipped: they have no key.
fn read(
    file: &LogFile,
    settings: &Settings,
    columns: &[&str],
    check: Check<'_>,
    on_record: OnCells<'_>,
) -> Result<()> {
    let all = Wanted {
        column: columns.first().copied().unwrap_or_default(),
        is_wanted: &|_| true,
    };
    read_wanted(file, settings, columns, &all, check, on_record).map(|_| ())
}

/// Reads the records of a file like [`read`], but passes on only the wanted ones; returns the number of all.
///
/// # Errors
/// If the file cannot be read. Of all records every column is read, so damage is found wherever it is.
fn read_wanted(
    file: &LogFile,
    settings: &Settings,
    columns: &[&str],
    wanted: &Wanted<'_>,
    check: Check<'_>,
    on_record: OnCells<'_>,
) -> Result<u64> {
    check()?;
    // Before anything is parsed, so that no format has a rule of its own for nulls.
    let nulls = &settings.null_values;
    // A column that is requested twice is read once.
    // Parquet's row API gives a column once, so the second place would stay empty.
    let mut once = columns.to_vec();
    once.sort_unstable();
    once.dedup();
    let place = |name: &&str| once.binary_search(name).unwrap_or_default();
    let places: Vec<usize> = columns.iter().map(place).collect();
    let filter = Filter {
        at: place(&wanted.column),
        is_wanted: &|cell| (wanted.is_wanted)(&cell.without(nulls)),
        check,
        others: Cell::new(0),
    };
    let mut passed = 0;
    let on_record: OnCells<'_> = &mut |record, cells| {
        let cell = cells.get(filter.at).unwrap_or(&LogCell::Missing);
        if !filter.passes(record, cell)? {
            return Ok(());
        }
        passed += 1;
        let cells = places.iter().map(|at| cells[*at].without(nulls));
        on_record(record, &cells.collect::<Vec<LogCell>>())
    };
    // A blank file has no records, whatever its extension.
    if text::is_blank(file)? {
        return Ok(0);
    }
    let columns = &once;
    let mut own = settings.source_settings.iter();
    let source = log_of(settings, file.source);
    let own = own.find(|(named, _)| *named == source);
    let own = own.map_or_else(SourceSettings::default, |(_, own)| own.clone());
    let syntax = ListSyntax::new(source, &own, nulls);
    let explode = own.explode.as_deref();
    match file.format {
        Format::Parquet => parquet::read(file, explode, columns, &filter, on_record),
        Format::Csv => match &syntax {
            None => text::read_csv(file, &own, columns, on_record),
            Some(syntax) => exploded::read_elements(file, &own, syntax, columns, on_record),
        },
        Format::Ndjson => json::read_ndjson(file, syntax.as_ref(), columns, on_record),
        Format::Json => json::read_json(file, syntax.as_ref(), columns, on_record),
        Format::Arrow => arrow::read(file, explode, columns, on_record),
    }?;
    Ok(passed + filter.others.get())
}

/// Reads each file of the requested sources, in parallel; results are in the order of files. All files
/// are read before the first error is returned, so which error that is does not depend on threads.
fn per_file<T: Send>(
    files: &[LogFile],
    is_requested: impl Fn(Source) -> bool + Sync,
    read: impl Fn(&LogFile) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let files = files.par_iter().filter(|file| is_requested(file.source));
    let results: Vec<Result<T>> = files.map(&read).collect();
    results.into_iter().collect()
}

/// The day of a time in the zone of the settings; beyond the calendar a day that does not exist.
pub(crate) fn day_of(settings: &Settings, time: LogTime) -> i32 {
    day_in(settings.zone_name(), time).unwrap_or(i32::MAX)
}

/// Whether a time is in the years 1 to 9999.
pub(crate) fn is_near(settings: &Settings, time: LogTime) -> bool {
    times::is_near(settings, time)
}

/// The instant of a text in microseconds since the epoch, if it is a time.
pub(crate) fn instant_of(settings: &Settings, text: &str) -> Option<i64> {
    let (time, _) = times::parse(text)?;
    if !times::is_near(settings, time) {
        return None;
    }
    Some(instant_in(settings.zone_name(), time))
}

/// The source whose files a source has: impressions that are actions are in the files of these.
fn log_of(settings: &Settings, source: Source) -> Source {
    match settings.sequences().impressions_from {
        Some(log) if source == Source::Impressions => log,
        _ => source,
    }
}

/// The settings as they hold for the files of a source.
fn of_source(settings: &Settings, source: Source) -> Settings {
    let mut all = settings.clone();
    let source = log_of(settings, source);
    all.source_settings.retain(|(named, _)| *named == source);
    if let Some((_, own)) = all.source_settings.first() {
        all.time_unit = own.time_unit.or(all.time_unit);
        all.time_format = own.time_format.clone().or(all.time_format);
        all.null_values = own.null_values.clone().unwrap_or(all.null_values);
    }
    all
}

/// The name of a column in the files, given its name in SPEC.
fn column<'a>(settings: &'a Settings, source: Source, ours: &'a str) -> &'a str {
    let mut renamed = settings.columns.iter();
    let renamed = renamed.find(|(owner, name, _)| *owner == source && name == ours);
    renamed.map_or(ours, |(_, _, theirs)| theirs)
}

/// The time that a text is, if it is one.
pub(crate) fn time_of(text: &str) -> Option<LogTime> {
    times::parse(text).map(|(time, _)| time)
}
