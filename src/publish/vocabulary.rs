//! Publishes the vocabulary of items of an output that days are added to.

use std::fs::{self, File};

use super::{StagingDir, VOCABULARY};
use crate::error::{Error, Result};
use crate::failpoint::hit;
use crate::publish::renames::Renames;
use crate::store::local;
use crate::store::local::DigestOf;

impl StagingDir {
    /// Replaces the published vocabulary by the one that extends it. Before any day is published: old
    /// days keep their meaning under it, and new ones need it.
    ///
    /// # Errors
    /// If the published one is not the one that was extended: another run has extended it too.
    pub(super) fn publish_vocabulary(
        &self,
        renames: &mut Renames,
        extends: Option<u64>,
    ) -> Result<()> {
        let from = self.building().join(VOCABULARY);
        if !from.is_file() {
            return Ok(());
        }
        let to = self.out.join(VOCABULARY);
        // The file itself is digested: a crashed run may have replaced it, but not yet the
        // manifest. The output is locked, so nobody replaces it before the rename.
        let found = if fs::symlink_metadata(&to).is_ok() {
            let digest = |file: File| local::digest(file, DigestOf::File);
            let digest = local::open(&to).and_then(digest);
            Some(digest.map_err(|error| Error::io("read", &to, error))?.1)
        } else {
            None
        };
        if found != extends {
            let what = "another run has added items to it in the meantime; run this one again";
            return Err(Error::output(&to, what));
        }
        if found.is_some() {
            renames.exchange(&from, &to)?;
        } else {
            renames.place(&from, &to)?;
        }
        hit("vocabulary in place");
        Ok(())
    }
}
