//! Of which shard a row is.

use crate::job::{CustomerType, Shard};
use crate::kernel::column::Customer;
use crate::kernel::hash::hash_of;
use crate::scan::text::field::{Field, GuestIds};

/// Deals the rows of a source. Rows of nobody, and those of whom nobody can tell, are of the first shard.
pub(super) struct Dealer {
    pub(super) customers: CustomerType,
    pub(super) count: u32,
    /// Ids that mean nobody in this source.
    pub(super) guest_ids: GuestIds,
}

impl Dealer {
    /// The shard of a customer.
    #[inline]
    pub(super) fn shard_of(&self, customer: Customer<'_>) -> u32 {
        match self.guest_ids.resolve(customer) {
            Customer::Guest => 0,
            customer => Shard::of_hash(hash_of(customer), self.count),
        }
    }

    /// The shard of a record of text, by its customer; of one that is bad as a whole there is none.
    #[inline]
    pub(super) fn shard_of_field(&self, customer: Option<&Field<'_>>) -> u32 {
        let customer = customer.and_then(|field| field.as_customer(self.customers));
        customer.map_or(0, |customer| self.shard_of(customer))
    }
}
