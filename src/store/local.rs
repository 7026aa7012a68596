//! Regular files on the local disk: opened without blocking, read, digested.
//!
//! **In / Out**: a path → the file, if it is a regular one. **Invariants**: a pipe or a device that has
//! replaced a file in the meantime is refused: opening it would block until something writes to it,
//! and reading it might never end.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash64;

use crate::ids::index64;

/// Which bytes of a file are digested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DigestOf {
    /// All its bytes.
    File,
    /// The footer of a Parquet file, which refers to all other parts.
    Footer,
}

/// Opens a file.
///
/// # Errors
/// If it does not exist or may not be read; and if it is no regular file, with an error that has no OS
/// error code.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    // Asked of the open file: what lies at the path may be replaced between a look and an open.
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"))
    }
}

/// Reads a file.
///
/// # Errors
/// Those of [`open`], and if it cannot be read.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Size in bytes and XXH64 of a file: of all its bytes, or of the Parquet footer at its end.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn digest(mut file: File, digested: DigestOf) -> io::Result<(u64, u64)> {
    let bytes = file.metadata()?.len();
    let mut left = bytes;
    if digested == DigestOf::Footer && bytes >= 8 {
        let mut tail = [0; 4];
        file.seek(SeekFrom::End(-8))?;
        file.read_exact(&mut tail)?;
        let footer = u64::from(u32::from_le_bytes(tail)) + 8;
        // A damaged footer may claim more bytes than the file has. It is then digested whole; the
        // reader reports the damage.
        left = bytes.min(footer);
        file.seek(SeekFrom::Start(bytes - left))?;
    }
    let mut hasher = XxHash64::with_seed(0);
    // One byte at least: the file may have grown.
    let mut buffer = vec![0; index64(left.clamp(1, 1 << 18))];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, hasher.finish())),
            read => hasher.write(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo").success());
        for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
            let error = open(path).expect_err("no file");
            assert_eq!(error.raw_os_error(), None, "{}", path.display());
        }
        let error = open(&folder.path().join("none")).expect_err("nothing");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_digest_is_of_all_or_of_the_footer() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        let bytes = b"rowsrowsfooter\x06\0\0\0PAR1";
        std::fs::write(&path, bytes).expect("a file");
        for (of, from) in [(DigestOf::File, 0), (DigestOf::Footer, 8)] {
            let digest = digest(open(&path).expect("a file"), of).expect("read");
            assert_eq!(digest, (22, XxHash64::oneshot(0, &bytes[from..])));
        }
        // A footer that would begin before the file, and none at all.
        std::fs::write(&path, b"\xff\xff\xff\xffPAR1").expect("a file");
        for of in [DigestOf::File, DigestOf::Footer] {
            let digest = digest(open(&path).expect("a file"), of).expect("read");
            assert_eq!(digest, (8, XxHash64::oneshot(0, b"\xff\xff\xff\xffPAR1")));
        }
        std::fs::write(&path, b"").expect("a file");
        let digest = digest(open(&path).expect("a file"), DigestOf::Footer).expect("read");
        assert_eq!(digest, (0, XxHash64::oneshot(0, b"")));
    }
}
