//! The manifest of a shard: all that `finalize` needs of it.

use std::time::Instant;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::context::{RunContext, Stage};
use crate::error::Result;
use crate::job::{Job, JobKind, Shard, ShardHolds};
use crate::manifest::{MADE_BY, sealed};
use crate::output::FilesRead;
use crate::publish::StagingDir;

/// The manifest of a shard.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ShardManifest<C> {
    pub(super) made_by: String,
    pub(super) job: JobKind,
    pub(super) shard: Shard,
    pub(super) holds: ShardHolds,
    /// What its job kind has found and made.
    pub(super) contents: C,
}

/// What a shard of a job kind has in its manifest.
pub(in crate::engine) trait ShardContents:
    Serialize + DeserializeOwned + Send
{
    /// The settings, as the manifest of the set has them.
    fn settings(&self) -> &Value;

    /// The files that were read.
    fn files(&self) -> &FilesRead;

    /// What it has otherwise than another shard of the same files and settings, such as "read other rows";
    /// nothing if they go together.
    fn difference(&self, other: &Self, holds: ShardHolds) -> Option<&'static str>;
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
    contents: &impl ShardContents,
) -> Result<()> {
    context.enter(Stage::PUBLISH, 0);
    context.check()?;
    let manifest = ShardManifest {
        made_by: MADE_BY.to_owned(),
        job: job.kind(),
        shard,
        holds: job.shard_holds,
        contents,
    };
    let stats = format!("{{\"seconds\": {:.3}}}\n", began.elapsed().as_secs_f64());
    staging.publish_shard(&sealed(&manifest), stats.as_bytes())?;
    context.leave();
    Ok(())
}
