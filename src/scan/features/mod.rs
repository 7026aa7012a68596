//! The three tables of `features`: impressions first, which say whose clicks are wanted; then
//! listings and clicks.

pub(crate) mod clicks;
pub(crate) mod listings;
pub(crate) mod shown;

use crate::ids::{Key, index};
use crate::intern::Interner;
use crate::job::CustomerType;
use crate::keys::Keys;
use crate::op::features::ABSENT;
use crate::scan::table::{Cells, Kind, Memo};

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

/// How ids of a type are read.
fn kind_of(ids: CustomerType) -> Kind {
    match ids {
        CustomerType::Int64 => Kind::IntId,
        CustomerType::String => Kind::TextId,
    }
}

/// No ids of a type yet.
fn interner(ids: CustomerType) -> Interner {
    match ids {
        CustomerType::Int64 => Interner::ints(),
        CustomerType::String => Interner::texts(),
    }
}

/// Gives codes to the ids of some rows, none of which is null.
fn intern(cells: &Cells, rows: &[u32], ids: (&mut Interner, &mut Memo), codes: &mut Vec<u32>) {
    let (ids, memo) = ids;
    if ids.has_texts() {
        let look_up = |texts: &[&[u8]], codes: &mut Vec<u32>| ids.intern_texts(texts, codes);
        return cells.texts().codes(rows, memo, look_up, codes);
    }
    codes.clear();
    let values = cells.ints();
    let values = rows.iter().map(|row| values[index(*row)]);
    ids.intern_ints(values, codes);
}

/// The ranks of the ids of some rows, [`ABSENT`] for those that nobody asks for; for nulls it is
/// any.
fn ranks(cells: &Cells, rows: &[u32], (keys, memo): (&Keys, &mut Memo), ranks: &mut Vec<u32>) {
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
