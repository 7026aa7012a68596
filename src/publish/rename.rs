//! One rename, atomic: at every moment at least one of the two names exists.
//!
//! Some file systems, such as NFS, know only the plain rename, which replaces what has the name. There a folder
//! that must not exist is looked for first, a file is linked under its new name, and two files are exchanged by
//! links. Two folders cannot be exchanged there.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::make_dir;
use crate::error::{Error, Result};

/// The error if a path was free when the run began, and is not when it publishes.
pub(crate) const TAKEN: &str = "it exists; somebody else made it in the meantime";

/// What to do where folders cannot be exchanged.
const NO_EXCHANGE: &str = "its filesystem cannot exchange two folders in one step (renameat2), so nothing can be \
                           replaced there; choose a new output, or one on a local disk";

/// Renames, as the flags say: to a name that must be free, or exchanging two.
///
/// # Errors
/// If the name is taken, or the file system refuses.
pub(crate) fn rename(from: &Path, to: &Path, flags: RenameFlags) -> Result<()> {
    match renameat_with(CWD, from, CWD, to, flags) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST | Errno::NOTEMPTY) => Err(Error::output(to, TAKEN)),
        // What systems answer that do not know `renameat2` or one of its flags.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => plainly(from, to, flags),
        Err(error) => Err(Error::io("rename to", to, error.into())),
    }
}

/// Checks that two folders can be exchanged on the file system of a folder.
///
/// # Errors
/// If not.
pub(crate) fn check_exchange(folder: &Path) -> Result<()> {
    let (a, b) = (folder.join("a"), folder.join("b"));
    make_dir(&a)?;
    make_dir(&b)?;
    rename(&a, &b, RenameFlags::EXCHANGE)?;
    let removed = fs::remove_dir(&a).and_then(|()| fs::remove_dir(&b));
    removed.map_err(|error| Error::io("remove", &a, error))
}

/// The same with the plain rename, and links.
fn plainly(from: &Path, to: &Path, flags: RenameFlags) -> Result<()> {
    let is_folder = from.is_dir();
    let done = match (flags.contains(RenameFlags::EXCHANGE), is_folder) {
        (true, true) => return Err(Error::output(to, NO_EXCHANGE)),
        (true, false) => exchange_files(from, to),
        // Another process could take the name between the look and the rename. A folder with something in it
        // is not replaced all the same.
        (false, true) => match fs::symlink_metadata(to) {
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
        },
        (false, false) => fs::hard_link(from, to).and_then(|()| fs::remove_file(from)),
    };
    done.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty => Error::output(to, TAKEN),
        _ => Error::io("rename to", to, error),
    })
}

/// Exchanges two files: `to` is replaced in one step, and its old contents get the name `from`.
fn exchange_files(from: &Path, to: &Path) -> io::Result<()> {
    let aside = from.with_extension("old");
    fs::hard_link(to, &aside)?;
    fs::rename(from, to)?;
    fs::rename(&aside, from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contents of a file, or the names in a folder.
    fn found(path: &Path) -> String {
        fs::read_to_string(path).unwrap_or_else(|_| {
            let entries = fs::read_dir(path).into_iter().flatten();
            let names = entries.map(|entry| entry.expect("an entry").file_name());
            names
                .map(|name| name.to_string_lossy().into_owned())
                .collect()
        })
    }

    #[test]
    fn the_plain_rename_does_what_the_other_does() {
        for rename in [rename, plainly] {
            let home = tempfile::tempdir().expect("a folder");
            let at = |name: &str| home.path().join(name);
            for name in ["a", "b"] {
                fs::write(at(name), name).expect("a file");
                fs::create_dir(at(&format!("folder-{name}"))).expect("a folder");
                fs::write(at(&format!("folder-{name}")).join(name), "").expect("a file");
            }
            let place = |from: &str, to: &str| rename(&at(from), &at(to), RenameFlags::NOREPLACE);
            for (from, to) in [
                ("a", "b"),
                ("folder-a", "folder-b"),
                ("a", "folder-b"),
                ("folder-a", "b"),
            ] {
                let error = place(from, to).expect_err("it is there").to_string();
                assert!(error.contains(TAKEN), "{from} {to}: {error}");
            }
            place("a", "c").expect("a free name");
            place("folder-a", "folder-c").expect("a free name");
            assert_eq!(
                (found(&at("c")), found(&at("folder-c"))),
                ("a".into(), "a".into())
            );
            assert!(!at("a").exists() && !at("folder-a").exists());
            rename(&at("b"), &at("c"), RenameFlags::EXCHANGE).expect("two files");
            assert_eq!((found(&at("b")), found(&at("c"))), ("a".into(), "b".into()));
            assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 4);
        }
    }

    #[test]
    fn folders_that_cannot_be_exchanged_are_refused() {
        let home = tempfile::tempdir().expect("a folder");
        check_exchange(home.path()).expect("a local disk");
        assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 0);
        let (a, b) = (home.path().join("a"), home.path().join("b"));
        fs::create_dir(&a).expect("a folder");
        fs::create_dir(&b).expect("a folder");
        let refused = plainly(&a, &b, RenameFlags::EXCHANGE).expect_err("no such rename");
        assert!(
            refused
                .to_string()
                .contains("nothing can be replaced there"),
            "{refused}"
        );
    }
}
