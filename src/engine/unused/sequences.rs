//! Sources of actions of which none is in any history.

use super::{Finding, check_set_aside, closed_of, join, one_label, range_text, verdict, why_of};
use crate::column::Customer;
use crate::control::{Control, Stage};
use crate::encode::{ItemColumn, RowTally};
use crate::engine::tasks::run_tasks;
use crate::error::Result;
use crate::ids::{Item, Key, Micros, count64, index};
use crate::job::{ActionSource, CustomerType, Guests, Job, Source, Types};
use crate::op::counts::HistoryCounts;
use crate::op::features::ABSENT;
use crate::output::Found;
use crate::probes::Probes;
use crate::scan::actions::{ActionNames, ActionTally};
use crate::scan::faults::Policy;
use crate::scan::features::ranks;
use crate::scan::files::SourceFiles;
use crate::scan::table::{Batch, Kind, Memo, Presence, TableColumn, TableScan, TableState};
use crate::scan::{Opened, Task};
use crate::sweep::is_prior;
use crate::warnings::{Noticed, Warning};

/// The columns, as places in a batch.
const CUSTOMER: usize = 0;
/// When.
const TIME: usize = 1;
/// When, if that is null.
const TIME_ELSE: usize = 2;

/// The rows of a source, by what keeps them out of histories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Looked {
    /// Without a customer.
    nobody: u64,
    /// Of customers that no impression asks about.
    strangers: u64,
    /// One of these, the least by its text.
    stranger: Option<String>,
    /// Without a time.
    timeless: u64,
    /// Before the lookback of every later impression of their customer.
    early: u64,
    /// Not before the latest cutoff of their customer.
    late: u64,
    /// Before it, but held back by the embargo until then.
    held: u64,
    /// None of these.
    eligible: u64,
    /// The oldest and the newest time, whosever.
    times: Option<(Micros, Micros)>,
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

/// Whether a run of `sequences` made something of its sources.
///
/// # Errors
/// If no action of any source is in any history, or all of a source was set aside.
pub(in crate::engine) fn notice_sequences<I: ItemColumn>(
    (job, control): (&Job, &Control),
    found: &Found<I>,
    (rows, counts): (&[RowTally], &HistoryCounts),
) -> Result<Noticed> {
    // Where all days are left as they are, nothing was asked.
    if found.days.is_empty() && found.days_skipped > 0 {
        return Ok(Noticed::default());
    }
    let rejected = |source| {
        let of_source = found.rejected.iter().filter(|row| row.source == source);
        count64(of_source.count())
    };
    let impressions: u64 = found.days.values().map(|of| of.impressions).sum();
    let rejected_shown = rejected(Source::Impressions);
    let mut by_source = vec![(Source::Impressions, rejected_shown, rejected_shown)];
    let kept_from: u64 = found.days.values().map(|of| of.rejected).sum();
    by_source.retain(|_| impressions == kept_from);
    let of_actions = job.actions.iter().zip(&found.actions);
    by_source.extend(of_actions.map(|(of, tally)| (of.source, tally.rows, rejected(of.source))));
    check_set_aside(job, &by_source)?;
    if found.probes.rows.is_empty() {
        return verdict(
            job,
            (vec![nobody_asks(job, found)], true),
            "",
            found.warnings.clone(),
        );
    }
    // A job that reads no actions was asked for none.
    let mut is_all = read_sources(job, &found.sources).next().is_some();
    let mut findings = Vec::new();
    for (at, of) in read_sources(job, &found.sources) {
        if is_used(job, of, counts) {
            is_all = false;
            continue;
        }
        let looked = look(
            (job, control),
            &found.probes,
            &found.inputs,
            of.source,
            u64::MAX,
        )?;
        let mut finding = found_of((job, of), &found.probes, &found.actions[at], &looked);
        finding.closed = closed_of(&found.sources, &found.inputs, of.source);
        findings.push(finding);
    }
    let histories = || rows.iter().map(|of| &of.histories);
    let samples: u64 = histories().map(|of| of.samples()).sum();
    let labelled = samples - histories().map(|of| of.null_labels).sum::<u64>();
    let positives = histories().map(|of| of.positives).sum();
    let mut warnings = found.warnings.clone();
    warnings.extend(one_label("is_order", labelled, positives));
    let beside = beside(&found.probes);
    verdict(job, (findings, is_all), &beside, warnings)
}

/// The warnings of a plan: sources of which no row could be in a history.
pub(in crate::engine) fn warn_sequences<I: Item>(
    (job, control): (&Job, &Control),
    sources: &[SourceFiles],
    probes: &Probes<I>,
    opened: &[Opened],
) -> Result<Vec<Warning>> {
    let mut findings = Vec::new();
    for (_, of) in read_sources(job, sources) {
        let looked = look((job, control), probes, opened, of.source, 1)?;
        if looked.eligible == 0 {
            let tally = ActionTally::default();
            let mut finding = found_of((job, of), probes, &tally, &looked);
            finding.closed = closed_of(sources, opened, of.source);
            findings.push(finding);
        }
    }
    let beside = beside(probes);
    let warnings = findings.iter().map(|of| of.warning(&beside));
    Ok(crate::warnings::told(job, warnings.collect()))
}

/// The sources of actions that are read and whose types count, with their places.
fn read_sources<'a>(
    job: &'a Job,
    sources: &'a [SourceFiles],
) -> impl Iterator<Item = (usize, &'a ActionSource)> {
    let is_read = |of: &ActionSource| sources.iter().any(|files| files.source == of.source);
    let counts = |of: &ActionSource| of.codes().into_iter().any(|code| job.counts_type(code));
    let all = job.actions.iter().enumerate();
    all.filter(move |(_, of)| is_read(of) && counts(of))
}

/// Whether some history holds an action of a source: one of its types.
fn is_used(job: &Job, of: &ActionSource, counts: &HistoryCounts) -> bool {
    let mut codes = of.codes().into_iter().filter(|code| job.counts_type(*code));
    codes.any(|code| counts.actions[usize::from(code)] > 0)
}

/// The end of each text: what sources are held against.
fn beside<I: Item>(probes: &Probes<I>) -> String {
    let everyone = probes.everyone();
    match probes.rows.is_empty() {
        true => String::new(),
        false => {
            let range = (everyone.first_cutoff, everyone.last_cutoff);
            format!("; cutoffs run {}", range_text(range))
        }
    }
}

/// The finding that there is no impression to answer.
fn nobody_asks<I: ItemColumn>(job: &Job, found: &Found<I>) -> Finding {
    let sum = |count: fn(&crate::scan::impressions::DayTally) -> u64| -> u64 {
        found.days.values().map(count).sum()
    };
    let rows = sum(|of| of.impressions);
    let guests = match job.guests {
        Guests::Drop => sum(|of| of.guests),
        Guests::Empty => 0,
    };
    let counts = [
        (
            guests,
            "without a customer (--guests empty keeps them)".to_owned(),
        ),
        (sum(|of| of.without_items), "without items".to_owned()),
        (sum(|of| of.rejected), "set aside".to_owned()),
        (
            sum(|of| of.sampled_away),
            "left without a sample".to_owned(),
        ),
    ];
    Finding {
        source: Source::Impressions,
        rows,
        why: why_of(rows, &counts),
        times: None,
        closed: None,
    }
}

/// Reads customers and times of a source, until so many rows are found that may be in a history.
fn look<I: Item>(
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
    fn rows(&self) -> u64 {
        let known = self.timeless + self.early + self.late + self.held + self.eligible;
        self.nobody + self.strangers + known
    }
}

/// Why no action of a source is in any history.
fn found_of<I: Item>(
    (job, of): (&Job, &ActionSource),
    probes: &Probes<I>,
    tally: &ActionTally,
    looked: &Looked,
) -> Finding {
    let rows = tally.rows.max(looked.rows());
    let asked = probes
        .rows
        .first()
        .map(|row| match probes.impressions.customer(*row) {
            Customer::Guest => "none".to_owned(),
            Customer::Int(id) => id.to_string(),
            Customer::Text(id) => format!("\"{id}\""),
        });
    let strangers = format!(
        "of customers that no impression asks about, such as {} (impressions ask about {})",
        looked.stranger.as_deref().unwrap_or("none"),
        asked.as_deref().unwrap_or("nobody")
    );
    let lookback = match job.lookback_days {
        Some(days) => format!("before the lookback of {days} days"),
        None => "before the lookback".to_owned(),
    };
    let counts = [
        (looked.strangers, strangers),
        (looked.nobody, "without a customer".to_owned()),
        (looked.early, lookback),
        (
            looked.late,
            "not before any cutoff of their customer".to_owned(),
        ),
        (looked.held, "known too late, by --embargo".to_owned()),
        (looked.timeless, "without a time".to_owned()),
        (looked.eligible, eligible_text(job, of, tally)),
        (
            rows - looked.rows(),
            "set aside, or cannot be read".to_owned(),
        ),
    ];
    Finding {
        source: of.source,
        rows,
        why: why_of(rows, &counts),
        times: looked.times,
        closed: None,
    }
}

/// What else keeps actions out that happened in time.
fn eligible_text(job: &Job, of: &ActionSource, tally: &ActionTally) -> String {
    let reasons = [
        (tally.filtered, "left out by where"),
        (tally.without_code, "of types without a code"),
        (tally.null_available, "never known, by --available"),
        (
            u64::from(job.available_column(of.source).is_some()),
            "known too late, by --available",
        ),
        (
            u64::from(matches!(of.types, Types::Column { .. })),
            "of types that do not count",
        ),
        (
            u64::from(job.item_vocabulary.is_some()),
            "on items that the vocabulary lacks",
        ),
        (
            1,
            "older than the newest of their customer that a history has room for",
        ),
    ];
    let there = reasons.iter().filter(|(count, _)| *count > 0);
    let there: Vec<&str> = there.map(|(_, text)| *text).collect();
    format!("in time, but {}", there.join(", or "))
}
