//! Which files a source has: paths, globs and `dt=` folders to files of a known format and day.
//!
//! Files of formats that are not read, and folders of tables whose files are not the table, are
//! refused here, with a way to make them readable.

pub(crate) mod foreign;
pub(crate) mod input;
pub(crate) mod null_words;
pub(crate) mod paths;
pub(crate) mod tables;
