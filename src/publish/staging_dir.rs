//! Staging directories: ours, and those of crashed runs.
//!
//! **Layout**: `.NAME.tmp-PID-N`, next to `OUT` on the same filesystem; for `--add-days` inside
//! `OUT`, which may be a mount of its own.
//! **Invariants**: a run locks its directory before it writes into it, and holds the lock to its end. A
//! directory of that name without a lock is of a crashed run, and is removed. A symbolic link, a pipe or
//! a file of that name is not ours, and is left alone.

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

/// Bytes of the output's name that go into the name of the staging directory: names have at most 255.
const NAME_BYTES_KEPT: usize = 200;

/// The parent folder of the staging directory, with the folders that had to be created for it. On drop
/// those that are empty are removed.
#[derive(Debug)]
pub(crate) struct CreatedParents {
    pub(crate) path: PathBuf,
    /// The created folders, the outermost first.
    created: Vec<PathBuf>,
}

impl CreatedParents {
    /// Creates the folder and its missing parents, and syncs their names, so that the output survives a
    /// crash.
    ///
    /// # Errors
    /// If that cannot be done; then the created folders are removed.
    pub(crate) fn make(path: &Path) -> Result<CreatedParents> {
        let mut missing = Vec::new();
        let mut at = path;
        while !at.exists() {
            missing.push(at);
            match at.parent() {
                Some(above) => at = above,
                None => break,
            }
        }
        let mut parents = CreatedParents {
            path: path.to_owned(),
            created: Vec::new(),
        };
        for folder in missing.into_iter().rev() {
            match fs::create_dir(folder) {
                Ok(()) => {
                    parents.created.push(folder.to_owned());
                    hit("folder above made");
                }
                // Another process created it first.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
                Err(error) => return Err(cannot(path, "its folder cannot be made", error)),
            }
            // Synced also if another process created it: that one may crash before it syncs.
            folder.parent().map_or(Ok(()), sync_dir)?;
        }
        Ok(parents)
    }
}

impl Drop for CreatedParents {
    fn drop(&mut self) {
        // Folders with the output, or anything else, in them are not empty and stay.
        for folder in self.created.iter().rev() {
            drop(fs::remove_dir(folder));
        }
    }
}

/// A locked temporary directory, removed on drop.
#[derive(Debug)]
pub(crate) struct LockedDir {
    pub(crate) path: PathBuf,
    /// The lock, held until drop.
    _lock: File,
}

impl LockedDir {
    /// Creates a directory for an output of this name, readable by the owner alone, and locks it.
    ///
    /// # Errors
    /// If it cannot be created.
    pub(crate) fn make(parent: &Path, name: &OsStr) -> Result<LockedDir> {
        for attempt in 0..1000 {
            let mut own = prefix_of(name);
            own.push(format!("{}-{attempt}", std::process::id()));
            let path = parent.join(own);
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(cannot(&path, "it cannot be made", error)),
            }
            hit("aside made");
            match lock(&path) {
                Ok(Some(lock)) => return Ok(LockedDir { path, _lock: lock }),
                // Another run removed it as that of a crashed run: it had no lock yet.
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    drop(fs::remove_dir(&path));
                    return Err(cannot(&path, "it cannot be locked", error));
                }
            }
        }
        let what = "no free name for a temporary folder in it";
        Err(Error::output(parent, what))
    }
}

impl Drop for LockedDir {
    fn drop(&mut self) {
        hit("before aside is removed");
        // The lock is released after this, so that the next run removes what a crash leaves here.
        drop(fs::remove_dir_all(&self.path));
        hit("aside removed");
    }
}

/// Removes the staging directories in `parent` that crashed runs left of an output of this name.
pub(crate) fn remove_crashed(parent: &Path, name: &OsStr) {
    let prefix = prefix_of(name);
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if is_staging_name(&entry.file_name(), &prefix)
            && let Ok(Some(_lock)) = lock(&entry.path())
        {
            hit("before a dead run's is removed");
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// The prefix of the names of staging directories.
fn prefix_of(name: &OsStr) -> OsString {
    // Two long names may get one prefix. Locks, not names, decide what is removed.
    let kept = name.len().min(NAME_BYTES_KEPT);
    let mut prefix = OsString::from(".");
    prefix.push(OsStr::from_bytes(&name.as_bytes()[..kept]));
    prefix.push(".tmp-");
    prefix
}

/// Whether a name is that of a staging directory: the prefix, and two numbers.
fn is_staging_name(name: &OsStr, prefix: &OsStr) -> bool {
    let numbers = name.as_bytes().strip_prefix(prefix.as_bytes());
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    numbers.is_some_and(|numbers| {
        let mut numbers = numbers.split(|byte| *byte == b'-');
        let both = numbers.next().is_some_and(is_number) && numbers.next().is_some_and(is_number);
        both && numbers.next().is_none()
    })
}

/// Whether a run holds the lock of a folder.
pub(crate) fn is_in_use(path: &Path) -> bool {
    let opened = open(path);
    // Shared: two processes that look at the same time do not take each other for a run.
    opened.is_ok_and(|folder| matches!(folder.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Opens a folder; a symbolic link to one is an error.
fn open(path: &Path) -> io::Result<File> {
    // Without DIRECTORY the open of a pipe of that name would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// Locks a folder. `None` if another process has the lock, or the folder is gone.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let folder = open(path)?;
    match folder.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    // The previous holder of the lock may have removed the folder, and created another of its name.
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
            assert_eq!(is_staging_name(OsStr::new(name), &prefix), ours, "{name}");
        }
    }

    #[test]
    fn a_folder_that_a_living_run_holds_is_not_removed() {
        let home = tempfile::tempdir().expect("a folder");
        let name = OsStr::new("out");
        let dir = LockedDir::make(home.path(), name).expect("a folder");
        remove_crashed(home.path(), name);
        assert!(dir.path.is_dir() && is_in_use(&dir.path));
        assert!(lock(&dir.path).expect("a folder").is_none());
        drop(dir);
        assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn a_folder_that_was_never_locked_is_removed() {
        let home = tempfile::tempdir().expect("a folder");
        fs::create_dir(home.path().join(".out.tmp-1-0")).expect("a folder");
        remove_crashed(home.path(), OsStr::new("out"));
        assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn folders_above_go_again_unless_something_lies_in_them() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("a/b");
        drop(CreatedParents::make(&path).expect("folders"));
        assert!(!root.path().join("a").exists());
        let home = CreatedParents::make(&path).expect("folders");
        fs::write(root.path().join("a/mine"), "").expect("a file");
        drop(home);
        assert!(root.path().join("a").exists() && !path.exists());
    }

    #[test]
    fn a_long_name_leaves_room_for_the_rest() {
        let home = tempfile::tempdir().expect("a folder");
        let name = "n".repeat(255);
        LockedDir::make(home.path(), OsStr::new(&name)).expect("a folder");
    }
}
