//! What lies in a published folder, by name and kind, without opening any of it.
//!
//! **In / Out**: `OUT` → [`Tree`]: files with their sizes, folders, and what is neither. Folders are
//! looked into to a depth of two, as deep as anything is published.
//! **Invariants**: links are never followed, so every file of a tree lies in `OUT` itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{Problems, PublishedSet};
use crate::error::{Error, Result};
use crate::publish::{AUDIT, MANIFEST, METRICS, PAGE, QUARANTINE, SUCCESS, is_at_work};

/// What lies in a folder; paths are relative to it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Files, with their bytes.
    files: BTreeMap<String, u64>,
    folders: BTreeSet<String>,
    /// What is neither, with what it is.
    others: BTreeMap<String, &'static str>,
}

impl Tree {
    /// What lies in a folder, and in the folders in it.
    ///
    /// # Errors
    /// If a folder cannot be listed.
    pub(crate) fn new(out: &Path) -> Result<Tree> {
        let mut tree = Tree::default();
        tree.list(out, "")?;
        for folder in tree.folders.clone() {
            // A run that adds days, or another audit, builds in a folder of its own in here.
            if is_aside_name(&folder) && is_at_work(&out.join(&folder)) {
                tree.folders.remove(&folder);
                continue;
            }
            tree.list(&out.join(&folder), &folder)?;
        }
        Ok(tree)
    }

    /// Adds what lies in one folder.
    fn list(&mut self, folder: &Path, name: &str) -> Result<()> {
        let failed = |error| Error::io("read", folder, error);
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let own = entry.file_name().to_string_lossy().into_owned();
            let path = match name {
                "" => own,
                name => format!("{name}/{own}"),
            };
            let found = fs::symlink_metadata(entry.path()).map_err(failed)?;
            let kind = found.file_type();
            if kind.is_file() {
                self.files.insert(path, found.len());
            } else if kind.is_dir() {
                self.folders.insert(path);
            } else {
                let what = if kind.is_symlink() {
                    "a link"
                } else {
                    "neither a file nor a folder"
                };
                self.others.insert(path, what);
            }
        }
        Ok(())
    }

    /// The bytes of a file; nothing if there is no such file.
    pub(crate) fn bytes_of(&self, path: &str) -> Option<u64> {
        self.files.get(path).copied()
    }

    /// What to say of a file that is not there.
    pub(crate) fn instead_of(&self, path: &str) -> String {
        match self.others.get(path) {
            Some(what) => format!("expected a file, found {what}"),
            None if self.folders.contains(path) => "expected a file, found a folder".to_owned(),
            None => "it is missing".to_owned(),
        }
    }

    /// Checks that the mark of success is there, and that nothing is there that nobody named.
    pub(crate) fn check(&self, set: &PublishedSet, problems: &mut Problems) {
        let mut named: BTreeSet<&str> = set.files.iter().map(|of| of.path.as_str()).collect();
        named.extend([SUCCESS, MANIFEST, METRICS, PAGE, AUDIT]);
        let days = set.days.iter();
        let manifests: Vec<_> = days
            .flat_map(|day| {
                let page = format!("{}/{PAGE}", day.folder);
                [day.manifest_path(), day.metrics_path(), page]
            })
            .collect();
        named.extend(manifests.iter().map(String::as_str));
        let mut folders: BTreeSet<&str> = set.days.iter().map(|of| of.folder.as_str()).collect();
        if set.has_quarantine() {
            folders.insert(QUARANTINE);
        }
        let stray = |path: &str, what: &str| match is_aside_name(path) {
            true => format!("{what} that a run left behind when it died"),
            false => format!("{what} that the manifest does not name"),
        };
        for path in self
            .files
            .keys()
            .filter(|path| !named.contains(path.as_str()))
        {
            // What lies in a stray folder is told with it.
            let home = path.rsplit_once('/').map(|(home, _)| home);
            if home.is_none_or(|home| folders.contains(home)) {
                problems.add(path, stray(path, "a file"));
            }
        }
        for path in self
            .folders
            .iter()
            .filter(|of| !folders.contains(of.as_str()))
        {
            let home = path.rsplit_once('/').map(|(home, _)| home);
            if home.is_none_or(|home| folders.contains(home)) {
                problems.add(path, stray(path, "a folder"));
            }
        }
        for (path, what) in &self.others {
            problems.add(path, stray(path, what));
        }
        if let Some(bytes) = self.bytes_of(SUCCESS).filter(|bytes| *bytes > 0) {
            problems.add(
                SUCCESS,
                format!("expected an empty file, found {bytes} bytes"),
            );
        }
        if self.bytes_of(SUCCESS).is_none() {
            problems.add(SUCCESS, self.instead_of(SUCCESS));
        }
    }
}

/// Whether a path is called as what runs build in before they publish it.
fn is_aside_name(path: &str) -> bool {
    path.starts_with('.') && path.contains(".tmp-")
}
