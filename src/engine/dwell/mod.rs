//! The data path of `dwell`.
//!
//! ```text
//! events ──► scan: dictionaries ──► rank ids ──► partition by user ──► op ──► tables ──► publish
//! ```
//! **Invariants**: a code is local to the thread that assigned it. From `rank_and_partition` on there
//! are only ranks, which depend on nothing but the set of ids.
//! **Why so**: events are partitioned after all users are known, not while they are read, because the
//! tables are in the order of users. That costs one more pass over the events, measured at a twentieth
//! of the run, and saves sorting the rows of the output.

mod ranks;

use std::time::Instant;

pub(crate) use self::ranks::rank_and_partition;
use self::ranks::{EventNullWords, RankedEvents};
pub(super) use self::ranks::{flyers_of_table, warn_of_ids, warn_of_words};
use super::input_warnings;
use super::inputs::{check_days, find_inputs, open_all};
use super::resolve::{id_type, in_zone_of_set};
use super::shards::{DaysAsked, DwellShard, check_events, publish};
use super::specs::{event_choice, publish_spec, read_spec};
use super::tasks::{cut_last, in_pool, room_for_rows, run_tasks, spills};
use super::unused::{EventsSeen, notice_dwell, see_events};
use crate::catalog::input::InputFile;
use crate::context::{RunContext, Stage};
use crate::error::{Error, Result};
use crate::failpoint::hit;
use crate::ids::Day;
use crate::job::{CustomerType, Dedup, DwellMethod, Job, JobKind, Publish, Shard, Source};
use crate::manifest;
use crate::metrics::Gates;
use crate::output::dwell::{self, DwellRead, DwellReport, TablesByDay, UserRows};
use crate::output::{FilesRead, RunInputs};
use crate::publish::{StagingDir, Target};
use crate::scan::Opened;
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::events::{EventScan, EventsRead, IdTypes};
use crate::scan::time_columns::times_of;
use crate::scan::time_kinds::ShownTimes;
use crate::scan::units;
use crate::scan::whole_column::is_whole_column;
use crate::warnings::Warning;

/// Runs a job of [`JobKind::Dwell`]: reads events, and writes and publishes its tables.
///
/// # Errors
/// Any error of a stage; nothing is published then.
///
/// # Examples
/// ```no_run
/// use hitherto::{Dwell, Job, RunContext, Settings, Source, dwell};
///
/// let settings = Settings {
///     ask: Dwell::default().into(),
///     paths: vec![(Source::Events, "events.csv".into())],
///     out: "visits".into(),
///     threads: 2,
///     ..Settings::default()
/// };
/// let report = dwell(&Job::new(settings)?, &RunContext::default())?;
/// println!("{} users", report.users);
/// # Ok::<(), hitherto::Error>(())
/// ```
pub fn dwell(job: &Job, context: &RunContext) -> Result<DwellReport> {
    job.check_kind(JobKind::Dwell)?;
    let job = &in_zone_of_set(job);
    in_pool(job, || run(job, context))
}

/// What was read of the events, beside the events.
struct EventsFound {
    inputs: RunInputs,
    words: EventNullWords,
    /// Hashes of names of events, of a shard that somebody else has dealt.
    names: Vec<u64>,
    /// The first time of each kind.
    times: ShownTimes,
}

/// Runs the stages, on a thread of the pool.
fn run(job: &Job, context: &RunContext) -> Result<DwellReport> {
    let began = Instant::now();
    let (inputs, types) = open_inputs(job, context)?;
    if matches!(job.publish, Publish::AddDays(_)) && !inputs.existing.is_empty() {
        manifest::check_settings(&job.out, &manifest::dwell_settings(job, types))?;
    }
    // An output that cannot be created fails here, before the long read of events.
    let staging = StagingDir::create(publish_spec(job))?;
    check_events(job, context, &inputs.opened, types.user)?;
    let (read, found) = read_events(job, context, &staging, (inputs, types))?;
    if let Some(shard) = job.shard {
        return make_shard(job, context, &staging, (shard, began), (&read, found));
    }
    let mut inputs = found.inputs;
    inputs
        .warnings
        .extend(warn_of_words(job, &found.words.rows()));
    let set = SetToMake {
        job,
        context,
        staging: &staging,
        gates: &inputs.gates,
        wants: &|day| job.wants_day(day) && !inputs.skipped.contains(&day),
    };
    set.make(
        read,
        |tables| check_days(job, &inputs, tables.days()),
        || inputs.files(job),
        |report| see_events(job, context, report, &inputs, found.times),
    )
}

/// A set of `dwell` that is made: of a run, or of shards.
pub(in crate::engine) struct SetToMake<'a> {
    pub(in crate::engine) job: &'a Job,
    pub(in crate::engine) context: &'a RunContext,
    pub(in crate::engine) staging: &'a StagingDir,
    pub(in crate::engine) gates: &'a Gates,
    /// Which days are made, of tables by day.
    pub(in crate::engine) wants: &'a (dyn Fn(Day) -> bool + Sync),
}

impl SetToMake<'_> {
    /// Makes the tables and publishes them. `check` checks the days of tables by day before they are written;
    /// `files` gives the files that were read, and `see` what is known of the events for a report.
    ///
    /// # Errors
    /// If the tables cannot be made or written, or are refused.
    pub(in crate::engine) fn make(
        &self,
        mut read: DwellRead,
        check: impl FnOnce(&TablesByDay) -> Result<()>,
        files: impl FnOnce() -> Result<FilesRead>,
        see: impl FnOnce(&DwellReport) -> Result<EventsSeen>,
    ) -> Result<DwellReport> {
        let SetToMake {
            job,
            context,
            staging,
            gates,
            wants,
        } = *self;
        let notice = |report: &DwellReport, files: &FilesRead| {
            let report = report.clone().of_files(files);
            let noticed = notice_dwell(job, files, &report, &see(&report)?)?;
            Ok::<_, Error>(noticed.told(&job.no_warn, repeats_of(job, &report)))
        };
        if job.is_by_day() {
            let found = dwell::collect(job, context, &read, wants)?;
            check(&found)?;
            let written = dwell::make_days(job, context, staging, &read, found)?;
            let files = files()?;
            let noticed = notice(&written.report, &files)?;
            return dwell::publish_days(job, context, staging, (&files, gates), written, noticed);
        }
        // Files and quotas of their own for the tables of places, as rows of users hold part of the memory
        // now.
        read.spills = spills(job, staging, room_for_rows(context));
        context.enter(Stage::WRITE, read.steps());
        let written = dwell::make(job, context, Target::StagingDir(staging), &mut read)?;
        let files = files()?;
        let noticed = notice(&written.report, &files)?;
        dwell::publish(job, context, staging, (&files, gates), written, noticed)
    }
}

/// A warning about repeated events.
fn repeats_of(job: &Job, report: &DwellReport) -> Option<Warning> {
    let what = "events repeat another one on the same flyer in all that they hold";
    let (repeated, rows) = (report.duplicates, report.events);
    input_warnings::repeats(job, Source::Events, repeated, rows, what)
}

/// Makes a shard, and publishes it.
fn make_shard(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    made: (Shard, Instant),
    (read, found): (&DwellRead, EventsFound),
) -> Result<DwellReport> {
    let tables = dwell::write_shard(job, context, staging, read)?;
    let inputs = &found.inputs;
    let files = inputs.files(job)?;
    let report = tables.report(read).of_files(&files);
    let contents = DwellShard {
        settings: manifest::dwell_settings(job, read.types),
        types: read.types,
        asked: DaysAsked::of(job),
        files,
        totals: read.totals.clone(),
        events_count: read.events_count,
        words: found.words.rows(),
        names: found.names,
        seen: see_events(job, context, &report, inputs, found.times)?,
        tables,
    };
    publish(job, context, staging, made, &contents)?;
    Ok(report)
}

/// Reads all events, and partitions them by user.
fn read_events(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    (mut inputs, types): (RunInputs, IdTypes),
) -> Result<(DwellRead, EventsFound)> {
    let spec = read_spec(job);
    let policy = BadRowPolicy::new(&spec, is_whole_column);
    let scan = EventScan::new((&spec, event_choice(job)), &policy, context, types);
    let tasks = inputs.opened.iter();
    let tasks = cut_last(
        &spec,
        tasks.flat_map(|file| file.shared_tasks(&spec)).collect(),
    );
    context.enter(Stage::EVENTS, tasks.iter().map(|task| task.steps).sum());
    let states = spills(job, staging, room_for_rows(context)).into_iter();
    let states = states.map(|spill| scan.state(spill)).collect();
    let states = run_tasks(&tasks, states, |state, task| scan.read(task, state))?;
    let mut events = EventsRead::new(states);
    let times = events.kinds.clone().shown(&spec, &inputs.opened);
    // Here as well as with the other findings: a run that cannot be published need not write.
    times.check(&spec)?;
    inputs.rejected = std::mem::take(&mut events.rejected);
    hit("events read");
    let ranked = rank_and_partition(job, context, events, types)?;
    let RankedEvents {
        read,
        warnings,
        words,
        names,
    } = ranked;
    inputs.warnings.extend(warnings);
    check_names(job, &read)?;
    hit("events dealt");
    let found = EventsFound {
        inputs,
        words,
        names,
        times,
    };
    Ok((read, found))
}

/// The error where exact repeats cannot be found.
pub(in crate::engine) const TOO_MANY_NAMES: &str = "--dedup exact tells events apart by their names, of which there may be \
                              2048 beside those that --opens and --closes name, and found more; \
                              --ignores leaves names out, and --method span looks at none of these";

/// Checks that exact repeats can be found, if the job removes them: that there are not too many names of
/// events.
pub(crate) fn check_names(job: &Job, read: &DwellRead) -> Result<()> {
    let dedups = job.dedup == Dedup::Exact && job.dwell().dwell_method == DwellMethod::Session;
    let are_told = match &read.rows {
        UserRows::Events(rows) => rows.names_told,
        UserRows::Stays(_) => true,
    };
    if dedups && !are_told {
        return Err(Error::settings(TOO_MANY_NAMES));
    }
    Ok(())
}

/// Finds and opens all inputs; also returns the types of their ids.
pub(crate) fn open_inputs(job: &Job, context: &RunContext) -> Result<(RunInputs, IdTypes)> {
    // Before anything is reserved. A run by day has the default advice, which names --from and --to.
    if !job.is_by_day() {
        context.advise("read fewer files, or choose days with --from and --to");
    }
    let mut inputs = find_inputs(job, context)?;
    let sources = inputs.sources.iter();
    let files: Vec<&InputFile> = sources.flat_map(|source| &source.files).collect();
    inputs.opened = open_all(job, &files)?;
    let (spec, opened) = (read_spec(job), &inputs.opened);
    units::check(&spec, opened, &times_of(&spec, Source::Events), None)?;
    let types = id_types(job, opened)?;
    Ok((inputs, types))
}

/// The types of ids: as given, or as in the files.
fn id_types(job: &Job, opened: &[Opened]) -> Result<IdTypes> {
    // Ids of text files stay texts, so that nothing of them is lost.
    let type_of = |name| {
        let name = job.column(Source::Events, name);
        id_type(job, opened, name, CustomerType::String)
    };
    Ok(IdTypes {
        user: type_of("user_id")?,
        flyer: type_of("flyer_id")?,
        merchant: type_of("merchant_id")?,
    })
}
