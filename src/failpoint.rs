//! Points of a run at which tests can kill it.
//!
//! **In / Out**: with the feature `failpoints`, the environment: `HITHERTO_FAILPOINT=NAME:N` ends
//! the process with SIGKILL at the N-th hit of a point, `HITHERTO_FAILPOINT_LOG=PATH` appends the
//! name of each point that is hit, so that a test knows which there are and how often.
//! **Cost**: without the feature, none: the function is empty.
//! **Why so**: the `fail` crate has panics and pauses, but neither SIGKILL nor counts of hits, and
//! depends on a random number generator.

#[cfg(feature = "failpoints")]
use std::io::Write;

/// Marks a point; does nothing without the feature.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) fn hit(_name: &'static str) {}

/// Marks a point: logs it, and kills the process if it is the chosen one.
#[cfg(feature = "failpoints")]
#[expect(
    clippy::disallowed_methods,
    reason = "the environment reaches points that no setting should know of"
)]
pub(crate) fn hit(name: &'static str) {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    static HITS: AtomicU64 = AtomicU64::new(0);
    if let Ok(path) = std::env::var("HITHERTO_FAILPOINT_LOG") {
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(path);
        let noted = log.and_then(|mut log| log.write_all(format!("{name}\n").as_bytes()));
        noted.expect("the log of points can be written");
    }
    let fatal = std::env::var("HITHERTO_FAILPOINT").unwrap_or_default();
    let is_it = fatal.split_once(':').is_some_and(|(point, at)| {
        // Only hits of the chosen point are counted.
        point == name && at.parse() == Ok(HITS.fetch_add(1, Relaxed) + 1)
    });
    if is_it {
        let own = rustix::process::getpid();
        let killed = rustix::process::kill_process(own, rustix::process::Signal::KILL);
        unreachable!("a process outlives SIGKILL: {killed:?}");
    }
}
