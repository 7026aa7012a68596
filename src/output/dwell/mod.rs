//! Events to the tables of `dwell`, a manifest and metrics.
//!
//! ```text
//! partitions of users ──► group ──► op ──► user_merchant.{csv,parquet}, user.{csv,parquet}
//!                                    ├──► partitions of merchants ──► sort ──► merchant.{csv,parquet}
//!                                    └──► partitions of flyers ──► sort ──► flyer.{csv,parquet}
//! ```
//! **In / Out**: [`DwellRead`] → two files of each table ([`make`]), then a manifest, metrics, rejected
//! rows, a [`DwellReport`] ([`publish`]). The tables `user` and `flyer` are made if they are asked for.
//! **Order**: by the columns of ids, in their order, then by day; ids as in `dictionary`: integers by
//! value, texts by their bytes.
//! **Invariants**: a row group holds the users of one partition, and partitions follow from the
//! number of users and of events: the files depend on the input and the settings alone.

mod by_day;
mod find;
mod places;
mod shard;
mod users;
mod write_days;

use std::sync::{Mutex, PoisonError};

use arrow::datatypes::{DataType, Field};
use serde::{Deserialize, Serialize};

pub(crate) use self::by_day::{TablesByDay, collect};
pub(crate) use self::find::{EventRows, StayRows, UserRows};
use self::places::{PlaceTable, write_places};
pub(crate) use self::places::{flyer_schema, merchant_schema};
pub(crate) use self::shard::{ShardTables, write_shard};
use self::users::{PlaceShares, ThreadShares, write_users};
pub(crate) use self::users::{user_day_schema, user_schema};
pub(crate) use self::write_days::{make_days, publish_days};
use super::commit::{FilesRead, judge};
use crate::context::{RunContext, Stage};
use crate::dictionary::RankedDictionary;
use crate::error::Result;
use crate::ids::{Day, both, count64};
use crate::job::{Job, MoreTable};
use crate::kernel::chunk::RowChunk;
use crate::kernel::op::dwell::UserDay;
use crate::kernel::partition::Split;
use crate::manifest::{
    self, DwellCounts, FileEntry, Findings, MADE_BY, Manifest, RunFiles, Scope, SetDays,
    empty_count,
};
use crate::metrics::{self, DwellMetrics, DwellRun, Gates, RejectedRows, StayCounts, StaySeconds};
use crate::publish::{Part, StagingDir, Target, Whole};
use crate::scan::events::IdTypes;
use crate::store::spill::{Partitions, Spill};
use crate::warnings::{Noticed, Warning, entries};

/// What a run of `dwell` read and published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DwellReport {
    /// Files of input.
    pub files: u64,
    /// Events in them.
    pub events: u64,
    /// Of them, those that open a flyer or an item.
    pub opens: u64,
    /// Events with names that have no role.
    #[serde(rename = "other_events")]
    pub others: u64,
    /// Events with names that are passed over.
    #[serde(rename = "ignored_events")]
    pub ignored: u64,
    /// Events on a flyer that are equal to another one, whether they are kept or left out.
    #[serde(rename = "duplicate_events")]
    pub duplicates: u64,
    /// Events without a user; they are left out.
    pub null_users: u64,
    /// Events that open a flyer or an item, without a flyer; they are left out.
    pub null_flyers: u64,
    /// Such events without a merchant; they are left out.
    pub null_merchants: u64,
    /// Rows that could not be used, and were set aside.
    pub rejected: u64,
    /// Users with time on a flyer, or an event on one.
    pub users: u64,
    /// Merchants of these flyers.
    pub merchants: u64,
    /// Rows of `user_merchant`.
    #[serde(rename = "user_merchant_rows")]
    pub user_rows: u64,
    /// Rows of `merchant`.
    pub merchant_rows: u64,
    /// Rows of `user`; 0 if it was not asked for.
    pub user_day_rows: u64,
    /// Rows of `flyer`; 0 if it was not asked for.
    pub flyer_rows: u64,
    /// The first and the last day of the rows.
    pub days: Option<(Day, Day)>,
    /// Days that were asked for, and left as the output has them.
    pub days_skipped: u64,
    /// Bytes of all tables.
    pub bytes: u64,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
}

/// Where the day of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateColumn {
    /// In a column of the file.
    InFile,
    /// In the name of the folder of the file, `date=YYYY-MM-DD`, and in no column: readers of such folders make
    /// one of it.
    InFolder,
}

impl DateColumn {
    /// The column, if it is in the file.
    fn field(self) -> Option<Field> {
        let field = || Field::new("date", DataType::Date32, false);
        (self == DateColumn::InFile).then(field)
    }
}

/// What tables are made from: rows in partitions of users, and the ids that they name.
pub(crate) struct DwellRead {
    /// The types of ids.
    pub(crate) types: IdTypes,
    /// The users, in the order of the output.
    pub(crate) users: RankedDictionary,
    /// The flyers, in the order of the output, if there is a table of them.
    pub(crate) flyers: Option<RankedDictionary>,
    /// The merchants, in the order of the output.
    pub(crate) merchants: RankedDictionary,
    pub(crate) rows: UserRows,
    /// Events that count, which decide how many partitions there are.
    pub(crate) events_count: u64,
    /// For each thread, the file to which shares of tables of places spill.
    pub(crate) spills: Vec<Spill>,
    pub(crate) totals: EventTotals,
}

/// Counts of the events that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventTotals {
    pub(crate) events: u64,
    pub(crate) opens: u64,
    pub(crate) others: u64,
    pub(crate) ignored: u64,
    pub(crate) null_users: u64,
    pub(crate) null_flyers: u64,
    pub(crate) null_merchants: u64,
    /// Events that are equal to another one, as far as shards have counted them.
    pub(crate) duplicates: u64,
}

impl DwellRead {
    /// Steps of progress: the events, or the rows that were found of them.
    pub(crate) fn steps(&self) -> u64 {
        match &self.rows {
            UserRows::Events(_) => self.events_count,
            UserRows::Stays(rows) => {
                let partitions = 0..rows.stays.count();
                partitions.map(|at| count64(rows.stays.rows_of(at))).sum()
            }
        }
    }
}

impl EventTotals {
    /// Adds the counts of other events.
    pub(crate) fn add(&mut self, other: &EventTotals) {
        for (own, more) in [
            (&mut self.events, other.events),
            (&mut self.opens, other.opens),
            (&mut self.others, other.others),
            (&mut self.ignored, other.ignored),
            (&mut self.null_users, other.null_users),
            (&mut self.null_flyers, other.null_flyers),
            (&mut self.null_merchants, other.null_merchants),
            (&mut self.duplicates, other.duplicates),
        ] {
            *own += more;
        }
    }

    /// A report that has these counts.
    fn report(&self) -> DwellReport {
        DwellReport {
            events: self.events,
            opens: self.opens,
            others: self.others,
            ignored: self.ignored,
            duplicates: self.duplicates,
            null_users: self.null_users,
            null_flyers: self.null_flyers,
            null_merchants: self.null_merchants,
            ..DwellReport::default()
        }
    }
}

/// The tables, as they were written.
pub(crate) struct TablesWritten {
    /// The files: `user_merchant`, `merchant`, then `user` and `flyer` if they are made, each as CSV and
    /// Parquet.
    pub(crate) parts: Vec<Part>,
    /// The counts, but for those of files.
    pub(crate) report: DwellReport,
    pub(crate) types: IdTypes,
    seconds: StaySeconds,
}

impl DwellReport {
    /// The same with the counts of files.
    pub(crate) fn of_files(mut self, files: &FilesRead) -> DwellReport {
        self.files = files.count();
        self.rejected = files.rejected_count();
        self.days_skipped = files.days_skipped;
        self
    }
}

/// Publishes tables, unless a gate fails.
///
/// # Errors
/// If a gate fails, or the output cannot be written.
pub(crate) fn publish(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    (files, gates): (&FilesRead, &Gates),
    tables: TablesWritten,
    noticed: Noticed,
) -> Result<DwellReport> {
    context.enter(Stage::PUBLISH, 0);
    context.check()?;
    let mut report = tables.report.of_files(files);
    let metrics = DwellMetrics {
        warnings: entries(&noticed.warnings),
        counts: StayCounts {
            all: counts_of(job, &report),
            avg_seconds: tables.seconds.classes(),
        },
        run: Some(DwellRun {
            rejected: RejectedRows::new(&files.rejected),
            unused_sources: Some(noticed.unused_sources),
        }),
    };
    report.warnings = noticed.warnings;
    let of_run = std::slice::from_ref(&metrics);
    let run = judge(staging, gates, files, of_run)?;
    let manifest = manifest_of(job, tables.types, &report, &tables.parts, run);
    let whole = Whole {
        manifest: &|_| Ok(manifest::sealed(&manifest)),
        metrics: &|_| Ok(metrics::whole_text(&metrics, Vec::new())),
        extends: None,
    };
    staging.publish(context, &[], &whole)?;
    context.leave();
    Ok(report)
}

/// Makes the tables.
///
/// # Errors
/// If they cannot be written, or the memory of the job is used up.
pub(crate) fn make(
    job: &Job,
    context: &RunContext,
    target: Target<'_>,
    read: &mut DwellRead,
) -> Result<TablesWritten> {
    // From the number of events and not from memory: partitions become row groups, so bytes would
    // depend on the limit.
    let bits = Split::bits_for(read.events_count);
    let split = Split::new(read.merchants.count(), bits);
    let of_flyers = read.flyers.as_ref();
    let of_flyers = of_flyers.map(|flyers| Split::new(flyers.count(), bits));
    let spills = std::mem::take(&mut read.spills).into_iter();
    let shares: Vec<_> = spills
        .map(|spill| Mutex::new(ThreadShares::new(split, of_flyers, spill)))
        .collect();
    let of_users = write_users(job, context, target, read, &shares)?;
    let mut report = read.totals.report();
    let (mut merchants, mut flyers) = (Vec::new(), Vec::new());
    let mut seconds = StaySeconds::default();
    for shares in shares {
        let shares = shares.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.duplicates += shares.duplicates;
        report.users += shares.users;
        report.days = both(report.days, shares.days);
        // Counts of classes and no floats: the result does not depend on the order of threads.
        seconds.merge(&shares.seconds);
        merchants.push(shares.merchants);
        flyers.extend(shares.flyers);
    }
    let merchants = gather(split, merchants, context);
    let table = PlaceTable {
        name: "merchant",
        id_column: "merchant_id",
        id_type: read.types.merchant,
        ids: &read.merchants,
    };
    let (of_merchants, merchants_count) = write_places(job, context, target, &table, &merchants)?;
    report.merchants = merchants_count;
    let mut of_users = of_users.into_iter();
    let mut tables: Vec<[Part; 2]> = of_users.next().into_iter().collect();
    tables.push(of_merchants);
    // Both files of a table have the same rows.
    let rows = |table: &[Part; 2]| table[0].rows;
    report.user_rows = rows(&tables[0]);
    report.merchant_rows = rows(&tables[1]);
    if let Some(of_days) = of_users.next() {
        report.user_day_rows = rows(&of_days);
        tables.push(of_days);
    }
    if let (Some(ids), Some(split)) = (&read.flyers, of_flyers) {
        let table = PlaceTable {
            name: "flyer",
            id_column: "flyer_id",
            id_type: read.types.flyer,
            ids,
        };
        let flyers = gather(split, flyers, context);
        let (of_flyers, _) = write_places(job, context, target, &table, &flyers)?;
        report.flyer_rows = rows(&of_flyers);
        tables.push(of_flyers);
    }
    let parts: Vec<Part> = tables.into_iter().flatten().collect();
    report.bytes = parts.iter().map(|part| part.bytes).sum();
    Ok(TablesWritten {
        parts,
        report,
        types: read.types,
        seconds,
    })
}

/// Joins the shares of all threads.
fn gather(
    split: Split,
    shares: Vec<PlaceShares>,
    context: &RunContext,
) -> Partitions<RowChunk<UserDay>> {
    let (mut writers, mut spills) = (Vec::new(), Vec::new());
    for shares in shares {
        context.count_spilled(shares.spill.bytes());
        writers.push(shares.writer);
        spills.push(shares.spill);
    }
    Partitions::gather(split, writers, spills)
}

/// The manifest.
fn manifest_of(
    job: &Job,
    types: IdTypes,
    report: &DwellReport,
    parts: &[Part],
    run: RunFiles,
) -> Manifest<DwellCounts, Findings> {
    Manifest {
        made_by: MADE_BY.to_owned(),
        job: job.kind(),
        of: Scope::Whole,
        settings: manifest::dwell_settings(job, types),
        counts: counts_of(job, report),
        actions: None,
        days: SetDays::Range(report.days),
        parts: parts.iter().map(FileEntry::from).collect(),
        vocabulary: None,
        empty_inputs: empty_count(&run.inputs),
        inputs: run.inputs,
        action_inputs: None,
        quarantine: run.quarantine,
    }
}

/// The counts in the manifest.
fn counts_of(job: &Job, report: &DwellReport) -> DwellCounts {
    let own = job.dwell();
    // Only where they say something that the settings ask for, so that other manifests stay what they
    // are.
    let with_roles = |count: u64| (!own.has_usual_roles()).then_some(count);
    DwellCounts {
        events: report.events,
        opens: report.opens,
        other_events: with_roles(report.others),
        ignored_events: with_roles(report.ignored),
        duplicate_events: report.duplicates,
        null_users: report.null_users,
        null_flyers: report.null_flyers,
        null_merchants: report.null_merchants,
        rejected: report.rejected,
        users: report.users,
        merchants: report.merchants,
        user_merchant_rows: report.user_rows,
        merchant_rows: report.merchant_rows,
        user_rows: own.makes(MoreTable::User).then_some(report.user_day_rows),
        flyer_rows: own.makes(MoreTable::Flyer).then_some(report.flyer_rows),
    }
}
