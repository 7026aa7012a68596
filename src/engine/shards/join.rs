//! What the job kinds share when they make a set of shards: files are put together, and days are chosen.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::find::FoundShard;
use crate::engine::inputs::day_exists;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Day, count64};
use crate::job::{IfExists, Job, Publish, ShardHolds};
use crate::manifest;
use crate::metrics::Gates;
use crate::output::FilesRead;
use crate::publish::moved_origin;

/// Shards whose contents are known to go together, and how the set of them is published.
pub(super) struct ShardsToJoin<C> {
    pub(super) job: Job,
    pub(super) gates: Gates,
    /// Days that the output already has.
    pub(super) existing: Vec<Day>,
    pub(super) shards: Vec<FoundShard<C>>,
}

/// The days that a job asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct DaysAsked {
    from: Option<Day>,
    to: Option<Day>,
    days: Vec<Day>,
}

impl DaysAsked {
    /// Those of a job.
    pub(in crate::engine) fn of(job: &Job) -> DaysAsked {
        DaysAsked {
            from: job.from,
            to: job.to,
            days: job.days.clone(),
        }
    }

    /// The same job, asked for these days.
    pub(super) fn job(&self, job: &Job) -> Job {
        job.asking_for(self.from, self.to, self.days.clone())
    }
}

/// Puts the files that shards have read together, each with the folder that its relative path starts from;
/// rejected rows are in order.
///
/// # Errors
/// If there are more rejected rows than the job allows.
pub(super) fn files_of<'s>(
    job: &Job,
    holds: ShardHolds,
    shards: impl Iterator<Item = (&'s Path, FilesRead)>,
) -> Result<FilesRead> {
    let mut all: Option<FilesRead> = None;
    for (folder, mut files) in shards {
        files.move_to(|from| moved_origin(from, folder, &job.out));
        match &mut all {
            None => all = Some(files),
            Some(all) => all.merge(files, holds),
        }
    }
    let mut files = all.expect("there is a shard");
    files.sort_rejected();
    let limit = job.bad_rows_max;
    if files.rejected_count() > limit {
        return Err(Error::from(ErrorKind::TooManyBadRows { limit }));
    }
    Ok(files)
}

/// The days of shards that the set gets: all but those that the output has and keeps, which are counted.
///
/// # Errors
/// If the output has a day and is to get no other.
pub(super) fn days_to_add(
    job: &Job,
    existing: &[Day],
    settings: &Value,
    files: &mut FilesRead,
    days: impl Iterator<Item = Day>,
) -> Result<Vec<Day>> {
    let Publish::AddDays(if_exists) = job.publish else {
        return Ok(days.collect());
    };
    if !existing.is_empty() {
        manifest::check_settings(&job.out, settings)?;
    }
    let (there, new): (Vec<Day>, Vec<Day>) = days.partition(|day| existing.contains(day));
    match (if_exists, there.first()) {
        (_, None) => Ok(new),
        (IfExists::Error, Some(taken)) => Err(day_exists(job, *taken)),
        (IfExists::Skip, Some(_)) => {
            files.skip_days(count64(there.len()));
            Ok(new)
        }
        (IfExists::Replace, Some(_)) => {
            let mut all = [there, new].concat();
            all.sort_unstable();
            Ok(all)
        }
    }
}
