//! The files in a folder that may be logs, by their names.

use std::fs;
use std::path::{Path, PathBuf};

use super::LeftOut;
use crate::catalog::paths::{is_hidden, is_in_progress};
use crate::error::{Error, Result};

/// The deepest folder that is looked into.
const DEPTH_MAX: usize = 12;
/// A file in a folder that a job published.
const MANIFEST: &str = "_manifest.json";

/// A file that may be a log.
#[derive(Clone, Debug)]
pub(super) struct FoundFile {
    /// Its path, with that of the folder.
    pub(super) path: PathBuf,
    /// Its path in the folder.
    pub(super) inner: String,
    /// Its length.
    pub(super) bytes: u64,
}

/// All files of a folder that may be logs, sorted by path, and what is left out.
///
/// # Errors
/// If a folder cannot be read.
pub(super) fn found_in(folder: &Path) -> Result<(Vec<FoundFile>, Vec<LeftOut>)> {
    let mut walk = Walk {
        folder,
        files: Vec::new(),
        left_out: Vec::new(),
    };
    walk.collect(folder, 0)?;
    walk.files.sort_by(|a, b| a.inner.cmp(&b.inner));
    Ok((walk.files, walk.left_out))
}

/// A walk through a folder.
struct Walk<'a> {
    folder: &'a Path,
    files: Vec<FoundFile>,
    left_out: Vec<LeftOut>,
}

impl Walk<'_> {
    /// Adds all files below a path.
    fn collect(&mut self, path: &Path, depth: usize) -> Result<()> {
        let failed = |error| Error::io("read", path, error);
        for entry in fs::read_dir(path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // A job file is no source, and jobs do not read hidden files either.
            let is_passed = is_hidden(&path) || name.ends_with(".toml");
            if is_passed {
                continue;
            }
            let Ok(metadata) = fs::metadata(&path) else {
                self.leave_out(&path, "it is a link to nothing");
                continue;
            };
            if is_in_progress(&path) {
                self.leave_out(&path, "it is a copy in progress");
            } else if metadata.is_dir() && path.join(MANIFEST).exists() {
                self.leave_out(&path, "it is a set that hitherto published");
            } else if metadata.is_dir() && depth < DEPTH_MAX {
                self.collect(&path, depth + 1)?;
            } else if metadata.is_file() {
                let inner = self.inner(&path);
                let bytes = metadata.len();
                self.files.push(FoundFile { path, inner, bytes });
            } else {
                self.leave_out(&path, "it is no file");
            }
        }
        Ok(())
    }

    /// Leaves a path out.
    fn leave_out(&mut self, path: &Path, reason: &str) {
        self.left_out.push(LeftOut {
            path: self.inner(path),
            reason: reason.to_owned(),
        });
    }

    /// A path within the folder.
    fn inner(&self, path: &Path) -> String {
        let inner = path.strip_prefix(self.folder).unwrap_or(path);
        inner.display().to_string()
    }
}

/// A path with `*` for what differs between the files of a family: numbers, dates and months.
pub(super) fn mask_of(path: &str) -> String {
    let mut mask = String::new();
    for (at, part) in path.split('/').enumerate() {
        if at > 0 {
            mask.push('/');
        }
        mask.push_str(&mask_of_name(part));
    }
    mask
}

/// The name of a file or folder with `*` for what differs.
fn mask_of_name(name: &str) -> String {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    // Words and runs of digits; what stands between two masked ones is masked too.
    let mut pieces: Vec<String> = Vec::new();
    for c in name.chars() {
        let class = |c: char| (c.is_ascii_digit(), c.is_alphabetic());
        match pieces.last_mut() {
            Some(piece) if piece.chars().next().map(class) == Some(class(c)) => piece.push(c),
            _ => pieces.push(c.to_string()),
        }
    }
    // The extension is what it is, such as in "a.7z".
    let body = name.find('.').unwrap_or(name.len());
    let (mut mask, mut at, mut has_number) = (String::new(), 0, false);
    for piece in &pieces {
        let is_month = MONTHS.contains(&piece.to_ascii_lowercase().as_str()) && has_number;
        let is_number = piece.starts_with(|c: char| c.is_ascii_digit());
        let is_between = ["-", "_", "T", "Z", "t"].contains(&piece.as_str()) && mask.ends_with('*');
        if at < body && (is_number || is_month || is_between) {
            has_number |= is_number;
            if !mask.ends_with('*') {
                mask.push('*');
            }
        } else {
            mask.push_str(piece);
        }
        at += piece.len();
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_files_is_masked() {
        for (path, mask) in [
            ("events_20250801.csv", "events_*.csv"),
            ("impressions_2025-08-15.ndjson", "impressions_*.ndjson"),
            ("2019-Oct.csv", "*.csv"),
            ("clicks.csv", "clicks.csv"),
            ("clicks_1000.csv", "clicks_*.csv"),
            ("clicks/dt=2025-08-15/part-0.csv", "clicks/dt=*/part-*.csv"),
            ("2025/08/15/clicks.csv", "*/*/*/clicks.csv"),
            ("may.csv", "may.csv"),
            ("log.7z", "log.7z"),
        ] {
            assert_eq!(mask_of(path), mask, "{path}");
        }
    }
}
