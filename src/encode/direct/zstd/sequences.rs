//! The copies of a block: how many literals come before each, how long it is, and how far back it reads.
//!
//! **In / Out**: [`Sequence`]s → the sequences section of a block. **Format**: RFC 8878, 3.1.1.3.2. A number is a code,
//! which is written by a table of [`fse`](super::fse), and bits behind it. A table is the format's own where there are
//! few sequences, and made for them where there are many.

use super::bits::BitWriter;
use super::fse::{Shares, Table};
use crate::ids::{count32, index};

/// Some literals, then a copy; a length of 0 ends a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) literals: u32,
    pub(super) distance: u32,
    pub(super) length: u32,
}

/// From this number of sequences on, tables are made for them: a header takes some 10 bytes. *Guessed.*
const OWN_TABLE_MIN: usize = 64;

/// Codes of literals that stand for more than one number each: the first number, and the bits behind the code.
const LITERALS: [(u32, u32); 20] = ranges(
    16,
    [
        1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    ],
);
/// The same for lengths of copies, less the shortest.
const LENGTHS: [(u32, u32); 21] = ranges(
    32,
    [
        1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    ],
);

/// Ranges of numbers that follow each other, given the first number and the bits of each range.
const fn ranges<const COUNT: usize>(mut first: u32, bits: [u32; COUNT]) -> [(u32, u32); COUNT] {
    let mut ranges = [(0, 0); COUNT];
    let mut at = 0;
    while at < COUNT {
        ranges[at] = (first, bits[at]);
        first += 1 << bits[at];
        at += 1;
    }
    ranges
}

/// The shortest copy of the format.
pub(super) const LENGTH_MIN: u32 = 3;

/// Shares of the format's own tables (RFC 8878, 3.1.1.3.2.2), and the largest tables it allows.
const LITERALS_SHARES: [i32; 36] = [
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
    -1, -1, -1, -1,
];
const LENGTHS_SHARES: [i32; 53] = [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
];
const DISTANCES_SHARES: [i32; 29] = [
    1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
];

/// The last three distances of a frame, the newest first: a copy at one of them takes no bits for its distance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recent([u32; 3]);

impl Recent {
    /// Those of a frame that begins.
    pub(super) const START: Recent = Recent([1, 4, 8]);

    /// The number that stands for a distance, which is the newest then.
    fn number(&mut self, distance: u32, literals: u32) -> u32 {
        let Recent(recent) = self;
        // The newest cannot be meant where no literals are between two copies.
        let skipped = usize::from(literals == 0);
        let found = (skipped..3).find(|at| recent[*at] == distance);
        recent[..=found.unwrap_or(2)].rotate_right(1);
        recent[0] = distance;
        match found {
            Some(at) => count32(at + 1 - skipped),
            None => distance + 3,
        }
    }
}

/// A number as the format writes it.
#[derive(Clone, Copy, Debug, Default)]
struct Coded {
    code: u8,
    /// What the code leaves open, and how many bits that has.
    rest: u32,
    bits: u32,
}

impl Coded {
    /// A number of literals, or a length less the shortest: one of its own code, or one of the `ranges` of codes.
    fn of(number: u32, ranges: &[(u32, u32)]) -> Coded {
        let own = ranges[0].0;
        if number < own {
            return Coded {
                code: u8::try_from(number).expect("below 32"),
                ..Coded::default()
            };
        }
        let range = ranges.partition_point(|(first, _)| *first <= number) - 1;
        let (first, bits) = ranges[range];
        Coded {
            code: u8::try_from(index(own) + range).expect("at most 52"),
            rest: number - first,
            bits,
        }
    }

    /// A number of a distance.
    fn of_distance(number: u32) -> Coded {
        let bits = number.ilog2();
        Coded {
            code: u8::try_from(bits).expect("at most 31"),
            rest: number - (1 << bits),
            bits,
        }
    }
}

/// Tables of the format.
#[derive(Debug)]
pub(super) struct Tables {
    literals: Table,
    distances: Table,
    lengths: Table,
}

impl Tables {
    pub(super) fn new() -> Tables {
        Tables {
            literals: Shares::fixed(6, &LITERALS_SHARES).table(),
            distances: Shares::fixed(5, &DISTANCES_SHARES).table(),
            lengths: Shares::fixed(6, &LENGTHS_SHARES).table(),
        }
    }

    /// Appends the sequences section of a block. The last of `sequences` may be the end of a block, and is left out.
    pub(super) fn put(&self, sequences: &[Sequence], recent: &mut Recent, to: &mut Vec<u8>) {
        let copies = sequences.iter().filter(|sequence| sequence.length > 0);
        let coded: Vec<[Coded; 3]> = copies
            .map(|sequence| {
                let distance = recent.number(sequence.distance, sequence.literals);
                [
                    Coded::of(sequence.literals, &LITERALS),
                    Coded::of_distance(distance),
                    Coded::of(sequence.length - LENGTH_MIN, &LENGTHS),
                ]
            })
            .collect();
        put_count(coded.len(), to);
        if coded.is_empty() {
            return;
        }
        let modes = to.len();
        to.push(0);
        let fixed = [&self.literals, &self.distances, &self.lengths];
        let mut coders = [Coder::One, Coder::One, Coder::One];
        for (nth, log_max) in [9, 8, 9].into_iter().enumerate() {
            let codes = coded.iter().map(|coded| coded[nth].code);
            let (coder, mode) = Coder::new(codes, fixed[nth], log_max, to);
            to[modes] |= mode << (6 - 2 * nth);
            coders[nth] = coder;
        }
        put_bits(&coded, &coders, to);
    }
}

/// How codes are written.
enum Coder<'a> {
    /// All are the same: not at all.
    One,
    Fixed(&'a Table),
    Own(Table),
}

impl Coder<'_> {
    /// The coder for codes, and its mode. Appends what readers need to know of it.
    fn new<'a>(
        codes: impl ExactSizeIterator<Item = u8> + Clone,
        fixed: &'a Table,
        log_max: u32,
        to: &mut Vec<u8>,
    ) -> (Coder<'a>, u8) {
        let count = codes.len();
        let first = codes.clone().next().expect("at least one sequence");
        if codes.clone().all(|code| code == first) {
            to.push(first);
            return (Coder::One, 1);
        }
        if count < OWN_TABLE_MIN {
            return (Coder::Fixed(fixed), 0);
        }
        let mut counts = [0; 64];
        codes.for_each(|code| counts[usize::from(code)] += 1);
        let shares = Shares::of(&counts, log_max);
        shares.put_header(to);
        (Coder::Own(shares.table()), 2)
    }

    fn table(&self) -> Option<&Table> {
        match self {
            Coder::One => None,
            Coder::Fixed(table) => Some(table),
            Coder::Own(table) => Some(table),
        }
    }
}

/// Appends the number of sequences.
fn put_count(count: usize, to: &mut Vec<u8>) {
    let bytes = count.to_le_bytes();
    match count {
        0..128 => to.push(bytes[0]),
        128..0x7F00 => to.extend([bytes[1] + 128, bytes[0]]),
        // At least 3 bytes each of 128 KiB: fewer than 2^16.
        _ => {
            let [low, high, ..] = (count - 0x7F00).to_le_bytes();
            to.extend([255, low, high]);
        }
    }
}

/// Appends codes and their bits, of which readers take the last first.
fn put_bits(coded: &[[Coded; 3]], coders: &[Coder<'_>; 3], to: &mut Vec<u8>) {
    let mut bits = BitWriter::default();
    let mut states = [0; 3];
    let tables = coders.each_ref().map(Coder::table);
    for (nth, sequence) in coded.iter().rev().enumerate() {
        // Distances, lengths, literals.
        for column in [1, 2, 0] {
            if let Some(table) = tables[column] {
                let code = sequence[column].code;
                states[column] = match nth {
                    0 => table.start(code),
                    _ => table.put(states[column], code, &mut bits),
                };
            }
        }
        bits.flush();
        for column in [0, 2, 1] {
            bits.add(sequence[column].rest, sequence[column].bits);
            bits.flush();
        }
    }
    for column in [2, 1, 0] {
        if let Some(table) = tables[column] {
            table.end(states[column], &mut bits);
        }
    }
    bits.end(to);
}
