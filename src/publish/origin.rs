//! Where a run was, as seen from its output: what relative paths of its inputs start from.
//!
//! **In / Out**: the path of the output → the folder that the run was in. **Invariants**: of a relative
//! output the way from it to that folder, so that a set and its inputs may be moved together, and the
//! same layout gives the same manifest wherever it lies; of an absolute one the folder's own path.

use std::path::{Component, Path, PathBuf};

use super::resolved;

/// The folder that the run is in, as a manifest tells it; nothing if it cannot be told.
pub(crate) fn origin(out: &Path) -> Option<String> {
    let here = std::env::current_dir().ok()?.canonicalize().ok()?;
    let path = match out.is_absolute() {
        true => here,
        false => way(&resolved(out)?, &here),
    };
    path.to_str().map(str::to_owned)
}

/// The relative path from one folder to another, both without links.
fn way(from: &Path, to: &Path) -> PathBuf {
    let pairs = from.components().zip(to.components());
    let common = pairs.take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(to.components().skip(common)).collect();
    match way.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => way,
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
            assert_eq!(way(Path::new(from), Path::new(to)), Path::new(expected));
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
