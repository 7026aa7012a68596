//! A job to what it would take: its rows, bytes, memory and time, without writing anything.
//!
//! **In / Out**: a [`Job`] → [`Planned`]. **Invariants**: the code that is measured is that of a run:
//! the same scan loops, sort and encoders, on as many threads. Nothing is written; an output that
//! exists, a day without impressions and a bad row that is met are the errors of a run.
//! **Cost**: impressions and listings wholly; of the rest about a 24th, or [`share::ROWS_WANTED`] rows.
//! In reading order: `share` chooses and reads a sample, `memory` scales what it took of memory;
//! `sequences`, with `sampled`, `features`, and `dwell`, with `growth`, plan the three jobs.

mod dwell;
mod features;
mod growth;
mod memory;
pub(crate) mod sample_impressions;
mod sampled;
mod sequences;
mod share;

use self::memory::Memory;
use self::share::Shares;
use crate::context::RunContext;
use crate::engine::{in_pool, in_zone_of_set};
use crate::error::Result;
use crate::ids::{Day, count64, float};
use crate::job::{ItemType, Job, JobKind};
use crate::scan::Opened;
use crate::warnings::{Warning, told};

/// What a run of a job would make and take. What is not said to be exact is an estimate.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Files that would be read, or proven to need no reading.
    pub files: u64,
    /// Their bytes.
    pub input_bytes: u64,
    /// What the job is about.
    pub of: PlannedOf,
    /// Rows of each day; none of `dwell`, which makes tables of all days. Exact.
    pub days: Vec<(Day, u64)>,
    /// Parts of all days. Exact.
    pub parts: u64,
    /// Rows of actions, clicks or events that would be read.
    pub rows_read: u64,
    /// Bytes of all parts, or tables.
    pub bytes: u64,
    /// Bytes of memory, as the run accounts for them.
    pub memory_accounted: u64,
    /// Bytes of memory, with all that the account does not see.
    pub memory: u64,
    /// Bytes that memory has no room for, and that would go to a file for a while.
    pub spilled: u64,
    /// Seconds of each stage but the last, publishing, which takes what the disk takes to sync.
    pub stages: Vec<(&'static str, f64)>,
    /// The share of the actions, clicks or events that was read.
    pub read_share: f64,
    /// The share of the rows that was made.
    pub made_share: f64,
    /// How far bytes, memory and time may be off, as a share of each.
    pub spread: f64,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
}

/// What only one job kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlannedOf {
    /// Of [`JobKind::Sequences`].
    Sequences {
        /// Impressions of the days asked for. Exact.
        impressions: u64,
        /// Customers with an impression. Exact.
        customers: u64,
        /// Samples. Exact.
        samples: u64,
        /// Actions that would be kept for sorting.
        actions_kept: u64,
        /// Actions in the histories of all samples.
        history_actions: u64,
    },
    /// Of [`JobKind::Features`].
    Features {
        /// Impressions of the days asked for. Exact.
        impressions: u64,
        /// Users with an impression. Exact.
        users: u64,
        /// Listings that were shown. Exact.
        listings: u64,
    },
    /// Of [`JobKind::Dwell`].
    Dwell {
        /// Events that would be kept for sorting.
        events_kept: u64,
        /// Users with such an event.
        users: u64,
        /// Rows of `user_merchant`.
        user_rows: u64,
    },
}

impl Planned {
    /// What inputs, the share of them that was read and the memory for all of them say of any job;
    /// nothing is made yet.
    fn new(of: PlannedOf, inputs: &[Opened], shares: &Shares, memory: &Memory) -> Planned {
        Planned {
            of,
            files: count64(inputs.len()),
            input_bytes: inputs.iter().map(|of| of.file().size()).sum(),
            rows_read: shares.rows(),
            read_share: shares.read(),
            spread: shares.spread(),
            memory_accounted: memory.accounted,
            memory: memory.resident,
            spilled: memory.spilled,
            days: Vec::new(),
            parts: 0,
            bytes: 0,
            stages: Vec::new(),
            made_share: 1.0,
            warnings: Vec::new(),
        }
    }

    /// Rows of all days, or of `user_merchant`.
    pub fn rows(&self) -> u64 {
        match self.of {
            PlannedOf::Dwell { user_rows, .. } => user_rows,
            _ => self.days.iter().map(|(_, rows)| rows).sum(),
        }
    }

    /// Seconds of the whole run.
    pub fn seconds(&self) -> f64 {
        self.stages.iter().map(|(_, seconds)| seconds).sum()
    }
}

/// Says what a job would make and take, and writes nothing.
///
/// # Errors
/// Those of a run that are met on the way.
///
/// # Examples
/// ```no_run
/// use hitherto::{Control, Job, Settings, plan};
///
/// let settings = Settings {
///     dir: Some("testdata/shop".into()),
///     out: "training".into(),
///     threads: 2,
///     ..Settings::default()
/// };
/// let planned = plan(&Job::new(settings)?, &Control::default())?;
/// assert_eq!(planned.rows(), 661);
/// # Ok::<(), hitherto::Error>(())
/// ```
pub fn plan(job: &Job, context: &RunContext) -> Result<Planned> {
    let job = &in_zone_of_set(job);
    let mut planned = in_pool(job, || match (job.kind(), job.sequences().item_type) {
        (JobKind::Sequences, ItemType::Int32) => sequences::plan::<i32>(job, context),
        (JobKind::Sequences, ItemType::Int64) => sequences::plan::<i64>(job, context),
        (JobKind::Features, _) => features::plan(job, context),
        (JobKind::Dwell, _) => dwell::plan(job, context),
    })?;
    planned.warnings = told(&job.no_warn, planned.warnings);
    Ok(planned)
}

/// How often one number goes into another; 0 if there is nothing to divide by.
fn ratio(all: u64, part: u64) -> f64 {
    match part {
        0 => 0.0,
        part => float(all) / float(part),
    }
}
