//! The shards in a folder: whether all are there, are sound, and are of one job.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use super::document::{ShardContents, ShardManifest};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobKind, Shard, ShardHolds};
use crate::manifest::{MADE_BY, read_sealed, shared_names};
use crate::publish::{BUCKETS, SHARD, SHARD_STATS};
use crate::store::local;

/// A shard, as its folder has it.
pub(super) struct FoundShard<C> {
    pub(super) folder: PathBuf,
    pub(super) manifest: ShardManifest<C>,
    /// How long it took, if its folder tells.
    pub(super) seconds: Option<f64>,
}

/// How long a shard took, as its folder tells.
#[derive(Deserialize)]
struct ShardStats {
    seconds: f64,
}

/// Finds the folders of all shards, in order.
///
/// # Errors
/// If one is missing.
pub(super) fn find_shards(folder: &Path, asked: Option<u32>) -> Result<Vec<(Shard, PathBuf)>> {
    if !folder.is_dir() {
        return Err(no_input(format!(
            "no such folder: \"{}\"",
            folder.display()
        )));
    }
    if folder.join(BUCKETS).is_file() {
        return Err(no_input(format!(
            "\"{}\" has the inputs of shards, and not what is made of them; `hitherto sequences` with --shard-holds \
             own makes a shard of each of its folders",
            folder.display()
        )));
    }
    let entries = fs::read_dir(folder).map_err(|error| Error::io("read", folder, error))?;
    let mut shards = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for entry in entries {
        let path = entry
            .map_err(|error| Error::io("read", folder, error))?
            .path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        if let Some(shard) = name.as_deref().and_then(Shard::of_folder) {
            counts.entry(shard.count).or_insert(shard);
            shards.insert((shard.count, shard.number), path);
        }
    }
    let only = counts.keys().next().copied().filter(|_| counts.len() == 1);
    let Some(count) = asked.or(only) else {
        return Err(match counts.len() {
            0 => no_input(format!("\"{}\" has no folder of a shard", folder.display())),
            _ => {
                let counts: Vec<String> = counts.keys().map(u32::to_string).collect();
                let counts = counts.join(" and ");
                Error::settings(format!(
                    "\"{}\" has shards of {counts}; say of how many by --shards",
                    folder.display()
                ))
            }
        });
    };
    let missing: Vec<u32> = (0..count)
        .filter(|number| !shards.contains_key(&(count, *number)))
        .collect();
    if !missing.is_empty() {
        return Err(no_input(missing_text(folder, &missing, count)));
    }
    shards.retain(|(of, _), _| *of == count);
    let found = shards.into_iter();
    let found = found.map(|((count, number), path)| (Shard { number, count }, path));
    Ok(found.collect())
}

/// The job kind of a shard.
///
/// # Errors
/// If its manifest cannot be read.
pub(super) fn kind_of(folder: &Path) -> Result<JobKind> {
    /// What a manifest says first.
    #[derive(Deserialize)]
    struct Head {
        job: JobKind,
    }
    Ok(read_sealed::<Head>(&folder.join(SHARD))?.job)
}

/// Reads the manifests of shards.
///
/// # Errors
/// If one is damaged.
pub(super) fn read_shards<C: ShardContents>(
    found: Vec<(Shard, PathBuf)>,
) -> Result<Vec<FoundShard<C>>> {
    let read = found
        .into_par_iter()
        .map(|(shard, path)| read_shard(path, shard));
    let read: Vec<Result<FoundShard<C>>> = read.collect();
    read.into_iter().collect()
}

/// The sentence about missing shards, of which it names ten.
fn missing_text(folder: &Path, missing: &[u32], count: u32) -> String {
    let named: Vec<String> = missing.iter().take(10).map(u32::to_string).collect();
    let more = missing.len() - named.len();
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!(
        "of {count} shards in \"{}\", {}{more} {} not there; shards count from 0",
        folder.display(),
        named.join(", "),
        if missing.len() == 1 { "is" } else { "are" }
    )
}

/// The error of a missing input.
fn no_input(what: String) -> Error {
    Error::from(ErrorKind::NoInput { what })
}

/// Reads the manifest of a shard.
fn read_shard<C: ShardContents>(folder: PathBuf, shard: Shard) -> Result<FoundShard<C>> {
    let path = folder.join(SHARD);
    let manifest: ShardManifest<C> = read_sealed(&path)?;
    let bad = |what: String| Error::bad_file(path.display().to_string(), what);
    if manifest.shard != shard {
        return Err(bad(
            "it is not that of the shard that its folder names".to_owned()
        ));
    }
    if manifest.made_by != MADE_BY {
        let what = format!(
            "it was made by {}, and this is {MADE_BY}; make and finalize shards with one version",
            manifest.made_by
        );
        return Err(bad(what));
    }
    let stats = local::read(&folder.join(SHARD_STATS)).ok();
    let stats = stats.and_then(|text| serde_json::from_slice::<ShardStats>(&text).ok());
    Ok(FoundShard {
        folder,
        manifest,
        seconds: stats.map(|stats| stats.seconds),
    })
}

/// Checks that all shards are of one job and, if each has read all rows, have read the same ones.
///
/// # Errors
/// For the first that differs from the first, saying in what.
pub(super) fn check_alike<C: ShardContents>(shards: &[FoundShard<C>]) -> Result<()> {
    let first = &shards[0].manifest;
    for shard in &shards[1..] {
        let own = &shard.manifest;
        let differ = |what: &str| {
            let (path, other) = (shard.folder.join(SHARD), &shards[0].folder);
            let what = format!(
                "{what} than \"{}\"; make one of them again",
                other.display()
            );
            Error::bad_file(path.display().to_string(), what)
        };
        if own.job != first.job {
            return Err(differ("it is of another job"));
        }
        let (contents, of_first) = (&own.contents, &first.contents);
        if let Some(name) = first_difference(of_first.settings(), contents.settings()) {
            return Err(differ(&format!("it was made with another {name}")));
        }
        if own.holds != first.holds {
            return Err(differ("it was made with another --shard-holds"));
        }
        let is_all = first.holds == ShardHolds::All;
        if is_all && !contents.files().are_alike(of_first.files()) {
            return Err(differ("it has read other files"));
        }
        if let Some(what) = contents.difference(of_first, first.holds) {
            return Err(differ(&format!("it has {what}")));
        }
    }
    Ok(())
}

/// The name of the first setting that differs.
fn first_difference(a: &Value, b: &Value) -> Option<String> {
    let mut names = shared_names(a, b);
    names.find(|name| a[*name] != b[*name]).cloned()
}
