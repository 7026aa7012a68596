//! The steps of publishing: atomic renames, syncs, and the lock of an output.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::context::RunContext;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::hit;

/// The error if a path was free when the run began, and is not when it publishes.
pub(crate) const TAKEN: &str = "it exists; somebody else made it in the meantime";

/// An atomic rename: at every moment at least one of the two names exists.
pub(crate) fn rename(from: &Path, to: &Path, flags: RenameFlags) -> Result<()> {
    match renameat_with(CWD, from, CWD, to, flags) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST | Errno::NOTEMPTY) => Err(Error::output(to, TAKEN)),
        // What systems answer that do not know `renameat2` or one of its flags.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            let what = "its filesystem cannot rename a folder in one step (renameat2); \
                        choose an output on a local disk";
            Err(Error::output(to, what))
        }
        Err(error) => Err(Error::io("rename to", to, error.into())),
    }
}

/// Creates one folder.
pub(crate) fn make_dir(path: &Path) -> Result<()> {
    fs::create_dir(path).map_err(|error| cannot(path, "it cannot be made", error))
}

/// The error of an output that cannot be created, with the system's error.
pub(crate) fn cannot(path: &Path, what: &str, source: io::Error) -> Error {
    let (path, what) = (path.to_owned(), what.to_owned());
    Error::from(ErrorKind::Output {
        path,
        what,
        source: Some(source),
    })
}

/// The interval between two attempts to lock an output.
const LOCK_WAIT: Duration = Duration::from_millis(5);

/// Locks an output against other runs. Waits until the lock is free or the run is cancelled.
pub(crate) fn lock_output(out: &Path, context: &RunContext) -> Result<File> {
    let failed = |error| Error::io("lock", out, error);
    let folder = File::open(out).map_err(failed)?;
    loop {
        // Polled: a lock that blocks would not let SIGINT end a run that waits for another one.
        match folder.try_lock() {
            Ok(()) => return Ok(folder),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        context.check()?;
        std::thread::sleep(LOCK_WAIT);
    }
}

/// Writes a small file and syncs it.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    // Never an existing file, and no symbolic link is followed.
    let mut file = File::create_new(path).map_err(|error| Error::io("write", path, error))?;
    hit("small file made");
    file.write_all(bytes)
        .map_err(|error| Error::io("write", path, error))?;
    hit("small file written");
    file.sync_all()
        .map_err(|error| Error::io("sync", path, error))?;
    hit("small file synced");
    Ok(())
}

/// Opens a folder, to be synced later.
pub(crate) fn open_dir(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| Error::io("sync", path, error))
}

/// Syncs an open folder, so that the names in it are durable.
pub(crate) fn sync_open(opened: &File, path: &Path) -> Result<()> {
    let synced = opened.sync_all();
    synced.map_err(|error| Error::io("sync", path, error))
}

/// Syncs a folder.
pub(crate) fn sync_dir(path: &Path) -> Result<()> {
    sync_open(&open_dir(path)?, path)
}
