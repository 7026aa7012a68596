//! The rows of the users of all shards of `dwell`, partitioned by user.

use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Float64Type, UInt32Type};

use super::ids::BATCH_ROWS;
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{Day, Key, count64, index};
use crate::kernel::chunk::{FixedRow, RowChunk};
use crate::kernel::op::dwell::{Stay, UserDay, UserStay, UserTotal, UserTotalRow};
use crate::kernel::partition::{PartitionWriter, Split};
use crate::output::PartRows;
use crate::output::dwell::{ShardTables, StayRows};
use crate::publish::Part;
use crate::store::spill::{Partitions, Spill};

/// The ranks of the ids of a shard, by their place in its files.
pub(super) struct ShardRanks {
    pub(super) users: Vec<u32>,
    pub(super) merchants: Vec<u32>,
    pub(super) flyers: Vec<u32>,
}

/// Rows of one kind that are partitioned.
struct RowWriter<R: FixedRow> {
    writer: PartitionWriter<RowChunk<R>>,
    spill: Spill,
}

/// Rows of all kinds that are partitioned.
pub(super) struct RowWriters {
    stays: RowWriter<UserStay>,
    totals: Option<RowWriter<UserTotalRow>>,
    flyer_days: Option<RowWriter<UserDay>>,
}

impl<R: FixedRow> RowWriter<R> {
    /// No rows.
    fn new(split: Split, spill: Spill) -> RowWriter<R> {
        RowWriter {
            writer: PartitionWriter::new(split),
            spill,
        }
    }

    /// Adds a row of a user.
    fn add(&mut self, user: u32, row: R, context: &RunContext) -> Result<()> {
        let partition = self.writer.partition_of(Key(user));
        self.spill.make_room(&mut self.writer, partition, context)?;
        self.writer.open(partition).push(row);
        Ok(())
    }

    /// All rows.
    fn finish(self, split: Split, context: &RunContext) -> Partitions<RowChunk<R>> {
        context.count_spilled(self.spill.bytes());
        Partitions::gather(split, vec![self.writer], vec![self.spill])
    }
}

impl RowWriters {
    /// No rows.
    pub(super) fn new(split: Split, quota: &Spill, tables: &ShardTables) -> RowWriters {
        // Half of the memory for stays, and a quarter for each of the others.
        let half = || {
            let mut spill = quota.next();
            spill.halve();
            spill
        };
        let part = || {
            let mut spill = half();
            spill.halve();
            spill
        };
        RowWriters {
            stays: RowWriter::new(split, half()),
            totals: tables
                .totals
                .is_some()
                .then(|| RowWriter::new(split, part())),
            flyer_days: tables
                .flyer_days
                .is_some()
                .then(|| RowWriter::new(split, part())),
        }
    }

    /// Adds the rows of a shard.
    pub(super) fn read(
        &mut self,
        context: &RunContext,
        (folder, tables): (&Path, &ShardTables),
        ranks: &ShardRanks,
    ) -> Result<()> {
        each_batch(context, folder, tables.stays.as_ref(), |batch| {
            for at in 0..batch.num_rows() {
                let user = ranks.users[index(whole(batch, 0, at))];
                let stay = Stay {
                    merchant: ranks.merchants[index(whole(batch, 1, at))],
                    day: day(batch, 2, at),
                    avg_seconds: seconds(batch, 3, at),
                    flyers: whole(batch, 4, at),
                    events: whole(batch, 5, at),
                };
                self.stays.add(user, UserStay { user, stay }, context)?;
            }
            Ok(())
        })?;
        each_batch(context, folder, tables.totals.as_ref(), |batch| {
            let Some(totals) = &mut self.totals else {
                return Ok(());
            };
            for at in 0..batch.num_rows() {
                let user = ranks.users[index(whole(batch, 0, at))];
                let total = UserTotal {
                    day: day(batch, 1, at),
                    avg_seconds: seconds(batch, 2, at),
                    flyers: whole(batch, 3, at),
                    events: whole(batch, 4, at),
                };
                totals.add(user, UserTotalRow { user, total }, context)?;
            }
            Ok(())
        })?;
        // Shares are sums over users, so any user of the shard will do: they go where its first user is.
        let first = ranks.users.first().copied().unwrap_or(0);
        each_batch(context, folder, tables.flyer_days.as_ref(), |batch| {
            let Some(shares) = &mut self.flyer_days else {
                return Ok(());
            };
            for at in 0..batch.num_rows() {
                let share = UserDay {
                    place: ranks.flyers[index(whole(batch, 0, at))],
                    day: day(batch, 1, at),
                    seconds_bits: seconds(batch, 2, at).to_bits(),
                };
                shares.add(first, share, context)?;
            }
            Ok(())
        })
    }

    /// All rows.
    pub(super) fn finish(self, split: Split, context: &RunContext) -> StayRows {
        StayRows {
            stays: self.stays.finish(split, context),
            totals: self.totals.map(|rows| rows.finish(split, context)),
            flyer_days: self.flyer_days.map(|rows| rows.finish(split, context)),
        }
    }
}

/// Passes the batches of a file, if there is one, to `add`.
fn each_batch(
    context: &RunContext,
    folder: &Path,
    part: Option<&Part>,
    mut add: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let Some(part) = part else {
        return Ok(());
    };
    let mut rows = PartRows::open(folder.join(&part.name), part, BATCH_ROWS)?;
    while let Some(batch) = rows.next()? {
        context.check()?;
        add(&batch)?;
        context.count_done(count64(batch.num_rows()));
    }
    Ok(())
}

/// A whole number of a batch.
fn whole(batch: &RecordBatch, column: usize, at: usize) -> u32 {
    batch.column(column).as_primitive::<UInt32Type>().value(at)
}

/// A day of a batch.
fn day(batch: &RecordBatch, column: usize, at: usize) -> Day {
    Day(batch.column(column).as_primitive::<Date32Type>().value(at))
}

/// Seconds of a batch.
fn seconds(batch: &RecordBatch, column: usize, at: usize) -> f64 {
    batch.column(column).as_primitive::<Float64Type>().value(at)
}
