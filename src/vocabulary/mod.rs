//! Assigns codes to items with text ids: those of a given vocabulary, and the next codes to new items.
//!
//! ```text
//! given: item ──► code ─────────────┐
//! impressions, actions: item ──► local number ──► by bytes ──► next codes ──► local number ──► code
//!                                                       └──► _vocabulary.parquet
//! ```
//! **In / Out**: the items that were read, and optionally a given vocabulary → a code for each local
//! number ([`Coded`]), and the extended vocabulary.
//! **Invariants**: codes are dense from 1. A given code never changes. New codes follow the bytes of
//! the items, and which items get one depends on input and settings alone: those of rows, and those of
//! actions between the earliest lookback start and the latest cutoff of their customer, whether or not
//! a history has them.
//! **Cost**: a sort of all distinct items, on all threads.
//! **Why so**: coding only the items of histories would give fewer codes. But these are only known
//! after all partitions are sorted, and rows are encoded as soon as one partition is.

mod read;
mod spec;
mod write;

use std::fs::File;
use std::io;
use std::path::Path;

use crate::advice::Hint;
use crate::context::RunContext;
use crate::dictionary::{Dictionary, Id, Order, RankedDictionary};
use crate::error::{Error, Result};
use crate::ids::{Item, count32, count64, index};
use crate::job::UnknownItem;
use crate::kernel::column::EventChunk;
use crate::scan::impressions::ImpressionState;
use crate::scan::item_ids::{ItemDictionary, place_of};
use crate::store::local;
use crate::store::local::DigestOf;

pub(crate) use self::read::read;
pub(crate) use self::spec::VocabularySpec;
pub(crate) use self::write::{digest_of, read_part, schema, write};

/// The items that have codes before any log is read.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// The items. An item's code is one more than its code in this dictionary.
    given: Dictionary,
    /// The digest of the items of the user's file, if there is one.
    from: Option<u64>,
    /// XXH64 of the output's own vocabulary, if days are added to that.
    extends: Option<u64>,
    /// Whether items without a code are dropped.
    drops: bool,
}

impl Vocabulary {
    /// Reads the given vocabulary: that of an output that days are added to, else the user's file, else
    /// none.
    ///
    /// # Errors
    /// If a file cannot be read, or is no vocabulary.
    pub(crate) fn open(spec: &VocabularySpec<'_>, context: &RunContext) -> Result<Vocabulary> {
        let mut vocabulary = Vocabulary {
            given: Dictionary::texts(),
            from: None,
            extends: None,
            drops: spec.unknown_item == UnknownItem::Drop,
        };
        if let Some(path) = spec.file {
            // Read even if the vocabulary of the output replaces it: its digest is a setting that
            // all days of a set share.
            vocabulary.given = read(path)?;
            vocabulary.from = Some(digest_of(&texts_of(&vocabulary.given)));
        }
        if let Some(own) = spec.extends.as_ref().filter(|path| path.is_file()) {
            // Digested now: when the run publishes, a file of another digest means that another run
            // has extended it.
            let (_, checksum) = digest(own)?;
            vocabulary.extends = Some(checksum);
            vocabulary.given = read(own)?;
        }
        vocabulary.given.reserve_memory(context)?;
        Ok(vocabulary)
    }

    /// The digest of the items of the user's file, if there is one.
    pub(crate) fn from(&self) -> Option<u64> {
        self.from
    }

    /// The given items, if others are dropped.
    pub(crate) fn known(&self) -> Option<&Dictionary> {
        self.drops.then_some(&self.given)
    }

    /// Assigns a code to each item that was read.
    ///
    /// # Errors
    /// If there are more than fit the type of items, or the memory limit of the job is reached.
    pub(crate) fn assign_codes<I: Item>(
        self,
        shown: ItemDictionary,
        readers: Vec<ItemDictionary>,
        context: &RunContext,
    ) -> Result<Coded<I>> {
        let given_count = count32(self.given.count());
        let (mut lists, mut held) = (vec![self.given], vec![Vec::new()]);
        for items in std::iter::once(shown).chain(readers) {
            let (ids, is_held) = items.into_parts();
            lists.push(ids);
            held.push(is_held);
        }
        // All items of impressions are in rows.
        held[1].fill(true);
        let (ranked, ranks) = RankedDictionary::merge(lists, Order::Id, context)?;
        let mut is_held = vec![false; index(ranked.count())];
        for (ranks, held) in ranks.iter().zip(&held) {
            for (rank, _) in ranks.iter().zip(held).filter(|(_, held)| **held) {
                is_held[index(*rank)] = true;
            }
        }
        let (mut codes, mut new) = (vec![I::PADDING; is_held.len()], Vec::new());
        for (rank, code) in (0..ranked.count()).zip(&mut codes) {
            let place = match ranked.place(rank) {
                // Merging names the first list that has an item, so a given item is always of list
                // 0.
                (0, place) => place,
                // The code stays padding, which no item has: by it `rename` drops actions.
                _ if self.drops || !is_held[index(rank)] => continue,
                _ => {
                    new.push(rank);
                    given_count + count32(new.len()) - 1
                }
            };
            *code = code_of(place)?;
        }
        // List 0 is the given vocabulary, whose numbers nobody uses.
        let mut renames = ranks.iter().skip(1).map(|ranks| {
            let codes = ranks.iter().map(|rank| codes[index(*rank)]);
            codes.collect::<Vec<I>>()
        });
        let shown = renames.next().unwrap_or_default();
        let readers: Vec<Vec<I>> = renames.collect();
        let numbers = shown.len() + readers.iter().map(Vec::len).sum::<usize>();
        context.reserve_memory(count64(numbers * size_of::<I>()))?;
        Ok(Coded {
            ranked,
            given_count,
            new,
            shown,
            readers,
            extends: self.extends,
        })
    }
}

/// The code of an index from 0, if it fits the type of items.
fn code_of<I: Item>(place: u32) -> Result<I> {
    I::from_wide(i64::from(place) + 1).ok_or_else(|| {
        let what = "there are more items than fit 32 bits";
        Error::settings(format!("{what}; {}", Hint::ManyItems.text()))
    })
}

/// All items with their codes.
#[derive(Debug)]
pub(crate) struct Coded<I> {
    /// All items; list 0 has the given ones.
    ranked: RankedDictionary,
    /// The number of given items.
    given_count: u32,
    /// The ranks of the new items, in the order of codes.
    new: Vec<u32>,
    /// Codes by number, for the items of impressions.
    shown: Vec<I>,
    /// Codes by number, for each thread that read actions; padding for dropped items.
    readers: Vec<Vec<I>>,
    /// XXH64 of the output's own vocabulary, if days are added to that.
    extends: Option<u64>,
}

impl<I: Item> Coded<I> {
    /// Replaces the numbers of impressions' items by codes.
    pub(crate) fn rename_impressions(&self, items: &mut [I]) {
        for item in items {
            *item = self.shown[place_of(*item)];
        }
    }

    /// Replaces the numbers of items in a chunk of a thread by codes; gives the number of dropped
    /// actions.
    pub(crate) fn rename(&self, thread: usize, chunk: &mut EventChunk<I>) -> u64 {
        let codes = &self.readers[thread];
        count64(chunk.rename(|item| codes[place_of(item)]))
    }
}

impl<I> Coded<I> {
    /// The items, in the order of their bytes.
    pub(crate) fn ids(&self) -> &RankedDictionary {
        &self.ranked
    }

    /// The number of items.
    pub(crate) fn count(&self) -> u32 {
        self.given_count + count32(self.new.len())
    }

    /// XXH64 of the vocabulary of the output that this one extends, if it does.
    pub(crate) fn extends(&self) -> Option<u64> {
        self.extends
    }

    /// The item with a code, counted from 0.
    fn text(&self, place: u32) -> &str {
        let id = match place.checked_sub(self.given_count) {
            None => self.ranked.id_in(0, place),
            Some(new) => self.ranked.get(self.new[index(new)]),
        };
        text_of(id)
    }
}

/// The text of an id that is one.
fn text_of(id: Id<'_>) -> &str {
    match id {
        Id::Text(text) => text,
        Id::Int(_) => unreachable!("items with codes have texts for ids"),
    }
}

/// The texts of a dictionary, in the order of their codes.
pub(crate) fn texts_of(items: &Dictionary) -> Vec<&str> {
    let codes = 0..count32(items.count());
    codes.map(|code| text_of(items.get(code))).collect()
}

/// Bytes and XXH64 of a file.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn digest(path: &Path) -> Result<(u64, u64)> {
    let digest = |file: File| local::digest(file, DigestOf::File);
    let found: io::Result<(u64, u64)> = local::open(path).and_then(digest);
    found.map_err(|error| Error::io("read", path, error))
}

/// Renumbers the items of impressions so that a number is the same item in all threads; the first state has
/// all of them. Nothing, if item ids are not texts.
///
/// # Errors
/// If the memory limit of the job is reached.
pub(crate) fn number_alike<I: Item>(
    states: &mut [ImpressionState<I>],
    context: &RunContext,
) -> Result<()> {
    let texts = states.iter_mut().map(|state| state.items.take());
    let Some(texts) = texts.collect::<Option<Vec<ItemDictionary>>>() else {
        return Ok(());
    };
    let lists = texts.into_iter().map(|items| items.into_parts().0);
    let (ranked, ranks) = RankedDictionary::merge(lists.collect(), Order::Id, context)?;
    let mut all = ItemDictionary::new();
    let numbers = (0..ranked.count()).map(|rank| all.number(text_of(ranked.get(rank))));
    let numbers: Option<Vec<I>> = numbers.collect();
    // No more than the threads have together, each of which has less than 2^31.
    let numbers = numbers.expect("a number for each item");
    for (state, ranks) in states.iter_mut().zip(&ranks) {
        for item in state.items_mut() {
            *item = numbers[index(ranks[place_of(*item)])];
        }
    }
    all.reserve_memory(context)?;
    ranked.free_memory(context);
    states[0].items = Some(all);
    Ok(())
}

/// Renumbers the items of impressions across all threads, in the order of their bytes, which breaks
/// ties in the order of rows. `None` if item ids are not texts.
///
/// # Errors
/// If the memory limit of the job is reached.
pub(crate) fn number_shown<I: Item>(
    states: &mut [ImpressionState<I>],
    context: &RunContext,
) -> Result<Option<ItemDictionary>> {
    let texts = states.iter_mut().map(|state| state.items.take());
    let Some(texts) = texts.collect::<Option<Vec<ItemDictionary>>>() else {
        return Ok(None);
    };
    let lists = texts.into_iter().map(|items| items.into_parts().0);
    let lists = lists.collect();
    let (ranked, ranks) = RankedDictionary::merge(lists, Order::Id, context)?;
    let mut is_held = vec![false; index(ranked.count())];
    for (state, ranks) in states.iter().zip(&ranks) {
        for item in &state.rows.items {
            is_held[index(ranks[place_of(*item)])] = true;
        }
    }
    let (mut all, mut numbers) = (ItemDictionary::new(), vec![I::PADDING; is_held.len()]);
    for (rank, number) in (0..ranked.count()).zip(&mut numbers) {
        // An item that only rows have that were left out must not get a code.
        if is_held[index(rank)] {
            // In the order of ranks, so a lower number is a text with lower bytes.
            let new = all.number(text_of(ranked.get(rank)));
            *number = new.expect("there are no more than of the threads together");
        }
    }
    all.reserve_memory(context)?;
    for (state, ranks) in states.iter_mut().zip(&ranks) {
        for item in &mut state.rows.items {
            *item = numbers[index(ranks[place_of(*item)])];
        }
    }
    ranked.free_memory(context);
    Ok(Some(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ActionType, Micros};
    use crate::kernel::event::EventRow;

    /// Items of a thread, those of `held` in rows.
    fn items(all: &[&str], held: &[i32]) -> ItemDictionary {
        let mut items = ItemDictionary::new();
        for text in all {
            items.number::<i32>(text).expect("few");
        }
        let row = |item: &i32| EventRow::new(0, Micros(0), ActionType(1), *item);
        items.hold(&held.iter().map(row).collect::<Vec<_>>());
        items
    }

    /// A vocabulary of some items.
    fn given(texts: &[&str], drops: bool) -> Vocabulary {
        let mut given = Dictionary::texts();
        for text in texts {
            given.intern_text(text.as_bytes());
        }
        Vocabulary {
            given,
            from: None,
            extends: None,
            drops,
        }
    }

    /// The items of a vocabulary, in order.
    fn texts<I>(coded: &Coded<I>) -> Vec<&str> {
        (0..coded.count()).map(|place| coded.text(place)).collect()
    }

    #[test]
    fn given_codes_stay_and_new_ones_follow_in_the_order_of_bytes() {
        let shown = items(&["m", "z"], &[]);
        let readers = vec![
            items(&["x", "b", "not held"], &[1, 2]),
            items(&["a", "x"], &[1]),
        ];
        let context = RunContext::default();
        let coded = given(&["y", "x"], false).assign_codes::<i32>(shown, readers, &context);
        let coded = coded.expect("room");
        assert_eq!(texts(&coded), ["y", "x", "a", "b", "m", "z"]);
        let mut items = [2, 1, 1];
        coded.rename_impressions(&mut items);
        assert_eq!(items, [6, 5, 5]);
        assert_eq!(coded.readers, [vec![2, 4, 0], vec![3, 2]]);
    }

    #[test]
    fn what_a_given_vocabulary_lacks_is_left_out_if_so_asked() {
        let shown = items(&["x"], &[]);
        let readers = vec![items(&["b", "x"], &[1, 2])];
        let context = RunContext::default();
        let coded = given(&["y", "x"], true).assign_codes::<i64>(shown, readers, &context);
        let coded = coded.expect("room");
        assert_eq!(texts(&coded), ["y", "x"]);
        assert_eq!(coded.readers, [vec![0, 2]]);
    }
}
