//! What names and paths mean: fields inside others, and the days of folders.

use crate::job::Settings;
use crate::reference::read::times::parse_date;

/// The parts of a name before and behind each dot, the longest first part first.
pub(crate) fn splits(name: &str) -> Vec<(&str, &str)> {
    let parts: Vec<&str> = name.split('.').collect();
    let lengths = (1..parts.len())
        .rev()
        .map(|count| parts[..count].join(".").len());
    lengths
        .map(|length| (&name[..length], &name[length + 1..]))
        .collect()
}

/// The day that the path of a file tells; nothing if it tells none.
pub(crate) fn day_of_path(settings: &Settings, path: &str) -> Option<i32> {
    let own = settings.source_settings.first();
    match own.and_then(|(_, own)| own.day_from.as_ref()) {
        Some(pattern) => day_by(&pattern.to_string(), path),
        None => day_of_folder(path),
    }
}

/// The day of the innermost `dt=` folder of a path.
fn day_of_folder(path: &str) -> Option<i32> {
    let folders = path.rsplit('/').skip(1).map(unescaped);
    let value = folders
        .filter_map(|name| name.strip_prefix("dt=").map(str::to_owned))
        .next()?;
    date(&value)
}

/// A date as folders spell it, which may itself begin with dt=.
fn date(text: &str) -> Option<i32> {
    let text = text.strip_prefix("dt=").unwrap_or(text);
    let text = match text.len() {
        19 => text.strip_suffix("00:00:00")?.strip_suffix([' ', 'T'])?,
        _ => text,
    };
    if text.len() == 8 && text.chars().all(|digit| digit.is_ascii_digit()) {
        return parse_date(&format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]));
    }
    parse_date(text)
}

/// A name without the escapes of URLs.
fn unescaped(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name.bytes().peekable();
    while let Some(byte) = rest.next() {
        let two: Vec<u8> = rest.clone().take(2).collect();
        let two = String::from_utf8(two).unwrap_or_default();
        match u8::from_str_radix(&two, 16) {
            Ok(code) if byte == b'%' && two.len() == 2 && !two.starts_with('+') => {
                bytes.push(code);
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| name.to_owned())
}

/// The day of the innermost folders that a pattern fits.
fn day_by(pattern: &str, path: &str) -> Option<i32> {
    let wanted: Vec<&str> = pattern.split('/').collect();
    let names: Vec<String> = path.split('/').map(unescaped).collect();
    for end in (wanted.len()..=names.len()).rev() {
        let joined = names[end - wanted.len()..end].join("/");
        let mut dates = Vec::new();
        fits(&wanted.join("/"), &joined, &mut Vec::new(), &mut dates);
        match dates.first() {
            Some(Some(day)) => return Some(*day),
            // Rows without a day.
            Some(None) => return None,
            None => {}
        }
    }
    None
}

/// What is told by a pattern: the name of the part, and its text.
type Told<'a> = Vec<(&'a str, &'a str)>;

/// Adds the days that a text tells by a pattern, nothing for one of no day.
fn fits<'a>(pattern: &'a str, text: &'a str, told: &mut Told<'a>, dates: &mut Vec<Option<i32>>) {
    let Some(first) = pattern.chars().next() else {
        if text.is_empty() {
            dates.extend(day_told(told));
        }
        return;
    };
    match first {
        '*' => {
            for (at, _) in text.char_indices().chain([(text.len(), ' ')]) {
                if !text[..at].contains('/') {
                    fits(&pattern[1..], &text[at..], told, dates);
                }
            }
        }
        '{' => {
            let (part, rest) = pattern[1..].split_once('}').unwrap_or_default();
            let lengths: &[usize] = match part {
                "date" => &[26, 19, 10, 8],
                "year" => &[26, 4],
                _ if pattern_is_joined(told, text) => &[26, 2],
                _ => &[26, 2, 1],
            };
            for length in lengths {
                let Some((value, behind)) = text.split_at_checked(*length) else {
                    continue;
                };
                // The longest run of digits, so that 8 is never the month of 2025-08.
                let is_cut = *length == 1 && behind.starts_with(|next: char| next.is_ascii_digit());
                if !is_cut && is_part(part, value) {
                    told.push((part, value));
                    fits(rest, behind, told, dates);
                    told.pop();
                }
            }
        }
        _ => {
            let (own, behind) = pattern.split_at(first.len_utf8());
            if let Some(text) = text.strip_prefix(own) {
                fits(behind, text, told, dates);
            }
        }
    }
}

/// Whether what was told last ends where the text begins, so that numbers need all their digits.
fn pattern_is_joined(told: &Told<'_>, text: &str) -> bool {
    told.last()
        .is_some_and(|(_, value)| std::ptr::eq(value.as_bytes().as_ptr_range().end, text.as_ptr()))
}

/// Whether a text may be a part of a date.
fn is_part(part: &str, value: &str) -> bool {
    value == NO_DAY
        || match part {
            "date" => date(value).is_some(),
            _ => value.chars().all(|digit| digit.is_ascii_digit()),
        }
}

/// What Hive writes for no value.
const NO_DAY: &str = "__HIVE_DEFAULT_PARTITION__";

/// The day of what was told: nothing if it does not exist, nothing inside if there is none.
fn day_told(told: &Told<'_>) -> Option<Option<i32>> {
    if told.iter().any(|(_, value)| *value == NO_DAY) {
        return Some(None);
    }
    let part = |name| {
        told.iter()
            .find(|(part, _)| *part == name)
            .map(|(_, value)| *value)
    };
    if let Some(value) = part("date") {
        return date(value).map(Some);
    }
    let [year, month, day] = ["year", "month", "day"].map(part);
    parse_date(&format!("{}-{:0>2}-{:0>2}", year?, month?, day?)).map(Some)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::ids::Day;
    use crate::job::{DayPattern, PathDay, day_of_dt};

    /// Names of folders and files, some of which tell a day.
    const NAMES: [&str; 18] = [
        "2025",
        "08",
        "8",
        "15",
        "31",
        "2025-08-15",
        "20250816",
        "date=2025-08-15",
        "date=2025-02-30",
        "date=20250816",
        "date=2025-08-15%2000%3A00%3A00",
        "date=__HIVE_DEFAULT_PARTITION__",
        "year=2025",
        "month=9",
        "day=01",
        "dt=2025-08-15",
        "dt=dt%3D20250817",
        "shown_2025-08-15_3.csv",
    ];
    const PATTERNS: [&str; 7] = [
        "date={date}",
        "{date}",
        "{year}/{month}/{day}",
        "year={year}/month={month}/day={day}",
        "{year}{month}{day}",
        "*_{date}_*",
        "{year}-{month}-{day}",
    ];

    #[test]
    fn the_engine_finds_the_same_days_in_paths() {
        let mut seen = [0; 2];
        for first in NAMES {
            for second in NAMES {
                for third in NAMES {
                    let path = format!("in/{first}/{second}/{third}");
                    let day = |told| match told {
                        Some(PathDay::Day(Day(day))) => Some(day),
                        _ => None,
                    };
                    assert_eq!(
                        day_of_folder(&path),
                        day(day_of_dt(Path::new(&path))),
                        "{path}"
                    );
                    for pattern in PATTERNS {
                        let own = DayPattern::parse(pattern).expect("a pattern");
                        let told = day(own.day_in(Path::new(&path)));
                        assert_eq!(day_by(pattern, &path), told, "{pattern} {path}");
                        seen[usize::from(told.is_some())] += 1;
                    }
                }
            }
        }
        assert!(seen.iter().all(|seen| *seen > 500), "{seen:?}");
    }
}
