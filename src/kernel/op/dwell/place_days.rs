//! Aggregates the time that users spent at a place (with a merchant, or on a flyer), by day.
//!
//! **In / Out**: [`UserDay`]s of one place, sorted → a [`PlaceDay`] for each day. **Invariants**: values
//! are summed in ascending order, so the mean does not depend on the order of input. **Percentiles**: by
//! linear interpolation between the two nearest ranks, as `quantile_cont` of DuckDB has it: of `n` values
//! in ascending order, from 0, that at the place `(n - 1) * p / 100`.

use std::cmp::Ordering;

use crate::ids::{Day, count32, float};
use crate::kernel::chunk::FixedRow;

/// The time that one user spent at a place on a day. They are ordered by their fields, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// A row type of its own: one that served for the tables of users as well would be half empty in a
// spill file.
pub(crate) struct UserDay {
    pub(crate) day: Day,
    /// The seconds, as bits of a float. They sort as the float does, since it is never negative.
    pub(crate) seconds_bits: u64,
    /// The merchant, or the flyer.
    pub(crate) place: u32,
}

impl UserDay {
    /// Its fields in one number, in the order of fields.
    #[inline]
    fn key(&self) -> u128 {
        let day = self.day.0.cast_unsigned() ^ 1 << 31;
        u128::from(day) << 96 | u128::from(self.seconds_bits) << 32 | u128::from(self.place)
    }
}

impl Ord for UserDay {
    #[inline]
    fn cmp(&self, other: &UserDay) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for UserDay {
    #[inline]
    fn partial_cmp(&self, other: &UserDay) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FixedRow for UserDay {
    const WIDTH: usize = 16;

    fn write(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.seconds_bits.to_le_bytes());
        to.extend_from_slice(&self.day.0.to_le_bytes());
        to.extend_from_slice(&self.place.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<UserDay> {
        let (seconds, words) = bytes.split_first_chunk::<8>()?;
        let [day, place] = words.as_chunks::<4>().0 else {
            return None;
        };
        Some(UserDay {
            day: Day(i32::from_le_bytes(*day)),
            seconds_bits: u64::from_le_bytes(*seconds),
            place: u32::from_le_bytes(*place),
        })
    }
}

/// The time that all users spent at a place on a day: a row of the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PlaceDay {
    pub(crate) place: u32,
    pub(crate) day: Day,
    pub(crate) users: u32,
    /// The mean of their seconds.
    pub(crate) avg_seconds: f64,
    pub(crate) p50_seconds: f64,
    pub(crate) p95_seconds: f64,
}

/// The days of one place, from its sorted [`UserDay`]s.
pub(crate) fn place_days(run: &[UserDay], days: &mut Vec<PlaceDay>) {
    debug_assert!(run.is_sorted());
    for shares in run.chunk_by(|a, b| a.day == b.day) {
        // Ascending order makes the floating-point sum reproducible.
        let total: f64 = shares
            .iter()
            .map(|share| f64::from_bits(share.seconds_bits))
            .sum();
        days.push(PlaceDay {
            place: shares[0].place,
            day: shares[0].day,
            users: count32(shares.len()),
            avg_seconds: total / float(u64::from(count32(shares.len()))),
            p50_seconds: percentile(shares, 50),
            p95_seconds: percentile(shares, 95),
        });
    }
}

/// A percentile, with linear interpolation.
fn percentile(sorted: &[UserDay], percent: usize) -> f64 {
    // In hundredths, as integers: a place that falls on a value is found without rounding.
    let place = (sorted.len() - 1) * percent;
    let value = |at: usize| f64::from_bits(sorted[at].seconds_bits);
    let (low, above) = (place / 100, place % 100);
    if above == 0 {
        return value(low);
    }
    // `low + 1` exists: the place of the last value is a whole number.
    let part = f64::from(count32(above)) / 100.0;
    value(low) + (value(low + 1) - value(low)) * part
}
