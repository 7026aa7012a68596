//! Settings in, a folder of synthetic events out, as `dwell` reads them.
//!
//! **In / Out**: [`GenerateEvents`] → `DIR/dt=YYYY-MM-DD/part-N.*`, of the days from 2025-08-16 on.
//! **Distribution**: people visit, and look at a few flyers each time: `flyer_open`, some
//! `item_open`, sometimes `flyer_close`, and between flyers `list_flyers`, `shopping_list_open` or
//! `favorite`, which have none. The activity of users is lognormal; a few flyers are popular. User
//! ids are 64 hexadecimal digits. Text has times with the user's own offset, Parquet has them in
//! UTC.
//! **Invariants**: every file is a function of the settings and its place: the same bytes for any
//! number of threads. A run that fails leaves no file.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::population::Population;
use super::random::{Random, below, happens, mix};
use super::table::{LogColumn, NamedColumns, wall_text, write_table};
use super::{DAYS_MAX, FIRST_DAY, FolderFiller, check_output, in_range, make_path, share};
use crate::calendar::{DAY_US, date_text, day_of_wall};
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Day, count64, index64};
use crate::job::Format;

/// Events of a file, at most: a row group of Parquet.
const FILE_ROWS: u64 = 1 << 20;
/// The stream of random numbers; those of `sequences` and the population have others.
const STREAM: u32 = 16;
/// Microseconds of a second.
const SECOND_US: i64 = 1_000_000;

/// Which events to generate.
#[derive(Clone, Debug)]
pub struct GenerateEvents {
    /// The folder to fill; it may exist if it is empty.
    pub dir: PathBuf,
    /// Events in all.
    pub events: u64,
    /// Users, at least 1.
    pub users: u32,
    /// Flyers, 1 to 2^31 − 1.
    pub flyers: u32,
    /// Merchants, at least 1; each has as many flyers as the next.
    pub merchants: u32,
    /// Days, at least 1.
    pub days: u32,
    /// The seed of all random numbers.
    pub seed: u64,
    /// The format of all files; one JSON array a file is none of them.
    pub format: Format,
    /// Threads to work with, at least 1. Changes no byte.
    pub threads: usize,
}

impl Default for GenerateEvents {
    fn default() -> GenerateEvents {
        GenerateEvents {
            dir: PathBuf::new(),
            events: 1_000_000,
            users: 20_000,
            flyers: 2000,
            merchants: 500,
            days: 1,
            seed: 7,
            format: Format::Parquet,
            threads: 1,
        }
    }
}

/// What events were generated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GeneratedEvents {
    /// Files.
    pub files: u64,
    /// Events.
    pub events: u64,
    /// Bytes of all files.
    pub bytes: u64,
}

/// A file to make.
#[derive(Clone, Copy, Debug)]
struct EventFile {
    /// The day of all visits that begin in it.
    day: Day,
    /// Its number in the day.
    part: u32,
    rows: u64,
}

/// An event.
#[derive(Clone, Copy, Debug)]
struct VisitEvent {
    /// When, µs since the epoch.
    at: i64,
    user: i64,
    name: &'static str,
    flyer: Option<i64>,
}

/// Generates events of flyers.
///
/// # Errors
/// [`crate::ErrorKind::Settings`] for settings out of range, [`crate::ErrorKind::Output`] if the
/// folder is not empty, [`crate::ErrorKind::Io`] if a file cannot be written,
/// [`crate::ErrorKind::Interrupted`].
pub fn generate_events(settings: &GenerateEvents, context: &RunContext) -> Result<GeneratedEvents> {
    let days = u64::from(DAYS_MAX);
    in_range("--events", settings.events, 0..=1 << 40)?;
    in_range("--users", u64::from(settings.users), 1..=u64::MAX)?;
    in_range("--flyers", u64::from(settings.flyers), 1..=(1 << 31) - 1)?;
    in_range("--merchants", u64::from(settings.merchants), 1..=u64::MAX)?;
    in_range("--days", u64::from(settings.days), 1..=days)?;
    check_output(settings.threads, settings.format)?;
    let files = plan(settings);
    let filler = FolderFiller {
        dir: &settings.dir,
        threads: settings.threads,
        context,
        rows: settings.events,
    };
    let population = || Population::new(settings.seed, settings.users, settings.flyers);
    let folder = |file: &EventFile| folder_of(settings, file);
    let bytes = filler.fill(&files, population, folder, |file, population| {
        write_file(settings, file, population, context)
    })?;
    Ok(GeneratedEvents {
        files: count64(files.len()),
        events: settings.events,
        bytes,
    })
}

/// The files to make: each day as many events as the next, and at least one file.
fn plan(settings: &GenerateEvents) -> Vec<EventFile> {
    let before = |day: u32| share(settings.events, u64::from(day), u64::from(settings.days));
    let mut files = Vec::new();
    for (at, day) in (0..settings.days).zip(FIRST_DAY.0..) {
        let rows = before(at + 1) - before(at);
        // At least one file, so that a day without events has its folder.
        for part in 0..rows.div_ceil(FILE_ROWS).max(1) {
            files.push(EventFile {
                day: Day(day),
                part: u32::try_from(part).expect("at most 2^20 files"),
                rows: (rows - part * FILE_ROWS).min(FILE_ROWS),
            });
        }
    }
    files
}

/// The folder of a file.
fn folder_of(settings: &GenerateEvents, file: &EventFile) -> PathBuf {
    settings.dir.join(format!("dt={}", date_text(file.day)))
}

/// Writes a file; gives its bytes.
fn write_file(
    settings: &GenerateEvents,
    file: &EventFile,
    population: &Population,
    context: &RunContext,
) -> Result<u64> {
    context.check()?;
    let path = make_path(&folder_of(settings, file), file.part, settings.format)?;
    let events = events_of(settings, file, population);
    write_table(&path, settings.format, context, 0..file.rows, |rows| {
        columns(settings, &events[index64(rows.start)..index64(rows.end)])
    })
}

/// The events of a file, visit by visit; visits begin one after the other.
fn events_of(
    settings: &GenerateEvents,
    file: &EventFile,
    population: &Population,
) -> Vec<VisitEvent> {
    // Beside the stream there is room for one number, so the day goes into the seed.
    let name = mix(u64::from(file.day.0.cast_unsigned()) << 32 | u64::from(file.part));
    let mut random = Random::new(settings.seed ^ name, STREAM, file.part);
    let rows = usize::try_from(file.rows).expect("a file fits in memory");
    let mut events = Vec::with_capacity(rows);
    // A visit begins at one of 1024 moments, 84.375 s apart, plus up to 83 whole seconds: always
    // inside the day. Its later events may lie in the next.
    let (start, step_us) = (i64::from(file.day.0) * DAY_US, DAY_US / 1024);
    while events.len() < rows {
        let user = population.customer(random.next());
        let moment = i64::from(below(1024, random.halves().0));
        let second = i64::from(below(84, random.halves().1));
        let mut at = start + moment * step_us / SECOND_US * SECOND_US + second * SECOND_US;
        visit(&mut at, user, population, &mut random, &mut events);
    }
    // The last visit is cut where the count is reached; logs end inside visits as well.
    events.truncate(rows);
    // By time, as in a log; stable, so events of one second stay in the order of visits.
    events.sort_by_key(|event| event.at);
    events
}

/// Adds a visit: some flyers, one after the other.
fn visit(
    at: &mut i64,
    user: i64,
    population: &Population,
    random: &mut Random,
    events: &mut Vec<VisitEvent>,
) {
    let (flyers, _) = random.halves();
    for _ in 0..=below(4, flyers) {
        let mut add = |name, flyer, wait: u32, bits: u32| {
            let event = VisitEvent {
                at: *at,
                user,
                name,
                flyer,
            };
            events.push(event);
            *at += i64::from(1 + below(wait, bits)) * SECOND_US;
        };
        let (which, wait) = random.halves();
        let flyer = Some(i64::from(population.item(which)));
        add("flyer_open", flyer, 90, wait);
        let (items, between) = random.halves();
        for _ in 0..below(3, items) {
            add("item_open", flyer, 40, random.halves().0);
        }
        if happens(300, between) {
            add("flyer_close", flyer, 20, between);
        }
        let name = ["list_flyers", "shopping_list_open", "favorite"][match below(10, items) {
            0..5 => 0,
            5..9 => 1,
            _ => 2,
        }];
        // One flyer in 200 is followed by a gap of up to two hours, longer than idle timeouts.
        let wait = if happens(5, between) { 7200 } else { 30 };
        add(name, None, wait, random.halves().1);
    }
}

/// The id of a user, as text.
fn user_text(user: i64) -> String {
    let (mut text, mut bits) = (String::with_capacity(64), user.cast_unsigned());
    for _ in 0..4 {
        bits = mix(bits.wrapping_add(1));
        write!(text, "{bits:016x}").expect("memory takes what is written to it");
    }
    text
}

/// When an event was: text has the user's own offset, of one of four zones of America.
fn time_text(event: &VisitEvent) -> String {
    let hours = 4 + (event.user >> 3 & 3);
    let wall = event.at - hours * 3600 * SECOND_US;
    let day = date_text(day_of_wall(wall));
    let second = wall.rem_euclid(DAY_US) / SECOND_US;
    let second = u32::try_from(second).expect("a day has fewer seconds");
    format!("{}-{hours:02}:00", wall_text(&day, second))
}

/// Some events as columns.
fn columns(settings: &GenerateEvents, events: &[VisitEvent]) -> NamedColumns {
    let rows = || events.iter();
    let times = match settings.format {
        Format::Parquet => LogColumn::Instants(rows().map(|event| event.at).collect()),
        _ => LogColumn::Texts(rows().map(time_text).collect()),
    };
    let users = rows().map(|event| user_text(event.user)).collect();
    let merchant = |flyer: i64| flyer % i64::from(settings.merchants) + 1;
    let merchants = rows().map(|event| event.flyer.map(merchant)).collect();
    vec![
        ("timestamp", times),
        ("user_id", LogColumn::Texts(users)),
        (
            "event",
            LogColumn::Words(rows().map(|event| event.name).collect()),
        ),
        (
            "flyer_id",
            LogColumn::MaybeInts(rows().map(|event| event.flyer).collect()),
        ),
        ("merchant_id", LogColumn::MaybeInts(merchants)),
    ]
}
