//! Events of all threads to partitions of users: ids are ranked, and codes become ranks.

use rayon::prelude::*;

use crate::context::{RunContext, Stage};
use crate::dictionary::{Order, RankedDictionary};
use crate::engine::input_warnings::{self, NullWordCounts, WordRows};
use crate::error::Result;
use crate::ids::{Key, count64, index};
use crate::job::{Job, MoreTable, Source};
use crate::kernel::chunk::{Chunk, RowChunk};
use crate::kernel::hash::hash_of_text;
use crate::kernel::op::dwell::{FlyerAction, FlyerEvent, NAMES_MAX, NOWHERE};
use crate::kernel::partition::{PartitionWriter, Split};
use crate::output::dwell::{DwellRead, EventRows, EventTotals, UserRows};
use crate::scan::events::{EventsRead, Heap, IdTypes};
use crate::store::spill::{Partitions, Spill};
use crate::warnings::Warning;

/// The rank of each code of a thread.
struct Ranks {
    users: Vec<u32>,
    flyers: Vec<u32>,
    merchants: Vec<u32>,
    /// Those of the names of other events; empty if there are too many names to distinguish.
    others: Vec<u32>,
}

/// Events in partitions of users, and what was found in their ids.
pub(crate) struct RankedEvents {
    pub(crate) read: DwellRead,
    /// Warnings about ids, but not of a shard.
    pub(crate) warnings: Vec<Warning>,
    /// The null words among the ids.
    pub(crate) words: EventNullWords,
    /// Hashes of the names of events that neither open nor close anything, for a shard that somebody else has
    /// dealt: others have other names.
    pub(crate) names: Vec<u64>,
}

/// Ranks all ids, replaces codes by ranks, and partitions the events by user.
pub(crate) fn rank_and_partition(
    job: &Job,
    context: &RunContext,
    events: EventsRead,
    types: IdTypes,
) -> Result<RankedEvents> {
    let events_count: u64 = events.heaps.iter().map(|heap| heap.count).sum();
    let totals = totals_of(&events);
    context.enter(Stage::RANK, events_count);
    let (users, user_ranks) = RankedDictionary::merge(events.users, Order::Id, context)?;
    let (flyers, flyer_ranks) = RankedDictionary::merge(events.flyers, Order::Id, context)?;
    let (merchants, merchant_ranks) =
        RankedDictionary::merge(events.merchants, Order::Id, context)?;
    let mut words = EventNullWords {
        users: NullWordCounts::among(|word| users.find(word)),
        flyers: NullWordCounts::among(|word| flyers.find(word)),
        merchants: NullWordCounts::among(|word| merchants.find(word)),
    };
    // Of a shard all ids are handed on, and looked at together.
    let (warnings, flyers) = if job.shard.is_some() {
        (Vec::new(), Some(flyers))
    } else {
        let warnings = warn_of_ids(job, [&flyers, &users, &merchants]);
        (warnings, flyers_of_table(job, context, flyers))
    };
    let (others, other_ranks) = RankedDictionary::merge(events.others, Order::Id, context)?;
    // An event has 11 bits for the number of its name.
    let names_told = others.count() <= NAMES_MAX;
    let mut names = Vec::new();
    if job.dealt_shard().is_some() {
        names.extend(others.texts().map(hash_of_text));
        names.sort_unstable();
        names.dedup();
    }
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
    let partitions = Partitions::gather(split, writers, spills);
    let read = DwellRead {
        totals,
        types,
        users,
        flyers,
        merchants,
        rows: UserRows::Events(EventRows {
            partitions,
            names_told,
        }),
        events_count,
        spills: Vec::new(),
    };
    Ok(RankedEvents {
        read,
        warnings,
        words,
        names,
    })
}

/// The counts of what was read.
fn totals_of(events: &EventsRead) -> EventTotals {
    EventTotals {
        events: events.rows_read,
        opens: events.opens_count,
        others: events.others_count,
        ignored: events.ignored_count,
        null_users: events.skipped.users,
        null_flyers: events.skipped.flyers,
        null_merchants: events.skipped.merchants,
        duplicates: 0,
    }
}

/// Warnings about ids that look like floats: of all flyers, users and merchants.
pub(in crate::engine) fn warn_of_ids(
    job: &Job,
    [flyers, users, merchants]: [&RankedDictionary; 3],
) -> Vec<Warning> {
    let columns = [
        (flyers, "flyer_id"),
        (users, "user_id"),
        (merchants, "merchant_id"),
    ];
    let warnings = columns.into_iter().filter_map(|(ids, name)| {
        let column = job.column(Source::Events, name);
        input_warnings::of_dictionary(ids, Some(Source::Events), column)
    });
    warnings.collect()
}

/// The flyers, if there is a table of them; otherwise only their ranks are used.
pub(in crate::engine) fn flyers_of_table(
    job: &Job,
    context: &RunContext,
    flyers: RankedDictionary,
) -> Option<RankedDictionary> {
    if job.dwell().makes(MoreTable::Flyer) {
        return Some(flyers);
    }
    flyers.free_memory(context);
    None
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
pub(crate) struct EventNullWords {
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

    /// The rows by word: of users, flyers and merchants.
    pub(in crate::engine) fn rows(&self) -> [WordRows; 3] {
        [&self.users, &self.flyers, &self.merchants].map(NullWordCounts::rows)
    }
}

/// The warnings about null words, given their rows: of users, flyers and merchants.
pub(in crate::engine) fn warn_of_words(job: &Job, rows: &[WordRows; 3]) -> Vec<Warning> {
    let columns = rows.iter().zip(["user_id", "flyer_id", "merchant_id"]);
    let warnings = columns
        .flat_map(|(rows, name)| NullWordCounts::of_rows(rows).warnings(job, Source::Events, name));
    warnings.collect()
}
