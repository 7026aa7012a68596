//! What was found of the impressions of a day, in numbers.

use serde::{Deserialize, Serialize};

use crate::kernel::column::Customer;
use crate::scan::text::impression_items::ElementCounts;

/// What was found of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImpressionStats {
    pub(crate) impressions: u64,
    /// Of them, those without a customer.
    pub(crate) guests: u64,
    /// Of those that are not dropped as guests, those whose array is null or empty.
    pub(crate) without_items: u64,
    /// Of them, those that were rejected, their day being known.
    pub(crate) rejected: u64,
    /// Items shown, of impressions that were neither rejected nor dropped.
    pub(crate) items: u64,
    /// Of them, those without a label.
    pub(crate) null_labels: u64,
    /// Of the items, those that the given vocabulary lacks, and that are left out.
    pub(crate) unknown_items: u64,
    /// Of the items, negatives that the sample has no room for.
    pub(crate) negatives_left_out: u64,
    /// Impressions of which that leaves nothing.
    pub(crate) sampled_away: u64,
}

impl ImpressionStats {
    /// Counts an impression that is not rejected. Of one that is dropped nothing else is counted,
    /// so that the counts add up.
    pub(crate) fn add(&mut self, customer: Customer<'_>, drops: bool, counts: ElementCounts) {
        self.impressions += 1;
        self.guests += u64::from(customer == Customer::Guest);
        if !drops {
            self.without_items += u64::from(counts.items == 0);
            self.items += counts.items;
            self.null_labels += counts.null_labels;
            self.unknown_items += counts.unknown_items;
        }
    }

    /// Adds the counts of another thread.
    pub(crate) fn merge(&mut self, other: &ImpressionStats) {
        self.impressions += other.impressions;
        self.guests += other.guests;
        self.without_items += other.without_items;
        self.rejected += other.rejected;
        self.items += other.items;
        self.null_labels += other.null_labels;
        self.unknown_items += other.unknown_items;
        self.negatives_left_out += other.negatives_left_out;
        self.sampled_away += other.sampled_away;
    }
}
