//! Item ids that are texts, numbered by each thread before their codes are known.
//!
//! **In / Out**: the text of an item id → its number, dense from 1 in the order in which the thread met the
//! items. `vocabulary` replaces numbers by codes once everything is read.
//! **Invariants**: the numbers of two threads are unrelated. No number is padding. **Why so**: rows of
//! actions stay as wide as with integer ids, whose path does not become slower.

use arrow::datatypes::DataType;

use crate::advice::{self, Hint};
use crate::context::RunContext;
use crate::dictionary::{Dictionary, Id};
use crate::error::Result;
use crate::ids::{Item, count32, index};
use crate::job::CustomerType;
use crate::kernel::event::EventRow;
use crate::scan::mismatch::{Mismatch, Value};
use crate::scan::spec::ReadSpec;
use crate::scan::table::arrow::IdColumn;
use crate::scan::values::numbers::is_number;

/// What a message expects of an item id that may be a text.
const EXPECTED: &str = "an item id: a text that is not empty, or an integer, of at most 4096 bytes";

/// What a message expects of the number of items.
const TOO_MANY: &str = "at most 2147483647 different items";

/// The items that one thread has met.
#[derive(Debug)]
pub(crate) struct ItemDictionary {
    /// Their ids; the number of an item is its local code plus 1.
    ids: Dictionary,
    /// Whether a retained row has the item, a bit per local code; false behind the end. Bits keep the
    /// table in the cache.
    used: Vec<u64>,
    /// Scratch: the local codes of a batch.
    codes: Vec<u32>,
}

impl ItemDictionary {
    /// No items yet; `None` if item ids are integers.
    pub(crate) fn wanted(spec: &ReadSpec<'_>) -> Option<ItemDictionary> {
        spec.has_item_codes.then(ItemDictionary::new)
    }

    /// No items yet.
    pub(crate) fn new() -> ItemDictionary {
        ItemDictionary {
            ids: Dictionary::texts(),
            used: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// The number of an item, or `None` if there are too many.
    #[inline]
    pub(crate) fn number<I: Item>(&mut self, text: &str) -> Option<I> {
        number_of(self.ids.intern_text(text.as_bytes()))
    }

    /// The number of an item, if its id is a text. `display` shows the value in a message.
    pub(crate) fn judge<I: Item>(
        &mut self,
        text: Option<&str>,
        display: impl FnOnce() -> String,
    ) -> Value<I> {
        let Some(text) = text else {
            return Err(Mismatch::new(EXPECTED, display()));
        };
        let number = self.number(text);
        number.ok_or_else(|| Mismatch::new(TOO_MANY, "one more").advised(Hint::ManyItems))
    }

    /// The id of a number.
    ///
    /// # Panics
    /// If there is no such number.
    pub(crate) fn id_of<I: Item>(&self, number: I) -> Id<'_> {
        self.ids.get(count32(place_of(number)))
    }

    /// The numbers of a batch of items; `None` where a text is empty.
    pub(crate) fn numbers<I: Item>(&mut self, texts: &[&[u8]], numbers: &mut Vec<Option<I>>) {
        self.codes.clear();
        self.ids.intern_texts(texts, &mut self.codes);
        numbers.clear();
        let codes = texts.iter().zip(&self.codes);
        numbers.extend(codes.map(|(text, code)| {
            // The empty text has a code now, but no retained row has it, so it gets into no
            // vocabulary.
            if text.is_empty() {
                return None;
            }
            number_of(*code)
        }));
    }

    /// Notes the items of rows that are retained.
    pub(crate) fn hold<I: Item>(&mut self, rows: &[EventRow<I>]) {
        // Items that were met since the last call have no bit yet.
        self.used.resize(self.ids.count().div_ceil(64), 0);
        for row in rows {
            let place = place_of(row.item);
            self.used[place / 64] |= 1 << (place % 64);
        }
    }

    /// Notes the item of a row as if it were retained.
    #[inline]
    pub(crate) fn hold_one<I: Item>(&mut self, item: I) {
        let place = place_of(item);
        if place / 64 >= self.used.len() {
            self.used.resize(self.ids.count().div_ceil(64), 0);
        }
        self.used[place / 64] |= 1 << (place % 64);
    }

    /// Reserves the memory that the items take.
    ///
    /// # Errors
    /// If it is more than the job has left.
    pub(crate) fn reserve_memory(&mut self, context: &RunContext) -> Result<()> {
        self.ids.reserve_memory(context).map(drop)
    }

    /// The ids, and whether a retained row has each.
    pub(crate) fn into_parts(self) -> (Dictionary, Vec<bool>) {
        // Items that were met after the last `hold` have no bit, and no retained row.
        let word = |place: usize| self.used.get(place / 64).copied().unwrap_or(0);
        let is_used = |place: usize| word(place) >> (place % 64) & 1 == 1;
        let used = (0..self.ids.count()).map(is_used).collect();
        (self.ids, used)
    }
}

/// Whether a column of a type can hold item ids: integers, or texts if these get codes.
pub(crate) fn holds_items(data_type: &DataType, spec: &ReadSpec<'_>) -> bool {
    // Codes are given to texts, and a number is no text until the user has made it one.
    let is_text_of_number = spec.has_item_codes && is_number(data_type);
    IdColumn::holds(data_type, CustomerType::Int64, spec.has_item_codes) && !is_text_of_number
}

/// What a message expects of a column of items of another type, with a hint.
pub(crate) fn expected_items(spec: &ReadSpec<'_>, found: &DataType) -> String {
    let hint = if is_number(found) {
        Some(Hint::WholeNumbers)
    } else if IdColumn::holds(found, CustomerType::String, true) {
        Some(Hint::Vocabulary)
    } else {
        None
    };
    let what = if spec.has_item_codes {
        "text or integers"
    } else {
        "integers"
    };
    advice::expected(what, hint.map(|hint| hint.text().to_owned()))
}

/// The number of a local code.
#[inline]
fn number_of<I: Item>(code: u32) -> Option<I> {
    // 0 is padding.
    I::from_wide(i64::from(code) + 1)
}

/// The place of an item in a list by number.
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
    fn items_are_numbered_in_order_and_used_if_a_row_is_retained() {
        let mut items = ItemDictionary::new();
        assert_eq!(items.number("b"), Some(1_i32));
        let mut numbers = Vec::new();
        items.numbers(&[b"a", b"", b"b"], &mut numbers);
        assert_eq!(numbers, [Some(2_i32), None, Some(1)]);
        let row = |item: i32| EventRow::new(0, Micros(0), ActionType(1), item);
        items.hold(&[row(2), row(2)]);
        assert_eq!(items.number("c"), Some(4_i32));
        let (ids, used) = items.into_parts();
        assert_eq!(ids.find_text(b"c"), Some(3));
        assert_eq!(used, [false, true, false, false]);
    }

    #[test]
    fn a_value_that_is_no_item_is_a_mismatch() {
        let mut items = ItemDictionary::new();
        let none = items.judge::<i32>(None, || "null".to_owned());
        let none = none.expect_err("no item");
        assert!(none.expected.contains("not empty") && none.found == "null");
        assert_eq!(items.judge::<i32>(Some("x"), String::new), Ok(1));
    }
}
