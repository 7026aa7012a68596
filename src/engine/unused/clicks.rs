//! Clicks by the reason that they count for no impression.

use serde::{Deserialize, Serialize};

use super::read_again;
use crate::context::RunContext;
use crate::dictionary::Id;
use crate::dictionary::keys::Keys;
use crate::engine::shown::read_shown;
use crate::error::Result;
use crate::ids::{Micros, both, index};
use crate::job::{Job, Source};
use crate::kernel::op::features::ABSENT;
use crate::kernel::sweep::is_prior;
use crate::output::features::FeaturesRead;
use crate::scan::Opened;
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::features::ranks;
use crate::scan::table::{Batch, ColumnType, Memo};

/// The columns, as indices in a batch.
const LISTING: usize = 0;
/// The user who clicked.
const USER: usize = 1;
/// The time of the click.
const TIME: usize = 2;

/// Why no click counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ExcludedClicks {
    pub(super) counts: ClickExclusions,
    /// A listing of the impressions, as an example.
    pub(super) shown_listing: Option<String>,
}

/// Clicks, by the reason that they count for no impression.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClickExclusions {
    /// On listings that are in no impression, by users without an impression.
    pub(super) unknown_ids: u64,
    /// Before some impression, but not before one of the same listing or user.
    pub(super) in_range: u64,
    /// After the last impression and its label window.
    pub(super) late: u64,
    pub(super) no_time: u64,
    /// The oldest and the newest time.
    pub(super) times: Option<(Micros, Micros)>,
}

/// What one thread counts with.
#[derive(Default)]
struct ClickCounter {
    /// The ranks of the listings of a Parquet dictionary.
    listings_memo: Memo,
    users_memo: Memo,
    /// Scratch: the ranks of the listings of a batch.
    listings: Vec<u32>,
    users: Vec<u32>,
    counts: ClickExclusions,
}

/// The ids and the time range of all impressions, those of other shards among them.
struct ImpressionRange {
    listings: Keys,
    users: Keys,
    /// A listing, as an example.
    shown_listing: Option<String>,
    /// The time of the last impression.
    last: Micros,
    /// The end of its label window.
    last_label: Micros,
}

impl ImpressionRange {
    /// The range of the impressions of a run. A shard, which has kept its own, reads all of them again.
    fn new(job: &Job, context: &RunContext, read: &FeaturesRead) -> Result<ImpressionRange> {
        let all = job.shard.map(|_| {
            let inputs = &read.inputs;
            let files = inputs.opened.iter();
            let files = files.filter(|file| file.file().source == Source::Impressions);
            let files: Vec<Opened> = files.cloned().collect();
            let (policy, context) = (BadRowPolicy::ignoring(), &context.unlimited());
            let of_files = (&inputs.skipped[..], read.types);
            read_shown(job, context, &policy, &files, of_files, None)
        });
        let all = all.transpose()?;
        let own = (&read.users, &read.listing_ids);
        let (users, listings) = all.as_ref().map_or(own, |all| (&all.users, &all.listings));
        let last = read.all.times.map_or(Micros::MIN, |(_, last)| last);
        // The first in hash order, whichever thread has read it.
        let first = (listings.count() > 0).then(|| listings.get(0));
        Ok(ImpressionRange {
            shown_listing: first.map(|id| match id {
                Id::Int(id) => id.to_string(),
                Id::Text(id) => format!("{id:?}"),
            }),
            listings: listings.keys(),
            users: users.keys(),
            last,
            last_label: Micros(last.0.saturating_add(job.features().label_window_us)),
        })
    }
}

/// Reads the clicks, and counts why they count for no impression of all shards. A thread stops after `enough`
/// clicks in range.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn count_exclusions(
    job: &Job,
    context: &RunContext,
    read: &FeaturesRead,
    enough: u64,
) -> Result<ExcludedClicks> {
    let range = ImpressionRange::new(job, context, read)?;
    let name = |ours| job.column(Source::Clicks, ours);
    let columns = [
        (name("listing_id"), ColumnType::of_ids(read.types.listing)),
        (name("user_id"), ColumnType::of_ids(read.types.user)),
        (name("click_ts"), ColumnType::Time),
    ];
    let files = read.inputs.opened.iter();
    let files = files.filter(|file| file.file().source == Source::Clicks);
    let has_enough = |counter: &ClickCounter| counter.counts.in_range >= enough;
    let add = |counter: &mut ClickCounter, batch: &Batch<'_>| counter.add(batch, &range);
    let counters = read_again(job, context, files, &columns, has_enough, add)?;
    let mut counts = ClickExclusions::default();
    counters
        .iter()
        .for_each(|counter| counts.merge(&counter.counts));
    Ok(ExcludedClicks {
        counts,
        shown_listing: range.shown_listing,
    })
}

impl ClickCounter {
    /// Counts the rows of a batch.
    fn add(&mut self, batch: &Batch<'_>, range: &ImpressionRange) {
        let (cells, rows) = (batch.cells, batch.rows);
        let counts = &mut self.counts;
        let memo = &mut self.listings_memo;
        ranks(
            &cells[LISTING],
            rows,
            (&range.listings, memo),
            &mut self.listings,
        );
        let memo = &mut self.users_memo;
        ranks(&cells[USER], rows, (&range.users, memo), &mut self.users);
        for ((row, listing), user) in rows.iter().zip(&self.listings).zip(&self.users) {
            if cells[TIME].is_null(*row) {
                counts.no_time += 1;
                continue;
            }
            let time = cells[TIME].times().at[index(*row)];
            counts.times = both(counts.times, Some((time, time)));
            let has_listing = *listing != ABSENT && !cells[LISTING].is_null(*row);
            let has_user = *user != ABSENT && !cells[USER].is_null(*row);
            let in_time = has_listing && !is_prior(range.last_label, time)
                || has_user && is_prior(time, range.last);
            // A click counts under the first reason that applies, so that the counts add up to the
            // rows.
            let count = match () {
                () if !has_listing && !has_user => &mut counts.unknown_ids,
                () if in_time => &mut counts.in_range,
                () => &mut counts.late,
            };
            *count += 1;
        }
    }
}

impl ClickExclusions {
    /// Adds the counts of another thread.
    fn merge(&mut self, other: &ClickExclusions) {
        self.unknown_ids += other.unknown_ids;
        self.in_range += other.in_range;
        self.late += other.late;
        self.no_time += other.no_time;
        self.times = both(self.times, other.times);
    }
}
