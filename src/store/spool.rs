//! Standard input and named pipes to files without a name, which can be read more than once.
//!
//! **In / Out**: a pipe → a copy of all that comes through it. **Invariants**: the copy has no name: the
//! system deletes it when its run ends, however it ends. Somebody who asks for an end gets it while
//! nothing comes. **Why so**: a run reads inputs more than once, for digests and for messages.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};

use super::nameless::nameless;
use crate::error::{Error, Result};

/// How long is waited for the other end before somebody is asked whether to go on.
const WAIT: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};
/// Bytes that are copied at once.
const COPY_BYTES: usize = 1 << 18;

/// What the system calls a pipe: its device and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PipeId(u64, u64);

/// A copy of what came through a pipe; it lasts as long as a clone of this.
#[derive(Clone, Debug)]
pub(crate) struct Spooled(Arc<File>);

impl Spooled {
    /// Copies standard input into a file in a folder, until its end.
    ///
    /// # Errors
    /// If it is among those `seen`, cannot be read, the copy cannot be written, or `check` gives up.
    pub(crate) fn of_stdin(
        folder: &Path,
        seen: &[PipeId],
        check: &dyn Fn() -> Result<()>,
    ) -> Result<(Spooled, PipeId)> {
        let shown = Path::new("-");
        let own = io::stdin().as_fd().try_clone_to_owned();
        let own = own.map_err(|error| Error::io("read", shown, error))?;
        Spooled::copy(File::from(own), shown, (folder, seen), check)
    }

    /// Copies what comes through a named pipe into a file in a folder, until its writers are gone; waits for
    /// the first.
    ///
    /// # Errors
    /// If it is among those `seen`, cannot be read, the copy cannot be written, or `check` gives up.
    pub(crate) fn of_pipe(
        path: &Path,
        folder: &Path,
        seen: &[PipeId],
        check: &dyn Fn() -> Result<()>,
    ) -> Result<(Spooled, PipeId)> {
        // Otherwise opening it would wait, and nobody could end that.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty());
        let opened = opened.map_err(|error| Error::io("read", path, error.into()))?;
        Spooled::copy(File::from(opened), path, (folder, seen), check)
    }

    /// Copies a pipe to its end.
    fn copy(
        mut from: File,
        shown: &Path,
        (folder, seen): (&Path, &[PipeId]),
        check: &dyn Fn() -> Result<()>,
    ) -> Result<(Spooled, PipeId)> {
        let failed = |error: io::Error| Error::io("read", shown, error);
        let unwritten = |error: io::Error| Error::io("write", folder, error);
        let found = from.metadata().map_err(failed)?;
        let id = PipeId(found.dev(), found.ino());
        if seen.contains(&id) {
            let what = "it is named twice, and what comes through a pipe can be read once";
            return Err(Error::bad_file(shown.display().to_string(), what));
        }
        let mut to = nameless(folder).map_err(unwritten)?;
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            check()?;
            let mut polled = [PollFd::new(&from, PollFlags::IN)];
            match poll(&mut polled, Some(&WAIT)) {
                // Nobody writes to it yet, or nothing.
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(failed(error.into())),
            }
            match from.read(&mut buffer) {
                Ok(0) => return Ok((Spooled(Arc::new(to)), id)),
                Ok(read) => to.write_all(&buffer[..read]).map_err(unwritten)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// A path that opens the copy, as long as it lasts.
    pub(crate) fn path(&self) -> PathBuf {
        // Linux opens the file anew there, with a place of its own from which it is read.
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::store::local;

    #[test]
    fn what_comes_through_a_pipe_is_read_as_often_as_one_likes() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo").success());
        let bytes: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let (to, content) = (pipe.clone(), bytes.clone());
        let writer = std::thread::spawn(move || std::fs::write(to, content));
        let copied = Spooled::of_pipe(&pipe, folder.path(), &[], &|| Ok(()));
        let (spooled, _) = copied.expect("a copy");
        writer.join().expect("it ends").expect("all is written");
        for _ in 0..2 {
            assert_eq!(local::read(&spooled.path()).expect("a file"), bytes);
        }
        let left = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 1, "only the pipe has a name");
    }

    #[test]
    fn waiting_for_a_pipe_can_be_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo").success());
        let asked = std::cell::Cell::new(0);
        let check = || {
            asked.set(asked.get() + 1);
            match asked.get() {
                1 | 2 => Ok(()),
                _ => Err(Error::from(ErrorKind::Interrupted { signal: 2 })),
            }
        };
        let error = Spooled::of_pipe(&pipe, folder.path(), &[], &check).expect_err("an end");
        assert!(matches!(error.kind(), ErrorKind::Interrupted { signal: 2 }));
    }
}
