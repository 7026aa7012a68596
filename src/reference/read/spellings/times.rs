//! Times in other spellings than the usual one: from a list of tokens, with dates by jiff. The engine reads
//! them byte by byte.

use jiff::civil::{Date, Weekday};

use crate::reference::LogTime;

/// Microseconds of a minute.
const MINUTE_US: i64 = 60_000_000;

/// A piece of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Number(&'a str),
    Word(&'a str),
    Mark(char),
    Space,
}

use Token::{Mark, Number, Space, Word};

/// A time with its offset in minutes east of UTC, if the text is one and can be no other.
pub(crate) fn time(text: &str) -> Option<(LogTime, Option<i64>)> {
    let tokens = tokens(text.trim_matches(|c: char| c.is_ascii_whitespace()));
    let (weekday, rest) = match &tokens[..] {
        [Word(name), Mark(','), Space, rest @ ..] | [Word(name), Space, rest @ ..]
            if weekday(name).is_some() =>
        {
            (weekday(name), rest)
        }
        rest => (None, rest),
    };
    let (date, clock, east) = all_of(rest)?;
    if weekday.is_some_and(|weekday| weekday != date.weekday()) {
        return None;
    }
    let day = (date - Date::constant(1970, 1, 1)).get_days();
    let Some(clock) = clock else {
        return Some((LogTime::Date(day), None));
    };
    let wall = i64::from(day) * 1440 * MINUTE_US + clock;
    match east {
        None => Some((LogTime::Wall(wall), None)),
        Some(_) if date.year() < 1 => None,
        Some(east) => Some((LogTime::Instant(wall - east * MINUTE_US), Some(east))),
    }
}

/// The tokens of a text.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let run = |is_in: fn(char) -> bool| rest.find(|c| !is_in(c)).unwrap_or(rest.len());
        let (token, length) = if first.is_ascii_digit() {
            let length = run(|c| c.is_ascii_digit());
            (Number(&rest[..length]), length)
        } else if first.is_ascii_alphabetic() {
            let length = run(|c| c.is_ascii_alphabetic());
            (Word(&rest[..length]), length)
        } else if first.is_ascii_whitespace() {
            (Space, run(|c| c.is_ascii_whitespace()))
        } else {
            (Mark(first), first.len_utf8())
        };
        found.push(token);
        rest = &rest[length..];
    }
    found
}

/// A date, the microseconds of the day, and minutes east of UTC.
type DateClockZone = (Date, Option<i64>, Option<i64>);

/// Reads all tokens of a time without its day of the week.
fn all_of(tokens: &[Token<'_>]) -> Option<DateClockZone> {
    if let Some((month, day, rest)) = month_and_day(tokens)
        && !matches!(rest, [Number(year), ..] if year.len() == 4)
    {
        let (clock, rest) = clock_of(rest)?;
        let (east, rest) = match without_space(rest) {
            rest @ [Number(_), ..] => (None, rest),
            rest => {
                let (east, rest) = zone_of(rest)?;
                (Some(east), without_space(rest))
            }
        };
        return match rest {
            [Number(year)] => Some((date_of(year, month, day)?, Some(clock), east)),
            _ => None,
        };
    }
    let (date, has_colon, is_compact, rest) = date_in(tokens)?;
    let rest = match rest {
        [] if is_compact => return None,
        [] => return Some((date, None, None)),
        [Word("T" | "t"), rest @ ..] | [Mark(','), Space, rest @ ..] | [Space, rest @ ..] => rest,
        [Mark(':'), rest @ ..] if has_colon => rest,
        _ => return None,
    };
    let compact = if is_compact {
        compact_clock(rest)
    } else {
        None
    };
    let (clock, rest) = clock_of(rest).or(compact)?;
    match without_space(rest) {
        [] => Some((date, Some(clock), None)),
        rest => match zone_of(rest)? {
            (east, []) => Some((date, Some(clock), Some(east))),
            _ => None,
        },
    }
}

/// The tokens behind a space, or all.
fn without_space<'t, 'a>(tokens: &'t [Token<'a>]) -> &'t [Token<'a>] {
    match tokens {
        [Space, rest @ ..] | rest => rest,
    }
}

/// `Aug 4, ` with what follows.
fn month_and_day<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(&'a str, &'a str, &'t [Token<'a>])> {
    let (month, rest) = match tokens {
        [Word(month), Mark('.'), Space, rest @ ..] | [Word(month), Space, rest @ ..] => {
            (*month, rest)
        }
        _ => return None,
    };
    match rest {
        [Number(day), Mark(','), Space, rest @ ..] | [Number(day), Space, rest @ ..] => {
            Some((month, *day, rest))
        }
        _ => None,
    }
}

/// A date with what follows, whether a colon may follow, and whether it is a number of eight digits.
fn date_in<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(Date, bool, bool, &'t [Token<'a>])> {
    let plain = |date, rest| Some((date, false, false, rest));
    match tokens {
        [
            Number(year),
            Mark(by @ ('-' | '/' | '.')),
            Number(month) | Word(month),
            Mark(other),
            Number(day),
            rest @ ..,
        ] if by == other && year.len() == 4 => plain(date_of(year, month, day)?, rest),
        [Number(date), rest @ ..] if date.len() == 8 => {
            let date = date_of(&date[..4], &date[4..6], &date[6..])?;
            Some((date, false, true, rest))
        }
        [
            Number(day),
            Space,
            Word(month),
            Mark(','),
            Space,
            Number(year),
            rest @ ..,
        ]
        | [
            Number(day),
            Space,
            Word(month),
            Space,
            Number(year),
            rest @ ..,
        ] => plain(date_of(year, month, day)?, rest),
        [
            Number(day),
            Mark(by @ ('-' | '/')),
            Word(month),
            Mark(other),
            Number(year),
            rest @ ..,
        ] if by == other => Some((date_of(year, month, day)?, *by == '/', false, rest)),
        _ => {
            let (month, day, rest) = month_and_day(tokens)?;
            match rest {
                [Number(year), rest @ ..] => plain(date_of(year, month, day)?, rest),
                _ => None,
            }
        }
    }
}

/// A date by its year of four digits, its month by number or name, and its day.
fn date_of(year: &str, month: &str, day: &str) -> Option<Date> {
    if year.len() != 4 || day.len() > 2 {
        return None;
    }
    let month = match month.parse() {
        Ok(number) if month.len() <= 2 => number,
        Ok(_) => return None,
        Err(_) => month_number(month)?,
    };
    Date::new(year.parse().ok()?, month, day.parse().ok()?).ok()
}

/// The number of a month by its name, whole or its first three letters.
fn month_number(name: &str) -> Option<i8> {
    let names = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let place = names.iter().position(|own| is_name(name, own))?;
    i8::try_from(place + 1).ok()
}

/// A day of the week by its name.
fn weekday(name: &str) -> Option<Weekday> {
    let names = [
        ("Monday", Weekday::Monday),
        ("Tuesday", Weekday::Tuesday),
        ("Wednesday", Weekday::Wednesday),
        ("Thursday", Weekday::Thursday),
        ("Friday", Weekday::Friday),
        ("Saturday", Weekday::Saturday),
        ("Sunday", Weekday::Sunday),
    ];
    let found = names.iter().find(|(own, _)| is_name(name, own));
    found.map(|(_, weekday)| *weekday)
}

/// Whether a word is a name or its first three letters, in any case.
fn is_name(word: &str, name: &str) -> bool {
    let word = word.to_lowercase();
    let name = name.to_lowercase();
    word == name || word == name[..3]
}

/// Reads `9:05`, with seconds, a fraction, and half of the day if there are such; gives microseconds.
fn clock_of<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(i64, &'t [Token<'a>])> {
    let [Number(hour), Mark(':'), Number(minute), rest @ ..] = tokens else {
        return None;
    };
    if hour.len() > 2 || minute.len() != 2 {
        return None;
    }
    let (second, fraction, rest) = match rest {
        [
            Mark(':'),
            Number(second),
            Mark('.' | ','),
            Number(fraction),
            rest @ ..,
        ] => (*second, *fraction, rest),
        [Mark(':'), Number(second), rest @ ..] => (*second, "0", rest),
        rest => ("00", "0", rest),
    };
    if second.len() != 2 {
        return None;
    }
    let hour: i64 = hour.parse().ok()?;
    let (hour, rest) = match without_space(rest) {
        [Word(half @ ("AM" | "am" | "PM" | "pm")), rest @ ..] => {
            let is_late = half.eq_ignore_ascii_case("pm");
            let hour = Some(hour).filter(|hour| (1..=12).contains(hour))?;
            (hour % 12 + if is_late { 12 } else { 0 }, rest)
        }
        _ => (hour, rest),
    };
    Some((
        micros_of([hour, minute.parse().ok()?, second.parse().ok()?], fraction)?,
        rest,
    ))
}

/// Reads `0905` or `090500`, the latter with a fraction if there is one.
fn compact_clock<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(i64, &'t [Token<'a>])> {
    let (digits, fraction, rest) = match tokens {
        [Number(digits), Mark('.' | ','), Number(fraction), rest @ ..] if digits.len() == 6 => {
            (*digits, *fraction, rest)
        }
        [Number(digits), rest @ ..] => (*digits, "0", rest),
        _ => return None,
    };
    if ![4, 6].contains(&digits.len()) {
        return None;
    }
    let digits = format!("{digits:0<6}");
    let part = |at: usize| digits[at..at + 2].parse::<i64>().ok();
    let parts = [part(0)?, part(2)?, part(4)?];
    Some((micros_of(parts, fraction)?, rest))
}

/// Microseconds of a day.
fn micros_of([hour, minute, second]: [i64; 3], fraction: &str) -> Option<i64> {
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let fraction: i64 = fraction.parse().ok()?;
    if [hour, minute, second, fraction] == [24, 0, 0, 0] {
        return Some(1440 * MINUTE_US);
    }
    let is_time = hour < 24 && minute < 60 && second <= 60;
    is_time.then(|| ((hour * 60 + minute) * 60 + second.min(59)) * 1_000_000 + fraction)
}

/// Reads an offset; gives minutes east of UTC.
fn zone_of<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(i64, &'t [Token<'a>])> {
    let is_zero = |name: &str| {
        ["Z", "UTC", "GMT"]
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own))
    };
    let minutes = |sign: &char, hour: &str, minute: &str| {
        let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
        let east = hour * 60 + minute;
        (hour < 24 && minute < 60).then_some(if *sign == '-' { -east } else { east })
    };
    let (east, rest) = match tokens {
        [Word(name), rest @ ..] if is_zero(name) => (0, rest),
        [
            Mark(sign @ ('+' | '-')),
            Number(hour),
            Mark(':'),
            Number(minute),
            rest @ ..,
        ] if hour.len() == 2 && minute.len() == 2 => (minutes(sign, hour, minute)?, rest),
        [Mark(sign @ ('+' | '-')), Number(digits), rest @ ..] => match digits.len() {
            2 => (minutes(sign, digits, "0")?, rest),
            4 => (minutes(sign, &digits[..2], &digits[2..])?, rest),
            _ => return None,
        },
        _ => return None,
    };
    let rest = match rest {
        [Space, Word(name), rest @ ..] if east == 0 && is_zero(name) => rest,
        rest => rest,
    };
    let [Mark('['), inside @ ..] = rest else {
        return Some((east, rest));
    };
    let end = inside.iter().position(|token| *token == Mark(']'))?;
    let (name, rest) = inside.split_at(end);
    let is_of_name = |token: &Token<'_>| match token {
        Number(_) | Word(_) => true,
        Mark(mark) => "/_+-".contains(*mark),
        Space => false,
    };
    (!name.is_empty() && name.iter().all(is_of_name)).then(|| (east, &rest[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_moment_has_many_spellings() {
        let at = 1_755_165_600_000_000;
        for text in [
            "2025-8-14 10:00:00.000 +0000",
            "2025/08/14 10:00:00 UTC",
            "2025-Aug-14 10:00Z",
            "20250814T100000Z",
            "20250814 10:00:00+00 UTC",
            "14/Aug/2025:10:00:00 +0000",
            "14-aug-2025 10:00:00 GMT",
            "Thu, 14 Aug 2025 10:00:00 GMT",
            "Thu Aug 14 10:00:00 +0000 2025",
            "Thursday, August 14, 2025, 10:00:00 AM Z[Etc/UTC]",
            "2025-08-14 15:30:00,0 +05:30",
        ] {
            let found = time(text).map(|(time, _)| time);
            assert_eq!(found, Some(LogTime::Instant(at)), "{text}");
        }
        for text in [
            "20250814",
            "08/09/2025",
            "14.08.2025 10:00",
            "14 Aug 25",
            "Fri, 14 Aug 2025 10:00:00 GMT",
            "2025-08-14 10:00:00 CEST",
            "2025-08-14 10:00:00 +0200 UTC",
            "2025-08-14T10",
            "NaT",
            "0é",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
