//! Threads: the pool of a job, and tasks that its threads work on.
//!
//! **Invariants**: tasks are handed out in order. The error of a failed list of tasks is that of the
//! first task in order, whichever thread failed first. A panic of a reader becomes an error.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::context::RunContext;
use crate::error::{Error, ErrorKind, Result, panic_text};
use crate::ids::count64;
use crate::job::Job;
use crate::publish::StagingDir;
use crate::scan::Task;
use crate::scan::spec::ReadSpec;
use crate::store::spill::Spill;

/// The stack of a thread. It is fixed, so that what decoders need of it does not depend on the system.
const STACK_BYTES: usize = 8 << 20;

/// Runs `work` on a pool of as many threads as the job allows.
pub(crate) fn in_pool<T: Send>(job: &Job, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    in_threads(job.threads, work)
}

/// Runs `work` on a pool of `threads` threads.
pub(crate) fn in_threads<T: Send>(
    threads: usize,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK_BYTES)
        .build();
    let pool = pool.map_err(|error| {
        Error::from(ErrorKind::Internal {
            what: format!("no threads to work with: {error}"),
        })
    })?;
    // Inside the pool, so that parallel iterators and sorts of rayon use these threads too, and not
    // those of its global pool.
    pool.install(work)
}

/// A state for each thread of the pool.
pub(crate) fn thread_states<S>(state: impl Fn() -> S) -> Vec<S> {
    (0..rayon::current_num_threads()).map(|_| state()).collect()
}

/// Bytes that what is read may take in memory, if that is limited. A quarter of the free memory stays reserved for
/// sorting and encoding.
pub(crate) fn room_for_rows(context: &RunContext) -> Option<u64> {
    context.headroom().map(|left| left / 4 * 3)
}

/// The same of actions: half of the free memory stays reserved. They are packed, and take twice as much when they
/// are sorted.
pub(crate) fn room_for_actions(context: &RunContext) -> Option<u64> {
    context.headroom().map(|left| left / 2)
}

/// The memory quota of each thread for what it reads, given that of all, and the file for what exceeds it.
pub(super) fn spills(job: &Job, staging: &StagingDir, room: Option<u64>) -> Vec<Spill> {
    let threads = rayon::current_num_threads();
    let quota = room.map_or(u64::MAX, |room| room / count64(threads));
    let folder = job.temp_dir.as_deref();
    let folder = folder.unwrap_or_else(|| staging.path());
    (0..threads).map(|_| Spill::new(folder, quota)).collect()
}

/// Pieces of a row group that is cut.
const PIECES: usize = 4;

/// Tasks, of which the last are cut into pieces, so that no thread works long after the others have ended.
pub(super) fn cut_last(spec: &ReadSpec<'_>, mut tasks: Vec<Task>) -> Vec<Task> {
    let threads = rayon::current_num_threads();
    if threads == 1 || tasks.is_empty() {
        return tasks;
    }
    let last = tasks.split_off(tasks.len().saturating_sub(threads));
    let pieces = match last.len() {
        // To skip to a piece costs something, so there are no more of these than threads need.
        few if few < threads => threads.div_ceil(few),
        _ => PIECES,
    };
    tasks.extend(
        last.iter()
            .flat_map(|task| task.pieces(count64(pieces), spec.piece_rows_min)),
    );
    tasks
}

/// Runs tasks on all threads, handing them out in order. `states` has one state per thread; they are
/// returned with what the tasks added to them.
///
/// # Errors
/// The error of the first task that failed, in order of tasks, whichever failed first in time.
pub(crate) fn run_tasks<S: Send>(
    tasks: &[Task],
    states: Vec<S>,
    work: impl Fn(&mut S, &Task) -> Result<()> + Sync,
) -> Result<Vec<S>> {
    let next = AtomicUsize::new(0);
    let first_failed: Mutex<Option<(usize, Error)>> = Mutex::new(None);
    let failed_at = AtomicUsize::new(usize::MAX);
    // `broadcast` runs once on each thread. A parallel iterator would split the list into ranges.
    // Then a task before the failed one might never start, and its fault would go unreported.
    assert_eq!(states.len(), rayon::current_num_threads());
    let states: Vec<_> = states
        .into_iter()
        .map(|state| Mutex::new(Some(state)))
        .collect();
    let states = rayon::broadcast(|thread| {
        let state = states[thread.index()]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let mut state = state.expect("each thread takes its own, once");
        loop {
            // Relaxed is enough: states are passed on by the end of `broadcast`, and errors by the
            // mutex.
            let at = next.fetch_add(1, Relaxed);
            // Tasks before the failed one go on: if one of them fails too, its error is returned.
            let Some(task) = tasks.get(at).filter(|_| at < failed_at.load(Relaxed)) else {
                return state;
            };
            if let Err(error) = guarded(&task.opened.file().shown, || work(&mut state, task)) {
                let mut first = first_failed.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|(before, _)| at < *before) {
                    *first = Some((at, error));
                    // Stored under the lock, so the index never rises.
                    failed_at.store(at, Relaxed);
                }
            }
        }
    });
    match first_failed
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
    {
        Some((_, error)) => Err(error),
        None => Ok(states),
    }
}

/// Runs the reader of a file; a panic of it becomes an error that names the file.
pub(crate) fn guarded<T>(file: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // What a panic left half done is never read: the error makes callers drop what `work` changed.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let what = panic_text(&*panic);
        Err(Error::bad_file(file, format!("its reader gave up: {what}")))
    })
}
