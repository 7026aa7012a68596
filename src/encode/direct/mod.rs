//! The direct path: pages that are compressed without being materialized.
//!
//! `history_deltas` finds what a history shares with the one before, `literals_and_copies` expresses it
//! as LZ77 sequences, `lz4` and `zstd` write these as compressed blocks, and `history_pages` makes pages
//! of them. `scalar_pages` does the same for the other columns, whose values come from `scalar_values`
//! and `nullable`.

pub(crate) mod history_deltas;
pub(crate) mod history_pages;
pub(crate) mod literals_and_copies;
pub(crate) mod lz4;
pub(crate) mod nullable;
pub(crate) mod scalar_pages;
pub(crate) mod scalar_values;
pub(crate) mod zstd;
