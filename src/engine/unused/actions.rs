//! The second look at a source of actions: what keeps each row out of histories.
//!
//! **In / Out**: the files of a source, and the probes → [`Looked`]: rows by reason, and the range of all
//! times. **Cost**: customers and times of every row are read, unless enough rows are found that may be
//! in a history.

use super::join;
use crate::control::{Control, Stage};
use crate::engine::tasks::run_tasks;
use crate::error::Result;
use crate::ids::{Item, Key, Micros, index};
use crate::job::{CustomerType, Job, Source};
use crate::op::features::ABSENT;
use crate::probes::Probes;
use crate::scan::actions::ActionNames;
use crate::scan::faults::Policy;
use crate::scan::features::ranks;
use crate::scan::table::{Batch, Kind, Memo, Presence, TableColumn, TableScan, TableState};
use crate::scan::{Opened, Task};
use crate::sweep::is_prior;

/// The columns, as places in a batch.
const CUSTOMER: usize = 0;
/// When.
const TIME: usize = 1;
/// When, if that is null.
const TIME_ELSE: usize = 2;

/// The rows of a source, by what keeps them out of histories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Looked {
    /// Without a customer.
    pub(super) nobody: u64,
    /// Of customers that no impression asks about.
    pub(super) strangers: u64,
    /// One of these, the least by its text.
    pub(super) stranger: Option<String>,
    /// Without a time.
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

/// What one thread looks with.
#[derive(Default)]
struct State {
    /// Its table.
    table: TableState,
    /// What it knows of a dictionary of customers.
    memo: Memo,
    /// Scratch: ranks of customers.
    ranks: Vec<u32>,
    /// What it found.
    looked: Looked,
}

/// Reads customers and times of a source, until so many rows are found that may be in a history.
pub(super) fn look<I: Item>(
    (job, control): (&Job, &Control),
    probes: &Probes<I>,
    opened: &[Opened],
    source: Source,
    enough: u64,
) -> Result<Looked> {
    let names = ActionNames::of(job, source);
    let customers = match probes.impressions.has_text_ids() {
        true => CustomerType::String,
        false => CustomerType::Int64,
    };
    let column = |name, kind| TableColumn {
        name,
        kind,
        presence: Presence::Optional,
    };
    let mut columns = vec![
        column(names.customer, Kind::of_ids(customers)),
        column(names.time, Kind::Time),
    ];
    columns.extend(names.time_else.map(|name| column(name, Kind::Time)));
    let policy = Policy::ignoring();
    let scan = TableScan::new(job, &policy, control, columns);
    let files = opened.iter().filter(|of| of.file().source == source);
    let tasks: Vec<Task> = files.flat_map(|of| of.shared_tasks(job)).collect();
    control.enter(Stage::CHECK, tasks.iter().map(|task| task.steps).sum());
    let states = (0..rayon::current_num_threads()).map(|_| State::default());
    let embargo = job.embargo_of(source);
    let states = run_tasks(&tasks, states.collect(), |state, task| {
        if state.looked.eligible >= enough {
            return Ok(());
        }
        let State {
            table,
            memo,
            ranks,
            looked,
        } = state;
        scan.read(task, table, &mut |batch| {
            looked.add(batch, (probes, embargo), (memo, ranks));
            Ok(())
        })
    })?;
    let mut looked = Looked::default();
    states
        .into_iter()
        .for_each(|state| looked.merge(state.looked));
    Ok(looked)
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
            self.times = join(self.times, time.map(|time| (time, time)));
            if cells[CUSTOMER].is_null(*row) {
                self.nobody += 1;
            } else if *rank == ABSENT {
                self.strangers += 1;
                self.meet(|| match cells[CUSTOMER].is_text() {
                    true => String::from_utf8_lossy(cells[CUSTOMER].texts().get(*row)).into_owned(),
                    false => cells[CUSTOMER].ints()[index(*row)].to_string(),
                });
            } else {
                self.judge(time, embargo, (probes, Key(*rank)));
            }
        }
    }

    /// Takes note of a customer that nobody asks about.
    fn meet(&mut self, name: impl FnOnce() -> String) {
        // One of the first is as good as any; the least of these does not depend on threads.
        if self.strangers <= 1000 {
            let name = name();
            if self.stranger.as_ref().is_none_or(|known| name < *known) {
                self.stranger = Some(name);
            }
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
        self.times = join(self.times, other.times);
    }

    /// Rows in which nothing is wrong.
    pub(super) fn rows(&self) -> u64 {
        let known = self.timeless + self.early + self.late + self.held + self.eligible;
        self.nobody + self.strangers + known
    }
}
