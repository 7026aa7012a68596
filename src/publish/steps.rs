//! The single steps of publishing: folders aside, locks, renames, syncs.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::error::{Error, ErrorKind, Result};

/// Makes a folder of our own next to the output, and locks it.
pub(super) fn make_aside(home: &Path, prefix: &OsString) -> Result<(PathBuf, File)> {
    use std::os::unix::fs::DirBuilderExt;
    for attempt in 0..1000 {
        let mut name = prefix.clone();
        name.push(format!("{}-{attempt}", std::process::id()));
        let aside = home.join(name);
        match fs::DirBuilder::new().mode(0o700).create(&aside) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(cannot(&aside, "it cannot be made", error)),
        }
        let path = aside.join("lock");
        // Whoever cleans up between these two lines holds the lock and takes the folder away.
        let lock =
            File::create(&path).and_then(|lock| lock.try_lock().map(|()| lock).map_err(Into::into));
        match lock {
            Ok(lock) if path.exists() => return Ok((aside, lock)),
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::WouldBlock
                ) => {}
            Err(error) => return Err(cannot(&path, "it cannot be made", error)),
        }
    }
    Err(Error::output(
        home,
        "no free name for a temporary folder in it",
    ))
}

/// Removes the folders of runs that are dead: those whose lock nobody holds.
pub(super) fn remove_dead(home: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(home) else {
        return;
    };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(prefix) {
            continue;
        }
        let Ok(lock) = File::open(entry.path().join("lock")) else {
            continue;
        };
        if lock.try_lock().is_ok() {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// Renames without ever leaving neither name in place.
pub(super) fn rename(from: &Path, to: &Path, flags: RenameFlags) -> Result<()> {
    match renameat_with(CWD, from, CWD, to, flags) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST | Errno::NOTEMPTY) => Err(Error::output(
            to,
            "it exists; somebody else made it in the meantime",
        )),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            let what = "its filesystem cannot rename a folder in one step (renameat2); \
                        choose an output on a local disk";
            Err(Error::output(to, what))
        }
        Err(error) => Err(Error::io("rename to", to, error.into())),
    }
}

/// Makes one folder.
pub(super) fn make_dir(path: &Path) -> Result<()> {
    fs::create_dir(path).map_err(|error| cannot(path, "it cannot be made", error))
}

/// An output that the system does not let us make.
pub(super) fn cannot(path: &Path, what: &str, source: io::Error) -> Error {
    let (path, what) = (path.to_owned(), what.to_owned());
    Error::from(ErrorKind::Output {
        path,
        what,
        source: Some(source),
    })
}

/// Writes a small file and syncs it.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create_new(path).map_err(|error| Error::io("write", path, error))?;
    file.write_all(bytes)
        .map_err(|error| Error::io("write", path, error))?;
    file.sync_all()
        .map_err(|error| Error::io("sync", path, error))
}

/// Syncs a folder: the names in it.
pub(super) fn sync_dir(path: &Path) -> Result<()> {
    let opened = File::open(path).map_err(|error| Error::io("sync", path, error))?;
    opened
        .sync_all()
        .map_err(|error| Error::io("sync", path, error))
}
