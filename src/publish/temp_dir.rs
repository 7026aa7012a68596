//! A folder of our own next to something, and a file that is put in place by one rename.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::publish::fsync::{sync_dir, write_synced};
use crate::publish::staging_dir::{Aside, remove_dead};

/// A folder that nobody else may look into, removed at the end; it is locked while we live.
#[derive(Debug)]
pub(crate) struct TempDir(Aside);

impl TempDir {
    /// Makes a folder in another, and removes those of the same kind that dead runs left there.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn create(home: &Path, kind: &str) -> Result<TempDir> {
        remove_dead(home, OsStr::new(kind));
        Ok(TempDir(Aside::make(home, OsStr::new(kind))?))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }
}

/// Puts a file into a folder, in the place of one that may be there: readers see the one or the
/// other, and never half of it.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn put_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let beside = TempDir::create(folder, name)?;
    let (from, to) = (beside.path().join(name), folder.join(name));
    write_synced(&from, bytes)?;
    fs::rename(&from, &to).map_err(|error| Error::io("write", &to, error))?;
    sync_dir(folder)
}
