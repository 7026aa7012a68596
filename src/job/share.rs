//! Inputs that `bucket` made for one shard: what a run may take from their manifest.

use super::Job;
use crate::options::CustomerType;

/// What the manifest of a bucket says of the inputs of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// The number of the shard.
    pub(crate) number: u32,
    /// The type of customers by which rows were dealt, for a job that names none.
    pub(crate) customers: CustomerType,
    /// Whether rows were dealt by the customers that the job reads, so that the deal need not be checked.
    pub(crate) is_vouched: bool,
}

impl Job {
    /// What the manifest of a bucket says of the inputs, if `bucket` made them.
    pub(crate) fn share(&self) -> Option<Share> {
        self.share
    }

    /// The same job, whose inputs `bucket` made.
    pub(crate) fn with_share(&self, share: Share) -> Job {
        let mut job = self.clone();
        job.share = Some(share);
        job
    }
}
