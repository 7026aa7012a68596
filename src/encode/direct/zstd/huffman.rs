//! Huffman codes of the literals of a page.
//!
//! **In / Out**: the literals of a page → a code for each of its bytes, the tree as a frame holds it, and the
//! streams of literals. One tree serves all blocks of a page, where libzstd makes one for each: most of
//! what its coder takes. **Format**: RFC 8878, 4.2.

use super::bits::BitWriter;
use super::fse::Shares;
use crate::ids::{count64, index, index64};

/// Bits of the longest code: a bound of the format.
const BITS_MAX: usize = 11;
/// Literals from which on there are four streams, which readers decode at once.
const FOUR_STREAMS_MIN: usize = 256;
/// Symbols of a tree whose weights may be written in 4 bits each.
const PLAIN_WEIGHTS_MAX: usize = 128;

/// The code of a byte.
#[derive(Clone, Copy, Debug, Default)]
struct Code {
    bits: u16,
    length: u8,
}

/// Codes of bytes.
#[derive(Debug)]
pub(super) struct Huffman {
    codes: [Code; 256],
    /// The tree as it is written before the first literals that use it.
    tree: Vec<u8>,
}

impl Huffman {
    /// Codes for the literals of a page; none if they do not get shorter, or are one byte again and again.
    pub(super) fn of(literals: &[u8]) -> Option<Huffman> {
        let counts = counts(literals);
        let lengths = lengths(&counts)?;
        let coded: u64 = std::iter::zip(&counts, lengths)
            .map(|(count, length)| u64::from(*count) * u64::from(length))
            .sum();
        let longest = *lengths.iter().max().expect("256 bytes");
        let tree = tree(&lengths, longest)?;
        let bytes = count64(tree.len()) + coded / 8;
        (bytes < count64(literals.len())).then(|| Huffman {
            codes: codes(&lengths, longest),
            tree,
        })
    }

    /// The tree.
    pub(super) fn tree(&self) -> &[u8] {
        &self.tree
    }

    /// Appends literals as one or four streams, of which four begin with a table of their lengths.
    pub(super) fn put(&self, literals: &[u8], to: &mut Vec<u8>) {
        if is_one_stream(literals.len()) {
            self.put_stream(literals, to);
            return;
        }
        let table = to.len();
        to.extend_from_slice(&[0; 6]);
        for (nth, part) in literals.chunks(literals.len().div_ceil(4)).enumerate() {
            let start = to.len();
            self.put_stream(part, to);
            if nth < 3 {
                let length = u16::try_from(to.len() - start).expect("a block is at most 128 KiB");
                to[table + 2 * nth..][..2].copy_from_slice(&length.to_le_bytes());
            }
        }
    }

    /// Appends a stream, which is read from its end: the last literal comes first.
    fn put_stream(&self, literals: &[u8], to: &mut Vec<u8>) {
        let start = to.len();
        // The longest code has 11 bits; a word is written at once, and the next begins in it.
        to.resize(
            start + literals.len() * BITS_MAX / 8 + 2 * size_of::<u64>(),
            0,
        );
        let room = &mut to[start..];
        let (mut open, mut count, mut at) = (0_u64, 0, 0);
        let mut put = |literals: &[u8]| {
            for literal in literals.iter().rev() {
                let code = self.codes[usize::from(*literal)];
                open |= u64::from(code.bits) << count;
                count += u32::from(code.length);
            }
            room[at..at + 8].copy_from_slice(&open.to_le_bytes());
            at += index(count / 8);
            open >>= count & !7;
            count &= 7;
        };
        // 55 bits, and 7 that are left from before.
        let chunks = literals.rchunks_exact(5);
        let rest = chunks.remainder();
        chunks.for_each(&mut put);
        put(rest);
        // The mark by which readers find the end.
        room[at..at + 8].copy_from_slice(&(open | 1 << count).to_le_bytes());
        to.truncate(start + at + 1);
    }
}

/// Whether literals are of one stream.
pub(super) fn is_one_stream(literals: usize) -> bool {
    literals < FOUR_STREAMS_MIN
}

/// How often each byte occurs.
fn counts(literals: &[u8]) -> [u32; 256] {
    // Four tables: an addition does not wait for the one before, if the byte is the same.
    let mut tables = [[0_u32; 256]; 4];
    let chunks = literals.chunks_exact(4);
    for byte in chunks.remainder() {
        tables[0][usize::from(*byte)] += 1;
    }
    for chunk in chunks {
        for (byte, table) in chunk.iter().zip(&mut tables) {
            table[usize::from(*byte)] += 1;
        }
    }
    std::array::from_fn(|byte| tables.iter().map(|table| table[byte]).sum())
}

/// The length of the code of each byte, 0 for those that do not occur; none if fewer than two do.
fn lengths(counts: &[u32; 256]) -> Option<[u8; 256]> {
    let mut bytes: Vec<u64> = (0_u64..)
        .zip(counts)
        .filter(|(_, count)| **count > 0)
        .map(|(byte, count)| u64::from(*count) << 8 | byte)
        .collect();
    if bytes.len() < 2 {
        return None;
    }
    bytes.sort_unstable();
    let mut of_length = bounded(depths(&bytes));
    let mut lengths = [0; 256];
    // The rarest get the longest.
    let mut length = BITS_MAX;
    for byte in bytes {
        while of_length[length] == 0 {
            length -= 1;
        }
        of_length[length] -= 1;
        lengths[index64(byte & 0xFF)] = u8::try_from(length).expect("at most 11");
    }
    Some(lengths)
}

/// How many leaves of Huffman's tree lie at each depth, those below [`BITS_MAX`] counted there. `bytes` is in
/// ascending order of counts, which are above the low 8 bits.
fn depths(bytes: &[u64]) -> [u32; BITS_MAX + 1] {
    let leaves = bytes.len();
    // Two queues, both ascending: leaves, and nodes as they are made.
    let mut weights: Vec<u64> = bytes.iter().map(|byte| byte >> 8).collect();
    let mut parents = vec![0; 2 * leaves - 1];
    let (mut leaf, mut node) = (0, leaves);
    while weights.len() < 2 * leaves - 1 {
        let made = weights.len();
        let mut weight = 0;
        for _ in 0..2 {
            let of_leaf = leaf < leaves && (node == made || weights[leaf] <= weights[node]);
            let next = if of_leaf { &mut leaf } else { &mut node };
            weight += weights[*next];
            parents[*next] = made;
            *next += 1;
        }
        weights.push(weight);
    }
    let mut depths = vec![0; 2 * leaves - 1];
    let mut of_length = [0; BITS_MAX + 1];
    // The root is last, and each parent behind its children.
    for node in (0..2 * leaves - 2).rev() {
        depths[node] = depths[parents[node]] + 1;
        if node < leaves {
            of_length[depths[node].min(BITS_MAX)] += 1;
        }
    }
    of_length
}

/// Numbers of codes by length, changed so that they make a full tree: codes that were longer than the longest
/// take the room of others.
fn bounded(mut of_length: [u32; BITS_MAX + 1]) -> [u32; BITS_MAX + 1] {
    let room = |length: usize| 1_i64 << (BITS_MAX - length);
    let taken: i64 = (1..=BITS_MAX)
        .map(|length| i64::from(of_length[length]) * room(length))
        .sum();
    let mut excess = taken - room(0);
    while excess > 0 {
        // 256 codes of the longest do not fill the tree, so some code is shorter.
        let length = (1..BITS_MAX)
            .rev()
            .find(|length| of_length[*length] > 0)
            .expect("a shorter code");
        of_length[length] -= 1;
        of_length[length + 1] += 1;
        excess -= room(length + 1);
    }
    while excess < 0 {
        // The room that is left is a multiple of what the longest code takes.
        let length = (1..=BITS_MAX)
            .rev()
            .find(|length| of_length[*length] > 0)
            .expect("some code");
        of_length[length] -= 1;
        of_length[length - 1] += 1;
        excess += room(length);
    }
    of_length
}

/// Codes by their lengths: the longest come first, and among those of a length that of the lowest byte.
fn codes(lengths: &[u8; 256], longest: u8) -> [Code; 256] {
    let mut of_length = [0_u16; BITS_MAX + 1];
    for length in lengths.iter().filter(|length| **length > 0) {
        of_length[usize::from(*length)] += 1;
    }
    let mut next = [0_u16; BITS_MAX + 1];
    for length in (1..usize::from(longest)).rev() {
        next[length] = (next[length + 1] + of_length[length + 1]) >> 1;
    }
    lengths.map(|length| {
        let next = &mut next[usize::from(length)];
        let bits = *next;
        *next += u16::from(length > 0);
        Code { bits, length }
    })
}

/// The tree: a weight for each byte but the last that occurs, which follows from the others. None if the
/// format has no way to write it.
fn tree(lengths: &[u8; 256], longest: u8) -> Option<Vec<u8>> {
    let last = lengths.iter().rposition(|length| *length > 0)?;
    let weights: Vec<u8> = lengths[..last]
        .iter()
        .map(|length| {
            if *length == 0 {
                0
            } else {
                longest + 1 - length
            }
        })
        .collect();
    let coded = coded_weights(&weights);
    let plain = (last <= PLAIN_WEIGHTS_MAX).then(|| plain_weights(&weights));
    match (coded, plain) {
        (Some(coded), Some(plain)) if coded.len() < plain.len() => Some(coded),
        (coded, None) => coded,
        (_, plain) => plain,
    }
}

/// Weights of 4 bits.
fn plain_weights(weights: &[u8]) -> Vec<u8> {
    let count = u8::try_from(weights.len()).expect("at most 128");
    let pairs = weights.chunks(2);
    let pairs = pairs.map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0));
    std::iter::once(127 + count).chain(pairs).collect()
}

/// Weights by FSE, in two streams that take turns.
fn coded_weights(weights: &[u8]) -> Option<Vec<u8>> {
    let mut counts = [0; BITS_MAX + 2];
    for weight in weights {
        counts[usize::from(*weight)] += 1;
    }
    if counts.iter().filter(|count| **count > 0).count() < 2 {
        return None;
    }
    let shares = Shares::of(&counts, 6);
    let table = shares.table();
    let mut tree = vec![0];
    shares.put_header(&mut tree);
    let mut bits = BitWriter::default();
    // The streams' own states, by whether a weight's place is odd.
    let mut states = [None; 2];
    for (at, weight) in weights.iter().enumerate().rev() {
        let state = &mut states[at % 2];
        *state = Some(match *state {
            None => table.start(*weight),
            Some(state) => table.put(state, *weight, &mut bits),
        });
        bits.flush();
    }
    for state in [states[1]?, states[0]?] {
        table.end(state, &mut bits);
    }
    bits.end(&mut tree);
    // From 128 on the first byte means plain weights.
    tree[0] = u8::try_from(tree.len() - 1)
        .ok()
        .filter(|bytes| *bytes < 128)?;
    Some(tree)
}
