//! Integer times: whether `--time-unit` can be the unit of a source.
//!
//! **In / Out**: the opened files of a source and its columns of times → nothing, or an error that names
//! the unit that fits.
//! **Invariants**: a column is read until one of its integers is plausible. That is the first in a sound
//! run, or statistics tell; only an implausible column is read to its end. Other faults of a file are
//! left to its reader.
//! **Why so**: a wrong unit gives times of another age, and an action of 1970 is prior to every
//! impression: nothing else would show it.

mod look;

use arrow::array::AsArray;
use arrow::compute::{cast, max, min};
use arrow::datatypes::{DataType, Int64Type};

use self::look::look;
use crate::advice::{self, Hint};
use crate::calendar::{DAY_US, date_text, instant_text};
use crate::catalog::input::InputFile;
use crate::error::{Error, Result};
use crate::ids::{Day, Micros};
use crate::job::TimeUnit;
use crate::scan::parquet::ParquetFile;
use crate::scan::spec::ReadSpec;
use crate::scan::statistics::int_bounds;
use crate::scan::text::epoch::{FIRST_US, LAST_US, UNITS, hint, is_day, to_micros};
use crate::scan::{Opened, seen_enough};

/// How far after the newest impression a time may lie: ten years and some days.
const AHEAD_US: i64 = 3_653 * DAY_US;

/// The integers that are plausible times in the unit of the run.
struct PlausibleTimes {
    unit: TimeUnit,
    first_us: i64,
    last_us: i64,
    /// The range for a message.
    text: String,
}

/// The integers of a column without a plausible time.
struct ImplausibleInts<'f> {
    /// The first file that has some.
    file: &'f InputFile,
    least: i64,
    greatest: i64,
    /// Whether all of them read as a day, YYYYMMDD.
    are_days: bool,
    /// Whether one of them reads as a day, and is in the range of plausible times as well.
    is_near: bool,
}

/// Checks the unit of integer times in columns of a source. `newest` is the newest impression, if it is
/// known already.
///
/// # Errors
/// If no integer of a column is a plausible time.
pub(crate) fn check(
    spec: &ReadSpec<'_>,
    opened: &[Opened],
    columns: &[&str],
    newest: Option<Micros>,
) -> Result<()> {
    let spec = &opened
        .first()
        .map_or(*spec, |first| spec.of_source(first.file().source));
    // Without a unit, columns of integers are refused as times by their type.
    let Some(unit) = spec.time_unit else {
        return Ok(());
    };
    let range = PlausibleTimes::new(unit, newest);
    for column in columns {
        if let Some(ints) = look(spec, opened, column, &range) {
            validate(spec, column, &range, &ints)?;
        }
    }
    Ok(())
}

impl PlausibleTimes {
    /// The plausible times of a log whose newest impression is known or not.
    fn new(unit: TimeUnit, newest: Option<Micros>) -> PlausibleTimes {
        let (first_us, last_us, text) = match newest {
            // Impressions before 1990: the log is that old.
            Some(newest) if newest.0 < FIRST_US => (
                i64::MIN,
                newest.0.saturating_add(AHEAD_US),
                format!("before ten years after {}", day_text(newest.0)),
            ),
            Some(newest) => (
                FIRST_US,
                newest.0.saturating_add(AHEAD_US),
                format!(
                    "from 1990 to ten years after the newest impression, {}",
                    day_text(newest.0)
                ),
            ),
            None => (FIRST_US, LAST_US - 1, "from 1990 to 2100".to_owned()),
        };
        PlausibleTimes {
            unit,
            first_us,
            last_us,
            text,
        }
    }

    /// Whether an integer is in the range, in the unit of the run.
    fn holds(&self, value: i64) -> bool {
        self.holds_in(value, self.unit)
    }

    /// Whether an integer is in the range, in another unit.
    fn holds_in(&self, value: i64, unit: TimeUnit) -> bool {
        let at = to_micros(value, unit);
        at.is_some_and(|at| (self.first_us..=self.last_us).contains(&at.0))
    }
}

/// The day of an instant in UTC.
fn day_text(at_us: i64) -> String {
    i32::try_from(at_us.div_euclid(DAY_US))
        .map_or_else(|_| "never".to_owned(), |day| date_text(Day(day)))
}

/// The hint on a column of integers that stands where times should: the option that reads it.
pub(crate) fn hint_of_column(file: &ParquetFile, name: &str) -> String {
    let groups = 0..file.row_groups().len();
    let mut bounds = groups.filter_map(|group| int_bounds(file, group, name));
    let first = bounds.next().or_else(|| first_bounds(file, name));
    match first {
        Some((least, greatest)) if is_day(least) && is_day(greatest) => {
            format!("; {}", day_advice(&file.file, name))
        }
        Some((least, _)) => hint(least),
        None => format!(" ({})", Hint::TimeUnits.text()),
    }
}

/// The least and the greatest integer of the first rows of a column, where no statistics tell.
fn first_bounds(file: &ParquetFile, name: &str) -> Option<(i64, i64)> {
    let leaves = file.select_names(&[name], |_| false);
    let mut found = None;
    for group in 0..file.row_groups().len() {
        let read = file.read(group, &leaves, |_, rows| {
            let ints = rows.column_by_name(name);
            let ints = ints.and_then(|ints| cast(ints, &DataType::Int64).ok());
            let ints = ints.as_ref().map(|ints| ints.as_primitive::<Int64Type>());
            found = ints.and_then(|ints| min(ints).zip(max(ints)));
            found.map_or(Ok(()), |_| Err(seen_enough()))
        });
        // A file that cannot be read is reported by what reads it.
        drop(read);
        if found.is_some() {
            break;
        }
    }
    found
}

/// Says that integers such as 20250815 are no times, with the command that converts them.
fn day_advice(file: &InputFile, column: &str) -> String {
    let hint = advice::placed(Hint::DayNumbers.text().to_owned(), &file.shown, column);
    format!("integers such as 20250815 are no times; {hint}")
}

/// Refuses a column without a plausible time.
///
/// # Errors
/// If its integers are days, or the user does not allow them.
fn validate(
    spec: &ReadSpec<'_>,
    column: &str,
    range: &PlausibleTimes,
    ints: &ImplausibleInts<'_>,
) -> Result<()> {
    if ints.are_days {
        let what = format!("column \"{column}\": {}", day_advice(ints.file, column));
        return Err(Error::bad_file(&ints.file.shown, what));
    }
    // What reads as a day and as a time may be either, so it is not refused.
    if ints.is_near || spec.allow_unused {
        return Ok(());
    }
    let (least, greatest) = (ints.least, ints.greatest);
    let name = |unit: TimeUnit| {
        let named = UNITS.iter().find(|(other, _)| *other == unit);
        named.map_or("", |(_, name)| name)
    };
    let fits = |(unit, _): &&(TimeUnit, &str)| {
        range.holds_in(least, *unit) && range.holds_in(greatest, *unit)
    };
    let source = ints.file.source;
    let is_own = spec
        .settings_of(source)
        .is_some_and(|own| own.time_unit.is_some());
    let flag = if is_own {
        format!("--source {}.time_unit=", source.name())
    } else {
        "--time-unit ".to_owned()
    };
    let advice = match UNITS.iter().find(fits) {
        Some((other, name)) if is_own => format!(
            "{flag}{name} reads them as {}; ",
            times_text(least, greatest, *other)
        ),
        Some((other, name)) => format!(
            "{} {}, if all integer times of this run are of that unit; ",
            Hint::OtherUnit.with(name),
            times_text(least, greatest, *other)
        ),
        None => String::new(),
    };
    Err(Error::bad_file(
        &ints.file.shown,
        format!(
            "expected times {} in column \"{column}\", found none: with {flag}{} its integers, \
             {least} to {greatest}, are {}; {advice}{}",
            range.text,
            name(range.unit),
            times_text(least, greatest, range.unit),
            Hint::AllowTimes.text(),
        ),
    ))
}

/// The range of two integers as times, for a message.
fn times_text(least: i64, greatest: i64, unit: TimeUnit) -> String {
    let text = |value| match to_micros(value, unit).map(instant_text) {
        Some(text) if text.ends_with('Z') => text,
        _ => "beyond the years 1 to 9999".to_owned(),
    };
    let (least, greatest) = (text(least), text(greatest));
    if least == greatest {
        return least;
    }
    format!("{least} to {greatest}")
}
