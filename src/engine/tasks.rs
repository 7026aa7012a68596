//! Tasks on threads: handed out in order, failed in order, panics caught.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result, panic_text};
use crate::scan::Task;

/// Runs tasks on all threads, handing them out in order. Each thread works with one of `states`,
/// of which there is one a thread; they come back with what was added to them.
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
            let at = next.fetch_add(1, Relaxed);
            // Tasks before the failed one go on: one of them may fail as well, and then counts.
            let Some(task) = tasks.get(at).filter(|_| at < failed_at.load(Relaxed)) else {
                return state;
            };
            if let Err(error) = guarded(&task.opened.file().shown, || work(&mut state, task)) {
                let mut first = first_failed.lock().unwrap_or_else(PoisonError::into_inner);
                if first.as_ref().is_none_or(|(before, _)| at < *before) {
                    *first = Some((at, error));
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

/// Runs what reads a file; a panic of a reader becomes an error that names the file.
pub(crate) fn guarded<T>(file: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let what = panic_text(&*panic);
        Err(Error::bad_file(file, format!("its reader gave up: {what}")))
    })
}
