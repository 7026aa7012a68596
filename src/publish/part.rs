//! Parts on their way to the disk: counted, hashed, synced.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parquet::errors::ParquetError;
use twox_hash::XxHash64;

use crate::error::{Error, ErrorKind, Result};
use crate::ids::count64;

/// A finished part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its name in the folder of its day.
    pub(crate) name: String,
    /// Its rows.
    pub(crate) rows: u64,
    /// Its row groups.
    pub(crate) row_groups: u64,
    /// Its size.
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
    /// Where it is.
    path: PathBuf,
    /// The file. Not buffered: row groups come whole, and what is small comes buffered.
    file: File,
    /// The hash of all bytes so far.
    hasher: XxHash64,
    /// Their number.
    bytes: u64,
    /// The system's number of the first error, in case that nobody looked at it.
    error: Option<i32>,
}

impl PartFile {
    /// A new file.
    pub(crate) fn create(path: &Path) -> Result<PartFile> {
        let file = File::create_new(path).map_err(|error| Error::io("write", path, error))?;
        Ok(PartFile(Arc::new(Mutex::new(OpenFile {
            path: path.to_owned(),
            file,
            hasher: XxHash64::with_seed(0),
            bytes: 0,
            error: None,
        }))))
    }

    /// Syncs the file; gives its size and checksum.
    pub(crate) fn finish(self) -> Result<(u64, u64)> {
        let open = self.open();
        if let Some(error) = open.error {
            let error = io::Error::from_raw_os_error(error);
            return Err(Error::io("write", &open.path, error));
        }
        let synced = open.file.sync_all();
        synced.map_err(|error| Error::io("sync", &open.path, error))?;
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
        match open.file.write(bytes) {
            Ok(written) => {
                open.hasher.write(&bytes[..written]);
                open.bytes += count64(written);
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
        self.open().file.flush()
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
