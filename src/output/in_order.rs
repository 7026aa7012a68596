//! Values made on all threads and consumed in order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::error::{Error, ErrorKind, Result};

/// Makes the values 0 to `count` on all threads, and passes them to `take` one by one, in order. A thread
/// that has made a value takes what is ready, unless another thread is taking, so writing blocks no other
/// thread. About two values a thread wait to be taken, at most.
///
/// # Errors
/// The error of the first value, in order, that could not be made or taken, but for those that [`stop`]ped.
pub(super) fn in_order<S, T: Send>(
    count: usize,
    state: impl Fn() -> S + Sync,
    make: impl Fn(&mut S, usize) -> Result<T> + Sync,
    take: impl FnMut(usize, T) -> Result<()> + Send,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let queue = OrderedQueue {
        ready: Mutex::new(BTreeMap::new()),
        taker: Mutex::new((0, take)),
        failed: Mutex::new(None),
        stop_at: AtomicUsize::new(usize::MAX),
    };
    let waiting_max = rayon::current_num_threads() * 2;
    rayon::broadcast(|_| {
        let mut state = state();
        loop {
            // Ascending: when a step waits for an earlier one, some thread has that already, so it
            // cannot wait for ever. And when a step fails, all before it are under way, so the
            // first failure in order is found, whichever thread is the first in time.
            let at = next.fetch_add(1, Relaxed);
            if at >= count.min(queue.stop_at.load(Relaxed)) {
                return;
            }
            match make(&mut state, at) {
                Err(error) => queue.fail(at, error),
                Ok(value) => {
                    let waiting = queue.put(at, value);
                    // If too many wait, this thread waits for the taker, so that memory stays
                    // bounded when the disk is slower than the encoders.
                    queue.take_ready(waiting > waiting_max);
                }
            }
        }
    });
    // A value may be put when the taker has just found nothing ready and still holds the lock; then
    // nobody takes it before this.
    queue.take_ready(true);
    let failed = lock(&queue.failed).take();
    failed.map_or(Ok(()), |(_, error)| Err(error))
}

/// Sets a flag when a step fails or panics, so that no thread waits for it for ever.
#[derive(Clone, Copy)]
pub(super) struct Guard<'a>(&'a AtomicBool);

impl<'a> Guard<'a> {
    /// A guard that sets `stopped`, which waiting threads read.
    pub(super) fn new(stopped: &'a AtomicBool) -> Guard<'a> {
        Guard(stopped)
    }

    /// Runs a step.
    fn watch<T>(self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        /// Sets the flag on drop, unless it was disarmed: a panic drops it armed.
        struct Alarm<'a>(&'a AtomicBool, bool);
        impl Drop for Alarm<'_> {
            fn drop(&mut self) {
                if self.1 {
                    self.0.store(true, Relaxed);
                }
            }
        }
        let mut alarm = Alarm(self.0, true);
        let result = work();
        alarm.1 = result.is_err();
        result
    }

    /// Guards what makes values.
    pub(super) fn make<S, T>(
        self,
        make: impl Fn(&mut S, usize) -> Result<T> + Sync,
    ) -> impl Fn(&mut S, usize) -> Result<T> + Sync {
        move |state, at| self.watch(|| make(state, at))
    }

    /// Guards what takes them.
    pub(super) fn take<T>(
        self,
        mut take: impl FnMut(usize, T) -> Result<()> + Send,
    ) -> impl FnMut(usize, T) -> Result<()> + Send {
        move |at, value| self.watch(|| take(at, value))
    }
}

/// The error of a step that stops because another has failed. [`in_order`] reports that other failure.
pub(super) fn stop() -> Error {
    Error::from(ErrorKind::Internal { what: STOP.into() })
}

/// What [`stop`] says.
const STOP: &str = "stopped for the failure of another step";

/// Whether an error is that of [`stop`].
fn is_stop(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Internal { what } if what == STOP)
}

/// Values that wait to be taken, and what takes them.
struct OrderedQueue<T, F> {
    /// Made and not yet taken.
    ready: Mutex<BTreeMap<usize, T>>,
    /// The index of the next value to take, and what takes it.
    taker: Mutex<(usize, F)>,
    /// The first failure, in order. One for the failure of another step yields to that.
    failed: Mutex<Option<(usize, Error)>>,
    /// No value from this index on is made any more.
    stop_at: AtomicUsize,
}

impl<T, F: FnMut(usize, T) -> Result<()>> OrderedQueue<T, F> {
    /// Adds a value; gives how many wait.
    fn put(&self, at: usize, value: T) -> usize {
        let mut ready = lock(&self.ready);
        ready.insert(at, value);
        ready.len()
    }

    /// Takes what is ready, in order. If another thread is taking: waits for it first, or takes nothing.
    fn take_ready(&self, wait: bool) {
        let mut taker = match self.taker.try_lock() {
            Ok(taker) => taker,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if wait => lock(&self.taker),
            Err(TryLockError::WouldBlock) => return,
        };
        let (next, take) = &mut *taker;
        loop {
            // The lock of `ready` is not held while a value is taken: others go on putting theirs.
            let value = lock(&self.ready).remove(next);
            let Some(value) = value.filter(|_| *next < self.stop_at.load(Relaxed)) else {
                return;
            };
            if let Err(error) = take(*next, value) {
                return self.fail(*next, error);
            }
            *next += 1;
        }
    }

    /// Remembers a failure, if it is the first in order.
    fn fail(&self, at: usize, error: Error) {
        self.stop_at.fetch_min(at, Relaxed);
        let mut failed = lock(&self.failed);
        let rank = |at, error: &Error| (is_stop(error), at);
        let is_first = |(before, other): &(usize, Error)| rank(at, &error) < rank(*before, other);
        if failed.as_ref().is_none_or(is_first) {
            *failed = Some((at, error));
        }
    }
}

/// Locks a mutex. A poisoned one is used as it is: the panic that poisoned it ends the run anyway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs on four threads; gives what was taken, and the error.
    fn run(
        count: usize,
        bad: Option<usize>,
        untakable: Option<usize>,
    ) -> (Vec<usize>, Option<String>) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build();
        let mut taken = Vec::new();
        let result = pool.expect("threads").install(|| {
            let make = |calls: &mut usize, at: usize| {
                *calls += 1;
                // The first of four takes longest, so that the others wait for it.
                std::thread::sleep(std::time::Duration::from_micros(if at.is_multiple_of(4) {
                    300
                } else {
                    0
                }));
                if bad.is_some_and(|bad| at >= bad) {
                    return Err(Error::settings(format!("cannot make {at}")));
                }
                Ok(at * 10)
            };
            in_order(
                count,
                || 0,
                make,
                |at, value| {
                    assert_eq!(value, at * 10);
                    taken.push(at);
                    if untakable == Some(at) {
                        return Err(Error::settings(format!("cannot take {at}")));
                    }
                    Ok(())
                },
            )
        });
        (taken, result.err().map(|error| error.to_string()))
    }

    #[test]
    fn everything_is_taken_once_and_in_order() {
        for count in [0, 1, 3, 200] {
            assert_eq!(run(count, None, None), ((0..count).collect(), None));
        }
    }

    #[test]
    fn the_first_failure_in_order_counts_and_nothing_behind_it_is_taken() {
        let (taken, error) = run(100, Some(20), None);
        assert!(taken.into_iter().eq(0..20));
        assert!(error.expect("a failure").contains("cannot make 20"));
        let (taken, error) = run(100, Some(90), Some(20));
        assert!(taken.into_iter().eq(0..=20));
        assert!(error.expect("a failure").contains("cannot take 20"));
    }

    #[test]
    fn a_step_that_stopped_for_another_does_not_hide_its_failure() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
        let has_failed = AtomicBool::new(false);
        let result = pool.expect("threads").install(|| {
            let make = |(): &mut (), at: usize| {
                if at == 1 {
                    has_failed.store(true, Relaxed);
                    return Err(Error::settings("cannot make 1"));
                }
                while !has_failed.load(Relaxed) {
                    std::thread::yield_now();
                }
                Err::<(), Error>(stop())
            };
            in_order(9, || (), make, |_, ()| Ok(()))
        });
        let error = result.expect_err("a failure").to_string();
        assert!(error.contains("cannot make 1"), "{error}");
    }
}
