//! Operators: pure functions from the sorted actions of a partition to windows of them.

pub(crate) mod counts;
pub(crate) mod dedup;
pub(crate) mod dwell;
pub(crate) mod features;
pub(crate) mod sequences;
