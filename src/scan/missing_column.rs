//! The error of a file that lacks a required column, with the hint that fits its name and its folder.

use std::path::{Path, PathBuf};

use crate::advice::{self, Hint};
use crate::catalog::input::InputFile;
use crate::error::Error;
use crate::job::{DT, DayPattern, JobKind, Source};

/// The error of a file that lacks a required column; `found` is what it has instead.
pub(crate) fn missing_column(file: &InputFile, name: &str, found: &str) -> Error {
    if name == DT && file.source != Source::Impressions {
        let what = "expected a folder dt=YYYY-MM-DD or a column \"dt\"";
        let hint = Hint::AvailableColumn.with(file.source.name());
        return file.fault(format!("{what}, found {found}; {hint}"));
    }
    let or_rows = match (file.source, name) {
        (Source::Impressions, "impressions") => ", or \"item_id\" of rows that are one item each",
        _ => "",
    };
    let what = format!("expected a column \"{name}\"{or_rows}, found {found}");
    let mut hints = vec![column_hint(file, name)];
    // Only `features` needs the users of clicks, and only for labels by user.
    if (file.source, name) == (Source::Clicks, "user_id") {
        hints.push(Hint::ListingLabels.text().to_owned());
    }
    // Sets that are to be scored have none.
    if (file.source, name) == (Source::Impressions, "is_order") {
        hints.push(Hint::NoLabels.text().to_owned());
    }
    let hints = hints.join(", ");
    file.fault(advice::placed(
        format!("{what}; {hints}"),
        &file.shown,
        name,
    ))
}

/// The hint on a missing column: give its name in the files, unless it is the key of a folder or a field
/// inside a column.
fn column_hint(file: &InputFile, name: &str) -> String {
    let folders = file.path.parent().into_iter().flat_map(Path::components);
    let folders: Vec<String> = folders
        .map(|folder| folder.as_os_str().to_string_lossy().into_owned())
        .collect();
    let has_key = |folder: &String, key: &str| {
        let value = folder.strip_prefix(key);
        value.is_some_and(|value| value.starts_with('='))
    };
    if name == DT
        && let Some(pattern) = DayPattern::guess(&file.path)
    {
        let setting = format!("{}.day_from='{pattern}'", file.source.name());
        return Hint::DayFrom.with(&setting);
    }
    if let Some(at) = folders.iter().position(|folder| has_key(folder, name)) {
        let above: PathBuf = folders[..at].iter().collect();
        let ending = file.path.extension().unwrap_or_default().to_string_lossy();
        let all = above.join(format!("**/*.{ending}"));
        return Hint::FolderKeys.with(&all.to_string_lossy());
    }
    if is_default_name(file.source, name) {
        return Hint::Columns.with(file.source.name());
    }
    Hint::GivenName.text().to_owned()
}

/// Whether a name is the default of one of the source's columns.
fn is_default_name(source: Source, name: &str) -> bool {
    let all = JobKind::ALL.into_iter();
    all.map(|job_kind| source.columns(job_kind))
        .any(|columns| columns.contains(&name))
}
