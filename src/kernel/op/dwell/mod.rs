//! `dwell`: the time that one user spent with each merchant on each day.
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
//! **Order**: time, then action (those that end or interrupt a stay before those that start one),
//! then the offset that the time was written with, then flyer, then merchant. The order is total up to
//! exact duplicates, so the result depends on the multiset of events alone. Duplicates are counted;
//! they stay as events, or all but one are removed.
//! **Days**: an event is in its local day, by the offset it was written with or by the job's zone. A
//! stay that crosses midnight is split there, by the local clock of the event that starts it.
//! **Invariants**: times are summed as whole microseconds; one division converts them to seconds.
//! **Cost**: one sort of each run; scratch is reused from run to run.

mod by_day;
mod event;
mod place_days;
mod user_rows;

pub(crate) use self::by_day::{Measure, UserTotal, flyer_days, user_totals};
pub(crate) use self::event::{FlyerAction, FlyerEvent, NAMES_MAX, NOWHERE, Wall};
pub(crate) use self::place_days::{PlaceDay, UserDay, place_days};
pub(crate) use self::user_rows::{UserStay, UserTotalRow};
use crate::calendar::Zone;
use crate::ids::{Day, Micros, count32, float};
use crate::job::DivideBy;

/// The time that a user spent with a merchant on a day: a row of the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stay {
    pub(crate) merchant: u32,
    pub(crate) day: Day,
    pub(crate) avg_seconds: f64,
    pub(crate) flyers: u32,
    /// Events on these flyers on that day.
    pub(crate) events: u32,
}

/// An event of a span, or the part of a stay that lies in one day. The derived order groups by merchant,
/// then day, then flyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct StayPiece {
    merchant: u32,
    day: Day,
    flyer: u32,
    /// The events that it counts as: 0 for the part of a stay after midnight.
    events: u32,
    /// The time of an event, or the length of a stay, µs.
    us: i64,
    /// The event's action and clock; only used by spans.
    wall: Wall,
}

/// Memory that is reused from run to run.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// The pieces of a run.
    pieces: Vec<StayPiece>,
}

/// How duplicate events are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RepeatRule {
    /// They are removed.
    pub(crate) are_dropped: bool,
    /// Events that neither open nor close anything have the numbers of their names. If not, none of
    /// these counts as a duplicate.
    pub(crate) names_compared: bool,
}

/// Duplicate events of one user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repeats {
    pub(crate) all: u32,
    /// Of them, those that are duplicates only by their names: they neither open nor close anything.
    pub(crate) by_name: u32,
}

/// The spans of one user's events; gives the duplicate events.
pub(crate) fn spans(
    run: &[FlyerEvent],
    divide_by: DivideBy,
    repeats: RepeatRule,
    scratch: &mut Scratch,
    stays: &mut Vec<Stay>,
) -> Repeats {
    let pieces = &mut scratch.pieces;
    pieces.clear();
    let opens = run.iter().filter(|event| event.is_open());
    pieces.extend(opens.map(|event| StayPiece {
        merchant: event.merchant,
        day: event.day(),
        flyer: event.flyer,
        events: 1,
        us: event.time.0,
        wall: event.wall,
    }));
    pieces.sort_unstable();
    // The order reads all fields, so duplicates are adjacent. The name needs no look: events that
    // open something have none.
    let repeated = count32(pieces.windows(2).filter(|pair| pair[0] == pair[1]).count());
    if repeats.are_dropped {
        pieces.dedup();
    }
    let of_day = |a: &StayPiece, b: &StayPiece| (a.merchant, a.day) == (b.merchant, b.day);
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
    Repeats {
        all: repeated,
        by_name: 0,
    }
}

/// The sessions of one user's events, which are sorted; gives the duplicate events on flyers.
pub(crate) fn sessions(
    run: &mut [FlyerEvent],
    idle_timeout_us: i64,
    repeats: RepeatRule,
    zone: &Zone,
    scratch: &mut Scratch,
    stays: &mut Vec<Stay>,
) -> Repeats {
    debug_assert!(run.is_sorted());
    let (run, repeated) = without_repeats(run, repeats);
    let pieces = &mut scratch.pieces;
    pieces.clear();
    let nexts = run.iter().skip(1).map(Some).chain([None]);
    for (event, next) in run.iter().zip(nexts) {
        if event.is_on_flyer() {
            let end = next.map_or(event.time, |next| next.time);
            // Unsigned, as the difference of two `i64` may not fit one.
            let is_near = end.0.abs_diff(event.time.0) <= idle_timeout_us.unsigned_abs();
            let end = if is_near { end } else { event.time };
            split_at_midnight(event, end, zone, pieces);
        }
    }
    pieces.sort_unstable();
    let of_day = |a: &StayPiece, b: &StayPiece| (a.merchant, a.day) == (b.merchant, b.day);
    for pieces in pieces.chunk_by(of_day) {
        let flyers = flyers_count(pieces);
        // Stays of one user do not overlap, so the sum cannot overflow.
        let total_us = pieces.iter().map(|piece| piece.us.unsigned_abs()).sum();
        stays.push(Stay {
            merchant: pieces[0].merchant,
            day: pieces[0].day,
            avg_seconds: seconds(total_us, flyers),
            flyers,
            events: pieces.iter().map(|piece| piece.events).sum(),
        });
    }
    repeated
}

/// Sorted events without duplicates on flyers, if these are to be removed; and the duplicates.
fn without_repeats(run: &mut [FlyerEvent], repeats: RepeatRule) -> (&[FlyerEvent], Repeats) {
    let is_repeat = |pair: [&FlyerEvent; 2]| {
        // Without names, two different events at one moment would be taken for a repeat.
        let is_told = repeats.names_compared || pair[0].wall.action() != FlyerAction::Other;
        pair[0] == pair[1] && pair[0].is_on_flyer() && is_told
    };
    let mut repeated = Repeats::default();
    for pair in run
        .windows(2)
        .filter(|pair| is_repeat([&pair[0], &pair[1]]))
    {
        repeated.all += 1;
        repeated.by_name += u32::from(pair[0].wall.action() == FlyerAction::Other);
    }
    if !repeats.are_dropped || repeated.all == 0 {
        return (run, repeated);
    }
    let mut kept = 1;
    for at in 1..run.len() {
        if !is_repeat([&run[kept - 1], &run[at]]) {
            run[kept] = run[at];
            kept += 1;
        }
    }
    (&run[..kept], repeated)
}

/// Splits the time from an event to `end` at each local midnight. The parts after midnight do not count
/// as events of their day.
fn split_at_midnight(event: &FlyerEvent, end: Micros, zone: &Zone, pieces: &mut Vec<StayPiece>) {
    let (mut start, mut day, mut events) = (event.time, event.day(), 1);
    loop {
        let next_day = Day(day.0.saturating_add(1));
        // Where clocks go back across midnight, the next day has begun once before the event. The
        // maximum keeps the length from being negative.
        let midnight = event.wall.start_of(next_day, zone).max(start);
        let piece_end = midnight.min(end);
        // A day that a zone skipped has no time in it, and no event.
        if events == 1 || start < piece_end {
            pieces.push(StayPiece {
                merchant: event.merchant,
                day,
                flyer: event.flyer,
                events,
                us: piece_end.0.saturating_sub(start.0),
                wall: Wall::default(),
            });
        }
        if end <= midnight || midnight == Micros::MAX {
            return;
        }
        (start, day, events) = (midnight, next_day, 0);
    }
}

/// The number of distinct flyers of sorted pieces.
fn flyers_count(pieces: &[StayPiece]) -> u32 {
    count32(pieces.chunk_by(|a, b| a.flyer == b.flyer).count())
}

/// Microseconds divided by `divisor`, in seconds: one rounding.
fn seconds(total_us: u64, divisor: u32) -> f64 {
    float(total_us) / float(u64::from(divisor) * 1_000_000)
}
