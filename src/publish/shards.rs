//! The folder of a shard, which is no set: it has a manifest of another name, and no marker. And the folder of
//! inputs that are dealt to shards.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::days::days_in;
use super::{MANIFEST, StagingDir};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::hit;
use crate::publish::fsync::{open_dir, sync_dir, write_synced};

/// The name of the manifest of a shard, which is no set.
pub(crate) const SHARD: &str = "_shard.json";
/// The name of the manifest of inputs that are dealt to shards.
pub(crate) const BUCKETS: &str = "_buckets.json";
/// The name of the manifest of the inputs of one shard.
pub(crate) const BUCKET: &str = "_bucket.json";
/// The name of the file that tells how long a shard took.
pub(crate) const SHARD_STATS: &str = "_stats.json";

/// An error if a folder is a shard, holds shards, or holds the inputs of shards: none of these is a set.
///
/// # Errors
/// If so, saying what makes a set of them.
pub(crate) fn refuse_shards(folder: &Path) -> Result<()> {
    if [BUCKETS, BUCKET]
        .iter()
        .any(|name| folder.join(name).is_file())
    {
        let what = format!(
            "\"{}\" has the inputs of shards; `hitherto sequences` with --shard and --shard-holds own makes \
             shards of them, and `hitherto finalize` a set",
            folder.display()
        );
        return Err(Error::from(ErrorKind::NoInput { what }));
    }
    let is_shard = |path: &Path| path.join(SHARD).is_file();
    let what = if is_shard(folder) {
        "is a shard of a set"
    } else {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut shards = entries.filter(|entry| is_shard(&entry.path()));
        match shards.next() {
            Some(_) if !folder.join(MANIFEST).exists() => "holds shards of a set",
            _ => return Ok(()),
        }
    };
    let what = format!(
        "\"{}\" {what}; `hitherto finalize` puts shards together",
        folder.display()
    );
    Err(Error::from(ErrorKind::NoInput { what }))
}

impl StagingDir {
    /// Publishes a folder that has a manifest, and neither metrics nor a marker: a shard, which is no set.
    ///
    /// # Errors
    /// If another process created it in the meantime, or the filesystem refuses.
    pub(crate) fn publish_shard(&self, manifest: &[u8], stats: &[u8]) -> Result<()> {
        let building = self.building();
        for (_, folder) in days_in(self.job_kind, &building)? {
            sync_dir(&folder)?;
        }
        // Not in the manifest, which is the same whenever the shard is made.
        write_synced(&building.join(SHARD_STATS), stats)?;
        write_synced(&building.join(SHARD), manifest)?;
        hit("manifest written");
        sync_dir(&building)?;
        self.publish_whole_folder()
    }

    /// A new file of inputs that are dealt to shards, at a path below the output; folders are made as needed.
    ///
    /// # Errors
    /// If it exists, or cannot be written.
    pub(crate) fn put_dealt(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let path = self.building().join(path);
        let failed = |error| Error::io("write", &path, error);
        let create = || File::create_new(&path);
        let mut file = match (create(), path.parent()) {
            // Most folders are there already, so that none is looked for.
            (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(folder).map_err(failed)?;
                create().map_err(failed)?
            }
            (created, _) => created.map_err(failed)?,
        };
        hit("dealt file made");
        file.write_all(bytes).map_err(failed)?;
        hit("dealt file written");
        Ok(())
    }

    /// Adds bytes to such a file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn add_dealt(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let path = self.building().join(path);
        let opened = File::options().append(true).open(&path);
        let written = opened.and_then(|mut file| file.write_all(bytes));
        written.map_err(|error| Error::io("write", &path, error))?;
        hit("dealt file added to");
        Ok(())
    }

    /// Where such a file is until it is published.
    pub(crate) fn dealt(&self, path: &Path) -> PathBuf {
        self.building().join(path)
    }

    /// Publishes inputs that are dealt to shards.
    ///
    /// # Errors
    /// If another process created the output in the meantime, or the filesystem refuses.
    pub(crate) fn publish_dealt(&self, manifest: &[u8]) -> Result<()> {
        let building = self.building();
        write_synced(&building.join(BUCKETS), manifest)?;
        hit("manifest written");
        // All at once: thousands of files that are synced one by one take a minute.
        let synced = rustix::fs::syncfs(open_dir(&building)?);
        synced.map_err(|error| Error::io("sync", &building, error.into()))?;
        hit("dealt files synced");
        self.publish_whole_folder()
    }
}
