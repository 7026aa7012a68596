//! Integers that are times: whether the unit that the user names can be that of a source.
//!
//! **In / Out**: the opened files of a source, and which of its columns hold times → nothing, or an
//! error that names the unit that would fit.
//! **Invariants**: a column is looked at until one of its integers can be meant, which in a sound run
//! is the first, or the first that statistics tell; only where none can is it read to its end. What
//! else is wrong with a file is left to those who read it.
//! **Why so**: a unit that is wrong makes times of another age, and an action of 1970 is prior to
//! everything: nothing else of a run would tell.

mod look;

pub(super) use self::look::bounds_of;
use self::look::look;
use crate::advice::{self, Hint};
use crate::calendar::{DAY_US, date_text, day_of_date, instant_text};
use crate::catalog::input::InputFile;
use crate::error::{Error, Result};
use crate::ids::{Day, Micros};
use crate::job::{Cutoff, DT, JobKind, Source, TimeUnit};
use crate::scan::Opened;
use crate::scan::actions::ActionNames;
use crate::scan::parquet::ParquetFile;
use crate::scan::spec::ReadSpec;
use crate::scan::text::field::to_micros;

/// 1990-01-01: no log of clicks is older.
pub(super) const FIRST_US: i64 = 7_305 * DAY_US;
/// 2101-01-01: where nothing else says how new a log can be.
const LAST_US: i64 = 47_847 * DAY_US;
/// Ten years and some days, after the newest impression.
const AHEAD_US: i64 = 3_653 * DAY_US;

/// All units, with the words that flags have for them.
const UNITS: [(TimeUnit, &str); 4] = [
    (TimeUnit::Second, "s"),
    (TimeUnit::Milli, "ms"),
    (TimeUnit::Micro, "us"),
    (TimeUnit::Nano, "ns"),
];

/// What times can be meant, and what a message says of that.
struct Range {
    first: i64,
    last: i64,
    shown: String,
}

/// The integers of a column none of which can be meant.
struct Seen<'f> {
    /// The first file that has some.
    file: &'f InputFile,
    /// The least and the most.
    bounds: (i64, i64),
    /// Whether all of them read as a day, YYYYMMDD.
    are_days: bool,
    /// Whether one of them does, and could be meant as a time as well.
    is_near: bool,
}

/// Checks the unit of integer times in some columns of a source. `newest` is the newest impression, if
/// it is known already.
///
/// # Errors
/// If no integer of a column can be meant as the time that it is read as.
pub(crate) fn check(
    spec: &ReadSpec<'_>,
    opened: &[Opened],
    columns: &[&str],
    newest: Option<Micros>,
) -> Result<()> {
    let Some(unit) = spec.time_unit else {
        return Ok(());
    };
    let range = Range::new(newest);
    for column in columns {
        if let Some(seen) = look(spec, opened, column, (unit, &range)) {
            judge(spec, column, (unit, &range), &seen)?;
        }
    }
    Ok(())
}

/// The columns of a source that hold times, as its files name them; that of days as well, which a
/// column of integers is read as.
pub(crate) fn times_of<'a>(spec: &ReadSpec<'a>, source: Source) -> Vec<&'a str> {
    let name = |ours| spec.column(source, ours);
    match (spec.job_kind, source) {
        (JobKind::Dwell, _) => vec![name("timestamp")],
        (JobKind::Features, Source::Impressions) => vec![name("impression_ts")],
        (JobKind::Features, Source::Clicks) => vec![name("click_ts")],
        (JobKind::Features, _) => vec![name("created_ts")],
        (JobKind::Sequences, Source::Impressions) => match spec.cutoff {
            Cutoff::Day => vec![name("dt")],
            Cutoff::Time => vec![name("dt"), name("impression_time")],
        },
        (JobKind::Sequences, _) => {
            let names = ActionNames::new(spec, source);
            // Integers of the days that actions landed are refused whatever the unit.
            let available = names.available.filter(|name| *name != DT);
            let others = [names.time_else, available];
            std::iter::once(names.time)
                .chain(others.into_iter().flatten())
                .collect()
        }
    }
}

impl Range {
    /// The times that can be meant beside a newest impression.
    fn new(newest: Option<Micros>) -> Range {
        match newest {
            // Then the log is as old as that.
            Some(newest) if newest.0 < FIRST_US => Range {
                first: i64::MIN,
                last: newest.0.saturating_add(AHEAD_US),
                shown: format!("before ten years after {}", shown_day(newest.0)),
            },
            Some(newest) => Range {
                first: FIRST_US,
                last: newest.0.saturating_add(AHEAD_US),
                shown: format!(
                    "from 1990 to ten years after the newest impression, {}",
                    shown_day(newest.0)
                ),
            },
            None => Range {
                first: FIRST_US,
                last: LAST_US - 1,
                shown: "from 1990 to 2100".to_owned(),
            },
        }
    }

    /// Whether an integer of a unit can be meant.
    fn holds(&self, value: i64, unit: TimeUnit) -> bool {
        let at = to_micros(value, unit);
        at.is_some_and(|at| (self.first..=self.last).contains(&at.0))
    }
}

/// The day of an instant, in UTC, for a message.
fn shown_day(at_us: i64) -> String {
    i32::try_from(at_us.div_euclid(DAY_US))
        .map_or_else(|_| "never".to_owned(), |day| date_text(Day(day)))
}

/// Whether an integer reads as a day from 1990 to 2100, YYYYMMDD.
pub(crate) fn is_day(value: i64) -> bool {
    let part = |of: i64| u32::try_from(of).unwrap_or(0);
    let year = i32::try_from(value / 10_000).unwrap_or(0);
    (1990..=2100).contains(&year)
        && day_of_date(year, part(value / 100 % 100), part(value % 100)).is_some()
}

/// What a message says of an integer that stands where a time should, in brackets: what would read it.
pub(crate) fn hint(value: i64) -> String {
    let range = Range::new(None);
    let fits = |of: &&(TimeUnit, &str)| range.holds(value, of.0);
    match UNITS.iter().find(fits) {
        // The hour behind a day, 2025081410, would be a second of 2034.
        _ if is_day(value) || is_day(value / 100) && value % 100 < 24 => {
            format!(" ({})", Hint::WrittenDay.text())
        }
        Some((unit, name)) => {
            let at = to_micros(value, *unit).map_or_else(String::new, instant_text);
            format!(" ({} {at})", Hint::TimeUnit.with(name))
        }
        None => String::new(),
    }
}

/// The same of a column of integers.
pub(crate) fn hint_of_column(file: &ParquetFile, name: &str) -> String {
    let groups = 0..file.row_groups().len();
    let first = groups
        .filter_map(|group| bounds_of(file, group, name))
        .next();
    match first {
        Some((least, most)) if is_day(least) && is_day(most) => {
            format!("; {}", day_advice(&file.file, name))
        }
        Some((least, _)) => hint(least),
        None => format!(" ({})", Hint::TimeUnits.text()),
    }
}

/// What becomes of days that are integers: a command that makes dates of them.
fn day_advice(file: &InputFile, column: &str) -> String {
    let hint = advice::placed(Hint::DayNumbers.text().to_owned(), &file.shown, column);
    format!("integers such as 20250815 are no times; {hint}")
}

/// The error of a column none of whose integers can be meant, if it is one.
fn judge(
    spec: &ReadSpec<'_>,
    column: &str,
    (unit, range): (TimeUnit, &Range),
    seen: &Seen<'_>,
) -> Result<()> {
    if seen.are_days {
        let what = format!("column \"{column}\": {}", day_advice(seen.file, column));
        return Err(Error::bad_file(&seen.file.shown, what));
    }
    if seen.is_near || spec.allow_unused {
        return Ok(());
    }
    let (least, most) = seen.bounds;
    let name = |unit: TimeUnit| {
        let named = UNITS.iter().find(|(of, _)| *of == unit);
        named.map_or("", |(_, name)| name)
    };
    let fits = |of: &&(TimeUnit, &str)| range.holds(least, of.0) && range.holds(most, of.0);
    let advice = match UNITS.iter().find(fits) {
        Some((other, name)) => format!(
            "{} {}, if all integer times of this run are of that unit; ",
            Hint::OtherUnit.with(name),
            shown(least, most, *other)
        ),
        None => String::new(),
    };
    Err(Error::bad_file(
        &seen.file.shown,
        format!(
            "expected times {} in column \"{column}\", found none: with --time-unit {} its integers, \
             {least} to {most}, are {}; {advice}{}",
            range.shown,
            name(unit),
            shown(least, most, unit),
            Hint::AllowTimes.text(),
        ),
    ))
}

/// Two integers as times, for a message.
fn shown(least: i64, most: i64, unit: TimeUnit) -> String {
    let text = |value| match to_micros(value, unit).map(instant_text) {
        Some(text) if text.ends_with('Z') => text,
        _ => "beyond the years 1 to 9999".to_owned(),
    };
    let (least, most) = (text(least), text(most));
    match least == most {
        true => least,
        false => format!("{least} to {most}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_from_times() {
        for day in [19_900_101, 20_250_815, 20_240_229, 21_001_231] {
            assert!(is_day(day), "{day}");
        }
        for other in [
            0,
            -1,
            19_891_231,
            20_250_229,
            20_251_301,
            21_010_101,
            1_755_165_600,
        ] {
            assert!(!is_day(other), "{other}");
        }
    }

    #[test]
    fn a_hint_names_what_reads_the_integer() {
        for (value, said) in [
            (
                1_755_165_600,
                "--time-unit s reads this integer as 2025-08-14T10:00:00Z",
            ),
            (1_755_165_600_000, "--time-unit ms reads"),
            (1_755_165_600_000_000, "--time-unit us reads"),
            (1_755_165_600_000_000_000, "--time-unit ns reads"),
        ] {
            assert!(hint(value).contains(said), "{value}: {}", hint(value));
        }
        assert!(!hint(20_250_815).contains("--time-unit"));
        assert!(!hint(2_025_081_410).contains("--time-unit"));
        assert_eq!(hint(7), "", "no unit makes a time of it that can be meant");
    }

    #[test]
    fn the_years_that_can_be_meant_are_those_of_their_names() {
        let day = |of: i64| date_text(Day(i32::try_from(of / DAY_US).expect("a day")));
        assert_eq!([day(FIRST_US), day(LAST_US)], ["1990-01-01", "2101-01-01"]);
    }
}
