//! The folder of a shard, which is no set: it has a manifest of another name, and no marker.

use std::fs;
use std::path::Path;

use super::days::days_in;
use super::{MANIFEST, StagingDir};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::hit;
use crate::publish::fsync::{sync_dir, write_synced};

/// The name of the manifest of a shard, which is no set.
pub(crate) const SHARD: &str = "_shard.json";
/// The name of the file that tells how long a shard took.
pub(crate) const SHARD_STATS: &str = "_stats.json";
/// An error if a folder is a shard, or holds shards: neither is a set.
///
/// # Errors
/// If so, saying what makes a set of them.
pub(crate) fn refuse_shards(folder: &Path) -> Result<()> {
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
}
