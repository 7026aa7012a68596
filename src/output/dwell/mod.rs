//! Events to the two tables of `dwell`, a manifest and metrics.
//!
//! ```text
//! partitions of users ──► group ──► op ──► user_merchant.{csv,parquet}
//!                                    └──► partitions of merchants ──► sort ──► merchant.{csv,parquet}
//! ```
//! **In / Out**: [`DwellRead`] → four files, a manifest, metrics, rejected rows, a [`DwellReport`].
//! **Order**: by user, merchant and day, and by merchant and day; ids as in `dictionary`: integers by
//! value, texts by their bytes.
//! **Invariants**: a row group holds the users of one partition, and partitions follow from the
//! number of users and of events: the files depend on the input and the settings alone.

mod merchants;
mod users;

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

pub(crate) use self::merchants::merchant_schema;
use self::merchants::write_merchants;
pub(crate) use self::users::user_schema;
use self::users::{ThreadShares, write_users};
use super::commit::{RunInputs, judge};
use crate::context::{RunContext, Stage};
use crate::dictionary::RankedDictionary;
use crate::error::Result;
use crate::ids::{Day, both, count64};
use crate::job::Job;
use crate::kernel::chunk::RowChunk;
use crate::kernel::op::dwell::FlyerEvent;
use crate::kernel::partition::Split;
use crate::manifest::{
    self, DwellCounts, FileEntry, Findings, MADE_BY, Manifest, RunFiles, Scope, SetDays,
    empty_count,
};
use crate::metrics::{self, DwellMetrics, DwellRun, RejectedRows, StayCounts, StaySeconds};
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
    /// The first and the last day of the rows.
    pub days: Option<(Day, Day)>,
    /// Bytes of the four files.
    pub bytes: u64,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
}

/// What was read: events in partitions of users, and the ids that they name.
pub(crate) struct DwellRead {
    /// The files, and what every job kind finds in them.
    pub(crate) inputs: RunInputs,
    /// The types of ids.
    pub(crate) types: IdTypes,
    /// The users, in the order of the output.
    pub(crate) users: RankedDictionary,
    /// The merchants, in the order of the output.
    pub(crate) merchants: RankedDictionary,
    pub(crate) partitions: Partitions<RowChunk<FlyerEvent>>,
    pub(crate) events_count: u64,
    /// Whether events that neither open nor close anything are distinguished by their names.
    pub(crate) names_told: bool,
    /// For each thread, the file to which shares of the merchants' table spill.
    pub(crate) spills: Vec<Spill>,
    /// The counts so far.
    pub(crate) report: DwellReport,
}

/// Both tables, as they were written.
pub(crate) struct TablesWritten {
    /// The tables: that of users, then that of merchants, each as CSV and Parquet.
    pub(crate) parts: Vec<Part>,
    pub(crate) report: DwellReport,
    seconds: StaySeconds,
}

/// Writes both tables, and publishes them, unless `notice` refuses the counts.
///
/// # Errors
/// If the output cannot be made or written, or is refused.
pub(crate) fn write(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    mut read: DwellRead,
    notice: impl FnOnce(&DwellRead, &DwellReport) -> Result<Noticed>,
) -> Result<DwellReport> {
    context.enter(Stage::WRITE, read.events_count);
    let tables = make(job, context, Target::StagingDir(staging), &mut read)?;
    let mut report = tables.report;
    let noticed = notice(&read, &report)?;
    let metrics = DwellMetrics {
        warnings: entries(&noticed.warnings),
        counts: StayCounts {
            all: counts_of(&report),
            avg_seconds: tables.seconds.classes(),
        },
        run: Some(DwellRun {
            rejected: RejectedRows::new(&read.inputs.rejected),
            unused_sources: Some(noticed.unused_sources),
        }),
    };
    report.warnings = noticed.warnings;
    let of_run = std::slice::from_ref(&metrics);
    let run = judge(job, context, staging, &read.inputs, of_run)?;
    let manifest = manifest_of(job, &read, &report, &tables.parts, run);
    let whole = Whole {
        manifest: &|_| Ok(manifest::sealed(&manifest)),
        metrics: &|_| Ok(metrics::whole_text(&metrics, Vec::new())),
        extends: None,
    };
    staging.publish(context, &[], &whole)?;
    context.leave();
    Ok(report)
}

/// Makes both tables.
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
    let spills = std::mem::take(&mut read.spills).into_iter();
    let shares: Vec<_> = spills
        .map(|spill| Mutex::new(ThreadShares::new(split, spill)))
        .collect();
    let mut parts = write_users(job, context, target, read, &shares)?;
    let mut report = std::mem::take(&mut read.report);
    let (mut writers, mut spills) = (Vec::new(), Vec::new());
    let mut seconds = StaySeconds::default();
    for shares in shares {
        let shares = shares.into_inner().unwrap_or_else(PoisonError::into_inner);
        context.count_spilled(shares.spill.bytes());
        report.duplicates += shares.duplicates;
        report.users += shares.users;
        report.days = both(report.days, shares.days);
        // Counts of classes and no floats: the result does not depend on the order of threads.
        seconds.merge(&shares.seconds);
        writers.push(shares.writer);
        spills.push(shares.spill);
    }
    let partitions = Partitions::gather(split, writers, spills);
    parts.extend(write_merchants(
        job,
        context,
        target,
        read,
        &partitions,
        &mut report,
    )?);
    // Both files of a table have the same rows; the CSV files are parts 0 and 2.
    report.user_rows = parts[0].rows;
    report.merchant_rows = parts[2].rows;
    report.rejected = count64(read.inputs.rejected.len());
    report.bytes = parts.iter().map(|part| part.bytes).sum();
    Ok(TablesWritten {
        parts,
        report,
        seconds,
    })
}

/// The manifest.
fn manifest_of(
    job: &Job,
    read: &DwellRead,
    report: &DwellReport,
    parts: &[Part],
    run: RunFiles,
) -> Manifest<DwellCounts, Findings> {
    Manifest {
        made_by: MADE_BY.to_owned(),
        job: job.kind(),
        of: Scope::Whole,
        settings: manifest::dwell_settings(job, read.types),
        counts: counts_of(report),
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
fn counts_of(report: &DwellReport) -> DwellCounts {
    DwellCounts {
        events: report.events,
        opens: report.opens,
        duplicate_events: report.duplicates,
        null_users: report.null_users,
        null_flyers: report.null_flyers,
        null_merchants: report.null_merchants,
        rejected: report.rejected,
        users: report.users,
        merchants: report.merchants,
        user_merchant_rows: report.user_rows,
        merchant_rows: report.merchant_rows,
    }
}
