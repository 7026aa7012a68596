//! What messages say of values that are no ids, with the hint on what was found.

use crate::advice::{self, Hint};
use crate::job::{CustomerType, ItemType};
use crate::scan::text::field::{EXPECTED_TEXT, Mismatch};

/// What a message says of what is no customer.
#[cold]
pub(crate) fn misfit_customer(of: CustomerType, found: String) -> Mismatch {
    match of {
        CustomerType::Int64 => {
            let hint = advice::on_id(&found, Hint::TextCustomers);
            Mismatch::new(advice::expected("a 64-bit integer", hint), found)
        }
        CustomerType::String => Mismatch::new(EXPECTED_TEXT, found),
    }
}

/// What a message says of what is no item.
#[cold]
pub(crate) fn misfit_item(of: ItemType, found: String) -> Mismatch {
    let (what, is_wide) = match of {
        ItemType::Int32 => ("an item id from 1 to 2147483647", false),
        ItemType::Int64 => ("an item id from 1 to 9223372036854775807", true),
    };
    Mismatch::new(
        advice::expected(what, advice::on_item(&found, is_wide)),
        found,
    )
}
