//! What the inputs say about the audited impressions.

use std::collections::BTreeMap;

use super::Audit;
use crate::error::{Error, Result};
use crate::job::CustomerType;
use crate::manifest::feature_types;
use crate::reference::features::{
    FeatureRow, FeatureRules, ListingImpression, LogClick, LogListing, OrderedClicks, listing_at,
};
use crate::reference::{LogAction, LogImpression};

/// An impression of `sequences`: its day, its customer, its ranking.
pub(super) type ImpressionKey = (i32, Option<String>, String);

/// The inputs of `sequences`.
#[derive(Default)]
pub(super) struct SequenceLogs {
    /// The impressions with their cutoff, ascending; several of one key where rows repeat.
    pub(super) impressions: BTreeMap<ImpressionKey, Vec<(i64, LogImpression)>>,
    /// The actions of their customers, by the group of days and the customer.
    pub(super) actions: BTreeMap<(usize, String), Vec<LogAction>>,
    /// The group of each day.
    pub(super) groups: BTreeMap<i32, usize>,
    /// Records that were read.
    pub(super) records: u64,
    /// Files that were read.
    pub(super) files: u64,
}

impl SequenceLogs {
    /// The actions of the customer of an impression.
    pub(super) fn actions_of(&self, key: &ImpressionKey) -> &[LogAction] {
        let (day, customer, _) = key;
        let group = self.groups.get(day).zip(customer.as_ref());
        let actions = group.and_then(|(group, customer)| {
            let key = (*group, customer.clone());
            self.actions.get(&key)
        });
        actions.map_or(&[], Vec::as_slice)
    }
}

/// An impression of `features`: its day and its id.
pub(super) type ListingKey = (i32, String);

/// What distinguishes impressions with one id: time, user, listing and kept columns.
pub(super) type ImpressionIdentity = (i64, String, String, Vec<Option<String>>);

/// The inputs of `features` for a group of days.
#[derive(Default)]
pub(super) struct GroupLogs {
    /// The clicks on the listings or of the users of audited impressions.
    pub(super) clicks: Vec<LogClick>,
    /// The same, sorted once for all rows.
    pub(super) ordered: OrderedClicks,
    /// The listings of audited impressions.
    pub(super) listings: BTreeMap<String, Vec<LogListing>>,
    /// Whether some click in the inputs has a user, or there are no clicks.
    pub(super) has_users: bool,
    /// Until when clicks are complete.
    pub(super) data_end_us: Option<i64>,
}

/// An impression, and the index of its group of days.
pub(super) type GroupedImpression = (usize, ListingImpression);

/// The inputs of `features`.
#[derive(Default)]
pub(super) struct FeatureLogs {
    /// The impressions, several of one key where ids repeat; exact duplicates once.
    pub(super) impressions: BTreeMap<ListingKey, BTreeMap<ImpressionIdentity, GroupedImpression>>,
    /// The number of impressions of each key, duplicates included.
    pub(super) counts: BTreeMap<ListingKey, usize>,
    /// By group of days.
    pub(super) groups: Vec<GroupLogs>,
    /// Records of clicks that were read.
    pub(super) records: u64,
    /// Files that were read.
    pub(super) files: u64,
}

impl GroupLogs {
    /// The row of the listing of an impression, if there is one.
    pub(super) fn listing_of(
        &self,
        rules: &FeatureRules,
        impression: &ListingImpression,
    ) -> Option<&LogListing> {
        let listings = self.listings.get(&impression.listing);
        listing_at(rules, impression, listings.into_iter().flatten())
    }

    /// The row of an impression.
    pub(super) fn row(
        &self,
        rules: &FeatureRules,
        impression: &ListingImpression,
    ) -> Option<FeatureRow> {
        self.row_given(rules, impression, &self.ordered)
    }

    /// The row that an impression would have if `clicks` were all clicks around it.
    pub(super) fn row_given(
        &self,
        rules: &FeatureRules,
        impression: &ListingImpression,
        clicks: &OrderedClicks,
    ) -> Option<FeatureRow> {
        let rules = FeatureRules {
            // `None` would stand for the latest of these clicks, which are only those around
            // audited impressions. Without any click in the inputs, no label is complete.
            data_end_us: self.data_end_us.or(Some(i64::MIN)),
            ..rules.clone()
        };
        let mut row = clicks.row(&rules, impression, self.listing_of(&rules, impression))?;
        // Whether the column of user counts is null depends on all clicks, not only on these.
        let none = || vec![0; rules.windows_us.len() + 1];
        row.of_user = self.has_users.then(|| row.of_user.unwrap_or_else(none));
        Some(row)
    }
}

/// The id types of impressions, users and listings of a set of `features`.
///
/// # Errors
/// If the manifest lacks them.
pub(super) fn id_types(audit: &Audit<'_>) -> Result<[CustomerType; 3]> {
    let types = feature_types(&audit.set.whole.settings);
    let types = types.ok_or_else(|| Error::bad_file("_manifest.json", "it has no types of ids"))?;
    Ok([types.impression, types.user, types.listing])
}
