//! What the program prints: summaries, tables, records and progress.

pub(crate) mod progress;
pub(crate) mod records;
pub(crate) mod summary;
pub(crate) mod table;
