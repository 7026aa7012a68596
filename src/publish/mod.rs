//! Files to a published folder: built aside, synced, then put in place by one rename.
//!
//! **In / Out**: parts, manifests and quarantined rows → `OUT`, complete or not there at all.
//! **Invariants**: nothing has its final name before it is complete and synced; a failed sync
//! ends the run; what a dead run left behind is removed by the next, what a living one is
//! building never is (it holds a lock on it).
//! **Layout aside**: `.NAME.tmp-PID/lock` and `.NAME.tmp-PID/out`, next to `OUT` on the same
//! filesystem; for `--add-days` inside `OUT`, which may be a mount of its own.

mod beside;
mod part;
mod steps;

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::RenameFlags;

use crate::calendar::{date_text, parse_day};
use crate::error::{Error, Result};
use crate::ids::Day;
use crate::job::{IfExists, Job, Publish, Question};

pub(crate) use self::beside::{Beside, put_file};
pub(crate) use self::part::{Part, PartFile, write_error};
pub(crate) use self::steps::write_synced;
use self::steps::{cannot, make_aside, make_dir, remove_dead, rename, sync_dir};

/// The name of the list of all that was published.
pub(crate) const MANIFEST: &str = "_manifest.json";
/// The name of the mark that a folder is complete.
pub(crate) const SUCCESS: &str = "_SUCCESS";
/// The name of the report of the last audit.
pub(crate) const AUDIT: &str = "_audit.json";
/// The name of the folder of rejected rows.
pub(crate) const QUARANTINE: &str = "_quarantine";

/// An output that is being built.
#[derive(Debug)]
pub(crate) struct Staging {
    /// What is asked: it says how folders of days are called.
    question: Question,
    /// Where it will be.
    out: PathBuf,
    /// How it comes there. `AddDays` only if there is a folder to add to.
    publish: Publish,
    /// The folder aside, removed at the end, whatever happens.
    aside: PathBuf,
    /// Held while we live.
    _lock: File,
}

/// The days that an output has already. `inputs` are the files and folders that it must not touch.
///
/// # Errors
/// If the output exists and the job may not touch it.
pub(crate) fn check_out(job: &Job, inputs: &[PathBuf]) -> Result<Vec<Day>> {
    let out = &job.out;
    refuse_overlap(out, inputs)?;
    if fs::symlink_metadata(out).is_err() {
        return Ok(Vec::new());
    }
    if job.publish == Publish::New {
        let what = "it exists; --overwrite replaces it, --add-days adds days to it";
        return Err(Error::output(out, what));
    }
    if !is_ours(out, job) {
        let what =
            format!("it exists and holds no {MANIFEST} of ours, so this program did not make it");
        return Err(Error::output(out, what));
    }
    if job.publish == Publish::Overwrite {
        return Ok(Vec::new());
    }
    let days = days_in(job.question, out)?;
    for (_, folder) in &days {
        if !is_ours(folder, job) {
            let what = format!("it holds no {MANIFEST} of ours, so this program did not make it");
            return Err(Error::output(folder, what));
        }
    }
    Ok(days.into_iter().map(|(day, _)| day).collect())
}

/// Whether this program made a folder for the same question: it holds a manifest that says so.
fn is_ours(folder: &Path, job: &Job) -> bool {
    let text = fs::read(folder.join(MANIFEST)).unwrap_or_default();
    let manifest: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let made_by = manifest["made_by"].as_str();
    made_by.is_some_and(|by| by.starts_with("hitherto ")) && manifest["job"] == job.question.name()
}

/// The folders of days in an output, in order.
pub(crate) fn days_in(question: Question, out: &Path) -> Result<Vec<(Day, PathBuf)>> {
    let mut days = Vec::new();
    for entry in fs::read_dir(out).map_err(|error| Error::io("read", out, error))? {
        let path = entry.map_err(|error| Error::io("read", out, error))?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let value = name.as_deref().and_then(|name| {
            let value = name.strip_prefix(question.day_column())?;
            value.strip_prefix('=')
        });
        let day = value.and_then(parse_day);
        days.extend(day.map(|day| (day, path)));
    }
    days.sort();
    Ok(days)
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

impl Staging {
    /// Makes the folder aside, and removes those of dead runs.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(crate) fn create(job: &Job) -> Result<Staging> {
        let out = std::path::absolute(&job.out)
            .map_err(|error| cannot(&job.out, "its path makes no sense", error))?;
        let exists = fs::symlink_metadata(&out).is_ok();
        // Of a link, what it points to is replaced, not the link.
        let out = if exists {
            out.canonicalize().unwrap_or(out)
        } else {
            out
        };
        let publish = match job.publish {
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
        fs::create_dir_all(&home)
            .map_err(|error| cannot(&home, "its folder cannot be made", error))?;
        let mut prefix = OsString::from(".");
        prefix.push(name);
        prefix.push(".tmp-");
        remove_dead(&home, &prefix.to_string_lossy());
        let (aside, lock) = make_aside(&home, &prefix)?;
        let staging = Staging {
            question: job.question,
            out,
            publish,
            aside,
            _lock: lock,
        };
        make_dir(&staging.building())?;
        Ok(staging)
    }

    /// The folder aside, on the filesystem of the output.
    pub(crate) fn aside(&self) -> &Path {
        &self.aside
    }

    /// The folder that will be the output, or hold the days to add.
    fn building(&self) -> PathBuf {
        self.aside.join("out")
    }

    /// Makes the folder of a day.
    pub(crate) fn make_day(&self, day: Day) -> Result<PathBuf> {
        let path = self.building().join(day_folder(self.question, day));
        make_dir(&path)?;
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

    /// Writes a day's manifest and syncs its folder.
    pub(crate) fn finish_day(&self, day: Day, manifest: &[u8]) -> Result<()> {
        let folder = self.building().join(day_folder(self.question, day));
        write_synced(&folder.join(MANIFEST), manifest)?;
        sync_dir(&folder)
    }

    /// Puts everything in place. `whole` makes the manifest of the whole output from the folder
    /// that holds its days.
    ///
    /// # Errors
    /// If somebody else made the output in the meantime, or the filesystem refuses.
    pub(crate) fn publish(
        &self,
        days: &[Day],
        whole: impl Fn(&Path) -> Result<Vec<u8>>,
    ) -> Result<()> {
        let building = self.building();
        if let Publish::AddDays(if_exists) = self.publish {
            // Runs that add days at the same time take turns, so that none writes a manifest of
            // the whole without the other's days.
            let turn = File::open(&self.out).and_then(|folder| folder.lock().map(|()| folder));
            let _turn = turn.map_err(|error| Error::io("lock", &self.out, error))?;
            self.publish_quarantine(&building)?;
            for day in days {
                self.publish_day(*day, if_exists)?;
            }
            sync_dir(&self.out)?;
            let manifest = self.aside.join(MANIFEST);
            write_synced(&manifest, &whole(&self.out)?)?;
            let target = self.out.join(MANIFEST);
            fs::rename(&manifest, &target).map_err(|error| Error::io("write", &target, error))?;
            return sync_dir(&self.out);
        }
        let quarantine = building.join(QUARANTINE);
        if quarantine.is_dir() {
            sync_dir(&quarantine)?;
        }
        write_synced(&building.join(MANIFEST), &whole(&building)?)?;
        write_synced(&building.join(SUCCESS), b"")?;
        sync_dir(&building)?;
        let flags = match self.publish {
            Publish::Overwrite => RenameFlags::EXCHANGE,
            _ => RenameFlags::NOREPLACE,
        };
        rename(&building, &self.out, flags)?;
        self.out.parent().map_or(Ok(()), sync_dir)
    }

    /// Puts the folder of one day in place.
    fn publish_day(&self, day: Day, if_exists: IfExists) -> Result<()> {
        let name = day_folder(self.question, day);
        let (from, to) = (self.building().join(&name), self.out.join(&name));
        if if_exists == IfExists::Replace && fs::symlink_metadata(&to).is_ok() {
            return rename(&from, &to, RenameFlags::EXCHANGE);
        }
        match rename(&from, &to, RenameFlags::NOREPLACE) {
            Err(_) if if_exists == IfExists::Skip && to.is_dir() => Ok(()),
            renamed => renamed,
        }
    }

    /// Puts files of rejected rows next to those of earlier runs.
    fn publish_quarantine(&self, building: &Path) -> Result<()> {
        let from = building.join(QUARANTINE);
        if !from.is_dir() {
            return Ok(());
        }
        let to = self.out.join(QUARANTINE);
        fs::create_dir_all(&to).map_err(|error| cannot(&to, "it cannot be made", error))?;
        for entry in fs::read_dir(&from).map_err(|error| Error::io("read", &from, error))? {
            let entry = entry.map_err(|error| Error::io("read", &from, error))?;
            let target = to.join(entry.file_name());
            fs::rename(entry.path(), &target)
                .map_err(|error| Error::io("write", &target, error))?;
        }
        sync_dir(&to)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // After an exchange, what was replaced lies here as well. The lock goes last, so that the
        // next run sees what a crash leaves here, and removes it.
        drop(fs::remove_dir_all(self.building()));
        drop(fs::remove_dir_all(&self.aside));
    }
}

/// The name of a day's folder.
pub(crate) fn day_folder(question: Question, day: Day) -> String {
    format!("{}={}", question.day_column(), date_text(day))
}
