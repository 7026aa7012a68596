//! Files of impressions of `features` to columns: which listing was shown to which user, and when.
//!
//! **In / Out**: a row group, or a share of a text file → rows of a [`ShownListings`], whose users and
//! listings are codes of the thread's own [`IdCodes`] until [`ShownRead::new`] ranks them.
//! **Null rule**: nothing here may be null. **Invariants**: rows of days that are not selected are
//! dropped; all others are kept, repeated ones too. Those of users of other shards are checked and counted,
//! and not kept.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FIRST_MARK, FeatureTypes};
use crate::calendar::Zone;
use crate::context::RunContext;
use crate::dictionary::{Ids, Order, RankedDictionary};
use crate::error::{Error, Result};
use crate::ids::{Day, Micros, both, count64, index};
use crate::job::{CustomerType, Shard, Source};
use crate::kernel::column::TextColumn;
use crate::kernel::passthrough::PassthroughValue;
use crate::scan::bad_rows::{BadRowPolicy, Rejected};
use crate::scan::some_files::add_seen;
use crate::scan::spec::{DaySpec, ReadSpec};
use crate::scan::table::{
    Batch, Cells, ColumnType, IdCodes, Presence, TableColumn, TableScan, TableState,
};
use crate::scan::time_kinds::TimeKinds;
use crate::scan::{Opened, Task};

/// The columns, as places in a batch.
const IMPRESSION: usize = 0;
/// Whom.
const USER: usize = 1;
/// Which listing.
const LISTING: usize = 2;
/// When.
const TIME: usize = 3;
/// The first of the kept columns.
const FIRST_KEPT: usize = 4;

/// Impressions, a row each.
#[derive(Debug)]
pub(crate) struct ShownListings {
    pub(crate) ids: Ids,
    /// To whom, as a code or a rank.
    pub(crate) users: Vec<u32>,
    /// Which listing, as a code or a rank.
    pub(crate) listings: Vec<u32>,
    pub(crate) times: Vec<Micros>,
    /// Of each kept column of impressions, a value per row.
    pub(crate) kept: Vec<Vec<PassthroughValue>>,
}

/// How impressions are read.
#[derive(Debug)]
pub(crate) struct ShownScan<'a> {
    /// The zone of days.
    zone: &'a Zone,
    /// Progress, memory and the wish to stop.
    context: &'a RunContext,
    /// The types of ids.
    types: FeatureTypes,
    /// Which days are read.
    days: DaySpec<'a>,
    /// Whose rows are kept, if not those of all users.
    shard: Option<Shard>,
    /// How many columns are kept.
    kept: usize,
    table: TableScan<'a>,
}

/// What one thread has read.
#[derive(Debug)]
pub(crate) struct ShownState {
    table: TableState,
    /// What it does with rows.
    rows: ShownRows,
}

/// What becomes of the rows of a batch.
#[derive(Debug)]
struct ShownRows {
    shown: ShownListings,
    users: IdCodes,
    listings: IdCodes,
    /// Rows of each day, and of them those that are kept.
    days: BTreeMap<Day, [u64; 2]>,
    /// The first and the last time of all.
    times: Option<(Micros, Micros)>,
    /// Scratch: the rows to keep.
    kept: Vec<u32>,
}

/// What is known of all impressions of the days asked for, those of other shards among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AllShown {
    /// How many there are.
    pub(crate) days: BTreeMap<Day, u64>,
    /// The first and the last time.
    pub(crate) times: Option<(Micros, Micros)>,
}

/// All impressions of the days asked for, or those of a shard, and whom and what they are about.
#[derive(Debug)]
pub(crate) struct ShownRead {
    /// The impressions; users and listings are ranks.
    pub(crate) shown: ShownListings,
    /// The users, in hash order.
    pub(crate) users: RankedDictionary,
    /// The listings, in hash order.
    pub(crate) listings: RankedDictionary,
    /// Rows of `shown` by day; 0 for a day of which other shards have all.
    pub(crate) days: BTreeMap<Day, u64>,
    pub(crate) all: AllShown,
    /// Rows set aside, in no order.
    pub(crate) rejected: Vec<Rejected>,
    /// Wall times and instants.
    pub(crate) kinds: TimeKinds,
}

impl ShownListings {
    /// No impressions, with ids of a type.
    fn empty(ids: CustomerType, kept: usize) -> ShownListings {
        ShownListings {
            ids: match ids {
                CustomerType::Int64 => Ids::Ints(Vec::new()),
                CustomerType::String => Ids::Texts(TextColumn::default()),
            },
            users: Vec::new(),
            listings: Vec::new(),
            times: Vec::new(),
            kept: vec![Vec::new(); kept],
        }
    }

    /// The number of impressions.
    pub(crate) fn count(&self) -> usize {
        self.times.len()
    }

    /// Adds the ids of some rows.
    fn add_ids(&mut self, cells: &Cells, rows: &[u32]) {
        match &mut self.ids {
            Ids::Ints(ids) => {
                let values = cells.ints();
                ids.extend(rows.iter().map(|row| values[index(*row)]));
            }
            Ids::Texts(ids) => {
                for row in rows {
                    let text = std::str::from_utf8(cells.texts().get(*row));
                    ids.push(text.expect("texts are checked where they are read"));
                }
            }
        }
    }

    /// Adds the impressions of another thread, whose codes have these ranks.
    fn append(&mut self, other: &ShownListings, users: &[u32], listings: &[u32]) {
        match (&mut self.ids, &other.ids) {
            (Ids::Ints(ids), Ids::Ints(more)) => ids.extend_from_slice(more),
            (Ids::Texts(ids), Ids::Texts(more)) => ids.append(more),
            _ => unreachable!("impressions of two types in one job"),
        }
        self.users
            .extend(other.users.iter().map(|code| users[index(*code)]));
        self.listings
            .extend(other.listings.iter().map(|code| listings[index(*code)]));
        self.times.extend_from_slice(&other.times);
        for (column, more) in self.kept.iter_mut().zip(&other.kept) {
            column.extend_from_slice(more);
        }
    }

    /// Compares two rows by their kept values.
    pub(crate) fn compare_kept(&self, a: u32, b: u32) -> Ordering {
        let columns = self.kept.iter();
        let orders = columns.map(|column| column[index(a)].cmp(&column[index(b)]));
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

impl<'a> ShownScan<'a> {
    /// A scan of impressions, of which those of a shard are kept, if it is one.
    pub(crate) fn new(
        (spec, days, shard): (&ReadSpec<'a>, DaySpec<'a>, Option<Shard>),
        policy: &'a BadRowPolicy<'a>,
        context: &'a RunContext,
        types: FeatureTypes,
    ) -> ShownScan<'a> {
        let column = |name, kind| TableColumn {
            name: spec.column(Source::Impressions, name),
            kind,
            presence: Presence::Required,
        };
        let mut columns = vec![
            column("impression_id", ColumnType::of_ids(types.impression)),
            column("user_id", ColumnType::of_ids(types.user)),
            column("listing_id", ColumnType::of_ids(types.listing)),
            column("impression_ts", ColumnType::Time),
        ];
        columns.extend(spec.kept_of(Source::Impressions).map(TableColumn::kept));
        ShownScan {
            kept: columns.len() - FIRST_KEPT,
            zone: spec.zone,
            context,
            types,
            days,
            shard,
            table: TableScan::new(spec, policy, context, columns),
        }
    }

    /// The state of a thread that has read nothing.
    pub(crate) fn state(&self) -> ShownState {
        ShownState {
            table: TableState::default(),
            rows: ShownRows {
                shown: ShownListings::empty(self.types.impression, self.kept),
                users: IdCodes::new(self.types.user),
                listings: IdCodes::new(self.types.listing),
                days: BTreeMap::new(),
                times: None,
                kept: Vec::new(),
            },
        }
    }

    /// Reads one row group, or a share of a text file.
    ///
    /// # Errors
    /// As the policy for bad rows says, if the file cannot be read, or if the memory of
    /// the job is used up.
    pub(crate) fn read(&self, task: &Task, state: &mut ShownState) -> Result<()> {
        let ShownState { table, rows } = state;
        self.table
            .read(task, table, &mut |batch| self.keep(batch, rows))
    }

    /// Checks that each kept column is in some of the files that all threads have read.
    ///
    /// # Errors
    /// If not.
    pub(crate) fn check_columns(&self, opened: &[Opened], states: &[ShownState]) -> Result<()> {
        let mut seen = Vec::new();
        for state in states {
            seen.resize(seen.len().max(state.table.seen.len()), None);
            add_seen(&mut seen, &state.table.seen);
        }
        self.table.check_seen(opened, &seen)
    }

    /// Keeps the rows of a batch that are of days asked for, and of the shard.
    fn keep(&self, batch: &Batch<'_>, state: &mut ShownRows) -> Result<()> {
        let times = &batch.cells[TIME].times().at;
        let users = &batch.cells[USER];
        state.kept.clear();
        for row in batch.rows {
            let time = times[index(*row)];
            let day = self.zone.day_of(time);
            if !self.days.wants(day) {
                continue;
            }
            state.times = both(state.times, Some((time, time)));
            let [all, own] = state.days.entry(day).or_default();
            *all += 1;
            if self
                .shard
                .is_none_or(|shard| shard.has(users.hash_of_id(*row)))
            {
                *own += 1;
                state.kept.push(*row);
            }
        }
        let ShownRows {
            shown,
            users,
            listings,
            kept,
            ..
        } = state;
        shown.add_ids(&batch.cells[IMPRESSION], kept);
        shown
            .times
            .extend(kept.iter().map(|row| times[index(*row)]));
        users.intern(&batch.cells[USER], kept);
        shown.users.extend_from_slice(&users.codes);
        listings.intern(&batch.cells[LISTING], kept);
        shown.listings.extend_from_slice(&listings.codes);
        let mut kept_bytes = 0;
        for (column, cells) in shown.kept.iter_mut().zip(&batch.cells[FIRST_KEPT..]) {
            let values = cells.kept();
            kept_bytes += kept
                .iter()
                .map(|row| values[index(*row)].bytes())
                .sum::<u64>();
            column.extend(kept.iter().map(|row| values[index(*row)].clone()));
        }
        self.context.reserve_memory(kept_bytes * 2)?;
        users.ids.reserve_memory(self.context)?;
        listings.ids.reserve_memory(self.context)?;
        // Once as read, and once more when all threads' rows are put together.
        let row_bytes = size_of::<(u64, u32, u32, Micros)>() * 2;
        self.context.reserve_memory(count64(kept.len() * row_bytes))
    }
}

impl ShownRead {
    /// Puts together what all threads have read.
    ///
    /// # Errors
    /// If there are too many ids, or the memory of the job is used up.
    pub(crate) fn new(
        states: Vec<ShownState>,
        types: FeatureTypes,
        context: &RunContext,
    ) -> Result<ShownRead> {
        let (mut users, mut listings, mut lists) = (Vec::new(), Vec::new(), Vec::new());
        let (mut days, mut rejected) = (BTreeMap::new(), Vec::new());
        let (mut kinds, mut all) = (TimeKinds::default(), AllShown::default());
        for ShownState { table, rows } in states {
            users.push(rows.users.ids);
            listings.push(rows.listings.ids);
            lists.push(rows.shown);
            for (day, [of_all, own]) in rows.days {
                *all.days.entry(day).or_default() += of_all;
                *days.entry(day).or_default() += own;
            }
            all.times = both(all.times, rows.times);
            kinds.merge(&table.kinds);
            rejected.extend(table.rejected);
        }
        // A partition is a range of ranks, so in hash order neighbouring ids do not fill one.
        let (users, of_users) = RankedDictionary::merge(users, Order::Hash, context)?;
        if users.count() > FIRST_MARK {
            let count = users.count();
            let what = format!("{count} users of impressions; there is room for {FIRST_MARK}");
            return Err(Error::settings(what));
        }
        let (listings, of_listings) = RankedDictionary::merge(listings, Order::Hash, context)?;
        let kept_count = lists
            .first()
            .map_or(0, |list: &ShownListings| list.kept.len());
        let mut shown = ShownListings::empty(types.impression, kept_count);
        let count = lists.iter().map(ShownListings::count).sum();
        // Exactly: a vector that doubles may take more than was reserved for it.
        shown.users.reserve_exact(count);
        shown.listings.reserve_exact(count);
        shown.times.reserve_exact(count);
        for column in &mut shown.kept {
            column.reserve_exact(count);
        }
        for ((list, users), listings) in lists.into_iter().zip(&of_users).zip(&of_listings) {
            shown.append(&list, users, listings);
        }
        // The lists of the threads are gone.
        let row_bytes = size_of::<(u64, u32, u32, Micros)>();
        let kept = shown.kept.iter().flatten().map(PassthroughValue::bytes);
        context.free_memory(count64(count * row_bytes) + kept.sum::<u64>());
        Ok(ShownRead {
            shown,
            users,
            listings,
            days,
            all,
            rejected,
            kinds,
        })
    }
}
