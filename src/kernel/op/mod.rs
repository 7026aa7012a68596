//! The operators: pure functions from the sorted rows of a partition to results.

pub(crate) mod counts;
pub(crate) mod dedup;
pub(crate) mod dwell;
pub(crate) mod features;
pub(crate) mod sequences;
