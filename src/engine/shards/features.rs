//! Shards of `features` to a set: counts are added up, and the rows of each day are merged.
//!
//! **Why so**: a row group of the set has rows of many shards, as rows are in the order of time, and the order of
//! one run must not depend on shards. **Clicks on listings**: each shard has counted all clicks on the listings
//! of its impressions, so that those on a listing are the same in all shards that have it, and are summed once.

use std::path::PathBuf;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::UInt64Type;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::ShardContents;
use super::find::FoundShard;
use super::ids::{add_ids, dictionary_of};
use super::join::{ShardsToJoin, days_to_add, files_of};
use crate::context::{RunContext, Stage};
use crate::engine::input_warnings::floats_of_shards;
use crate::engine::specs::publish_spec;
use crate::engine::unused::{ClicksSeen, notice_features};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{count64, index};
use crate::job::{CustomerType, Job, ShardHolds, Source};
use crate::output::FilesRead;
use crate::output::features::{FeaturesMade, FeaturesReport, ShardParts, merge, publish};
use crate::publish::StagingDir;
use crate::warnings::Warning;

/// What a shard of `features` has in its manifest.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine) struct FeaturesShard {
    pub(in crate::engine) made: FeaturesMade,
    pub(in crate::engine) seen: ClicksSeen,
}

impl ShardContents for FeaturesShard {
    fn settings(&self) -> &Value {
        &self.made.settings
    }

    fn files(&self) -> &FilesRead {
        &self.made.files
    }

    fn difference(&self, other: &FeaturesShard, _: ShardHolds) -> Option<&'static str> {
        let (own, other) = (&self.made, &other.made);
        let days =
            |made: &FeaturesMade| -> Vec<_> { made.days.iter().map(|day| day.day).collect() };
        let is_alike = own.read == other.read
            && own.files.rejected == other.files.rejected
            && days(own) == days(other);
        (!is_alike).then_some("read other rows")
    }
}

/// Makes a set of shards.
///
/// # Errors
/// If a part is damaged, a gate fails, or the output cannot be made.
pub(super) fn join(
    context: &RunContext,
    joined: ShardsToJoin<FeaturesShard>,
) -> Result<FeaturesReport> {
    let ShardsToJoin {
        job,
        gates,
        existing,
        shards,
    } = joined;
    let united = unite_ids(&job, context, &shards)?;
    let parts = shards.iter().map(|shard| {
        let made = &shard.manifest.contents.made;
        ShardParts::new(&job, &shard.folder, made)
    });
    let parts: Vec<ShardParts> = parts.collect();
    let (mut made, mut seen) = added_up(&job, shards)?;
    [made.on_listings, made.repeated] = united.clicks;
    seen.warn(&united.warnings);
    let days = made.days.iter().map(|day| day.day);
    let days = days_to_add(&job, &existing, &made.settings, &mut made.files, days)?;
    made.days.retain(|day| days.contains(&day.day));
    let staging = StagingDir::create(publish_spec(&job))?;
    context.enter(Stage::WRITE, made.counts().rows);
    merge(&job, context, &staging, &parts, &mut made)?;
    let judged = (&gates, notice_features(&job, &made, &seen)?);
    publish(&job, context, &staging, &made, judged)
}

/// What all shards made, added up.
fn added_up(
    job: &Job,
    shards: Vec<FoundShard<FeaturesShard>>,
) -> Result<(FeaturesMade, ClicksSeen)> {
    let files = shards.iter().enumerate().map(|(at, shard)| {
        let mut files = shard.manifest.contents.made.files.clone();
        // All have rejected the same rows.
        if at > 0 {
            files.rejected = Vec::new();
        }
        (shard.folder.as_path(), files)
    });
    let files = files_of(job, ShardHolds::All, files)?;
    let mut contents = shards.into_iter().map(|shard| shard.manifest.contents);
    let FeaturesShard { mut made, mut seen } = contents.next().expect("there is a shard");
    for next in contents {
        made.merge(&next.made);
        seen.merge(next.seen);
    }
    made.files = files;
    for day in &made.days {
        if made.read.impressions.days.get(&day.day) != Some(&day.counts.rows) {
            let what = "shards do not have the rows of a day once each";
            return Err(Error::from(ErrorKind::Internal { what: what.into() }));
        }
    }
    Ok((made, seen))
}

/// What the ids of all shards tell.
struct UnitedIds {
    /// Clicks on listings, and of these those that repeat another one.
    clicks: [u64; 2],
    warnings: Vec<Warning>,
}

/// Reads the ids of all shards.
fn unite_ids(
    job: &Job,
    context: &RunContext,
    shards: &[FoundShard<FeaturesShard>],
) -> Result<UnitedIds> {
    let types = shards[0].manifest.contents.made.read.types;
    context.enter(Stage::RANK, 0);
    let mut users = dictionary_of(types.user);
    let mut listings = dictionary_of(types.listing);
    let mut counts: Vec<[u64; 2]> = Vec::new();
    for shard in shards {
        let ids = shard.manifest.contents.made.ids.as_ref();
        let folder = || shard.folder.display().to_string();
        let ids = ids.ok_or_else(|| Error::bad_file(folder(), "it names no ids"))?;
        let path = |name: &str| -> PathBuf { shard.folder.join(name) };
        if let Some(part) = &ids.users {
            add_ids(context, path(&part.name), part, &mut users, |_, _| Ok(()))?;
        }
        let part = &ids.listings;
        let each = |codes: &[u32], batch: &RecordBatch| {
            let before = counts.len();
            add_clicks(codes, batch, &mut counts);
            let more = count64((counts.len() - before) * size_of::<[u64; 2]>());
            context.reserve_memory(more)
        };
        add_ids(context, path(&part.name), part, &mut listings, each)?;
    }
    let clicks = counts.iter();
    let clicks = clicks.fold([0, 0], |sum, of| [sum[0] + of[0], sum[1] + of[1]]);
    context.free_memory(count64(counts.len() * size_of::<[u64; 2]>()));
    let columns = [
        (types.user, "user_id", &users),
        (types.listing, "listing_id", &listings),
    ];
    let texts = columns
        .into_iter()
        .filter(|(id_type, ..)| *id_type == CustomerType::String);
    let warnings = texts
        .filter_map(|(_, name, ids)| floats_of_shards(job, ids, Source::Impressions, name))
        .collect();
    users.free_memory(context);
    listings.free_memory(context);
    Ok(UnitedIds { clicks, warnings })
}

/// Adds the clicks on listings, given by their codes.
fn add_clicks(codes: &[u32], batch: &RecordBatch, counts: &mut Vec<[u64; 2]>) {
    let columns = [1, 2].map(|at| batch.column(at).as_primitive::<UInt64Type>());
    for (row, code) in codes.iter().enumerate() {
        let own = columns.map(|column| column.value(row));
        // Codes are given in order, so a new listing has the next one.
        if index(*code) == counts.len() {
            counts.push(own);
        }
    }
}
