//! Sweeps sorted runs: the window of each probe, with two pointers that only move forward.
//!
//! **In / Out**: the times of one run, ascending, the cutoffs of one customer, ascending, and the
//! starts of its lookbacks → one half-open [`Window`] per probe.
//! **The tie rule**: prior means strictly earlier; an action at the cutoff itself is not prior.
//! [`is_prior`] is the only place in the engine that compares the two.
//! **Cost**: each action is read once per pointer and run, whatever the number of probes.

use crate::ids::{Micros, count32, index};

/// A half-open range of actions, inside one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: u32,
    /// The action after the last; never before `start`.
    pub(crate) end: u32,
}

impl Window {
    /// The number of actions.
    pub(crate) fn count(self) -> u32 {
        self.end - self.start
    }

    /// The last `max` actions.
    pub(crate) fn tail(self, max: u32) -> Window {
        Window {
            start: self.start.max(self.end.saturating_sub(max)),
            end: self.end,
        }
    }

    /// The window as indices.
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        index(self.start)..index(self.end)
    }
}

/// Whether an instant, at which an action happened or was known, is prior to a cutoff.
#[inline]
pub(crate) fn is_prior(at: Micros, cutoff: Micros) -> bool {
    at < cutoff
}

/// The first action at or after the index `from` that is not prior to the cutoff, or the end.
#[inline]
pub(crate) fn prior_end(times: &[Micros], from: usize, cutoff: Micros) -> usize {
    // A walk and no binary search: callers start where the last one ended, so all walks over a run
    // together read each action once.
    let behind = &times[from..];
    from + behind
        .iter()
        .take_while(|time| is_prior(**time, cutoff))
        .count()
}

/// The windows of all probes of one customer, each from the lookback's start to the cutoff.
///
/// `run_start` is added to every bound, so that windows index the columns of the partition.
pub(crate) fn windows(
    times: &[Micros],
    run_start: u32,
    cutoffs: &[Micros],
    lookback_starts: &[Micros],
    windows: &mut [Window],
) {
    assert_eq!(cutoffs.len(), windows.len());
    assert_eq!(lookback_starts.len(), windows.len());
    debug_assert!(times.is_sorted() && cutoffs.is_sorted());
    let (mut start, mut end) = (0, 0);
    for (probe, window) in windows.iter_mut().enumerate() {
        end = prior_end(times, end, cutoffs[probe]);
        // When clocks go back, a later cutoff may have an earlier lookback start (the same local
        // time some days before). Only then does the pointer restart.
        if probe > 0 && lookback_starts[probe] < lookback_starts[probe - 1] {
            start = 0;
        }
        // The lookback includes its start: only actions prior to it are outside.
        start = prior_end(times, start, lookback_starts[probe]);
        // A lookback may start after its cutoff. Without the minimum the end would lie before the
        // start, and the length would wrap.
        let first = count32(start.min(end));
        *window = Window {
            start: run_start + first,
            end: run_start + count32(end),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows of plain numbers.
    fn sweep(times: &[i64], probes: &[(i64, i64)]) -> Vec<(u32, u32)> {
        let micros = |times: &[i64]| times.iter().map(|time| Micros(*time)).collect::<Vec<_>>();
        let cutoffs: Vec<i64> = probes.iter().map(|(_, cutoff)| *cutoff).collect();
        let starts: Vec<i64> = probes.iter().map(|(start, _)| *start).collect();
        let mut found = vec![Window::default(); probes.len()];
        windows(
            &micros(times),
            0,
            &micros(&cutoffs),
            &micros(&starts),
            &mut found,
        );
        found
            .iter()
            .map(|window| (window.start, window.end))
            .collect()
    }

    #[test]
    fn equal_times_are_not_prior() {
        assert_eq!(sweep(&[1, 2, 2, 3], &[(0, 2), (0, 3)]), [(0, 1), (0, 3)]);
    }

    #[test]
    fn the_start_of_the_lookback_is_inside() {
        assert_eq!(
            sweep(&[1, 2, 2, 3], &[(2, 4), (3, 4), (4, 4)]),
            [(1, 4), (3, 4), (4, 4)]
        );
    }

    #[test]
    fn windows_before_between_and_after_everything() {
        assert_eq!(
            sweep(&[5, 6], &[(-9, 0), (-9, 6), (-9, 100)]),
            [(0, 0), (0, 1), (0, 2)]
        );
        assert_eq!(sweep(&[], &[(0, 1)]), [(0, 0)]);
        assert_eq!(
            sweep(&[i64::MIN, i64::MAX], &[(i64::MIN, i64::MAX)]),
            [(0, 1)]
        );
    }

    #[test]
    fn a_lookback_may_start_earlier_than_the_one_before() {
        assert_eq!(
            sweep(&[1, 2, 3], &[(3, 4), (1, 5), (2, 5)]),
            [(2, 3), (0, 3), (1, 3)]
        );
    }

    #[test]
    fn a_lookback_that_starts_after_the_cutoff_is_empty() {
        assert_eq!(sweep(&[1, 2, 3], &[(3, 2)]), [(1, 1)]);
    }
}
