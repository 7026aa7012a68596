//! Items whose ids are texts: to numbers, while nobody knows yet which codes they will have.
//!
//! **In / Out**: the text of an item → its number, dense from 1 in the order in which a thread came
//! across it. `vocabulary` puts codes in the place of numbers when all is read.
//! **Invariants**: the numbers of two threads have nothing to do with each other. Padding is none of
//! them. **Why so**: rows of actions keep the width and the way that integer ids have, and what reads
//! these is not slowed down.

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::datatypes::DataType;

use crate::advice::{self, Hint};
use crate::context::RunContext;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::ids::{Item, index};
use crate::job::CustomerType;
use crate::kernel::column::Row;
use crate::scan::spec::ReadSpec;
use crate::scan::table::arrow::IdColumn;
use crate::scan::text::field::{Mismatch, Value};

/// What a message says an item should be that has a text for an id.
const EXPECTED: &str = "an item id: a text that is not empty, or an integer, of at most 4096 bytes";

/// What a message says a job should be that comes across too many items.
const TOO_MANY: &str = "at most 2147483647 different items";

/// The items that one thread has come across.
#[derive(Debug)]
pub(crate) struct ItemDictionary {
    /// Their texts; an item's number is one more than its code.
    ids: Dictionary,
    /// Whether some row holds the item, a bit a code, so that all are near; those behind the end are
    /// not held.
    held: Vec<u64>,
    /// Scratch: the codes of a batch.
    codes: Vec<u32>,
}

impl ItemDictionary {
    /// No items yet, if they have texts for ids.
    pub(crate) fn wanted(spec: &ReadSpec<'_>) -> Option<ItemDictionary> {
        spec.has_item_codes.then(ItemDictionary::new)
    }

    /// No items yet.
    pub(crate) fn new() -> ItemDictionary {
        ItemDictionary {
            ids: Dictionary::texts(),
            held: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// The number of an item, if there is room for one more.
    #[inline]
    pub(crate) fn number<I: Item>(&mut self, text: &str) -> Option<I> {
        number_of(self.ids.intern_text(text.as_bytes()))
    }

    /// The number of what should be the id of an item; `shown` says what it is instead.
    pub(crate) fn judge<I: Item>(
        &mut self,
        text: Option<&str>,
        shown: impl FnOnce() -> String,
    ) -> Value<I> {
        let Some(text) = text else {
            return Err(Mismatch::new(EXPECTED, shown()));
        };
        let number = self.number(text);
        number.ok_or_else(|| Mismatch::new(TOO_MANY, "one more").advised(Hint::ManyItems))
    }

    /// The numbers of some items; none where a text is empty.
    pub(crate) fn numbers<I: Item>(&mut self, texts: &[&[u8]], numbers: &mut Vec<Option<I>>) {
        self.codes.clear();
        self.ids.intern_texts(texts, &mut self.codes);
        numbers.clear();
        let codes = texts.iter().zip(&self.codes);
        numbers.extend(codes.map(|(text, code)| match text.is_empty() {
            true => None,
            false => number_of(*code),
        }));
    }

    /// Takes note that some rows are kept.
    pub(crate) fn hold<I: Item>(&mut self, rows: &[Row<I>]) {
        self.held.resize(self.ids.count().div_ceil(64), 0);
        for row in rows {
            let place = place_of(row.item);
            self.held[place / 64] |= 1 << (place % 64);
        }
    }

    /// Tells the account what the items have come to take.
    ///
    /// # Errors
    /// If the memory of the job is used up.
    pub(crate) fn reserve_memory(&mut self, context: &RunContext) -> Result<()> {
        self.ids.reserve_memory(context).map(drop)
    }

    /// The texts, and which of them some row holds.
    pub(crate) fn into_parts(self) -> (Dictionary, Vec<bool>) {
        let word = |place: usize| self.held.get(place / 64).copied().unwrap_or(0);
        let is_held = |place: usize| word(place) >> (place % 64) & 1 == 1;
        let held = (0..self.ids.count()).map(is_held).collect();
        (self.ids, held)
    }
}

/// Whether a type holds ids of items: integers, or texts if these have codes.
pub(crate) fn holds_items(data_type: &DataType, spec: &ReadSpec<'_>) -> bool {
    IdColumn::holds(data_type, CustomerType::Int64, spec.has_item_codes)
}

/// What a message says a column of items should hold, of which something else was found.
pub(crate) fn expected_items(spec: &ReadSpec<'_>, found: &DataType) -> String {
    let hint = match found {
        of if of.is_floating() => Some(Hint::WholeNumbers),
        of if IdColumn::holds(of, CustomerType::String, true) => Some(Hint::Vocabulary),
        _ => None,
    };
    let what = match spec.has_item_codes {
        false => "integers",
        true => "text or integers",
    };
    advice::expected(what, hint.map(|hint| hint.text().to_owned()))
}

/// The texts of a column, none of them null, as it holds nothing else.
pub(crate) fn plain_texts(array: &ArrayRef) -> Option<StringViewArray> {
    let is_plain = array.null_count() == 0 && *array.data_type() == DataType::Utf8View;
    is_plain.then(|| array.as_string_view().clone())
}

/// The number of a code.
#[inline]
fn number_of<I: Item>(code: u32) -> Option<I> {
    I::from_wide(i64::from(code) + 1)
}

/// The place of an item in a table by number.
///
/// # Panics
/// If it is padding.
#[inline]
pub(crate) fn place_of<I: Item>(number: I) -> usize {
    let code = u32::try_from(number.to_wide() - 1);
    index(code.expect("numbers are one more than codes of 32 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ActionType, Micros};

    #[test]
    fn items_are_numbered_as_they_come_and_held_if_a_row_is_kept() {
        let mut items = ItemDictionary::new();
        assert_eq!(items.number("b"), Some(1_i32));
        let mut numbers = Vec::new();
        items.numbers(&[b"a", b"", b"b"], &mut numbers);
        assert_eq!(numbers, [Some(2_i32), None, Some(1)]);
        let row = |item: i32| Row::new(0, Micros(0), ActionType(1), item);
        items.hold(&[row(2), row(2)]);
        assert_eq!(items.number("c"), Some(4_i32));
        let (ids, held) = items.into_parts();
        assert_eq!(ids.find_text(b"c"), Some(3));
        assert_eq!(held, [false, true, false, false]);
    }

    #[test]
    fn what_is_no_item_is_told() {
        let mut items = ItemDictionary::new();
        let none = items.judge::<i32>(None, || "null".to_owned());
        let none = none.expect_err("no item");
        assert!(none.expected.contains("not empty") && none.found == "null");
        assert_eq!(items.judge::<i32>(Some("x"), String::new), Ok(1));
    }
}
