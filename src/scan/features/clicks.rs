//! Files of clicks of `features` to partitions: by listing, and by user.
//!
//! **In / Out**: a row group, or a share of a text file → [`Click`]s and [`UserClick`]s in the
//! thread's two [`PartitionWriter`]s; where repeats are left out, [`WholeClick`]s in their place.
//! **Invariants**: a click is kept for its listing if some impression has that listing, and for its
//! user likewise; a click too late for any feature or label is kept for neither. All are counted, and
//! the time of the latest is found.
//! **Null rule**: a click without a user counts for its listing, and for no user.

use super::{FeatureTypes, id_bits, ranks, ranks_or_marks};
use crate::context::RunContext;
use crate::dictionary::keys::Keys;
use crate::error::Result;
use crate::ids::{Key, Micros, index};
use crate::job::{Dedup, LabelKey, Source};
use crate::kernel::chunk::{FixedRow, RowChunk};
use crate::kernel::op::dedup::WholeClick;
use crate::kernel::op::features::{ABSENT, Click, UserClick};
use crate::kernel::partition::{PartitionWriter, Split};
use crate::kernel::sweep::is_prior;
use crate::scan::Task;
use crate::scan::bad_rows::{BadRowPolicy, Rejected};
use crate::scan::spec::{ClickSpec, ReadSpec};
use crate::scan::table::{
    Batch, Cells, ColumnType, Memo, Presence, TableColumn, TableScan, TableState,
};
use crate::scan::time_kinds::TimeKinds;
use crate::store::spill::Spill;

/// The columns, as places in a batch.
const LISTING: usize = 0;
/// By whom.
const USER: usize = 1;
/// When.
const TIME: usize = 2;

/// Whose clicks are asked for, and until when.
#[derive(Debug)]
pub(crate) struct WantedClicks {
    pub(crate) listings: Keys,
    pub(crate) users: Keys,
    /// How listings are distributed to partitions.
    pub(crate) of_listings: Split,
    pub(crate) of_users: Split,
    pub(crate) last_asked: Micros,
    /// The last moment at which a click may make a label.
    pub(crate) last_label: Micros,
}

/// How clicks are read.
#[derive(Debug)]
pub(crate) struct ClickScan<'a> {
    /// Progress, memory and the wish to stop.
    context: &'a RunContext,
    /// Whether repeats are left out.
    once: bool,
    pub(crate) wanted: &'a WantedClicks,
    table: TableScan<'a>,
}

/// Clicks of one kind that one thread has read.
#[derive(Debug)]
pub(crate) struct ClickStream<R: FixedRow> {
    pub(crate) scatter: PartitionWriter<RowChunk<R>>,
    /// Those that it has no room for.
    pub(crate) spill: Spill,
}

/// What one thread has read.
#[derive(Debug)]
pub(crate) struct ClickState {
    pub(crate) table: TableState,
    /// What it does with rows.
    pub(crate) rows: ClickRows,
}

/// Clicks by listing, and by user.
#[derive(Debug)]
pub(crate) struct Streams<L: FixedRow, U: FixedRow> {
    pub(crate) by_listing: ClickStream<L>,
    pub(crate) by_user: ClickStream<U>,
}

/// The same, as rows that are needed.
#[derive(Debug)]
pub(crate) enum Clicks {
    /// Every click counts.
    All(Streams<Click, UserClick>),
    /// Of those alike in user, listing and time, one.
    Once(Streams<WholeClick<false>, WholeClick<true>>),
}

/// What becomes of the rows of a batch.
#[derive(Debug)]
pub(crate) struct ClickRows {
    /// Clicks by listing, and by user.
    pub(crate) clicks: Clicks,
    /// The latest click, whether it is asked for or not.
    pub(crate) latest: Option<Micros>,
    /// Clicks without a user.
    pub(crate) without_user: u64,
    /// What is known of the dictionaries of listings and users.
    memos: [Memo; 2],
    /// Scratch: the rank of each row's listing.
    listings: Vec<u32>,
    /// Scratch: the rank of each row's user.
    users: Vec<u32>,
}

impl<R: FixedRow> ClickStream<R> {
    /// No clicks, distributed to partitions like this.
    fn new(split: Split, spill: Spill) -> ClickStream<R> {
        ClickStream {
            scatter: PartitionWriter::new(split),
            spill,
        }
    }

    /// Adds a click of a key.
    #[inline]
    fn push(&mut self, key: u32, row: R, context: &RunContext) -> Result<()> {
        let partition = self.scatter.partition_of(Key(key));
        self.spill
            .make_room(&mut self.scatter, partition, context)?;
        self.scatter.open(partition).push(row);
        Ok(())
    }
}

impl<L: FixedRow, U: FixedRow> Streams<L, U> {
    /// No clicks, distributed as is wanted.
    fn new(wanted: &WantedClicks, by_listing: Spill, by_user: Spill) -> Streams<L, U> {
        Streams {
            by_listing: ClickStream::new(wanted.of_listings, by_listing),
            by_user: ClickStream::new(wanted.of_users, by_user),
        }
    }

    /// How many rows of each are in memory.
    fn rows_count(&self) -> [u64; 2] {
        let (listing, user) = (&self.by_listing.scatter, &self.by_user.scatter);
        [listing.rows_count(), user.rows_count()]
    }
}

impl Clicks {
    /// How many rows by listing and by user are in memory.
    pub(crate) fn rows_count(&self) -> [u64; 2] {
        match self {
            Clicks::All(streams) => streams.rows_count(),
            Clicks::Once(streams) => streams.rows_count(),
        }
    }
}

impl<'a> ClickScan<'a> {
    /// A scan of clicks.
    pub(crate) fn new(
        (spec, clicks): (&ReadSpec<'a>, ClickSpec),
        policy: &'a BadRowPolicy<'a>,
        context: &'a RunContext,
        types: FeatureTypes,
        wanted: &'a WantedClicks,
    ) -> ClickScan<'a> {
        let column = |name, kind, presence| TableColumn {
            name: spec.column(Source::Clicks, name),
            kind,
            presence,
        };
        // Labels by listing need no users, so files may lack them.
        let of_user = match clicks.label_key {
            LabelKey::UserListing => Presence::Nullable,
            LabelKey::Listing => Presence::Optional,
        };
        let columns = vec![
            column(
                "listing_id",
                ColumnType::of_ids(types.listing),
                Presence::Required,
            ),
            column("user_id", ColumnType::of_ids(types.user), of_user),
            column("click_ts", ColumnType::Time, Presence::Required),
        ];
        ClickScan {
            context,
            once: clicks.dedup == Dedup::Exact,
            wanted,
            table: TableScan::new(spec, policy, context, columns),
        }
    }

    /// The state of a thread that has read nothing, and may hold what `spill` says.
    pub(crate) fn state(&self, mut spill: Spill) -> ClickState {
        // Each of the two has half.
        spill.halve();
        let other = spill.next();
        ClickState {
            table: TableState::default(),
            rows: ClickRows {
                clicks: if self.once {
                    Clicks::Once(Streams::new(self.wanted, spill, other))
                } else {
                    Clicks::All(Streams::new(self.wanted, spill, other))
                },
                latest: None,
                without_user: 0,
                memos: [Memo::default(), Memo::default()],
                listings: Vec::new(),
                users: Vec::new(),
            },
        }
    }

    /// Reads one row group, or a share of a text file.
    ///
    /// # Errors
    /// As the policy for bad rows says, if the file cannot be read, or if the memory of
    /// the job is used up.
    pub(crate) fn read(&self, task: &Task, state: &mut ClickState) -> Result<()> {
        let ClickState { table, rows } = state;
        self.table
            .read(task, table, &mut |batch| self.keep(batch, rows))
    }

    /// Keeps the rows of a batch that somebody asks for.
    fn keep(&self, batch: &Batch<'_>, state: &mut ClickRows) -> Result<()> {
        let WantedClicks {
            listings, users, ..
        } = self.wanted;
        let (cells, rows) = (batch.cells, batch.rows);
        let [of_listings, of_users] = &mut state.memos;
        ranks(
            &cells[LISTING],
            rows,
            (listings, of_listings),
            &mut state.listings,
        );
        // Repeats are counted among users without impressions as well, so these must be told apart.
        ranks_or_marks(&cells[USER], rows, (users, of_users), &mut state.users);
        let found = match &mut state.clicks {
            Clicks::All(streams) => {
                let by_user = |click: Click, _| UserClick::new(click.user, click.time);
                let by_listing = |click: Click, _| click;
                let (listings, users) = (&state.listings, &state.users);
                self.distribute(batch, listings, users, streams, by_listing, by_user)
            }
            // Ids take half as much memory again, so only jobs that leave out repeats keep them.
            Clicks::Once(streams) => {
                let by_listing = |click, row| whole(cells, click, row);
                let by_user = |click, row| whole(cells, click, row);
                let (listings, users) = (&state.listings, &state.users);
                self.distribute(batch, listings, users, streams, by_listing, by_user)
            }
        };
        let (latest, without_user) = found?;
        state.latest = state.latest.max(latest);
        state.without_user += without_user;
        Ok(())
    }

    /// Distributes the rows of a batch, given the ranks of their listings and users, to partitions, as rows
    /// that are made of each click and its row; gives the latest of them, and how many have no user.
    #[inline]
    fn distribute<L: FixedRow, U: FixedRow>(
        &self,
        batch: &Batch<'_>,
        listings: &[u32],
        users: &[u32],
        streams: &mut Streams<L, U>,
        by_listing: impl Fn(Click, u32) -> L,
        by_user: impl Fn(Click, u32) -> U,
    ) -> Result<(Option<Micros>, u64)> {
        let (cells, rows) = (batch.cells, batch.rows);
        let times = &cells[TIME].times().at;
        let users_count = self.wanted.users.count();
        let (mut latest, mut without_user) = (Micros::MIN, 0);
        for (row, (listing, user)) in rows.iter().zip(listings.iter().zip(users)) {
            let (listing, mut user, time) = (*listing, *user, times[index(*row)]);
            if cells[USER].is_null(*row) {
                without_user += 1;
                // The rank of a null may be any.
                user = ABSENT;
            }
            // Also of clicks that nobody asks for: it tells how far the log reaches.
            latest = latest.max(time);
            let click = Click {
                time,
                user,
                listing,
            };
            // A window of labels includes its end, so a click at that moment still makes one.
            if listing != ABSENT && !is_prior(self.wanted.last_label, time) {
                let row = by_listing(click, *row);
                streams.by_listing.push(listing, row, self.context)?;
            }
            // Marks and `ABSENT` lie above all ranks.
            if user < users_count && is_prior(time, self.wanted.last_asked) {
                let row = by_user(click, *row);
                streams.by_user.push(user, row, self.context)?;
            }
        }
        Ok((Some(latest).filter(|_| !rows.is_empty()), without_user))
    }
}

/// A click with the ids of its row.
fn whole<const OF_USER: bool>(cells: &[Cells], click: Click, row: u32) -> WholeClick<OF_USER> {
    // `click.user` is `ABSENT` then, so that this is not the id 0.
    let user = if cells[USER].is_null(row) {
        0
    } else {
        id_bits(&cells[USER], row)
    };
    let ids = [user, id_bits(&cells[LISTING], row)];
    WholeClick { click, ids }
}

/// What all threads have found, put together.
#[derive(Debug, Default)]
pub(crate) struct ClickTally {
    /// Clicks in the files.
    pub(crate) clicks: u64,
    pub(crate) without_user: u64,
    pub(crate) latest: Option<Micros>,
    /// Rows set aside, in no order.
    pub(crate) rejected: Vec<Rejected>,
    /// Wall times and instants.
    pub(crate) kinds: TimeKinds,
}

impl ClickTally {
    /// Adds what a thread has found, and gives its clicks.
    pub(crate) fn add(&mut self, state: ClickState) -> Clicks {
        let ClickState { table, rows } = state;
        self.clicks += table.rows_read;
        self.without_user += rows.without_user;
        self.latest = self.latest.max(rows.latest);
        self.kinds.merge(&table.kinds);
        self.rejected.extend(table.rejected);
        rows.clicks
    }
}
