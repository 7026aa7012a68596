//! `features`: prior counts and labels from the clicks and impressions of one key.
//!
//! **In / Out**: the clicks of a listing or a user, sorted by time, and the impressions of the same
//! key, sorted by time → a count per impression and window, or a label.
//! **The tie rule**: a click at the time of an impression is neither prior to it nor its label. A
//! window `[t − w, t)` includes its start, the label's `(t, t + w]` its end.
//! **Cost**: one pointer per window, which only moves forward; for labels one pointer that only
//! moves backward, and one table entry per user who saw the listing.

use hashbrown::HashTable;

use crate::ids::Micros;
use crate::kernel::chunk::FixedRow;
use crate::kernel::hash::spread;
use crate::kernel::sort::TimeOrdered;
use crate::kernel::sweep::{is_prior, prior_end};

/// A click on a listing. The derived order is a total one: time first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Click {
    pub(crate) time: Micros,
    /// The user, as a rank; a value above all ranks for a user without impressions, [`ABSENT`] for a
    /// null user.
    pub(crate) user: u32,
    /// The listing, as a rank.
    pub(crate) listing: u32,
}

/// The rank of an id that is null or has no rank.
pub(crate) const ABSENT: u32 = u32::MAX - 1;

/// A click keyed by user. 12 bytes: every click is in memory a second time for its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UserClick {
    /// The user, as a rank.
    pub(crate) user: u32,
    /// The time, as upper and lower half, to avoid padding.
    time: [u32; 2],
}

/// An impression as a probe of one key: a listing or a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyProbe {
    pub(crate) time: Micros,
    /// The listing or user, as a rank.
    pub(crate) key: u32,
    /// The row of the impression among all that were read.
    pub(crate) row: u32,
}

/// A time-ordered row with a key.
pub(crate) trait Keyed: TimeOrdered {
    /// The listing or user, as a rank.
    fn key(&self) -> u32;
}

impl UserClick {
    /// A click.
    #[inline]
    pub(crate) fn new(user: u32, time: Micros) -> UserClick {
        let bytes = time.0.to_be_bytes();
        let ([upper, lower], _) = bytes.as_chunks::<4>() else {
            unreachable!("eight bytes are two halves")
        };
        let time = [u32::from_be_bytes(*upper), u32::from_be_bytes(*lower)];
        UserClick { user, time }
    }
}

impl TimeOrdered for UserClick {
    #[inline]
    fn time(&self) -> Micros {
        // The upper half brings the sign: it was cut from the two's complement, and the shift puts
        // its highest bit there again.
        let [upper, lower] = self.time.map(i64::from);
        Micros(upper << 32 | lower)
    }
}

impl PartialOrd for UserClick {
    fn partial_cmp(&self, other: &UserClick) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UserClick {
    fn cmp(&self, other: &UserClick) -> std::cmp::Ordering {
        (self.time(), self.user).cmp(&(other.time(), other.user))
    }
}

impl Keyed for UserClick {
    #[inline]
    fn key(&self) -> u32 {
        self.user
    }
}

impl TimeOrdered for Click {
    #[inline]
    fn time(&self) -> Micros {
        self.time
    }
}

impl Keyed for Click {
    #[inline]
    fn key(&self) -> u32 {
        self.listing
    }
}

impl TimeOrdered for KeyProbe {
    #[inline]
    fn time(&self) -> Micros {
        self.time
    }
}

impl Keyed for KeyProbe {
    #[inline]
    fn key(&self) -> u32 {
        self.key
    }
}

/// Counts the clicks prior to each impression: all of them, and those in each window (µs). `put` gets
/// the row of the impression, the window (0 for all time), and the count. `starts` is scratch.
pub(crate) fn prior_counts(
    clicks: &[Micros],
    asked: &[KeyProbe],
    windows_us: &[i64],
    starts: &mut Vec<usize>,
    mut put: impl FnMut(u32, usize, usize),
) {
    debug_assert!(clicks.is_sorted() && asked.is_sorted_by_key(|asked| asked.time));
    // One pointer per window instead of a merged run of clicks and impressions: that would need the
    // kind of row, and so the tie rule, in the sort keys.
    starts.clear();
    starts.resize(windows_us.len(), 0);
    let mut end = 0;
    for probe in asked {
        end = prior_end(clicks, end, probe.time);
        put(probe.row, 0, end);
        for (at, (start, window)) in starts.iter_mut().zip(windows_us).enumerate() {
            // The window includes its start: only clicks prior to it are outside.
            let from = Micros(probe.time.0.saturating_sub(*window));
            *start = prior_end(clicks, *start, from);
            // Windows are above 0, so no start passes `end`.
            put(probe.row, at + 1, end - *start);
        }
    }
}

/// The next click of each user, in a sweep from the newest click to the oldest.
#[derive(Debug, Default)]
pub(crate) struct NextClicks {
    /// Users who saw the listing, each with the time of their next click, if there is one.
    table: HashTable<(u32, Option<Micros>)>,
}

/// A table with a larger capacity than this is freed when it is four times too large.
const CAPACITY_KEPT: usize = 1024;

impl NextClicks {
    /// Finds the impressions of a listing that a click of the same user followed within `window_us`.
    /// `put` gets their rows.
    pub(crate) fn labels(
        &mut self,
        clicks: &[Click],
        asked: &[KeyProbe],
        user_of: impl Fn(u32) -> u32,
        window_us: i64,
        mut put: impl FnMut(u32),
    ) {
        debug_assert!(clicks.is_sorted() && asked.is_sorted_by_key(|asked| asked.time));
        if clicks.is_empty() {
            return;
        }
        self.clear(asked.len());
        // Filled before the sweep, so that clicks of anybody else add nothing: the table grows with
        // the impressions, not with the clicks.
        for probe in asked {
            let user = user_of(probe.row);
            let hash = spread(i64::from(user));
            if self.table.find(hash, |entry| entry.0 == user).is_none() {
                let hash_again = |entry: &(u32, Option<Micros>)| spread(i64::from(entry.0));
                self.table.insert_unique(hash, (user, None), hash_again);
            }
        }
        let mut behind = clicks.len();
        // From the newest on, so that a user's entry is overwritten with ever older clicks and
        // always holds the next one after the impression.
        for probe in asked.iter().rev() {
            while behind > 0 && is_prior(probe.time, clicks[behind - 1].time) {
                behind -= 1;
                let Click { user, time, .. } = clicks[behind];
                // Users without impressions have numbers above all ranks, and are not found.
                if let Some(next) = self.next_mut(user) {
                    *next = Some(time);
                }
            }
            let next = self.next_mut(user_of(probe.row)).and_then(|next| *next);
            if next.is_some_and(|next| is_within(probe.time, next, window_us)) {
                put(probe.row);
            }
        }
    }

    /// The next click of a user who saw the listing.
    #[inline]
    fn next_mut(&mut self, user: u32) -> Option<&mut Option<Micros>> {
        let found = self
            .table
            .find_mut(spread(i64::from(user)), |entry| entry.0 == user);
        found.map(|entry| &mut entry.1)
    }

    /// Removes all users, and limits the capacity.
    fn clear(&mut self, room: usize) {
        // Clearing a table costs time in proportion to its capacity.
        if self.table.capacity() > CAPACITY_KEPT.max(room * 4) {
            self.table = HashTable::with_capacity(room);
        }
        self.table.clear();
    }
}

/// Finds the impressions of a listing that a click of any user followed within `window_us`. `put` gets
/// their rows.
pub(crate) fn labels_of_anybody(
    clicks: &[Micros],
    asked: &[KeyProbe],
    window_us: i64,
    mut put: impl FnMut(u32),
) {
    debug_assert!(clicks.is_sorted() && asked.is_sorted_by_key(|asked| asked.time));
    let mut behind = 0;
    for probe in asked {
        let is_after = |click: &&Micros| is_prior(probe.time, **click);
        behind += clicks[behind..]
            .iter()
            .take_while(|click| !is_after(click))
            .count();
        let next = clicks.get(behind);
        if next.is_some_and(|next| is_within(probe.time, *next, window_us)) {
            put(probe.row);
        }
    }
}

/// Whether the next click after an impression is within the window, its end included.
#[inline]
fn is_within(asked: Micros, next: Micros, window_us: i64) -> bool {
    !is_prior(Micros(asked.0.saturating_add(window_us)), next)
}

impl FixedRow for Click {
    const WIDTH: usize = 16;

    fn write(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.time.0.to_le_bytes());
        to.extend_from_slice(&self.user.to_le_bytes());
        to.extend_from_slice(&self.listing.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Click> {
        let [time @ .., a, b] = words::<4>(bytes)?;
        Some(Click {
            time: Micros(long(time)),
            user: a,
            listing: b,
        })
    }
}

impl FixedRow for UserClick {
    const WIDTH: usize = 12;

    fn write(self, to: &mut Vec<u8>) {
        let [upper, lower] = self.time;
        for word in [self.user, upper, lower] {
            to.extend_from_slice(&word.to_le_bytes());
        }
    }

    fn read(bytes: &[u8]) -> Option<UserClick> {
        let [user, time @ ..] = words::<3>(bytes)?;
        Some(UserClick { user, time })
    }
}

impl FixedRow for KeyProbe {
    const WIDTH: usize = 16;

    fn write(self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.time.0.to_le_bytes());
        to.extend_from_slice(&self.key.to_le_bytes());
        to.extend_from_slice(&self.row.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Option<KeyProbe> {
        let [time @ .., key, row] = words::<4>(bytes)?;
        Some(KeyProbe {
            time: Micros(long(time)),
            key,
            row,
        })
    }
}

/// The 32-bit words of a row, if there are exactly `COUNT`.
fn words<const COUNT: usize>(bytes: &[u8]) -> Option<[u32; COUNT]> {
    let (words, rest) = bytes.as_chunks::<4>();
    let words: &[[u8; 4]; COUNT] = words.try_into().ok().filter(|_| rest.is_empty())?;
    Some(words.map(u32::from_le_bytes))
}

/// A number of 64 bits from its words, the lower one first.
fn long([lower, upper]: [u32; 2]) -> i64 {
    (u64::from(upper) << 32 | u64::from(lower)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::index;

    /// Impressions at some times, in rows 0, 1, …
    fn asked(times: &[i64]) -> Vec<KeyProbe> {
        let rows = (0..).zip(times);
        rows.map(|(row, time)| KeyProbe {
            time: Micros(*time),
            key: 0,
            row,
        })
        .collect()
    }

    /// Clicks of (user, time).
    fn clicks(clicks: &[(u32, i64)]) -> Vec<Click> {
        clicks
            .iter()
            .map(|(user, time)| Click {
                time: Micros(*time),
                user: *user,
                listing: 0,
            })
            .collect()
    }

    #[test]
    fn a_window_holds_its_start_and_not_its_end() {
        let clicks = [0, 5, 10, 10, 20].map(Micros);
        let mut counts = vec![[0; 3]; 4];
        let asked = asked(&[10, 15, 20, 25]);
        prior_counts(
            &clicks,
            &asked,
            &[5, 10],
            &mut Vec::new(),
            |row, at, count| {
                counts[index(row)][at] = count;
            },
        );
        assert_eq!(counts, [[2, 1, 2], [4, 2, 3], [4, 0, 2], [5, 1, 1]]);
    }

    #[test]
    fn a_label_needs_a_later_click_of_the_same_user_up_to_the_end_of_the_window() {
        let all = clicks(&[(1, 10), (2, 11), (1, 15), (3, 20), (1, 30)]);
        // Who saw it, when, and whether a click within 5 follows.
        let saw = [
            (1, 9, true),
            (1, 10, true),
            (1, 11, true),
            (1, 15, false),
            (3, 15, true),
            (2, 11, false),
            (1, 24, false),
            (1, 25, true),
            (4, 10, false),
            (1, 30, false),
        ];
        let mut order: Vec<usize> = (0..saw.len()).collect();
        order.sort_by_key(|at| saw[*at].1);
        let times: Vec<i64> = order.iter().map(|at| saw[*at].1).collect();
        let mut found = vec![false; saw.len()];
        let user_of = |row: u32| saw[order[index(row)]].0;
        NextClicks::default().labels(&all, &asked(&times), user_of, 5, |row| {
            found[order[index(row)]] = true;
        });
        assert_eq!(found, saw.map(|(_, _, clicked)| clicked));
    }

    #[test]
    fn anybody_may_click() {
        let clicks = [10, 20].map(Micros);
        let mut found = Vec::new();
        labels_of_anybody(&clicks, &asked(&[4, 5, 9, 10, 15, 20]), 5, |row| {
            found.push(row);
        });
        assert_eq!(found, [1, 2, 4]);
    }

    #[test]
    fn rows_come_back_from_their_bytes() {
        let mut bytes = Vec::new();
        for time in [i64::MIN, -1, 0, 77 << 33, i64::MAX] {
            let click = UserClick::new(7, Micros(time));
            assert_eq!(click.time(), Micros(time));
            bytes.clear();
            click.write(&mut bytes);
            assert_eq!(UserClick::read(&bytes), Some(click));
            let [asked] = asked(&[time])[..] else {
                panic!("one")
            };
            bytes.clear();
            asked.write(&mut bytes);
            assert_eq!(KeyProbe::read(&bytes), Some(asked));
            let [click] = clicks(&[(3, time)])[..] else {
                panic!("one")
            };
            bytes.clear();
            click.write(&mut bytes);
            assert_eq!(Click::read(&bytes), Some(click));
            assert_eq!(Click::read(&bytes[1..]), None);
        }
    }
}
