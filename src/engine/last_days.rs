//! `--last-days`: the newest day of the impressions, and the days up to it.
//!
//! **In / Out**: a [`Job`] that asks for its last days → one that asks for the days from the first of them
//! on. **Invariants**: impressions are read twice, first for their days alone; then bad rows of days that
//! are not asked for end no run, as with `--from`. **Cost**: the newest folder of impressions is read once
//! more; all of them, if they do not lie by day.

use std::collections::BTreeSet;
use std::path::Path;

use super::find_inputs;
use super::impressions::{open_impressions, read_impressions};
use crate::catalog::pipes::is_pipe;
use crate::context::RunContext;
use crate::encode::ItemColumn;
use crate::error::{Error, Result};
use crate::ids::Day;
use crate::job::{Job, Source};
use crate::output::RunInputs;
use crate::scan::bad_rows::BadRowPolicy;

/// A job of `sequences`, from the first of its last days on; any other job as it is.
pub(super) fn of_sequences<I: ItemColumn>(job: &Job, context: &RunContext) -> Result<Job> {
    let Some(count) = job.last_days else {
        return Ok(job.clone());
    };
    check_no_pipes(job)?;
    let inputs = find_inputs(job, &context.unlimited())?;
    let impressions = inputs.sources.iter();
    let impressions = impressions.filter(|source| source.source == Source::Impressions);
    let days: Option<BTreeSet<Day>> = impressions
        .flat_map(|source| &source.files)
        .map(|file| file.day)
        .collect();
    let newest_of = |job: &Job| newest_in::<I>(job, context, &inputs);
    let every_day = job.in_days(None, None);
    let newest = match days {
        // Folders say the days of their files. A folder may be empty, so the newest may be another.
        Some(days) => {
            let mut days = days.into_iter().rev();
            let found = days.find_map(|day| {
                let newest = newest_of(&job.in_days(Some(day), Some(day)));
                newest.transpose()
            });
            found.transpose()?
        }
        None => newest_of(&every_day)?,
    };
    Ok(newest.map_or(every_day, |newest| up_to(job, newest, count)))
}

/// Checks that no input is a pipe: inputs are looked for twice, and the second time it has nothing more.
///
/// # Errors
/// If one is.
pub(super) fn check_no_pipes(job: &Job) -> Result<()> {
    let paths = job.paths.iter().map(|(_, path)| Path::new(path));
    let lists = job.files_from.iter().map(|(_, list)| list.as_path());
    match paths.chain(lists).find(|path| is_pipe(path)) {
        None => Ok(()),
        Some(path) => Err(Error::settings(format!(
            "--last-days reads the inputs twice, and \"{}\" is a pipe; copy it to a file, or name the \
             days with --from",
            path.display()
        ))),
    }
}

/// A job of the days up to the newest one. Days without impressions among them are no error.
pub(super) fn up_to(job: &Job, newest: Day, count: u32) -> Job {
    let before = i32::try_from(count - 1).unwrap_or(i32::MAX);
    job.in_days(Some(Day(newest.0.saturating_sub(before))), None)
}

/// The newest day of the impressions of the days of a job.
fn newest_in<I: ItemColumn>(
    job: &Job,
    context: &RunContext,
    inputs: &RunInputs,
) -> Result<Option<Day>> {
    // Columns that are copied say nothing about days, and their types are not known yet.
    let job = job.with_columns(Vec::new(), Vec::new());
    let opened = open_impressions(&job, &inputs.sources, &[])?;
    let policy = BadRowPolicy::ignoring();
    let read = read_impressions::<I>(&job, &context.unlimited(), &policy, &opened, (&[], None))?;
    Ok(read.tallies.keys().next_back().copied())
}
