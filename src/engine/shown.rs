//! The impressions of `features`.
//!
//! **In / Out**: the opened files of impressions → those of the days asked for, of all users or of those of a
//! shard, with ids as ranks.

use super::specs::{day_spec, read_spec};
use super::tasks::{run_tasks, thread_states};
use crate::context::{RunContext, Stage};
use crate::error::Result;
use crate::ids::Day;
use crate::job::{Job, Shard};
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::features::FeatureTypes;
use crate::scan::features::impressions::{ShownRead, ShownScan};
use crate::scan::{Opened, Task};

/// Reads all impressions of the days asked for, but for days that are skipped; those of a shard are kept, if it is
/// one.
///
/// # Errors
/// If a file cannot be read, holds a bad row, or lacks a column; or if the memory of the job is used up.
pub(super) fn read_shown(
    job: &Job,
    context: &RunContext,
    policy: &BadRowPolicy<'_>,
    opened: &[Opened],
    (skipped, types): (&[Day], FeatureTypes),
    shard: Option<Shard>,
) -> Result<ShownRead> {
    let spec = read_spec(job);
    let days = (&spec, day_spec(job, skipped), shard);
    let scan = ShownScan::new(days, policy, context, types);
    let tasks = opened.iter().flat_map(|file| file.shared_tasks(&spec));
    // Whole row groups: a plan samples times in the order of rows, which pieces would leave to timing.
    let tasks: Vec<Task> = tasks.collect();
    let steps = tasks.iter().map(|task| task.steps).sum();
    context.enter(Stage::IMPRESSIONS, steps);
    let states = thread_states(|| scan.state());
    let states = run_tasks(&tasks, states, |state, task| scan.read(task, state))?;
    scan.check_columns(opened, &states)?;
    ShownRead::new(states, types, context)
}
