//! Estimates a job of `features`.
//!
//! ```text
//! impressions, listings ──► all of them ──► rows, days, users                    exact
//! clicks ──► one row group in R ──► the scan loop ──► partitions                 × R
//!                                                       └──► results of impressions of one row group
//!                                                            in R ──► encode ──► discard   × R
//! ```
//! **Why so**: the time of a result depends on both the clicks and the impressions, so the same share
//! of both is sampled. Counts are then scaled to all clicks.

use std::time::Instant;

use super::memory::{Account, Memory, kept_bytes};
use super::share::{FileSample, memory_only_spills, read_file_sample, stride_of};
use super::{Planned, PlannedOf, ratio};
use crate::context::{RunContext, Stage};
use crate::engine::features::{
    find, gather_clicks, in_last_days, read_before_clicks, read_listings,
};
use crate::engine::specs::{click_spec, read_spec};
use crate::engine::tasks::room_for_rows;
use crate::engine::unused::warn_features;
use crate::error::Result;
use crate::ids::{count64, float, rounded};
use crate::job::{Dedup, Job};
use crate::kernel::chunk::{Chunk, FixedRow, RowChunk};
use crate::kernel::op::dedup::WholeClick;
use crate::kernel::op::features::{Click, KeyProbe, UserClick};
use crate::kernel::partition::Split;
use crate::output::features::{FeaturesRead, PartitionedClicks, dry_run, parts_count};
use crate::output::micros_since;
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::features::clicks::{ClickScan, ClickState, WantedClicks};
use crate::scan::whole_column::is_whole_column;
use crate::scan::{Opened, Task};

/// Estimates a job.
///
/// # Errors
/// The errors of a run, as far as they are met.
pub(super) fn plan(job: &Job, context: &RunContext) -> Result<Planned> {
    let began = Instant::now();
    let (inputs, job) = find(job, context)?;
    let job = &in_last_days(&job, context)?;
    let policy = BadRowPolicy::new(&read_spec(job), is_whole_column);
    let before = read_before_clicks(job, context, &policy, inputs)?;
    let (impressions_us, began) = (micros_since(began), Instant::now());
    let (mut read, clicks, wanted) = read_listings(job, context, &policy, before)?;
    let listings_us = micros_since(began);
    let (sampled, room) = (context.memory_peak(), room_for_rows(context));
    let (days, rows) = (read.days.clone(), count64(read.shown.count()));
    let splits = [wanted.of_listings, wanted.of_users];
    // Results never spill, so a plan fails here if a run would. They are part of `base` below.
    context.reserve_memory(results_bytes(job, splits[0], rows, rows))?;

    let rehearsal = context.unlimited();
    let (partitioned, sample, kept) =
        sample_clicks(job, &rehearsal, &policy, &clicks, &wanted, &mut read)?;
    // Partitions have about as many clicks as in a run.
    let weight = stride_of(job, &clicks);
    let fewer = [
        fewer(splits[0], read.listing_ids.count(), weight),
        fewer(splits[1], read.users.count(), weight),
    ];
    let partitioned = partitioned.coarser(fewer);
    let chunks = rehearsal.memory_used();
    let warnings = warn_features(job, &rehearsal, &read)?;
    context.enter(Stage::WRITE, 0);
    // Results are as large as in a run, although few are computed. With small ones, a plan of 100M
    // clicks was a third too fast, as all of them were in the cache.
    let rehearsed = dry_run(job, &rehearsal, &mut read, &partitioned, sample.weight)?;
    context.leave();

    let scaled = |kept: u64| rounded(float(kept) * sample.weight);
    let lists = splits.map(|split| lists(job, split));
    let row_bytes = clicks_row_bytes(job);
    let memory = Memory::new(&Account {
        base: context.memory_used(),
        kept: &[
            kept_bytes(row_bytes[0], lists[0], scaled(kept[0])),
            kept_bytes(row_bytes[1], lists[1], scaled(kept[1])),
        ],
        working: rehearsal
            .memory_peak()
            .saturating_sub(chunks + results_bytes(job, fewer[0], rows, rehearsed.rows)),
        sampled: sampled + rehearsal.memory_peak(),
        room,
    });
    let per_row = ratio(rows, rehearsed.rows);
    // Each impression has two results: one by listing, one by user.
    let computed: u64 = kept.iter().sum::<u64>() + rehearsed.rows * 2;
    let all: u64 = kept.into_iter().map(scaled).sum::<u64>() + rows * 2;
    let result_us = float(rehearsed.allocate_us) + float(rehearsed.count_us) * ratio(all, computed);
    let write_us = result_us + float(rehearsed.write_us) * per_row;
    let of = PlannedOf::Features {
        impressions: rows,
        users: u64::from(read.users.count()),
        listings: u64::from(read.listing_ids.count()),
    };
    Ok(Planned {
        parts: days.values().map(|rows| parts_count(job, *rows)).sum(),
        days: days.into_iter().collect(),
        bytes: rounded(float(rehearsed.bytes) * per_row),
        stages: vec![
            ("read impressions", float(impressions_us) / 1e6),
            ("read listings", float(listings_us) / 1e6),
            ("read actions", sample.shares.seconds(job)),
            ("write", write_us / 1e6),
        ],
        made_share: if rehearsed.rows > 0 {
            1.0 / per_row
        } else {
            1.0
        },
        warnings,
        ..Planned::new(of, &read.inputs.opened, &sample.shares, &memory)
    })
}

/// Reads a sample of the clicks, partitioned by listing and by user. Also returns how many clicks were
/// kept for listings and for users.
fn sample_clicks(
    job: &Job,
    context: &RunContext,
    policy: &BadRowPolicy<'_>,
    clicks: &[Opened],
    wanted: &WantedClicks,
    read: &mut FeaturesRead,
) -> Result<(PartitionedClicks, FileSample, [u64; 2])> {
    let specs = (&read_spec(job), click_spec(job));
    let scan = ClickScan::new(specs, policy, context, read.types, wanted);
    context.enter(Stage::ACTIONS, 0);
    let states = memory_only_spills()
        .map(|spill| scan.state(spill))
        .collect();
    let read_task = |state: &mut ClickState, task: &Task| scan.read(task, state);
    let (states, sample) = read_file_sample(job, context, clicks, states, read_task)?;
    let kept = kept(&states);
    let clicks = gather_clicks(job, context, wanted, states, read)?;
    Ok((clicks, sample, kept))
}

/// Fewer partitions, which have about as many rows of a sample of one in `weight` as those of a run
/// have of all.
fn fewer(split: Split, keys_count: u32, weight: u64) -> Split {
    let partitions = count64(split.partitions_count()).div_ceil(weight);
    let bits = partitions.next_power_of_two().trailing_zeros();
    Split::new(keys_count, u8::try_from(bits).unwrap_or(0))
}

/// Clicks that are kept by listing, and by user.
fn kept(states: &[ClickState]) -> [u64; 2] {
    let counts = states.iter().map(|state| state.rows.clicks.rows_count());
    counts.fold([0, 0], |sum, count| [sum[0] + count[0], sum[1] + count[1]])
}

/// Accounted bytes of a row.
fn row_bytes<R: FixedRow>() -> u64 {
    count64(RowChunk::<R>::ROW_BYTES)
}

/// Accounted bytes of a click by listing, and of a click by user.
fn clicks_row_bytes(job: &Job) -> [u64; 2] {
    match job.dedup {
        Dedup::None => [row_bytes::<Click>(), row_bytes::<UserClick>()],
        _ => [row_bytes::<WholeClick<false>>(); 2],
    }
}

/// The lists of chunks of all threads together.
fn lists(job: &Job, split: Split) -> u64 {
    count64(split.partitions_count() * job.threads)
}

/// Accounted bytes of the results of `rows` impressions, with the `asked` probes of these by listing,
/// which exist as long as all clicks do.
fn results_bytes(job: &Job, of_listings: Split, rows: u64, asked: u64) -> u64 {
    let counts = (job.features().windows.len() + 1) * 2 * size_of::<u32>() + size_of::<bool>();
    rows * count64(counts) + kept_bytes(row_bytes::<KeyProbe>(), lists(job, of_listings), asked)
}
