//! The manifests of dealt inputs: one of all of them, and one beside the inputs of each shard.

use serde::{Deserialize, Serialize};

use crate::job::{CustomerType, Format, JobKind, Shard};
use crate::manifest::Xxh64;
use crate::store::local::DigestOf;

/// The manifest of all inputs.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BucketsDocument {
    pub(super) made_by: String,
    pub(super) job: JobKind,
    pub(super) shards: u32,
    pub(super) dealt_by: DealtBy,
    /// The rows of each shard.
    pub(super) rows: Vec<u64>,
    pub(super) inputs: Vec<DealtInput>,
}

/// The manifest of the inputs of one shard.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct BucketDocument {
    pub(super) made_by: String,
    pub(super) job: JobKind,
    pub(super) shard: Shard,
    pub(super) dealt_by: DealtBy,
    pub(super) files: Vec<ShareEntry>,
}

/// What rows were dealt by: a job that reads its customers otherwise may find some of another shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DealtBy {
    pub(super) customer_type: CustomerType,
    /// Impressions of these are of nobody, and so in the first shard.
    pub(super) guest_ids: Vec<String>,
    pub(super) sources: Vec<DealtSource>,
}

/// What rows of a source were dealt by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DealtSource {
    pub(super) source: String,
    /// The column of customers.
    pub(super) customer: String,
    /// Texts that stand for null.
    pub(super) null_values: Vec<String>,
    /// The column of lists whose elements are the rows, of which whole lists were dealt.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) explode: Option<String>,
}

/// A file that was dealt.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DealtInput {
    pub(super) source: String,
    /// Its path, as the user gave it.
    pub(super) path: String,
    pub(super) format: Format,
    pub(super) bytes: u64,
    pub(super) xxh64: Xxh64,
    pub(super) xxh64_of: DigestOf,
    pub(super) rows: u64,
}

/// A file of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShareEntry {
    /// Its path in the folder of the shard.
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) rows: u64,
}
