//! The folder aside, in which an output is built, and those that dead runs left.
//!
//! **Layout**: `.NAME.tmp-PID-N`, next to `OUT` on the same filesystem; for `--add-days` inside
//! `OUT`, which may be a mount of its own.
//! **Invariants**: a living run holds a lock on its folder, from before anything lies in it; what
//! has our name and no lock is a dead run's, and goes. A link, a pipe or a file of that name is
//! not ours, and is left alone.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::error::{Error, Result};
use crate::failpoint::hit;
use crate::publish::fsync::{cannot, sync_dir};

/// Bytes of the output's name that the folder aside has in its own: names end at 255.
const NAME_BYTES_KEPT: usize = 200;

/// The folder that holds the output, with those above it that had to be made.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) path: PathBuf,
    /// What had to be made, the outermost first.
    made: Vec<PathBuf>,
}

impl Home {
    /// Makes the folder, and those above it that are missing; their names are synced, so that the
    /// output does not go down with them.
    ///
    /// # Errors
    /// If that cannot be done; then what was made is removed.
    pub(crate) fn make(path: &Path) -> Result<Home> {
        let mut missing = Vec::new();
        let mut at = path;
        while !at.exists() {
            missing.push(at);
            match at.parent() {
                Some(above) => at = above,
                None => break,
            }
        }
        let mut home = Home {
            path: path.to_owned(),
            made: Vec::new(),
        };
        for folder in missing.into_iter().rev() {
            match fs::create_dir(folder) {
                Ok(()) => {
                    home.made.push(folder.to_owned());
                    hit("folder above made");
                }
                // Somebody else was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
                Err(error) => return Err(cannot(path, "its folder cannot be made", error)),
            }
            folder.parent().map_or(Ok(()), sync_dir)?;
        }
        Ok(home)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Those that hold the output, or anything else, are not empty and stay.
        for folder in self.made.iter().rev() {
            drop(fs::remove_dir(folder));
        }
    }
}

/// A folder of our own, locked.
#[derive(Debug)]
pub(crate) struct Aside {
    pub(crate) path: PathBuf,
    /// Held while we live.
    _lock: File,
}

impl Aside {
    /// Makes a folder for an output of this name, readable by nobody else, and locks it.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn make(home: &Path, name: &OsStr) -> Result<Aside> {
        for attempt in 0..1000 {
            let mut own = prefix_of(name);
            own.push(format!("{}-{attempt}", std::process::id()));
            let path = home.join(own);
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(cannot(&path, "it cannot be made", error)),
            }
            hit("aside made");
            match lock(&path) {
                Ok(Some(lock)) => return Ok(Aside { path, _lock: lock }),
                // Somebody who cleans up took it for a dead one's: it had no lock yet.
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    drop(fs::remove_dir(&path));
                    return Err(cannot(&path, "it cannot be locked", error));
                }
            }
        }
        let what = "no free name for a temporary folder in it";
        Err(Error::output(home, what))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        hit("before aside is removed");
        // The lock goes after this, so that a crash in between leaves what the next run removes.
        drop(fs::remove_dir_all(&self.path));
        hit("aside removed");
    }
}

/// Removes what dead runs left in a folder while they built an output of this name.
pub(crate) fn remove_dead(home: &Path, name: &OsStr) {
    let prefix = prefix_of(name);
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        if is_aside(&entry.file_name(), &prefix)
            && let Ok(Some(_lock)) = lock(&entry.path())
        {
            hit("before a dead run's is removed");
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// What the names of folders aside start with.
fn prefix_of(name: &OsStr) -> OsString {
    let kept = name.len().min(NAME_BYTES_KEPT);
    let mut prefix = OsString::from(".");
    prefix.push(OsStr::from_bytes(&name.as_bytes()[..kept]));
    prefix.push(".tmp-");
    prefix
}

/// Whether a name is that of a folder aside: the prefix, and two numbers.
fn is_aside(name: &OsStr, prefix: &OsStr) -> bool {
    let numbers = name.as_bytes().strip_prefix(prefix.as_bytes());
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    numbers.is_some_and(|numbers| {
        let mut numbers = numbers.split(|byte| *byte == b'-');
        let both = numbers.next().is_some_and(is_number) && numbers.next().is_some_and(is_number);
        both && numbers.next().is_none()
    })
}

/// Whether a living run holds the lock of a folder.
pub(crate) fn is_at_work(path: &Path) -> bool {
    let opened = open(path);
    opened.is_ok_and(|folder| matches!(folder.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Opens a folder; a link to one is none.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// Locks a folder. `None` if somebody else has the lock, or the folder is not there any more.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let folder = open(path)?;
    match folder.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // Whoever had the lock before may have removed the folder, and made another of its name.
    let (ours, found) = (folder.metadata()?, fs::symlink_metadata(path));
    let is_it = found.is_ok_and(|found| (found.dev(), found.ino()) == (ours.dev(), ours.ino()));
    Ok(is_it.then_some(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_two_numbers_are_ours() {
        let prefix = prefix_of(OsStr::new("out"));
        for (name, ours) in [
            (".out.tmp-12-0", true),
            (".out.tmp-12-", false),
            (".out.tmp--0", false),
            (".out.tmp-12", false),
            (".out.tmp-12-0-1", false),
            (".out.tmp-notes", false),
            (".output.tmp-12-0", false),
            ("out.tmp-12-0", false),
        ] {
            assert_eq!(is_aside(OsStr::new(name), &prefix), ours, "{name}");
        }
    }

    #[test]
    fn a_folder_that_a_living_run_holds_is_not_removed() {
        let home = tempfile::tempdir().expect("a folder");
        let name = OsStr::new("out");
        let aside = Aside::make(home.path(), name).expect("a folder aside");
        remove_dead(home.path(), name);
        assert!(aside.path.is_dir() && is_at_work(&aside.path));
        assert!(lock(&aside.path).expect("a folder").is_none());
        drop(aside);
        assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn a_folder_that_was_never_locked_is_removed() {
        let home = tempfile::tempdir().expect("a folder");
        fs::create_dir(home.path().join(".out.tmp-1-0")).expect("a folder");
        remove_dead(home.path(), OsStr::new("out"));
        assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn folders_above_go_again_unless_something_lies_in_them() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("a/b");
        drop(Home::make(&path).expect("folders"));
        assert!(!root.path().join("a").exists());
        let home = Home::make(&path).expect("folders");
        fs::write(root.path().join("a/mine"), "").expect("a file");
        drop(home);
        assert!(root.path().join("a").exists() && !path.exists());
    }

    #[test]
    fn a_long_name_leaves_room_for_the_rest() {
        let home = tempfile::tempdir().expect("a folder");
        let name = "n".repeat(255);
        Aside::make(home.path(), OsStr::new(&name)).expect("a folder aside");
    }
}
