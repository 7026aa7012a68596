//! Made on all threads, taken in order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::error::{Error, Result};

/// Makes things 0 to `count` on all threads, and hands them to `take` one by one, in order. Whoever
/// has made something takes what is ready, if nobody else does, so that writing stops no other
/// thread. At most about two things a thread wait to be taken.
///
/// # Errors
/// The error of the first thing, in order, that could not be made or taken.
pub(crate) fn in_order<S, T: Send>(
    count: usize,
    state: impl Fn() -> S + Sync,
    make: impl Fn(&mut S, usize) -> Result<T> + Sync,
    take: impl FnMut(usize, T) -> Result<()> + Send,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let line = Line {
        ready: Mutex::new(BTreeMap::new()),
        taker: Mutex::new((0, take)),
        failed: Mutex::new(None),
        stop_at: AtomicUsize::new(usize::MAX),
    };
    let waiting_max = rayon::current_num_threads() * 2;
    rayon::broadcast(|_| {
        let mut state = state();
        loop {
            let at = next.fetch_add(1, Relaxed);
            if at >= count.min(line.stop_at.load(Relaxed)) {
                return;
            }
            match make(&mut state, at) {
                Err(error) => line.fail(at, error),
                Ok(made) => {
                    let waiting = line.put(at, made);
                    line.take_ready(waiting > waiting_max);
                }
            }
        }
    });
    line.take_ready(true);
    let failed = lock(&line.failed).take();
    failed.map_or(Ok(()), |(_, error)| Err(error))
}

/// Tells those that wait when a step fails or panics, so that none waits for ever.
#[derive(Clone, Copy)]
pub(crate) struct Guard<'a>(&'a AtomicBool);

impl<'a> Guard<'a> {
    /// A guard that sets `stopped`, which those who wait look at.
    pub(crate) fn new(stopped: &'a AtomicBool) -> Guard<'a> {
        Guard(stopped)
    }

    /// Runs something that may fail.
    fn watch<T>(self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        /// Set until the work is done well.
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

    /// Watches over what makes things.
    pub(crate) fn make<S, T>(
        self,
        make: impl Fn(&mut S, usize) -> Result<T> + Sync,
    ) -> impl Fn(&mut S, usize) -> Result<T> + Sync {
        move |state, at| self.watch(|| make(state, at))
    }

    /// Watches over what takes them.
    pub(crate) fn take<T>(
        self,
        mut take: impl FnMut(usize, T) -> Result<()> + Send,
    ) -> impl FnMut(usize, T) -> Result<()> + Send {
        move |at, made| self.watch(|| take(at, made))
    }
}

/// What waits to be taken, and who takes it.
struct Line<T, F> {
    /// What is made and not yet taken.
    ready: Mutex<BTreeMap<usize, T>>,
    /// The next to take, and what takes it.
    taker: Mutex<(usize, F)>,
    /// What failed first, in order.
    failed: Mutex<Option<(usize, Error)>>,
    /// From here on nothing is made any more.
    stop_at: AtomicUsize,
}

impl<T, F: FnMut(usize, T) -> Result<()>> Line<T, F> {
    /// Puts something into the line; gives how many wait.
    fn put(&self, at: usize, made: T) -> usize {
        let mut ready = lock(&self.ready);
        ready.insert(at, made);
        ready.len()
    }

    /// Takes what is ready, in order; if somebody else does, only after waiting for that, or not
    /// at all.
    fn take_ready(&self, wait: bool) {
        let mut taker = match self.taker.try_lock() {
            Ok(taker) => taker,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if wait => lock(&self.taker),
            Err(TryLockError::WouldBlock) => return,
        };
        let (next, take) = &mut *taker;
        loop {
            let made = lock(&self.ready).remove(next);
            let Some(made) = made.filter(|_| *next < self.stop_at.load(Relaxed)) else {
                return;
            };
            if let Err(error) = take(*next, made) {
                return self.fail(*next, error);
            }
            *next += 1;
        }
    }

    /// Remembers a failure, if it is the first in order.
    fn fail(&self, at: usize, error: Error) {
        let mut failed = lock(&self.failed);
        if failed.as_ref().is_none_or(|(before, _)| at < *before) {
            *failed = Some((at, error));
            self.stop_at.fetch_min(at, Relaxed);
        }
    }
}

/// A lock; what a panic left behind is as good, as the panic goes on anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs on four threads; gives what was taken, and what came of it.
    fn run(
        count: usize,
        bad: Option<usize>,
        untakable: Option<usize>,
    ) -> (Vec<usize>, Option<String>) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build();
        let mut taken = Vec::new();
        let result = pool.expect("threads").install(|| {
            let make = |made: &mut usize, at: usize| {
                *made += 1;
                // The first of four takes longest, so that the others wait for it.
                std::thread::sleep(std::time::Duration::from_micros(if at.is_multiple_of(4) {
                    300
                } else {
                    0
                }));
                match bad.is_some_and(|bad| at >= bad) {
                    true => Err(Error::settings(format!("cannot make {at}"))),
                    false => Ok(at * 10),
                }
            };
            in_order(
                count,
                || 0,
                make,
                |at, made| {
                    assert_eq!(made, at * 10);
                    taken.push(at);
                    match untakable == Some(at) {
                        true => Err(Error::settings(format!("cannot take {at}"))),
                        false => Ok(()),
                    }
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
}
