//! The manifest of a shard: all that `finalize` needs of it.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::context::{RunContext, Stage};
use crate::engine::unused::SourcesSeen;
use crate::error::Result;
use crate::job::{Job, JobKind, Shard, ShardHolds};
use crate::manifest::{MADE_BY, sealed};
use crate::output::sequences::{Made, Report, report_of_shard};
use crate::publish::StagingDir;

/// The manifest of a shard.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ShardManifest {
    pub(super) made_by: String,
    pub(super) job: JobKind,
    pub(super) shard: Shard,
    pub(super) holds: ShardHolds,
    pub(super) made: Made,
    pub(super) seen: SourcesSeen,
}

/// Publishes a shard: its parts, and its manifest.
///
/// # Errors
/// If it cannot be written, or its folder exists.
pub(in crate::engine) fn publish(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    (shard, began): (Shard, Instant),
    (made, seen): (Made, SourcesSeen),
) -> Result<Report> {
    context.enter(Stage::PUBLISH, 0);
    context.check()?;
    let report = report_of_shard(job, &made);
    let manifest = ShardManifest {
        made_by: MADE_BY.to_owned(),
        job: job.kind(),
        shard,
        holds: job.shard_holds,
        made,
        seen,
    };
    let stats = format!("{{\"seconds\": {:.3}}}\n", began.elapsed().as_secs_f64());
    staging.publish_shard(&sealed(&manifest), stats.as_bytes())?;
    context.leave();
    Ok(report)
}
