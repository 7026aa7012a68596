//! Where the paths of files tell a day: `{year}/{month}/{day}`, `date={date}`.
//!
//! **In / Out**: a pattern as the user writes it, and a path → the day of the innermost folders, or folders
//! and file, that fit. **Invariants**: a pattern tells a whole day, by `{date}` or by `{year}`, `{month}` and
//! `{day}`; only such patterns can be made.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::calendar::{date_text, day_of_date, parse_date};
use crate::ids::Day;

/// The value of the folder in which Hive puts rows without a day.
pub(crate) const NO_DAY: &str = "__HIVE_DEFAULT_PARTITION__";

/// Keys of folders by which days are commonly named.
const DAY_KEYS: [&str; 5] = ["date", "day", "ds", "dt", "d"];

/// A pattern of folders, and of a file name, that tell a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DayPattern {
    text: String,
    /// What each folder is made of, from the outside in.
    folders: Vec<Vec<Piece>>,
}

/// A piece of the name of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// This text.
    Text(String),
    /// Any text, or none.
    Any,
    /// A year of four digits.
    Year,
    /// The number of a month.
    Month,
    /// The number of a day in its month.
    Day,
    /// A date such as 2025-08-15 or 20250815.
    Date,
}

/// What the path of a file says of its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathDay {
    /// All rows are of this day.
    Day(Day),
    /// Its rows have no day.
    NoDay,
    /// A folder should tell the day, and what it says is none.
    Wrong,
}

/// What was found of a day so far.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    date: Option<Day>,
    is_no_day: bool,
}

impl DayPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<DayPattern, String> {
        let folders = text.split('/').map(pieces_of);
        let folders = folders.collect::<Result<Vec<_>, _>>()?;
        let all: Vec<&Piece> = folders.iter().flatten().collect();
        let count = |piece| all.iter().filter(|other| ***other == piece).count();
        let parts = [Piece::Year, Piece::Month, Piece::Day].map(count);
        match (count(Piece::Date), parts) {
            (1, [0, 0, 0]) | (0, [1, 1, 1]) if !folders.iter().any(Vec::is_empty) => {
                Ok(DayPattern {
                    text: text.to_owned(),
                    folders,
                })
            }
            _ => Err(format!(
                "\"{text}\" tells no day: expected {{date}}, or {{year}}, {{month}} and {{day}}, each once, \
                 such as date={{date}} or {{year}}/{{month}}/{{day}}"
            )),
        }
    }

    /// The pattern by which the innermost folders of a path, or its file name, tell a day; `None` if they
    /// tell none.
    pub(crate) fn guess(path: &Path) -> Option<DayPattern> {
        let names = names_of(path);
        let mut ends = (1..=names.len()).rev();
        let text = ends.find_map(|end| guess_of(&names[..end], end == names.len()))?;
        DayPattern::parse(&text).ok()
    }

    /// A path of folders that tells a day, or that there is none.
    pub(crate) fn path_of(&self, day: Option<Day>) -> String {
        let date = day.map(date_text);
        let part = |range: Range<usize>| {
            let date = date.as_deref();
            date.map_or(NO_DAY, |date| date.get(range).unwrap_or(date))
        };
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Any => "any".to_owned(),
            Piece::Year => part(0..4).to_owned(),
            Piece::Month => part(5..7).to_owned(),
            Piece::Day => part(8..10).to_owned(),
            Piece::Date => part(0..10).to_owned(),
        };
        let folders = self.folders.iter();
        let folders = folders.map(|pieces| pieces.iter().map(text).collect::<String>());
        folders.collect::<Vec<_>>().join("/")
    }

    /// The day of a path; `None` if nothing in it fits.
    pub(crate) fn day_in(&self, path: &Path) -> Option<PathDay> {
        let names = names_of(path);
        let wanted = self.folders.len();
        let mut windows = names.windows(wanted).rev();
        windows.find_map(|names| {
            let mut found = Found::default();
            let mut both = self.folders.iter().zip(names);
            let fits = both.all(|(pieces, name)| fit(pieces, name, false, &mut found));
            fits.then(|| found.day())?
        })
    }
}

impl Found {
    /// The day, if it exists.
    fn day(self) -> Option<PathDay> {
        if self.is_no_day {
            return Some(PathDay::NoDay);
        }
        let of_parts = || day_of_date(self.year?, self.month?, self.day?);
        self.date.or_else(of_parts).map(PathDay::Day)
    }
}

/// The day of the innermost `dt=` folder of a path; `None` if it lies in none.
pub(crate) fn day_of_dt(path: &Path) -> Option<PathDay> {
    let value = dt_folder(path)?;
    Some(match parse_folder_date(&value) {
        _ if value == NO_DAY => PathDay::NoDay,
        Some(day) => PathDay::Day(day),
        None => PathDay::Wrong,
    })
}

/// The value of the innermost `dt=` folder of a path, decoded.
pub(crate) fn dt_folder(path: &Path) -> Option<String> {
    let names = names_of(path.parent()?);
    let mut values = names
        .iter()
        .rev()
        .filter_map(|name| name.strip_prefix("dt="));
    values.next().map(str::to_owned)
}

/// The names on a path, the file last, with the escapes of URLs decoded, as writers of Hive folders make
/// them.
fn names_of(path: &Path) -> Vec<String> {
    let names = path.components();
    names
        .map(|name| decoded(&name.as_os_str().to_string_lossy()))
        .collect()
}

/// A text with `%3A` and the like decoded, unless that makes no text.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, behind @ ..] = rest {
        let hex = text_of(behind.get(..2).filter(|_| *first == b'%'));
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Bytes as a text, if they are one.
fn text_of(bytes: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(bytes?).ok()
}

/// The day that the value of a folder is: a date, also with a time of midnight, also behind `dt=`.
pub(crate) fn parse_folder_date(text: &str) -> Option<Day> {
    let text = text.strip_prefix("dt=").unwrap_or(text);
    let date = [" 00:00:00", "T00:00:00"]
        .iter()
        .find_map(|midnight| text.strip_suffix(midnight));
    let date = date.unwrap_or(text);
    parse_date(date.as_bytes()).or_else(|| compact_date(date))
}

/// The day of eight digits.
fn compact_date(text: &str) -> Option<Day> {
    let is_it = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = text.parse().ok().filter(|_| is_it)?;
    let year = i32::try_from(number / 10_000).ok()?;
    day_of_date(year, number / 100 % 100, number % 100)
}

/// The pieces of the name of one folder.
fn pieces_of(text: &str) -> Result<Vec<Piece>, String> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let end = rest.find(['{', '*']).unwrap_or(rest.len());
        if end > 0 {
            pieces.push(Piece::Text(rest[..end].to_owned()));
        } else if let Some(behind) = rest.strip_prefix('*') {
            pieces.push(Piece::Any);
            rest = behind;
            continue;
        } else {
            let close = rest.find('}').ok_or("expected \"}\" behind \"{\"")?;
            pieces.push(match &rest[1..close] {
                "year" => Piece::Year,
                "month" => Piece::Month,
                "day" => Piece::Day,
                "date" => Piece::Date,
                other => {
                    return Err(format!(
                        "\"{{{other}}}\" is nothing; there are {{date}}, {{year}}, {{month}} and {{day}}"
                    ));
                }
            });
            rest = &rest[close + 1..];
            continue;
        }
        rest = &rest[end..];
    }
    Ok(pieces)
}

/// Whether a name is made of these pieces; `found` takes what they tell. `is_joined` says that the piece
/// before is of digits, too, so that a number must have all of its digits.
fn fit(pieces: &[Piece], name: &str, is_joined: bool, found: &mut Found) -> bool {
    let Some((piece, pieces)) = pieces.split_first() else {
        return name.is_empty();
    };
    match piece {
        Piece::Text(text) => {
            let rest = name.strip_prefix(text.as_str());
            rest.is_some_and(|rest| fit(pieces, rest, false, found))
        }
        Piece::Any => {
            let mut ends = (0..=name.len()).filter(|at| name.is_char_boundary(*at));
            ends.any(|at| fit(pieces, &name[at..], false, found))
        }
        Piece::Date => {
            let ends = [19, 10, 8].into_iter();
            let mut ends = ends.filter(|end| name.is_char_boundary(*end) && *end <= name.len());
            let is_date = ends.any(|end| {
                found.date = parse_folder_date(&name[..end]);
                found.date.is_some() && fit(pieces, &name[end..], true, found)
            });
            is_date || fit_no_day(pieces, name, found)
        }
        Piece::Year => {
            let is_year = fit_number(pieces, name, 4, 4, found, |found, year| {
                found.year = i32::try_from(year).ok();
            });
            is_year || fit_no_day(pieces, name, found)
        }
        Piece::Month | Piece::Day => {
            let is_month = *piece == Piece::Month;
            let least = if is_joined { 2 } else { 1 };
            let is_number = fit_number(pieces, name, least, 2, found, |found, number| {
                *(if is_month {
                    &mut found.month
                } else {
                    &mut found.day
                }) = Some(number);
            });
            is_number || fit_no_day(pieces, name, found)
        }
    }
}

/// Whether a name begins with a number of so many digits, and the rest fits.
fn fit_number(
    pieces: &[Piece],
    name: &str,
    least: usize,
    most: usize,
    found: &mut Found,
    set: impl Fn(&mut Found, u32),
) -> bool {
    let digits = name
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    if digits < least {
        return false;
    }
    let (number, rest) = name.split_at(digits);
    let Ok(number) = number.parse() else {
        return false;
    };
    set(found, number);
    fit(pieces, rest, true, found)
}

/// Whether a name begins with what Hive writes for no value, and the rest fits.
fn fit_no_day(pieces: &[Piece], name: &str, found: &mut Found) -> bool {
    let Some(rest) = name.strip_prefix(NO_DAY) else {
        return false;
    };
    let fits = fit(pieces, rest, false, found);
    found.is_no_day |= fits;
    fits
}

/// The pattern by which the last of some names tell a day; `is_file` says that the last is a file.
fn guess_of(names: &[String], is_file: bool) -> Option<String> {
    let last = names.last()?;
    if is_file {
        return guess_file(last);
    }
    if parse_folder_date(last).is_some() {
        return Some("{date}".to_owned());
    }
    let key_of = |name: &str| {
        name.split_once('=')
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
    };
    if let Some((key, value)) = key_of(last)
        && DAY_KEYS.contains(&key.as_str())
        && parse_folder_date(&value).is_some()
    {
        return Some(format!("{key}={{date}}"));
    }
    let [year, month, day] = names.last_chunk::<3>()?;
    let keyed = [year, month, day].map(|name| key_of(name));
    let pattern = match keyed {
        [None, None, None] => "{year}/{month}/{day}".to_owned(),
        [Some((year, _)), Some((month, _)), Some((day, _))] => {
            format!("{year}={{year}}/{month}={{month}}/{day}={{day}}")
        }
        _ => return None,
    };
    let parsed = DayPattern::parse(&pattern).ok()?;
    let path: std::path::PathBuf = [year, month, day].iter().collect();
    matches!(parsed.day_in(&path), Some(PathDay::Day(_))).then_some(pattern)
}

/// The pattern of a file name that has one date in it.
fn guess_file(name: &str) -> Option<String> {
    let is_digit = |at: usize| name.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let dates = (0..name.len()).flat_map(|start| [(start, start + 10), (start, start + 8)]);
    let mut dates = dates.filter(|(start, end)| {
        let is_whole = (*start == 0 || !is_digit(start - 1)) && !is_digit(*end);
        let date = name.get(*start..*end).filter(|_| is_whole);
        date.and_then(parse_folder_date).is_some()
    });
    let (start, _) = dates.next()?;
    match dates.next() {
        None => Some(format!("{}{{date}}*", &name[..start])),
        Some(_) => None,
    }
}

impl fmt::Display for DayPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl TryFrom<String> for DayPattern {
    type Error = String;

    fn try_from(text: String) -> Result<DayPattern, String> {
        DayPattern::parse(&text)
    }
}

impl From<DayPattern> for String {
    fn from(pattern: DayPattern) -> String {
        pattern.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a path says by a pattern, as text.
    fn day(pattern: &str, path: &str) -> String {
        let pattern = DayPattern::parse(pattern).expect("a pattern");
        shown(pattern.day_in(Path::new(path)))
    }

    fn shown(day: Option<PathDay>) -> String {
        match day {
            None => "nothing".to_owned(),
            Some(PathDay::NoDay) => "no day".to_owned(),
            Some(PathDay::Wrong) => "wrong".to_owned(),
            Some(PathDay::Day(day)) => date_text(day),
        }
    }

    #[test]
    fn folders_tell_days() {
        let parts = "{year}/{month}/{day}";
        for (pattern, path, expected) in [
            ("date={date}", "in/date=2025-08-15/a.csv", "2025-08-15"),
            ("date={date}", "in/date=20250815/a.csv", "2025-08-15"),
            (
                "date={date}",
                "in/date=2025-08-15%2000%3A00%3A00/a.csv",
                "2025-08-15",
            ),
            (
                "date={date}",
                "in/date=2025-08-15%2001%3A00%3A00/a.csv",
                "nothing",
            ),
            ("date={date}", "in/date=2025-08-32/a.csv", "nothing"),
            (
                "date={date}",
                "in/date=__HIVE_DEFAULT_PARTITION__/a.csv",
                "no day",
            ),
            (parts, "in/2025/08/15/a.csv", "2025-08-15"),
            (parts, "in/2025/8/5/a.csv", "2025-08-05"),
            (parts, "in/2025/08/15/03/a.csv", "2025-08-15"),
            (parts, "in/2025/13/15/a.csv", "nothing"),
            (parts, "1999/01/01/2025/08/15/a.csv", "2025-08-15"),
            (
                "year={year}/month={month}/day={day}",
                "in/year=2025/month=08/day=15/a",
                "2025-08-15",
            ),
            ("{year}{month}/{day}", "in/202508/15/a.csv", "2025-08-15"),
            ("{year}{month}/{day}", "in/20258/15/a.csv", "nothing"),
            ("events_{date}.csv", "in/events_20250815.csv", "2025-08-15"),
            (
                "events_{date}*",
                "in/events_2025-08-15_part3.csv",
                "2025-08-15",
            ),
            ("*_{date}.csv*", "in/a_b_20250815.csv.gz", "2025-08-15"),
        ] {
            assert_eq!(day(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_tells_a_whole_day() {
        for (pattern, said) in [
            ("{year}/{month}", "tells no day"),
            ("{date}/{date}", "tells no day"),
            ("{date}/{year}", "tells no day"),
            ("", "tells no day"),
            ("/{date}", "tells no day"),
            ("{hour}", "\"{hour}\" is nothing"),
            ("{date", "expected \"}\""),
        ] {
            let error = DayPattern::parse(pattern).expect_err(pattern);
            assert!(error.contains(said), "{pattern}: {error}");
        }
    }

    #[test]
    fn patterns_are_guessed_and_fit() {
        for (path, expected) in [
            ("in/date=2025-08-15/a.csv", "date={date}"),
            (
                "in/year=2025/month=8/day=15/hour=3/a.csv",
                "year={year}/month={month}/day={day}",
            ),
            ("in/2025/08/15/a.csv", "{year}/{month}/{day}"),
            ("in/2025-08-15/a.csv", "{date}"),
            ("in/events_20250815.csv", "events_{date}*"),
            ("in/20250815-20250816.csv", ""),
            ("in/a.csv", ""),
            ("in/123456789.csv", ""),
        ] {
            let pattern = DayPattern::guess(Path::new(path));
            let text = pattern.as_ref().map(DayPattern::to_string);
            assert_eq!(text.unwrap_or_default(), expected, "{path}");
            if let Some(pattern) = pattern {
                assert!(
                    matches!(pattern.day_in(Path::new(path)), Some(PathDay::Day(_))),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn dt_folders_have_several_spellings() {
        for (path, expected) in [
            ("in/dt=2025-08-15/a", "2025-08-15"),
            ("in/dt=20250815/a", "2025-08-15"),
            ("in/dt=2025-08-15%2000%3A00%3A00/a", "2025-08-15"),
            ("in/dt=dt%3D2025-08-15/a", "2025-08-15"),
            ("in/dt=dt=2025-08-15/a", "2025-08-15"),
            ("in/dt=2025-08-15T00:00:00/a", "2025-08-15"),
            ("in/dt=2025-08/a", "wrong"),
            ("in/dt=__HIVE_DEFAULT_PARTITION__/a", "no day"),
            ("in/a", "nothing"),
            ("dt=2025-08-15", "nothing"),
        ] {
            assert_eq!(shown(day_of_dt(Path::new(path))), expected, "{path}");
        }
    }
}
