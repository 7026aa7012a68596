//! Finite state entropy, the code of lengths and distances, and of the weights of Huffman trees.
//!
//! **In / Out**: how often each symbol occurs → a table, its header, and the bits of symbols.
//! **Format**: RFC 8878, 4.1. A symbol has as many states as its share of the table, and the state before
//! tells which of them is next; symbols are written last first, as readers take them in the other order.

use super::bits::BitWriter;
use crate::ids::{count32, index};

/// The smallest table, as the base 2 logarithm of its states.
pub(super) const LOG_MIN: u32 = 5;

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    /// The base 2 logarithm of the number of states.
    log: u32,
    /// States by symbol, and within a symbol in the order of the table; counted from the number of states on.
    states: Vec<u32>,
    /// By symbol.
    symbols: Vec<Symbol>,
}

/// How a symbol is written.
#[derive(Clone, Copy, Debug)]
struct Symbol {
    /// Added to a state, it has the number of bits to write above its low 16.
    bits: u32,
    /// Added to what is left of the state then, it is the place of the next state. Modulo 2^32.
    place: u32,
    /// The place of its first state.
    first: u32,
}

/// The symbols of a page, or of a format's own table, in shares of a table.
#[derive(Debug)]
pub(super) struct Shares {
    log: u32,
    /// States of each symbol; -1 for a symbol with one state at the end of the table.
    shares: Vec<i32>,
}

impl Shares {
    /// Shares as a format has them.
    pub(super) fn fixed(log: u32, shares: &[i32]) -> Shares {
        Shares {
            log,
            shares: shares.to_vec(),
        }
    }

    /// Shares of symbols by how often each occurs, in a table of at most 2^`log_max` states.
    ///
    /// There are at least two symbols, and no more than states.
    pub(super) fn of(counts: &[u32], log_max: u32) -> Shares {
        let total: u32 = counts.iter().sum();
        let symbols = count32(counts.iter().filter(|count| **count > 0).count());
        // As large as the numbers bear, and so large that no symbol takes more than it should.
        let useful = total.ilog2().saturating_sub(2).max(symbols.ilog2() + 2);
        let log = useful.clamp(LOG_MIN, log_max);
        let size = 1_i64 << log;
        let mut shares: Vec<i32> = counts
            .iter()
            .map(|count| {
                let share = i64::from(*count) * size / i64::from(total);
                i32::try_from(share.max(i64::from(*count > 0))).expect("at most the states")
            })
            .collect();
        // What rounding left goes to the most frequent; what it took is taken from it.
        loop {
            let left = size - shares.iter().map(|share| i64::from(*share)).sum::<i64>();
            let most = shares.iter_mut().max().expect("two symbols or more");
            if left >= 0 {
                *most += i32::try_from(left).expect("at most the states");
                return Shares { log, shares };
            }
            *most -= 1;
        }
    }

    /// Writes them as the header of a table (RFC 8878, 4.1.1).
    pub(super) fn put_header(&self, to: &mut Vec<u8>) {
        let mut header = BitWriter::default();
        header.add(self.log - LOG_MIN, 4);
        let mut left = (1 << self.log) + 1;
        let (mut threshold, mut bits) = (1 << self.log, self.log + 1);
        let mut shares = self.shares.iter().peekable();
        while left > 1 {
            let share = *shares.next().expect("shares make up the table");
            // Numbers below `fewer` have a bit less.
            let fewer = 2 * threshold - 1 - left;
            left -= share.abs();
            let mut number = share + 1;
            if number >= threshold {
                number += fewer;
            }
            let short = u32::from(number < fewer);
            header.add(number.unsigned_abs(), bits - short);
            header.flush();
            if share == 0 {
                // How many more there are, three at a time.
                let mut zeros = 0;
                while shares.next_if(|share| **share == 0).is_some() {
                    zeros += 1;
                    if zeros == 3 {
                        header.add(3, 2);
                        header.flush();
                        zeros = 0;
                    }
                }
                header.add(zeros, 2);
            }
            while left < threshold {
                bits -= 1;
                threshold >>= 1;
            }
        }
        header.end_header(to);
    }

    /// The table.
    pub(super) fn table(&self) -> Table {
        let size = 1_u32 << self.log;
        // Symbols by state: those with -1 from the end, all others at steps of five eighths of the table.
        let mut by_state = vec![0_usize; index(size)];
        let mut high = size;
        for (symbol, share) in self.shares.iter().enumerate() {
            if *share < 0 {
                high -= 1;
                by_state[index(high)] = symbol;
            }
        }
        let step = (size >> 1) + (size >> 3) + 3;
        let mut at = 0;
        for (symbol, share) in self.shares.iter().enumerate() {
            for _ in 0..*share {
                by_state[index(at)] = symbol;
                at = (at + step) & (size - 1);
                while at >= high {
                    at = (at + step) & (size - 1);
                }
            }
        }
        let mut symbols = Vec::with_capacity(self.shares.len());
        let mut next = Vec::with_capacity(self.shares.len());
        let mut first = 0_u32;
        for share in &self.shares {
            // A symbol that does not occur is never written.
            let states = share.unsigned_abs().max(1);
            let bits = self.log - (states - 1).max(1).ilog2();
            symbols.push(Symbol {
                // A state below `states << bits` has a bit less.
                bits: (bits << 16) - (states << bits),
                place: first.wrapping_sub(states),
                first,
            });
            next.push(first);
            first += share.unsigned_abs();
        }
        let mut states = vec![0; index(size)];
        for (state, symbol) in (size..).zip(by_state) {
            states[index(next[symbol])] = state;
            next[symbol] += 1;
        }
        Table {
            log: self.log,
            states,
            symbols,
        }
    }
}

impl Table {
    /// The state of a stream whose last symbol is this one.
    pub(super) fn start(&self, symbol: u8) -> u32 {
        self.states[index(self.symbols[usize::from(symbol)].first)]
    }

    /// Writes a symbol before those of a state: the next state.
    pub(super) fn put(&self, state: u32, symbol: u8, to: &mut BitWriter) -> u32 {
        let symbol = self.symbols[usize::from(symbol)];
        let bits = (state + symbol.bits) >> 16;
        to.add(state & ((1 << bits) - 1), bits);
        self.states[index((state >> bits).wrapping_add(symbol.place))]
    }

    /// Writes the state that a reader begins with.
    pub(super) fn end(&self, state: u32, to: &mut BitWriter) {
        to.add(state & ((1 << self.log) - 1), self.log);
    }
}
