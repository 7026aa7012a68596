//! The direct path: pages that are compressed without ever being written out.
//!
//! `history_deltas` finds what a history shares with the one before, `literals_and_copies` says it in the terms of
//! LZ77, `lz4` and `zstd` write that as compressed blocks, and `history_pages` makes pages of them. `scalar_pages`
//! does the same for the columns beside the histories, whose values `scalar_values` and `nullable` tell.

pub(crate) mod history_deltas;
pub(crate) mod history_pages;
pub(crate) mod literals_and_copies;
pub(crate) mod lz4;
pub(crate) mod nullable;
pub(crate) mod scalar_pages;
pub(crate) mod scalar_values;
pub(crate) mod zstd;
