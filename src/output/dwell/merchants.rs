//! The table of merchants: what their users spent on each day, together.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, Schema};
use bumpalo::Bump;

use super::{Dealt, DwellReport};
use crate::chunk::{Chunk, RowChunk};
use crate::control::Control;
use crate::encode::TableEncoder;
use crate::error::Result;
use crate::ids::{count64, index};
use crate::job::Job;
use crate::op::dwell::{MerchantDay, Share, merchant_days};
use crate::output::columns::{Dates, days_array, id_field, ids_array, numbers_array};
use crate::output::order::in_order;
use crate::output::table::{Rows, TableFiles, put_count, put_id, put_number};
use crate::publish::{Part, Target};
use crate::scan::events::IdTypes;
use crate::sort::{group, run_starts};
use crate::spill::Partitions;

/// Writes the table of merchants.
pub(super) fn write_merchants(
    job: &Job,
    control: &Control,
    target: Target<'_>,
    dealt: &Dealt,
    partitions: &Partitions<RowChunk<Share>>,
    report: &mut DwellReport,
) -> Result<[Part; 2]> {
    let encoder = TableEncoder::new(job.codec, merchant_schema(dealt.types))?;
    let header = "merchant_id,date,users,avg_seconds,p50_seconds,p95_seconds";
    let mut files = TableFiles::create(target, "merchant", header, &encoder)?;
    let make = |arena: &mut Bump, partition: usize| {
        control.check()?;
        let keys = partitions.keys_of(partition);
        let chunks = partitions.take(partition, control)?;
        let taken: u64 = chunks.iter().map(Chunk::bytes).sum();
        let rows = || chunks.iter().flat_map(RowChunk::rows);
        let local = |share: &Share| share.merchant - keys.start;
        let starts = run_starts(rows().map(local), index(keys.end - keys.start));
        let shares_count = u64::from(*starts.last().expect("one more than merchants"));
        let grouped = shares_count * count64(size_of::<Share>());
        control.charge(grouped)?;
        arena.reset();
        let shares = group(rows().copied(), local, &starts, arena);
        drop(chunks);
        control.release(taken);
        let (mut days, mut merchants) = (Vec::new(), 0_u64);
        for run in starts.windows(2).filter(|run| run[0] < run[1]) {
            let run = &mut shares[index(run[0])..index(run[1])];
            merchants += 1;
            run.sort_unstable();
            merchant_days(run, &mut days);
        }
        control.release(grouped);
        if days.is_empty() {
            return Ok(None);
        }
        let rows = encode_merchants(dealt, &encoder, &days)?;
        control.charge(rows.bytes())?;
        Ok(Some((rows, merchants)))
    };
    let take = |_, made: Option<(Rows, u64)>| {
        let Some((rows, merchants)) = made else {
            return Ok(());
        };
        report.merchants += merchants;
        let bytes = rows.bytes();
        files.append(rows)?;
        control.release(bytes);
        Ok(())
    };
    in_order(partitions.count(), Bump::new, make, take)?;
    files.finish()
}

/// Rows of the table of merchants, encoded.
fn encode_merchants(dealt: &Dealt, encoder: &TableEncoder, rows: &[MerchantDay]) -> Result<Rows> {
    let mut csv = Vec::new();
    let mut dates = Dates::default();
    for row in rows {
        put_id(&mut csv, dealt.merchants.get(row.merchant));
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
        ids_array(&dealt.merchants, rows.iter().map(|row| row.merchant)),
        days_array(rows.iter().map(|row| row.day)),
        Arc::new(Int64Array::from_iter_values(users)) as ArrayRef,
        numbers_array(rows.iter().map(|row| row.avg_seconds)),
        numbers_array(rows.iter().map(|row| row.p50_seconds)),
        numbers_array(rows.iter().map(|row| row.p95_seconds)),
    ];
    Ok(Rows {
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
