//! The stays of the users of a partition: from their events, or as shards have found them.
//!
//! **Invariants**: rows are in the order of users, of merchants and of days, whichever way they come.

use bumpalo::Bump;

use super::DwellRead;
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::count64;
use crate::job::{Dedup, DwellMethod, Job, MoreTable};
use crate::kernel::chunk::{Chunk, RowChunk};
use crate::kernel::op::dwell::{
    FlyerEvent, Measure, RepeatRule, Scratch, Stay, UserDay, UserStay, UserTotal, UserTotalRow,
    flyer_days, sessions, spans, user_totals,
};
use crate::kernel::sort::sort_run;
use crate::output::runs::KeyRuns;
use crate::store::spill::Partitions;

/// What the rows of users are made from, in partitions of users.
pub(crate) enum UserRows {
    /// Their events.
    Events(EventRows),
    /// Their stays, which shards have found.
    Stays(StayRows),
}

/// Events of users.
pub(crate) struct EventRows {
    pub(crate) partitions: Partitions<RowChunk<FlyerEvent>>,
    /// Whether events that neither open nor close anything are distinguished by their names.
    pub(crate) names_told: bool,
}

/// Stays of users, in no order.
pub(crate) struct StayRows {
    pub(crate) stays: Partitions<RowChunk<UserStay>>,
    /// The rows of the table of users by day, if it is made.
    pub(crate) totals: Option<Partitions<RowChunk<UserTotalRow>>>,
    /// The time of users on each flyer, in any partition, if there is a table of flyers.
    pub(crate) flyer_days: Option<Partitions<RowChunk<UserDay>>>,
}

impl UserRows {
    /// The number of partitions.
    pub(crate) fn partitions_count(&self) -> usize {
        match self {
            UserRows::Events(rows) => rows.partitions.count(),
            UserRows::Stays(rows) => rows.stays.count(),
        }
    }
}

/// Buffers of a thread.
#[derive(Default)]
pub(super) struct UserBuffers {
    arena: Bump,
    /// For the stays of one user.
    scratch: Scratch,
    /// The rows of a partition.
    pub(super) rows: Vec<(u32, Stay)>,
    /// The rows of a user.
    stays: Vec<Stay>,
    /// The rows of a partition in the table of users by day, if it is made.
    pub(super) day_rows: Vec<(u32, UserTotal)>,
    /// Those of a user.
    totals: Vec<UserTotal>,
    /// The time of each user of a partition on each flyer, if there is a table of them.
    pub(super) flyer_days: Vec<UserDay>,
}

/// What the users of a partition did.
pub(super) struct StaysFound {
    /// The events, or the rows that were found of them.
    pub(super) rows: u64,
    pub(super) duplicates: u64,
    /// Of them, those that are duplicates only by their names.
    pub(super) repeats_by_name: u64,
    /// Users with a row.
    pub(super) users: u64,
}

impl UserBuffers {
    /// Removes the rows of a partition.
    fn clear(&mut self) {
        self.rows.clear();
        self.day_rows.clear();
        self.flyer_days.clear();
    }
}

impl StayRows {
    /// Takes the rows of a partition.
    fn take(
        &self,
        partition: usize,
        context: &RunContext,
        buffers: &mut UserBuffers,
    ) -> Result<StaysFound> {
        buffers.clear();
        let keys = self.stays.keys_of(partition);
        buffers.arena.reset();
        let chunks = self.stays.take(partition, context)?;
        let mut stays = KeyRuns::group(chunks, &keys, |row| row.user, context, &buffers.arena)?;
        let mut users = 0;
        for run in stays.each().filter(|run| !run.is_empty()) {
            users += 1;
            // All rows of a user are of one shard, but may come in the order of chunks.
            run.sort_unstable_by_key(|row| (row.stay.merchant, row.stay.day));
            let rows = run.iter().map(|row| (row.user, row.stay));
            buffers.rows.extend(rows);
        }
        let rows = count64(stays.rows.len());
        context.free_memory(stays.bytes());
        if let Some(totals) = &self.totals {
            let chunks = totals.take(partition, context)?;
            let arena = &buffers.arena;
            let mut totals = KeyRuns::group(chunks, &keys, |row| row.user, context, arena)?;
            for run in totals.each() {
                run.sort_unstable_by_key(|row| row.total.day);
                let rows = run.iter().map(|row| (row.user, row.total));
                buffers.day_rows.extend(rows);
            }
            context.free_memory(totals.bytes());
        }
        if let Some(shares) = &self.flyer_days {
            for chunk in shares.take(partition, context)? {
                buffers.flyer_days.extend_from_slice(chunk.rows());
                context.free_memory(chunk.bytes());
            }
        }
        Ok(StaysFound {
            rows,
            duplicates: 0,
            repeats_by_name: 0,
            users,
        })
    }
}

/// Finds the stays of all users of a partition.
///
/// # Errors
/// If rows cannot be read back, or the memory of the job is used up.
pub(super) fn find_stays(
    job: &Job,
    context: &RunContext,
    read: &DwellRead,
    partition: usize,
    buffers: &mut UserBuffers,
) -> Result<StaysFound> {
    match &read.rows {
        UserRows::Events(rows) => stays_of_events(job, context, rows, partition, buffers),
        UserRows::Stays(rows) => rows.take(partition, context, buffers),
    }
}

/// Finds the stays of all users of a partition from their events.
fn stays_of_events(
    job: &Job,
    context: &RunContext,
    rows: &EventRows,
    partition: usize,
    buffers: &mut UserBuffers,
) -> Result<StaysFound> {
    let own = job.dwell();
    let keys = rows.partitions.keys_of(partition);
    let chunks = rows.partitions.take(partition, context)?;
    buffers.clear();
    buffers.arena.reset();
    let mut events = KeyRuns::group(chunks, &keys, |event| event.user, context, &buffers.arena)?;
    let (mut repeats_by_name, mut duplicates, mut users) = (0, 0, 0);
    let measure = match own.dwell_method {
        DwellMethod::Span => Measure::Span(own.divide_by),
        DwellMethod::Session => Measure::Session,
    };
    let repeats = RepeatRule {
        are_dropped: job.dedup == Dedup::Exact,
        names_compared: rows.names_told,
    };
    for (user, run) in keys.zip(events.each()) {
        buffers.stays.clear();
        let repeated = match own.dwell_method {
            DwellMethod::Span => {
                let divide_by = own.divide_by;
                let (scratch, stays) = (&mut buffers.scratch, &mut buffers.stays);
                spans(run, divide_by, repeats, scratch, stays)
            }
            // Only sessions follow events in order; spans sort pieces of their own.
            DwellMethod::Session => {
                sort_run(run);
                let (idle_us, zone) = (own.idle_timeout_us, job.zone());
                let (scratch, stays) = (&mut buffers.scratch, &mut buffers.stays);
                sessions(run, idle_us, repeats, zone, scratch, stays)
            }
        };
        duplicates += u64::from(repeated.all);
        repeats_by_name += u64::from(repeated.by_name);
        users += u64::from(!buffers.stays.is_empty());
        buffers
            .rows
            .extend(buffers.stays.iter().map(|stay| (user, *stay)));
        if own.makes(MoreTable::User) {
            buffers.totals.clear();
            user_totals(measure, &mut buffers.scratch, &mut buffers.totals);
            let totals = buffers.totals.iter().map(|total| (user, *total));
            buffers.day_rows.extend(totals);
        }
        if own.makes(MoreTable::Flyer) {
            flyer_days(measure, &mut buffers.scratch, &mut buffers.flyer_days);
        }
    }
    context.free_memory(events.bytes());
    Ok(StaysFound {
        rows: count64(events.rows.len()),
        duplicates,
        repeats_by_name,
        users,
    })
}
