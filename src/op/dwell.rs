//! Runs of one user's events to the time that the user spent with each merchant on each day.
//!
//! **In / Out**: the events of one user, in any order for [`spans`], in the order of
//! [`FlyerEvent`] for [`sessions`] → a [`Stay`] for each merchant and day, in that order.
//! ```text
//! span      merchant A  o────o──────────o        last − first, divided by events or flyers
//!           merchant B         o──o
//! session   flyer 1     o────o────┐ ┌o───┐close   each event on a flyer lasts until the next of the
//!           flyer 2               o─┘    │        user, whatever that is, if it is near enough
//!           anything else                └·····o  none lasts longer than the idle timeout
//! ```
//! **Order**: time, then kind (what ends or interrupts a stay before what starts one), then the
//! offset that the time was written with, then flyer, then merchant. It is total up to exact
//! duplicates, so the result depends on the multiset of events alone. Duplicates are kept, as
//! events, and counted.
//! **Days**: an event is in the day of its own wall: that of the offset it was written with, or of
//! the job's zone. A stay that crosses midnight is split there, by the wall of the event that
//! starts it, whatever the offset of the one that ends it.
//! **Invariants**: times are summed up as whole microseconds; one division makes seconds of them.
//! **Cost**: one sort of each run; scratch is used again from run to run.

use crate::calendar::{DAY_US, Zone, day_of_wall};
use crate::chunk::FixedRow;
use crate::ids::{Day, Micros, count32, float};
use crate::job::DivideBy;
use crate::sort::Record;

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

/// An event of a user. The derived order is the one that the module's doc names, within one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FlyerEvent {
    /// When it happened.
    pub(crate) time: Micros,
    /// What it was, and on which wall.
    pub(crate) wall: Wall,
    /// On which flyer, or [`NOWHERE`].
    pub(crate) flyer: u32,
    /// Of which merchant, or [`NOWHERE`].
    pub(crate) merchant: u32,
    /// Who.
    pub(crate) user: u32,
}

/// What an event was, and the wall that its day is read from, in 4 bytes: the deed in the upper 8
/// bits, then whether the wall is the zone's, then the offset in seconds, counted from −1 day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wall(u32);

/// Bits of a [`Wall`] that hold its offset: two days of seconds.
const OFFSET_BITS: u32 = 18;
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
        Wall(deed << 24 | u32::from(is_zone) << OFFSET_BITS | offset)
    }

    /// What it was.
    #[inline]
    pub(crate) fn deed(self) -> Deed {
        match self.0 >> 24 {
            0 => Deed::Close,
            1 => Deed::Other,
            2 => Deed::ItemOpen,
            _ => Deed::FlyerOpen,
        }
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
    fn start_of(self, day: Day, zone: &Zone) -> Micros {
        if self.is_zone() {
            return zone.start_of(day);
        }
        let wall_us = i64::from(day.0).saturating_mul(DAY_US);
        Micros(wall_us.saturating_sub(self.east_us()))
    }
}

impl FlyerEvent {
    /// Whether it is one of those that spans are made of.
    fn is_open(&self) -> bool {
        matches!(self.wall.deed(), Deed::ItemOpen | Deed::FlyerOpen)
    }

    /// Whether it is on a flyer, and does not close it.
    fn is_on_flyer(&self) -> bool {
        self.flyer != NOWHERE && self.wall.deed() != Deed::Close
    }

    /// The day that it is in.
    #[inline]
    fn day(&self) -> Day {
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

/// What a user spent with a merchant on a day: a row of the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stay {
    /// The merchant.
    pub(crate) merchant: u32,
    /// The day.
    pub(crate) day: Day,
    /// The seconds, divided.
    pub(crate) avg_seconds: f64,
    /// Different flyers.
    pub(crate) flyers: u32,
    /// Events on them on that day.
    pub(crate) events: u32,
}

/// A moment of a span, or a piece of a stay that lies in one day. The derived order puts those of a
/// merchant and day together, and of these those of a flyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    /// The merchant.
    merchant: u32,
    /// The day.
    day: Day,
    /// The flyer.
    flyer: u32,
    /// Events that it stands for: 0 for what is left of a stay after midnight.
    events: u32,
    /// When it happened, or how long it lasted, µs.
    us: i64,
    /// What it was; for spans alone.
    wall: Wall,
}

/// Memory that is used again from run to run.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// The pieces of a run.
    pieces: Vec<Piece>,
}

/// The spans of one user's events; gives how many of these repeat another one in all they hold.
pub(crate) fn spans(
    run: &[FlyerEvent],
    divide_by: DivideBy,
    scratch: &mut Scratch,
    stays: &mut Vec<Stay>,
) -> u32 {
    let pieces = &mut scratch.pieces;
    pieces.clear();
    let opens = run.iter().filter(|event| event.is_open());
    pieces.extend(opens.map(|event| Piece {
        merchant: event.merchant,
        day: event.day(),
        flyer: event.flyer,
        events: 1,
        us: event.time.0,
        wall: event.wall,
    }));
    pieces.sort_unstable();
    let of_day = |a: &Piece, b: &Piece| (a.merchant, a.day) == (b.merchant, b.day);
    for pieces in pieces.chunk_by(of_day) {
        let first = pieces.iter().map(|piece| piece.us).min();
        let last = pieces.iter().map(|piece| piece.us).max();
        let total_us = last
            .zip(first)
            .map_or(0, |(last, first)| last.abs_diff(first));
        let (flyers, events) = (flyers_count(pieces), count32(pieces.len()));
        let divisor = match divide_by {
            DivideBy::Events => events,
            DivideBy::Flyers => flyers,
        };
        stays.push(Stay {
            merchant: pieces[0].merchant,
            day: pieces[0].day,
            avg_seconds: seconds(total_us, divisor),
            flyers,
            events,
        });
    }
    count32(pieces.windows(2).filter(|pair| pair[0] == pair[1]).count())
}

/// The sessions of one user's events, which are sorted; gives how many of these repeat another one
/// on a flyer in all they hold.
pub(crate) fn sessions(
    run: &[FlyerEvent],
    idle_timeout_us: i64,
    zone: &Zone,
    scratch: &mut Scratch,
    stays: &mut Vec<Stay>,
) -> u32 {
    debug_assert!(run.is_sorted());
    let pieces = &mut scratch.pieces;
    pieces.clear();
    let nexts = run.iter().skip(1).map(Some).chain([None]);
    for (event, next) in run.iter().zip(nexts) {
        if event.is_on_flyer() {
            let end = next.map_or(event.time, |next| next.time);
            let is_near = end.0.abs_diff(event.time.0) <= idle_timeout_us.unsigned_abs();
            let end = if is_near { end } else { event.time };
            split_at_midnight(event, end, zone, pieces);
        }
    }
    pieces.sort_unstable();
    let of_day = |a: &Piece, b: &Piece| (a.merchant, a.day) == (b.merchant, b.day);
    for pieces in pieces.chunk_by(of_day) {
        let flyers = flyers_count(pieces);
        // Stays of one user do not overlap: together they last no longer than time itself.
        let total_us = pieces.iter().map(|piece| piece.us.unsigned_abs()).sum();
        stays.push(Stay {
            merchant: pieces[0].merchant,
            day: pieces[0].day,
            avg_seconds: seconds(total_us, flyers),
            flyers,
            events: pieces.iter().map(|piece| piece.events).sum(),
        });
    }
    let is_repeated = |pair: &&[FlyerEvent]| pair[0] == pair[1] && pair[0].is_on_flyer();
    count32(run.windows(2).filter(is_repeated).count())
}

/// Cuts the time from an event to `end` at each midnight on the event's wall. What is left after
/// midnight is no event of its day.
fn split_at_midnight(event: &FlyerEvent, end: Micros, zone: &Zone, pieces: &mut Vec<Piece>) {
    let (mut start, mut day, mut events) = (event.time, event.day(), 1);
    loop {
        let next_day = Day(day.0.saturating_add(1));
        let midnight = event.wall.start_of(next_day, zone).max(start);
        let piece_end = midnight.min(end);
        // A day that a zone left out has no time in it, and no event.
        if events == 1 || start < piece_end {
            pieces.push(Piece {
                merchant: event.merchant,
                day,
                flyer: event.flyer,
                events,
                us: piece_end.0.saturating_sub(start.0),
                wall: Wall(0),
            });
        }
        if end <= midnight || midnight == Micros::MAX {
            return;
        }
        (start, day, events) = (midnight, next_day, 0);
    }
}

/// Different flyers of pieces, which are in order.
fn flyers_count(pieces: &[Piece]) -> u32 {
    count32(pieces.chunk_by(|a, b| a.flyer == b.flyer).count())
}

/// Microseconds, divided, in seconds: rounded once.
fn seconds(total_us: u64, divisor: u32) -> f64 {
    float(total_us) / float(u64::from(divisor) * 1_000_000)
}

/// What one user spent with a merchant on a day, among all of that merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Share {
    /// The day.
    pub(crate) day: Day,
    /// The seconds, as bits: in order, as they are never negative.
    pub(crate) seconds_bits: u64,
    /// The merchant.
    pub(crate) merchant: u32,
}

impl FixedRow for Share {
    const WIDTH: usize = 16;

    fn write(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.seconds_bits.to_le_bytes());
        to.extend_from_slice(&self.day.0.to_le_bytes());
        to.extend_from_slice(&self.merchant.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Share> {
        let (seconds, words) = bytes.split_first_chunk::<8>()?;
        let [day, merchant] = words.as_chunks::<4>().0 else {
            return None;
        };
        Some(Share {
            day: Day(i32::from_le_bytes(*day)),
            seconds_bits: u64::from_le_bytes(*seconds),
            merchant: u32::from_le_bytes(*merchant),
        })
    }
}

/// What all users spent with a merchant on a day: a row of the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MerchantDay {
    /// The merchant.
    pub(crate) merchant: u32,
    /// The day.
    pub(crate) day: Day,
    /// Users.
    pub(crate) users: u32,
    /// The mean of their seconds.
    pub(crate) avg_seconds: f64,
    /// Half of them spent less.
    pub(crate) p50_seconds: f64,
    /// 95 in a hundred spent less.
    pub(crate) p95_seconds: f64,
}

/// The days of one merchant, whose shares are sorted.
pub(crate) fn merchant_days(run: &[Share], days: &mut Vec<MerchantDay>) {
    debug_assert!(run.is_sorted());
    for shares in run.chunk_by(|a, b| a.day == b.day) {
        // Summed up in the order of their size, so that the sum depends on nothing else.
        let total: f64 = shares
            .iter()
            .map(|of| f64::from_bits(of.seconds_bits))
            .sum();
        days.push(MerchantDay {
            merchant: shares[0].merchant,
            day: shares[0].day,
            users: count32(shares.len()),
            avg_seconds: total / float(u64::from(count32(shares.len()))),
            p50_seconds: percentile(shares, 50),
            p95_seconds: percentile(shares, 95),
        });
    }
}

/// The value that so many in a hundred are below; between two, a straight line.
fn percentile(sorted: &[Share], percent: usize) -> f64 {
    let place = (sorted.len() - 1) * percent;
    let value = |at: usize| f64::from_bits(sorted[at].seconds_bits);
    let (low, above) = (place / 100, place % 100);
    if above == 0 {
        return value(low);
    }
    let part = f64::from(count32(above)) / 100.0;
    value(low) + (value(low + 1) - value(low)) * part
}
