//! Impressions and clicks to files: a row for each impression, by day, with manifests and metrics.
//!
//! **In / Out**: [`FeaturesRead`] and its clicks → parts by day, and [`FeaturesMade`] → manifests, metrics,
//! rejected rows, a [`FeaturesReport`]; of shards, `merge` makes the parts that one run would have made.
//! **Order**: within a day by time, then by the ids of impression, listing and
//! user. **Invariants**: which rows a row group and a part hold depends on the impressions
//! alone; row groups are made on all threads and written in order.

mod dry_run;
mod ids;
mod made;
mod merge;
mod published;
mod report;
mod results;
mod rows;
mod shard_rows;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use arrow::array::StringViewArray;
use rayon::slice::ParallelSliceMut;
use serde::Serialize;

pub(crate) use self::dry_run::{dry_run, parts_count};
use self::ids::write_ids;
pub(crate) use self::made::{DayMade, FeaturesMade, ReadTotals};
pub(crate) use self::merge::{ShardParts, merge};
pub(crate) use self::published::{publish, report_of_shard};
use self::results::FeatureResults;
use self::rows::RowMaker;
pub(crate) use self::rows::schema;
use super::commit::{DayReport, RunInputs};
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
use crate::manifest;
use crate::metrics::FeatureCounts;
use crate::output::in_order::Guard;
use crate::publish::{StagingDir, Target};
use crate::scan::bad_rows::rejected_of;
use crate::scan::features::FeatureTypes;
use crate::scan::features::clicks::ClickTally;
use crate::scan::features::impressions::{AllShown, ShownListings};
use crate::scan::features::listings::Listings;
use crate::store::spill::Partitions;
use crate::warnings::Warning;

/// Rows of a row group: narrow ones, so more than of `sequences`.
const GROUP_ROWS: u64 = 1 << 17;
/// Row groups of a part.
const PART_GROUPS: u64 = 8;
/// The most and the least rows of a row group of a shard.
const SHARD_GROUP_ROWS: (u64, u64) = (1 << 14, 1 << 9);

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
    /// Rows, by day; 0 for a day of which other shards have all.
    pub(crate) days: BTreeMap<Day, u64>,
    /// What is known of the impressions of all shards.
    pub(crate) all: AllShown,
    /// Rows of impressions by the null word that is their user, and their listing.
    pub(crate) null_words: [BTreeMap<String, u64>; 2],
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

    /// What was read, in numbers.
    fn totals(&self) -> ReadTotals {
        ReadTotals {
            types: self.types,
            impressions: self.all.clone(),
            clicks: self.clicks.clicks,
            without_user: self.clicks.without_user,
            latest: self.clicks.latest,
            has_users: self.has_users(),
            data_end: self.data_end,
            listings: self.listings.rows_read,
        }
    }
}

/// The rows of a day, in the order of the output.
struct DayImpressions {
    day: Day,
    rows: Vec<TimedRow>,
}

/// Writes a row for each impression.
///
/// # Errors
/// If the output cannot be made or written.
pub(crate) fn make(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    read: &FeaturesRead,
    clicks: &PartitionedClicks,
) -> Result<FeaturesMade> {
    // Each is counted by its listing and by its user, and written: three steps of progress.
    context.enter(Stage::WRITE, count64(read.shown.count() * 3));
    let results = FeatureResults::new(job, context, read)?;
    results.find(job, context, read, clicks)?;
    let target = Target::StagingDir(staging);
    let (days, written) = make_parts(job, context, target, read, &results)?;
    let ids = job
        .shard
        .map(|_| write_ids(job, context, staging, read, &results));
    let [on_listings, repeated] = results.repeats();
    let parts = written.files.into_iter().zip(written.stats);
    let days = days.iter().zip(parts).map(|(day, (parts, counts))| {
        let ends = day.rows.first().zip(day.rows.last());
        DayMade {
            day: day.day,
            cutoffs: ends.map(|(first, last)| (first.time, last.time)),
            counts,
            parts,
        }
    });
    Ok(FeaturesMade {
        settings: manifest::feature_settings(job, read.types),
        files: read.inputs.files(job)?,
        read: read.totals(),
        days: days.collect(),
        on_listings,
        repeated,
        ids: ids.transpose()?,
    })
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
    let encoder = TableEncoder::new(job.table_codec(), schema(job, read.types, read.has_users()))?;
    let maker = RowMaker {
        job,
        read,
        results,
        categories: StringViewArray::from_iter_values(read.listings.categories()),
        data_end: read.data_end,
    };
    let groups = days.iter().enumerate();
    // A shard may have no row of a day, and then has no part of it.
    let groups: Vec<GroupPlan> = groups
        .filter(|(_, day)| !day.rows.is_empty())
        .flat_map(|(at, day)| plan(job, at, count64(day.rows.len())))
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
        // By time alone first, where a comparison is one instruction; few rows are tied.
        day.rows.par_sort_unstable_by_key(|row| row.time);
        for tied in day.rows.chunk_by_mut(|a, b| a.time == b.time) {
            if tied.len() > 1 {
                // Ids break ties, not row numbers. Unstable is enough: rows that are equal in all of
                // these have equal results.
                tied.par_sort_unstable_by(|a, b| {
                    let contents = |row: u32| {
                        let at = index(row);
                        (shown.ids.get(row), shown.listings[at], shown.users[at])
                    };
                    let contents = contents(a.row).cmp(&contents(b.row));
                    contents.then_with(|| shown.compare_kept(a.row, b.row))
                });
            }
        }
    }
    days
}

/// The row groups of a day of so many rows; those of a shard are merged again.
fn plan(job: &Job, day: usize, rows_count: u64) -> impl Iterator<Item = GroupPlan> {
    let rows = job
        .shard
        .map_or(GROUP_ROWS, |shard| shard_group_rows(shard.count));
    plan_rows(day, rows_count, rows, PART_GROUPS)
}

/// Rows of a row group of a shard. One of each shard is in memory when they are merged, and all together
/// are about as many as a row group of the set, for up to 256 shards.
fn shard_group_rows(shards: u32) -> u64 {
    let (most, least) = SHARD_GROUP_ROWS;
    (GROUP_ROWS / u64::from(shards)).clamp(least, most)
}
