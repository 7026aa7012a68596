//! What each of a merchant's users spent on a day, to what all of them did.
//!
//! **In / Out**: [`Share`]s of one merchant, sorted → a [`MerchantDay`] for each day. **Invariants**:
//! numbers are summed up in the order of their size, so the mean depends on nothing else.

use crate::ids::{Day, count32, float};
use crate::kernel::chunk::FixedRow;

/// What one user spent with a merchant on a day, among all of that merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Share {
    pub(crate) day: Day,
    /// The seconds, as bits: in order, as they are never negative.
    pub(crate) seconds_bits: u64,
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
    pub(crate) merchant: u32,
    pub(crate) day: Day,
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
