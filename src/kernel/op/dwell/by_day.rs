//! The time of one user on each day as a whole, and on each flyer.
//!
//! **In / Out**: the pieces of a user's stays, as [`spans`](super::spans) or
//! [`sessions`](super::sessions) left them in the scratch → a [`UserTotal`] for each day, and a
//! [`UserDay`] for each flyer and day. **Invariants**: they are the same pieces, grouped otherwise, so that
//! no event counts in one table and not in another. A flyer that events name with several merchants is one
//! flyer here.

use super::{Scratch, StayPiece, UserDay, flyers_count, seconds};
use crate::ids::{Day, count32};
use crate::job::DivideBy;

/// How pieces become seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// They are the times of events: from the first to the last, divided.
    Span(DivideBy),
    /// They are lengths: their sum, divided by the flyers.
    Session,
}

/// The time of a user on a day: a row of the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct UserTotal {
    pub(crate) day: Day,
    pub(crate) avg_seconds: f64,
    pub(crate) flyers: u32,
    /// Events on these flyers on that day.
    pub(crate) events: u32,
}

/// The time of the user on each day, in order.
pub(crate) fn user_totals(measure: Measure, scratch: &mut Scratch, totals: &mut Vec<UserTotal>) {
    let pieces = &mut scratch.pieces;
    pieces.sort_unstable_by_key(|piece| (piece.day, piece.flyer));
    for pieces in pieces.chunk_by(|a, b| a.day == b.day) {
        totals.push(UserTotal {
            day: pieces[0].day,
            avg_seconds: seconds_of(measure, pieces),
            flyers: flyers_count(pieces),
            events: pieces.iter().map(|piece| piece.events).sum(),
        });
    }
}

/// The time of the user on each flyer on each day, by flyer and day.
pub(crate) fn flyer_days(measure: Measure, scratch: &mut Scratch, shares: &mut Vec<UserDay>) {
    let pieces = &mut scratch.pieces;
    pieces.sort_unstable_by_key(|piece| (piece.flyer, piece.day));
    let of_day = |a: &StayPiece, b: &StayPiece| (a.flyer, a.day) == (b.flyer, b.day);
    for pieces in pieces.chunk_by(of_day) {
        shares.push(UserDay {
            day: pieces[0].day,
            seconds_bits: seconds_of(measure, pieces).to_bits(),
            place: pieces[0].flyer,
        });
    }
}

/// The seconds of pieces of one day, of which those of a flyer are adjacent.
fn seconds_of(measure: Measure, pieces: &[StayPiece]) -> f64 {
    match measure {
        Measure::Span(divide_by) => {
            let first = pieces.iter().map(|piece| piece.us).min();
            let last = pieces.iter().map(|piece| piece.us).max();
            let span = last.zip(first);
            let span_us = span.map_or(0, |(last, first)| last.abs_diff(first));
            let divisor = match divide_by {
                DivideBy::Events => count32(pieces.len()),
                DivideBy::Flyers => flyers_count(pieces),
            };
            seconds(span_us, divisor)
        }
        Measure::Session => {
            // Stays of one user do not overlap, so the sum cannot overflow.
            let total_us = pieces.iter().map(|piece| piece.us.unsigned_abs()).sum();
            seconds(total_us, flyers_count(pieces))
        }
    }
}
