//! Whether a folder was made by this program, as its manifest says.

use std::io;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::job::JobKind;
use crate::store::local;

/// The members of a manifest that identify the program.
#[derive(Default, Deserialize)]
struct Maker {
    /// The program and its version.
    made_by: String,
    job: Option<JobKind>,
}

/// An error unless the manifest of a folder, which has one of some names, says that this program made it, for the
/// same job kind.
pub(super) fn refuse_others(folder: &Path, names: &[&str], job_kind: JobKind) -> Result<()> {
    let mut text = Vec::new();
    for name in names {
        let path = folder.join(name);
        match local::read(&path) {
            Ok(found) => text = found,
            Err(error) if is_none(&error) => {}
            Err(error) => return Err(Error::io("read", &path, error)),
        }
    }
    // What cannot be read as a manifest names no maker, so the folder is refused.
    let maker: Maker = serde_json::from_slice(&text).unwrap_or_default();
    if maker.made_by.starts_with("hitherto ") && maker.job == Some(job_kind) {
        return Ok(());
    }
    let name = names.last().copied().unwrap_or_default();
    let what = format!("it exists and holds no {name} of ours, so this program did not make it");
    Err(Error::output(folder, what))
}

/// Whether an error means that there is no such file, and not that it cannot be read.
fn is_none(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, NotADirectory, NotFound};
    // `InvalidInput` is a pipe, a folder or a device of that name: `local::open` refuses these.
    matches!(error.kind(), InvalidInput | NotADirectory | NotFound)
}
