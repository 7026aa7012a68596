//! The texts of a column: where the reader has them, and looked at as seldom as can be.
//!
//! **Why so**: Parquet keeps texts in a dictionary while it is small, and one after the other when
//! it is not. Of the former each is looked up once per dictionary ([`Memo`]); of the latter a view
//! of 16 bytes is made for each row, and nothing is copied.

use arrow::array::{Array, Int32Array, StringArray, StringViewArray};

use super::at;
use crate::ids::{count32, index};
use crate::kernel::column::TextColumn;
use crate::scan::mismatch::TEXT_BYTES_MAX;

/// The texts of a batch.
#[derive(Debug)]
pub(crate) enum Texts {
    /// One after the other, in memory of our own.
    Own(TextColumn),
    /// Wherever the Parquet reader has them.
    Views(StringViewArray),
    /// By their place in a dictionary.
    Coded {
        /// The place of each row's text.
        places: Int32Array,
        /// The dictionary.
        dictionary: StringArray,
    },
}

impl Default for Texts {
    fn default() -> Texts {
        Texts::Own(TextColumn::default())
    }
}

/// What is known of the texts of a dictionary, from one batch to the next.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// The dictionary. It is kept, so that no other can lie in its place.
    dictionary: Option<StringArray>,
    /// The code of each of its texts; [`NO_CODE`] until somebody asks for it.
    codes: Vec<u32>,
    /// Scratch: which texts of the dictionary are asked for, for the first time.
    fresh: Vec<u32>,
    found: Vec<u32>,
}

/// Not looked up so far. Whoever gives codes gives others.
const NO_CODE: u32 = u32::MAX;

impl Texts {
    /// The text of a row; empty if it is null.
    #[inline]
    pub(crate) fn get(&self, row: u32) -> &[u8] {
        match self {
            Texts::Own(texts) => texts.bytes(at(row)),
            Texts::Views(texts) if texts.is_null(at(row)) => b"",
            Texts::Views(texts) => texts.value(at(row)).as_bytes(),
            Texts::Coded { places, .. } if places.is_null(at(row)) => b"",
            Texts::Coded { places, dictionary } => {
                let place = u32::try_from(places.value(at(row)));
                let place = place.expect("places in a dictionary are not negative");
                dictionary.value(index(place)).as_bytes()
            }
        }
    }

    /// Puts the code of the text of each of some rows into `codes`. `look_up` gets many texts at a
    /// time and appends a code for each, below `u32::MAX`; the same text has always the same.
    /// `memo` is of this column, of this thread, and of this way of looking up.
    pub(crate) fn codes(
        &self,
        rows: &[u32],
        memo: &mut Memo,
        mut look_up: impl FnMut(&[&[u8]], &mut Vec<u32>),
        codes: &mut Vec<u32>,
    ) {
        codes.clear();
        let Texts::Coded { places, dictionary } = self else {
            let texts: Vec<&[u8]> = rows.iter().map(|row| self.get(*row)).collect();
            return look_up(&texts, codes);
        };
        memo.keep(dictionary);
        // A null row may get any code.
        let place_of = |row: &u32| u32::try_from(places.value(at(*row))).unwrap_or(0);
        // In the order of rows, so that new texts get ascending codes: listings tell new ids by
        // that.
        for place in rows.iter().map(place_of) {
            if memo.codes[index(place)] == NO_CODE {
                // Marked, so that it is asked for once; any code below would do.
                memo.codes[index(place)] = 0;
                memo.fresh.push(place);
            }
        }
        let text_of = |place: &u32| dictionary.value(index(*place)).as_bytes();
        let fresh: Vec<&[u8]> = memo.fresh.iter().map(text_of).collect();
        memo.found.clear();
        look_up(&fresh, &mut memo.found);
        for (place, code) in memo.fresh.drain(..).zip(&memo.found) {
            memo.codes[index(place)] = *code;
        }
        codes.extend(rows.iter().map(|row| memo.codes[index(place_of(row))]));
    }

    /// Forgets all texts.
    pub(super) fn clear(&mut self) {
        match self {
            Texts::Own(texts) => texts.clear(),
            other => *other = Texts::default(),
        }
    }

    /// The texts, to be filled one by one.
    ///
    /// # Panics
    /// If they are somebody else's.
    pub(super) fn own(&mut self) -> &mut TextColumn {
        match self {
            Texts::Own(texts) => texts,
            _ => panic!("texts of the Parquet reader are not added to"),
        }
    }

    /// Whether the text of each row is null or empty.
    pub(super) fn empty_rows(&self, rows_count: usize) -> impl Iterator<Item = bool> {
        (0..count32(rows_count)).map(|row| self.get(row).is_empty())
    }

    /// The rows of texts of the Parquet reader that are too long to be kept.
    pub(super) fn long_rows(&self, rows_count: usize) -> Vec<u32> {
        let is_long = |length: usize| length > TEXT_BYTES_MAX;
        // Nearly always no text is that long, and then no row is looked at.
        let may_be = match self {
            Texts::Own(_) => false,
            Texts::Views(texts) => {
                let mut lengths = texts.lengths();
                lengths.any(|length| is_long(index(length)))
            }
            Texts::Coded { dictionary, .. } => dictionary.offsets().lengths().any(is_long),
        };
        if !may_be {
            return Vec::new();
        }
        let rows = 0..count32(rows_count);
        rows.filter(|row| is_long(self.get(*row).len())).collect()
    }

    /// Whether the text of any row may be null or empty, by a look that costs next to nothing.
    pub(super) fn may_be_empty(&self) -> bool {
        match self {
            Texts::Own(_) => true,
            // The lower half of a view starts with the length of its text.
            Texts::Views(texts) => {
                let is_empty = |view: &u128| view & u128::from(u32::MAX) == 0;
                texts.null_count() > 0 || texts.views().iter().any(is_empty)
            }
            Texts::Coded { places, dictionary } => {
                let mut lengths = dictionary.offsets().lengths();
                places.null_count() > 0 || lengths.any(|length| length == 0)
            }
        }
    }
}

impl Memo {
    /// Forgets what is known, if the dictionary is another one.
    fn keep(&mut self, dictionary: &StringArray) {
        // By address: batches of a row group share their dictionary, and comparing texts would cost
        // what the codes save.
        let is_same = self.dictionary.as_ref().is_some_and(|known| {
            known.len() == dictionary.len()
                && known.value_data().as_ptr() == dictionary.value_data().as_ptr()
                && known.value_offsets().as_ptr() == dictionary.value_offsets().as_ptr()
        });
        if !is_same {
            self.dictionary = Some(dictionary.clone());
            self.codes.clear();
            self.codes.resize(dictionary.len(), NO_CODE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_dictionary_are_looked_up_once() {
        let dictionary = StringArray::from(vec!["a", "b", "c"]);
        let coded = |places: &[i32]| Texts::Coded {
            places: Int32Array::from(places.to_vec()),
            dictionary: dictionary.clone(),
        };
        let (mut memo, mut asked, mut codes) = (Memo::default(), Vec::new(), Vec::new());
        let mut look_up = |texts: &[&[u8]], codes: &mut Vec<u32>| {
            for text in texts {
                asked.push(text.to_vec());
                codes.push(u32::from(text[0]));
            }
        };
        coded(&[2, 0, 2]).codes(&[0, 1, 2], &mut memo, &mut look_up, &mut codes);
        assert_eq!(codes, [99, 97, 99]);
        coded(&[2, 1, 0]).codes(&[0, 1], &mut memo, &mut look_up, &mut codes);
        assert_eq!(codes, [99, 98]);
        assert_eq!(asked, [b"c", b"a", b"b"]);
    }
}
