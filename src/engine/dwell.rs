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

use rayon::prelude::*;

use super::input_warnings::{self, NullWordCounts};
use super::inputs::{check_days, find_inputs, open_all};
use super::resolve::{id_type, in_zone_of_set};
use super::specs::{event_choice, publish_spec, read_spec};
use super::tasks::{in_pool, run_tasks, spills};
use super::unused::notice_dwell;
use crate::catalog::input::InputFile;
use crate::context::{RunContext, Stage};
use crate::dictionary::{Order, RankedDictionary};
use crate::error::{Error, Result};
use crate::failpoint::hit;
use crate::ids::{Key, count64, index};
use crate::job::{CustomerType, Dedup, DwellMethod, Job, JobKind, MoreTable, Publish, Source};
use crate::kernel::chunk::{Chunk, RowChunk};
use crate::kernel::op::dwell::{FlyerAction, FlyerEvent, NAMES_MAX, NOWHERE};
use crate::kernel::partition::{PartitionWriter, Split};
use crate::manifest;
use crate::output::RunInputs;
use crate::output::dwell::{self, DwellRead, DwellReport};
use crate::publish::StagingDir;
use crate::scan::bad_rows::BadRowPolicy;
use crate::scan::events::{EventScan, EventsRead, Heap, IdTypes};
use crate::scan::time_columns::times_of;
use crate::scan::units;
use crate::scan::whole_column::is_whole_column;
use crate::scan::{Opened, Task};
use crate::store::spill::{Partitions, Spill};
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

/// Runs the stages, on a thread of the pool.
fn run(job: &Job, context: &RunContext) -> Result<DwellReport> {
    let (inputs, types) = open_inputs(job, context)?;
    if matches!(job.publish, Publish::AddDays(_)) && !inputs.existing.is_empty() {
        manifest::check_settings(&job.out, &manifest::dwell_settings(job, types))?;
    }
    // An output that cannot be created fails here, before the long read of events.
    let staging = StagingDir::create(publish_spec(job))?;
    let mut read = read_events(job, context, &staging, (inputs, types))?;
    let notice = |read: &DwellRead, report: &DwellReport| {
        let noticed = notice_dwell(job, context, read, report)?;
        let what = "events repeat another one on the same flyer in all that they hold";
        let (repeated, rows) = (report.duplicates, report.events);
        let repeats = input_warnings::repeats(job, Source::Events, repeated, rows, what);
        Ok(noticed.told(&job.no_warn, repeats))
    };
    if job.is_by_day() {
        let found = dwell::collect(job, context, &read)?;
        check_days(job, &read.inputs, found.days())?;
        return dwell::write_days(job, context, &staging, &read, found, notice);
    }
    // Files and quotas of their own for the tables of places, as events hold part of the memory now.
    read.spills = spills(job, context, &staging);
    dwell::write(job, context, &staging, read, notice)
}

/// Reads all events, and partitions them by user.
fn read_events(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    (inputs, types): (RunInputs, IdTypes),
) -> Result<DwellRead> {
    let spec = read_spec(job);
    let policy = BadRowPolicy::new(&spec, is_whole_column);
    let scan = EventScan::new((&spec, event_choice(job)), &policy, context, types);
    let tasks = inputs.opened.iter();
    let tasks: Vec<Task> = tasks.flat_map(|file| file.shared_tasks(&spec)).collect();
    context.enter(Stage::EVENTS, tasks.iter().map(|task| task.steps).sum());
    let states = spills(job, context, staging).into_iter();
    let states = states.map(|spill| scan.state(spill)).collect();
    let states = run_tasks(&tasks, states, |state, task| scan.read(task, state))?;
    let events = EventsRead::new(states);
    let warnings = events.kinds.clone().check(&spec, &inputs.opened)?;
    hit("events read");
    let mut read = rank_and_partition(job, context, events, inputs, types)?;
    check_names(job, &read)?;
    read.inputs.warnings.extend(warnings);
    hit("events dealt");
    Ok(read)
}

/// The error where exact repeats cannot be found.
const TOO_MANY_NAMES: &str = "--dedup exact tells events apart by their names, of which there may be \
                              2048 beside those that --opens and --closes name, and found more; \
                              --ignores leaves names out, and --method span looks at none of these";

/// Checks that exact repeats can be found, if the job removes them: that there are not too many names of
/// events.
pub(crate) fn check_names(job: &Job, read: &DwellRead) -> Result<()> {
    let dedups = job.dedup == Dedup::Exact && job.dwell().dwell_method == DwellMethod::Session;
    if dedups && !read.names_told {
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

/// The rank of each code of a thread.
struct Ranks {
    users: Vec<u32>,
    flyers: Vec<u32>,
    merchants: Vec<u32>,
    /// Those of the names of other events; empty if there are too many names to distinguish.
    others: Vec<u32>,
}

/// Ranks all ids, replaces codes by ranks, and partitions the events by user.
pub(crate) fn rank_and_partition(
    job: &Job,
    context: &RunContext,
    events: EventsRead,
    mut inputs: RunInputs,
    types: IdTypes,
) -> Result<DwellRead> {
    let events_count: u64 = events.heaps.iter().map(|heap| heap.count).sum();
    let report = report_of(&events, &inputs);
    context.enter(Stage::RANK, events_count);
    let warnings = &mut inputs.warnings;
    let source = Some(Source::Events);
    let column = |name| job.column(Source::Events, name);
    let (users, user_ranks) = RankedDictionary::merge(events.users, Order::Id, context)?;
    let (flyers, flyer_ranks) = RankedDictionary::merge(events.flyers, Order::Id, context)?;
    let flyer_words = NullWordCounts::among(|word| flyers.find(word));
    warnings.extend(input_warnings::of_dictionary(
        &flyers,
        source,
        column("flyer_id"),
    ));
    // Without a table of flyers only their ranks are used from here on.
    let flyers = if job.dwell().makes(MoreTable::Flyer) {
        Some(flyers)
    } else {
        flyers.free_memory(context);
        None
    };
    let (merchants, merchant_ranks) =
        RankedDictionary::merge(events.merchants, Order::Id, context)?;
    let mut words = EventNullWords {
        users: NullWordCounts::among(|word| users.find(word)),
        flyers: flyer_words,
        merchants: NullWordCounts::among(|word| merchants.find(word)),
    };
    for (ids, name) in [(&users, "user_id"), (&merchants, "merchant_id")] {
        warnings.extend(input_warnings::of_dictionary(ids, source, column(name)));
    }
    let (others, other_ranks) = RankedDictionary::merge(events.others, Order::Id, context)?;
    // An event has 11 bits for the number of its name.
    let names_told = others.count() <= NAMES_MAX;
    others.free_memory(context);
    let ranks = user_ranks.into_iter().zip(flyer_ranks).zip(merchant_ranks);
    let ranks = ranks.zip(other_ranks);
    let ranks = ranks.map(|(((users, flyers), merchants), others)| Ranks {
        users,
        flyers,
        merchants,
        others: if names_told { others } else { Vec::new() },
    });
    // Unlike in the other jobs, partitions decide bytes here, as a row group has the users of one.
    // So they follow from counts alone, and `Tuning::partition_bits` does not apply.
    let split = Split::new(users.count(), Split::bits_for(events_count));
    // Both are in the order of threads, so each heap gets the ranks of its own codes.
    let heaps: Vec<_> = events.heaps.into_iter().zip(ranks).collect();
    let partitioned: Vec<Result<_>> = heaps
        .into_par_iter()
        .map(|(heap, ranks)| partition_heap(heap, &ranks, split, words.clone(), context))
        .collect();
    let (mut writers, mut spills) = (Vec::new(), Vec::new());
    for thread in partitioned {
        let thread = thread?;
        writers.push(thread.writer);
        spills.push(thread.spill);
        words.merge(&thread.words);
    }
    warnings.extend(words.warnings(job));
    inputs.rejected = events.rejected;
    Ok(DwellRead {
        report,
        inputs,
        types,
        users,
        flyers,
        merchants,
        partitions: Partitions::gather(split, writers, spills),
        events_count,
        names_told,
        spills: Vec::new(),
    })
}

/// The counts of what was read.
fn report_of(events: &EventsRead, inputs: &RunInputs) -> DwellReport {
    DwellReport {
        files: count64(inputs.opened.len()),
        events: events.rows_read,
        opens: events.opens_count,
        others: events.others_count,
        ignored: events.ignored_count,
        null_users: events.skipped.users,
        null_flyers: events.skipped.flyers,
        null_merchants: events.skipped.merchants,
        ..DwellReport::default()
    }
}

/// The events of one thread, partitioned by user.
struct PartitionedHeap {
    writer: PartitionWriter<RowChunk<FlyerEvent>>,
    spill: Spill,
    words: EventNullWords,
}

/// Partitions the events of one thread, and replaces codes by ranks.
fn partition_heap(
    mut heap: Heap,
    ranks: &Ranks,
    split: Split,
    words: EventNullWords,
    context: &RunContext,
) -> Result<PartitionedHeap> {
    let mut partitioned = PartitionedHeap {
        writer: PartitionWriter::new(split),
        // A file of its own: that of the scan is read while this one is written.
        spill: heap.spill.next(),
        words,
    };
    // The scan puts all events of a thread into one partition, as ranks are not known there.
    for chunk in heap.scatter.take(0) {
        partitioned.add(&chunk, ranks, context)?;
        partitioned.writer.recycle(chunk);
    }
    // Chunks that are read back are not reused: there may be more of them than fit in memory.
    heap.spill
        .drain(context, |chunk| partitioned.add(&chunk, ranks, context))?;
    context.count_spilled(heap.spill.bytes() + partitioned.spill.bytes());
    Ok(partitioned)
}

impl PartitionedHeap {
    /// Adds the events of a chunk, and frees its memory in the account.
    fn add(
        &mut self,
        chunk: &RowChunk<FlyerEvent>,
        ranks: &Ranks,
        context: &RunContext,
    ) -> Result<()> {
        // Counted here, where each event passes anyway: there is no further pass over the events.
        self.words.count(chunk, ranks);
        context.check()?;
        for event in chunk.rows() {
            let user = ranks.users[index(event.user)];
            let (mut flyer, mut merchant) = (NOWHERE, NOWHERE);
            if event.flyer != NOWHERE {
                flyer = ranks.flyers[index(event.flyer)];
                merchant = ranks.merchants[index(event.merchant)];
            }
            let wall = match event.wall.action() {
                FlyerAction::Other => {
                    // If there are too many names, the list is empty, and no event of another name
                    // counts as a repeat.
                    let name = ranks.others.get(index(event.wall.name()));
                    event.wall.named(name.copied().unwrap_or(0))
                }
                _ => event.wall,
            };
            let partition = self.writer.partition_of(Key(user));
            self.spill.make_room(&mut self.writer, partition, context)?;
            self.writer.open(partition).push(FlyerEvent {
                time: event.time,
                wall,
                user,
                flyer,
                merchant,
            });
        }
        context.count_done(count64(chunk.rows().len()));
        context.free_memory(chunk.bytes());
        Ok(())
    }
}

/// The null words among users, flyers and merchants, and the events that hold them.
#[derive(Clone)]
struct EventNullWords {
    users: NullWordCounts,
    flyers: NullWordCounts,
    merchants: NullWordCounts,
}

impl EventNullWords {
    /// Counts the events of a chunk, whose ids are codes.
    fn count(&mut self, chunk: &RowChunk<FlyerEvent>, ranks: &Ranks) {
        let events = || chunk.rows().iter();
        // Other events have no merchant either, and `NOWHERE` is no index into ranks.
        let on_flyers = || events().filter(|event| event.flyer != NOWHERE);
        if !self.users.are_none() {
            self.users
                .count(events().map(|event| ranks.users[index(event.user)]));
        }
        if !self.flyers.are_none() {
            self.flyers
                .count(on_flyers().map(|event| ranks.flyers[index(event.flyer)]));
        }
        if !self.merchants.are_none() {
            self.merchants
                .count(on_flyers().map(|event| ranks.merchants[index(event.merchant)]));
        }
    }

    /// Adds the events that another thread counted.
    fn merge(&mut self, other: &EventNullWords) {
        self.users.merge(&other.users);
        self.flyers.merge(&other.flyers);
        self.merchants.merge(&other.merchants);
    }

    /// The warnings, in the order users, flyers, merchants.
    fn warnings(&self, job: &Job) -> Vec<Warning> {
        let columns = [
            (&self.users, "user_id"),
            (&self.flyers, "flyer_id"),
            (&self.merchants, "merchant_id"),
        ];
        let warnings = columns
            .into_iter()
            .flat_map(|(words, name)| words.warnings(job, Source::Events, name));
        warnings.collect()
    }
}
