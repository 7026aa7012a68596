//! Where files of an output go: aside, or nowhere.

use std::path::PathBuf;

use super::{PartFile, StagingDir};
use crate::error::Result;
use crate::ids::Day;

/// Where files go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// Into the folder aside, to be published.
    StagingDir(&'a StagingDir),
    /// Nowhere: what is made is only measured.
    Nowhere,
}

impl Target<'_> {
    /// Makes the folder of a day.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn make_day(self, day: Day) -> Result<()> {
        match self {
            Target::StagingDir(staging) => staging.make_day(day).map(drop),
            Target::Nowhere => Ok(()),
        }
    }

    /// A new file in a folder next to the days, and its path; a large one is synced on the way.
    ///
    /// # Errors
    /// If it cannot be made.
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
        let file = match is_large {
            true => PartFile::create_large(&path)?,
            false => PartFile::create(&path)?,
        };
        Ok((path, file))
    }
}
