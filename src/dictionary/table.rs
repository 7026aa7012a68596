//! A hash table from texts to codes, with linear probing, and the mark of each code.
//!
//! **Invariants**: at most three of four slots are taken, so that a lookup mostly ends in the first slot
//! or the next.
//! **Why so**: a lookup waits for memory and for little else. The first slot is known before anything is
//! compared, so a batch can prefetch ([`TextTable::touch`]). Eight slots share a cache line, and so do
//! the marks of the texts that occur first, which are the most frequent ones. A hashbrown table of marks
//! waited for each lookup in turn, and measured twice as slow.

use super::mark::Mark;
use crate::ids::{count32, count64, index};

/// No code; there are less than 2^32 ids.
pub(crate) const NO_CODE: u32 = u32::MAX;
/// Slots of the smallest table that is not empty.
const SLOTS_MIN: usize = 64;

/// A slot of the table.
#[derive(Clone, Copy, Debug)]
// Without the mark: slots of 24 bytes were tried, and a quarter of them lie on two cache lines.
struct Slot {
    /// The upper half of the text's hash.
    tag: u32,
    /// The text's code; [`NO_CODE`] if the slot is free.
    code: u32,
}

/// Codes by text; a code is the number of texts that were added before.
#[derive(Debug)]
pub(crate) struct TextTable {
    /// The slots: a power of two, or none.
    slots: Vec<Slot>,
    /// The marks of all codes.
    marks: Vec<Mark>,
}

impl TextTable {
    /// No texts yet.
    pub(crate) fn new() -> TextTable {
        TextTable {
            slots: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// Prefetches the first slots of some texts.
    #[inline]
    pub(crate) fn touch(&self, marks: &[Mark]) {
        if !self.slots.is_empty() {
            let tags = marks
                .iter()
                .map(|mark| self.slots[self.first(mark.hash())].tag);
            // The value does not matter, only the loads do.
            std::hint::black_box(tags.fold(0, |all, tag| all | tag));
        }
    }

    /// The code of the first text with the same upper half of the hash, or [`NO_CODE`]. It may be the
    /// code of another text, with a chance of one in 2^32 for each slot that is read.
    #[inline]
    pub(crate) fn guess(&self, mark: Mark) -> u32 {
        self.search(mark, |_| true)
    }

    /// The marks of all codes.
    pub(crate) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The mark of a code.
    #[inline]
    pub(crate) fn mark(&self, code: u32) -> Mark {
        self.marks[index(code)]
    }

    /// The code of a text with this mark for which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, mark: Mark, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let code = self.search(mark, |code| self.mark(code) == mark && is_it(code));
        (code != NO_CODE).then_some(code)
    }

    /// The code of a text whose hash has the same upper half and for which `is_it` holds, or [`NO_CODE`].
    #[inline]
    fn search(&self, mark: Mark, is_it: impl Fn(u32) -> bool) -> u32 {
        if self.slots.is_empty() {
            return NO_CODE;
        }
        let hash = mark.hash();
        let (tag, mut at) = (tag_of(hash), self.first(hash));
        // Ends, as a quarter of the slots is free. A tag that matches by chance is found out by
        // `is_it`, or, after a guess, by the caller.
        loop {
            let slot = self.slots[at];
            if slot.code == NO_CODE || (slot.tag == tag && is_it(slot.code)) {
                return slot.code;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// Adds a new text with the next code.
    pub(crate) fn insert(&mut self, mark: Mark) {
        self.marks.push(mark);
        if 3 * self.slots.len() < 4 * self.marks.len() {
            let count = (2 * self.slots.len()).max(SLOTS_MIN);
            let free = Slot {
                tag: 0,
                code: NO_CODE,
            };
            // Placed anew from the marks alone: the old slots are not read, and all texts are known
            // to differ, so none is compared.
            self.slots = vec![free; count];
            (0..count32(self.marks.len())).for_each(|code| self.place(code));
        } else {
            self.place(count32(self.marks.len() - 1));
        }
    }

    /// Puts a text into the next free slot.
    fn place(&mut self, code: u32) {
        let hash = self.mark(code).hash();
        let mut at = self.first(hash);
        while self.slots[at].code != NO_CODE {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = Slot {
            tag: tag_of(hash),
            code,
        };
    }

    /// The first slot of a lookup. The table must not be empty.
    #[inline]
    fn first(&self, hash: u64) -> usize {
        // The number of slots is a power of two, so this masks the lower bits. The tag has the
        // upper ones, and so still differs for texts that share a slot.
        let last = count64(self.slots.len() - 1);
        usize::try_from(hash & last).expect("slots are in memory")
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        let slots = self.slots.capacity() * size_of::<Slot>();
        count64(slots + self.marks.capacity() * size_of::<Mark>())
    }
}

/// The upper half of a hash; the lower bits choose the first slot.
#[inline]
fn tag_of(hash: u64) -> u32 {
    u32::try_from(hash >> 32).expect("half of 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_found_and_nothing_else() {
        let mut table = TextTable::new();
        let mark = |at: u32| Mark::new(at.to_string().as_bytes());
        let marks: Vec<Mark> = (0..500).map(mark).collect();
        for (mark, code) in marks.iter().zip(0..) {
            table.touch(&marks);
            assert_eq!(table.guess(*mark), NO_CODE);
            table.insert(*mark);
            assert_eq!((table.guess(*mark), table.mark(code)), (code, *mark));
            assert!(4 * table.marks.len() <= 3 * table.slots.len());
        }
        for (mark, code) in marks.iter().zip(0..) {
            assert_eq!(table.find(*mark, |found| found == code), Some(code));
            assert_eq!(table.find(*mark, |_| false), None);
        }
        assert_eq!(table.slots.len(), 1024);
    }

    #[test]
    fn texts_with_one_mark_are_told_apart_by_what_is_asked_of_them() {
        let mut table = TextTable::new();
        let mark = Mark::new(b"a text of more than sixteen bytes");
        (0..40).for_each(|_| table.insert(mark));
        for code in 0..40 {
            assert_eq!(table.find(mark, |found| found == code), Some(code));
        }
    }
}
