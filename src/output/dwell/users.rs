//! The tables of users: the time of each with each merchant on each day, and on each day as a whole.

use std::sync::{Arc, Mutex};

use super::find::{UserBuffers, find_stays};
use super::{DateColumn, DwellRead};
use crate::context::RunContext;
use crate::encode::TableEncoder;
use crate::error::Result;
use crate::ids::{Day, Key, both};
use crate::job::{Job, MoreTable};
use crate::kernel::chunk::RowChunk;
use crate::kernel::op::dwell::{Stay, UserDay, UserTotal};
use crate::kernel::partition::{PartitionWriter, Split};
use crate::metrics::StaySeconds;
use crate::output::columns::{Dates, days_array, id_field, ids_array, numbers_array};
use crate::output::in_order::lock;
use crate::output::table::{TableFiles, TableRows, put_count, put_id, put_number, write_together};
use crate::publish::{Part, Target};
use crate::scan::events::IdTypes;
use crate::store::spill::Spill;
use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, Schema};

/// The time of users by place, from which a table of places is made.
pub(super) struct PlaceShares {
    /// The shares in memory.
    pub(super) writer: PartitionWriter<RowChunk<UserDay>>,
    /// The shares that do not fit in memory.
    pub(super) spill: Spill,
}

/// What tables of places are made from, and counts; of a thread.
pub(super) struct ThreadShares {
    pub(super) merchants: PlaceShares,
    /// Only if there is a table of flyers.
    pub(super) flyers: Option<PlaceShares>,
    pub(super) duplicates: u64,
    /// Users with a row.
    pub(super) users: u64,
    /// The first and the last day.
    pub(super) days: Option<(Day, Day)>,
    pub(super) seconds: StaySeconds,
}

/// Writes `user_merchant`, and `user` if it is asked for, and partitions the time of each user by merchant and
/// by flyer. Gives the files of each table.
pub(super) fn write_users(
    job: &Job,
    context: &RunContext,
    target: Target<'_>,
    read: &DwellRead,
    shares: &[Mutex<ThreadShares>],
) -> Result<Vec<[Part; 2]>> {
    let date = DateColumn::InFile;
    let encoder = TableEncoder::new(job.codec, user_schema(read.types, date))?;
    let files = TableFiles::create((target, ""), "user_merchant", &encoder)?;
    let of_days = TableEncoder::new(job.codec, user_day_schema(read.types, date))?;
    let make = |buffers: &mut UserBuffers, partition: usize| {
        let thread = rayon::current_thread_index().expect("work is done by threads of the pool");
        // Never contended: a thread locks its own. The mutex is what lets the closure be shared.
        let mut shares = lock(&shares[thread]);
        let found = find_stays(job, context, read, partition, buffers)?;
        shares.duplicates += found.duplicates;
        shares.users += found.users;
        for (_, stay) in &buffers.rows {
            shares.add(stay, context)?;
        }
        if let Some(flyers) = &mut shares.flyers {
            for share in &buffers.flyer_days {
                flyers.add(*share, context)?;
            }
        }
        context.count_written(found.rows);
        if buffers.rows.is_empty() {
            return Ok(None);
        }
        encode_users(read, &encoder, &buffers.rows, date).map(Some)
    };
    let count = read.rows.partitions_count();
    if !job.dwell().makes(MoreTable::User) {
        let parts = files.write(context, count, UserBuffers::default, make)?;
        return Ok(vec![parts]);
    }
    let day_files = TableFiles::create((target, ""), "user", &of_days)?;
    let make = |buffers: &mut UserBuffers, partition: usize| {
        let rows = make(buffers, partition)?;
        // A user with a stay has a day, so both tables have rows of the same partitions.
        let days = match &rows {
            None => None,
            Some(_) => Some(encode_user_days(read, &of_days, &buffers.day_rows, date)?),
        };
        Ok([rows, days])
    };
    let both = [files, day_files];
    Ok(write_together(both, context, count, UserBuffers::default, make)?.into())
}

impl ThreadShares {
    /// No shares: of merchants, and of flyers if their partitions are given.
    pub(super) fn new(merchants: Split, flyers: Option<Split>, mut spill: Spill) -> ThreadShares {
        let flyers = flyers.map(|split| {
            spill.halve();
            PlaceShares::new(split, spill.next())
        });
        ThreadShares {
            merchants: PlaceShares::new(merchants, spill),
            flyers,
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
        let share = UserDay {
            day: stay.day,
            seconds_bits: stay.avg_seconds.to_bits(),
            place: stay.merchant,
        };
        self.merchants.add(share, context)
    }
}

impl PlaceShares {
    /// No shares.
    fn new(split: Split, spill: Spill) -> PlaceShares {
        PlaceShares {
            writer: PartitionWriter::new(split),
            spill,
        }
    }

    /// Adds the time of a user to those of its place.
    fn add(&mut self, share: UserDay, context: &RunContext) -> Result<()> {
        // By place now: the users of a place are spread over all partitions of users.
        let partition = self.writer.partition_of(Key(share.place));
        self.spill.make_room(&mut self.writer, partition, context)?;
        self.writer.open(partition).push(share);
        Ok(())
    }
}

/// Rows of the table of users, encoded.
pub(super) fn encode_users(
    read: &DwellRead,
    encoder: &TableEncoder,
    rows: &[(u32, Stay)],
    date: DateColumn,
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
        if date == DateColumn::InFile {
            csv.extend_from_slice(dates.text(stay.day).as_bytes());
            csv.push(b',');
        }
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
    let mut columns = vec![
        ids_array(&read.users, rows.iter().map(|(user, _)| *user)),
        ids_array(&read.merchants, stays().map(|stay| stay.merchant)),
    ];
    if date == DateColumn::InFile {
        columns.push(days_array(stays().map(|stay| stay.day)));
    }
    columns.extend([
        numbers_array(stays().map(|stay| stay.avg_seconds)),
        counts(|stay| stay.flyers),
        counts(|stay| stay.events),
    ]);
    Ok(TableRows {
        csv,
        group: encoder.encode(&columns)?,
    })
}

/// Rows of the table of users by day, encoded.
pub(super) fn encode_user_days(
    read: &DwellRead,
    encoder: &TableEncoder,
    rows: &[(u32, UserTotal)],
    date: DateColumn,
) -> Result<TableRows> {
    let mut csv = Vec::new();
    let mut dates = Dates::default();
    for (user, total) in rows {
        put_id(&mut csv, read.users.get(*user));
        csv.push(b',');
        if date == DateColumn::InFile {
            csv.extend_from_slice(dates.text(total.day).as_bytes());
            csv.push(b',');
        }
        put_number(&mut csv, total.avg_seconds);
        for count in [total.flyers, total.events] {
            csv.push(b',');
            put_count(&mut csv, u64::from(count));
        }
        csv.push(b'\n');
    }
    let totals = || rows.iter().map(|(_, total)| total);
    let counts = |count: fn(&UserTotal) -> u32| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            totals().map(|total| i64::from(count(total))),
        ))
    };
    let mut columns = vec![ids_array(&read.users, rows.iter().map(|(user, _)| *user))];
    if date == DateColumn::InFile {
        columns.push(days_array(totals().map(|total| total.day)));
    }
    columns.extend([
        numbers_array(totals().map(|total| total.avg_seconds)),
        counts(|total| total.flyers),
        counts(|total| total.events),
    ]);
    Ok(TableRows {
        csv,
        group: encoder.encode(&columns)?,
    })
}

/// The columns of `user`.
pub(crate) fn user_day_schema(types: IdTypes, date: DateColumn) -> Schema {
    schema_of(vec![id_field("user_id", types.user)], date)
}

/// The columns of `user_merchant`.
pub(crate) fn user_schema(types: IdTypes, date: DateColumn) -> Schema {
    let ids = vec![
        id_field("user_id", types.user),
        id_field("merchant_id", types.merchant),
    ];
    schema_of(ids, date)
}

/// The columns of a table of users, given those of ids.
fn schema_of(ids: Vec<Field>, date: DateColumn) -> Schema {
    let mut fields = ids;
    fields.extend(date.field());
    fields.extend([
        Field::new("avg_seconds", DataType::Float64, false),
        Field::new("flyers", DataType::Int64, false),
        Field::new("events", DataType::Int64, false),
    ]);
    Schema::new(fields)
}
