//! Integers that are times: since 1970 in a unit, and which unit an integer could be meant in.

use arrow::datatypes::TimeUnit as ArrowUnit;

use crate::advice::Hint;
use crate::calendar::{DAY_US, day_of_date, instant_text};
use crate::ids::Micros;
use crate::job::TimeUnit;

/// 1990-01-01: no log of clicks is older.
pub(crate) const FIRST_US: i64 = 7_305 * DAY_US;
/// 2101-01-01: no log is newer, where nothing else bounds it.
pub(crate) const LAST_US: i64 = 47_847 * DAY_US;

/// All units, with their values of `--time-unit`.
pub(crate) const UNITS: [(TimeUnit, &str); 4] = [
    (TimeUnit::Second, "s"),
    (TimeUnit::Milli, "ms"),
    (TimeUnit::Micro, "us"),
    (TimeUnit::Nano, "ns"),
];

/// A number of units since the epoch, floored to microseconds; `None` if it does not fit 64 bits.
#[inline]
pub(crate) fn to_micros(value: i64, unit: TimeUnit) -> Option<Micros> {
    let micros = match unit {
        TimeUnit::Second => value.checked_mul(1_000_000)?,
        TimeUnit::Milli => value.checked_mul(1_000)?,
        TimeUnit::Micro => value,
        // A plain division would round times before 1970 up.
        TimeUnit::Nano => value.div_euclid(1_000),
    };
    Some(Micros(micros))
}

/// A unit of Arrow.
pub(crate) fn unit_of(unit: ArrowUnit) -> TimeUnit {
    match unit {
        ArrowUnit::Second => TimeUnit::Second,
        ArrowUnit::Millisecond => TimeUnit::Milli,
        ArrowUnit::Microsecond => TimeUnit::Micro,
        ArrowUnit::Nanosecond => TimeUnit::Nano,
    }
}

/// Whether an integer reads as a day from 1990 to 2100, YYYYMMDD.
pub(crate) fn is_day(value: i64) -> bool {
    let part = |digits: i64| u32::try_from(digits).unwrap_or(0);
    let year = i32::try_from(value / 10_000).unwrap_or(0);
    (1990..=2100).contains(&year)
        && day_of_date(year, part(value / 100 % 100), part(value % 100)).is_some()
}

/// Whether an integer reads as a day, or as a day with its hour, such as 2025081410, which would be a second
/// of 2034.
pub(crate) fn is_day_or_hour(value: i64) -> bool {
    is_day(value) || is_day(value / 100) && value % 100 < 24
}

/// The hint, in brackets, on an integer that stands where a time should: the option that reads it.
/// Empty if no unit makes a plausible time of it.
pub(crate) fn hint(value: i64) -> String {
    // No integer is plausible in two units: the ranges do not overlap.
    let is_plausible = |(unit, _): &&(TimeUnit, &str)| {
        to_micros(value, *unit).is_some_and(|at| (FIRST_US..LAST_US).contains(&at.0))
    };
    match UNITS.iter().find(is_plausible) {
        _ if is_day_or_hour(value) => {
            format!(" ({})", Hint::WrittenDay.text())
        }
        Some((unit, name)) => {
            let at = to_micros(value, *unit).map_or_else(String::new, instant_text);
            format!(" ({} {at})", Hint::TimeUnit.with(name))
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::date_text;
    use crate::ids::Day;

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
    fn a_hint_names_the_unit_that_fits_the_integer() {
        for (value, expected) in [
            (
                1_755_165_600,
                "--time-unit s reads this integer as 2025-08-14T10:00:00Z",
            ),
            (1_755_165_600_000, "--time-unit ms reads"),
            (1_755_165_600_000_000, "--time-unit us reads"),
            (1_755_165_600_000_000_000, "--time-unit ns reads"),
        ] {
            assert!(hint(value).contains(expected), "{value}: {}", hint(value));
        }
        assert!(!hint(20_250_815).contains("--time-unit"));
        assert!(!hint(2_025_081_410).contains("--time-unit"));
        assert_eq!(hint(7), "", "no unit makes a plausible time of it");
    }

    #[test]
    fn the_years_of_plausible_times_are_those_of_their_names() {
        let day = |at_us: i64| date_text(Day(i32::try_from(at_us / DAY_US).expect("a day")));
        assert_eq!([day(FIRST_US), day(LAST_US)], ["1990-01-01", "2101-01-01"]);
    }
}
