//! The tables of `dwell` by day: a folder for each day, with the files of each table.
//!
//! ```text
//! partitions of users ──► group ──► op ──► rows of the days asked for, by day
//!                                                └──► date=D/{user_merchant,merchant,…}.{csv,parquet}
//! ```
//! **In / Out**: [`DwellRead`] → rows by day → files, manifests and metrics of each day and of the whole.
//! **Invariants**: the files of a day follow from the rows of the day alone: a row group has a fixed number
//! of them, and no column of partitions. So a run of one day makes the bytes that a run of all days makes.
//! **Cost**: all rows of the run are in memory, 40 bytes each, and what they are made from.

use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;

use super::places::encode_places;
use super::users::{UserBuffers, encode_user_days, encode_users, find_stays};
use super::{
    DateColumn, DwellRead, DwellReport, counts_of, flyer_schema, merchant_schema, user_day_schema,
    user_schema,
};
use crate::context::{RunContext, Stage};
use crate::dictionary::RankedDictionary;
use crate::encode::TableEncoder;
use crate::error::Result;
use crate::ids::{Day, count64, index};
use crate::job::{Job, JobKind, MoreTable};
use crate::kernel::op::dwell::{PlaceDay, Stay, UserDay, UserTotal, place_days};
use crate::manifest::{self, DwellCounts, DwellDayCounts, EventCounts, EventFindings};
use crate::metrics::{DwellMetrics, DwellRun, RejectedRows, StayCounts, StaySeconds};
use crate::output::commit::{DayOutcome, Outcome, commit, judge};
use crate::output::table::{TableFiles, TableRows};
use crate::publish::{Part, StagingDir, Target, day_folder};
use crate::warnings::{Noticed, entries};

/// Rows of a row group.
const GROUP_ROWS: usize = 1 << 17;

/// The rows of a day, in the order of the output, and what those of places are made from.
#[derive(Debug, Default)]
pub(crate) struct DayTables {
    stays: Vec<(u32, Stay)>,
    totals: Vec<(u32, UserTotal)>,
    merchants: Vec<UserDay>,
    flyers: Vec<UserDay>,
}

/// The rows of all days asked for.
#[derive(Debug, Default)]
pub(crate) struct TablesByDay {
    days: BTreeMap<Day, DayTables>,
    /// Users with a row.
    users: u64,
    duplicates: u64,
}

/// What was written of a day.
struct DayWritten {
    day: Day,
    parts: Vec<Part>,
    counts: DwellDayCounts,
    /// Users with a row on the day.
    users: u64,
    seconds: StaySeconds,
}

impl TablesByDay {
    /// The days that have rows.
    pub(crate) fn days(&self) -> &BTreeMap<Day, DayTables> {
        &self.days
    }

    /// The number of merchants with a row.
    fn merchants_count(&self, read: &DwellRead) -> u64 {
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

/// Finds the rows of the days asked for, but for days that the output keeps.
///
/// # Errors
/// If events cannot be read back, or the memory of the job is used up.
pub(crate) fn collect(job: &Job, context: &RunContext, read: &DwellRead) -> Result<TablesByDay> {
    context.enter(Stage::WRITE, read.events_count);
    let partitions = (0..read.partitions.count()).into_par_iter();
    let found: Vec<Result<TablesByDay>> = partitions
        .map_init(UserBuffers::default, |buffers, partition| {
            context.check()?;
            rows_of_partition(job, context, read, (partition, buffers))
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
    (partition, buffers): (usize, &mut UserBuffers),
) -> Result<TablesByDay> {
    let counted = find_stays(job, context, read, partition, buffers)?;
    let wants = |day: Day| job.wants_day(day) && !read.inputs.skipped.contains(&day);
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
    context.count_written(counted.events);
    Ok(found)
}

/// The encoders of the tables.
struct Encoders {
    user_merchants: TableEncoder,
    merchants: TableEncoder,
    user_days: TableEncoder,
    flyers: TableEncoder,
}

/// Writes the tables of each day, and publishes them, unless `notice` refuses the counts.
///
/// # Errors
/// If the output cannot be made or written, or is refused.
pub(crate) fn write_days(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    read: &DwellRead,
    found: TablesByDay,
    notice: impl FnOnce(&DwellRead, &DwellReport) -> Result<Noticed>,
) -> Result<DwellReport> {
    let (date, types) = (DateColumn::InFolder, read.types);
    let encoders = Encoders {
        user_merchants: TableEncoder::new(job.codec, user_schema(types, date))?,
        merchants: TableEncoder::new(job.codec, merchant_schema(types, date))?,
        user_days: TableEncoder::new(job.codec, user_day_schema(types, date))?,
        flyers: TableEncoder::new(job.codec, flyer_schema(types, date))?,
    };
    let mut report = read.report.clone();
    (report.users, report.duplicates) = (found.users, found.duplicates);
    report.merchants = found.merchants_count(read);
    let mut written = Vec::new();
    for (day, tables) in found.days {
        context.check()?;
        let writer = DayWriter {
            job,
            context,
            target: Target::StagingDir(staging),
            folder: &day_folder(JobKind::Dwell, day),
        };
        written.push(writer.write(read, &encoders, day, tables)?);
    }
    sum_up(&mut report, &written);
    report.days_skipped = read.inputs.days_skipped(job);
    report.rejected = count64(read.inputs.rejected.len());
    let noticed = notice(read, &report)?;
    let of_run = counts_of(job, &report);
    let metrics = written
        .iter()
        .map(|day| metrics_of(day, &of_run, read, &noticed));
    let metrics: Vec<DwellMetrics> = metrics.collect();
    let outcome = Outcome {
        settings: manifest::dwell_settings(job, read.types),
        actions: findings_of(&of_run),
        days: written.iter().map(outcome_of).collect(),
        metrics,
        extends: None,
    };
    context.enter(Stage::PUBLISH, 0);
    context.check()?;
    let files = read.inputs.files(job)?;
    let run = judge(staging, &read.inputs.gates, &files, &outcome.metrics)?;
    commit(job, context, staging, &files, &run, &outcome)?;
    report.warnings = noticed.warnings;
    Ok(report)
}

/// Completes the report with what was written.
fn sum_up(report: &mut DwellReport, written: &[DayWritten]) {
    let first = written.first().map(|day| day.day);
    report.days = first.zip(written.last().map(|day| day.day));
    for day in written {
        report.user_rows += day.counts.user_merchant_rows;
        report.merchant_rows += day.counts.merchant_rows;
        report.user_day_rows += day.counts.user_rows.unwrap_or(0);
        report.flyer_rows += day.counts.flyer_rows.unwrap_or(0);
        report.bytes += day.parts.iter().map(|part| part.bytes).sum::<u64>();
    }
}

/// What the manifest says of a day.
fn outcome_of(day: &DayWritten) -> DayOutcome<'_, DwellDayCounts> {
    DayOutcome {
        day: day.day,
        rows: day.counts.user_merchant_rows,
        cutoffs: None,
        counts: day.counts.clone(),
        parts: &day.parts,
    }
}

/// The metrics of a day.
fn metrics_of(
    day: &DayWritten,
    of_run: &DwellCounts,
    read: &DwellRead,
    noticed: &Noticed,
) -> DwellMetrics {
    let counts = &day.counts;
    DwellMetrics {
        warnings: entries(&noticed.warnings),
        counts: StayCounts {
            all: DwellCounts {
                users: day.users,
                merchants: counts.merchant_rows,
                user_merchant_rows: counts.user_merchant_rows,
                merchant_rows: counts.merchant_rows,
                user_rows: counts.user_rows,
                flyer_rows: counts.flyer_rows,
                ..of_run.clone()
            },
            avg_seconds: day.seconds.classes(),
        },
        run: Some(DwellRun {
            rejected: RejectedRows::new(&read.inputs.rejected),
            unused_sources: Some(noticed.unused_sources),
        }),
    }
}

/// What the run found in the events.
fn findings_of(counts: &DwellCounts) -> EventFindings {
    EventFindings {
        events: EventCounts {
            rows: counts.events,
            opens: counts.opens,
            other_events: counts.other_events,
            ignored_events: counts.ignored_events,
            duplicate_events: counts.duplicate_events,
            null_users: counts.null_users,
            null_flyers: counts.null_flyers,
            null_merchants: counts.null_merchants,
            rejected: counts.rejected,
        },
    }
}

/// Where the tables of a day go.
struct DayWriter<'a> {
    job: &'a Job,
    context: &'a RunContext,
    target: Target<'a>,
    folder: &'a str,
}

impl DayWriter<'_> {
    /// Writes the tables of a day.
    fn write(
        &self,
        read: &DwellRead,
        encoders: &Encoders,
        day: Day,
        tables: DayTables,
    ) -> Result<DayWritten> {
        self.target.make_day(day)?;
        let (date, own) = (DateColumn::InFolder, self.job.dwell());
        let (stays, totals) = (&tables.stays, &tables.totals);
        let (encoder, merchants) = (&encoders.user_merchants, &read.merchants);
        let encode = |rows: Range<usize>| encode_users(read, encoder, &stays[rows], date);
        let of_users = self.table("user_merchant", encoder, stays.len(), encode)?;
        let of_merchants =
            self.places("merchant", &encoders.merchants, merchants, tables.merchants)?;
        let mut counts = DwellDayCounts {
            user_merchant_rows: of_users[0].rows,
            merchant_rows: of_merchants[0].rows,
            user_rows: None,
            flyer_rows: None,
        };
        let mut parts = Vec::from(of_users);
        parts.extend(of_merchants);
        if own.makes(MoreTable::User) {
            let encoder = &encoders.user_days;
            let encode = |rows: Range<usize>| encode_user_days(read, encoder, &totals[rows], date);
            let of_days = self.table("user", encoder, totals.len(), encode)?;
            counts.user_rows = Some(of_days[0].rows);
            parts.extend(of_days);
        }
        if let Some(flyers) = &read.flyers {
            let of_flyers = self.places("flyer", &encoders.flyers, flyers, tables.flyers)?;
            counts.flyer_rows = Some(of_flyers[0].rows);
            parts.extend(of_flyers);
        }
        let mut seconds = StaySeconds::default();
        stays
            .iter()
            .for_each(|(_, stay)| seconds.add(stay.avg_seconds));
        // Users are in order.
        let users = stays.chunk_by(|a, b| a.0 == b.0).count();
        Ok(DayWritten {
            day,
            parts,
            counts,
            users: count64(users),
            seconds,
        })
    }

    /// Writes a table of places.
    fn places(
        &self,
        name: &'static str,
        encoder: &TableEncoder,
        ids: &RankedDictionary,
        mut shares: Vec<UserDay>,
    ) -> Result<[Part; 2]> {
        // By place, then by seconds: a total order makes sums of floats reproducible.
        shares.par_sort_unstable_by_key(|share| (share.place, share.seconds_bits));
        let mut rows: Vec<PlaceDay> = Vec::new();
        for run in shares.chunk_by(|a, b| a.place == b.place) {
            place_days(run, &mut rows);
        }
        let encode =
            |at: Range<usize>| encode_places(ids, encoder, &rows[at], DateColumn::InFolder);
        self.table(name, encoder, rows.len(), encode)
    }

    /// Writes a table of so many rows.
    fn table(
        &self,
        name: &'static str,
        encoder: &TableEncoder,
        rows_count: usize,
        encode: impl Fn(Range<usize>) -> Result<TableRows> + Sync,
    ) -> Result<[Part; 2]> {
        let files = TableFiles::create((self.target, self.folder), name, encoder)?;
        let make = |(): &mut (), group: usize| {
            let start = group * GROUP_ROWS;
            encode(start..(start + GROUP_ROWS).min(rows_count)).map(Some)
        };
        files.write(self.context, rows_count.div_ceil(GROUP_ROWS), || (), make)
    }
}
