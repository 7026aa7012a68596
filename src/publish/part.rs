//! Parts on their way to the disk: counted, hashed, synced.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

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

/// A file that counts and hashes what goes through it.
#[derive(Debug)]
pub(crate) struct PartFile {
    /// Where it is.
    path: PathBuf,
    /// The file, buffered.
    file: BufWriter<File>,
    /// The hash of all bytes so far.
    hasher: XxHash64,
    /// Their number.
    bytes: u64,
}

impl PartFile {
    /// A new file.
    pub(crate) fn create(path: &Path) -> Result<PartFile> {
        let file = File::create_new(path).map_err(|error| Error::io("write", path, error))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        Ok(PartFile {
            path: path.to_owned(),
            file,
            hasher: XxHash64::with_seed(0),
            bytes: 0,
        })
    }

    /// Syncs the file; gives its size and checksum.
    pub(crate) fn finish(mut self) -> Result<(u64, u64)> {
        self.file
            .flush()
            .map_err(|error| Error::io("write", &self.path, error))?;
        let synced = self.file.get_ref().sync_all();
        synced.map_err(|error| Error::io("sync", &self.path, error))?;
        Ok((self.bytes, self.hasher.finish()))
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.write(&bytes[..written]);
        self.bytes += count64(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
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
