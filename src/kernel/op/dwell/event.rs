//! An event of a user, in 24 bytes: when, what, on which flyer, and on which wall.

use std::cmp::Ordering;

use crate::calendar::{DAY_US, Zone, day_of_wall};
use crate::ids::{Day, Micros};
use crate::kernel::chunk::FixedRow;
use crate::kernel::sort::Record;

/// What an event says about the flyer that the user looks at. In the order in which events of the
/// same moment are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// A flyer was closed.
    Close,
    /// Something else happened, on a flyer or not.
    Other,
    /// An item of a flyer was opened.
    ItemOpen,
    /// A flyer was opened.
    FlyerOpen,
}

/// The flyer and merchant of an event that is on none: there are less than 2^32 of either.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// An event of a user. Their order is the one that the module's doc names, within one user; the names
/// of events come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlyerEvent {
    pub(crate) time: Micros,
    /// What it was, and on which wall.
    pub(crate) wall: Wall,
    /// On which flyer, or [`NOWHERE`].
    pub(crate) flyer: u32,
    /// Of which merchant, or [`NOWHERE`].
    pub(crate) merchant: u32,
    pub(crate) user: u32,
}

/// What an event was, and the wall that its day is read from, in 4 bytes: the deed in the upper 2
/// bits, then the number of its name, then whether the wall is the zone's, then the offset in seconds,
/// counted from −1 day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wall(u32);

/// Bits of a [`Wall`] that hold its offset: two days of seconds.
const OFFSET_BITS: u32 = 18;
/// Where the number of a name starts.
const NAME_SHIFT: u32 = OFFSET_BITS + 1;
/// Where the deed starts.
const DEED_SHIFT: u32 = 30;
/// Names of events that are told apart, beside those that open or close something.
pub(crate) const NAMES_MAX: u32 = 1 << (DEED_SHIFT - NAME_SHIFT);
/// The bits of the number of a name.
const NAME_MASK: u32 = (NAMES_MAX - 1) << NAME_SHIFT;
/// Seconds of a day.
const DAY_S: i64 = 86_400;

impl Wall {
    /// A wall that is so many microseconds east of UTC; `is_zone` if that is what the job's zone
    /// had at the time, and not what was written with it. What is no whole second is cut off:
    /// no zone has had such an offset.
    #[inline]
    pub(crate) fn new(deed: Deed, east_us: i64, is_zone: bool) -> Wall {
        let east_s = (east_us / 1_000_000).clamp(-DAY_S, DAY_S);
        let offset = u32::try_from(east_s + DAY_S).expect("clamped to two days");
        let deed = match deed {
            Deed::Close => 0,
            Deed::Other => 1,
            Deed::ItemOpen => 2,
            Deed::FlyerOpen => 3,
        };
        Wall(deed << DEED_SHIFT | u32::from(is_zone) << OFFSET_BITS | offset)
    }

    /// What it was.
    #[inline]
    pub(crate) fn deed(self) -> Deed {
        match self.0 >> DEED_SHIFT {
            0 => Deed::Close,
            1 => Deed::Other,
            2 => Deed::ItemOpen,
            _ => Deed::FlyerOpen,
        }
    }

    /// The same, of an event whose name has a number, which is below [`NAMES_MAX`].
    #[inline]
    pub(crate) fn named(self, number: u32) -> Wall {
        debug_assert!(number < NAMES_MAX);
        Wall(self.0 & !NAME_MASK | number << NAME_SHIFT)
    }

    /// The number of its name.
    #[inline]
    pub(crate) fn name(self) -> u32 {
        (self.0 & NAME_MASK) >> NAME_SHIFT
    }

    /// Microseconds east of UTC.
    #[inline]
    fn east_us(self) -> i64 {
        (i64::from(self.0 & ((1 << OFFSET_BITS) - 1)) - DAY_S) * 1_000_000
    }

    /// Whether the wall is the zone's.
    fn is_zone(self) -> bool {
        self.0 >> OFFSET_BITS & 1 == 1
    }

    /// The day on this wall at an instant.
    #[inline]
    fn day_of(self, at: Micros) -> Day {
        day_of_wall(at.0.saturating_add(self.east_us()))
    }

    /// The instant at which a day starts on this wall.
    pub(crate) fn start_of(self, day: Day, zone: &Zone) -> Micros {
        if self.is_zone() {
            return zone.start_of(day);
        }
        let wall_us = i64::from(day.0).saturating_mul(DAY_US);
        Micros(wall_us.saturating_sub(self.east_us()))
    }
}

impl Ord for FlyerEvent {
    #[inline]
    fn cmp(&self, other: &FlyerEvent) -> Ordering {
        let key = |of: &FlyerEvent| (of.time, of.wall.named(0), of.flyer, of.merchant, of.user);
        let by_name = || self.wall.name().cmp(&other.wall.name());
        key(self).cmp(&key(other)).then_with(by_name)
    }
}

impl PartialOrd for FlyerEvent {
    #[inline]
    fn partial_cmp(&self, other: &FlyerEvent) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FlyerEvent {
    /// Whether it is one of those that spans are made of.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.wall.deed(), Deed::ItemOpen | Deed::FlyerOpen)
    }

    /// Whether it is on a flyer, and does not close it.
    pub(crate) fn is_on_flyer(&self) -> bool {
        self.flyer != NOWHERE && self.wall.deed() != Deed::Close
    }

    /// The day that it is in.
    #[inline]
    pub(crate) fn day(&self) -> Day {
        self.wall.day_of(self.time)
    }
}

impl Record for FlyerEvent {
    #[inline]
    fn time(&self) -> Micros {
        self.time
    }
}

impl FixedRow for FlyerEvent {
    const WIDTH: usize = 24;

    fn write(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.time.0.to_le_bytes());
        for word in [self.wall.0, self.flyer, self.merchant, self.user] {
            to.extend_from_slice(&word.to_le_bytes());
        }
    }

    fn read(bytes: &[u8]) -> Option<FlyerEvent> {
        let (time, words) = bytes.split_first_chunk::<8>()?;
        let [wall, flyer, merchant, user] = words.as_chunks::<4>().0 else {
            return None;
        };
        let word = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
        Some(FlyerEvent {
            time: Micros(i64::from_le_bytes(*time)),
            wall: Wall(word(wall)),
            flyer: word(flyer),
            merchant: word(merchant),
            user: word(user),
        })
    }
}
