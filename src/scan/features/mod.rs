//! The three tables of `features`: impressions first, which say whose clicks are wanted; then
//! listings and clicks.

pub(crate) mod clicks;
pub(crate) mod impressions;
pub(crate) mod listings;

use twox_hash::XxHash64;

use crate::dictionary::Id;
use crate::dictionary::keys::Keys;
use crate::ids::{Key, index};
use crate::job::CustomerType;
use crate::kernel::column::Customer;
use crate::kernel::hash::{SEED, hash_of, spread};
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

/// The first mark of an id without a rank; ranks are below it.
pub(crate) const FIRST_MARK: u32 = 1 << 31;

/// The mark of a user without a rank, which tells most users apart: below [`ABSENT`]. It follows from the id
/// alone, so that the users that have a rank, and with them shards, do not decide who is taken for whom.
#[inline]
pub(crate) fn mark_of(hash: u64) -> u32 {
    let mark = hash % u64::from(ABSENT - FIRST_MARK);
    FIRST_MARK + u32::try_from(mark).expect("less than 32 bits have room for")
}

/// The mark of an id.
pub(crate) fn mark_of_id(id: Id<'_>) -> u32 {
    mark_of(match id {
        Id::Int(id) => spread(id),
        Id::Text(id) => hash_of(Customer::Text(id)),
    })
}

/// The same as [`ranks`], but marks for those that nobody asks for.
fn ranks_or_marks(cells: &Cells, rows: &[u32], known: (&Keys, &mut Memo), ranks: &mut Vec<u32>) {
    find(cells, rows, known, ranks, mark_of);
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
