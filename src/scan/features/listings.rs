//! Files of listings to the attributes of those that were shown.
//!
//! **In / Out**: all files, in order → a row per rank of [`Listings`].
//! **Invariants**: a listing has one row in all files; another one is a fault of that row. That
//! needs one thread, which reads files and row groups in order: there are far fewer listings than
//! clicks. **Null rule**: everything but the id may be null; a listing that no file has is all null.

use super::{FeatureTypes, ranks};
use crate::advice::Hint;
use crate::calendar::Zone;
use crate::context::RunContext;
use crate::dictionary::keys::Keys;
use crate::dictionary::{Id, Order, RankedDictionary};
use crate::error::Result;
use crate::ids::{Day, count64, index};
use crate::job::{CustomerType, Source};
use crate::kernel::op::features::ABSENT;
use crate::scan::Task;
use crate::scan::bad_rows::{BadRowPolicy, Rejected};
use crate::scan::mismatch::Mismatch;
use crate::scan::spec::ReadSpec;
use crate::scan::table::{
    Batch, ColumnType, IdCodes, Memo, Presence, TableColumn, TableScan, TableState,
};
use crate::scan::time_kinds::TimeKinds;

/// The columns, as places in a batch.
const LISTING: usize = 0;
/// What it is.
const CATEGORY: usize = 1;
/// What it costs.
const PRICE: usize = 2;
/// Since when it is there.
const CREATED: usize = 3;

/// What is known of the listings that were shown.
#[derive(Debug)]
pub(crate) struct Listings {
    /// By rank; nothing of those that no file has.
    rows: Vec<Option<Listing>>,
    categories: RankedDictionary,
    /// Rows of all files.
    pub(crate) rows_read: u64,
    /// Rows set aside, in no order.
    pub(crate) rejected: Vec<Rejected>,
    /// Wall times and instants.
    pub(crate) kinds: TimeKinds,
}

/// What is known of a listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listing {
    category: Option<u32>,
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
    /// What is known of them.
    rows: Vec<Option<Listing>>,
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
        tasks: &[Task],
    ) -> Result<Listings> {
        let column = |name, kind, presence| TableColumn {
            name: spec.column(Source::Listings, name),
            kind,
            presence,
        };
        let columns = vec![
            column(
                "listing_id",
                ColumnType::of_ids(types.listing),
                Presence::Required,
            ),
            column("category", ColumnType::Text, Presence::Nullable),
            column("price", ColumnType::Float, Presence::Nullable),
            column("created_ts", ColumnType::Time, Presence::Nullable),
        ];
        let table = TableScan::new(spec, policy, context, columns);
        let mut state = TableState::default();
        context.reserve_memory(u64::from(keys.count()) * count64(size_of::<Option<Listing>>()))?;
        let mut scan = ListingScan {
            zone: spec.zone,
            keys,
            rows: vec![None; index(keys.count())],
            ids: IdCodes::new(types.listing),
            ids_count: 0,
            categories: IdCodes::new(CustomerType::String),
            memo: Memo::default(),
            ranks: Vec::new(),
        };
        for task in tasks {
            table.read(task, &mut state, &mut |batch| {
                scan.keep(batch);
                scan.ids.ids.reserve_memory(context)?;
                scan.categories.ids.reserve_memory(context)?;
                Ok(())
            })?;
        }
        let (categories, ranks) =
            RankedDictionary::merge(vec![scan.categories.ids], Order::Id, context)?;
        for row in scan.rows.iter_mut().flatten() {
            row.category = row.category.map(|code| ranks[0][index(code)]);
        }
        scan.ids.ids.free_memory(context);
        Ok(Listings {
            rows: scan.rows,
            categories,
            rows_read: state.rows_read,
            rejected: state.rejected,
            kinds: state.kinds,
        })
    }

    /// What is known of a listing, if anything.
    pub(crate) fn get(&self, rank: u32) -> Option<Listing> {
        self.rows[index(rank)]
    }

    /// What a listing is.
    pub(crate) fn category(&self, listing: Listing) -> Option<&str> {
        match self.categories.get(listing.category?) {
            Id::Text(name) => Some(name),
            Id::Int(_) => unreachable!("categories are texts"),
        }
    }
}

impl ListingScan<'_> {
    /// Keeps the rows of a batch that were shown; rejects those of a listing that had one before.
    fn keep(&mut self, batch: &mut Batch<'_>) {
        let (cells, rows) = (batch.cells, batch.rows);
        // Also of listings that were not shown: rejected rows then depend on the listings alone.
        self.ids.intern(&cells[LISTING], rows);
        let keys = (self.keys, &mut self.memo);
        ranks(&cells[LISTING], rows, keys, &mut self.ranks);
        let mut kept = Vec::new();
        for ((row, code), rank) in rows.iter().zip(&self.ids.codes).zip(&self.ranks) {
            // Codes are given in order, so a new id has the next one.
            if *code < self.ids_count {
                let found = "another row of the same listing".to_owned();
                let mismatch = Mismatch::new("one row per listing", found);
                batch.reject(*row, LISTING, mismatch.advised(Hint::OneRowPerListing));
                continue;
            }
            self.ids_count += 1;
            if *rank != ABSENT {
                kept.push((*row, *rank));
            }
        }
        let with_category = kept.iter().map(|(row, _)| *row);
        let with_category = with_category.filter(|row| !cells[CATEGORY].is_null(*row));
        let with_category: Vec<u32> = with_category.collect();
        self.categories.intern(&cells[CATEGORY], &with_category);
        let mut categories = self.categories.codes.iter();
        let times = &cells[CREATED].times().at;
        for (row, rank) in kept {
            let there = |column: usize| !cells[column].is_null(row);
            self.rows[index(rank)] = Some(Listing {
                category: there(CATEGORY).then(|| *categories.next().expect("a code for each")),
                price: there(PRICE).then(|| cells[PRICE].floats()[index(row)]),
                created: there(CREATED).then(|| self.zone.day_of(times[index(row)])),
            });
        }
    }
}
