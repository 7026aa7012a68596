//! The renames that publish an output. They are undone together if one of them, or the sync after
//! them, fails.
//!
//! **Invariants**: only our own files are moved back: what another process has put there in the
//! meantime stays.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::RenameFlags;

use crate::error::Result;
use crate::failpoint::hit;
use crate::publish::rename::rename;

/// The renames so far; undone on drop, unless kept.
#[derive(Debug, Default)]
pub(crate) struct Renames {
    /// The renames, in order.
    done: Vec<Rename>,
}

/// One rename.
#[derive(Debug)]
struct Rename {
    from: PathBuf,
    to: PathBuf,
    /// Whether it was an exchange: then what was replaced is at `from`.
    flags: RenameFlags,
    /// Device and inode of what was renamed.
    identity: Option<(u64, u64)>,
}

impl Renames {
    /// Renames to a path that must not exist.
    ///
    /// # Errors
    /// If it exists, or the filesystem refuses.
    pub(crate) fn place(&mut self, from: &Path, to: &Path) -> Result<()> {
        // The kernel looks whether the name is free. A look of our own could be overtaken by
        // another process before the rename.
        self.rename(from, to, RenameFlags::NOREPLACE)
    }

    /// Exchanges two paths, which must both exist.
    ///
    /// # Errors
    /// If one does not exist, or the filesystem refuses.
    pub(crate) fn exchange(&mut self, from: &Path, to: &Path) -> Result<()> {
        self.rename(from, to, RenameFlags::EXCHANGE)
    }

    /// Renames, and records it.
    fn rename(&mut self, from: &Path, to: &Path, flags: RenameFlags) -> Result<()> {
        // Before the rename: afterwards another process may already have replaced it.
        let identity = identity(from);
        hit("before a rename");
        rename(from, to, flags)?;
        hit("renamed");
        let (from, to) = (from.to_owned(), to.to_owned());
        self.done.push(Rename {
            from,
            to,
            flags,
            identity,
        });
        Ok(())
    }

    /// Makes all renames final.
    pub(crate) fn keep(mut self) {
        self.done.clear();
    }
}

impl Drop for Renames {
    fn drop(&mut self) {
        // Backwards: a later rename may use a name that an earlier one freed. Errors are dropped,
        // as the run already ends with the one that brought it here.
        for done in self.done.iter().rev() {
            if identity(&done.to) == done.identity {
                drop(rename(&done.to, &done.from, done.flags));
            }
        }
    }
}

/// Device and inode of what is at a path; `None` if nothing is.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let found = fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a file `new` and a file `old`.
    fn files() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let root = tempfile::tempdir().expect("a folder");
        let (new, old) = (root.path().join("new"), root.path().join("old"));
        fs::write(&new, "new").expect("a file");
        fs::write(&old, "old").expect("a file");
        (root, new, old)
    }

    /// The text of a file.
    fn text(path: &Path) -> String {
        fs::read_to_string(path).expect("a file")
    }

    #[test]
    fn what_is_not_kept_is_taken_back() {
        let (root, new, old) = files();
        let free = root.path().join("free");
        let mut renames = Renames::default();
        renames.exchange(&new, &old).expect("exchanged");
        renames.place(&new, &free).expect("placed");
        assert_eq!((text(&old).as_str(), text(&free).as_str()), ("new", "old"));
        drop(renames);
        assert_eq!((text(&old).as_str(), text(&new).as_str()), ("old", "new"));
        assert!(!free.exists());
    }

    #[test]
    fn what_is_kept_stays() {
        let (_root, new, old) = files();
        let mut renames = Renames::default();
        renames.exchange(&new, &old).expect("exchanged");
        renames.keep();
        assert_eq!(text(&old), "new");
    }

    #[test]
    fn what_somebody_else_put_there_is_not_taken_back() {
        let (root, new, _) = files();
        let free = root.path().join("free");
        let mut renames = Renames::default();
        renames.place(&new, &free).expect("placed");
        fs::rename(root.path().join("old"), &free).expect("renamed");
        drop(renames);
        assert_eq!(text(&free), "old");
    }
}
