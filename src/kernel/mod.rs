//! The kernels: partition, sort, sweep, and the operators on sorted runs.
//!
//! **Invariants**: nothing here names Arrow, Parquet, a file, a thread, a clock or a job. A kernel takes
//! slices and settings, and returns values.

pub(crate) mod attributes;
pub(crate) mod chunk;
pub(crate) mod column;
pub(crate) mod event;
pub(crate) mod hash;
pub(crate) mod history_stats;
mod impressions;
pub(crate) mod newest;
pub(crate) mod op;
pub(crate) mod partition;
pub(crate) mod passthrough;
pub(crate) mod sort;
pub(crate) mod sweep;
pub(crate) mod time_sort;
