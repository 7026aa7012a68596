//! What answering and writing take, by a sample of the impressions, written into nothing.
//!
//! **In / Out**: all impressions and a share of the clicks → [`Rehearsed`]: rows, bytes and time of the
//! same share of the impressions. **Invariants**: made by the code that makes the parts of a run; no file
//! is. Impressions are taken by stretches of time of about a row group each, so that row groups are as
//! long, and their times as near, as those of a run.

use std::collections::BTreeMap;
use std::time::Instant;

use super::{FeaturesRead, GROUP_ROWS, PartitionedClicks, make_parts, plan};
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Day, Micros, index, index64, rounded};
use crate::job::Job;
use crate::output::features::sorted_partitions::FeatureResults;
use crate::output::micros_since;
use crate::publish::Target;

impl FeaturesRead {
    /// Whether an impression is answered.
    #[inline]
    pub(super) fn is_asked(&self, row: u32) -> bool {
        self.asked.is_empty() || self.asked[index(row)]
    }
}

/// What a sample of the rows took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rehearsed {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Microseconds of making room for the answers to all.
    pub(crate) room_us: u64,
    /// Microseconds of answering these.
    pub(crate) answer_us: u64,
    /// Microseconds of encoding and writing them.
    pub(crate) write_us: u64,
}

/// The parts that so many rows of a day make.
pub(crate) fn parts_count(rows: u64) -> u64 {
    let last = plan(0, rows).last();
    last.map_or(0, |group| group.place.part + 1)
}

/// Makes the rows of one impression in `weight`, of which clicks are as large a share. The others stay
/// where they are, so that what is looked up lies as far apart as in a run.
///
/// # Errors
/// If the memory of the job is used up, or somebody asked for an end.
pub(crate) fn rehearse(
    job: &Job,
    context: &RunContext,
    (read, clicks): (&mut FeaturesRead, &PartitionedClicks),
    weight: f64,
) -> Result<Rehearsed> {
    thin(job, read, rounded(weight));
    let began = Instant::now();
    let mut answers = FeatureResults::new(job, context, read)?;
    let (room_us, began) = (micros_since(began), Instant::now());
    answers.find(job, context, read, clicks)?;
    let answer_us = micros_since(began);
    answers.stretch(rounded(weight));
    let began = Instant::now();
    let (_, written) = make_parts(job, context, Target::Nowhere, (read, &answers))?;
    Ok(Rehearsed {
        rows: read.days.values().sum(),
        bytes: written.bytes(),
        room_us,
        answer_us,
        write_us: micros_since(began),
    })
}

/// Asks for the impressions of one stretch of time in so many, and of one for each thread at least.
fn thin(job: &Job, read: &mut FeaturesRead, stride: u64) {
    let (shown, zone) = (&read.shown, job.zone());
    // Where the stretches of a day end is told by some of its times.
    let mut times: BTreeMap<Day, Vec<Micros>> = BTreeMap::new();
    for time in shown.times.iter().step_by((shown.count() >> 18) + 1) {
        times.entry(zone.day_of(*time)).or_default().push(*time);
    }
    times.values_mut().for_each(|times| times.sort_unstable());
    let mut stretches = 0;
    let mut days: BTreeMap<Day, (usize, usize)> = BTreeMap::new();
    for (day, rows) in &read.days {
        let of_day = index64(rows.div_ceil(GROUP_ROWS));
        days.insert(*day, (stretches, of_day));
        stretches += of_day;
    }
    let few = index64(stride).min(stretches / job.threads).max(1);
    let is_kept = |time: Micros| {
        let day = zone.day_of(time);
        let (first, of_day) = days[&day];
        let within = times.get(&day).map_or(0, |times| {
            times.partition_point(|other| *other < time) * of_day / times.len()
        });
        (first + within.min(of_day - 1)) % few == few / 2
    };
    let asked = shown.times.iter().map(|time| few == 1 || is_kept(*time));
    read.asked = asked.collect();
    read.days.clear();
    let times = read.shown.times.iter().zip(&read.asked);
    for (time, _) in times.filter(|(_, is_asked)| **is_asked) {
        *read.days.entry(zone.day_of(*time)).or_default() += 1;
    }
}
