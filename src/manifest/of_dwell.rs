//! What the manifests of `dwell` say of events and rows.

use serde::{Deserialize, Serialize};

/// The counts of `dwell`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DwellCounts {
    pub(crate) events: u64,
    pub(crate) opens: u64,
    /// Of names without a role; only where a job gives roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) other_events: Option<u64>,
    /// Of names that are passed over; only where a job gives roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ignored_events: Option<u64>,
    pub(crate) duplicate_events: u64,
    pub(crate) null_users: u64,
    pub(crate) null_flyers: u64,
    pub(crate) null_merchants: u64,
    pub(crate) rejected: u64,
    pub(crate) users: u64,
    pub(crate) merchants: u64,
    pub(crate) user_merchant_rows: u64,
    pub(crate) merchant_rows: u64,
    /// Of the table of users by day, if it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_rows: Option<u64>,
    /// Of the table of flyers, if it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flyer_rows: Option<u64>,
}

/// The counts of the rows of a day of `dwell`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DwellDayCounts {
    pub(crate) user_merchant_rows: u64,
    pub(crate) merchant_rows: u64,
    /// Of the table of users by day, if it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_rows: Option<u64>,
    /// Of the table of flyers, if it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flyer_rows: Option<u64>,
}

/// The findings of `dwell` among the events, of a set by day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventFindings {
    pub(crate) events: EventCounts,
}

/// Rows of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventCounts {
    pub(crate) rows: u64,
    pub(crate) opens: u64,
    /// Of names without a role; only where a job gives roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) other_events: Option<u64>,
    /// Of names that are passed over; only where a job gives roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ignored_events: Option<u64>,
    pub(crate) duplicate_events: u64,
    pub(crate) null_users: u64,
    pub(crate) null_flyers: u64,
    pub(crate) null_merchants: u64,
    pub(crate) rejected: u64,
}
