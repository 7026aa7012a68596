//! Where an output lies beside its inputs: whether they overlap, and the working directory, where relative paths of
//! inputs start, as the manifest records it.
//!
//! **In / Out**: the path of the output → the working directory. **Invariants**: for a relative output
//! it is relative to the output, so that a set and its inputs may be moved together, and the same layout
//! gives the same manifest anywhere; for an absolute output it is absolute.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// An error if the output is inside an input, or an input inside the output.
pub(super) fn refuse_overlap(out: &Path, inputs: &[PathBuf]) -> Result<()> {
    let unclear = || Error::output(out, "its path leads through a folder that is not there");
    let out = resolved(out).ok_or_else(unclear)?;
    for root in inputs {
        let Ok(input) = root.canonicalize() else {
            continue;
        };
        if out.starts_with(&input) || input.starts_with(&out) {
            let what = format!("it overlaps the input \"{}\"", root.display());
            return Err(Error::output(&out, what));
        }
    }
    Ok(())
}

/// A path without symbolic links; the file need not exist.
fn resolved(path: &Path) -> Option<PathBuf> {
    let mut missing = Vec::new();
    let mut path = std::path::absolute(path).ok()?;
    loop {
        if let Ok(found) = path.canonicalize() {
            return Some(
                missing
                    .iter()
                    .rev()
                    .fold(found, |path, name: &OsString| path.join(name)),
            );
        }
        missing.push(path.file_name()?.to_owned());
        path.pop();
    }
}

/// The working directory as the manifest records it; `None` if it is unknown or not UTF-8.
pub(crate) fn origin(out: &Path) -> Option<String> {
    let here = std::env::current_dir().ok()?.canonicalize().ok()?;
    let path = if out.is_absolute() {
        here
    } else {
        relative_path(&resolved(out)?, &here)
    };
    path.to_str().map(str::to_owned)
}

/// The same for an output at `out`, if one at `before` records the working directory as `from`.
pub(crate) fn moved_origin(from: &str, before: &Path, out: &Path) -> Option<String> {
    // An absolute path stays what it is.
    let here = before.join(from).canonicalize().ok()?;
    let path = if out.is_absolute() {
        here
    } else {
        relative_path(&resolved(out)?, &here)
    };
    path.to_str().map(str::to_owned)
}

/// The relative path from one folder to another, both without links.
fn relative_path(from: &Path, to: &Path) -> PathBuf {
    let pairs = from.components().zip(to.components());
    let common = pairs.take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let path: PathBuf = up.chain(to.components().skip(common)).collect();
    if path.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_from_an_output_leads_to_the_run() {
        for (from, to, expected) in [
            ("/p/out", "/p", ".."),
            ("/p/sets/a/out", "/p", "../../.."),
            ("/sets/out", "/p/q", "../../p/q"),
            ("/p/out", "/p/out", "."),
            ("/p/out", "/p/out/x", "x"),
        ] {
            assert_eq!(
                relative_path(Path::new(from), Path::new(to)),
                Path::new(expected)
            );
        }
    }

    #[test]
    fn of_an_absolute_output_it_is_the_folder_itself() {
        let here = std::env::current_dir().expect("a folder");
        let here = here.canonicalize().expect("a folder");
        assert_eq!(origin(Path::new("/tmp/out")).as_deref(), here.to_str());
        assert_eq!(origin(Path::new("out")).as_deref(), Some(".."));
    }
}
