//! The second look at a source of actions: what keeps each row out of histories.
//!
//! **In / Out**: the files of a source, and the probes → [`Looked`]: rows by reason, and the range of all
//! times. **Cost**: customers and times of every row are read, unless enough rows are found that may be
//! in a history.

use std::fmt;

use super::read_again;
use crate::context::RunContext;
use crate::dictionary::probes::Probes;
use crate::engine::specs::read_spec;
use crate::error::Result;
use crate::ids::{Item, Key, Micros, both, index};
use crate::job::{Job, Source};
use crate::kernel::op::features::ABSENT;
use crate::kernel::sweep::is_prior;
use crate::scan::Opened;
use crate::scan::actions::ActionNames;
use crate::scan::features::ranks;
use crate::scan::table::{Batch, Cells, ColumnType, Memo};

/// The columns, as places in a batch.
const CUSTOMER: usize = 0;
/// When.
const TIME: usize = 1;
/// When, if that is null.
const TIME_ELSE: usize = 2;

/// The rows of a source, by what keeps them out of histories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    pub(super) nobody: u64,
    /// Of customers that no impression asks about.
    pub(super) strangers: u64,
    /// The least of these.
    pub(super) stranger: Option<Stranger>,
    pub(super) timeless: u64,
    /// Before the lookback of every later impression of their customer.
    pub(super) early: u64,
    /// Not before the latest cutoff of their customer.
    pub(super) late: u64,
    /// Before it, but held back by the embargo until then.
    pub(super) held: u64,
    /// None of these.
    pub(super) eligible: u64,
    /// The oldest and the newest time, whosever.
    pub(super) times: Option<(Micros, Micros)>,
}

/// A customer that no impression asks about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stranger {
    /// An integer.
    Int(i64),
    /// A text.
    Text(Vec<u8>),
}

/// What one thread looks with.
#[derive(Default)]
struct State {
    /// What it knows of a dictionary of customers.
    memo: Memo,
    /// Scratch: ranks of customers.
    ranks: Vec<u32>,
    looked: Looked,
}

/// Reads customers and times of a source, until so many rows are found that may be in a history.
pub(crate) fn look<I: Item>(
    (job, context): (&Job, &RunContext),
    probes: &Probes<I>,
    opened: &[Opened],
    source: Source,
    enough: u64,
) -> Result<Looked> {
    let spec = read_spec(job);
    let names = ActionNames::new(&spec, source);
    let customers = probes.customer_type();
    let mut columns = vec![
        (names.customer, ColumnType::of_ids(customers)),
        (names.time, ColumnType::Time),
    ];
    columns.extend(names.time_else.map(|name| (name, ColumnType::Time)));
    let files = opened.iter().filter(|of| of.file().source == source);
    let has_enough = |state: &State| state.looked.eligible >= enough;
    let asked = (probes, job.embargo_of(source));
    let states = read_again(
        (job, context),
        files,
        &columns,
        has_enough,
        |state, batch| {
            let State {
                memo,
                ranks,
                looked,
            } = state;
            looked.add(batch, asked, (memo, ranks));
        },
    )?;
    let mut looked = Looked::default();
    states
        .into_iter()
        .for_each(|state| looked.merge(state.looked));
    Ok(looked)
}

impl fmt::Display for Stranger {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stranger::Int(id) => write!(out, "{id}"),
            Stranger::Text(id) => out.write_str(&String::from_utf8_lossy(id)),
        }
    }
}

impl Looked {
    /// Adds the rows of a batch.
    fn add<I: Item>(
        &mut self,
        batch: &Batch<'_>,
        (probes, embargo): (&Probes<I>, i64),
        (memo, codes): (&mut Memo, &mut Vec<u32>),
    ) {
        let (cells, rows) = (batch.cells, batch.rows);
        ranks(&cells[CUSTOMER], rows, (&probes.keys, memo), codes);
        for (row, rank) in rows.iter().zip(codes.iter()) {
            let time_of = |at: usize| {
                let cells = cells.get(at).filter(|cells| !cells.is_null(*row))?;
                Some(cells.times().at[index(*row)])
            };
            let time = time_of(TIME).or_else(|| time_of(TIME_ELSE));
            self.times = both(self.times, time.map(|time| (time, time)));
            if cells[CUSTOMER].is_null(*row) {
                self.nobody += 1;
            } else if *rank == ABSENT {
                self.strangers += 1;
                self.meet(&cells[CUSTOMER], *row);
            } else {
                self.judge(time, embargo, (probes, Key(*rank)));
            }
        }
    }

    /// Takes note of a customer that nobody asks about, if it is less than the others. One of the first
    /// would do for a person, but which are the first depends on threads.
    fn meet(&mut self, customers: &Cells, row: u32) {
        let is_less = match (customers.is_text(), &self.stranger) {
            (_, None) => true,
            (true, Some(Stranger::Text(known))) => customers.texts().get(row) < known.as_slice(),
            (false, Some(Stranger::Int(known))) => customers.ints()[index(row)] < *known,
            _ => unreachable!("a column holds ids of one type"),
        };
        if is_less {
            self.stranger = Some(match customers.is_text() {
                true => Stranger::Text(customers.texts().get(row).to_vec()),
                false => Stranger::Int(customers.ints()[index(row)]),
            });
        }
    }

    /// Counts a row of a customer that is asked about.
    fn judge<I: Item>(
        &mut self,
        time: Option<Micros>,
        embargo: i64,
        (probes, key): (&Probes<I>, Key),
    ) {
        let Some(time) = time else {
            self.timeless += 1;
            return;
        };
        let known = Micros(time.0.saturating_add(embargo));
        let mut asked = probes.of_key(key);
        let in_lookback = |probe| !is_prior(time, probes.lookback_starts[probe]);
        let is_seen = |known, probe| is_prior(known, probes.cutoffs[probe]) && in_lookback(probe);
        let count = match () {
            () if asked.clone().any(|probe| is_seen(known, probe)) => &mut self.eligible,
            () if asked.clone().any(|probe| is_seen(time, probe)) => &mut self.held,
            () if asked.any(|probe| is_prior(time, probes.cutoffs[probe])) => &mut self.early,
            () => &mut self.late,
        };
        *count += 1;
    }

    /// Adds what another thread found.
    fn merge(&mut self, other: Looked) {
        self.nobody += other.nobody;
        self.strangers += other.strangers;
        self.stranger = match (self.stranger.take(), other.stranger) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.timeless += other.timeless;
        self.early += other.early;
        self.late += other.late;
        self.held += other.held;
        self.eligible += other.eligible;
        self.times = both(self.times, other.times);
    }

    /// Rows in which nothing is wrong.
    pub(super) fn rows(&self) -> u64 {
        let known = self.timeless + self.early + self.late + self.held + self.eligible;
        self.nobody + self.strangers + known
    }
}
