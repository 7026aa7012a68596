//! Shards to the set that one machine would have made of all rows.
//!
//! **In / Out**: a folder of shards → `OUT`, complete or not there at all. The shards stay as they are.
//! **Steps**: all shards are there and of one job; their counts are added up; sources and gates are judged;
//! parts are linked; manifests and metrics are written by the same code as for a run. **Cost**: each part
//! is read once, to compare its bytes with its checksum; no row is decoded.

use std::path::PathBuf;

use rayon::prelude::*;

use super::find::{FoundShard, check_alike, find_shards};
use crate::advice::Hint;
use crate::context::{RunContext, Stage};
use crate::engine::tasks::in_threads;
use crate::engine::unused::{SourcesSeen, notice_sequences};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Day, count64, float, index};
use crate::job::{IfExists, Job, Publish, Settings};
use crate::manifest::{self, parse_settings};
use crate::metrics::Gates;
use crate::output::number_of_part;
use crate::output::sequences::{self, Made, Report};
use crate::publish::{PublishSpec, SHARD, StagingDir, check_out, day_folder, moved_origin};

/// What `finalize` is asked for.
#[derive(Clone, Debug)]
pub struct FinalizeSettings {
    /// The folder that has the folders of shards.
    pub shards: PathBuf,
    /// How many there must be, or `None` for as many as their names say.
    pub count: Option<u32>,
    /// The folder of the output.
    pub out: PathBuf,
    /// What happens if that folder exists.
    pub publish: Publish,
    /// Conditions on the metrics under which nothing is published.
    pub fail_if: Vec<String>,
    /// The number of threads, at least 1.
    pub threads: usize,
}

/// A set that was put together.
#[derive(Debug)]
pub struct Finalized {
    /// The job that the shards are of.
    pub job: Job,
    /// What was published.
    pub report: Report,
    /// How many shards there were.
    pub shards: u32,
    /// How long the slowest took, and all on average, in seconds, if all tell it.
    pub seconds: Option<ShardSeconds>,
}

/// How long shards took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShardSeconds {
    /// The slowest.
    pub slowest: u32,
    /// How long it took.
    pub longest: f64,
    /// How long they took on average.
    pub mean: f64,
}

/// Puts shards together.
///
/// # Errors
/// If a shard is missing, damaged or of another job, if a gate fails, or if the output cannot be made.
pub fn finalize(settings: &FinalizeSettings, context: &RunContext) -> Result<Finalized> {
    in_threads(settings.threads, || {
        context.enter(Stage::LOOK, 0);
        let found = find_shards(&settings.shards, settings.count)?;
        let job = job_of(settings, &found[0])?;
        check_alike(&found)?;
        finalize_sequences(settings, context, job, found)
    })
}

/// The job that shards are of, with the output of the set.
fn job_of(settings: &FinalizeSettings, shard: &FoundShard) -> Result<Job> {
    let manifest = &shard.manifest;
    let senseless = |member| {
        let path = shard.folder.join(SHARD);
        Error::bad_file(path.display().to_string(), manifest::senseless(member))
    };
    Job::new(Settings {
        // Nothing is read of it: a job must have an input.
        dir: Some(settings.shards.clone()),
        out: settings.out.clone(),
        publish: settings.publish,
        fail_if: settings.fail_if.clone(),
        threads: settings.threads,
        ..parse_settings(manifest.job, &manifest.made.settings).map_err(senseless)?
    })
}

/// Puts shards of `sequences` together.
fn finalize_sequences(
    settings: &FinalizeSettings,
    context: &RunContext,
    job: Job,
    found: Vec<FoundShard>,
) -> Result<Finalized> {
    let gates = Gates::read(job.kind(), job.gates())?;
    let spec = PublishSpec {
        job_kind: job.kind(),
        out: &job.out,
        publish: job.publish,
    };
    let existing = check_out(spec, std::slice::from_ref(&settings.shards))?;
    let seconds = seconds_of(&found);
    let count = found[0].manifest.shard.count;
    let folders: Vec<PathBuf> = found.iter().map(|shard| shard.folder.clone()).collect();
    let (mut made, seen) = added_up(&job, found)?;
    take_days(&job, &existing, &mut made)?;
    let staging = StagingDir::create(spec)?;
    context.enter(Stage::WRITE, 0);
    adopt_parts(&job, context, &staging, &folders, &made)?;
    let noticed = notice_sequences(&job, &made.files, &made.totals, &seen)?;
    let judged = (&gates, noticed.told(&job.no_warn, None));
    let report = sequences::publish(&job, context, &staging, &made, None, judged)?;
    Ok(Finalized {
        job,
        report,
        shards: count,
        seconds,
    })
}

/// What all shards made, added up.
fn added_up(job: &Job, found: Vec<FoundShard>) -> Result<(Made, SourcesSeen)> {
    let mut shards = found.into_iter();
    let first = shards.next().expect("there is a shard");
    let (holds, folder) = (first.manifest.holds, first.folder);
    let (mut made, mut seen) = (first.manifest.made, first.manifest.seen);
    made.files
        .move_to(|from| moved_origin(from, &folder, &job.out));
    for shard in shards {
        let (mut more, folder) = (shard.manifest.made, shard.folder);
        more.files
            .move_to(|from| moved_origin(from, &folder, &job.out));
        made.totals.merge(more.totals, holds);
        made.files.merge(more.files, holds);
        seen.merge(shard.manifest.seen);
    }
    made.files.sort_rejected();
    let limit = job.bad_rows_max;
    if made.files.rejected_count() > limit {
        return Err(Error::from(ErrorKind::TooManyBadRows { limit }));
    }
    Ok((made, seen))
}

/// Leaves out the days that the output has and keeps.
fn take_days(job: &Job, existing: &[Day], made: &mut Made) -> Result<()> {
    let Publish::AddDays(if_exists) = job.publish else {
        return Ok(());
    };
    if !existing.is_empty() {
        manifest::check_settings(&job.out, &made.settings)?;
    }
    if made.vocabulary.is_some() {
        let what = "shards with an item vocabulary make a set of their own; leave out --add-days";
        return Err(Error::settings(what));
    }
    let is_there = |day: &Day| existing.contains(day);
    let days = &mut made.totals.days;
    match if_exists {
        IfExists::Error => {
            if let Some(taken) = days.iter().find(|day| is_there(&day.day)) {
                let path = job.out.join(day_folder(job.kind(), taken.day));
                let hint = Hint::DayExists.text();
                return Err(Error::output(&path, format!("it exists; {hint}")));
            }
        }
        IfExists::Skip => {
            let before = days.len();
            days.retain(|day| !is_there(&day.day));
            made.files.skip_days(count64(before - days.len()));
        }
        IfExists::Replace => {}
    }
    Ok(())
}

/// Puts the parts of all shards into the output.
fn adopt_parts(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    folders: &[PathBuf],
    made: &Made,
) -> Result<()> {
    let mut parts = Vec::new();
    for day in &made.totals.days {
        staging.make_day(day.day)?;
        let into = day_folder(job.kind(), day.day);
        parts.extend(day.parts.iter().map(|part| (into.clone(), part)));
    }
    let adopted = parts.into_par_iter().map(|(into, part)| {
        context.check()?;
        let shard = number_of_part(&part.name);
        let folder = shard.and_then(|shard| folders.get(index(shard)));
        let folder = folder.ok_or_else(|| {
            let what = format!("no shard has a part \"{}\"", part.name);
            Error::from(ErrorKind::Internal { what })
        })?;
        staging.adopt(folder, &into, part)
    });
    let adopted: Vec<Result<()>> = adopted.collect();
    adopted.into_iter().collect::<Result<()>>()?;
    let vocabulary = made.vocabulary.as_ref();
    vocabulary.map_or(Ok(()), |entry| {
        staging.adopt(&folders[0], "", &entry.part())
    })
}

/// How long shards took, if all tell it.
fn seconds_of(found: &[FoundShard]) -> Option<ShardSeconds> {
    let all: Option<Vec<f64>> = found.iter().map(|shard| shard.seconds).collect();
    let all = all?;
    let (slowest, longest) = (0..)
        .zip(&all)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(number, seconds)| (number, *seconds))?;
    let mean = all.iter().sum::<f64>() / float(count64(all.len()));
    Some(ShardSeconds {
        slowest,
        longest,
        mean,
    })
}
