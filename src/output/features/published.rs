//! What a run of `features` made, published: manifests, metrics, and a [`FeaturesReport`].

use super::FeaturesReport;
use super::made::{DayMade, FeaturesMade};
use super::report::{click_findings, day_counts, report};
use crate::context::{RunContext, Stage};
use crate::error::Result;
use crate::ids::count64;
use crate::job::Job;
use crate::manifest::{ClickFindings, FeatureDayCounts};
use crate::metrics::{FeatureMetrics, FeatureRun, Gates, Reach, RejectedRows, missing_days};
use crate::output::commit::{DayOutcome, DayReport, Outcome, commit, judge};
use crate::publish::StagingDir;
use crate::warnings::{Noticed, entries};

/// Publishes what was made, unless a gate fails.
///
/// # Errors
/// If a gate fails, or the output cannot be written.
pub(crate) fn publish(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    made: &FeaturesMade,
    (gates, noticed): (&Gates, Noticed),
) -> Result<FeaturesReport> {
    context.enter(Stage::PUBLISH, 0);
    context.check()?;
    let clicks = click_findings(made);
    let outcome = Outcome {
        settings: made.settings.clone(),
        metrics: metrics_of(job, made, &clicks, &noticed),
        days: made.days.iter().map(|day| outcome_of(job, day)).collect(),
        actions: clicks,
        extends: None,
    };
    let run = judge(staging, gates, &made.files, &outcome.metrics)?;
    let days = commit(job, context, staging, &made.files, &run, &outcome)?;
    Ok(report(made, days, noticed))
}

/// The report of a shard.
pub(crate) fn report_of_shard(made: &FeaturesMade) -> FeaturesReport {
    let days = made.days.iter().map(|day| DayReport {
        day: day.day,
        rows: day.counts.rows,
        parts: count64(day.parts.len()),
        bytes: day.parts.iter().map(|part| part.bytes).sum(),
    });
    report(made, days.collect(), Noticed::default())
}

/// What the manifest of a day says.
fn outcome_of<'a>(job: &Job, day: &'a DayMade) -> DayOutcome<'a, FeatureDayCounts> {
    DayOutcome {
        day: day.day,
        rows: day.counts.rows,
        cutoffs: day.cutoffs,
        counts: day_counts(job, &day.counts),
        parts: &day.parts,
    }
}

/// The metrics of each day.
fn metrics_of(
    job: &Job,
    made: &FeaturesMade,
    clicks: &ClickFindings,
    noticed: &Noticed,
) -> Vec<FeatureMetrics> {
    let run = FeatureRun {
        findings: clicks.clone(),
        unused_sources: Some(noticed.unused_sources),
        rejected: RejectedRows::new(&made.files.rejected),
    };
    let histories = job.sequences();
    let reach = Reach::new(job.kind(), histories.cutoff, histories.lookback());
    let days = made.days.iter().map(|day| FeatureMetrics {
        missing: missing_days(reach, &made.files.source_days, day.day),
        warnings: entries(&noticed.warnings),
        counts: day.counts,
        run: Some(run.clone()),
    });
    days.collect()
}
