//! The tables of merchants and of flyers: the mean and quantiles of the time of their users on each day.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, Schema};
use bumpalo::Bump;

use super::DateColumn;
use crate::context::RunContext;
use crate::dictionary::RankedDictionary;
use crate::encode::TableEncoder;
use crate::error::Result;
use crate::job::{CustomerType, Job};
use crate::kernel::chunk::RowChunk;
use crate::kernel::op::dwell::{PlaceDay, UserDay, place_days};
use crate::output::columns::{Dates, days_array, id_field, ids_array, numbers_array};
use crate::output::runs::KeyRuns;
use crate::output::table::{TableFiles, TableRows, put_count, put_id, put_number};
use crate::publish::{Part, Target};
use crate::scan::events::IdTypes;
use crate::store::spill::Partitions;

/// What a table of places is of.
pub(super) struct PlaceTable<'a> {
    /// The name of its files.
    pub(super) name: &'static str,
    /// The name of the column of ids.
    pub(super) id_column: &'static str,
    /// The type of the ids.
    pub(super) id_type: CustomerType,
    /// The ids, in the order of the output.
    pub(super) ids: &'a RankedDictionary,
}

/// Writes a table of places; gives its files, and the number of places.
pub(super) fn write_places(
    job: &Job,
    context: &RunContext,
    target: Target<'_>,
    table: &PlaceTable<'_>,
    partitions: &Partitions<RowChunk<UserDay>>,
) -> Result<([Part; 2], u64)> {
    let schema = place_schema(table.id_column, table.id_type, DateColumn::InFile);
    let encoder = TableEncoder::new(job.codec, schema)?;
    let files = TableFiles::create((target, ""), table.name, &encoder)?;
    let places = AtomicU64::new(0);
    let make = |arena: &mut Bump, partition: usize| {
        let keys = partitions.keys_of(partition);
        let chunks = partitions.take(partition, context)?;
        arena.reset();
        let mut shares = KeyRuns::group(chunks, &keys, |share| share.place, context, arena)?;
        let (mut days, mut count) = (Vec::new(), 0);
        for run in shares.each().filter(|run| !run.is_empty()) {
            count += 1;
            // Shares come in the order of threads. A total order makes sums of floats reproducible.
            run.sort_unstable();
            place_days(run, &mut days);
        }
        places.fetch_add(count, Relaxed);
        context.free_memory(shares.bytes());
        if days.is_empty() {
            return Ok(None);
        }
        encode_places(table.ids, &encoder, &days, DateColumn::InFile).map(Some)
    };
    let parts = files.write(context, partitions.count(), Bump::new, make)?;
    Ok((parts, places.into_inner()))
}

/// Rows of a table of places, encoded.
pub(super) fn encode_places(
    ids: &RankedDictionary,
    encoder: &TableEncoder,
    rows: &[PlaceDay],
    date: DateColumn,
) -> Result<TableRows> {
    let mut csv = Vec::new();
    let mut dates = Dates::default();
    for row in rows {
        put_id(&mut csv, ids.get(row.place));
        csv.push(b',');
        if date == DateColumn::InFile {
            csv.extend_from_slice(dates.text(row.day).as_bytes());
            csv.push(b',');
        }
        put_count(&mut csv, u64::from(row.users));
        for seconds in [row.avg_seconds, row.p50_seconds, row.p95_seconds] {
            csv.push(b',');
            put_number(&mut csv, seconds);
        }
        csv.push(b'\n');
    }
    let users = rows.iter().map(|row| i64::from(row.users));
    let mut columns = vec![ids_array(ids, rows.iter().map(|row| row.place))];
    if date == DateColumn::InFile {
        columns.push(days_array(rows.iter().map(|row| row.day)));
    }
    columns.extend([
        Arc::new(Int64Array::from_iter_values(users)) as ArrayRef,
        numbers_array(rows.iter().map(|row| row.avg_seconds)),
        numbers_array(rows.iter().map(|row| row.p50_seconds)),
        numbers_array(rows.iter().map(|row| row.p95_seconds)),
    ]);
    Ok(TableRows {
        csv,
        group: encoder.encode(&columns)?,
    })
}

/// The columns of `merchant`.
pub(crate) fn merchant_schema(types: IdTypes, date: DateColumn) -> Schema {
    place_schema("merchant_id", types.merchant, date)
}

/// The columns of `flyer`.
pub(crate) fn flyer_schema(types: IdTypes, date: DateColumn) -> Schema {
    place_schema("flyer_id", types.flyer, date)
}

/// The columns of a table of places.
fn place_schema(id_column: &'static str, id_type: CustomerType, date: DateColumn) -> Schema {
    let mut fields = vec![id_field(id_column, id_type)];
    fields.extend(date.field());
    fields.extend([
        Field::new("users", DataType::Int64, false),
        Field::new("avg_seconds", DataType::Float64, false),
        Field::new("p50_seconds", DataType::Float64, false),
        Field::new("p95_seconds", DataType::Float64, false),
    ]);
    Schema::new(fields)
}
