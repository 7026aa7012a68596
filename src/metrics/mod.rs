//! Counts to the metrics of a set: `_metrics.json`, of a day or of the whole set.
//!
//! **In / Out**: what a run counted of each day → [`JobMetrics`] → JSON text that ends with its own
//! checksum. **Invariants**: all counts of a day add up, so the metrics of the whole set are made from
//! those of its days, whichever runs made these; shares and means are computed from the counts in the
//! same file. No clock, host, thread count or memory limit, nor how far the early stop read. Findings of
//! a whole run, such as its bad rows, are in each of its days; the set has those of its latest day, as
//! the manifest has.

mod document;
mod dwell;
mod features;
mod gaps;
mod gates;
mod landed;
mod rejected;
mod sequences;

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::document::{DayFigures, DocumentHead};
use self::document::{DayLine, MetricsDocument};
pub(crate) use self::dwell::{DwellMetrics, DwellRun, StayCounts, StaySeconds};
pub(crate) use self::features::{FeatureCounts, FeatureMetrics, FeatureRun, PriorCounts};
pub(crate) use self::gaps::{MissingDays, Reach, SourceDays, missing_days, source_days};
pub(crate) use self::gates::{Gates, damaged, read_sealed, read_set};
pub(crate) use self::landed::{LANDED_LATE, LandedLate};
pub(crate) use self::rejected::RejectedRows;
pub(crate) use self::sequences::{
    CustomerId, Distributions, SequenceCounts, SequenceMetrics, SequenceRun, SpanClass,
    TopCustomer, lengths_of,
};
use crate::error::{Error, Result};
use crate::ids::{Day, float};
use crate::job::JobKind;
use crate::manifest::sealed;
use crate::publish::{METRICS, days_in};
use crate::store::local;
use crate::warnings::WarningEntry;

/// Customers with the most samples on a day that are listed.
pub(crate) const TOP_MAX: usize = 20;

/// The metrics of a job kind: of a day, of the days of a run, or of the whole set.
pub(crate) trait JobMetrics:
    Clone + Default + PartialEq + Serialize + DeserializeOwned
{
    /// The job kind.
    const JOB_KIND: JobKind;
    /// Counts, which add up over days.
    type Counts: Serialize;
    /// Scalar metrics.
    type Scalars: Serialize;

    /// The counts.
    fn counts(&self) -> &Self::Counts;

    /// The warnings of the run.
    fn warnings(&self) -> &[WarningEntry];

    /// Rows that could not be used, if they are known.
    fn rejected(&self) -> Option<&RejectedRows>;

    /// The missing days of sources, if the job kind has days.
    fn missing(&mut self) -> Option<&mut MissingDays>;

    /// Actions that landed late, if the job kind counts them.
    fn landed_late(&self) -> Option<&LandedLate> {
        None
    }

    /// Adds the metrics of a later day.
    fn merge(&mut self, later: &Self);

    /// The scalar metrics, computed from the counts.
    fn scalars(&self) -> Self::Scalars;

    /// The distributions, computed from the counts.
    fn distributions(&self) -> Option<Distributions> {
        None
    }
}

/// The metrics of some days, in order.
fn merged<'m, M: JobMetrics + 'm>(days: impl IntoIterator<Item = &'m M>) -> M {
    let mut days = days.into_iter();
    let mut all = days.next().cloned().unwrap_or_default();
    if let Some(missing) = all.missing() {
        // `merge` sorts them; with one day there is no merge, and the order must be the same.
        missing.sort_keys();
    }
    days.for_each(|day| all.merge(day));
    all
}

/// Adds a count to another.
fn add(own: &mut u64, more: u64) {
    *own = own.saturating_add(more);
}

/// Adds a list of counts to another, element by element.
fn add_each(own: &mut Vec<u64>, more: &[u64]) {
    if own.len() < more.len() {
        own.resize(more.len(), 0);
    }
    own.iter_mut()
        .zip(more)
        .for_each(|(own, more)| add(own, *more));
}

/// A part as a share of a whole; nothing if the whole is 0.
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| float(part) / float(whole))
}

/// Writes the counts of a set; those of a set without days as an empty object.
fn serialize_counts<T, S>(counts: &T, serializer: S) -> std::result::Result<S::Ok, S::Error>
where
    T: Serialize + Default + PartialEq,
    S: serde::Serializer,
{
    if *counts == T::default() {
        return serializer.collect_map(std::iter::empty::<(&str, u64)>());
    }
    counts.serialize(serializer)
}

/// The metrics of a day, as text.
pub(crate) fn day_text<M: JobMetrics>(metrics: &M, day: Day) -> Vec<u8> {
    sealed(&MetricsDocument::of_day(metrics, day))
}

/// The metrics of a set, as text, with the scalar metrics of each of its days.
pub(crate) fn whole_text<M: JobMetrics>(metrics: &M, days: Vec<DayLine<M::Scalars>>) -> Vec<u8> {
    sealed(&MetricsDocument::of_whole(metrics, days))
}

/// The metrics of a set, as text, made from those of its days.
pub(crate) fn whole_of<M: JobMetrics>(days: &[(Day, M)]) -> Vec<u8> {
    let line = |(day, metrics): &(Day, M)| DayLine {
        day: *day,
        scalars: metrics.scalars(),
    };
    let lines = days.iter().map(line).collect();
    let mut all = merged(days.iter().map(|(_, metrics)| metrics));
    if let Some(missing) = all.missing() {
        // After merging: gaps between days are of the set, and no day has them.
        let present: Vec<Day> = days.iter().map(|(day, _)| *day).collect();
        missing.insert("impressions".into(), Some(gaps::between(&present)));
    }
    whole_text(&all, lines)
}

/// The metrics of a set, as text, made from the files of the days in its folder.
///
/// # Errors
/// If one of them cannot be read.
pub(crate) fn whole_in<M: JobMetrics>(out: &Path) -> Result<Vec<u8>> {
    let mut days: Vec<(Day, M)> = Vec::new();
    for (day, folder) in days_in(M::JOB_KIND, out)? {
        // A day of a version before metrics has none; `verify` reports it.
        let path = folder.join(METRICS);
        if path.exists() {
            days.push((day, read(&path)?));
        }
    }
    Ok(whole_of(&days))
}

/// Reads a file of metrics.
fn read<M: JobMetrics>(path: &Path) -> Result<M> {
    let text = local::read(path).map_err(|error| Error::io("read", path, error))?;
    serde_json::from_slice(&text).map_err(|_| Error::output(path, "it holds no metrics"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_of_an_earlier_version_are_read() {
        let text = br#"{"job": "sequences", "of": "day", "counts": {"rows": 3, "samples": 3},
            "run": {"actions": {"clicks": {"null_customers": 2}}}, "xxh64": ""}"#;
        let metrics: SequenceMetrics = serde_json::from_slice(text).expect("metrics");
        let scalars = metrics.scalars();
        assert_eq!((scalars.rows, scalars.actions_without_customer), (3, 2));
        assert_eq!((scalars.landed_late, scalars.unused_sources), (None, None));
        let text = String::from_utf8(day_text(&metrics, Day(0))).expect("text");
        assert!(!text.contains(r#""landed_late": {"#), "{text}");
        let text = br#"{"counts": {"rows": 3}, "run": {"clicks": {"rows": 5}, "listings": {},
            "impressions_rejected": 0}}"#;
        let metrics: FeatureMetrics = serde_json::from_slice(text).expect("metrics");
        assert_eq!(metrics.scalars().clicks, 5);
        assert!(serde_json::from_slice::<DwellMetrics>(b"{}").is_err());
    }

    #[test]
    fn a_set_without_days_counts_nothing() {
        let text = String::from_utf8(whole_of::<SequenceMetrics>(&[])).expect("text");
        for said in [
            r#""counts": {}"#,
            r#""run": null"#,
            r#""impressions": []"#,
            r#""days": []"#,
        ] {
            assert!(text.contains(said), "no {said} in {text}");
        }
    }
}
