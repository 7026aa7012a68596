//! What writing takes, measured on a sample of the rows that is written nowhere.
//!
//! **In / Out**: probes of some customers on some days, and their actions → [`DryRun`]: rows, bytes
//! and time of just these. **Invariants**: made by the code that makes the parts of a run; no file is.
//! **Why so**: bytes depend on how much of each history is new, and time on both; a formula for either
//! would have to be kept in step with the encoder, while this is the encoder.

use super::make_parts;
use super::rows::{DayProbes, plan_day};
use crate::context::RunContext;
use crate::dictionary::probes::Probes;
use crate::encode::{ItemColumn, WriteSpec};
use crate::error::Result;
use crate::ids::{Day, count64};
use crate::job::Job;
use crate::kernel::column::EventChunk;
use crate::publish::Target;
use crate::store::spill::Partitions;

/// What a sample of the output took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DryRun {
    pub(crate) rows: u64,
    /// Actions in the histories of all samples.
    pub(crate) history_actions: u64,
    pub(crate) bytes: u64,
    /// Microseconds that threads sorted.
    pub(crate) sort_us: u64,
    /// Microseconds that threads encoded.
    pub(crate) encode_us: u64,
}

/// The rows and the parts that probes make of each day.
pub(crate) fn sizes_of_days<I: ItemColumn>(
    job: &Job,
    days: &[Day],
    probes: &Probes<I>,
) -> Vec<(u64, u64)> {
    let days = DayProbes::of_days(job, days, probes);
    let size = |day: &DayProbes| {
        let groups = plan_day(job, probes, (0, day));
        let parts = groups.iter().filter(|group| group.place.ends_part);
        (day.rows_count(), count64(parts.count()))
    };
    days.iter().map(size).collect()
}

/// Makes all rows of `probes`, which are of `days`, and gives what that took.
///
/// # Errors
/// If the memory of the job is used up, or the run is cancelled.
pub(crate) fn dry_run<I: ItemColumn>(
    job: &Job,
    spec: &WriteSpec<'_>,
    context: &RunContext,
    probes: &Probes<I>,
    days: &[Day],
    partitions: Partitions<EventChunk<I>>,
) -> Result<DryRun> {
    let days = DayProbes::of_days(job, days, probes);
    let (target, items) = (Target::Nowhere, None);
    let written = make_parts(job, spec, context, target, probes, &days, items, partitions)?;
    let histories = written.parts.stats.iter().map(|stats| &stats.histories);
    Ok(DryRun {
        rows: days.iter().map(DayProbes::rows_count).sum(),
        history_actions: histories.map(|histories| histories.actions()).sum(),
        bytes: written.parts.bytes(),
        sort_us: written.sort_us,
        encode_us: written.encode_us,
    })
}
