//! Rows by day to the files of each day, and to manifests and metrics of each day and of the whole.

use std::ops::Range;

use rayon::prelude::*;

use super::by_day::{DayTables, TablesByDay};
use super::places::encode_places;
use super::users::{encode_user_days, encode_users};
use super::{
    DateColumn, DwellRead, DwellReport, counts_of, flyer_schema, merchant_schema, user_day_schema,
    user_schema,
};
use crate::context::{RunContext, Stage};
use crate::dictionary::RankedDictionary;
use crate::encode::TableEncoder;
use crate::error::Result;
use crate::ids::{Day, count64};
use crate::job::{Job, JobKind, MoreTable};
use crate::kernel::op::dwell::{PlaceDay, UserDay, place_days};
use crate::manifest::{self, DwellCounts, DwellDayCounts, EventCounts, EventFindings};
use crate::metrics::{DwellMetrics, DwellRun, Gates, RejectedRows, StayCounts, StaySeconds};
use crate::output::commit::{DayOutcome, FilesRead, Outcome, commit, judge};
use crate::output::table::{TableFiles, TableRows};
use crate::publish::{Part, StagingDir, Target, day_folder};
use crate::scan::events::IdTypes;
use crate::warnings::{Noticed, entries};

/// Rows of a row group.
const GROUP_ROWS: usize = 1 << 17;

/// What was written of a day.
struct DayWritten {
    day: Day,
    parts: Vec<Part>,
    counts: DwellDayCounts,
    /// Users with a row on the day.
    users: u64,
    seconds: StaySeconds,
}

/// The encoders of the tables.
struct Encoders {
    user_merchants: TableEncoder,
    merchants: TableEncoder,
    user_days: TableEncoder,
    flyers: TableEncoder,
}

/// The tables of all days, as they were written.
pub(crate) struct DaysWritten {
    days: Vec<DayWritten>,
    /// The counts, but for those of files.
    pub(crate) report: DwellReport,
    types: IdTypes,
}

/// Makes the tables of each day.
///
/// # Errors
/// If they cannot be written.
pub(crate) fn make_days(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    read: &DwellRead,
    found: TablesByDay,
) -> Result<DaysWritten> {
    let (date, types) = (DateColumn::InFolder, read.types);
    let encoders = Encoders {
        user_merchants: TableEncoder::new(job.codec, user_schema(types, date))?,
        merchants: TableEncoder::new(job.codec, merchant_schema(types, date))?,
        user_days: TableEncoder::new(job.codec, user_day_schema(types, date))?,
        flyers: TableEncoder::new(job.codec, flyer_schema(types, date))?,
    };
    let mut report = read.totals.report();
    report.users = found.users;
    report.duplicates += found.duplicates;
    report.merchants = found.merchants_count(read);
    let mut days = Vec::new();
    for (day, tables) in found.days {
        context.check()?;
        let writer = DayWriter {
            job,
            context,
            target: Target::StagingDir(staging),
            folder: &day_folder(JobKind::Dwell, day),
        };
        days.push(writer.write(read, &encoders, day, tables)?);
    }
    sum_up(&mut report, &days);
    Ok(DaysWritten {
        days,
        report,
        types,
    })
}

/// Publishes the tables of all days, unless a gate fails.
///
/// # Errors
/// If a gate fails, or the output cannot be written.
pub(crate) fn publish_days(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    (files, gates): (&FilesRead, &Gates),
    written: DaysWritten,
    noticed: Noticed,
) -> Result<DwellReport> {
    context.enter(Stage::PUBLISH, 0);
    context.check()?;
    let mut report = written.report.of_files(files);
    let of_run = counts_of(job, &report);
    let days = written.days.iter();
    let metrics = days.map(|day| metrics_of(day, &of_run, files, &noticed));
    let outcome = Outcome {
        settings: manifest::dwell_settings(job, written.types),
        actions: findings_of(&of_run),
        metrics: metrics.collect(),
        days: written.days.iter().map(outcome_of).collect(),
        extends: None,
    };
    let run = judge(staging, gates, files, &outcome.metrics)?;
    commit(job, context, staging, files, &run, &outcome)?;
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
    files: &FilesRead,
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
            rejected: RejectedRows::new(&files.rejected),
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
