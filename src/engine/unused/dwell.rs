//! Events of which none counts for dwell times: their names, and their times.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    RejectedShare, Unused, UnusedSource, check_rejected, conclude, read_again, reasons_text,
};
use crate::context::RunContext;
use crate::engine::specs::read_spec;
use crate::error::Result;
use crate::ids::{Micros, both, index};
use crate::job::{Job, ShardHolds, Source};
use crate::output::dwell::DwellReport;
use crate::output::{FilesRead, RunInputs};
use crate::scan::Opened;
use crate::scan::table::{Batch, ColumnType};
use crate::scan::time_kinds::ShownTimes;
use crate::warnings::{Noticed, Warning, WarningEntry, entries, merge_entries, of_entries};

/// The columns, as indices in a batch.
const EVENT: usize = 0;
/// The time of the event.
const TIME: usize = 1;

/// Names of events in a message, at most.
const NAMES_MAX: usize = 5;
/// Distinct names that each thread counts; further names are dropped, so that memory stays bounded.
const NAMES_COUNTED: usize = 10_000;
/// The names of events, and the range of their times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct EventNameCounts {
    names: BTreeMap<String, u64>,
    /// The oldest and the newest time.
    times: Option<(Micros, Micros)>,
    /// Rows that are not bad.
    rows: u64,
    /// Those of them that count.
    counted: u64,
}

/// What a run knows of its events, as far as it has no effect; that of several shards adds up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EventsSeen {
    /// The names of events, if no event that opens something made a row.
    names: Option<EventNameCounts>,
    /// The first time of each kind.
    times: ShownTimes,
    /// Warnings from reading.
    warnings: Vec<WarningEntry>,
}

/// Looks at the events again, if they had no effect.
///
/// # Errors
/// If a file cannot be read again.
pub(crate) fn see_events(
    job: &Job,
    context: &RunContext,
    report: &DwellReport,
    inputs: &RunInputs,
    times: ShownTimes,
) -> Result<EventsSeen> {
    let names = if is_used(report) || are_all_skipped(report) {
        None
    } else {
        Some(count_names(job, context, &inputs.opened, u64::MAX)?)
    };
    Ok(EventsSeen {
        names,
        times,
        warnings: entries(&inputs.warnings),
    })
}

impl EventsSeen {
    /// Adds what the next shard knows. `holds` says whether shards read the same rows or each its own.
    pub(crate) fn merge(&mut self, next: EventsSeen, holds: ShardHolds) {
        // Only if no shard has an event with an effect are all names needed, and there.
        self.names = match (self.names.take(), next.names) {
            (Some(mut own), Some(more)) if holds == ShardHolds::Own => {
                own.merge(more);
                Some(own)
            }
            (Some(own), Some(_)) => Some(own),
            _ => None,
        };
        self.times.merge(next.times);
        merge_entries(&mut self.warnings, next.warnings);
    }

    /// Adds warnings.
    pub(crate) fn warn(&mut self, warnings: &[Warning]) {
        self.warnings.extend(entries(warnings));
    }
}

/// Whether an event that opens a flyer or an item made a row. A session may consist of events of any name on a
/// flyer, so rows alone do not prove that names are right.
fn is_used(report: &DwellReport) -> bool {
    report.user_rows > 0 && report.opens > 0
}

/// Whether there are no rows, as the output has all days that were asked for.
fn are_all_skipped(report: &DwellReport) -> bool {
    report.user_rows == 0 && report.days_skipped > 0
}

/// Checks that the events of a run of `dwell` had an effect.
///
/// # Errors
/// If no event counts, or all rows were rejected.
pub(crate) fn notice_dwell(
    job: &Job,
    files: &FilesRead,
    report: &DwellReport,
    seen: &EventsSeen,
) -> Result<Noticed> {
    if are_all_skipped(report) {
        return Ok(Noticed::default());
    }
    let events = RejectedShare {
        source: Source::Events,
        rows: report.events,
        rejected: files.rejected_count(),
    };
    check_rejected(job, &[events])?;
    let mut warnings = of_entries(&seen.warnings);
    warnings.extend(seen.times.check(&read_spec(job))?);
    if is_used(report) {
        return conclude(job, &[], Unused::Some, "", warnings);
    }
    let nothing = EventNameCounts::default();
    let counts = seen.names.as_ref().unwrap_or(&nothing);
    let unused = unused_events(job, report.events, counts);
    conclude(job, &[unused], Unused::All, "", warnings)
}

/// The warnings of `plan`.
pub(crate) fn warn_dwell(
    job: &Job,
    context: &RunContext,
    inputs: &[Opened],
) -> Result<Vec<Warning>> {
    let counts = count_names(job, context, inputs, 1)?;
    if counts.counted > 0 {
        return Ok(Vec::new());
    }
    Ok(vec![unused_events(job, 0, &counts).warning("")])
}

/// Why no event counts.
fn unused_events(job: &Job, events: u64, counts: &EventNameCounts) -> UnusedSource {
    let rows = events.max(counts.rows);
    let mut names: Vec<(&String, u64)> = counts
        .names
        .iter()
        .map(|(name, count)| (name, *count))
        .collect();
    // Equal counts go by name, so that the message does not depend on threads.
    names.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let more = names.len().saturating_sub(NAMES_MAX);
    names.truncate(NAMES_MAX);
    let names = names.iter();
    let mut names: Vec<String> = names
        .map(|(name, count)| format!("`{name}` {count}"))
        .collect();
    if more > 0 {
        names.push(format!("and {more} more names"));
    }
    let opens = job.dwell().opens.join(" or ");
    let reason = match rows {
        0 => reasons_text(0, &[]),
        _ if counts.counted > 0 => format!(
            "{} of {rows} events are {opens}, and each lacks a user, a flyer or a merchant",
            counts.counted
        ),
        _ if names.is_empty() => format!("none of {rows} rows can be read"),
        _ => format!(
            "none of {rows} events is {opens}: found {}; --opens NAMES says which names open something",
            names.join(", ")
        ),
    };
    UnusedSource {
        source: Source::Events,
        rows,
        reason,
        times: counts.times,
        unopened: None,
    }
}

/// Reads the names and times of events. A thread stops after `enough` events that count.
fn count_names(
    job: &Job,
    context: &RunContext,
    opened: &[Opened],
    enough: u64,
) -> Result<EventNameCounts> {
    let name = |ours| job.column(Source::Events, ours);
    let columns = [
        (name("event"), ColumnType::TextId),
        (name("timestamp"), ColumnType::Time),
    ];
    let has_enough = |counts: &EventNameCounts| counts.counted >= enough;
    let opens = &job.dwell().opens[..];
    let add = |counts: &mut EventNameCounts, batch: &Batch<'_>| counts.add(batch, opens);
    let threads = read_again(job, context, opened.iter(), &columns, has_enough, add)?;
    let mut all = EventNameCounts::default();
    threads.into_iter().for_each(|thread| all.merge(thread));
    Ok(all)
}

impl EventNameCounts {
    /// Adds the rows of a batch.
    fn add(&mut self, batch: &Batch<'_>, opens: &[String]) {
        for row in batch.rows {
            self.rows += 1;
            let name = String::from_utf8_lossy(batch.cells[EVENT].texts().get(*row));
            self.counted += u64::from(opens.iter().any(|open| *open == name));
            if let Some(count) = self.names.get_mut(&*name) {
                *count += 1;
            } else if self.names.len() < NAMES_COUNTED {
                self.names.insert(name.into_owned(), 1);
            }
            if !batch.cells[TIME].is_null(*row) {
                let time = batch.cells[TIME].times().at[index(*row)];
                self.times = both(self.times, Some((time, time)));
            }
        }
    }

    /// Adds the counts of other rows.
    fn merge(&mut self, other: EventNameCounts) {
        for (name, count) in other.names {
            *self.names.entry(name).or_default() += count;
        }
        self.times = both(self.times, other.times);
        self.rows += other.rows;
        self.counted += other.counted;
    }
}
