//! Files without a name, for what must leave nothing behind, however the run ends.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// A file without a name, readable by the owner alone, which the system deletes when it is closed.
pub(super) fn nameless(folder: &Path) -> io::Result<File> {
    let mode = Mode::RUSR | Mode::WUSR;
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    // With a name, others could open the file before it is unlinked, and a kill in that moment
    // would leave it behind. EXCL keeps it from getting a name later.
    match rustix::fs::open(folder, flags | OFlags::TMPFILE | OFlags::EXCL, mode) {
        Ok(file) => return Ok(File::from(file)),
        // Some filesystems do not support unnamed files; old kernels ignore the flag and open the folder.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    remove_named(folder);
    // Several threads of one run may be here at once, with the same process id.
    for attempt in 0.. {
        let path = folder.join(format!("{NAMED}{}-{attempt}", std::process::id()));
        match rustix::fs::open(&path, flags | OFlags::CREATE | OFlags::EXCL, mode) {
            Ok(file) => {
                // Another run may have removed it already, as that of a crashed run.
                drop(std::fs::remove_file(&path));
                return Ok(File::from(file));
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    unreachable!("some name is free")
}

/// The prefix of a spill file's name, for the moment that it has one.
const NAMED: &str = ".hitherto-spill-";

/// Removes files that still have a name, because their run was killed in that moment.
fn remove_named(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|found| found.is_file());
        if is_file && entry.file_name().to_string_lossy().starts_with(NAMED) {
            // A living run may lose the name here, but not the file, which it has open.
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_kept_its_name_is_removed_but_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let left = folder.path().join(format!("{NAMED}1-0"));
        std::fs::write(left, "").expect("a file");
        std::fs::write(folder.path().join("mine"), "").expect("a file");
        remove_named(folder.path());
        let names = std::fs::read_dir(folder.path()).expect("a folder");
        let names = names.map(|entry| entry.expect("an entry").file_name());
        let names: Vec<_> = names.collect();
        assert_eq!(names, ["mine"]);
    }
}
