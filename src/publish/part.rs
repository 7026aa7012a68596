//! Parts on their way to the disk: counted, hashed, synced.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use parquet::errors::ParquetError;
use twox_hash::XxHash64;

use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::hit;
use crate::ids::count64;

/// A finished part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its name in the folder of its day.
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) row_groups: u64,
    pub(crate) bytes: u64,
    /// XXH64 of its bytes, seed 0.
    pub(crate) checksum: u64,
}

/// A file that counts and hashes what goes through it. Clones are the same file: one for the
/// writer of the format, which keeps it, and one to finish it.
#[derive(Clone, Debug)]
pub(crate) struct PartFile(Arc<Mutex<OpenFile>>);

/// A file that is being written.
#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    /// The file, or nothing if what goes through is only counted. Not buffered: row groups come
    /// whole, and what is small comes buffered.
    file: Option<File>,
    /// The hash of all bytes so far.
    hasher: XxHash64,
    bytes: u64,
    /// The system's number of the first error, in case that nobody looked at it.
    error: Option<i32>,
    /// What syncs it on the way, if something does.
    syncer: Option<Syncer>,
}

/// Bytes after which a file is synced on the way.
const SYNC_BYTES: u64 = 1 << 26;

/// A thread that syncs a file while more is written, so that the disk works while processors do and
/// the last sync waits for little: of 677 MB of CSV at once it measured 0.4 s of a run of 3.6 s. The
/// thread waits nearly all the time, so it takes none from those that work.
#[derive(Debug)]
struct Syncer {
    /// Asks for a sync; nobody waits if one is under way.
    asker: SyncSender<()>,
    /// Bytes of the file when it was last asked for.
    asked_at: u64,
    /// Ends when nobody can ask any more, or with the first error: the system tells of it once.
    thread: JoinHandle<io::Result<()>>,
}

impl Syncer {
    /// A syncer of a file.
    fn new(file: &File) -> io::Result<Syncer> {
        let file = file.try_clone()?;
        let (asker, asked) = sync_channel(1);
        let work = move || asked.iter().try_for_each(|()| file.sync_data());
        Ok(Syncer {
            asker,
            asked_at: 0,
            thread: std::thread::Builder::new().spawn(work)?,
        })
    }

    /// Asks for a sync, if the file has grown by enough.
    fn ask(&mut self, bytes: u64) {
        // If one is waiting already, the next write asks again; if the thread has ended with an
        // error, that is told at the end.
        if bytes - self.asked_at >= SYNC_BYTES && self.asker.try_send(()).is_ok() {
            self.asked_at = bytes;
        }
    }

    /// What came of all syncs.
    fn finish(self) -> io::Result<()> {
        drop(self.asker);
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

    /// A new file that will be large: it is synced on the way.
    pub(crate) fn create_large(path: &Path) -> Result<PartFile> {
        let file = File::create_new(path).map_err(|error| Error::io("write", path, error))?;
        hit("part made");
        let syncer = Syncer::new(&file).map_err(|error| Error::io("sync", path, error))?;
        Ok(PartFile::new(path, Some(file), Some(syncer)))
    }

    /// No file: what goes through is counted and hashed, and nothing is written.
    pub(super) fn nowhere() -> PartFile {
        PartFile::new(Path::new(""), None, None)
    }

    /// What goes through a file, if there is one.
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
        if let Some(error) = open.error {
            let error = io::Error::from_raw_os_error(error);
            return Err(Error::io("write", &open.path, error));
        }
        hit("before a part is synced");
        let on_the_way = open.syncer.take().map_or(Ok(()), Syncer::finish);
        let sync = || open.file.as_ref().map_or(Ok(()), File::sync_all);
        let synced = on_the_way.and_then(|()| sync());
        synced.map_err(|error| Error::io("sync", &open.path, error))?;
        hit("part synced");
        Ok((open.bytes, open.hasher.finish()))
    }

    /// The file; one thread at a time has it.
    fn open(&self) -> MutexGuard<'_, OpenFile> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
                open.hasher.write(&bytes[..written]);
                open.bytes += count64(written);
                hit("part written to");
                let bytes = open.bytes;
                if let Some(syncer) = &mut open.syncer {
                    syncer.ask(bytes);
                }
                Ok(written)
            }
            Err(error) => {
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

/// A failed write of a Parquet file: the disk's error, if that is what is behind it.
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
