//! The three tables of `features`: impressions first, which say whose clicks are wanted; then
//! listings and clicks.

pub(crate) mod clicks;
pub(crate) mod listings;
pub(crate) mod shown;

use crate::ids::{Key, index};
use crate::job::CustomerType;
use crate::keys::Keys;
use crate::op::features::ABSENT;
use crate::scan::table::{Cells, Memo};

/// The types of the ids of impressions, users and listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FeatureTypes {
    /// Of impressions.
    pub(crate) impression: CustomerType,
    /// Of users.
    pub(crate) user: CustomerType,
    /// Of listings.
    pub(crate) listing: CustomerType,
}

/// The ranks of the ids of some rows, [`ABSENT`] for those that nobody asks for; for nulls it is
/// any.
pub(crate) fn ranks(
    cells: &Cells,
    rows: &[u32],
    (keys, memo): (&Keys, &mut Memo),
    ranks: &mut Vec<u32>,
) {
    let rank = |key: Option<Key>| key.map_or(ABSENT, |Key(rank)| rank);
    if cells.is_text() {
        let look_up = |texts: &[&[u8]], ranks: &mut Vec<u32>| {
            ranks.extend(texts.iter().map(|text| {
                let text = std::str::from_utf8(text);
                rank(keys.of_text(text.expect("texts are checked where they are read")))
            }));
        };
        return cells.texts().codes(rows, memo, look_up, ranks);
    }
    ranks.clear();
    let values = cells.ints();
    ranks.extend(
        rows.iter()
            .map(|row| rank(keys.of_int(values[index(*row)]))),
    );
}
