//! The ids of a shard, for what is known only of those of all shards.
//!
//! **In / Out**: the listings of the impressions, with the clicks on each, and the users → a small Parquet
//! file of each. **Why so**: a listing may be in several shards, each of which has counted all its clicks, so
//! that they are summed once for each listing; and ids that look like floats are found among all.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use serde::{Deserialize, Serialize};

use super::FeaturesRead;
use super::results::FeatureResults;
use crate::context::RunContext;
use crate::dictionary::RankedDictionary;
use crate::encode::TableEncoder;
use crate::error::Result;
use crate::job::{CustomerType, Job};
use crate::output::columns::{id_field, ids_array};
use crate::output::parquet_file::ParquetFile;
use crate::publish::{Part, StagingDir, Target};

/// Ids of a row group.
const GROUP_IDS: u32 = 1 << 17;

/// The files of the ids of a shard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ShardIds {
    /// The listings: their ids, the clicks on each, and of these how many repeat another one.
    pub(crate) listings: Part,
    /// The users, if their ids are texts; nothing is known of numbers that needs those of all shards.
    pub(crate) users: Option<Part>,
}

/// Writes the ids of a shard.
///
/// # Errors
/// If they cannot be written.
pub(super) fn write_ids(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    read: &FeaturesRead,
    results: &FeatureResults,
) -> Result<ShardIds> {
    let users = (read.types.user == CustomerType::String).then(|| {
        let fields = vec![id_field("user_id", read.types.user)];
        write(job, context, staging, "users", fields, &read.users, |_| {
            Vec::new()
        })
    });
    let count = |name| Field::new(name, DataType::UInt64, false);
    let fields = vec![
        id_field("listing_id", read.types.listing),
        count("clicks"),
        count("repeated"),
    ];
    let counts = |ranks: Range<u32>| {
        let column = |at: usize| -> ArrayRef {
            let counts = ranks.clone().map(|rank| results.clicks_on(rank)[at]);
            Arc::new(UInt64Array::from_iter_values(counts))
        };
        vec![column(0), column(1)]
    };
    let ids = &read.listing_ids;
    Ok(ShardIds {
        listings: write(job, context, staging, "listings", fields, ids, counts)?,
        users: users.transpose()?,
    })
}

/// Writes ids in the order of their ranks, and the columns that `more` makes of these.
fn write(
    job: &Job,
    context: &RunContext,
    staging: &StagingDir,
    name: &str,
    fields: Vec<Field>,
    ids: &RankedDictionary,
    more: impl Fn(Range<u32>) -> Vec<ArrayRef>,
) -> Result<Part> {
    let encoder = TableEncoder::new(job.table_codec(), Schema::new(fields))?;
    let mut file = ParquetFile::create((Target::StagingDir(staging), ""), name, &encoder)?;
    let count = ids.count();
    for group in 0..count.div_ceil(GROUP_IDS) {
        context.check()?;
        let start = group * GROUP_IDS;
        let ranks = start..count.min(start.saturating_add(GROUP_IDS));
        let mut columns = vec![ids_array(ids, ranks.clone())];
        columns.extend(more(ranks));
        file.append(encoder.encode(&columns)?)?;
    }
    file.finish()
}
