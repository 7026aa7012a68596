//! Families: files that differ in numbers and dates of their names only, and have the same columns.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::columns::columns_of;
use super::paths::{FoundFile, mask_of};
use super::records::first_records;
use super::schema::{FirstRecords, SurveyedColumn, TextLayout};
use super::{LeftOut, RECORDS_MAX};
use crate::error::Result;
use crate::job::{DayPattern, Format, day_of_dt};

/// Files of one schema.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// Paths that name all of them and nothing else, within the folder: a file, a folder or a glob, or each
    /// file.
    pub paths: Vec<String>,
    /// The files, sorted.
    pub files: Vec<String>,
    /// The bytes of all files.
    pub bytes: u64,
    /// The format of the first.
    pub format: Format,
    /// How its text is laid out, if it is CSV.
    pub layout: TextLayout,
    /// Its columns.
    pub columns: Vec<SurveyedColumn>,
    /// The records by which columns are known.
    pub records: u64,
    /// Whether folders `dt=` tell days.
    pub has_dt_folders: bool,
    /// Where else paths tell a day.
    pub day_from: Option<DayPattern>,
}

impl Surveyed {
    /// The first folder of its path; nothing for a file in the folder itself, or if that folder tells a date.
    pub fn top_folder(&self) -> Option<&str> {
        let (top, _) = self.files.first()?.split_once('/')?;
        (mask_of(top) == top).then_some(top)
    }
}

/// A file, with its first records if it was read.
pub(super) struct Seen {
    pub(super) file: FoundFile,
    pub(super) first: Option<FirstRecords>,
}

/// Files of one mask and schema, while they are found.
struct Family {
    mask: String,
    files: Vec<FoundFile>,
    format: Format,
    columns: BTreeSet<String>,
}

/// The families of files, in the order of their first files. Paths of families name none of the `others`.
///
/// # Errors
/// If a file cannot be read again.
pub(super) fn families_of(
    seen: Vec<Seen>,
    mut others: Vec<String>,
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<Surveyed>> {
    others.extend(seen.iter().map(|seen| seen.file.inner.clone()));
    let all = others;
    let mut families: Vec<Family> = Vec::new();
    for Seen { file, first } in seen {
        let mask = mask_of(&file.inner);
        let top = top_of(&file.inner);
        let columns = first.as_ref().map(|first| first.columns.iter().cloned());
        let columns: Option<BTreeSet<String>> = columns.map(Iterator::collect);
        let mut fitting = families.iter_mut();
        let family = fitting.find(|family| {
            let is_near =
                family.mask == mask || (top.is_some() && top_of(&family.files[0].inner) == top);
            let is_alike = columns
                .as_ref()
                .is_none_or(|columns| are_alike(columns, &family.columns));
            is_near && is_alike
        });
        let format = first.and_then(|first| first.format);
        match (family, columns, format) {
            (Some(family), ..) => family.files.push(file),
            (None, Some(columns), Some(format)) => families.push(Family {
                mask,
                files: vec![file],
                format,
                columns,
            }),
            _ => left_out.push(LeftOut {
                path: file.inner,
                reason: "there are more files than are looked at".to_owned(),
            }),
        }
    }
    families
        .iter()
        .map(|family| surveyed(family, &all))
        .collect()
}

/// The first folder of a path, if it tells no date.
fn top_of(path: &str) -> Option<&str> {
    let (top, _) = path.split_once('/')?;
    (mask_of(top) == top).then_some(top)
}

/// Whether files have mostly the same columns.
fn are_alike(a: &BTreeSet<String>, b: &BTreeSet<String>) -> bool {
    let both = a.intersection(b).count();
    2 * both >= a.union(b).count()
}

/// What a family holds, by the first records of its first and of its last file.
fn surveyed(family: &Family, all: &[String]) -> Result<Surveyed> {
    let mut first = first_records(&family.files[0].path, RECORDS_MAX)?.unwrap_or_default();
    if let [_, .., last] = &family.files[..]
        && let Some(last) = first_records(&last.path, RECORDS_MAX)?
    {
        let new = last
            .columns
            .iter()
            .filter(|name| !first.columns.contains(name));
        let new: Vec<String> = new.cloned().collect();
        first.columns.extend(new);
        first.rows.extend(last.rows);
    }
    let files: Vec<String> = family.files.iter().map(|file| file.inner.clone()).collect();
    let path = Path::new(&files[0]);
    let has_dt_folders = day_of_dt(path).is_some();
    let day_from = DayPattern::guess(path).filter(|_| !has_dt_folders && files[0].contains('/'));
    Ok(Surveyed {
        paths: paths_of(&family.mask, &files, all),
        bytes: family.files.iter().map(|file| file.bytes).sum(),
        format: family.format,
        layout: first.layout,
        columns: columns_of(&first.columns, &first.rows, family.format),
        records: u64::try_from(first.rows.len()).unwrap_or(u64::MAX),
        has_dt_folders,
        day_from,
        files,
    })
}

/// Paths that name some of all files and no other: the file, its first folder, a glob, or each file.
fn paths_of(mask: &str, files: &[String], all: &[String]) -> Vec<String> {
    if let [file] = files
        && !file.contains('/')
    {
        return vec![file.clone()];
    }
    let members: BTreeSet<&String> = files.iter().collect();
    let top = top_of(&files[0]);
    if let Some(top) = top
        && all
            .iter()
            .all(|path| top_of(path) != Some(top) || members.contains(path))
    {
        return vec![top.to_owned()];
    }
    let options = glob::MatchOptions {
        require_literal_separator: true,
        ..glob::MatchOptions::new()
    };
    if let Ok(pattern) = glob::Pattern::new(mask) {
        let matched = all
            .iter()
            .filter(|path| pattern.matches_with(path, options));
        let matched: BTreeSet<&String> = matched.collect();
        if matched == members {
            return vec![mask.to_owned()];
        }
    }
    // Folders that hold nothing else are named instead of their files.
    let mut folders: BTreeMap<&str, bool> = BTreeMap::new();
    for path in all {
        if let Some((folder, _)) = path.rsplit_once('/') {
            let is_whole = folders.entry(folder).or_insert(true);
            *is_whole &= members.contains(path);
        }
    }
    let mut paths: Vec<String> = files
        .iter()
        .map(|path| match path.rsplit_once('/') {
            Some((folder, _)) if folders.get(folder) == Some(&true) => folder.to_owned(),
            _ => path.clone(),
        })
        .collect();
    paths.dedup();
    paths
}
