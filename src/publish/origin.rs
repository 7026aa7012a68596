//! The working directory of a run, as its manifest records it: relative paths of inputs start there.
//!
//! **In / Out**: the path of the output → the working directory. **Invariants**: for a relative output
//! it is relative to the output, so that a set and its inputs may be moved together, and the same layout
//! gives the same manifest anywhere; for an absolute output it is absolute.

use std::path::{Component, Path, PathBuf};

use super::resolved;

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
