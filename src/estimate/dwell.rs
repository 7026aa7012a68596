//! Estimates a job of `dwell`.
//!
//! ```text
//! events ──► one row group in R ──► the scan loop ──► rank ids ──► partition ──► both tables ──► discard
//!                                                                      └──► visits ──► growth of rows
//! ```
//! **Why so**: R times as many events are not R times as many rows, since a user who comes back to a
//! merchant on the same day adds no row. How often that happens in the sample gives the rows of all
//! events of the same days; every further day has as many rows again.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Instant;

use rayon::prelude::*;

use super::growth::Growth;
use super::memory::{Account, Memory, kept_bytes};
use super::share::{FileSample, memory_only_spills, read_file_sample, steps_read};
use super::{Planned, PlannedOf};
use crate::context::{RunContext, Stage};
use crate::engine::dwell::{check_names, open_inputs, rank_and_partition};
use crate::engine::specs::{event_choice, read_spec};
use crate::engine::tasks::room_for_rows;
use crate::engine::unused::warn_dwell;
use crate::error::Result;
use crate::ids::{Day, count64, float, rounded};
use crate::job::{Job, Source};
use crate::kernel::chunk::{Chunk, RowChunk};
use crate::kernel::op::dwell::FlyerEvent;
use crate::kernel::partition::Split;
use crate::output::dwell::{UserRows, make};
use crate::output::micros_since;
use crate::publish::Target;
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::events::{EventScan, EventState, EventsRead};
use crate::scan::statistics::time_bounds;
use crate::scan::whole_column::is_whole_column;
use crate::scan::{Opened, Task};

/// The most days of a row group; if its times span more, the days of the input are taken as unknown.
const DAYS_MAX: usize = 1000;

/// Estimates a job.
///
/// # Errors
/// The errors of a run, as far as they are met.
pub(super) fn plan(job: &Job, context: &RunContext) -> Result<Planned> {
    let began = Instant::now();
    let (mut inputs, types) = open_inputs(job, context)?;
    let mut warnings = std::mem::take(&mut inputs.warnings);
    let (open_us, rehearsal, spec) = (micros_since(began), context.unlimited(), read_spec(job));
    let policy = BadRowPolicy::new(&spec, is_whole_column);
    let scan = EventScan::new((&spec, event_choice(job)), &policy, &rehearsal, types);
    context.enter(Stage::EVENTS, 0);
    let states = memory_only_spills()
        .map(|spill| scan.state(spill))
        .collect();
    let read_task = |state: &mut EventState, task: &Task| scan.read(task, state);
    let (states, sample) = read_file_sample(job, &rehearsal, &inputs.opened, states, read_task)?;
    let events = EventsRead::new(states);
    warnings.extend(events.kinds.clone().check(&spec, &inputs.opened)?);
    let chunks: u64 = events.heaps.iter().map(|heap| heap.scatter.bytes()).sum();
    let taken = rehearsal.memory_used();
    context.enter(Stage::RANK, 0);
    let began = Instant::now();
    let mut read = rank_and_partition(job, &rehearsal, events, types)?.read;
    let rank_us = micros_since(began);
    warnings.extend(warn_dwell(job, &rehearsal, &inputs.opened)?);
    check_names(job, &read)?;
    read.spills = memory_only_spills().collect();
    let [user_visits, stay_visits] = visits(job, &read.rows);
    context.enter(Stage::WRITE, 0);
    let began = Instant::now();
    let rehearsed = make(job, &rehearsal, Target::Nowhere, &mut read)?;
    let write_us = micros_since(began);
    context.leave();

    let weights = day_weights(job, &inputs.opened, &sample);
    let report = &rehearsed.report;
    // Users come back on other days, so all visits count; rows are of one day each, and grow within
    // it.
    let users = Growth::new(report.users, user_visits).at(sample.weight);
    let user_rows = weights.scale(Growth::new(report.user_rows, stay_visits));
    let merchant_rows = weights.scale(Growth::new(report.merchant_rows, report.user_rows));
    let kept = rounded(float(read.events_count) * sample.weight);
    let base = rounded(float(taken - chunks) * times(users, report.users));
    let room = room_for_rows(context);
    // Ids never spill, so a plan fails here if a run would.
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
    let per_row = times(user_rows, report.user_rows);
    // The parts are user_merchant as CSV and as Parquet, then merchant likewise, then further tables, which
    // grow about as user_merchant does.
    let bytes = |at: usize| float(rehearsed.parts[at].bytes + rehearsed.parts[at + 1].bytes);
    let more: u64 = rehearsed.parts[4..].iter().map(|part| part.bytes).sum();
    let per_merchant_row = times(merchant_rows, report.merchant_rows);
    let of = PlannedOf::Dwell {
        events_kept: kept,
        users: rounded(users),
        user_rows: rounded(user_rows),
    };
    let read_seconds = float(open_us) / 1e6 + sample.shares.seconds(job);
    Ok(Planned {
        bytes: rounded((bytes(0) + float(more)) * per_row + bytes(2) * per_merchant_row),
        // Events that do not fit spill twice: when they are read, and when they are partitioned.
        spilled: memory.spilled * 2,
        stages: vec![
            ("read events", read_seconds),
            ("rank ids", float(rank_us) / 1e6 * sample.weight),
            ("write", float(write_us) / 1e6 * per_row),
        ],
        made_share: 1.0 / per_row,
        warnings,
        ..Planned::new(of, &inputs.opened, &sample.shares, &memory)
    })
}

/// `all / seen`; 1 if `seen` is 0.
fn times(all: f64, seen: u64) -> f64 {
    match seen {
        0 => 1.0,
        seen => all / float(seen),
    }
}

/// The number of visits by user, and by user, merchant and day. Events on flyers belong to one visit if
/// they are no further apart than the idle timeout.
fn visits(job: &Job, rows: &UserRows) -> [u64; 2] {
    let UserRows::Events(rows) = rows else {
        return [0, 0];
    };
    let visits_in = |partition: usize| {
        let mut events = Vec::new();
        // Not taken, as `make` needs the events, too. A sample never spills, so all of them are in
        // memory.
        rows.partitions.look(partition, |chunks| {
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
    let partitions = (0..rows.partitions.count()).into_par_iter();
    let add = |a: [u64; 2], b: [u64; 2]| [a[0] + b[0], a[1] + b[1]];
    partitions.map(visits_in).reduce(|| [0, 0], add)
}

/// The number of visits, given the key and the time of each event.
fn count_visits<K: Ord>(job: &Job, mut events: Vec<(K, i64)>) -> u64 {
    events.sort_unstable();
    let is_same_visit = |a: &(K, i64), b: &(K, i64)| {
        a.0 == b.0 && b.1.abs_diff(a.1) <= job.dwell().idle_timeout_us.unsigned_abs()
    };
    count64(events.chunk_by(is_same_visit).count())
}

/// How many times larger the input is than the sample.
struct DayWeights {
    /// All events of the sampled days, by those that were read.
    within: f64,
    /// All events, by those of the sampled days.
    days: f64,
}

impl DayWeights {
    /// The distinct count of the whole input: it grows with the events of a day, and each day has its own.
    fn scale(&self, growth: Growth) -> f64 {
        growth.at(self.within) * self.days
    }
}

/// Compares the sample with the input by day. If neither folders nor statistics give the days of a
/// task, all tasks are taken to have events of all days.
fn day_weights(job: &Job, opened: &[Opened], sample: &FileSample) -> DayWeights {
    let unknown = DayWeights {
        within: sample.weight,
        days: 1.0,
    };
    // Steps of each day: those of all tasks, and those that were taken.
    let mut days: BTreeMap<i32, (f64, f64)> = BTreeMap::new();
    let mut add = |task: &Task, all: u64, read: u64| {
        let of_task = days_of(job, task)?;
        let count = float(count64(of_task.clone().count()));
        for day in of_task {
            let steps = days.entry(day).or_default();
            steps.0 += float(all) / count;
            steps.1 += float(read) / count;
        }
        Some(())
    };
    let spec = read_spec(job);
    let all: Vec<Task> = opened
        .iter()
        .flat_map(|file| file.shared_tasks(&spec))
        .collect();
    let all = all.iter().map(|task| (task, task.steps, 0));
    let read = sample.tasks.iter();
    let read = read.map(|task| (task, 0, steps_read(std::slice::from_ref(task))));
    let mut steps = all.chain(read);
    if !steps.all(|(task, all, read)| add(task, all, read).is_some()) {
        return unknown;
    }
    let sum = |steps: &mut dyn Iterator<Item = &(f64, f64)>| {
        steps.fold((0.0, 0.0), |sum, day| (sum.0 + day.0, sum.1 + day.1))
    };
    let (all, read) = sum(&mut days.values());
    let (of_days, _) = sum(&mut days.values().filter(|(_, read)| *read > 0.0));
    if read <= 0.0 {
        return unknown;
    }
    DayWeights {
        within: of_days.max(read) / read,
        days: all.max(read) / of_days.max(read),
    }
}

/// The days of a task, by the statistics of its times or by its folder.
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
