//! A column of ids as codes: interned while it is read.

use super::{Cells, ColumnType, Memo};
use crate::dictionary::Dictionary;
use crate::ids::index;
use crate::job::CustomerType;

/// The ids of a column that one thread has come across.
#[derive(Debug)]
pub(crate) struct IdCodes {
    pub(crate) ids: Dictionary,
    /// The codes of the rows that were last interned.
    pub(crate) codes: Vec<u32>,
    /// What is known of their dictionary.
    memo: Memo,
}

impl IdCodes {
    /// No ids of a type yet.
    pub(crate) fn new(ids: CustomerType) -> IdCodes {
        IdCodes {
            ids: match ids {
                CustomerType::Int64 => Dictionary::ints(),
                CustomerType::String => Dictionary::texts(),
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

impl ColumnType {
    /// How ids of a type are read.
    pub(crate) fn of_ids(ids: CustomerType) -> ColumnType {
        match ids {
            CustomerType::Int64 => ColumnType::IntId,
            CustomerType::String => ColumnType::TextId,
        }
    }
}
