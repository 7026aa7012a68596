//! The rows of the users of a shard, from which the tables of the set are made.
//!
//! ```text
//! partitions of users ──► group ──► op ──► user_merchant.parquet, user.parquet, flyer.parquet
//! ```
//! **In / Out**: [`DwellRead`] → a Parquet file of each kind of row, and of the ids that they name. Rows
//! name ids by their place in the file of ids. **Why so**: means and percentiles of places need the
//! seconds of each user, so that a shard hands on the rows of its users, and no rows of places.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema};
use serde::{Deserialize, Serialize};

use super::find::{StaysFound, UserBuffers, find_stays};
use super::{DwellRead, DwellReport};
use crate::context::{RunContext, Stage};
use crate::dictionary::RankedDictionary;
use crate::encode::{RowGroup, TableEncoder};
use crate::error::Result;
use crate::ids::{Day, count64};
use crate::job::{CustomerType, Job, MoreTable};
use crate::output::columns::{days_array, id_field, ids_array, numbers_array};
use crate::output::in_order::in_order;
use crate::output::parquet_file::ParquetFile;
use crate::publish::{Part, StagingDir, Target};

/// Ids of a row group.
const GROUP_IDS: u32 = 1 << 20;

/// The files of a shard, and what they hold in numbers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ShardTables {
    /// The ids: of users, of merchants, and of flyers if there is a table of them.
    pub(crate) ids: Vec<Part>,
    /// The time of users with merchants by day.
    pub(crate) stays: Option<Part>,
    /// The time of users by day, if there is a table of it.
    pub(crate) totals: Option<Part>,
    /// The time of users on flyers by day, if there is a table of flyers.
    pub(crate) flyer_days: Option<Part>,
    /// The days that have rows.
    pub(crate) days: BTreeSet<Day>,
    /// Users with a row.
    pub(crate) users: u64,
    /// Events that are equal to another one.
    pub(crate) duplicates: u64,
    /// Of them, those that are duplicates only by their names.
    pub(crate) repeats_by_name: u64,
}

/// Row groups of the users of a partition.
struct UserGroups {
    found: StaysFound,
    days: BTreeSet<Day>,
    stays: RowGroup,
    totals: Option<RowGroup>,
    flyer_days: Option<RowGroup>,
}

/// The encoders of the rows of users.
struct Encoders {
    stays: TableEncoder,
    totals: Option<TableEncoder>,
    flyer_days: Option<TableEncoder>,
}

/// Writes the rows of all users, of the days that are wanted.
///
/// # Errors
/// If they cannot be made or written.
pub(crate) fn write_shard(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    read: &DwellRead,
) -> Result<ShardTables> {
    context.enter(Stage::WRITE, read.steps());
    let own = job.dwell();
    let encoder = |ids: &[&str]| TableEncoder::new(job.table_codec(), rows_schema(ids));
    let encoders = Encoders {
        stays: encoder(&["user", "merchant"])?,
        totals: own
            .makes(MoreTable::User)
            .then(|| encoder(&["user"]))
            .transpose()?,
        flyer_days: own
            .makes(MoreTable::Flyer)
            .then(|| TableEncoder::new(job.table_codec(), shares_schema()))
            .transpose()?,
    };
    let target = Target::StagingDir(staging);
    let create = |name, encoder: &TableEncoder| ParquetFile::create((target, ""), name, encoder);
    let mut stays = create("user_merchant", &encoders.stays)?;
    let of = |name, encoder: &Option<TableEncoder>| {
        let encoder = encoder.as_ref();
        encoder.map(|encoder| create(name, encoder)).transpose()
    };
    let mut totals = of("user", &encoders.totals)?;
    let mut flyer_days = of("flyer", &encoders.flyer_days)?;
    let mut tables = ShardTables::default();
    let make = |buffers: &mut UserBuffers, partition: usize| {
        context.check()?;
        let groups = groups_of(job, context, read, &encoders, (partition, buffers))?;
        context.reserve_memory(groups.bytes())?;
        Ok(groups)
    };
    let take = |_, groups: UserGroups| {
        let bytes = groups.bytes();
        tables.users += groups.found.users;
        tables.duplicates += groups.found.duplicates;
        tables.repeats_by_name += groups.found.repeats_by_name;
        tables.days.extend(groups.days);
        let files = [Some(&mut stays), totals.as_mut(), flyer_days.as_mut()];
        let groups = [Some(groups.stays), groups.totals, groups.flyer_days];
        for (file, group) in files
            .into_iter()
            .flatten()
            .zip(groups.into_iter().flatten())
        {
            if group.rows() > 0 {
                file.append(group)?;
            }
        }
        context.free_memory(bytes);
        Ok(())
    };
    let count = read.rows.partitions_count();
    in_order(count, UserBuffers::default, make, take)?;
    tables.stays = Some(stays.finish()?);
    tables.totals = totals.map(ParquetFile::finish).transpose()?;
    tables.flyer_days = flyer_days.map(ParquetFile::finish).transpose()?;
    let types = read.types;
    for (name, ids, id_type) in [
        ("user_id", Some(&read.users), types.user),
        ("merchant_id", Some(&read.merchants), types.merchant),
        ("flyer_id", read.flyers.as_ref(), types.flyer),
    ] {
        let part = ids.map(|ids| write_ids(job, target, name, ids, id_type));
        tables.ids.extend(part.transpose()?);
    }
    Ok(tables)
}

impl ShardTables {
    /// The report of the shard, which has no tables of places.
    pub(crate) fn report(&self, read: &DwellRead) -> DwellReport {
        let mut report = read.totals.report();
        report.users = self.users;
        report.duplicates = self.duplicates;
        report.merchants = u64::from(read.merchants.count());
        report.user_rows = self.stays.as_ref().map_or(0, |part| part.rows);
        report.user_day_rows = self.totals.as_ref().map_or(0, |part| part.rows);
        report.days = self.days.first().copied().zip(self.days.last().copied());
        report.bytes = self.parts().map(|part| part.bytes).sum();
        report
    }

    /// Rows of all files but those of ids.
    pub(crate) fn rows_count(&self) -> u64 {
        let rows = [&self.stays, &self.totals, &self.flyer_days];
        rows.into_iter().flatten().map(|part| part.rows).sum()
    }

    /// All files.
    fn parts(&self) -> impl Iterator<Item = &Part> {
        let rows = [&self.stays, &self.totals, &self.flyer_days];
        self.ids.iter().chain(rows.into_iter().flatten())
    }
}

impl UserGroups {
    /// Bytes of memory.
    fn bytes(&self) -> u64 {
        let more = [&self.totals, &self.flyer_days];
        let more = more.into_iter().flatten().map(RowGroup::bytes);
        self.stays.bytes() + more.sum::<u64>()
    }
}

/// Finds and encodes the rows of the users of a partition.
fn groups_of(
    job: &Job,
    context: &RunContext,
    read: &DwellRead,
    encoders: &Encoders,
    (partition, buffers): (usize, &mut UserBuffers),
) -> Result<UserGroups> {
    let mut found = find_stays(job, context, read, partition, buffers)?;
    context.count_written(found.rows);
    let wants = |day: Day| job.wants_day(day);
    buffers.rows.retain(|(_, stay)| wants(stay.day));
    buffers.day_rows.retain(|(_, total)| wants(total.day));
    buffers.flyer_days.retain(|share| wants(share.day));
    let users = buffers.rows.chunk_by(|a, b| a.0 == b.0).count();
    found.users = count64(users);
    let (rows, totals) = (&buffers.rows, &buffers.day_rows);
    let stays = || rows.iter().map(|(_, stay)| stay);
    let of_stays = encoders.stays.encode(&[
        numbers(rows.iter().map(|(user, _)| *user)),
        numbers(stays().map(|stay| stay.merchant)),
        days_array(stays().map(|stay| stay.day)),
        numbers_array(stays().map(|stay| stay.avg_seconds)),
        numbers(stays().map(|stay| stay.flyers)),
        numbers(stays().map(|stay| stay.events)),
    ])?;
    let of_totals = encoders.totals.as_ref().map(|encoder| {
        let of_user = || totals.iter().map(|(_, total)| total);
        encoder.encode(&[
            numbers(totals.iter().map(|(user, _)| *user)),
            days_array(of_user().map(|total| total.day)),
            numbers_array(of_user().map(|total| total.avg_seconds)),
            numbers(of_user().map(|total| total.flyers)),
            numbers(of_user().map(|total| total.events)),
        ])
    });
    let of_flyers = encoders.flyer_days.as_ref().map(|encoder| {
        let shares = || buffers.flyer_days.iter();
        encoder.encode(&[
            numbers(shares().map(|share| share.place)),
            days_array(shares().map(|share| share.day)),
            numbers_array(shares().map(|share| f64::from_bits(share.seconds_bits))),
        ])
    });
    Ok(UserGroups {
        days: stays().map(|stay| stay.day).collect(),
        found,
        stays: of_stays,
        totals: of_totals.transpose()?,
        flyer_days: of_flyers.transpose()?,
    })
}

/// Writes ids in the order of their ranks.
fn write_ids(
    job: &Job,
    target: Target<'_>,
    name: &str,
    ids: &RankedDictionary,
    id_type: CustomerType,
) -> Result<Part> {
    let schema = Schema::new(vec![id_field(name, id_type)]);
    let encoder = TableEncoder::new(job.table_codec(), schema)?;
    let mut file = ParquetFile::create((target, ""), name, &encoder)?;
    let count = ids.count();
    for group in 0..count.div_ceil(GROUP_IDS) {
        let start = group * GROUP_IDS;
        let ranks = start..count.min(start.saturating_add(GROUP_IDS));
        file.append(encoder.encode(&[ids_array(ids, ranks)])?)?;
    }
    file.finish()
}

/// A column of whole numbers.
fn numbers(values: impl Iterator<Item = u32>) -> ArrayRef {
    Arc::new(UInt32Array::from_iter_values(values))
}

/// The columns of rows of users, given those of ids.
fn rows_schema(ids: &[&str]) -> Schema {
    let number = |name: &str| Field::new(name, DataType::UInt32, false);
    let mut fields: Vec<Field> = ids.iter().map(|name| number(name)).collect();
    fields.extend([
        Field::new("date", DataType::Date32, false),
        Field::new("avg_seconds", DataType::Float64, false),
        number("flyers"),
        number("events"),
    ]);
    Schema::new(fields)
}

/// The columns of the time of users on flyers.
fn shares_schema() -> Schema {
    Schema::new(vec![
        Field::new("flyer", DataType::UInt32, false),
        Field::new("date", DataType::Date32, false),
        Field::new("avg_seconds", DataType::Float64, false),
    ])
}
