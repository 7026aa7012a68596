//! The parts of shards to those that one run would have made.
//!
//! ```text
//! date=D of each shard ──► rows in order ──► row groups of the set ──► encode ──► parts
//! ```
//! **Invariants**: rows come in the order of one run, a row group has as many, and is encoded by the same
//! code: so the bytes are the same. **Cost**: a row group per thread and a batch per shard are in memory,
//! never a day. One thread at a time merges; all encode.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use arrow::datatypes::Schema;

use super::made::FeaturesMade;
use super::rows::schema;
use super::shard_rows::{GatheredRows, ShardRows};
use super::{GROUP_ROWS, PART_GROUPS, shard_group_rows};
use crate::context::RunContext;
use crate::encode::TableEncoder;
use crate::error::Result;
use crate::ids::{Day, count32, index64};
use crate::job::Job;
use crate::output::in_order::{Guard, lock, stop};
use crate::output::parts::{EncodedGroup, PartWriter, Steps, write_parts};
use crate::output::plan::{GroupPlan, plan_rows};
use crate::publish::{Part, StagingDir, Target, day_folder};

/// The parts of a shard.
pub(crate) struct ShardParts {
    /// By day: the folder, and the parts in it.
    days: BTreeMap<Day, (PathBuf, Vec<Part>)>,
}

/// The rows of all days, one row group after the other.
struct MergedRows<'a> {
    context: &'a RunContext,
    /// What their columns are.
    schema: &'a Schema,
    shards: &'a [ShardParts],
    /// The next row group, and the rows of its day.
    turn: Mutex<(usize, Option<ShardRows<'a>>)>,
    /// Notified when a row group was taken.
    taken: Condvar,
    /// Set when a step fails, so that no thread waits any more.
    stopped: AtomicBool,
}

impl ShardParts {
    /// The parts of a shard that lies in a folder.
    pub(crate) fn new(job: &Job, folder: &Path, made: &FeaturesMade) -> ShardParts {
        let days = made.days.iter().map(|day| {
            let folder = folder.join(day_folder(job.kind(), day.day));
            (day.day, (folder, day.parts.clone()))
        });
        ShardParts {
            days: days.collect(),
        }
    }
}

/// Makes the parts of all days of `made` from those of all shards, which are in order.
///
/// # Errors
/// If a part is damaged, or the output cannot be written.
pub(crate) fn merge(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    shards: &[ShardParts],
    made: &mut FeaturesMade,
) -> Result<()> {
    let schema = schema(job, made.read.types, made.read.has_users);
    let encoder = TableEncoder::new(job.codec, schema.clone())?;
    let days: Vec<Day> = made.days.iter().map(|day| day.day).collect();
    let groups = made.days.iter().enumerate();
    let groups: Vec<GroupPlan> = groups
        .flat_map(|(at, day)| plan_rows(at, day.counts.rows, GROUP_ROWS, PART_GROUPS))
        .collect();
    let rows = MergedRows {
        context,
        schema: &schema,
        shards,
        turn: Mutex::new((0, None)),
        taken: Condvar::new(),
        stopped: AtomicBool::new(false),
    };
    let start = |file| encoder.file(file);
    let target = Target::StagingDir(staging);
    let writer = PartWriter::new(job.kind(), target, days.iter().copied(), &start)?;
    let make = |(): &mut (), at: usize| {
        let plan = &groups[at];
        let is_last = groups
            .get(at + 1)
            .is_none_or(|next| next.place.day != plan.place.day);
        let gathered = rows.take(at, days[plan.place.day], plan, is_last)?;
        let columns = gathered.columns(schema.fields().len())?;
        let group = encoder.encode(&columns)?;
        context.free_memory(gathered.done_bytes);
        Ok(Some(EncodedGroup {
            place: plan.place,
            group,
            stats: (),
        }))
    };
    let steps = Steps {
        count: groups.len(),
        guard: Guard::new(&rows.stopped),
    };
    let written = write_parts(context, writer, steps, || (), make, |(), ()| {})?;
    for (day, parts) in made.days.iter_mut().zip(written.files) {
        day.parts = parts;
    }
    Ok(())
}

impl<'a> MergedRows<'a> {
    /// Takes the rows of a row group, after those of all before it; `is_last` says whether it is the last of
    /// its day.
    fn take(
        &self,
        number: usize,
        day: Day,
        plan: &GroupPlan,
        is_last: bool,
    ) -> Result<GatheredRows> {
        let mut turn = lock(&self.turn);
        while turn.0 != number {
            if self.stopped.load(Relaxed) {
                return Err(stop());
            }
            // With a timeout: a step that fails sets the flag and notifies nobody.
            let woken = self.taken.wait_timeout(turn, Duration::from_millis(50));
            turn = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        let (next, rows) = &mut *turn;
        if plan.rows.start == 0 {
            *rows = None;
        }
        let rows = match rows {
            Some(rows) => rows,
            None => rows.insert(self.open(day)?),
        };
        let gathered = rows.take(index64(plan.rows.end - plan.rows.start))?;
        if is_last {
            rows.finish()?;
        }
        *next += 1;
        self.taken.notify_all();
        Ok(gathered)
    }

    /// Opens the parts of a day.
    fn open(&self, day: Day) -> Result<ShardRows<'a>> {
        let count = count32(self.shards.len());
        let batch_rows = index64(shard_group_rows(count));
        let parts = self.shards.iter().filter_map(|shard| {
            let (folder, parts) = shard.days.get(&day)?;
            Some((folder.as_path(), parts.as_slice()))
        });
        ShardRows::open(self.context, self.schema, batch_rows, parts)
    }
}
