//! Where the shares of a file go, so that their paths say what its path says of its day.

use std::path::Path;

use super::shares::SharePlace;
use crate::calendar::date_text;
use crate::catalog::input::InputFile;
use crate::error::{Error, Result};
use crate::ids::Day;
use crate::job::{Format, NO_DAY, PathDay, day_of_dt};

/// The place of the shares of a file, which is one of its source; `out` is where they will be.
///
/// # Errors
/// If no path in `out` says the same of its day.
pub(super) fn place_of(
    out: &Path,
    count: u32,
    file: &InputFile,
    (at, format, is_packed): (usize, Format, bool),
) -> Result<SharePlace> {
    let name = format!(
        "part-{at:06}.{}{}",
        match format {
            Format::Parquet | Format::Arrow => "parquet",
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
            Format::Json => "json",
        },
        if is_packed { ".zst" } else { "" }
    );
    let source = file.source.folder();
    let path = match folder_of(file) {
        Some(folder) => format!("{source}/{folder}/{name}"),
        None => format!("{source}/{name}"),
    };
    let place = SharePlace { count, path };
    let whole = out.join(place.path_of(count - 1));
    let found = match &file.settings.day_from {
        Some(pattern) => pattern.day_in(&whole),
        None => day_of_dt(&whole),
    };
    if found == day_of(file) {
        return Ok(place);
    }
    Err(Error::settings(format!(
        "\"{}\" would not say the day that \"{}\" says; choose another --out, in no folder of a day",
        whole.display(),
        file.shown
    )))
}

/// What the path of a file says of its day.
fn day_of(file: &InputFile) -> Option<PathDay> {
    match file.day {
        Some(day) => Some(PathDay::Day(day)),
        None => file.is_of_no_day.then_some(PathDay::NoDay),
    }
}

/// The folders that say the day of a file, if its path says one.
fn folder_of(file: &InputFile) -> Option<String> {
    let day: Option<Day> = match day_of(file)? {
        PathDay::Day(day) => Some(day),
        _ => None,
    };
    Some(match &file.settings.day_from {
        Some(pattern) => pattern.path_of(day),
        None => format!("dt={}", day.map_or_else(|| NO_DAY.to_owned(), date_text)),
    })
}
