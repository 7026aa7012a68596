//! Days that a source should have files of and has not.
//!
//! **In / Out**: the days of the folders of a source, and a day of impressions → ranges of days, both
//! ends inclusive, as values. **Rule**: a log begins with its first folder; from there on, or from the
//! start of the lookback, every day up to the one before the cutoff should be there, and that of the
//! impressions as well where cutoffs are times. A source of which some file lies in no folder of a day
//! tells nothing: null.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::calendar::{date_text, parse_day};
use crate::ids::{Day, count64};
use crate::job::{Cutoff, Question, Source};
use crate::scan::files::SourceFiles;

/// The days that a source has files of, ascending; nothing if it does not lie in folders by day.
pub(crate) type SourceDays = (Source, Option<Vec<Day>>);

/// The days of the sources of a job, but for its impressions.
pub(crate) fn source_days(sources: &[SourceFiles]) -> Vec<SourceDays> {
    let without = [Source::Impressions, Source::Listings];
    let others = sources
        .iter()
        .filter(|other| !without.contains(&other.source));
    let days = others.map(|other| {
        let days: Option<Vec<Day>> = other.files.iter().map(|file| file.day).collect();
        let days = days.map(|mut days| {
            days.sort_unstable();
            days.dedup();
            days
        });
        (other.source, days)
    });
    days.collect()
}

/// Which days of a log the impressions of a day ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Days from the last one that is asked for to the day of the impressions.
    last_days_before: i32,
    /// Days from the first one that is asked for to the day of the impressions.
    first_days_before: i32,
}

impl Reach {
    /// What a job kind asks for; only `sequences` has a lookback, and cutoffs by day.
    pub(crate) fn new(question: Question, cutoff: Cutoff, lookback_days: Option<u32>) -> Reach {
        let is_sequences = question == Question::Sequences;
        let lookback_days = lookback_days.filter(|_| is_sequences);
        Reach {
            last_days_before: i32::from(is_sequences && cutoff == Cutoff::Day),
            first_days_before: lookback_days
                .map_or(i32::MAX, |days| i32::try_from(days).unwrap_or(i32::MAX)),
        }
    }
}

/// By source, the days that are missing for the impressions of a day.
pub(crate) fn missing_days(reach: Reach, sources: &[SourceDays], day: Day) -> Map<String, Value> {
    let last = day.0.saturating_sub(reach.last_days_before);
    let first = day.0.saturating_sub(reach.first_days_before);
    let of_source = |days: &Option<Vec<Day>>| {
        let days = days.as_ref()?;
        let first = days.first()?.0.max(first);
        let there = days.iter().filter(|day| (first..=last).contains(&day.0));
        let bounds = [
            Day(first.saturating_sub(1)),
            Day(last.max(first.saturating_sub(1)).saturating_add(1)),
        ];
        let there: Vec<Day> = [bounds[0]]
            .into_iter()
            .chain(there.copied())
            .chain([bounds[1]])
            .collect();
        Some(between(&there))
    };
    let named = sources.iter().map(|(source, days)| {
        let missing = of_source(days).unwrap_or(Value::Null);
        (source.name().to_owned(), missing)
    });
    named.collect()
}

/// The days between some, which ascend, that are none of them.
pub(super) fn between(days: &[Day]) -> Value {
    let gaps = days.windows(2).filter(|pair| pair[1].0 - pair[0].0 > 1);
    let gaps = gaps.map(|pair| (Day(pair[0].0 + 1), Day(pair[1].0 - 1)));
    ranges_value(gaps)
}

/// Ranges as a value.
fn ranges_value(ranges: impl Iterator<Item = (Day, Day)>) -> Value {
    let texts = ranges.map(|(from, to)| json!([date_text(from), date_text(to)]));
    Value::Array(texts.collect())
}

/// Ranges of a value; nothing if it is null.
fn ranges_of(value: &Value) -> Option<Vec<(Day, Day)>> {
    let ranges = value.as_array()?.iter().filter_map(|range| {
        let day = |at: usize| parse_day(range.get(at)?.as_str()?);
        Some((day(0)?, day(1)?))
    });
    Some(ranges.collect())
}

/// Adds the missing days of a later day to others.
pub(super) fn unite(own: &mut Map<String, Value>, more: &Map<String, Value>) {
    let mut all: BTreeMap<&str, Option<Vec<(Day, Day)>>> = BTreeMap::new();
    for (name, ranges) in own.iter().chain(more) {
        let ranges = ranges_of(ranges);
        let known = all.entry(name).or_default();
        *known = match (known.take(), ranges) {
            (Some(mut known), Some(ranges)) => {
                known.extend(ranges);
                Some(known)
            }
            (known, ranges) => known.or(ranges),
        };
    }
    let united = all.into_iter().map(|(name, ranges)| {
        let ranges = ranges.map_or(Value::Null, |ranges| {
            ranges_value(joined(ranges).into_iter())
        });
        (name.to_owned(), ranges)
    });
    *own = united.collect();
}

/// Ranges in order, those that meet made one.
fn joined(mut ranges: Vec<(Day, Day)>) -> Vec<(Day, Day)> {
    ranges.sort_unstable();
    let mut joined: Vec<(Day, Day)> = Vec::new();
    for (from, to) in ranges {
        match joined.last_mut() {
            Some((_, end)) if from.0 <= end.0.saturating_add(1) => *end = to.max(*end),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// How many days are missing of one source; null if that is not known.
pub(crate) fn missing_of(ranges: &Value) -> Value {
    let Some(ranges) = ranges_of(ranges) else {
        return Value::Null;
    };
    let days = ranges
        .iter()
        .map(|(from, to)| i64::from(to.0) - i64::from(from.0) + 1);
    json!(days.sum::<i64>())
}

/// How many days are missing of all sources that are known; null if none is.
pub(super) fn total(missing: &Map<String, Value>) -> Value {
    let known: Vec<u64> = missing
        .values()
        .filter_map(|of| missing_of(of).as_u64())
        .collect();
    match count64(known.len()) {
        0 => Value::Null,
        _ => json!(known.iter().sum::<u64>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days since 1970 as a list.
    fn days(of: &[i32]) -> Option<Vec<Day>> {
        Some(of.iter().copied().map(Day).collect())
    }

    /// What is missing of clicks for day 10.
    fn missing(cutoff: Cutoff, lookback_days: u32, of: Option<Vec<Day>>) -> Value {
        let reach = Reach::new(Question::Sequences, cutoff, Some(lookback_days));
        let all = missing_days(reach, &[(Source::Clicks, of)], Day(10));
        all["clicks"].clone()
    }

    #[test]
    fn a_log_begins_with_its_first_day_and_ends_with_the_one_before_the_cutoff() {
        let days_of = |from, to| json!([date_text(Day(from)), date_text(Day(to))]);
        assert_eq!(
            missing(Cutoff::Day, 365, days(&[3, 4, 7, 9])),
            json!([days_of(5, 6), days_of(8, 8)])
        );
        assert_eq!(
            missing(Cutoff::Day, 365, days(&[7, 8])),
            json!([days_of(9, 9)])
        );
        assert_eq!(missing(Cutoff::Day, 365, days(&[9, 10])), json!([]));
        assert_eq!(missing(Cutoff::Day, 365, days(&[10, 12])), json!([]));
        assert_eq!(missing(Cutoff::Day, 365, None), Value::Null);
        assert_eq!(missing(Cutoff::Day, 365, days(&[])), Value::Null);
        assert_eq!(
            missing(Cutoff::Day, 2, days(&[1, 9])),
            json!([days_of(8, 8)])
        );
        assert_eq!(
            missing(Cutoff::Time, 365, days(&[9])),
            json!([days_of(10, 10)])
        );
    }

    #[test]
    fn missing_days_of_several_days_are_united() {
        let of = |value: Value| value.as_object().cloned().expect("an object");
        let day = |n: i32| date_text(Day(n));
        let mut own = of(json!({"clicks": [[day(1), day(2)], [day(5), day(5)]], "carts": null}));
        unite(
            &mut own,
            &of(json!({"clicks": [[day(2), day(3)]], "carts": [], "orders": null})),
        );
        let all =
            json!({"carts": [], "clicks": [[day(1), day(3)], [day(5), day(5)]], "orders": null});
        assert_eq!(total(&own), json!(4));
        assert_eq!(Value::Object(own), all);
    }
}
