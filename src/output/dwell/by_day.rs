//! The tables of `dwell` by day: a folder for each day, with the files of each table.
//!
//! ```text
//! partitions of users ──► group ──► op ──► rows of the days asked for, by day
//!                                                └──► date=D/{user_merchant,merchant,…}.{csv,parquet}
//! ```
//! **In / Out**: [`DwellRead`] → rows by day, which `write_days` writes.
//! **Invariants**: the files of a day follow from the rows of the day alone: a row group has a fixed number
//! of them, and no column of partitions. So a run of one day makes the bytes that a run of all days makes.
//! **Cost**: all rows of the run are in memory, 40 bytes each, and what they are made from.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::DwellRead;
use super::find::{UserBuffers, find_stays};
use crate::context::{RunContext, Stage};
use crate::error::Result;
use crate::ids::{Day, count64, index};
use crate::job::Job;
use crate::kernel::op::dwell::{Stay, UserDay, UserTotal};

/// The rows of a day, in the order of the output, and what those of places are made from.
#[derive(Debug, Default)]
pub(crate) struct DayTables {
    pub(super) stays: Vec<(u32, Stay)>,
    pub(super) totals: Vec<(u32, UserTotal)>,
    pub(super) merchants: Vec<UserDay>,
    pub(super) flyers: Vec<UserDay>,
}

/// The rows of all days asked for.
#[derive(Debug, Default)]
pub(crate) struct TablesByDay {
    pub(super) days: BTreeMap<Day, DayTables>,
    /// Users with a row.
    pub(super) users: u64,
    pub(super) duplicates: u64,
}

impl TablesByDay {
    /// The days that have rows.
    pub(crate) fn days(&self) -> &BTreeMap<Day, DayTables> {
        &self.days
    }

    /// The number of merchants with a row.
    pub(super) fn merchants_count(&self, read: &DwellRead) -> u64 {
        let mut seen = vec![false; index(read.merchants.count())];
        for share in self.days.values().flat_map(|tables| &tables.merchants) {
            seen[index(share.place)] = true;
        }
        count64(seen.iter().filter(|seen| **seen).count())
    }

    /// Adds the rows of a partition, which comes after those before it.
    fn append(&mut self, found: TablesByDay) {
        self.users += found.users;
        self.duplicates += found.duplicates;
        for (day, tables) in found.days {
            let all = self.days.entry(day).or_default();
            all.stays.extend(tables.stays);
            all.totals.extend(tables.totals);
            all.merchants.extend(tables.merchants);
            all.flyers.extend(tables.flyers);
        }
    }
}

/// Finds the rows of some days.
///
/// # Errors
/// If rows cannot be read back, or the memory of the job is used up.
pub(crate) fn collect(
    job: &Job,
    context: &RunContext,
    read: &DwellRead,
    wants: &(dyn Fn(Day) -> bool + Sync),
) -> Result<TablesByDay> {
    context.enter(Stage::WRITE, read.steps());
    let partitions = (0..read.rows.partitions_count()).into_par_iter();
    let found: Vec<Result<TablesByDay>> = partitions
        .map_init(UserBuffers::default, |buffers, partition| {
            context.check()?;
            rows_of_partition(job, context, read, wants, (partition, buffers))
        })
        .collect();
    let mut all = TablesByDay::default();
    // Partitions are ranges of users, so the rows of each day come in the order of users.
    for found in found {
        all.append(found?);
    }
    Ok(all)
}

/// The rows of the users of a partition, by day.
fn rows_of_partition(
    job: &Job,
    context: &RunContext,
    read: &DwellRead,
    wants: &(dyn Fn(Day) -> bool + Sync),
    (partition, buffers): (usize, &mut UserBuffers),
) -> Result<TablesByDay> {
    let counted = find_stays(job, context, read, partition, buffers)?;
    let mut found = TablesByDay {
        duplicates: counted.duplicates,
        ..TablesByDay::default()
    };
    let mut last_user = None;
    for (user, stay) in buffers.rows.iter().filter(|(_, stay)| wants(stay.day)) {
        found.users += u64::from(last_user != Some(*user));
        last_user = Some(*user);
        let tables = found.days.entry(stay.day).or_default();
        tables.stays.push((*user, *stay));
        tables.merchants.push(UserDay {
            day: stay.day,
            seconds_bits: stay.avg_seconds.to_bits(),
            place: stay.merchant,
        });
    }
    for (user, total) in buffers
        .day_rows
        .iter()
        .filter(|(_, total)| wants(total.day))
    {
        let tables = found.days.entry(total.day).or_default();
        tables.totals.push((*user, *total));
    }
    for share in buffers.flyer_days.iter().filter(|share| wants(share.day)) {
        let tables = found.days.entry(share.day).or_default();
        tables.flyers.push(*share);
    }
    let bytes = |tables: &DayTables| {
        let stays = tables.stays.len() * size_of::<((u32, Stay), UserDay)>();
        let totals = tables.totals.len() * size_of::<(u32, UserTotal)>();
        count64(stays + totals + tables.flyers.len() * size_of::<UserDay>())
    };
    // Once as found, and once more when all are put together.
    context.reserve_memory(found.days.values().map(bytes).sum::<u64>() * 2)?;
    context.count_written(counted.rows);
    Ok(found)
}
