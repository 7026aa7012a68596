//! Shards: a job on several machines, and the set that one machine would have made.
//!
//! ```text
//! run --shard 0/N ──► SHARDS/shard-00000-of-0000N ─┐
//! run --shard 1/N ──► SHARDS/shard-00001-of-0000N ─┼─► finalize ──► OUT
//! …                                                ┘
//! ```
//! **In / Out**: what a shard made → its folder, with parts and a manifest that has all its counts; the
//! folders of all shards → a set. **Invariants**: rows are dealt by the hash that they are sorted by, so the
//! parts of shards of `sequences`, in order, are those of one run with `--shards N`, byte for byte; those of
//! `features` are merged to the parts of one run. Counts add up, and what is judged by them (gates, sources
//! without effect) is judged once, in `finalize`.

mod dealt;
mod document;
mod dwell;
mod features;
mod finalize;
mod find;
mod ids;
mod join;
mod sequences;
mod stays;

pub(super) use self::dealt::{check_actions, check_events, check_impressions};
pub(super) use self::document::publish;
pub(super) use self::dwell::DwellShard;
pub(super) use self::features::FeaturesShard;
pub use self::finalize::{FinalizeSettings, Finalized, FinalizedReport, ShardSeconds, finalize};
pub(super) use self::join::DaysAsked;
pub(super) use self::sequences::SequencesShard;
