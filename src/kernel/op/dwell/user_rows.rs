//! Rows of users that were found elsewhere, in bytes of fixed width.

use super::{Stay, UserTotal};
use crate::ids::Day;
use crate::kernel::chunk::FixedRow;

/// A [`Stay`] and its user.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct UserStay {
    pub(crate) user: u32,
    pub(crate) stay: Stay,
}

/// A [`UserTotal`] and its user.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct UserTotalRow {
    pub(crate) user: u32,
    pub(crate) total: UserTotal,
}

impl FixedRow for UserStay {
    const WIDTH: usize = 28;

    fn write(self, to: &mut Vec<u8>) {
        let stay = self.stay;
        to.extend_from_slice(&stay.avg_seconds.to_le_bytes());
        for word in [self.user, stay.merchant, stay.flyers, stay.events] {
            to.extend_from_slice(&word.to_le_bytes());
        }
        to.extend_from_slice(&stay.day.0.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<UserStay> {
        let (seconds, words) = bytes.split_first_chunk::<8>()?;
        let ([user, merchant, flyers, events, day], []) = words.as_chunks::<4>() else {
            return None;
        };
        let word = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
        Some(UserStay {
            user: word(user),
            stay: Stay {
                merchant: word(merchant),
                day: Day(i32::from_le_bytes(*day)),
                avg_seconds: f64::from_le_bytes(*seconds),
                flyers: word(flyers),
                events: word(events),
            },
        })
    }
}

impl FixedRow for UserTotalRow {
    const WIDTH: usize = 24;

    fn write(self, to: &mut Vec<u8>) {
        let total = self.total;
        to.extend_from_slice(&total.avg_seconds.to_le_bytes());
        for word in [self.user, total.flyers, total.events] {
            to.extend_from_slice(&word.to_le_bytes());
        }
        to.extend_from_slice(&total.day.0.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<UserTotalRow> {
        let (seconds, words) = bytes.split_first_chunk::<8>()?;
        let ([user, flyers, events, day], []) = words.as_chunks::<4>() else {
            return None;
        };
        let word = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
        Some(UserTotalRow {
            user: word(user),
            total: UserTotal {
                day: Day(i32::from_le_bytes(*day)),
                avg_seconds: f64::from_le_bytes(*seconds),
                flyers: word(flyers),
                events: word(events),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_from_their_bytes() {
        let stay = UserStay {
            user: 7,
            stay: Stay {
                merchant: u32::MAX,
                day: Day(-3),
                avg_seconds: 0.1,
                flyers: 2,
                events: 9,
            },
        };
        let total = UserTotalRow {
            user: 1,
            total: UserTotal {
                day: Day(i32::MAX),
                avg_seconds: 1e9,
                flyers: 3,
                events: 4,
            },
        };
        let (mut stays, mut totals) = (Vec::new(), Vec::new());
        stay.write(&mut stays);
        total.write(&mut totals);
        assert_eq!(stays.len(), UserStay::WIDTH);
        assert_eq!(totals.len(), UserTotalRow::WIDTH);
        assert_eq!(UserStay::read(&stays), Some(stay));
        assert_eq!(UserTotalRow::read(&totals), Some(total));
        assert_eq!(UserStay::read(&stays[1..]), None);
        assert_eq!(UserTotalRow::read(&stays), None);
    }
}
