//! The shares of one input file: a file for each shard that has a row of it.
//!
//! **Invariants**: no file is open between two writes, so that there may be more shards than a process may have open
//! files; what is not written yet is within a quota.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::document::ShareEntry;
use crate::error::Result;
use crate::ids::{count64, index};
use crate::job::Shard;
use crate::publish::StagingDir;

/// Where the shares of a file go.
#[derive(Clone, Debug)]
pub(super) struct SharePlace {
    /// How many shards there are.
    pub(super) count: u32,
    /// The path of a share in the folder of its shard.
    pub(super) path: String,
}

impl SharePlace {
    /// The path of the share of a shard, in the output.
    pub(super) fn path_of(&self, number: u32) -> PathBuf {
        Path::new(&self.folder_of(number)).join(&self.path)
    }

    /// The folder of a shard in the output.
    pub(super) fn folder_of(&self, number: u32) -> String {
        let count = self.count;
        Shard { number, count }.folder()
    }
}

/// A share: its bytes go to its file when there are many of them, and at its end.
pub(super) struct ShareFile<'a> {
    staging: &'a StagingDir,
    path: PathBuf,
    /// Bytes that are not written yet.
    held: Vec<u8>,
    /// Bytes that are.
    written: u64,
    /// Whether they are compressed on their way.
    is_packed: bool,
    pub(super) rows: u64,
}

/// The level of compression of texts: they are read once.
const ZSTD_LEVEL: i32 = 1;

impl<'a> ShareFile<'a> {
    /// A share of a shard.
    pub(super) fn new(
        staging: &'a StagingDir,
        place: &SharePlace,
        number: u32,
        is_packed: bool,
    ) -> ShareFile<'a> {
        ShareFile {
            staging,
            path: place.path_of(number),
            held: Vec::new(),
            written: 0,
            is_packed,
            rows: 0,
        }
    }

    /// Bytes that are not written yet.
    pub(super) fn held(&self) -> u64 {
        count64(self.held.len())
    }

    /// Takes bytes, to be written later.
    #[inline]
    pub(super) fn hold(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Writes what is held.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write_out(&mut self) -> Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        // Frames one behind the other are one text.
        let packed = self.is_packed.then(|| {
            let packed = zstd::bulk::compress(&self.held, ZSTD_LEVEL);
            packed.expect("memory is compressed into memory")
        });
        let bytes = packed.as_ref().unwrap_or(&self.held);
        match self.written {
            0 => self.staging.put_dealt(&self.path, bytes)?,
            _ => self.staging.add_dealt(&self.path, bytes)?,
        }
        self.written += count64(bytes.len());
        // Freed, and not kept: of many shards most are done with.
        self.held = Vec::new();
        Ok(())
    }

    /// Writes the rest; gives what a manifest says of it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn finish(mut self, place: &SharePlace) -> Result<ShareEntry> {
        self.write_out()?;
        Ok(ShareEntry {
            path: place.path.clone(),
            bytes: self.written,
            rows: self.rows,
        })
    }
}

impl Write for ShareFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hold(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One thing for each shard that has a row, made when it is needed.
pub(super) struct PerShard<T>(Vec<Option<T>>);

impl<T> PerShard<T> {
    /// Nothing yet of so many shards.
    pub(super) fn new(count: u32) -> PerShard<T> {
        PerShard((0..count).map(|_| None).collect())
    }

    /// That of a shard.
    #[inline]
    pub(super) fn of(&mut self, number: u32, make: impl FnOnce() -> Result<T>) -> Result<&mut T> {
        let place = &mut self.0[index(number)];
        match place {
            Some(there) => Ok(there),
            none => Ok(none.insert(make()?)),
        }
    }

    /// All that there are.
    pub(super) fn each(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flatten()
    }

    /// All that there are, with their shards.
    pub(super) fn into_each(self) -> impl Iterator<Item = (u32, T)> {
        let numbered = (0..).zip(self.0);
        numbered.filter_map(|(number, there)| Some((number, there?)))
    }
}
