//! A page as LZ77 sequences: literals and copies.
//!
//! **In / Out**: calls of [`LiteralsAndCopies::literal`] and [`LiteralsAndCopies::copy`] in the order of
//! the page → [`Op`]s and one buffer of literals, from which `lz4` and `zstd` write compressed bytes
//! without a match search. The page itself is never materialized.
//! **Invariants**: every copy is of at least [`COPY_MIN`] bytes and reaches back at most to the
//! first byte of the page; the ops cover the page without gaps.

/// The shortest copy, as of LZ4. Shorter ones become literals.
pub(crate) const COPY_MIN: usize = 4;

/// Some literals, then a copy of what lies `distance` bytes back (none if `length` is 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Op {
    /// Where the literals start among all literals of the page.
    pub(crate) literal_start: usize,
    /// The number of literals.
    pub(crate) literals: usize,
    /// How far back the copy reads.
    pub(crate) distance: usize,
    /// How long it is.
    pub(crate) length: usize,
}

/// The page that is being written. Reused from page to page.
#[derive(Debug, Default)]
pub(crate) struct LiteralsAndCopies {
    /// All literals of the page, one after the other.
    literals: Vec<u8>,
    /// Closed ops; literals after the last of them are open.
    ops: Vec<Op>,
    /// The offset in the page at which each op starts.
    starts: Vec<usize>,
    /// The index of the first open literal.
    open: usize,
    /// Bytes of the page that closed ops cover.
    closed: usize,
}

impl LiteralsAndCopies {
    /// Starts an empty page.
    pub(crate) fn clear(&mut self) {
        self.literals.clear();
        self.ops.clear();
        self.starts.clear();
        (self.open, self.closed) = (0, 0);
    }

    /// Bytes of the page so far.
    pub(crate) fn len(&self) -> usize {
        self.closed + (self.literals.len() - self.open)
    }

    /// All literals.
    pub(crate) fn literals(&self) -> &[u8] {
        &self.literals
    }

    /// Appends literal bytes.
    pub(crate) fn literal(&mut self, bytes: &[u8]) {
        self.literals.extend_from_slice(bytes);
    }

    /// The literals, to append to.
    pub(crate) fn literals_mut(&mut self) -> &mut Vec<u8> {
        &mut self.literals
    }

    /// Appends a copy of the bytes `distance` back; it may overlap its source.
    ///
    /// # Panics
    /// If there is nothing at that distance.
    pub(crate) fn copy(&mut self, distance: usize, length: usize) {
        assert!((1..=self.len()).contains(&distance), "nothing lies there");
        if let Some(last) = self.ops.last_mut()
            && last.distance == distance
            && self.open == self.literals.len()
        {
            // A copy that continues the last one: rows that share a history become one op.
            last.length += length;
            self.closed += length;
        } else if length < COPY_MIN {
            // Byte by byte: the source may be in copies, and may overlap what is written here.
            for _ in 0..length {
                let byte = self.byte_at(self.len() - distance);
                self.literals.push(byte);
            }
        } else {
            let literals = self.literals.len() - self.open;
            self.starts.push(self.closed);
            self.ops.push(Op {
                literal_start: self.open,
                literals,
                distance,
                length,
            });
            self.closed += literals + length;
            self.open = self.literals.len();
        }
    }

    /// The ops up to an offset of the page, cut there; the last has no copy.
    pub(crate) fn ops_until(&self, end: usize) -> impl Iterator<Item = Op> {
        debug_assert!(end <= self.len());
        let last = Op {
            literal_start: self.open,
            literals: self.literals.len() - self.open,
            distance: 0,
            length: 0,
        };
        let starts = self.starts.iter().copied().chain([self.closed]);
        let ops = self.ops.iter().copied().chain([last]).zip(starts);
        ops.take_while(move |(_, start)| *start < end)
            .map(move |(mut op, start)| {
                op.literals = op.literals.min(end - start);
                // No underflow: the literals are at most `end - start` now.
                op.length = op.length.min(end - start - op.literals);
                op
            })
    }

    /// A byte of the page, found by following copies back to its literal.
    pub(crate) fn byte_at(&self, mut at: usize) -> u8 {
        if at >= self.closed {
            return self.literals[self.open + (at - self.closed)];
        }
        // The first op starts at 0, so some op starts at or before `at`. Each step goes back, and
        // the first op can only copy its own literals, so the loop ends.
        let mut found = self.starts.partition_point(|start| *start <= at) - 1;
        loop {
            let within = at - self.starts[found];
            let op = self.ops[found];
            if within < op.literals {
                return self.literals[op.literal_start + within];
            }
            // An overlapping copy repeats the last `distance` bytes before it.
            let copied = within - op.literals;
            at -= copied - copied % op.distance + op.distance;
            // Mostly the op before: a linear scan beats a binary search.
            while self.starts[found] > at {
                found -= 1;
            }
        }
    }

    /// The whole page, materialized: for blocks that do not get smaller, and for tests.
    pub(crate) fn expand(&self) -> Vec<u8> {
        let mut page: Vec<u8> = Vec::with_capacity(self.len());
        for op in self.ops_until(self.len()) {
            let literals = op.literal_start..op.literal_start + op.literals;
            page.extend_from_slice(&self.literals[literals]);
            let (from, end) = (page.len() - op.distance, page.len() + op.length);
            while page.len() < end {
                // An overlapping copy doubles: what it has just written is a source for the rest.
                let there = from..page.len().min(from + (end - page.len()));
                page.extend_from_within(there);
            }
        }
        page
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A page of random literals and copies, with its bytes as a byte-by-byte reading has them.
    pub(in crate::encode) fn random(seed: u64, ops: u64) -> (LiteralsAndCopies, Vec<u8>) {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut number = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % 0xFFFF_FFFF).expect("32 bits") % below
        };
        let (mut stream, mut page) = (LiteralsAndCopies::default(), Vec::new());
        // Miri is a thousand times slower.
        let far = if cfg!(miri) { 700 } else { 60_000 };
        for _ in 0..ops {
            let alphabet = 1 + number(255);
            let lengths = [1, 3, 20, 300, far / 2];
            let literals = lengths[number(5)];
            for _ in 0..number(literals) {
                let byte = u8::try_from(number(alphabet)).expect("a byte");
                stream.literal(&[byte]);
                page.push(byte);
            }
            if !page.is_empty() {
                let reach = page.len().min([1, 5, far / 15, far][number(4)]);
                let longest = [5, 70, far / 6, far * 6][number(4)];
                let (distance, length) = (1 + number(reach), number(longest));
                stream.copy(distance, length);
                for _ in 0..length {
                    page.push(page[page.len() - distance]);
                }
            }
        }
        (stream, page)
    }

    #[test]
    fn a_stream_is_the_bytes_it_says() {
        for seed in 0..if cfg!(miri) { 14 } else { 200 } {
            let (stream, page) = random(seed, seed % 9);
            assert_eq!(stream.len(), page.len());
            assert!(stream.expand() == page, "seed {seed}");
            for at in (0..page.len()).step_by(1 + page.len() / 50) {
                assert_eq!(stream.byte_at(at), page[at], "seed {seed}");
            }
        }
    }

    #[test]
    fn ops_cut_anywhere_cover_what_is_before() {
        let (stream, page) = random(7, 8);
        for end in (0..=page.len()).step_by(1 + page.len() / if cfg!(miri) { 20 } else { 300 }) {
            let covered: usize = stream
                .ops_until(end)
                .map(|op| op.literals + op.length)
                .sum();
            assert_eq!(covered, end);
        }
    }

    #[test]
    #[should_panic(expected = "nothing lies there")]
    fn a_copy_of_nothing_is_refused() {
        let mut stream = LiteralsAndCopies::default();
        stream.literal(b"abc");
        stream.copy(4, 9);
    }
}
