//! `_metrics.json` as a type: the members around the metrics of a job kind.
//!
//! **Invariants**: the order of fields is that of the text.

use serde::{Deserialize, Serialize};

use super::{Distributions, JobMetrics};
use crate::ids::Day;
use crate::job::JobKind;
use crate::manifest::Scope;

/// A file of metrics, as it is written.
#[derive(Serialize)]
pub(super) struct MetricsDocument<'m, M: JobMetrics> {
    job: JobKind,
    of: Scope,
    /// The day, if the file is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    day: Option<Day>,
    /// Computed from the counts.
    #[serde(flatten)]
    scalars: M::Scalars,
    #[serde(flatten)]
    distributions: Option<Distributions>,
    #[serde(flatten)]
    metrics: &'m M,
    /// Of a set, its days.
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<Vec<DayLine<M::Scalars>>>,
}

/// A day in the metrics of its set.
#[derive(Serialize)]
pub(crate) struct DayLine<S> {
    pub(super) day: Day,
    /// Its scalar metrics.
    #[serde(flatten)]
    pub(super) scalars: S,
}

/// The job kind, scope and days of a file of metrics, as they are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DocumentHead {
    pub(crate) job: Option<JobKind>,
    pub(crate) of: Option<Scope>,
    pub(crate) day: Option<Day>,
    /// Of a set, its days.
    pub(crate) days: Vec<DayFigures>,
}

/// Of a day of a set, the numbers that the page shows day by day.
#[derive(Debug, Deserialize)]
pub(crate) struct DayFigures {
    pub(crate) day: Day,
    pub(crate) rows: Option<u64>,
    pub(crate) label_rate: Option<f64>,
    /// The share of complete labels, of `features`.
    pub(crate) label_complete_pct: Option<f64>,
}

impl<'m, M: JobMetrics> MetricsDocument<'m, M> {
    /// The file of a day.
    pub(super) fn of_day(metrics: &'m M, day: Day) -> MetricsDocument<'m, M> {
        MetricsDocument {
            of: Scope::Day,
            day: Some(day),
            days: None,
            ..MetricsDocument::of_whole(metrics, Vec::new())
        }
    }

    /// The file of a set.
    pub(super) fn of_whole(
        metrics: &'m M,
        days: Vec<DayLine<M::Scalars>>,
    ) -> MetricsDocument<'m, M> {
        MetricsDocument {
            job: M::JOB_KIND,
            of: Scope::Whole,
            day: None,
            scalars: metrics.scalars(),
            distributions: metrics.distributions(),
            metrics,
            days: Some(days),
        }
    }
}
