//! Inputs that come through pipes: standard input, and pipes that have a name.
//!
//! **In / Out**: a path that the user names, `-` or that of a pipe → a copy that is read as a file is.
//! **Invariants**: only what is named itself is read: a pipe in a folder is refused, as nobody may ever write
//! to it. No pipe is read for two sources, of which the second would get nothing.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::catalog::input::missing_or_io;
use crate::error::{Error, Result};
use crate::place::check_in;
use crate::store::spool::{PipeId, Spooled};

/// The name of standard input.
const STDIN: &str = "-";

/// Whether a path names standard input or a pipe.
pub(crate) fn is_pipe(path: &Path) -> bool {
    let is_fifo = |found: fs::Metadata| found.file_type().is_fifo();
    path == Path::new(STDIN) || fs::metadata(path).is_ok_and(is_fifo)
}

/// How pipes are read.
pub(crate) struct Pipes<'a> {
    /// The folder of the copies, and the question whether to go on; `None` if no pipe is read.
    into: Option<(&'a Path, &'a dyn Fn() -> Result<()>)>,
    /// Those that were read.
    seen: Vec<PipeId>,
}

impl<'a> Pipes<'a> {
    /// Pipes that are copied into files without a name in a folder; `check` is asked while they are read.
    pub(crate) fn copied(folder: &'a Path, check: &'a dyn Fn() -> Result<()>) -> Pipes<'a> {
        Pipes {
            into: Some((folder, check)),
            seen: Vec::new(),
        }
    }

    /// Pipes that are refused.
    pub(crate) fn refused() -> Pipes<'a> {
        Pipes {
            into: None,
            seen: Vec::new(),
        }
    }

    /// Copies a pipe to its end.
    ///
    /// # Errors
    /// If pipes are refused, it was read before, or copying fails.
    pub(crate) fn copy(&mut self, path: &Path) -> Result<Spooled> {
        let refused = |what: &str| Error::bad_file(shown(path), what);
        let Some((folder, check)) = self.into else {
            return Err(refused("expected a file or a folder"));
        };
        let (spooled, id) = if path == Path::new(STDIN) {
            Spooled::of_stdin(folder, &self.seen, check)?
        } else {
            Spooled::of_pipe(path, folder, &self.seen, check)?
        };
        self.seen.push(id);
        Ok(spooled)
    }
}

/// Reads a list of paths from a file or a named pipe.
pub(super) fn read_list(list: &Path) -> Result<String> {
    check_in(list)?;
    let failed = |error: io::Error| missing_or_io(list, error);
    let kind = fs::metadata(list).map_err(failed)?.file_type();
    if !kind.is_file() && !kind.is_fifo() && !kind.is_dir() {
        let what = "expected a file of paths, a line each";
        return Err(Error::bad_file(shown(list), what));
    }
    // Does not block until a pipe has a writer; without one, the list is empty.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(list, flags, Mode::empty());
    let mut file = File::from(opened.map_err(|error| failed(error.into()))?);
    // From here on, reads wait for the writer.
    let blocking = rustix::fs::fcntl_setfl(&file, OFlags::empty());
    blocking.map_err(|error| failed(error.into()))?;
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let what = "expected paths in UTF-8, a line each";
            Err(Error::bad_file(shown(list), what))
        }
        read => read.map(|_| text).map_err(failed),
    }
}

/// A path for a message.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
