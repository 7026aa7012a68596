//! The steps of publishing: syncs, and the lock of an output.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use crate::context::RunContext;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::hit;

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
