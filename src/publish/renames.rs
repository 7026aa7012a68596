//! The renames that publish an output, taken back together if one of them, or the sync behind
//! them, fails.
//!
//! **Invariants**: what is taken back is what was put there: if somebody else has replaced it in
//! the meantime, theirs stays.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::RenameFlags;

use crate::error::Result;
use crate::failpoint::hit;
use crate::publish::fsync::rename;

/// Renames so far.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    /// Each of them, in order.
    done: Vec<Move>,
}

/// One rename.
#[derive(Debug)]
struct Move {
    /// Where it was built.
    from: PathBuf,
    to: PathBuf,
    /// Whether it took the place of something, which then lies where it was built.
    flags: RenameFlags,
    /// Device and number: what it is, whatever it is called.
    identity: Option<(u64, u64)>,
}

impl Moves {
    /// Puts something where nothing is.
    ///
    /// # Errors
    /// If something is, or the filesystem refuses.
    pub(crate) fn place(&mut self, from: &Path, to: &Path) -> Result<()> {
        self.rename(from, to, RenameFlags::NOREPLACE)
    }

    /// Puts something in the place of something else.
    ///
    /// # Errors
    /// If nothing is there, or the filesystem refuses.
    pub(crate) fn exchange(&mut self, from: &Path, to: &Path) -> Result<()> {
        self.rename(from, to, RenameFlags::EXCHANGE)
    }

    /// Renames, and remembers it.
    fn rename(&mut self, from: &Path, to: &Path, flags: RenameFlags) -> Result<()> {
        let identity = identity(from);
        hit("before a rename");
        rename(from, to, flags)?;
        hit("renamed");
        let (from, to) = (from.to_owned(), to.to_owned());
        self.done.push(Move {
            from,
            to,
            flags,
            identity,
        });
        Ok(())
    }

    /// Leaves all as it is, for good.
    pub(crate) fn keep(mut self) {
        self.done.clear();
    }
}

impl Drop for Moves {
    fn drop(&mut self) {
        for of in self.done.iter().rev() {
            if identity(&of.to) == of.identity {
                drop(rename(&of.to, &of.from, of.flags));
            }
        }
    }
}

/// What lies at a path, whatever it is called; `None` if nothing does.
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
        let mut moves = Moves::default();
        moves.exchange(&new, &old).expect("exchanged");
        moves.place(&new, &free).expect("placed");
        assert_eq!((text(&old).as_str(), text(&free).as_str()), ("new", "old"));
        drop(moves);
        assert_eq!((text(&old).as_str(), text(&new).as_str()), ("old", "new"));
        assert!(!free.exists());
    }

    #[test]
    fn what_is_kept_stays() {
        let (_root, new, old) = files();
        let mut moves = Moves::default();
        moves.exchange(&new, &old).expect("exchanged");
        moves.keep();
        assert_eq!(text(&old), "new");
    }

    #[test]
    fn what_somebody_else_put_there_is_not_taken_back() {
        let (root, new, _) = files();
        let free = root.path().join("free");
        let mut moves = Moves::default();
        moves.place(&new, &free).expect("placed");
        fs::rename(root.path().join("old"), &free).expect("renamed");
        drop(moves);
        assert_eq!(text(&free), "old");
    }
}
