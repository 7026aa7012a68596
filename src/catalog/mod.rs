//! Which files a source has: paths, globs and `dt=` folders to files of a known format and day.
//!
//! Files of other formats, and folders of table formats, are refused with a command that converts them.
//!
//! In reading order: `paths` expands what the user names, `search` finds the files in folders, `pipes` copies what
//! comes through pipes, `tables` refuses table formats, `input` is one
//! file, `source_files` are those of one source, `foreign` refuses other formats; `compression`, `zip` and `utf16` make
//! text of a file, and `text_head` tells what its beginning is.

pub(crate) mod compression;
mod foreign;
pub(crate) mod input;
pub(crate) mod null_words;
pub(crate) mod paths;
pub(crate) mod pipes;
mod search;
mod source_files;
mod tables;
pub(crate) mod text_head;
mod utf16;
mod zip;
