//! What a run of `features` read and made, in numbers: all that manifests, metrics and the report are made of.
//!
//! **In / Out**: what a run has read and written → [`FeaturesMade`]; those of all shards of a job → that of one
//! run. **Invariants**: counts of rows add up over shards, as each impression is in one. What
//! is counted of clicks and listings, which every shard reads all of, is equal in all; but a listing may be in
//! several shards, so that clicks on listings neither add up nor are equal.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::ShardIds;
use crate::ids::{Day, Micros, both};
use crate::job::Source;
use crate::metrics::FeatureCounts;
use crate::output::commit::FilesRead;
use crate::publish::Part;
use crate::scan::bad_rows::rejected_of;
use crate::scan::features::FeatureTypes;
use crate::scan::features::impressions::AllShown;

/// What was made of what was read, beside the parts: all that is yet to be published of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FeaturesMade {
    /// The settings, as the manifest has them.
    pub(crate) settings: Value,
    pub(crate) files: FilesRead,
    pub(crate) read: ReadTotals,
    pub(crate) days: Vec<DayMade>,
    /// Clicks on listings of the impressions.
    pub(crate) on_listings: u64,
    /// Of them, equal to another one in user, listing and time.
    pub(crate) repeated: u64,
    /// The ids of a shard; those of a run are not written.
    pub(crate) ids: Option<ShardIds>,
}

/// What was read, of which every shard reads all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadTotals {
    /// The types of ids.
    pub(crate) types: FeatureTypes,
    pub(crate) impressions: AllShown,
    /// Clicks in the files.
    pub(crate) clicks: u64,
    pub(crate) without_user: u64,
    /// The time of the latest click.
    pub(crate) latest: Option<Micros>,
    /// Whether any click has a user.
    pub(crate) has_users: bool,
    /// Up to when clicks are complete; nothing if there are none.
    pub(crate) data_end: Option<Micros>,
    /// Listings in the files.
    pub(crate) listings: u64,
}

/// What was made of a day.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DayMade {
    pub(crate) day: Day,
    /// The first and the last time, if there is a row.
    pub(crate) cutoffs: Option<(Micros, Micros)>,
    pub(crate) counts: FeatureCounts,
    pub(crate) parts: Vec<Part>,
}

impl FeaturesMade {
    /// The counts of all rows.
    pub(crate) fn counts(&self) -> FeatureCounts {
        let mut all = FeatureCounts::default();
        self.days.iter().for_each(|day| all.merge(&day.counts));
        all
    }

    /// Rows of a source that were rejected.
    pub(crate) fn rejected(&self, source: Source) -> u64 {
        rejected_of(&self.files.rejected, source)
    }

    /// Adds the rows of the next shard, all of whose days are those of this one. Parts stay as they are.
    pub(crate) fn merge(&mut self, next: &FeaturesMade) {
        for (own, more) in self.days.iter_mut().zip(&next.days) {
            own.counts.merge(&more.counts);
            own.cutoffs = both(own.cutoffs, more.cutoffs);
        }
    }
}
