//! Codes of all threads to ranks.

use std::cmp::Ordering;

use rayon::iter::{IntoParallelIterator, ParallelExtend, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::{Dictionary, Id, Ids, NO_CODE};
use crate::context::RunContext;
use crate::dictionary::keys::Keys;
use crate::error::{Error, Result};
use crate::ids::{count32, count64, index};
use crate::kernel::column::Customer;
use crate::kernel::hash::hash_of;

/// The order of ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Of the ids: integers by value, texts by their bytes.
    Id,
    /// Of their hashes, as in `keys`, then of the ids.
    Hash,
}

/// All distinct ids of all threads, in order.
#[derive(Debug)]
pub(crate) struct RankedDictionary {
    /// The ids of each thread.
    lists: Vec<Ids>,
    /// By rank: which thread had the id, and its code there.
    places: Vec<(u32, u32)>,
    /// Bytes of memory that the account knows of.
    charged: u64,
}

impl RankedDictionary {
    /// Ranks the ids of all threads; also gives the rank of each code, thread by thread.
    ///
    /// # Errors
    /// If there are 2^32 ids or more, or the memory of the job is used up.
    pub(crate) fn merge(
        interners: Vec<Dictionary>,
        order: Order,
        context: &RunContext,
    ) -> Result<(RankedDictionary, Vec<Vec<u32>>)> {
        let known = Known::new(&interners);
        let (mut lists, mut charged) = (Vec::new(), 0);
        for interner in interners {
            let table = interner.table.bytes();
            context.free_memory(table.min(interner.charged));
            charged += interner.charged.saturating_sub(table);
            lists.push(interner.ids);
        }
        let all: usize = lists.iter().map(Ids::count).sum();
        if u32::try_from(all).is_err() {
            return Err(Error::settings(format!(
                "{all} different ids; there is room for less than 2^32"
            )));
        }
        let scratch = count64(all * size_of::<Place>());
        let kept = count64(all * size_of::<(u64, u32)>());
        context.reserve_memory(scratch + kept)?;
        let ranked = rank(lists, &known, order);
        context.free_memory(scratch);
        let (lists, places, ranks) = ranked;
        charged += kept;
        let ranked = RankedDictionary {
            lists,
            places,
            charged,
        };
        Ok((ranked, ranks))
    }

    /// The number of ids.
    pub(crate) fn count(&self) -> u32 {
        count32(self.places.len())
    }

    /// The id of a rank.
    ///
    /// # Panics
    /// If there is no such rank.
    pub(crate) fn get(&self, rank: u32) -> Id<'_> {
        let (list, code) = self.places[index(rank)];
        self.lists[index(list)].get(code)
    }

    /// The rank of a text, if it is one of the ids, which are texts in their own order.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        let compare = |(list, code): &(u32, u32)| match &self.lists[index(*list)] {
            Ids::Texts(ids) => ids.bytes(index(*code)).cmp(text.as_bytes()),
            Ids::Ints(_) => Ordering::Less,
        };
        let place = self.places.binary_search_by(compare).ok();
        place.map(count32)
    }

    /// All texts, those that several threads had more than once; none if ids are integers.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let lists = self.lists.iter().filter_map(|ids| match ids {
            Ids::Texts(ids) => Some(ids),
            Ids::Ints(_) => None,
        });
        lists.flat_map(|ids| (0..ids.count()).map(|at| ids.bytes(at)))
    }

    /// The first interner that had the id of a rank, and its code there.
    ///
    /// # Panics
    /// If there is no such rank.
    pub(crate) fn place(&self, rank: u32) -> (u32, u32) {
        self.places[index(rank)]
    }

    /// The id of a code of an interner.
    ///
    /// # Panics
    /// If there is no such interner, or it has no such code.
    pub(crate) fn id_in(&self, list: u32, code: u32) -> Id<'_> {
        self.lists[index(list)].get(code)
    }

    /// A table from ids to ranks, which are in the order of hashes.
    pub(crate) fn keys(&self) -> Keys {
        let ids = (0..self.count()).map(|rank| self.get(rank));
        Keys::in_order(ids.map(|id| match id {
            Id::Int(id) => Customer::Int(id),
            Id::Text(id) => Customer::Text(id),
        }))
    }

    /// Whether ids are texts.
    pub(crate) fn has_texts(&self) -> bool {
        matches!(self.lists.first(), Some(Ids::Texts(_)))
    }

    /// Gives the memory back to the account.
    pub(crate) fn free_memory(self, context: &RunContext) {
        context.free_memory(self.charged);
    }
}

/// Ids, places by rank, and ranks by list and code.
type RankedLists = (Vec<Ids>, Vec<(u32, u32)>, Vec<Vec<u32>>);

/// An id that is sorted: its key, which list it is of, and its code there.
type Place = ([u64; 2], u32, u32);

/// Ids that an earlier list has as well, which need no sorting: threads mostly come across the same.
struct Known {
    /// The list that is asked: the first that is not much shorter than any.
    base: usize,
    /// By list, the codes that its ids have there, or [`NO_CODE`]; empty where nobody asked.
    codes: Vec<Vec<u32>>,
}

impl Known {
    /// Looks the ids behind a list up in it.
    fn new(interners: &[Dictionary]) -> Known {
        let most = interners.iter().map(Dictionary::count).max().unwrap_or(0);
        let base = interners.iter().position(|of| 2 * of.count() >= most);
        let base = base.unwrap_or(0);
        let codes = (0..).zip(interners).map(|(list, of)| match list > base {
            true => interners[base].codes_of(of),
            false => Vec::new(),
        });
        Known {
            base,
            codes: codes.collect(),
        }
    }

    /// Whether an id is to be sorted.
    fn is_new(&self, list: u32, code: u32) -> bool {
        let known = self.codes[index(list)].get(index(code));
        known.is_none_or(|code| *code == NO_CODE)
    }

    /// Gives those that are known the ranks that they have in the list that was asked.
    fn fill(&self, ranks: &mut [Vec<u32>]) {
        let Some((asked, behind)) = ranks.split_at_mut_checked(self.base + 1) else {
            return;
        };
        for (ranks, codes) in behind.iter_mut().zip(&self.codes[self.base + 1..]) {
            let known = ranks.iter_mut().zip(codes);
            for (rank, code) in known.filter(|(_, code)| **code != NO_CODE) {
                *rank = asked[self.base][index(*code)];
            }
        }
    }
}

/// Sorts all ids, and numbers those that differ.
fn rank(lists: Vec<Ids>, known: &Known, order: Order) -> RankedLists {
    let prefix = match order {
        Order::Id => common_prefix(&lists),
        Order::Hash => 0,
    };
    let mut entries: Vec<Place> = Vec::new();
    for (list, ids) in (0..).zip(&lists) {
        let codes = (0..count32(ids.count())).into_par_iter();
        let entry = |at| (key_of(ids, at, (order, prefix)), list, at);
        match known.codes[index(list)].is_empty() {
            true => entries.par_extend(codes.map(entry)),
            false => {
                let new = codes.filter(|at| known.is_new(list, *at));
                entries.par_extend(new.map(entry));
            }
        }
    }
    // What is in the keys need not be looked for all over memory.
    let compare = |a: &Place, b: &Place| match order == Order::Id && is_whole(&lists, a.0) {
        true => Ordering::Equal,
        false => lists[index(a.1)].compare(a.2, (&lists[index(b.1)], b.2)),
    };
    entries.par_sort_unstable_by(|a, b| {
        // The list last, so that it is always the same one that an id is kept in.
        let by_id = || compare(a, b).then(a.1.cmp(&b.1));
        a.0.cmp(&b.0).then_with(by_id)
    });
    let mut ranks: Vec<Vec<u32>> = lists.iter().map(|ids| vec![0; ids.count()]).collect();
    let mut places: Vec<(u32, u32)> = Vec::with_capacity(entries.len());
    let mut last: Option<&Place> = None;
    for entry in &entries {
        if last.is_none_or(|last| last.0 != entry.0 || compare(last, entry).is_ne()) {
            places.push((entry.1, entry.2));
            last = Some(entry);
        }
        ranks[index(entry.1)][index(entry.2)] = count32(places.len() - 1);
    }
    known.fill(&mut ranks);
    (lists, places, ranks)
}

/// Bytes of a text that its key has room for, beside how many it has.
const KEY_BYTES: usize = 15;

/// What an id is sorted by before it is looked at itself: of an integer its value; of a text 15 bytes
/// behind those that all begin with, zeros where it has fewer, and how many it has, or one more than that;
/// or its hash.
fn key_of(ids: &Ids, at: u32, (order, prefix): (Order, usize)) -> [u64; 2] {
    match (order, ids) {
        (Order::Id, Ids::Ints(ids)) => [ids[index(at)].cast_unsigned() ^ (1 << 63), 0],
        (Order::Id, Ids::Texts(ids)) => {
            let text = &ids.bytes(index(at))[prefix..];
            let mut bytes = [0; KEY_BYTES + 1];
            let length = text.len().min(KEY_BYTES + 1);
            bytes[..length].copy_from_slice(&text[..length]);
            bytes[KEY_BYTES] = u8::try_from(length).expect("at most 16");
            let ([first, last], _) = bytes.as_chunks() else {
                unreachable!("16 bytes are two of 8")
            };
            [u64::from_be_bytes(*first), u64::from_be_bytes(*last)]
        }
        (Order::Hash, Ids::Ints(ids)) => [hash_of(Customer::Int(ids[index(at)])), 0],
        (Order::Hash, Ids::Texts(ids)) => [hash_of(Customer::Text(ids.get(index(at)))), 0],
    }
}

/// Whether no other id has a key that is in the order of ids.
fn is_whole(lists: &[Ids], key: [u64; 2]) -> bool {
    let [length, ..] = key[1].to_le_bytes().map(usize::from);
    matches!(lists.first(), Some(Ids::Ints(_))) || length <= KEY_BYTES
}

/// Bytes that all texts begin with: hashes are often written with many zeros before them, and what
/// all have in common tells none from another.
fn common_prefix(lists: &[Ids]) -> usize {
    let texts = lists.iter().filter_map(|ids| match ids {
        Ids::Ints(_) => None,
        Ids::Texts(texts) => Some(texts),
    });
    let mut all = texts.flat_map(|texts| (0..texts.count()).map(|at| texts.bytes(at)));
    let Some(first) = all.next() else {
        return 0;
    };
    let mut prefix = first.len();
    for id in all {
        // Mostly it is known soon that they have nothing in common.
        if prefix == 0 {
            break;
        }
        let same = id.iter().zip(&first[..prefix]);
        prefix = same.take_while(|(a, b)| a == b).count();
    }
    prefix
}
