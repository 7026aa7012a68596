//! Publishes an output: builds it in a staging directory, syncs it, and renames it atomically.
//!
//! **In / Out**: parts, manifests and quarantined rows → `OUT`, complete or not there at all.
//! **Invariants**: nothing has its final name before it is complete and synced. A failed sync ends the
//! run, and its renames are undone. The next run removes the staging directories of crashed runs, and
//! never those of running ones. No symbolic link is followed to what is written or removed.

mod adopt;
mod days;
mod fsync;
mod maker;
mod origin;
mod part;
mod rename;
mod renames;
mod shards;
mod spec;
mod staging_dir;
mod target;
mod temp_dir;
mod vocabulary;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use self::maker::refuse_others;
use crate::advice::Hint;
use crate::context::RunContext;
use crate::error::{Error, Result};
use crate::failpoint::hit;
use crate::ids::Day;
use crate::job::{IfExists, JobKind, Publish};
use crate::publish::renames::Renames;
use crate::publish::staging_dir::{CreatedParents, LockedDir, remove_crashed};

pub(crate) use self::adopt::read_part;
pub(crate) use self::days::{day_folder, days_in};
use self::origin::refuse_overlap;
pub(crate) use self::origin::{moved_origin, origin};
pub(crate) use self::part::{Part, PartFile, Syncing, write_error};
pub(crate) use self::shards::{BUCKET, BUCKETS, SHARD, SHARD_STATS, refuse_shards};
pub(crate) use self::spec::PublishSpec;
pub(crate) use self::target::Target;
pub(crate) use crate::publish::fsync::write_synced;
use crate::publish::fsync::{cannot, lock_output, make_dir, open_dir, sync_dir, sync_open};
use crate::publish::rename::{TAKEN, check_exchange};
pub(crate) use crate::publish::staging_dir::is_in_use;
pub(crate) use crate::publish::temp_dir::{TempDir, put_file};

/// The name of the manifest, which lists all published files.
pub(crate) const MANIFEST: &str = "_manifest.json";
/// The names of the manifest of a set, and of a shard of one.
pub(crate) const OF_SETS: &[&str] = &[SHARD, MANIFEST];
/// The name of the file of metrics.
pub(crate) const METRICS: &str = "_metrics.json";
/// The name of the HTML report.
pub(crate) const PAGE: &str = "_report.html";
/// The name of the marker file of a complete output.
pub(crate) const SUCCESS: &str = "_SUCCESS";
/// The name of the report of the latest audit.
pub(crate) const AUDIT: &str = "_audit.json";
/// The name of the file of items and their codes.
pub(crate) const VOCABULARY: &str = "_vocabulary.parquet";
/// The name of the folder of rejected rows.
pub(crate) const QUARANTINE: &str = "_quarantine";

/// Makes a file of the whole output (manifest or metrics), given the folder that has its days.
pub(crate) type MakeWhole<'a> = dyn Fn(&Path) -> Result<Vec<u8>> + 'a;

/// The files of the whole output.
pub(crate) struct Whole<'a> {
    pub(crate) manifest: &'a MakeWhole<'a>,
    pub(crate) metrics: &'a MakeWhole<'a>,
    /// XXH64 of the published vocabulary, if the one that is being built extends it.
    pub(crate) extends: Option<u64>,
}

/// An output that is being built in a staging directory.
#[derive(Debug)]
pub(crate) struct StagingDir {
    /// The job kind, which determines the names of the folders of days.
    job_kind: JobKind,
    /// The final path.
    out: PathBuf,
    /// How to publish. `AddDays` only if the output exists.
    publish: Publish,
    /// The names that the manifest of what may be replaced may have.
    manifests: &'static [&'static str],
    /// The staging directory, removed at the end, whatever happens. After an exchange it contains what
    /// was replaced.
    dir: LockedDir,
    /// The parent folders that had to be created.
    _parents: CreatedParents,
}

/// The days that an output has already. `inputs` are files and folders that it must not overlap.
///
/// # Errors
/// If the output exists and may not be changed.
pub(crate) fn check_out(spec: PublishSpec<'_>, inputs: &[PathBuf]) -> Result<Vec<Day>> {
    let out = spec.out;
    refuse_overlap(out, inputs)?;
    // Not `exists`: a link that leads nowhere is there, too.
    match fs::symlink_metadata(out) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot(out, "its path cannot be followed", error)),
    }
    if spec.publish == Publish::New {
        let what = format!("it exists; {}", Hint::OutputExists.text());
        return Err(Error::output(out, what));
    }
    refuse_others(out, spec.manifests, spec.job_kind)?;
    if spec.publish == Publish::Overwrite {
        return Ok(Vec::new());
    }
    let days = days_in(spec.job_kind, out)?;
    for (_, folder) in &days {
        refuse_others(folder, spec.manifests, spec.job_kind)?;
    }
    Ok(days.into_iter().map(|(day, _)| day).collect())
}

impl StagingDir {
    /// Creates the staging directory, and removes those of crashed runs.
    ///
    /// # Errors
    /// If it cannot be created.
    pub(crate) fn create(spec: PublishSpec<'_>) -> Result<StagingDir> {
        let out = std::path::absolute(spec.out)
            .map_err(|error| cannot(spec.out, "its path makes no sense", error))?;
        let exists = fs::symlink_metadata(&out).is_ok();
        // If the output is a symbolic link, its target is replaced, not the link.
        let out = if exists {
            out.canonicalize().unwrap_or(out)
        } else {
            out
        };
        let publish = match spec.publish {
            Publish::AddDays(_) | Publish::Overwrite if !exists => Publish::New,
            publish => publish,
        };
        let name = out
            .file_name()
            .ok_or_else(|| Error::output(&out, "it has no name"))?;
        let parent = match publish {
            Publish::AddDays(_) => out.clone(),
            _ => out
                .parent()
                .map_or_else(|| PathBuf::from("/"), Path::to_path_buf),
        };
        let parents = CreatedParents::make(&parent)?;
        remove_crashed(&parents.path, name);
        // A crashed run that made the output new left its directory next to it.
        if let (Publish::AddDays(_), Some(above)) = (publish, out.parent()) {
            remove_crashed(above, name);
        }
        let dir = LockedDir::make(&parents.path, name)?;
        let staging = StagingDir {
            job_kind: spec.job_kind,
            publish,
            manifests: spec.manifests,
            dir,
            _parents: parents,
            out,
        };
        hit("aside locked");
        if matches!(
            publish,
            Publish::Overwrite | Publish::AddDays(IfExists::Replace)
        ) {
            // Before the work: where that cannot be done, nothing can be published.
            check_exchange(staging.path())?;
        }
        make_dir(&staging.building())?;
        hit("output made aside");
        Ok(staging)
    }

    /// The staging directory, on the filesystem of the output.
    pub(crate) fn path(&self) -> &Path {
        &self.dir.path
    }

    /// The folder that will become the output, or that has the days to add.
    fn building(&self) -> PathBuf {
        self.dir.path.join("out")
    }

    /// Creates the folder of a day.
    pub(crate) fn make_day(&self, day: Day) -> Result<PathBuf> {
        let path = self.building().join(day_folder(self.job_kind, day));
        make_dir(&path)?;
        hit("day made aside");
        Ok(path)
    }

    /// The path of a new file next to the days.
    pub(crate) fn file_in(&self, folder: &str, name: &str) -> Result<PathBuf> {
        let folder = self.building().join(folder);
        if !folder.is_dir() {
            make_dir(&folder)?;
        }
        Ok(folder.join(name))
    }

    /// Writes a day's metrics and manifest, and syncs its folder.
    pub(crate) fn finish_day(&self, day: Day, manifest: &[u8], metrics: &[u8]) -> Result<()> {
        let folder = self.building().join(day_folder(self.job_kind, day));
        write_synced(&folder.join(METRICS), metrics)?;
        write_synced(&folder.join(MANIFEST), manifest)?;
        hit("day's manifest written");
        sync_dir(&folder)?;
        hit("day finished");
        Ok(())
    }

    /// Publishes the output.
    ///
    /// # Errors
    /// If another process created the output in the meantime, or the filesystem refuses.
    pub(crate) fn publish(
        &self,
        context: &RunContext,
        days: &[Day],
        whole: &Whole<'_>,
    ) -> Result<()> {
        let building = self.building();
        let quarantine = building.join(QUARANTINE);
        if quarantine.is_dir() {
            sync_dir(&quarantine)?;
        }
        if let Publish::AddDays(if_exists) = self.publish {
            return self.publish_days(context, days, if_exists, whole);
        }
        write_synced(&building.join(METRICS), &(whole.metrics)(&building)?)?;
        write_synced(&building.join(MANIFEST), &(whole.manifest)(&building)?)?;
        hit("manifest written");
        write_synced(&building.join(SUCCESS), b"")?;
        hit("success marked");
        // The files were synced as they were finished; this makes their names durable.
        sync_dir(&building)?;
        self.publish_whole_folder()
    }

    /// Renames the folder to its final name.
    fn publish_whole_folder(&self) -> Result<()> {
        let building = self.building();
        hit("output finished aside");
        let above = self.out.parent().unwrap_or_else(|| Path::new("/"));
        // Opened before the rename, so that after it only the sync can fail.
        let opened = open_dir(above)?;
        let mut renames = Renames::default();
        if self.publish == Publish::Overwrite {
            // Checked again, as what is replaced will be removed.
            refuse_others(&self.out, self.manifests, self.job_kind)?;
            renames.exchange(&building, &self.out)?;
        } else {
            renames.place(&building, &self.out)?;
        }
        hit("output in place");
        // A failed sync is not tried again: filesystems may drop the pages that they could not
        // write and report success the next time. Leaving here undoes the rename.
        sync_open(&opened, above)?;
        hit("output in place and synced");
        renames.keep();
        Ok(())
    }

    /// Publishes days one by one, and then the manifest of the whole output. A crash in between leaves
    /// each day either old or new, and the next run makes that manifest again.
    fn publish_days(
        &self,
        context: &RunContext,
        days: &[Day],
        if_exists: IfExists,
        whole: &Whole<'_>,
    ) -> Result<()> {
        // Concurrent runs that add days are serialized, so that no manifest of the whole lacks the
        // other's days.
        let _lock = lock_output(&self.out, context)?;
        hit("turn taken");
        if if_exists == IfExists::Error {
            // All days are checked before the first is published: all of them are, or none is.
            days.iter().try_for_each(|day| self.refuse_taken(*day))?;
        }
        let opened = open_dir(&self.out)?;
        let mut renames = Renames::default();
        self.publish_vocabulary(&mut renames, whole.extends)?;
        // First a manifest with our inputs: after a crash, the days that are in place have theirs on
        // record, as the next run does not read them.
        self.publish_whole(&mut renames, "inputs", MANIFEST, whole.manifest)?;
        self.publish_quarantine(&mut renames)?;
        for day in days {
            self.publish_day(&mut renames, *day, if_exists)?;
        }
        // The days must be durable before a manifest that names them.
        hit("days in place");
        sync_open(&opened, &self.out)?;
        hit("days in place and synced");
        self.publish_whole(&mut renames, "metrics", METRICS, whole.metrics)?;
        self.publish_whole(&mut renames, "days", MANIFEST, whole.manifest)?;
        sync_open(&opened, &self.out)?;
        hit("manifest of the whole synced");
        renames.keep();
        Ok(())
    }

    /// Makes a file of the whole output from its published days, and publishes it.
    fn publish_whole(
        &self,
        renames: &mut Renames,
        staged_name: &str,
        name: &str,
        whole: &MakeWhole<'_>,
    ) -> Result<()> {
        let (from, to) = (self.path().join(staged_name), self.out.join(name));
        write_synced(&from, &whole(&self.out)?)?;
        hit("file of the whole written");
        if fs::symlink_metadata(&to).is_ok() {
            renames.exchange(&from, &to)?;
        } else {
            renames.place(&from, &to)?;
        }
        hit("file of the whole in place");
        Ok(())
    }

    /// An error if a day that is to be added was created in the meantime.
    fn refuse_taken(&self, day: Day) -> Result<()> {
        let path = self.out.join(day_folder(self.job_kind, day));
        match fs::symlink_metadata(&path) {
            Ok(_) => Err(Error::output(&path, TAKEN)),
            Err(_) => Ok(()),
        }
    }

    /// Publishes the folder of one day.
    fn publish_day(&self, renames: &mut Renames, day: Day, if_exists: IfExists) -> Result<()> {
        let name = day_folder(self.job_kind, day);
        let (from, to) = (self.building().join(&name), self.out.join(&name));
        match (fs::symlink_metadata(&to).is_ok(), if_exists) {
            (true, IfExists::Replace) => renames.exchange(&from, &to),
            // Another run made the day while this one worked.
            (true, IfExists::Skip) => Ok(()),
            _ => renames.place(&from, &to),
        }
    }

    /// Publishes files of rejected rows next to those of earlier runs.
    fn publish_quarantine(&self, renames: &mut Renames) -> Result<()> {
        let from = self.building().join(QUARANTINE);
        if !from.is_dir() {
            return Ok(());
        }
        let to = self.out.join(QUARANTINE);
        let Ok(found) = fs::symlink_metadata(&to) else {
            renames.place(&from, &to)?;
            hit("quarantine in place");
            return Ok(());
        };
        // A symbolic link to a folder would be followed out of the output.
        if !found.is_dir() {
            return Err(Error::output(&to, "it exists, and is no folder"));
        }
        for entry in fs::read_dir(&from).map_err(|error| Error::io("read", &from, error))? {
            let entry = entry.map_err(|error| Error::io("read", &from, error))?;
            let target = to.join(entry.file_name());
            // The name is a hash of the contents: an existing file is the same.
            if fs::symlink_metadata(&target).is_err() {
                renames.place(&entry.path(), &target)?;
                hit("quarantined rows in place");
            }
        }
        sync_dir(&to)
    }
}
