//! Counts to the metrics of a set: `_metrics.json`, of a day or of the whole.
//!
//! **In / Out**: what a run counted of each day → [`Metrics`] → JSON text that ends with its own
//! checksum. **Invariants**: everything of a day that is counted adds up, so the metrics of the whole
//! are made from those of its days, however these came together; shares and means are computed from
//! the counts that stand beside them. No clock, host, thread count or memory limit, nor how far the
//! early stop read. What is counted of a whole run, its bad rows among it, stands in each of its days;
//! the whole has that of its latest day, as the manifest has.

mod dwell;
mod features;
mod gaps;
mod gates;
mod landed;
mod sequences;

use std::path::Path;

use serde_json::{Map, Value, json};

pub(crate) use self::dwell::{StaySeconds, dwell_metrics};
pub(crate) use self::features::{FeatureCounts, PriorCounts, feature_counts};
pub(crate) use self::gaps::{Reach, SourceDays, missing_days, source_days};
pub(crate) use self::gates::{Gates, read_sealed, read_set};
pub(crate) use self::landed::LANDED_LATE;
pub(crate) use self::sequences::{SequenceCounts, sequence_counts};
use crate::calendar::date_text;
use crate::error::{Error, Result};
use crate::ids::{Day, float};
use crate::job::Question;
use crate::manifest::sealed;
use crate::publish::{METRICS, days_in};
use crate::regular;

/// Days with the most samples of one customer that are named.
pub(crate) const TOP_MAX: usize = 20;
/// The member that holds samples by the length of their history: SPEC's name of it.
pub(crate) const LENGTHS: &str = "sequence_length_distribution";

/// The member that holds the days that sources have no files of.
pub(crate) const MISSING: &str = "missing_days_by_source";

/// The member of what a run found that counts the sources that came to nothing.
pub(crate) const UNUSED: &str = "unused_sources";

/// What was counted: of a day, of the days of a run, or of the whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Metrics {
    /// Counts by name: numbers, which add up, and lists and objects of them.
    pub(crate) counts: Map<String, Value>,
    /// Samples by the length of their history, for `sequences`.
    pub(crate) lengths: Map<String, Value>,
    /// The most samples that one customer has on one day, for `sequences`.
    pub(crate) top: Vec<Value>,
    /// By source, the days that it should have files of and has not, as ranges; null if it does not
    /// lie in folders by day.
    pub(crate) missing: Map<String, Value>,
    /// Warnings of the run.
    pub(crate) warnings: Vec<Value>,
    /// What the run found as a whole.
    pub(crate) run: Value,
}

impl Metrics {
    /// What a file of metrics tells; nothing if that makes no sense.
    pub(crate) fn of_value(told: &Value) -> Option<Metrics> {
        let object = |name: &str| told[name].as_object().cloned();
        Some(Metrics {
            counts: object("counts")?,
            lengths: object(LENGTHS).unwrap_or_default(),
            top: told["top_customers"]
                .as_array()
                .cloned()
                .unwrap_or_default(),
            missing: object(MISSING).unwrap_or_default(),
            warnings: told["warnings"].as_array().cloned().unwrap_or_default(),
            run: told["run"].clone(),
        })
    }

    /// Adds what was counted of a later day.
    pub(crate) fn merge(&mut self, later: &Metrics) {
        let landed = landed::united(&self.counts, &later.counts);
        add_all(&mut self.counts, &later.counts);
        if let Some(landed) = landed {
            self.counts.insert(LANDED_LATE.into(), landed);
        }
        add_all(&mut self.lengths, &later.lengths);
        self.top.extend(later.top.iter().cloned());
        let samples = |of: &Value| std::cmp::Reverse(of["samples"].as_u64());
        // Stable: of equal ones that of the earlier day comes first.
        self.top.sort_by_key(samples);
        self.top.truncate(TOP_MAX);
        gaps::unite(&mut self.missing, &later.missing);
        self.warnings = later.warnings.clone();
        self.run = later.run.clone();
    }

    /// A count, 0 if there is none of that name.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.counts.get(name).and_then(Value::as_u64).unwrap_or(0)
    }

    /// A count of what is counted by name in another one.
    pub(crate) fn count_in(&self, of: &str, name: &str) -> u64 {
        let of = self.counts.get(of).and_then(|of| of.get(name));
        of.and_then(Value::as_u64).unwrap_or(0)
    }

    /// All that a single number says, by name; null if there is nothing to divide by.
    pub(crate) fn scalars(&self, question: Question) -> Map<String, Value> {
        let mut scalars = match question {
            Question::Sequences => sequences::scalars(self),
            Question::Features => features::scalars(self),
            Question::Dwell => dwell::scalars(self),
        };
        scalars.insert("rejected_rows".into(), self.run["rejected"]["rows"].clone());
        scalars.insert("unused_sources".into(), self.run[UNUSED].clone());
        if question != Question::Dwell {
            scalars.insert("missing_days".into(), gaps::total(&self.missing));
        }
        scalars
    }

    /// The file of a day, as text.
    pub(crate) fn day_text(&self, question: Question, day: Day) -> Vec<u8> {
        let mut text = head(question, "day");
        text.insert("day".into(), json!(date_text(day)));
        self.write(question, &mut text);
        sealed(text)
    }

    /// The file of the whole, as text, with the single numbers of each of its days.
    pub(crate) fn whole_text(&self, question: Question, days: Vec<Value>) -> Vec<u8> {
        let mut text = head(question, "whole");
        self.write(question, &mut text);
        text.insert("days".into(), Value::Array(days));
        sealed(text)
    }

    /// Adds all members but the first and the last ones.
    fn write(&self, question: Question, to: &mut Map<String, Value>) {
        to.extend(self.scalars(question));
        if question == Question::Sequences {
            to.extend(sequences::distributions(self));
            to.insert(LENGTHS.into(), Value::Object(by_number(&self.lengths)));
            to.insert("top_customers".into(), json!(self.top));
        }
        if question != Question::Dwell {
            to.insert(MISSING.into(), Value::Object(self.missing.clone()));
        }
        to.insert("warnings".into(), json!(self.warnings));
        to.insert("counts".into(), Value::Object(self.counts.clone()));
        to.insert("run".into(), self.run.clone());
    }
}

/// What every file of metrics starts with.
fn head(question: Question, of: &str) -> Map<String, Value> {
    let mut head = Map::new();
    head.insert("job".into(), json!(question.name()));
    head.insert("of".into(), json!(of));
    head
}

/// Adds counts to others of the same names.
fn add_all(own: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (name, more) in more {
        match own.get_mut(name) {
            Some(own) => add(name, own, more),
            None => {
                own.insert(name.clone(), more.clone());
            }
        }
    }
}

/// Adds a count to another: numbers, but for what is the least or the most of something.
fn add(name: &str, own: &mut Value, more: &Value) {
    match (&mut *own, more) {
        (Value::Object(own), Value::Object(more)) => add_all(own, more),
        (Value::Array(own), Value::Array(more)) => {
            for (own, more) in own.iter_mut().zip(more) {
                add(name, own, more);
            }
        }
        (Value::Null, _) => *own = more.clone(),
        _ => {
            if let (Some(a), Some(b)) = (own.as_u64(), more.as_u64()) {
                *own = json!(match name.split('_').next() {
                    Some("min") => a.min(b),
                    Some("max") => a.max(b),
                    _ => a.saturating_add(b),
                });
            }
        }
    }
}

/// Members whose names are numbers, in the order of these.
fn by_number(of: &Map<String, Value>) -> Map<String, Value> {
    let mut members: Vec<_> = of.iter().collect();
    members.sort_by_key(|(name, _)| name.parse::<u64>().unwrap_or(u64::MAX));
    let members = members.into_iter();
    members
        .map(|(name, of)| (name.clone(), of.clone()))
        .collect()
}

/// Values by name.
fn named<const N: usize>(values: [(&str, Value); N]) -> Map<String, Value> {
    let values = values.into_iter();
    values
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A part of a whole; null if there is no whole.
fn ratio(part: u64, whole: u64) -> Value {
    match whole {
        0 => Value::Null,
        whole => json!(float(part) / float(whole)),
    }
}

/// The metrics of the whole, as text, made from those of its days.
pub(crate) fn whole_of<'v>(
    question: Question,
    days: impl Iterator<Item = (Day, &'v Metrics)>,
) -> Vec<u8> {
    let (mut all, mut lines, mut there) = (Metrics::default(), Vec::new(), Vec::new());
    for (day, metrics) in days {
        let mut line = Map::new();
        line.insert("day".into(), json!(date_text(day)));
        line.extend(metrics.scalars(question));
        lines.push(Value::Object(line));
        all.merge(metrics);
        there.push(day);
    }
    let impressions = gaps::between(&there);
    all.missing.insert("impressions".into(), impressions);
    all.whole_text(question, lines)
}

/// The metrics of the whole, as text, made from the files of the days in a folder.
///
/// # Errors
/// If one of them cannot be read.
pub(crate) fn whole_in(question: Question, out: &Path) -> Result<Vec<u8>> {
    let mut days = Vec::new();
    for (day, folder) in days_in(question, out)? {
        // A day that was made before there were metrics has none, which `verify` tells.
        let path = folder.join(METRICS);
        if path.exists() {
            days.push((day, read(&path)?));
        }
    }
    let days = days.iter().map(|(day, metrics)| (*day, metrics));
    Ok(whole_of(question, days))
}

/// Reads a file of metrics.
fn read(path: &Path) -> Result<Metrics> {
    let text = regular::read(path).map_err(|error| Error::io("read", path, error))?;
    let told: Option<Value> = serde_json::from_slice(&text).ok();
    let metrics = told.as_ref().and_then(Metrics::of_value);
    metrics.ok_or_else(|| Error::output(path, "it holds no metrics"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Metrics of these counts.
    fn metrics(counts: &Value, top: &[(u64, &str)]) -> Metrics {
        let top = top.iter();
        Metrics {
            counts: counts.as_object().cloned().unwrap_or_default(),
            top: top
                .map(|(n, id)| json!({"customer_id": id, "samples": n}))
                .collect(),
            ..Metrics::default()
        }
    }

    #[test]
    fn counts_add_up_at_every_depth() {
        let mut all = metrics(
            &json!({"rows": 1, "by": [{"1": 2}, {}], "min_x": null, "max_x": 3}),
            &[],
        );
        let more = json!({"rows": 4, "by": [{"1": 3}, {"2": 7}], "min_x": 8, "max_x": 2, "new": 1});
        all.merge(&metrics(&more, &[]));
        let sum = json!({"rows": 5, "by": [{"1": 5}, {"2": 7}], "min_x": 8, "max_x": 3, "new": 1});
        assert_eq!(Value::Object(all.counts), sum);
    }

    #[test]
    fn the_largest_come_first_and_of_equal_ones_the_earlier() {
        let mut all = metrics(&json!({}), &[(5, "a"), (2, "b")]);
        all.merge(&metrics(&json!({}), &[(7, "c"), (5, "d")]));
        let ids: Vec<_> = all.top.iter().map(|of| of["customer_id"].clone()).collect();
        assert_eq!(ids, ["c", "a", "d", "b"]);
    }
}
