//! A job of `dwell` to what it would take.
//!
//! ```text
//! events ──► one row group in R ──► the scan loop ──► rank ids ──► deal ──► both tables ──► nowhere
//!                                                                 └──► visits ──► how rows grow
//! ```
//! **Why so**: that R times as many events are there does not say how many rows there are: who comes
//! back to a merchant on the same day makes no other row. How often that is so tells of all that is not
//! read, if it is of the same days; other days have as many rows for themselves.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Instant;

use rayon::prelude::*;

use super::growth::Growth;
use super::memory::{Account, Memory, kept_bytes};
use super::share::{Sample, nowhere, read_sample_of, steps_read};
use super::{Planned, PlannedOf};
use crate::context::{RunContext, Stage};
use crate::engine::dwell::{check_names, find, rank_and_partition};
use crate::engine::specs::read_spec;
use crate::engine::unused::warn_dwell;
use crate::error::Result;
use crate::ids::{Day, count64, float, rounded};
use crate::job::{Job, Source};
use crate::kernel::chunk::{Chunk, RowChunk};
use crate::kernel::op::dwell::FlyerEvent;
use crate::kernel::partition::Split;
use crate::output::dwell::{DwellRead, make};
use crate::output::micros_since;
use crate::publish::Target;
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::events::{EventScan, EventState, EventsRead};
use crate::scan::statistics::time_bounds;
use crate::scan::whole_column::is_whole_column;
use crate::scan::{Opened, Task};

/// Days that a row group may be of, at most, to say anything.
const DAYS_MAX: usize = 1000;

/// Plans a job.
///
/// # Errors
/// Those of a run that are met.
pub(crate) fn plan(job: &Job, context: &RunContext) -> Result<Planned> {
    let began = Instant::now();
    let (mut inputs, types) = find(job, context)?;
    let mut warnings = std::mem::take(&mut inputs.warnings);
    let (found_us, rehearsal, spec) = (micros_since(began), context.unlimited(), read_spec(job));
    let specs = (&spec, job.dwell().dwell_method);
    let policy = BadRowPolicy::new(&spec, is_whole_column);
    let scan = EventScan::new(specs, &policy, &rehearsal, types);
    context.enter(Stage::EVENTS, 0);
    let states = nowhere().map(|spill| scan.state(spill)).collect();
    let each = |state: &mut EventState, task: &Task| scan.read(task, state);
    let (states, sample) = read_sample_of((job, &rehearsal), &inputs.opened, states, each)?;
    let events = EventsRead::new(states);
    warnings.extend(events.kinds.clone().check(&spec, &inputs.opened)?);
    let chunks: u64 = events.heaps.iter().map(|heap| heap.scatter.bytes()).sum();
    let taken = rehearsal.memory_used();
    context.enter(Stage::RANK, 0);
    let began = Instant::now();
    let mut read = rank_and_partition((job, &rehearsal), (events, inputs, types))?;
    let rank_us = micros_since(began);
    warnings.extend(warn_dwell((job, &rehearsal), &read.inputs.opened)?);
    check_names(job, &read)?;
    read.spills = nowhere().collect();
    let [user_visits, stay_visits] = visits(job, &read);
    context.enter(Stage::WRITE, 0);
    let began = Instant::now();
    let made = make(job, &rehearsal, Target::Nowhere, &mut read)?;
    let write_us = micros_since(began);
    context.leave();

    let (of_days, days) = days_read(job, &read.inputs.opened, &sample);
    let of = &made.report;
    let users = Growth::new(of.users, user_visits).at(sample.weight);
    let user_rows = Growth::new(of.user_rows, stay_visits).at(of_days) * days;
    let merchant_rows = Growth::new(of.merchant_rows, of.user_rows).at(of_days) * days;
    let kept = rounded(float(read.events_count) * sample.weight);
    let base = rounded(float(taken - chunks) * times(users, of.users));
    let room = context.headroom().map(|left| left / 4 * 3);
    context.reserve_memory(base)?;
    let lists = count64(Split::new(read.users.count(), Split::bits_for(kept)).partitions_count());
    let row = count64(RowChunk::<FlyerEvent>::ROW_BYTES);
    let memory = Memory::new(&Account {
        base,
        kept: &[kept_bytes(row, lists * count64(job.threads), kept)],
        working: rehearsal.memory_peak().saturating_sub(taken),
        sampled: rehearsal.memory_peak(),
        room: room.map(|room| room.saturating_sub(base)),
    });
    let per_row = times(user_rows, of.user_rows);
    let bytes = |at: usize| float(made.parts[at].bytes + made.parts[at + 1].bytes);
    let of_merchants = times(merchant_rows, of.merchant_rows);
    let of = PlannedOf::Dwell {
        events_kept: kept,
        users: rounded(users),
        user_rows: rounded(user_rows),
    };
    Ok(Planned {
        bytes: rounded(bytes(0) * per_row + bytes(2) * of_merchants),
        // What has no room as it is read has none as it is dealt.
        spilled: memory.spilled * 2,
        stages: vec![
            (
                "read events",
                float(found_us) / 1e6 + sample.shares.seconds(job),
            ),
            ("rank ids", float(rank_us) / 1e6 * sample.weight),
            ("write", float(write_us) / 1e6 * per_row),
        ],
        made_share: 1.0 / per_row,
        warnings,
        ..Planned::new(of, &read.inputs.opened, &sample.shares, &memory)
    })
}

/// How often what was seen goes into all; once, if there is nothing.
fn times(all: f64, seen: u64) -> f64 {
    match seen {
        0 => 1.0,
        seen => all / float(seen),
    }
}

/// Visits of users, and of users to merchants on a day: events on flyers that are no further apart than
/// the idle timeout are of one visit.
fn visits(job: &Job, read: &DwellRead) -> [u64; 2] {
    let of_partition = |partition: usize| {
        let mut events = Vec::new();
        read.partitions.look(partition, |chunks| {
            let rows = chunks.iter().flat_map(|(_, chunk)| chunk.rows());
            let on_flyers = rows.filter(|event| event.is_on_flyer());
            events.extend(on_flyers.map(|event| {
                let stay = (event.user, event.merchant, event.day());
                (stay, event.time.0)
            }));
        });
        let users = events.iter().map(|((user, ..), time)| (*user, *time));
        [
            count_visits(job, users.collect()),
            count_visits(job, events),
        ]
    };
    let partitions = (0..read.partitions.count()).into_par_iter();
    let both = |a: [u64; 2], b: [u64; 2]| [a[0] + b[0], a[1] + b[1]];
    partitions.map(of_partition).reduce(|| [0, 0], both)
}

/// Visits of all keys that have events at some times.
fn count_visits<K: Ord>(job: &Job, mut events: Vec<(K, i64)>) -> u64 {
    events.sort_unstable();
    let is_one = |a: &(K, i64), b: &(K, i64)| {
        a.0 == b.0 && b.1.abs_diff(a.1) <= job.dwell().idle_timeout_us.unsigned_abs()
    };
    count64(events.chunk_by(is_one).count())
}

/// How often what was read goes into all events of the same days, and these days into all. Where
/// neither folders nor statistics tell of days, all are taken to be in everything.
fn days_read(job: &Job, opened: &[Opened], sample: &Sample) -> (f64, f64) {
    // Steps of each day: those of all tasks, and those that were taken.
    let mut days: BTreeMap<i32, (f64, f64)> = BTreeMap::new();
    let mut add = |task: &Task, all: u64, read: u64| {
        let of = days_of(job, task)?;
        let count = float(count64(of.clone().count()));
        for day in of {
            let steps = days.entry(day).or_default();
            steps.0 += float(all) / count;
            steps.1 += float(read) / count;
        }
        Some(())
    };
    let spec = read_spec(job);
    let all: Vec<Task> = opened
        .iter()
        .flat_map(|of| of.shared_tasks(&spec))
        .collect();
    let all = all.iter().map(|task| (task, task.steps, 0));
    let read = sample.tasks.iter();
    let read = read.map(|task| (task, 0, steps_read(std::slice::from_ref(task))));
    let told = all
        .chain(read)
        .map(|(task, all, read)| add(task, all, read));
    if told.collect::<Option<Vec<()>>>().is_none() {
        return (sample.weight, 1.0);
    }
    let sum = |steps: &mut dyn Iterator<Item = &(f64, f64)>| {
        steps.fold((0.0, 0.0), |sum, of| (sum.0 + of.0, sum.1 + of.1))
    };
    let (all, read) = sum(&mut days.values());
    let (of_days, _) = sum(&mut days.values().filter(|(_, read)| *read > 0.0));
    match read > 0.0 {
        true => (of_days.max(read) / read, all.max(read) / of_days.max(read)),
        false => (sample.weight, 1.0),
    }
}

/// The days that a task is about, as its folder or the statistics of its times tell.
fn days_of(job: &Job, task: &Task) -> Option<RangeInclusive<i32>> {
    if let Opened::Parquet(file) = &task.opened
        && let time = job.column(Source::Events, "timestamp")
        && let Some((first, last)) = time_bounds(&read_spec(job), file, task.row_group, time)
    {
        let days = job.zone().day_of(first).0..=job.zone().day_of(last).0;
        return (days.clone().take(DAYS_MAX + 1).count() <= DAYS_MAX).then_some(days);
    }
    let Day(day) = task.opened.file().day?;
    Some(day..=day)
}
