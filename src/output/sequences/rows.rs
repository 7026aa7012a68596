//! Which rows of a day go into which row group: from the impressions and the settings alone.

use std::ops::Range;
use std::sync::Arc;

use crate::dictionary::probes::Probes;
use crate::encode::{Block, BlockRow};
use crate::ids::{Day, Item, count32, count64, index};
use crate::job::{Job, Layout, Shard};
use crate::kernel::hash::hash_of;
use crate::kernel::op::sequences::Histories;
use crate::output::plan::{GroupPlan, plan_part, plan_rows};

/// A row group, and the partitions that it needs.
#[derive(Clone, Debug)]
pub(super) struct SampleGroup {
    pub(super) plan: GroupPlan,
    pub(super) partitions: Range<usize>,
}

/// The probes of one day, and the rows that they make.
pub(super) struct DayProbes {
    pub(super) day: Day,
    /// Its probes, in the order of the output.
    pub(super) probes: Vec<u32>,
    /// Where the rows of each probe end.
    row_ends: Vec<u64>,
}

impl DayProbes {
    /// The probes of every day, in order.
    pub(super) fn of_days<I: Item>(job: &Job, days: &[Day], all: &Probes<I>) -> Vec<DayProbes> {
        let probes = all.of_days(days).into_iter();
        probes
            .zip(days)
            .map(|(probes, day)| DayProbes::new(job, all, *day, probes))
            .collect()
    }

    /// The rows of a day with these probes.
    fn new<I: Item>(job: &Job, all: &Probes<I>, day: Day, probes: Vec<u32>) -> DayProbes {
        let rows_of = |probe: &u32| match job.sequences().layout {
            Layout::Sample => {
                let row = all.rows[index(*probe)];
                count64(all.impressions.items_of(row).len())
            }
            Layout::Request | Layout::Timeline => 1,
        };
        let mut end = 0;
        let row_ends = probes.iter().map(|probe| {
            end += rows_of(probe);
            end
        });
        let row_ends = row_ends.collect();
        DayProbes {
            day,
            probes,
            row_ends,
        }
    }

    /// The number of rows.
    pub(super) fn rows_count(&self) -> u64 {
        self.row_ends.last().copied().unwrap_or(0)
    }

    /// The first row of a probe, by its index in the day.
    fn row_start(&self, at: usize) -> u64 {
        if at == 0 { 0 } else { self.row_ends[at - 1] }
    }

    /// The probes of a row group, as indices into those of the day.
    pub(super) fn probes_of(&self, group: &GroupPlan) -> Range<usize> {
        let first = self
            .row_ends
            .partition_point(|end| *end <= group.rows.start);
        let rest = first..self.probes.len();
        let of_group = rest.take_while(|at| self.row_start(*at) < group.rows.end);
        first..first + of_group.count()
    }

    /// The block of a row group, with the histories of its partitions.
    pub(super) fn block<'a, I: Item>(
        &self,
        job: &Job,
        probes: &'a Probes<I>,
        group: &SampleGroup,
        histories: Vec<Arc<Histories<I>>>,
    ) -> Block<'a, I> {
        let (mut rows, mut partition) = (Vec::new(), 0);
        let plan = &group.plan;
        for at in self.probes_of(plan) {
            let start = self.row_start(at);
            let probe = self.probes[at];
            let items = count32(probes.impressions.items_of(probes.rows[index(probe)]).len());
            let narrow = |row: u64| u32::try_from(row).expect("an impression has fewer items");
            let (items_start, items_end) = match job.sequences().layout {
                Layout::Request | Layout::Timeline => (0, items),
                Layout::Sample => (
                    // The first impression may have begun in the row group before.
                    narrow(plan.rows.start.saturating_sub(start)),
                    narrow(self.row_ends[at].min(plan.rows.end) - start),
                ),
            };
            // Probes of a day ascend, and so do partitions: this never goes back. The plan has all
            // partitions of the row group, so it ends.
            while !histories[partition].probes().contains(&index(probe)) {
                partition += 1;
            }
            rows.push(BlockRow {
                probe,
                partition: count32(partition),
                items_start,
                items_end,
            });
        }
        Block {
            probes,
            rows,
            histories,
        }
    }
}

/// The row groups of a day of some rows. No part has more rows than asked for, so no row group has either. Of
/// shards each that has rows is a part.
pub(super) fn plan_day<I: Item>(
    job: &Job,
    probes: &Probes<I>,
    (day, rows): (usize, &DayProbes),
) -> Vec<GroupPlan> {
    let own = job.sequences();
    let max = own.row_group_rows_max.min(own.part_rows_max);
    let Some(shards) = own.shards.filter(|_| rows.rows_count() > 0) else {
        let groups = own.part_rows_max / max;
        return plan_rows(day, rows.rows_count(), u64::from(max), u64::from(groups)).collect();
    };
    let shard = |probe: &u32| {
        let customer = probes.impressions.customer(probes.rows[index(*probe)]);
        Shard::of_hash(hash_of(customer), shards)
    };
    let (mut plans, mut at) = (Vec::new(), 0);
    // Probes are in the order of hashes, so those of a shard are neighbours.
    for run in rows.probes.chunk_by(|a, b| shard(a) == shard(b)) {
        let end = at + run.len();
        let of_part = rows.row_start(at)..rows.row_ends[end - 1];
        let part = u64::from(shard(&run[0]));
        plans.extend(plan_part(
            day,
            part,
            of_part,
            u64::from(own.row_group_rows_max),
        ));
        at = end;
    }
    plans
}
