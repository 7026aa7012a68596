//! Values in the spellings that programs write: whole numbers, labels and times that mean the same as the
//! usual ones.
//!
//! In reading order: `decimal` reads numbers exactly, `numbers` columns of floats and decimals, `label` labels
//! of text and of columns, `spellings` times by a `cursor`, and `time_format` times by a format that the user gives.
//!
//! **Invariants**: nothing is rounded and nothing is guessed: what has two meanings is no value.
//! **Cost**: all of this is tried only where the usual form does not fit.

mod cursor;
pub(crate) mod decimal;
pub(crate) mod label;
pub(crate) mod numbers;
pub(crate) mod spellings;
pub(crate) mod time_format;
