//! Impressions and clicks to files, and what was found, as a report and a manifest.
//!
//! **In / Out**: [`FeaturesRead`] and its clicks → parts by day, manifests, quarantined rows, a
//! [`FeaturesReport`]. **Order**: within a day by time, then by the ids of impression, listing and
//! user. **Invariants**: which rows a row group and a part hold depends on the impressions
//! alone; row groups are made on all threads and written in order.

mod listings;
mod rehearse;
mod rows;
mod sorted_partitions;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use rayon::slice::ParallelSliceMut;
use serde::Serialize;

pub(crate) use self::rehearse::{parts_count, rehearse};
use self::rows::RowMaker;
pub(crate) use self::rows::schema;
use super::commit::{DayOutcome, Inputs, Outcome, commit, judge};
use super::parts::{Encoded, PartWriter, Steps, Written, write_parts};
use super::plan::{GroupPlan, plan_rows};
use super::report::DayReport;
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
use crate::output::features::listings::{click_findings, day_counts, report};
use crate::output::features::sorted_partitions::FeatureResults;
use crate::output::in_order::Guard;
use crate::publish::{StagingDir, Target};
use crate::scan::bad_rows::rejected_of;
use crate::scan::features::FeatureTypes;
use crate::scan::features::clicks::ClickTally;
use crate::scan::features::impressions::Shown;
use crate::scan::features::listings::Listings;
use crate::store::spill::Partitions;
use crate::warnings::{Noticed, Warning, entries};

/// Rows of a row group: narrow ones, so more than of `sequences`.
const GROUP_ROWS: u64 = 1 << 17;
/// Row groups of a part.
const PART_GROUPS: u64 = 8;

/// Partitions of clicks by listing, and by user.
type Both<L, U> = (Partitions<RowChunk<L>>, Partitions<RowChunk<U>>);

/// Clicks by listing, and by user.
pub(crate) enum PartitionedClicks {
    /// Every click counts.
    All(Both<Click, UserClick>),
    /// Of those alike in user, listing and time, one.
    Once(Both<WholeClick<false>, WholeClick<true>>),
}

impl PartitionedClicks {
    /// The same in fewer partitions, of listings and of users.
    pub(crate) fn coarser(self, [of_listings, of_users]: [Split; 2]) -> PartitionedClicks {
        match self {
            PartitionedClicks::All((a, b)) => {
                PartitionedClicks::All((a.coarser(of_listings), b.coarser(of_users)))
            }
            PartitionedClicks::Once((a, b)) => {
                PartitionedClicks::Once((a.coarser(of_listings), b.coarser(of_users)))
            }
        }
    }
}

/// An impression to write: when it was, and its row among all that were read.
type Asked = (Micros, u32);

/// What a run of `features` made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FeaturesReport {
    /// Files of input.
    pub files: u64,
    /// Rows: one for each impression.
    pub rows: u64,
    /// Of them, followed by a click within the window.
    pub clicked: u64,
    /// Of them, so new that their label may still change.
    #[serde(rename = "label_incomplete")]
    pub incomplete: u64,
    /// Of them, of a listing that no file has.
    pub unknown_listings: u64,
    /// Of them, older than their listing.
    pub negative_ages: u64,
    /// Clicks in the files.
    pub clicks: u64,
    /// Of them, without a user.
    pub clicks_without_user: u64,
    /// Clicks on the listings that were shown, which are looked at for repeats.
    pub clicks_on_listings: u64,
    /// Of them, alike another one in user, listing and time, whether they are counted or left out.
    pub repeated_clicks: u64,
    /// Listings in the files.
    pub listings: u64,
    /// Up to when clicks are complete.
    pub data_end: Option<String>,
    /// Rows that were set aside.
    pub rejected: u64,
    /// Days that were asked for, and left as the output has them.
    pub days_skipped: u64,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
    /// The days that were published.
    pub days: Vec<DayReport>,
}

/// What was read, before anything is answered.
pub(crate) struct FeaturesRead {
    /// The files, and what was found of any job's.
    pub(crate) inputs: Inputs,
    /// The types of ids.
    pub(crate) types: FeatureTypes,
    pub(crate) shown: Shown,
    /// Which of them are answered, if not all are.
    pub(crate) asked: Vec<bool>,
    pub(crate) users: RankedDictionary,
    pub(crate) listing_ids: RankedDictionary,
    /// What is known of these.
    pub(crate) listings: Listings,
    pub(crate) days: BTreeMap<Day, u64>,
    /// What was found among the clicks.
    pub(crate) clicks: ClickTally,
    /// Up to when clicks are complete; nothing if there are none.
    pub(crate) data_end: Option<Micros>,
}

impl FeaturesRead {
    /// Whether clicks say who clicked. Those that were set aside say nothing.
    fn has_users(&self) -> bool {
        let clicks = self.clicks.clicks - rejected_of(&self.inputs.rejected, Source::Clicks);
        clicks == 0 || self.clicks.without_user < clicks
    }
}

/// The rows of each day, in the order of the output.
type DayRows = (Day, Vec<Asked>);

/// Answers all impressions, writes them and publishes, unless `notice` refuses what all rows hold, or how
/// many clicks are on their listings and repeat another one.
///
/// # Errors
/// If the output cannot be made or written, or is refused.
pub(crate) fn write(
    (job, context): (&Job, &RunContext),
    staging: &StagingDir,
    (read, clicks): (&FeaturesRead, &PartitionedClicks),
    notice: impl FnOnce(&FeatureCounts, (u64, u64)) -> Result<Noticed>,
) -> Result<FeaturesReport> {
    // Each is answered twice, as one of a listing and as one of a user, and written once.
    context.enter(Stage::WRITE, count64(read.shown.count() * 3));
    let answers = FeatureResults::new(job, context, read)?;
    answers.find(job, context, read, clicks)?;
    let target = Target::StagingDir(staging);
    let (days, written) = make_parts(job, context, target, (read, &answers))?;
    let mut all = FeatureCounts::default();
    written.tallies.iter().for_each(|tally| all.merge(tally));
    let repeats = answers.repeats();
    let noticed = notice(&all, repeats)?;
    let clicks = click_findings(read, repeats);
    let outcome = Outcome {
        settings: manifest::feature_settings(job, read.types),
        metrics: metrics_of(job, read, (&days, &written), (&clicks, &noticed)),
        days: outcomes(job, &days, &written),
        actions: clicks,
        extends: None,
    };
    let run = judge((job, context), staging, &read.inputs, &outcome.metrics)?;
    let days = commit((job, context), staging, (&read.inputs, &run), &outcome)?;
    Ok(report((job, read), days, (&all, repeats), noticed))
}

/// Makes all parts; gives the rows of each day, too.
fn make_parts(
    job: &Job,
    context: &RunContext,
    target: Target<'_>,
    (read, answers): (&FeaturesRead, &FeatureResults),
) -> Result<(Vec<DayRows>, Written<FeatureCounts>)> {
    context.reserve_memory(read.days.values().sum::<u64>() * count64(size_of::<Asked>()))?;
    let days = by_day(job, read);
    let encoder = TableEncoder::new(job.codec, schema(job, read.types, read.has_users()))?;
    let maker = RowMaker {
        job,
        read,
        answers,
        data_end: read.data_end,
    };
    let groups = days.iter().enumerate();
    let groups: Vec<GroupPlan> = groups
        .flat_map(|(day, (_, rows))| plan(day, count64(rows.len())))
        .collect();
    let start = |file| encoder.file(file);
    let names = days.iter().map(|(day, _)| *day);
    let writer = PartWriter::new(job.kind(), target, names, &start)?;
    let make = |(): &mut (), at: usize| {
        let GroupPlan { place, rows } = groups[at].clone();
        let (day, of_day) = &days[place.day];
        let rows = &of_day[index64(rows.start)..index64(rows.end)];
        let (group, tally) = maker.encode(&encoder, *day, rows)?;
        Ok(Some(Encoded {
            place,
            group,
            tally,
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
fn by_day(job: &Job, read: &FeaturesRead) -> Vec<DayRows> {
    let shown = &read.shown;
    let mut days: BTreeMap<Day, Vec<Asked>> = BTreeMap::new();
    for (day, count) in &read.days {
        let room = usize::try_from(*count).expect("rows in memory");
        days.insert(*day, Vec::with_capacity(room));
    }
    let rows = (0..).zip(&shown.times);
    for (row, time) in rows.filter(|(row, _)| read.is_asked(*row)) {
        let day = days.get_mut(&job.zone().day_of(*time));
        day.expect("all days are counted").push((*time, row));
    }
    let mut days: Vec<_> = days.into_iter().collect();
    for (_, rows) in &mut days {
        rows.par_sort_unstable_by(|a, b| {
            let contents = |row: u32| {
                let at = index(row);
                (shown.ids.get(row), shown.listings[at], shown.users[at])
            };
            a.0.cmp(&b.0)
                .then_with(|| contents(a.1).cmp(&contents(b.1)))
        });
    }
    days
}

/// The row groups of a day of so many rows.
fn plan(day: usize, rows_count: u64) -> impl Iterator<Item = GroupPlan> {
    plan_rows(day, rows_count, GROUP_ROWS, PART_GROUPS)
}

/// What was made of each day.
fn outcomes<'a>(
    job: &Job,
    days: &[DayRows],
    written: &'a Written<FeatureCounts>,
) -> Vec<DayOutcome<'a, FeatureDayCounts>> {
    let made = written.parts.iter().zip(&written.tallies);
    let days = days.iter().zip(made);
    let outcome = days.map(|((day, rows), (parts, tally))| {
        let ends = rows.first().zip(rows.last());
        DayOutcome {
            day: *day,
            rows: count64(rows.len()),
            cutoffs: ends.map(|(first, last)| (first.0, last.0)),
            counts: day_counts(job, tally),
            parts,
        }
    });
    outcome.collect()
}

/// The metrics of each day.
fn metrics_of(
    job: &Job,
    read: &FeaturesRead,
    (days, written): (&[DayRows], &Written<FeatureCounts>),
    (clicks, noticed): (&ClickFindings, &Noticed),
) -> Vec<FeatureMetrics> {
    let run = FeatureRun {
        found: clicks.clone(),
        unused_sources: Some(noticed.unused_sources),
        rejected: RejectedRows::new(&read.inputs.rejected),
    };
    let histories = job.sequences();
    let reach = Reach::new(job.kind(), histories.cutoff, histories.lookback_days);
    let source_days = source_days(&read.inputs.sources);
    let days = days.iter().zip(&written.tallies);
    let days = days.map(|((day, _), counts)| FeatureMetrics {
        missing: missing_days(reach, &source_days, *day),
        warnings: entries(&noticed.warnings),
        counts: *counts,
        run: Some(run.clone()),
    });
    days.collect()
}
