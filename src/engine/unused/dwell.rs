//! Events of which none counts for dwell times: their names, and their times.

use std::collections::BTreeMap;

use super::{
    RejectedShare, Unused, UnusedSource, check_rejected, conclude, read_again, reasons_text,
};
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Micros, both, count64, index};
use crate::job::{Job, Source};
use crate::output::dwell::{DwellRead, DwellReport};
use crate::scan::Opened;
use crate::scan::table::{Batch, ColumnType};
use crate::warnings::{Noticed, Warning};

/// The columns, as indices in a batch.
const EVENT: usize = 0;
/// The time of the event.
const TIME: usize = 1;

/// Names of events in a message, at most.
const NAMES_MAX: usize = 5;
/// Distinct names that each thread counts; further names are dropped, so that memory stays bounded.
const NAMES_COUNTED: usize = 10_000;
/// The names of events, and the range of their times.
#[derive(Default)]
struct EventNameCounts {
    names: BTreeMap<Vec<u8>, u64>,
    /// The oldest and the newest time.
    times: Option<(Micros, Micros)>,
    /// Rows that are not bad.
    rows: u64,
    /// Those of them that count.
    counted: u64,
}

/// Checks that the events of a run of `dwell` had an effect.
///
/// # Errors
/// If no event counts, or all rows were rejected.
pub(crate) fn notice_dwell(
    job: &Job,
    context: &RunContext,
    read: &DwellRead,
    report: &DwellReport,
) -> Result<Noticed> {
    if report.user_rows == 0 && report.days_skipped > 0 {
        return Ok(Noticed::default());
    }
    let rejected = count64(read.inputs.rejected.len());
    let events = RejectedShare {
        source: Source::Events,
        rows: report.events,
        rejected,
    };
    check_rejected(job, &[events])?;
    let warnings = read.inputs.warnings.clone();
    // A session may consist of events of any name on a flyer. So rows alone do not prove that names are
    // right; an event that opens a flyer or an item does.
    if report.user_rows > 0 && report.opens > 0 {
        return conclude(job, &[], Unused::Some, "", warnings);
    }
    let counts = count_names(job, context, &read.inputs.opened, u64::MAX)?;
    let unused = unused_events(job, report.events, &counts);
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
    let mut names: Vec<(&Vec<u8>, u64)> = counts
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
        .map(|(name, count)| format!("`{}` {count}", String::from_utf8_lossy(name)))
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
    for thread in threads {
        for (name, count) in thread.names {
            *all.names.entry(name).or_default() += count;
        }
        all.times = both(all.times, thread.times);
        all.rows += thread.rows;
        all.counted += thread.counted;
    }
    Ok(all)
}

impl EventNameCounts {
    /// Adds the rows of a batch.
    fn add(&mut self, batch: &Batch<'_>, opens: &[String]) {
        for row in batch.rows {
            self.rows += 1;
            let name = batch.cells[EVENT].texts().get(*row);
            self.counted += u64::from(opens.iter().any(|open| open.as_bytes() == name));
            if let Some(count) = self.names.get_mut(name) {
                *count += 1;
            } else if self.names.len() < NAMES_COUNTED {
                self.names.insert(name.to_vec(), 1);
            }
            if !batch.cells[TIME].is_null(*row) {
                let time = batch.cells[TIME].times().at[index(*row)];
                self.times = both(self.times, Some((time, time)));
            }
        }
    }
}
