//! Schema inference: what the files in a folder hold, and which of them belong together.
//!
//! ```text
//! a folder ──► files (paths) ──► first records (records: csv, json, columnar) ──► columns (columns, lists)
//!                                                      └──► families of files of one schema (families)
//! ```
//! **In / Out**: a folder → [`Survey`]. **Invariants**: a file that cannot be read, or that is none of ours, is
//! reported with the reason. Values are those of the first records, so all that is said of them is a guess.
//! **Cost**: the beginning of each file, up to [`FILES_MAX`] files; of a family the first records of two files.

mod columnar;
mod columns;
mod csv;
mod families;
mod formats;
mod json;
mod lists;
mod paths;
mod records;
mod schema;
mod values;

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;

pub use self::families::Surveyed;
pub use self::schema::{ListKind, SurveyedColumn, SurveyedList, SurveyedTime, TextLayout};

use self::families::{Seen, families_of};
use self::paths::{FoundFile, found_in};
use self::records::first_records;
use self::schema::FirstRecords;
use self::values::{value_at, word_of};
use crate::error::Result;
use crate::place::check_in;

/// The most files whose beginnings are read; the others are taken for what their names say.
const FILES_MAX: usize = 1000;
/// Records of a file by which its columns are known.
const RECORDS_FEW: usize = 20;
/// Records of a file by which values are known.
const RECORDS_MAX: usize = 1000;

/// What lies in a folder.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Files of one schema, in the order of their paths.
    pub families: Vec<Surveyed>,
    /// What is no source, in the order of paths, and why.
    pub left_out: Vec<LeftOut>,
}

/// Something in a folder that is no source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its path in the folder.
    pub path: String,
    /// Why it is none.
    pub reason: String,
}

/// The words of a column.
#[derive(Clone, Debug, Default)]
pub struct SurveyedWords {
    /// The words, sorted, each with the number of its records.
    pub words: Vec<(String, u64)>,
    /// The records without a word.
    pub nulls: u64,
    /// Those of the words beside which another column never has a value.
    pub alone: Vec<String>,
}

/// Looks at the first records of the files in a folder and in the folders in it.
///
/// # Errors
/// If the folder cannot be read.
pub fn survey(folder: &Path) -> Result<Survey> {
    check_in(folder)?;
    let (files, mut left_out) = found_in(folder)?;
    let opened = files.par_iter().enumerate().map(|(at, file)| {
        let is_read = at < FILES_MAX;
        is_read.then(|| first_records(&file.path, RECORDS_FEW))
    });
    let opened: Vec<Option<Result<Option<FirstRecords>>>> = opened.collect();
    let (mut seen, mut unreadable) = (Vec::new(), Vec::new());
    for (file, opened) in files.into_iter().zip(opened) {
        match opened {
            None => seen.push(Seen { file, first: None }),
            Some(Ok(first @ Some(_))) => seen.push(Seen { file, first }),
            Some(Ok(None)) => left_out.push(LeftOut {
                path: file.inner,
                reason: "it holds no row".to_owned(),
            }),
            Some(Err(error)) => {
                unreadable.push(file.inner.clone());
                left_out.push(LeftOut {
                    reason: reason_of(&error.to_string(), &file),
                    path: file.inner,
                });
            }
        }
    }
    let families = families_of(seen, unreadable, &mut left_out)?;
    left_out.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Survey { families, left_out })
}

/// The words of a column of some files of a folder, and of how many records they are; at most `records_max`
/// records are read. For a column with few words, whose rare ones come late. `beside` is another column.
///
/// # Errors
/// If a file cannot be read.
pub fn survey_words(
    folder: &Path,
    family: &Surveyed,
    column: &str,
    beside: &str,
    records_max: usize,
) -> Result<SurveyedWords> {
    let mut found = SurveyedWords::default();
    let mut words: BTreeMap<String, (u64, bool)> = BTreeMap::new();
    let mut left = records_max;
    for file in &family.files {
        if left == 0 {
            break;
        }
        let first = first_records(&folder.join(file), left)?.unwrap_or_default();
        left -= first.rows.len();
        for row in &first.rows {
            match value_at(row, column).and_then(word_of) {
                Some(word) => {
                    let (count, is_beside) = words.entry(word).or_default();
                    *count += 1;
                    *is_beside |= value_at(row, beside).is_some();
                }
                None => found.nulls += 1,
            }
        }
    }
    for (word, (count, is_beside)) in words {
        found.alone.extend((!is_beside).then(|| word.clone()));
        found.words.push((word, count));
    }
    Ok(found)
}

/// An error without the path of the file, which stands before it.
fn reason_of(error: &str, file: &FoundFile) -> String {
    // After a line break the rest of the message would be no comment in a job file.
    let reason = error.replace('\n', " ");
    let shown = format!("\"{}\": ", file.path.display());
    match reason.split_once(&shown) {
        Some((_, rest)) => rest.to_owned(),
        None => reason,
    }
}
