//! Text files to typed fields: CSV, NDJSON and JSON arrays, piece by piece.
//!
//! In reading order: `records` reads a file or a piece of it; `blocks` and `shared_file` cut a file into
//! pieces for threads; `csv` and `json` parse records; `columns` and `record` are what they
//! share; `plain` reads many records at a time in which nothing needs judging. `field` parses single values, times by a `clock`, with `times` and `epoch`; `nulls` replaces texts that stand for
//! null; `verbatim` gives whole records as they are written; `impression_items` parses the array of an impression, `lists` those whose elements are records, by `list_rules`.

pub(crate) mod blocks;
pub(crate) mod clock;
pub(crate) mod columns;
pub(crate) mod csv;
pub(crate) mod epoch;
pub(crate) mod field;
pub(crate) mod impression_items;
pub(crate) mod json;
pub(crate) mod list_rules;
pub(crate) mod lists;
mod nulls;
pub(crate) mod plain;
pub(crate) mod record;
pub(crate) mod records;
pub(crate) mod shared_file;
pub(crate) mod times;
pub(crate) mod verbatim;
