//! Dictionary encoding: ids to local codes per thread, and then to global ranks.
//!
//! **In / Out**: the ids of a batch → a code for each, dense from 0 in the order of first occurrence
//! ([`Dictionary`], one per thread); all dictionaries → [`RankedDictionary`]: dense ranks in the order
//! of ids or of their hashes, and for each dictionary the rank of each code.
//! **Invariants**: ranks depend on the set of ids alone, never on threads or the order of files.
//! Ids are equal only if all their bytes are.
//! **Cost**: the lookups of a batch overlap their cache misses: one per integer, and per text of up to
//! 15 bytes, whose table entry contains it; one more per longer text. Memory per distinct id: its bytes
//! plus some 17 (integers) or some 43 (texts).
//! **Why so**: one table for all threads would be smaller, but its cache lines would bounce between
//! cores. Ranks are needed anyway, because the output is in their order.

pub(crate) mod keys;
mod mark;
pub(crate) mod probes;
mod rank;
mod table;

use std::cmp::Ordering;

use hashbrown::HashTable;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use self::mark::Mark;
pub(crate) use self::rank::{Order, RankedDictionary};
use self::table::{NO_CODE, TextTable};
use crate::context::RunContext;
use crate::error::Result;
use crate::ids::{count32, count64, index};
use crate::kernel::column::TextColumn;
use crate::kernel::hash::spread;

/// An id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Id<'a> {
    /// An integer of any width, widened.
    Int(i64),
    /// A text.
    Text(&'a str),
}

impl Id<'_> {
    /// The approximate number of characters of the id in text.
    pub(crate) fn width(self) -> usize {
        match self {
            Id::Int(_) => 12,
            Id::Text(id) => id.len(),
        }
    }
}

/// Ids of one type, one after the other.
#[derive(Debug)]
pub(crate) enum Ids {
    /// Integers.
    Ints(Vec<i64>),
    /// Texts.
    Texts(TextColumn),
}

impl Ids {
    /// The id at an index.
    pub(crate) fn get(&self, at: u32) -> Id<'_> {
        match self {
            Ids::Ints(ids) => Id::Int(ids[index(at)]),
            Ids::Texts(ids) => Id::Text(ids.get(index(at))),
        }
    }

    /// Compares an id with one of `other`: integers by value, texts by their bytes, without a check of
    /// UTF-8.
    fn compare(&self, at: u32, other: &Ids, other_at: u32) -> Ordering {
        match (self, other) {
            (Ids::Texts(ids), Ids::Texts(others)) => {
                ids.bytes(index(at)).cmp(others.bytes(index(other_at)))
            }
            _ => self.get(at).cmp(&other.get(other_at)),
        }
    }

    /// The number of ids.
    fn count(&self) -> usize {
        match self {
            Ids::Ints(ids) => ids.len(),
            Ids::Texts(ids) => ids.count(),
        }
    }
}

/// The distinct ids that one thread has read, each with a code.
#[derive(Debug)]
pub(crate) struct Dictionary {
    /// The ids, by code.
    ids: Ids,
    table: CodeTable,
    /// Bytes reserved with the [`RunContext`].
    reserved: u64,
    /// Scratch: the marks of a batch.
    marks: Vec<Mark>,
}

/// Codes by id.
#[derive(Debug)]
enum CodeTable {
    /// Of integers.
    Ints(HashTable<(i64, u32)>),
    /// Of texts.
    Texts(TextTable),
}

impl CodeTable {
    /// Bytes of memory.
    fn bytes(&self) -> u64 {
        match self {
            CodeTable::Ints(table) => count64(table.allocation_size()),
            CodeTable::Texts(table) => table.bytes(),
        }
    }
}

/// Texts that are looked up at a time: few enough for the prefetched memory to stay in the cache.
const BLOCK: usize = 256;

impl Dictionary {
    /// An empty dictionary of integers.
    pub(crate) fn ints() -> Dictionary {
        Dictionary::new(Ids::Ints(Vec::new()), CodeTable::Ints(HashTable::new()))
    }

    /// An empty dictionary of texts.
    pub(crate) fn texts() -> Dictionary {
        let texts = Ids::Texts(TextColumn::default());
        Dictionary::new(texts, CodeTable::Texts(TextTable::new()))
    }

    /// An empty dictionary.
    fn new(ids: Ids, table: CodeTable) -> Dictionary {
        Dictionary {
            ids,
            table,
            reserved: 0,
            marks: Vec::new(),
        }
    }

    /// Adds the code of each of some integers to `codes`.
    ///
    /// # Panics
    /// If the ids of this dictionary are texts.
    pub(crate) fn intern_ints(&mut self, ids: impl Iterator<Item = i64>, codes: &mut Vec<u32>) {
        let (Ids::Ints(known), CodeTable::Ints(table)) = (&mut self.ids, &mut self.table) else {
            panic!("integers among texts");
        };
        codes.extend(ids.map(|id| {
            let hash = spread(id);
            if let Some((_, code)) = table.find(hash, |entry| entry.0 == id) {
                return *code;
            }
            let code = count32(known.len());
            known.push(id);
            table.insert_unique(hash, (id, code), |entry| spread(entry.0));
            code
        }));
    }

    /// Adds the code of each of some texts to `codes`. The readers have checked that they are UTF-8.
    ///
    /// # Panics
    /// If the ids of this dictionary are integers.
    pub(crate) fn intern_texts(&mut self, ids: &[&[u8]], codes: &mut Vec<u32>) {
        let (known, table) = texts_of(&mut self.ids, &mut self.table);
        self.marks.clear();
        self.marks.extend(ids.iter().map(|id| Mark::new(id)));
        for (ids, marks) in ids.chunks(BLOCK).zip(self.marks.chunks(BLOCK)) {
            table.touch(marks);
            // First all are looked up by hash alone, then all are compared: so neither the cache
            // misses of lookups nor those of comparisons wait for each other.
            let start = codes.len();
            codes.extend(marks.iter().map(|mark| table.guess(*mark)));
            touch(known, marks, &codes[start..]);
            for ((id, mark), code) in ids.iter().zip(marks).zip(&mut codes[start..]) {
                // Of a long text the mark says no more than its bytes, which are in the cache now.
                let is_it = |code: u32| match mark.is_whole() {
                    true => table.mark(code) == *mark,
                    false => known.bytes(index(code)) == *id,
                };
                if *code == NO_CODE || !is_it(*code) {
                    *code = add(known, table, id, *mark);
                }
            }
        }
    }

    /// The code of a text, which is added if it is new.
    ///
    /// # Panics
    /// If the ids of this dictionary are integers.
    pub(crate) fn intern_text(&mut self, id: &[u8]) -> u32 {
        let (known, table) = texts_of(&mut self.ids, &mut self.table);
        let mark = Mark::new(id);
        find(known, table, id, mark).unwrap_or_else(|| add(known, table, id, mark))
    }

    /// The code of a text, if it is known.
    ///
    /// # Panics
    /// If the ids of this dictionary are integers.
    pub(crate) fn find_text(&self, id: &[u8]) -> Option<u32> {
        let (Ids::Texts(known), CodeTable::Texts(table)) = (&self.ids, &self.table) else {
            panic!("texts among integers");
        };
        find(known, table, id, Mark::new(id))
    }

    /// The codes of another dictionary's texts in this one, [`NO_CODE`] for unknown ones; empty if ids
    /// are integers, which are faster to sort than to look up.
    fn codes_of(&self, other: &Dictionary) -> Vec<u32> {
        let (Ids::Texts(known), CodeTable::Texts(table)) = (&self.ids, &self.table) else {
            return Vec::new();
        };
        let (Ids::Texts(others), CodeTable::Texts(of_others)) = (&other.ids, &other.table) else {
            return Vec::new();
        };
        // The parallel iterator keeps the order, and the result is indexed by the codes of `other`.
        let blocks = of_others.marks().par_chunks(BLOCK).enumerate();
        let codes = blocks.flat_map_iter(|(block, marks)| {
            table.touch(marks);
            let ids = (block * BLOCK..).zip(marks);
            ids.map(|(at, mark)| find(known, table, others.bytes(at), *mark).unwrap_or(NO_CODE))
        });
        codes.collect()
    }

    /// The number of ids.
    pub(crate) fn count(&self) -> usize {
        self.ids.count()
    }

    /// The id of a code.
    ///
    /// # Panics
    /// If there is no such code.
    pub(crate) fn get(&self, code: u32) -> Id<'_> {
        self.ids.get(code)
    }

    /// Reserves the memory that the dictionary has grown by; gives the number of bytes.
    ///
    /// # Errors
    /// If the memory limit of the job is reached.
    pub(crate) fn reserve_memory(&mut self, context: &RunContext) -> Result<u64> {
        // After the fact, unlike chunks: how many ids of a batch are new is known only when they
        // are added.
        let bytes = self.bytes();
        let more = bytes.saturating_sub(self.reserved);
        if more > 0 {
            // Before the call: a refused reservation stays in the account, so it must be freed as
            // well.
            self.reserved = bytes;
            context.reserve_memory(more)?;
        }
        Ok(more)
    }

    /// Whether the ids are texts.
    pub(crate) fn has_texts(&self) -> bool {
        matches!(self.ids, Ids::Texts(_))
    }

    /// Frees the reserved memory.
    pub(crate) fn free_memory(self, context: &RunContext) {
        context.free_memory(self.reserved);
    }

    /// Bytes of memory.
    fn bytes(&self) -> u64 {
        let ids = match &self.ids {
            Ids::Ints(ids) => count64(ids.capacity() * size_of::<i64>()),
            Ids::Texts(ids) => ids.memory(),
        };
        ids + self.table.bytes()
    }
}

/// The texts of a dictionary.
///
/// # Panics
/// If its ids are integers.
fn texts_of<'i>(
    ids: &'i mut Ids,
    table: &'i mut CodeTable,
) -> (&'i mut TextColumn, &'i mut TextTable) {
    match (ids, table) {
        (Ids::Texts(known), CodeTable::Texts(table)) => (known, table),
        _ => panic!("texts among integers"),
    }
}

/// Prefetches the first bytes of some texts that their marks do not contain.
fn touch(known: &TextColumn, marks: &[Mark], codes: &[u32]) {
    let pairs = marks.iter().zip(codes);
    let long = pairs.filter(|(mark, code)| **code != NO_CODE && !mark.is_whole());
    let bytes = long.map(|(_, code)| known.bytes(index(*code)).first());
    // The value does not matter, only the loads do.
    std::hint::black_box(bytes.fold(0, |all, byte| all | byte.copied().unwrap_or(0)));
}

/// The code of a text, if it is known.
#[inline]
fn find(known: &TextColumn, table: &TextTable, id: &[u8], mark: Mark) -> Option<u32> {
    let is_it = |code: u32| mark.is_whole() || known.bytes(index(code)) == id;
    table.find(mark, is_it)
}

/// The code of a text, which is added if it is new.
#[cold]
fn add(known: &mut TextColumn, table: &mut TextTable, id: &[u8], mark: Mark) -> u32 {
    // A new text may occur twice in one block. Its second guess was made before the first
    // occurrence was added, so it is looked up again. The same holds for a wrong guess.
    if let Some(code) = find(known, table, id, mark) {
        return code;
    }
    let code = count32(known.count());
    known.push_bytes(id);
    table.insert(mark);
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::column::Customer;
    use crate::kernel::hash::hash_of;

    /// The ids of two threads, interned in batches of three, and merged.
    fn merged(threads: [&[&str]; 2], order: Order) -> (Vec<String>, Vec<Vec<u32>>) {
        let mut codes = Vec::new();
        let dictionaries = threads.map(|ids| {
            let mut dictionary = Dictionary::texts();
            let ids: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes()).collect();
            let mut own = Vec::new();
            for batch in ids.chunks(3) {
                dictionary.intern_texts(batch, &mut own);
            }
            codes.push(own);
            dictionary
        });
        let context = RunContext::default();
        let (ranked, ranks) =
            RankedDictionary::merge(dictionaries.into(), order, &context).expect("no limit");
        let texts = (0..ranked.count()).map(|rank| match ranked.get(rank) {
            Id::Text(id) => id.to_owned(),
            Id::Int(_) => panic!("a text"),
        });
        let ranks = codes.iter().zip(ranks).map(|(codes, ranks)| {
            let of = codes.iter().map(|code| ranks[index(*code)]);
            of.collect()
        });
        (texts.collect(), ranks.collect())
    }

    #[test]
    fn ranks_are_in_the_order_of_ids_whichever_thread_met_them() {
        let (texts, ranks) = merged(
            [
                &["00b", "00a", "00b", "", "00"],
                &["00c", "00a", "00\u{e9}"],
            ],
            Order::Id,
        );
        assert_eq!(texts, ["", "00", "00a", "00b", "00c", "00\u{e9}"]);
        assert_eq!(ranks, [vec![3, 2, 3, 0, 1], vec![4, 2, 5]]);
    }

    #[test]
    fn texts_of_all_lengths_are_in_the_order_of_their_bytes() {
        let mut state = 7_u64;
        let mut below = |count: u64| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            usize::try_from((state >> 33) % count).expect("small")
        };
        for begin in ["", "all begin with this "] {
            let mut text = |_| {
                let length = [below(4), 13 + below(6), below(40)][below(3)];
                let letters = (0..length).map(|_| ["\0", "a", "b", "\u{ff}"][below(4)]);
                begin.to_owned() + &letters.collect::<String>()
            };
            let all: Vec<String> = (0..if cfg!(miri) { 60 } else { 2000 })
                .map(&mut text)
                .collect();
            let (a, b) = all.split_at(all.len() / 3);
            let threads = [a, b].map(|ids| ids.iter().map(String::as_str).collect::<Vec<_>>());
            let (texts, ranks) = merged([&threads[0], &threads[1]], Order::Id);
            let expected: std::collections::BTreeSet<&String> = all.iter().collect();
            assert!(texts.iter().eq(expected));
            let found = ranks.iter().flatten().map(|rank| &texts[index(*rank)]);
            assert!(found.eq(&all));
        }
    }

    #[test]
    fn ranks_by_hash_are_those_of_the_contract() {
        let (texts, _) = merged([&["a", "b"], &["c", "d", "a"]], Order::Hash);
        let mut expected = vec!["a", "b", "c", "d"];
        expected.sort_by_key(|id| hash_of(Customer::Text(id)));
        assert_eq!(texts, expected);
    }

    #[test]
    fn integers_are_ranked_by_value() {
        let mut dictionary = Dictionary::ints();
        let mut codes = Vec::new();
        dictionary.intern_ints([5, -1, i64::MAX, 5, i64::MIN].into_iter(), &mut codes);
        assert_eq!(codes, [0, 1, 2, 0, 3]);
        let context = RunContext::default();
        let dictionaries = vec![dictionary, Dictionary::ints()];
        let merged = RankedDictionary::merge(dictionaries, Order::Id, &context);
        let (ranked, ranks) = merged.expect("no limit");
        assert_eq!(ranks[0], [2, 1, 3, 0]);
        assert_eq!(ranked.get(0), Id::Int(i64::MIN));
        assert!(!ranked.has_texts());
    }

    #[test]
    fn many_ids_of_all_lengths_are_told_apart() {
        let ids: Vec<String> = (0..if cfg!(miri) { 200 } else { 20_000 })
            .map(|n| "x".repeat(n % 70) + &n.to_string())
            .collect();
        let bytes: Vec<&[u8]> = ids.iter().map(String::as_bytes).collect();
        let mut dictionary = Dictionary::texts();
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        dictionary.intern_texts(&bytes, &mut once);
        dictionary.intern_texts(&bytes, &mut twice);
        assert_eq!(once, twice);
        assert!(once.iter().copied().eq(0..count32(ids.len())));
    }
}
