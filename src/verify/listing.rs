//! Lists a published folder, without opening any file.
//!
//! **In / Out**: `OUT` → [`FolderListing`]: files with their sizes, folders, and other entries, to a depth
//! of two, which is that of published files.
//! **Invariants**: links are never followed, so every listed file is in `OUT` itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{Problems, PublishedSet};
use crate::error::{Error, Result};
use crate::publish::{AUDIT, MANIFEST, METRICS, PAGE, QUARANTINE, SUCCESS, is_in_use};

/// The entries of a folder and of the folders in it, by relative path.
#[derive(Debug, Default)]
pub(crate) struct FolderListing {
    /// Files, with their size in bytes.
    files: BTreeMap<String, u64>,
    folders: BTreeSet<String>,
    /// Entries that are neither, with what they are.
    others: BTreeMap<String, &'static str>,
}

impl FolderListing {
    /// Lists a folder and the folders in it.
    ///
    /// # Errors
    /// If a folder cannot be listed.
    pub(crate) fn new(out: &Path) -> Result<FolderListing> {
        let mut listing = FolderListing::default();
        listing.list(out, "")?;
        for folder in listing.folders.clone() {
            // A running job that adds days, or another audit, has its staging folder here.
            if is_staging_name(&folder) && is_in_use(&out.join(&folder)) {
                listing.folders.remove(&folder);
                continue;
            }
            listing.list(&out.join(&folder), &folder)?;
        }
        Ok(listing)
    }

    /// Adds the entries of one folder.
    fn list(&mut self, folder: &Path, name: &str) -> Result<()> {
        let failed = |error| Error::io("read", folder, error);
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let own = entry.file_name().to_string_lossy().into_owned();
            let path = match name {
                "" => own,
                name => format!("{name}/{own}"),
            };
            // Not `fs::metadata`, which follows links: a link may lead out of the set.
            let metadata = fs::symlink_metadata(entry.path()).map_err(failed)?;
            let file_type = metadata.file_type();
            if file_type.is_file() {
                self.files.insert(path, metadata.len());
            } else if file_type.is_dir() {
                self.folders.insert(path);
            } else {
                let what = if file_type.is_symlink() {
                    "a link"
                } else {
                    "neither a file nor a folder"
                };
                self.others.insert(path, what);
            }
        }
        Ok(())
    }

    /// The size of a file in bytes; nothing if there is no such file.
    pub(crate) fn bytes_of(&self, path: &str) -> Option<u64> {
        self.files.get(path).copied()
    }

    /// The problem with a file that is not there.
    pub(crate) fn instead_of(&self, path: &str) -> String {
        match self.others.get(path) {
            Some(what) => format!("expected a file, found {what}"),
            None if self.folders.contains(path) => "expected a file, found a folder".to_owned(),
            None => "it is missing".to_owned(),
        }
    }

    /// Checks that the success marker is there, and that there is no entry that no manifest names.
    pub(crate) fn check(&self, set: &PublishedSet, problems: &mut Problems) {
        let mut named: BTreeSet<&str> = set.files.iter().map(|file| file.path.as_str()).collect();
        named.extend([SUCCESS, MANIFEST, METRICS, PAGE, AUDIT]);
        let days = set.days.iter();
        let manifests: Vec<_> = days
            .flat_map(|day| {
                let page = format!("{}/{PAGE}", day.folder);
                [day.manifest_path(), day.metrics_path(), page]
            })
            .collect();
        named.extend(manifests.iter().map(String::as_str));
        let mut folders: BTreeSet<&str> = set.days.iter().map(|day| day.folder.as_str()).collect();
        if set.has_quarantine() {
            folders.insert(QUARANTINE);
        }
        let stray = |path: &str, what: &str| {
            if is_staging_name(path) {
                format!("{what} that a run left behind when it died")
            } else {
                format!("{what} that the manifest does not name")
            }
        };
        let is_top_or_named = |path: &str| match path.rsplit_once('/') {
            // Entries of a stray folder are not reported one by one.
            Some((folder, _)) => folders.contains(folder),
            None => true,
        };
        for path in self.files.keys() {
            if !named.contains(path.as_str()) && is_top_or_named(path) {
                problems.add(path, stray(path, "a file"));
            }
        }
        for path in &self.folders {
            if !folders.contains(path.as_str()) && is_top_or_named(path) {
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

/// Whether a path is named like a staging folder.
fn is_staging_name(path: &str) -> bool {
    // Of any name: also a file of the set that is replaced, such as the audit's, is first written
    // into such a folder.
    path.starts_with('.') && path.contains(".tmp-")
}
