//! Texts to codes: a table of hashes, each as near as can be to where it says, and the mark of each code.
//!
//! **Invariants**: at most three of four slots are taken, so that a look mostly ends where it began, or
//! beside it.
//! **Why so**: a look waits for memory and for little else. Here it is known where that will be before
//! anything is compared, so that many are waited for at once ([`TextTable::touch`]); and eight slots share a
//! line of memory, as the marks of those texts do that are met first, which most that follow are.
//! In a table of hashbrown that held marks each was waited for in turn, which took twice as long.

use super::mark::Mark;
use crate::ids::{count32, count64, index};

/// No code: there are less than 2^32 ids.
pub(crate) const NO_CODE: u32 = u32::MAX;
/// Slots of the smallest table that holds something.
const SLOTS_MIN: usize = 64;

/// A place for a text.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// The upper half of its hash.
    tag: u32,
    /// Its code; [`NO_CODE`] where there is no text.
    code: u32,
}

/// Codes by text; a code is the number of texts that were there before.
#[derive(Debug)]
pub(crate) struct TextTable {
    /// A power of two of them, or none.
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

    /// Has the memory brought near in which some texts will be looked for.
    #[inline]
    pub(crate) fn touch(&self, marks: &[Mark]) {
        if !self.slots.is_empty() {
            let tags = marks
                .iter()
                .map(|mark| self.slots[self.first(mark.hash())].tag);
            // Nothing depends on it but that it is read.
            std::hint::black_box(tags.fold(0, |all, tag| all | tag));
        }
    }

    /// The code of the text with a mark, or by accident, of one in 2^32, of one that is near it; or
    /// [`NO_CODE`].
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

    /// The code of a text with a mark of which `is_it` holds.
    #[inline]
    pub(crate) fn find(&self, mark: Mark, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let code = self.search(mark, |code| self.mark(code) == mark && is_it(code));
        (code != NO_CODE).then_some(code)
    }

    /// The code of a text whose hash has the same upper half, and of which `is_it` holds, or [`NO_CODE`].
    #[inline]
    fn search(&self, mark: Mark, is_it: impl Fn(u32) -> bool) -> u32 {
        if self.slots.is_empty() {
            return NO_CODE;
        }
        let hash = mark.hash();
        let (tag, mut at) = (tag_of(hash), self.first(hash));
        loop {
            let slot = self.slots[at];
            if slot.code == NO_CODE || (slot.tag == tag && is_it(slot.code)) {
                return slot.code;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// Adds a text that is not there; its code is that of one more.
    pub(crate) fn insert(&mut self, mark: Mark) {
        self.marks.push(mark);
        if 3 * self.slots.len() < 4 * self.marks.len() {
            let count = (2 * self.slots.len()).max(SLOTS_MIN);
            let free = Slot {
                tag: 0,
                code: NO_CODE,
            };
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

    /// The slot in which a text with a hash is looked for first, if there are slots.
    #[inline]
    fn first(&self, hash: u64) -> usize {
        let last = count64(self.slots.len() - 1);
        usize::try_from(hash & last).expect("slots are in memory")
    }

    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        let slots = self.slots.capacity() * size_of::<Slot>();
        count64(slots + self.marks.capacity() * size_of::<Mark>())
    }
}

/// The upper half of a hash, whose lower bits say where a look begins.
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
            assert_eq!(table.find(*mark, |of| of == code), Some(code));
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
            assert_eq!(table.find(mark, |of| of == code), Some(code));
        }
    }
}
