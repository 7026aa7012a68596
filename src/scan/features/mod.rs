//! The three tables of `features`: impressions first, which say whose clicks are wanted; then
//! listings and clicks.

pub(crate) mod clicks;
pub(crate) mod impressions;
pub(crate) mod listings;

use twox_hash::XxHash64;

use crate::dictionary::keys::Keys;
use crate::ids::{Key, index};
use crate::job::CustomerType;
use crate::kernel::hash::{SEED, spread};
use crate::kernel::op::features::ABSENT;
use crate::scan::table::{Cells, Memo};

/// The types of the ids of impressions, users and listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct FeatureTypes {
    /// Of impressions.
    #[serde(rename = "impression_id")]
    pub(crate) impression: CustomerType,
    /// Of users.
    #[serde(rename = "user_id")]
    pub(crate) user: CustomerType,
    /// Of listings.
    #[serde(rename = "listing_id")]
    pub(crate) listing: CustomerType,
}

/// The ranks of the ids of some rows, [`ABSENT`] for those that nobody asks for; for nulls it is
/// any.
pub(crate) fn ranks(cells: &Cells, rows: &[u32], known: (&Keys, &mut Memo), ranks: &mut Vec<u32>) {
    find(cells, rows, known, ranks, |_| ABSENT);
}

/// The same, but for those that nobody asks for a mark that tells most of them apart: above all ranks,
/// and below [`ABSENT`].
fn ranks_or_marks(cells: &Cells, rows: &[u32], known: (&Keys, &mut Memo), ranks: &mut Vec<u32>) {
    let count = known.0.count();
    // The numbers between the ranks and `ABSENT`, so that a mark is neither.
    let room = u64::from(ABSENT.saturating_sub(count)).max(1);
    find(cells, rows, known, ranks, |hash| {
        let mark = u32::try_from(hash % room).expect("less than 32 bits have room for");
        count.saturating_add(mark).min(ABSENT)
    });
}

/// The ranks of the ids of some rows, and what `other` makes of the hashes of those without.
#[inline]
fn find(
    cells: &Cells,
    rows: &[u32],
    (keys, memo): (&Keys, &mut Memo),
    ranks: &mut Vec<u32>,
    other: impl Fn(u64) -> u32,
) {
    let rank = |key: Result<Key, u64>| key.map_or_else(&other, |Key(rank)| rank);
    if cells.is_text() {
        let look_up = |texts: &[&[u8]], ranks: &mut Vec<u32>| {
            ranks.extend(texts.iter().map(|text| {
                let text = std::str::from_utf8(text);
                rank(keys.find_text(text.expect("texts are checked where they are read")))
            }));
        };
        return cells.texts().codes(rows, memo, look_up, ranks);
    }
    ranks.clear();
    let values = cells.ints();
    ranks.extend(rows.iter().map(|row| {
        let id = values[index(*row)];
        rank(keys.of_int(id).ok_or_else(|| spread(id)))
    }));
}

/// The id of a row as 64 bits: an integer as it is, a text as its hash.
#[inline]
fn id_bits(cells: &Cells, row: u32) -> u64 {
    if cells.is_text() {
        XxHash64::oneshot(SEED, cells.texts().get(row))
    } else {
        cells.ints()[index(row)].cast_unsigned()
    }
}
