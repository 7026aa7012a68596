//! What counting and writing take, measured on a sample of the impressions that is written nowhere.
//!
//! **In / Out**: all impressions and a share of the clicks → [`FeaturesDryRun`]: rows, bytes and time of
//! the same share of the impressions. **Invariants**: made by the code that makes the parts of a run; no file
//! is. Impressions are sampled by intervals of time of about a row group each, so that row groups are as
//! long, and their times as close, as those of a run.

use std::collections::BTreeMap;
use std::time::Instant;

use super::results::FeatureResults;
use super::{FeaturesRead, GROUP_ROWS, PartitionedClicks, make_parts, plan};
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Day, Micros, index, index64, rounded};
use crate::job::Job;
use crate::output::parts::micros_since;
use crate::publish::Target;

impl FeaturesRead {
    /// Whether an impression gets a row.
    #[inline]
    pub(super) fn is_sampled(&self, row: u32) -> bool {
        self.sampled.is_empty() || self.sampled[index(row)]
    }
}

/// What a sample of the rows took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FeaturesDryRun {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Microseconds of allocating the results of all impressions.
    pub(crate) allocate_us: u64,
    /// Microseconds of counting for the sampled ones.
    pub(crate) count_us: u64,
    /// Microseconds of encoding and writing them.
    pub(crate) write_us: u64,
}

/// The parts that so many rows of a day make.
pub(crate) fn parts_count(job: &Job, rows: u64) -> u64 {
    // A day of which other shards have all rows has no part.
    let last = plan(job, 0, rows).last().filter(|_| rows > 0);
    last.map_or(0, |group| group.place.part + 1)
}

/// Makes the rows of one impression in `weight`, given one click in `weight`. The other impressions stay in
/// memory, so that lookups miss the caches as in a run.
///
/// # Errors
/// If the memory of the job is used up, or the run is cancelled.
pub(crate) fn dry_run(
    job: &Job,
    context: &RunContext,
    read: &mut FeaturesRead,
    clicks: &PartitionedClicks,
    weight: f64,
) -> Result<FeaturesDryRun> {
    sample(job, read, rounded(weight));
    let began = Instant::now();
    // Arrays as large as those of a run: small ones stay in the cache, and with them the estimate
    // for 100M clicks was a third too low.
    let mut results = FeatureResults::new(job, context, read)?;
    let (allocate_us, began) = (micros_since(began), Instant::now());
    results.find(job, context, read, clicks)?;
    let count_us = micros_since(began);
    // Counts of a sample are small, and would take fewer bytes than those of a run.
    results.scale(rounded(weight));
    let began = Instant::now();
    let (_, written) = make_parts(job, context, Target::Nowhere, read, &results)?;
    Ok(FeaturesDryRun {
        rows: read.days.values().sum(),
        bytes: written.bytes(),
        allocate_us,
        count_us,
        write_us: micros_since(began),
    })
}

/// Samples the impressions of one interval of time in so many, and of one for each thread at least.
fn sample(job: &Job, read: &mut FeaturesRead, stride: u64) {
    let (shown, zone) = (&read.shown, job.zone());
    // The intervals of a day end at quantiles of a sample of its times.
    let mut times: BTreeMap<Day, Vec<Micros>> = BTreeMap::new();
    // At most 2^18 times are sorted: quantiles for intervals need no more.
    for time in shown.times.iter().step_by((shown.count() >> 18) + 1) {
        times.entry(zone.day_of(*time)).or_default().push(*time);
    }
    times.values_mut().for_each(|times| times.sort_unstable());
    let mut intervals = 0;
    let mut days: BTreeMap<Day, (usize, usize)> = BTreeMap::new();
    for (day, rows) in &read.days {
        let of_day = index64(rows.div_ceil(GROUP_ROWS));
        days.insert(*day, (intervals, of_day));
        intervals += of_day;
    }
    let every = index64(stride).min(intervals / job.threads).max(1);
    let is_sampled = |time: Micros| {
        let day = zone.day_of(time);
        let (first, of_day) = days[&day];
        let within = times.get(&day).map_or(0, |times| {
            times.partition_point(|other| *other < time) * of_day / times.len()
        });
        (first + within.min(of_day - 1)) % every == every / 2
    };
    let sampled = shown.times.iter();
    let sampled = sampled.map(|time| every == 1 || is_sampled(*time));
    read.sampled = sampled.collect();
    read.days.clear();
    let times = read.shown.times.iter().zip(&read.sampled);
    for (time, _) in times.filter(|(_, is_sampled)| **is_sampled) {
        *read.days.entry(zone.day_of(*time)).or_default() += 1;
    }
}
