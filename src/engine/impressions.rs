//! Impressions to one list of rows, read by all threads.
//!
//! **In / Out**: the files of impressions of the days asked for → one [`ImpressionState`], that of all
//! threads.
//! **Invariants**: its rows are in no particular order; [`crate::dictionary::probes`] sorts them.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::inputs::open_all;
use super::resolve::customer_type;
use super::specs::{impression_spec, read_spec};
use super::tasks::{cut_last, run_tasks, thread_states};
use crate::catalog::input::InputFile;
use crate::catalog::paths::SourceFiles;
use crate::context::{RunContext, Stage};
use crate::encode::ItemColumn;
use crate::error::{Error, Result};
use crate::ids::Day;
use crate::job::{Job, Source};
use crate::scan::Opened;
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::impressions::{ImpressionScan, ImpressionState};
use crate::scan::text::field::GuestIds;
use crate::scan::time_columns::times_of;
use crate::scan::units;
use crate::vocabulary::{Vocabulary, number_alike, number_shown};

/// Opens the files of impressions, except those whose folder is of a day that is not asked for.
pub(super) fn open_impressions(
    job: &Job,
    sources: &[SourceFiles],
    skipped: &[Day],
) -> Result<Vec<Opened>> {
    let wanted = |file: &&InputFile| {
        file.day
            .is_none_or(|day| job.wants_day(day) && !skipped.contains(&day))
    };
    let impressions = sources
        .iter()
        .filter(|source| source.source == Source::Impressions);
    let files: Vec<&InputFile> = impressions
        .flat_map(|source| &source.files)
        .filter(wanted)
        .collect();
    let opened = open_all(job, &files)?;
    let spec = read_spec(job);
    units::check(&spec, &opened, &times_of(&spec, Source::Impressions), None)?;
    Ok(opened)
}

/// Reads all impressions of the days asked for, except days that are `skipped`. If item ids are texts, they are numbered alike in all
/// threads.
pub(super) fn read_impressions<I: ItemColumn>(
    job: &Job,
    context: &RunContext,
    policy: &BadRowPolicy<'_>,
    opened: &[Opened],
    (skipped, vocabulary): (&[Day], Option<&Vocabulary>),
) -> Result<ImpressionState<I>> {
    let customers = customer_type(job, opened)?;
    GuestIds::check(&job.sequences().guest_ids, customers)?;
    let known = vocabulary.and_then(Vocabulary::known);
    let spec = read_spec(job);
    let specs = (&spec, &impression_spec(job, skipped));
    let scan = ImpressionScan::new(specs, policy, context, (customers, known));
    let mut tasks = opened.iter().flat_map(Opened::tasks).collect();
    if opened.iter().all(|file| scan.can_cut(file)) {
        tasks = cut_last(&spec, tasks);
    }
    context.enter(
        Stage::IMPRESSIONS,
        tasks.iter().map(|task| task.steps).sum(),
    );
    let states = thread_states(|| scan.state::<I>());
    let mut states = run_tasks(&tasks, states, |state, task| scan.read(task, state))?;
    scan.check_columns(opened, &states)?;
    let items: usize = states.iter().map(ImpressionState::items_count).sum();
    // Impressions address their items by 32 bits.
    if u32::try_from(items).is_err() {
        let what = format!("{items} items are shown; choose fewer days, with less than 2^32 items");
        return Err(Error::settings(what));
    }
    // Before rows of several threads are put together, as each thread has numbers of its own.
    if states.iter().any(ImpressionState::is_waiting) {
        number_alike(&mut states, context)?;
        let mut all = merged(states);
        scan.finish(opened, &mut all)?;
        states = vec![all];
    }
    let texts = number_shown(&mut states, context)?;
    let mut all = merged(states);
    all.items = texts;
    Ok(all)
}

/// The states of all threads as one, which has the items of the first.
fn merged<I: ItemColumn>(mut states: Vec<ImpressionState<I>>) -> ImpressionState<I> {
    let items = states.iter_mut().find_map(|state| state.items.take());
    // The others are appended to the largest, which so is never copied.
    states.sort_by_key(|state| std::cmp::Reverse(state.rows.count()));
    let mut states = states.into_iter();
    let mut all = states.next().expect("a pool has a thread");
    for state in states {
        let long = all.rows.append(&state.rows);
        long.into_par_iter().for_each(|append| append());
        all.parts.append(&state.parts);
        all.unnamed.append(&state.unnamed);
        all.kinds.merge(&state.kinds);
        all.rejected.extend(state.rejected);
        for (day, stats) in &state.tallies {
            all.tallies.entry(*day).or_default().merge(stats);
        }
    }
    all.items = items;
    all
}
