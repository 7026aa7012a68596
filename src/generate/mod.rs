//! Settings in, a folder of synthetic event logs out, in the layout that `sequences` reads.
//!
//! **In / Out**: [`GenerateSettings`] →
//! `DIR/{impressions,clicks,add_to_carts,previous_orders}/dt=YYYY-MM-DD/part-0.*`. The first
//! impression day is 2025-08-16; actions are spread evenly over the days of history before it and
//! over the impression days, clicks : carts : orders = 150 : 15 : 2.
//! **Distribution**: the activity of customers is lognormal, and impressions go to the active
//! ones, so their histories are long; a bot makes one action in 200; items follow a power law,
//! and a third of the actions follow the customer's own taste. Times are whole seconds, so there are
//! ties; on the first day of history and on the first impression day some actions are exactly at the
//! start of the day, which is the edge of the lookback and the cutoff.
//! **Invariants**: every file is a function of the settings, its source and its day: the same
//! bytes for any number of threads. A source without rows has a file. A run that fails leaves no
//! file.
//! **Cost**: one pass, a file per thread at a time, 8 bytes per customer and one row group per
//! thread in memory. Measured on 2 cores: 10^8 actions of 10^6 customers and 10^6 impressions as
//! Parquet take 16 s (0.3 µs an action and core) and 147 MB.
//! **Why so**: a file is the unit of work, as no two share a random number; smaller units would have to
//! share row groups.

mod batch;
mod events;
mod listings;
mod population;
mod random;
mod table;

use std::fmt;
use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use self::batch::{DayFile, RowBatch};
pub use self::events::{GenerateEvents, GeneratedEvents, generate_events};
pub use self::listings::{GenerateListings, GeneratedListings, generate_listings};
use self::population::Population;
use self::random::Random;
use self::table::write_table;
use crate::calendar::date_text;
use crate::context::{RunContext, Stage};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Day, count64};
use crate::job::{Format, Source};
use crate::place::check_out;

/// The first impression day: 2025-08-16.
const FIRST_DAY: Day = Day(20_316);
/// The most days of one kind: a century.
const DAYS_MAX: u32 = 36_525;

/// What to generate.
#[derive(Clone, Debug)]
pub struct GenerateSettings {
    /// The folder to fill; it may exist if it is empty.
    pub dir: PathBuf,
    /// Impressions per impression day, at least 1.
    pub impressions: u64,
    /// Actions in all, of all three kinds.
    pub actions: u64,
    /// Customers, at least 1.
    pub customers: u32,
    /// Items, 1 to 2^31 − 1.
    pub items: u32,
    /// Impression days, at least 1.
    pub days: u32,
    /// Days with actions before the first impression day.
    pub history_days: u32,
    /// The seed of all random numbers.
    pub seed: u64,
    /// The format of all files; one JSON array a file is none of them.
    pub format: Format,
    /// Threads to work with, at least 1. Changes no byte.
    pub threads: usize,
}

impl Default for GenerateSettings {
    fn default() -> GenerateSettings {
        GenerateSettings {
            dir: PathBuf::new(),
            impressions: 10_000,
            actions: 1_670_000,
            customers: 10_000,
            items: 500_000,
            days: 1,
            history_days: 365,
            seed: 7,
            format: Format::Parquet,
            threads: 1,
        }
    }
}

/// What was generated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// Files.
    pub files: u64,
    /// Impressions, of all days.
    pub impressions: u64,
    /// Actions, of all kinds.
    pub actions: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Generates event logs.
///
/// # Errors
/// [`ErrorKind::Settings`] for settings out of range, [`ErrorKind::Output`] if the folder is not
/// empty, [`ErrorKind::Io`] if a file cannot be written, [`ErrorKind::Interrupted`].
pub fn generate(settings: &GenerateSettings, context: &RunContext) -> Result<Generated> {
    check(settings)?;
    check_output(settings.threads, settings.format)?;
    let files = plan(settings);
    let mut generated = Generated {
        files: count64(files.len()),
        ..Generated::default()
    };
    for file in &files {
        match file.source {
            Source::Impressions => generated.impressions += file.rows,
            _ => generated.actions += file.rows,
        }
    }
    let filler = FolderFiller {
        dir: &settings.dir,
        threads: settings.threads,
        context,
        rows: generated.impressions + generated.actions,
    };
    let population = || Population::new(settings.seed, settings.customers, settings.items);
    let folder = |file: &DayFile| settings.dir.join(file.source.folder());
    generated.bytes = filler.fill(&files, population, folder, |file, population| {
        write_file(settings, file, population, context)
    })?;
    Ok(generated)
}

/// Fills a folder with files.
struct FolderFiller<'a> {
    dir: &'a Path,
    /// Threads to work with.
    threads: usize,
    context: &'a RunContext,
    /// Rows of all files.
    rows: u64,
}

impl FolderFiller<'_> {
    /// Writes all files into an empty folder; gives their bytes. `write` writes one and gives its bytes.
    /// If one fails, the folders of all, which `folder` gives, are removed.
    fn fill<F: Sync>(
        &self,
        files: &[F],
        population: impl FnOnce() -> Population + Send,
        folder: impl Fn(&F) -> PathBuf,
        write: impl Fn(&F, &Population) -> Result<u64> + Sync,
    ) -> Result<u64> {
        // Before the folder is made: if there are no threads, nothing is left behind.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads);
        let pool = pool.build().map_err(|error| {
            let what = format!("no threads to work with: {error}");
            Error::from(ErrorKind::Internal { what })
        })?;
        make_empty(self.dir)?;
        self.context.enter(Stage::WRITE, self.rows);
        let written = pool.install(|| {
            let population = population();
            // A file is a task. Longer runs of neighbours would leave the large files, which stand
            // together, to few threads.
            let files = files.par_iter().with_max_len(1);
            files
                .map(|file| write(file, &population))
                .sum::<Result<u64>>()
        });
        if written.is_err() {
            // A folder that cannot be removed stays: the first error is the one to report.
            for file in files {
                drop(fs::remove_dir_all(folder(file)));
            }
        }
        let bytes = written?;
        self.context.leave();
        Ok(bytes)
    }
}

/// Checks that the numbers are in their ranges.
fn check(settings: &GenerateSettings) -> Result<()> {
    let days = u64::from(DAYS_MAX);
    in_range("--impressions", settings.impressions, 1..=1 << 40)?;
    in_range("--actions", settings.actions, 0..=1 << 40)?;
    in_range("--customers", u64::from(settings.customers), 1..=u64::MAX)?;
    in_range("--items", u64::from(settings.items), 1..=(1 << 31) - 1)?;
    in_range("--days", u64::from(settings.days), 1..=days)?;
    in_range("--history-days", u64::from(settings.history_days), 0..=days)
}

/// Checks that a number is in its range.
fn in_range(flag: &str, value: u64, range: RangeInclusive<u64>) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let takes = match *range.end() {
        u64::MAX => format!("{} or more", range.start()),
        end => format!("{} to {end}", range.start()),
    };
    Err(Error::settings(format!(
        "{flag} is {value}; it takes {takes}"
    )))
}

/// Checks the number of threads, and that the format can be written.
fn check_output(threads: usize, format: Format) -> Result<()> {
    in_range("--threads", count64(threads), 1..=u64::MAX)?;
    match format {
        Format::Json | Format::Arrow => Err(Error::settings(format!(
            "generate writes parquet, csv or ndjson, not {}",
            if format == Format::Json {
                "json"
            } else {
                "arrow"
            }
        ))),
        _ => Ok(()),
    }
}

/// The files to write, the large ones first, so that no thread is still writing one when all others are
/// done.
fn plan(settings: &GenerateSettings) -> Vec<DayFile> {
    let mut files = impression_files(settings);
    let carts = share(settings.actions, 15, 167);
    let orders = share(settings.actions, 2, 167);
    let clicks = settings.actions - carts - orders;
    for (source, rows) in [
        (Source::Clicks, clicks),
        (Source::Carts, carts),
        (Source::Orders, orders),
    ] {
        files.extend(action_files(settings, source, rows));
    }
    files
}

/// A file for each impression day.
fn impression_files(settings: &GenerateSettings) -> Vec<DayFile> {
    let file = |at: u32| DayFile {
        source: Source::Impressions,
        day: day_at(settings, settings.history_days + at),
        rows: settings.impressions,
        rows_before: settings.impressions * u64::from(at),
        is_edge: false,
    };
    (0..settings.days).map(file).collect()
}

/// A file for each day with actions of a source, and one without rows if there is no such day.
fn action_files(settings: &GenerateSettings, source: Source, rows: u64) -> Vec<DayFile> {
    let days = settings.history_days + settings.days;
    // Shares are counted from the end, so what does not divide evenly falls on the first days: a
    // few actions are on the oldest day, which is the edge of the lookback.
    let rows_before = |at: u32| rows - share(rows, u64::from(days - at), u64::from(days));
    let file = |at: u32| DayFile {
        source,
        day: day_at(settings, at),
        rows: rows_before(at + 1) - rows_before(at),
        rows_before: rows_before(at),
        is_edge: at == 0 || at == settings.history_days,
    };
    // A source without rows still has a file, as jobs refuse a source that is absent.
    let with_rows =
        (0..days).filter(|at| rows_before(*at) < rows_before(at + 1) || (rows == 0 && *at == 0));
    with_rows.map(file).collect()
}

/// A day by its number, counted from the first day of history.
fn day_at(settings: &GenerateSettings, at: u32) -> Day {
    let days = |count: u32| i32::try_from(count).expect("checked against two centuries");
    Day(FIRST_DAY.0 - days(settings.history_days) + days(at))
}

/// `part` in `whole` of a number of rows, rounded down.
fn share(rows: u64, part: u64, whole: u64) -> u64 {
    rows / whole * part + rows % whole * part / whole
}

/// Makes a folder, or checks that the one there is empty.
fn make_empty(dir: &Path) -> Result<()> {
    check_out("the folder", dir)?;
    fs::create_dir_all(dir).map_err(|error| cannot(dir, "it cannot be made", error))?;
    let mut entries = fs::read_dir(dir).map_err(|error| Error::io("read", dir, error))?;
    match entries.next() {
        Some(_) => Err(Error::output(dir, "it exists and is not empty")),
        None => Ok(()),
    }
}

/// Makes the folder of a file; gives the path of the file in it.
fn make_path(folder: &Path, part: impl fmt::Display, format: Format) -> Result<PathBuf> {
    fs::create_dir_all(folder).map_err(|error| cannot(folder, "it cannot be made", error))?;
    Ok(folder.join(format!("part-{part}.{}", extension(format))))
}

/// Writes a file; gives its bytes.
fn write_file(
    settings: &GenerateSettings,
    file: &DayFile,
    population: &Population,
    context: &RunContext,
) -> Result<u64> {
    context.check()?;
    let folder = settings
        .dir
        .join(file.source.folder())
        .join(format!("dt={}", date_text(file.day)));
    let path = make_path(&folder, 0, settings.format)?;
    let stream = stream_of(file.source);
    let mut random = Random::new(settings.seed, stream, file.day.0.cast_unsigned());
    write_table(&path, settings.format, context, 0..file.rows, |rows| {
        let batch = RowBatch::new(file, rows, population, &mut random);
        batch.columns(file, settings.format)
    })
}

/// The stream of random numbers of a source.
fn stream_of(source: Source) -> u32 {
    match source {
        Source::Impressions => 0,
        Source::Clicks => 1,
        Source::Carts => 2,
        Source::Orders => 3,
        Source::Listings => 4,
        Source::Events | Source::Log(_) => 5,
    }
}

/// The extension of file names.
fn extension(format: Format) -> &'static str {
    match format {
        Format::Parquet => "parquet",
        Format::Csv => "csv",
        Format::Ndjson => "ndjson",
        Format::Json | Format::Arrow => unreachable!("`check_output` refuses it"),
    }
}

/// An output that the system does not let us create.
fn cannot(path: &Path, what: &str, source: io::Error) -> Error {
    let (path, what) = (path.to_owned(), what.to_owned());
    Error::from(ErrorKind::Output {
        path,
        what,
        source: Some(source),
    })
}

#[cfg(test)]
mod tests;
