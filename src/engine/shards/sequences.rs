//! Shards of `sequences` to a set: counts are added up, and parts are linked as they are.

use std::path::PathBuf;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::ShardContents;
use super::find::FoundShard;
use super::join::{DaysAsked, ShardsToJoin, days_to_add, files_of};
use crate::context::{RunContext, Stage};
use crate::engine::inputs::check_asked;
use crate::engine::specs::publish_spec;
use crate::engine::unused::{SourcesSeen, notice_sequences};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::index;
use crate::job::{Job, Publish, ShardHolds};
use crate::output::sequences::{Made, Report, publish};
use crate::output::{FilesRead, number_of_part};
use crate::publish::{StagingDir, day_folder};

/// What a shard of `sequences` has in its manifest.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine) struct SequencesShard {
    pub(in crate::engine) made: Made,
    pub(in crate::engine) seen: SourcesSeen,
    pub(in crate::engine) asked: DaysAsked,
}

impl ShardContents for SequencesShard {
    fn settings(&self) -> &Value {
        &self.made.settings
    }

    fn files(&self) -> &FilesRead {
        &self.made.files
    }

    fn difference(&self, of_other: &SequencesShard, holds: ShardHolds) -> Option<&'static str> {
        let (own, other) = (&self.made, &of_other.made);
        if holds == ShardHolds::All && own.totals.of_all() != other.totals.of_all() {
            return Some("read other rows");
        }
        if self.asked != of_other.asked {
            return Some("been asked for other days");
        }
        (own.vocabulary != other.vocabulary).then_some("another vocabulary")
    }
}

/// Makes a set of shards.
///
/// # Errors
/// If a part is damaged, a gate fails, or the output cannot be made.
pub(super) fn join(context: &RunContext, joined: ShardsToJoin<SequencesShard>) -> Result<Report> {
    let ShardsToJoin {
        job,
        gates,
        existing,
        shards,
    } = joined;
    let (first, holds) = (&shards[0].manifest, shards[0].manifest.holds);
    let asked = first.contents.asked.job(&job);
    let folders: Vec<PathBuf> = shards.iter().map(|shard| shard.folder.clone()).collect();
    let (mut made, seen) = added_up(&job, shards)?;
    if matches!(job.publish, Publish::AddDays(_)) && made.vocabulary.is_some() {
        let what = "shards with an item vocabulary make a set of their own; leave out --add-days";
        return Err(Error::settings(what));
    }
    // Where each has read all rows, each has asked for the days.
    if holds == ShardHolds::Own {
        let days = &made.totals.days;
        let is_there = |day| days.iter().any(|own| own.day == day);
        check_asked(&asked, &[], !days.is_empty(), is_there)?;
    }
    let days = made.totals.days.iter().map(|day| day.day);
    let days = days_to_add(&job, &existing, &made.settings, &mut made.files, days)?;
    made.totals.days.retain(|day| days.contains(&day.day));
    let staging = StagingDir::create(publish_spec(&job))?;
    context.enter(Stage::WRITE, 0);
    adopt_parts(&job, context, &staging, &folders, &made)?;
    let noticed = notice_sequences(&job, &made.files, &made.totals, &seen)?;
    let judged = (&gates, noticed.told(&job.no_warn, None));
    publish(&job, context, &staging, &made, None, judged)
}

/// What all shards made, added up.
fn added_up(job: &Job, shards: Vec<FoundShard<SequencesShard>>) -> Result<(Made, SourcesSeen)> {
    let holds = shards[0].manifest.holds;
    let files = shards.iter().map(|shard| {
        let files = &shard.manifest.contents.made.files;
        (shard.folder.as_path(), files.clone())
    });
    let files = files_of(job, holds, files)?;
    let mut contents = shards.into_iter().map(|shard| shard.manifest.contents);
    let SequencesShard {
        mut made, mut seen, ..
    } = contents.next().expect("there is a shard");
    for next in contents {
        made.totals.merge(next.made.totals, holds);
        seen.merge(next.seen);
    }
    made.files = files;
    Ok((made, seen))
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
        let has_it = |folder: &&PathBuf| folder.join(&into).join(&part.name).is_file();
        let folder = match part.rows {
            // Of a day without rows, any shard with an impression of it has the one part.
            0 => folders.iter().find(has_it),
            _ => shard.and_then(|shard| folders.get(index(shard))),
        };
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
