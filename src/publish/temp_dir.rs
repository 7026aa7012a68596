//! A temporary directory, and a file that is replaced atomically.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::publish::fsync::{sync_dir, write_synced};
use crate::publish::staging_dir::{LockedDir, remove_crashed};

/// A locked temporary directory, readable by the owner alone, removed on drop.
#[derive(Debug)]
pub(crate) struct TempDir(LockedDir);

impl TempDir {
    /// Creates a directory in `parent`, and removes those of the same kind that crashed runs left there.
    ///
    /// # Errors
    /// If it cannot be created.
    pub(crate) fn create(parent: &Path, kind: &str) -> Result<TempDir> {
        remove_crashed(parent, OsStr::new(kind));
        Ok(TempDir(LockedDir::make(parent, OsStr::new(kind))?))
    }

    /// The path of the directory.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }
}

/// Creates or replaces a file atomically: readers see the old one or the new one, never a part of it.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn put_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    // In the folder of the file: a rename cannot cross filesystems.
    let temp_dir = TempDir::create(folder, name)?;
    let (from, to) = (temp_dir.path().join(name), folder.join(name));
    write_synced(&from, bytes)?;
    fs::rename(&from, &to).map_err(|error| Error::io("write", &to, error))?;
    sync_dir(folder)
}
