//! Estimates the rows, bytes, memory and time of a job, and writes nothing (`plan`).
//!
//! **In / Out**: a [`Job`] → [`Planned`]. **Invariants**: the measured code is that of a run: the same
//! scan loops, sort and encoders, on as many threads. Errors of a run are errors here too, if they are
//! met: an output that exists, a day without impressions, a bad row.
//! **Cost**: all impressions and listings are read; of actions, clicks and events about a 24th, or
//! [`share::ROWS_WANTED`] rows.
//!
//! In reading order: `share` chooses and reads a sample, `memory` scales its use of memory. `sequences`
//! (with `sample_impressions` and `sample_actions`), `features` and `dwell` (with `growth`) estimate
//! the three job kinds.

mod dwell;
mod features;
mod growth;
mod memory;
mod sample_actions;
mod sample_impressions;
mod sequences;
mod share;

use self::memory::Memory;
use self::share::SourceShares;
use crate::context::RunContext;
use crate::engine::{in_pool, in_zone_of_set};
use crate::error::Result;
use crate::ids::{Day, count64, float};
use crate::job::{ItemType, Job, JobKind};
use crate::scan::Opened;
use crate::warnings::{Warning, told};

/// What a run of a job would write, and what resources it would use. Numbers are estimates unless they
/// are documented as exact.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Files that would be read, or proven to need no reading.
    pub files: u64,
    /// Their bytes.
    pub input_bytes: u64,
    /// The numbers that only this job kind has.
    pub of: PlannedOf,
    /// Rows of each day. Exact. Empty for `dwell`, whose tables have no days.
    pub days: Vec<(Day, u64)>,
    /// Parts of all days. Exact.
    pub parts: u64,
    /// Rows of actions, clicks or events that would be read.
    pub rows_read: u64,
    /// Bytes of all parts, or tables.
    pub bytes: u64,
    /// Bytes of memory that the run accounts for.
    pub memory_accounted: u64,
    /// Bytes of memory of the process, with what is not accounted for.
    pub memory: u64,
    /// Bytes that do not fit in memory and would spill to temporary files.
    pub spilled: u64,
    /// Seconds of each stage except publishing, whose time is that of the disk.
    pub stages: Vec<(&'static str, f64)>,
    /// The share of the actions, clicks or events that was read.
    pub read_share: f64,
    /// The share of the output rows that was computed.
    pub made_share: f64,
    /// How far bytes, memory and time may be off, as a share of each.
    pub spread: f64,
    /// The warnings that a run would give, as far as they are known.
    pub warnings: Vec<Warning>,
}

/// Numbers that only one job kind has.
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
    /// The estimate of what all job kinds have, from the inputs; the output is still empty.
    fn new(of: PlannedOf, inputs: &[Opened], shares: &SourceShares, memory: &Memory) -> Planned {
        Planned {
            of,
            files: count64(inputs.len()),
            input_bytes: inputs.iter().map(|input| input.file().size()).sum(),
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

/// Estimates what a job would write and use, and writes nothing.
///
/// # Errors
/// The errors of a run, as far as they are met.
///
/// # Examples
/// ```no_run
/// use hitherto::{Job, RunContext, Settings, plan};
///
/// let settings = Settings {
///     dir: Some("testdata/shop".into()),
///     out: "training".into(),
///     threads: 2,
///     ..Settings::default()
/// };
/// let planned = plan(&Job::new(settings)?, &RunContext::default())?;
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

/// `all / part`; 0 if `part` is 0.
fn ratio(all: u64, part: u64) -> f64 {
    match part {
        0 => 0.0,
        part => float(all) / float(part),
    }
}
