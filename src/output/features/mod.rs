//! Impressions and clicks to files: a row for each impression, by day, with manifests and metrics.
//!
//! **In / Out**: [`FeaturesRead`] and its clicks → parts by day, manifests, metrics, rejected rows, a
//! [`FeaturesReport`]. **Order**: within a day by time, then by the ids of impression, listing and
//! user. **Invariants**: which rows a row group and a part hold depends on the impressions
//! alone; row groups are made on all threads and written in order.

mod dry_run;
mod report;
mod results;
mod rows;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use rayon::slice::ParallelSliceMut;
use serde::Serialize;

pub(crate) use self::dry_run::{dry_run, parts_count};
use self::report::{click_findings, day_counts, report};
use self::results::FeatureResults;
use self::rows::RowMaker;
pub(crate) use self::rows::schema;
use super::commit::{DayOutcome, DayReport, Outcome, RunInputs, commit, judge};
use super::parts::{EncodedGroup, PartWriter, PartsWritten, Steps, write_parts};
use super::plan::{GroupPlan, plan_rows};
use crate::context::{RunContext, Stage};
use crate::dictionary::RankedDictionary;
use crate::encode::TableEncoder;
use crate::error::Result;
use crate::ids::{Day, Micros, count64, index, index64};
use crate::job::{Job, Source};
use crate::kernel::chunk::RowChunk;
use crate::kernel::op::dedup::WholeClick;
use crate::kernel::op::features::{Click, UserClick};
use crate::kernel::partition::Split;
use crate::manifest::{self, ClickFindings, FeatureDayCounts};
use crate::metrics::{
    FeatureCounts, FeatureMetrics, FeatureRun, Reach, RejectedRows, missing_days, source_days,
};
use crate::output::in_order::Guard;
use crate::publish::{StagingDir, Target};
use crate::scan::bad_rows::rejected_of;
use crate::scan::features::FeatureTypes;
use crate::scan::features::clicks::ClickTally;
use crate::scan::features::impressions::ShownListings;
use crate::scan::features::listings::Listings;
use crate::store::spill::Partitions;
use crate::warnings::{Noticed, Warning, entries};

/// Rows of a row group: narrow ones, so more than of `sequences`.
const GROUP_ROWS: u64 = 1 << 17;
/// Row groups of a part.
const PART_GROUPS: u64 = 8;

/// Partitions of clicks by listing, and by user.
type ByListingAndUser<L, U> = (Partitions<RowChunk<L>>, Partitions<RowChunk<U>>);

/// Clicks by listing, and by user.
pub(crate) enum PartitionedClicks {
    /// Every click counts.
    All(ByListingAndUser<Click, UserClick>),
    /// Of clicks that are equal in user, listing and time, one counts.
    Once(ByListingAndUser<WholeClick<false>, WholeClick<true>>),
}

impl PartitionedClicks {
    /// The same in fewer partitions, of listings and of users.
    pub(crate) fn coarser(self, [of_listings, of_users]: [Split; 2]) -> PartitionedClicks {
        match self {
            PartitionedClicks::All((by_listing, by_user)) => {
                PartitionedClicks::All((by_listing.coarser(of_listings), by_user.coarser(of_users)))
            }
            PartitionedClicks::Once((by_listing, by_user)) => PartitionedClicks::Once((
                by_listing.coarser(of_listings),
                by_user.coarser(of_users),
            )),
        }
    }
}

/// An impression to write.
#[derive(Clone, Copy, Debug)]
struct TimedRow {
    time: Micros,
    /// Its row among all impressions that were read.
    row: u32,
}

/// What a run of `features` read and published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FeaturesReport {
    /// Files of input.
    pub files: u64,
    /// Rows: one for each impression.
    pub rows: u64,
    /// Of them, followed by a click within the window.
    pub clicked: u64,
    /// Rows so new that their label may still change.
    #[serde(rename = "label_incomplete")]
    pub incomplete: u64,
    /// Rows of a listing that no file has.
    pub unknown_listings: u64,
    /// Rows older than their listing.
    pub negative_ages: u64,
    /// Clicks in the files.
    pub clicks: u64,
    /// Clicks without a user.
    pub clicks_without_user: u64,
    /// Clicks on listings of impressions, which are checked for repeats.
    pub clicks_on_listings: u64,
    /// Of them, equal to another one in user, listing and time, whether they are counted or left out.
    pub repeated_clicks: u64,
    /// Listings in the files.
    pub listings: u64,
    /// Up to when clicks are complete.
    pub data_end: Option<String>,
    /// Rows that could not be used, and were set aside.
    pub rejected: u64,
    /// Days that were asked for, and left as the output has them.
    pub days_skipped: u64,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
    /// The days that were published.
    pub days: Vec<DayReport>,
}

/// What was read, before anything is written.
pub(crate) struct FeaturesRead {
    /// The files, and what every job kind finds in them.
    pub(crate) inputs: RunInputs,
    /// The types of ids.
    pub(crate) types: FeatureTypes,
    pub(crate) shown: ShownListings,
    /// Which impressions get a row in a dry run; empty in a run, where all do.
    pub(crate) sampled: Vec<bool>,
    pub(crate) users: RankedDictionary,
    pub(crate) listing_ids: RankedDictionary,
    /// The attributes of these.
    pub(crate) listings: Listings,
    /// Rows, by day.
    pub(crate) days: BTreeMap<Day, u64>,
    pub(crate) clicks: ClickTally,
    /// Up to when clicks are complete; nothing if there are none.
    pub(crate) data_end: Option<Micros>,
}

impl FeaturesRead {
    /// Whether any click has a user; rejected clicks do not count.
    fn has_users(&self) -> bool {
        let clicks = self.clicks.clicks - rejected_of(&self.inputs.rejected, Source::Clicks);
        // Without clicks all counts are 0. They are unknown only if there are clicks of nobody
        // known.
        clicks == 0 || self.clicks.without_user < clicks
    }
}

/// The rows of a day, in the order of the output.
struct DayImpressions {
    day: Day,
    rows: Vec<TimedRow>,
}

/// Writes a row for each impression and publishes, unless `notice` refuses the counts of all rows, or how
/// many clicks are on their listings and repeat another one.
///
/// # Errors
/// If the output cannot be made or written, or is refused.
pub(crate) fn write(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    read: &FeaturesRead,
    clicks: &PartitionedClicks,
    notice: impl FnOnce(&FeatureCounts, (u64, u64)) -> Result<Noticed>,
) -> Result<FeaturesReport> {
    // Each is counted by its listing and by its user, and written: three steps of progress.
    context.enter(Stage::WRITE, count64(read.shown.count() * 3));
    let results = FeatureResults::new(job, context, read)?;
    results.find(job, context, read, clicks)?;
    let target = Target::StagingDir(staging);
    let (days, written) = make_parts(job, context, target, read, &results)?;
    // Parts are made before `notice` judges them: what it looks at is counted while rows are
    // encoded. A refusal leaves only the staging directory, which is removed.
    let mut all = FeatureCounts::default();
    written.stats.iter().for_each(|counts| all.merge(counts));
    let (on_listings, repeated) = results.repeats();
    let noticed = notice(&all, (on_listings, repeated))?;
    let clicks = click_findings(read, on_listings, repeated);
    let outcome = Outcome {
        settings: manifest::feature_settings(job, read.types),
        metrics: metrics_of(job, read, &days, &written, &clicks, &noticed),
        days: outcomes(job, &days, &written),
        actions: clicks,
        extends: None,
    };
    context.enter(Stage::PUBLISH, 0);
    context.check()?;
    let files = read.inputs.files(job)?;
    let run = judge(staging, &read.inputs.gates, &files, &outcome.metrics)?;
    let days = commit(job, context, staging, &files, &run, &outcome)?;
    Ok(report(
        job,
        read,
        days,
        &all,
        on_listings,
        repeated,
        noticed,
    ))
}

/// Makes all parts; gives the rows of each day, too.
fn make_parts(
    job: &Job,
    context: &RunContext,
    target: Target<'_>,
    read: &FeaturesRead,
    results: &FeatureResults,
) -> Result<(Vec<DayImpressions>, PartsWritten<FeatureCounts>)> {
    context.reserve_memory(read.days.values().sum::<u64>() * count64(size_of::<TimedRow>()))?;
    let days = by_day(job, read);
    let encoder = TableEncoder::new(job.codec, schema(job, read.types, read.has_users()))?;
    let maker = RowMaker {
        job,
        read,
        results,
        data_end: read.data_end,
    };
    let groups = days.iter().enumerate();
    let groups: Vec<GroupPlan> = groups
        .flat_map(|(at, day)| plan(at, count64(day.rows.len())))
        .collect();
    let start = |file| encoder.file(file);
    let names = days.iter().map(|day| day.day);
    let writer = PartWriter::new(job.kind(), target, names, &start)?;
    let make = |(): &mut (), at: usize| {
        let GroupPlan { place, rows } = groups[at].clone();
        let day = &days[place.day];
        let rows = &day.rows[index64(rows.start)..index64(rows.end)];
        let (group, stats) = maker.encode(&encoder, day.day, rows)?;
        Ok(Some(EncodedGroup {
            place,
            group,
            stats,
        }))
    };
    // No row group waits for another one.
    let stopped = AtomicBool::new(false);
    let steps = Steps {
        count: groups.len(),
        guard: Guard::new(&stopped),
    };
    let written = write_parts(context, writer, steps, || (), make, FeatureCounts::merge)?;
    Ok((days, written))
}

/// The impressions of each day, in the order of the output.
fn by_day(job: &Job, read: &FeaturesRead) -> Vec<DayImpressions> {
    let shown = &read.shown;
    let mut days: BTreeMap<Day, Vec<TimedRow>> = BTreeMap::new();
    for (day, count) in &read.days {
        let count = usize::try_from(*count).expect("rows in memory");
        days.insert(*day, Vec::with_capacity(count));
    }
    let rows = (0..).zip(&shown.times);
    for (row, time) in rows.filter(|(row, _)| read.is_sampled(*row)) {
        let day = days.get_mut(&job.zone().day_of(*time));
        let rows = day.expect("all days are counted");
        rows.push(TimedRow { time: *time, row });
    }
    let days = days.into_iter();
    let mut days: Vec<_> = days
        .map(|(day, rows)| DayImpressions { day, rows })
        .collect();
    for day in &mut days {
        // Ids break ties, not row numbers. Unstable is enough: rows that are equal in all of these
        // have equal results.
        day.rows.par_sort_unstable_by(|a, b| {
            let contents = |row: u32| {
                let at = index(row);
                (shown.ids.get(row), shown.listings[at], shown.users[at])
            };
            a.time
                .cmp(&b.time)
                .then_with(|| contents(a.row).cmp(&contents(b.row)))
                .then_with(|| shown.compare_kept(a.row, b.row))
        });
    }
    days
}

/// The row groups of a day of so many rows.
fn plan(day: usize, rows_count: u64) -> impl Iterator<Item = GroupPlan> {
    plan_rows(day, rows_count, GROUP_ROWS, PART_GROUPS)
}

/// The parts and counts of each day.
fn outcomes<'a>(
    job: &Job,
    days: &[DayImpressions],
    written: &'a PartsWritten<FeatureCounts>,
) -> Vec<DayOutcome<'a, FeatureDayCounts>> {
    let parts = written.files.iter().zip(&written.stats);
    let days = days.iter().zip(parts);
    let outcome = days.map(|(day, (parts, counts))| {
        let ends = day.rows.first().zip(day.rows.last());
        DayOutcome {
            day: day.day,
            rows: count64(day.rows.len()),
            cutoffs: ends.map(|(first, last)| (first.time, last.time)),
            counts: day_counts(job, counts),
            parts,
        }
    });
    outcome.collect()
}

/// The metrics of each day.
fn metrics_of(
    job: &Job,
    read: &FeaturesRead,
    days: &[DayImpressions],
    written: &PartsWritten<FeatureCounts>,
    clicks: &ClickFindings,
    noticed: &Noticed,
) -> Vec<FeatureMetrics> {
    let run = FeatureRun {
        findings: clicks.clone(),
        unused_sources: Some(noticed.unused_sources),
        rejected: RejectedRows::new(&read.inputs.rejected),
    };
    let histories = job.sequences();
    let reach = Reach::new(job.kind(), histories.cutoff, histories.lookback());
    let source_days = source_days(&read.inputs.sources);
    let days = days.iter().zip(&written.stats);
    let days = days.map(|(day, counts)| FeatureMetrics {
        missing: missing_days(reach, &source_days, day.day),
        warnings: entries(&noticed.warnings),
        counts: *counts,
        run: Some(run.clone()),
    });
    days.collect()
}
