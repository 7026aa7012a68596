//! Finished files of another folder: into the one that is being built, without copying where that can be, or
//! into memory. Their bytes are compared with those that were written.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use twox_hash::XxHash64;

use super::{Part, StagingDir};
use crate::error::{Error, Result};
use crate::failpoint::hit;
use crate::ids::count64;
use crate::store::local::{self, DigestOf};

impl StagingDir {
    /// Puts a finished file of `folder` into a folder of the output, under its own name, after a look at its
    /// bytes. It is a hard link; on file systems without them, a copy.
    ///
    /// # Errors
    /// If its bytes are not those that were written, or it cannot be linked or copied.
    pub(crate) fn adopt(&self, folder: &Path, into: &str, part: &Part) -> Result<()> {
        let from = folder.join(into).join(&part.name);
        let to = self.file_in(into, &part.name)?;
        // The link first: what is looked at then is what is published.
        if fs::hard_link(&from, &to).is_err() {
            copy(&from, &to).map_err(|error| Error::io("copy", &from, error))?;
        }
        hit("part adopted");
        let digest = |file: File| local::digest(file, DigestOf::File);
        let found = local::open(&to).and_then(digest);
        let found = found.map_err(|error| Error::io("read", &from, error))?;
        if found != (part.bytes, part.checksum) {
            return Err(changed(&from));
        }
        Ok(())
    }
}

/// The bytes of a finished file, after a look at them.
///
/// # Errors
/// If they are not those that were written, or cannot be read.
pub(crate) fn read_part(path: &Path, part: &Part) -> Result<Vec<u8>> {
    let bytes = local::read(path).map_err(|error| Error::io("read", path, error))?;
    let found = (count64(bytes.len()), XxHash64::oneshot(0, &bytes));
    if found == (part.bytes, part.checksum) {
        Ok(bytes)
    } else {
        Err(changed(path))
    }
}

/// The error about a file whose bytes are not those that were written.
fn changed(path: &Path) -> Error {
    let what = "its bytes are not those that its manifest records; make its shard again";
    Error::bad_file(path.display().to_string(), what)
}

/// Copies a file and syncs the copy.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut read = local::open(from)?;
    let mut written = File::create_new(to)?;
    io::copy(&mut read, &mut written)?;
    written.sync_all()
}
