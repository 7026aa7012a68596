//! Partitions of clicks to answers, by the row of the impression that asked.
//!
//! **In / Out**: [`Partitions`] of clicks by listing and by user, and the impressions → prior
//! counts and labels. **Invariants**: each place is written by the one partition that its
//! listing or user belongs to, so it does not matter when; cells are atomic only so that threads
//! may share them.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use bumpalo::Bump;
use rayon::prelude::*;

use super::{FeaturesRead, PartitionedClicks};
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Key, Micros, count32, count64, index};
use crate::job::{Job, LabelKey};
use crate::kernel::chunk::{FixedRow, RowChunk};
use crate::kernel::hash::spread;
use crate::kernel::op::dedup::{each_once, repeats_count};
use crate::kernel::op::features::{
    Asked, Click, Keyed, NextClicks, labels_of_anybody, prior_counts,
};
use crate::kernel::partition::{PartitionWriter, Split};
use crate::kernel::sort::sort_run;
use crate::output::runs::Runs;
use crate::store::spill::Partitions;

/// What is answered to each impression.
#[derive(Debug)]
pub(crate) struct FeatureResults {
    /// Windows, all time among them.
    windows: usize,
    /// Prior clicks: per row those of the listing, window by window, then those of the user.
    counts: Vec<AtomicU32>,
    /// Whether a click followed.
    clicked: Vec<AtomicBool>,
    /// Clicks on the listings.
    on_listings: AtomicU64,
    /// Of them, those that repeat another one.
    repeated: AtomicU64,
}

/// What a thread works with.
#[derive(Default)]
struct Bench {
    /// Impressions and clicks of a partition, grouped.
    arena: Bump,
    /// The clicks of a listing, each once.
    clicks: Vec<Click>,
    /// When the clicks of a key happened.
    times: Vec<Micros>,
    starts: Vec<usize>,
    /// Next clicks of users.
    next: NextClicks,
}

/// How impressions are answered: the job, what was read, and windows in microseconds.
type How<'a> = (&'a Job, &'a FeaturesRead, Vec<i64>);

impl FeatureResults {
    /// Room for the answers to all impressions.
    ///
    /// # Errors
    /// If the memory of the job is used up.
    pub(crate) fn new(
        job: &Job,
        context: &RunContext,
        read: &FeaturesRead,
    ) -> Result<FeatureResults> {
        let (windows, rows) = (job.features().windows.len() + 1, read.shown.count());
        context.reserve_memory(count64(rows * (windows * 2 * size_of::<u32>() + 1)))?;
        let mut answers = FeatureResults {
            windows,
            counts: Vec::new(),
            clicked: Vec::new(),
            on_listings: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
        };
        answers
            .counts
            .resize_with(rows * windows * 2, AtomicU32::default);
        answers.clicked.resize_with(rows, AtomicBool::default);
        Ok(answers)
    }

    /// Answers all impressions that are asked.
    ///
    /// # Errors
    /// If clicks cannot be read back, the memory of the job is used up, or somebody asked for an
    /// end.
    pub(crate) fn find(
        &self,
        job: &Job,
        context: &RunContext,
        read: &FeaturesRead,
        clicks: &PartitionedClicks,
    ) -> Result<()> {
        let (listings, users) = (&read.shown.listings, &read.shown.users);
        let windows = job
            .features()
            .windows
            .iter()
            .map(|(_, window)| *window)
            .collect();
        let how = (job, read, windows);
        match clicks {
            PartitionedClicks::All((by_listing, by_user)) => {
                let of_listing = |bench: &mut Bench, asked: &[Asked], clicks: &[Click]| {
                    self.note(clicks.len(), repeats_count(clicks));
                    self.of_listing(&how, bench, asked, clicks);
                };
                each_partition(context, read, listings, by_listing, of_listing)?;
                each_partition(context, read, users, by_user, |bench, asked, clicks| {
                    bench.set_times(clicks.iter());
                    self.of_user(&how, bench, asked);
                })
            }
            PartitionedClicks::Once((by_listing, by_user)) => {
                each_partition(
                    context,
                    read,
                    listings,
                    by_listing,
                    |bench, asked, clicks| {
                        self.note(clicks.len(), repeats_count(clicks));
                        let mut once = std::mem::take(&mut bench.clicks);
                        once.clear();
                        once.extend(each_once(clicks).map(|whole| whole.click));
                        self.of_listing(&how, bench, asked, &once);
                        bench.clicks = once;
                    },
                )?;
                each_partition(context, read, users, by_user, |bench, asked, clicks| {
                    bench.set_times(each_once(clicks));
                    self.of_user(&how, bench, asked);
                })
            }
        }
    }

    /// Answers the impressions of a listing.
    fn of_listing(
        &self,
        (job, read, windows_us): &How<'_>,
        bench: &mut Bench,
        asked: &[Asked],
        clicks: &[Click],
    ) {
        bench.set_times(clicks.iter());
        let put = |row, window, count| self.put(row, window, count);
        prior_counts(&bench.times, asked, windows_us, &mut bench.starts, put);
        let clicked = |row: u32| self.clicked[index(row)].store(true, Relaxed);
        let window = job.features().label_window_us;
        match job.features().label_key {
            LabelKey::Listing => labels_of_anybody(&bench.times, asked, window, clicked),
            LabelKey::UserListing => {
                let user_of = |row: u32| read.shown.users[index(row)];
                bench.next.labels(clicks, asked, user_of, window, clicked);
            }
        }
    }

    /// Answers the impressions of a user, the times of whose clicks are taken down.
    fn of_user(&self, (_, _, windows_us): &How<'_>, bench: &mut Bench, asked: &[Asked]) {
        let put = |row, window, count| self.put(row, self.windows + window, count);
        prior_counts(&bench.times, asked, windows_us, &mut bench.starts, put);
    }

    /// Takes note of clicks on a listing, and how many of them repeat another one.
    fn note(&self, clicks: usize, repeated: usize) {
        self.on_listings.fetch_add(count64(clicks), Relaxed);
        self.repeated.fetch_add(count64(repeated), Relaxed);
    }

    /// Clicks on the listings, and how many of them repeat another one in user, listing and time.
    pub(crate) fn repeats(&self) -> (u64, u64) {
        (self.on_listings.load(Relaxed), self.repeated.load(Relaxed))
    }

    /// Counts as if each click that was counted had been so many, give or take half of that.
    pub(crate) fn stretch(&mut self, weight: u64) {
        for (at, count) in (0..).zip(&mut self.counts) {
            let count = count.get_mut();
            if weight > 1 && *count > 0 {
                let stretched = u64::from(*count) * weight + spread(at) % weight - weight / 2;
                *count = u32::try_from(stretched).unwrap_or(u32::MAX);
            }
        }
    }

    /// Puts down a count.
    #[inline]
    fn put(&self, row: u32, at: usize, count: usize) {
        let place = index(row) * self.windows * 2 + at;
        self.counts[place].store(count32(count), Relaxed);
    }

    /// The count of an impression at a place among all windows of listings, then of users.
    #[inline]
    pub(crate) fn count(&self, row: u32, at: usize) -> u32 {
        self.counts[index(row) * self.windows * 2 + at].load(Relaxed)
    }

    /// Whether an impression was followed by a click.
    #[inline]
    pub(crate) fn clicked(&self, row: u32) -> bool {
        self.clicked[index(row)].load(Relaxed)
    }
}

impl Bench {
    /// Takes down when some clicks happened.
    fn set_times<'c, R: Keyed + 'c>(&mut self, clicks: impl Iterator<Item = &'c R>) {
        self.times.clear();
        self.times.extend(clicks.map(R::time));
    }
}

/// Hands the impressions and clicks of each key to `answer`, in order of time.
fn each_partition<R: Keyed + FixedRow + Sync>(
    context: &RunContext,
    read: &FeaturesRead,
    keys: &[u32],
    clicks: &Partitions<RowChunk<R>>,
    answer: impl Fn(&mut Bench, &[Asked], &[R]) + Sync,
) -> Result<()> {
    let asked = deal(context, read, keys, clicks.split())?;
    let one = |bench: &mut Bench, partition: usize| {
        context.check()?;
        let keys = clicks.keys_of(partition);
        let mut arena = std::mem::take(&mut bench.arena);
        arena.reset();
        let (asked, clicks) = (
            asked.take(partition, context)?,
            clicks.take(partition, context)?,
        );
        let mut asked = Runs::group(asked, &keys, Keyed::key, context, &arena)?;
        let mut clicks = Runs::group(clicks, &keys, Keyed::key, context, &arena)?;
        asked.each().for_each(sort_run);
        clicks.each().for_each(sort_run);
        for (asked, clicks) in asked.each().zip(clicks.each()) {
            answer(bench, asked, clicks);
        }
        context.count_done(count64(asked.rows.len()));
        let bytes = asked.bytes() + clicks.bytes();
        bench.arena = arena;
        context.free_memory(bytes);
        Ok(())
    };
    (0..clicks.count())
        .into_par_iter()
        .try_for_each_init(Bench::default, one)
}

/// Deals all impressions to partitions.
fn deal(
    context: &RunContext,
    read: &FeaturesRead,
    keys: &[u32],
    split: Split,
) -> Result<Partitions<RowChunk<Asked>>> {
    let times = &read.shown.times;
    let share = times.len().div_ceil(rayon::current_num_threads()).max(1);
    let shares = keys.par_chunks(share).zip(times.par_chunks(share));
    let scatters: Vec<Result<PartitionWriter<_>>> = shares
        .enumerate()
        .map(|(at, (keys, times))| {
            let mut scatter = PartitionWriter::<RowChunk<Asked>>::new(split);
            let rows = count32(at * share)..;
            let asked = rows.zip(keys).zip(times);
            for ((row, key), time) in asked.filter(|((row, _), _)| read.is_asked(*row)) {
                let partition = scatter.partition_of(Key(*key));
                if scatter.is_full(partition) {
                    scatter.add_chunk(partition, context)?;
                }
                scatter.open(partition).push(Asked {
                    time: *time,
                    key: *key,
                    row,
                });
            }
            Ok(scatter)
        })
        .collect();
    let scatters = scatters.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(Partitions::gather(split, scatters, Vec::new()))
}
