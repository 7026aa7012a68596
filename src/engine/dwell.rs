//! The data path of `dwell`.
//!
//! ```text
//! events ──► scan: intern ──► rank ids ──► deal to partitions of users ──► op ──► two tables ──► publish
//! ```
//! **Invariants**: codes are a thread's own; from `rank` on there are only ranks, which depend on
//! the set of ids alone, and so does all that comes after.
//! **Why so**: events are dealt to partitions after all users are known and not while they are
//! read, because the tables are in the order of users. That costs one more pass over the events,
//! measured at a twentieth of the run, and saves sorting the rows of the output.

use rayon::prelude::*;

use super::doubts::{self, Words};
use super::resolve::id_type;
use super::specs::{publish_spec, read_spec};
use super::unused::notice_dwell;
use super::{check_question, in_pool, look, open_all, run_tasks, spills};
use crate::catalog::input::InputFile;
use crate::context::{RunContext, Stage};
use crate::dictionary::{Order, RankedDictionary};
use crate::error::{Error, Result};
use crate::failpoint::hit;
use crate::ids::{Key, count64, index};
use crate::job::{CustomerType, Dedup, DwellMethod, Job, JobKind, Source};
use crate::kernel::chunk::{Chunk, RowChunk};
use crate::kernel::op::dwell::{Deed, FlyerEvent, NAMES_MAX, NOWHERE};
use crate::kernel::partition::{PartitionWriter, Split};
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

/// Runs a job of [`JobKind::Dwell`]: reads events, and writes and publishes the two tables.
///
/// # Errors
/// Whatever stands in the way; nothing is published then.
///
/// # Examples
/// ```no_run
/// use hitherto::{Control, Dwell, Job, Settings, Source, dwell};
///
/// let settings = Settings {
///     ask: Dwell::default().into(),
///     paths: vec![(Source::Events, "events.csv".into())],
///     out: "visits".into(),
///     threads: 2,
///     ..Settings::default()
/// };
/// let report = dwell(&Job::new(settings)?, &Control::default())?;
/// println!("{} users", report.users);
/// # Ok::<(), hitherto::Error>(())
/// ```
pub fn dwell(job: &Job, context: &RunContext) -> Result<DwellReport> {
    check_question(job, JobKind::Dwell)?;
    in_pool(job, || run(job, context))
}

/// Runs a job on the threads that it may have.
fn run(job: &Job, context: &RunContext) -> Result<DwellReport> {
    let (inputs, types) = find(job, context)?;
    // Made before the events are read, so that an output that cannot be made costs no waiting.
    let staging = StagingDir::create(publish_spec(job))?;
    let spec = read_spec(job);
    let policy = BadRowPolicy::new(&spec, is_whole_column);
    let scan = EventScan::new((&spec, job.dwell().dwell_method), &policy, context, types);
    let tasks = inputs.opened.iter();
    let tasks: Vec<Task> = tasks.flat_map(|file| file.shared_tasks(&spec)).collect();
    context.enter(Stage::EVENTS, tasks.iter().map(|task| task.steps).sum());
    let states = spills(job, context, &staging).into_iter();
    let states = states.map(|spill| scan.state(spill)).collect();
    let states = run_tasks(&tasks, states, |state, task| scan.read(task, state))?;
    let events = EventsRead::new(states);
    let of_times = events.kinds.clone().check(&spec, &inputs.opened)?;
    hit("events read");
    let mut read = rank_and_partition((job, context), (events, inputs, types))?;
    check_names(job, &read)?;
    read.spills = spills(job, context, &staging);
    read.inputs.warnings.extend(of_times);
    hit("events dealt");
    let notice = |read: &DwellRead, report: &DwellReport| {
        let noticed = notice_dwell((job, context), read, report)?;
        let what = "events repeat another one on the same flyer in all that they hold";
        let repeated = (report.duplicates, report.events);
        let repeats = doubts::repeats(job, repeated, (Source::Events, what));
        Ok(noticed.told(&job.no_warn, repeats))
    };
    dwell::write(job, context, &staging, read, notice)
}

/// What is said of a job that cannot tell repeats.
const TOO_MANY_NAMES: &str = "--dedup exact tells events apart by their names, of which there may be \
                              2048 beside flyer_open, item_open and flyer_close, and found more; \
                              --method span looks at none of these";

/// An error where repeats are to be left out and cannot be told.
pub(crate) fn check_names(job: &Job, read: &DwellRead) -> Result<()> {
    let leaves_out = job.dedup == Dedup::Exact && job.dwell().dwell_method == DwellMethod::Session;
    match leaves_out && !read.names_told {
        true => Err(Error::settings(TOO_MANY_NAMES)),
        false => Ok(()),
    }
}

/// Looks for inputs and opens them; also gives the types of their ids.
pub(crate) fn find(job: &Job, context: &RunContext) -> Result<(RunInputs, IdTypes)> {
    context.advise("read fewer files, such as those of fewer days");
    let mut inputs = look(job, context)?;
    let files: Vec<&InputFile> = inputs.sources.iter().flat_map(|of| &of.files).collect();
    inputs.opened = open_all(job, &files)?;
    let (spec, opened) = (read_spec(job), &inputs.opened);
    units::check(&spec, opened, &times_of(&spec, Source::Events), None)?;
    let types = id_types(job, opened)?;
    Ok((inputs, types))
}

/// The types of ids: as the job says, or as the files have them.
fn id_types(job: &Job, opened: &[Opened]) -> Result<IdTypes> {
    // In text files ids are texts, of which nothing is lost.
    let of = |name| {
        let name = job.column(Source::Events, name);
        id_type(job, opened, name, CustomerType::String)
    };
    Ok(IdTypes {
        user: of("user_id")?,
        flyer: of("flyer_id")?,
        merchant: of("merchant_id")?,
    })
}

/// The rank of each code of a thread.
struct Ranks {
    users: Vec<u32>,
    flyers: Vec<u32>,
    merchants: Vec<u32>,
    /// Of names of other events; none, where they are not told apart.
    others: Vec<u32>,
}

/// Ranks all ids, and deals the events to partitions of users.
pub(crate) fn rank_and_partition(
    (job, context): (&Job, &RunContext),
    (read, mut inputs, types): (EventsRead, RunInputs, IdTypes),
) -> Result<DwellRead> {
    let events_count: u64 = read.heaps.iter().map(|heap| heap.count).sum();
    context.enter(Stage::RANK, events_count);
    let (users, of_users) = RankedDictionary::merge(read.users, Order::Id, context)?;
    let (flyers, of_flyers) = RankedDictionary::merge(read.flyers, Order::Id, context)?;
    let mut words = [
        Words::default(),
        Words::among(|word| flyers.find(word)),
        Words::default(),
    ];
    let warnings = &mut inputs.warnings;
    let column = |ours| (Some(Source::Events), job.column(Source::Events, ours));
    warnings.extend(doubts::float_ids_of(&flyers, column("flyer_id")));
    flyers.free_memory(context);
    let (merchants, of_merchants) = RankedDictionary::merge(read.merchants, Order::Id, context)?;
    words[0] = Words::among(|word| users.find(word));
    words[2] = Words::among(|word| merchants.find(word));
    warnings.extend(doubts::float_ids_of(&users, column("user_id")));
    warnings.extend(doubts::float_ids_of(&merchants, column("merchant_id")));
    let (others, of_others) = RankedDictionary::merge(read.others, Order::Id, context)?;
    let names_told = others.count() <= NAMES_MAX;
    others.free_memory(context);
    let ranks = of_users.into_iter().zip(of_flyers).zip(of_merchants);
    let ranks = ranks.zip(of_others);
    let ranks = ranks.map(|(((users, flyers), merchants), others)| Ranks {
        users,
        flyers,
        merchants,
        others: if names_told { others } else { Vec::new() },
    });
    let split = Split::new(users.count(), Split::bits_for(events_count));
    let heaps: Vec<_> = read.heaps.into_iter().zip(ranks).collect();
    let partitioned: Vec<Result<_>> = heaps
        .into_par_iter()
        .map(|(heap, ranks)| deal_heap((split, words.clone()), heap, &ranks, context))
        .collect();
    let partitioned = partitioned.into_iter().collect::<Result<Vec<_>>>()?;
    let (mut scatters, mut own) = (Vec::new(), Vec::new());
    for (scatter, spill, counted) in partitioned {
        scatters.push(scatter);
        own.push(spill);
        words
            .iter_mut()
            .zip(&counted)
            .for_each(|(all, of)| all.merge(of));
    }
    for (words, ours) in words.iter().zip(["user_id", "flyer_id", "merchant_id"]) {
        warnings.extend(words.warnings(job, (Source::Events, ours)));
    }
    inputs.rejected = read.rejected;
    Ok(DwellRead {
        report: DwellReport {
            files: count64(inputs.opened.len()),
            events: read.rows_read,
            opens: read.opens_count,
            null_users: read.skipped.users,
            null_flyers: read.skipped.flyers,
            null_merchants: read.skipped.merchants,
            ..DwellReport::default()
        },
        inputs,
        types,
        users,
        merchants,
        partitions: Partitions::gather(split, scatters, own),
        events_count,
        names_told,
        spills: Vec::new(),
    })
}

/// Deals the events of one thread to partitions, and puts ranks in the place of codes.
fn deal_heap(
    (split, mut words): (Split, WordsOf),
    mut heap: Heap,
    ranks: &Ranks,
    context: &RunContext,
) -> Result<(PartitionWriter<RowChunk<FlyerEvent>>, Spill, WordsOf)> {
    let mut scatter = PartitionWriter::new(split);
    let mut spill = heap.spill.next();
    for chunk in heap.scatter.take(0) {
        count_words(&chunk, ranks, &mut words);
        deal_chunk(&chunk, ranks, context, (&mut scatter, &mut spill))?;
        scatter.recycle(chunk);
    }
    // What is read back is not used again: there may be more of it than memory has room for.
    heap.spill.drain(context, |chunk| {
        count_words(&chunk, ranks, &mut words);
        deal_chunk(&chunk, ranks, context, (&mut scatter, &mut spill))
    })?;
    context.count_spilled(heap.spill.bytes() + spill.bytes());
    Ok((scatter, spill, words))
}

/// Words for nobody among users, flyers and merchants.
type WordsOf = [Words; 3];

/// Counts the events of a chunk that hold words for nobody.
fn count_words(chunk: &RowChunk<FlyerEvent>, ranks: &Ranks, words: &mut WordsOf) {
    let [users, flyers, merchants] = words;
    let events = || chunk.rows().iter();
    let placed = || events().filter(|event| event.flyer != NOWHERE);
    if !users.are_none() {
        users.count(events().map(|of| ranks.users[index(of.user)]));
    }
    if !flyers.are_none() {
        flyers.count(placed().map(|of| ranks.flyers[index(of.flyer)]));
    }
    if !merchants.are_none() {
        merchants.count(placed().map(|of| ranks.merchants[index(of.merchant)]));
    }
}

/// Deals the events of a chunk, and takes it off the account.
fn deal_chunk(
    chunk: &RowChunk<FlyerEvent>,
    ranks: &Ranks,
    context: &RunContext,
    (scatter, spill): (&mut PartitionWriter<RowChunk<FlyerEvent>>, &mut Spill),
) -> Result<()> {
    context.check()?;
    for event in chunk.rows() {
        let user = ranks.users[index(event.user)];
        let (mut flyer, mut merchant) = (NOWHERE, NOWHERE);
        if event.flyer != NOWHERE {
            flyer = ranks.flyers[index(event.flyer)];
            merchant = ranks.merchants[index(event.merchant)];
        }
        let wall = match event.wall.deed() {
            Deed::Other => {
                let name = ranks.others.get(index(event.wall.name()));
                event.wall.named(name.copied().unwrap_or(0))
            }
            _ => event.wall,
        };
        let partition = scatter.partition_of(Key(user));
        spill.make_room(scatter, partition, context)?;
        scatter.open(partition).push(FlyerEvent {
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
