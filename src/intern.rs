//! Ids to numbers, while nobody knows yet which ids there are; then those numbers to ranks.
//!
//! **In / Out**: the ids of a batch → a code for each, dense from 0 in the order in which a thread
//! came across them ([`Interner`], one a thread); all interners → [`Ranked`]: dense ranks in the
//! order of ids or of their hashes, and for each interner the rank of each code.
//! **Invariants**: ranks depend on the set of ids alone, never on threads or the order of files.
//! An id is compared byte by byte before two are taken for one.
//! **Cost**: three passes over the ids of a batch, so that what one id waits for in memory others
//! wait for at the same time; per distinct id its bytes, 8 bytes of place and some 17 of table.
//! **Why so**: one table for all threads would be smaller, but each of its lines would go to and
//! fro between them; ranks are needed anyway, because the output is in their order.

use hashbrown::HashTable;
use rayon::slice::ParallelSliceMut;
use twox_hash::XxHash64;

use crate::column::{Customer, TextColumn};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::ids::{count32, count64, index};
use crate::keys::{Keys, SEED, hash_of, spread};

/// An id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Id<'a> {
    /// An integer of any width, widened.
    Int(i64),
    /// A text.
    Text(&'a str),
}

impl Id<'_> {
    /// Characters that it takes when written, about.
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
    /// The id at a place.
    pub(crate) fn get(&self, at: u32) -> Id<'_> {
        match self {
            Ids::Ints(ids) => Id::Int(ids[index(at)]),
            Ids::Texts(ids) => Id::Text(ids.get(index(at))),
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

/// The ids that one thread has come across.
#[derive(Debug)]
pub(crate) struct Interner {
    /// The ids, by code.
    ids: Ids,
    /// Codes by id, each with its hash.
    table: HashTable<(u64, u32)>,
    /// Bytes that the account knows of.
    charged: u64,
    /// Scratch: the hashes of a batch.
    hashes: Vec<u64>,
}

/// No code: there are less than 2^32 ids.
const NO_CODE: u32 = u32::MAX;

impl Interner {
    /// No ids yet; they will be integers.
    pub(crate) fn ints() -> Interner {
        Interner::of(Ids::Ints(Vec::new()))
    }

    /// No ids yet; they will be texts.
    pub(crate) fn texts() -> Interner {
        Interner::of(Ids::Texts(TextColumn::default()))
    }

    /// No ids yet.
    fn of(ids: Ids) -> Interner {
        Interner {
            ids,
            table: HashTable::new(),
            charged: 0,
            hashes: Vec::new(),
        }
    }

    /// Adds the code of each of some integers to `codes`.
    ///
    /// # Panics
    /// If the ids of this interner are texts.
    pub(crate) fn intern_ints(&mut self, ids: impl Iterator<Item = i64>, codes: &mut Vec<u32>) {
        let Ids::Ints(known) = &mut self.ids else {
            panic!("integers among texts");
        };
        codes.extend(ids.map(|id| {
            let hash = spread(id);
            let is_it = |entry: &(u64, u32)| entry.0 == hash && known[index(entry.1)] == id;
            if let Some((_, code)) = self.table.find(hash, is_it) {
                return *code;
            }
            let code = count32(known.len());
            known.push(id);
            self.table
                .insert_unique(hash, (hash, code), |entry| entry.0);
            code
        }));
    }

    /// Adds the code of each of some texts to `codes`.
    ///
    /// # Panics
    /// If the ids of this interner are integers, or `ids` are not UTF-8.
    pub(crate) fn intern_texts(&mut self, ids: &[&[u8]], codes: &mut Vec<u32>) {
        let Ids::Texts(known) = &mut self.ids else {
            panic!("texts among integers");
        };
        self.hashes.clear();
        let hashes = ids.iter().map(|id| XxHash64::oneshot(SEED, id));
        self.hashes.extend(hashes);
        // What has the same hash is the same text, but for an accident of one in 2^64: first all
        // are taken for that, then all are compared.
        let start = codes.len();
        codes.extend(self.hashes.iter().map(|hash| {
            let found = self.table.find(*hash, |entry| entry.0 == *hash);
            found.map_or(NO_CODE, |entry| entry.1)
        }));
        for ((id, hash), code) in ids.iter().zip(&self.hashes).zip(&mut codes[start..]) {
            if *code == NO_CODE || known.bytes(index(*code)) != *id {
                *code = add(known, &mut self.table, id, *hash);
            }
        }
    }

    /// Tells the account what the ids have come to take; gives how much that is more than before.
    ///
    /// # Errors
    /// If the memory of the job is used up.
    pub(crate) fn charge(&mut self, control: &Control) -> Result<u64> {
        let bytes = self.bytes();
        let more = bytes.saturating_sub(self.charged);
        if more > 0 {
            self.charged = bytes;
            control.charge(more)?;
        }
        Ok(more)
    }

    /// Whether the ids are texts.
    pub(crate) fn has_texts(&self) -> bool {
        matches!(self.ids, Ids::Texts(_))
    }

    /// Gives the memory back to the account.
    pub(crate) fn release(self, control: &Control) {
        control.release(self.charged);
    }

    /// Bytes of memory.
    fn bytes(&self) -> u64 {
        let ids = match &self.ids {
            Ids::Ints(ids) => count64(ids.capacity() * size_of::<i64>()),
            Ids::Texts(ids) => ids.memory(),
        };
        ids + count64(self.table.allocation_size())
    }
}

/// The code of a text that may be known, or may not.
#[cold]
fn add(known: &mut TextColumn, table: &mut HashTable<(u64, u32)>, id: &[u8], hash: u64) -> u32 {
    let is_it = |entry: &(u64, u32)| entry.0 == hash && known.bytes(index(entry.1)) == id;
    if let Some((_, code)) = table.find(hash, is_it) {
        return *code;
    }
    let code = count32(known.count());
    known.push(std::str::from_utf8(id).expect("texts are checked where they are read"));
    table.insert_unique(hash, (hash, code), |entry| entry.0);
    code
}

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
pub(crate) struct Ranked {
    /// The ids of each thread.
    lists: Vec<Ids>,
    /// By rank: which thread had the id, and its code there.
    places: Vec<(u32, u32)>,
    /// Bytes of memory that the account knows of.
    charged: u64,
}

impl Ranked {
    /// Ranks the ids of all threads; also gives the rank of each code, thread by thread.
    ///
    /// # Errors
    /// If there are 2^32 ids or more, or the memory of the job is used up.
    pub(crate) fn merge(
        interners: Vec<Interner>,
        order: Order,
        control: &Control,
    ) -> Result<(Ranked, Vec<Vec<u32>>)> {
        let (mut lists, mut charged) = (Vec::new(), 0);
        for interner in interners {
            let table = count64(interner.table.allocation_size());
            control.release(table.min(interner.charged));
            charged += interner.charged.saturating_sub(table);
            lists.push(interner.ids);
        }
        let all: usize = lists.iter().map(Ids::count).sum();
        if u32::try_from(all).is_err() {
            return Err(Error::settings(format!(
                "{all} different ids; there is room for less than 2^32"
            )));
        }
        let scratch = count64(all * size_of::<(u64, u32, u32)>());
        let kept = count64(all * size_of::<(u64, u32)>());
        control.charge(scratch + kept)?;
        let ranked = rank(lists, order);
        control.release(scratch);
        let (lists, places, ranks) = ranked;
        charged += kept;
        let ranked = Ranked {
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
    pub(crate) fn release(self, control: &Control) {
        control.release(self.charged);
    }
}

/// Ids, places by rank, and ranks by list and code.
type RankedLists = (Vec<Ids>, Vec<(u32, u32)>, Vec<Vec<u32>>);

/// Sorts all ids, and numbers those that differ.
fn rank(lists: Vec<Ids>, order: Order) -> RankedLists {
    let prefix = match order {
        Order::Id => common_prefix(&lists),
        Order::Hash => 0,
    };
    let key_of = |id: Id<'_>| match (order, id) {
        (Order::Id, Id::Int(id)) => id.cast_unsigned() ^ (1 << 63),
        (Order::Id, Id::Text(id)) => head(&id.as_bytes()[prefix..]),
        (Order::Hash, Id::Int(id)) => hash_of(Customer::Int(id)),
        (Order::Hash, Id::Text(id)) => hash_of(Customer::Text(id)),
    };
    let mut entries = Vec::with_capacity(lists.iter().map(Ids::count).sum());
    for (list, ids) in (0..).zip(&lists) {
        entries.extend((0..count32(ids.count())).map(|at| (key_of(ids.get(at)), list, at)));
    }
    let id_of = |entry: &(u64, u32, u32)| lists[index(entry.1)].get(entry.2);
    entries.par_sort_unstable_by(|a, b| {
        // The list last, so that it is always the same one that an id is kept in.
        let by_id = || id_of(a).cmp(&id_of(b)).then(a.1.cmp(&b.1));
        a.0.cmp(&b.0).then_with(by_id)
    });
    let mut ranks: Vec<Vec<u32>> = lists.iter().map(|ids| vec![0; ids.count()]).collect();
    let mut places: Vec<(u32, u32)> = Vec::with_capacity(entries.len());
    let mut last: Option<&(u64, u32, u32)> = None;
    for entry in &entries {
        if last.is_none_or(|last| last.0 != entry.0 || id_of(last) != id_of(entry)) {
            places.push((entry.1, entry.2));
            last = Some(entry);
        }
        ranks[index(entry.1)][index(entry.2)] = count32(places.len() - 1);
    }
    (lists, places, ranks)
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
    all.fold(first.len(), |prefix, id| {
        if id.starts_with(&first[..prefix]) {
            return prefix;
        }
        let same = id.iter().zip(&first[..prefix]);
        same.take_while(|(a, b)| a == b).count()
    })
}

/// The first 8 bytes of a text as a number that sorts as they do.
fn head(text: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let length = text.len().min(8);
    bytes[..length].copy_from_slice(&text[..length]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ids of two threads, interned in batches of three, and merged.
    fn merged(threads: [&[&str]; 2], order: Order) -> (Vec<String>, Vec<Vec<u32>>) {
        let mut codes = Vec::new();
        let interners = threads.map(|ids| {
            let mut interner = Interner::texts();
            let ids: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes()).collect();
            let mut own = Vec::new();
            for batch in ids.chunks(3) {
                interner.intern_texts(batch, &mut own);
            }
            codes.push(own);
            interner
        });
        let control = Control::default();
        let (ranked, ranks) = Ranked::merge(interners.into(), order, &control).expect("no limit");
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
    fn ranks_by_hash_are_those_of_the_contract() {
        let (texts, _) = merged([&["a", "b"], &["c", "d", "a"]], Order::Hash);
        let mut expected = vec!["a", "b", "c", "d"];
        expected.sort_by_key(|id| hash_of(Customer::Text(id)));
        assert_eq!(texts, expected);
    }

    #[test]
    fn integers_are_ranked_by_value() {
        let mut interner = Interner::ints();
        let mut codes = Vec::new();
        interner.intern_ints([5, -1, i64::MAX, 5, i64::MIN].into_iter(), &mut codes);
        assert_eq!(codes, [0, 1, 2, 0, 3]);
        let control = Control::default();
        let interners = vec![interner, Interner::ints()];
        let merged = Ranked::merge(interners, Order::Id, &control);
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
        let mut interner = Interner::texts();
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        interner.intern_texts(&bytes, &mut once);
        interner.intern_texts(&bytes, &mut twice);
        assert_eq!(once, twice);
        assert!(once.iter().copied().eq(0..count32(ids.len())));
    }
}
