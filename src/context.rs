//! Progress, cancellation and memory accounting of a run.
//!
//! **Invariants**: nothing here changes a byte of the output. The counters are relaxed atomics:
//! a reader may see them late, never wrong at the end.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::error::{Error, ErrorKind, Result};

/// The stages of all runs, in order; no run has all of them. Progress displays show the name of
/// the current one.
pub const STAGES: [&str; 10] = [
    "look for inputs",
    "read impressions",
    "read listings",
    "read actions",
    "read events",
    "rank ids",
    "write",
    "publish",
    "check files",
    "audit",
];

/// A stage, as an index into [`STAGES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stage(usize);

impl Stage {
    /// Look for inputs.
    pub(crate) const LOOK: Stage = Stage(0);
    /// Read impressions.
    pub(crate) const IMPRESSIONS: Stage = Stage(1);
    /// Read listings.
    pub(crate) const LISTINGS: Stage = Stage(2);
    /// Read actions.
    pub(crate) const ACTIONS: Stage = Stage(3);
    /// Read events.
    pub(crate) const EVENTS: Stage = Stage(4);
    /// Rank ids, and partition events by them.
    pub(crate) const RANK: Stage = Stage(5);
    /// Write.
    pub(crate) const WRITE: Stage = Stage(6);
    /// Publish.
    pub(crate) const PUBLISH: Stage = Stage(7);
    /// Check published files.
    pub(crate) const CHECK: Stage = Stage(8);
    /// Recompute rows.
    pub(crate) const AUDIT: Stage = Stage(9);
}

/// What to do when the memory limit is too low for `sequences`.
const FEWER_DAYS: &str = "choose fewer days with --from and --to";

/// Records of a text file that are read between two checks for cancellation.
pub(crate) const TICK_ROWS: u64 = 1024;

/// A callback at the end of each stage. It gets the stage's name, and the rows read and written so far.
pub struct Observer(Box<dyn Fn(&'static str, (u64, u64)) + Send + Sync>);

impl Observer {
    /// An observer that calls a function.
    pub fn new(tell: impl Fn(&'static str, (u64, u64)) + Send + Sync + 'static) -> Observer {
        Observer(Box::new(tell))
    }
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Observer")
    }
}

/// The time that a stage took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageTime {
    /// Its name, one of [`STAGES`].
    pub stage: &'static str,
    /// Seconds from its start to its end.
    pub seconds: f64,
    /// Seconds that threads of the process worked meanwhile, of all threads together.
    pub cpu_seconds: f64,
}

/// Progress, cancellation and the memory account of one run. Share it by reference.
#[derive(Debug, Default)]
pub struct RunContext {
    /// Called at the end of each stage.
    observer: Option<Observer>,
    /// One more than an index into [`STAGES`]; 0 before the first and after the last.
    stage: AtomicUsize,
    /// Steps done in this stage: rows read or written, bytes for text files.
    done: AtomicU64,
    /// Steps that this stage will take, 0 while not known.
    total: AtomicU64,
    /// Rows read so far, of all inputs.
    rows_read: AtomicU64,
    /// Rows written so far.
    rows_written: AtomicU64,
    /// The signal that cancelled the run, 0 if none did. Shared with signal handlers.
    signal: std::sync::Arc<AtomicUsize>,
    /// Bytes allowed, 0 for no limit.
    memory_limit: u64,
    /// What to do when the limit is too low; [`FEWER_DAYS`] if not set.
    advice: OnceLock<&'static str>,
    /// Bytes reserved at the moment.
    memory_used: AtomicU64,
    /// The most that was reserved at any moment.
    memory_peak: AtomicU64,
    /// Bytes spilled to disk.
    spilled: AtomicU64,
    /// When the current stage began, and the time that the process had worked until then.
    began: Mutex<Option<(Instant, Duration)>>,
    /// The stages that have ended.
    times: Mutex<Vec<StageTime>>,
}

impl RunContext {
    /// A context with a memory limit in bytes, 0 for none, and an observer of stages.
    pub fn new(memory_limit: u64, observer: Option<Observer>) -> RunContext {
        RunContext {
            memory_limit,
            observer,
            ..RunContext::default()
        }
    }

    /// A context for work outside the run's accounting: its own counters, no memory limit, cancelled by
    /// the same signal.
    pub(crate) fn unlimited(&self) -> RunContext {
        RunContext {
            // Shared, so that a plan can be interrupted while it rehearses the run.
            signal: self.signal_cell(),
            ..RunContext::default()
        }
    }

    /// The cell into which a signal handler writes the signal's number.
    pub fn signal_cell(&self) -> std::sync::Arc<AtomicUsize> {
        std::sync::Arc::clone(&self.signal)
    }

    /// The current stage's name, steps done, and steps in all (0 if not known).
    pub fn progress(&self) -> (&'static str, u64, u64) {
        let stage = self
            .stage
            .load(Relaxed)
            .saturating_sub(1)
            .min(STAGES.len() - 1);
        (
            STAGES[stage],
            self.done.load(Relaxed),
            self.total.load(Relaxed),
        )
    }

    /// Rows read and rows written so far.
    pub fn rows(&self) -> (u64, u64) {
        (
            self.rows_read.load(Relaxed),
            self.rows_written.load(Relaxed),
        )
    }

    /// The most bytes that were reserved at any moment.
    pub fn memory_peak(&self) -> u64 {
        self.memory_peak.load(Relaxed)
    }

    /// Bytes spilled to disk so far.
    pub fn spilled(&self) -> u64 {
        self.spilled.load(Relaxed)
    }

    /// Counts bytes spilled to disk.
    pub(crate) fn count_spilled(&self, bytes: u64) {
        self.spilled.fetch_add(bytes, Relaxed);
    }

    /// Ends the current stage, if there is one, and starts one that will take `total` steps.
    pub(crate) fn enter(&self, Stage(stage): Stage, total: u64) {
        // Before the counters are cleared: the observer is told about the stage that ends.
        self.leave();
        self.done.store(0, Relaxed);
        self.total.store(total, Relaxed);
        self.stage.store(stage + 1, Relaxed);
        *self.began.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), cpu_time()));
    }

    /// Ends the current stage, if one was entered.
    pub(crate) fn leave(&self) {
        let began = self.began.lock();
        if let Some((began, cpu)) = began.unwrap_or_else(PoisonError::into_inner).take() {
            let time = StageTime {
                stage: self.progress().0,
                seconds: began.elapsed().as_secs_f64(),
                cpu_seconds: cpu_time().saturating_sub(cpu).as_secs_f64(),
            };
            let times = self.times.lock();
            times.unwrap_or_else(PoisonError::into_inner).push(time);
            if let Some(Observer(tell)) = &self.observer {
                tell(time.stage, self.rows());
            }
        }
        self.stage.store(0, Relaxed);
    }

    /// The time of each stage that has ended, in order.
    pub fn stage_times(&self) -> Vec<StageTime> {
        let times = self.times.lock();
        times.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts rows read, and the steps that they were.
    pub(crate) fn count_read(&self, rows: u64, steps: u64) {
        self.rows_read.fetch_add(rows, Relaxed);
        self.done.fetch_add(steps, Relaxed);
    }

    /// Counts steps of a stage that neither reads nor writes.
    pub(crate) fn count_done(&self, steps: u64) {
        self.done.fetch_add(steps, Relaxed);
    }

    /// Counts rows written.
    pub(crate) fn count_written(&self, rows: u64) {
        self.rows_written.fetch_add(rows, Relaxed);
        self.done.fetch_add(rows, Relaxed);
    }

    /// Every [`TICK_ROWS`] records of a text file: counts them, and checks for cancellation.
    #[inline]
    pub(crate) fn tick(&self, row: u64) -> Result<()> {
        if !row.is_multiple_of(TICK_ROWS) {
            return Ok(());
        }
        self.count_read(TICK_ROWS, 0);
        self.check()
    }

    /// An error if the run was cancelled. Called at least every few thousand rows.
    pub(crate) fn check(&self) -> Result<()> {
        match self.signal.load(Relaxed) {
            0 => Ok(()),
            signal => {
                let signal = u8::try_from(signal).unwrap_or(u8::MAX);
                Err(Error::from(ErrorKind::Interrupted { signal }))
            }
        }
    }

    /// Sets what to do when the memory limit is too low; only the first call counts.
    pub(crate) fn advise(&self, advice: &'static str) {
        self.advice.get_or_init(|| advice);
    }

    /// Reserves bytes before they are allocated.
    ///
    /// # Errors
    /// If the sum of all reserved bytes exceeds the limit.
    pub(crate) fn reserve_memory(&self, bytes: u64) -> Result<()> {
        // Added before it is compared: two threads that compared first could both find room for
        // what only one has. A refusal takes nothing back, as it ends the run.
        let used = self.memory_used.fetch_add(bytes, Relaxed) + bytes;
        self.memory_peak.fetch_max(used, Relaxed);
        if self.memory_limit != 0 && used > self.memory_limit {
            let limit = self.memory_limit;
            return Err(Error::from(ErrorKind::Memory {
                wanted: used,
                limit,
                advice: self.advice.get().copied().unwrap_or(FEWER_DAYS),
            }));
        }
        Ok(())
    }

    /// Bytes that are reserved at the moment.
    pub(crate) fn memory_used(&self) -> u64 {
        self.memory_used.load(Relaxed)
    }

    /// Bytes that may still be reserved, or `None` if there is no limit.
    pub(crate) fn headroom(&self) -> Option<u64> {
        let used = self.memory_used.load(Relaxed);
        (self.memory_limit != 0).then(|| self.memory_limit.saturating_sub(used))
    }

    /// Frees reserved bytes.
    pub(crate) fn free_memory(&self, bytes: u64) {
        // Freeing more than was reserved would wrap, and refuse every reservation that follows.
        self.memory_used.fetch_sub(bytes, Relaxed);
    }
}

/// The time that all threads of the process have worked.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_past_the_limit_is_an_error_and_the_peak_is_kept() {
        let context = RunContext::new(100, None);
        context.reserve_memory(60).expect("within the limit");
        context.free_memory(60);
        context.reserve_memory(100).expect("at the limit");
        let error = context.reserve_memory(1).expect_err("past the limit");
        assert!(matches!(
            error.kind(),
            ErrorKind::Memory {
                wanted: 101,
                limit: 100,
                ..
            }
        ));
        assert_eq!(context.memory_peak(), 101);
    }

    #[test]
    fn a_signal_ends_the_run_with_its_number() {
        let context = RunContext::default();
        assert!(context.check().is_ok());
        context.signal_cell().store(15, Relaxed);
        assert_eq!(context.check().expect_err("a signal").exit_code(), 143);
    }
}
