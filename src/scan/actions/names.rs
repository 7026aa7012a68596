//! What the columns of a source of actions are called.

use crate::job::{Job, Source};

/// The names of a source's columns in the files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActionNames<'a> {
    /// The customer.
    pub(crate) customer: &'a str,
    /// The item.
    pub(crate) item: &'a str,
    /// The time; for orders, one that may be absent or null.
    pub(crate) time: &'a str,
    /// What stands in for an absent or null time: the order's date.
    pub(crate) time_else: Option<&'a str>,
    /// When it was known.
    pub(crate) available: Option<&'a str>,
}

impl<'a> ActionNames<'a> {
    /// The names of a source in a job.
    pub(crate) fn of(job: &'a Job, source: Source) -> ActionNames<'a> {
        let name = |ours| job.column(source, ours);
        let (item, time) = match source {
            Source::Clicks => ("item_id", "click_time"),
            _ => ("config_id", "occurred_at"),
        };
        ActionNames {
            customer: name("customer_id"),
            item: name(item),
            time: name(time),
            time_else: (source == Source::Orders).then(|| name("order_date")),
            available: job.available_column(source),
        }
    }

    /// The column that a null time is blamed on.
    pub(super) fn last_time(&self) -> &'a str {
        self.time_else.unwrap_or(self.time)
    }
}
