//! Shards to the set that one machine would have made of all rows.
//!
//! **In / Out**: a folder of shards → `OUT`, complete or not there at all. The shards stay as they are.
//! **Steps**: all shards are there and of one job; their counts are added up; sources and gates are judged;
//! parts are linked, or of `features` their rows are merged; manifests and metrics are written by the same code
//! as for a run. **Cost**: each part is read once, to compare its bytes with its checksum; rows are decoded
//! only to be merged.

use std::path::PathBuf;

use super::document::ShardContents;
use super::find::{FoundShard, check_alike, find_shards, kind_of, read_shards};
use super::join::ShardsToJoin;
use super::{dwell, features, sequences};
use crate::context::{RunContext, Stage};
use crate::engine::specs::publish_spec;
use crate::engine::tasks::in_threads;
use crate::error::{Error, Result};
use crate::ids::{count64, float};
use crate::job::{Job, JobKind, Publish, Settings, Shard};
use crate::manifest::{self, parse_settings};
use crate::metrics::Gates;
use crate::output::{DwellReport, FeaturesReport, Report};
use crate::publish::{SHARD, check_out};

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
    /// Where rows that do not fit in memory go, or `None` for the folder of the output.
    pub temp_dir: Option<PathBuf>,
}

/// A set that was put together.
#[derive(Debug)]
pub struct Finalized {
    /// The job that the shards are of.
    pub job: Job,
    /// What was published.
    pub report: FinalizedReport,
    /// How many shards there were.
    pub shards: u32,
    /// How long the slowest took, and all on average, in seconds, if all tell it.
    pub seconds: Option<ShardSeconds>,
}

/// The report of a set that was put together, as a run of its job kind gives it.
#[derive(Debug)]
pub enum FinalizedReport {
    /// Of `sequences`.
    Sequences(Report),
    /// Of `dwell`.
    Dwell(DwellReport),
    /// Of `features`.
    Features(FeaturesReport),
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
        match kind_of(&found[0].1)? {
            JobKind::Sequences => join(settings, found, |joined| {
                sequences::join(context, joined).map(FinalizedReport::Sequences)
            }),
            JobKind::Dwell => join(settings, found, |joined| {
                dwell::join(context, joined).map(FinalizedReport::Dwell)
            }),
            JobKind::Features => join(settings, found, |joined| {
                features::join(context, joined).map(FinalizedReport::Features)
            }),
        }
    })
}

/// Reads the manifests of shards, and has the set made of them.
fn join<C: ShardContents>(
    settings: &FinalizeSettings,
    found: Vec<(Shard, PathBuf)>,
    make: impl FnOnce(ShardsToJoin<C>) -> Result<FinalizedReport>,
) -> Result<Finalized> {
    let shards: Vec<FoundShard<C>> = read_shards(found)?;
    let job = job_of(settings, &shards[0])?;
    check_alike(&shards)?;
    let (count, seconds) = (shards[0].manifest.shard.count, seconds_of(&shards));
    let gates = Gates::read(job.kind(), job.gates())?;
    let existing = check_out(publish_spec(&job), std::slice::from_ref(&settings.shards))?;
    let joined = ShardsToJoin {
        job: job.clone(),
        gates,
        existing,
        shards,
    };
    Ok(Finalized {
        report: make(joined)?,
        job,
        shards: count,
        seconds,
    })
}

/// The job that shards are of, with the output of the set.
fn job_of<C: ShardContents>(settings: &FinalizeSettings, shard: &FoundShard<C>) -> Result<Job> {
    let manifest = &shard.manifest;
    let senseless = |member| {
        let path = shard.folder.join(SHARD);
        Error::bad_file(path.display().to_string(), manifest::senseless(member))
    };
    let of_set = parse_settings(manifest.job, manifest.contents.settings());
    Job::new(Settings {
        // Nothing is read of it: a job must have an input.
        dir: Some(settings.shards.clone()),
        out: settings.out.clone(),
        publish: settings.publish,
        fail_if: settings.fail_if.clone(),
        threads: settings.threads,
        temp_dir: settings.temp_dir.clone(),
        ..of_set.map_err(senseless)?
    })
}

/// How long shards took, if all tell it.
fn seconds_of<C>(found: &[FoundShard<C>]) -> Option<ShardSeconds> {
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
