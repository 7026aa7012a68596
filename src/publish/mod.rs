//! Files to a published folder: built aside, synced, then put in place by one rename.
//!
//! **In / Out**: parts, manifests and quarantined rows → `OUT`, complete or not there at all.
//! **Invariants**: nothing has its final name before it is complete and synced; a failed sync
//! ends the run, and takes back what was renamed; what a dead run left behind is removed by the
//! next, what a living one is building never is. No link is followed on the way to what is written
//! or removed.

mod days;
mod fsync;
mod maker;
mod origin;
mod part;
mod renames;
mod spec;
mod staging_dir;
mod target;
mod temp_dir;
mod vocabulary;

use std::ffi::OsString;
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
use crate::publish::renames::Moves;
use crate::publish::staging_dir::{Aside, Home, remove_dead};

pub(crate) use self::days::{day_folder, days_in};
pub(crate) use self::origin::origin;
pub(crate) use self::part::{Part, PartFile, write_error};
pub(crate) use self::spec::PublishSpec;
pub(crate) use self::target::Target;
pub(crate) use crate::publish::fsync::write_synced;
use crate::publish::fsync::{TAKEN, cannot, make_dir, open_dir, sync_dir, sync_open, take_turn};
pub(crate) use crate::publish::staging_dir::is_at_work;
pub(crate) use crate::publish::temp_dir::{TempDir, put_file};

/// The name of the list of all that was published.
pub(crate) const MANIFEST: &str = "_manifest.json";
/// The name of the file of metrics.
pub(crate) const METRICS: &str = "_metrics.json";
/// The name of the page that shows them.
pub(crate) const PAGE: &str = "_report.html";
/// The name of the mark that a folder is complete.
pub(crate) const SUCCESS: &str = "_SUCCESS";
/// The name of the report of the last audit.
pub(crate) const AUDIT: &str = "_audit.json";
/// The name of the file of items and their codes.
pub(crate) const VOCABULARY: &str = "_vocabulary.parquet";
/// The name of the folder of rejected rows.
pub(crate) const QUARANTINE: &str = "_quarantine";

/// Makes a file of the whole output from the folder that holds its days.
pub(crate) type MakeWhole<'a> = dyn Fn(&Path) -> Result<Vec<u8>> + 'a;

/// The files of the whole output.
pub(crate) struct Whole<'a> {
    pub(crate) manifest: &'a MakeWhole<'a>,
    pub(crate) metrics: &'a MakeWhole<'a>,
    /// XXH64 of the vocabulary that is there, if the one that is being built extends it.
    pub(crate) extends: Option<u64>,
}

/// An output that is being built.
#[derive(Debug)]
pub(crate) struct StagingDir {
    /// What is asked: it says how folders of days are called.
    job_kind: JobKind,
    /// Where it will be.
    out: PathBuf,
    /// How it comes there. `AddDays` only if there is a folder to add to.
    publish: Publish,
    /// The folder aside, removed at the end, whatever happens. After an exchange, what was
    /// replaced lies in it as well.
    aside: Aside,
    /// The folder that holds it.
    _home: Home,
}

/// The days that an output has already. `inputs` are the files and folders that it must not touch.
///
/// # Errors
/// If the output exists and may not be touched.
pub(crate) fn check_out(spec: PublishSpec<'_>, inputs: &[PathBuf]) -> Result<Vec<Day>> {
    let out = spec.out;
    refuse_overlap(out, inputs)?;
    match fs::symlink_metadata(out) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot(out, "its path cannot be followed", error)),
    }
    if spec.publish == Publish::New {
        let what = format!("it exists; {}", Hint::OutputExists.text());
        return Err(Error::output(out, what));
    }
    refuse_others(out, spec.job_kind)?;
    if spec.publish == Publish::Overwrite {
        return Ok(Vec::new());
    }
    let days = days_in(spec.job_kind, out)?;
    for (_, folder) in &days {
        refuse_others(folder, spec.job_kind)?;
    }
    Ok(days.into_iter().map(|(day, _)| day).collect())
}

/// An error if the output lies in an input or around one.
fn refuse_overlap(out: &Path, inputs: &[PathBuf]) -> Result<()> {
    let unclear = || Error::output(out, "its path leads through a folder that is not there");
    let out = resolved(out).ok_or_else(unclear)?;
    for root in inputs {
        let Ok(input) = root.canonicalize() else {
            continue;
        };
        if out.starts_with(&input) || input.starts_with(&out) {
            let what = format!("it overlaps the input \"{}\"", root.display());
            return Err(Error::output(&out, what));
        }
    }
    Ok(())
}

/// A path without links, of something that need not exist yet.
fn resolved(path: &Path) -> Option<PathBuf> {
    let mut missing = Vec::new();
    let mut path = std::path::absolute(path).ok()?;
    loop {
        if let Ok(found) = path.canonicalize() {
            return Some(
                missing
                    .iter()
                    .rev()
                    .fold(found, |path, name: &OsString| path.join(name)),
            );
        }
        missing.push(path.file_name()?.to_owned());
        path.pop();
    }
}

impl StagingDir {
    /// Makes the folder aside, and removes those of dead runs.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn create(spec: PublishSpec<'_>) -> Result<StagingDir> {
        let out = std::path::absolute(spec.out)
            .map_err(|error| cannot(spec.out, "its path makes no sense", error))?;
        let exists = fs::symlink_metadata(&out).is_ok();
        // Of a link, what it points to is replaced, not the link.
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
        let home = match publish {
            Publish::AddDays(_) => out.clone(),
            _ => out
                .parent()
                .map_or_else(|| PathBuf::from("/"), Path::to_path_buf),
        };
        let home = Home::make(&home)?;
        remove_dead(&home.path, name);
        if let (Publish::AddDays(_), Some(above)) = (publish, out.parent()) {
            remove_dead(above, name);
        }
        let aside = Aside::make(&home.path, name)?;
        let staging = StagingDir {
            job_kind: spec.job_kind,
            publish,
            aside,
            _home: home,
            out,
        };
        hit("aside locked");
        make_dir(&staging.building())?;
        hit("output made aside");
        Ok(staging)
    }

    /// The folder aside, on the filesystem of the output.
    pub(crate) fn aside(&self) -> &Path {
        &self.aside.path
    }

    /// The folder that will be the output, or hold the days to add.
    fn building(&self) -> PathBuf {
        self.aside.path.join("out")
    }

    /// Makes the folder of a day.
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

    /// Puts everything in place.
    ///
    /// # Errors
    /// If somebody else made the output in the meantime, or the filesystem refuses.
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
            return self.publish_days(context, (days, if_exists), whole);
        }
        write_synced(&building.join(METRICS), &(whole.metrics)(&building)?)?;
        write_synced(&building.join(MANIFEST), &(whole.manifest)(&building)?)?;
        hit("manifest written");
        write_synced(&building.join(SUCCESS), b"")?;
        hit("success marked");
        sync_dir(&building)?;
        hit("output finished aside");
        let above = self.out.parent().unwrap_or_else(|| Path::new("/"));
        // Opened before the rename: nothing is left to fail behind it but the sync.
        let opened = open_dir(above)?;
        let mut moves = Moves::default();
        if self.publish == Publish::Overwrite {
            // Looked at again: what is exchanged for ours will be removed.
            refuse_others(&self.out, self.job_kind)?;
            moves.exchange(&building, &self.out)?;
        } else {
            moves.place(&building, &self.out)?;
        }
        hit("output in place");
        sync_open(&opened, above)?;
        hit("output in place and synced");
        moves.keep();
        Ok(())
    }

    /// Puts days in place, one by one, and then the manifest of the whole. A crash in between
    /// leaves each day as it was or as it will be, and the next run makes that manifest again.
    fn publish_days(
        &self,
        context: &RunContext,
        (days, if_exists): (&[Day], IfExists),
        whole: &Whole<'_>,
    ) -> Result<()> {
        // Runs that add days at the same time take turns, so that none writes a manifest of the
        // whole without the other's days.
        let _turn = take_turn(&self.out, context)?;
        hit("turn taken");
        if if_exists == IfExists::Error {
            // Before the first is in place: all of them are, or none is.
            days.iter().try_for_each(|day| self.refuse_taken(*day))?;
        }
        let opened = open_dir(&self.out)?;
        let mut moves = Moves::default();
        self.publish_vocabulary(&mut moves, whole.extends)?;
        // Its inputs come first: the run after a crash reads none of the days that are in place.
        self.publish_whole(&mut moves, "inputs", MANIFEST, whole.manifest)?;
        self.publish_quarantine(&mut moves)?;
        for day in days {
            self.publish_day(&mut moves, *day, if_exists)?;
        }
        hit("days in place");
        sync_open(&opened, &self.out)?;
        hit("days in place and synced");
        self.publish_whole(&mut moves, "metrics", METRICS, whole.metrics)?;
        self.publish_whole(&mut moves, "days", MANIFEST, whole.manifest)?;
        sync_open(&opened, &self.out)?;
        hit("manifest of the whole synced");
        moves.keep();
        Ok(())
    }

    /// Puts a file of the whole in place, as it is made from what is there.
    fn publish_whole(
        &self,
        moves: &mut Moves,
        of: &str,
        name: &str,
        whole: &MakeWhole<'_>,
    ) -> Result<()> {
        let (from, to) = (self.aside().join(of), self.out.join(name));
        write_synced(&from, &whole(&self.out)?)?;
        hit("file of the whole written");
        match fs::symlink_metadata(&to).is_ok() {
            true => moves.exchange(&from, &to)?,
            false => moves.place(&from, &to)?,
        }
        hit("file of the whole in place");
        Ok(())
    }

    /// An error if a day that is to be added came into being while we worked.
    fn refuse_taken(&self, day: Day) -> Result<()> {
        let path = self.out.join(day_folder(self.job_kind, day));
        match fs::symlink_metadata(&path) {
            Ok(_) => Err(Error::output(&path, TAKEN)),
            Err(_) => Ok(()),
        }
    }

    /// Puts the folder of one day in place.
    fn publish_day(&self, moves: &mut Moves, day: Day, if_exists: IfExists) -> Result<()> {
        let name = day_folder(self.job_kind, day);
        let (from, to) = (self.building().join(&name), self.out.join(&name));
        match (fs::symlink_metadata(&to).is_ok(), if_exists) {
            (true, IfExists::Replace) => moves.exchange(&from, &to),
            (true, IfExists::Skip) => Ok(()),
            _ => moves.place(&from, &to),
        }
    }

    /// Puts files of rejected rows next to those of earlier runs.
    fn publish_quarantine(&self, moves: &mut Moves) -> Result<()> {
        let from = self.building().join(QUARANTINE);
        if !from.is_dir() {
            return Ok(());
        }
        let to = self.out.join(QUARANTINE);
        let Ok(found) = fs::symlink_metadata(&to) else {
            moves.place(&from, &to)?;
            hit("quarantine in place");
            return Ok(());
        };
        if !found.is_dir() {
            return Err(Error::output(&to, "it exists, and is no folder"));
        }
        for entry in fs::read_dir(&from).map_err(|error| Error::io("read", &from, error))? {
            let entry = entry.map_err(|error| Error::io("read", &from, error))?;
            let target = to.join(entry.file_name());
            // Its name is a hash of its contents: one that is there is the same.
            if fs::symlink_metadata(&target).is_err() {
                moves.place(&entry.path(), &target)?;
                hit("quarantined rows in place");
            }
        }
        sync_dir(&to)
    }
}
