//! The data path of `features`.
//!
//! ```text
//! impressions ──► rank ids ──┬──► listings
//!                            ├──► clicks ──► partitions of listings ─┐  group ──► sort ──► op
//!                            │          └──► partitions of users ────┤     │
//!                            └──► probes of both ────────────────────┘     └► results ──► publish
//! ```
//! **Invariants**: results are stored by the row of their impression, each exactly once, so the order of
//! work does not matter. Output rows are sorted by time and contents.
//! **Why so**: impressions are an order of magnitude fewer than clicks, so all of them stay in memory.
//! One scan of the clicks partitions them by listing and by user.

use std::time::Instant;

use super::input_warnings::{WordRows, floats_of_keys, words_of_keys};
use super::inputs::{check_days, find_inputs, open_all};
use super::last_days;
use super::resolve::{id_type, in_zone_of_set, kept_types};
use super::shards::{self, FeaturesShard};
use super::shown::read_shown;
use super::specs::{click_spec, publish_spec, read_spec};
use super::tasks::{cut_last, guarded, in_pool, room_for_rows, run_tasks, spills};
use super::unused::{notice_features, see_clicks};
use crate::catalog::input::InputFile;
use crate::catalog::paths::SourceFiles;
use crate::context::{RunContext, Stage};
use crate::error::{Error, Result};
use crate::failpoint::hit;
use crate::ids::Micros;
use crate::job::{CustomerType, Job, JobKind, Publish, Source};
use crate::kernel::chunk::{FixedRow, RowChunk};
use crate::kernel::partition::Split;
use crate::manifest;
use crate::output::RunInputs;
use crate::output::features::{self, FeaturesRead, FeaturesReport, PartitionedClicks};
use crate::publish::StagingDir;
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::features::FeatureTypes;
use crate::scan::features::clicks::{
    ClickScan, ClickState, ClickTally, Clicks, Streams, WantedClicks,
};
use crate::scan::features::impressions::ShownRead;
use crate::scan::features::listings::Listings;
use crate::scan::text::times::parse;
use crate::scan::time_columns::times_of;
use crate::scan::units;
use crate::scan::whole_column::is_whole_column;
use crate::scan::{Opened, Task};
use crate::store::spill::Partitions;

/// Runs a job of [`JobKind::Features`]: a row for each impression, with what was clicked before
/// it and whether it was clicked after.
///
/// # Errors
/// Any error of a stage; nothing is published then.
///
/// # Examples
/// ```no_run
/// use hitherto::{Features, Job, RunContext, Settings, features};
///
/// let own = Features {
///     windows: vec![("1h".into(), 3_600_000_000)],
///     ..Features::default()
/// };
/// let settings = Settings {
///     ask: own.into(),
///     dir: Some("shop".into()),
///     out: "training".into(),
///     threads: 2,
///     ..Settings::default()
/// };
/// let report = features(&Job::new(settings)?, &RunContext::default())?;
/// println!("{} rows, {} clicked", report.rows, report.clicked);
/// # Ok::<(), hitherto::Error>(())
/// ```
pub fn features(job: &Job, context: &RunContext) -> Result<FeaturesReport> {
    job.check_kind(JobKind::Features)?;
    let job = &in_zone_of_set(job);
    in_pool(job, || run(job, context))
}

/// Runs the stages, on a thread of the pool.
fn run(job: &Job, context: &RunContext) -> Result<FeaturesReport> {
    let began = Instant::now();
    let (inputs, job) = find(job, context)?;
    let job = &in_last_days(&job, context)?;
    let spec = read_spec(job);
    let policy = BadRowPolicy::new(&spec, is_whole_column);
    let before = read_before_clicks(job, context, &policy, inputs)?;
    // An output that cannot be created fails here, before the long read of clicks.
    let staging = StagingDir::create(publish_spec(job))?;
    let (mut read, clicks, wanted) = read_listings(job, context, &policy, before)?;
    let specs = (&spec, click_spec(job));
    let scan = ClickScan::new(specs, &policy, context, read.types, &wanted);
    let tasks = cut_last(&spec, tasks_of(&clicks, |file| file.shared_tasks(&spec)));
    context.enter(Stage::ACTIONS, tasks.iter().map(|task| task.steps).sum());
    // Quotas are shares of the free memory, so they are computed when impressions and listings are
    // in memory.
    let states = spills(job, &staging, room_for_rows(context)).into_iter();
    let states = states.map(|spill| scan.state(spill)).collect();
    let states = run_tasks(&tasks, states, |state, task| scan.read(task, state))?;
    let clicks = gather_clicks(job, context, &wanted, states, &mut read)?;
    hit("clicks read");
    let made = features::make(job, context, &staging, &read, &clicks)?;
    let seen = see_clicks(job, context, &read, &made)?;
    if let Some(shard) = job.shard {
        let report = features::report_of_shard(&made);
        let contents = FeaturesShard { made, seen };
        shards::publish(job, context, &staging, (shard, began), &contents)?;
        return Ok(report);
    }
    let judged = (&read.inputs.gates, notice_features(job, &made, &seen)?);
    features::publish(job, context, &staging, &made, judged)
}

/// A job from the first of its last days on; one that does not ask for these as it is.
pub(crate) fn in_last_days(job: &Job, context: &RunContext) -> Result<Job> {
    let Some(count) = job.last_days else {
        return Ok(job.clone());
    };
    last_days::check_no_pipes(job)?;
    // All impressions are read for this, as folders do not say on which days they were.
    let every_day = job.in_days(None, None);
    let mut inputs = find_inputs(job, &context.unlimited())?;
    inputs.skipped.clear();
    inputs.opened = open_source(job, &inputs.sources, Source::Impressions)?;
    let types = types(job, &inputs.opened)?;
    let policy = BadRowPolicy::ignoring();
    let of_files = (&inputs.skipped[..], types);
    let opened = &inputs.opened;
    let context = &context.unlimited();
    // Of a shard, too, the days are those of all impressions.
    let read = read_shown(&every_day, context, &policy, opened, of_files, job.shard)?;
    let newest = read.days.keys().next_back();
    Ok(match newest {
        Some(newest) => last_days::up_to(job, *newest, count),
        None => every_day,
    })
}

/// What is known before listings and clicks are read.
pub(crate) struct BeforeClicks {
    /// The input files; only those of impressions are opened.
    inputs: RunInputs,
    /// Up to when clicks are complete, if the job says so.
    data_end: Option<Micros>,
    types: FeatureTypes,
    impressions: ShownRead,
}

/// Finds the inputs; also gives the job with a type for each kept column.
pub(crate) fn find(job: &Job, context: &RunContext) -> Result<(RunInputs, Job)> {
    // First, so that a text that is no time is an error before any file is opened.
    data_end(job)?;
    let inputs = find_inputs(job, context)?;
    let job = kept_types(job, &inputs.sources)?;
    Ok((inputs, job))
}

/// Reads all impressions.
pub(crate) fn read_before_clicks(
    job: &Job,
    context: &RunContext,
    policy: &BadRowPolicy<'_>,
    mut inputs: RunInputs,
) -> Result<BeforeClicks> {
    let data_end = data_end(job)?;
    inputs.opened = open_source(job, &inputs.sources, Source::Impressions)?;
    let (spec, opened) = (read_spec(job), &inputs.opened);
    units::check(&spec, opened, &times_of(&spec, Source::Impressions), None)?;
    let types = types(job, opened)?;
    let of_files = (&inputs.skipped[..], types);
    let impressions = read_shown(job, context, policy, opened, of_files, job.shard)?;
    hit("impressions read");
    check_days(job, &inputs, &impressions.days)?;
    // The types of ids are among these settings, so they can be compared only now.
    if matches!(job.publish, Publish::AddDays(_)) && !inputs.existing.is_empty() {
        manifest::check_settings(&job.out, &manifest::feature_settings(job, types))?;
    }
    Ok(BeforeClicks {
        inputs,
        data_end,
        types,
        impressions,
    })
}

/// Reads the listings. Returns what is known before the clicks are read, the opened files of clicks, and
/// which clicks are needed.
pub(crate) fn read_listings(
    job: &Job,
    context: &RunContext,
    policy: &BadRowPolicy<'_>,
    before: BeforeClicks,
) -> Result<(FeaturesRead, Vec<Opened>, WantedClicks)> {
    let BeforeClicks {
        mut inputs,
        data_end,
        types,
        impressions,
    } = before;
    let (spec, keys) = (read_spec(job), impressions.listings.keys());
    // Of all shards: so each reads the same clicks, and counts the same of them for a listing.
    let last = impressions.all.times.map(|(_, last)| last);
    let files = open_source(job, &inputs.sources, Source::Listings)?;
    units::check(&spec, &files, &times_of(&spec, Source::Listings), last)?;
    // One thread reads all listings, so no text file needs further tasks that share it.
    let tasks = tasks_of(&files, Opened::tasks);
    context.enter(Stage::LISTINGS, tasks.iter().map(|task| task.steps).sum());
    // Listings are read by this thread alone, without `run_tasks`, so a panic of a reader is caught
    // here.
    let mut listings = guarded("listings", || {
        Listings::read((&spec, policy, context), types, &keys, (&files, &tasks))
    })?;
    hit("listings read");
    let clicks = open_source(job, &inputs.sources, Source::Clicks)?;
    units::check(&spec, &clicks, &times_of(&spec, Source::Clicks), last)?;
    let rows_about: u64 = clicks.iter().map(Opened::rows_about).sum();
    let bits = job.tuning.partition_bits;
    let bits = bits.unwrap_or_else(|| Split::bits_for(rows_about));
    let last = last.unwrap_or(Micros::MIN);
    let wanted = WantedClicks {
        of_listings: Split::new(impressions.listings.count(), bits),
        of_users: Split::new(impressions.users.count(), bits),
        users: impressions.users.keys(),
        listings: keys,
        last_asked: last,
        // `--label-window` has no upper bound, so the sum may exceed 64 bits.
        last_label: Micros(last.0.saturating_add(job.features().label_window_us)),
    };
    context.reserve_memory(wanted.listings.bytes() + wanted.users.bytes())?;
    let null_words = look_at_ids(job, &wanted, &impressions, &mut inputs);
    let mut kinds = impressions.kinds;
    kinds.merge(&listings.kinds);
    inputs.rejected = impressions.rejected;
    inputs.rejected.append(&mut listings.rejected);
    inputs.opened.extend(clicks.iter().cloned().chain(files));
    let read = FeaturesRead {
        inputs,
        data_end,
        types,
        shown: impressions.shown,
        sampled: Vec::new(),
        users: impressions.users,
        listing_ids: impressions.listings,
        listings,
        days: impressions.days,
        all: impressions.all,
        null_words,
        clicks: ClickTally {
            kinds,
            ..ClickTally::default()
        },
    };
    Ok((read, clicks, wanted))
}

/// Takes note of null words among the users and listings of impressions; warns of ids that look like floats,
/// unless other shards have some of the ids.
fn look_at_ids(
    job: &Job,
    wanted: &WantedClicks,
    read: &ShownRead,
    inputs: &mut RunInputs,
) -> [WordRows; 2] {
    let columns = [
        (&wanted.users, "user_id", &read.shown.users),
        (&wanted.listings, "listing_id", &read.shown.listings),
    ];
    columns.map(|(keys, name, ranks)| {
        if job.shard.is_none() {
            let floats = floats_of_keys(job, keys, Source::Impressions, name);
            inputs.warnings.extend(floats);
        }
        words_of_keys(keys, |words| words.count(ranks.iter().copied())).rows()
    })
}

/// Merges the clicks that all threads have read, and completes `read` with what was found in them.
///
/// # Errors
/// If there are both wall times and instants, and the job has no zone for wall times.
pub(crate) fn gather_clicks(
    job: &Job,
    context: &RunContext,
    wanted: &WantedClicks,
    states: Vec<ClickState>,
    read: &mut FeaturesRead,
) -> Result<PartitionedClicks> {
    let mut stats = ClickTally::default();
    // `--dedup` decides the kind for all threads, so one of the two lists stays empty.
    let (mut all, mut once) = (Vec::new(), Vec::new());
    for state in states {
        match stats.add(state) {
            Clicks::All(streams) => all.push(streams),
            Clicks::Once(streams) => once.push(streams),
        }
    }
    let clicks = if once.is_empty() {
        PartitionedClicks::All(gather(context, wanted, all))
    } else {
        PartitionedClicks::Once(gather(context, wanted, once))
    };
    // The latest of all clicks, whether or not an impression asks for it. So which labels are
    // complete does not depend on the days that are made.
    read.data_end = read.data_end.or(stats.latest);
    stats.kinds.merge(&read.clicks.kinds);
    let inputs = &mut read.inputs;
    inputs.rejected.append(&mut stats.rejected);
    // As for actions: in the order of tasks that threads took, bytes would depend on timing.
    inputs.rejected.sort_unstable();
    let warnings = stats.kinds.clone().check(&read_spec(job), &inputs.opened)?;
    inputs.warnings.extend(warnings);
    read.clicks = stats;
    Ok(clicks)
}

/// The clicks of all threads, by listing and by user.
fn gather<L: FixedRow, U: FixedRow>(
    context: &RunContext,
    wanted: &WantedClicks,
    streams: Vec<Streams<L, U>>,
) -> (Partitions<RowChunk<L>>, Partitions<RowChunk<U>>) {
    let (mut by_listing, mut by_user) = (Vec::new(), Vec::new());
    for thread in streams {
        let (listing, user) = (thread.by_listing, thread.by_user);
        context.count_spilled(listing.spill.bytes() + user.spill.bytes());
        by_listing.push((listing.scatter, listing.spill));
        by_user.push((user.scatter, user.spill));
    }
    let (writers, spills) = by_listing.into_iter().unzip();
    let by_listing = Partitions::gather(wanted.of_listings, writers, spills);
    let (writers, spills) = by_user.into_iter().unzip();
    let by_user = Partitions::gather(wanted.of_users, writers, spills);
    (by_listing, by_user)
}

/// Opens the files of a source.
///
/// # Errors
/// If the job names no files for it.
fn open_source(job: &Job, sources: &[SourceFiles], source: Source) -> Result<Vec<Opened>> {
    let files = sources.iter().filter(|files| files.source == source);
    let files: Vec<&InputFile> = files.flat_map(|files| &files.files).collect();
    if files.is_empty() && !sources.iter().any(|files| files.source == source) {
        let name = source.name();
        let what = format!("no {name} to read; say --{name} PATH");
        return Err(Error::settings(what));
    }
    open_all(job, &files)
}

/// The tasks that read some files.
fn tasks_of(opened: &[Opened], tasks: impl Fn(&Opened) -> Vec<Task>) -> Vec<Task> {
    opened.iter().flat_map(tasks).collect()
}

/// The time of `--data-end`, up to which clicks are complete.
fn data_end(job: &Job) -> Result<Option<Micros>> {
    let Some(text) = &job.features().data_end else {
        return Ok(None);
    };
    let written = parse(text.as_bytes()).filter(|written| written.is_near(job.zone()));
    let written = written.map(|written| written.resolve(job.zone()).at);
    let what = || format!("--data-end is \"{text}\"; it takes a time such as 2024-02-01T00:00:00Z");
    written.map(Some).ok_or_else(|| Error::settings(what()))
}

/// The types of ids: as given, or as in the files of impressions.
fn types(job: &Job, opened: &[Opened]) -> Result<FeatureTypes> {
    let type_of = |name| {
        let name = job.column(Source::Impressions, name);
        id_type(job, opened, name, CustomerType::Int64)
    };
    Ok(FeatureTypes {
        impression: type_of("impression_id")?,
        user: type_of("user_id")?,
        listing: type_of("listing_id")?,
    })
}
