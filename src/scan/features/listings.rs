//! Files of listings to the attributes of those that were shown.
//!
//! **In / Out**: all files, in order → a row per rank of [`Listings`], or with a column that says from when
//! a row holds, several, of which [`Listings::get`] finds the newest that is prior to a cutoff.
//! **Invariants**: a listing has one row in all files, or one of each time; another one is a fault of that
//! row. That needs one thread, which reads files and row groups in order: there are far fewer listings
//! than clicks. **Null rule**: everything but the id and the time from when a row holds may be null; a
//! listing that no file has is all null.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{FeatureTypes, ranks};
use crate::advice::Hint;
use crate::calendar::Zone;
use crate::context::RunContext;
use crate::dictionary::keys::Keys;
use crate::dictionary::{Id, Order, RankedDictionary};
use crate::error::Result;
use crate::ids::{Day, Micros, count32, count64, index};
use crate::job::{CustomerType, Source};
use crate::kernel::op::features::ABSENT;
use crate::kernel::passthrough::PassthroughValue;
use crate::kernel::sweep::is_prior;
use crate::scan::bad_rows::{BadRowPolicy, Rejected};
use crate::scan::mismatch::Mismatch;
use crate::scan::spec::ReadSpec;
use crate::scan::table::{
    Batch, ColumnType, IdCodes, Memo, Presence, TableColumn, TableScan, TableState,
};
use crate::scan::time_kinds::TimeKinds;
use crate::scan::{Opened, Task};

/// The columns, as places in a batch.
const LISTING: usize = 0;
/// What it is.
const CATEGORY: usize = 1;
/// What it costs.
const PRICE: usize = 2;
/// Since when it is there.
const CREATED: usize = 3;
/// From when the row holds, if a listing has several.
const AS_OF: usize = 4;
/// The first of the kept columns, behind that one if there is one.
const FIRST_KEPT: usize = 4;

/// What is known of the listings that were shown.
#[derive(Debug)]
pub(crate) struct Listings {
    /// The rows of listings that were shown, in the order of files and records.
    rows: Vec<Listing>,
    /// Of each kept column of listings, a value per row.
    kept: Vec<Vec<PassthroughValue>>,
    /// Which of them are of which listing.
    places: RowPlaces,
    categories: RankedDictionary,
    /// Rows of all files.
    pub(crate) rows_read: u64,
    /// Rows set aside, in no order.
    pub(crate) rejected: Vec<Rejected>,
    /// Wall times and instants.
    pub(crate) kinds: TimeKinds,
}

/// The rows of each listing, by rank.
#[derive(Debug)]
enum RowPlaces {
    /// The one row of each; [`ABSENT`] of a listing that no file has.
    One(Vec<u32>),
    /// Several, in the order of their times.
    AsOf {
        /// Where those of each rank start; one more than there are ranks.
        starts: Vec<u32>,
        /// From when each holds.
        times: Vec<Micros>,
        /// The rows.
        rows: Vec<u32>,
    },
}

/// What is known of a listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing {
    /// What it is, as a code.
    pub(crate) category: Option<u32>,
    pub(crate) price: Option<f64>,
    /// The day on which it was made.
    pub(crate) created: Option<Day>,
}

/// How listings are read, and what was read so far.
struct ListingScan<'a> {
    /// The zone of days.
    zone: &'a Zone,
    /// Those that were shown.
    keys: &'a Keys,
    /// The column that says from when a row holds.
    as_of: Option<&'a str>,
    /// What is known of them.
    rows: Vec<Listing>,
    /// Of each kept column, a value per row.
    kept: Vec<Vec<PassthroughValue>>,
    /// The listing of each row, by rank, and from when the row holds.
    owners: Vec<(u32, Micros)>,
    /// With such a column: where the row of each listing, by code, and time is.
    seen: BTreeMap<(u32, Micros), RowPlace>,
    /// The file that is being read, and its records before this batch.
    at: RowPlace,
    /// All ids so far, and how many they are: a listing has one row.
    ids: IdCodes,
    ids_count: u32,
    /// All categories so far.
    categories: IdCodes,
    /// What is known of the dictionary of ids, as keys.
    memo: Memo,
    /// Scratch: the ranks of some rows.
    ranks: Vec<u32>,
}

/// A row of a file.
#[derive(Clone, Debug)]
struct RowPlace {
    /// The file, as messages show it.
    file: Arc<str>,
    row: u64,
}

/// The columns to read, in the order of their places.
fn columns_of<'a>(spec: &ReadSpec<'a>, types: FeatureTypes) -> Vec<TableColumn<'a>> {
    let column = |name, kind, presence| TableColumn {
        name: spec.column(Source::Listings, name),
        kind,
        presence,
    };
    let ids = ColumnType::of_ids(types.listing);
    let mut columns = vec![
        column("listing_id", ids, Presence::Required),
        column("category", ColumnType::Text, Presence::Nullable),
        column("price", ColumnType::Float, Presence::Nullable),
        column("created_ts", ColumnType::Time, Presence::Nullable),
    ];
    columns.extend(spec.listings_as_of.map(|name| TableColumn {
        name,
        kind: ColumnType::Known,
        presence: Presence::Required,
    }));
    columns.extend(spec.kept_of(Source::Listings).map(TableColumn::kept));
    columns
}

/// Bytes of a row, with its places.
const ROW_BYTES: u64 = 32 + 24;
/// Bytes of an entry of [`ListingScan::seen`], with its share of a node of the tree.
const SEEN_BYTES: u64 = 64;

impl Listings {
    /// Reads all files, in order, on one thread.
    ///
    /// # Errors
    /// As the policy for bad rows says, if a file cannot be read, or if the memory of the
    /// job is used up.
    pub(crate) fn read(
        (spec, policy, context): (&ReadSpec<'_>, &BadRowPolicy<'_>, &RunContext),
        types: FeatureTypes,
        keys: &Keys,
        (opened, tasks): (&[Opened], &[Task]),
    ) -> Result<Listings> {
        let table = TableScan::new(spec, policy, context, columns_of(spec, types));
        let mut state = TableState::default();
        if spec.listings_as_of.is_none() {
            context.reserve_memory(u64::from(keys.count()) * ROW_BYTES)?;
        }
        let mut scan = ListingScan::new(spec, types, keys);
        for task in tasks {
            scan.enter(&task.opened.file().shown);
            table.read(task, &mut state, &mut |batch| {
                let before = (scan.rows.len(), scan.seen.len());
                let kept_bytes = scan.keep(batch);
                context.reserve_memory(kept_bytes)?;
                if scan.as_of.is_some() {
                    // Vectors that double may take twice what their rows need.
                    let rows = count64(scan.rows.len() - before.0) * ROW_BYTES * 2;
                    let seen = count64(scan.seen.len() - before.1) * SEEN_BYTES;
                    context.reserve_memory(rows + seen)?;
                }
                scan.ids.ids.reserve_memory(context)?;
                scan.categories.ids.reserve_memory(context)?;
                Ok(())
            })?;
        }
        table.check_seen(opened, &state.seen)?;
        let (categories, ranks) =
            RankedDictionary::merge(vec![scan.categories.ids], Order::Id, context)?;
        for row in &mut scan.rows {
            row.category = row.category.map(|code| ranks[0][index(code)]);
        }
        scan.ids.ids.free_memory(context);
        context.free_memory(count64(scan.seen.len()) * SEEN_BYTES);
        let places = match scan.as_of {
            None => RowPlaces::one(keys.count(), &scan.owners),
            Some(_) => RowPlaces::as_of(keys.count(), &scan.owners),
        };
        Ok(Listings {
            rows: scan.rows,
            kept: scan.kept,
            places,
            categories,
            rows_read: state.rows_read,
            rejected: state.rejected,
            kinds: state.kinds,
        })
    }

    /// What was known of a listing at a cutoff, if anything: its one row, or of several the newest that is
    /// prior.
    pub(crate) fn get(&self, rank: u32, cutoff: Micros) -> Option<Listing> {
        let row = self.places.row(rank, cutoff)?;
        Some(self.rows[index(row)])
    }

    /// What a kept column had of a listing at a cutoff: null if nothing was known of it.
    pub(crate) fn kept(&self, column: usize, rank: u32, cutoff: Micros) -> &PassthroughValue {
        let row = self.places.row(rank, cutoff);
        row.map_or(&PassthroughValue::Null, |row| {
            &self.kept[column][index(row)]
        })
    }

    /// The categories, by code.
    pub(crate) fn categories(&self) -> impl Iterator<Item = &str> {
        let codes = 0..self.categories.count();
        codes.map(|code| match self.categories.get(code) {
            Id::Text(name) => name,
            Id::Int(_) => unreachable!("categories are texts"),
        })
    }
}

impl RowPlaces {
    /// The one row of each listing.
    fn one(ranks_count: u32, owners: &[(u32, Micros)]) -> RowPlaces {
        let mut places = vec![ABSENT; index(ranks_count)];
        for (row, (rank, _)) in (0..).zip(owners) {
            places[index(*rank)] = row;
        }
        RowPlaces::One(places)
    }

    /// The rows of each listing, ordered by time; no two have the same.
    fn as_of(ranks_count: u32, owners: &[(u32, Micros)]) -> RowPlaces {
        let mut rows: Vec<u32> = (0..count32(owners.len())).collect();
        rows.sort_unstable_by_key(|row| owners[index(*row)]);
        let owner = |row: &u32| owners[index(*row)];
        let mut starts = Vec::with_capacity(index(ranks_count) + 1);
        for rank in 0..=ranks_count {
            starts.push(count32(rows.partition_point(|row| owner(row).0 < rank)));
        }
        RowPlaces::AsOf {
            starts,
            times: rows.iter().map(|row| owner(row).1).collect(),
            rows,
        }
    }

    /// The row of a listing that holds at a cutoff.
    fn row(&self, rank: u32, cutoff: Micros) -> Option<u32> {
        match self {
            RowPlaces::One(places) => Some(places[index(rank)]).filter(|row| *row != ABSENT),
            RowPlaces::AsOf {
                starts,
                times,
                rows,
            } => {
                let run = index(starts[index(rank)])..index(starts[index(rank) + 1]);
                let prior = times[run.clone()].partition_point(|time| is_prior(*time, cutoff));
                rows[run][..prior].last().copied()
            }
        }
    }
}

impl<'a> ListingScan<'a> {
    /// Nothing is read yet.
    fn new(spec: &ReadSpec<'a>, types: FeatureTypes, keys: &'a Keys) -> ListingScan<'a> {
        ListingScan {
            zone: spec.zone,
            keys,
            as_of: spec.listings_as_of,
            rows: Vec::new(),
            kept: vec![Vec::new(); spec.kept_of(Source::Listings).count()],
            owners: Vec::new(),
            seen: BTreeMap::new(),
            at: RowPlace {
                file: "".into(),
                row: 0,
            },
            ids: IdCodes::new(types.listing),
            ids_count: 0,
            categories: IdCodes::new(CustomerType::String),
            memo: Memo::default(),
            ranks: Vec::new(),
        }
    }

    /// Goes on with a task of a file, which may be the one that is being read.
    fn enter(&mut self, file: &str) {
        if *self.at.file != *file {
            self.at = RowPlace {
                file: file.into(),
                row: 0,
            };
        }
    }

    /// Whether a listing, by code, had such a row before. If not, the row is taken note of; if so, gives the
    /// mismatch.
    fn repeats(&mut self, code: u32, row: u32, holds_from: Option<Micros>) -> Option<Mismatch> {
        let Some((name, time)) = self.as_of.zip(holds_from) else {
            // Codes are given in order, so a new id has the next one.
            let is_new = code >= self.ids_count;
            self.ids_count += u32::from(is_new);
            let found = "another row of the same listing".to_owned();
            let mismatch = || Mismatch::new("one row per listing", found);
            return (!is_new).then(|| mismatch().advised(Hint::OneRowPerListing));
        };
        let place = RowPlace {
            file: Arc::clone(&self.at.file),
            row: self.at.row + u64::from(row) + 1,
        };
        if let Some(RowPlace { file, row }) = self.seen.get(&(code, time)) {
            let expected = format!("one row per listing and \"{name}\"");
            let found = format!("the listing and the time of row {row} of \"{file}\"");
            return Some(Mismatch::new(expected, found));
        }
        self.seen.insert((code, time), place);
        None
    }

    /// Keeps the rows of a batch that were shown; rejects those of a listing that had one before. Gives the
    /// bytes of memory of kept columns.
    fn keep(&mut self, batch: &mut Batch<'_>) -> u64 {
        let (cells, rows) = (batch.cells, batch.rows);
        // Also of listings that were not shown: rejected rows then depend on the listings alone.
        self.ids.intern(&cells[LISTING], rows);
        let keys = (self.keys, &mut self.memo);
        ranks(&cells[LISTING], rows, keys, &mut self.ranks);
        let has_times = self.as_of.is_some();
        let holds_from = |row: u32| has_times.then(|| cells[AS_OF].times().at[index(row)]);
        let mut kept = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let (code, rank) = (self.ids.codes[place], self.ranks[place]);
            if let Some(mismatch) = self.repeats(code, *row, holds_from(*row)) {
                batch.reject(*row, LISTING, mismatch);
            } else if rank != ABSENT {
                kept.push((*row, rank));
            }
        }
        let with_category = kept.iter().map(|(row, _)| *row);
        let with_category = with_category.filter(|row| !cells[CATEGORY].is_null(*row));
        let with_category: Vec<u32> = with_category.collect();
        self.categories.intern(&cells[CATEGORY], &with_category);
        let mut categories = self.categories.codes.iter();
        let times = &cells[CREATED].times().at;
        let mut kept_bytes = 0;
        for (row, rank) in kept {
            let there = |column: usize| !cells[column].is_null(row);
            self.owners
                .push((rank, holds_from(row).unwrap_or(Micros::MIN)));
            self.rows.push(Listing {
                category: there(CATEGORY).then(|| *categories.next().expect("a code for each")),
                price: there(PRICE).then(|| cells[PRICE].floats()[index(row)]),
                created: there(CREATED).then(|| self.zone.day_of(times[index(row)])),
            });
            let first = FIRST_KEPT + usize::from(has_times);
            for (column, cells) in self.kept.iter_mut().zip(&cells[first..]) {
                let value = &cells.kept()[index(row)];
                kept_bytes += value.bytes();
                column.push(value.clone());
            }
        }
        self.at.row += count64(batch.rows_count);
        kept_bytes
    }
}
