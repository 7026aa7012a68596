//! Where files of an output go: into the staging directory, or nowhere.

use std::path::PathBuf;

use super::{PartFile, StagingDir};
use crate::error::Result;
use crate::ids::Day;

/// Where files go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// Into the staging directory, to be published.
    StagingDir(&'a StagingDir),
    /// Nowhere: bytes are only counted.
    Nowhere,
}

impl Target<'_> {
    /// Creates the folder of a day.
    ///
    /// # Errors
    /// If it cannot be created.
    pub(crate) fn make_day(self, day: Day) -> Result<()> {
        match self {
            Target::StagingDir(staging) => staging.make_day(day).map(drop),
            Target::Nowhere => Ok(()),
        }
    }

    /// A new file in a folder next to the days, and its path; a large one is synced while it is written.
    ///
    /// # Errors
    /// If it cannot be created.
    pub(crate) fn file(
        self,
        folder: &str,
        name: &str,
        is_large: bool,
    ) -> Result<(PathBuf, PartFile)> {
        let Target::StagingDir(staging) = self else {
            return Ok((PathBuf::from(name), PartFile::nowhere()));
        };
        let path = staging.file_in(folder, name)?;
        let file = if is_large {
            PartFile::create_large(&path)?
        } else {
            PartFile::create(&path)?
        };
        Ok((path, file))
    }
}
