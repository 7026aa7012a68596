//! A job of `features` to what it would take.
//!
//! ```text
//! impressions, listings ──► all of them ──► rows, days, users                    exact
//! clicks ──► one row group in R ──► the scan loop ──► partitions                 × R
//!                                                       └──► answers to impressions of one row group
//!                                                            in R ──► encode ──► nowhere   × R
//! ```
//! **Why so**: what answers take follows from clicks and impressions alike, so of both the same share
//! is taken. Counts are then stretched, as if all clicks had been there.

use std::time::Instant;

use super::memory::{Account, Memory, kept_bytes};
use super::share::{Sample, nowhere, read_sample_of, stride_of};
use super::{Planned, PlannedOf, ratio};
use crate::context::{RunContext, Stage};
use crate::engine::features::{gather_clicks, read_before_clicks, read_listings};
use crate::engine::specs::{click_spec, read_spec};
use crate::engine::unused::warn_features;
use crate::error::Result;
use crate::ids::{count64, float, rounded};
use crate::job::{Dedup, Job};
use crate::kernel::chunk::{Chunk, FixedRow, RowChunk};
use crate::kernel::op::dedup::WholeClick;
use crate::kernel::op::features::{Asked, Click, UserClick};
use crate::kernel::partition::Split;
use crate::output::features::{FeaturesRead, PartitionedClicks, dry_run, parts_count};
use crate::output::micros_since;
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::features::clicks::{ClickScan, ClickState, Wanted};
use crate::scan::whole_column::is_whole_column;
use crate::scan::{Opened, Task};

/// Plans a job.
///
/// # Errors
/// Those of a run that are met.
pub(crate) fn plan(job: &Job, context: &RunContext) -> Result<Planned> {
    let (began, policy) = (
        Instant::now(),
        BadRowPolicy::new(&read_spec(job), is_whole_column),
    );
    let before = read_before_clicks(job, context, &policy)?;
    let (shown_us, began) = (micros_since(began), Instant::now());
    let (mut read, clicks, wanted) = read_listings((job, context), &policy, before)?;
    let listings_us = micros_since(began);
    let (sampled, room) = (context.memory_peak(), context.headroom());
    let (days, rows) = (read.days.clone(), count64(read.shown.count()));
    let splits = [wanted.of_listings, wanted.of_users];
    context.reserve_memory(answers_bytes(job, splits[0], (rows, rows)))?;

    let rehearsal = context.unlimited();
    let tools = (job, &rehearsal, &policy);
    let (partitioned, sample, kept) = sample_clicks(tools, &clicks, &wanted, &mut read)?;
    // Each of about as many clicks as those of a run.
    let weight = stride_of(job, &clicks);
    let fewer = [
        fewer(splits[0], read.listing_ids.count(), weight),
        fewer(splits[1], read.users.count(), weight),
    ];
    let partitioned = partitioned.coarser(fewer);
    let chunks = rehearsal.memory_used();
    let warnings = warn_features((job, &rehearsal), &read)?;
    context.enter(Stage::WRITE, 0);
    let made = dry_run(job, &rehearsal, &mut read, &partitioned, sample.weight)?;
    context.leave();

    let of_all = |kept: u64| rounded(float(kept) * sample.weight);
    let lists = splits.map(|split| lists(job, split));
    let row_bytes = rows_bytes(job);
    let memory = Memory::new(&Account {
        base: context.memory_used(),
        kept: &[
            kept_bytes(row_bytes[0], lists[0], of_all(kept[0])),
            kept_bytes(row_bytes[1], lists[1], of_all(kept[1])),
        ],
        working: rehearsal
            .memory_peak()
            .saturating_sub(chunks + answers_bytes(job, fewer[0], (rows, made.rows))),
        sampled: sampled + rehearsal.memory_peak(),
        room: room.map(|left| left / 4 * 3),
    });
    let per_row = ratio(rows, made.rows);
    // Each impression is answered twice.
    let answered: u64 = kept.iter().sum::<u64>() + made.rows * 2;
    let all: u64 = kept.into_iter().map(of_all).sum::<u64>() + rows * 2;
    let answer_us = float(made.allocate_us) + float(made.count_us) * ratio(all, answered);
    let write_us = answer_us + float(made.write_us) * per_row;
    let of = PlannedOf::Features {
        impressions: rows,
        users: u64::from(read.users.count()),
        listings: u64::from(read.listing_ids.count()),
    };
    Ok(Planned {
        parts: days.values().map(|rows| parts_count(*rows)).sum(),
        days: days.into_iter().collect(),
        bytes: rounded(float(made.bytes) * per_row),
        stages: vec![
            ("read impressions", float(shown_us) / 1e6),
            ("read listings", float(listings_us) / 1e6),
            ("read actions", sample.shares.seconds(job)),
            ("write", write_us / 1e6),
        ],
        made_share: if made.rows > 0 { 1.0 / per_row } else { 1.0 },
        warnings,
        ..Planned::new(of, &read.inputs.opened, &sample.shares, &memory)
    })
}

/// Reads a sample of the clicks; gives them by listing and by user, what was read, and how many clicks
/// were kept for either.
fn sample_clicks(
    (job, context, policy): (&Job, &RunContext, &BadRowPolicy<'_>),
    clicks: &[Opened],
    wanted: &Wanted,
    read: &mut FeaturesRead,
) -> Result<(PartitionedClicks, Sample, [u64; 2])> {
    let specs = (&read_spec(job), click_spec(job));
    let scan = ClickScan::new(specs, policy, context, read.types, wanted);
    context.enter(Stage::ACTIONS, 0);
    let states = nowhere().map(|spill| scan.state(spill)).collect();
    let each = |state: &mut ClickState, task: &Task| scan.read(task, state);
    let (states, sample) = read_sample_of((job, context), clicks, states, each)?;
    let kept = kept(&states);
    let clicks = gather_clicks((job, context), wanted, states, read)?;
    Ok((clicks, sample, kept))
}

/// Partitions of about as many of a sample as those of a run have of all, of which the sample is one in
/// `weight`.
fn fewer(split: Split, keys_count: u32, weight: u64) -> Split {
    let partitions = count64(split.partitions_count()).div_ceil(weight);
    let bits = partitions.next_power_of_two().trailing_zeros();
    Split::new(keys_count, u8::try_from(bits).unwrap_or(0))
}

/// Clicks that are kept for their listings, and for their users.
fn kept(states: &[ClickState]) -> [u64; 2] {
    let counts = states.iter().map(|state| state.rows.clicks.rows_count());
    counts.fold([0, 0], |all, of| [all[0] + of[0], all[1] + of[1]])
}

/// Bytes that a row takes from the account.
fn row_bytes<R: FixedRow>() -> u64 {
    count64(RowChunk::<R>::ROW_BYTES)
}

/// Bytes that a click takes by its listing, and by its user.
fn rows_bytes(job: &Job) -> [u64; 2] {
    match job.dedup {
        Dedup::None => [row_bytes::<Click>(), row_bytes::<UserClick>()],
        _ => [row_bytes::<WholeClick<false>>(); 2],
    }
}

/// The lists of chunks that all threads have together.
fn lists(job: &Job, split: Split) -> u64 {
    count64(split.partitions_count() * job.threads)
}

/// Bytes that the answers to so many impressions take, and those of them that are asked while they are
/// answered: by listing, as long as all clicks are there.
fn answers_bytes(job: &Job, of_listings: Split, (rows, asked): (u64, u64)) -> u64 {
    let counts = (job.features().windows.len() + 1) * 2 * size_of::<u32>() + size_of::<bool>();
    rows * count64(counts) + kept_bytes(row_bytes::<Asked>(), lists(job, of_listings), asked)
}
