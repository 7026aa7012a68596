//! The table of merchants: the mean and quantiles of the time of their users on each day.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, Schema};
use bumpalo::Bump;

use super::{DwellRead, DwellReport};
use crate::context::RunContext;
use crate::encode::TableEncoder;
use crate::error::Result;
use crate::job::Job;
use crate::kernel::chunk::RowChunk;
use crate::kernel::op::dwell::{MerchantDay, UserDay, merchant_days};
use crate::output::columns::{Dates, days_array, id_field, ids_array, numbers_array};
use crate::output::runs::KeyRuns;
use crate::output::table::{TableFiles, TableRows, put_count, put_id, put_number};
use crate::publish::{Part, Target};
use crate::scan::events::IdTypes;
use crate::store::spill::Partitions;

/// Writes the table of merchants.
pub(super) fn write_merchants(
    job: &Job,
    context: &RunContext,
    target: Target<'_>,
    read: &DwellRead,
    partitions: &Partitions<RowChunk<UserDay>>,
    report: &mut DwellReport,
) -> Result<[Part; 2]> {
    let encoder = TableEncoder::new(job.codec, merchant_schema(read.types))?;
    let header = "merchant_id,date,users,avg_seconds,p50_seconds,p95_seconds";
    let files = TableFiles::create(target, "merchant", header, &encoder)?;
    let merchants = AtomicU64::new(0);
    let make = |arena: &mut Bump, partition: usize| {
        let keys = partitions.keys_of(partition);
        let chunks = partitions.take(partition, context)?;
        arena.reset();
        let mut shares = KeyRuns::group(chunks, &keys, |share| share.merchant, context, arena)?;
        let (mut days, mut count) = (Vec::new(), 0);
        for run in shares.each().filter(|run| !run.is_empty()) {
            count += 1;
            // Shares come in the order of threads. A total order makes sums of floats reproducible.
            run.sort_unstable();
            merchant_days(run, &mut days);
        }
        merchants.fetch_add(count, Relaxed);
        context.free_memory(shares.bytes());
        if days.is_empty() {
            return Ok(None);
        }
        encode_merchants(read, &encoder, &days).map(Some)
    };
    let parts = files.write(context, partitions.count(), Bump::new, make)?;
    report.merchants = merchants.into_inner();
    Ok(parts)
}

/// Rows of the table of merchants, encoded.
fn encode_merchants(
    read: &DwellRead,
    encoder: &TableEncoder,
    rows: &[MerchantDay],
) -> Result<TableRows> {
    let mut csv = Vec::new();
    let mut dates = Dates::default();
    for row in rows {
        put_id(&mut csv, read.merchants.get(row.merchant));
        csv.push(b',');
        csv.extend_from_slice(dates.text(row.day).as_bytes());
        csv.push(b',');
        put_count(&mut csv, u64::from(row.users));
        for seconds in [row.avg_seconds, row.p50_seconds, row.p95_seconds] {
            csv.push(b',');
            put_number(&mut csv, seconds);
        }
        csv.push(b'\n');
    }
    let users = rows.iter().map(|row| i64::from(row.users));
    let columns = [
        ids_array(&read.merchants, rows.iter().map(|row| row.merchant)),
        days_array(rows.iter().map(|row| row.day)),
        Arc::new(Int64Array::from_iter_values(users)) as ArrayRef,
        numbers_array(rows.iter().map(|row| row.avg_seconds)),
        numbers_array(rows.iter().map(|row| row.p50_seconds)),
        numbers_array(rows.iter().map(|row| row.p95_seconds)),
    ];
    Ok(TableRows {
        csv,
        group: encoder.encode(&columns)?,
    })
}

/// The columns of `merchant`.
pub(crate) fn merchant_schema(types: IdTypes) -> Schema {
    Schema::new(vec![
        id_field("merchant_id", types.merchant),
        Field::new("date", DataType::Date32, false),
        Field::new("users", DataType::Int64, false),
        Field::new("avg_seconds", DataType::Float64, false),
        Field::new("p50_seconds", DataType::Float64, false),
        Field::new("p95_seconds", DataType::Float64, false),
    ])
}
