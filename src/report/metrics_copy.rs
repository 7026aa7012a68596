//! A copy of the metrics of a set, at a path of the user's.
//!
//! **In / Out**: `OUT/_metrics.json` → the same bytes at another path. **Invariants**: nothing but metrics
//! is ever replaced, and the path has whole metrics or what it had before.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf, absolute};

use crate::error::{Error, Result};
use crate::job::JobKind;
use crate::place;
use crate::publish::{METRICS, put_file};

/// Checks, before a run, that the metrics of the set `out` can be copied to a path.
///
/// # Errors
/// A usage error if the path is a URL, lies in the set, or has a file that holds no metrics.
pub fn check_metrics_copy(out: &Path, path: &Path) -> Result<()> {
    place::check_out("--metrics-json", path)?;
    let shown = path.display();
    let whole = |path: &Path| absolute(path).unwrap_or_else(|_| path.to_owned());
    if whole(path).starts_with(whole(out)) {
        return Err(Error::settings(format!(
            "--metrics-json \"{shown}\" lies in the output, which has its _metrics.json already; \
             name a path outside of it"
        )));
    }
    if path.is_dir() {
        return Err(Error::settings(format!(
            "--metrics-json \"{shown}\" is a folder; name a file in it"
        )));
    }
    // An input that is named by mistake must not be lost.
    if path.exists() && !has_metrics(path) {
        return Err(Error::settings(format!(
            "--metrics-json \"{shown}\" exists and holds no metrics of a set; take it away, or name \
             another path"
        )));
    }
    Ok(())
}

/// Copies the metrics of a published set to a path.
///
/// # Errors
/// [`crate::ErrorKind::Io`] if they cannot be read or written; the set stays.
pub fn copy_metrics(out: &Path, path: &Path) -> Result<()> {
    let from = out.join(METRICS);
    let bytes = fs::read(&from).map_err(|error| Error::io("read", &from, error))?;
    let failed = |what: String| Error::io("write", path, io::Error::other(what));
    let Some(name) = path.file_name() else {
        return Err(failed("it names no file".to_owned()));
    };
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    // Whatever goes wrong is a failed write: the set is published, so no other exit code would be
    // true.
    put_file(&folder, &name.to_string_lossy(), &bytes).map_err(|error| match error.exit_code() {
        74 => error,
        _ => failed(error.to_string()),
    })
}

/// Whether a file begins as metrics do.
fn has_metrics(path: &Path) -> bool {
    let mut head = Vec::new();
    let opened = fs::File::open(path).map(|file| file.take(256));
    let read = opened.and_then(|mut file| file.read_to_end(&mut head));
    let head = String::from_utf8_lossy(&head);
    let plain: String = head.split_whitespace().collect();
    let mut beginnings = JobKind::ALL
        .iter()
        .map(|kind| format!("{{\"job\":\"{}\",\"of\":\"", kind.name()));
    read.is_ok() && beginnings.any(|beginning| plain.starts_with(&beginning))
}
