//! Files of parts: written, counted, hashed, synced.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash64;

use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::hit;
use crate::ids::count64;

/// A finished part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Its name in the folder of its day.
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) row_groups: u64,
    pub(crate) bytes: u64,
    /// XXH64 of its bytes, seed 0.
    pub(crate) checksum: u64,
}

/// A file that counts and hashes what is written to it. Clones share the file: one for the format's
/// writer, which consumes it, and one to finish it.
#[derive(Clone, Debug)]
pub(crate) struct PartFile(Arc<Mutex<OpenFile>>);

/// A file that is being written.
#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    /// The file, or `None` if bytes are only counted. Not buffered: row groups are written whole, and
    /// writers of small pieces buffer themselves.
    file: Option<File>,
    /// The hash of all bytes so far.
    hasher: XxHash64,
    bytes: u64,
    /// The OS error code of the first error, in case that the writer dropped it.
    error: Option<i32>,
    /// Syncs the file while it is written; only for large files.
    syncer: Option<Syncer>,
}

/// The bytes between two syncs of a file that is being written.
const SYNC_BYTES: u64 = 1 << 26;

/// A thread that syncs a file while more is written, so that the last sync is short: for 677 MB of CSV
/// that last sync measured 0.4 s of a run of 3.6 s. The thread is blocked nearly all the time, so it
/// takes no CPU from the workers.
#[derive(Debug)]
struct Syncer {
    /// Requests a sync, without blocking if one is under way.
    requests: SyncSender<()>,
    /// Bytes of the file at the last request.
    requested_at: u64,
    /// Ends when the sender is dropped, or with the first error, which the system reports only once.
    thread: JoinHandle<io::Result<()>>,
}

impl Syncer {
    /// A syncer of a file.
    fn new(file: &File) -> io::Result<Syncer> {
        let file = file.try_clone()?;
        let (requests, requested) = sync_channel(1);
        let work = move || requested.iter().try_for_each(|()| file.sync_data());
        Ok(Syncer {
            requests,
            requested_at: 0,
            thread: std::thread::Builder::new().spawn(work)?,
        })
    }

    /// Requests a sync, if the file has grown by [`SYNC_BYTES`].
    fn request(&mut self, bytes: u64) {
        // If a request is pending, the next write tries again. If the thread has ended with an error,
        // `finish` reports that.
        if bytes - self.requested_at >= SYNC_BYTES && self.requests.try_send(()).is_ok() {
            self.requested_at = bytes;
        }
    }

    /// Waits for the thread; gives the first error of all syncs.
    fn finish(self) -> io::Result<()> {
        drop(self.requests);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(io::Error::other("the thread that syncs gave up")))
    }
}

impl PartFile {
    /// A new file.
    pub(crate) fn create(path: &Path) -> Result<PartFile> {
        let file = File::create_new(path).map_err(|error| Error::io("write", path, error))?;
        hit("part made");
        Ok(PartFile::new(path, Some(file), None))
    }

    /// A new file that will be large: it is synced while it is written.
    pub(crate) fn create_large(path: &Path) -> Result<PartFile> {
        let file = File::create_new(path).map_err(|error| Error::io("write", path, error))?;
        hit("part made");
        let syncer = Syncer::new(&file).map_err(|error| Error::io("sync", path, error))?;
        Ok(PartFile::new(path, Some(file), Some(syncer)))
    }

    /// No file: bytes are counted and hashed, and not written.
    pub(super) fn nowhere() -> PartFile {
        PartFile::new(Path::new(""), None, None)
    }

    /// A counted and hashed stream, into a file if there is one.
    fn new(path: &Path, file: Option<File>, syncer: Option<Syncer>) -> PartFile {
        PartFile(Arc::new(Mutex::new(OpenFile {
            path: path.to_owned(),
            file,
            hasher: XxHash64::with_seed(0),
            bytes: 0,
            error: None,
            syncer,
        })))
    }

    /// Syncs the file; gives its size and checksum.
    pub(crate) fn finish(self) -> Result<(u64, u64)> {
        let mut open = self.open();
        open.check_written()?;
        open.sync()?;
        Ok((open.bytes, open.hasher.finish()))
    }

    /// The same, but the file is synced by a thread of its own. Nothing may be written to it any more.
    pub(crate) fn finish_behind(self) -> Result<(u64, u64, Syncing)> {
        let (path, bytes, checksum) = {
            let open = self.open();
            open.check_written()?;
            (open.path.clone(), open.bytes, open.hasher.finish())
        };
        let thread = std::thread::Builder::new().spawn(move || self.open().sync());
        let thread = thread.map_err(|error| Error::io("sync", &path, error))?;
        Ok((bytes, checksum, Syncing { path, thread }))
    }

    /// The locked file.
    fn open(&self) -> MutexGuard<'_, OpenFile> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenFile {
    /// Checks that all was written.
    fn check_written(&self) -> Result<()> {
        self.error.map_or(Ok(()), |error| {
            let error = io::Error::from_raw_os_error(error);
            Err(Error::io("write", &self.path, error))
        })
    }

    /// Syncs the file.
    fn sync(&mut self) -> Result<()> {
        hit("before a part is synced");
        // The errors of the thread count: the system reports a failed write once, so a later sync
        // of the same file can succeed.
        let on_the_way = self.syncer.take().map_or(Ok(()), Syncer::finish);
        let sync = || self.file.as_ref().map_or(Ok(()), File::sync_all);
        let synced = on_the_way.and_then(|()| sync());
        synced.map_err(|error| Error::io("sync", &self.path, error))?;
        hit("part synced");
        Ok(())
    }
}

/// A file that a thread syncs.
#[derive(Debug)]
pub(crate) struct Syncing {
    path: PathBuf,
    thread: JoinHandle<Result<()>>,
}

impl Syncing {
    /// Waits until the file is synced.
    ///
    /// # Errors
    /// If it cannot be.
    pub(crate) fn wait(self) -> Result<()> {
        let gave_up = || io::Error::other("the thread that syncs gave up");
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| Err(Error::io("sync", &self.path, gave_up())))
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut open = self.open();
        let written = match &mut open.file {
            Some(file) => file.write(bytes),
            None => Ok(bytes.len()),
        };
        match written {
            Ok(written) => {
                // A short write is no error: the caller writes the rest, which is hashed then.
                open.hasher.write(&bytes[..written]);
                open.bytes += count64(written);
                hit("part written to");
                let bytes = open.bytes;
                if let Some(syncer) = &mut open.syncer {
                    syncer.request(bytes);
                }
                Ok(written)
            }
            Err(error) => {
                // `write_all` tries again after an interruption, so that is no failure of the file.
                let is_final = error.kind() != io::ErrorKind::Interrupted;
                if is_final && open.error.is_none() {
                    open.error = error.raw_os_error();
                }
                Err(error)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open().file.as_mut().map_or(Ok(()), File::flush)
    }
}

/// The error of a failed write of a Parquet file: the I/O error, if one caused it.
pub(crate) fn write_error(path: &Path, error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => Error::io("write", path, *error),
            Err(other) => Error::from(ErrorKind::Internal {
                what: other.to_string(),
            }),
        },
        other => Error::from(ErrorKind::Internal {
            what: other.to_string(),
        }),
    }
}
