//! The stages one by one, over synthetic input, for `benches/`. Not part of the public interface.
//!
//! **In / Out**: sizes → [`Log`], and from that each stage in turn, a function of the result before.
//! The result has a [`Checksum`], which [`Log::checksum`] also computes without the engine's code.

use bumpalo::Bump;

use crate::context::RunContext;
use crate::dictionary::probes::Probes;
use crate::encode::{Block, BlockRow, Encoder, EncoderScratch};
use crate::engine::specs::write_spec;
use crate::error::Result;
use crate::ids::{ActionType, Day, Key, Micros, count32, count64, index};
use crate::job::{CustomerType, Dedup, Job, Settings};
use crate::kernel::column::{Customer, EventChunk, Impression, Impressions, Label};
use crate::kernel::event::Event;
use crate::kernel::op::sequences::{Histories, ProbeRuns};
use crate::kernel::partition::{PartitionWriter, Split};
use crate::kernel::passthrough::PassthroughRow;
use crate::kernel::sort::{Sorted, Unsorted};
use crate::store::spill::Partitions;

/// Actions of some customers, in the order of a log: by day, unordered within it.
#[derive(Debug)]
pub struct Log {
    events: Vec<(Key, Event<i32>)>,
    customers: u32,
}

/// The count of actions in all histories, and a sum of hashes over their contents and positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    /// Actions.
    pub actions: u64,
    /// A sum of hashes.
    pub sum: u64,
}

impl Checksum {
    /// Adds the action at a place of a customer's history, 0 the newest.
    fn add(&mut self, customer: u32, place: usize, item: i32, kind: ActionType) {
        let seed = u64::from(customer) << 40 ^ count64(place) << 8 ^ u64::from(kind.0);
        let item = u64::from(item.cast_unsigned());
        let hash = (seed ^ item << 20).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.actions += 1;
        // A sum does not depend on the order of customers, which the engine takes partition by
        // partition.
        self.sum = self.sum.wrapping_add(hash ^ hash >> 29);
    }
}

/// The size of a log, and the distribution of its actions over customers.
#[derive(Clone, Copy, Debug)]
pub struct LogShape {
    /// Actions.
    pub actions: u32,
    /// Customers.
    pub customers: u32,
    /// Whether the n-th customer has 1/n of the actions of the first, instead of as many.
    pub zipf: bool,
}

/// Days of a log.
const DAYS: u32 = 365;
/// Seconds of a day.
const DAY_SECONDS: u64 = 86_400;
/// The cutoff: the start of the log's last day.
const CUTOFF: Micros = Micros(364 * 86_400_000_000);
/// Actions of a history, at most.
const ACTIONS_MAX: u32 = 1000;

impl Log {
    /// A log of a shape.
    pub fn new(shape: LogShape) -> Log {
        let mut state = 0x5DEE_CE66_u64;
        let mut number = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state >> 16
        };
        // Weights of customers, summed up, to draw from.
        let mut total = 0;
        let weights = (0..u64::from(shape.customers)).map(|at| {
            total += if shape.zipf { (1 << 32) / (at + 1) } else { 1 };
            total
        });
        let weights: Vec<u64> = weights.collect();
        let total = weights.last().copied().unwrap_or(1);
        let per_day = shape.actions.div_ceil(DAYS).max(1);
        let events = (0..shape.actions).map(|at| {
            let drawn = number() % total;
            let key = Key(count32(weights.partition_point(|end| *end <= drawn)));
            let day = u64::from(at / per_day);
            let second = day * DAY_SECONDS + number() % DAY_SECONDS;
            let time = Micros(i64::try_from(second).expect("a year") * 1_000_000);
            let kind = match number() % 167 {
                0..150 => ActionType(1),
                150..165 => ActionType(2),
                _ => ActionType(3),
            };
            let item = i32::try_from(1 + number() % 500_000).expect("small");
            let event = Event {
                time,
                known_after: time,
                kind,
                item,
            };
            (key, event)
        });
        Log {
            events: events.collect(),
            customers: shape.customers,
        }
    }

    /// The number of actions.
    pub fn actions(&self) -> usize {
        self.events.len()
    }

    /// The checksum of all histories at the cutoff, computed without the engine: by one sort of all
    /// actions.
    pub fn checksum(&self) -> Checksum {
        let prior = self
            .events
            .iter()
            .filter(|(_, event)| event.time.0 < CUTOFF.0);
        let mut rows: Vec<_> = prior
            .map(|(key, event)| (key.0, event.time.0, event.kind.0, event.item))
            .collect();
        rows.sort_unstable_by(|a, b| (a.0, b.1, b.2, b.3).cmp(&(b.0, a.1, a.2, a.3)));
        let mut checksum = Checksum::default();
        for of_one in rows.chunk_by(|a, b| a.0 == b.0) {
            for (place, row) in of_one.iter().take(index(ACTIONS_MAX)).enumerate() {
                checksum.add(row.0, place, row.3, ActionType(row.2));
            }
        }
        checksum
    }

    /// The first stage: events to chunk lists.
    pub fn partition(&self) -> Partitioned {
        let context = RunContext::default();
        let bits = Split::bits_for(count64(self.events.len()));
        let split = Split::new(self.customers, bits);
        let mut scatter = PartitionWriter::new(split);
        for (key, event) in &self.events {
            let partition = scatter.partition_of(*key);
            if scatter.is_full(partition) {
                let added = scatter.add_chunk(partition, &context);
                added.expect("there is no limit");
            }
            scatter.push(partition, *key, *event);
        }
        Partitioned(Partitions::gather(split, vec![scatter], Vec::new()))
    }
}

/// Chunk lists.
#[derive(Debug)]
pub struct Partitioned(Partitions<EventChunk<i32>>);

impl Partitioned {
    /// The second stage: chunk lists to sorted runs.
    pub fn sort(self) -> SortedRuns {
        let (context, mut scratch) = (RunContext::default(), Bump::new());
        let sort_one = |at| {
            let keys = self.0.keys_of(at);
            let chunks = self.0.take(at, &context).expect("there is no limit");
            let sorted = Unsorted::new(chunks).sort(index(keys.end - keys.start), &mut scratch);
            (keys, sorted)
        };
        SortedRuns((0..self.0.count()).map(sort_one).collect())
    }
}

/// Sorted runs.
#[derive(Debug)]
pub struct SortedRuns(Vec<(std::ops::Range<u32>, Sorted<i32>)>);

impl SortedRuns {
    /// The third stage: runs to windows, with `probes_per_customer` probes of each customer at the
    /// cutoff.
    pub fn sweep(self, probes_per_customer: usize) -> Swept {
        let mut first_probe = 0;
        let sweep_one = |(keys, sorted): (std::ops::Range<u32>, _)| {
            let ends: Vec<usize> = (1..=keys.len())
                .map(|at| at * probes_per_customer)
                .collect();
            let count = keys.len() * probes_per_customer;
            let runs = ProbeRuns {
                first_probe,
                ends,
                cutoffs: &vec![CUTOFF; count],
                lookback_starts: &vec![Micros::MIN; count],
            };
            first_probe += count;
            (
                keys,
                Histories::new(sorted, &runs, ACTIONS_MAX, Dedup::None),
            )
        };
        Swept {
            all: self.0.into_iter().map(sweep_one).collect(),
            probes_per_customer,
        }
    }
}

/// Windows.
#[derive(Debug)]
pub struct Swept {
    /// The histories of each partition.
    all: Vec<(std::ops::Range<u32>, Histories<i32>)>,
    probes_per_customer: usize,
}

impl Swept {
    /// The checksum of the histories, once per customer.
    pub fn checksum(&self) -> Checksum {
        let (mut checksum, mut picked) = (Checksum::default(), Vec::new());
        for (keys, histories) in &self.all {
            let sorted = histories.sorted();
            for (at, key) in keys.clone().enumerate() {
                let probe = histories.probes().start + at * self.probes_per_customer;
                let history = histories.history(probe, CUTOFF, ACTIONS_MAX, &mut picked);
                let end = history.newest().map_or(0, |newest| newest + 1);
                for place in 0..history.count() {
                    let at = end - 1 - place;
                    checksum.add(key, place, sorted.items()[at], sorted.kinds()[at]);
                }
            }
        }
        checksum
    }
}

/// Rows of one row group, to be encoded over and over.
#[derive(Debug)]
pub struct RowGroupInput {
    job: Job,
    context: RunContext,
    probes: Probes<i32>,
    histories: std::sync::Arc<Histories<i32>>,
}

impl RowGroupInput {
    /// Impressions of ten items each, `per_customer` of each of some customers, whose histories
    /// have `length` actions before the first and one more between each and the next.
    ///
    /// # Errors
    /// If the settings contradict each other.
    pub fn new(
        settings: Settings,
        customers: u32,
        per_customer: u32,
        length: u32,
    ) -> Result<RowGroupInput> {
        let job = Job::new(settings)?;
        let mut impressions = Impressions::empty(false);
        let (context, mut number) = (RunContext::default(), 1_u64);
        let mut scatter = PartitionWriter::new(Split::new(customers, 0));
        for customer in 0..customers {
            for at in 0..per_customer {
                let items: Vec<_> = (0..10).map(|item| (item + 1, Label::No, item)).collect();
                impressions.push(&Impression {
                    customer: Customer::Int(i64::from(customer)),
                    day: Day(0),
                    cutoff: Micros(i64::from(length + at)),
                    lookback_start: Micros::MIN,
                    ranking: &format!("r-{customer}-{at}"),
                    items: &items,
                    passthrough: &PassthroughRow::default(),
                });
            }
        }
        let probes = Probes::new(impressions);
        for key in 0..customers {
            for at in 0..length + per_customer {
                number = number
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let time = Micros(i64::from(at));
                // Known when they happen, so that histories are windows, as in jobs without late
                // actions.
                let event = Event {
                    time,
                    known_after: time,
                    kind: if number >> 40 & 15 == 0 {
                        ActionType(2)
                    } else {
                        ActionType(1)
                    },
                    item: i32::try_from(1 + (number >> 33) % 500_000).expect("small"),
                };
                if scatter.is_full(0) {
                    scatter.add_chunk(0, &context).expect("there is no limit");
                }
                scatter.push(0, Key(key), event);
            }
        }
        let sorted = Unsorted::new(scatter.take(0)).sort(index(customers), &mut Bump::new());
        let runs = ProbeRuns {
            first_probe: 0,
            ends: (1..=index(customers))
                .map(|at| at * index(per_customer))
                .collect(),
            cutoffs: &probes.cutoffs,
            lookback_starts: &probes.lookback_starts,
        };
        let histories =
            Histories::new(sorted, &runs, job.sequences().actions_limit(), Dedup::None).into();
        Ok(RowGroupInput {
            job,
            context: RunContext::default(),
            probes,
            histories,
        })
    }

    /// An encoder of the rows, with its scratch memory.
    ///
    /// # Errors
    /// If Parquet cannot represent the schema, which does not happen.
    pub fn encoder(&self) -> Result<RowEncoder<'_>> {
        let encoder = Encoder::new(write_spec(&self.job, CustomerType::Int64), &self.context)?;
        let bench = encoder.scratch();
        Ok(RowEncoder {
            rows: self,
            encoder,
            bench,
        })
    }

    /// Bytes of the two columns of histories, if they were materialized.
    pub fn logical_bytes(&self) -> u64 {
        let width = count64(size_of::<i32>() + 1) * u64::from(self.job.sequences().actions_limit());
        count64(self.probes.impressions.items.len()) * width
    }
}

/// Encodes the same rows over and over.
pub struct RowEncoder<'a> {
    rows: &'a RowGroupInput,
    encoder: Encoder<'a>,
    /// What a thread needs.
    bench: EncoderScratch,
}

impl RowEncoder<'_> {
    /// Encodes all rows as one row group; gives its bytes.
    ///
    /// # Errors
    /// If the encoder fails; it has no reason to.
    pub fn encode(&mut self) -> Result<u64> {
        let probes = &self.rows.probes;
        let rows = (0..count32(probes.rows.len())).map(|probe| BlockRow {
            probe,
            partition: 0,
            items_start: 0,
            items_end: 10,
        });
        let block = Block {
            probes,
            rows: rows.collect(),
            histories: vec![std::sync::Arc::clone(&self.rows.histories)],
        };
        Ok(self.encoder.encode(&mut self.bench, &block)?.bytes())
    }
}
