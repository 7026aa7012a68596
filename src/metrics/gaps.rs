//! Days of which a source should have files and has none.
//!
//! **In / Out**: the days of the folders of a source, and a day of impressions → ranges of days, both
//! ends inclusive. **Rule**: a log begins with its first folder; from there on, or from the
//! start of the lookback, every day up to the one before the cutoff should be there, and that of the
//! impressions as well where cutoffs are times. If some file of a source is in no folder of a day, its
//! missing days are not known.

use indexmap::IndexMap;

use crate::calendar::Lookback;
use crate::catalog::paths::SourceFiles;
use crate::ids::{Day, unsigned};
use crate::job::{Cutoff, JobKind, Source};

/// Days from one to another, both inclusive.
pub(crate) type DayRange = (Day, Day);

/// By source, the days of which it should have files and has none, ascending; nothing if its files are not
/// in folders by day.
pub(crate) type MissingDays = IndexMap<String, Option<Vec<DayRange>>>;

/// The days of which a source has files, ascending; nothing if its files are not in folders by day.
pub(crate) type SourceDays = (Source, Option<Vec<Day>>);

/// The days of the sources of a job, but for its impressions.
pub(crate) fn source_days(sources: &[SourceFiles]) -> Vec<SourceDays> {
    let without = [Source::Impressions, Source::Listings];
    let sources = sources
        .iter()
        .filter(|source| !without.contains(&source.source));
    let days = sources.map(|source| {
        let days: Option<Vec<Day>> = source.files.iter().map(|file| file.day).collect();
        let days = days.map(|mut days| {
            days.sort_unstable();
            days.dedup();
            days
        });
        (source.source, days)
    });
    days.collect()
}

/// Which days of a log the impressions of a day look back on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Days from the last one within reach to the day of the impressions.
    last_days_before: i32,
    /// From the day of the impressions back to the first one within reach; `None` for no limit.
    lookback: Option<Lookback>,
}

impl Reach {
    /// The reach of a job kind; only `sequences` has a lookback, and cutoffs by day.
    pub(crate) fn new(job_kind: JobKind, cutoff: Cutoff, lookback: Option<Lookback>) -> Reach {
        let is_sequences = job_kind == JobKind::Sequences;
        Reach {
            last_days_before: i32::from(is_sequences && cutoff == Cutoff::Day),
            lookback: lookback.filter(|_| is_sequences),
        }
    }
}

/// By source, the days that are missing for the impressions of a day.
pub(crate) fn missing_days(reach: Reach, sources: &[SourceDays], day: Day) -> MissingDays {
    let last = day.0.saturating_sub(reach.last_days_before);
    let first = reach
        .lookback
        .map_or(i32::MIN, |lookback| lookback.first_day(day).0);
    let of_source = |days: &Option<Vec<Day>>| {
        let days = days.as_ref()?;
        let first = days.first()?.0.max(first);
        let present = days.iter().filter(|day| (first..=last).contains(&day.0));
        // A day outside each end, so that gaps at the ends lie between neighbours, too. If nothing
        // is within reach, the two are adjacent, and there is no gap.
        let bounds = [
            Day(first.saturating_sub(1)),
            Day(last.max(first.saturating_sub(1)).saturating_add(1)),
        ];
        let present: Vec<Day> = [bounds[0]]
            .into_iter()
            .chain(present.copied())
            .chain([bounds[1]])
            .collect();
        Some(between(&present))
    };
    let named = sources.iter();
    let named = named.map(|(source, days)| (source.name().to_owned(), of_source(days)));
    named.collect()
}

/// The gaps between days, which ascend.
pub(super) fn between(days: &[Day]) -> Vec<DayRange> {
    let gaps = days.windows(2).filter(|pair| pair[1].0 - pair[0].0 > 1);
    gaps.map(|pair| (Day(pair[0].0 + 1), Day(pair[1].0 - 1)))
        .collect()
}

/// Adds the missing days of a later day to others; sources are in the order of their names.
pub(super) fn unite(own: &mut MissingDays, more: &MissingDays) {
    for (name, ranges) in more {
        let known = own.entry(name.clone()).or_default();
        match (known.as_mut(), ranges) {
            (Some(known), Some(ranges)) => {
                known.extend(ranges);
                join(known);
            }
            (None, Some(ranges)) => *known = Some(ranges.clone()),
            (_, None) => {}
        }
    }
    // Days of different runs may name their sources in different order.
    own.sort_keys();
}

/// Sorts ranges, and joins those that overlap or are adjacent.
fn join(ranges: &mut Vec<DayRange>) {
    ranges.sort_unstable();
    ranges.dedup_by(|later, earlier| {
        let meets = later.0.0 <= earlier.1.0.saturating_add(1);
        if meets {
            earlier.1 = earlier.1.max(later.1);
        }
        meets
    });
}

/// How many days some ranges have.
fn days_count(ranges: &[DayRange]) -> u64 {
    let days = |(first, last): &DayRange| i64::from(last.0) - i64::from(first.0) + 1;
    ranges.iter().map(|range| unsigned(days(range))).sum()
}

/// How many days are missing of one source, if that is known.
pub(crate) fn missing_of(missing: &MissingDays, source: &str) -> Option<u64> {
    missing.get(source)?.as_deref().map(days_count)
}

/// How many days are missing of all sources that are known; nothing if none is.
pub(super) fn total(missing: &MissingDays) -> Option<u64> {
    let mut known = missing.values().flatten().map(|ranges| days_count(ranges));
    let first = known.next()?;
    Some(first + known.sum::<u64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days since 1970 as a list.
    fn days(days: &[i32]) -> Option<Vec<Day>> {
        Some(days.iter().copied().map(Day).collect())
    }

    /// The missing days of clicks for day 10.
    fn missing(
        cutoff: Cutoff,
        lookback_days: u32,
        days: Option<Vec<Day>>,
    ) -> Option<Vec<DayRange>> {
        let reach = Reach::new(
            JobKind::Sequences,
            cutoff,
            Some(Lookback::Days(lookback_days)),
        );
        let all = missing_days(reach, &[(Source::Clicks, days)], Day(10));
        all["clicks"].clone()
    }

    #[test]
    fn a_log_begins_with_its_first_day_and_ends_with_the_one_before_the_cutoff() {
        let range = |(first, last): &(i32, i32)| (Day(*first), Day(*last));
        let ranges = |pairs: &[(i32, i32)]| Some(pairs.iter().map(range).collect());
        assert_eq!(
            missing(Cutoff::Day, 365, days(&[3, 4, 7, 9])),
            ranges(&[(5, 6), (8, 8)])
        );
        assert_eq!(missing(Cutoff::Day, 365, days(&[7, 8])), ranges(&[(9, 9)]));
        assert_eq!(missing(Cutoff::Day, 365, days(&[9, 10])), ranges(&[]));
        assert_eq!(missing(Cutoff::Day, 365, days(&[10, 12])), ranges(&[]));
        assert_eq!(missing(Cutoff::Day, 365, None), None);
        assert_eq!(missing(Cutoff::Day, 365, days(&[])), None);
        assert_eq!(missing(Cutoff::Day, 2, days(&[1, 9])), ranges(&[(8, 8)]));
        assert_eq!(missing(Cutoff::Time, 365, days(&[9])), ranges(&[(10, 10)]));
    }

    #[test]
    fn missing_days_of_several_days_are_united() {
        let read = |text: &str| -> MissingDays { serde_json::from_str(text).expect("JSON") };
        let mut own = read(
            r#"{"clicks": [["1970-01-02", "1970-01-03"], ["1970-01-06", "1970-01-06"]], "carts": null}"#,
        );
        let more = r#"{"clicks": [["1970-01-03", "1970-01-04"]], "carts": [], "orders": null}"#;
        unite(&mut own, &read(more));
        assert_eq!(total(&own), Some(4));
        assert_eq!(missing_of(&own, "orders"), None);
        let text = serde_json::to_string(&own).expect("JSON");
        let all = r#"{"carts":[],"clicks":[["1970-01-02","1970-01-04"],["1970-01-06","1970-01-06"]],"orders":null}"#;
        assert_eq!(text, all);
    }
}
