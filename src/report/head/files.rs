//! The files of a table, in order, from the manifest.
//!
//! **In / Out**: `OUT`, or the folder of one of its days → paths of Parquet, each with its day and its
//! rows. **Invariants**: a path that leads out of the folder is refused.

use std::path::{Component, Path, PathBuf};

use super::{HeadOf, HeadSettings};
use crate::calendar::{date_text, parse_day};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::Day;
use crate::job::JobKind;
use crate::manifest::{AnyManifest, FileEntry, NOT_SEALED, Scope, SetDays, parse, seal_of};
use crate::publish::{MANIFEST, SUCCESS, day_folder};
use crate::store::local;

/// A file of rows.
#[derive(Clone, Debug)]
pub(crate) struct HeadFile {
    pub(crate) path: PathBuf,
    /// The day of its folder, if there are folders of days.
    pub(crate) day: Option<Day>,
    /// Its rows, as the manifest says.
    pub(crate) rows: u64,
}

/// The manifest of a folder; its own checksum is checked first.
pub(crate) fn read_manifest(out: &Path) -> Result<AnyManifest> {
    let no_input = |what: String| Err(Error::from(ErrorKind::NoInput { what }));
    if !out.is_dir() {
        return no_input(format!("no such folder: \"{}\"", out.display()));
    }
    let path = out.join(MANIFEST);
    if std::fs::symlink_metadata(&path).is_err() {
        let mut what = format!(
            "\"{}\" holds no {MANIFEST}, so no job published it",
            out.display()
        );
        if std::fs::symlink_metadata(out.join(SUCCESS)).is_ok() {
            what += ", or it is damaged";
        }
        return no_input(what);
    }
    let text = local::read(&path).map_err(|error| Error::io("read", &path, error))?;
    let broken = |what: String| Error::bad_file(path.display().to_string(), what);
    if seal_of(&text).is_none() {
        return Err(broken(NOT_SEALED.to_owned()));
    }
    parse(&text).map_err(broken)
}

/// The files of a table of a job; nothing if the manifest's list of them makes no sense.
pub(crate) fn part_files(
    settings: &HeadSettings,
    job_kind: JobKind,
    table: HeadOf,
    manifest: &AnyManifest,
) -> Result<Option<Vec<HeadFile>>> {
    let out = &settings.out;
    let is_dwell = job_kind == JobKind::Dwell;
    let has_days = match &manifest.days {
        // The manifest of a day has none.
        None => manifest.day.is_some(),
        Some(days) => matches!(days, SetDays::Each(_)),
    };
    let lacks = |of: &str| {
        let what = format!("\"{}\" holds no table of {of}", out.display());
        Err(Error::from(ErrorKind::NoInput { what }))
    };
    let (name, of) = match table {
        HeadOf::Merchants => ("merchant.parquet", "merchants"),
        HeadOf::Users => ("user.parquet", "users by day"),
        HeadOf::Flyers => ("flyer.parquet", "flyers"),
        HeadOf::Rows | HeadOf::Quarantine => ("user_merchant.parquet", "users"),
    };
    if !is_dwell && !matches!(table, HeadOf::Rows | HeadOf::Quarantine) {
        return lacks(of);
    }
    // In the manifest of a day, paths start from the folder of the day, so they do not name the day.
    let own_day = manifest.day;
    let Some(mut files) = files_of(out, &manifest.parts) else {
        return Ok(None);
    };
    if is_dwell {
        let is_empty = files.is_empty();
        files.retain(|file| file.path.ends_with(name));
        if files.is_empty() && !is_empty {
            return lacks(of);
        }
    }
    if !has_days {
        return Ok(Some(files));
    }
    for file in &mut files {
        let folder = file.path.parent().and_then(Path::file_name);
        let value = folder.and_then(|name| {
            let value = name.to_str()?.strip_prefix(job_kind.day_column())?;
            parse_day(value.strip_prefix('=')?)
        });
        file.day = own_day.or(value);
    }
    if let Some(day) = settings.day {
        let days = manifest.days.iter().flat_map(SetDays::entries);
        let mut days: Vec<Day> = days.map(|entry| entry.day).collect();
        days.extend(own_day);
        if !days.contains(&day) {
            let range = match (days.first(), days.last()) {
                (Some(first), Some(last)) if first != last => {
                    format!("{} to {}", date_text(*first), date_text(*last))
                }
                (Some(day), _) => date_text(*day),
                _ => "none".to_owned(),
            };
            let folder = day_folder(job_kind, day);
            let what = format!(
                "\"{}\" has no {folder}; its days are {range}",
                out.display()
            );
            return Err(Error::from(ErrorKind::NoInput { what }));
        }
        files.retain(|file| file.day == Some(day));
    }
    Ok(Some(files))
}

/// The files of rejected rows, which are in the folder of the set.
pub(crate) fn quarantine_files(out: &Path, manifest: &AnyManifest) -> Option<Vec<HeadFile>> {
    match manifest.of {
        Scope::Day => files_of(&out.join(".."), &manifest.quarantine),
        Scope::Whole => files_of(out, &manifest.quarantine),
    }
}

/// The files of a list of a manifest; nothing if one of them makes no sense.
fn files_of(out: &Path, list: &[FileEntry]) -> Option<Vec<HeadFile>> {
    let files = list.iter().map(|entry| {
        let path = Path::new(&entry.path);
        let is_name = |part: Component<'_>| matches!(part, Component::Normal(_));
        path.components().all(is_name).then(|| HeadFile {
            path: out.join(path),
            day: None,
            rows: entry.rows,
        })
    });
    files.collect()
}
