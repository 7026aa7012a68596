//! Times in forms that are read only when somebody names the form: which one it is.
//!
//! **In / Out**: the values of a column → a format of `strptime`. **Invariants**: the format reads every value.

use super::schema::SurveyedTime;
use crate::scan::values::time_format::parse;

/// Formats of texts, the likeliest first. Nobody writes the month first between dots.
const TEXTS: [&str; 21] = [
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d/%m/%Y %I:%M:%S %p",
    "%d/%m/%Y %I:%M %p",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y",
    "%m-%d-%Y %H:%M:%S",
    "%m-%d-%Y %H:%M",
    "%m-%d-%Y",
    "%Y-%m-%d %H",
    "%Y-%m-%dT%H",
];
/// Days written as a number: 20250815.
const DAYS: &str = "%Y%m%d";
/// Times written as a number: 20250815093000.
const TIMES: &str = "%Y%m%d%H%M%S";
/// Hours written as a number: 2025081509, or 14102109 of 2014.
const HOURS: [&str; 2] = ["%Y%m%d%H", "%y%m%d%H"];
/// The digits of the longest hour.
const HOUR_DIGITS: [usize; 2] = [10, 8];

/// The format that all texts have.
pub(super) fn format_of_texts(texts: &[&str]) -> Option<&'static str> {
    // Years of two digits would be those of the first century.
    let has_year = |text: &str| {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        numbers.any(|number| number.len() == 4)
    };
    let have = |format: &str| {
        let mut all = texts.iter();
        all.all(|text| has_year(text) && parse(format, text).is_some())
    };
    let mut formats = TEXTS.into_iter().filter(|_| !texts.is_empty());
    formats.find(|format| have(format))
}

/// The format that all whole numbers of a column have. Hours are so only if its name says it: they look like
/// seconds since 1970, or like days.
pub(super) fn format_of_wholes(name: &str, wholes: &[i64]) -> Option<&'static str> {
    let have = |format: &str, digits: usize| {
        wholes.iter().all(|whole| {
            let text = whole.to_string();
            text.len() == digits && parse(format, &text).is_some()
        })
    };
    let are_near = || {
        let years = wholes.iter().map(|whole| whole / 10_000);
        years.into_iter().all(|year| (1900..2100).contains(&year))
    };
    if wholes.is_empty() {
        return None;
    }
    if name.to_lowercase().contains("hour") {
        let mut hours = HOURS.into_iter().zip(HOUR_DIGITS);
        let hour = hours.find(|(format, digits)| have(format, *digits));
        if let Some((format, _)) = hour {
            return Some(format);
        }
    }
    match () {
        () if have(DAYS, 8) && are_near() => Some(DAYS),
        () if have(TIMES, 14) => Some(TIMES),
        () => None,
    }
}

impl SurveyedTime {
    /// The format by which it is read, if somebody has to name it.
    pub fn format(self) -> Option<&'static str> {
        match self {
            SurveyedTime::Formatted(format) => Some(format),
            _ => None,
        }
    }

    /// Whether it says more than a day.
    pub fn has_clock(self) -> bool {
        match self.format() {
            Some(format) => format.contains("%H") || format.contains("%I"),
            None => self.is_readable() && self != SurveyedTime::Days,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_the_first_format_that_reads_all() {
        for (texts, format) in [
            (&["8/14/2025 10:00:00 AM"][..], Some("%m/%d/%Y %I:%M:%S %p")),
            (
                &["8/9/2025 10:00", "9/13/2025 9:05"],
                Some("%m/%d/%Y %H:%M"),
            ),
            (
                &["8/9/2025 10:00", "13/9/2025 9:05"],
                Some("%d/%m/%Y %H:%M"),
            ),
            (&["14.08.2025"], Some("%d.%m.%Y")),
            (&["2014-12-06 02"], Some("%Y-%m-%d %H")),
            (&["2014-12-06"], None),
            (&["13/13/2025"], None),
            (&["14/8/25"], None),
            (&["view"], None),
            (&[], None),
        ] {
            assert_eq!(format_of_texts(texts), format, "{texts:?}");
        }
    }

    #[test]
    fn numbers_are_hours_only_by_their_name() {
        for (name, wholes, format) in [
            ("day", &[20_250_815, 20_250_816][..], Some("%Y%m%d")),
            ("day", &[20_250_815, 20_251_316], None),
            ("day", &[99_990_101], None),
            ("at", &[20_250_815_093_000], Some("%Y%m%d%H%M%S")),
            ("hour", &[14_102_100], Some("%y%m%d%H")),
            ("eventHour", &[2_014_102_123], Some("%Y%m%d%H")),
            ("ts", &[14_102_100], None),
            ("ts", &[2_014_102_123], None),
            ("hour", &[], None),
        ] {
            assert_eq!(format_of_wholes(name, wholes), format, "{name} {wholes:?}");
        }
    }
}
