//! The second scan of a source of actions: why each row is in no history.
//!
//! **In / Out**: the files of a source, and the probes → [`ActionExclusions`]: rows by reason, and the
//! range of all times. **Cost**: customer and time of every row are read, unless enough rows are found
//! that may be in a history.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::read_again;
use crate::context::RunContext;
use crate::dictionary::probes::Probes;
use crate::engine::specs::read_spec;
use crate::error::Result;
use crate::ids::{Item, Key, Micros, both, index};
use crate::job::{Job, Shard, ShardHolds, Source};
use crate::kernel::op::features::ABSENT;
use crate::kernel::sweep::is_prior;
use crate::scan::Opened;
use crate::scan::actions::ActionNames;
use crate::scan::features::ranks;
use crate::scan::table::{Batch, Cells, ColumnType, Memo};

/// The columns, as indices in a batch.
const CUSTOMER: usize = 0;
/// The time of the action.
const TIME: usize = 1;
/// The column of the time where the first is null.
const TIME_ELSE: usize = 2;

/// The rows of a source, by the reason that excludes them from histories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ActionExclusions {
    pub(super) no_customer: u64,
    /// Of customers without an impression.
    pub(super) unknown_customers: u64,
    /// The smallest of these customers, as an example.
    pub(super) unknown_customer: Option<UnknownCustomer>,
    pub(super) no_time: u64,
    /// Before the lookback of every later impression of their customer.
    pub(super) early: u64,
    /// Not before the latest cutoff of their customer.
    pub(super) late: u64,
    /// Before the cutoff, but under embargo until after it.
    pub(super) embargoed: u64,
    /// None of these.
    pub(super) eligible: u64,
    /// The oldest and the newest time of all rows.
    pub(super) times: Option<(Micros, Micros)>,
}

/// A customer without an impression.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum UnknownCustomer {
    Int(i64),
    Text(Vec<u8>),
}

/// Whether a shard counts a row that each shard reads, by its customer: the counts of all shards add
/// up to those of one run.
fn is_counted(shard: Shard, customers: &Cells, row: u32) -> bool {
    if customers.is_null(row) {
        return shard.number == 0;
    }
    shard.has(customers.hash_of_id(row))
}

/// What one thread counts with.
#[derive(Default)]
struct ActionCounter {
    /// The ranks of the customers of a Parquet dictionary.
    memo: Memo,
    /// Scratch: the ranks of the customers of a batch.
    ranks: Vec<u32>,
    counts: ActionExclusions,
}

/// Reads customers and times of a source. A thread stops after `enough` rows that may be in a history.
pub(super) fn count_exclusions<I: Item>(
    job: &Job,
    context: &RunContext,
    probes: &Probes<I>,
    opened: &[Opened],
    source: Source,
    enough: u64,
) -> Result<ActionExclusions> {
    let spec = read_spec(job);
    let names = ActionNames::new(&spec, source);
    let customers = probes.customer_type();
    let mut columns = vec![
        (names.customer, ColumnType::of_ids(customers)),
        (names.time, ColumnType::Time),
    ];
    columns.extend(names.time_else.map(|name| (name, ColumnType::Time)));
    let files = opened.iter().filter(|file| file.file().source == source);
    let has_enough = |counter: &ActionCounter| counter.counts.eligible >= enough;
    let embargo = job.embargo_of(source);
    let shard = job.shard.filter(|_| job.shard_holds == ShardHolds::All);
    let add =
        |counter: &mut ActionCounter, batch: &Batch<'_>| counter.add(batch, probes, embargo, shard);
    let counters = read_again(job, context, files, &columns, has_enough, add)?;
    let mut counts = ActionExclusions::default();
    counters
        .into_iter()
        .for_each(|counter| counts.merge(counter.counts));
    Ok(counts)
}

impl fmt::Display for UnknownCustomer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnknownCustomer::Int(id) => write!(out, "{id}"),
            UnknownCustomer::Text(id) => out.write_str(&String::from_utf8_lossy(id)),
        }
    }
}

impl ActionCounter {
    /// Counts the rows of a batch.
    fn add<I: Item>(
        &mut self,
        batch: &Batch<'_>,
        probes: &Probes<I>,
        embargo: i64,
        shard: Option<Shard>,
    ) {
        let (cells, rows) = (batch.cells, batch.rows);
        let counts = &mut self.counts;
        ranks(
            &cells[CUSTOMER],
            rows,
            (&probes.keys, &mut self.memo),
            &mut self.ranks,
        );
        for (row, rank) in rows.iter().zip(&self.ranks) {
            if shard.is_some_and(|shard| !is_counted(shard, &cells[CUSTOMER], *row)) {
                continue;
            }
            let time_of = |at: usize| {
                // Most sources have no second column of times, and no cells there.
                let cells = cells.get(at).filter(|cells| !cells.is_null(*row))?;
                Some(cells.times().at[index(*row)])
            };
            let time = time_of(TIME).or_else(|| time_of(TIME_ELSE));
            counts.times = both(counts.times, time.map(|time| (time, time)));
            if cells[CUSTOMER].is_null(*row) {
                counts.no_customer += 1;
            } else if *rank == ABSENT {
                counts.unknown_customers += 1;
                counts.keep_smallest(&cells[CUSTOMER], *row);
            } else {
                counts.count(time, embargo, probes, Key(*rank));
            }
        }
    }
}

impl ActionExclusions {
    /// Keeps an unknown customer if it is smaller than the one known so far. The smallest is the
    /// example because the first one read depends on threads.
    fn keep_smallest(&mut self, customers: &Cells, row: u32) {
        let is_less = match (customers.is_text(), &self.unknown_customer) {
            (_, None) => true,
            (true, Some(UnknownCustomer::Text(known))) => {
                customers.texts().get(row) < known.as_slice()
            }
            (false, Some(UnknownCustomer::Int(known))) => customers.ints()[index(row)] < *known,
            _ => unreachable!("a column holds ids of one type"),
        };
        if is_less {
            self.unknown_customer = Some(if customers.is_text() {
                UnknownCustomer::Text(customers.texts().get(row).to_vec())
            } else {
                UnknownCustomer::Int(customers.ints()[index(row)])
            });
        }
    }

    /// Counts a row of a customer with impressions.
    fn count<I: Item>(&mut self, time: Option<Micros>, embargo: i64, probes: &Probes<I>, key: Key) {
        let Some(time) = time else {
            self.no_time += 1;
            return;
        };
        let known = Micros(time.0.saturating_add(embargo));
        // All probes of the customer are tried: where clocks go back, lookback starts do not
        // ascend, so no binary search finds them. Only sources without effect come here.
        let mut own = probes.of_key(key);
        let in_lookback = |probe| !is_prior(time, probes.lookback_starts[probe]);
        let is_in_history =
            |known, probe| is_prior(known, probes.cutoffs[probe]) && in_lookback(probe);
        let count = match () {
            () if own.clone().any(|probe| is_in_history(known, probe)) => &mut self.eligible,
            () if own.clone().any(|probe| is_in_history(time, probe)) => &mut self.embargoed,
            () if own.any(|probe| is_prior(time, probes.cutoffs[probe])) => &mut self.early,
            () => &mut self.late,
        };
        *count += 1;
    }

    /// Adds the counts of another thread.
    pub(super) fn merge(&mut self, other: ActionExclusions) {
        self.no_customer += other.no_customer;
        self.unknown_customers += other.unknown_customers;
        self.unknown_customer = match (self.unknown_customer.take(), other.unknown_customer) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.no_time += other.no_time;
        self.early += other.early;
        self.late += other.late;
        self.embargoed += other.embargoed;
        self.eligible += other.eligible;
        self.times = both(self.times, other.times);
    }

    /// All rows that are not bad.
    pub(super) fn rows(&self) -> u64 {
        let known = self.no_time + self.early + self.late + self.embargoed + self.eligible;
        self.no_customer + self.unknown_customers + known
    }
}
