//! What the program prints: progress, summaries, snippets, tables and records.

pub(crate) mod progress;
pub(crate) mod records;
pub(crate) mod snippets;
pub(crate) mod summary;
pub(crate) mod table;
