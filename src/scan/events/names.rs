//! Names of events to codes: the two low bits are the kind of event, the rest numbers names of one kind.

use crate::dictionary::Dictionary;
use crate::ids::{count32, index};
use crate::kernel::op::dwell::{FlyerAction, NAMES_MAX};

/// The bits of a code that are the kind of event. The bits above number the name among those of its kind,
/// so that events of different names are never taken for repeats.
pub(crate) const DEED_BITS: u32 = 2;
/// The kind of an event that neither opens nor closes anything.
pub(crate) const OTHER: u32 = 1;
/// The code of an event that is passed over. Numbers of names are too small to make it.
pub(crate) const IGNORED: u32 = u32::MAX;

/// The names of events that have a role.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventRoles<'a> {
    /// Those of events that open something.
    pub(crate) opens: &'a [String],
    /// Those of events that close a flyer.
    pub(crate) closes: &'a [String],
    /// Those of events that are passed over.
    pub(crate) ignores: &'a [String],
    /// Whether these are the default roles, which are found without a look at the lists.
    pub(crate) are_usual: bool,
}

impl EventRoles<'_> {
    /// The kind of event with a name, and for one that opens something the number of the name; or
    /// [`IGNORED`].
    pub(crate) fn code(&self, name: &[u8]) -> u32 {
        // What opens something has 2 or more, which `is_open` relies on.
        match name {
            b"flyer_close" if self.are_usual => 0,
            b"item_open" if self.are_usual => 2,
            b"flyer_open" if self.are_usual => 3,
            _ if self.are_usual => OTHER,
            _ => self.code_in_lists(name),
        }
    }

    /// The same, by the lists.
    fn code_in_lists(&self, name: &[u8]) -> u32 {
        let place = |names: &[String]| names.iter().position(|of| of.as_bytes() == name);
        if let Some(at) = place(self.opens) {
            // Of events at one time, one that opens an item comes before one that opens a flyer.
            let deed = if name == b"item_open" { 2 } else { 3 };
            return deed | count32(at) << DEED_BITS;
        }
        if place(self.closes).is_some() {
            0
        } else if place(self.ignores).is_some() {
            IGNORED
        } else {
            OTHER
        }
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

/// Whether an event opens a flyer or an item; the code is not [`IGNORED`].
pub(crate) fn is_open(code: u32) -> bool {
    code & ((1 << DEED_BITS) - 1) >= 2
}

/// Whether an event neither opens nor closes anything.
pub(crate) fn is_other(code: u32) -> bool {
    code & ((1 << DEED_BITS) - 1) == OTHER
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
