//! A column of ids as codes: interned while it is read.

use super::{Cells, Kind, Memo};
use crate::dictionary::Interner;
use crate::ids::index;
use crate::job::CustomerType;

/// The ids of a column that one thread has come across.
#[derive(Debug)]
pub(crate) struct IdCodes {
    /// The ids.
    pub(crate) ids: Interner,
    /// The codes of the rows that were last interned.
    pub(crate) codes: Vec<u32>,
    /// What is known of their dictionary.
    memo: Memo,
}

impl IdCodes {
    /// No ids of a type yet.
    pub(crate) fn of(ids: CustomerType) -> IdCodes {
        IdCodes {
            ids: match ids {
                CustomerType::Int64 => Interner::ints(),
                CustomerType::String => Interner::texts(),
            },
            codes: Vec::new(),
            memo: Memo::default(),
        }
    }

    /// Gives codes to the ids of some rows, none of which is null.
    pub(crate) fn intern(&mut self, cells: &Cells, rows: &[u32]) {
        let IdCodes { ids, codes, memo } = self;
        if ids.has_texts() {
            let look_up = |texts: &[&[u8]], codes: &mut Vec<u32>| ids.intern_texts(texts, codes);
            return cells.texts().codes(rows, memo, look_up, codes);
        }
        codes.clear();
        let values = cells.ints();
        ids.intern_ints(rows.iter().map(|row| values[index(*row)]), codes);
    }
}

impl Kind {
    /// How ids of a type are read.
    pub(crate) fn of_ids(ids: CustomerType) -> Kind {
        match ids {
            CustomerType::Int64 => Kind::IntId,
            CustomerType::String => Kind::TextId,
        }
    }
}
