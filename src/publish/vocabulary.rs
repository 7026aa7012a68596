//! The vocabulary of items of an output that days are added to.

use std::fs::{self, File};

use super::{StagingDir, VOCABULARY};
use crate::error::{Error, Result};
use crate::failpoint::hit;
use crate::publish::renames::Moves;
use crate::store::local;
use crate::store::local::DigestOf;

impl StagingDir {
    /// Puts the vocabulary in the place of the one that it extends: before any day, as days that are
    /// there mean the same by it, and the new ones need it.
    ///
    /// # Errors
    /// If it is not the one that is there: another run has extended that in the meantime.
    pub(super) fn publish_vocabulary(&self, moves: &mut Moves, extends: Option<u64>) -> Result<()> {
        let from = self.building().join(VOCABULARY);
        if !from.is_file() {
            return Ok(());
        }
        let to = self.out.join(VOCABULARY);
        let is_there = fs::symlink_metadata(&to).is_ok();
        let found = match is_there {
            false => None,
            true => {
                let digest = |file: File| local::digest(file, DigestOf::File);
                let digest = local::open(&to).and_then(digest);
                Some(digest.map_err(|error| Error::io("read", &to, error))?.1)
            }
        };
        if found != extends {
            let what = "another run has added items to it in the meantime; run this one again";
            return Err(Error::output(&to, what));
        }
        match is_there {
            true => moves.exchange(&from, &to)?,
            false => moves.place(&from, &to)?,
        }
        hit("vocabulary in place");
        Ok(())
    }
}
