//! Names of events to numbers: what each is, and which of the others.

use crate::dictionary::Dictionary;
use crate::ids::index;
use crate::kernel::op::dwell::{Deed, NAMES_MAX};

/// Bits of a code that say what an event is; those above are the number of its name, if it is another.
pub(crate) const DEED_BITS: u32 = 2;
/// What an event is that neither opens nor closes anything.
pub(crate) const OTHER: u32 = 1;

/// What an event is, as a number, by its name.
pub(crate) fn deed_code(name: &[u8]) -> u32 {
    match name {
        b"flyer_close" => 0,
        b"item_open" => 2,
        b"flyer_open" => 3,
        _ => OTHER,
    }
}

/// The number of a name of another event. One name more than can be told apart is kept, so that all
/// know of it; those behind it have the number of the first.
pub(crate) fn other_code(others: &mut Dictionary, name: &[u8]) -> u32 {
    let code = match others.count() <= index(NAMES_MAX) {
        true => others.intern_text(name),
        false => others.find_text(name).unwrap_or(0),
    };
    if code < NAMES_MAX { code } else { 0 }
}

/// Whether an event of a code opens a flyer or an item.
pub(crate) fn is_open(code: u32) -> bool {
    code & ((1 << DEED_BITS) - 1) >= 2
}

/// The number of the name of an event of a code.
pub(crate) fn name_of(code: u32) -> u32 {
    code >> DEED_BITS
}

/// What an event of a code is.
pub(crate) fn deed_of(code: u32) -> Deed {
    match code & ((1 << DEED_BITS) - 1) {
        0 => Deed::Close,
        2 => Deed::ItemOpen,
        3 => Deed::FlyerOpen,
        _ => Deed::Other,
    }
}
