//! Shards of `dwell` to a set: the stays of all users are put together, and all tables are made of them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::ShardContents;
use super::ids::{add_ids, dictionary_of};
use super::join::{DaysAsked, ShardsToJoin, days_to_add, files_of};
use super::stays::{RowWriters, ShardRanks};
use crate::context::{RunContext, Stage};
use crate::dictionary::{Dictionary, Order, RankedDictionary};
use crate::engine::dwell::{
    SetToMake, TOO_MANY_NAMES, flyers_of_table, warn_of_ids, warn_of_words,
};
use crate::engine::input_warnings::WordRows;
use crate::engine::inputs::{check_asked, skipped_of};
use crate::engine::specs::publish_spec;
use crate::engine::tasks::{room_for_rows, spills};
use crate::engine::unused::EventsSeen;
use crate::error::{Error, Result};
use crate::ids::{Day, index};
use crate::job::{Dedup, Job, ShardHolds};
use crate::kernel::op::dwell::NAMES_MAX;
use crate::kernel::partition::Split;
use crate::manifest;
use crate::output::FilesRead;
use crate::output::dwell::{DwellRead, DwellReport, EventTotals, ShardTables, UserRows};
use crate::publish::StagingDir;
use crate::scan::events::IdTypes;

/// What a shard of `dwell` has in its manifest.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine) struct DwellShard {
    pub(in crate::engine) settings: Value,
    pub(in crate::engine) types: IdTypes,
    pub(in crate::engine) asked: DaysAsked,
    pub(in crate::engine) files: FilesRead,
    pub(in crate::engine) totals: EventTotals,
    /// Events that count.
    pub(in crate::engine) events_count: u64,
    /// Rows that hold null words: of users, flyers and merchants.
    pub(in crate::engine) words: [WordRows; 3],
    /// Hashes of the names of events that neither open nor close anything, where shards have events of their
    /// own.
    pub(in crate::engine) names: Vec<u64>,
    pub(in crate::engine) seen: EventsSeen,
    pub(in crate::engine) tables: ShardTables,
}

impl ShardContents for DwellShard {
    fn settings(&self) -> &Value {
        &self.settings
    }

    fn files(&self) -> &FilesRead {
        &self.files
    }

    fn difference(&self, other: &DwellShard, holds: ShardHolds) -> Option<&'static str> {
        if holds == ShardHolds::All && self.totals != other.totals {
            return Some("read other rows");
        }
        (self.asked != other.asked).then_some("been asked for other days")
    }
}

/// What all shards have found, added up.
struct Sums {
    files: FilesRead,
    totals: EventTotals,
    events_count: u64,
    words: [WordRows; 3],
    seen: EventsSeen,
    days: BTreeSet<Day>,
}

/// Makes a set of shards.
///
/// # Errors
/// If a file is damaged, a gate fails, or the output cannot be made.
pub(super) fn join(context: &RunContext, joined: ShardsToJoin<DwellShard>) -> Result<DwellReport> {
    let ShardsToJoin {
        job,
        gates,
        existing,
        shards,
    } = joined;
    let holds = shards[0].manifest.holds;
    let files = shards.iter().map(|shard| {
        let files = &shard.manifest.contents.files;
        (shard.folder.as_path(), files.clone())
    });
    let files = files_of(&job, holds, files)?;
    let of_shards: Vec<(PathBuf, DwellShard)> = shards
        .into_iter()
        .map(|shard| (shard.folder, shard.manifest.contents))
        .collect();
    let (types, asked) = (of_shards[0].1.types, &of_shards[0].1.asked);
    // The days that were asked for are no setting of a set, but decide whether its tables are by day.
    let job = &asked.job(&job);
    let mut sums = added_up(job, holds, files, &of_shards)?;
    let days = if job.is_by_day() {
        let has_any = !sums.days.is_empty();
        check_asked(job, &skipped_of(job, &existing), has_any, |day| {
            sums.days.contains(&day)
        })?;
        let settings = manifest::dwell_settings(job, types);
        let days = sums.days.iter().copied();
        days_to_add(job, &existing, &settings, &mut sums.files, days)?
    } else {
        Vec::new()
    };
    let staging = StagingDir::create(publish_spec(job))?;
    let mut read = read_tables(job, context, &staging, &sums, &of_shards)?;
    if let Some(flyers) = read.flyers.take() {
        let warnings = warn_of_ids(job, [&flyers, &read.users, &read.merchants]);
        sums.seen.warn(&warnings);
        read.flyers = flyers_of_table(job, context, flyers);
    }
    sums.seen.warn(&warn_of_words(job, &sums.words));
    let set = SetToMake {
        job,
        context,
        staging: &staging,
        gates: &gates,
        wants: &|day| days.contains(&day),
    };
    let Sums { files, seen, .. } = sums;
    set.make(read, |_| Ok(()), || Ok(files), |_| Ok(seen))
}

/// Adds up what shards have found.
fn added_up(
    job: &Job,
    holds: ShardHolds,
    files: FilesRead,
    shards: &[(PathBuf, DwellShard)],
) -> Result<Sums> {
    let first = &shards[0].1;
    let mut sums = Sums {
        files,
        totals: first.totals.clone(),
        events_count: 0,
        words: <[WordRows; 3]>::default(),
        seen: first.seen.clone(),
        days: BTreeSet::new(),
    };
    let mut names: BTreeSet<u64> = BTreeSet::new();
    let mut by_name = 0;
    for (at, (_, shard)) in shards.iter().enumerate() {
        sums.events_count += shard.events_count;
        sums.totals.duplicates += shard.tables.duplicates;
        by_name += shard.tables.repeats_by_name;
        sums.days.extend(&shard.tables.days);
        names.extend(&shard.names);
        for (own, more) in sums.words.iter_mut().zip(&shard.words) {
            for (word, rows) in more {
                *own.entry(word.clone()).or_default() += rows;
            }
        }
        if at > 0 {
            sums.seen.merge(shard.seen.clone(), holds);
            if holds == ShardHolds::Own {
                sums.totals.add(&shard.totals);
            }
        }
    }
    // As in one run, which does not tell so many names apart.
    if names.len() > index(NAMES_MAX) {
        if job.dedup == Dedup::Exact {
            return Err(Error::settings(TOO_MANY_NAMES));
        }
        sums.totals.duplicates -= by_name;
    }
    Ok(sums)
}

/// Reads the tables of all shards: ids are ranked, and rows are partitioned by user.
fn read_tables(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    sums: &Sums,
    shards: &[(PathBuf, DwellShard)],
) -> Result<DwellRead> {
    let rows = shards.iter().map(|(_, shard)| shard.tables.rows_count());
    context.enter(Stage::RANK, rows.sum());
    let types = shards[0].1.types;
    let mut merged = Vec::new();
    for (kind, id_type) in [types.user, types.merchant, types.flyer]
        .into_iter()
        .enumerate()
    {
        let ids = shards.iter().map(|(folder, shard)| {
            let part = &shard.tables.ids[kind];
            // The code of an id is its place in the file.
            let mut ids = dictionary_of(id_type);
            add_ids(context, folder.join(&part.name), part, &mut ids, |_, _| {
                Ok(())
            })?;
            Ok(ids)
        });
        let ids: Result<Vec<Dictionary>> = ids.collect();
        merged.push(RankedDictionary::merge(ids?, Order::Id, context)?);
    }
    let mut merged = merged.into_iter();
    let mut next = || merged.next();
    let (users, of_users) = next().expect("shards have users");
    let (merchants, of_merchants) = next().expect("shards have merchants");
    let (flyers, of_flyers) = next().expect("shards have flyers");
    let ranks = of_users.into_iter().zip(of_merchants).zip(of_flyers);
    let ranks = ranks.map(|((users, merchants), flyers)| ShardRanks {
        users,
        merchants,
        flyers,
    });
    // Partitions decide the bytes of files, as in a run, and follow from the same counts.
    let split = Split::new(users.count(), Split::bits_for(sums.events_count));
    let mut quotas = spills(job, staging, room_for_rows(context)).into_iter();
    let quota = quotas.next().expect("there is a thread");
    let mut writers = RowWriters::new(split, &quota, &shards[0].1.tables);
    for ((folder, shard), ranks) in shards.iter().zip(ranks) {
        writers.read(context, (folder, &shard.tables), &ranks)?;
    }
    let rows = writers.finish(split, context);
    Ok(DwellRead {
        types,
        users,
        flyers: Some(flyers),
        merchants,
        rows: UserRows::Stays(rows),
        events_count: sums.events_count,
        spills: Vec::new(),
        totals: sums.totals.clone(),
    })
}
