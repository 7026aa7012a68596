//! Settings in, a folder of synthetic listings, impressions and clicks out, as `features` reads
//! them.
//!
//! **In / Out**: [`GenerateListings`] → `DIR/{listings,impressions,clicks}/part-N.*`.
//! **Distribution**: the activity of users is lognormal, a few listings are popular, times are
//! whole seconds, so there are ties. About one impression in 25 is clicked by the user who saw it,
//! within six hours; the other clicks have nothing to do with any. A few listings are younger than
//! an impression of theirs.
//! **Invariants**: a row is a function of the settings and its number, so that a click can be made
//! of an impression that is in another file; the same bytes for any number of threads. A run that
//! fails leaves no file.

use std::ops::Range;
use std::path::PathBuf;

use super::population::Population;
use super::random::{below, halves, happens, mix};
use super::table::{LogColumn, NamedColumns, write_table};
use super::{DAYS_MAX, FIRST_DAY, FolderFiller, check_output, in_range, make_path};
use crate::calendar::DAY_US;
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::count64;
use crate::job::{Format, Source};

/// Rows of a file, at most: a row group of Parquet.
const FILE_ROWS: u64 = 1 << 20;
/// Microseconds of a second.
const SECOND_US: i64 = 1_000_000;
/// The categories of listings.
const CATEGORIES: [&str; 4] = ["art", "home", "toys", "jewelry"];

/// Which listings, impressions and clicks to generate.
#[derive(Clone, Debug)]
pub struct GenerateListings {
    /// The folder to fill; it may exist if it is empty.
    pub dir: PathBuf,
    /// Impressions in all, at least 1.
    pub impressions: u64,
    /// Clicks in all.
    pub clicks: u64,
    /// Users, at least 1.
    pub users: u32,
    /// Listings, 1 to 2^31 − 1.
    pub listings: u32,
    /// Days of impressions and clicks, at least 1.
    pub days: u32,
    /// The seed of all random numbers.
    pub seed: u64,
    /// The format of all files; one JSON array a file is none of them.
    pub format: Format,
    /// Threads to work with, at least 1. Changes no byte.
    pub threads: usize,
}

impl Default for GenerateListings {
    fn default() -> GenerateListings {
        GenerateListings {
            dir: PathBuf::new(),
            impressions: 100_000,
            clicks: 1_000_000,
            users: 10_000,
            listings: 5000,
            days: 30,
            seed: 7,
            format: Format::Parquet,
            threads: 1,
        }
    }
}

/// What was generated for `features`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GeneratedListings {
    /// Files.
    pub files: u64,
    /// Rows of all of them.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A file to make.
#[derive(Clone, Debug)]
struct ListingFile {
    source: Source,
    /// Its number in the table.
    part: u64,
    /// Its rows, counted through the table.
    rows: Range<u64>,
}

/// An impression or a click: a user, a listing and a time.
struct Interaction {
    user: i64,
    listing: i64,
    /// When, µs since the epoch.
    at: i64,
}

/// Generates listings, impressions and clicks.
///
/// # Errors
/// [`crate::ErrorKind::Settings`] for settings out of range, [`crate::ErrorKind::Output`] if the
/// folder is not empty, [`crate::ErrorKind::Io`] if a file cannot be written,
/// [`crate::ErrorKind::Interrupted`].
pub fn generate_listings(
    settings: &GenerateListings,
    context: &RunContext,
) -> Result<GeneratedListings> {
    in_range("--impressions", settings.impressions, 1..=1 << 32)?;
    in_range("--clicks", settings.clicks, 0..=1 << 40)?;
    in_range("--users", u64::from(settings.users), 1..=u64::MAX)?;
    in_range(
        "--listings",
        u64::from(settings.listings),
        1..=(1 << 31) - 1,
    )?;
    in_range("--days", u64::from(settings.days), 1..=u64::from(DAYS_MAX))?;
    check_output(settings.threads, settings.format)?;
    let files = plan(settings);
    let rows = files.iter().map(|file| file.rows.end - file.rows.start);
    let filler = FolderFiller {
        dir: &settings.dir,
        threads: settings.threads,
        context,
        rows: rows.sum(),
    };
    let population = || Population::new(settings.seed, settings.users, settings.listings);
    let folder = |file: &ListingFile| settings.dir.join(file.source.folder());
    let bytes = filler.fill(&files, population, folder, |file, population| {
        write_file(settings, file, population, context)
    })?;
    Ok(GeneratedListings {
        files: count64(files.len()),
        rows: filler.rows,
        bytes,
    })
}

/// The files to make; each table has at least one.
fn plan(settings: &GenerateListings) -> Vec<ListingFile> {
    let tables = [
        (Source::Listings, u64::from(settings.listings)),
        (Source::Impressions, settings.impressions),
        (Source::Clicks, settings.clicks),
    ];
    let mut files = Vec::new();
    for (source, rows) in tables {
        for part in 0..rows.div_ceil(FILE_ROWS).max(1) {
            files.push(ListingFile {
                source,
                part,
                rows: part * FILE_ROWS..((part + 1) * FILE_ROWS).min(rows),
            });
        }
    }
    files
}

/// Random bits of a row of a table.
fn bits_of(settings: &GenerateListings, table: u64, row: u64) -> u64 {
    mix(mix(settings.seed ^ (table << 56)).wrapping_add(row))
}

/// A random interaction on any of the days.
fn random_interaction(
    settings: &GenerateListings,
    population: &Population,
    bits: u64,
) -> Interaction {
    let (listing, second) = halves(mix(bits ^ 1));
    let day = i64::from(below(settings.days, halves(mix(bits ^ 2)).0));
    let second = i64::from(below(86_400, second));
    Interaction {
        user: population.customer(bits),
        listing: i64::from(population.item(listing)),
        at: (i64::from(FIRST_DAY.0) + day) * DAY_US + second * SECOND_US,
    }
}

/// An impression.
fn impression(settings: &GenerateListings, population: &Population, row: u64) -> Interaction {
    random_interaction(settings, population, bits_of(settings, 1, row))
}

/// A click: on an impression by its user, or unrelated to any.
fn click(settings: &GenerateListings, population: &Population, row: u64) -> Interaction {
    let bits = bits_of(settings, 2, row);
    // One impression in 25, whatever the number of clicks.
    let per_million = settings.impressions.saturating_mul(40_000) / settings.clicks.max(1);
    let (which, delay) = (mix(bits ^ 3), halves(mix(bits ^ 4)).0);
    // At least half of the clicks stay unrelated, however few clicks there are.
    if bits % 1_000_000 < per_million.min(500_000) {
        let impression = impression(settings, population, which % settings.impressions);
        let delay = i64::from(1 + below(6 * 3600, delay));
        return Interaction {
            at: impression.at + delay * SECOND_US,
            ..impression
        };
    }
    random_interaction(settings, population, bits)
}

/// Some rows of a table.
fn columns(
    settings: &GenerateListings,
    source: Source,
    rows: Range<u64>,
    population: &Population,
) -> NamedColumns {
    let id = |row: u64| row.cast_signed() + 1;
    if source == Source::Listings {
        let bits = |row| bits_of(settings, 3, row);
        let category = |row| CATEGORIES[usize::from(bits(row).to_le_bytes()[0] & 3)];
        let price = |row| f64::from(500 + below(29_500, halves(bits(row)).0)) / 100.0;
        let created = |row| {
            // One listing in 200 is created 20 days later, so perhaps after an impression of it.
            let span = if happens(5, halves(bits(row)).0) {
                -20
            } else {
                0
            };
            let before = i64::from(below(365, halves(mix(bits(row))).1)) + 1 + span;
            (i64::from(FIRST_DAY.0) - before) * DAY_US
        };
        return vec![
            (
                "listing_id",
                LogColumn::Ints(rows.clone().map(id).collect()),
            ),
            (
                "category",
                LogColumn::Words(rows.clone().map(category).collect()),
            ),
            (
                "price",
                LogColumn::Floats(rows.clone().map(price).collect()),
            ),
            (
                "created_ts",
                LogColumn::Instants(rows.map(created).collect()),
            ),
        ];
    }
    let interactions: Vec<Interaction> = match source {
        Source::Impressions => {
            let rows = rows.clone();
            rows.map(|row| impression(settings, population, row))
                .collect()
        }
        _ => rows
            .clone()
            .map(|row| click(settings, population, row))
            .collect(),
    };
    let values = |value: fn(&Interaction) -> i64| interactions.iter().map(value).collect();
    let mut columns = vec![
        ("user_id", LogColumn::Ints(values(|row| row.user))),
        ("listing_id", LogColumn::Ints(values(|row| row.listing))),
    ];
    let times = LogColumn::Instants(values(|row| row.at));
    if source == Source::Impressions {
        columns.insert(
            0,
            ("impression_id", LogColumn::Ints(rows.map(id).collect())),
        );
        columns.push(("impression_ts", times));
    } else {
        columns.push(("click_ts", times));
    }
    columns
}

/// Writes a file; gives its bytes.
fn write_file(
    settings: &GenerateListings,
    file: &ListingFile,
    population: &Population,
    context: &RunContext,
) -> Result<u64> {
    let folder = settings.dir.join(file.source.folder());
    let path = make_path(&folder, file.part, settings.format)?;
    write_table(&path, settings.format, context, file.rows.clone(), |rows| {
        columns(settings, file.source, rows, population)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The files of a folder: paths and contents.
    fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        for source in [Source::Listings, Source::Impressions, Source::Clicks] {
            let folder = dir.join(source.folder());
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let bytes = fs::read(&path).expect("a file");
                let name = path.strip_prefix(dir).expect("below it");
                files.push((name.display().to_string(), bytes));
            }
        }
        files.sort();
        files
    }

    #[test]
    fn threads_change_no_byte_and_every_row_is_there() {
        for format in [Format::Parquet, Format::Csv, Format::Ndjson] {
            let made = [1, 3].map(|threads| {
                let dir = tempfile::tempdir().expect("a folder");
                let settings = GenerateListings {
                    dir: dir.path().join("shop"),
                    impressions: 300,
                    clicks: 20_000,
                    users: 50,
                    listings: 40,
                    format,
                    threads,
                    ..GenerateListings::default()
                };
                let made = generate_listings(&settings, &RunContext::default()).expect("files");
                assert_eq!((made.files, made.rows), (3, 20_340));
                contents(&settings.dir)
            });
            assert!(made[0] == made[1], "{format:?}");
            if format != Format::Parquet {
                let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
                let lines: usize = made[0].iter().map(|(_, bytes)| lines(bytes)).sum();
                let headers = if format == Format::Csv { 3 } else { 0 };
                assert_eq!(lines, 20_340 + headers);
            }
        }
    }

    #[test]
    fn no_clicks_are_an_empty_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let settings = GenerateListings {
            dir: dir.path().join("shop"),
            impressions: 1,
            clicks: 0,
            listings: 1,
            format: Format::Csv,
            ..GenerateListings::default()
        };
        generate_listings(&settings, &RunContext::default()).expect("files");
        let clicks = fs::read_to_string(settings.dir.join("clicks/part-0.csv"));
        assert_eq!(clicks.expect("a file"), "user_id,listing_id,click_ts\n");
    }
}
