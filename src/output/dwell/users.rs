//! The table of users: the time of each with each merchant on each day.

use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, Schema};
use bumpalo::Bump;

use super::DwellRead;
use crate::context::RunContext;
use crate::encode::TableEncoder;
use crate::error::Result;
use crate::ids::{Day, Key, both, count64};
use crate::job::{Dedup, DwellMethod, Job};
use crate::kernel::chunk::RowChunk;
use crate::kernel::op::dwell::{RepeatRule, Scratch, Stay, UserDay, sessions, spans};
use crate::kernel::partition::{PartitionWriter, Split};
use crate::kernel::sort::sort_run;
use crate::metrics::StaySeconds;
use crate::output::columns::{Dates, days_array, id_field, ids_array, numbers_array};
use crate::output::in_order::lock;
use crate::output::runs::KeyRuns;
use crate::output::table::{TableFiles, TableRows, put_count, put_id, put_number};
use crate::publish::{Part, Target};
use crate::scan::events::IdTypes;
use crate::store::spill::Spill;

/// Buffers of a thread.
#[derive(Default)]
struct UserBuffers {
    arena: Bump,
    /// For the stays of one user.
    scratch: Scratch,
    /// The rows of a partition.
    rows: Vec<(u32, Stay)>,
    /// The rows of a user.
    stays: Vec<Stay>,
}

/// The time of users by merchant, from which the merchants' table is made, and counts; of a thread.
pub(super) struct ThreadShares {
    /// The shares in memory.
    pub(super) writer: PartitionWriter<RowChunk<UserDay>>,
    /// The shares that do not fit in memory.
    pub(super) spill: Spill,
    pub(super) duplicates: u64,
    /// Users with a row.
    pub(super) users: u64,
    /// The first and the last day.
    pub(super) days: Option<(Day, Day)>,
    pub(super) seconds: StaySeconds,
}

/// Writes the table of users, and partitions the time of each by merchant.
pub(super) fn write_users(
    job: &Job,
    context: &RunContext,
    target: Target<'_>,
    read: &DwellRead,
    shares: &[Mutex<ThreadShares>],
) -> Result<Vec<Part>> {
    let encoder = TableEncoder::new(job.codec, user_schema(read.types))?;
    let header = "user_id,merchant_id,date,avg_seconds,flyers,events";
    let files = TableFiles::create(target, "user_merchant", header, &encoder)?;
    let make = |buffers: &mut UserBuffers, partition: usize| {
        let thread = rayon::current_thread_index().expect("work is done by threads of the pool");
        // Never contended: a thread locks its own. The mutex is what lets the closure be shared.
        let mut shares = lock(&shares[thread]);
        let events = find_stays(job, context, read, partition, buffers, &mut shares)?;
        for (_, stay) in &buffers.rows {
            shares.add(stay, context)?;
        }
        context.count_written(events);
        if buffers.rows.is_empty() {
            return Ok(None);
        }
        encode_users(read, &encoder, &buffers.rows).map(Some)
    };
    let count = read.partitions.count();
    Ok(files
        .write(context, count, UserBuffers::default, make)?
        .into())
}

/// Finds the stays of all users of a partition, and counts; gives the number of its events.
fn find_stays(
    job: &Job,
    context: &RunContext,
    read: &DwellRead,
    partition: usize,
    buffers: &mut UserBuffers,
    shares: &mut ThreadShares,
) -> Result<u64> {
    let own = job.dwell();
    let keys = read.partitions.keys_of(partition);
    let chunks = read.partitions.take(partition, context)?;
    buffers.arena.reset();
    let mut events = KeyRuns::group(chunks, &keys, |event| event.user, context, &buffers.arena)?;
    buffers.rows.clear();
    let repeats = RepeatRule {
        are_dropped: job.dedup == Dedup::Exact,
        names_compared: read.names_told,
    };
    for (user, run) in keys.zip(events.each()) {
        buffers.stays.clear();
        let repeated = match own.dwell_method {
            DwellMethod::Span => {
                let divide_by = own.divide_by;
                let (scratch, stays) = (&mut buffers.scratch, &mut buffers.stays);
                spans(run, divide_by, repeats, scratch, stays)
            }
            // Only sessions follow events in order; spans sort pieces of their own.
            DwellMethod::Session => {
                sort_run(run);
                let (idle_us, zone) = (own.idle_timeout_us, job.zone());
                let (scratch, stays) = (&mut buffers.scratch, &mut buffers.stays);
                sessions(run, idle_us, repeats, zone, scratch, stays)
            }
        };
        shares.duplicates += u64::from(repeated);
        shares.users += u64::from(!buffers.stays.is_empty());
        buffers
            .rows
            .extend(buffers.stays.iter().map(|stay| (user, *stay)));
    }
    context.free_memory(events.bytes());
    Ok(count64(events.rows.len()))
}

impl ThreadShares {
    /// No shares.
    pub(super) fn new(split: Split, spill: Spill) -> ThreadShares {
        ThreadShares {
            writer: PartitionWriter::new(split),
            spill,
            duplicates: 0,
            users: 0,
            days: None,
            seconds: StaySeconds::default(),
        }
    }

    /// Adds the time of a user to those of the merchant.
    fn add(&mut self, stay: &Stay, context: &RunContext) -> Result<()> {
        self.days = both(self.days, Some((stay.day, stay.day)));
        self.seconds.add(stay.avg_seconds);
        // By merchant now: the users of a merchant are spread over all partitions of users.
        let partition = self.writer.partition_of(Key(stay.merchant));
        self.spill.make_room(&mut self.writer, partition, context)?;
        self.writer.open(partition).push(UserDay {
            day: stay.day,
            seconds_bits: stay.avg_seconds.to_bits(),
            merchant: stay.merchant,
        });
        Ok(())
    }
}

/// Rows of the table of users, encoded.
fn encode_users(
    read: &DwellRead,
    encoder: &TableEncoder,
    rows: &[(u32, Stay)],
) -> Result<TableRows> {
    // Enough for most lines: growing the buffer copies it, which costs as much as writing it.
    let mut csv = Vec::with_capacity(rows.len() * (48 + read.users.get(rows[0].0).width()));
    let (mut line_start, mut last_user) = (Vec::new(), None);
    let mut dates = Dates::default();
    for (user, stay) in rows {
        if last_user != Some(*user) {
            last_user = Some(*user);
            line_start.clear();
            put_id(&mut line_start, read.users.get(*user));
            line_start.push(b',');
        }
        csv.extend_from_slice(&line_start);
        put_id(&mut csv, read.merchants.get(stay.merchant));
        csv.push(b',');
        csv.extend_from_slice(dates.text(stay.day).as_bytes());
        csv.push(b',');
        put_number(&mut csv, stay.avg_seconds);
        for count in [stay.flyers, stay.events] {
            csv.push(b',');
            put_count(&mut csv, u64::from(count));
        }
        csv.push(b'\n');
    }
    let stays = || rows.iter().map(|(_, stay)| stay);
    let counts = |count: fn(&Stay) -> u32| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            stays().map(|stay| i64::from(count(stay))),
        ))
    };
    let columns = [
        ids_array(&read.users, rows.iter().map(|(user, _)| *user)),
        ids_array(&read.merchants, stays().map(|stay| stay.merchant)),
        days_array(stays().map(|stay| stay.day)),
        numbers_array(stays().map(|stay| stay.avg_seconds)),
        counts(|stay| stay.flyers),
        counts(|stay| stay.events),
    ];
    Ok(TableRows {
        csv,
        group: encoder.encode(&columns)?,
    })
}

/// The columns of `user_merchant`.
pub(crate) fn user_schema(types: IdTypes) -> Schema {
    Schema::new(vec![
        id_field("user_id", types.user),
        id_field("merchant_id", types.merchant),
        Field::new("date", DataType::Date32, false),
        Field::new("avg_seconds", DataType::Float64, false),
        Field::new("flyers", DataType::Int64, false),
        Field::new("events", DataType::Int64, false),
    ])
}
