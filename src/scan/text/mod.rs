//! Text files to typed fields: CSV, NDJSON and JSON arrays, block by block.
//!
//! `records` has what the formats have in common; `blocks` and `shared_file` cut a file for threads; `csv`, `json`
//! and `json_shape` read records; `field`, `times`, `nulls` and `impression_items` say what their fields mean.

pub(crate) mod blocks;
pub(crate) mod csv;
pub(crate) mod field;
pub(crate) mod impression_items;
pub(crate) mod json;
pub(crate) mod json_shape;
pub(crate) mod nulls;
pub(crate) mod records;
pub(crate) mod shared_file;
pub(crate) mod times;
