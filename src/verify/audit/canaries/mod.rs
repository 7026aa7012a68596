//! Canaries: actions planted around audited impressions and run through the engine, to prove that a prior
//! action counts and that one at the cutoff or later does not.
//!
//! ```text
//! audited impressions ──► nearby real actions + planted ones ──► NDJSON files ──► engine ──► rows
//!                                                       └──► reference ──► expected rows ──► compare
//! ```

mod feature_cases;
mod feature_files;
mod features;
mod input;
mod near;
mod sequence_cases;
mod sequence_files;
mod sequences;

pub(super) use self::features::canaries as feature_canaries;
pub(super) use self::sequences::canaries as sequence_canaries;
