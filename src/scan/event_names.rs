//! Names of events to codes: the two low bits are the kind of event, the rest numbers other names.

use crate::dictionary::Dictionary;
use crate::ids::index;
use crate::kernel::op::dwell::{FlyerAction, NAMES_MAX};

/// The bits of a code that are the kind of event. The bits above number the name of an event of another
/// kind.
pub(crate) const DEED_BITS: u32 = 2;
/// The kind of an event that neither opens nor closes anything.
pub(crate) const OTHER: u32 = 1;

/// The kind of event with a name, as the low bits of its code.
pub(crate) fn deed_code(name: &[u8]) -> u32 {
    // What opens something has 2 or more, which `is_open` relies on.
    match name {
        b"flyer_close" => 0,
        b"item_open" => 2,
        b"flyer_open" => 3,
        _ => OTHER,
    }
}

/// The number of the name of another event. The dictionary takes one name more than the limit, which shows
/// that there are too many; names beyond it get the number of the first.
pub(crate) fn other_code(others: &mut Dictionary, name: &[u8]) -> u32 {
    let code = if others.count() <= index(NAMES_MAX) {
        others.intern_text(name)
    } else {
        others.find_text(name).unwrap_or(0)
    };
    if code < NAMES_MAX { code } else { 0 }
}

/// Whether an event opens a flyer or an item.
pub(crate) fn is_open(code: u32) -> bool {
    code & ((1 << DEED_BITS) - 1) >= 2
}

/// The number of the name of an event.
pub(crate) fn name_of(code: u32) -> u32 {
    code >> DEED_BITS
}

/// The kind of an event.
pub(crate) fn deed_of(code: u32) -> FlyerAction {
    match code & ((1 << DEED_BITS) - 1) {
        0 => FlyerAction::Close,
        2 => FlyerAction::ItemOpen,
        3 => FlyerAction::FlyerOpen,
        _ => FlyerAction::Other,
    }
}
