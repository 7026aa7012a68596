//! Partitions of clicks to prior counts and labels, by the row of the impression.
//!
//! **In / Out**: [`Partitions`] of clicks by listing and by user, and the impressions → prior counts and
//! labels. **Invariants**: each cell is written by the one partition that its listing or user belongs
//! to, so the order of partitions does not matter; cells are atomic only so that threads may share them.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use bumpalo::Bump;
use rayon::prelude::*;

use super::{FeaturesRead, PartitionedClicks};
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Key, Micros, count32, count64, index};
use crate::job::{Dedup, Job, LabelKey};
use crate::kernel::chunk::{FixedRow, RowChunk};
use crate::kernel::hash::spread;
use crate::kernel::op::dedup::{each_once, repeats_by_mark, repeats_count};
use crate::kernel::op::features::{
    Click, KeyProbe, Keyed, NextClicks, labels_of_anybody, prior_counts,
};
use crate::kernel::partition::{PartitionWriter, Split};
use crate::output::runs::KeyRuns;
use crate::scan::features::mark_of_id;
use crate::store::spill::Partitions;

/// Prior counts and the label of each impression.
#[derive(Debug)]
pub(crate) struct FeatureResults {
    /// The number of windows, one of which is all time.
    windows: usize,
    /// Prior clicks: per row those of the listing, window by window, then those of the user.
    counts: Vec<AtomicU32>,
    /// Whether a click followed, per row.
    clicked: Vec<AtomicBool>,
    /// Of each listing, by rank, the clicks on it, and of these those that repeat another one.
    on_listings: Vec<[AtomicU64; 2]>,
}

/// Buffers of a thread.
#[derive(Default)]
struct FeatureBuffers {
    /// Impressions and clicks of a partition, grouped.
    arena: Bump,
    /// The clicks of a listing, each once.
    clicks: Vec<Click>,
    /// The times of the clicks of a key.
    times: Vec<Micros>,
    starts: Vec<usize>,
    /// The marks of the users of clicks at one time.
    marks: Vec<u32>,
    next: NextClicks,
}

/// What all keys are counted by.
struct CountSpec<'a> {
    job: &'a Job,
    read: &'a FeaturesRead,
    /// The windows but for all time, in microseconds.
    windows_us: Vec<i64>,
    /// The marks of users, by rank.
    marks: Vec<u32>,
}

impl<'a> CountSpec<'a> {
    /// How a job counts.
    fn new(job: &'a Job, context: &RunContext, read: &'a FeaturesRead) -> Result<CountSpec<'a>> {
        let windows = job.features().windows.iter();
        let marked = 0..match job.dedup {
            Dedup::None => read.users.count(),
            // Whole clicks are compared by their ids.
            _ => 0,
        };
        context.reserve_memory(u64::from(marked.end) * count64(size_of::<u32>()))?;
        let marks = marked.into_par_iter();
        Ok(CountSpec {
            job,
            read,
            windows_us: windows.map(|(_, window_us)| *window_us).collect(),
            marks: marks.map(|rank| mark_of_id(read.users.get(rank))).collect(),
        })
    }

    /// The mark of a user, who has a rank, or is given by it.
    #[inline]
    fn mark(&self, user: u32) -> u32 {
        self.marks.get(index(user)).copied().unwrap_or(user)
    }
}

impl FeatureResults {
    /// Memory for the results of all impressions.
    ///
    /// # Errors
    /// If the memory of the job is used up.
    pub(crate) fn new(
        job: &Job,
        context: &RunContext,
        read: &FeaturesRead,
    ) -> Result<FeatureResults> {
        let (windows, rows) = (job.features().windows.len() + 1, read.shown.count());
        let listings = index(read.listing_ids.count());
        let of_listings = listings * size_of::<[u64; 2]>();
        let of_rows = rows * (windows * 2 * size_of::<u32>() + 1);
        context.reserve_memory(count64(of_rows + of_listings))?;
        let mut results = FeatureResults {
            windows,
            counts: Vec::new(),
            clicked: Vec::new(),
            on_listings: Vec::new(),
        };
        results.on_listings.resize_with(listings, Default::default);
        results
            .counts
            .resize_with(rows * windows * 2, AtomicU32::default);
        results.clicked.resize_with(rows, AtomicBool::default);
        Ok(results)
    }

    /// Finds the results of all impressions, or of those of the sample.
    ///
    /// # Errors
    /// If clicks cannot be read back, the memory of the job is used up, or the run is cancelled.
    pub(crate) fn find(
        &self,
        job: &Job,
        context: &RunContext,
        read: &FeaturesRead,
        clicks: &PartitionedClicks,
    ) -> Result<()> {
        let (listings, users) = (&read.shown.listings, &read.shown.users);
        let spec = CountSpec::new(job, context, read)?;
        match clicks {
            PartitionedClicks::All((by_listing, by_user)) => {
                let of_listing =
                    |buffers: &mut FeatureBuffers, asked: &[KeyProbe], clicks: &[Click]| {
                        let mark = |user| spec.mark(user);
                        let repeated = repeats_by_mark(clicks, mark, &mut buffers.marks);
                        self.count_clicks(clicks, repeated);
                        self.find_of_listing(&spec, buffers, asked, clicks);
                    };
                each_partition(context, read, listings, by_listing, of_listing)?;
                each_partition(context, read, users, by_user, |buffers, asked, clicks| {
                    buffers.set_times(clicks.iter());
                    self.find_of_user(&spec, buffers, asked);
                })
            }
            PartitionedClicks::Once((by_listing, by_user)) => {
                each_partition(
                    context,
                    read,
                    listings,
                    by_listing,
                    |buffers, asked, clicks| {
                        self.count_clicks(clicks, repeats_count(clicks));
                        // Taken out, as `find_of_listing` borrows the buffers; put back, to keep
                        // the allocation.
                        let mut once = std::mem::take(&mut buffers.clicks);
                        once.clear();
                        once.extend(each_once(clicks).map(|whole| whole.click));
                        self.find_of_listing(&spec, buffers, asked, &once);
                        buffers.clicks = once;
                    },
                )?;
                each_partition(context, read, users, by_user, |buffers, asked, clicks| {
                    // Repeats were counted by listing; by user the same clicks come again.
                    buffers.set_times(each_once(clicks));
                    self.find_of_user(&spec, buffers, asked);
                })
            }
        }
    }

    /// Finds the results of the impressions of a listing.
    fn find_of_listing(
        &self,
        spec: &CountSpec<'_>,
        buffers: &mut FeatureBuffers,
        asked: &[KeyProbe],
        clicks: &[Click],
    ) {
        buffers.set_times(clicks.iter());
        let put = |row, window, count| self.put(row, window, count);
        let (times, starts) = (&buffers.times, &mut buffers.starts);
        prior_counts(times, asked, &spec.windows_us, starts, put);
        let clicked = |row: u32| self.clicked[index(row)].store(true, Relaxed);
        let own = spec.job.features();
        let window = own.label_window_us;
        match own.label_key {
            LabelKey::Listing => labels_of_anybody(&buffers.times, asked, window, clicked),
            LabelKey::UserListing => {
                let user_of = |row: u32| spec.read.shown.users[index(row)];
                buffers.next.labels(clicks, asked, user_of, window, clicked);
            }
        }
    }

    /// Finds the counts of the impressions of a user, the times of whose clicks are in the buffers.
    fn find_of_user(&self, spec: &CountSpec<'_>, buffers: &mut FeatureBuffers, asked: &[KeyProbe]) {
        let put = |row, window, count| self.put(row, self.windows + window, count);
        let (times, starts) = (&buffers.times, &mut buffers.starts);
        prior_counts(times, asked, &spec.windows_us, starts, put);
    }

    /// Counts the clicks on a listing, and those of them that repeat another one.
    fn count_clicks<R: Keyed>(&self, clicks: &[R], repeated: usize) {
        if let Some(first) = clicks.first() {
            let [of_all, of_repeated] = &self.on_listings[index(first.key())];
            of_all.store(count64(clicks.len()), Relaxed);
            of_repeated.store(count64(repeated), Relaxed);
        }
    }

    /// Clicks on a listing, and how many of them repeat another one in user, listing and time.
    pub(super) fn clicks_on(&self, listing: u32) -> [u64; 2] {
        let counts = &self.on_listings[index(listing)];
        [counts[0].load(Relaxed), counts[1].load(Relaxed)]
    }

    /// The same of all listings.
    pub(super) fn repeats(&self) -> [u64; 2] {
        let counts = (0..count32(self.on_listings.len())).map(|rank| self.clicks_on(rank));
        counts.fold([0, 0], |sum, of| [sum[0] + of[0], sum[1] + of[1]])
    }

    /// Multiplies each count by the weight of a sampled click, and varies it by up to half of that, as
    /// whole multiples are less varied than the counts of a run.
    pub(crate) fn scale(&mut self, weight: u64) {
        for (at, count) in (0..).zip(&mut self.counts) {
            let count = count.get_mut();
            if weight > 1 && *count > 0 {
                // No underflow: the count is at least 1, and at most half a weight is subtracted.
                let scaled = u64::from(*count) * weight + spread(at) % weight - weight / 2;
                *count = u32::try_from(scaled).unwrap_or(u32::MAX);
            }
        }
    }

    /// Writes a count.
    #[inline]
    fn put(&self, row: u32, at: usize, count: usize) {
        let cell = index(row) * self.windows * 2 + at;
        self.counts[cell].store(count32(count), Relaxed);
    }

    /// A count of an impression, by its index among the windows of listings, then those of users.
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

impl FeatureBuffers {
    /// Sets the times of some clicks.
    fn set_times<'c, R: Keyed + 'c>(&mut self, clicks: impl Iterator<Item = &'c R>) {
        self.times.clear();
        self.times.extend(clicks.map(R::time));
    }
}

/// Passes the impressions and clicks of each key to `find`, in order of time.
fn each_partition<R: Keyed + FixedRow + Sync>(
    context: &RunContext,
    read: &FeaturesRead,
    keys: &[u32],
    clicks: &Partitions<RowChunk<R>>,
    find: impl Fn(&mut FeatureBuffers, &[KeyProbe], &[R]) + Sync,
) -> Result<()> {
    // Per pass, so that impressions are partitioned by listing or by user, never both at a time.
    let asked = partition(context, read, keys, clicks.split())?;
    let one = |buffers: &mut FeatureBuffers, partition: usize| {
        context.check()?;
        let keys = clicks.keys_of(partition);
        // Taken out: runs borrow it while `find` has the other buffers.
        let mut arena = std::mem::take(&mut buffers.arena);
        arena.reset();
        let (asked, clicks) = (
            asked.take(partition, context)?,
            clicks.take(partition, context)?,
        );
        let mut asked = KeyRuns::group_by_time(asked, &keys, Keyed::key, context, &arena)?;
        let mut clicks = KeyRuns::group_by_time(clicks, &keys, Keyed::key, context, &arena)?;
        for (asked, clicks) in asked.each().zip(clicks.each()) {
            find(buffers, asked, clicks);
        }
        context.count_done(count64(asked.rows.len()));
        let bytes = asked.bytes() + clicks.bytes();
        buffers.arena = arena;
        context.free_memory(bytes);
        Ok(())
    };
    (0..clicks.count())
        .into_par_iter()
        .try_for_each_init(FeatureBuffers::default, one)
}

/// Partitions the impressions by a key, one of `keys` for each.
fn partition(
    context: &RunContext,
    read: &FeaturesRead,
    keys: &[u32],
    split: Split,
) -> Result<Partitions<RowChunk<KeyProbe>>> {
    let times = &read.shown.times;
    // `par_chunks` refuses chunks of 0 rows.
    let share = times.len().div_ceil(rayon::current_num_threads()).max(1);
    let shares = keys.par_chunks(share).zip(times.par_chunks(share));
    let writers: Vec<Result<PartitionWriter<_>>> = shares
        .enumerate()
        .map(|(at, (keys, times))| {
            let mut writer = PartitionWriter::<RowChunk<KeyProbe>>::new(split);
            let rows = count32(at * share)..;
            let asked = rows.zip(keys).zip(times);
            for ((row, key), time) in asked.filter(|((row, _), _)| read.is_sampled(*row)) {
                let partition = writer.partition_of(Key(*key));
                if writer.is_full(partition) {
                    writer.add_chunk(partition, context)?;
                }
                writer.open(partition).push(KeyProbe {
                    time: *time,
                    key: *key,
                    row,
                });
            }
            Ok(writer)
        })
        .collect();
    // After all have ended, so that the error does not depend on which thread was first.
    let writers = writers.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(Partitions::gather(split, writers, Vec::new()))
}
