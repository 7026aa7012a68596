//! Events of which none counts.

use std::collections::BTreeMap;

use super::{Finding, check_set_aside, read_again, verdict, why_of};
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Micros, both, count64, index};
use crate::job::{Job, Source};
use crate::output::dwell::{DwellRead, DwellReport};
use crate::scan::Opened;
use crate::scan::table::{Batch, ColumnType};
use crate::warnings::{Noticed, Warning};

/// The columns, as places in a batch.
const EVENT: usize = 0;
/// When.
const TIME: usize = 1;

/// Names of events that are told.
const NAMES_MAX: usize = 5;
/// Names that are counted one by one.
const NAMES_COUNTED: usize = 10_000;
/// The events that count.
const COUNTED: [&[u8]; 2] = [b"flyer_open", b"item_open"];

/// What events are called, and when they were.
#[derive(Default)]
struct Looked {
    names: BTreeMap<Vec<u8>, u64>,
    /// The oldest and the newest time.
    times: Option<(Micros, Micros)>,
    /// Rows that can be read.
    rows: u64,
    /// Of them, events that count.
    counted: u64,
}

/// Whether a run of `dwell` made something of its events.
///
/// # Errors
/// If no event counts, or all rows were set aside.
pub(crate) fn notice_dwell(
    (job, context): (&Job, &RunContext),
    read: &DwellRead,
    report: &DwellReport,
) -> Result<Noticed> {
    let rejected = count64(read.inputs.rejected.len());
    check_set_aside(job, &[(Source::Events, report.events, rejected)])?;
    // A session is made of whatever is on a flyer, but where no event has a name that is known, one
    // that closes a flyer has none either.
    if report.user_rows > 0 && report.opens > 0 {
        return verdict(job, (Vec::new(), false), "", read.inputs.warnings.clone());
    }
    let looked = look((job, context), &read.inputs.opened, u64::MAX)?;
    let finding = finding_of(report.events, &looked);
    verdict(job, (vec![finding], true), "", read.inputs.warnings.clone())
}

/// The warnings of a plan.
pub(crate) fn warn_dwell(
    (job, context): (&Job, &RunContext),
    inputs: &[Opened],
) -> Result<Vec<Warning>> {
    let looked = look((job, context), inputs, 1)?;
    if looked.counted > 0 {
        return Ok(Vec::new());
    }
    Ok(vec![finding_of(0, &looked).warning("")])
}

/// Why no event counts.
fn finding_of(events: u64, looked: &Looked) -> Finding {
    let rows = events.max(looked.rows);
    let mut names: Vec<(&Vec<u8>, u64)> = looked
        .names
        .iter()
        .map(|(name, count)| (name, *count))
        .collect();
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
    let why = match rows {
        0 => why_of(0, &[]),
        _ if looked.counted > 0 => format!(
            "{} of {rows} events are flyer_open or item_open, and each lacks a user, a flyer or a merchant",
            looked.counted
        ),
        _ if names.is_empty() => format!("none of {rows} rows can be read"),
        _ => format!(
            "none of {rows} events is flyer_open or item_open: found {}; rename them in the column \
             that --columns events.event=COLUMN names",
            names.join(", ")
        ),
    };
    Finding {
        source: Source::Events,
        rows,
        why,
        times: looked.times,
        closed: None,
    }
}

/// Reads the names and times of events, until so many are found that count.
fn look((job, context): (&Job, &RunContext), opened: &[Opened], enough: u64) -> Result<Looked> {
    let name = |ours| job.column(Source::Events, ours);
    let columns = [
        (name("event"), ColumnType::TextId),
        (name("timestamp"), ColumnType::Time),
    ];
    let has_enough = |looked: &Looked| looked.counted >= enough;
    let looks = read_again(
        (job, context),
        opened.iter(),
        &columns,
        has_enough,
        Looked::add,
    )?;
    let mut all = Looked::default();
    for looked in looks {
        for (name, count) in looked.names {
            *all.names.entry(name).or_default() += count;
        }
        all.times = both(all.times, looked.times);
        all.rows += looked.rows;
        all.counted += looked.counted;
    }
    Ok(all)
}

impl Looked {
    /// Adds the rows of a batch.
    fn add(&mut self, batch: &Batch<'_>) {
        for row in batch.rows {
            self.rows += 1;
            let name = batch.cells[EVENT].texts().get(*row);
            self.counted += u64::from(COUNTED.contains(&name));
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
