//! The data path of `features`.
//!
//! ```text
//! impressions ──► rank ids ──┬──► listings
//!                            ├──► clicks ──► partitions of listings ─┐  group ──► sort ──► op
//!                            │          └──► partitions of users ────┤     │
//!                            └──► probes of both ────────────────────┘     └► answers ──► publish
//! ```
//! **Invariants**: answers are put down by the row of their impression, and each is put down once,
//! so that no order of work can show. What is written is in the order of time and contents.
//! **Why so**: impressions are an order of magnitude fewer than clicks, so all are kept in memory,
//! and clicks are dealt to partitions while they are read; both streams of one scan.

use super::doubts;
use super::resolve::id_type;
use super::specs::{click_spec, day_spec, publish_spec, read_spec};
use super::unused::notice_features;
use super::{
    check_days, check_question, guarded, in_pool, in_zone_of_set, look, open_all, run_tasks, spills,
};
use crate::catalog::input::InputFile;
use crate::catalog::paths::SourceFiles;
use crate::context::{RunContext, Stage};
use crate::error::{Error, Result};
use crate::failpoint::hit;
use crate::ids::{Day, Micros};
use crate::job::{CustomerType, Job, JobKind, Publish, Source};
use crate::kernel::chunk::{FixedRow, RowChunk};
use crate::kernel::partition::Split;
use crate::manifest;
use crate::metrics::FeatureCounts;
use crate::output::RunInputs;
use crate::output::features::{self, FeaturesRead, FeaturesReport, PartitionedClicks};
use crate::publish::StagingDir;
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::features::FeatureTypes;
use crate::scan::features::clicks::{ClickScan, ClickState, ClickTally, Clicks, Streams, Wanted};
use crate::scan::features::impressions::{Shown, ShownRead, ShownScan};
use crate::scan::features::listings::Listings;
use crate::scan::text::times::parse;
use crate::scan::time_columns::times_of;
use crate::scan::units;
use crate::scan::whole_column::is_whole_column;
use crate::scan::{Opened, Task};
use crate::store::spill::Partitions;
use crate::warnings::Warning;

/// Runs a job of [`JobKind::Features`]: a row for each impression, with what was clicked before
/// it and whether it was clicked after.
///
/// # Errors
/// Whatever stands in the way; nothing is published then.
///
/// # Examples
/// ```no_run
/// use hitherto::{Control, Features, Job, Settings, features};
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
/// let report = features(&Job::new(settings)?, &Control::default())?;
/// println!("{} rows, {} clicked", report.rows, report.clicked);
/// # Ok::<(), hitherto::Error>(())
/// ```
pub fn features(job: &Job, context: &RunContext) -> Result<FeaturesReport> {
    check_question(job, JobKind::Features)?;
    let job = &in_zone_of_set(job);
    in_pool(job, || run(job, context))
}

/// Runs a job on the threads that it may have.
fn run(job: &Job, context: &RunContext) -> Result<FeaturesReport> {
    let spec = read_spec(job);
    let policy = BadRowPolicy::new(&spec, is_whole_column);
    let before = read_before_clicks(job, context, &policy)?;
    // Made before the clicks are read, so that an output that cannot be made costs no waiting.
    let staging = StagingDir::create(publish_spec(job))?;
    let (mut read, clicks, wanted) = read_listings((job, context), &policy, before)?;
    let specs = (&spec, click_spec(job));
    let scan = ClickScan::new(specs, &policy, context, read.types, &wanted);
    let tasks = tasks_of(&clicks, |file| file.shared_tasks(&spec));
    context.enter(Stage::ACTIONS, tasks.iter().map(|task| task.steps).sum());
    let states = spills(job, context, &staging).into_iter();
    let states = states.map(|spill| scan.state(spill)).collect();
    let states = run_tasks(&tasks, states, |state, task| scan.read(task, state))?;
    let clicks = gather_clicks((job, context), &wanted, states, &mut read)?;
    hit("clicks read");
    let notice = |rows: &FeatureCounts, (on_listings, repeated): (u64, u64)| {
        let noticed = notice_features((job, context), &read, rows)?;
        let what =
            "clicks on listings that were shown repeat another one in user, listing and time";
        let repeats = doubts::repeats(job, (repeated, on_listings), (Source::Clicks, what));
        Ok(noticed.told(&job.no_warn, repeats))
    };
    features::write(job, context, &staging, &read, &clicks, notice)
}

/// What is known before listings and clicks are read.
pub(crate) struct BeforeClicks {
    /// The files; those of impressions are opened.
    inputs: RunInputs,
    /// Up to when clicks are complete, if the job says so.
    data_end: Option<Micros>,
    /// The types of ids.
    types: FeatureTypes,
    shown: ShownRead,
}

/// Looks for inputs, and reads all impressions.
pub(crate) fn read_before_clicks(
    job: &Job,
    context: &RunContext,
    policy: &BadRowPolicy<'_>,
) -> Result<BeforeClicks> {
    let data_end = data_end(job)?;
    let mut inputs = look(job, context)?;
    inputs.opened = open_source(job, &inputs.sources, Source::Impressions)?;
    let (spec, opened) = (read_spec(job), &inputs.opened);
    units::check(&spec, opened, &times_of(&spec, Source::Impressions), None)?;
    let types = types(job, opened)?;
    let shown = read_shown(job, context, policy, (opened, types, &inputs.skipped))?;
    hit("impressions read");
    check_days(job, &inputs, &shown.days)?;
    if matches!(job.publish, Publish::AddDays(_)) && !inputs.existing.is_empty() {
        manifest::check_settings(&job.out, &manifest::feature_settings(job, types))?;
    }
    Ok(BeforeClicks {
        inputs,
        data_end,
        types,
        shown,
    })
}

/// Reads the listings; gives all that is known before the clicks are read, their files, and which of
/// them are wanted.
pub(crate) fn read_listings(
    (job, context): (&Job, &RunContext),
    policy: &BadRowPolicy<'_>,
    before: BeforeClicks,
) -> Result<(FeaturesRead, Vec<Opened>, Wanted)> {
    let BeforeClicks {
        mut inputs,
        data_end,
        types,
        shown,
    } = before;
    let (spec, keys) = (read_spec(job), shown.listings.keys());
    let last = shown.shown.times.iter().copied().max();
    let files = open_source(job, &inputs.sources, Source::Listings)?;
    units::check(&spec, &files, &times_of(&spec, Source::Listings), last)?;
    let tasks = tasks_of(&files, Opened::tasks);
    context.enter(Stage::LISTINGS, tasks.iter().map(|task| task.steps).sum());
    let mut listings = guarded("listings", || {
        Listings::read((&spec, policy, context), types, &keys, &tasks)
    })?;
    hit("listings read");
    let clicks = open_source(job, &inputs.sources, Source::Clicks)?;
    units::check(&spec, &clicks, &times_of(&spec, Source::Clicks), last)?;
    let rows_about: u64 = clicks.iter().map(Opened::rows_about).sum();
    let bits = job.tuning.partition_bits;
    let bits = bits.unwrap_or_else(|| Split::bits_for(rows_about));
    let last = last.unwrap_or(Micros::MIN);
    let wanted = Wanted {
        of_listings: Split::new(shown.listings.count(), bits),
        of_users: Split::new(shown.users.count(), bits),
        users: shown.users.keys(),
        listings: keys,
        last_asked: last,
        last_label: Micros(last.0.saturating_add(job.features().label_window_us)),
    };
    context.reserve_memory(wanted.listings.bytes() + wanted.users.bytes())?;
    let mut kinds = shown.kinds;
    kinds.merge(&listings.kinds);
    let doubts = warnings_of(job, &wanted, &shown.shown);
    inputs.warnings.extend(doubts);
    inputs.rejected = shown.rejected;
    inputs.rejected.append(&mut listings.rejected);
    inputs.opened.extend(clicks.iter().cloned().chain(files));
    let read = FeaturesRead {
        inputs,
        data_end,
        types,
        shown: shown.shown,
        sampled: Vec::new(),
        users: shown.users,
        listing_ids: shown.listings,
        listings,
        days: shown.days,
        clicks: ClickTally {
            kinds,
            ..ClickTally::default()
        },
    };
    Ok((read, clicks, wanted))
}

/// What is to be looked at among users and listings that are asked for.
fn warnings_of(job: &Job, wanted: &Wanted, shown: &Shown) -> Vec<Warning> {
    let of = |keys, column, ranks: &[u32]| {
        doubts::of_keys(job, keys, (Source::Impressions, column), |words| {
            words.count(ranks.iter().copied());
        })
    };
    let users = of(&wanted.users, "user_id", &shown.users);
    let listings = of(&wanted.listings, "listing_id", &shown.listings);
    [users, listings].concat()
}

/// Puts together what all threads have read of clicks.
///
/// # Errors
/// If wall times and instants stand side by side, and nobody says what zone the first are of.
pub(crate) fn gather_clicks(
    (job, context): (&Job, &RunContext),
    wanted: &Wanted,
    states: Vec<ClickState>,
    read: &mut FeaturesRead,
) -> Result<PartitionedClicks> {
    let mut tally = ClickTally::default();
    let (mut all, mut once) = (Vec::new(), Vec::new());
    for state in states {
        match tally.add(state) {
            Clicks::All(streams) => all.push(streams),
            Clicks::Once(streams) => once.push(streams),
        }
    }
    let clicks = match once.is_empty() {
        true => PartitionedClicks::All(gather(context, wanted, all)),
        false => PartitionedClicks::Once(gather(context, wanted, once)),
    };
    read.data_end = read.data_end.or(tally.latest);
    tally.kinds.merge(&read.clicks.kinds);
    let inputs = &mut read.inputs;
    inputs.rejected.append(&mut tally.rejected);
    inputs.rejected.sort_unstable();
    let of_times = tally.kinds.clone().check(&read_spec(job), &inputs.opened)?;
    inputs.warnings.extend(of_times);
    read.clicks = tally;
    Ok(clicks)
}

/// The clicks of all threads, by listing and by user.
fn gather<L: FixedRow, U: FixedRow>(
    context: &RunContext,
    wanted: &Wanted,
    streams: Vec<Streams<L, U>>,
) -> (Partitions<RowChunk<L>>, Partitions<RowChunk<U>>) {
    let (mut by_listing, mut by_user) = (Vec::new(), Vec::new());
    for of in streams {
        let (listing, user) = (of.by_listing, of.by_user);
        context.count_spilled(listing.spill.bytes() + user.spill.bytes());
        by_listing.push((listing.scatter, listing.spill));
        by_user.push((user.scatter, user.spill));
    }
    let (scatters, own) = by_listing.into_iter().unzip();
    let by_listing = Partitions::gather(wanted.of_listings, scatters, own);
    let (scatters, own) = by_user.into_iter().unzip();
    let by_user = Partitions::gather(wanted.of_users, scatters, own);
    (by_listing, by_user)
}

/// Reads all impressions of the days asked for.
fn read_shown(
    job: &Job,
    context: &RunContext,
    policy: &BadRowPolicy<'_>,
    (opened, types, skipped): (&[Opened], FeatureTypes, &[Day]),
) -> Result<ShownRead> {
    let (spec, days) = (read_spec(job), day_spec(job, skipped));
    let scan = ShownScan::new((&spec, days), policy, context, types);
    let tasks = tasks_of(opened, |file| file.shared_tasks(&spec));
    let steps = tasks.iter().map(|task| task.steps).sum();
    context.enter(Stage::IMPRESSIONS, steps);
    let states = (0..rayon::current_num_threads()).map(|_| scan.state());
    let states = run_tasks(&tasks, states.collect(), |state, task| {
        scan.read(task, state)
    })?;
    ShownRead::new(states, types, context)
}

/// Opens the files of a source, of which there must be some.
fn open_source(job: &Job, sources: &[SourceFiles], source: Source) -> Result<Vec<Opened>> {
    let of_source = sources.iter().filter(|of| of.source == source);
    let files: Vec<&InputFile> = of_source.flat_map(|of| &of.files).collect();
    if files.is_empty() && !sources.iter().any(|of| of.source == source) {
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

/// Up to when clicks are complete, if the job says so.
fn data_end(job: &Job) -> Result<Option<Micros>> {
    let Some(text) = &job.features().data_end else {
        return Ok(None);
    };
    let written = parse(text.as_bytes()).filter(|written| written.is_near(job.zone()));
    let written = written.map(|written| written.resolve(job.zone()).at);
    let what = || format!("--data-end is \"{text}\"; it takes a time such as 2024-02-01T00:00:00Z");
    written.map(Some).ok_or_else(|| Error::settings(what()))
}

/// The types of ids: as the job says, or as the files of impressions have them.
fn types(job: &Job, opened: &[Opened]) -> Result<FeatureTypes> {
    let of = |name| {
        let name = job.column(Source::Impressions, name);
        id_type(job, opened, name, CustomerType::Int64)
    };
    Ok(FeatureTypes {
        impression: of("impression_id")?,
        user: of("user_id")?,
        listing: of("listing_id")?,
    })
}
