//! What a run of `sequences` found and made, in numbers: all that manifests, metrics and the report are made
//! of, beside the files that were read.
//!
//! **In / Out**: [`SequencesRead`] and the parts that were written → [`SequenceTotals`]. **Invariants**:
//! totals of shards add up to those of one run of all, so everything here is a count, a range or a list, in
//! the units in which it was measured; shares, means and whole seconds are computed later.

use std::cmp::Reverse;

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde::{Deserialize, Serialize};

use super::rows::DayProbes;
use super::{SamplesWritten, SequencesRead};
use crate::encode::RowStats;
use crate::ids::{Day, Item, Micros, both, count64, index};
use crate::job::ShardHolds;
use crate::kernel::column::Customer;
use crate::kernel::op::counts::HistoryCounts;
use crate::metrics::{CustomerId, TOP_MAX, TopCustomer};
use crate::publish::Part;
use crate::scan::actions::ActionStats;
use crate::scan::impressions::ImpressionStats;

/// The totals of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SequenceTotals {
    pub(crate) days: Vec<DayTotals>,
    /// Rows of each source of actions, in the order of the job.
    pub(crate) actions: Vec<ActionStats>,
    /// Actions that were kept for sorting: depends on the early stop.
    pub(crate) actions_kept: u64,
    /// Actions that are in some history.
    pub(crate) histories: HistoryCounts,
    /// Actions on items that the given vocabulary lacks, if there is one.
    pub(crate) unknown_items: Option<u64>,
}

/// The totals of a day.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DayTotals {
    pub(crate) day: Day,
    pub(crate) impressions: ImpressionStats,
    /// Impressions that repeat another one.
    pub(crate) duplicates: u64,
    pub(crate) rows: u64,
    pub(crate) stats: RowStats,
    /// The earliest and the latest cutoff, if there is a row.
    pub(crate) cutoffs: Option<(Micros, Micros)>,
    /// Customers with a row.
    pub(crate) customers: u64,
    /// Those with the most samples.
    pub(crate) top_customers: Vec<TopCustomer>,
    pub(crate) parts: Vec<Part>,
}

/// The totals of a run.
pub(super) fn totals<I: Item>(
    read: &SequencesRead<I>,
    days: &[DayProbes],
    written: &SamplesWritten,
) -> SequenceTotals {
    let names: Vec<Day> = days.iter().map(|day| day.day).collect();
    let duplicates = read.probes.duplicates_count(&names);
    let made = written.parts.stats.iter().zip(&written.parts.files);
    let of_days = days.iter().zip(duplicates).zip(made);
    let of_days = of_days.map(|((day, duplicates), (stats, parts))| {
        let cutoffs = day.probes.iter().map(|probe| {
            let cutoff = read.probes.cutoffs[index(*probe)];
            Some((cutoff, cutoff))
        });
        let (customers, top_customers) = customers_of(read, day);
        DayTotals {
            day: day.day,
            impressions: read.days[&day.day],
            duplicates,
            rows: day.rows_count(),
            stats: stats.clone(),
            cutoffs: cutoffs.fold(None, both),
            customers,
            top_customers,
            parts: parts.clone(),
        }
    });
    SequenceTotals {
        days: of_days.collect(),
        actions: read.actions.clone(),
        actions_kept: read.actions_kept,
        histories: written.histories,
        unknown_items: read.items.as_ref().map(|_| written.unknown_items),
    }
}

impl SequenceTotals {
    /// Adds those of the next shard. `holds` says whether shards read the same rows or each its own.
    pub(crate) fn merge(&mut self, next: SequenceTotals, holds: ShardHolds) {
        for day in next.days {
            match self.days.binary_search_by_key(&day.day, |own| own.day) {
                Ok(at) => self.days[at].merge(day, holds),
                Err(at) => self.days.insert(at, day),
            }
        }
        for (own, more) in self.actions.iter_mut().zip(&next.actions) {
            let before = *own;
            own.merge(more);
            if holds == ShardHolds::All {
                // Counted without a look at the customer, so by every shard.
                (own.rows, own.null_customers) = (before.rows, before.null_customers);
                own.filtered = before.filtered;
            }
        }
        self.actions_kept += next.actions_kept;
        self.histories.merge(&next.histories);
        self.unknown_items = self
            .unknown_items
            .zip(next.unknown_items)
            .map(|(own, more)| own + more);
    }

    /// What was counted of rows that every shard reads: equal in all shards of one job.
    pub(crate) fn of_all(&self) -> impl PartialEq + use<> {
        let days = self.days.iter().map(|day| (day.day, day.impressions));
        let actions = self.actions.iter();
        let actions = actions.map(|own| (own.rows, own.null_customers, own.filtered));
        (days.collect::<Vec<_>>(), actions.collect::<Vec<_>>())
    }
}

impl DayTotals {
    /// Adds those of the next shard.
    fn merge(&mut self, next: DayTotals, holds: ShardHolds) {
        if holds == ShardHolds::Own {
            self.impressions.merge(&next.impressions);
        }
        self.duplicates += next.duplicates;
        self.stats.merge(&next.stats);
        self.cutoffs = both(self.cutoffs, next.cutoffs);
        self.customers += next.customers;
        self.top_customers.extend(next.top_customers);
        self.top_customers
            .sort_by(|a, b| order_of(a).cmp(&order_of(b)));
        self.top_customers.truncate(TOP_MAX);
        // A day has a part without rows only if no shard has rows.
        match (self.rows, next.rows) {
            (_, 0) => {}
            (0, _) => self.parts = next.parts,
            _ => self.parts.extend(next.parts),
        }
        self.rows += next.rows;
    }
}

/// By what customers are sorted: most samples first, then by id.
fn order_of(top: &TopCustomer) -> (Reverse<u64>, Customer<'_>) {
    let customer = match &top.customer_id {
        CustomerId::Int(id) => Customer::Int(*id),
        CustomerId::Text(id) => Customer::Text(id),
    };
    (Reverse(top.samples), customer)
}

/// Probes that a thread looks at at a time.
const PIECE: usize = 1 << 14;

/// The samples of a customer; less come later.
type Samples<'a> = (Reverse<u64>, Customer<'a>);

/// Adds a customer to those with the most samples, if there are not enough with more.
fn add_top<'a>(top: &mut Vec<Samples<'a>>, entry: Samples<'a>) {
    // The customer breaks ties, so which of equal ones are listed is fixed.
    if top.len() < TOP_MAX || top.last().is_some_and(|last| entry < *last) {
        let rank = top.partition_point(|other| *other < entry);
        top.insert(rank, entry);
        top.truncate(TOP_MAX);
    }
}

/// The number of customers of a day, and those with the most samples. Rows are sorted by customer, so
/// those of a customer are adjacent.
fn customers_of<I: Item>(read: &SequencesRead<I>, day: &DayProbes) -> (u64, Vec<TopCustomer>) {
    let probes = &read.probes;
    let row_of = |probe: &u32| probes.rows[index(*probe)];
    let customer_of = |probe: &u32| probes.impressions.customer(row_of(probe));
    // A piece has all probes of its customers: it starts where the customer is another one.
    let start_of = |piece: usize| {
        let at = day.probes.len().min(piece * PIECE);
        let before = at.checked_sub(1).map(|last| &day.probes[last]);
        let rest = day.probes[at..].iter();
        let same =
            |probe: &&u32| before.is_some_and(|before| customer_of(before) == customer_of(probe));
        at + rest.take_while(same).count()
    };
    let customers_in = |piece: usize| {
        let mut found = (0, Vec::new());
        let of_piece = &day.probes[start_of(piece)..start_of(piece + 1)];
        for run in of_piece.chunk_by(|a, b| customer_of(a) == customer_of(b)) {
            let customer = customer_of(&run[0]);
            if customer == Customer::Guest {
                continue;
            }
            found.0 += 1;
            let items = run
                .iter()
                .map(|probe| probes.impressions.items_of(row_of(probe)).len());
            add_top(&mut found.1, (Reverse(count64(items.sum())), customer));
        }
        found
    };
    let pieces = (0..day.probes.len().div_ceil(PIECE)).into_par_iter();
    let all = pieces.map(customers_in).reduce(
        || (0, Vec::new()),
        |(count, mut top), (more, others)| {
            others.into_iter().for_each(|one| add_top(&mut top, one));
            (count + more, top)
        },
    );
    let (count, top): (u64, Vec<Samples<'_>>) = all;
    let top = top.into_iter().filter_map(|(samples, customer)| {
        Some(TopCustomer {
            customer_id: match customer {
                Customer::Guest => return None,
                Customer::Int(id) => CustomerId::Int(id),
                Customer::Text(id) => CustomerId::Text(id.to_owned()),
            },
            day: day.day,
            samples: samples.0,
        })
    });
    (count, top.collect())
}
