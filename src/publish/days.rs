//! The folders of days in an output: their names, and a listing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::calendar::{date_text, parse_day};
use crate::error::{Error, Result};
use crate::ids::Day;
use crate::job::JobKind;

/// The folders of days in an output, in order.
pub(crate) fn days_in(job_kind: JobKind, out: &Path) -> Result<Vec<(Day, PathBuf)>> {
    let mut days = Vec::new();
    for entry in fs::read_dir(out).map_err(|error| Error::io("read", out, error))? {
        let path = entry.map_err(|error| Error::io("read", out, error))?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let value = name.as_deref().and_then(|name| {
            let value = name.strip_prefix(job_kind.day_column())?;
            value.strip_prefix('=')
        });
        let day = value.and_then(parse_day);
        days.extend(day.map(|day| (day, path)));
    }
    // The order of a listing is up to the filesystem, and manifests follow this one.
    days.sort();
    Ok(days)
}

/// The name of a day's folder.
pub(crate) fn day_folder(job_kind: JobKind, day: Day) -> String {
    format!("{}={}", job_kind.day_column(), date_text(day))
}
