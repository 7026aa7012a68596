//! What writing takes, by writing a sample of the rows into nothing.
//!
//! **In / Out**: probes of some customers on some days, and their actions → [`Rehearsed`]: rows, bytes,
//! time and memory of just these. **Invariants**: the same plan, steps and encoder as [`super::write`];
//! no file is made. **Why so**: bytes depend on how much of each history is new, and time on both; a
//! formula for either would have to be kept in step with the encoder, while this is the encoder.

use std::hash::Hasher;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use bumpalo::Bump;
use twox_hash::XxHash64;

use super::answers::{Answers, Group, Step, steps};
use super::order::in_order;
use super::plan::{DayRows, GroupPlan, plan_day};
use crate::column::EventChunk;
use crate::control::Control;
use crate::encode::{Encoder, ItemColumn, RowGroup};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Day, count64};
use crate::job::Job;
use crate::probes::Probes;
use crate::spill::Partitions;

/// What a sample of the output took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rehearsed {
    /// Rows.
    pub(crate) rows: u64,
    /// Actions in the histories of all samples.
    pub(crate) history_actions: u64,
    /// Samples.
    pub(crate) samples: u64,
    /// Bytes of Parquet.
    pub(crate) bytes: u64,
    /// Microseconds that threads sorted.
    pub(crate) sort_us: u64,
    /// Microseconds that threads encoded.
    pub(crate) encode_us: u64,
}

/// Counts and digests bytes, as the file of a part does, and keeps none.
struct Nowhere<'a>(&'a AtomicU64, XxHash64);

impl Write for Nowhere<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(count64(bytes.len()), Relaxed);
        self.1.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Microseconds since a moment.
pub(crate) fn micros_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// The rows and the parts that probes make of each day.
pub(crate) fn sizes_of_days<I: ItemColumn>(
    job: &Job,
    days: &[Day],
    probes: &Probes<I>,
) -> Vec<(u64, u64)> {
    let days = DayRows::of_all(job, days, probes);
    let size = |day: &DayRows| {
        let groups = plan_day(job, 0, day);
        (
            day.rows_count(),
            groups.last().map_or(0, |last| last.part + 1),
        )
    };
    days.iter().map(size).collect()
}

/// Makes all rows of `probes`, which are of `days`, and gives what that took.
///
/// # Errors
/// If the memory of the job is used up, or somebody asked for an end.
pub(crate) fn rehearse<I: ItemColumn>(
    job: &Job,
    control: &Control,
    probes: &Probes<I>,
    days: &[Day],
    partitions: Partitions<EventChunk<I>>,
) -> Result<Rehearsed> {
    let encoder = Encoder::new(job, control, probes.impressions.has_text_ids())?;
    let days = DayRows::of_all(job, days, probes);
    let answers = Answers::new(job, control, probes, partitions);
    let groups = days.iter().enumerate();
    let groups: Vec<GroupPlan> = groups
        .flat_map(|(at, day)| plan_day(job, at, day))
        .collect();
    let groups = answers.plan(&days, groups);
    let steps = steps(&groups, answers.partitions_count());
    let [bytes, sort_us, encode_us] = [const { AtomicU64::new(0) }; 3];
    let refused = |error: parquet::errors::ParquetError| {
        let what = error.to_string();
        Error::from(ErrorKind::Internal { what })
    };
    let mut file = encoder
        .file(Nowhere(&bytes, XxHash64::with_seed(0)))
        .map_err(refused)?;
    let mut found = Rehearsed::default();
    let make = |(bench, scratch): &mut (_, Bump), at: usize| {
        control.check()?;
        let group: &Group = match steps[at] {
            Step::Sort(partition) => {
                let began = Instant::now();
                answers.sort(partition, scratch)?;
                sort_us.fetch_add(micros_since(began), Relaxed);
                return Ok(None);
            }
            Step::Encode(group) => &groups[group],
        };
        let day = &days[group.plan.day];
        let histories = answers.wait_for(group.partitions.clone())?;
        let began = Instant::now();
        let block = day.block(job, probes, group, histories);
        let encoded = encoder.encode(bench, &block)?;
        answers.done_with(group.partitions.clone());
        encode_us.fetch_add(micros_since(began), Relaxed);
        control.charge(encoded.bytes())?;
        Ok(Some(encoded))
    };
    let take = |_, encoded: Option<RowGroup>| {
        let Some(encoded) = encoded.filter(|encoded| encoded.rows() > 0) else {
            return Ok(());
        };
        let began = Instant::now();
        found.rows += encoded.rows();
        found.samples += encoded.tally.histories.samples();
        found.history_actions += encoded.tally.histories.actions();
        let taken = encoded.bytes();
        file.append(encoded).map_err(refused)?;
        control.release(taken);
        encode_us.fetch_add(micros_since(began), Relaxed);
        Ok(())
    };
    let tools = || (encoder.workbench(), Bump::new());
    let guard = answers.guard();
    in_order(steps.len(), tools, guard.make(make), guard.take(take))?;
    file.finish().map_err(refused)?;
    found.bytes = bytes.load(Relaxed);
    found.sort_us = sort_us.load(Relaxed);
    found.encode_us = encode_us.load(Relaxed);
    Ok(found)
}
