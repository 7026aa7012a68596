//! `job init`: a first job file for the logs in a folder.
//!
//! ```text
//! folder ─► survey ─► a draft of each family (draft, by roles, names) ─► the job and its sources (choose)
//!                                                           └─► lines (text, write, types) ─► a trial (trial)
//! ```
//! **In / Out**: files and columns, from [`hitherto::survey`] → TOML. **Invariants**: a guess stands below
//! a comment that says so. What could not be guessed is a comment that says what is missing. An existing file
//! is never replaced.

mod choose;
mod draft;
mod names;
mod own_keys;
mod roles;
mod text;
mod trial;
mod types;
mod write;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hitherto::{Error, ErrorKind, Result};

use self::choose::choose;
use self::draft::Draft;
use self::text::JobText;

/// Writes a first job file into a folder, for the logs in it; returns what to say of it.
///
/// # Errors
/// If there is one already, or the folder cannot be read or written.
pub(crate) fn init(folder: &Path) -> Result<String> {
    hitherto::check_in(folder)?;
    let path = folder.join("job.toml");
    if !folder.is_dir() {
        let what = format!("no such folder: \"{}\"", folder.display());
        return Err(Error::from(ErrorKind::NoInput { what }));
    }
    let survey = hitherto::survey(folder)?;
    let drafts: Vec<Draft<'_>> = survey.families.iter().map(Draft::new).collect();
    let choice = choose(&drafts);
    let text = JobText::new(folder, &choice, &survey.left_out)?;
    write_new(&path, &text.lines())?;
    Ok(text.report(&path))
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, text: &str) -> Result<()> {
    // One call creates the file or fails, so a file that appears meanwhile is not overwritten
    // either.
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    let Err(error) = written else {
        return Ok(());
    };
    let (what, source) = if error.kind() == io::ErrorKind::AlreadyExists {
        ("it exists; take it away first", None)
    } else {
        ("it cannot be written", Some(error))
    };
    let (path, what): (PathBuf, String) = (path.to_owned(), what.to_owned());
    Err(Error::from(ErrorKind::Output { path, what, source }))
}
