//! An event of a user in 24 bytes: time, action, flyer, merchant, and the local clock it was written by.

use std::cmp::Ordering;

use crate::calendar::{DAY_US, Zone, day_of_wall};
use crate::ids::{Day, Micros};
use crate::kernel::chunk::FixedRow;
use crate::kernel::sort::TimeOrdered;

/// What an event does to the flyer that the user looks at. The order of variants is the order of
/// events at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FlyerAction {
    /// A flyer was closed.
    Close,
    /// Something else happened, on a flyer or not.
    Other,
    /// An item of a flyer was opened.
    ItemOpen,
    /// A flyer was opened.
    FlyerOpen,
}

/// The flyer and the merchant of an event that is on none. No rank is that high.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// An event of a user. The order is that of the module's doc, within one user; event names come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlyerEvent {
    pub(crate) time: Micros,
    /// Action, name, and local clock.
    pub(crate) wall: Wall,
    /// The flyer, or [`NOWHERE`].
    pub(crate) flyer: u32,
    /// The merchant, or [`NOWHERE`].
    pub(crate) merchant: u32,
    pub(crate) user: u32,
}

/// The action, the event name, and the local (wall) clock that decides the day, in 4 bytes: the action
/// in the upper 2 bits, then the number of the name, then whether the offset is the zone's, then the
/// offset in seconds, counted from −1 day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wall(u32);

/// Bits of a [`Wall`] that hold its offset: two days of seconds.
const OFFSET_BITS: u32 = 18;
/// Where the number of a name starts.
const NAME_SHIFT: u32 = OFFSET_BITS + 1;
/// Where the action starts.
const ACTION_SHIFT: u32 = 30;
/// The most distinct event names, beside those that open or close something.
pub(crate) const NAMES_MAX: u32 = 1 << (ACTION_SHIFT - NAME_SHIFT);
/// The bits of the number of a name.
const NAME_MASK: u32 = (NAMES_MAX - 1) << NAME_SHIFT;
/// Seconds of a day.
const DAY_S: i64 = 86_400;

impl Wall {
    /// A local clock that is `east_us` east of UTC; `is_zone` if the offset is that of the job's zone
    /// at the time, and not one written with it. Fractions of a second are cut off: no zone has had
    /// such an offset.
    #[inline]
    pub(crate) fn new(action: FlyerAction, east_us: i64, is_zone: bool) -> Wall {
        // The clamp keeps any offset, however wrong, out of the bits of the flag and the name.
        let east_s = (east_us / 1_000_000).clamp(-DAY_S, DAY_S);
        let offset = u32::try_from(east_s + DAY_S).expect("clamped to two days");
        let action = match action {
            FlyerAction::Close => 0,
            FlyerAction::Other => 1,
            FlyerAction::ItemOpen => 2,
            FlyerAction::FlyerOpen => 3,
        };
        Wall(action << ACTION_SHIFT | u32::from(is_zone) << OFFSET_BITS | offset)
    }

    /// What it was.
    #[inline]
    pub(crate) fn action(self) -> FlyerAction {
        match self.0 >> ACTION_SHIFT {
            0 => FlyerAction::Close,
            1 => FlyerAction::Other,
            2 => FlyerAction::ItemOpen,
            _ => FlyerAction::FlyerOpen,
        }
    }

    /// The same with the number of an event name, which is below [`NAMES_MAX`].
    #[inline]
    pub(crate) fn named(self, number: u32) -> Wall {
        debug_assert!(number < NAMES_MAX);
        Wall(self.0 & !NAME_MASK | number << NAME_SHIFT)
    }

    /// The number of the event name.
    #[inline]
    pub(crate) fn name(self) -> u32 {
        (self.0 & NAME_MASK) >> NAME_SHIFT
    }

    /// Microseconds east of UTC.
    #[inline]
    fn east_us(self) -> i64 {
        (i64::from(self.0 & ((1 << OFFSET_BITS) - 1)) - DAY_S) * 1_000_000
    }

    /// Whether the offset is that of the job's zone.
    fn is_zone(self) -> bool {
        self.0 >> OFFSET_BITS & 1 == 1
    }

    /// The local day of an instant.
    #[inline]
    fn day_of(self, at: Micros) -> Day {
        day_of_wall(at.0.saturating_add(self.east_us()))
    }

    /// The instant at which a local day starts.
    pub(crate) fn start_of(self, day: Day, zone: &Zone) -> Micros {
        if self.is_zone() {
            // The zone may change its clocks before that midnight, so the offset of the event would
            // be wrong.
            return zone.start_of(day);
        }
        let wall_us = i64::from(day.0).saturating_mul(DAY_US);
        Micros(wall_us.saturating_sub(self.east_us()))
    }
}

impl Ord for FlyerEvent {
    #[inline]
    fn cmp(&self, other: &FlyerEvent) -> Ordering {
        let key = |event: &FlyerEvent| {
            // Names come last: they put duplicates side by side, and must not decide which of two
            // events is first. Where there are too many of them, all numbers are 0, and the stays
            // must be the same.
            let wall = event.wall.named(0);
            (event.time, wall, event.flyer, event.merchant, event.user)
        };
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
    /// Whether it opens something: spans are made of such events.
    pub(crate) fn is_open(&self) -> bool {
        matches!(
            self.wall.action(),
            FlyerAction::ItemOpen | FlyerAction::FlyerOpen
        )
    }

    /// Whether it is on a flyer, and does not close it.
    pub(crate) fn is_on_flyer(&self) -> bool {
        self.flyer != NOWHERE && self.wall.action() != FlyerAction::Close
    }

    /// The local day of the event.
    #[inline]
    pub(crate) fn day(&self) -> Day {
        self.wall.day_of(self.time)
    }
}

impl TimeOrdered for FlyerEvent {
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
